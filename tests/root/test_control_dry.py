# SPDX-License-Identifier: Apache-2.0
"""Aliases one by one, several options in one step, dry runs, and two callers at once."""
import json
import threading

import pytest

from tests.lib.control import Control, failed


@pytest.fixture
def c():
    with Control() as control:
        yield control.settled()


def aliases(c, verb, *hosts, site="x.example"):
    return c.post(f"/v1/tenants/{site}/aliases/{verb}", aliases=list(hosts))


def dry(c, method, path, **body):
    return c.request(method, path + "?dry_run=yes", json.dumps(body) if body else None)


def changes(answer):
    assert answer.data["dry_run"] is True
    return {(row["what"], row["from"], row["to"], tuple(row["touches"]))
            for row in answer.data["changes"]}


def everything(c):
    return [c.sql(f"SELECT * FROM {t}") for t in (
        "tenant", "tenant_alias", "tenant_option", "kept", "plan", "plan_option", "audit")]


def test_aliases(c):
    c.add("x.example", aliases=["one.example"], options={"pids_max": 50})
    a = aliases(c, "add", "TWO.example", "one.example", "büch.example")
    assert a.result == "done" and a.command == "alias add"
    assert a.data["aliases"] == ["one.example", "two.example", "xn--bch-hoa.example"]
    assert (a.data["revision"], a.data["options"]["pids_max"]) == (2, "50")
    assert aliases(c, "add", "one.example").result == "unchanged"
    a = aliases(c, "remove", "one.example", "büch.example")
    assert a.data["aliases"] == ["two.example"] and a.data["revision"] == 3
    assert aliases(c, "remove", "one.example").result == "unchanged"
    wish = [w for verb, _, w in c.fake.log if verb == "apply"][-1]
    assert wish.aliases == ["two.example"]
    c.add("y.example", aliases=["y2.example"])
    for host in ("y.example", "y2.example"):
        failed(aliases(c, "add", host), 409, "conflict", "aliases")
    failed(aliases(c, "add", "x.example"), 409, "conflict", "aliases")
    failed(aliases(c, "add", "a b"), 422, "bad_name", "aliases.0")
    failed(c.post("/v1/tenants/x.example/aliases/add"), 400, "bad_json", "aliases")
    failed(aliases(c, "add", "z.example", site="no.example"), 404, "unknown_site", "site")
    failed(aliases(c, "add", *[f"n{i}.example" for i in range(64)]), 409, "conflict", "aliases")
    assert c.show("x.example").data["aliases"] == ["two.example"]


def test_several_options_are_one_step(c):
    c.add("x.example")
    jobs = len(c.fake.verbs("apply"))
    failed(c.patch("x.example", options={"pids_max": 60, "memory_max": "1"}), 422, "bad_option",
           "options.memory_max")
    assert c.show("x.example").data["overrides"] == []
    a = c.patch("x.example", options={"pids_max": 60, "memory_max": "1G", "cpu_quota": 50})
    assert a.data["revision"] == 2 and len(c.fake.verbs("apply")) == jobs + 1


def test_dry_runs_tell_and_make_nothing(c):
    c.add("x.example", aliases=["a.example"], plan="small")
    c.add("s.example")
    c.post("/v1/tenants/s.example/suspend", reason="late")
    c.add("r.example")
    c.delete("r.example")
    before, told = everything(c), c.fake.verbs("issue", "apply", "remove", "restore")
    end = ("home", "pool", "nginx")

    assert changes(dry(c, "POST", "/v1/tenants", site="new.example", aliases=["n.example"],
                       options={"pids_max": 40})) == \
        {("state", None, "live", end), ("plan", None, "default", ()),
         ("alias", None, "n.example", ("nginx",)), ("pids_max", "100", "40", ("kernel",))}
    assert changes(dry(c, "PATCH", "/v1/tenants/x.example", plan="default", aliases=["b.example"],
                       options={"upload_max": "1M", "env.A": "b"})) == \
        {("plan", "small", "default", ()), ("memory_max", "256M", "512M", ("kernel",)),
         ("max_children", "3", "5", ("pool",)), ("upload_max", "64M", "1M", ("pool", "nginx")),
         ("env.A", None, "b", ("pool",)), ("alias", "a.example", None, ("nginx",)),
         ("alias", None, "b.example", ("nginx",))}
    assert changes(dry(c, "POST", "/v1/tenants/x.example/aliases/remove", aliases=["a.example"])) == \
        {("alias", "a.example", None, ("nginx",))}
    assert changes(dry(c, "POST", "/v1/tenants/x.example/suspend", reason="spam")) == \
        {("state", "live", "suspended", ("pool", "nginx")), ("class", None, "general", ("nginx",)),
         ("reason", None, "spam", ())}
    assert changes(dry(c, "POST", "/v1/tenants/s.example/resume")) == \
        {("state", "suspended", "live", ("pool", "nginx")), ("reason", "late", None, ()),
         ("class", "general", None, ("nginx",))}
    assert changes(dry(c, "DELETE", "/v1/tenants/x.example")) == {("state", "live", None, end)}
    assert changes(dry(c, "POST", "/v1/removed/r.example/restore")) == \
        {("state", None, "live", end), ("plan", None, "default", ())}
    a = dry(c, "PATCH", "/v1/plans/small", options={"memory_max": "300M"})
    assert changes(a) == {("memory_max", "256M", "300M", ("kernel",))}
    assert "sites that follow: 1" in a.reason
    assert changes(dry(c, "POST", "/v1/plans", name="p", options={"pids_max": 40})) == \
        {("plan", None, "p", ()), ("parent", None, "default", ()), ("pids_max", "100", "40", ())}
    # What is so already would change nothing; what is refused is refused now, too.
    a = dry(c, "POST", "/v1/tenants/x.example/resume")
    assert a.result == "unchanged" and changes(a) == set()
    failed(dry(c, "PATCH", "/v1/tenants/x.example", options={"programs": "allow"}), 403, "policy",
           "options")
    failed(dry(c, "DELETE", "/v1/tenants/no.example"), 404, "unknown_site", "site")
    failed(dry(c, "POST", "/v1/tenants", site="a.example"), 409, "conflict", "site")
    failed(dry(c, "DELETE", "/v1/plans/small"), 409, "conflict", "name")
    failed(c.request("DELETE", "/v1/tenants/x.example?dry_run=1"), 400, "usage", "dry_run")
    failed(c.request("DELETE", "/v1/tenants/x.example?dry_run=yes&dry_run=yes"), 400, "usage",
           "dry_run")
    assert everything(c) == before
    assert c.fake.verbs("issue", "apply", "remove", "restore") == told


def test_two_callers_at_once_lose_nothing(c):
    """Changes of one site come one after the other, each on what the one before left."""
    c.add("x.example")
    c.fake.delay["apply"] = 0.02
    results = []

    def ask(of):
        for n in range(8):
            results.append(aliases(c, "add", f"{of}{n}.example").result)
            results.append(c.patch("x.example", options={f"env.{of.upper()}{n}": "1"}).result)

    threads = [threading.Thread(target=ask, args=(of,)) for of in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert results == ["done"] * 32
    d = c.show("x.example").data
    assert sorted(d["aliases"]) == sorted(f"{of}{n}.example" for of in "ab" for n in range(8))
    assert sorted(d["overrides"]) == sorted(f"env.{of}{n}" for of in "AB" for n in range(8))
    assert d["revision"] == 33
    wishes = [w for verb, _, w in c.fake.log if verb == "apply"]
    assert [w.revision for w in wishes] == list(range(1, 34)) and len(wishes[-1].aliases) == 16


def test_a_change_of_what_was_seen_only(c):
    """What others changed meanwhile is not overwritten by one who asks for that."""
    c.add("x.example", aliases=["a.example"])
    seen = c.show("x.example").data["revision"]
    aliases(c, "add", "b.example")
    at = f"/v1/tenants/x.example?if_revision={seen}"
    failed(c.request("PATCH", at, json.dumps({"aliases": ["c.example"]})), 409, "conflict", "site")
    failed(c.request("DELETE", at), 409, "conflict", "site")
    assert c.show("x.example").data["aliases"] == ["a.example", "b.example"]
    at = f"/v1/tenants/x.example?if_revision={seen + 1}"
    a = c.request("PATCH", at, json.dumps({"aliases": ["c.example"]}))
    assert a.result == "done" and a.data["revision"] == seen + 2
    for none in ("x", "0", "00"):       # not: any revision will do
        failed(c.request("DELETE", f"/v1/tenants/x.example?if_revision={none}"), 400, "usage",
               "if_revision")
    assert c.request("DELETE", f"/v1/tenants/x.example?if_revision={seen + 2}").result == "done"


def test_two_callers_who_want_opposites(c):
    """One comes last and wins whole: nobody sees half of one and half of the other."""
    c.add("x.example")
    pairs = [{"memory_max": "100M", "pids_max": 100 + n} for n in range(2)]
    pairs[1]["memory_max"] = "200M"

    def ask(options):
        for _ in range(10):
            c.patch("x.example", options=options)

    threads = [threading.Thread(target=ask, args=(options,)) for options in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    wanted = {(100 << 20, 100), (200 << 20, 101)}
    wishes = [w for verb, _, w in c.fake.log if verb == "apply"][1:]
    assert {(w.options["memory_max"], w.options["pids_max"]) for w in wishes} <= wanted
    assert c.show("x.example").data["revision"] == len(wishes) + 1
