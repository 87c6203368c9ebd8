# SPDX-License-Identifier: Apache-2.0
"""tenantctl by itself: what it says when nobody answers, and its formats."""
import json
import os
import socket
import subprocess
import threading

import pytest

from tests.lib.system import System

PROGRAM = str(System().build / "tenantctl")


def run(*words, env=None, **more):
    return subprocess.run([PROGRAM, *words], text=True, capture_output=True, timeout=60,
                          stdin=subprocess.DEVNULL, env=dict(os.environ, LC_ALL="C.UTF-8",
                                                             **(env or {})), **more)


def serve_once(path, answer):
    """A stand-in for tenantd that gives one raw answer."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1)

    def serve():
        peer, _ = listener.accept()
        peer.recv(65536)
        peer.sendall(answer)
        peer.close()
        listener.close()
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


def test_daemon_away(tmp_path):
    done = run("list", "--socket", str(tmp_path / "none.sock"))
    assert done.returncode == 6 and done.stdout == ""
    assert "none.sock" in done.stderr and "systemctl status tenantd" in done.stderr
    done = run("list", "--json", env={"TENANTD_SOCKET": str(tmp_path / "none.sock")})
    envelope = json.loads(done.stdout)
    assert done.returncode == 6 and envelope["metadata"]["result"] == "failed"
    assert envelope["data"]["code"] == "no_daemon"


def test_nobody_listens_behind_the_socket(tmp_path):
    path = str(tmp_path / "dead.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.close()
    done = run("list", "--socket", path)
    assert done.returncode == 6 and "is tenantd running?" in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become another user")
def test_socket_not_permitted(tmp_path):
    path = str(tmp_path / "closed.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o600)
    listener.listen(1)
    folder = tmp_path
    while folder != folder.parent:
        folder.chmod(folder.stat().st_mode | 0o011)
        folder = folder.parent
    done = run("list", "--socket", path, user=65534, group=65534, extra_groups=[])
    listener.close()
    assert done.returncode == 5 and "tenantadm" in done.stderr


def test_path_of_the_socket_is_too_long():
    done = run("list", "--socket", "/" + "x" * 200)
    assert done.returncode == 2 and "too long" in done.stderr


@pytest.mark.parametrize("answer", [
    b"", b"nonsense", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}",
    b"HTTP/1.1 500 x\r\nContent-Length: 6\r\n\r\n<html>"])
def test_strange_answers(tmp_path, answer):
    path = str(tmp_path / "strange.sock")
    thread = serve_once(path, answer)
    done = run("list", "--socket", path)
    thread.join(10)
    assert done.returncode == 6 and done.stderr.startswith("tenantctl: ")


def test_what_tenantd_says_cannot_steer_the_terminal(tmp_path):
    path = str(tmp_path / "hostile.sock")
    body = json.dumps({"metadata": {"command": "show", "result": "done", "reason": None,
                                    "version": "1"},
                       "data": {"reason": "\x1b]0;owned\x07\x9b31m\u202e\n"}}).encode()
    for words in (("show", "a.example"), ("show", "a.example", "--json"),
                  ("show", "a.example", "--format", "csv"), ("list",)):
        thread = serve_once(path, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
                            % (len(body), body))
        done = run(*words, "--socket", path)
        thread.join(10)
        os.unlink(path)
        assert not set(done.stdout) & set("\x1b\x07\x9b\u202e"), words


def test_bad_usage():
    for words in ((), ("nothing",), ("add",), ("list", "--format", "xml")):
        done = run(*words)
        assert done.returncode == 2 and done.stdout == "" and "--help" in done.stderr, words


def test_help_and_version():
    assert "tenantctl add SITE" in run("--help").stdout
    text = run("add", "--help").stdout
    for each in ("memory_max=512M", "32M to 1T", "cgroup memory.max", "programs=deny"):
        assert each in text
    assert run("--version").stdout.startswith("tenantctl ")


def test_output_that_cannot_be_written():
    with open("/dev/full", "w") as full:
        done = subprocess.run([PROGRAM, "--help"], stdout=full, stderr=subprocess.PIPE, text=True,
                              check=False)
    assert done.returncode == 1 and "No space left" in done.stderr
