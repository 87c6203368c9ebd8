# SPDX-License-Identifier: Apache-2.0
"""The slow log: PHP's stack out of the worker, between two of PHP's instructions."""
import os
import re
import time

import pytest

from tests.lib.pool import Pool

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: namespaces, other uids")

SLOW = """<?php
class Shop {
    static function wait($file) {
        while (!file_exists($file)) {
            clearstatcache();
        }
    }
    function cart() {
        array_map(fn($f) => self::wait($f), [__DIR__ . '/../tmp/go']);
    }
}
(new Shop)->cart();
echo 'done';
"""
# flock() is one native call that lasts as long as another process wants.
NATIVE = """<?php
function stuck() { $f = fopen(__DIR__ . '/../tmp/gate', 'c'); flock($f, LOCK_EX); }
stuck();
echo 'done';
"""


@pytest.fixture
def pool():
    with Pool("max_children=2", "request_slowlog_timeout=1", flags=("-w",)) as made:
        made.write("slow.php", SLOW)
        made.write("native.php", NATIVE)
        yield made


def test_stack_of_a_slow_request(pool):
    with pool.begin("slow.php", REQUEST_URI="/shop?x=1", REQUEST_ID="0123456789abcdef") as c:
        pool.wait_log("script_filename", 30)
        pool.write("go", "", folder="tmp")
        assert c.answer().text == "done"
    at = f"{pool.home}/public/slow.php"
    text = pool.log()
    assert re.search(r"^\[[^]]+\]  \[pool site\.example\] pid \d+$", text, re.M)
    assert f"script_filename = {at}\nrequest = GET /shop?x=1\nrequest_id = 0123456789abcdef\n" in text
    lines = text[text.index("\nat "):].splitlines()[1:]
    assert re.fullmatch(rf"at {at}:[45]", lines[0])
    frames = [re.fullmatch(r"\[0x[0-9a-f]{16}\] (.*)", line)[1] for line in lines[1:]]
    # PHP 8.4 interrupts also at the end of its own functions, and says in a closure's name where
    # it comes from.
    if re.match(r"(file_exists|clearstatcache)\(\) ", frames[0]):
        frames.pop(0)
    assert [re.sub(r"{closure:.*}", "{closure}", frame) for frame in frames] == [
        f"Shop::wait() {at}:9", f"Shop::{{closure}}() {at}:9", f"array_map() {at}:9",
        f"Shop::cart() {at}:12"]
    assert text.count("script_filename") == 1, "once for a request"
    assert pool.get("hello.php").status == 200
    assert "died" not in pool.log() and pool.log().count(f"script_filename = {at}") == 1


def test_native_call_is_told_and_not_ended(pool):
    import fcntl
    gate = pool.write("gate", "", folder="tmp")
    with gate.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pool.begin("native.php") as c:
            pool.wait_log("inside one native call", 30)
            assert "\nat " not in pool.log()
            fcntl.flock(held, fcntl.LOCK_UN)
            assert c.answer().text == "done", "the call went on"
    pool.wait_log("stuck() ", 30)


def test_sleep_is_not_cut_short(pool):
    pool.write("sleep.php", "<?php $t = hrtime(true); $left = sleep(3);"
               " echo json_encode([$left, hrtime(true) - $t >= 3e9]);")
    assert pool.get("sleep.php").text == "[0,true]"
    pool.wait_log("sleep.php", 30)


def test_fast_requests_are_not_slow(pool):
    fast = []
    for n in range(5):
        began = time.monotonic()
        pool.get("hello.php", REQUEST_URI=f"/fast-{n}")
        if time.monotonic() - began < 1:    # else the machine was busy
            fast.append(n)
    pool.write("slow.php", "<?php while (!file_exists('../tmp/go')) clearstatcache();")
    with pool.begin("slow.php", REQUEST_URI="/slow") as c:
        pool.wait_log("GET /slow")
        pool.write("go", "", folder="tmp")
        c.answer()
    assert not [n for n in fast if f"GET /fast-{n}" in pool.log()]
