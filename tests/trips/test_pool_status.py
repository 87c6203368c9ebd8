# SPDX-License-Identifier: Apache-2.0
"""The status page and ping of a site, and `tenantctl status`: true, also for a full pool."""
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import xml.dom.minidom

import pytest

from tests.lib.procs import wait_until

# What PHP-FPM 8.2 tells, in its order.
POOL = ["pool", "process manager", "start time", "start since", "accepted conn", "listen queue",
        "max listen queue", "listen queue len", "idle processes", "active processes",
        "total processes", "max active processes", "max children reached", "slow requests"]
PROCESS = ["pid", "state", "start time", "start since", "requests", "request duration",
           "request method", "request uri", "content length", "user", "script",
           "last request cpu", "last request memory"]
METRICS = ["up", "start_since", "accepted_connections", "listen_queue", "max_listen_queue",
           "listen_queue_length", "idle_processes", "active_processes", "total_processes",
           "max_active_processes", "max_children_reached", "slow_requests"]


@pytest.fixture(scope="module")
def watched(system):
    system.ctl("add", "watched.example", "status_path=/status", "ping_path=/ping",
               "max_children=2", "process_idle_timeout=1h", "pool_idle_timeout=1h", check=True)
    yield "watched.example"
    system.ctl("remove", "watched.example", check=True)


def status(system, site, query="json"):
    answer = system.http(site, f"/status?{query}")
    assert answer.status == 200, answer.body
    return json.loads(answer.body) if query.startswith("json") else answer


def ping(system, site):
    answer = system.http(site, "/ping")
    return answer.status, answer.body


def plain(answer):
    return [line.split(":")[0] for line in text(answer).splitlines() if ":" in line]


def text(answer):
    return answer.body.decode()


def test_a_cold_pool_is_told_and_not_started(system, watched):
    seen = status(system, watched)
    assert list(seen) == POOL and seen["pool"] == watched
    assert seen["process manager"] == "ondemand" and seen["accepted conn"] == 0
    assert status(system, watched, "json&full")["max children"] == 2
    assert ping(system, watched) == (200, b"pong")
    assert system.status(watched)["pool_state"] == "cold"


def test_formats(system, watched):
    system.put(watched, "public/a.php", "<?php echo 1;")
    before = status(system, watched)["accepted conn"]
    for _ in range(3):
        assert system.text(watched, "/a.php?x=<script>&y=%22") == "1"
    # Who has answered says so a moment later.
    seen = wait_until(lambda: (s := status(system, watched))["idle processes"] and
                      s["idle processes"] == s["total processes"] and s, 30, "all are idle")
    assert seen["accepted conn"] == before + 3 and seen["active processes"] == 0
    assert seen["total processes"] == seen["idle processes"] <= 2
    assert seen["max active processes"] >= 0 and seen["slow requests"] == 0
    assert seen["listen queue len"] > 0

    full = status(system, watched, "json&full")
    assert full["memory mapped"] > 1 << 20
    full = full["processes"]
    assert [list(row) for row in full] == [PROCESS] * len(full) and full
    row = max(full, key=lambda r: r["requests"])
    assert row["state"] == "Idle" and row["request method"] == "GET" and row["pid"] > 0
    assert row["request uri"] == "/a.php?x=<script>&y=%22"
    assert row["script"].endswith("/public/a.php") and row["user"] == "-"
    assert row["last request memory"] > 100000 and row["last request cpu"] >= 0

    page = status(system, watched, "")
    assert page.headers["Content-Type"].startswith("text/plain")
    assert plain(page)[:14] == POOL
    assert re.search(r"^pool:                 watched\.example$", text(page), re.M)
    assert re.search(r"^start time: +\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}$", text(page), re.M)
    assert "request URI:          /a.php" in text(status(system, watched, "full"))

    page = status(system, watched, "html&full")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "<script>" not in text(page) and "&#60;script&#62;" in text(page)
    for name in POOL:
        assert f"<th>{name}</th>" in text(page)

    page = status(system, watched, "xml&full")
    assert page.headers["Content-Type"] == "text/xml"
    tree = xml.dom.minidom.parseString(text(page)).documentElement
    assert tree.tagName == "status"
    tags = [n.tagName for n in tree.childNodes if n.nodeType == n.ELEMENT_NODE]
    assert tags[:14] == [name.replace(" ", "-") for name in POOL] and tags[-1] == "processes"

    page = status(system, watched, "openmetrics")
    assert page.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    values = dict(re.findall(r"^(phpfpm_\w+) (\d+)$", text(page), re.M))
    assert list(values) == [f"phpfpm_{name}" for name in METRICS]
    assert values["phpfpm_accepted_connections"] == str(before + 3)
    assert text(page).endswith("# EOF\n")


def test_full_pool_answers(system, watched):
    system.put(watched, "public/hold.php", "<?php $f = fopen('../private/gate', 'r');"
               " flock($f, LOCK_SH); echo 1;")
    system.put(watched, "private/gate", "")
    system.put(watched, "public/lock.php", "<?php $f = fopen('../private/gate', 'r+');"
               " flock($f, LOCK_EX); file_put_contents('../private/held', '1');"
               " while (file_exists('../private/held')) { usleep(50000); clearstatcache(); }"
               " echo 2;")
    with concurrent.futures.ThreadPoolExecutor(6) as threads:
        lock = threads.submit(system.text, watched, "/lock.php")
        held = pathlib.Path(system.show(watched)["home"], "private/held")
        wait_until(held.exists, 30, "one holds the gate")
        waiting = [threads.submit(system.text, watched, "/hold.php") for _ in range(4)]
        try:
            # Who has taken a visitor says so a moment later.
            seen = wait_until(lambda: (s := status(system, watched))["listen queue"] == 3 and
                              s["active processes"] == 2 and s, 30, "three visitors wait")
            assert seen["idle processes"] == 0
            assert seen["max listen queue"] >= 3
            wait_until(lambda: status(system, watched)["max children reached"] > 0, 30, "noted")
            assert ping(system, watched) == (200, b"pong")
            row = next(r for r in status(system, watched, "json&full")["processes"]
                       if r["request uri"] == "/lock.php")
            assert row["state"] == "Running" and row["request duration"] > 0
            # The master reports once a second.
            told = wait_until(lambda: (t := system.status(watched))["active"] == 2 and t, 30, "reported")
            assert (told["listen_queue"], told["max_children"]) == (3, 2)
            assert told["memory_mapped"] > 1 << 20
        finally:
            system.as_tenant(watched, lambda: os.unlink("private/held"))
        assert lock.result() == "2" and [w.result() for w in waiting] == ["1"] * 4
    wait_until(lambda: status(system, watched)["active processes"] == 0, 30, "calm")


def test_shared_memory_counts_once(system, watched):
    """Nor are its page tables walked, while all sites wait; the same 64 MiB mapped 600 times."""
    system.put(watched, "public/map.php", "<?php for ($i = 0; $i < 600; $i++) {"
               " $at[$i] = shmop_open(1, 'c', 0600, 64 << 20);"
               " for ($p = 0; $p < 64 << 20; $p += 65536) shmop_read($at[$i], $p, 1); }"
               " file_put_contents('../private/mapped', '1');"
               " while (file_exists('../private/mapped')) usleep(50000);"
               " shmop_delete($at[0]); echo 'done';")
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        answer = threads.submit(system.text, watched, "/map.php")
        mapped = pathlib.Path(system.show(watched)["home"], "private/mapped")
        wait_until(lambda: mapped.exists() or answer.done(), 60, "it maps")
        try:
            # Every 16th page of them was touched: 4 MiB, or 2.4 GiB if each mapping counted.
            assert 4 << 20 < system.status(watched)["memory_mapped"] < 512 << 20
        finally:
            system.as_tenant(watched, lambda: os.unlink("private/mapped"))
        assert answer.result() == "done"
    assert system.status(watched)["memory_mapped"] > 1 << 20


def test_who_may_see_it(system, watched):
    for words in (["set", watched, "status_path=/a;b"], ["set", watched, "status_path=status"],
                  ["set", watched, "ping_path=/../x"]):
        assert system.ctl(*words).returncode == 5
    conf = pathlib.Path(system.show(watched)["vhost"]).read_text()
    block = conf[conf.index("location = /status {"):]
    assert re.search(r"allow 127\.0\.0\.1;\s+allow ::1;\s+deny all;", block[:300])
    system.ctl("set", watched, "status_path=", "ping_path=", check=True)
    assert system.http(watched, "/status").status == 404
    system.ctl("set", watched, "status_path=/status", "ping_path=/ping", check=True)
    assert system.http(watched, "/status", "POST", b"x").status == 403
    assert status(system, watched)["pool"] == watched


def test_logs_of_the_pool(system, watched):
    """The slow log and the access log are files of their own beside the PHP log."""
    system.ctl("set", watched, "request_slowlog_timeout=1", "access_log=yes",
               "access_format=%m %r%Q%q %s", check=True)
    system.put(watched, "public/slow.php", "<?php function linger() {"
               " $end = microtime(true) + 3; while (microtime(true) < $end); } linger(); echo 3;")
    logs = pathlib.Path(system.show(watched)["logs"])
    wait_until(lambda: system.text(watched, "/slow.php?a=b") == "3" and
               "linger() " in (logs / "slow.log").read_text(), 60, "the stack")
    wait_until(lambda: "GET /slow.php?a=b 200\n" in (logs / "php-access.log").read_text(), 30, "a line")
    text = (logs / "slow.log").read_text()
    assert re.search(r"^request_id = [0-9a-f]{32}$", text, re.M)
    assert re.search(r"^request = GET /slow.php\?a=b$", text, re.M)
    assert "linger" not in (logs / "php.log").read_text()
    assert (logs / "slow.log").stat().st_uid == 0 and (logs / "slow.log").stat().st_mode & 7 == 0
    wait_until(lambda: status(system, watched)["slow requests"] >= 1, 30, "counted")
    refused = system.ctl("set", watched, "access_format=%z")
    assert refused.returncode == 5 and "%z" in refused.stderr


def test_another_supervisor_knows_as_much(system, watched):
    system.put(watched, "public/a.php", "<?php echo json_encode(fpm_get_status());")
    system.warm_up(watched, "/a.php")
    inside = json.loads(system.text(watched, "/a.php"))
    # One more may be starting, which is no process of the page yet.
    before = wait_until(lambda: (s := status(system, watched))["total processes"] ==
                        len(system.pool_pids(watched)) - 1 and s, 30, "all have begun")
    own = [row for row in inside["procs"] if row["request-uri"] == "/a.php"]
    assert own and own[0]["state"] == "Running" and own[0]["script"].endswith("/a.php")
    assert inside["accepted-conn"] == before["accepted conn"] > 0
    os.kill(system.pid("tenantd"), signal.SIGKILL)

    def again():
        answer = system.http(watched, "/status?json&full")
        return answer.status == 200 and json.loads(answer.body)
    seen = wait_until(again, 30, "a supervisor")
    assert system.status(watched)["is_adopted"]
    for name in ("accepted conn", "start time", "total processes"):
        assert seen[name] == before[name], name
    assert seen["memory mapped"] > 1 << 20
