# SPDX-License-Identifier: Apache-2.0
"""One tenant-pool outside a jail, started by pool_driver.

    with Pool("max_children=2") as pool:
        pool.write("a.php", "<?php echo 1;")
        pool.get("a.php").text
"""
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from tests.lib import fcgi_client, procs

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build/plain")).resolve()
UID = 1900000007


def program():
    """tenant-pool of the build, with the libphp.so link beside it."""
    return next(BUILD.glob("php/*/tenant-pool"))


class Pool:
    """A pool, its home, its socket and its log.  FILES: text by path below the home."""

    def __init__(self, *options, flags=(), ffi=False, start=True, files=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pool-test-", dir="/run"))
        self.folder.chmod(0o755)
        self.home = self.folder / "home"
        for name in ("public", "private", "tmp", "sessions"):
            (self.home / name).mkdir(parents=True)
        shutil.copytree(ROOT / "tests/php", self.home / "public", dirs_exist_ok=True)
        for path in self.home.rglob("*"):
            os.chown(path, UID, UID)
        for name, text in (files or {}).items():
            self.write(name, text, folder=".")
        self.socket = self.folder / "php.sock"
        self.log_file = self.folder / "php.log"
        if ffi:
            flags = (*flags, "-c", self._conf_with_ffi())
        self.lines, self.queue, self.pid = [], queue.Queue(), None
        self.process = subprocess.Popen(
            [BUILD / "tests/root/pool_driver", "-p", program(), "-l", self.socket, "-H",
             self.home, "-L", self.log_file, "-u", str(UID), *flags, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/")
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        if start:
            try:
                self.wait("ready")
            except BaseException:
                self.stop()
                raise

    def _conf_with_ffi(self):
        """PHP's conf.d, and FFI on: it stands for native code that an attacker brings."""
        conf = self.folder / "conf.d"
        shutil.copytree(f"/etc/php/{program().parent.name}/embed/conf.d", conf)
        (conf / "99-ffi.ini").write_text("ffi.enable=1\n")
        return conf

    def _read(self):
        for line in self.process.stdout:
            self.queue.put(line.split(" ", 1) if " " in line else [line.strip(), ""])
        self.queue.put(["end", ""])

    def wait(self, word, seconds=30):
        """The rest of the next line that begins with WORD; lines before it are kept."""
        end = time.monotonic() + seconds
        while True:
            kind, rest = self.queue.get(timeout=max(0.01, end - time.monotonic()))
            self.lines.append((kind, rest.strip()))
            if kind == "pid":
                self.pid = int(rest)
            if kind == word:
                return rest.strip()
            assert kind not in ("end", "exit", "signal"), (word, self.lines, self.log())

    def stop(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.reader.join()
        self.process.stdout.close()
        shutil.rmtree(self.folder)
        procs.wait_until(lambda: not procs.leaks(str(self.folder), self.folder.name), 30,
                         f"the end of {procs.leaks(str(self.folder), self.folder.name)}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def signal(self, number=signal.SIGQUIT):
        os.kill(self.pid, number)

    def restart(self):
        """Another pool on the same listener, after the first has ended."""
        self.process.send_signal(signal.SIGUSR1)
        self.wait("ready")

    def workers(self):
        """Process ids of the workers."""
        return procs.children(self.pid)

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def wait_log(self, text, seconds=30):
        procs.wait_until(lambda: text in self.log(), seconds, f"'{text}' in the log")

    def write(self, name, text, uid=UID, mode=0o644, folder="public"):
        """Makes a script in the document root (or another folder of the home)."""
        path = self.home / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.chown(path, uid, uid)
        path.chmod(mode)
        return path

    def params(self, script, **more):
        """What a web server would send for a GET."""
        path = f"/{script}" if not str(script).startswith("/") else str(script)
        out = {"SCRIPT_FILENAME": f"{self.home}/public{path}", "SCRIPT_NAME": path,
               "REQUEST_METHOD": "GET", "QUERY_STRING": "", "REQUEST_URI": path,
               "DOCUMENT_ROOT": f"{self.home}/public", "SERVER_PROTOCOL": "HTTP/1.1",
               "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_NAME": "site.example",
               "HTTP_HOST": "site.example", "REMOTE_ADDR": "192.0.2.1"}
        out.update(more)
        return {name: str(value) for name, value in out.items() if value is not None}

    def get(self, script, body=b"", timeout=20, **more):
        if body:
            more = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": len(body),
                    "CONTENT_TYPE": "application/octet-stream", **more}
        return fcgi_client.fetch(self.socket, self.params(script, **more), body, timeout)

    def connect(self, timeout=20):
        return fcgi_client.Connection(self.socket, timeout)

    def begin(self, script, **more):
        """A connection with a whole request sent, its answer not yet read."""
        whole = fcgi_client.request(self.params(script, **more))
        c = self.connect()
        c.send(whole)
        return c
