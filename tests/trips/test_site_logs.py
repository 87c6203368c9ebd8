# SPDX-License-Identifier: Apache-2.0
"""Each site's own access.log: its lines and no other's, none lost over rotations and restarts."""
import collections
import contextlib
import http.client
import os
import pathlib
import signal
import threading

import pytest

from tests.lib import procs
from tests.lib.procs import wait_until

A, B = "a.example", "ba.example"
KEEP = 2


@pytest.fixture(scope="module")
def own():
    from tests.conftest import need_root
    from tests.lib.system import System
    need_root()
    system = System(conf=f"access_log_mib = 1\naccess_log_keep = {KEEP}\n").start()
    for site in (A, B):
        system.ctl("add", site, check=True)
        system.put(site, "public/x.txt", "x")
    yield system
    left = system.stop()
    assert not left, left


@contextlib.contextmanager
def visitor(system):
    """ask(site, path), on one connection: nginx logs a request when it has answered, and two of its
    workers might write in another order."""
    connection = http.client.HTTPConnection("127.0.0.1", system.port, timeout=60)

    def ask(site, path, agent="-"):
        connection.request("GET", path, headers={"Host": site, "User-Agent": agent})
        connection.getresponse().read()
    try:
        yield ask
    finally:
        connection.close()


def ask(system, site, path):
    with visitor(system) as once:
        once(site, path)


def files(system, site):
    """The site's access logs, the oldest first."""
    folder = pathlib.Path(system.show(site)["logs"])
    return sorted(folder.glob("access.log*"), key=lambda p: -int(p.suffix[1:]) if p.suffix != ".log" else 1)


def whole(path):
    """A log's text, which ends with a whole line; of a long write that goes on a part may be seen."""
    def read():
        text = path.read_text()
        return (text.endswith("\n") or not text) and [text]
    return wait_until(read, 60, f"{path} ends with a whole line")[0]


def paths(system, site):
    """What was asked for, as its logs tell."""
    found = []
    for path in files(system, site):
        text = whole(path)
        lines = text.splitlines()
        assert all(line.startswith(site + " ") for line in lines), path
        found += [line.split('"')[1].split()[1] for line in lines]
    return found


def rotate_nginx(system, turn):
    """As logrotate does it."""
    log = system.folder / "log/sites/access.log"
    if turn:
        log.with_suffix(".log.1").rename(log.with_suffix(f".log.{turn + 1}"))
    system.nginx_opens_anew(log, log.rename(log.with_suffix(".log.1")))


def test_each_site_has_its_lines(own):
    with visitor(own) as ask_both:
        for i in range(20):
            ask_both(A, f"/own{i}")
            ask_both(B, f"/{A} {i}".replace(" ", "%20"), agent=f"{A} {B}")
    with contextlib.suppress(http.client.RemoteDisconnected):       # 444
        ask(own, "unknown.example", "/stranger")
    wait_until(lambda: len(paths(own, A)) == len(paths(own, B)) == 20, 60, "lines in both logs")
    assert paths(own, A) == [f"/own{i}" for i in range(20)]
    st = files(own, A)[-1].stat()
    assert (st.st_uid, st.st_mode & 0o777) == (0, 0o640)


def test_no_line_is_lost_when_all_turns(own):
    """Visitors come all the time; nginx's log is rotated twice, tenant-log and tenantd are killed."""
    asked, stop = {A: [], B: []}, threading.Event()

    def visit(site):
        while not stop.is_set():
            path = f"/turn{len(asked[site])}"
            ask(own, site, path)
            asked[site].append(path)

    def more(count=30):
        least = {site: len(asked[site]) + count for site in asked}
        wait_until(lambda: all(len(asked[s]) >= least[s] for s in asked), 60, "visitors come")

    threads = [threading.Thread(target=visit, args=(site,)) for site in asked]
    for thread in threads:
        thread.start()
    try:
        more()
        rotate_nginx(own, 0)
        more()
        os.kill(own.child_pid("tenant-log"), signal.SIGKILL)
        more()
        old = own.pid("tenantd")
        os.kill(old, signal.SIGKILL)
        more()
        wait_until(lambda: own.is_taken_over(old), 60, "tenantd is back")
        # The log that was is read to its end before it moves on, as delaycompress has it, and the
        # one of now is known.
        log = own.folder / "log/sites/access.log"
        written = {site: {line.split('"')[1].split()[1] for name in ("access.log.1", "access.log")
                          for line in whole(log.with_name(name)).splitlines()
                          if line.startswith(f"{site} ")} for site in asked}
        for site in asked:
            wait_until(lambda s=site: written[s] <= set(paths(own, s)), 60, f"what nginx wrote of {site}")
        rotate_nginx(own, 1)
        more()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    for site, wanted in asked.items():
        wait_until(lambda s=site, w=wanted: set(w) <= set(paths(own, s)), 60, f"all lines of {site}")
        counts = collections.Counter(p for p in paths(own, site) if p.startswith("/turn"))
        assert set(counts) == set(wanted)
        assert sum(counts.values()) <= len(wanted) + 2, "twice at most where something was killed"


def test_they_are_rotated_by_size_and_count(own):
    asked, log = [], files(own, A)[-1]

    def inode():
        with contextlib.suppress(FileNotFoundError):        # between its two names
            return log.stat().st_ino
        return first
    with visitor(own) as ask_it:
        for turn in range(KEEP + 2):
            first = log.stat().st_ino
            for i in range(160):
                asked.append(f"/big{turn}.{i}")
                ask_it(A, asked[-1], agent="x" * 7000)
            wait_until(lambda f=first: inode() != f, 60, "another file")
        ask_it(A, "/last")
    wait_until(lambda: paths(own, A)[-1] == "/last", 60, "the last line")
    assert [p.name for p in files(own, A)] == ["access.log.2", "access.log.1", "access.log"]
    # What is kept is whole and in its order.
    found = [p for p in paths(own, A) if p.startswith("/big")]
    assert len(found) > 300 and found == asked[-len(found):]
    assert len(files(own, B)) == 1


def test_a_new_site_of_an_old_name_has_a_log_of_its_own(own):
    own.ctl("remove", B, check=True)
    own.ctl("add", B, check=True)
    ask(own, B, "/afresh")
    wait_until(lambda: paths(own, B) == ["/afresh"], 60, "its own line alone")
    log = files(own, B)[-1]
    log.unlink()
    wait_until(lambda: log.exists() and str(log) in procs.open_files(own.child_pid("tenant-log")), 60,
               "a log that somebody deleted is there again, and tenant-log has it")
    ask(own, B, "/again")
    wait_until(lambda: paths(own, B) == ["/again"], 60, "and is written")
