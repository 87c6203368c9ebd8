# SPDX-License-Identifier: Apache-2.0
"""How many workers a pool has, and what ends one that will not end by itself."""
import os
import signal
import time

import pytest

from tests.lib import procs
from tests.lib.pool import Pool

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: namespaces, other uids")

SLEEP = "<?php file_put_contents(__DIR__ . '/../tmp/in' . $_GET['n'], '1');" \
        " while (!file_exists(__DIR__ . '/../tmp/go')) usleep(20000); echo getmypid();"
FFI = "<?php $c = FFI::cdef('unsigned sleep(unsigned); int poll(void *, unsigned long, int);" \
      " long recv(int, void *, unsigned long, int); long send(int, void *, unsigned long, int);');"
# Writes over every line of the board that this worker is idle and has no process.
LIE = FFI + """ foreach (file('/proc/self/maps') as $l)
    if (strpos($l, 'rw-s') && strpos($l, 'memfd:board')) {
        [$a, $b] = explode('-', strtok($l, ' '));
        FFI::memset(FFI::cast('unsigned char *', hexdec($a) + 0), 0, hexdec($b) - hexdec($a)); }
    file_put_contents(__DIR__ . '/../tmp/lied', getmypid()); while (1) $c->sleep(1000);"""


def wait_workers(pool, low, high=None, seconds=40):
    procs.wait_until(lambda: low <= len(pool.workers()) <= (high or low), seconds,
                     f"{low} to {high or low} workers")


@pytest.fixture
def make():
    """make("option=value", ...): a pool that is stopped at the end of the test."""
    running = []

    def start(*options, **more):
        running.append(Pool(*options, **more))
        running[-1].write("busy.php", SLEEP)
        return running[-1]
    yield start
    for each in running:
        each.stop()


def occupy(pool, count):
    """Requests that run until release(); returns their connections."""
    out = [pool.begin("busy.php", QUERY_STRING=f"n={n}") for n in range(count)]
    procs.wait_until(lambda: all((pool.home / f"tmp/in{n}").exists() for n in range(count)), 40,
                     f"{count} requests at the same time")
    return out


def release(pool, connections):
    pool.write("go", "", folder="tmp")
    out = [c.answer().text for c in connections]
    for c in connections:
        c.close()
    return out


@pytest.mark.parametrize("options, start, busy, least, most, rest", [
    # as PHP-FPM works out start_servers: min + (max - min) / 2
    (("max_children=8", "min_spare_servers=2", "max_spare_servers=4"), 3, 3, 5, 7, 4),
    (("max_children=6", "start_servers=1", "min_spare_servers=1", "max_spare_servers=1"),
     1, 6, 6, 6, 1),
    (("max_children=4", "start_servers=3", "min_spare_servers=1", "max_spare_servers=3",
      "max_spawn_rate=1"), 3, 4, 4, 4, 3),
])
def test_dynamic_pool(make, options, start, busy, least, most, rest):
    pool = make("pm=dynamic", *options)
    wait_workers(pool, start)
    # A worker on its way is a spare: none is added for want of those that are just starting.
    time.sleep(1.3)
    assert len(pool.workers()) == start
    connections = occupy(pool, busy)
    # More, up to the most spares, if a visitor waited for a slow worker: a busy machine.
    wait_workers(pool, least, most)
    assert len(set(release(pool, connections))) == busy
    wait_workers(pool, rest)
    assert pool.get("hello.php").status == 200
    assert "killed" not in pool.log() and "exited" not in pool.log()


def test_ondemand_pool_reaches_max_children_and_shrinks_under_single_visitors(make):
    pool = make("max_children=12", "process_idle_timeout=2", "max_spawn_rate=1")
    assert len(set(release(pool, occupy(pool, 12)))) == 12
    # One visitor after another goes to the same worker: the others become idle and leave.
    seen = set()

    def shrinks():
        seen.add(pool.get("hello.php").status)
        return len(pool.workers()) <= 2
    procs.wait_until(shrinks, 60, "the end of workers that are not needed")
    assert seen == {200}


def test_worker_that_clears_the_board_does_not_escape(make):
    """An honest one is asked as well, answers and stays."""
    pool = make("pm=static", "max_children=3", "request_terminate_timeout=1", ffi=True)
    wait_workers(pool, 3)
    pool.write("lie.php", LIE)
    with pool.begin("lie.php"):
        procs.wait_until((pool.home / "tmp/lied").exists, 30, "the lie")
        before = set(pool.workers())
        pool.wait_log("does not answer", 60)
        procs.wait_until(lambda: len(pool.workers()) == 3 and
                         len(before & set(pool.workers())) == 2, 30, "one other worker")
    assert pool.log().count("killed") == 1
    assert pool.get("hello.php").status == 200


def test_worker_of_age_is_replaced_without_loss(make):
    pool = make("pm=static", "max_children=2", "process_max_age=1")
    seen = set()

    def answers():
        answer = pool.get("hello.php")
        assert answer.status == 200
        seen.add(tuple(sorted(pool.workers())))
        return len({pid for pids in seen for pid in pids}) >= 5
    procs.wait_until(answers, 60, "other workers")
    assert "killed" not in pool.log() and "exited" not in pool.log()


def test_worker_of_age_that_stays_is_killed(make):
    """It answers every question, says that it is idle, and runs on."""
    pool = make("pm=static", "max_children=1", "request_terminate_timeout=1",
                "process_max_age=2", ffi=True)
    pool.write("play.php", LIE.replace("while (1) $c->sleep(1000);", """
        $b = FFI::new('char[16]');
        while (1) { $c->sleep(0); usleep(50000);
            for ($fd = 3; $fd < 40; $fd++)
                if ($c->recv($fd, $b, 16, 64) == 1) $c->send($fd, $b, 1, 16448); }"""))
    with pool.begin("play.php"):
        procs.wait_until((pool.home / "tmp/lied").exists, 30, "the lie")
        pool.wait_log("does not leave", 60)
    procs.wait_until(lambda: pool.get("hello.php").status == 200, 30, "another worker")


def test_drain_while_spares_come_and_go(make):
    pool = make("pm=dynamic", "max_children=6", "max_spare_servers=2")
    connections = occupy(pool, 4)
    pool.signal(signal.SIGQUIT)
    assert len(set(release(pool, connections))) == 4
    assert pool.wait("exit", 40) == "0"
