# SPDX-License-Identifier: Apache-2.0
"""Plans over the API: inheritance, sites that follow, refusals."""
import json
import threading

import pytest

from tests.lib import procs
from tests.lib.control import Control, ERRORS, failed, GATE_S


@pytest.fixture
def c():
    with Control() as control:
        yield control.settled()


def plan_set(c, name, **body):
    return c.request("PATCH", f"/v1/plans/{name}", json.dumps(body))


def plan_add(c, name, **body):
    return c.post("/v1/plans", name=name, **body)


def plan(c, name):
    return c.get(f"/v1/plans/{name}").data


def last(c, site):
    """What the root side was told last of a site."""
    return [wish for verb, _, wish in c.fake.log if verb == "apply" and wish.site == site][-1]


def tried(c, since=0):
    """Of which sites the root side was asked to try what."""
    return [(wish.site, wish.options["opcache_memory"] >> 20) for verb, _, wish in c.fake.log[since:] if verb == "try"]


def test_what_only_php_can_judge_is_tried_before_it_counts(c):
    plan_add(c, "big", options={"opcache_memory": "64M"})
    for i in range(3):
        c.add(f"n{i}.example", plan="big")
    c.add("own.example", plan="big", options={"php_value.precision": "9"})
    c.add("held.example", plan="big")
    c.post("/v1/tenants/held.example/suspend", reason="late")
    c.settled()
    assert len(tried(c)) == 5, "each new one"
    since = len(c.fake.log)
    a = plan_set(c, "big", options={"pids_max": 70})
    assert a.result == "done" and not tried(c, since)
    a = plan_set(c, "big", options={"opcache_memory": "65M"})
    assert "sites that follow: 5; tried in 2" in a.reason, a.reason
    assert tried(c, since) == [("n0.example", 65), ("own.example", 65)]
    c.settled()
    before, since = everything(c), len(c.fake.log)
    c.fake.fail["try"] = (ERRORS["UNFIT"], "PHP says no")
    a = plan_set(c, "big", options={"opcache_memory": "66M"})
    failed(a, 422, "unfit", "options")
    assert a.reason == "site 'n0.example' could not follow: PHP says no"
    assert everything(c) == before and not [v for v, *_ in c.fake.log[since:] if v == "apply"]
    # Without trying, or where the root side does not answer.
    a = c.request("PATCH", "/v1/plans/big?untried=yes", json.dumps({"options": {"opcache_memory": "66M"}}))
    assert a.result == "done" and "tried" not in a.reason
    c.settled()
    before = everything(c)
    c.fake.once["try"] = (0, "lost")
    failed(plan_set(c, "big", options={"opcache_memory": "67M"}), 503, "no_daemon", "")
    assert everything(c) == before
    c.fake.fail.clear()
    c.settled()
    # How many are tried is bounded.
    for i in range(9):
        c.add(f"p{i}.example", plan="big", options={"php_value.precision": str(i)})
    assert "sites that follow: 14; tried in 8" in plan_set(c, "big", options={"opcache_memory": "68M"}).reason


def everything(c):
    return [c.sql(f"SELECT * FROM {t}") for t in (
        "tenant", "tenant_alias", "tenant_option", "kept", "plan", "plan_option")]


def test_values_come_down_the_line(c):
    a = plan_add(c, "big", sentence="For shops.", options={"memory_max": "2G", "max_children": 20})
    assert a.result == "done" and a.command == "plan add" and a.data["parent"] == "default"
    assert a.data["overrides"] == ["memory_max", "max_children"] and a.data["sentence"] == "For shops."
    plan_add(c, "bigger", parent="big", options={"max_children": 40, "env.STAGE": "live"})
    d = plan(c, "bigger")
    assert (d["options"]["memory_max"], d["options"]["max_children"]) == ("2G", "40")
    assert d["overrides"] == ["max_children", "env.STAGE"] and (d["tenants"], d["pending"]) == (0, 0)
    c.add("x.example", plan="bigger", options={"pids_max": 300})
    wish = last(c, "x.example")
    assert (wish.options["memory_max"], wish.options["max_children"], wish.options["pids_max"]) == \
        (2 << 30, 40, 300)
    assert {p["name"]: p["tenants"] for p in c.get("/v1/plans").data["plans"]} == \
        {"big": 0, "bigger": 1, "default": 0, "small": 0}


def test_sites_follow_their_plan_in_one_revision(c):
    plan_add(c, "big", options={"memory_max": "2G"})
    plan_add(c, "bigger", parent="big")
    c.add("a.example", plan="big")
    c.add("b.example", plan="bigger")
    c.add("own.example", plan="big", options={"memory_max": "1G"})
    c.add("other.example")
    c.post("/v1/tenants/b.example/suspend", reason="late")
    told, before = len(c.fake.log), {s: c.show(s).data["revision"]
                                     for s in ("a.example", "b.example", "own.example",
                                               "other.example")}
    a = plan_set(c, "big", options={"memory_max": "3G"})
    assert a.result == "done" and "sites that follow: 2" in a.reason
    c.settled()
    assert plan(c, "big")["pending"] == 0
    assert {s: c.show(s).data["revision"] - n for s, n in before.items()} == \
        {"a.example": 1, "b.example": 1, "own.example": 0, "other.example": 0}
    applied = [w.site for verb, _, w in c.fake.log[told:] if verb == "apply"]
    assert sorted(applied) == ["a.example", "b.example"]
    assert last(c, "b.example").is_suspended and last(c, "b.example").options["memory_max"] == 3 << 30
    assert c.show("b.example").data["state"] == "suspended"
    # Several options at once are one revision, too; `null` goes back to the parent.
    plan_set(c, "bigger", options={"pids_max": 40, "cpu_quota": 50})
    c.settled()
    plan_set(c, "bigger", options={"pids_max": None, "cpu_quota": None}, parent="default")
    c.settled()
    assert c.show("b.example").data["revision"] == before["b.example"] + 3
    assert c.show("b.example").data["options"]["memory_max"] == "512M"
    assert plan_set(c, "bigger", parent="default").result == "unchanged"
    assert plan_set(c, "bigger").result == "unchanged"


def test_what_a_plan_raised_is_told_again_until_it_is_answered(c):
    """The supervisor may have died with the spec written and nginx not told."""
    plan_add(c, "big")
    c.add("a.example", plan="big")
    c.settled()
    told = len(c.fake.log)
    c.fake.once["apply"] = (0, "drop")
    assert plan_set(c, "big", options={"memory_max": "3G"}).result == "done"
    c.settled()
    assert [w.revision for verb, _, w in c.fake.log[told:] if verb == "apply"] == [2, 2]
    assert plan(c, "big")["pending"] == 0


def test_entries_of_keyed_options_are_inherited_one_by_one(c):
    plan_add(c, "a", options={"env.ONE": "1", "env.TWO": "2"})
    plan_add(c, "b", parent="a", options={"env.TWO": "3"})
    options = plan(c, "b")["options"]
    assert (options["env.ONE"], options["env.TWO"]) == ("1", "3")
    plan_set(c, "b", options={"env.TWO": None})
    assert plan(c, "b")["options"]["env.TWO"] == "2"


def test_same_again_is_unchanged(c):
    body = {"options": {"pids_max": "50"}, "sentence": "x"}
    plan_add(c, "p", **body)
    assert plan_add(c, "p", **body).result == "unchanged"
    failed(plan_add(c, "p"), 409, "conflict", "name")


@pytest.mark.parametrize("name", ["", "Big", "-a", "a b", "a/b", "..", "a.b", "x" * 64, "\u00fc"])
def test_bad_names(c, name):
    failed(plan_add(c, name), 422, "bad_name", "name")


def test_refusals_make_nothing(c):
    plan_add(c, "a")
    plan_add(c, "b", parent="a")
    before = c.sql("SELECT * FROM plan"), c.sql("SELECT * FROM plan_option")
    failed(plan_add(c, "c", parent="none"), 422, "unknown_plan", "parent")
    failed(plan_set(c, "a", parent="b"), 409, "conflict", "parent")
    failed(plan_set(c, "a", parent="a"), 409, "conflict", "parent")
    failed(plan_set(c, "default", parent="a"), 409, "conflict", "parent")
    failed(plan_set(c, "none", sentence="x"), 404, "no_plan", "name")
    failed(c.get("/v1/plans/none"), 404, "no_plan", "name")
    failed(c.request("DELETE", "/v1/plans/none"), 404, "no_plan", "name")
    failed(plan_add(c, "c", options={"pids_max": "1"}), 422, "bad_option", "options.pids_max")
    failed(plan_add(c, "c", options={"programs": "allow"}), 403, "policy", "options")
    failed(plan_set(c, "a", options={"programs": "allow"}), 403, "policy", "options")
    failed(plan_set(c, "a", options={"document_root": "private"}), 422, "bad_option", "options")
    failed(plan_add(c, "c", sentence="a\nb"), 400, "bad_json", "sentence")
    failed(plan_add(c, "c", site="x.example"), 400, "bad_json", "site")
    for n in range(5):
        plan_add(c, f"line{n}", parent=f"line{n - 1}" if n else "b")
    failed(plan_add(c, "toolong", parent="line4"), 409, "conflict", "parent")
    for n in reversed(range(5)):
        c.request("DELETE", f"/v1/plans/line{n}")
    assert (c.sql("SELECT * FROM plan"), c.sql("SELECT * FROM plan_option")) == before


def test_a_site_that_cannot_follow_keeps_the_plan_as_it_was(c):
    plan_add(c, "p", options={"max_children": 50})
    c.add("x.example", plan="p", options={"pm": "dynamic", "start_servers": 20,
                                          "max_spare_servers": 30})
    a = failed(plan_set(c, "p", options={"max_children": 5}), 422, "bad_option", "options")
    assert "x.example" in a.reason and plan(c, "p")["options"]["max_children"] == "50"


def test_a_used_plan_stays(c):
    plan_add(c, "a")
    plan_add(c, "b", parent="a")
    c.add("x.example", plan="b")
    assert "1 plans" in failed(c.request("DELETE", "/v1/plans/a"), 409, "conflict", "name").reason
    assert "x.example" in failed(c.request("DELETE", "/v1/plans/b"), 409, "conflict", "name").reason
    failed(c.request("DELETE", "/v1/plans/default"), 409, "conflict", "name")
    # A change that may still go back needs its plan, too.
    c.fake.fail["apply"] = (0, "lost")
    failed(c.patch("x.example", plan="default"), 503, "no_daemon")
    failed(c.request("DELETE", "/v1/plans/b"), 409, "conflict", "name")
    c.fake.fail.clear()
    c.settled()
    assert c.request("DELETE", "/v1/plans/b").result == "done"
    assert c.request("DELETE", "/v1/plans/a").result == "done"


def test_a_removed_site_comes_back_without_its_plan(c):
    plan_add(c, "gone")
    c.add("x.example", plan="gone", options={"pids_max": 44})
    c.delete("x.example")
    assert c.request("DELETE", "/v1/plans/gone").result == "done"
    a = c.post("/v1/removed/x.example/restore")
    assert a.result == "done" and "'gone' is no more" in a.reason
    assert (a.data["plan"], a.data["options"]["pids_max"]) == ("default", "44")


def test_a_site_that_errs_says_failed_and_follows_the_next_change(c):
    c.add("x.example")
    c.fake.fail["apply"] = (ERRORS["NGINX"], "nginx does not want it")
    plan_set(c, "default", options={"pids_max": 70})
    procs.wait_until(lambda: c.show("x.example").data["state"] == "failed", 30, "it could not follow")
    assert c.show("x.example").data["reason"] == "nginx does not want it"
    c.fake.fail.clear()
    plan_set(c, "default", options={"pids_max": 80})
    c.settled()
    assert c.show("x.example").data["state"] == "live"
    assert last(c, "x.example").options["pids_max"] == 80


def test_reads_and_changes_go_on_while_sites_follow(c):
    for n in range(8):
        c.add(f"s{n}.example")
    told, one, answers = len(c.fake.verbs("apply")), threading.Semaphore(0), []
    c.fake.meet["apply"] = lambda: one.acquire(timeout=GATE_S)
    assert plan_set(c, "default", options={"pids_max": 70}).result == "done"
    procs.wait_until(lambda: len(c.fake.verbs("apply")) == told + 1, 30, "the first one follows")
    assert plan(c, "default")["pending"] == 8
    change = threading.Thread(target=lambda: answers.append(c.patch("s7.example", options={"pids_max": 71})))
    change.start()
    procs.wait_until(lambda: c.get("/v1/status").data["changes_waiting"] == 1, 30, "the change waits")
    one.release(2)              # the first one's, and the change's own
    change.join()
    assert answers[0].result == "done"
    assert plan(c, "default")["pending"] == 6, "the others wait still"
    del c.fake.meet["apply"]
    one.release(8)
    c.settled()
    assert plan(c, "default")["pending"] == 0
    assert last(c, "s7.example").options["pids_max"] == 71


def test_a_supervisor_that_is_away_is_told_later(c):
    c.add("x.example")
    c.fake.stop()
    assert plan_set(c, "default", options={"pids_max": 70}).result == "done"
    assert plan(c, "default")["pending"] is None
    c.fake.start()
    c.settled()
    assert last(c, "x.example").options["pids_max"] == 70
    assert c.show("x.example").data["revision"] == 2


def test_audit(c):
    plan_add(c, "p")
    failed(plan_add(c, "p", options={"pids_max": 60}), 409, "conflict", "name")
    c.request("DELETE", "/v1/plans/p")
    assert c.sql("SELECT verb, site, result FROM audit ORDER BY id") == \
        [("plan add", "p", "done"), ("plan add", "p", "conflict"), ("plan remove", "p", "done")]
