# SPDX-License-Identifier: Apache-2.0
"""tenantd with scripted pools: they come and go, lie, crash, hang and break what they hold."""
import ctypes
import os
import re
import select
import signal
import socket
import struct
import time

import pytest

from tests.lib import procs
from tests.lib.procs import wait_until
from tests.lib.rig import QUIT, Refused, SERVE, cpu_seconds, rig, tenant

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: namespaces, cgroups")

ERR_UNKNOWN_SITE = 4
SYS_PIDFD_GETFD = 438


# ---- pools -------------------------------------------------------------------
def test_cold_then_started_by_a_visitor(rig, tenant):
    assert rig.status(tenant)["pool_state"] == "cold"
    assert rig.pids(tenant) == []
    socket_facts = os.stat(rig.path(tenant))
    assert (socket_facts.st_uid, oct(socket_facts.st_mode & 0o777)) == (0, "0o660")
    assert oct(rig.path(tenant).parent.stat().st_mode & 0o777) == "0o750"
    status = rig.warm_up(tenant)
    assert status["starts"] == 1
    assert procs.field(status["master_pid"], "Uid") == [str(1900000000 + tenant)] * 4
    assert rig.list() == {tenant: (1, 1, 0, "warm")}
    groups = procs.read(status["master_pid"], "cgroup")
    assert f"/{rig.name}/tenants/{tenant}/g1" in groups
    rig.warm_up(tenant)
    assert rig.status(tenant)["starts"] == 1


def test_descriptors_of_the_jail(rig, tenant):
    rig.pool("""
        names = {}
        for fd in range(3, 64):
            try:
                names[fd] = os.readlink(f"/proc/self/fd/{fd}").split(":")[0]
            except OSError:
                pass
        facts = (names, os.readlink("/proc/self/fd/0"), os.readlink("/proc/self/fd/1"),
                 dict(os.environ).keys() - {"LC_CTYPE"},
                 [line for line in open("/proc/self/status") if line.startswith(("SigBlk", "SigIgn"))])
        report(READY)
        peer, _ = listener.accept()
        peer.sendall(repr(facts).encode())
        peer.close()
        serve()
        """)
    with rig.connect(tenant) as visitor:
        names, stdin, stdout, environment, signals = eval(visitor.recv(4096))
    assert sorted(names) == [3, 4, 5, 6, 7, 8, 9]
    assert [names[3], names[5], names[7]] == ["socket", "socket", "pipe"]
    assert names[4].startswith("/memfd") and names[6].endswith(f"pool/{tenant}/log")
    assert [names[fd].rpartition("/")[2] for fd in (8, 9)] == ["slow", "access"]
    assert stdin == "/dev/null" and stdout == names[6]
    assert not environment
    assert re.search(r"SigBlk:\s+0+$", signals[0].strip())


def test_idle_pool_leaves_and_no_visitor_is_lost(rig, tenant):
    go = rig.folder / "go"
    rig.pool("""
        report(READY)
        serve(1)
        time.sleep(1)
        report(LEAVING)
        time.sleep(0.3)
        sys.exit(0)
        """)
    assert rig.visit(tenant) == b"pid 1 hello"
    rig.pool(f"""
        report(READY)
        serve(1)
        while not os.path.exists("{go}"):
            time.sleep(0.02)
        time.sleep(1)
        report(LEAVING)
        """)
    time.sleep(1.1)
    assert rig.visit(tenant) == b"pid 1 hello", "came while the pool was leaving"
    status = rig.status(tenant)
    assert (status["starts"], status["crashes"], status["generation"]) == (2, 0, 2)
    go.touch()
    rig.wait_state(tenant, "cold")
    assert rig.status(tenant)["crashes"] == 0
    wait_until(lambda: not [g for g in rig.cgroup_folders(tenant) if "/g" in g[-5:]], 30,
               "their groups are gone")


def test_a_run_of_which_the_begin_was_seen_late_is_no_crash(rig, tenant):
    """The shortest idle time is a second; a busy machine lets us see less of it."""
    leave = rig.folder / "leave"
    rig.pool("report(READY)\nserve(1)\n"
             f"while not os.path.exists({str(leave)!r}):\n    time.sleep(0.02)\nreport(LEAVING)\n")
    rig.warm_up(tenant)
    time.sleep(0.6)
    leave.touch()
    assert rig.wait_state(tenant, "cold")["crashes"] == 0


@pytest.mark.slow
def test_a_pool_that_cannot_start_is_held_back(rig, tenant):
    rig.pool("report(FAILED, text=b'no \\033[2Jluck')\nsys.exit(1)\n")
    with rig.connect(tenant) as visitor:
        began = time.monotonic()
        try:
            assert visitor.recv(10) == b"", "answered at once"
        except ConnectionResetError:
            pass
        assert time.monotonic() - began < 20, "not after the thirty seconds of a start"
    for crashes in (1, 2, 3):
        status = wait_until(lambda: (now := rig.status(tenant))["crashes"] == crashes and now, 30,
                            "it has failed")
        assert status["last_error"] == "no ?[2Jluck"
        rig.wait_state(tenant, "cold")
        rig.connect(tenant).close()
    wait_until(lambda: rig.status(tenant)["crashes"] == 4, 30, "it has failed once more")
    assert rig.waits() == [1, 2, 4, 8]
    with pytest.raises(OSError):
        rig.connect(tenant)
    assert 1 <= rig.wait_state(tenant, "backoff")["backoff_s"] <= 8
    # An operator who recycles does not wait.
    rig.pool(SERVE)
    rig.client.ask("RECYCLE", tenant)
    rig.warm_up(tenant)
    assert rig.status(tenant)["last_error"] == ""


@pytest.mark.slow
def test_exit_0_over_and_over_is_a_crash(rig, tenant):
    """Nobody has himself started without end by leaving the visitor in the queue."""
    rig.pool("report(READY)\nreport(LEAVING)\nsys.exit(0)\n")
    began = time.monotonic()
    while time.monotonic() < began + 5:
        try:
            rig.connect(tenant).close()     # somebody always waits
        except OSError:
            time.sleep(0.05)
    starts, took, waits = rig.status(tenant)["starts"], time.monotonic() - began, rig.waits()
    assert starts >= 2 and waits[:4] == [1, 2, 4, 8][:len(waits)]
    assert sum(waits[:starts - 1]) <= took, "they lie between the starts"


def test_reports_in_a_flood(rig, tenant):
    rig.pool("""
        report(READY)
        try:
            while True:
                report(NUMBERS, 3, 2)
        except OSError:
            pass
        serve()
        """)
    assert rig.visit(tenant) == b"pid 1 hello"
    used = cpu_seconds(rig.process.pid)
    time.sleep(1)
    assert cpu_seconds(rig.process.pid) - used < 0.3
    assert "too many reports" in rig.messages()
    assert rig.visit(tenant) == b"pid 1 hello", "it may go on serving"


@pytest.mark.parametrize("message", [b"", b"x", bytes(263), bytes(265), bytes(264),
                                     struct.pack("=I260x", 5), bytes(60000)],
                         ids=["none", "short", "263", "265", "kind-0", "kind-5", "60000"])
def test_reports_that_are_none(rig, tenant, message):
    rig.pool(f"""
        report(READY)
        try:
            reports.send(bytes.fromhex("{message[:300].hex()}").ljust({len(message)}))
        except OSError:
            pass
        time.sleep(0.2)
        try:
            report(LEAVING)
        except OSError:
            pass
        serve()
        """)
    assert rig.visit(tenant) == b"pid 1 hello"
    if message:
        wait_until(lambda: "event=peer.refused" in rig.messages(), 30, "it is logged")
    rig.wait_state(tenant, "warm")


def test_descriptors_sent_with_a_report_are_not_taken(rig, tenant):
    rig.pool("""
        report(READY)
        socket.send_fds(reports, [bytes(264)], [0] * 100)
        serve()
        """)
    before = len(os.listdir(f"/proc/{rig.process.pid}/fd"))
    assert rig.visit(tenant) == b"pid 1 hello"
    wait_until(lambda: "a report that cannot be received" in rig.messages(), 30, "they came")
    wait_until(lambda: len(os.listdir(f"/proc/{rig.process.pid}/fd")) <= before + 2, 30, "few")


@pytest.mark.parametrize("how", ["SHUT_RDWR", "SHUT_RD"])
def test_a_listener_that_is_shut_down(rig, tenant, how):
    rig.pool(f"""
        report(READY)
        serve(1)
        listener.shutdown(socket.{how})
        time.sleep(600)
        """)
    inode = os.stat(rig.path(tenant)).st_ino
    assert rig.visit(tenant) == b"pid 1 hello"
    wait_until(lambda: rig.waits() == [1], 30, "it is held back")
    rig.pool(SERVE)
    used = cpu_seconds(rig.process.pid)
    rig.wait_state(tenant, "cold")
    time.sleep(1)
    assert cpu_seconds(rig.process.pid) - used < 0.5
    assert rig.visit(tenant) == b"pid 1 hello"
    assert os.stat(rig.path(tenant)).st_ino != inode
    assert rig.status(tenant)["listener_replaced"] == 1
    assert "event=listener.damaged" in rig.messages()


def test_nobody_can_make_the_closing_of_a_listener_wait(rig, tenant):
    """Visitors that wait are turned away by accept(), and pools share the listener's flags: one
    that clears O_NONBLOCK in a loop would have the supervisor wait for ever.  What was shut down
    nobody opens again, and accept() does not wait there."""
    master = os.pidfd_open(rig.warm_up(tenant)["master_pid"])
    fd = ctypes.CDLL(None, use_errno=True).syscall(SYS_PIDFD_GETFD, master, 3, 0)
    assert fd >= 0, os.strerror(ctypes.get_errno())
    os.close(master)
    with socket.socket(fileno=fd) as copy:
        watch = select.poll()
        watch.register(copy, select.POLLRDHUP)
        assert watch.poll(0) == []
        rig.apply(tenant, "site.example", suspended=True)
        assert watch.poll(0) != []


def test_a_listener_that_refuses(rig, tenant):
    """listen(0) and O_NONBLOCK reach the supervisor's copy; the next pool gets it mended."""
    rig.pool("""
        report(READY)
        serve(1)
        listener.listen(0)
        listener.setblocking(False)
        time.sleep(1)
        sys.exit(0)
        """)
    assert rig.visit(tenant) == b"pid 1 hello"
    rig.wait_state(tenant, "cold")
    rig.pool("report(READY)\nblocking = listener.getblocking()\ntime.sleep(1)\nserve()\n")
    visitors = [rig.connect(tenant) for _ in range(50)]
    for visitor in visitors:
        visitor.sendall(b"x")
        assert visitor.recv(100) == b"pid 1 x"
        visitor.close()


def test_replaced_without_losing_a_visitor(rig, tenant):
    rig.pool(QUIT)
    assert rig.visit(tenant) == b"pid 1 hello"
    rig.pool("time.sleep(0.5)\n" + QUIT)
    rig.apply(tenant, "site.example", max_children=7)
    for _ in range(100):
        assert rig.visit(tenant) == b"pid 1 hello"
        time.sleep(0.01)
    status = wait_until(lambda: (now := rig.status(tenant))["generation"] == 2 and now, 30,
                        "handed over")
    assert (status["pool_state"], status["crashes"]) == ("warm", 0)
    wait_until(lambda: len(rig.pids(tenant)) == 1, 30, "the old one has gone")
    # What is live is not replaced for.
    rig.apply(tenant, "site.example", max_children=7, memory_max=64 << 20, revision=2)
    status = rig.status(tenant)
    assert (status["generation"], status["memory_max"]) == (2, 64 << 20)


def test_a_replacement_that_fails_leaves_the_old_one(rig, tenant):
    assert rig.visit(tenant) == b"pid 1 hello"
    rig.pool("report(FAILED, text=b'bad option')\nsys.exit(1)\n")
    rig.client.ask("RECYCLE", tenant)
    wait_until(lambda: rig.status(tenant)["last_error"] == "bad option", 30, "it is told")
    assert rig.status(tenant)["generation"] == 1
    assert rig.visit(tenant) == b"pid 1 hello"


@pytest.mark.parametrize("is_warm", [False, True], ids=["cold", "warm"])
def test_changes_in_a_row_lose_no_visitor_of_a_pool_on_its_way(rig, tenant, is_warm):
    """Its workers serve before the supervisor has read that it is ready."""
    if is_warm:
        rig.pool("signal.signal(signal.SIGQUIT, lambda *_: os._exit(0))\n"
                 "report(READY)\nserve(1)\nsignal.pause()\n")
        assert rig.visit(tenant) == b"pid 1 hello"
    rig.pool("peer, _ = listener.accept()\npeer.sendall(b'seen')\npeer.recv(10)\n"
             "peer.sendall(b'done')\npeer.close()\n" + QUIT)
    if is_warm:
        rig.apply(tenant, "site.example", max_children=7)
    with rig.connect(tenant) as visitor:
        assert visitor.recv(10) == b"seen"
        rig.pool(QUIT)
        rig.apply(tenant, "site.example", max_children=8)
        visitor.sendall(b"go on")
        assert visitor.recv(10) == b"done"
    # And the last change comes all the same.
    wait_until(lambda: rig.status(tenant)["generation"] == is_warm + 2, 30, "the newest")
    wait_until(lambda: len(rig.pids(tenant)) == 1, 30, "the others have gone")
    status = rig.warm_up(tenant)
    assert (status["pool_state"], status["crashes"]) == ("warm", 0)


def test_a_change_while_a_pool_fails_to_start(rig, tenant):
    """It is tried at once with what is wanted now, for the visitor who waits."""
    go, begun = rig.folder / "go", rig.folder / "begun"
    begun.touch()
    begun.chmod(0o666)
    rig.pool(f"""
        open("{begun}", "w").write("x")
        while not os.path.exists("{go}"):
            time.sleep(0.02)
        sys.exit(1)
        """)
    with rig.connect(tenant) as visitor:
        visitor.sendall(b"hello")
        rig.wait_state(tenant, "starting")
        wait_until(begun.read_text, 30, "it runs")
        rig.apply(tenant, "site.example", max_children=8)
        rig.pool(QUIT)
        go.touch()
        assert visitor.recv(100) == b"pid 1 hello"
    assert rig.status(tenant)["generation"] == 2


def test_a_change_while_old_pools_take_all_places(rig, tenant):
    assert rig.visit(tenant) == b"pid 1 hello"      # ignores SIGQUIT, as pid 1 does
    first = rig.status(tenant)["master_pid"]
    for generation in (2, 3, 4):
        rig.apply(tenant, "site.example", max_children=generation)
        wait_until(lambda: rig.status(tenant)["generation"] == generation, 30, "handed over")
    rig.apply(tenant, "site.example", max_children=5)
    assert rig.status(tenant)["generation"] == 4
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: rig.status(tenant)["generation"] == 5, 30, "the newest")
    assert rig.visit(tenant) == b"pid 1 hello"


@pytest.mark.slow
def test_an_old_pool_that_does_not_leave_is_killed(rig):
    number = rig.add("site.example", request_terminate_timeout=1)
    assert rig.visit(number) == b"pid 1 hello"      # ignores SIGQUIT, as pid 1 does
    rig.client.ask("RECYCLE", number)
    rig.wait_state(number, "warm")
    wait_until(lambda: rig.status(number)["generation"] == 2, 30, "handed over")
    assert len(rig.pids(number)) == 2
    wait_until(lambda: len(rig.pids(number)) == 1, 30, "the old one is killed")
    assert rig.visit(number) == b"pid 1 hello"


def test_drains_first_where_memory_is_short(rig):
    number = rig.add("site.example", memory_max=32 << 20)
    rig.pool("data = bytearray(17 << 20)\n" + QUIT)
    assert rig.visit(number) == b"pid 1 hello"
    rig.client.ask("RECYCLE", number)
    rig.wait_state(number, "cold")
    status = rig.warm_up(number)
    assert (status["generation"], status["crashes"]) == (2, 0)


def test_suspend_and_resume(rig, tenant):
    assert rig.visit(tenant) == b"pid 1 hello"
    rig.apply(tenant, "site.example", suspended=True)
    assert rig.pids(tenant) == [], "gone before the reply"
    assert not rig.path(tenant).exists()
    assert rig.list()[tenant][2:] == (1, "cold")
    with pytest.raises(Refused):
        rig.client.ask("RECYCLE", tenant)
    rig.apply(tenant, "site.example")
    assert rig.visit(tenant) == b"pid 1 hello"


def test_remove_leaves_nothing(rig, tenant):
    rig.pool("if os.fork() == 0:\n    os.setsid()\n    time.sleep(600)\n" + SERVE)
    assert rig.visit(tenant) == b"pid 1 hello"
    assert len(rig.pids(tenant)) == 2
    rig.client.ask("REMOVE", tenant, rig.tenant("site.example"))
    assert rig.pids(tenant) == []
    assert rig.cgroup_folders(tenant) == []
    assert not rig.path(tenant).parent.exists()
    assert rig.list() == {}
    wait_until(lambda: not rig.store, 30, "the store is empty")
    with pytest.raises(Refused) as refused:
        rig.client.ask("STATUS", tenant)
    assert refused.value.code == ERR_UNKNOWN_SITE


@pytest.mark.parametrize("how", ["REMOVE", "suspend"])
def test_processes_of_a_removed_tenant_end(rig, tenant, how):
    """One that left its session, and one that ignores whatever can be ignored."""
    rig.pool("for _ in range(2):\n if os.fork() == 0:\n  os.setsid()\n"
             "  for each in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:\n"
             "   signal.signal(each, signal.SIG_IGN)\n  time.sleep(120)\n  os._exit(0)\n" + SERVE)
    assert rig.visit(tenant).startswith(b"pid ")
    left = wait_until(lambda: len(found := rig.pids(tenant)) == 3 and found, 30, "they run")
    try:
        if how == "suspend":
            rig.apply(tenant, "site.example", suspended=True)
        else:
            rig.client.ask("REMOVE", tenant, rig.tenant("site.example"))
        for pid in left:
            wait_until(lambda: not procs.is_running(pid), 20, "it has ended")
    finally:
        for pid in left:
            if procs.is_running(pid):
                os.kill(pid, signal.SIGKILL)


def test_queue_of_the_listener_is_shown(rig, tenant):
    rig.pool("report(READY)\ntime.sleep(600)\n")
    visitors = [rig.connect(tenant) for _ in range(3)]
    rig.wait_state(tenant, "warm")
    assert rig.status(tenant)["listen_queue"] == 3
    for visitor in visitors:
        visitor.close()


def test_out_of_memory_is_told(rig):
    number = rig.add("site.example", memory_max=32 << 20)
    rig.pool("report(READY)\nserve(1)\ndata = bytearray(200 << 20)\n")
    assert rig.visit(number) == b"pid 1 hello"
    wait_until(lambda: rig.waits() == [1], 30, "it is held back")
    status = rig.status(number)
    assert "memory limit" in status["last_end"] and status["memory_oom_kill"] >= 1


@pytest.mark.slow
def test_a_pool_that_never_gets_ready(rig, tenant):
    rig.pool("time.sleep(600)\n")
    visitor = rig.connect(tenant)
    rig.wait_state(tenant, "starting")
    wait_until(lambda: rig.waits() == [1], 60, "it is held back")
    assert rig.status(tenant)["last_error"] == "it was not ready in time"
    visitor.close()
