# SPDX-License-Identifier: Apache-2.0
"""The pool's access log, in PHP-FPM's letters."""
import os
import re

import pytest

from tests.lib import procs
from tests.lib.pool import Pool

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: namespaces, other uids")

TIME = r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}"
CASES = [
    ('%R - %u %t "%m %r%Q%q" %s', rf'192\.0\.2\.1 - - {TIME} "GET /a\.php\?x=1" 203'),
    ("%f|%l|%n|%%", r"/\S+/public/a\.php\|0\|site\.example\|%"),
    ("%d %{milliseconds}d %{microseconds}d", r"\d+\.\d{3} \d+\.\d{3} \d{2,}"),
    ("%C%% %{user}C %{system}C", r"\d+\.\d\d% \d+\.\d\d \d+\.\d\d"),
    ("%M %{kilobytes}M %{mega}M", r"\d{6,} \d{3,} [12]"),
    ("%{X-Made-By}o %{x-other}o %{None}o", "me two words -"),
    ("%{HTTP_HOST}e %{NOTHING}e %{HTTP_USER_AGENT}e", r"site\.example - a\?b"),
    ("%p %P", r"\d+ 1"),
    ("%{%Y-%m}t %{%H}T", r"\d{4}-\d\d \d\d"),
    ("text without letters", "text without letters"),
]


@pytest.fixture
def make():
    running = []

    def start(*options, **more):
        running.append(Pool("access_log=yes", "max_children=1", *options, **more))
        running[-1].write("a.php", "<?php http_response_code(203); header('X-Made-By: me');"
                          " header('X-Other: two words');"
                          " for ($i = 0; $i < 1000; $i++) $a[] = str_repeat('x', 1000); echo 1;")
        return running[-1]
    yield start
    for each in running:
        each.stop()


@pytest.mark.parametrize("form, line", CASES, ids=[form for form, _ in CASES])
def test_letters(make, form, line):
    pool = make(f"access_format={form}")
    answer = pool.get("a.php", QUERY_STRING="x=1", REQUEST_URI="/a.php?x=1", CONTENT_LENGTH=0,
                      HTTP_USER_AGENT="a\nb")
    assert answer.status == 203
    procs.wait_until(pool.log, 30, "a line")
    assert re.fullmatch(line, pool.log().rstrip("\n"))


def test_each_request_once_with_its_status(make):
    pool = make("access_format=%s %r", "queue_timeout=1")
    pool.write("fatal.php", "<?php nothing();")
    for script in ("a.php", "missing.php", "fatal.php"):
        pool.get(script)
    pool.get("a.php", TENANTD_ARRIVED="1000.000")     # no such time: it is run
    pool.wait_log("500 /fatal.php")
    lines = [line for line in pool.log().splitlines() if re.match(r"\d{3} /", line)]
    assert lines[:3] == ["203 /a.php", "404 /missing.php", "500 /fatal.php"]


def test_what_was_not_sent(make):
    pool = make("access_format=%l %u %q. %R")
    pool.get("a.php", QUERY_STRING=None, REMOTE_ADDR=None)
    pool.wait_log("0 - . -\n")


def test_a_request_takes_no_more_than_its_time(make):
    pool = make("access_format=cpu %C.")
    for _ in range(20):
        pool.get("a.php")
    procs.wait_until(lambda: pool.log().count("cpu ") == 20, 30, "20 lines")
    assert all(float(cpu) <= 100 for cpu in re.findall(r"cpu ([\d.]+)\.", pool.log()))


def test_suppressed_addresses(make):
    pool = make("access_format=%m %r%Q%q %s.", "ping_path=/ping",
                "access_suppress_path=/ping,/b.php")
    pool.write("b.php", "<?php if (isset($_SERVER['BAD'])) http_response_code(500);")
    for script, more in (("ping", {}), ("b.php", {}), ("b.php", {"REQUEST_METHOD": "HEAD"}),
                         ("b.php", {"QUERY_STRING": "q"}), ("b.php", {"BAD": 1}),
                         ("ping", {"QUERY_STRING": "q"}), ("b.php", {"REQUEST_METHOD": "PUT"}),
                         ("b.php", {"CONTENT_LENGTH": 1}), ("a.php", {})):
        pool.get(script, **{"QUERY_STRING": "", **more})
    pool.wait_log("a.php")
    assert pool.log().splitlines() == [
        "GET /b.php?q 200.", "GET /b.php 500.", "GET /ping?q 200.", "PUT /b.php 200.",
        "GET /b.php 200.", "GET /a.php 203."]


@pytest.mark.parametrize("path", ["ping", "/a b?", "/a'b"])
def test_no_address(path):
    with pytest.raises(AssertionError):
        Pool(f"access_suppress_path={path}").stop()


@pytest.mark.parametrize("form", ["%", "%x", "%{user}x", "%{a}s", "%{", "%{a", "%e", "%{}e",
                                  "%{years}d", "%o", "a%b"])
def test_unknown_letters_are_refused(form):
    with pytest.raises(AssertionError):
        Pool(f"access_format={form}").stop()
