# SPDX-License-Identifier: Apache-2.0
"""No process until the first visitor, none after the last, and no connection lost in between."""
import concurrent.futures
import itertools
import pathlib
import threading
import time

import pytest

from tests.lib.procs import wait_until


def test_cold_until_the_first_request(system, site):
    system.put(site, "public/index.php", "<?php echo 'warm';")
    system.put(site, "public/static.txt", "static")
    assert system.pool_pids(site) == []
    assert system.status(site)["pool_state"] == "cold"
    assert system.text(site, "/static.txt") == "static"
    assert system.pool_pids(site) == [], "static files need no pool"
    assert system.text(site) == "warm"
    wait_until(lambda: system.status(site)["pool_state"] == "warm", 30, "its report arrives")
    assert len(system.pool_pids(site)) >= 2


@pytest.mark.slow
def test_idle_pool_leaves_and_comes_back(system, site):
    system.ctl("set", site, "pool_idle_timeout=1", "process_idle_timeout=1", check=True)
    system.put(site, "public/index.php", "<?php echo 'warm';")
    for _ in range(3):
        assert system.text(site) == "warm"
        wait_until(lambda: not system.pool_pids(site), 30, "the idle pool leaves")
        wait_until(lambda: system.status(site)["pool_state"] == "cold", 30, "the state says cold")
    assert system.status(site)["crashes"] == 0


@pytest.mark.slow
def test_no_connection_is_lost_between_idle_and_start(system, site):
    """Requests at all moments around the idle exit, which comes a good 2 s after the last one: each
    of them is answered, and the pool of each site did leave."""
    sites = [site, *(f"cold{i}-{site}" for i in range(3))]

    def visit(index):
        end = time.monotonic() + 90
        for i in itertools.count():
            assert system.text(sites[index]) == "warm"
            if i >= 6 and system.status(sites[index])["starts"] > 2:
                return
            assert time.monotonic() < end, "the pool never left"
            time.sleep(1.9 + 0.1 * (i % 6) + 0.025 * index)
    try:
        for name in sites:
            system.ctl("add", name, check=True)
            system.ctl("set", name, "pool_idle_timeout=1", "process_idle_timeout=1", check=True)
            system.put(name, "public/index.php", "<?php echo 'warm';")
        with concurrent.futures.ThreadPoolExecutor(len(sites)) as threads:
            list(threads.map(visit, range(len(sites))))
    finally:
        for name in sites[1:]:
            system.ctl("remove", name)


def test_many_first_visitors_at_once(system, site):
    system.put(site, "public/index.php", "<?php usleep(50000); echo 'warm';")
    answers = []

    def visit():
        answers.append(system.http(site).status)
    threads = [threading.Thread(target=visit) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 20
    assert system.status(site)["starts"] == 1


def test_workers_come_with_the_load_up_to_the_limit(system, site):
    system.ctl("set", site, "max_children=3", check=True)
    system.put(site, "public/index.php", "<?php touch('../tmp/in.' . getmypid());"
               " while (!file_exists('../tmp/go')) { usleep(20000); clearstatcache(); } echo getmypid();")
    inside = pathlib.Path(system.show(site)["home"], "tmp")
    with concurrent.futures.ThreadPoolExecutor(9) as threads:
        visits = [threads.submit(system.text, site) for _ in range(9)]
        try:
            wait_until(lambda: len(list(inside.glob("in.*"))) >= 3, 30, "three are served at once")
        finally:
            system.put(site, "tmp/go", "")
        assert len({visit.result() for visit in visits}) == 3
    assert len(list(inside.glob("in.*"))) == 3
