# SPDX-License-Identifier: Apache-2.0
"""What an attacker could use up for all."""
import ctypes
import os

import pytest

from tests.conftest import need_root
from tests.lib.pair import Pair
from tests.lib.system import System

CLONE_NEWIPC = 0x08000000
# As many as there may be in one namespace (kernel.shmmni), and one more.
FILL = """for ($n = 0; $n < 5000 && ($s = @shm_attach(1000 + $n, 64, 0666)); $n++) shm_detach($s);
    return $n;"""
EMPTY = "for ($n = 0; $n < $a[0]; $n++) shm_remove(shm_attach(1000 + $n)); return 1;"


@pytest.fixture(scope="module")
def pair():
    """In an IPC namespace of its own: without the wall it is this one that the attacker fills."""
    need_root()
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(CLONE_NEWIPC) == 0, os.strerror(ctypes.get_errno())
    system = System().start()
    try:
        both = Pair(system)
        yield both
        both.close()
    finally:
        left = system.stop()
    assert not left, left


def test_system_v_ids(pair):
    made = pair.bad.run(FILL)
    try:
        assert 4000 < made < 5000, "it did not come to the bound"
        assert pair.good.run("return (bool)shm_attach(77, 64, 0666);") is True
    finally:
        pair.bad.run(EMPTY, made)
