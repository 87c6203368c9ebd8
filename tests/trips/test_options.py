# SPDX-License-Identifier: Apache-2.0
"""Options and plans: ranges, unknown words, and that a change really arrives."""
import contextlib
import json
import os
import re
import signal
import sqlite3

import pytest

from tests.lib.procs import wait_until
from tests.lib.system import ROOT


@pytest.mark.parametrize("option, said", [
    ("memory_max=1M", ("memory_max", "1M", "32M")),
    ("memory_max=lots", ("memory_max", "lots")),
    ("max_children=0", ("max_children", "0", "1")),
    ("max_children=-1", ("max_children", "-1")),
    ("pm=dynamical", ("pm", "dynamical", "ondemand")),
    ("pm=dynamic max_children=2", ("max_children", "2", "3", "max_spare_servers")),
    ("open_files=64 max_children=40", ("open_files", "64", "72", "max_children")),
    ("sockets=mysql,ldap", ("sockets", "ldap")),
    ("document_root=../..", ("document_root", "../..")),
    ("document_root=/etc", ("document_root", "/etc")),
    ("programs=allow", ("programs", "allow_programs")),
    ("php_admin_value.memory_limit=1G", ("php_admin_value", "locked", "memory_limit")),
    ("php_value=1", ("php_value", "dot")),
    ("preload=private/x.php", ("preload", "allow_preload")),
    ("jit=allow", ("jit", "allow_jit")),
    ("env.LD_PRELOAD=x", ("env", "LD_PRELOAD", "locked")),
    ("no_such_option=1", ("no_such_option",)),
    ("uid=0", ("uid",)),
])
def test_out_of_range_is_refused_with_the_range(system, option, said):
    done = system.ctl("add", "range.example", *option.split())
    assert done.returncode == 5, done
    for word in said:
        assert word in done.stderr, (word, done.stderr)
    assert system.ctl("show", "range.example").returncode == 3


def test_unknown_plan_is_refused(system, site):
    for words in (("add", "plan.example", "--plan", "nothing"), ("set", site, "--plan", "nothing")):
        done = system.ctl(*words)
        assert done.returncode == 5 and "nothing" in done.stderr, done
    assert system.ctl("show", "plan.example").returncode == 3


def test_refused_set_changes_nothing(system, site):
    before = system.show(site)
    assert system.ctl("set", site, "max_children=7", "memory_max=1").returncode == 5
    assert system.show(site) == before


def test_set_live_limit_reaches_the_kernel_and_keeps_the_pool(system, site):
    system.put(site, "public/index.php", "<?php echo 1;")
    system.text(site)
    before = system.status(site)
    system.ctl("set", site, "memory_max=96M", "pids_max=40", check=True)
    after = system.status(site)
    assert after["memory_max"] == 96 * 1024 * 1024
    assert after["pids_max"] == 40
    assert after["master_pid"] == before["master_pid"]
    assert system.show(site)["options"]["memory_max"] == "96M"


def test_set_pool_option_makes_a_new_generation(system, site):
    system.put(site, "public/index.php", "<?php echo ini_get('memory_limit');")
    assert system.text(site) == "128M"
    before = system.status(site)["generation"]
    system.ctl("set", site, "memory_limit=64M", check=True)
    wait_until(lambda: system.text(site) == "64M", 30, "the old generation has left")
    # The new one serves before it is known to be ready.
    wait_until(lambda: system.status(site)["generation"] > before, 30, "it is handed over")
    assert system.ctl("set", site, "memory_limit=64M", check=True).stdout.count("unchanged") == 1


def test_empty_value_goes_back_to_the_plan(system, site):
    plan = system.show(site)["options"]["max_children"]
    system.ctl("set", site, "max_children=17", check=True)
    assert system.show(site)["options"]["max_children"] == "17"
    system.ctl("set", site, "max_children=", check=True)
    assert system.show(site)["options"]["max_children"] == plan


def test_entries_come_and_go_one_by_one(system, site):
    system.put(site, "public/index.php", "<?php echo ini_get('precision'), ini_get('date.timezone'),"
               "getenv('APP');")
    system.ctl("set", site, "php_value.precision=5", "php_admin_value.date.timezone=Asia/Tokyo",
               "env.APP=one", check=True)
    wait_until(lambda: system.text(site) == "5Asia/Tokyoone", 30, "the new values")
    system.ctl("set", site, "php_value.precision=6", "env.APP=", check=True)
    wait_until(lambda: system.text(site) == "6Asia/Tokyo", 30, "the newer values")
    shown = system.show(site)
    assert shown["options"]["php_value.precision"] == "6"
    assert sorted(shown["overrides"]) == ["php_admin_value.date.timezone", "php_value.precision"]
    assert system.ctl("set", site, "php_value.precision=6",
                      check=True).stdout.count("unchanged") == 1
    system.ctl("set", site, "php_value.precision=", "php_admin_value.date.timezone=", check=True)
    assert system.show(site)["overrides"] == []


def test_preloading(new_system):
    system, site = new_system(conf="allow_preload = yes\n"), "early.example"
    system.ctl("add", site, check=True)
    system.put(site, "private/preload.php", "<?php class Early { const A = 'early'; }")
    system.put(site, "public/index.php", "<?php echo Early::A ?? '';")
    system.ctl("set", site, "preload=private/preload.php", check=True)
    # Until the old pool has left, it may take the next visitor again.
    wait_until(lambda: system.http(site).body == b"early", 30, "the preloaded class")
    system.ctl("set", site, "preload=", check=True)
    wait_until(lambda: system.http(site).status == 500, 30, "a pool without it")


def test_machine_code(new_system):
    """JIT only by plan: memory that is code, and nothing else of what programs may."""
    system, site = new_system(conf="allow_jit = yes\n"), "quick.example"
    system.ctl("add", site, check=True)
    system.put(site, "public/index.php", """<?php
        function f($n) { $s = 0; for ($i = 0; $i < $n; $i++) { $s = ($s + $i * 7) % 1009; } return $s; }
        for ($i = 0; $i < 50; $i++) $last = f(2000);
        echo json_encode([opcache_get_status(false)['jit']['on'] ?? false, ini_get('pcre.jit'), $last,
            preg_match('/^(a+)+$/', str_repeat('a', 50)), @proc_open('/bin/true', [], $p) !== false,
            @file_put_contents('/tmp/x', 'x') === 1]);""")
    plain = [False, "0", json.loads(system.text(site))[2], 1, False, True]
    assert json.loads(system.text(site)) == plain
    system.ctl("set", site, "jit=allow", check=True)
    wait_until(lambda: json.loads(system.text(site)) == [True, "1", *plain[2:]], 30, "a pool with JIT")
    checks = {row["id"]: row["result"] for row in system.data("verify", site)["checks"]}
    assert set(checks.values()) <= {"held", "skipped"} and checks["TNT-KRN-025"] == "skipped"
    assert checks["TNT-FS-018"] == checks["TNT-FS-017"] == "held"
    system.ctl("set", site, "jit=", check=True)
    wait_until(lambda: json.loads(system.text(site)) == plain, 30, "a pool without")


def test_document_root_moves(system, site):
    system.put(site, "public/index.php", "<?php echo 'old';")
    system.put(site, "public/web/index.php", "<?php echo 'new';")
    assert system.text(site) == "old"
    system.ctl("set", site, "document_root=public/web", check=True)
    assert system.text(site) == "new"


def test_locked_settings(system, site):
    system.put(site, "public/index.php", """<?php
        ini_set('memory_limit', '4G');
        echo ini_get('memory_limit');""")
    system.put(site, "public/.user.ini", "memory_limit=4G\n")
    headers = {"PHP_VALUE": "memory_limit=4G", "PHP-Admin-Value": "memory_limit=4G"}
    assert system.text(site, headers=headers) == "128M"

GUARDED = {"programs": "allow", "mail_ports": "open", "preload": "private/preload.php", "jit": "allow"}


def test_a_guarded_value_needs_root_wherever_it_comes_from(system):
    """A hijacked control, or a database that somebody wrote to, can put what it likes into a plan:
    the builder, which is root's, refuses the site."""
    rows = (ROOT / "schema/options.def").read_text()
    assert set(re.findall(r"^OPT\((\w+), .*, allow_\w+, ", rows, re.M)) == set(GUARDED)
    for name, value in GUARDED.items():
        done = system.ctl("plan", "add", "guarded", f"{name}={value}")
        assert done.returncode == 5 and f"allow_{name}" in done.stderr, done.stderr
    system.ctl("plan", "add", "guarded", check=True)
    with contextlib.closing(sqlite3.connect(system.folder / "lib/control/tenantd.db", timeout=60)) as db:
        for name, value in GUARDED.items():
            with db:
                db.execute("INSERT INTO plan_option VALUES ('guarded', ?, ?)", (name, value))
            done = system.ctl("add", "guarded.example", "--plan", "guarded")
            assert done.returncode == 5 and f"'allow_{name} = yes'" in done.stderr, done.stderr
            with db:
                db.execute("DELETE FROM plan_option WHERE plan = 'guarded'")
    assert not (system.folder / "srv/guarded.example").exists()
    system.ctl("plan", "remove", "guarded", check=True)


def test_a_reload_reaches_who_answers(new_system):
    """SIGHUP is for tenantd; tenant-control, which it is no parent of under systemd, follows."""
    system, words = new_system(), ("plan", "add", "early", "preload=private/preload.php")
    assert system.ctl(*words).returncode == 5
    with open(system.folder / "etc/tenantd.conf", "a", encoding="ascii") as conf:
        conf.write("allow_preload = yes\n")
    os.kill(system.pid("tenantd"), signal.SIGHUP)
    wait_until(lambda: system.ctl(*words).returncode == 0, 30, "the new setting")


@pytest.mark.parametrize("check, option", [
    ("quota.project", "disk_max"), ("quota.project", "inodes_max"),
    ("io.limits", "io_max"), ("io.limits", "io_weight")])
def test_what_is_not_enforced_here_is_said(system, site, check, option):
    """In `show`, `doctor` and `status` alike.  That it bites where it is: tests/vm/guest/35-disk.sh."""
    checks = json.loads(system.ctl("doctor", "--json").stdout)["data"]["checks"]
    found = next(each["found"] for each in checks if each["id"] == check)
    says_not = option in found and "not enforced on this machine" in found
    assert (option in system.show(site)["not_enforced"]) == says_not
    assert "not_enforced: " in system.ctl("show", site).stdout
    system.text(site)
    if check == "quota.project":
        assert (system.status(site)["disk_used"] is None) == says_not
