# SPDX-License-Identifier: Apache-2.0
"""Whoever makes a call that only an attacker makes is counted: by site and call, by the kernel's own word."""
import re

import pytest

from tests.lib.procs import wait_until


def counted(way):
    status = way.system.status(way.site.name)
    calls = dict(pair.split("=") for pair in (status["violation_calls"] or "").split())
    return status["violations"], {call: int(n) for call, n in calls.items()}


def test_by_site_and_call(way, pair, good, system):
    before, calls = counted(way)
    if before is None:
        pytest.skip("the kernel of this machine does not tell: no audit, or a container")
    assert way.run(("bpf", -1, 0, 0)).killed and way.run(("bpf", -1, 0, 0)).killed
    assert way.run(("ptrace", 16, 1, 0, 0)).killed
    assert way.run(("socket", 16, 3, 0)).last == -1         # refused, which is ordinary
    wait_until(lambda: counted(way)[0] >= before + 3, 30, "the calls are counted")
    now = counted(way)[1]
    if "others" not in now:
        assert (now["bpf"], now["ptrace"]) == (calls.get("bpf", 0) + 2, calls.get("ptrace", 0) + 1)
    assert "socket" not in now
    assert system.status(good.name)["violations"] == 0
    log = (system.folder / "log/tenantd.log").read_text()
    assert re.search(rf"event=pool.violation tenant={way.site.number} site={re.escape(way.site.name)} call=\w+", log)
    for kind in ("table", "csv", "plain"):
        assert "=" in system.ctl("status", way.site.name, "--format", kind, check=True).stdout


def test_the_log_is_not_flooded(worker, system):
    """A line only when a count has doubled."""
    if counted(worker)[0] is None:
        pytest.skip("the kernel of this machine does not tell: no audit, or a container")
    before = counted(worker)[0]
    for _ in range(20):
        assert worker.run(("kcmp", -1, -1, 0, 0, 0)).killed
    wait_until(lambda: counted(worker)[0] >= before + 20, 30, "the calls are counted")
    lines = [line for line in (system.folder / "log/tenantd.log").read_text().splitlines()
             if "pool.violation" in line and f"tenant={worker.site.number} " in line and "call=kcmp" in line]
    assert 1 <= len(lines) <= 5, lines
