# SPDX-License-Identifier: Apache-2.0
"""Bad luck: what crashes or hangs hurts nobody else, and the reason is told."""
import os
import pathlib
import signal
import time

import pytest

from tests.lib import procs
from tests.lib.procs import wait_until

OK = "<?php echo 'fine';"
SEGFAULT = "<?php posix_kill(getmypid(), 11); sleep(5); echo 'alive';"


@pytest.fixture
def neighbour(system, site):
    name = f"neighbour-{site}"
    system.ctl("add", name, check=True)
    system.put(name, "public/index.php", OK)
    system.text(name)
    yield name
    system.ctl("remove", name, check=True)


def test_a_worker_that_segfaults(system, site, neighbour):
    system.put(site, "public/index.php", OK)
    system.put(site, "public/crash.php", SEGFAULT)
    assert system.text(site) == "fine"
    master = system.status(site)["master_pid"]
    other = system.status(neighbour)["master_pid"]
    for _ in range(3):
        assert system.http(site, "/crash.php").status in (500, 502, 503)
        assert system.text(site) == "fine"
    assert system.status(site)["master_pid"] == master, "a worker's end is no pool's end"
    assert system.status(neighbour)["master_pid"] == other
    assert system.text(neighbour) == "fine"


@pytest.mark.slow
def test_an_endless_script_is_ended(system, site, neighbour):
    system.ctl("set", site, "request_terminate_timeout=2", "max_children=1", check=True)
    system.put(site, "public/index.php", OK)
    system.put(site, "public/loop.php", "<?php ignore_user_abort(true); set_time_limit(0); for (;;);")
    system.put(site, "public/sleep.php", "<?php for (;;) sleep(1000);")
    log = pathlib.Path(system.show(site)["logs"], "php.log")
    for count, path in enumerate(("/loop.php", "/sleep.php"), 1):
        assert system.http(site, path).status in (500, 502, 503, 504), path
        # nginx alone would give up on it, too; the only worker is free because it was ended.
        assert system.text(site) == "fine"
        wait_until(lambda c=count: log.read_text().count("request_terminate_timeout (2 s) and is ended") == c,
                   30, f"{path} is ended")
    assert system.text(neighbour) == "fine"


def test_memory_is_limited(system, site, neighbour):
    system.ctl("set", site, "memory_max=64M", "memory_limit=1G", "tmp_size=1G", check=True)
    system.put(site, "public/index.php", OK)
    system.put(site, "public/eat.php", "<?php $a = str_repeat('x', 400 << 20); echo strlen($a);")
    answer = system.http(site, "/eat.php")
    assert answer.status in (500, 502, 503)
    wait_until(lambda: system.http(site).status == 200, 30, "the site recovers")
    status = system.status(site)
    assert status["memory_oom_kill"] >= 1, (answer, status, system.logs())
    assert system.text(neighbour) == "fine"


def test_a_pool_that_is_killed_comes_back(system, site, neighbour):
    system.put(site, "public/index.php", OK)
    assert system.text(site) == "fine"
    os.kill(system.status(site)["master_pid"], signal.SIGKILL)
    # Until the supervisor has seen its end, a worker may answer with its last breath.
    wait_until(lambda: system.status(site)["crashes"] == 1, 30, "it is counted")
    wait_until(lambda: system.http(site).status == 200, 30, "the pool is back")
    assert system.status(site)["crashes"] == 1 and system.status(site)["last_end"]
    assert system.text(neighbour) == "fine"


@pytest.mark.slow
def test_a_pool_that_always_dies_is_held_back(system, site, neighbour):
    """Back-off: visitors get a fast 503, the machine is not kept busy with starts."""
    system.put(site, "public/index.php", OK)
    assert system.text(site) == "fine"
    held = system.status(site)
    # Until the wait is long enough to look at: 1 s, 2 s, 4 s, 8 s.
    while held["backoff_s"] < 5:
        master = wait_until(lambda: system.http(site) and system.status(site)["master_pid"], 60, "a pool")
        os.kill(master, signal.SIGKILL)
        held = wait_until(lambda crashes=held["crashes"]: (now := system.status(site))["crashes"] > crashes
                          and now, 30, "its end is seen")
        assert held["crashes"] <= 6, held
    answer, after = system.http(site), system.status(site)
    # At once: nobody waited until the next one, and nobody had it started.
    assert (answer.status, after["pool_state"]) == (503, "backoff"), after
    assert (after["starts"], after["crashes"]) == (held["starts"], held["crashes"])
    assert system.text(neighbour) == "fine"
    wait_until(lambda: system.http(site).status == 200, 60, "the site comes back by itself")


def damage(system, site, call):
    """Lets a tenant's script spoil its listener, descriptor by descriptor."""
    system.put(site, "public/damage.php", f"""<?php
        ini_set('display_errors', '0');
        foreach (scandir('/proc/self/fd') as $fd) {{
            $socket = is_numeric($fd) ? fopen("php://fd/$fd", 'r') : false;
            if ($socket) {{ {call} }}
        }}
        echo 'done';""")
    return system.http(site, "/damage.php").status


@pytest.mark.slow
def test_a_damaged_listener_is_replaced(system, site, neighbour):
    system.put(site, "public/index.php", OK)
    assert system.text(site) == "fine"
    damage(system, site, "stream_socket_shutdown($socket, STREAM_SHUT_RDWR);")
    wait_until(lambda: system.http(site).status == 200, 60, "the site answers again")
    used = cpu_seconds(system.pid("tenantd"))
    time.sleep(1)
    assert cpu_seconds(system.pid("tenantd")) - used < 0.5, "the supervisor does not spin"
    assert system.text(neighbour) == "fine"


def cpu_seconds(pid):
    words = procs.read(pid, "stat").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("program", ["tenantd", "tenant-control", "tenant-log"])
def test_kill_9_of_a_program_drops_no_request(system, site, program):
    system.put(site, "public/index.php", OK)
    master = system.warm_up(site)["master_pid"]
    pid = system.pid(program) if program == "tenantd" else system.child_pid(program)
    assert pid, f"{program} runs"
    os.kill(pid, signal.SIGKILL)
    for _ in range(20):
        assert system.text(site) == "fine"
        time.sleep(0.05)
    if program == "tenantd":
        wait_until(lambda: system.is_taken_over(pid), 60, "tenantd is back")
    else:
        wait_until(lambda: system.child_pid(program) not in (None, pid) and system.is_answering(), 60,
                   f"{program} is back")
    wait_until(lambda: (system.status(site)["master_pid"] or 0) == master, 30, "the pool is adopted")
    system.ctl("set", site, "memory_max=128M", check=True)
    assert system.status(site)["memory_max"] == 128 * 1024 * 1024
    system.ctl("add", f"after-{program}.example", check=True)
    system.ctl("remove", f"after-{program}.example", check=True)


ADOPTED_ENDS = {
    "left": ("3s", False, 0, "it left as asked or when idle"),
    "killed": ("1m", True, 1, "no last word"),
}


@pytest.mark.parametrize("end", ADOPTED_ENDS)
def test_the_end_of_an_adopted_pool_is_told(system, site, end):
    """It is nobody's child: its last word tells.  For memory see test_supervisor_adopt.py."""
    idle, is_killed, crashes, said = ADOPTED_ENDS[end]
    system.put(site, "public/index.php", OK)
    system.ctl("set", site, f"pool_idle_timeout={idle}", check=True)
    master = system.warm_up(site)["master_pid"]
    old = system.pid("tenantd")
    os.kill(old, signal.SIGKILL)
    # Visited all the while: it shall not leave before it is adopted.
    wait_until(lambda: system.text(site) and system.is_taken_over(old), 60, "tenantd is back")
    assert system.status(site)["master_pid"] == master, "it is adopted"
    if is_killed:
        os.kill(master, signal.SIGKILL)
    status = wait_until(lambda: (now := system.status(site))["last_end"] and now, 60, "it has ended")
    assert (status["crashes"], said in status["last_end"]) == (crashes, True), status


def test_a_cold_site_waits_for_a_restarted_supervisor(system, site):
    """While no supervisor is there, a cold site's visitor waits or gets an error; then it starts."""
    system.put(site, "public/index.php", OK)
    assert system.pool_pids(site) == []
    os.kill(system.pid("tenantd"), signal.SIGKILL)
    wait_until(lambda: system.http(site).status == 200, 30, "the site starts")


def test_status_tells_why_a_pool_cannot_start(system, site, neighbour):
    """A tenant that takes its own home away from the jail: only it stays out."""
    def spoil():
        os.rename("tmp", "tmp-moved")
        os.symlink("/etc", "tmp")
    try:
        system.as_tenant(site, spoil)
    except AssertionError:
        return              # the home is root's: nothing to spoil, which is better
    answer = system.http(site)
    assert answer.status in (500, 502, 503)
    assert system.status(site)["last_error"]
    assert system.text(neighbour) == "fine"
