# SPDX-License-Identifier: Apache-2.0
"""Waiting for a worker has an end: what waited too long is told so and not run."""
import os
import time

import pytest

from tests.lib import procs
from tests.lib.pool import Pool

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: namespaces, other uids")

RUN = "<?php file_put_contents(__DIR__ . '/../tmp/ran' . $_GET['n'], '1');" \
      " while (isset($_GET['hold']) && !file_exists(__DIR__ . '/../tmp/go')) usleep(20000);" \
      " echo 'ran', json_encode(preg_grep('/TENANTD/', array_keys($_SERVER + $_ENV)));"


@pytest.fixture
def pool(request):
    """A pool of one worker, with a deadline; by default one that a busy machine does not miss."""
    with Pool("max_children=1", f"queue_timeout={getattr(request, 'param', 20)}") as made:
        made.write("run.php", RUN)
        yield made


def begin(pool, number, arrived=None, hold=False):
    more = {} if arrived is None else {"TENANTD_ARRIVED": arrived}
    return pool.begin("run.php", QUERY_STRING=f"n={number}" + "&hold" * hold, **more)


def has_run(pool, number):
    return (pool.home / f"tmp/ran{number}").exists()


def stamp(seconds_ago=0.0):
    return f"{time.time() - seconds_ago:.3f}"


SOON = -60.0        # seconds ago: a clock that was set meanwhile; such a visitor is never late


def test_free_worker_discards_what_waited_too_long(pool):
    with begin(pool, 1, stamp(), hold=True) as first, begin(pool, 2, stamp(60)) as old:
        procs.wait_until(lambda: has_run(pool, 1), 30, "the first runs")
        pool.write("go", "", folder="tmp")
        assert first.answer().text == "ran[]", "scripts do not see the time"
        answer = old.answer()
    assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
    assert "too busy" in answer.text and not has_run(pool, 2)
    with begin(pool, 3, stamp()) as young:
        assert young.answer().text == "ran[]"


@pytest.mark.parametrize("pool", [2], indirect=True)
def test_nobody_becomes_free(pool):
    """Each is told at his deadline, while the one before them runs on."""
    with begin(pool, 1, stamp(SOON), hold=True) as first:
        procs.wait_until(lambda: has_run(pool, 1), 30, "the first runs")
        waiting = [begin(pool, n, stamp()) for n in range(2, 5)]
        for c in waiting:
            answer = c.answer()
            c.close()
            assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
        procs.wait_until(lambda: len(pool.workers()) == 2, 30, "the worker and the turnstile")
        pool.write("go", "", folder="tmp")
        assert first.answer().text == "ran[]"
    assert not any(has_run(pool, n) for n in range(2, 5))
    procs.wait_until(lambda: len(pool.workers()) <= 1, 30, "the turnstile has gone")
    with begin(pool, 5, stamp(SOON)) as c:
        assert c.answer().text == "ran[]"
    assert "exited" not in pool.log() and "died" not in pool.log()


@pytest.mark.parametrize("arrived", [None, "", "soon", "-1", "1e999", "nan", "0", "9999999999.000"])
def test_what_is_no_time_is_no_reason(pool, arrived):
    with begin(pool, 1, arrived) as c:
        assert c.answer().text == "ran[]"
