# SPDX-License-Identifier: Apache-2.0
"""What visitors of a site that is too busy are told: 503 or 508, and when to come again."""
import concurrent.futures
import contextlib
import http.client
import os
import re

import pytest

from tests.lib.procs import wait_until
from tests.lib.system import Response

HOLD = "<?php file_put_contents('../tmp/in', '1'); while (!file_exists('../tmp/go'))" \
       " { usleep(20000); clearstatcache(); } echo 'ran';"


@pytest.fixture(scope="module")
def busy(system):
    """make(options): a site whose only worker is busy; release() ends that."""
    made = []
    threads = concurrent.futures.ThreadPoolExecutor(8)

    def make(*options):
        name = f"busy{len(made)}.example"
        system.ctl("add", name, "max_children=1", "status_path=/status", *options, check=True)
        made.append(name)
        system.put(name, "public/hold.php", HOLD)
        system.put(name, "public/fast.php", "<?php echo 'fast';")
        connection = http.client.HTTPConnection("127.0.0.1", system.port, timeout=60)

        def get(path):
            connection.request("GET", path, headers={"Host": name})
            answer = connection.getresponse()
            return Response(answer.status, answer.headers, answer.read())
        # The start of a pool, too, is time to wait for.  On one connection, so that nginx counts no
        # longer the visit before.
        wait_until(lambda: get("/fast.php").body == b"fast", 30, "its pool has started")

        def hold():
            with contextlib.closing(connection):
                return get("/hold.php")
        held = threads.submit(hold)
        home = system.show(name)["home"]
        wait_until(lambda: os.path.exists(f"{home}/tmp/in"), 30, "the worker is busy")
        return name, held

    def release(name, held):
        system.put(name, "tmp/go", "")
        assert held.result().body == b"ran"
    make.release = release
    make.threads = threads
    yield make
    for name in made:
        system.ctl("remove", name, check=True)
    threads.shutdown()


def told(answer, status):
    assert answer.status == status, answer.body
    assert int(answer.headers["Retry-After"]) > 0
    return answer.body.decode()


def test_deadline_of_waiting(system, busy):
    name, held = busy("queue_timeout=1")
    assert "too busy" in told(system.http(name, "/fast.php"), 503)
    busy.release(name, held)
    wait_until(lambda: system.http(name, "/fast.php").body == b"fast", 30, "it answers again")
    page = system.http(name, "/status?openmetrics").body.decode()
    count = int(re.search(r"^tenantd_wait_seconds_count (\d+)$", page, re.M)[1])
    buckets = [int(n) for n in re.findall(r"^tenantd_wait_seconds_bucket\S+ (\d+)$", page, re.M)]
    assert count >= 3 and buckets == sorted(buckets) and buckets[-1] == count
    assert 0 < buckets[9] < count, "some came at once, one waited for more than a second"
    assert float(re.search(r"^tenantd_wait_seconds_sum (\S+)$", page, re.M)[1]) >= 1
    assert re.search(r"^tenantd_late_requests [1-9]", page, re.M)
    assert system.status(name)["late_requests"] >= 1


def test_full_queue(system, busy):
    name, held = busy("listen_backlog=1", "queue_timeout=0")
    waiting = [busy.threads.submit(system.http, name, "/fast.php") for _ in range(4)]
    refused = wait_until(lambda: [w for w in waiting if w.done()], 30, "somebody is refused")
    assert "cannot answer" in told(refused[0].result(), 503)
    system.ctl("set", name, "listen_backlog=50", check=True)
    more = [busy.threads.submit(system.http, name, "/fast.php") for _ in range(2)]
    busy.release(name, held)
    assert [m.result().status for m in more] == [200, 200], "the same pool has more room"
    assert {w.result().status for w in waiting} <= {200, 503}


def test_limit_of_connections(system, busy):
    name, held = busy("max_connections=1")
    assert "as many visitors" in told(system.http(name, "/fast.php"), 508)
    busy.release(name, held)


def test_visitor_cannot_forge_the_time(system, busy):
    name, held = busy("queue_timeout=30")
    busy.release(name, held)
    system.put(name, "public/seen.php", "<?php echo json_encode(preg_grep('/ARRIVED/',"
               " array_keys($_SERVER)));")
    answer = system.http(name, "/seen.php", headers={"TENANTD_ARRIVED": "1", "Tenantd-Arrived": "1"})
    assert answer.status == 200 and b'"TENANTD_ARRIVED"' not in answer.body
