# SPDX-License-Identifier: Apache-2.0
"""A cgroup tree and jails in it, without a supervisor: jail_driver plays it, jail_probe stands
in for PHP and does what it is told."""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import pytest

from tests.lib import procs

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build/plain"))
UID, NEIGHBOUR = 1900000007, 1900000008


class Tree:
    """A cgroup tree, two homes, a runtime folder; and runs of jails in it."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="jail-test-", dir="/run"))
        self.folder.chmod(0o755)
        self.name = self.folder.name
        self.home = self.folder / "homes/site"
        self.neighbour = self.folder / "homes/neighbour"
        self.runtime = self.folder / "runtime"
        self.runtime.mkdir()
        for home, uid in ((self.home, UID), (self.neighbour, NEIGHBOUR)):
            (home / "public").mkdir(parents=True)
            os.chown(home / "public", uid, uid)
            (home / "public/secret").write_text("secret")
        self.program = self.runtime / "jail_probe"
        shutil.copy(BUILD / "tests/root/jail_probe", self.program)
        self.process, self.starts = None, 0

    def start(self, *before):
        """BEFORE: words in front of the command."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(f"\0{self.name}.notify")
            manager.settimeout(60)
            self.process = subprocess.Popen(
                [*before, *self.scope(), BUILD / "tenant-tree", "-r", self.folder, "-n", self.name],
                stderr=subprocess.PIPE, text=True,
                env=dict(os.environ, NOTIFY_SOCKET=f"@{self.name}.notify"))
            try:
                assert manager.recv(100) == b"READY=1"
            except TimeoutError:
                self.process.kill()
                raise AssertionError(self.process.stderr.read()) from None

    def scope(self):
        """On v2 the tree is the group that tenant-tree is started in, alone."""
        if ":memory:" in pathlib.Path("/proc/self/cgroup").read_text():
            return []
        if not shutil.which("systemd-run"):
            pytest.skip("cgroup v2 without systemd-run: nothing gives us a group")
        # Another name each time: an ended scope may still be on its way out.
        self.starts += 1
        return ["systemd-run", "--quiet", "--scope", f"--unit={self.name}-{self.starts}",
                "-p", "Delegate=yes"]

    def living(self, tail=""):
        """Processes in jails of this tree; TAIL is "/7" or "/7/g1"."""
        return procs.in_cgroup(rf"{self.name}[^/]*/tenants{tail}\b")

    def stop(self):
        self.process.terminate()
        assert self.process.wait(60) == 0, self.process.stderr.read()
        self.process.stderr.close()
        shutil.rmtree(self.folder)
        assert procs.leaks(str(self.folder), self.name) == []

    def command(self, *options, program=None):
        return [str(x) for x in (BUILD / "tests/root/jail_driver", "-r", self.folder,
                                 "-j", BUILD / "tenant-jail", "-H", self.home, "-R", self.runtime,
                                 "-p", program or self.program, *options)]

    def run(self, *commands, options=(), **more):
        """Runs commands in a fresh jail.  Returns {command: answer} and all output."""
        done = subprocess.run(self.command("-c", "\n".join(commands), *options, **more),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=60, check=False)
        assert done.returncode == 0, done.stdout
        answers = {}
        for line in done.stdout.splitlines():
            name, colon, answer = line.partition(": ")
            if colon and name in commands:
                answers.setdefault(name, []).append(answer)
        for name, told in answers.items():
            answers[name] = told[0] if len(told) == 1 else told
        return answers, done.stdout

    def files(self, *commands, **more):
        """As run(), for a single `read`: the text of the file."""
        return self.run(*commands, **more)[1]


@pytest.fixture(scope="module")
def tree():
    made = Tree()
    made.start()
    yield made
    made.stop()
