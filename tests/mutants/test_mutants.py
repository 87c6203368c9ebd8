# SPDX-License-Identifier: Apache-2.0
"""Does each promise fall with the walls that it names?  In a build of MUTANTS=1 the file
TENANT_MUTANT names walls that are left out (base/mutant.h).  For each set of walls in
schema/promises.def: without them, every promise that names no other wall must be broken, and
with all of them in place every one must hold."""
import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import xml.etree.ElementTree

import pytest

from tests.lib import promises
from tests.lib.system import System

IPC_CREAT, IPC_RMID = 0o1000, 0
# Walls that are built when a site is made, not when its cage is.
AT_ADD = {"home-owner"}

INSIDE = [p for p in promises.rows() if p.probe]
SETS = sorted({p.walls for p in INSIDE}, key=sorted)


# Where a cage without programs could see one (sandbox/jail_hide.c); Debian 13 has none there.
SET_ID = ("/usr/lib/git-core", f"/usr/lib/{os.uname().machine}-linux-gnu/utempter")


def has_set_id(folder):
    with contextlib.suppress(OSError):
        return any(p.is_file() and not p.is_symlink() and p.stat().st_mode & 0o6000
                   for p in pathlib.Path(folder).iterdir())
    return False


@pytest.fixture(scope="module")
def mutant(tmp_path_factory):
    """A system of mutants with a site and a victim, and the file that names missing walls."""
    build = os.environ.get("BUILD", "")
    if "mutants" not in build:
        pytest.skip("needs a build of MUTANTS=1: make mutants")
    missing = tmp_path_factory.mktemp("mutant") / "missing"
    missing.write_text("")
    libc = ctypes.CDLL(None, use_errno=True)
    segment = libc.shmget(0x7465 + os.getpid(), 4096, 0o666 | IPC_CREAT)
    assert segment >= 0
    # As services have them: one that whoever sees the host's files can find.
    folder = tempfile.mkdtemp(prefix="tenantd-mutant-", dir="/run")
    os.chmod(folder, 0o755)
    service = socket.socket(socket.AF_UNIX)
    service.bind(f"{folder}/service.sock")
    try:
        with System(env={"TENANT_MUTANT": str(missing)}) as system:
            system.missing = missing
            for site in ("site.example", "victim.example"):
                system.ctl("add", site, check=True)
            yield system
    finally:
        libc.shmctl(segment, IPC_RMID, None)
        service.close()
        shutil.rmtree(folder)


def outcomes(system, site="site.example"):
    """{id: (result, found)}."""
    # A second wall that would hide what the first one does: no tenant passes this folder.
    (system.folder / "srv").chmod(0o755)
    done = system.ctl("verify", site, "--json")
    assert '"checks"' in done.stdout, f"{done.stdout}{done.stderr}\n{system.logs()}"
    return {c["id"]: (c["result"], c["found"]) for c in json.loads(done.stdout)["data"]["checks"]}


@pytest.mark.xdist_group("inside")
def test_with_all_walls_every_promise_holds(mutant):
    now = outcomes(mutant)
    assert set(now) == {p.id for p in INSIDE}
    assert {i: x for i, x in now.items() if x[0] not in ("held", "skipped")} == {}


@pytest.mark.xdist_group("inside")
@pytest.mark.parametrize("walls", SETS, ids="+".join)
def test_without(mutant, walls):
    mutant.missing.write_text("".join(f"{wall}\n" for wall in walls))
    site = "site.example"
    try:
        if AT_ADD & set(walls):
            site = re.sub(r"\W", "-", "-".join(walls)) + ".example"
            mutant.ctl("add", site, check=True)
        now = outcomes(mutant, site)
    finally:
        mutant.missing.write_text("")
    falls = {p.id for p in INSIDE if set(p.walls) <= set(walls)}
    if set(walls) == {"set-id-hidden"} and not any(has_set_id(folder) for folder in SET_ID):
        pytest.skip("no program that such a cage could see is set-uid or set-gid here")
    stands = {i: now[i] for i in falls if now[i][0] not in ("broken", "skipped")}
    assert stands == {}, "these name walls that do not keep them"


OUTSIDE = [p for p in promises.rows() if p.test]


def place_of(name):
    """Where a test stands: those of a file run in their order, as always."""
    file, _, function = name.partition("[")[0].partition("::")
    return file, (promises.ROOT / "tests" / file).read_text().index(f"def {function}(")


def run_tests(names, walls, folder):
    """{name: its outcomes} of tests from outside, without some walls, and what they said."""
    missing, report = folder / "missing", folder / "report.xml"
    missing.write_text("".join(f"{wall}\n" for wall in walls))
    done = subprocess.run(
        ["/usr/bin/python3", "-m", "pytest", "-c", "tests/pytest.ini", "--rootdir", ".", "-q",
         f"--junitxml={report}", *(["-x"] if walls else []),
         *(f"tests/{name}" for name in sorted(set(names), key=place_of))], cwd=promises.ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1200, check=False,
        env=dict(os.environ, TENANT_MUTANT=str(missing)))
    assert report.exists(), done.stdout
    cases = [(f"{c.get('classname').removeprefix('tests.').replace('.', '/')}.py::{c.get('name')}",
              next((x.tag for x in c if x.tag in ("failure", "error", "skipped")), "passed"))
             for c in xml.etree.ElementTree.parse(report).iter("testcase")]
    return {name: {how for case, how in cases if case == name or case.startswith(f"{name}[")}
            for name in names}, done.stdout[-3000:]


@pytest.fixture(scope="module")
def place():
    """A folder that every user can read: programs look there for the walls that are missing."""
    if "mutants" not in os.environ.get("BUILD", ""):
        pytest.skip("needs a build of MUTANTS=1: make mutants")
    with tempfile.TemporaryDirectory(prefix="mutants.", dir="/run") as name:
        pathlib.Path(name).chmod(0o755)
        yield pathlib.Path(name)


def file_of(promise):
    return promise.test.partition("::")[0]


@pytest.fixture(scope="module")
def whole(place):
    """What the tests of a file say while every wall stands: asked once a file."""
    said = {}

    def ask(file):
        if file not in said:
            said[file] = run_tests([p.test for p in OUTSIDE if file_of(p) == file], (), place)
        return said[file]
    return ask


@pytest.mark.parametrize("promise", [
    pytest.param(p, id=p.id, marks=pytest.mark.xdist_group(file_of(p))) for p in OUTSIDE])
def test_of_a_test(whole, place, promise):
    """The test that tries a promise from outside passes, and fails without its walls."""
    now, said = whole(file_of(promise))
    if now[promise.test] == {"skipped"}:
        pytest.skip(f"{promise.test} skips itself here")
    assert now[promise.test] == {"passed"}, said
    without, said = run_tests([promise.test], promise.walls, place)
    assert "failure" in without[promise.test], f"it does not fail without its walls: {said}"
