# SPDX-License-Identifier: Apache-2.0
"""The whole system for a test: private folder, nginx, cgroup, port; see packaging/run/run.sh.

    with System() as system:
        system.ctl("add", "site.example", check=True)
        system.put("site.example", "public/index.php", "<?php echo getmypid();")
        assert system.http("site.example", "/").status == 200
"""
import collections
import http.client
import json
import os
import pathlib
import re
import secrets
import select
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time

from tests.lib import procs

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_LIMIT_S = 60
STOP_LIMIT_S = 60
LIMIT_S = 60

Response = collections.namedtuple("Response", "status headers body")


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path, timeout=60):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)    # waits while the backlog is full
        self.sock.settimeout(self.timeout)


class System:
    """One running system.  `conf` is added to its tenantd.conf."""

    def __init__(self, build=None, conf="", env=None):
        self.build = pathlib.Path(build or os.environ.get("BUILD") or ROOT / "build/plain").resolve()
        self.conf, self.env = conf, dict(env or {})
        self.process = self.folder = self.name = self.port = self.socket = None
        # Known before run.sh tells it, so that what is killed on the way can be taken down.
        self.run_dir = self.env.setdefault("RUN_DIR", f"/run/tenantd-run.{secrets.token_hex(4)}")

    # ---- life ----------------------------------------------------------------
    def start(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as more:
            more.write(self.conf)
            more.flush()
            env = {k: v for k, v in os.environ.items() if k not in ("RUN_DIR", "PORT")}
            self.process = subprocess.Popen(
                [str(ROOT / "packaging/run/run.sh"), "-b", str(self.build), "-c", more.name],
                env=dict(env, **self.env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                start_new_session=True)
            try:
                self._read_ready()
            except BaseException:
                self.stop()
                raise
        return self

    def _read_ready(self):
        text, end = b"", time.monotonic() + START_LIMIT_S
        facts = {}
        while "ready" not in facts:
            left = max(0, end - time.monotonic())
            if not select.select([self.process.stdout], [], [], left)[0]:
                raise AssertionError(f"the system was not ready in {START_LIMIT_S} s: {text!r}")
            chunk = os.read(self.process.stdout.fileno(), 4096)
            if not chunk:
                raise AssertionError(f"run.sh ended with {self.process.wait()}: {text!r}")
            text += chunk
            lines = text.decode().split("\n")[:-1]
            facts = dict(line.split(" ", 1) for line in lines if " " in line)
        self.folder, self.name = pathlib.Path(facts["folder"]), facts["name"]
        self.socket = facts["socket"]
        self.port = int(facts["ready"].rstrip("/").rsplit(":", 1)[1])

    def stop(self):
        """Stops all; returns what was left behind, in words."""
        if self.process is None:
            return []
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            # Its keepers would start again for ever what ends.
            subprocess.run([str(ROOT / "packaging/run/run.sh"), "-b", str(self.build), "-k",
                            self.run_dir], stdin=subprocess.DEVNULL, timeout=120, check=False)
            return [f"run.sh did not stop in {STOP_LIMIT_S} s"]
        finally:
            self.process.stdout.close()
            self.process = None
        return procs.leaks(str(self.folder), self.name) if self.folder else []

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        left = self.stop()
        if kind is None:
            assert not left, left

    # ---- administrator -------------------------------------------------------
    def ctl(self, *words, check=False, timeout=120, env=None):
        """tenantctl; returns the CompletedProcess, with texts."""
        done = subprocess.run(
            [str(self.build / "tenantctl"), *words], text=True, capture_output=True,
            timeout=timeout, stdin=subprocess.DEVNULL,
            env=dict(os.environ, TENANTD_SOCKET=self.socket, LC_ALL="C.UTF-8", **(env or {})))
        if check:
            assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}\n{self.logs()}"
        return done

    def data(self, *words):
        """The data of a command that must succeed."""
        return json.loads(self.ctl(*words, "--json", check=True).stdout)["data"]

    def show(self, site):
        return self.data("show", site)

    def status(self, site):
        return self.data("status", site)

    def reload(self):
        """Has the configuration read again; returns what tenantd says of it."""
        def said():
            return re.findall(r"reload=('[^']*'|\w+)", (self.folder / "log/tenantd.log").read_text())
        before = len(said())
        os.kill(self.pid("tenantd"), signal.SIGHUP)
        procs.wait_until(lambda: len(said()) > before, 60, "the configuration was read")
        return said()[-1].strip("'")

    def is_answering(self):
        """True if the supervisor can be asked.  Without it tenant-control tells so, and all is well."""
        done = self.ctl("status", "--json")
        return done.returncode == 0 and json.loads(done.stdout)["data"]["supervisor"] == "reachable"

    def is_taken_over(self, old):
        """True if another tenantd answers than this one, which was killed.  Where it has started
        tenant-control, that lives a moment longer."""
        return not procs.is_running(old) and self.pid("tenantd") != old and self.is_answering()

    def api(self, method, path, body=None, timeout=120):
        """A raw request to the API: (HTTP status, envelope)."""
        connection = UnixConnection(self.socket, timeout)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    # ---- visitor -------------------------------------------------------------
    def http(self, host, path="/", method="GET", body=None, headers=None, timeout=60):
        """A request through nginx.  Bodies may be bytes, str or an iterable."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", host)
            body = body.encode() if isinstance(body, str) else body
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            for key, value in (headers or {}).items():
                connection.putheader(key, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return Response(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def text(self, host, path="/", **more):
        """The body of a page that must answer 200."""
        answer = self.http(host, path, **more)
        assert answer.status == 200, f"{host}{path}: {answer.status} {answer.body[:500]!r}\n" \
                                     f"{self.logs()}"
        return answer.body.decode()

    def warm_up(self, site, path="/"):
        """Visits a site; its status once the supervisor knows that the pool is ready.  Visitors are
        served before that, and a pool that another supervisor finds meanwhile is not kept."""
        self.text(site, path)
        return procs.wait_until(lambda: (now := self.status(site))["pool_state"] == "warm" and now,
                                LIMIT_S, f"the pool of {site} is known to be ready")

    # ---- tenant --------------------------------------------------------------
    def as_tenant(self, site, function):
        """Calls a function in a child with the tenant's uid, in its home."""
        facts = self.show(site)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.chdir(facts["home"])
                os.setgroups([])
                os.setgid(facts["gid"])
                os.setuid(facts["uid"])
                os.umask(0o022)
                function()
                status = 0
            except BaseException as error:
                os.write(2, f"as tenant: {error!r}\n".encode())
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    def put(self, site, path, content, mode=0o644):
        """Writes a file below the home, as the tenant would by SFTP."""
        data = content.encode() if isinstance(content, str) else content

        def write():
            target = pathlib.Path(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            new = target.with_name(target.name + ".new")
            new.write_bytes(data)
            new.chmod(mode)
            new.rename(target)
        self.as_tenant(site, write)

    def put_tree(self, site, source, path, leave_out=()):
        """Copies a folder below the home, links resolved, owned by the tenant; links that lead
        nowhere, and names like these patterns, are left out."""
        with tempfile.TemporaryFile() as spool, tempfile.TemporaryDirectory() as flat:
            shutil.copytree(source, f"{flat}/tree", ignore_dangling_symlinks=True,
                            ignore=shutil.ignore_patterns(*leave_out))
            with tarfile.open(fileobj=spool, mode="w") as tar:
                tar.add(f"{flat}/tree", arcname=path)
            spool.seek(0)

            def unpack():
                with tarfile.open(fileobj=spool) as tar:
                    for member in tar:
                        tar.extract(member, ".", set_attrs=False)
                        os.chmod(member.name, 0o755 if member.isdir() else 0o644)
            self.as_tenant(site, unpack)

    # ---- inside --------------------------------------------------------------
    def pool_pids(self, site):
        """The processes of a site's pool, by its cgroup."""
        number = self.show(site)["number"]
        return procs.in_cgroup(rf"/{self.name}[^/]*/tenants/{number}(/|$)")

    def pid(self, program):
        """The process id of tree, nginx or tenantd."""
        return int((self.folder / "keep" / f"{program}.pid").read_text())

    def child_pid(self, program):
        """A helper program below tenantd, by the name of its file."""
        return next((pid for pid in procs.children(self.pid("tenantd"))
                     if os.path.basename(procs.link(pid, "exe")) == program), None)

    def nginx_opens_anew(self, log, old):
        """Has nginx open its log anew, which was renamed to `old`; returns when none of its
        processes writes there any more: each turns to the new one by itself."""
        master = int((self.folder / "nginx/nginx.pid").read_text())
        os.kill(master, signal.SIGUSR1)
        procs.wait_until(lambda: log.exists() and not any(
            str(old) in procs.open_files(pid) for pid in (master, *procs.children(master))),
            LIMIT_S, f"nginx opens {log} again")

    def log_files(self):
        return self.folder.glob("log/**/*.log")

    def logs(self, lines=25):
        """The ends of all logs, for messages of failed tests."""
        text = ""
        for log in sorted(self.log_files()):
            tail = log.read_bytes().decode(errors="replace").splitlines()[-lines:]
            text += f"--- {log}\n" + "\n".join(tail) + "\n" if tail else ""
        return text
