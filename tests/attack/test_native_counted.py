# SPDX-License-Identifier: Apache-2.0
"""Whoever makes a call that only an attacker makes is counted: by site and call, by the kernel's own word."""
import re
import socket

import pytest

from tests.lib.native import NUMBERS, Times
from tests.lib.procs import wait_until

AUDIT, READLOG = 9, 1       # NETLINK_AUDIT, AUDIT_NLGRP_READLOG
KCMP = 312


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
    now = wait_until(lambda: (now := counted(way))[0] >= before + 3 and now[1], 30, "the calls are counted")
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
    assert 1 <= len(lines) <= counted(worker)[0].bit_length(), lines


def test_refused_calls_leave_no_record(way, system):
    """A program makes them in good faith; the host's audit log is not a tenant's to fill."""
    if counted(way)[0] is None:
        pytest.skip("the kernel of this machine does not tell: no audit, or a container")
    socket_call = NUMBERS["socket"]
    uid, seen = system.show(way.site.name)["uid"], []

    def told():
        seen.extend(int(call) for call in re.findall(rf" uid={uid} .* syscall=(\d+) ".encode(), audit.recv(65536)))
        return seen and seen[-1] == KCMP
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, AUDIT) as audit:
        audit.settimeout(30)
        audit.bind((0, READLOG))
        assert way.run(Times(("socket", 16, 3, 0), 100)).last == -1
        assert way.run(("kcmp", -1, -1, 0, 0, 0)).killed
        wait_until(told, 30, "the killed call is told of")
    assert socket_call not in seen      # others may be told of: of another instance on this machine
