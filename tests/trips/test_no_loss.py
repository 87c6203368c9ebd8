# SPDX-License-Identifier: Apache-2.0
"""What is changed, broken or killed while visitors come: none of them notices."""
import os
import pathlib
import re
import signal

import pytest

from tests.lib import procs
from tests.lib.load import LIMIT_S, PAGE, Load, processes
from tests.lib.procs import wait_until

KILLS = 20
A, B, C = "a.example", "b.example", "c.example"
# Keeps its workers, so that every process that goes is one that was ended.
STEADY = ("pm=static", "max_children=2", "pool_idle_timeout=1h")


@pytest.fixture(scope="module")
def steady():
    """A system with three warm sites that keep their workers."""
    from tests.conftest import need_root
    from tests.lib.system import System
    need_root()
    with System(env={"RESTART_S": "0.1"}, conf="allow_preload = yes\n") as system:
        for site in (A, B, C):
            system.ctl("add", site, *STEADY, check=True)
            system.put(site, "public/index.php", PAGE)
            system.warm_up(site)
        yield system


def replaced(system, site, master):
    """Waits until another pool serves and the one before has left."""
    wait_until(lambda: system.status(site)["master_pid"] not in (0, None, master), LIMIT_S, "handed over")
    wait_until(lambda: not procs.is_running(master), LIMIT_S, "the old pool has left")


def test_set_loses_no_visitor_and_touches_no_other_pool(steady):
    others = processes(steady, B, C)
    with Load(steady, A, B, C) as load:
        load.wait()
        for option, said in (("memory_limit=96M", "96M 14 end"),
                             ("php_value.precision=7", "96M 7 end"),
                             ("max_children=3", "96M 7 end")):
            master = steady.status(A)["master_pid"]
            steady.ctl("set", A, option, check=True)
            replaced(steady, A, master)
            assert steady.text(A) == said
            load.wait()
        # Live limits reach the kernel, and no process changes for them.
        wait_until(lambda: len(steady.pool_pids(A)) == 4, LIMIT_S, "one worker more")
        before = sorted(steady.pool_pids(A))
        steady.ctl("set", A, "memory_max=384M", "pids_max=80", check=True)
        status = steady.status(A)
        assert (status["memory_max"], status["pids_max"]) == (384 << 20, 80)
        load.wait()
        assert sorted(steady.pool_pids(A)) == before
        # One change upon another, without waiting for pools to come and to go.
        for precision in range(8, 14):
            steady.ctl("set", A, f"php_value.precision={precision}", check=True)
        wait_until(lambda: steady.text(A) == "96M 13 end", LIMIT_S, "the last change")
        load.wait()
    assert steady.status(A)["crashes"] == 0
    assert processes(steady, B, C) == others


def test_drain_first_where_memory_does_not_hold_two(steady):
    """Then nobody serves for a moment: visitors wait at the listener, and none is refused."""
    site = "narrow.example"
    steady.ctl("add", site, *STEADY, "memory_max=64M", "shm_size=40M", check=True)
    steady.put(site, "public/index.php", PAGE)
    steady.put(site, "public/fill.php",
               "<?php for ($i = 0; $i < 32; $i++) "
               "file_put_contents('/dev/shm/fill', str_repeat('a', 1 << 20), FILE_APPEND); "
               "echo filesize('/dev/shm/fill');")
    others = processes(steady, B, C)
    with Load(steady, site, B, C) as load:
        load.wait()
        for precision in (7, 8, 9):
            assert steady.text(site, "/fill.php") == str(32 << 20)
            facts = steady.status(site)
            assert facts["memory_current"] > facts["memory_max"] / 2, "two would fit"
            steady.ctl("set", site, f"php_value.precision={precision}", check=True)
            replaced(steady, site, facts["master_pid"])
            assert steady.text(site).endswith(f" {precision} end")
            load.wait()
    assert steady.status(site)["crashes"] == 0
    assert processes(steady, B, C) == others
    # One at a time: each starts when the one before has ended.
    log = (steady.folder / "log/tenantd.log").read_text()
    events = re.findall(rf"event=pool\.(spawn|end) tenant=\d+ site={site} generation=(\d)", log)
    assert events == [(what, str(g)) for g in (1, 2, 3, 4) for what in ("spawn", "end")][:-1]
    steady.ctl("remove", site, check=True)


def is_listening(path):
    """True if a socket that was bound for this path takes connections."""
    listening = [line.split()[-1] for line in
                 pathlib.Path("/proc/net/unix").read_text().splitlines() if " 00010000 " in line]
    return os.path.exists(path) and f"{path}.new" in listening      # renamed after listen()


def test_kill_9_of_tenantd_over_and_over(steady):
    cold = "cold.example"
    steady.ctl("add", cold, check=True)
    steady.put(cold, "public/index.php", PAGE)
    path = steady.show(cold)["socket"]
    before = processes(steady, B, C)
    masters = {site: steady.status(site)["master_pid"] for site in before}
    with Load(steady, B, C) as load:
        load.wait()
        for kill in range(KILLS):
            old = steady.pid("tenantd")
            os.kill(old, signal.SIGKILL)
            wait_until(lambda: steady.is_taken_over(old), LIMIT_S, f"back after {kill + 1}")
            for site, master in masters.items():
                wait_until(lambda: steady.status(site)["pool_state"] == "warm", LIMIT_S, "adopted")
                assert steady.status(site)["master_pid"] == master
            wait_until(lambda: is_listening(path), LIMIT_S, "the cold site's listener is back")
        load.wait()
    assert processes(steady, B, C) == before
    assert steady.status(cold)["pool_state"] == "cold"
    assert steady.text(cold).endswith(" end")
    print(f"{KILLS} kills")


def test_kill_9_of_tenant_control(steady):
    """Warm or cold, sites need it for nothing.  Its pauses grow: 1 s, 2 s, 4 s."""
    sites = [f"cold{i}.example" for i in range(4)]
    for site in sites:
        steady.ctl("add", site, check=True)
        steady.put(site, "public/index.php", PAGE)
    before = processes(steady, B, C)
    started = []
    with Load(steady, B, C) as load:
        for site in sites:
            pid = wait_until(lambda: steady.child_pid("tenant-control"), LIMIT_S, "it is back")
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not procs.is_running(pid), LIMIT_S, "it is dead")
            assert steady.text(site).endswith(" end")
            # A start counts if nobody could have asked it.
            if not steady.child_pid("tenant-control"):
                started.append(site)
            if len(started) == 2:
                break
        assert len(started) == 2, "cold starts without tenant-control"
        load.wait()
        wait_until(lambda: steady.child_pid("tenant-control") and steady.is_answering(), LIMIT_S,
                   "it is back")
    assert processes(steady, B, C) == before
    for site in started:
        status = steady.status(site)
        assert (status["starts"], status["crashes"]) == (1, 0)


BROKEN = "<?php no_such_function();"


def test_a_broken_setting_stops_only_its_tenant(steady):
    site = "broken.example"
    steady.ctl("add", site, check=True)
    steady.put(site, "public/index.php", PAGE)
    steady.put(site, "private/preload.php", BROKEN)
    steady.text(site)
    others = processes(steady, B, C)
    with Load(steady, B, C) as load:
        # What can be known is refused, and nothing changes.
        before = steady.show(site)
        for option in ("memory_limit=1M", "php_value.disable_functions=exec", "pm=sometimes",
                       "document_root=/etc", "max_children=200 open_files=64",
                       "preload=private/preload.php"):
            done = steady.ctl("set", site, *option.split())
            assert done.returncode == 5 and option.split("=")[0].split(".")[0] in done.stderr, done
        assert steady.show(site) == before
        # What shows only at the start: the pool that serves goes on, and the reason is told.
        master = steady.status(site)["master_pid"]
        steady.ctl("set", site, "preload=private/preload.php", "--untried", check=True)
        wait_until(lambda: steady.status(site)["last_error"], LIMIT_S, "the reason is told")
        assert steady.status(site)["master_pid"] == master and steady.text(site).endswith(" end")
        # Once it has left none comes; and then visitors are told so.
        steady.ctl("suspend", site, check=True)
        steady.ctl("resume", site, check=True)
        assert steady.http(site).status in (502, 503)
        wait_until(lambda: steady.status(site)["pool_state"] == "backoff" or
                   (steady.http(site) and None), LIMIT_S, "it is held back")
        # Taking it back helps at once.
        steady.ctl("set", site, "preload=", check=True)
        assert steady.text(site).endswith(" end")
        load.wait()
    assert processes(steady, B, C) == others
