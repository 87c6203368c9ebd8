# SPDX-License-Identifier: Apache-2.0
"""Suspend and resume, remove and restore."""
import os

import pytest

from tests.lib.procs import wait_until

PAGE = "<?php echo 'here';"


def test_suspend_and_resume(system, site):
    system.put(site, "public/index.php", PAGE)
    system.put(site, "public/file.txt", "file")
    assert system.text(site) == "here"
    system.ctl("suspend", site, "--reason", "sends spam", check=True)
    wait_until(lambda: not system.pool_pids(site), 30, "the pool ends")
    facts = system.show(site)
    assert facts["state"] == "suspended" and facts["reason"] == "sends spam"
    for path in ("/", "/file.txt"):
        answer = system.http(site, path)
        assert answer.status == 503, path
        assert b"spam" not in answer.body, "the reason is the operator's alone"
    # Another class is another page; of the text for administrators nothing is in it.
    system.ctl("suspend", site, "--class", "maintenance", "--reason", "disk swap", check=True)
    answer = system.http(site, "/")
    assert answer.status == 503 and b"back soon" in answer.body and b"swap" not in answer.body
    assert answer.headers["Retry-After"] == "300"
    facts = system.show(site)
    assert (facts["class"], facts["reason"]) == ("maintenance", "disk swap")
    done = system.ctl("suspend", site, "--class", "whim")
    assert done.returncode == 5 and "abuse" in done.stderr
    system.ctl("suspend", site, "--reason", "sends spam", check=True)
    assert system.pool_pids(site) == [], "visitors of a suspended site start nothing"
    again = system.ctl("suspend", site, "--reason", "sends spam", check=True)
    assert "unchanged" in again.stdout
    system.ctl("resume", site, check=True)
    assert system.text(site) == "here"
    assert system.show(site)["state"] == "live" and system.show(site)["class"] is None
    assert "unchanged" in system.ctl("resume", site, check=True).stdout


def test_unknown_sites_are_not_found(system):
    for verb in ("show", "status", "remove", "suspend", "resume", "restore"):
        done = system.ctl(verb, "nobody.example")
        assert done.returncode == 3, (verb, done)
        assert "nobody.example" in done.stderr
    assert system.ctl("set", "nobody.example", "pm=static").returncode == 3


def test_remove_takes_everything_and_restore_brings_it_back(system):
    name = "gone.example"
    system.ctl("add", name, "--alias", f"www.{name}", "max_children=3", check=True)
    system.put(name, "public/index.php", PAGE)
    system.put(name, "private/diary.txt", "dear diary")
    assert system.text(name) == "here"
    old = system.show(name)
    pids = system.pool_pids(name)
    system.ctl("remove", name, check=True)
    assert system.ctl("show", name).returncode == 3
    assert not os.path.exists(old["home"]) and not os.path.exists(os.path.dirname(old["socket"]))
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), 30, "the pool ends")
    try:
        assert system.http(name).status in (404, 421, 444)
    except OSError:
        pass                        # closed without an answer
    assert name in system.ctl("list", "--removed", check=True).stdout

    system.ctl("restore", name, check=True)
    new = system.show(name)
    assert new["number"] > old["number"], "numbers are never used again"
    assert system.text(name) == "here"
    diary = os.stat(os.path.join(new["home"], "private/diary.txt"))
    assert diary.st_uid == diary.st_gid == new["uid"]
    system.ctl("remove", name, check=True)


@pytest.mark.slow
def test_numbers_are_never_reused(system):
    numbers = []
    for _ in range(3):
        system.ctl("add", "again.example", check=True)
        numbers.append(system.show("again.example")["number"])
        system.ctl("remove", "again.example", check=True)
    assert numbers == sorted(set(numbers))


def test_a_hostile_home_is_removed_within_its_bounds(system, site):
    name = f"hostile-{site}"
    system.ctl("add", name, check=True)
    system.put(name, "public/a/b/c.txt", "x")
    outside = system.folder / "outside"
    outside.mkdir()
    (outside / "keep").write_text("keep")

    def plant():
        os.symlink(outside, "public/out")
        os.symlink("/", "public/root")
        os.mkdir("public/closed")
        os.chmod("public/closed", 0)
    system.as_tenant(name, plant)
    system.ctl("remove", name, check=True)
    assert (outside / "keep").read_text() == "keep"
