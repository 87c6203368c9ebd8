# SPDX-License-Identifier: Apache-2.0
"""tenant-build and tenant-nginx alone, as the supervisor runs them, with a private nginx.

    with Builder() as b:
        number = b.issue("site.example")
        b.apply(number, "site.example", memory_max="64M")
        b.start_nginx()
"""
import contextlib
import functools
import http.client
import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import tempfile
import time

import pytest

from tests.lib import procs

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONTROL_UID, LOG_UID, MAIL_UID = 1899999998, 1899999997, 1899999996
UID_BASE = 1900000000

NGINX_CONF = """
user www-data;
pid {0}/nginx.pid;
error_log {0}/nginx-error.log;
worker_processes 2;
events {{ worker_connections 256; }}
http {{
	include /etc/nginx/mime.types;
	default_type application/octet-stream;
	access_log off;
	client_body_temp_path {0}/body;
	proxy_temp_path {0}/proxy;
	fastcgi_temp_path {0}/fastcgi;
	uwsgi_temp_path {0}/uwsgi;
	scgi_temp_path {0}/scgi;
	include {0}/more.conf*;
	include {0}/state/nginx/sites/*.conf;
}}
"""


def reserve_port():
    """A socket on a free port of 127.0.0.1, which nobody gets who asks for any.  nginx, which names it,
    may listen there all the same: both say SO_REUSEADDR, and this one does not listen."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder


@functools.cache
def build_driver(build):
    """The helper that packs jobs; `make unit` has built it, or it is built now."""
    driver = build / "tests/root/build_driver"
    if not driver.exists():
        subprocess.run(["make", "-s", f"B={os.path.relpath(build, ROOT)}",
                        os.path.relpath(driver, ROOT)], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL)
    return driver


class Reply:
    """The last frame of a job: code, text, number, nginx, more; steps and rows before it."""

    def __init__(self, status, lines):
        self.status, self.steps, self.rows = status, [], []
        self.code, self.text = None, ""
        for line in lines:
            if line.startswith("step="):
                self.steps.append(re.match(r"step=(\S+)", line).group(1))
            elif line.startswith("row="):
                self.rows.append(tuple(re.match(r"row=(\d+) state=(\d) kept=(\d) site=(.*)",
                                                line).groups()))
            elif line.startswith("reply="):
                found = re.match(r"reply=\S+ code=(\d+) number=(\d+) nginx=(\d+) more=(\d)"
                                 r"(?: text=(.*))?", line)
                self.code, self.number, self.nginx, self.more = map(int, found.groups()[:4])
                self.text = found.group(5) or ""


class Builder:
    def __init__(self, conf="", env=None):
        self.build = pathlib.Path(os.environ.get("BUILD") or ROOT / "build/plain").resolve()
        self.driver = build_driver(self.build)     # before there is anything to clean up
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="builder.", dir="/tmp"))
        self.folder.chmod(0o755)
        self.env = dict(os.environ, **(env or {}))
        self.reserved = reserve_port()
        self.port = self.reserved.getsockname()[1]
        self.homes, self.state = self.folder / "homes", self.folder / "state"
        self.run, self.log = self.folder / "run", self.folder / "log"
        self.conf = self.folder / "tenantd.conf"
        self.usual = (f"home_dir = {self.homes}\nstate_dir = {self.state}\nrun_dir = {self.run}\n"
                      f"log_dir = {self.log}\ncontrol_user = {CONTROL_UID}\n"
                      f"log_user = {LOG_UID}\nmail_user = {MAIL_UID}\nadmin_group = 0\n"
                      f"libexec_dir = {self.build}\n"
                      f"nginx_listen = 127.0.0.1:{self.port}\n"
                      f"nginx_conf = {self.folder}/nginx.conf\nnginx_prefix = {self.folder}\n"
                      f"nginx_pid = {self.folder}/nginx.pid\n")
        self.conf.write_text(self.usual + conf)
        (self.folder / "nginx.conf").write_text(NGINX_CONF.format(self.folder))

    def __enter__(self):
        done = self.settings()
        assert done.returncode == 0, done.stderr
        return self

    def __exit__(self, *_):
        self.stop_nginx()
        self.reserved.close()
        shutil.rmtree(self.folder)

    # ---- tenant-build ----------------------------------------------------------
    def settings(self, conf=None):
        """tenant-build settings; the record goes to the file `record`."""
        with open(self.folder / "record", "wb") as record:
            def place():
                os.dup2(record.fileno(), 3)
                os.set_inheritable(3, True)
            return subprocess.run([str(self.build / "tenant-build"), "settings",
                                   str(conf or self.conf)], preexec_fn=place, close_fds=False,
                                  text=True, capture_output=True, env=self.env, timeout=60)

    def job(self, verb, number, site, *words, **options):
        done = subprocess.run(
            [str(self.driver), str(self.build / "tenant-build"), str(self.folder / "record"),
             verb, str(number), site, *words, *(f"{k}={v}" for k, v in options.items())],
            text=True, capture_output=True, env=self.env, timeout=60)
        assert done.returncode < 98 or done.returncode > 128, done.stderr
        self.stderr = done.stderr
        return Reply(done.returncode, done.stdout.splitlines())

    def must(self, *words, **options):
        reply = self.job(*words, **options)
        assert reply.code == 0, f"{words}: {reply.code} {reply.text} {self.stderr}"
        return reply

    def issue(self, site, *words, **options):
        return self.must("issue", 0, site, *words, **options).number

    def apply(self, number, site, *words, **options):
        return self.must("apply", number, site, *words, **options)

    def add(self, site, *words, **options):
        number = self.issue(site, *words, **options)
        reply = self.apply(number, site, *words, **options)
        return number, reply

    def live(self, site, *words, **options):
        """Added, and taken by nginx."""
        number, reply = self.add(site, *words, **options)
        self.must_swap(reply.nginx)
        return number

    def ledger(self):
        """{number: (state, is_kept, site)}"""
        rows, after = {}, 0
        while True:
            reply = self.must("ledger", 0, "x.y", after=after)
            rows.update({int(r[0]): (int(r[1]), int(r[2]), r[3]) for r in reply.rows})
            if not reply.more:
                return rows
            after = max(rows)

    # ---- tenant-nginx ----------------------------------------------------------
    def swap(self, revision, program=None):
        """tenant-nginx; returns a Reply, or one without code if it was killed."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs, open(self.folder / "record", "rb") as record:
            low, high = os.dup(record.fileno()), os.dup(theirs.fileno())

            def place():
                first, second = os.dup2(low, 60), os.dup2(high, 61)
                os.dup2(first, 3)
                os.dup2(second, 4)
                os.closerange(5, 64)
            child = subprocess.Popen([str(program or self.build / "tenant-nginx"), str(revision)],
                                     preexec_fn=place, close_fds=False, env=self.env)
            os.close(low)
            os.close(high)
            theirs.close()
            ours.settimeout(100)
            frame = ours.recv(4096)
            status = child.wait(30)
        reply = Reply(status if status >= 0 else 128 - status, [])
        if frame:
            reply.code = int.from_bytes(frame[20:24], "little", signed=True)
            reply.nginx = int.from_bytes(frame[28:32], "little")
            reply.text = frame[32:].rstrip(b"\0").decode()
        return reply

    def must_swap(self, revision):
        reply = self.swap(revision)
        assert reply.code == 0, f"{reply.text}\n{self.nginx_log()}"
        return reply

    # ---- nginx -----------------------------------------------------------------
    def start_nginx(self):
        # It goes to the background first and writes the file then; one that was killed
        # leaves its own.
        (self.folder / "nginx.pid").unlink(missing_ok=True)
        subprocess.run(["/usr/sbin/nginx", "-p", str(self.folder), "-c",
                        str(self.folder / "nginx.conf"), "-e", str(self.folder / "nginx-error.log")],
                       check=True, timeout=60)
        # It writes the file before it takes its title, by which it is known; so are its workers, which a
        # swap waits for to leave.
        procs.wait_until(lambda: "nginx: master" in procs.read(self.nginx_pid(), "cmdline"), 60, "nginx")
        procs.wait_until(lambda: len(self.nginx_workers()) == 2, 60, "its workers")
        return self

    def nginx_workers(self):
        return [pid for pid in procs.children(self.nginx_pid())
                if "nginx: worker process" in procs.read(pid, "cmdline")]

    def nginx_pid(self):
        try:
            return int((self.folder / "nginx.pid").read_text())
        except (OSError, ValueError):
            return None

    def nginx_log(self):
        log = self.folder / "nginx-error.log"
        return log.read_text() if log.exists() else ""

    def stop_nginx(self, sig=15):
        pid = self.nginx_pid()
        if pid is None or not os.path.exists(f"/proc/{pid}"):
            return
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(pid, sig)
        end = time.monotonic() + 60
        while any(os.path.exists(f"/proc/{p}") for p in (pid, *children)):
            if sig == 9:
                for child in children:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(child), 9)
            assert time.monotonic() < end, "nginx did not stop"
            time.sleep(0.02)

    def get(self, host, path="/", headers=None, method="GET", body=None):
        """(status, headers, body) through nginx."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", host)
            for key, value in (headers or {}).items():
                connection.putheader(key, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def revision(self):
        """What nginx says on its socket; None if it is silent."""
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(5)
                s.connect(str(self.run / "nginx.sock"))
                s.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answer = b""
                while chunk := s.recv(4096):
                    answer += chunk
            return int(answer.split(b"\r\n\r\n")[1])
        except (OSError, IndexError, ValueError):
            return None


def facts(path):
    s = os.lstat(path)
    return stat.S_IMODE(s.st_mode), s.st_uid, s.st_gid


def snapshot(*folders):
    return sorted((str(p), facts(p), p.read_bytes() if p.is_file() and not p.is_symlink() else b"")
                  for f in folders for p in pathlib.Path(f).rglob("*"))


# ---- fixtures, for who imports them ------------------------------------------
@pytest.fixture
def make():
    if os.getuid() != 0:
        pytest.skip("needs root: other uids")
    made = []

    def new(conf="", **more):
        made.append(Builder(conf, **more).__enter__())
        return made[-1]
    yield new
    for builder in made:
        builder.__exit__()


@pytest.fixture
def b(make):
    return make()
