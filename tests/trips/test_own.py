# SPDX-License-Identifier: Apache-2.0
"""What each of two sites has for itself: pool, home, APCu, OPcache."""
import functools
import os

import pytest

from tests.lib.act import ACT, act as run
from tests.lib.procs import wait_until

SITES = ("one.own.example", "two.own.example")


@pytest.fixture(scope="module")
def act(system):
    """act(site, code, *arguments): what PHP code returned; it sees the arguments as $a."""
    for site in SITES:
        system.ctl("add", site, check=True)
        system.put(site, "public/act.php", ACT)
        system.put(site, "public/page.php", "<?php return 1;")
        # OPcache takes no file younger than two seconds.
        for name in ("act", "page"):
            system.as_tenant(site, lambda name=name: os.utime(f"public/{name}.php", (1e9, 1e9)))
    yield functools.partial(run, system)
    for site in SITES:
        system.ctl("remove", site, check=True)


def test_requests_reach_their_own_pool(system, act):
    for site in SITES:
        facts = system.show(site)
        told = act(site, "return [posix_getuid(), dirname(__DIR__), gethostname(), $_SERVER['SERVER_NAME']];")
        assert told == [facts["uid"], facts["home"], site, site]


def test_apcu_is_its_own(act):
    one, two = SITES
    assert act(one, "return apcu_store('key', 'of one') && apcu_exists('key');") is True
    assert act(two, "return [apcu_exists('key'), apcu_fetch('key'), count(apcu_cache_info()['cache_list'])];"
               ) == [False, False, 0]
    assert act(two, "return apcu_store('key', 'of two') && apcu_clear_cache();") is True
    assert act(one, "return apcu_fetch('key');") == "of one"


CACHED = "include_once __DIR__ . '/page.php'; return array_keys(opcache_get_status()['scripts']);"


def test_opcache_lists_its_own(system, act):
    for site in SITES:
        home = system.show(site)["home"]
        scripts = wait_until(lambda site=site, home=home: f"{home}/public/page.php" in (
            found := act(site, CACHED)) and found, 30, "its own script is cached")
        assert all(path.startswith(home) for path in scripts), scripts


def test_opcache_is_reset_for_its_own(system, act):
    one, two = SITES
    page = f"{system.show(one)['home']}/public/page.php"
    look = "return opcache_is_script_cached($a[0]);"
    restarts = ("$s = opcache_get_status(false)['opcache_statistics'];"
                "return $s['manual_restarts'] + (int)opcache_get_status(false)['restart_pending'];")
    wait_until(lambda: page in act(one, CACHED), 30, "the script is cached")
    before = [act(site, restarts) for site in SITES]
    assert act(two, "return opcache_reset();") is True
    wait_until(lambda: act(two, restarts) > before[1], 30, "its own cache starts anew")
    act(two, "return @opcache_invalidate($a[0], true);", page)
    assert act(one, restarts) == before[0] and act(one, look, page) is True
