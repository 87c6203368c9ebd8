# SPDX-License-Identifier: Apache-2.0
"""The kernel's surface under native code: every number of the system call table, every socket family,
request, option and flag.  What is let through must be in the table of the filters, what is refused must do
something outside the cage, and what only an attacker calls ends the process."""
import errno
import itertools
import pathlib
import re
import subprocess

import pytest

from tests.lib.native import NUMBERS, R, ROOT, Room, Times, outside

EPERM, ENOSYS = -errno.EPERM, -errno.ENOSYS
NAMES = {number: name for name, number in NUMBERS.items()}
TOP = 480
# uretprobe and uprobe: made by the kernel's own trampoline alone; newer kernels ask no filter and refuse them
# to everybody else by themselves.
TRAMPOLINES = {335, 336}
BAD = (-1,) * 6

ROW = re.compile(r"^(?:SYSCALL|CHECKED)\((\w+), (\w+),", re.M)
GROUPS = dict(ROW.findall((ROOT / "sandbox/syscalls.def").read_text()))

# What the table must say, whoever changes it: the calls by which cages have been left.
ENDS = """ptrace process_vm_readv process_vm_writev pidfd_getfd kcmp unshare setns mount umount2 pivot_root open_tree
    move_mount mount_setattr fsopen fsmount fsconfig fspick open_by_handle_at bpf perf_event_open
    userfaultfd add_key request_key keyctl init_module finit_module delete_module kexec_load kexec_file_load reboot
    swapon swapoff acct iopl ioperm modify_ldt fanotify_init""".split()
REFUSED = """clone3 chroot name_to_handle_at io_uring_setup io_uring_enter io_uring_register fanotify_mark io_setup vmsplice splice tee remap_file_pages mbind set_mempolicy
    migrate_pages move_pages mq_open sync syncfs quotactl sched_setaffinity sched_setscheduler setxattr
    personality setuid setgid setgroups setresuid setresgid capset syslog sethostname setdomainname
    settimeofday clock_settime adjtimex vhangup memfd_secret pkey_mprotect pkey_alloc process_madvise
    process_mrelease lookup_dcookie sysfs uselib ustat pidfd_open pidfd_send_signal seccomp
    memfd_create""".split()
# Refused to all in the cage but these, where a plan allows programs.
PROGRAMS = {name for name, group in GROUPS.items() if group == "PROGRAMS"}

# Not made by the control: without arguments that could be wrong, and felt by the whole machine.
NO_CONTROL = {"vhangup", "sync", "fork", "vfork", "exit", "exit_group", "pause", "rt_sigreturn"}


def allowed(way):
    return {n for n, g in GROUPS.items() if g == "ALL" or (g == "PROGRAMS" and way.name == "program")}


@pytest.fixture(scope="module")
def control(system):
    """What the host answers to the numbers that the filters close, each alone in a process."""
    known = {}

    def ask(number):
        if number not in known:
            known[number] = outside(system, (number, *BAD))
        return known[number]
    return ask


def test_every_number(way, neighbour, system, control):
    """All at once, with no argument that could do anything; those that end the process one by one."""
    closed = [n for n in range(TOP) if NAMES.get(n) not in allowed(way) | set(ENDS)
              and GROUPS.get(NAMES.get(n)) != "KILL" and n not in TRAMPOLINES]
    got = way.run(*((n, *BAD) for n in closed), ("getpid",))
    assert not got.signal and got.last > 0, got
    answers = {NAMES.get(n, n): r for n, r in zip(closed, got.results)}
    passed = {name: r for name, r in answers.items() if r != EPERM and (name, r) != ("clone3", ENOSYS)}
    assert not passed
    wanted = [name for name in REFUSED if name in NUMBERS and name not in answers]
    assert not wanted, f"the table lets {wanted} through"
    # Outside these do something, so the refusal was the filter's.
    real = [n for n in closed if NAMES.get(n) in REFUSED and NAMES[n] not in NO_CONTROL]
    tried = {NAMES[n]: control(n) for n in real}
    alive = {name for name, g in tried.items() if not g.signal and g.last not in (EPERM, ENOSYS)}
    assert len(alive) > len(real) * 2 // 3, tried


@pytest.mark.parametrize("name", ENDS)
def test_ends_the_process(name, way, good, system, control):
    if name not in NUMBERS:
        pytest.skip("the headers of this machine do not know it")
    outer = control(NUMBERS[name])
    assert not outer.signal
    assert way.run(("getpid",)).last > 0
    got = way.run((NUMBERS[name], *BAD), ("getpid",))
    assert got.killed, (name, got)
    assert good.get("/open.txt").status == 200


def test_other_tables(way, good):
    """i386's and x32's numbers: the same kernel by another door."""
    x32 = way.run((0x40000000 + NUMBERS["getpid"],))
    assert x32.killed, x32
    for number in TRAMPOLINES:
        got = way.run((number, *BAD))
        assert got.signal or got.last in (EPERM, -errno.ENXIO), (number, got)
    assert way.run((NUMBERS["getpid"],)).last > 0


def test_sockets(way, neighbour, system):
    """Every family and type.  Only unix, TCP and UDP."""
    kinds = list(itertools.product(range(48), (1, 2, 3, 4, 5, 6, 10)))
    steps = [("socket", family, kind, 0) for family, kind in kinds]
    got = dict(zip(kinds, way.run(*steps).results))
    opened = {kind for kind, fd in got.items() if fd >= 0}
    assert opened == {(1, 1), (1, 2), (1, 5), (2, 1), (2, 2), (10, 1), (10, 2)}
    assert {fd for fd in got.values() if fd < 0} <= {EPERM}
    control = dict(zip(kinds, outside(system, *steps).results))
    assert {(16, 3), (17, 3)} <= {kind for kind, fd in control.items() if fd >= 0} - opened
    # Protocols of the families that are open: SCTP, MPTCP, ICMP, raw, UDP-Lite.
    protocols = [("socket", family, kind, p) for family in (2, 10) for kind in (1, 2, 3)
                 for p in (1, 2, 17, 58, 132, 136, 255, 262)]
    made = [step for step, fd in zip(protocols, way.run(*protocols).results) if fd >= 0]
    assert {step[2:] for step in made} == {(2, 17)}
    # The same with bits above the 32 that the kernel reads, and with flags in the type.
    assert way.run(("socket", 16 | 1 << 32, 3, 0)).last == EPERM
    assert way.run(("socket", 16, 3 | 0o2004000, 0)).last == EPERM


def test_requests_and_options(way, neighbour, system):
    """ioctl, prctl, fcntl, setsockopt: what is not named is refused."""
    path = f"{way.site.home}/private/native-{way.name}"
    way.site.put(f"private/native-{way.name}", "x")
    requests = [*range(0x5400, 0x5470), *range(0x8900, 0x89ff), *range(0x1260, 0x12a0), 0x40086602, 0x40086604,
                0x80086601, 0x40049409, 0x4020940d, 0xc0406400, 0x4b3a, 0x5605, 0x541c, 0x80045430,
                0x5412 | 1 << 32, 0xc0185879, 0x40046604, 0xc0104320, 0x40309439]
    got = way.run(("openat", -100, path, 2), *(("ioctl", R(0), r, -1) for r in requests))
    assert got.results[0] >= 0
    open_requests = {r & 0xffffffff for r, a in zip(requests, got.results[1:]) if a != EPERM}
    assert open_requests == {0x5401, 0x5413, 0x541b, 0x5421, 0x5450, 0x5451, 0x5411}
    options = list(range(1, 80))
    got = dict(zip(options, way.run(*(("prctl", o, -1, -1, -1, -1) for o in options)).results))
    # Names, the parent's end, dumpable (off), no_new_privs, the bounding set, seccomp's state, slack, write xor execute.
    assert {o for o, r in got.items() if r != EPERM} <= {1, 2, 3, 15, 16, 21, 23, 27, 29, 30, 38, 39, 65}
    assert way.run(("prctl", 4, 1, 0, 0, 0)).last == EPERM                   # dumpable again
    assert way.run(("prctl", 0x59616d61, -1)).last == EPERM                  # a tracer of one's own
    assert way.run(("openat", -100, path, 2), ("fcntl", R(0), 1024, 0)).last == EPERM        # a lease
    assert way.run(("openat", -100, path, 2), ("fcntl", R(0), 8, 1)).last == EPERM           # an owner
    assert way.run(("pipe2", Room(8), 0), ("fcntl", 0, 1031, 1 << 20)).last == EPERM         # a larger pipe
    assert way.run(("prlimit64", 1, 7, 0, Room(16))).last == EPERM
    linger = way.run(("socket", 1, 1, 0), ("setsockopt", R(0), 1, 13, b"\1\0\0\0\x3c\0\0\0", 8))
    assert linger.last == EPERM
    for option in (26, 27, 50, 51):      # programs for the kernel
        assert way.run(("socket", 1, 1, 0), ("setsockopt", R(0), 1, option, Room(16), 16)).last == EPERM
    assert outside(system, ("socket", 1, 1, 0),
                   ("setsockopt", R(0), 1, 13, b"\1\0\0\0\x3c\0\0\0", 8)).last == 0


FLAGS = {"newns": 0x20000, "newcgroup": 0x2000000, "newuts": 0x4000000, "newipc": 0x8000000,
         "newuser": 0x10000000, "newpid": 0x20000000, "newnet": 0x40000000}


@pytest.mark.parametrize("flag", FLAGS)
def test_namespaces_by_clone(flag, way, good, system):
    # Where it worked, the child would go on with the order, and end: nobody is left behind.
    for extra in (0, 17, 1 << 32):
        assert way.run(("clone", FLAGS[flag] | extra, 0, 0, 0, 0)).last == EPERM
    assert way.run(("clone3", bytes(88), 88)).last == ENOSYS
    if flag == "newuser" and subprocess.run(["unshare", "-U", "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("the kernel refuses user namespaces to everyone here (a chroot?): refused, without a control")
    control = outside(system, ("clone", FLAGS[flag] | 17, 0, 0, 0, 0))
    assert not control.signal and control.last >= 0, control     # 0: the child was first to tell


def test_memory_that_is_code(worker, neighbour):
    """W xor X, and more: in a worker nothing becomes executable, however it is asked for."""
    own = worker.site.home + "/private/wp-config.php"
    for prot in (4, 5, 6, 7, 4 | 1 << 32):
        assert worker.run(("mmap", 0, 4096, prot, 0x22, -1, 0)).last == EPERM
        assert worker.run(("mmap", 0, 4096, 3, 0x22, -1, 0), ("mprotect", R(0), 4096, prot)).last == EPERM
        assert worker.run(("openat", -100, own, 0), ("mmap", 0, 4096, prot, 2, R(0), 0)).last == EPERM
    assert worker.run(("mmap", 0, 4096, 3, 0x22, -1, 0)).last > 0
    assert worker.run(("mmap", 0, 4096, 3, 0x22, -1, 0), ("pkey_mprotect", R(0), 4096, 4, -1)).last == EPERM
    assert worker.run(("shmget", 0, 4096, 0o1600), ("shmat", R(0), 0, 0o100000)).last == EPERM
    assert worker.run(("shmget", 0, 4096, 0o1700), ("shmat", R(0), 0, 0)).last > 0
    assert worker.run(("personality", 0x0400000)).last == EPERM
    assert worker.run(("remap_file_pages", 0, 4096, 4, 0, 0)).last == EPERM


def test_code_from_outside(way, neighbour, system, tmp_path):
    """A program of one's own, in a file, in memory, through the loader."""
    true = pathlib.Path("/bin/true").read_bytes()
    for path in (f"{way.site.home}/private/true", "/tmp/true", "/dev/shm/true"):
        put = way.run(("openat", -100, path, 0o1101, 0o755), ("write", R(0), true, len(true)))
        assert put.last == len(true)
        refused = (EPERM, -errno.EACCES)
        assert way.run(("execve", path, 0, 0)).last in refused
        assert way.run(("execveat", -100, path, 0, 0, 0)).last in refused
        assert way.run(("openat", -100, path, 0), ("execveat", R(0), "", 0, 0, 0x1000)).last in refused
        if way.name == "worker":
            assert way.run(("execve", "/usr/bin/php", 0, 0)).last == EPERM
        assert way.run(("unlink", path)).last == 0
    made = way.run(("memfd_create", "x", 0), ("memfd_create", "x", 0x10), ("memfd_create", "x", 8))
    assert made.results == [EPERM] * 3
    own = str(tmp_path / "native")
    code = ("openat", -100, own, 0o1101, 0o755), ("write", R(0), true, len(true)), ("close", R(0)), ("execve", own, 0, 0)
    with pytest.raises(AssertionError) as became:       # the program, which ends well and writes no order
        outside(system, *code)
    assert "(0, b'')" in str(became.value)


def test_a_process_of_its_own(worker, neighbour):
    """Where the plan allows no programs, there are threads alone, and they count as processes."""
    assert worker.run(("fork",)).last == EPERM
    assert worker.run(("vfork",)).last == EPERM
    for flags in (0, 17, 0x4000 | 17, 0x100 | 17, 0x8000 | 17, 0x10000 ^ 0x10000):
        assert worker.run(("clone", flags, 0, 0, 0, 0)).last == EPERM
    assert worker.run(Times(("inotify_init1", 0), 3)).last == EPERM
