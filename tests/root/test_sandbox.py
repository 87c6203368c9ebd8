# SPDX-License-Identifier: Apache-2.0
"""The jail from inside: jail_probe stands in for PHP and tries what a hostile tenant
would; jail_driver plays the supervisor.  Every refusal has a positive control, so
that a probe that cannot do anything at all does not pass."""
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import pytest

from tests.lib import procs
from tests.lib.jail_tree import BUILD, NEIGHBOUR, UID, Tree, tree

KILLED = f"signal {signal.SIGSYS.value}"

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: namespaces, cgroups")


def landlock_version():
    """Version of the kernel's Landlock, 0 without."""
    create_ruleset, version = 444, 1
    return max(0, ctypes.CDLL(None).syscall(create_ruleset, None, 0, version))


def status_of(text):
    return dict(re.findall(r"^(\w+):[ \t]*(.*)$", text, re.M))


# ---- identity ----------------------------------------------------------------

def test_identity_and_capabilities(tree):
    status = status_of(tree.files("read /proc/self/status"))
    assert status["Uid"].split() == [str(UID)] * 4
    assert status["Gid"].split() == [str(UID)] * 4
    assert status["Groups"].strip() == ""
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, name
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["NSpid"] == "1"
    # Control: the same reader sees capabilities where they are.
    own = status_of(pathlib.Path("/proc/self/status").read_text())
    assert int(own["CapEff"], 16) != 0


def test_nothing_of_the_supervisor_is_inherited(tree):
    done = subprocess.run(["sh", "-c", "umask 077; trap '' USR1 PIPE; exec \"$@\"", "sh",
                           *tree.command("-c", "read /proc/self/status\nlist /proc/self/fd\n"
                                         "read /etc/passwd")],
                          stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    status = status_of(done.stdout)
    assert status["Umask"] == "0022"
    assert int(status["SigIgn"], 16) == int(status["SigBlk"], 16) == 0
    assert "root:x:0:0" in done.stdout      # readable for the tenant, whatever the mask was
    fds = re.search(r"^list /proc/self/fd: ok (.*)$", done.stdout, re.M)[1].split()
    # 8 and 9 are the further logs, 10 is the folder that is being listed.
    assert {int(fd) for fd in fds} == set(range(11))


def test_worker_filter_comes_on_top(tree):
    answers, text = tree.run("call getpid", "worker", "call fork", "read /proc/self/status")
    assert answers["worker"] == "ok"
    assert answers["call fork"] == "EPERM"
    assert status_of(text)["Seccomp_filters"] == "2"


# ---- what is seen ------------------------------------------------------------

def test_mounts(tree):
    text = tree.files("read /proc/self/mountinfo")
    mounts = {line.split()[4]: line.split()[5].split(",") for line in text.splitlines()
              if re.match(r"\d+ \d+ \d+:\d+ ", line)}
    assert "/" in mounts and str(tree.home) in mounts
    for point, flags in mounts.items():
        assert "nosuid" in flags, point
        if not point.startswith("/dev/") or point == "/dev/shm":
            assert "nodev" in flags, point
        if "rw" in flags:
            assert "noexec" in flags, point
    writable = {point for point, flags in mounts.items() if "rw" in flags}
    assert writable == {str(tree.home), "/tmp", "/dev/shm"}


def test_neighbours_do_not_exist(tree):
    answers, text = tree.run(f"list {tree.home.parent}", f"stat {tree.neighbour}",
                             f"read {tree.home}/public/secret", "list /home", "list /var",
                             "list /run", "list /etc", "stat /etc/ssl/private",
                             "stat /etc/shadow", "stat /etc/php/8.2/fpm")
    assert answers[f"list {tree.home.parent}"] == "ok site"
    assert answers[f"stat {tree.neighbour}"] == "ENOENT"
    assert answers[f"read {tree.home}/public/secret"] == "ok"
    assert answers["list /home"] == answers["list /var"] == "ENOENT"
    assert answers["list /run"] == f"ok {tree.name}"
    assert "shadow" not in answers["list /etc"] and "passwd" in answers["list /etc"]
    for path in ("/etc/ssl/private", "/etc/shadow", "/etc/php/8.2/fpm"):
        assert answers[f"stat {path}"] == "ENOENT"
    assert "neighbour" not in text.replace(str(tree.neighbour), "")


def test_proc_shows_only_itself(tree):
    answers, _ = tree.run("list /proc", "stat /proc/cpuinfo", "stat /proc/sys",
                          "stat /proc/self/maps")
    entries = answers["list /proc"].split()[1:]
    assert {e for e in entries if e.isdigit()} == {"1"}
    assert not set(entries) - {"1", "self", "thread-self"}
    assert answers["stat /proc/cpuinfo"] == answers["stat /proc/sys"] == "ENOENT"
    assert answers["stat /proc/self/maps"] == "ok"


def test_names_of_the_host(tree):
    text = tree.files("read /etc/passwd", "read /etc/hosts")
    assert f"site:x:{UID}:{UID}:" in text
    host = rf"\b{re.escape(socket.gethostname())}\b"
    assert not re.search(host, text.split("end=")[0])
    assert "www-data" not in text


def test_own_namespaces(tree):
    key = 0x7465 + os.getpid()
    libc = ctypes.CDLL(None, use_errno=True)
    segment = libc.shmget(key, 4096, 0o1666)    # IPC_CREAT, everybody's
    assert segment >= 0
    try:
        answers, text = tree.run("uname", f"sysv {key}", "read /proc/self/cgroup")
    finally:
        assert libc.shmctl(segment, 0, None) == 0
    assert answers["uname"] == "site (none)"
    assert answers[f"sysv {key}"] == "ENOENT"
    paths = re.findall(r"^\d+:[^:]*:(.*)$", text, re.M)
    assert paths and tree.name not in " ".join(paths)


def test_network_is_empty(tree):
    with socket.socket(socket.AF_UNIX) as host:
        host.bind(f"\0{tree.name}")
        host.listen()
        with socket.create_server(("127.0.0.1", 0)) as server:
            loopback = f"loopback {server.getsockname()[1]}"
            answers, _ = tree.run("interfaces", f"abstract {tree.name}", "call tcp", loopback)
            socket.create_connection(server.getsockname()).close()
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(f"\0{tree.name}")
    # Refused, not unreachable: there is a loopback, and the host's is another.
    assert answers[loopback] == "ECONNREFUSED"
    assert answers["interfaces"] == "netlink:EPERM"
    assert answers[f"abstract {tree.name}"] == "ECONNREFUSED"
    assert answers["call tcp"] == "ok"


# ---- writing and running -----------------------------------------------------

def test_writes_only_at_home(tree):
    home = tree.home
    answers, _ = tree.run(*(f"write {p}" for p in (
        f"{home}/public/new", "/tmp/new", "/dev/shm/new", "/dev/null", f"{home}/new", "/new",
        "/etc/new", "/usr/lib/php/new", tree.program, "/proc/self/oom_score_adj", "/dev/new")))
    assert (home / "public/new").stat().st_uid == UID
    (home / "public/new").unlink()
    for path in (f"{home}/public/new", "/tmp/new", "/dev/shm/new", "/dev/null"):
        assert answers[f"write {path}"] == "ok", path
    for path in (f"{home}/new", "/new", "/etc/new", "/usr/lib/php/new", tree.program,
                 "/proc/self/oom_score_adj", "/dev/new"):
        assert answers[f"write {path}"] in ("EROFS", "EACCES"), path


@pytest.mark.parametrize("programs", [False, True])
def test_nothing_writable_runs(tree, programs):
    places = (f"{tree.home}/public/evil", "/tmp/evil", "/dev/shm/evil")
    commands = [f"{verb} {place}" for place in places for verb in ("copy", "exec", "map")]
    answers, _ = tree.run(*commands, f"exec {tree.program}", f"map {tree.program}",
                          "call memfd_exec", "exec /usr/bin/true",
                          options=["-P"] if programs else [])
    (tree.home / "public/evil").unlink()
    for place in places:
        assert answers[f"copy {place}"] == "ok"
        assert answers[f"exec {place}"] == "EACCES"
        assert answers[f"map {place}"] == "EPERM"
    assert answers[f"exec {tree.program}"] == "ran"
    assert answers[f"map {tree.program}"] == "ok"
    assert answers["call memfd_exec"] in ("EACCES", "EINVAL")   # EINVAL: before 6.3
    # With programs the child becomes true(1) and says nothing more.
    assert (answers["exec /usr/bin/true"] == "ENOENT") is not programs


def test_landlock_stands_where_mounts_do_not(tree):
    """The runtime is mounted for execution, yet only the program may start from it."""
    other = tree.runtime / "other"
    shutil.copy(tree.program, other)
    answers, _ = tree.run(f"exec {other}", f"exec {tree.program}", f"map {other}")
    other.unlink()
    if not landlock_version():
        pytest.skip("this kernel has no Landlock")
    assert answers[f"exec {other}"] == "EACCES"
    assert answers[f"exec {tree.program}"] == "ran"
    assert answers[f"map {other}"] == "ok"


def test_links_in_the_way_of_a_home_are_refused(tree):
    link = tree.folder / "homes/link"
    link.symlink_to(tree.neighbour)
    _, text = tree.run("call getpid", options=["-H", link])
    link.unlink()
    assert "no part may be a link" in text and "end=exit 1" in text


def test_a_home_of_another_is_refused(tree):
    os.chown(tree.neighbour, NEIGHBOUR, NEIGHBOUR)
    _, text = tree.run("call getpid", options=["-H", tree.neighbour])
    assert f"belongs to user {NEIGHBOUR}" in text and "end=exit 1" in text


def test_a_bound_folder_gives_a_service_socket(tree):
    service = tree.folder / "service"
    service.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(service / "sock"))
        (service / "sock").chmod(0o777)
        server.listen()
        answers, _ = tree.run(f"connect {service}/sock",
                              options=["-b", f"{service}:{service}:0"])
        refused, _ = tree.run(f"connect {service}/sock")
    assert answers[f"connect {service}/sock"] == "ok"
    assert refused[f"connect {service}/sock"] == "ENOENT"


def test_binds(tree):
    shared, logs = tree.folder / "shared", tree.home / "logs"
    for folder in (shared, logs):
        folder.mkdir(exist_ok=True)
    (shared / "file").write_text("hello")
    for each in (shared, shared / "file"):
        os.chown(each, UID, UID)
    answers, text = tree.run(
        f"read {logs}/file", f"write {logs}/file", f"list {logs}", "write /made/here/x",
        f"stat {tree.folder}/none",
        options=["-b", f"{shared}:{logs}:0", "-b", f"{shared}:/made/here:1",
                 "-b", f"{tree.folder}/none:/none:2"])
    assert "hello" in text
    assert answers[f"write {logs}/file"] == "EROFS"
    assert answers["write /made/here/x"] == "ok"
    (shared / "x").unlink()
    # What is missing inside the tenant's own folder is not made by root there.
    _, text = tree.run("call getpid", options=["-b", f"{shared}:{tree.home}/public/made:0"])
    assert "end=exit 1" in text and "public/made" in text
    assert not (tree.home / "public/made").exists()


# ---- system calls ------------------------------------------------------------

REFUSED = ("clone_user", "io_uring", "chroot", "setuid", "setuid_32", "sync", "tiocsti",
           "tiocsti_high", "vsock", "packet", "raw", "dumpable", "map_wx")
DEADLY = ("unshare_user", "unshare_net", "ptrace", "mount", "keyctl", "bpf", "userfaultfd", "perf")
ALLOWED = ("getpid", "tcp", "unix", "map", "prctl_name", "thread")


def test_jail_filter(tree):
    calls = REFUSED + DEADLY + ALLOWED + ("clone3", "map_exec")
    answers, _ = tree.run(*(f"call {c}" for c in calls))
    assert {c: answers[f"call {c}"] for c in calls} == {
        **dict.fromkeys(REFUSED, "EPERM"), **dict.fromkeys(DEADLY, KILLED),
        **dict.fromkeys(ALLOWED, "ok"), "clone3": "ENOSYS", "map_exec": "ok"}


def test_worker_filter(tree):
    refused = REFUSED + ("fork", "memfd", "map_exec")
    calls = refused + ALLOWED
    answers, _ = tree.run("worker", *(f"call {c}" for c in calls), f"exec {tree.program}",
                          f"map {tree.program}", "write /tmp/x")
    assert {c: answers[f"call {c}"] for c in calls} == {
        **dict.fromkeys(refused, "EPERM"), **dict.fromkeys(ALLOWED, "ok")}
    assert answers[f"exec {tree.program}"] == answers[f"map {tree.program}"] == "EPERM"
    assert answers["write /tmp/x"] == "ok"
    _, text = tree.run("worker", "call mount")
    assert f"end={KILLED}" in text


def test_worker_filter_with_programs(tree):
    answers, text = tree.run("worker", "call unshare_net", options=["-P"])
    assert answers["worker"] == "ok" and f"end={KILLED}" in text
    # exec replaces the probe: a program of the host's, under the worker's filter.
    _, text = tree.run("worker", "exec /usr/bin/id", options=["-P"])
    assert "extra operand" in text or "no such user" in text


# ---- bad luck ----------------------------------------------------------------

def test_failures_are_told(tree):
    _, text = tree.run("call getpid", options=["-S"])
    assert "report=2 the spec is not a sealed memfd" in text and "end=exit 1" in text
    missing = tree.runtime / "none"
    _, text = tree.run("call getpid", program=missing)
    assert f"report=2 jail, step 'root': open program '{missing}'" in text
    _, text = tree.run("call getpid", options=["-H", tree.folder / "homes/none"])
    assert "report=2 jail, step 'root': open home" in text


def test_a_dead_supervisor_starts_nothing(tree):
    _, text = tree.run("call getpid", options=["-G"])
    assert "end=exit 1" in text and "call getpid" not in text


def test_a_program_that_others_may_write_is_refused(tree):
    copy = tree.runtime / "copy"
    shutil.copy(tree.program, copy)
    copy.chmod(0o777)
    _, text = tree.run("call getpid", program=copy)
    copy.unlink()
    assert "only root can write" in text and "end=exit 1" in text


def test_tree_survives_a_killed_predecessor():
    made = Tree()
    made.start()
    jail = subprocess.Popen(made.command("-c", "wait", "-t", "50000"), stdout=subprocess.PIPE,
                            text=True)
    procs.wait_until(lambda: made.living(), 30, "a jail")
    made.process.kill()
    made.process.wait()
    made.process.stderr.close()
    made.start()
    if made.scope():    # another place: what lives in the old one is ended
        procs.wait_until(lambda: not made.living(), 30, "the end of the old jails")
    else:
        assert made.living(), "the new holder takes over what lives"
    second = subprocess.run([BUILD / "tenant-tree", "-r", made.folder, "-n", made.name],
                            stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert second.returncode == 4 and "another tenant-tree" in second.stderr
    holder = procs.field(made.process.pid, "CapEff")
    assert bin(int(holder[0], 16)).count("1") <= 2
    made.process.terminate()
    assert made.process.wait(60) == 0       # ends the jail with it
    assert f"end=signal {signal.SIGKILL.value}" in jail.communicate(timeout=60)[0]
    made.start()
    made.stop()


def test_tree_elsewhere_replaces_the_old_one():
    made = Tree()
    if made.scope():
        shutil.rmtree(made.folder)
        pytest.skip("with systemd every start is elsewhere: see the test above")
    made.start()
    jail = subprocess.Popen(made.command("-c", "wait", "-t", "50000"), stdout=subprocess.PIPE,
                            text=True)
    procs.wait_until(made.living, 30, "a jail")
    made.process.kill()
    made.process.wait()
    made.process.stderr.close()
    # Started from another pids group, its tree lies in another place.
    elsewhere = pathlib.Path("/sys/fs/cgroup/pids") / f"{made.name}-elsewhere"
    elsewhere.mkdir()
    made.start("sh", "-c", f'echo $$ >{elsewhere}/cgroup.procs; exec "$@"', "sh")
    assert not made.living()
    assert "end=signal 9" in jail.communicate(timeout=60)[0]
    assert (elsewhere / made.name / "tenants").is_dir()
    assert not (elsewhere.parent / made.name).exists()
    made.process.terminate()
    assert made.process.wait(60) == 0
    elsewhere.rmdir()
    made.start()
    made.stop()
