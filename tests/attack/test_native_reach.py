# SPDX-License-Identifier: Apache-2.0
"""What native code can reach of the victim and of the host: its files, memory, processes, sockets, IPC; by
path, by number, by every descriptor that it holds."""
import contextlib
import errno
import itertools
import os
import re
import signal
import socket
import struct

import pytest

from tests.attack.conftest import comes_back
from tests.lib import procs
from tests.lib.native import R, Room, outside
from tests.lib.pair import KEY
from tests.lib.procs import wait_until

GONE = -errno.ENOENT
EPERM, EACCES, ESRCH = -errno.EPERM, -errno.EACCES, -errno.ESRCH
SIZE = 4096


def planted(pair, good):
    """Paths where the victim's word, or what leads to it, can be read by root."""
    folder, number = pair.system.folder, good.number
    by_process = []
    for pid in good.pids():
        root = f"/proc/{pid}/root"
        by_process += [f"/proc/{pid}/{name}" for name in ("environ", "maps", "mem", "cmdline", "status", "stack",
                                                          "syscall", "cwd", "fd", "ns/mnt", "ns/net")]
        by_process += [root + good.config, f"/proc/{pid}/cwd/../private/wp-config.php",
                       root + good.temporary, f"{root}/dev/shm/{good.word}"]
    logs = [str(p) for p in (folder / "log").rglob("*.log") if good.name in str(p) or "nginx" in p.name]
    state = [str(p) for top in ("state", "lib", "run", "etc", "keep") for p in (folder / top).rglob("*")
             if p.is_file() or p.is_fifo()]
    return {
        "home": [good.home, good.config, good.dotenv, good.session, f"{good.home}/public/open.txt",
                 f"{good.home}/sessions", f"{good.home}/logs", f"{good.home}/logs/php.log"],
        "processes": by_process, "logs": logs, "state": state,
        "host": ["/etc/shadow", "/etc/machine-id", "/root", "/home", "/var/log", "/run/systemd", "/boot", "/sys",
                 "/dev/kmsg", "/dev/mem", "/dev/sda", "/dev/vda", "/proc/kcore", "/proc/kallsyms", "/proc/kmsg",
                 "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sysvipc/shm", "/proc/keys",
                 "/proc/net/unix", "/proc/mounts", "/run/mysqld/mysqld.sock"],
    }


@pytest.mark.parametrize("what", ["home", "processes", "logs", "state", "host"])
def test_by_path(what, way, pair, good, neighbour, system):
    """Opened, listed, statted, linked, renamed, by the plain path and round the corners of /proc."""
    with good.busy(""):
        paths = [p for p in planted(pair, good)[what] if os.path.lexists(p)]
        assert paths, "nothing was planted there"
        found, readable = {}, []
        for path in paths:
            inside = path.startswith("/proc/") and not path.startswith("/proc/sys/")
            steps = [("openat", -100, path, 0), ("read", R(0), Room(SIZE), SIZE),
                     ("openat", -100, path, 1), ("openat", -100, "/proc/self/root" + path, 0),
                     ("openat", -100, "/proc/1/root" + path, 0), ("openat", -100, "/.." + path, 0),
                     ("openat2", -100, path, struct.pack("<3Q", 0, 0, 0), 24), ("truncate", path, 0),
                     ("linkat", -100, path, -100, f"{way.site.home}/private/stolen", 0),
                     ("rename", path, f"{way.site.home}/private/stolen"), ("unlink", path), ("chmod", path, 0o777),
                     ("chown", path, way.site.uid, -1)]
            got = way.run(*steps)
            assert not got.signal, (path, got)
            if max(r for i, r in enumerate(got.results) if i != 1) >= 0:
                found[path] = got.results, got.rooms[0][:200]
            # Not even that it is there: the answer is that for a name that nobody has.
            if not inside and got.results[0] != GONE:
                found[path] = got.results
            # Outside, root reads it: so it was there to be found.
            if outside(system, ("openat", -100, path, 0o4000)).last >= 0:
                readable.append(path)
        own_proc = re.compile(r"^/proc/(mounts|net/unix)$|^/proc/\d+/(maps|cmdline|status|environ|cwd|fd)$")
        assert not {p: f for p, f in found.items() if not own_proc.match(p)}
        assert len(readable) * 2 > len(paths), (paths, readable)
    own = way.run(("openat", -100, way.site.config, 0), ("read", R(0), Room(SIZE), SIZE))
    assert way.site.word.encode() in own.rooms[0]


def descriptors(pid):
    return sorted(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))


def test_by_descriptor(worker, good, neighbour):
    """Every descriptor that a worker holds, as the start of a way out."""
    up = "../" * 16
    targets = [good.config, "/etc/shadow"]
    for fd in descriptors(worker.pid()):
        for target in targets:
            got = worker.run(("openat", fd, up + target[1:], 0), ("openat", fd, "", 0x1000),
                             ("fchdir", fd), ("openat", -100, "..", 0o200000), ("openat", R(3), up + target[1:], 0),
                             ("linkat", fd, "", -100, f"{worker.site.home}/private/stolen", 0x1000),
                             ("openat", -100, f"/proc/self/fd/{fd}/{up}{target[1:]}", 0),
                             ("chdir", worker.site.home + "/public"))
            assert not got.signal
            assert all(got.results[i] < 0 for i in (0, 4, 6)), (fd, target, got.results)
    assert worker.run(("openat", -100, worker.site.home + "/private", 0o200000),
                      ("openat", R(0), "../private/wp-config.php", 0)).last >= 0


@contextlib.contextmanager
def stopped(pid):
    """A worker that waits may leave at any time."""
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: procs.field(pid, "State")[:1] in (["T"], ["Z"], []), 30, f"{pid} stands still")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def memory(pid, words):
    """Which of WORDS lie anywhere in a process's memory: all that code in it could ever read."""
    found = set()
    longest = max(len(w) for w in words)
    with stopped(pid), open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for line in procs.read(pid, "maps").splitlines():
            place, rights = line.split()[:2]
            if rights[0] != "r" or "[v" in line:
                continue
            at, end = (int(x, 16) for x in place.split("-"))
            tail = b""
            while at < end:
                try:
                    mem.seek(at)
                    data = mem.read(min(1 << 20, end - at))
                except OSError:
                    break
                if not data:
                    break
                found |= {w for w in words if w in tail + data}
                tail, at = data[-longest:], at + len(data)
    return found


def test_memory(worker, bad, good, neighbour, pair):
    """OPcache, APCu, environment, stacks, shared memory: the whole address space of the attacker's processes
    holds nothing of the victim, and no memory is shared with one of his."""
    good.run("return [getenv(), include $a[0]];", good.config)
    words = [bad.word.encode(), good.word.encode(), good.name.encode(), str(good.uid).encode()]
    for pid in (worker.pid(), worker.master()):
        found = memory(pid, words)
        assert found == {words[0]} if pid != worker.master() else found <= {words[0]}, (pid, found)
    with good.busy(""):
        assert any(words[1] in memory(p, words) for p in good.pids()), "not even the victim's own has it"

        def shared(pids):
            return {line.split()[3:5][0] + ":" + line.split()[4] for p in pids
                    for line in procs.read(p, "maps").splitlines() if line.split()[1].endswith("s")
                    and "w" in line.split()[1]}
        mine, theirs = shared(bad.pids()), shared(good.pids())
        assert mine and theirs and not mine & theirs


# ---- processes -----------------------------------------------------------------
def hosts_pids(system):
    own = {os.getpid(), system.pid("tenantd"), system.pid("nginx"), system.pid("tree"),
           system.child_pid("tenant-control"), system.child_pid("tenant-log")}
    return own - {None}


ON_PROCESSES = {
    "kill 0": ("kill", 0, 0), "kill 9": ("kill", 0, 9), "kill group": ("kill", 0, 15), "tkill": ("tkill", 0, 9),
    "rt_sigqueueinfo": ("rt_sigqueueinfo", 0, 9, bytes(128)), "getpgid": ("getpgid", 0), "getsid": ("getsid", 0),
    "setpgid": ("setpgid", 0, 0), "getpriority": ("getpriority", 0, 0),
    "sched_getaffinity": ("sched_getaffinity", 0, 128, Room(128)), "sched_getscheduler": ("sched_getscheduler", 0),
    "sched_getparam": ("sched_getparam", 0, Room(8)), "prlimit64": ("prlimit64", 0, 7, 0, Room(16)),
    "get_robust_list": ("get_robust_list", 0, Room(8), Room(8)), "ioprio_get": ("ioprio_get", 1, 0),
    "pidfd_open": ("pidfd_open", 0, 0), "capget": ("capget", struct.pack("<Ii", 0x20080522, 0), Room(24)),
    "setpriority": ("setpriority", 0, 0, 19), "sched_setaffinity": ("sched_setaffinity", 0, 8, b"\1" * 8),
    "migrate_pages": ("migrate_pages", 0, 8, bytes(8), bytes(8)), "wait4": ("wait4", 0, 0, 1, 0),
}
PLACE = {"getpriority": 2, "setpriority": 2, "ioprio_get": 2}
OWN = ("kill 0", "getpgid", "getsid", "getpriority", "sched_getaffinity", "sched_getscheduler", "sched_getparam",
       "ioprio_get", "capget")
REFUSED = ("get_robust_list",)      # also of its own process


def aimed(name, pid):
    """The step, at a process."""
    step = list(ON_PROCESSES[name])
    if name == "capget":
        step[1] = struct.pack("<Ii", 0x20080522, pid)
    else:
        step[PLACE.get(name, 1)] = -pid if name == "kill group" else pid
    return tuple(step)


@pytest.mark.parametrize("name", ON_PROCESSES)
def test_processes(name, way, pair, good, neighbour, system):
    inside = max([int(n) for n in way.site.run("return array_map('basename', glob('/proc/[0-9]*'));")])
    with good.busy(""):
        victims = set(good.pids())      # once: its visitors may bring another worker at any time
        pids = sorted(p for p in victims | hosts_pids(system) if p > inside + 50)
        assert victims and victims <= set(pids)
        got = way.run(*(aimed(name, pid) for pid in pids))
        assert not got.signal and not [r for r in got.results if r not in (ESRCH, EPERM, -errno.EINVAL,
                                                                           -errno.ECHILD)], got.results
    if name in OWN:
        mine = way.run(("getpid",), (ON_PROCESSES[name][0], *[R(0) if i + 1 == PLACE.get(name, 1) else a for i, a in
                                                             enumerate(ON_PROCESSES[name][1:])]))
        assert mine.last >= 0 or name == "capget"
    if name in OWN + REFUSED and "kill" not in name:
        assert outside(system, aimed(name, os.getpid())).last >= 0


def test_everybody(worker, neighbour, bad):
    """kill(-1): reaches its own cage; the master of its pool takes no harm from a killing signal."""
    master = worker.master()
    for number in (1, 2, 9, 10, 12, 15, 19, 31):
        worker.run(("kill", -1, number), ("kill", 1, number) if number in (9, 19) else ("kill", 1, 0))
        comes_back(bad)
        assert procs.field(master, "State")[:1] not in ([], ["T"], ["Z"], ["X"]) or number == 15
    for number in (1, 2, 3, 10, 12, 15):
        worker.run(("kill", 1, number))
        comes_back(bad)


# ---- IPC and sockets -------------------------------------------------------------
def test_ipc(worker, bad, good, neighbour):
    """System V by key and by every number; POSIX queues; both are the cage's own."""
    other = KEY + 1
    good.run("""$s = shm_attach($a[0], 10000, 0666); shm_put_var($s, 1, $a[1]); sem_get($a[0], 1, 0666);
        msg_send(msg_get_queue($a[0], 0666), 1, $a[1]); return 1;""", other, good.word)
    for call, size in (("shmget", (0,)), ("semget", (0,)), ("msgget", ())):
        assert worker.run((call, KEY, *size, 0)).last >= 0
        assert worker.run((call, other, *size, 0)).last == GONE
    seen = worker.run(*(("shmat", i, 0, 0o10000) for i in range(256)),
                      *(("shmctl", i, 13, Room(112)) for i in range(64)),
                      *(("msgctl", i, 11, Room(112)) for i in range(64)),
                      *(("msgrcv", i, Room(512), 500, 0, 0o4000) for i in range(64)))
    text = b"".join(seen.rooms)
    assert not seen.signal and good.word.encode() not in text
    assert good.word.encode() not in b"".join(bytes(m, "ascii") for m in map(
        str, memory(worker.pid(), [good.word.encode()])))
    assert worker.run(("mq_open", "/x", 0o102, 0o600, 0)).last == EPERM
    assert good.run("$s = shm_attach($a[0]); $v = shm_get_var($s, 1); shm_remove($s);"
                    "msg_remove_queue(msg_get_queue($a[0])); return $v;", other) == good.word


def address(path):
    return struct.pack("<H", 1) + path.encode() + b"\0"


def test_sockets_of_others(way, pair, good, neighbour, system):
    """Unix sockets by path, php.sock of both pools among them, and by abstract name; loopback; the metadata
    service; all of them from a process without privilege and from every descriptor."""
    at = f"{good.home}/tmp/own.sock"
    with good.busy("$s = stream_socket_server('unix://' . $a[0]); $t = stream_socket_server('unix://' . chr(0) . $a[1]);",
                   at, good.word), socket.socket(socket.AF_UNIX) as host, socket.socket() as port:
        host.bind(f"\0{good.word}-host")
        host.listen()
        port.bind(("127.0.0.1", 0))
        port.listen()
        paths = [at, *(str(p) for p in pair.system.folder.rglob("*") if p.is_socket())]
        assert sum(p.endswith("php.sock") for p in paths) >= 2
        names = [b"\0" + good.word.encode(), b"\0" + good.word.encode() + b"-host"]
        unix = [address(p) for p in paths] + [struct.pack("<H", 1) + n for n in names]
        for name in unix:
            for kind in (1, 2, 5):
                got = way.run(("socket", 1, kind, 0), ("connect", R(0), name, len(name)),
                              ("socket", 1, 2, 0), ("sendto", R(2), b"x", 1, 0, name, len(name)),
                              ("bind", R(0), name, len(name)) if name[2:3] != b"\0" else ("getpid",))
                assert got.results[1] < 0 and got.results[3] < 0, (name, kind, got.results)
                assert name[2:3] == b"\0" or got.results[4] < 0
        reached = [n for n in unix if outside(system, ("socket", 1, 1, 0), ("connect", R(0), n, len(n))).last == 0]
        assert len(reached) >= 5, reached
        for host_address, number in itertools.product(("127.0.0.1", "127.9.9.9", "0.0.0.0", "169.254.169.254"),
                                                      (port.getsockname()[1], pair.system.port, 80)):
            inet = struct.pack(">2sH4s8x", b"\2\0", number, socket.inet_aton(host_address))
            got = way.run(("socket", 2, 1 | 0o4000, 0), ("connect", R(0), inet, 16),
                          ("nanosleep", struct.pack("<2q", 0, 50_000_000), 0), ("connect", R(0), inet, 16))
            assert got.last < 0 and got.last != -errno.EISCONN, (host_address, number, got.results)
        inet = struct.pack(">2sH4s8x", b"\2\0", port.getsockname()[1], socket.inet_aton("127.0.0.1"))
        assert outside(system, ("socket", 2, 1, 0), ("connect", R(0), inet, 16)).last == 0
    os.unlink(at)


def test_what_protects_the_host(way, neighbour):
    """oom_score_adj, core_pattern, limits, names: nothing that steers the host can be written."""
    for path in ("/proc/self/oom_score_adj", "/proc/self/oom_adj", "/proc/self/loginuid", "/proc/self/setgroups",
                 "/proc/self/uid_map", "/proc/self/attr/exec", "/proc/self/coredump_filter", "/proc/self/timerslack_ns",
                 "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sysrq-trigger",
                 "/proc/self/clear_refs", "/proc/self/comm", "/proc/self/mem", "/proc/self/timens_offsets"):
        got = way.run(("openat", -100, path, 1), ("openat", -100, path, 2), ("openat", -100, path, 0o1001))
        assert max(got.results) < 0, path
    for limit in range(16):
        got = way.run(("prlimit64", 0, limit, 0, Room(16)))
        soft, hard = struct.unpack("<QQ", got.rooms[0])
        if hard != 2**64 - 1:
            more = struct.pack("<QQ", soft, hard + 1)
            assert way.run(("prlimit64", 0, limit, more, 0)).last == EPERM
            assert way.run(("setrlimit", limit, more)).last == EPERM
    assert way.run(("setuid", 0)).last == EPERM and way.run(("setresuid", 0, 0, 0)).last == EPERM
    assert way.run(("setpriority", 0, 0, -5)).last in (EPERM, EACCES)
    assert way.run(("openat", -100, "/proc/self/status", 0)).last >= 0
