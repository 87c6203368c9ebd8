# SPDX-License-Identifier: Apache-2.0
"""kill -9 of tenant-control at each of its fault points: the rows tell what to finish."""
import contextlib
import http.client
import json
import re
import sqlite3

import pytest

from tests.lib import procs
from tests.lib.control import BUILT, Control, ERRORS, REMOVED, ROOT

POINTS = re.findall(r'^FAULT\("(control\.[^"]+)"', (ROOT / "schema/faults.def").read_text(), re.M)


class Drill(Control):
    def __init__(self, folder):
        self.fault = folder / "fault"
        super().__init__(env={"TENANT_FAULT": str(self.fault)})
        if POINTS[0].encode() not in (self.build / "tenant-control").read_bytes():
            self.fake = None
            self.__exit__()
            pytest.skip(f"{self.build} is built without FAULT=1")

    def strike(self, point, act):
        """Does something during which the program dies at this point; False if it did not."""
        self.settled()
        self.fault.write_text(point + "\n")
        try:
            act()
            self.settled()      # some of it may go on behind the answer
        except (OSError, EOFError, ValueError, http.client.HTTPException):
            pass                # its server died
        if self.child.poll() is None:
            with contextlib.suppress(FileNotFoundError):
                self.fault.unlink()     # whoever does so, we or the program, decides
                return False
        procs.wait_until(lambda: self.child.poll() is not None, 30, "it dies")
        assert self.child.returncode == -9
        self.start().settled()
        return True

    def state_of(self, site):
        rows = [r for r in self.get("/v1/tenants").data["tenants"] if r["site"] == site]
        return rows[0]["state"] if rows else None

    def check(self, site):
        """Whole or gone, nothing half, nothing leaked."""
        state = self.state_of(site)
        held = self.fake.site(site)
        if state is None or (state == "failed" and not held):
            assert held is None, f"number leaked: {held}"
            assert not self.fake.specs
        else:
            d = self.show(site).data
            assert held and held[0] == d["number"] and held[1]["state"] == BUILT
            spec = self.fake.specs[d["number"]]
            assert spec.revision == d["revision"] and spec.aliases == d["aliases"]
            assert spec.is_suspended == (state == "suspended")
            assert str(spec.options["pids_max"]) == d["options"]["pids_max"]
            assert f"{spec.options['memory_max'] >> 20}M" == d["options"]["memory_max"]
        living = [n for n, r in self.fake.ledger.items() if r["state"] != REMOVED]
        assert len(living) == (held is not None)
        assert not self.sql("SELECT * FROM kept WHERE kind = 1")
        assert len(self.sql("SELECT * FROM tenant")) == (state is not None)
        return state


SITE = "x.example"
BODY = {"plan": "small", "aliases": ["a.example"], "options": {"pids_max": "20"}}


def add(c):
    return c.add(SITE, **BODY)


def failing(*verbs, code="NGINX"):
    def arm(c):
        for verb in verbs:
            c.fake.once[verb] = (ERRORS[code], "it erred")
    return arm


def nothing(c):
    pass


def removed(c):
    add(c)
    c.delete(SITE)


def suspended(c):
    add(c)
    c.post(f"/v1/tenants/{SITE}/suspend", reason="r")


def aliases(c, verb, *hosts):
    return c.post(f"/v1/tenants/{SITE}/aliases/{verb}", aliases=list(hosts))


def plan_set(c):
    return c.request("PATCH", "/v1/plans/small",
                     json.dumps({"options": {"memory_max": "300M", "opcache_memory": "64M"}}))


def judged(c):
    """What only PHP can judge."""
    return c.patch(SITE, options={"pids_max": "30", "php_value.precision": "5"})


def judged_add(c):
    return c.add(SITE, plan="small", options={"php_value.precision": "5"})


def spare_plan(c):
    add(c)
    c.post("/v1/plans", name="spare")


def tampered(c):
    add(c)
    c.fake.wrong[c.fake.site(SITE)[0]] = ("vhost",)


# name: (state before, what errs, the change, states that are right afterwards)
STORIES = {
    "add": (nothing, nothing, add, {"live", None}),
    "add that errs": (nothing, failing("apply"), add, {"live", "failed", None}),
    "add that is refused": (nothing, failing("apply", code="POLICY"), add, {"live", None}),
    "set": (add, nothing, lambda c: c.patch(SITE, options={"pids_max": "30"}, aliases=[]),
            {"live"}),
    "set that errs": (add, failing("apply"), lambda c: c.patch(SITE, options={"pids_max": "30"}),
                      {"live"}),
    "set that PHP tries": (add, nothing, judged, {"live"}),
    "set that PHP refuses": (add, failing("try", code="UNFIT"), judged, {"live"}),
    "add that PHP tries": (nothing, nothing, judged_add, {"live", None}),
    "add that PHP refuses": (nothing, failing("try", code="UNFIT"), judged_add, {"live", None}),
    "suspend": (add, nothing, lambda c: c.post(f"/v1/tenants/{SITE}/suspend"),
                {"live", "suspended"}),
    "resume": (suspended, nothing, lambda c: c.post(f"/v1/tenants/{SITE}/resume"),
               {"live", "suspended"}),
    "alias add": (add, nothing, lambda c: aliases(c, "add", "b.example"), {"live"}),
    "plan add": (add, nothing, lambda c: c.post("/v1/plans", name="new"), {"live"}),
    "plan set": (add, nothing, plan_set, {"live"}),
    "plan set of a suspended site": (suspended, nothing, plan_set, {"suspended"}),
    "plan remove": (spare_plan, nothing, lambda c: c.request("DELETE", "/v1/plans/spare"),
                    {"live"}),
    "repair": (tampered, nothing, lambda c: c.post(f"/v1/tenants/{SITE}/repair"), {"live"}),
    "remove": (add, nothing, lambda c: c.delete(SITE), {"live", None}),
    "restore": (removed, nothing, lambda c: c.post(f"/v1/removed/{SITE}/restore"), {"live", None}),
    "restore that errs": (removed, failing("apply"),
                          lambda c: c.post(f"/v1/removed/{SITE}/restore"), {"live", None}),
}
struck = set()


@pytest.mark.parametrize("story", STORIES)
def test_kill_at_every_point(tmp_path, story):
    before, errs, change, right = STORIES[story]
    for point in POINTS:
        with Drill(tmp_path) as c:
            before(c)
            c.settled()
            errs(c)
            if not c.strike(point, lambda: change(c)):
                continue
            struck.add(point)
            state = c.check(SITE)
            assert state in right, f"{state} after a kill at {point}"
            c.fake.once.clear()
            # A home with data in it is never lost: it stands, or can be restored.
            if before is removed and state is None:
                assert c.post(f"/v1/removed/{SITE}/restore").data["options"]["pids_max"] == "20"
            # What was asked for can be had by asking again.
            again = change(c)
            assert again.result in ("done", "unchanged") or again.status in (404, 409), again.text
            c.settled().check(SITE)


def test_kill_in_a_migration(tmp_path):
    for point in ("control.migrate.copied", "control.migrate.applied"):
        c = Drill(tmp_path)
        try:
            c.fake.start()
            c.fault.write_text(point)
            assert c.spawn().wait(60) == -9
            struck.add(point)
            c.start().settled()
            assert add(c).result == "done"
            with sqlite3.connect(c.db) as db:
                assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            db.close()
        finally:
            c.__exit__()


def test_kill_while_reconciling(tmp_path):
    """Killed in the middle of repairing what an earlier kill left."""
    for point in ("control.reconcile", "control.build.applied", "control.confirm.commit"):
        with Drill(tmp_path) as c:
            c.settled()
            c.fault.write_text("control.add.inserted")
            with pytest.raises((OSError, ValueError)):
                add(c)
            c.child.wait(60)
            c.fault.write_text(point)
            c.start(ready=False)
            assert c.child.wait(60) == -9
            struck.add(point)
            c.start().settled()
            assert c.check(SITE) == "live"


def test_all_points_were_struck():
    if not struck:
        pytest.skip("nothing was struck: built without FAULT=1, or run alone")
    missed = set(POINTS) - struck
    assert not missed, f"no story passes {sorted(missed)}"
