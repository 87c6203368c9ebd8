# SPDX-License-Identifier: Apache-2.0
"""The other sides of the comparison, behind the same nginx: the distribution's php-fpm, and our
own pool without its cage.

Each gets a virtual host made from ours, word for word, with its own name, folder and socket, and
a control group of the same depth beside our tenants, without limits."""
import glob
import os
import pathlib
import re
import shutil
import signal
import subprocess

from bench.load import get
from tests.lib import procs
from tests.lib.procs import wait_until

UID = 1899999990
LIMIT_S = 60
PAGES = pathlib.Path(__file__).resolve().parent / "pages"


class Beside:
    """What stands beside a System: folders, groups and virtual hosts."""

    def __init__(self, system, model):
        """MODEL is a site of the system that is warm: its host and its groups are copied."""
        self.system, self.model = system, model
        self.folder = system.folder / "peer"
        self.folder.mkdir(mode=0o755)
        self.hosts = system.folder / "etc/beside"
        self.hosts.mkdir()
        conf = system.folder / "etc/nginx.conf"
        text = conf.read_text().rstrip()
        assert text.endswith("}"), text
        conf.write_text(f"{text[:-1]}\tinclude {self.hosts}/*.conf;\n}}\n")
        master = system.status(model)["master_pid"]
        self.made = []
        self.groups = [line.split(":", 2) for line in procs.read(master, "cgroup").splitlines()
                       if system.name in line]

    def home(self, name):
        """A folder with the pages, as a site has it."""
        home = self.folder / name
        shutil.copytree(PAGES, home / "public")
        for path in (home, home / "public"):
            path.chmod(0o755)
        return home

    def add_host(self, name, home, socket):
        """Lets nginx serve NAME from this socket; the text is the model's."""
        facts = self.system.show(self.model)
        text = pathlib.Path(facts["vhost"]).read_text()
        for ours, theirs in ((f"server_name {self.model};", f"server_name {name};"),
                             (facts["home"] + "/", f"{home}/"), (facts["socket"], str(socket)),
                             (f"from={self.system.folder}/srv;", f"from={self.folder};")):
            assert ours in text, (ours, text)
            text = text.replace(ours, theirs)
        (self.hosts / f"{name}.conf").write_text(text)

    def remove_host(self, name):
        (self.hosts / f"{name}.conf").unlink()

    def reload(self):
        os.kill(self.system.pid("nginx"), signal.SIGHUP)

    def wait(self, name):
        wait_until(lambda: self.answers(name), LIMIT_S, f"{name} answers")

    def answers(self, name):
        try:
            return get(self.system.port, name)[1] == 200
        except OSError:
            return False

    def join(self, label, pid):
        """Moves a process into a group of its own, as deep as a tenant's."""
        for number, controllers, path in self.groups:
            if number == "0" and any(each[0] != "0" for each in self.groups):
                continue        # a bare v2 tree beside v1
            top = "/sys/fs/cgroup" if number == "0" else \
                "/sys/fs/cgroup/" + controllers.split(",")[0].removeprefix("name=")
            # As deep as tenants/N/gK.
            group = pathlib.Path(top + re.sub(r"/tenants/.*$", f"/bench/{label}/g1", path))
            for each in (group.parent.parent, group.parent):
                self.make_group(each)
                if number == "0":
                    (each / "cgroup.subtree_control").write_text("+cpu +memory +pids")
            self.make_group(group)
            (group / "cgroup.procs").write_text(str(pid))

    def make_group(self, path):
        if not path.exists():
            path.mkdir()
            self.made.append(path)

    def close(self):
        """Removes the groups; whoever was in them has ended."""
        for path in reversed(self.made):
            path.rmdir()


def program():
    """The distribution's php-fpm of the version that we link."""
    found = sorted(glob.glob("/usr/sbin/php-fpm8*"))
    assert found, "php-fpm is missing; packaging/packages.sh bench installs it"
    return found[-1]


class Fpm:
    """One php-fpm master with its pools; OPcache as the distribution sets it (on)."""

    def __init__(self, beside, label):
        self.beside, self.label = beside, label
        self.folder = beside.folder / f"fpm-{label}"
        self.pools = self.folder / "pools"
        self.pools.mkdir(parents=True)
        self.folder.chmod(0o755)
        self.process = None

    def add_pool(self, name, workers, pm="static"):
        """Writes a pool and its virtual host."""
        home, socket = self.beside.home(name), self.folder / f"{name}.sock"
        (self.pools / f"{name}.conf").write_text(
            f"[{name}]\nuser = {UID}\ngroup = {UID}\nlisten = {socket}\nlisten.mode = 0666\n"
            f"pm = {pm}\npm.max_children = {workers}\npm.process_idle_timeout = 1s\n")
        self.beside.add_host(name, home, socket)

    def remove_pool(self, name):
        (self.pools / f"{name}.conf").unlink()
        self.beside.remove_host(name)
        shutil.rmtree(self.beside.folder / name)

    def start(self):
        (self.folder / "fpm.conf").write_text(
            f"[global]\ndaemonize = no\npid = {self.folder}/pid\n"
            f"error_log = {self.folder}/log\ninclude = {self.pools}/*.conf\n")
        self.process = subprocess.Popen([program(), "-y", self.folder / "fpm.conf"],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.beside.join(self.label, self.process.pid)
        return self

    def reload(self):
        self.process.send_signal(signal.SIGUSR2)

    def workers(self):
        return procs.children(self.process.pid)

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(LIMIT_S)
        self.process = None
