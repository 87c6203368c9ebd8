# SPDX-License-Identifier: Apache-2.0
"""kill -9 of tenantd at each of its own steps, with and without the service manager's store:
the next one finds everything, a visitor who waits is served, and nothing is left over."""
import os
import signal

import pytest

from tests.lib.procs import wait_until
from tests.lib.rig import LIMIT_S, QUIT, Rig

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: namespaces, cgroups")

TRIED = ("aside.spawned", "aside.going", "tried")
POINTS = (*TRIED, "adopt", "bound", "spawned", "recorded", "ready", "handed_over", "ended", "job", "built",
        "synced", "staged", "replied")


@pytest.fixture
def rig(tmp_path):
    with Rig(env={"TENANT_FAULT": str(tmp_path / "fault")}) as made:
        made.fault = tmp_path / "fault"
        made.pool(QUIT)
        yield made


def act(rig, number, point):
    """What passes the point; tenantd dies on the way, so the action need not end well."""
    try:
        if point in ("spawned", "recorded", "ready"):
            visitor = rig.connect(number)
            visitor.sendall(b"early")
            return visitor
        if point == "handed_over":
            rig.client.ask("RECYCLE", number)
        elif point in TRIED:
            rig.client.ask("TRY", number, rig.tenant("site.example", max_children=7))
        elif point == "ended":
            os.kill(rig.status(number)["master_pid"], signal.SIGQUIT)
        elif point == "bound":
            rig.add("second.example")
        elif point == "adopt":
            rig.end(signal.SIGTERM)
            rig.start(wait=False)
        else:
            rig.apply(number, "site.example", max_children=7)
    except (OSError, AssertionError):
        pass
    return None


@pytest.mark.parametrize("keep_store", [True, False], ids=["store", "no-store"])
@pytest.mark.parametrize("point", POINTS)
def test_killed_at(rig, point, keep_store):
    number = rig.add("site.example")
    if point not in ("spawned", "recorded", "ready"):
        assert rig.visit(number) == b"pid 1 hello"
    rig.fault.write_text(f"tenantd.{point}\n")
    visitor = act(rig, number, point)
    assert rig.process.wait(LIMIT_S) == -signal.SIGKILL, f"tenantd.{point} is passed"
    rig.client.close()
    rig.hear()      # what it has stored last
    if not keep_store:
        rig.forget()
    rig.start()
    # A cold listener lives on in the store only; there nobody who waits is lost.
    if visitor:
        if keep_store:
            assert visitor.recv(100) == b"pid 1 early"
        visitor.close()
    assert rig.visit(number) == b"pid 1 hello"
    rig.apply(number, "site.example", max_children=7, revision=9)
    wait_until(lambda: rig.list()[number][1] == 9, 30, "changes are made again")
    # A pool that served the visit above may have been leaving: visitors bring one back.
    wait_until(lambda: rig.visit(number) and len(rig.pids(number)) == 1, 30,
               "one pool, whatever was under way")
    assert rig.visit(number) == b"pid 1 hello"
    wait_until(lambda: len([f for f in rig.cgroup_folders(number) if "/g" in f]) ==
               len([f for f in rig.cgroup_folders(number) if f.endswith(f"/{number}")]), 30,
               "one generation in each hierarchy")
    rig.client.ask("REMOVE", number, rig.tenant("site.example"))
    assert rig.pids(number) == [] and rig.cgroup_folders(number) == []
    assert not rig.path(number).parent.exists()
