# SPDX-License-Identifier: Apache-2.0
"""The measurements.  Each takes the bench's context and returns a part of the results; sides
that are compared take turns, sample by sample."""
import contextlib
import os
import subprocess
import sys
import time

from bench import load
from bench.peer import PAGES, Fpm
from bench.stats import quantile, ratios, spread
from tests.lib import procs
from tests.lib.pool import Pool
from tests.lib.procs import wait_until


def fill(system, site):
    for page in PAGES.iterdir():
        system.put(site, f"public/{page.name}", page.read_bytes())


def workers_of(system, site):
    """The workers of a warm pool: all but pid 1 of the cage."""
    master = system.status(site)["master_pid"]
    return lambda: [pid for pid in procs.children(master)]


def turns(sides, samples, measure):
    """MEASURE(side) for every side in turn; the order is reversed each time."""
    found = {side: [] for side in sides}
    for turn in range(samples):
        for side in sides if turn % 2 == 0 else list(reversed(sides)):
            found[side].append(measure(side))
    return found


@contextlib.contextmanager
def fpm_of(beside, label, pools, **more):
    fpm = Fpm(beside, label)
    try:
        for name, workers in pools.items():
            fpm.add_pool(name, workers, **more)
        fpm.start()
        beside.reload()
        for name in pools:
            beside.wait(name)
        yield fpm
    finally:
        fpm.stop()
        for name in pools:
            fpm.remove_pool(name)


def throughput(b):
    """hello and a 5 ms script: requests a second and worker CPU for each request."""
    port, count = b.system.port, 2 * (os.cpu_count() or 1)
    with b.site("speed.example", "pm=static", f"max_children={count}", "cpu_quota=6400") as ours, \
            fpm_of(b.beside, "speed", {"fpm.example": count}) as fpm:
        load.wanted(port, ours)
        workers = {ours: workers_of(b.system, ours), "fpm.example": fpm.workers}
        rounds = calibrate(port, "fpm.example")
        scripts = {"hello": "/hello.php", "work": f"/work.php?n={rounds}"}
        out = {"workers": count, "connections": count}
        for name, path in scripts.items():
            for host in workers:
                load.wrk(port, host, path, count, 1, workers[host])     # warm
            found = turns(list(workers), b.samples,
                          lambda host: load.wrk(port, host, path, count, b.seconds, workers[host]))
            a, p = found[ours], found["fpm.example"]
            out[name] = {
                "rps": {"ours": spread([x[0] for x in a]), "fpm": spread([x[0] for x in p]),
                        "ratio": ratios([x[0] for x in a], [x[0] for x in p])},
                "cpu_us": {"ours": spread([x[1] for x in a]), "fpm": spread([x[1] for x in p]),
                           "ratio": ratios([x[1] for x in a], [x[1] for x in p])}}
    return out


def calls(b):
    """How often a worker calls the kernel for hello: the one figure here that no load changes."""
    port = b.system.port
    with b.site("calls.example", "pm=static", "max_children=1") as ours, \
            fpm_of(b.beside, "calls", {"fpmcalls.example": 1}) as fpm:
        load.wanted(port, ours)
        workers = {ours: workers_of(b.system, ours), "fpmcalls.example": fpm.workers}
        counts = {}
        for host, pids in workers.items():
            load.serial_cpu_us(port, host, "/hello.php", 20, pids)
            time.sleep(3)       # OPcache takes no new file
            load.serial_cpu_us(port, host, "/hello.php", 20, pids)
            counts[host] = load.calls(port, host, "/hello.php", 50, pids)
    return {"ours": counts[ours], "fpm": counts["fpmcalls.example"]}


def calibrate(port, host):
    """Rounds of work.php that take 5 ms of CPU time here."""
    sample = 100000     # some 25 ms: the kernel may count by ticks
    took = sorted(int(load.get(port, host, f"/work.php?n={sample}")[2]) for _ in range(9))[4]
    return max(1, int(sample * 5000 / max(took, 1)))


def cage(b):
    """The same program with one worker, in its cage and without: no filters, no namespaces
    (but one of processes, which the driver needs).  New processes for each set of pairs: where
    one's memory lies by chance is worth some per cent."""
    caged, bare = [], []
    for _ in range(b.sets):
        both = cage_set(b)
        caged += both[0]
        bare += both[1]
    return {"caged": spread(caged), "bare": spread(bare), "ratio": ratios(caged, bare)}


def cage_set(b):
    port, options = b.system.port, ("pm=static", "max_children=1", "cpu_quota=6400")
    with b.site("caged.example", *options) as caged, Pool(*options) as bare:
        for page in PAGES.iterdir():
            bare.write(page.name, page.read_text())
        name = "bare.example"
        for pid in (bare.pid, *bare.workers()):
            b.beside.join("bare", pid)
        b.beside.add_host(name, bare.home, bare.socket)
        # Its home lies elsewhere than the peers'.
        path = b.beside.hosts / f"{name}.conf"
        path.write_text(path.read_text().replace(f"from={b.beside.folder};", f"from={bare.folder};"))
        b.beside.reload()
        for host in (name, caged):
            b.beside.wait(host)
        workers = {caged: workers_of(b.system, caged), name: bare.workers}
        for host in workers:
            load.wrk(port, host, "/hello.php", 1, 3, workers[host])     # OPcache takes no new file
        found = turns([caged, name], b.batches, lambda host: load.serial_cpu_us(
            port, host, "/hello.php", 100, workers[host]))
        b.beside.remove_host(name)
        b.beside.reload()
        wait_until(lambda: not b.beside.answers(name), 60, f"{name} is gone")
    return found[caged], found[name]


def cold(b):
    """The first request of a visitor to a site without a process."""
    port = b.system.port
    with b.site("cold.example") as ours, \
            fpm_of(b.beside, "demand", {"demand.example": 1}, pm="ondemand") as demand:
        own = Fpm(b.beside, "own")
        own.add_pool("own.example", 1)
        b.beside.reload()

        def measure(side):
            if side == "ours":
                b.system.ctl("suspend", ours, check=True)
                b.system.ctl("resume", ours, check=True)
                return load.wanted(port, ours)
            if side == "fpm_worker":
                wait_until(lambda: not demand.workers(), 60, "php-fpm's worker has left")
                return load.wanted(port, "demand.example")
            start = time.monotonic()
            own.start()
            while not b.beside.answers("own.example"):
                pass
            took = time.monotonic() - start
            own.stop()
            return took
        try:
            found = turns(["ours", "fpm_master", "fpm_worker"], b.samples, measure)
        finally:
            own.stop()
            own.remove_pool("own.example")
    return {side: spread([x * 1000 for x in values]) for side, values in found.items()}


def pss_kib(pids):
    """Memory of these processes; what several share is divided among them."""
    total = 0
    for pid in pids:
        for line in procs.read(pid, "smaps_rollup").splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total


def memory(b):
    """PSS per pool: master and one worker each, after one request."""
    port, names = b.system.port, [f"m{i}.example" for i in range(b.pools)]
    out = {"pools": b.pools}
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(b.site(name, "pm=static", "max_children=1",
                                       "pool_idle_timeout=3600"))
            load.wanted(port, name)
        out["ours"] = pss_kib([pid for name in names for pid in b.system.pool_pids(name)]) / b.pools
    with fpm_of(b.beside, "shared", {name: 1 for name in names}) as fpm:
        for name in names:
            load.wanted(port, name)
        out["fpm_shared"] = pss_kib([fpm.process.pid, *fpm.workers()]) / b.pools
    with contextlib.ExitStack() as stack:
        masters = [stack.enter_context(fpm_of(b.beside, f"one{i}", {name: 1}))
                   for i, name in enumerate(names)]
        for name in names:
            load.wanted(port, name)
        out["fpm_each"] = pss_kib([pid for each in masters for pid in
                                   (each.process.pid, *each.workers())]) / b.pools
    return out


def changes(b):
    """Adding a site until it answers, and removing it, beside others that are warm."""
    port, system = b.system.port, b.system
    others = {f"o{i}.example": 1 for i in range(b.pools)}

    def ours_add(name):
        system.ctl("add", name, check=True)
        return name

    def timed(function, *words):
        start = time.monotonic()
        function(*words)
        return (time.monotonic() - start) * 1000
    with contextlib.ExitStack() as stack:
        for name in others:
            stack.enter_context(b.site(name))
            load.wanted(port, name)
        fpm = stack.enter_context(fpm_of(b.beside, "change",
                                         {f"f{i}.example": 1 for i in range(b.pools)}))

        def fpm_add(name):
            fpm.add_pool(name, 1)
            fpm.reload()
            b.beside.reload()
            b.beside.wait(name)

        def fpm_remove(name):
            fpm.remove_pool(name)
            fpm.reload()
            b.beside.reload()
            wait_until(lambda: not b.beside.answers(name), 60, f"{name} is gone")

        def measure(side):
            if side == "ours":
                return (timed(ours_add, "new.example"),
                        timed(lambda: system.ctl("remove", "new.example", check=True)))
            return timed(fpm_add, "fnew.example"), timed(fpm_remove, "fnew.example")
        found = turns(["ours", "fpm"], b.samples, measure)
    return {what: {side: spread([x[i] for x in values]) for side, values in found.items()}
            for i, what in enumerate(("add", "remove"))}


# What caches and memory that all share cost without any site: one thread, which yields its CPU to
# everybody else.  Below that figure no cage can bring a site that is allowed as much CPU.
WRITES_MEMORY = """
import ctypes
block = ctypes.create_string_buffer(64 << 20)
while True:
    ctypes.memset(block, 1, len(block))
"""
ATTACKS = {
    "cpu": ("8 requests that only compute", 8),
    "fork": ("fork bomb", 2),
    "memory": ("memory up to the limit", 5),
    "silent": ("memory, without PHP's warnings", 5),
    "plain": ("no site: one process writes memory", 1),
    "files": ("20,000 descriptors", 5),
    "workers": ("every worker asleep", 40),
    "log": ("log flood", 5),
    "lines": ("flood of short log lines", 5),
    "posts": ("40 slow posts", 40),
}


def attacked(b, what, site, seconds):
    """Starts an attack; returns the process that holds it up."""
    if what == "posts":
        return subprocess.Popen([*load.FAR, sys.executable, PAGES.parent / "slow_posts.py",
                                 str(b.system.port), site, str(ATTACKS[what][1])])
    if what == "plain":
        return subprocess.Popen([*load.FAR, sys.executable, "-c", WRITES_MEMORY])
    return load.flood(b.system.port, site, f"/attack.php?what={what}", ATTACKS[what][1], seconds)


def neighbour(b):
    """A quiet visitor's p95 at one site, before and while another site attacks."""
    port, out = b.system.port, {}
    with b.site("victim.example") as victim:
        load.wanted(port, victim)
        for what in ATTACKS:
            quiets, loads, errors, count = [], [], 0, 0
            for _ in range(b.rounds):
                # A site of its own each time: nothing is left of the attack before.
                with b.site("attacker.example", "programs=allow") as attacker:
                    load.wanted(port, attacker)
                    quiet, bad = load.latencies(port, victim, b.attack_s)
                    child = attacked(b, what, attacker, int(b.attack_s) + 30)
                    try:
                        time.sleep(b.attack_s / 4)      # it takes hold
                        loud, worse = load.latencies(port, victim, b.attack_s)
                    finally:
                        child.kill()
                        child.wait()
                errors += bad + worse
                count += len(loud)
                quiets.append(quantile(quiet, 0.95) * 1000)
                loads.append(quantile(loud, 0.95) * 1000)
            out[what] = {"says": ATTACKS[what][0], "quiet": spread(quiets), "loud": spread(loads),
                         "ratio": ratios(loads, quiets), "errors": errors, "requests": count}
    return out


PARTS = {"throughput": throughput, "calls": calls, "cage": cage, "cold": cold, "memory": memory,
         "changes": changes, "neighbour": neighbour}
