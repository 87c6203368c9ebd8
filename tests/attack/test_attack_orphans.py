# SPDX-License-Identifier: Apache-2.0
"""Processes that a site leaves behind, where its plan allows programs: each way in which a worker or
a pool ends takes them along."""
import contextlib
import os
import signal

import pytest

from tests.conftest import need_root
from tests.lib import procs
from tests.lib.procs import wait_until
from tests.lib.system import System

# A daemon by every rule: two sessions, two generations, no terminal, signals ignored.
PAGE = """<?php
if (isset($_GET['start']))
    shell_exec('trap "" HUP TERM INT; setsid sh -c "sleep 600 & setsid sleep 600 & exec sleep 600"'
        . ' </dev/null >/dev/null 2>&1 &');
if (isset($_GET['end']))
    posix_kill(posix_getpid(), 9);
echo 'fine';
"""


@pytest.fixture(scope="module")
def own():
    need_root()
    system = System(conf="allow_programs = yes").start()
    left = None
    try:
        yield system
    finally:
        for pid in procs.in_cgroup(rf"/{system.name}[^/]*/tenants/"):
            with contextlib.suppress(ProcessLookupError):       # it went with the one before
                os.kill(pid, signal.SIGKILL)    # what a test found to live on
        left = system.stop()
    assert not left, left


def end_worker(system, site):
    system.http(site, "/?end")


def end_change(system, site):
    system.ctl("set", site, "max_children=2", check=True)


def end_idle(system, site):
    wait_until(lambda: system.status(site)["pool_state"] == "cold", 60, "the pool leaves")


def end_crash(system, site):
    os.kill(system.status(site)["master_pid"], signal.SIGKILL)


def end_suspend(system, site):
    system.ctl("suspend", site, check=True)


def end_remove(system, site):
    system.ctl("remove", site, check=True)


ENDS = {name.removeprefix("end_"): function for name, function in globals().items()
        if name.startswith("end_")}


@pytest.mark.parametrize("how", ENDS)
def test_a_daemon_ends(own, how):
    site = f"{how}.example"
    idle = "5s" if how == "idle" else "1h"
    own.ctl("add", site, "programs=allow", "max_children=1", f"pool_idle_timeout={idle}",
            f"process_idle_timeout={idle}", "request_terminate_timeout=20s", check=True)
    own.put(site, "public/index.php", PAGE)
    number = own.show(site)["number"]

    def daemons():
        return [pid for pid in procs.in_cgroup(rf"/{own.name}[^/]*/tenants/{number}(/|$)")
                if procs.read(pid, "cmdline").startswith("sleep")]
    assert own.text(site, "/?start") == "fine"
    # Visits meanwhile: else an idle pool could have left, and them with it, before they are seen.
    pids = wait_until(lambda: own.text(site) == "fine" and len(found := daemons()) == 3 and found, 30, "three daemons")
    assert own.text(site) == "fine" and daemons() == pids       # they do live on
    ENDS[how](own, site)
    wait_until(lambda: not any(procs.is_running(pid) for pid in pids), 30, f"the end of {pids}")
    assert not daemons()
