# SPDX-License-Identifier: Apache-2.0
"""Fixtures: one system for all tests of a run, and a fresh site for each test."""
import itertools
import os
import pathlib
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from tests.lib import installed  # noqa: E402
from tests.lib.installed import Installed  # noqa: E402
from tests.lib.system import System  # noqa: E402

names = itertools.count(1)


def need_root():
    if os.getuid() != 0:
        pytest.skip("needs root: namespaces, cgroups, other uids")


@pytest.fixture(scope="session")
def system():
    """A running system, shared; tests leave it as they found it."""
    need_root()
    running = (Installed() if installed.is_chosen() else System()).start()
    yield running
    left = running.stop()
    assert not left, left


@pytest.fixture
def new_system():
    """Makes systems of a test's own: new_system(conf="tenants_max = 2")."""
    need_root()
    started = []

    def make(**more):
        started.append(System(**more).start())
        return started[-1]
    yield make
    left = [line for each in started for line in each.stop()]
    assert not left, left


@pytest.fixture(scope="module")
def open_folder():
    """A folder in which programs of any user may write, as fault points do."""
    need_root()
    with tempfile.TemporaryDirectory(prefix="t-open.", dir="/run") as folder:
        os.chmod(folder, 0o777)
        yield pathlib.Path(folder)


@pytest.fixture
def site(system):
    """The name of a new site, removed afterwards."""
    name = f"t{next(names)}.example"
    system.ctl("add", name, check=True)
    yield name
    assert system.ctl("remove", name).returncode in (0, 3)
