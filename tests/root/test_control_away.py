# SPDX-License-Identifier: Apache-2.0
"""tenant-control while the supervisor is away, breaks off or talks nonsense."""
import os
import socket
import threading
import time

import pytest

from tests.lib import procs
from tests.lib.control import BUILT, Control, ISSUED, REMOVED, failed, snapshot


@pytest.fixture
def c():
    with Control() as control:
        yield control


# ---- the supervisor is away ----------------------------------------------------------

def test_supervisor_away(c):
    c.add("x.example")
    c.fake.stop()
    before = snapshot(c)
    assert c.show("x.example").data["state"] == "live"
    d = c.get("/v1/tenants").data
    assert d["supervisor"] == "away" and d["tenants"][0]["pool_state"] is None
    s = c.get("/v1/status").data
    assert s["supervisor"] == "away" and "supervisor.sock" in s["supervisor_reason"]
    assert s["tenants"]["live"] == 1 and s["nginx"] == "away"
    assert failed(c.get("/v1/tenants/x.example/status"), 503, "no_daemon",
                  "site").reason.endswith("is tenantd running?")
    failed(c.add("y.example"), 503, "no_daemon")
    failed(c.patch("x.example", plan="small"), 503, "no_daemon")
    failed(c.post("/v1/tenants/x.example/suspend"), 503, "no_daemon")
    failed(c.delete("x.example"), 503, "no_daemon")
    failed(c.post("/v1/removed/z.example/restore"), 503, "no_daemon")
    assert snapshot(c) == before
    # nothing that can be refused without it needs it
    failed(c.add("y.example", plan="none"), 422, "unknown_plan", "plan")
    cpu = procs.read(c.child.pid, "stat").split()[13:15]
    time.sleep(2)
    spent = sum(map(int, procs.read(c.child.pid, "stat").split()[13:15])) - sum(map(int, cpu))
    assert spent <= 5, "it spins while the supervisor is away"
    c.fake.start()
    procs.wait_until(lambda: c.get("/v1/status").data["supervisor"] == "reachable", 30, "back")
    assert c.add("y.example").data["state"] == "live"


@pytest.mark.parametrize("how", ["lost", "drop"])
def test_lost_in_the_middle_goes_forward(c, how):
    c.settled()
    c.fake.once["apply"] = (0, how)
    failed(c.add("x.example"), 503, "no_daemon")
    c.settled()
    assert c.show("x.example").data["state"] == "live"
    c.fake.once["apply"] = (0, how)
    failed(c.patch("x.example", options={"pids_max": "30"}), 503, "no_daemon")
    c.settled()
    assert c.fake.specs[1].options["pids_max"] == 30
    assert not c.sql("SELECT * FROM kept")
    c.fake.once["remove"] = (0, how)
    failed(c.delete("x.example"), 503, "no_daemon")
    c.settled()
    failed(c.show("x.example"), 404, "unknown_site", "site")
    c.fake.once["issue"] = (0, how)
    failed(c.add("y.example"), 503, "no_daemon")
    c.settled()
    assert c.fake.site("y.example") is None, "a number was leaked"
    failed(c.show("y.example"), 404, "unknown_site", "site")


def test_reconnect_repairs(c):
    c.add("x.example")
    c.add("y.example", options={"pids_max": "20"})
    c.settled()
    c.fake.stop()
    c.fake.specs[1].revision = 77            # an old state was put back there
    del c.fake.specs[2]
    c.fake.ledger[9] = {"site": "lost.example", "state": ISSUED, "kept": False}
    c.fake.next = 10
    c.fake.start()
    procs.wait_until(lambda: 2 in c.fake.specs and c.fake.specs[1].revision == 1 and
                     c.fake.ledger[9]["state"] == REMOVED, 30, "repaired")
    c.settled()
    assert c.fake.specs[2].options["pids_max"] == 20
    assert c.fake.ledger[1]["state"] == BUILT


def test_nonsense_from_the_supervisor(c):
    """A peer that answers with rubbish costs a request, never the program."""
    c.settled()
    c.fake.stop()
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server.bind(str(c.fake.path))
    server.listen(8)

    def talk():
        for rubbish in (b"x", b"\0" * 32, os.urandom(40), b"", os.urandom(60000)) * 3:
            try:
                peer, _ = server.accept()
                peer.recv(65536)
                if rubbish:
                    peer.send(rubbish)
                peer.close()
            except OSError:
                return
    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    for _ in range(4):
        assert c.add("x.example").code == "no_daemon"
        assert c.get("/v1/status").data["supervisor"] == "away"
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    os.unlink(c.fake.path)
    c.fake.start()
    c.settled()
    assert c.add("x.example").result == "done"


def test_repair_looks_mends_and_looks_again(c):
    number = c.add("r.example").data["number"]
    path = "/v1/tenants/r.example/repair"
    a = c.post(path)
    assert (a.result, a.data["wrong"], a.data["failed"]) == ("unchanged", [], 0)
    c.fake.wrong[number] = ("home", "vhost")
    c.fake.log.clear()
    a = c.post(path + "?dry_run=yes")
    assert (a.result, [w["name"] for w in a.data["wrong"]], a.data["failed"]) == ("unchanged",
                                                                                ["home", "vhost"], 2)
    assert a.data["wrong"][0]["sentence"] == "it differs"
    assert c.fake.verbs("check", "apply") == [("check", number)]
    a = c.post(path)
    assert (a.result, len(a.data["wrong"]), a.data["failed"]) == ("done", 2, 0)
    assert c.fake.verbs("check", "apply")[1:] == [("check", number), ("apply", number), ("check", number)]
    assert c.get("/v1/tenants/r.example").data["revision"] == 1
    # What cannot be mended is told, not hidden.
    c.fake.wrong[number] = ("home",)
    c.fake.on_apply = lambda: c.fake.wrong.__setitem__(number, ("home",))
    pending = c.fake.wrong
    a = c.post(path)
    c.fake.on_apply = None
    assert pending and (a.result, a.status) == ("failed", 500) and "still differ" in a.text
    c.fake.wrong.clear()
    assert c.post(path, more=True).status == 400 and c.post(path + "?dry_run=no").status == 400
    assert c.post("/v1/tenants/nobody.example/repair").status == 404
