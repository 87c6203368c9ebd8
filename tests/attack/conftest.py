# SPDX-License-Identifier: Apache-2.0
"""The two sites of all attacks."""
import pytest

from tests.lib.pair import Pair


@pytest.fixture(scope="session")
def pair(system):
    both = Pair(system)
    yield both
    both.close()


@pytest.fixture
def bad(pair):
    """The hostile site; it plants the same as the victim, for controls."""
    pair.bad.plant()
    return pair.bad


@pytest.fixture
def good(pair):
    """The victim; whatever a test does, its files and processes are as before."""
    pair.good.plant()
    files = pair.good.files()
    yield pair.good
    assert pair.good.files() == files
    assert pair.system.status(pair.good.name)["crashes"] == 0
    assert pair.good.run("return include $a[0];", pair.good.config).endswith(pair.good.word)
