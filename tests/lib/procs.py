# SPDX-License-Identifier: Apache-2.0
"""Looking at processes, mounts and cgroups through /proc."""
import contextlib
import os
import pathlib
import re
import select
import signal
import time


def pids():
    """All process ids, as a list."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def read(pid, name):
    """A file of /proc/PID as text; empty if the process has gone."""
    try:
        return pathlib.Path("/proc", str(pid), name).read_bytes().decode(errors="replace")
    except OSError:
        return ""


def link(pid, name):
    """Where a link of /proc/PID leads; empty if the process has gone."""
    try:
        return os.readlink(f"/proc/{pid}/{name}")
    except OSError:
        return ""


def open_files(pid):
    """What a process has open, by the names of now; empty if it has gone."""
    with contextlib.suppress(OSError):
        return {link(pid, f"fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}
    return set()


def is_running(pid):
    """True unless the process is gone or a zombie."""
    state = re.search(r"^State:\s+(\S)", read(pid, "status"), re.M)
    return state is not None and state.group(1) not in "ZX"


def field(pid, name):
    """A field of /proc/PID/status, like Uid or Seccomp, as its words."""
    found = re.search(rf"^{name}:\s*(.*)$", read(pid, "status"), re.M)
    return found.group(1).split() if found else []


def in_cgroup(pattern):
    """Processes whose cgroup, in any hierarchy, matches."""
    return [pid for pid in pids() if re.search(pattern, read(pid, "cgroup")) and is_running(pid)]


def children(pid):
    """All living descendants of a process."""
    parents = {}
    for each in pids():
        parent = field(each, "PPid")
        if parent:
            parents.setdefault(int(parent[0]), []).append(each)
    found, waiting = [], [pid]
    while waiting:
        for child in parents.get(waiting.pop(), []):
            found.append(child)
            waiting.append(child)
    return [each for each in found if is_running(each)]


def wait_until(condition, seconds, what):
    """Polls until the condition is true and returns its value; fails after SECONDS."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def handles(pids_):
    """pidfds of processes; what has gone meanwhile is left out."""
    found = {}
    for pid in pids_:
        with contextlib.suppress(ProcessLookupError):
            found[pid] = os.pidfd_open(pid)
    return found


def end_those(processes, limit_s=30):
    """Ends what should have ended by now, of handles(); returns it in words."""
    end, found = time.monotonic() + limit_s, []
    for pid, handle in processes.items():
        left_ms = max(0, end - time.monotonic()) * 1000
        ended = select.poll()
        ended.register(handle, select.POLLIN)
        if not ended.poll(left_ms):
            found.append(f"process {pid}: {read(pid, 'cmdline')}")
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        os.close(handle)
    return found


def leaks(folder, name, limit_s=30):
    """What a stopped system left behind, in words: processes, mounts, cgroups, files.

    A child that the kernel ends with its parent may need a moment for that."""
    end = time.monotonic() + limit_s
    while (found := _leaks(folder, name)) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def _leaks(folder, name):
    found = []
    namespaces = set()
    for pid in pids():
        if pid == os.getpid():
            continue
        words = read(pid, "cmdline").replace("\0", " ")
        places = [link(pid, each) for each in ("cwd", "root", "exe")]
        if (folder in words or name in read(pid, "cgroup") or
                any(place.startswith(folder) for place in places)) and is_running(pid):
            found.append(f"process {pid}: {words}")
        namespace = link(pid, "ns/mnt")
        if namespace not in namespaces:
            namespaces.add(namespace)
            found += [f"mount {line.split()[4]} in the namespace of {pid}"
                      for line in read(pid, "mountinfo").splitlines() if folder in line]
    for top, folders, _ in os.walk("/sys/fs/cgroup"):
        found += [f"cgroup {top}/{each}" for each in folders if name in each]
    if os.path.exists(folder):
        found.append(f"file {folder}")
    return found
