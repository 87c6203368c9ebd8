# SPDX-License-Identifier: Apache-2.0
"""tenant-control: the API over a played supervisor."""
import pytest

from tests.lib import procs
from tests.lib.control import BUILT, Control, ERRORS, Gate, REMOVED, failed, snapshot, table

JOBS = ("issue", "apply", "remove", "restore", "try")     # what changes something there
REASONS = [(row[2], int(row[1])) for row in table("schema/reasons.def", "REASON")]


@pytest.fixture
def c():
    with Control() as control:
        yield control


# ---- a life --------------------------------------------------------------------------

def test_add_show_list_remove(c):
    a = c.add("Site.Example", plan="small", aliases=["WWW.site.example"],
              options={"memory_max": "300M", "pids_max": 40})
    assert a.result == "done" and a.command == "add"
    d = a.data
    assert (d["number"], d["site"], d["state"], d["plan"]) == (1, "site.example", "live", "small")
    assert d["aliases"] == ["www.site.example"] and d["overrides"] == ["memory_max", "pids_max"]
    assert d["uid"] == d["gid"] == 1900000001 and d["revision"] == 1
    assert d["home"] == "/srv/x/site.example" and d["document_root"] == "/srv/x/site.example/public"
    assert d["socket"] == f"{c.run}/pool/1/php.sock" and d["jail"] == f"{c.state}/spec/1"
    assert d["vhost"] == f"{c.state}/nginx/sites/1.conf" and d["logs"] == "/var/log/x/site.example"
    assert d["created_at"] and d["changed_at"]
    assert [s["name"] for s in d["steps"]] == ["names", "home", "vhost"]
    # Of a KEYED option the entries that are set, and here there are none.
    assert set(d["options"]) == {row[0] for row in table("schema/options.def", "OPT")
                                 if row[1] != "KEYED"}
    assert (d["options"]["memory_max"], d["options"]["max_children"], d["options"]["pm"]) == \
        ("300M", "3", "ondemand")
    wish = [wish for verb, _, wish in c.fake.log if verb == "apply"][-1]
    assert wish.site == "site.example" and wish.aliases == ["www.site.example"]
    assert wish.options["memory_max"] == 300 << 20 and wish.options["max_children"] == 3
    assert wish.options["document_root"] == "public" and not wish.is_suspended

    shown = c.show("SITE.example")
    assert shown.data == {k: v for k, v in d.items() if k != "steps"}
    row, = c.get("/v1/tenants").data["tenants"]
    assert row == {"number": 1, "site": "site.example", "site_unicode": "site.example",
                   "state": "live", "pool_state": "cold", "plan": "small", "reason": ""}
    gone = c.delete("site.example")
    assert gone.result == "done" and gone.data["is_restorable"]
    assert c.get("/v1/tenants").data["tenants"] == []
    assert c.fake.ledger[1]["state"] == REMOVED
    failed(c.show("site.example"), 404, "unknown_site", "site")
    failed(c.delete("site.example"), 404, "unknown_site", "site")


def test_same_again_is_unchanged(c):
    body = {"plan": "small", "aliases": ["a.x.example", "b.x.example"], "options": {"pids_max": "50"}}
    c.add("x.example", **body)
    before, jobs = snapshot(c), c.fake.verbs(*JOBS)
    again = c.add("X.example", **dict(body, aliases=["b.x.example", "a.x.example"]))
    assert again.result == "unchanged" and again.data["number"] == 1
    assert c.patch("x.example", options={"pids_max": 50}).result == "unchanged"
    assert c.patch("x.example").result == "unchanged"
    assert c.post("/v1/tenants/x.example/resume").result == "unchanged"
    assert snapshot(c) == before and c.fake.verbs(*JOBS) == jobs
    failed(c.add("x.example", plan="default"), 409, "conflict", "site")


def test_settings_of_a_reload_hold_at_once(c):
    """For changes and for questions; and a reload that the supervisor refuses is none here either."""
    preload = {"options": {"preload": "private/preload.php"}}
    failed(c.add("early.example", **preload), 403, "policy", "options")
    c.write_settings(allow_preload="yes", nginx_listen="127.0.0.1:8765")
    early = c.add("early.example", **preload)
    assert early.result == "done" and ":8765" in early.data["url"]
    assert c.show("early.example").data["url"] == early.data["url"]
    c.write_settings(nginx_listen="127.0.0.1:8766", home_dir="/srv/elsewhere")
    again = c.add("late.example", **preload).data
    assert ":8765" in again["url"] and again["home"] == "/srv/x/late.example"
    assert c.show("late.example").data["url"] == again["url"]
    (c.run / "settings").write_bytes(b"torn")
    assert c.show("late.example").data["url"] == again["url"]
    c.write_settings()
    failed(c.add("last.example", **preload), 403, "policy", "options")


def test_idn_both_ways(c):
    d = c.add("BÜCHER.example", aliases=["www.bücher.example"]).data
    assert (d["site"], d["site_unicode"]) == ("xn--bcher-kva.example", "bücher.example")
    assert d["aliases"] == ["www.xn--bcher-kva.example"]
    assert c.show("b%C3%BCcher.example").data["number"] == 1
    assert c.show("xn--bcher-kva.example").data["number"] == 1
    assert c.get("/v1/tenants").data["tenants"][0]["site_unicode"] == "bücher.example"


def test_set(c):
    c.add("x.example", options={"memory_max": "256M", "pids_max": "30"}, aliases=["a.example"])
    d = c.patch("x.example", plan="small", aliases=["b.example"],
                options={"memory_max": None, "cpu_quota": "50"}).data
    assert d["options"]["memory_max"] == "256M" and d["options"]["cpu_quota"] == "50"
    assert d["overrides"] == ["pids_max", "cpu_quota"] and d["aliases"] == ["b.example"]
    assert d["revision"] == 2 and d["plan"] == "small" and d["state"] == "live"
    assert c.fake.specs[1].revision == 2 and c.fake.specs[1].options["cpu_quota"] == 50
    assert not c.sql("SELECT * FROM kept")
    failed(c.patch("y.example", plan="small"), 404, "unknown_site", "site")
    # the plan's word goes to the root side whole, never a name of it
    c.add("a.example")
    failed(c.patch("x.example", aliases=["a.example"]), 409, "conflict", "aliases")


def test_suspend_and_resume(c):
    c.add("x.example")
    d = c.post("/v1/tenants/x.example/suspend", reason="not paid").data
    assert (d["state"], d["reason"]) == ("suspended", "not paid")
    assert c.fake.specs[1].is_suspended and c.fake.specs[1].reason == "not paid"
    again = c.post("/v1/tenants/x.example/suspend", reason="not paid")
    assert again.result == "unchanged"
    assert c.post("/v1/tenants/x.example/suspend", reason="hacked").data["reason"] == "hacked"
    # The class goes to the root side and is a change of its own.
    a = c.post("/v1/tenants/x.example/suspend", reason="hacked", **{"class": "security"})
    assert a.result == "done" and a.data["class"] == "security"
    assert c.fake.specs[1].reason_class == dict(REASONS)["security"]
    failed(c.post("/v1/tenants/x.example/suspend", **{"class": "whim"}), 422, "bad_option", "class")
    failed(c.post("/v1/tenants/x.example/resume", **{"class": "abuse"}), 400, "bad_json", "class")
    # One that errs goes back whole.
    c.fake.once["apply"] = (ERRORS["NGINX"], "nginx does not want it")
    failed(c.post("/v1/tenants/x.example/suspend", **{"class": "owner"}), 502, "nginx")
    assert (c.show("x.example").data["class"], c.show("x.example").data["reason"]) == \
        ("security", "hacked")
    assert c.patch("x.example", options={"pids_max": 33}).data["state"] == "suspended"
    failed(c.add("x.example", options={"pids_max": 33}), 409, "conflict", "site")
    assert c.get("/v1/tenants").data["tenants"][0]["reason"] == "hacked"
    d = c.post("/v1/tenants/x.example/resume").data
    assert (d["state"], d["class"], d["reason"], d["options"]["pids_max"]) == \
        ("live", None, "", "33")
    c.post("/v1/tenants/x.example/suspend", **{"class": "legal"})
    c.delete("x.example")
    assert c.post("/v1/removed/x.example/restore").data["class"] == "legal"
    c.post("/v1/tenants/x.example/resume")
    assert not list(c.fake.specs.values())[0].is_suspended
    failed(c.post("/v1/tenants/y.example/suspend"), 404, "unknown_site", "site")


def test_restore(c):
    body = {"plan": "small", "aliases": ["a.example", "b.example"], "options": {"pids_max": "77"}}
    c.add("x.example", **body)
    c.add("other.example")
    failed(c.post("/v1/removed/x.example/restore"), 409, "conflict", "site")
    c.delete("x.example")
    removed, = c.get("/v1/removed").data["removed"]
    assert (removed["number"], removed["site"], removed["plan"]) == (1, "x.example", "small")
    assert removed["kept_until"] > removed["removed_at"]
    c.patch("other.example", aliases=["a.example"])      # taken meanwhile
    back = c.post("/v1/removed/x.example/restore")
    assert "a.example" in back.reason and "other.example" in back.reason
    d = back.data
    assert (d["number"], d["plan"], d["aliases"], d["options"]["pids_max"], d["state"]) == \
        (3, "small", ["b.example"], "77", "live")
    (_, number, wish), = [row for row in c.fake.log if row[0] == "restore"]
    assert (number, wish.restore) == (3, 1)
    assert c.get("/v1/removed").data["removed"] == []
    failed(c.post("/v1/removed/nobody.example/restore"), 404, "unknown_site")
    # again and again, the newest home is the one
    c.delete("x.example")
    assert c.post("/v1/removed/x.example/restore").data["number"] == 4
    assert [row[2].restore for row in c.fake.log if row[0] == "restore"] == [1, 3]


def test_restore_that_errs_can_be_tried_again(c):
    c.add("x.example", options={"pids_max": "77"})
    c.delete("x.example")
    c.fake.once["apply"] = (ERRORS["NGINX"], "nginx is in a mood")
    failed(c.post("/v1/removed/x.example/restore"), 502, "nginx")
    failed(c.show("x.example"), 404, "unknown_site", "site")
    d = c.post("/v1/removed/x.example/restore").data
    assert (d["number"], d["options"]["pids_max"], d["state"]) == (3, "77", "live")
    assert [row[2].restore for row in c.fake.log if row[0] == "restore"] == [1, 2]
    c.fake.ledger[3]["state"], c.fake.ledger[3]["kept"] = REMOVED, False


# ---- what the root side refuses or gets wrong ----------------------------------------

def test_refused_add_makes_nothing(c):
    c.settled()
    for code in ("POLICY", "CONFLICT", "BAD_OPTION", "BAD_NAME"):
        c.fake.once["apply"] = (ERRORS[code], "no, said the builder")
        a = c.add("x.example")
        assert (a.result, a.code, a.reason) == ("failed", code.lower(), "no, said the builder")
        assert c.sql("SELECT * FROM tenant") == [] and c.fake.site("x.example") is None
        c.fake.once["issue"] = (ERRORS[code], "no number")
        assert c.add("x.example").code == code.lower()
    assert c.add("x.example").data["state"] == "live"


def test_refused_removal_leaves_the_site_as_it_was(c):
    """The root side lets only so many sites go in an hour."""
    c.add("x.example")
    c.post("/v1/tenants/x.example/suspend", reason="late")
    before = c.show("x.example").data
    c.fake.once["remove"] = (ERRORS["POLICY"], "too many at once")
    a = c.delete("x.example")
    assert (a.status, a.code, a.reason) == (403, "policy", "too many at once")
    after = c.show("x.example").data
    # Its row was written twice more.
    assert after.pop("revision") == before.pop("revision") + 1
    assert after.pop("changed_at") >= before.pop("changed_at") and after == before
    assert after["state"] == "suspended" and c.get("/v1/removed").data["removed"] == []
    assert c.post("/v1/tenants/x.example/resume").data["state"] == "live"
    assert c.delete("x.example").result == "done"


def test_after_a_refused_removal_the_root_side_is_told_until_it_has_answered(c):
    """A plan's change may have been waiting; and the supervisor may die with the spec written and nginx not told."""
    c.add("x.example")
    c.settled()
    told = len(c.fake.log)
    c.fake.once["remove"] = (ERRORS["POLICY"], "too many at once")
    c.fake.once["apply"] = (0, "drop")
    failed(c.delete("x.example"), 403, "policy")
    c.settled()
    assert [w.revision for verb, _, w in c.fake.log[told:] if verb == "apply"] == [2, 2]


def test_failed_add_is_undone_and_can_be_retried_or_removed(c):
    c.fake.once["apply"] = (ERRORS["NGINX"], "nginx does not start")
    failed(c.add("x.example", options={"pids_max": "20"}), 502, "nginx")
    d = c.show("x.example").data
    assert (d["state"], d["reason"]) == ("failed", "nginx does not start")
    assert c.fake.ledger[1]["state"] == REMOVED and c.fake.specs == {}
    failed(c.patch("x.example", plan="small"), 409, "conflict", "site")
    failed(c.post("/v1/tenants/x.example/suspend"), 409, "conflict", "site")
    assert c.get("/v1/tenants/x.example/status").data["pool_state"] is None
    # add again: a new number, the new values
    d = c.add("x.example", plan="small").data
    assert (d["number"], d["state"], d["reason"], d["overrides"]) == (2, "live", "", [])
    assert [r[0] for r in c.sql("SELECT number FROM tenant")] == [2]
    # remove clears a failed one without asking the root side, which has nothing
    c.fake.once["apply"] = (ERRORS["PHP"], "PHP does not start")
    failed(c.add("y.example"), 500, "php")
    jobs = len(c.fake.verbs("remove"))
    assert not c.delete("y.example").data["is_restorable"]
    assert len(c.fake.verbs("remove")) == jobs
    failed(c.show("y.example"), 404, "unknown_site", "site")
    assert c.get("/v1/removed").data["removed"] == []


def test_undo_that_fails_too_keeps_the_row(c):
    c.settled()
    c.fake.fail["apply"] = (ERRORS["NGINX"], "nginx says no")
    c.fake.fail["remove"] = (ERRORS["DISK"], "the disk says no")
    again = Gate(c, "apply", lets=1)    # the reconciler's try, which would tell only of nginx
    failed(c.add("x.example"), 502, "nginx")
    d = c.show("x.example").data
    assert d["state"] == "failed" and "nginx says no" in d["reason"] and "disk says no" in d["reason"]
    c.fake.fail.clear()
    again.open()
    assert c.add("x.example").data["number"] == 1     # it was never given back
    assert c.settled().show("x.example").data["state"] == "live"


def test_failed_set_goes_back(c):
    c.add("x.example", options={"pids_max": "20"}, aliases=["a.example"])
    before = c.show("x.example").data
    for code, status in (("NGINX", 502), ("BAD_OPTION", 422), ("CGROUP", 500)):
        c.fake.once["apply"] = (ERRORS[code], "cannot")
        failed(c.patch("x.example", plan="small", aliases=[], options={"pids_max": "30"}), status,
               code.lower())
        after = c.show("x.example").data
        for key in ("plan", "aliases", "options", "overrides", "state", "reason"):
            assert after[key] == before[key]
        assert c.fake.specs[1].options["pids_max"] == 20
        assert c.fake.specs[1].revision == after["revision"]
    assert not c.sql("SELECT * FROM kept")
    c.fake.once["apply"] = (ERRORS["JAIL"], "cannot")
    failed(c.post("/v1/tenants/x.example/suspend", reason="r"), 500, "jail")
    assert c.show("x.example").data["state"] == "live"
    assert not c.fake.specs[1].is_suspended


def test_set_that_cannot_go_back_says_failed_and_heals(c):
    c.add("x.example", options={"pids_max": "20"})
    c.settled()
    c.fake.fail["apply"] = (ERRORS["NGINX"], "nginx is broken")
    failed(c.patch("x.example", options={"pids_max": "30"}), 502, "nginx")
    d = c.show("x.example").data
    assert d["state"] == "failed" and "nginx is broken" in d["reason"]
    assert d["options"]["pids_max"] == "20"
    # a site that stands can still be suspended, once nginx is well
    c.fake.fail.clear()
    assert c.post("/v1/tenants/x.example/suspend", reason="hacked").data["state"] == "suspended"
    c.fake.fail["apply"] = (ERRORS["NGINX"], "nginx is broken")
    failed(c.post("/v1/tenants/x.example/resume"), 502, "nginx")
    c.fake.fail.clear()
    c.stop()
    c.start().settled()     # the reconciler tries again what stands
    d = c.show("x.example").data
    assert (d["state"], d["reason"]) == ("suspended", "hacked") and c.fake.specs[1].is_suspended


def test_failed_remove_goes_on(c):
    c.add("x.example")
    c.settled()
    c.fake.once["remove"] = (ERRORS["DISK"], "cannot rename")
    again = Gate(c, "remove", lets=1)   # the reconciler's try
    failed(c.delete("x.example"), 507, "disk")
    d = c.show("x.example").data
    assert (d["state"], d["reason"]) == ("removing", "cannot rename")
    failed(c.add("x.example"), 409, "conflict", "site")
    again.open()
    procs.wait_until(lambda: c.show("x.example").status == 404, 30, "removed by the reconciler")
    assert c.fake.ledger[1]["state"] == REMOVED


def test_going_back_to_a_name_that_another_took(c):
    """An alias given up, not confirmed, taken by another site; then the change is refused."""
    c.add("x.example", aliases=["a.example"])
    c.fake.fail["apply"] = (ERRORS["BUSY"], "later")
    failed(c.patch("x.example", aliases=[]), 503, "busy")
    failed(c.add("y.example", aliases=["a.example"]), 503, "busy")
    c.fake.fail["apply"] = (ERRORS["FAILED"], "no")
    procs.wait_until(lambda: c.show("x.example").data["state"] == "failed", 30, "it is told of")
    assert "no" in c.show("x.example").data["reason"] and c.show("x.example").data["aliases"] == []
    c.fake.fail.clear()
    assert c.patch("x.example", aliases=["b.example"]).result == "done"


def test_interrupted_helper_is_tried_once_more(c):
    for verb in ("issue", "apply"):
        c.fake.once[verb] = (ERRORS["INTERRUPTED"], "tenant-build was killed")
    assert c.add("x.example").data["state"] == "live"
    c.fake.once["remove"] = (ERRORS["INTERRUPTED"], "tenant-build was killed")
    assert c.delete("x.example").result == "done"
    c.fake.fail["apply"] = (ERRORS["INTERRUPTED"], "tenant-build dies each time")
    failed(c.add("x.example"), 500, "interrupted")
    assert c.show("x.example").data["state"] == "failed"


def test_adopting_what_stands_takes_nothing_away(c):
    """An old database was put back: the site stands, and no row knows it."""
    c.add("x.example")
    c.settled()
    c.stop()
    for name in ("tenant_alias", "tenant_option", "tenant"):
        c.sql(f"DELETE FROM {name}")
    c.start().settled()
    s = c.get("/v1/status").data
    assert s["unknown_to_database"] == [{"number": 1, "site": "x.example"}]
    assert s["unknown_to_database_count"] == 1
    assert c.fake.ledger[1]["state"] == BUILT and 1 in c.fake.specs
    c.fake.once["apply"] = (ERRORS["NGINX"], "nginx does not start")
    failed(c.add("x.example"), 502, "nginx")
    assert c.fake.ledger[1]["state"] == BUILT and not c.fake.verbs("remove")
    d = c.add("x.example").data
    assert (d["number"], d["state"]) == (1, "live")
    assert not c.fake.verbs("remove")
