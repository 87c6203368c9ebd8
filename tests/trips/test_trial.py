# SPDX-License-Identifier: Apache-2.0
"""What only PHP can judge is tried in the site's own cage before it counts: what PHP refuses is
answered with its words, and nothing is changed."""
import concurrent.futures
import json
import re
import time

import pytest

from tests.lib import procs
from tests.lib.load import Load
from tests.lib.procs import wait_until
from tests.lib.system import System

LIMIT_S = 60
A, B = "a.example", "b.example"
PAGE = "<?php usleep((int)($_GET['us'] ?? 0)); " \
       "echo class_exists('Early', false) ? 'early' : 'plain', ini_get('precision'), ' end';"
BAD = "<?php no_such_function();"
ZONE = "php_admin_value.date.timezone=No/Where"       # PHP knows the setting and not the value


@pytest.fixture(scope="module")
def tried():
    from tests.conftest import need_root
    need_root()
    with System(conf="allow_preload = yes\n") as system:
        for site in (A, B):
            system.ctl("add", site, "pool_idle_timeout=1h", check=True)
            system.put(site, "public/index.php", PAGE)
            system.put(site, "private/bad.php", BAD)
            system.put(site, "private/good.php", "<?php class Early {}")
        yield system


def bring(system, state, *sites):
    """A cold site has no process, a warm one serves."""
    for site in sites:
        system.ctl("suspend", site, check=True)
        system.ctl("resume", site, check=True)
        if state == "warm":
            system.text(site)
            wait_until(lambda: system.status(site)["pool_state"] == "warm", LIMIT_S, "it is warm")


def beside(system, site):
    """Processes in the site's group that are not its pool's, whose workers come and go."""
    def pool():
        master = system.status(site)["master_pid"]
        return {master, *procs.children(master)} if master else set()
    before = pool()
    found = procs.in_cgroup(rf"/{system.name}[^/]*/tenants/{system.show(site)['number']}(/|$)")
    return sorted(set(found) - before - pool())


def is_alone(system, site):
    wait_until(lambda: not beside(system, site), LIMIT_S, "the trial has left")


def refused(system, *words, said):
    done = system.ctl(*words)
    assert done.returncode == 5, done
    for word in said:
        assert word in done.stderr, done.stderr
    assert all(c == "\n" or " " <= c <= "~" for c in done.stderr), done.stderr
    return done


@pytest.mark.parametrize("state", ("cold", "warm"))
@pytest.mark.parametrize("option, said", [
    ("preload=private/bad.php", ("Fatal error", "no_such_function()", "private/bad.php")),
    (ZONE, ("No/Where", "date.timezone")),
    ("php_admin_value.browscap=/nowhere.ini", ("browscap", "/nowhere.ini", "No such file")),
    ("opcache_interned=8M opcache_memory=8M", ("Insufficient shared memory",)),
])
def test_what_php_refuses_changes_nothing(tried, state, option, said):
    bring(tried, state, A)
    before, status = tried.show(A), tried.status(A)
    refused(tried, "set", A, "memory_limit=64M", *option.split(), said=said)
    assert tried.show(A) == before, "the revision, too"
    is_alone(tried, A)
    now = tried.status(A)
    for key in ("pool_state", "master_pid", "generation", "starts", "crashes", "last_error"):
        assert now[key] == status[key], key
    assert now["pool_state"] == state and tried.text(A) == "plain14 end"


@pytest.mark.parametrize("state", ("cold", "warm"))
def test_what_php_takes_counts(tried, state):
    bring(tried, state, A)
    done = tried.ctl("set", A, "preload=private/good.php", "php_value.precision=5",
                     "php_value.no.such.setting=1", check=True)
    assert "php " in done.stdout, "it is told as a step"
    wait_until(lambda: tried.text(A) == "early5 end", LIMIT_S, "the new settings")
    # The script errs by now, and what is not PHP's affair can be changed all the same.
    tried.put(A, "private/good.php", BAD)
    tried.ctl("set", A, "pids_max=60", "memory_limit=64M", check=True)
    refused(tried, "set", A, "php_value.precision=6", said=("no_such_function()",))
    assert tried.text(A).endswith("5 end")
    tried.ctl("set", A, "preload=", "php_value.precision=", "php_value.no.such.setting=",
              "pids_max=", "memory_limit=", check=True)
    tried.put(A, "private/good.php", "<?php class Early {}")
    wait_until(lambda: tried.text(A) == "plain14 end", LIMIT_S, "the old settings")


def test_a_script_that_does_not_end_is_not_waited_for(tried):
    """It runs in the cage, as the tenant, without a listener and within the limits of now; it is
    bounded in time, others are served, and nothing of it stays."""
    bring(tried, "warm", A, B)
    began = tried.folder / "srv" / A / "private/began"
    tried.put(A, "private/slow.php", """<?php file_put_contents(__DIR__ . '/began', json_encode(
        [posix_geteuid(), getmypid(), is_dir('/etc/nginx')])); while (true) sleep(1000);""")
    number, limit = tried.show(A)["number"], tried.status(A)["memory_max"]
    since = time.monotonic()
    with Load(tried, A, B) as load, concurrent.futures.ThreadPoolExecutor() as pool:
        done = pool.submit(tried.ctl, "set", A, "preload=private/slow.php", "memory_max=256M")
        wait_until(lambda: began.exists() and began.read_text(), LIMIT_S, "it runs")
        uid = tried.show(A)["uid"]
        assert json.loads(began.read_text()) == [uid, 1, False]
        [pid] = wait_until(lambda: len(found := beside(tried, A)) == 1 and found, LIMIT_S,
                           "the one that tries")
        assert procs.link(pid, "fd/3") == "/dev/null", "nobody can come"
        assert procs.field(pid, "Uid") == [str(uid)] * 4 and procs.field(pid, "Seccomp") == ["2"]
        assert int(procs.field(pid, "CapBnd")[0], 16) == 0
        assert procs.link(pid, "ns/net") not in (procs.link("self", "ns/net"), "")
        assert re.search(rf"/tenants/{number}/g\d+", procs.read(pid, "cgroup"))
        assert tried.status(A)["memory_max"] == limit, "the new limit does not count yet"
        load.wait()
        assert done.result().returncode == 5 and "not ready after 30 s" in done.result().stderr
    assert 29 < time.monotonic() - since < LIMIT_S + 30
    is_alone(tried, A)
    assert tried.text(A) == "plain14 end" and tried.show(A)["overrides"] == ["pool_idle_timeout"]


def test_what_is_untried_shows_at_the_start(tried):
    bring(tried, "cold", A)
    tried.ctl("set", A, "preload=private/bad.php", "--untried", check=True)
    wait_until(lambda: tried.http(A).status in (502, 503) and tried.status(A)["last_error"], LIMIT_S,
               "its visitors find out")
    assert "no_such_function" in tried.status(A)["last_error"]
    tried.ctl("set", A, "preload=", check=True)
    assert tried.text(A) == "plain14 end"


def test_nothing_of_a_suspended_site_is_started(tried):
    tried.ctl("suspend", A, check=True)
    tried.put(A, "private/ran.php", "<?php touch(__DIR__ . '/ran');")
    tried.ctl("set", A, "preload=private/ran.php", check=True)
    assert not (tried.folder / "srv" / A / "private/ran").exists() and not beside(tried, A)
    tried.ctl("set", A, "preload=", check=True)
    tried.ctl("resume", A, check=True)


def test_a_new_site_that_php_refuses_is_not_made(tried):
    refused(tried, "add", "new.example", ZONE, said=("date.timezone",))
    assert tried.ctl("show", "new.example").returncode == 3
    assert not (tried.folder / "srv/new.example").exists()
    # Its script to preload cannot be there yet.
    tried.ctl("add", "new.example", "preload=private/later.php", "php_value.precision=7", check=True)
    tried.ctl("remove", "new.example", check=True)


def test_a_plan_names_the_site_that_cannot_follow(tried):
    tried.ctl("plan", "add", "shared", "php_value.precision=9", check=True)
    for site in (A, B):
        tried.ctl("set", site, "--plan", "shared", check=True)
    done = tried.ctl("plan", "set", "shared", "php_value.precision=10", check=True)
    assert "tried in 1" in done.stdout, "both have the same values"
    wait_until(lambda: tried.data("plan", "show", "shared")["pending"] == 0, LIMIT_S, "they follow")
    before = tried.data("plan", "show", "shared")
    refused(tried, "plan", "set", "shared", ZONE, said=("could not follow", "date.timezone"))
    tried.put(B, "private/good.php", BAD)
    refused(tried, "plan", "set", "shared", "preload=private/good.php",
            said=(f"site '{B}' could not follow", "no_such_function"))
    assert tried.data("plan", "show", "shared") == before
    assert not tried.show(A)["options"]["preload"]
    wait_until(lambda: tried.text(A) == "plain10 end", LIMIT_S, "what the plan had before")
    # One site is no veto.
    tried.ctl("plan", "set", "shared", "preload=private/good.php", "--untried", check=True)
    wait_until(lambda: tried.text(A) == "early10 end", LIMIT_S, "the other one follows")
    tried.ctl("plan", "set", "shared", "preload=", check=True)
    for site in (A, B):
        tried.ctl("set", site, "--plan", "default", check=True)
    tried.ctl("plan", "remove", "shared", check=True)


def test_where_memory_has_no_room_it_is_not_tried(tried):
    """A visitor's process is not ended for it."""
    site = "full.example"
    tried.ctl("add", site, "memory_max=64M", "memory_limit=60M", check=True)
    tried.put(site, "public/index.php", """<?php $full = str_repeat('x', 40 << 20);
        touch('../private/full'); clearstatcache();
        while (!file_exists('../private/go')) { usleep(50000); clearstatcache(); } echo strlen($full);""")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        visit = pool.submit(tried.text, site)
        wait_until((tried.folder / "srv" / site / "private/full").exists, LIMIT_S, "it is full")
        done = tried.ctl("set", site, ZONE, check=True)
        tried.put(site, "private/go", "")
        assert "not tried" in done.stdout, done.stdout
        assert visit.result() == str(40 << 20)
    tried.ctl("remove", site, check=True)
