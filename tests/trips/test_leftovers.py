# SPDX-License-Identifier: Apache-2.0
"""What stays when a pool ends, and when a site is removed: nothing."""
import ctypes
import itertools
import os
import pathlib
import re

from tests.lib import procs
from tests.lib.act import ACT, act
from tests.lib.procs import wait_until

# Where a site, or somebody for it, could leave something; the system's own folder comes to these.
PLACES = ("/tmp", "/var/tmp", "/dev", "/run", "/etc", "/var/spool", "/var/mail", "/var/lib", "/var/cache",
          "/var/log", "/var/crash", "/root", "/home", "/srv", "/opt")
keys = itertools.count((os.getpid() & 0x7fff) << 12)


def owned_by(uid, *places):
    """Files whose owner or group it is, in all file systems but those of the kernel."""
    found = []
    for place in places:
        for top, folders, files in os.walk(place):
            folders[:] = [f for f in folders if not os.path.ismount(os.path.join(top, f))
                          or os.path.join(top, f) in ("/dev/shm", "/dev/mqueue")]
            for name in folders + files:
                try:
                    facts = os.lstat(os.path.join(top, name))
                except OSError:
                    continue        # gone meanwhile: of another test
                if uid in (facts.st_uid, facts.st_gid):
                    found.append(os.path.join(top, name))
    return found


def system_v(uid):
    """Rows of /proc/sysvipc of the host that are this user's."""
    return [line for kind in ("shm", "sem", "msg")
            for line in pathlib.Path("/proc/sysvipc", kind).read_text().splitlines()
            if str(uid) in line.split()]


def groups(system, number):
    return [top for top, _, _ in os.walk("/sys/fs/cgroup")
            if re.search(rf"/{system.name}[^/]*/tenants/{number}(/|$)", top)]


def running(uid):
    return [pid for pid in procs.pids() if str(uid) in procs.field(pid, "Uid")]


def keyrings(uid):
    text = pathlib.Path("/proc/key-users").read_text() if os.path.exists("/proc/key-users") else ""
    return [line for line in text.splitlines() if line.split(":")[0].strip() == str(uid)]


def test_nothing_stays_of_a_removed_site(new_system):
    system = new_system()       # by its uid all that is left is found: no other system has it (run.sh)
    name, key = "leaves.example", next(keys)
    system.ctl("add", name, "--alias", f"www.{name}", check=True)
    facts = system.show(name)
    number, uid = facts["number"], facts["uid"]
    system.put(name, "public/act.php", ACT)
    assert act(system, name, """
        $home = dirname(__DIR__);
        foreach (['public', 'private', 'sessions', 'tmp'] as $d) {
            mkdir("$home/$d/deep"); chmod("$home/$d/deep", 0); touch("$home/$d/file");
            symlink('/etc/passwd', "$home/$d/link"); posix_mkfifo("$home/$d/fifo", 0600);
        }
        foreach (['/tmp', '/dev/shm'] as $d) touch("$d/$a[0]");
        stream_socket_server("unix://$home/tmp/own.sock");
        session_start(); $_SESSION['x'] = 1; session_write_close();
        shm_put_var(shm_attach($a[0], 10000, 0666), 1, 'x');
        error_log('to be logged');
        return count(scandir("$home/sessions")) > 3;""", key) is True
    places = (*PLACES, str(system.folder))
    home = facts["home"]
    assert f"{home}/private/file" in owned_by(uid, *places) and running(uid) and groups(system, number)
    system.ctl("remove", name, check=True)
    aside = os.path.join(os.path.dirname(home), ".removed", str(number))
    left = [path for path in owned_by(uid, *places) if not path.startswith(aside + "/")]
    assert left == []
    assert os.path.isdir(aside), "it is kept for some days"
    assert not os.path.exists(facts["logs"]) and not os.path.exists(os.path.dirname(facts["socket"]))
    for what, look in (("process", lambda: running(uid)), ("group", lambda: groups(system, number)),
                       ("keyring", lambda: keyrings(uid)), ("System V object", lambda: system_v(uid))):
        wait_until(lambda: not look(), 30, f"no {what} is left")


def test_a_removed_home_is_out_of_reach(system):
    name = "beyond.example"
    system.ctl("add", name, check=True)
    facts = system.show(name)
    system.put(name, "public/open.txt", "open")
    homes = os.path.dirname(facts["home"])
    old = os.stat(homes).st_mode & 0o7777
    paths = [f"{facts['home']}/public/open.txt", f"{homes}/.removed/{facts['number']}/public/open.txt"]

    def reads(path):
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([])
                os.setgid(facts["gid"])
                os.setuid(facts["uid"])
                try:
                    os._exit(0 if open(path).read() == "open" else 1)
                except OSError:
                    os._exit(1)
            finally:
                os._exit(2)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in (0, 1)
        return status == 0
    try:
        # A second wall that would hide what the first one does: no tenant passes this folder.
        os.chmod(homes, 0o755)
        assert reads(paths[0])
        system.ctl("remove", name, check=True)
        os.chmod(homes, 0o755)
        assert os.path.exists(paths[1]) and not reads(paths[1]) and not reads(paths[0])
    finally:
        os.chmod(homes, old)


def renew(system, site):
    """Another pool takes the old one's place, which ends."""
    before = system.status(site)
    system.ctl("set", site, "max_children=3", check=True)
    wait_until(lambda: (now := system.status(site))["generation"] > before["generation"] and
               now["pool_state"] == "warm" and not procs.is_running(before["master_pid"]), 60,
               "the new pool alone serves")


def test_temporary_files_end_with_the_pool(system, site):
    system.put(site, "public/act.php", ACT)
    name = f"tenantd-left-{next(keys)}"
    paths = [f"/tmp/{name}", f"/dev/shm/{name}"]
    look = "return array_map('file_exists', $a);"
    try:
        assert act(system, site, "return array_map('touch', $a);", *paths) == [True, True]
        assert act(system, site, look, *paths) == [True, True]
        renew(system, site)
        assert act(system, site, look, *paths) == [False, False]
    finally:
        for path in paths:
            pathlib.Path(path).unlink(missing_ok=True)


def test_system_v_ends_with_the_pool(system, site):
    system.put(site, "public/act.php", ACT)
    key = next(keys)
    look = "return [shm_has_var(shm_attach($a[0], 10000, 0666), 1), msg_queue_exists($a[0])];"
    try:
        assert act(system, site, "return shm_put_var(shm_attach($a[0], 10000, 0666), 1, 'x') &&"
                   "msg_get_queue($a[0], 0666) && sem_get($a[0], 1, 0666);", key) is True
        assert act(system, site, look, key) == [True, True]
        renew(system, site)
        assert act(system, site, look, key) == [False, False]
        assert not system_v(system.show(site)["uid"])
    finally:
        libc = ctypes.CDLL(None)
        libc.shmctl(libc.shmget(key, 0, 0), 0, None)
        libc.msgctl(libc.msgget(key, 0), 0, None)
        libc.semctl(libc.semget(key, 0, 0), 0, 0)
