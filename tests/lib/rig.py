# SPDX-License-Identifier: Apache-2.0
"""tenantd alone: no nginx, no tenant-control, and helpers that a test may replace by scripts.
The test plays the service manager, with its store of descriptors, and control.

    with Rig() as rig:
        number = rig.add("site.example")
        assert rig.status(number)["pool_state"] == "cold"
"""
import functools
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import textwrap
import threading

import pytest

from tests.lib import procs
from tests.lib.builder import CONTROL_UID, LOG_UID, MAIL_UID

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEAD = struct.Struct("=IHHIIIiII")
MAGIC = 0x544e5457
VERSION = int(re.search(r"#define WIRE_VERSION (\d+)", (ROOT / "schema/wire.h").read_text())[1])
REPLY, STEP, MORE = 1, 2, 4
LIMIT_S = 60
HEARD = "X_HEARD"       # the test's own word to the manager
STATUS = struct.Struct("=IIiIqQQQIii4xQQQQQQQQQQIII4x10Q256s256s256s256s")
STATUS_NAMES = ("pool_state generation master_pid processes since starts crashes listener_replaced"
                " backoff_s workers active memory_current memory_max memory_oom_kill"
                " memory_max_hit pids_current pids_max pids_max_hit cpu_usage_us cpu_nr_throttled"
                " cpu_throttled_us is_adopted listen_queue network disk_used disk_max inodes_used inodes_max"
                " sent_bytes sent_packets received_bytes received_packets refused_packets"
                " violations violation_calls network_reason last_end last_error").split()
STATES = {1: "cold", 2: "starting", 3: "warm", 4: "draining", 5: "backoff"}

# What every scripted pool begins with: the descriptors of tenant-jail.
POOL_HEAD = """#!/usr/bin/python3
import os, signal, socket, struct, sys, time
listener = socket.socket(fileno=3)
reports = socket.socket(fileno=5)
def report(kind, workers=0, active=0, text=b""):
    reports.send(struct.pack("=Iii4xQ240s", kind, workers, active, 0, text))
READY, FAILED, LEAVING, NUMBERS = 1, 2, 3, 4
def serve(count=10**9):
    while count > 0:
        peer, _ = listener.accept()
        peer.sendall(b"pid %d" % os.getpid() + b" " + (peer.recv(100) or b""))
        peer.close()
        count -= 1
if not os.read(7, 1):
    sys.exit(1)
# As tenant-jail would have it.
spec = os.pread(4, 28, 0)
uid, = struct.unpack_from("=I", spec, 20)
os.setgroups([]); os.setgid(uid); os.setuid(uid)
"""
# Two pools: one that serves, and one that also finishes what waits and leaves, when it is asked to.
SERVE = "report(READY)\nserve()\n"
QUIT = """
asked = []
signal.signal(signal.SIGQUIT, lambda *_: asked.append(1))
report(READY)
listener.settimeout(0.1)
while True:
    try:
        serve(1)
    except TimeoutError:
        if asked:
            sys.exit(0)
"""


@functools.cache
def rows(table, macro):
    """{name: number} of a table of schema/."""
    text = (ROOT / "schema" / table).read_text()
    return {m.group(1): int(m.group(2))
            for m in re.finditer(rf"^{macro}\(([A-Z_]+),\s+(\d+),", text, re.M)}


@functools.cache
def default_options(build):
    """The bytes of struct options and {name: (offset, is_text)}, by the build's own code."""
    source = r"""
        #include <stdio.h>
        #include "schema/options.h"
        int main(void) {
            struct options o;
            options_default(&o);
            for (int i = 0; i < OPTION_IDS; i++)
                printf("%s %zu %d\n", option_rows[i].name, option_rows[i].offset,
                       option_size(&option_rows[i]) > 8);
            putchar('\n');
            return fwrite(&o, sizeof(o), 1, stdout) != 1;
        }"""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["cc", "-D_GNU_SOURCE", "-I", str(ROOT), "-I", str(build), "-x", "c", "-",
                        "-x", "none", str(build / "libschema.a"), str(build / "libbase.a"),
                        "-o", folder + "/a"], input=source, text=True, check=True)
        text, _, data = subprocess.run([folder + "/a"], check=True,
                                       stdout=subprocess.PIPE).stdout.partition(b"\n\n")
    words = [line.split() for line in text.decode().splitlines()]
    return data, {name: (int(offset), is_text == "1") for name, offset, is_text in words}


class Refused(Exception):
    """A reply with a code."""

    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")
        self.code, self.text = code, text


class Client:
    """A connection to supervisor.sock."""

    def __init__(self, rig, hello=True):
        self.rig, self.serial = rig, 0
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(90)
        self.sock.connect(str(rig.run / "supervisor.sock"))
        if hello:
            self.ask("HELLO")

    def send(self, verb, number=0, payload=b"", flags=0):
        self.serial += 1
        self.sock.send(HEAD.pack(MAGIC, VERSION, rows("verbs.def", "VERB")[verb], flags,
                                 self.serial, number, 0, len(payload), 0) + payload)
        return self.serial

    def receive(self):
        """(head as dict, payload), or None at the end."""
        frame = self.sock.recv(65536)
        if not frame:
            return None
        head = dict(zip("magic version verb flags serial number code size revision".split(),
                        HEAD.unpack_from(frame)))
        return head, frame[HEAD.size:]

    def answer(self, serial):
        """(head, payload, names of steps) of the reply to a serial."""
        steps = []
        while True:
            got = self.receive()
            assert got, "the supervisor closed the connection"
            head, payload = got
            if head["serial"] != serial:
                continue
            if head["flags"] & STEP:
                steps.append(payload[:32].split(b"\0")[0].decode())
                continue
            if head["code"]:
                raise Refused(head["code"], payload.rstrip(b"\0").decode())
            return head, payload, steps

    def ask(self, verb, number=0, payload=b""):
        return self.answer(self.send(verb, number, payload))

    def close(self):
        self.sock.close()


class Rig:
    def __init__(self, conf="", env=None):
        self.build = pathlib.Path(os.environ.get("BUILD") or ROOT / "build/plain").resolve()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tenantd-rig.", dir="/run"))
        self.folder.chmod(0o755)
        self.name = self.folder.name
        self.run, self.state = self.folder / "run", self.folder / "lib"
        self.log = self.folder / "log"
        self.libexec = self.folder / "libexec"
        missing = os.environ.get("TENANT_MUTANT")       # of tests/mutants
        self.env = {**({"TENANT_MUTANT": missing} if missing else {}), **(env or {})}
        for each in (self.run, self.libexec):
            each.mkdir(mode=0o755)
        for program in self.build.iterdir():
            if program.name.startswith("tenant-"):
                (self.libexec / program.name).symlink_to(program)
        (self.libexec / "php").symlink_to(self.build / "php")
        self.script("tenant-nginx", f"""
            import socket, struct, sys
            s = socket.socket(fileno=4)
            s.send(struct.pack("=IHHIIIiII", 0x544e5457, {VERSION}, 3, 1, 0, 0, 0, 0, 0))
            """)
        (self.folder / "conf").write_text(
            f"home_dir = {self.folder}/srv\nstate_dir = {self.state}\nrun_dir = {self.run}\n"
            f"log_dir = {self.log}\nlibexec_dir = {self.libexec}\ncontrol_user = {CONTROL_UID}\n"
            f"log_user = {LOG_UID}\nmail_user = {MAIL_UID}\nadmin_group = 0\nlog_group = 0\nweb_group = 0\n"
            f"nginx_listen = 127.0.0.1:1\ncgroup_name = {self.name}\nnet_table = {self.name}\n"
            f"net_enabled = no\n{conf}")
        self.store = {}         # the service manager's: name -> descriptor
        self.said = []          # what tenantd told it
        self.tree = self.process = self.client = None
        self.errors = open(self.folder / "stderr", "w+b")

    # ---- life ----------------------------------------------------------------
    def __enter__(self):
        self.lock, self.is_over, self.has_heard = threading.Lock(), False, threading.Event()
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(self.folder / "notify"))
        self.manager.settimeout(0.2)
        self.listener = threading.Thread(target=self.listen)
        self.listener.start()
        try:
            self.tree = subprocess.Popen([self.build / "tenant-tree", "-r", self.run,
                                          "-n", self.name], stderr=self.errors)
            procs.wait_until((self.run / "tree").exists, LIMIT_S, "tenant-tree is ready")
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            print(self.messages())
        left = self.stop()
        if kind is None:
            assert not left, left

    def stop(self):
        """Stops all, however far the start came; returns what was left behind, in words."""
        helpers = {}
        if self.process and self.process.poll() is None:
            helpers = procs.handles(procs.children(self.process.pid))
            self.process.terminate()
            self.process.wait(LIMIT_S + 10)
        if self.client:
            self.client.close()
        if self.tree:
            self.tree.terminate()
            self.tree.wait(LIMIT_S)
        self.is_over = True
        self.listener.join()
        self.manager.close()
        self.forget()
        self.errors.close()
        left = procs.end_those(helpers)     # they may still write to the folder
        shutil.rmtree(self.folder)
        return left + procs.leaks(str(self.folder), self.name)

    def start(self, wait=True):
        """Starts tenantd with what is in the store, as systemd would."""
        self.hear()
        names = list(self.store)
        environment = {"NOTIFY_SOCKET": str(self.folder / "notify"), **self.env}

        def place():
            high = [os.dup2(self.store[name], 500 + i) for i, name in enumerate(names)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)
            os.closerange(3 + len(names), 600)
            if names:
                os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(names)),
                                  LISTEN_FDNAMES=":".join(names))
            os.execve(self.build / "tenantd", ["tenantd", "-c", str(self.folder / "conf"),
                                               "-x", str(self.libexec)],
                      {**{k: v for k, v in os.environ.items() if k.startswith("LISTEN_")},
                       **environment})
        self.process = subprocess.Popen(["/bin/true"], preexec_fn=place, close_fds=False,
                                        stderr=self.errors, stdin=subprocess.DEVNULL)
        if wait:
            procs.wait_until(lambda: "READY=1" in self.said or self.process.poll() is not None, LIMIT_S, "tenantd is ready")
            assert self.process.poll() is None, self.messages()
            self.client = Client(self)

    def listen(self):
        """The service manager's side of NOTIFY_SOCKET, in a thread."""
        while not self.is_over:
            try:
                text, fds, _, _ = socket.recv_fds(self.manager, 4096, 16)
            except TimeoutError:
                continue
            words = dict(line.split("=", 1) for line in text.decode().splitlines())
            with self.lock:
                if HEARD in words:
                    self.said = []
                    self.has_heard.set()
                    continue
                if "FDSTORE" in words:
                    self.store[words["FDNAME"]] = fds[0]
                elif "FDSTOREREMOVE" in words and words["FDNAME"] in self.store:
                    os.close(self.store.pop(words["FDNAME"]))
                self.said += text.decode().splitlines()

    def hear(self):
        """Until the manager has heard all that was said so far, and may forget it: systemd, too, keeps what
        a service stored last before it starts it again."""
        self.has_heard.clear()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(f"{HEARD}=1".encode(), str(self.folder / "notify"))
        assert self.has_heard.wait(LIMIT_S)

    def forget(self):
        """Empties the store."""
        with self.lock:
            for fd in self.store.values():
                os.close(fd)
            self.store.clear()

    def end(self, sig=signal.SIGTERM):
        """Ends tenantd alone."""
        self.process.send_signal(sig)
        status = self.process.wait(LIMIT_S + 10)
        self.hear()
        self.client.close()
        return status

    def restart(self, sig=signal.SIGKILL, keep_store=True):
        self.end(sig)
        if not keep_store:
            self.forget()
        self.start()

    def messages(self):
        return (self.folder / "stderr").read_bytes().decode(errors="replace")

    # ---- helpers ---------------------------------------------------------------
    def script(self, program, body, head="#!/usr/bin/python3\n"):
        """Replaces a helper by a script, at once."""
        path = self.libexec / program
        new = path.with_name(program + ".new")
        new.write_text(head + textwrap.dedent(body))
        new.chmod(0o755)
        new.rename(path)

    def pool(self, body):
        """Replaces tenant-jail by a scripted pool."""
        self.script("tenant-jail", body, POOL_HEAD)

    def original(self, program):
        (self.libexec / program).unlink()
        (self.libexec / program).symlink_to(self.build / program)

    # ---- control ---------------------------------------------------------------
    def tenant(self, site, suspended=False, revision=1, **options):
        """The bytes of struct wire_tenant."""
        data, fields = default_options(self.build)
        data = bytearray(data)
        for name, value in options.items():
            offset, is_text = fields[name]
            if is_text:
                data[offset:offset + 96] = value.encode().ljust(96, b"\0")
            else:
                struct.pack_into("=Q", data, offset, value)
        head = bytearray(536)
        head[0:len(site)] = site.encode()
        struct.pack_into("=H", head, 510, suspended)
        struct.pack_into("=Q", head, 520, revision)
        return bytes(head) + bytes(64 * 254) + bytes(data)

    def add(self, site, **options):
        head, _, _ = self.client.ask("ISSUE", 0, self.tenant(site, **options))
        self.apply(head["number"], site, **options)
        return head["number"]

    def apply(self, number, site, **options):
        return self.client.ask("APPLY", number, self.tenant(site, **options))

    def status(self, number):
        _, payload, _ = self.client.ask("STATUS", number)
        status = dict(zip(STATUS_NAMES, STATUS.unpack(payload)))
        status["pool_state"] = STATES[status["pool_state"]]
        for name in ("last_end", "last_error"):
            status[name] = status[name].split(b"\0")[0].decode()
        return status

    def list(self):
        """{number: (generation, revision, is_suspended, state)}"""
        _, payload, _ = self.client.ask("LIST", 0, struct.pack("=II", 0, 0))
        found = struct.iter_unpack("=IIQHHI", payload)
        return {n: (g, r, s, STATES[state]) for n, g, r, s, state, _ in found}

    def wait_state(self, number, state, seconds=LIMIT_S):
        return procs.wait_until(
            lambda: (now := self.status(number))["pool_state"] == state and now, seconds,
            f"{number} is {state}")

    # ---- visitor ---------------------------------------------------------------
    def path(self, number):
        return self.run / "pool" / str(number) / "php.sock"

    def connect(self, number):
        visitor = socket.socket(socket.AF_UNIX)
        visitor.settimeout(LIMIT_S)
        visitor.connect(str(self.path(number)))
        return visitor

    def visit(self, number):
        """What a scripted pool answers."""
        with self.connect(number) as visitor:
            visitor.sendall(b"hello")
            return visitor.recv(100)

    def warm_up(self, number):
        """A visit, after which tenantd knows as well that the pool is ready; its status."""
        assert self.visit(number) == b"pid 1 hello"
        return self.wait_state(number, "warm")

    def waits(self):
        """The seconds of all back-offs so far."""
        return [int(s) for s in re.findall(r"event=pool\.backoff .*seconds=(\d+)",
                                           self.messages())]

    def cgroup_folders(self, number):
        """Folders of a tenant in all hierarchies, with its generations."""
        found = []
        for top, folders, _ in os.walk("/sys/fs/cgroup"):
            if top.endswith(f"{self.name}/tenants/{number}"):
                found += [top] + [f"{top}/{each}" for each in folders]
        return found

    def pids(self, number):
        return procs.in_cgroup(rf"/{self.name}/tenants/{number}(/|$)")


def cpu_seconds(pid):
    words = procs.read(pid, "stat").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


# ---- fixtures, for who imports them ------------------------------------------
@pytest.fixture
def rig():
    with Rig() as made:
        made.pool(SERVE)
        yield made


@pytest.fixture
def tenant(rig):
    return rig.add("site.example")
