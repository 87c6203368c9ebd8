# SPDX-License-Identifier: Apache-2.0
"""Visitors: wrk for many at once, a client of our own where each answer is timed."""
import contextlib
import http.client
import os
import re
import subprocess
import tempfile
import time

from tests.lib import procs

WRK = ["wrk", "-t1", "--timeout", "60s"]
# Load that stands for visitors far away must not take the CPU from whom it is aimed at.
FAR = ["nice", "-n", "19"]


def cpu_ns(pids):
    """CPU time that these processes have used; the kernel's own count, in nanoseconds."""
    return sum(int((procs.read(pid, "schedstat") or "0").split()[0]) for pid in pids)


class Broken(Exception):
    """A measurement that means nothing, because not every answer was right."""


def wrk(port, host, path, connections, seconds, workers):
    """Requests per second, and CPU microseconds of the workers for each request."""
    before = cpu_ns(workers())
    done = subprocess.run([*WRK, f"-c{connections}", f"-d{seconds}s", "-H", f"Host: {host}",
                           f"http://127.0.0.1:{port}{path}"],
                          text=True, capture_output=True, timeout=seconds + 90, check=True)
    used = cpu_ns(workers()) - before
    count = int(re.search(r"(\d+) requests in", done.stdout).group(1))
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout or not count:
        raise Broken(f"{host}{path}: {done.stdout}")
    return (float(re.search(r"Requests/sec:\s*([\d.]+)", done.stdout).group(1)),
            used / count / 1000)


def flood(port, host, path, connections, seconds):
    """Starts wrk as a visitor far away; whatever it is answered is of no interest."""
    return subprocess.Popen([*FAR, *WRK, f"-c{connections}", f"-d{seconds}s", "-H",
                             f"Host: {host}", f"http://127.0.0.1:{port}{path}"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def get(port, host, path="/hello.php", timeout=60):
    """Seconds until the whole answer was there, its status and body."""
    start = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        body = answer.read()
        return time.monotonic() - start, answer.status, body
    finally:
        connection.close()


def wanted(port, host, path="/hello.php"):
    """Seconds of a request that must succeed."""
    seconds, status, body = get(port, host, path)
    if status != 200:
        raise Broken(f"{host}{path}: {status} {body[:200]}")
    return seconds


def serial_cpu_us(port, host, path, count, workers):
    """CPU microseconds of the workers for each of COUNT requests, one after the other."""
    pids = workers()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    before = cpu_ns(pids)
    try:
        for _ in range(count):
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            if answer.status != 200 or not answer.read():
                raise Broken(f"{host}{path}: {answer.status}")
    finally:
        connection.close()
    used = cpu_ns(pids) - before
    if not used:
        raise Broken(f"{host}: none of the processes {pids} has answered")
    return used / count / 1000


def calls(port, host, path, count, workers):
    """System calls of the one worker for each of COUNT requests."""
    pid, = workers()
    with tempfile.NamedTemporaryFile("r") as lines:
        tracer = subprocess.Popen(["strace", "-o", lines.name, "-p", str(pid)],
                                  stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            procs.wait_until(lambda: f"TracerPid:\t{tracer.pid}\n" in procs.read(pid, "status"), 60,
                             f"strace has taken hold of {pid}")
            serial_cpu_us(port, host, path, count, workers)
        finally:
            tracer.terminate()
            tracer.wait(60)
        return sum(1 for _ in lines) / count


@contextlib.contextmanager
def waits_for_no_cpu():
    """Real time priority, where it can be had: how long a visitor far away waits for his own
    CPU is no latency of the site."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        print("no real time priority here: the visitor's own waiting counts as the site's")
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def latencies(port, host, seconds):
    """One request after the other with a breath between: (seconds of each, errors)."""
    found, errors, end = [], 0, time.monotonic() + seconds
    with waits_for_no_cpu():
        while time.monotonic() < end:
            took, status, _ = get(port, host)
            found.append(took)
            errors += status != 200
            time.sleep(0.002)
    return found, errors
