# SPDX-License-Identifier: Apache-2.0
"""What pools print, through tenant-log, into the sites' logs."""
import os
import re
import signal
import time

import pytest

from tests.lib import procs
from tests.lib.procs import wait_until
from tests.lib.rig import LOG_UID, SERVE, rig, tenant

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: namespaces, cgroups")


def log_pid(rig):
    return next((pid for pid in procs.children(rig.process.pid)
                 if os.path.basename(procs.link(pid, "exe")) == "tenant-log"), None)


def test_output_reaches_the_log(rig, tenant):
    rig.pool("os.write(2, b'to 2\\n')\nos.write(6, b'to 6\\n')\n" + SERVE)
    assert rig.visit(tenant) == b"pid 1 hello"
    log = rig.log / "site.example/php.log"
    wait_until(lambda: log.exists() and log.read_text() == "to 2\nto 6\n", 30, "the lines")
    facts = log.stat()
    assert (facts.st_uid, oct(facts.st_mode & 0o777)) == (0, "0o640")
    copier = log_pid(rig)
    assert procs.field(copier, "Uid") == [str(LOG_UID)] * 4
    assert procs.field(copier, "CapEff") == ["0000000000000000"]


def test_a_log_of_the_right_owner_is_not_changed(rig, tenant):
    """A change waits for the disk's journal, which tenants can keep busy."""
    def again():
        last = log_pid(rig)
        os.kill(last, signal.SIGKILL)
        wait_until(lambda: log_pid(rig) not in (None, last) and
                   str(log.resolve()) in held(log_pid(rig)), 30, "the next one has the log")

    def held(pid):
        try:
            return [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            return []

    assert rig.visit(tenant) == b"pid 1 hello"
    log = rig.log / "site.example/php.log"
    wait_until(lambda: str(log.resolve()) in held(log_pid(rig)), 30, "the log, as it shall be")
    changed = log.stat().st_ctime_ns
    again()
    assert log.stat().st_ctime_ns == changed
    os.chmod(log, 0o666)
    os.chown(log, LOG_UID, -1)
    again()
    facts = log.stat()
    assert (facts.st_uid, oct(facts.st_mode & 0o777)) == (0, "0o640")


def test_a_flood_is_cut_and_counted(rig, tenant):
    rig.pool("""
        report(READY)
        line = b"x" * 99 + b"\\n"
        end = time.monotonic() + 3
        os.set_blocking(2, True)
        while time.monotonic() < end:
            os.write(2, line * 100)
        serve()
        """)
    began = time.monotonic()
    assert rig.visit(tenant) == b"pid 1 hello"
    log = rig.log / "site.example/php.log"
    wait_until(lambda: "bytes were dropped" in log.read_text(), 30, "the note")
    size = log.stat().st_size
    assert size < (2 << 20) + (time.monotonic() - began + 1) * 256 * 1024


def test_a_flood_of_short_lines_wakes_nobody_for_each(rig, tenant):
    """tenant-log is outside the tenant's CPU quota.  A line follows as soon as the one before was read: so no
    writer can cause more wake-ups.  And none of these lines is lost, nor of a burst beyond what the pipe holds."""
    rig.pool("""
        import fcntl, termios
        report(READY)
        os.set_blocking(2, True)
        while True:
            peer, _ = listener.accept()
            asked, count, end = peer.recv(100), 0, time.monotonic() + 2
            while count < 20000 if asked == b"burst" else time.monotonic() < end:
                os.write(2, b"%s %d\\n" % (asked, count))
                count += 1
                while asked == b"flood" and any(fcntl.ioctl(2, termios.FIONREAD, bytes(4))):
                    time.sleep(0)
            peer.sendall(b"%d" % count)
            peer.close()
        """)
    log = rig.log / "site.example/php.log"

    def write(what):
        with rig.connect(tenant) as visitor:
            visitor.sendall(what)
            return int(visitor.recv(10))

    def wake_ups():
        return int(procs.field(log_pid(rig), "voluntary_ctxt_switches")[0])
    burst = write(b"burst")
    lines = [f"burst {i}" for i in range(burst)]
    wait_until(lambda: log.read_text().splitlines() == lines, 30, "the whole burst, in its order")
    before, began = wake_ups(), time.monotonic()
    flood = write(b"flood")
    woken, took = wake_ups() - before, time.monotonic() - began
    assert flood > 10 and woken < 400 * took, f"{woken} wake-ups for {flood} lines in {took} s"
    lines += [f"flood {i}" for i in range(flood)]
    wait_until(lambda: log.read_text().splitlines() == lines, 30, "the whole flood, in its order")


def test_a_full_log_grows_no_more(rig, tenant):
    log = rig.log / "site.example/php.log"
    log.parent.mkdir(exist_ok=True)
    log.touch(0o640)
    most = 64 << 20
    os.truncate(log, most - 1)
    rig.pool("os.write(2, b'to fill it\\n')\nreport(READY)\n"
             "while True:\n"
             "    peer, _ = listener.accept()\n"
             "    os.write(2, b'x' * 99 + b'\\n')\n"
             "    peer.recv(100)\n    peer.sendall(b'ok')\n    peer.close()\n")
    assert rig.visit(tenant) == b"ok"
    wait_until(lambda: log.stat().st_size > most, 30, "the last line")
    for _ in range(20):
        assert rig.visit(tenant) == b"ok"
    def end():
        with log.open("rb") as file:
            file.seek(most)
            return file.read()
    # Another log, read by the same program in turn: by then it has seen all of this one.
    wait_until(lambda: b"reached 64 MiB" in end(), 30, "it says so")
    assert log.stat().st_size < most + 1000


def test_log_goes_on_when_tenant_log_dies(rig, tenant):
    rig.pool("""
        report(READY)
        while True:
            peer, _ = listener.accept()
            os.write(2, peer.recv(100) + b"\\n")
            peer.sendall(b"ok")
            peer.close()
        """)
    log = rig.log / "site.example/php.log"

    def write(text):
        with rig.connect(tenant) as visitor:
            visitor.sendall(text)
            assert visitor.recv(10) == b"ok"
    write(b"one")
    wait_until(lambda: log.exists() and log.read_text() == "one\n", 30, "the first line")
    os.kill(log_pid(rig), signal.SIGKILL)
    write(b"two")
    wait_until(lambda: log.read_text() == "one\ntwo\n", 30, "nothing is lost")
    rig.restart()
    write(b"three")
    wait_until(lambda: log.read_text() == "one\ntwo\nthree\n", 30, "also across tenantd")
    # Rotated: the name leads to a new file after SIGHUP.
    log.rename(log.with_suffix(".1"))
    rig.process.send_signal(signal.SIGHUP)
    wait_until(log.exists, 30, "a new file")
    # What is written before tenant-log has the new file still goes to the old one.
    wait_until(lambda: write(b"four") or log.read_text().startswith("four\n"), 30,
               "the new file is used")


def test_children_end_with_the_supervisor(rig):
    copier = log_pid(rig)
    assert rig.end() == 0
    wait_until(lambda: not procs.is_running(copier), 30, "tenant-log ends")
    rig.start()
    copier = log_pid(rig)
    rig.end(signal.SIGKILL)
    wait_until(lambda: not procs.is_running(copier), 30, "also after kill -9")
    rig.start()


def test_a_pool_does_not_hold_up_the_logs_of_others(rig, tenant):
    """It reads its pipe, too, so that tenant-log may find nothing where there was something; and
    whether that waits then is not the pool's to say."""
    rig.pool("os.set_blocking(2, True)\nos.set_blocking(6, True)\nos.write(2, b'a line\\n')\n" + SERVE)
    assert rig.visit(tenant) == b"pid 1 hello"
    log = rig.log / "site.example/php.log"
    wait_until(lambda: log.exists() and log.read_text() == "a line\n", 30, "the line")
    pool, copier = rig.status(tenant)["master_pid"], log_pid(rig)

    def waits(pid):
        """{pipe: whether a call waits}, of the pipes of the pool."""
        return {target: not int(re.search(r"flags:\s+(\d+)", procs.read(pid, f"fdinfo/{fd}"))[1], 8)
                & os.O_NONBLOCK for fd in os.listdir(f"/proc/{pid}/fd")
                if (target := procs.link(pid, f"fd/{fd}")).startswith(f"{rig.run}/pool/{tenant}/")}
    assert waits(pool)[f"{rig.run}/pool/{tenant}/log"] is True
    assert set(waits(copier)) == set(waits(pool)) and not any(waits(copier).values())
