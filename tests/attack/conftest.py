# SPDX-License-Identifier: Apache-2.0
"""The sites of all attacks, and the two ways in which native code gets into one."""
import base64
import json
import threading
import time

import pytest

from tests.conftest import need_root
from tests.lib import native, procs
from tests.lib.pair import Pair, Site
from tests.lib.procs import wait_until
from tests.lib.system import System


@pytest.fixture(scope="session")
def system():
    """A system of its own, where a plan may allow programs."""
    need_root()
    running = System(conf="allow_programs = yes\n").start()
    yield running
    left = running.stop()
    assert not left, left


@pytest.fixture(scope="session")
def pair(system):
    both = Pair(system)
    yield both
    both.close()


@pytest.fixture
def bad(pair):
    """The hostile site; it plants the same as the victim, for controls."""
    comes_back(pair.bad)
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


def comes_back(site):
    """Whoever has damaged his own pool is served again; back-off is doubled each time, so it may take long."""
    def is_served():
        try:
            return site.get("/open.php").body == b"open"
        except TimeoutError:    # a hostile worker has taken the visit
            return False
    wait_until(is_served, 150, "the hostile site is served again")


WAITS = ("232", "281")      # epoll_wait, epoll_pwait


class InWorker:
    """Native code in the very process that runs the hostile site's PHP."""

    name = "worker"

    def __init__(self, site):
        self.site, self.system = site, site.system

    def pid(self):
        """The worker that has just served: one that has waited longer may leave at any time."""
        native.image(self.system)       # or skips
        def served():
            own = self.site.answer("return getmypid();")["value"]
            return next((p for p in self.site.pids() if procs.field(p, "NSpid")[1:] == [str(own)]), None)
        pid = wait_until(served, 60, "a worker of the hostile site serves")
        # Not in the middle of its request's end: whoever is ended there may hold locks of the pool.
        wait_until(lambda: procs.read(pid, "syscall").split(" ")[0] in WAITS, 30, "it waits for the next visitor")
        return pid

    def master(self):
        return next(p for p in self.site.pids() if procs.field(p, "NSpid")[1:] == ["1"])

    def run(self, *steps, **more):
        return native.Inside(self.system, self.pid()).run(*steps, **more)


class AsProgram:
    """Native code in a program that the hostile site's PHP starts, as its plan allows."""

    name = "program"
    PHP = """$p = proc_open(['/usr/bin/perl', '-e', $a[0], $a[1]], [['pipe', 'r'], ['pipe', 'w'],
            ['file', '/tmp/said', 'w']], $pipes);
        stream_set_blocking($pipes[0], false); stream_set_blocking($pipes[1], false);
        $in = base64_decode($a[2]); $out = '';
        while (!feof($pipes[1])) {
            $r = [$pipes[1]]; $w = $in === '' ? [] : [$pipes[0]]; $e = null;
            if (!stream_select($r, $w, $e, 240)) break;
            if ($w) { $n = @fwrite($pipes[0], $in); $in = $n ? substr($in, $n) : ''; }
            $out .= fread($pipes[1], 65536);
        }
        do { $s = proc_get_status($p); usleep(2000); } while ($s['running']);
        return [base64_encode($out), $s['signaled'] ? -$s['termsig'] : $s['exitcode'],
                file_get_contents('/tmp/said')];"""

    def __init__(self, site):
        self.site, self.system = site, site.system

    def run(self, *steps, **_):
        data, order = native.packed(self.system, steps)
        got = self.site.answer(self.PHP, native.PERL, str(len(data)), base64.b64encode(data).decode(), timeout=300)
        if got.get("status") == 503:        # the cage's limits took the pool itself
            return native.Got([], [], [], -1)
        out, code, said = got["value"]
        assert not said, said
        return native.unpacked(order, base64.b64decode(out), code)


@pytest.fixture(scope="session")
def armed(pair):
    """A hostile site whose plan allows programs."""
    site = Site(pair.system, "armed-" + pair.bad.name.removeprefix("bad-"),
                "armed-" + pair.bad.word.removeprefix("loot-"), "programs=allow", "request_terminate_timeout=300s")
    yield site
    pair.system.ctl("remove", site.name, check=True)


@pytest.fixture(params=["worker", "program"])
def way(request, pair):
    """Each way by which native code runs; way.site is whose it is."""
    if request.param == "worker":
        return InWorker(pair.bad)
    return AsProgram(request.getfixturevalue("armed"))


@pytest.fixture
def worker(pair):
    return InWorker(pair.bad)


def ticks(pid):
    """CPU time that a process has used, in hundredths of a second."""
    fields = procs.read(pid, "stat").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.fixture
def neighbour(pair, good):
    """The victim's visitors all the while: each gets his answer.  And nothing of root's spins."""
    answers, stop = [], threading.Event()

    def visit():
        while not stop.is_set():
            try:
                got = pair.system.http(good.name, "/act.php", "POST",
                                       json.dumps({"code": "return $a[0];", "a": [good.word]}), timeout=60)
                answers.append("" if got.status == 200 and good.word.encode() in got.body else repr(got))
            except OSError as error:
                answers.append(repr(error))
            stop.wait(0.1)
    before = {name: ticks(pair.system.pid(name)) for name in ("tenantd", "nginx")}
    began, thread = time.monotonic(), threading.Thread(target=visit)
    thread.start()
    wait_until(lambda: answers, 60, "the victim answers before")
    yield good
    served = len(answers)
    wait_until(lambda: len(answers) >= served + 2, 60, "the victim answers after")
    stop.set()
    thread.join()
    assert not [a for a in answers if a], answers
    took = time.monotonic() - began
    for name, ticks_before in before.items():
        used = (ticks(pair.system.pid(name)) - ticks_before) / 100
        assert used < 1 + took / 3, f"{name} used {used} s of CPU time in {took} s"
