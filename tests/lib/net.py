# SPDX-License-Identifier: Apache-2.0
"""A host with a world round it: this process enters a network namespace of its own, which plays
the host, and a second namespace plays all that is beyond it.  So tests of networks touch no
interface, rule or switch of the machine.

    with Net() as net:                     # from here this process is on "the host"
        assert net.connect("203.0.113.80", 80) == "ok"
"""
import ctypes
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

from tests.lib import procs

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
WORLD, METADATA = "203.0.113.80", "169.254.169.254"
HOST, HOST_INNER = "203.0.113.1", "10.2.0.1"
CLOSED = ("10.1.0.5", "172.20.0.5", "192.168.7.7", METADATA, "100.64.0.9", "168.63.129.16",
          "192.0.0.192")


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def ip(words):
    subprocess.run(["ip", *words.split()], check=True)


def enter(pid):
    """Moves the calling process into the network namespace of another."""
    with open(f"/proc/{pid}/ns/net", "rb") as space:
        check(libc.setns(space.fileno(), CLONE_NEWNET))


def inside(pid, function):
    """Calls a function in a child in the network namespace of a process; returns its text."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            enter(pid)
            os.write(write, str(function()).encode())
        except BaseException as error:
            os.write(write, repr(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text


class Net:
    """The two namespaces, and the servers of the world."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.log = pathlib.Path(self.folder.name, "log")
        self.log.touch()
        self.certificate = pathlib.Path(self.folder.name, "world.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=world.test", "-addext", "subjectAltName=DNS:world.test",
                        "-keyout", self.certificate, "-out", self.certificate], check=True,
                       stderr=subprocess.DEVNULL)
        self.before = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        check(libc.unshare(CLONE_NEWNET))
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self):
        ip("link set lo up")
        self.world = subprocess.Popen(
            ["unshare", "--net", sys.executable, pathlib.Path(__file__).with_name("net_world.py"),
             self.log, self.certificate], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._wait_for_namespace()
        ip(f"link add w0 type veth peer name w1 netns {self.world.pid}")
        ip("addr add 203.0.113.1/24 dev w0")
        ip("link set w0 up")
        ip(f"addr add {HOST_INNER}/24 dev lo")
        ip(f"route add default via {WORLD}")
        self.world.stdin.write("go\n")
        self.world.stdin.flush()
        assert self.world.stdout.readline() == "ready\n"
        self.servers = []

    def _wait_for_namespace(self):
        """unshare(1) has made it when it has become Python."""
        def is_python():
            assert self.world.poll() is None
            return os.readlink(f"/proc/{self.world.pid}/exe").startswith(
                os.path.realpath(sys.executable))
        procs.wait_until(is_python, 60, "the world's namespace")

    def __exit__(self, *_):
        world = getattr(self, "world", None)
        if world:
            world.kill()
            world.wait()
            world.stdin.close()
            world.stdout.close()
        for server in getattr(self, "servers", []):
            server.close()
        check(libc.setns(self.before, CLONE_NEWNET))
        os.close(self.before)
        self.folder.cleanup()

    def listen(self, address, port):
        """A server of the host's, which only has a queue."""
        server = socket.create_server((address, port))
        self.servers.append(server)
        return server

    def connect(self, address, port, timeout=5):
        """What becomes of a connection from the host."""
        try:
            socket.create_connection((address, port), timeout).close()
            return "ok"
        except OSError as error:
            return repr(error)

    def from_world(self, address, port):
        """What becomes of a connection from the world."""
        with socket.create_connection((WORLD, 9), 30) as asked:
            asked.sendall(f"{address} {port}\n".encode())
            return asked.recv(200).decode()

    def noted(self):
        """The datagrams that have reached the world: [(source, text)]."""
        return [tuple(line.split(" ", 1)) for line in self.log.read_text().splitlines()]
