# SPDX-License-Identifier: Apache-2.0
"""Changes of several sites at once: they wait for the root side together, and keep out of each
other's way."""
import contextlib
import http.client
import json
import os
import threading

import pytest

from tests.lib import procs
from tests.lib.control import Control, Gate

HANDS = 8       # CHANGER_HANDS
LIMIT_S = 30


@pytest.fixture
def c():
    if os.getuid() != 0:
        pytest.skip("needs root: control's uid")
    with Control() as control:
        yield control.settled()


def begin(answers, call, *words, **more):
    """Calls in a thread; a server that dies on the way is no answer."""
    def ask():
        with contextlib.suppress(OSError, http.client.HTTPException):
            answers.append(call(*words, **more))
    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def test_changes_of_several_sites_wait_together(c):
    gate, answers = Gate(c, "apply"), []
    threads = [begin(answers, c.add, f"t{i}.example") for i in range(HANDS + 2)]
    gate.wait(HANDS)            # and the other two for a hand
    assert len(c.get("/v1/tenants").data["tenants"]) == HANDS
    gate.open()
    for thread in threads:
        thread.join()
    assert [a.result for a in answers] == ["done"] * (HANDS + 2)
    numbers = {t["number"] for t in c.get("/v1/tenants").data["tenants"]}
    assert len(numbers) == HANDS + 2 and all(n in c.fake.specs for n in numbers)


def test_a_refusal_concerns_its_own_site(c):
    gate, answers = Gate(c, "apply"), {}
    c.fake.once["apply"] = (12, "nginx: no")
    threads = [begin(answers.setdefault(f"t{i}.example", []), c.add, f"t{i}.example")
               for i in range(3)]
    gate.wait(3)
    gate.open()
    for thread in threads:
        thread.join()
    results = sorted(a[0].result for a in answers.values())
    assert results == ["done", "done", "failed"]
    states = {t["site"]: t["state"] for t in c.get("/v1/tenants").data["tenants"]}
    assert all((states[site] == "live") == (a[0].result == "done") for site, a in answers.items())


def test_changes_of_one_site_wait_for_each_other(c):
    c.add("x.example")
    gate, answers = Gate(c, "apply"), []
    first = begin(answers, c.patch, "x.example", options={"env.A": "1"})
    gate.wait(1)
    second = begin(answers, c.patch, "x.example", options={"env.B": "1"})
    procs.wait_until(lambda: c.get("/v1/status").data["changes_waiting"] == 1, LIMIT_S, "it waits")
    beside = begin(answers, c.add, "y.example")
    gate.wait(2)                # it passes the one that waits for its own site
    assert c.get("/v1/status").data["changes_waiting"] == 1
    gate.open()
    for thread in (first, second, beside):
        thread.join()
    assert sorted(c.show("x.example").data["overrides"]) == ["env.A", "env.B"]


def test_a_plan_waits_for_what_is_under_way(c):
    """It reaches the site that was being changed, too."""
    c.add("x.example")
    gate, answers = Gate(c, "apply"), []
    change = begin(answers, c.patch, "x.example", options={"env.A": "1"})
    gate.wait(1)
    plan = begin(answers, c.request, "PATCH", "/v1/plans/default",
                 json.dumps({"options": {"pids_max": 90}}))
    procs.wait_until(lambda: c.get("/v1/status").data["changes_waiting"] == 1, LIMIT_S, "the plan waits")
    gate.open()
    change.join()
    plan.join()
    assert [a.result for a in answers] == ["done", "done"]
    c.settled()
    spec = c.fake.specs[c.show("x.example").data["number"]]
    assert spec.options["pids_max"] == 90 and spec.revision == 3


def test_killed_with_several_under_way(c):
    gate, answers = Gate(c, "apply"), []
    threads = [begin(answers, c.add, f"t{i}.example") for i in range(4)]
    gate.wait(4)
    assert c.stop(9) == -9
    gate.open()
    for thread in threads:
        thread.join()
    assert not answers
    c.start().settled()
    tenants = c.get("/v1/tenants").data["tenants"]
    assert [t["state"] for t in tenants] == ["live"] * 4
    assert {t["number"] for t in tenants} == set(c.fake.specs)


def test_stopped_with_several_under_way(c):
    """What has begun is carried through; what waits is told so."""
    gate, answers = Gate(c, "apply"), []
    threads = [begin(answers, c.add, f"t{i}.example") for i in range(HANDS + 3)]
    gate.wait(HANDS)
    procs.wait_until(lambda: c.get("/v1/status").data["changes_waiting"] == 3, LIMIT_S, "three wait")
    c.child.terminate()
    gate.open()
    assert c.stop() == 0
    for thread in threads:
        thread.join()
    said = [a.code or a.result for a in answers]
    assert len(said) == HANDS + 3 and set(said) <= {"busy", "done"}
    assert said.count("done") >= HANDS
    c.start().settled()
    assert len(c.get("/v1/tenants").data["tenants"]) == said.count("done")


def test_the_supervisor_is_started_anew(c):
    """The hands' own links are of no use then, and nobody notices."""
    answers = [c.add("x.example")]
    gate = Gate(c, "apply")
    threads = [begin(answers, c.add, f"t{i}.example") for i in range(HANDS)]
    gate.wait(HANDS)
    gate.open()
    for thread in threads:
        thread.join()
    c.fake.stop()
    c.fake.start()
    for i in range(HANDS):
        answers.append(c.patch(f"t{i}.example", options={"env.A": "1"}))
    assert {a.result for a in answers} == {"done"}
