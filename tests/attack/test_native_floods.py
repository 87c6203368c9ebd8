# SPDX-License-Identifier: Apache-2.0
"""What native code can use up or break: its listener, its pool's board, the channel to the supervisor, logs,
memory, processes, descriptors, watches, timers.  The victim's visitors never notice, root's programs neither
spin nor hang nor grow, and the hostile site itself comes back when it has done."""
import datetime
import errno
import fcntl
import os
import re
import struct
import time

import pytest

from tests.attack.conftest import AsProgram, InWorker, comes_back
from tests.lib import procs
from tests.lib.native import COPY, FILL, Inside, Pointers, R, Room, Times
from tests.lib.procs import wait_until

LISTENER, REPORT, LOG, BOARD = 3, 5, 6, 10
EPERM = -errno.EPERM
LONG_S = 240        # a master ends a worker that is silent for 125 s
pytestmark = pytest.mark.usefixtures("neighbour")


def fresh(site):
    """Another pool, with another namespace, whatever the one before has lost.  One that leaves as soon as it is
    ready is held back, so it gets two seconds first."""
    comes_back(site)
    status = wait_until(lambda: (s := site.system.status(site.name))["pool_state"] == "warm" and s, 60, "a pool")
    wait_until(lambda: time.time() - datetime.datetime.fromisoformat(status["since"]).timestamp() > 2, 10, "it is old")
    os.kill(status["master_pid"], 15)
    wait_until(lambda: not procs.is_running(status["master_pid"]), 60, "the pool has left")
    comes_back(site)


def supervisor(system):
    pid = system.pid("tenantd")
    return len(os.listdir(f"/proc/{pid}/fd")), int(procs.field(pid, "VmRSS")[0])


def lets_go(system, fds):
    """It does not keep descriptors; those of a start that is under way go by and by."""
    wait_until(lambda: supervisor(system)[0] <= fds + 8, 30, "the supervisor lets go of descriptors")


# ---- its listener ----------------------------------------------------------------
ON_LISTENER = {
    "shutdown": [("shutdown", LISTENER, 2)],
    "listen 0": [("listen", LISTENER, 0)],
    "listen -1": [("listen", LISTENER, -1)],
    "nonblocking": [("fcntl", LISTENER, 4, 0o4000)],
    "blocking": [("fcntl", LISTENER, 4, 0)],
    "async": [("fcntl", LISTENER, 4, 0o20000), ("fcntl", LISTENER, 8, 1)],
    "accept all": [("fcntl", LISTENER, 4, 0o4000), Times(("accept4", LISTENER, 0, 0, 0o4000), 300)],
    "bind": [("bind", LISTENER, struct.pack("<H", 1), 2)],
    "connect": [("connect", LISTENER, struct.pack("<H", 0), 2)],
    "options": [("setsockopt", LISTENER, 1, o, struct.pack("<2q", 1, 1), 16) for o in range(1, 80)],
    "receive": [("recvfrom", LISTENER, Room(64), 64, 0x40, 0, 0)],
    "replace": [("socket", 1, 1, 0), ("dup2", R(0), LISTENER)],
    "close": [("close", LISTENER)],
    "epoll": [("epoll_create1", 0), ("epoll_ctl", R(0), 1, LISTENER, struct.pack("<IQ", 1 | 1 << 31, 0))],
    "connect to itself": [("getsockname", LISTENER, Room(128), struct.pack("<I", 128)),
                          ("socket", 1, 1 | 0o4000, 0), ("connect", R(1), Room(2), 110)],
}


@pytest.mark.parametrize("name", ON_LISTENER)
@pytest.mark.parametrize("who", ["worker", "master"])
def test_listener(name, who, worker, system):
    fds, _ = supervisor(system)
    pid = worker.pid()
    got = Inside(system, worker.master() if who == "master" else pid).run(*ON_LISTENER[name], keep=True)
    assert len(got.results) == len(ON_LISTENER[name]) or got.signal
    comes_back(worker.site)
    lets_go(system, fds)


# ---- the channel to the supervisor, and the board ----------------------------------
def told(kind, times=1, number=-1, text=b""):
    """A report of the right form."""
    whole = struct.pack("<Iii4xQ256s", kind, number, number, 2**64 - 1, text)
    return Times(("sendto", REPORT, whole, len(whole), 0x4040, 0, 0), times)


def along(fd, count):
    """What sendmsg takes to send COUNT times descriptor FD along with one byte."""
    control = struct.pack("<Qii", 16 + 4 * count, 1, 1) + struct.pack(f"<{count}i", *[fd] * count)
    return Pointers(0, 0, Pointers(b"x", 1), 1, control, 16 + 4 * count, 0)


FORGED = {
    "garbage": [Times(("sendto", REPORT, os.urandom(512), 512, 0x4040, 0, 0), 3)],
    "empty": [Times(("sendto", REPORT, b"", 0, 0x4040, 0, 0), 3)],
    "one byte": [("sendto", REPORT, b"\1", 1, 0x4040, 0, 0)],
    "large": [("sendto", REPORT, bytes(60000), 60000, 0x4040, 0, 0)],
    "ready again": [told(1)],
    "failed, but serves": [told(2, text=b"'\nevent=pool.ready tenant=1" + b"\xff\x1b[2J" * 40)],
    "leaving, but stays": [told(3)],
    "no end of text": [told(4, text=b"x" * 256)],
    "lies about numbers": [told(4, number=2**31 - 1), told(4, number=-2**31)],
    "flood of ready": [told(1, 20000)],
    "flood of numbers": [told(4, 20000)],
    "flood of all": [step for _ in range(300) for step in (told(1), told(4), told(2), told(3))],
    "every kind and size": [("sendto", REPORT, struct.pack("<I", kind) + bytes(300), size, 0x4040, 0, 0)
                            for kind in (*range(16), 2**31, 2**32 - 1) for size in (4, 8, 279, 280, 281, 304)],
    "half closed": [("shutdown", REPORT, 1)],
    "closed": [("shutdown", REPORT, 2), ("close", REPORT)],
    "never read": [Times(("sendto", REPORT, bytes(4096), 4096, 0x4040, 0, 0), 2000)],
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_reports(name, worker, system):
    """The master of the pool, taken over, lies to the supervisor."""
    fresh(worker.site)
    fds, kilobytes = supervisor(system)
    Inside(system, worker.master()).run(*FORGED[name])
    comes_back(worker.site)
    lets_go(system, fds)
    assert supervisor(system)[1] < kilobytes + 20000


def test_descriptors_sent_along(worker, system):
    """SCM_RIGHTS: what a pool sends to the supervisor does not stay there."""
    worker.pid()
    fds, _ = supervisor(system)
    for sent in (0, LISTENER, LOG):
        fresh(worker.site)
        got = Inside(system, worker.master()).run(Times(("sendmsg", REPORT, along(sent, 64), 0x4040), 500))
        assert got.good[0] > 0, got
    lets_go(system, fds)


@pytest.mark.parametrize("byte", [0, 0x01, 0x7f, 0xff])
def test_board(byte, worker, system, bad):
    """All that pool, master and supervisor read of the shared board is a lie."""
    inside = Inside(system, worker.pid())
    place = next(m[0] for m in inside.maps() if m[1] == "rw-s" and "board" in m[-1])
    at, end = (int(x, 16) for x in place.split("-"))
    inside.run((FILL, at, byte, end - at))
    status = system.status(bad.name)
    assert status["pool_state"] in ("warm", "starting", "backoff", "draining", "cold")
    system.ctl("status", bad.name, check=True)
    comes_back(bad)
    inside = Inside(system, worker.pid())
    place = next((m[0] for m in inside.maps() if m[1] == "rw-s" and "board" in m[-1]), place)
    at, end = (int(x, 16) for x in place.split("-"))
    noise = os.urandom(2048)
    inside.run(*((COPY, at + i, noise, 2048) for i in range(0, end - at - 2047, 2048)))
    system.ctl("status", bad.name, "--json", check=True)
    comes_back(bad)


def test_a_log_that_waits(worker):
    """O_NONBLOCK taken away: the worker then waits for the log's reader, its master never does."""
    master = worker.master()
    for fd in (1, 2, LOG):
        assert worker.run(("fcntl", fd, fcntl.F_SETFL, 0)).last == 0
    waits = {fd: not int(re.search(r"flags:\s+(\d+)", procs.read(master, f"fdinfo/{fd}"))[1], 8) & os.O_NONBLOCK
             for fd in (2, LOG)}
    assert worker.run(("fcntl", 2, fcntl.F_SETFL, os.O_NONBLOCK)).last == 0
    assert waits == {2: True, LOG: False}, "2 is the workers', to whom nothing else was given"


# ---- using up ----------------------------------------------------------------------
def words(size):
    return b"flood " * (size // 6)


def test_log(worker, system, good):
    """Pipes towards logs, filled as fast as can be; the victim's lines are written meanwhile."""
    line = words(4096)
    for fd in (2, LOG, 8, 9):
        worker.run(Times(("write", fd, line, len(line)), 20000))
    logs = system.folder / "log/sites"
    log = logs / good.name / "php.log"
    good.run("error_log('still ' . $a[0]); return 1;", good.word)
    wait_until(lambda: log.exists() and f"still {good.word}" in log.read_text(errors="replace"), 60,
               "the victim's line is written")
    assert (logs / worker.site.name / "php.log").stat().st_size > 0, "the flood comes through"
    for name in ("php.log", "slow.log", "access.log"):
        own = logs / worker.site.name / name
        assert not own.exists() or own.stat().st_size <= 66 << 20


IPC = ("shared memory", "semaphores", "queues")
BOUNDED = {
    "descriptors": (Times(("dup", 0), 30000), 1024),
    "sockets": (Times(("socket", 1, 1, 0), 30000), 1024),
    "epoll": (Times(("epoll_create1", 0), 30000), 1024),
    "event": (Times(("eventfd2", 0, 0), 30000), 1024),
    "timer descriptors": (Times(("timerfd_create", 0, 0), 30000), 1024),
    "pipes": (Times(("pipe2", Room(8), 0), 30000), 1024),
    "shared memory": (Times(("shmget", 0, 1 << 20, 0o1600), 5000), 4096),
    "semaphores": (Times(("semget", 0, 250, 0o1600), 40000), 32000),
    "queues": (Times(("msgget", 0, 0o1600), 40000), 32000),
    "locked memory": (Times(("mmap", 0, 1 << 20, 3, 0x2022, -1, 0), 10), 0),
    "files": (Times(("openat", -100, "/tmp", 0o20200002, 0o600), 3000), 1024),
}


@pytest.mark.parametrize("what", BOUNDED)
def test_bounded(what, way, good):
    step, most = BOUNDED[what]
    comes_back(way.site)
    got = way.run(step, limit_s=LONG_S)
    assert got.signal or got.good[0] <= most, got
    assert got.signal or got.good[0] < step.times
    assert not got.killed and (got.signal or not most or got.good[0] > 0), got
    assert good.run("$f = []; for ($i = 0; $i < 50; $i++) $f[] = fopen('php://memory', 'r') && tmpfile(); return 1;") == 1
    comes_back(way.site)
    if what in IPC:
        fresh(way.site)


def test_watches(armed, good, pair):
    """inotify: its instances are counted by uid, so the victim has his own."""
    way = AsProgram(armed)
    got = way.run(Times(("inotify_init1", 0), 3000))
    assert got.good[0] < 3000
    assert way.run(("inotify_init1", 0), ("inotify_add_watch", R(0), "/tmp", 2)).last >= 0


def test_fork_bomb(armed, pair, good):
    """Each child goes on with the order and forks in turn, until the cage is full."""
    way = AsProgram(armed)
    more = pair.system.show(armed.name)["options"]["pids_max"]
    before = pair.system.status(armed.name)["pids_max_hit"]
    got = way.run(*[("clone", 17, 0, 0, 0, 0)] * 12, ("nanosleep", struct.pack("<2q", 2, 0), 0))
    assert not got.signal
    status = pair.system.status(armed.name)
    assert status["pids_max_hit"] > before and status["pids_current"] <= int(more)
    comes_back(armed)
    wait_until(lambda: pair.system.status(armed.name)["pids_current"] < 20, 60, "the bomb has burnt out")


def test_memory_bomb(way, system, good):
    """Beyond its limit the kernel takes a process of the cage, and of no other."""
    before = system.status(good.name)["memory_oom_kill"]
    step = ("mmap", 0, 1 << 30, 3, 0x22, -1, 0)
    got = way.run(step, (FILL, R(0), 1, 1 << 30), limit_s=LONG_S)
    assert got.signal == 9, got
    assert system.status(way.site.name)["memory_oom_kill"] >= 1
    assert system.status(good.name)["memory_oom_kill"] == before
    comes_back(way.site)


def test_threads(worker, good, system):
    """Threads are what a worker may make; each spins in its place on one stack."""
    flags = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000
    got = worker.run(("mmap", 0, 1 << 20, 3, 0x22, -1, 0), ("getpid",), ("clone", flags, 0, 0, 0, 0, ))
    # A signal: the new thread, which nobody traces, met a breakpoint, and that ends the process.
    assert not got.killed and (got.signal or got.last > 0), got
    comes_back(worker.site)
    assert system.status(worker.site.name)["pids_current"] <= 100


def test_timers_and_signals(worker, good):
    """POSIX timers and queued signals are bounded by RLIMIT_SIGPENDING, by uid."""
    got = worker.run(Times(("timer_create", 1, 0, Room(8)), 200000), limit_s=LONG_S)
    assert got.signal or 0 < got.good[0] < 200000
    fresh(worker.site)      # the timers go with their process
    got = worker.run(("rt_sigprocmask", 0, b"\xff" * 8, 0, 8), ("getpid",),
                     Times(("rt_sigqueueinfo", R(1), 40, struct.pack("<3i", 40, 0, -1) + bytes(116)), 200000), limit_s=LONG_S)
    assert got.signal or 0 < got.good[2] < 200000
    comes_back(worker.site)


def test_crash_after_crash(worker, system, good):
    """A worker that dies at once, again and again: the pool's rate of starting is bounded."""
    for _ in range(12):
        assert InWorker.run(worker, ("ptrace", 16, 1, 0, 0)).killed
    assert good.run("return 1;") == 1
    comes_back(worker.site)
