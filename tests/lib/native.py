# SPDX-License-Identifier: Apache-2.0
"""Native code of a hostile site: lists of system calls with any arguments, run in three places.

    got = Inside(worker_pid).run(("openat", -100, "/etc/shadow", 0), ("read", R(0), Room(64), 64))
    got.results, got.rooms, got.signal

`Inside` puts tests/attack/native/native.c into a living process of a pool by force, to stand for a
bug of PHP's that lets a visitor write over its memory; `by_perl` runs it in a program's process where
a plan allows programs; `outside` runs it in a process of the host: the control."""
import contextlib
import ctypes
import dataclasses
import os
import pathlib
import platform
import re
import signal
import struct
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMAGE = "tests/attack/native.image"
FILL, COPY = 0x1000000, 0x1000001
VALUE, INSIDE, RESULT = range(3)
STEP = struct.Struct("<10Q q Q")
MASK = (1 << 64) - 1

# By perl, which may have code in its memory where programs are allowed: anonymous memory, the image and its
# order read into it, and a call of it as if it were an extension.
PERL = """require DynaLoader; my $n = $ARGV[0] + 0; my $p = syscall(9, 0, $n, 7, 0x22, -1, 0);
die "no memory: $!\\n" if $p == -1;
for (my $at = 0; $at < $n;) { my $got = syscall(0, 0, $p + $at, $n - $at); die "input\\n" if $got < 1; $at += $got }
DynaLoader::dl_install_xsub('main::go', $p); go();"""
START = b"\x48\x8d\x3d"     # lea rdi, [rip + offset of the order], and on into the image


def _numbers():
    """Names of system calls; those newer than the headers are named here."""
    found = {"fchmodat2": 452, "map_shadow_stack": 453, "futex_wake": 454, "futex_wait": 455,
             "futex_requeue": 456, "statmount": 457, "listmount": 458, "lsm_get_self_attr": 459,
             "lsm_set_self_attr": 460, "lsm_list_modules": 461, "mseal": 462, "setxattrat": 463,
             "getxattrat": 464, "listxattrat": 465, "removexattrat": 466, "open_tree_attr": 467,
             "file_getattr": 468, "file_setattr": 469, "set_mempolicy_home_node": 450, "cachestat": 451}
    for header in ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"):
        if os.path.exists(header):
            text = pathlib.Path(header).read_text()
            found.update((n, int(v)) for n, v in re.findall(r"#define __NR_(\w+) (\d+)", text))
    return found


NUMBERS = _numbers()


class R(int):
    """The result of an earlier step, by its place."""


class Room(int):
    """Room of so many bytes for the kernel to write to."""


@dataclasses.dataclass
class Times:
    """A step made again and again; `stride` is added to its first argument."""
    step: tuple
    times: int
    stride: int = 0


@dataclasses.dataclass
class Got:
    results: list       # of each step, the last time
    good: list          # how often each was not negative
    rooms: list         # what is in each Room now
    signal: int = 0     # that ended the process

    @property
    def last(self):
        return None if self.signal else self.results[-1]

    @property
    def killed(self):
        return self.signal == signal.SIGSYS


def image(system):
    if platform.machine() != "x86_64":
        pytest.skip("the native code of these tests is x86-64's")
    return (pathlib.Path(system.build) / IMAGE).read_bytes()


class Pointers:
    """A struct of 8-byte fields: numbers, and bytes or further ones by their address."""

    def __init__(self, *fields):
        self.fields = fields


class Order:
    """Steps as the image takes them."""

    def __init__(self, steps):
        steps = [s if isinstance(s, Times) else Times(s, 1) for s in steps]
        self.count, self.base = len(steps), 16 + STEP.size * len(steps)
        self.data, self.rooms, self.inner = bytearray(), [], []
        packed_steps = b"".join(self._pack(s) for s in steps)
        places = self._place(struct.pack(f"<{len(self.inner) + 1}Q", *self.inner, 0))
        self.bytes = struct.pack("<2Q", self.count, places) + packed_steps + bytes(self.data)

    def _pack(self, step):
        name, *arguments = step.step
        call = name if isinstance(name, int) else NUMBERS[name]
        values, kinds = [0] * 6, 0
        for i, a in enumerate(arguments):
            kind, values[i] = self._argument(a)
            kinds |= kind << 4 * i
        return STEP.pack(call, step.times, step.stride & MASK, kinds, *values, 0, 0)

    def _argument(self, a):
        if isinstance(a, R):
            return RESULT, int(a)
        if isinstance(a, Room):
            self.rooms.append((len(self.data), int(a)))
            return INSIDE, self._place(bytes(a))
        if isinstance(a, (str, bytes)):
            return INSIDE, self._place(a.encode() + b"\0" if isinstance(a, str) else a)
        if isinstance(a, Pointers):
            parts = [self._argument(field) for field in a.fields]
            at = self._place(struct.pack(f"<{len(parts)}Q", *(value for _, value in parts)))
            self.inner += [at + 8 * i for i, (kind, _) in enumerate(parts) if kind == INSIDE]
            return INSIDE, at
        return VALUE, a & MASK

    def _place(self, data):
        at = len(self.data)
        self.data += data + bytes(-len(data) % 16)
        return self.base + at

    def read(self, data):
        steps = [STEP.unpack_from(data, 16 + STEP.size * i) for i in range(self.count)]
        return Got([s[10] for s in steps], [s[11] for s in steps],
                   [data[self.base + at:self.base + at + size] for at, size in self.rooms])


# ---- in a process of a pool --------------------------------------------------
REGISTERS = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss"
             " fs_base gs_base ds es fs gs").split()
ATTACH, DETACH, CONT, GETREGS, SETREGS = 16, 17, 7, 12, 13
WALL = 0x40000000


class Ended(Exception):
    """The process has ended, by this signal."""

    def __init__(self, number):
        super().__init__(f"by signal {number}")
        self.signal = number


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulong) for name in REGISTERS]


libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, pid, data=None):
    if libc.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request} of {pid}")


class Inside:
    """A process of a pool that runs what we say.  Afterwards it goes on as if nothing had been, unless
    that killed it."""

    def __init__(self, system, pid):
        self.pid, self.image = pid, image(system)

    def maps(self):
        return [line.split(None, 5) for line in
                pathlib.Path(f"/proc/{self.pid}/maps").read_text().splitlines()]

    def descriptors(self):
        return {int(fd) for fd in os.listdir(f"/proc/{self.pid}/fd")}

    def run(self, *steps, limit_s=30, keep=False):
        """KEEP: what it opened stays open."""
        order = Order(steps)
        ptrace(ATTACH, self.pid)
        try:
            self._wait(0)
            return self._run(order, self.descriptors(), limit_s, keep)
        except Ended as end:
            return Got([], [], [], end.signal)
        except BaseException:       # nobody stays behind, stopped for ever
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, WALL)
            raise

    def _run(self, order, held, limit_s, keep):
        place = next(int(m[0].split("-")[0], 16) for m in self.maps()
                     if m[1].startswith("r-x") and "libphp" in m[-1]) + 0x10000
        saved = Registers()
        self._ptrace(GETREGS, ctypes.byref(saved))
        code = b"\x0f\x05\xcc" + bytes(13) + self.image     # a call of one's own, and the image
        size = len(order.bytes) + 4095 & ~4095
        with open(f"/proc/{self.pid}/mem", "r+b", buffering=0) as memory:
            memory.seek(place)
            before = memory.read(len(code))
            memory.seek(place)
            memory.write(code)
            room = self._go(saved, place, limit_s, rax=NUMBERS["mmap"], rdi=0, rsi=size, rdx=3, r10=0x22,
                            r8=MASK, r9=0)
            memory.seek(room)
            memory.write(order.bytes)
            self._go(saved, place + 16, limit_s, rdi=room)
            memory.seek(room)
            data = memory.read(size)
            if len(data) < size:        # another thread of it has ended it meanwhile
                self._wait(0)
            got = order.read(data)
            self._go(saved, place, limit_s, rax=NUMBERS["munmap"], rdi=room, rsi=size)
            for fd in () if keep else self.descriptors() - held:
                self._go(saved, place, limit_s, rax=NUMBERS["close"], rdi=fd)
            memory.seek(place)
            memory.write(before)
        self._ptrace(SETREGS, ctypes.byref(saved))
        self._ptrace(DETACH)
        return got

    def _go(self, saved, rip, limit_s, **registers):
        """Runs from RIP to the next breakpoint; returns rax."""
        now = Registers.from_buffer_copy(saved)
        now.rip, now.rsp, now.orig_rax = rip, (saved.rsp - 4096) & ~15, MASK
        for name, value in registers.items():
            setattr(now, name, value)
        self._ptrace(SETREGS, ctypes.byref(now))
        self._ptrace(CONT)
        end = time.monotonic() + limit_s
        while True:
            stopped = self._wait(os.WNOHANG)
            if not stopped:
                assert time.monotonic() < end, "the native code does not come back"
                time.sleep(0.001)
                continue
            if stopped == signal.SIGTRAP:
                break
            self._ptrace(CONT, 0 if stopped == signal.SIGSTOP else stopped)     # ATTACH's own
        self._ptrace(GETREGS, ctypes.byref(now))
        return ctypes.c_long(now.rax).value

    def _wait(self, flags):
        """The signal that it has stopped for, or None: it runs."""
        pid, status = os.waitpid(self.pid, WALL | flags)
        if pid and not os.WIFSTOPPED(status):
            raise Ended(os.WTERMSIG(status) if os.WIFSIGNALED(status) else -1)
        return os.WSTOPSIG(status) if pid else None

    def _ptrace(self, request, data=None):
        """Of a process that stands still: whoever is none such any more is about to end."""
        try:
            ptrace(request, self.pid, data)
        except ProcessLookupError:
            while self._wait(0):
                pass


# ---- in the process of an interpreter ----------------------------------------
def packed(system, steps):
    """(bytes for perl's standard input, the order)."""
    write, leave = ("write", 1, 0, 0), ("exit_group", 0)
    order = Order([*steps, write, leave])
    # The last but one step writes the order itself, whose place it cannot know: offset 0, INSIDE.
    at = 16 + STEP.size * (order.count - 2)
    fields = list(STEP.unpack_from(order.bytes, at))
    fields[3] |= INSIDE << 4
    fields[6] = len(order.bytes)
    whole = bytearray(order.bytes)
    STEP.pack_into(whole, at, *fields)
    code = image(system)
    return START + struct.pack("<i", len(code)) + code + bytes(whole), order


def unpacked(order, out, code):
    """What came of it: CODE as subprocess tells it."""
    if code < 0:
        return Got([], [], [], -code)
    assert code == 0 and len(out) >= order.base, (code, out[:300])
    got = order.read(out)
    return Got(got.results[:-2], got.good[:-2], got.rooms)


def outside(system, *steps, uid=None, limit_s=60, **more):
    """In a process of the host, as root or another: the control."""
    if not os.path.exists("/usr/bin/perl"):
        pytest.skip("needs /usr/bin/perl, the program that plays the control")
    data, order = packed(system, steps)
    as_user = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
    done = subprocess.run(["/usr/bin/perl", "-e", PERL, str(len(data))], input=data, capture_output=True,
                          timeout=limit_s, check=False, env={}, **as_user, **more)
    assert done.returncode <= 0, done
    return unpacked(order, done.stdout, done.returncode)
