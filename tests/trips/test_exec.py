# SPDX-License-Identifier: Apache-2.0
"""exec: a command in the very cage, with its input, output and status; never outside, never for ever."""
import array
import contextlib
import json
import os
import pty
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

from tests.lib import api, procs
from tests.lib.procs import wait_until
from tests.lib.terminal import Terminal

SITE = "exec.example"


@pytest.fixture(scope="module")
def own():
    from tests.conftest import need_root
    from tests.lib.system import System
    need_root()
    # Records of killed calls tell the uid and not the system: nobody else shall have these.
    system = System(conf="allow_programs = yes\nuid_base = 1980000000\n").start()
    system.ctl("add", SITE, "programs=allow", check=True)
    system.ctl("add", "closed.example", check=True)
    yield system
    left = system.stop()
    assert not left, left


def start(system, *words, site=SITE, **more):
    return subprocess.Popen([str(system.build / "tenantctl"), "exec", site, "--", *words],
                            env=dict(os.environ, TENANTD_SOCKET=system.socket, LC_ALL="C.UTF-8"),
                            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                               "stderr": subprocess.PIPE, **more})


def run(system, *words, stdin=b"", site=SITE):
    with start(system, *words, site=site, stdin=subprocess.PIPE) as child:
        try:
            out, err = child.communicate(stdin, timeout=120)
        finally:
            child.kill()
    return child.returncode, out, err


def living(system):
    """Processes of all the site's commands."""
    number = system.show(SITE)["number"]
    pids = procs.in_cgroup(rf"/{system.name}[^/]*/tenants/{number}(/|$)")
    return [pid for pid in pids if "tenant-pool" not in procs.link(pid, "exe")]


def gone(system):
    wait_until(lambda: not living(system), 60, "the command lives on")


def test_input_output_and_status_pass_through(own):
    own.put(SITE, "private/job.php", "<?php fwrite(STDERR, 'warned'); echo strtoupper(stream_get_contents("
            "STDIN)), '|', getcwd(), '|', implode(',', array_slice($argv, 1)); exit(42);")
    status, out, err = run(own, "php", "private/job.php", "a b", "", "ü'\"$x", stdin=b"words")
    home = own.show(SITE)["home"]
    assert (status, out.decode(), err) == (42, f"WORDS|{home}|a b,,ü'\"$x", b"warned")
    # The command's output is the command's, whatever the format.
    for kind in ("table", "csv", "plain", "json"):
        done = own.ctl("exec", SITE, "--format", kind, "--", "sh", "-c", "echo 'a,b\t\"c\"'; exit 7")
        assert (done.returncode, done.stdout, done.stderr) == (7, 'a,b\t"c"\n', ""), kind
    data = os.urandom(1 << 20)
    assert run(own, "cat", stdin=data) == (0, data, b"")
    status, _, err = run(own, "nothere")
    assert status == 127 and b"nothere" in err
    assert run(own, "sh", "-c", "kill -9 $$")[0] == 128 + 9
    # What stays behind dies with the command, and keeps nobody waiting.
    assert run(own, "sh", "-c", "sleep 1000 & echo done") == (0, b"done\n", b"")
    gone(own)


def test_typed(own):
    """In a terminal: what is typed reaches the command, and Ctrl-C ends it."""
    with Terminal("bash", "--norc", "--noprofile", "-i",
                  env={"TENANTD_SOCKET": own.socket, "PATH": f"{own.build}:/usr/bin:/bin"}) as t:
        t.wait(lambda screen: screen.strip())
        t.type(f"tenantctl exec {SITE} -- sh -c 'echo ask\"\"ing; read x; echo \"got $x\"; exit 9'; "
               "echo \"ended: $?\"", "Enter")
        t.wait("asking")
        t.type("words", "Enter")
        t.wait("got words")
        t.wait("ended: 9")
        t.type(f"clear; tenantctl exec {SITE} -- sh -c 'echo list\"\"ening; exec sleep 1000'", "Enter")
        t.wait("listening")
        t.type("", "C-c")
        gone(own)
        t.type("clear; echo shell\"\"lives", "Enter")
        t.wait("shelllives")


def test_a_terminal_gets_no_control_characters(own):
    """What a site's command prints may be a stranger's: ESC, and CSI as one character of UTF-8."""
    ours, theirs = pty.openpty()
    with start(own, "printf", r"a\033[7mb\302\2337mc\2337md\303\274\n", stdout=theirs) as child:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):      # EIO: nobody writes any more
            while piece := os.read(ours, 4096):
                shown += piece
        os.close(ours)
        assert child.wait(120) == 0
    assert shown == "a?[7mb?7mc?7md\u00fc\r\n".encode()


def test_it_is_the_very_cage(own):
    facts = own.show(SITE)
    script = ("grep -hE '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp|Seccomp_filters):' /proc/self/status;"
              "ls /srv /home /root 2>&1; cat /proc/self/cgroup; ls -d /proc/[0-9]*; ls /proc/self/fd")
    status, out, _ = run(own, "sh", "-c", script)
    text = out.decode()
    uid = facts["uid"]
    assert status == 0 and f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}" in text
    assert "CapEff:\t0000000000000000" in text and "CapBnd:\t0000000000000000" in text
    assert "NoNewPrivs:\t1" in text and "Seccomp:\t2" in text and "Seccomp_filters:\t2" in text
    assert "closed.example" not in text and "tenants" not in text
    # Positive control of the first: the same call outside works.
    assert subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0
    assert run(own, "unshare", "-r", "true")[0] == 128 + 31
    assert run(own, "sh", "-c", ": >/usr/x")[0] != 0
    child = start(own, "sh", "-c", "echo in; exec sleep 1000")
    try:
        assert child.stdout.readline() == b"in\n"      # the cage is whole by then
        assert living(own)
        for pid in living(own):
            assert procs.link(pid, "ns/net") != procs.link(os.getpid(), "ns/net")
            assert procs.link(pid, "ns/mnt") != procs.link(os.getpid(), "ns/mnt")
    finally:
        child.kill()
        child.communicate()
    gone(own)


def test_promises_hold_where_programs_are_allowed(own):
    """And no program among them runs as somebody else."""
    done = own.ctl("verify", SITE)
    assert done.returncode == 0, done.stdout + done.stderr
    find = "find /usr /bin/ /sbin/ /etc private -perm /6000 -type f"
    own.put(SITE, "private/own", "x", 0o4755)
    assert run(own, "sh", "-c", find) == (0, b"private/own\n", b"")
    assert run(own, "sh", "-c", "rm private/own; /usr/bin/su --help")[0] == 126
    assert run(own, "sh", "-c", find)[1] == b""


def test_a_killed_call_is_counted_and_our_own_trials_are_not(own):
    site = "counted.example"
    own.ctl("add", site, "programs=allow", check=True)

    def counted():
        return own.status(site)["violations"]

    if counted() is None:
        pytest.skip(own.status(site)["violations_reason"])
    assert run(own, "unshare", "-r", "true", site=site)[0] == 128 + 31
    wait_until(counted, 60, "the call is counted")
    own.ctl("verify", site, check=True)
    assert run(own, "unshare", "-r", "true", site=site)[0] == 128 + 31
    # Records come in their order: with the last one counted, the trials' would be, too.
    wait_until(lambda: counted() >= 2, 60, "the second is counted")
    assert (counted(), own.status(site)["violation_calls"]) == (2, "unshare=2")
    own.ctl("remove", site, check=True)


def test_killed_calls_wake_nobody_for_each(own):
    """tenant-log, which reads of them, is outside of the site's CPU quota."""
    site, times = "flood.example", 800

    def wake_ups():
        return int(procs.field(own.child_pid("tenant-log"), "voluntary_ctxt_switches")[0])
    own.ctl("add", site, "programs=allow", check=True)
    if own.status(site)["violations"] is None:
        pytest.skip(own.status(site)["violations_reason"])
    before, began = wake_ups(), time.monotonic()
    done = run(own, "sh", "-c", f"i=0; while [ $i -lt {times} ]; do unshare -r true; i=$((i+1)); done; echo $i", site=site)
    woken, took = wake_ups() - before, time.monotonic() - began
    assert done[:2] == (0, b"%d\n" % times)
    assert woken < 300 * took, f"{woken} wake-ups for {times} calls in {took} s"
    wait_until(lambda: own.status(site)["violations"], 60, "they are counted")
    own.ctl("remove", site, check=True)


def test_no_argument_is_noted(own):
    """People write passwords there; the audit and the logs have the program's name."""
    secret = "s3cr3t-w0rd"
    assert run(own, "printf", "%s", f"--password={secret}")[1].endswith(secret.encode())
    assert run(own, "sh", "-c", f"exit 3 {secret}")[0] == 3
    run(own, "id", secret, site="closed.example")
    with contextlib.closing(sqlite3.connect(own.folder / "lib/control/tenantd.db", timeout=60)) as db:
        rows = db.execute("SELECT site, result, detail FROM audit WHERE verb = 'exec'").fetchall()
    assert (SITE, "done", "printf, 2 arguments") in rows and ("closed.example", "policy") in {r[:2] for r in rows}
    logs = "".join(path.read_text() for path in (own.folder / "log").glob("*.log"))
    assert "event=exec.start" in logs and secret not in logs + str(rows)


def test_only_where_the_site_allows_programs(own):
    status, out, err = run(own, "id", site="closed.example")
    assert status == 5 and not out and b"programs=allow" in err
    assert run(own, "id", site="nobody.example")[0] == 3
    done = own.ctl("exec", "closed.example", "--json", "--", "id")
    assert json.loads(done.stdout)["data"]["code"] == "policy"
    assert own.ctl("exec", SITE).returncode == 2
    own.ctl("suspend", "closed.example", check=True)
    assert run(own, "id", site="closed.example")[0] == 4


@pytest.mark.parametrize("how", ("client", "limit", "suspend", "deny", "supervisor"))
def test_it_ends(own, how):
    words = ["--limit", "1s"] if how == "limit" else []
    child = subprocess.Popen([str(own.build / "tenantctl"), "exec", SITE, *words, "--", "sh", "-c",
                              "echo here; setsid sleep 1000 & wait"], stdin=subprocess.DEVNULL,
                             env=dict(os.environ, TENANTD_SOCKET=own.socket),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "here\n" or how == "limit"
    if how == "client":
        child.kill()
    elif how == "suspend":
        own.ctl("suspend", SITE, check=True)
    elif how == "deny":
        own.ctl("set", SITE, "max_children=7", check=True)
        assert child.poll() is None and living(own)     # another change ends no command
        own.ctl("set", SITE, "programs=deny", check=True)
    elif how == "supervisor":
        old = own.pid("tenantd")
        os.kill(old, signal.SIGKILL)
    _, err = child.communicate(timeout=120)
    if how != "client":
        assert child.returncode == {"limit": 1, "suspend": 128 + 9, "deny": 128 + 9, "supervisor": 6}[how], err
    if how == "supervisor":
        wait_until(lambda: own.is_taken_over(old), 60, "tenantd is back")
    gone(own)
    if how == "suspend":
        own.ctl("resume", SITE, check=True)
    elif how == "deny":
        assert run(own, "true")[0] == 5
        own.ctl("set", SITE, "programs=allow", "max_children=", check=True)
    assert run(own, "true")[0] == 0


def test_they_are_bounded_and_visitors_come_in_between(own):
    own.put(SITE, "public/index.php", "<?php echo 'alive';")
    children = [start(own, "sleep", "1000") for _ in range(2)]
    try:
        wait_until(lambda: len(living(own)) >= 4, 60, "both do not live")
        status, _, err = run(own, "true")
        assert status == 1 and b"commands run already" in err
        assert own.text(SITE, "/") == "alive"
        own.ctl("set", SITE, "max_children=7", check=True)
        assert own.text(SITE, "/") == "alive"
        assert all(child.poll() is None for child in children)
    finally:
        for child in children:
            child.kill()
            child.communicate()
    gone(own)
    wait_until(lambda: run(own, "true")[0] == 0, 60, "there is no room again")


def raw(system, body, head="Connection: Upgrade\r\nUpgrade: tenantd-exec\r\n"):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(system.socket)
    data = body.encode()
    s.sendall(f"POST /v1/tenants/{SITE}/exec HTTP/1.1\r\nHost: x\r\n{head}"
              f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
    text = b""
    while b"\r\n\r\n" not in text:
        piece = s.recv(4096)
        assert piece, text
        text += piece
    return s, text


def test_the_api_hands_descriptors_over(own):
    s, text = raw(own, '{"argv": ["sh", "-c", "cat; exit 3"]}')
    with s:
        assert text.startswith(b"HTTP/1.1 101 ")
        s.sendall(b"x")
        _, ancillary, _, _ = s.recvmsg(1, socket.CMSG_SPACE(4 * 4))
        fds = list(array.array("i", ancillary[0][2]))
    os.write(fds[0], b"input")
    os.close(fds[0])
    assert os.read(fds[1], 100) == b"input" and os.read(fds[1], 100) == b""
    with socket.socket(fileno=fds[3]) as channel:
        assert channel.recv(1000)[:4] == b"\x03\0\0\0"
    os.close(fds[1])
    os.close(fds[2])
    # One that goes before it has them: the command dies.
    s, _ = raw(own, '{"argv": ["sleep", "1000"]}')
    s.close()
    gone(own)
    for body, head in (('{"argv": ["id"]}', ""), ('{"argv": []}', None), ('{}', None), ('{"argv": "id"}', None),
                       ('{"argv": [""]}', None), ('{"argv": ["id", 1]}', None), ('{"argv": ["a\\u0000b"]}', None),
                       (json.dumps({"argv": ["x" * 13000]}), None), (json.dumps({"argv": ["x"] * 257}), None),
                       ('{"argv": ["id"], "path": "/"}', None)):
        s, text = raw(own, body, *([] if head is None else [head]))
        s.close()
        assert text.startswith(b"HTTP/1.1 400 "), (body[:60], text)
    # docs/openapi.yaml tells of both ends.
    path = f"/v1/tenants/{SITE}/exec"
    assert "101" in api.find("POST", path)["responses"]
    for body in ({"argv": ["id"]}, {"argv": []}, {"argv": ["id"], "uid": 0}):
        status, root = own.api("POST", path, body)
        assert status == 400
        api.check("POST", path, status, root)
    s, text = raw(own, '{"argv": ["id"], "limit": "25h"}')
    s.close()
    assert text.startswith(b"HTTP/1.1 422 ")
    assert run(own, "true")[0] == 0
