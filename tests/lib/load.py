# SPDX-License-Identifier: Apache-2.0
"""Visitors who come all the time, while a test changes something.

They come through nginx, some twenty a second to each site, one after another.  Some requests
are long, so that there is always one which a careless end would cut.  A page waits for
$_GET['us'] microseconds and ends with ` end`."""
import collections
import contextlib
import http.client
import threading

from tests.lib.procs import wait_until

LIMIT_S = 60
# Says by which settings it answers.
PAGE = "<?php usleep((int)($_GET['us'] ?? 0)); " \
       "echo ini_get('memory_limit'), ' ', ini_get('precision'), ' end';"


def processes(system, *sites, count=3):
    """{site: its processes}, when each has its master and all of its workers, COUNT in all."""
    found = {}

    def is_whole():
        found.update({site: sorted(system.pool_pids(site)) for site in sites})
        return all(len(pids) == count for pids in found.values())
    wait_until(is_whole, LIMIT_S, "masters and workers")
    return dict(found)


class Load(contextlib.AbstractContextManager):
    """Visitors of some sites, until the block ends: how many came, and what failed."""

    def __init__(self, system, *sites, pause_s=0.05):
        self.system, self.pause_s, self.is_over = system, pause_s, threading.Event()
        self.came, self.failed = collections.Counter(dict.fromkeys(sites, 0)), []
        self.threads = [threading.Thread(target=self.visit, args=(site, us))
                        for site in sites for us in (0, 300000)]

    def visit(self, site, us):
        while not self.is_over.wait(self.pause_s):
            try:
                answer = self.system.http(site, f"/?us={us}")
                if answer.status != 200 or not answer.body.endswith(b" end"):
                    self.failed.append((site, answer.status, answer.body[:200]))
            except (OSError, http.client.HTTPException) as error:     # the second: cut short
                self.failed.append((site, repr(error)))
            self.came[site] += 1

    def wait(self, count=3):
        """Until each site has had so many visitors more."""
        before = dict(self.came)
        wait_until(lambda: all(self.came[site] >= before.get(site, 0) + count
                               for site in before), LIMIT_S, "visitors come")

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self.is_over.set()
        for thread in self.threads:
            thread.join()
        print(f"{len(self.failed)} of {sum(self.came.values())} requests failed: {self.failed[:5]}")
        if kind is None:
            assert all(self.came.values()) and not self.failed, (self.failed[:5], self.system.logs())
