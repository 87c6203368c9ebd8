# SPDX-License-Identifier: Apache-2.0
"""What the kernel bounds in a jail, and that the end of it ends all."""
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from tests.lib import procs
from tests.lib.jail_tree import tree

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: namespaces, cgroups")


def test_memory_limit(tree):
    answers, text = tree.run("memory 20000000", "memory 100000000", "call getpid",
                             options=["-m", 64 << 20])
    assert answers["memory 20000000"] == "ok"
    assert answers["memory 100000000"] == f"signal {signal.SIGKILL.value}"
    assert answers["call getpid"] == "ok"       # the master outlives its child
    facts = dict(x.split(":") for x in re.search(r"^facts=(.*)$", text, re.M)[1].split())
    assert int(facts["oom_kill"]) == 1 and int(facts["memory_hit"]) > 0
    answers, _ = tree.run("memory 100000000", options=["-m", 256 << 20])
    assert answers["memory 100000000"] == "ok"


def test_pids_limit(tree):
    answers, text = tree.run("forks 100", options=["-q", 20])
    made, why = answers["forks 100"].split()
    assert int(made) == 19 and why == "EAGAIN"
    assert int(re.search(r"pids_hit:(\d+)", text)[1]) > 0
    assert tree.run("forks 50", options=["-q", 100])[0]["forks 50"] == "50 ok"


def test_cpu_limit(tree):
    begin = time.monotonic()
    # So little that it is the limit, and not what else runs here, that bounds it.
    _, text = tree.run("spin 100", options=["-o", 5])
    assert time.monotonic() - begin > 0.9
    assert int(re.search(r"throttled:(\d+)", text)[1]) > 0


def told(tree, *options, files):
    """What the kernel says of a jail's limits: the files that are there."""
    running = subprocess.Popen(tree.command("-n", "9", "-c", "wait", "-t", "50000", *options),
                               stdout=subprocess.PIPE, text=True)
    try:
        procs.wait_until(lambda: tree.living("/9/g1"), 30, "the jail")
        groups = re.findall(r"^\d+:(?:|memory):(.*)/g1$",
                            procs.read(tree.living("/9/g1")[0], "cgroup"), re.M)
        return {name: path.read_text().strip() for group in groups for name in files
                for top in ("", "/memory")
                if (path := pathlib.Path(f"/sys/fs/cgroup{top}{group}", name)).exists()}
    finally:
        running.terminate()
        running.communicate(timeout=30)


def test_swap_limit(tree):
    """Machines without swap show no more than what the kernel was told."""
    seen = told(tree, "-m", 64 << 20, files=("memory.swap.max", "memory.memsw.limit_in_bytes"))
    if not seen:
        pytest.skip("this kernel counts no swap: no limit is enforced")
    assert seen in ({"memory.swap.max": "0"}, {"memory.memsw.limit_in_bytes": str(64 << 20)})


def test_io_weight(tree):
    seen = told(tree, "-i", "300", files=("io.weight", "io.bfq.weight"))
    if not seen:
        pytest.skip("no weights for disks here (they are of cgroup v2): none is enforced")
    assert {value.removeprefix("default ") for value in seen.values()} == {"300"}


def test_cpu_weight(tree):
    """Two want one CPU: what the heavier one uses the lighter one does not get."""
    one = min(os.sched_getaffinity(0))

    def start(number, weight):
        return subprocess.Popen(tree.command("-n", number, "-w", weight, "-t", "100000", "-c",
                                             "spin 95000"),
                                stdout=subprocess.PIPE, text=True)

    def pin(number):
        """Only now: a group with its own set of CPUs gives it to whoever begins in it."""
        for pid in tree.living(f"/{number}"):
            os.sched_setaffinity(pid, [one])

    def used(number):
        return sum(int(x) for pid in tree.living(f"/{number}") for x in
                   procs.read(pid, "stat").rpartition(")")[2].split()[11:13]) * 10
    both = [start(9, 100)]
    try:
        procs.wait_until(lambda: used(9) > 50, 30, "the light one works")
        pin(9)
        both.append(start(8, 10000))
        # While its cage is built and taken down it waits and leaves the CPU to the other.
        procs.wait_until(lambda: used(8) > 200, 30, "the heavy one works")
        pin(8)
        light, heavy = used(9), used(8)
        procs.wait_until(lambda: used(8) > heavy + 2000, 60, "it has worked")
        assert used(9) - light < 1000
    finally:
        for each in both:
            each.terminate()
        for each in both:
            each.communicate(timeout=30)


def test_open_files_limit(tree):
    _, text = tree.run("read /proc/self/limits", options=["-f", 77])
    assert re.search(r"Max open files +77 +77 ", text)
    assert re.search(r"Max core file size +[01] +[01] ", text)


def killed(tree, *commands):
    """What a jail says that is killed when its three processes run; none would end by itself."""
    running = subprocess.Popen(tree.command("-c", "\n".join(commands), "-t", "50000"),
                               stdout=subprocess.PIPE, text=True)
    try:
        procs.wait_until(lambda: len(tree.living("/7/g1")) == 3, 30, "three processes")
    finally:
        running.terminate()     # asks the driver to kill its generation
        text = running.communicate(timeout=40)[0]
    assert running.returncode == 0, text
    return text


def test_kill_reaches_all(tree):
    text = killed(tree, "background", "background", "wait")
    assert "killed=asked" in text and f"end=signal {signal.SIGKILL.value}" in text
    assert tree.living() == []


def test_end_of_the_master_ends_all(tree):
    _, text = tree.run("background", "background")
    assert "end=exit 0" in text
    assert tree.living() == []


def test_two_generations(tree):
    """Each is killed alone."""
    first, second = (subprocess.Popen(tree.command("-g", g, "-n", "9", "-c", "wait", "-t", "50000"),
                                      stdout=subprocess.PIPE, text=True) for g in ("1", "2"))
    procs.wait_until(lambda: tree.living("/9/g1") and tree.living("/9/g2"), 30, "two generations")
    second.terminate()      # asks the driver to kill its generation
    procs.wait_until(lambda: not tree.living("/9/g2"), 30, "the end of the second")
    assert tree.living("/9/g1"), "killing one ended the other"
    first.terminate()
    for each in (first, second):
        each.communicate(timeout=30)


@pytest.mark.skipif(":memory:" not in pathlib.Path("/proc/self/cgroup").read_text(),
                    reason="pure cgroup v2")
def test_v1_alone(tree):
    """Without a v2 tree: attached from outside, killed frozen."""
    record = tree.folder / "tree"
    whole = record.read_bytes()
    at, size = 24, 400      # struct cgroup_tree: unified
    assert whole[at:at + 4] == b"/sys"
    record.write_bytes(whole[:at] + bytes(size) + whole[at + size:])
    try:
        answers, text = tree.run("memory 100000000", "forks 100", options=["-q", 20])
        text_of_killed = killed(tree, "background", "background", "wait")
        assert tree.living() == []
    finally:
        record.write_bytes(whole)
    assert answers["memory 100000000"] == f"signal {signal.SIGKILL.value}"
    assert answers["forks 100"] == "19 EAGAIN"
    assert "end=exit 0" in text
    assert f"end=signal {signal.SIGKILL.value}" in text_of_killed
