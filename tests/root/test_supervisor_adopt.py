# SPDX-License-Identifier: Apache-2.0
"""A new supervisor finds what an earlier one left: listeners in the manager's store or in
living pools, pools by their records; and trusts only what it can verify."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest

from tests.lib import procs
from tests.lib.procs import wait_until
from tests.lib.rig import SERVE, rig, tenant

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: namespaces, cgroups")


def inode_of(fd):
    return os.fstat(fd).st_ino


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_a_cold_listener_comes_back_from_the_store(rig, tenant, sig):
    wait_until(lambda: f"t{tenant}" in rig.store, 30, "it is stored")
    file, sock = os.stat(rig.path(tenant)).st_ino, inode_of(rig.store[f"t{tenant}"])
    rig.end(sig)
    # Nobody is there, and still no visitor is refused.
    with rig.connect(tenant) as visitor:
        visitor.sendall(b"early")
        rig.start()
        assert visitor.recv(100) == b"pid 1 early"
    assert os.stat(rig.path(tenant)).st_ino == file
    wait_until(lambda: inode_of(rig.store[f"t{tenant}"]) == sock, 30, "it is stored again")


@pytest.mark.parametrize("keep_store", [True, False], ids=["store", "pool"])
def test_a_warm_pool_is_adopted(rig, tenant, keep_store):
    """Without a store the listener is taken out of the living pool."""
    leave = rig.folder / "leave"
    rig.pool(f"""
        report(READY)
        listener.settimeout(0.1)
        while not os.path.exists("{leave}"):
            try:
                serve(1)
            except TimeoutError:
                pass
        time.sleep(1)
        """)
    before = rig.warm_up(tenant)
    file = os.stat(rig.path(tenant)).st_ino
    rig.end(signal.SIGKILL)
    assert rig.visit(tenant) == b"pid 1 hello", "served without a supervisor"
    if not keep_store:
        rig.forget()
    rig.start()
    status = rig.status(tenant)
    assert status["master_pid"] == before["master_pid"] and status["is_adopted"] == 1
    assert (status["pool_state"], status["generation"]) == ("warm", 1)
    assert os.stat(rig.path(tenant)).st_ino == file
    assert rig.visit(tenant) == b"pid 1 hello"
    leave.touch()
    # Its idle exit is seen, and the next visitor starts a generation that is new.
    rig.wait_state(tenant, "cold")
    assert rig.status(tenant)["crashes"] == 0
    leave.unlink()
    rig.warm_up(tenant)
    assert rig.status(tenant)["generation"] == 2


def test_adopted_twice(rig, tenant):
    pid = rig.warm_up(tenant)["master_pid"]
    for keep in (True, False, True):
        rig.restart(keep_store=keep)
        assert rig.status(tenant)["master_pid"] == pid
        assert rig.visit(tenant) == b"pid 1 hello"


def test_an_adopted_pool_may_leave_at_once(rig, tenant):
    """It has served for longer than its new supervisor has been there: no visitor is held back."""
    rig.pool("report(READY)\nserve(2)\n")
    rig.warm_up(tenant)
    rig.restart()
    assert rig.visit(tenant) == b"pid 1 hello"
    assert rig.wait_state(tenant, "cold")["crashes"] == 0


def test_an_adopted_pool_that_meets_its_memory_limit(rig):
    """Nobody's child: the group's counters tell, whatever its status was."""
    number = rig.add("site.example", memory_max=32 << 20)
    rig.pool("report(READY)\nserve(2)\ndata = bytearray(200 << 20)\n")
    rig.warm_up(number)
    rig.restart()
    assert rig.visit(number) == b"pid 1 hello"
    wait_until(lambda: rig.waits() == [1], 30, "it is held back")
    status = rig.status(number)
    assert "memory limit" in status["last_end"] and status["crashes"] == 1


def test_a_change_during_the_absence_is_caught_up(rig, tenant):
    """kill -9 between the new spec and the new generation."""
    rig.pool("""
        signal.signal(signal.SIGQUIT, lambda *_: os._exit(0))
        report(READY)
        serve()
        """)
    assert rig.visit(tenant) == b"pid 1 hello"
    spec = rig.state / "spec" / str(tenant)
    old = spec.read_bytes()
    rig.apply(tenant, "site.example", max_children=9)
    new = spec.read_bytes()
    wait_until(lambda: rig.status(tenant)["generation"] == 2, 30, "replaced")
    wait_until(lambda: len(rig.pids(tenant)) == 1, 30, "settled")
    rig.end(signal.SIGKILL)
    spec.write_bytes(old)
    rig.start()
    wait_until(lambda: rig.status(tenant)["generation"] == 3, 30, "replaced as the disk says")
    rig.end(signal.SIGKILL)
    spec.write_bytes(new)
    rig.start()
    wait_until(lambda: rig.status(tenant)["generation"] == 4, 30, "and again")


def test_a_pool_of_which_nothing_is_known_is_killed(rig, tenant):
    rig.warm_up(tenant)
    rig.end(signal.SIGKILL)
    (rig.run / "pool" / str(tenant) / "state").unlink()
    rig.start()
    wait_until(lambda: rig.pids(tenant) == [], 30, "killed")
    rig.warm_up(tenant)
    assert rig.status(tenant)["generation"] == 2, "its number is not given out again"


def test_processes_that_no_record_explains_are_killed(rig, tenant):
    master = rig.warm_up(tenant)["master_pid"]
    stranger = subprocess.Popen(["/bin/sleep", "600"])
    for folder in rig.cgroup_folders(tenant):
        if folder.endswith("/g1"):
            other = pathlib.Path(folder).with_name("g7")
            other.mkdir()
            (other / "cgroup.procs").write_text(str(stranger.pid))
    rig.restart()
    assert stranger.wait(60) == -signal.SIGKILL
    assert rig.status(tenant)["master_pid"] == master
    wait_until(lambda: not [f for f in rig.cgroup_folders(tenant) if f.endswith("/g7")], 30,
               "its group is removed")


@pytest.mark.parametrize("offset, value", [
    (16, (1).to_bytes(8, "little")),
    (12, os.getpid().to_bytes(4, "little")),
    (12, bytes(4)),
    (8, (5).to_bytes(4, "little")),
], ids=["start time", "pid", "pid 0", "generation"])
def test_a_record_that_does_not_fit_is_not_believed(rig, tenant, offset, value):
    """Pids are used again; what the record says must be true of this very process."""
    rig.warm_up(tenant)
    rig.end(signal.SIGKILL)
    state = rig.run / "pool" / str(tenant) / "state"
    data = bytearray(state.read_bytes())
    first = 32      # the first generation
    assert int.from_bytes(data[first:first + 4], "little") == 1
    data[first + offset - 8:first + offset - 8 + len(value)] = value
    state.write_bytes(data)
    rig.start()
    assert "not adopted" in rig.messages()
    wait_until(lambda: rig.pids(tenant) == [], 30, "killed")
    assert rig.visit(tenant) == b"pid 1 hello"


@pytest.mark.parametrize("damage", [b"", b"x", None])
def test_a_damaged_record(rig, tenant, damage):
    rig.warm_up(tenant)
    rig.end(signal.SIGKILL)
    state = rig.run / "pool" / str(tenant) / "state"
    state.write_bytes(bytes(len(state.read_bytes())) if damage is None else damage)
    rig.start()
    wait_until(lambda: rig.pids(tenant) == [], 30, "killed")
    assert rig.visit(tenant) == b"pid 1 hello"


def test_another_socket_in_the_store_is_not_taken(rig, tenant):
    rig.end(signal.SIGKILL)
    rig.forget()
    with socket.socket(socket.AF_UNIX) as other, socket.socket(socket.AF_UNIX) as second:
        other.bind(str(rig.folder / "other"))
        other.listen()
        second.bind(str(rig.folder / "second"))
        rig.store[f"t{tenant}"] = os.dup(other.fileno())
        rig.store["t4711"] = os.dup(second.fileno())
        rig.store["nonsense"] = os.dup(second.fileno())
        rig.start()
        assert rig.visit(tenant) == b"pid 1 hello"
    wait_until(lambda: "t4711" not in rig.store, 30, "what belongs to nobody is taken out")
    assert "not the socket that was recorded" in rig.messages()


def test_a_pool_that_hides_its_listener(rig, tenant):
    """Descriptor 3 of the pool is something else by now: a new listener, the pool drains."""
    hidden = rig.folder / "hidden"
    hidden.touch()
    hidden.chmod(0o666)
    rig.pool(f"""
        report(READY)
        serve(1)
        mine = os.dup(3)
        other = socket.socket(socket.AF_UNIX)
        other.bind("")      # any abstract name
        other.listen()
        os.dup2(other.fileno(), 3)
        signal.signal(signal.SIGQUIT, lambda *_: os._exit(0))
        open("{hidden}", "w").write("x")
        time.sleep(600)
        """)
    assert rig.visit(tenant) == b"pid 1 hello"
    rig.pool(SERVE)
    wait_until(hidden.read_text, 30, "it is hidden")
    rig.restart(keep_store=False)
    assert rig.visit(tenant) == b"pid 1 hello"
    wait_until(lambda: len(rig.pids(tenant)) == 1, 30, "the old one has drained")


def test_a_name_that_leads_elsewhere(rig, tenant):
    """kill -9 between the rename of a new listener and its record."""
    rig.warm_up(tenant)
    rig.end(signal.SIGKILL)
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(rig.path(tenant)) + ".x")
    dead.listen()
    os.rename(str(rig.path(tenant)) + ".x", rig.path(tenant))
    dead.close()
    rig.start()
    assert "leads elsewhere" in rig.messages()
    assert rig.visit(tenant) == b"pid 1 hello"


def test_what_has_no_spec_is_cleared_away(rig, tenant):
    other = rig.add("other.example")
    assert rig.visit(tenant) == b"pid 1 hello"
    rig.warm_up(other)
    rig.end(signal.SIGKILL)
    (rig.state / "spec" / str(tenant)).unlink()
    rig.start()
    wait_until(lambda: rig.pids(tenant) == [] and rig.cgroup_folders(tenant) == [] and
               not rig.path(tenant).parent.exists(), 30, "all of it is gone")
    assert list(rig.list()) == [other]
    assert rig.visit(other) == b"pid 1 hello"


def test_a_suspension_during_the_absence(rig, tenant):
    assert rig.visit(tenant) == b"pid 1 hello"
    rig.apply(tenant, "site.example", suspended=True)
    suspended = (rig.state / "spec" / str(tenant)).read_bytes()
    rig.apply(tenant, "site.example")
    rig.warm_up(tenant)
    rig.end(signal.SIGKILL)
    (rig.state / "spec" / str(tenant)).write_bytes(suspended)
    rig.start()
    wait_until(lambda: rig.pids(tenant) == [], 30, "stopped")
    assert not rig.path(tenant).exists()


def test_a_spec_that_cannot_be_read_hurts_only_its_tenant(rig, tenant):
    other = rig.add("other.example")
    rig.warm_up(tenant)
    rig.end(signal.SIGKILL)
    (rig.state / "spec" / str(tenant)).write_bytes(b"damaged")
    rig.start()
    assert rig.visit(other) == b"pid 1 hello"
    assert rig.visit(tenant) == b"pid 1 hello", "its pool goes on serving"
    assert f"spec of {tenant}" in rig.status(tenant)["last_error"]
    rig.apply(tenant, "site.example")
    assert rig.visit(tenant) == b"pid 1 hello", "whole again"
    wait_until(lambda: len(rig.pids(tenant)) == 1, 30, "the unknown pool is ended")
    assert rig.status(tenant)["generation"] == 2


def test_no_pool_outlives_a_start_that_was_cut(rig, tenant):
    """kill -9 while a pool is starting: the visitor is still served."""
    go = rig.folder / "go"
    rig.pool(f"while not os.path.exists({str(go)!r}):\n    time.sleep(0.02)\n" + SERVE)
    with rig.connect(tenant) as visitor:
        visitor.sendall(b"early")
        rig.wait_state(tenant, "starting")
        rig.restart()
        rig.wait_state(tenant, "starting")
        go.touch()
        assert visitor.recv(100) == b"pid 1 early"
    assert rig.status(tenant)["pool_state"] in ("warm", "starting")


def test_a_pool_whose_start_was_not_seen_leaves_when_it_can(rig, tenant):
    """It ignored the first SIGQUIT; killed at the end of its time, it would lose visitors."""
    go = rig.folder / "go"
    rig.pool(f"""
        while not os.path.exists("{go}"):
            time.sleep(0.02)
        asked = []
        signal.signal(signal.SIGQUIT, lambda *_: asked.append(1))
        listener.settimeout(0.1)
        while not asked:
            try:
                serve(1)
            except TimeoutError:
                pass
        """)
    with rig.connect(tenant) as visitor:
        visitor.sendall(b"early")
        first = wait_until(lambda: rig.pids(tenant), 30, "it starts")
        wait_until(lambda: procs.field(first[0], "Uid")[0] != "0", 30, "it is the tenant's")
        rig.end(signal.SIGKILL)
        rig.pool(SERVE)
        rig.start()
        go.touch()
        assert visitor.recv(100) == b"pid 1 early"
    wait_until(lambda: not set(first) & set(rig.pids(tenant)), 40, "the first has left")
    assert rig.visit(tenant) == b"pid 1 hello"


def test_many_tenants(rig):
    numbers = [rig.add(f"t{i}.example") for i in range(12)]
    for number in numbers[::2]:
        rig.warm_up(number)
    masters = {n: rig.status(n)["master_pid"] for n in numbers}
    rig.restart()
    assert {n: rig.status(n)["master_pid"] for n in numbers} == masters
    rig.restart(keep_store=False)
    assert {n: rig.status(n)["master_pid"] for n in numbers} == masters
    for number in numbers:
        assert rig.visit(number) == b"pid 1 hello"
    assert re.search(r"tenants=12", rig.messages())
    assert procs.is_running(rig.process.pid)
