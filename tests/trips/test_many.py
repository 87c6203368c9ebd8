# SPDX-License-Identifier: Apache-2.0
"""Each second a site comes, changes and goes among many, and no visitor of the others notices.

As one of all tests it is short; `make check-load` has it long and prints what it saw."""
import concurrent.futures
import os
import re
import statistics
import time

import pytest

from tests.lib import procs
from tests.lib.load import PAGE, Load, processes

# Sites, how many of them have processes, how many of these are visited, and for how long.
SITES, WARM, VISITED, SECONDS = (1000, 50, 20, 60) if os.environ.get("LOAD") else (40, 10, 5, 8)
CALLERS = 8     # that change sites at the same time
# Two workers each, which stay: every process that goes is one that was ended.
STEADY = ("pm=static", "max_children=2", "pool_idle_timeout=1h")
CONF = f"tenants_max = {SITES + SECONDS + 1}\n"


def call(system, times, method, path, body=None):
    began = time.monotonic()
    status, envelope = system.api(method, path, body)
    assert status == 200, envelope
    times.setdefault(method, []).append(time.monotonic() - began)


def nginx_now(system):
    """(workers, those that finish old requests included; MiB of all of nginx together)."""
    pids = [pid for pid in procs.children(system.pid("nginx")) if procs.is_running(pid)]
    sizes = [re.search(r"^Pss:\s+(\d+)", procs.read(pid, "smaps_rollup"), re.M)
             for pid in (system.pid("nginx"), *pids)]
    return len(pids), sum(int(size[1]) for size in sizes if size) // 1024


@pytest.mark.slow
def test_change_among_many(new_system):
    system, times, nginx = new_system(conf=CONF), {}, []
    sites = [f"s{i}.example" for i in range(SITES)]
    began = time.monotonic()

    def add(site):
        options = dict(word.split("=") for word in STEADY) if site in sites[:WARM] else {}
        call(system, {}, "POST", "/v1/tenants", {"site": site, "options": options})
    with concurrent.futures.ThreadPoolExecutor(CALLERS) as callers:
        list(callers.map(add, sites))
    print(f"{SITES} sites were added in {time.monotonic() - began:.0f} s by {CALLERS} callers")
    for site in sites[:WARM]:
        system.put(site, "public/index.php", PAGE)
        system.text(site)
    before = processes(system, *sites[:WARM])

    def one_round(other):
        call(system, times, "POST", "/v1/tenants", {"site": other})
        call(system, times, "PATCH", f"/v1/tenants/{other}",
             {"options": {"upload_max": "8M", "max_children": "3"}})
        call(system, times, "DELETE", f"/v1/tenants/{other}")
    with Load(system, *sites[:VISITED], pause_s=0.2) as load:
        load.wait()
        began = time.monotonic()
        # By the clock: a round starts although the one before it may not have ended.
        with concurrent.futures.ThreadPoolExecutor(CALLERS) as callers:
            rounds = []
            for second in range(SECONDS):
                time.sleep(max(0, began + second - time.monotonic()))
                rounds.append(callers.submit(one_round, f"other{second}.example"))
                nginx.append(nginx_now(system))
            for each in rounds:
                each.result()
        took = time.monotonic() - began
        load.wait()
    for method, verb in (("POST", "add"), ("PATCH", "set"), ("DELETE", "remove")):
        print(f"{verb}: median {statistics.median(times[method]) * 1000:.0f} ms, "
              f"longest {max(times[method]) * 1000:.0f} ms")
    print(f"{SECONDS} rounds, one begun each second, ended after {took:.0f} s; nginx had at most "
          f"{max(n for n, _ in nginx)} workers and {max(size for _, size in nginx)} MiB")
    assert processes(system, *sites[:WARM]) == before
