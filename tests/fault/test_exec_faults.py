# SPDX-License-Identifier: Apache-2.0
"""kill -9 of tenantd while it starts a command in a cage: nobody's command stays, and the
next one runs."""
import os

import pytest

from tests.lib import procs
from tests.lib.system import System

SITE = "exec.example"


@pytest.fixture(scope="module")
def faulty(open_folder):
    system = System(conf="allow_programs = yes\n", env={"TENANT_FAULT": str(open_folder / "fault")})
    if b"tenantd.exec.going" not in (system.build / "tenantd").read_bytes():
        pytest.skip(f"{system.build} is built without FAULT=1")
    with system:
        system.ctl("add", SITE, "programs=allow", check=True)
        yield system, open_folder / "fault"


@pytest.mark.parametrize("point", ("tenantd.exec.spawned", "tenantd.exec.going"))
def test_kill_while_a_command_starts(faulty, point):
    system, fault = faulty
    number = system.show(SITE)["number"]
    before = system.pid("tenantd")
    fault.write_text(point)
    os.chmod(fault, 0o666)
    assert system.ctl("exec", SITE, "--", "sleep", "1000").returncode == 6
    procs.wait_until(lambda: system.is_taken_over(before), 60, "tenantd does not answer")
    procs.wait_until(lambda: not procs.in_cgroup(rf"/{system.name}[^/]*/tenants/{number}(/|$)"), 60,
                     "the command lives on")
    done = system.ctl("exec", SITE, "--", "echo", "again", check=True)
    assert done.stdout == "again\n"
