# SPDX-License-Identifier: Apache-2.0
"""tenantctl verify: the promises, tried in a live site's own cage."""
import json
import threading

from tests.lib import procs, promises


def test_a_live_site(system, site):
    system.put(site, "public/index.php", "<?php echo getmypid();")
    system.put(site, "tmp/kept", "x")
    system.text(site)
    before = system.pool_pids(site)
    done = system.ctl("verify", site)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {line.split()[2]: line.split()[1] for line in done.stdout.splitlines()[1:]}
    assert set(rows) == {p.id for p in promises.rows() if p.probe}
    assert set(rows.values()) <= {"held", "skipped"}
    # Nothing of it stays, and the pool did not notice.
    procs.wait_until(lambda: set(system.pool_pids(site)) <= set(before), 30, "the probe's end")
    home = system.folder / "srv" / site
    assert sorted(p.name for p in (home / "tmp").iterdir()) == ["kept"]
    assert system.status(site)["crashes"] == 0


def test_all_and_what_cannot_be_verified(system, site):
    second = f"second.{site}"
    system.ctl("add", second, check=True)
    system.ctl("suspend", second, check=True)
    try:
        lines = system.ctl("verify", "--all", "--json", check=True).stdout.splitlines()
        data = [json.loads(line)["data"] for line in lines]
        assert site in {d["site"] for d in data} and second not in {d["site"] for d in data}
        assert all(d["failed"] == 0 and d["held"] > 0 for d in data)
        refused = system.ctl("verify", second)
        assert refused.returncode == 4 and "suspended" in refused.stderr
    finally:
        system.ctl("remove", second, check=True)
    assert system.ctl("verify", "none.example").returncode == 3
    assert system.ctl("verify").returncode == system.ctl("verify", site, "--all").returncode == 2


def test_others_are_answered_meanwhile(system, site):
    """A probe that is stopped keeps nobody waiting."""
    answer = []
    asking = threading.Thread(target=lambda: answer.append(system.ctl("verify", site)))
    asking.start()
    try:
        system.ctl("status", site, check=True)
        system.ctl("set", site, "max_children=3", check=True)
    finally:
        asking.join(90)
    assert answer and answer[0].returncode == 0, answer[0].stdout + answer[0].stderr
