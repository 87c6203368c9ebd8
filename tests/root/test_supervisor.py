# SPDX-License-Identifier: Apache-2.0
"""tenantd with scripted pools and helpers: pools that lie, crash or hang; helpers that die;
peers that are not what they should be."""
import os
import re
import signal
import socket
import struct
import subprocess
import time

import pytest

from tests.lib import procs
from tests.lib.procs import wait_until
from tests.lib.rig import CONTROL_UID, HEAD, LOG_UID, Client, Refused, Rig, cpu_seconds

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: namespaces, cgroups")

ERR_FAILED, ERR_UNKNOWN_SITE, ERR_BAD_OPTION, ERR_BUSY = 2, 4, 7, 21
SERVE = "report(READY)\nserve()\n"
# Finishes what waits, then leaves, when it is asked to.
QUIT = """
asked = []
signal.signal(signal.SIGQUIT, lambda *_: asked.append(1))
report(READY)
listener.settimeout(0.1)
while True:
    try:
        serve(1)
    except TimeoutError:
        if asked:
            sys.exit(0)
"""


@pytest.fixture
def rig():
    with Rig() as made:
        made.pool(SERVE)
        yield made


@pytest.fixture
def tenant(rig):
    return rig.add("site.example")


# ---- pools -------------------------------------------------------------------
def test_cold_then_started_by_a_visitor(rig, tenant):
    assert rig.status(tenant)["pool_state"] == "cold"
    assert rig.pids(tenant) == []
    socket_facts = os.stat(rig.path(tenant))
    assert (socket_facts.st_uid, oct(socket_facts.st_mode & 0o777)) == (0, "0o660")
    assert oct(rig.path(tenant).parent.stat().st_mode & 0o777) == "0o750"
    assert rig.visit(tenant) == b"pid 1 hello"
    status = rig.status(tenant)
    assert status["pool_state"] == "warm" and status["starts"] == 1
    assert procs.field(status["master_pid"], "Uid") == [str(1900000000 + tenant)] * 4
    assert rig.list() == {tenant: (1, 1, 0, "warm")}
    groups = procs.read(status["master_pid"], "cgroup")
    assert f"/{rig.name}/tenants/{tenant}/g1" in groups
    assert rig.visit(tenant) == b"pid 1 hello"
    assert rig.status(tenant)["starts"] == 1


def test_descriptors_of_the_jail(rig, tenant):
    rig.pool("""
        names = {}
        for fd in range(3, 64):
            try:
                names[fd] = os.readlink(f"/proc/self/fd/{fd}").split(":")[0]
            except OSError:
                pass
        facts = (names, os.readlink("/proc/self/fd/0"), os.readlink("/proc/self/fd/1"),
                 dict(os.environ).keys() - {"LC_CTYPE"},
                 [line for line in open("/proc/self/status") if line.startswith(("SigBlk", "SigIgn"))])
        report(READY)
        peer, _ = listener.accept()
        peer.sendall(repr(facts).encode())
        peer.close()
        serve()
        """)
    with rig.connect(tenant) as visitor:
        names, stdin, stdout, environment, signals = eval(visitor.recv(4096))
    assert sorted(names) == [3, 4, 5, 6, 7]
    assert [names[3], names[5], names[7]] == ["socket", "socket", "pipe"]
    assert names[4].startswith("/memfd") and names[6].endswith(f"pool/{tenant}/log")
    assert stdin == "/dev/null" and stdout == names[6]
    assert not environment
    assert re.search(r"SigBlk:\s+0+$", signals[0].strip())


def test_idle_pool_leaves_and_no_visitor_is_lost(rig, tenant):
    rig.pool("""
        report(READY)
        serve(1)
        time.sleep(1)
        report(LEAVING)
        time.sleep(0.3)
        sys.exit(0)
        """)
    assert rig.visit(tenant) == b"pid 1 hello"
    time.sleep(1.1)
    assert rig.visit(tenant) == b"pid 1 hello", "came while the pool was leaving"
    status = rig.status(tenant)
    assert (status["starts"], status["crashes"], status["generation"]) == (2, 0, 2)
    rig.wait_state(tenant, "cold")
    assert [g for g in rig.cgroup_folders(tenant) if "/g" in g.rsplit("/", 1)[1]] == []


@pytest.mark.slow
def test_a_pool_that_cannot_start_is_held_back(rig, tenant):
    rig.pool("report(FAILED, text=b'no \\033[2Jluck')\nsys.exit(1)\n")
    with rig.connect(tenant) as visitor:
        began = time.monotonic()
        try:
            assert visitor.recv(10) == b"", "answered at once"
        except ConnectionResetError:
            pass
        assert time.monotonic() - began < 3
    status = rig.wait_state(tenant, "backoff")
    assert status["last_error"] == "no ?[2Jluck" and status["crashes"] == 1
    with pytest.raises(OSError):
        rig.connect(tenant)
    waits = []
    for _ in range(3):
        waits.append(rig.wait_state(tenant, "backoff")["backoff_s"])
        rig.wait_state(tenant, "cold")
        rig.connect(tenant).close()
        wait_until(lambda: rig.status(tenant)["pool_state"] != "cold", 5, "it is tried again")
    assert waits == [1, 2, 4]
    # An operator who recycles does not wait.
    rig.pool(SERVE)
    rig.wait_state(tenant, "backoff")
    rig.client.ask("RECYCLE", tenant)
    assert rig.visit(tenant) == b"pid 1 hello"
    assert rig.status(tenant)["last_error"] == ""


@pytest.mark.slow
def test_exit_0_over_and_over_is_a_crash(rig, tenant):
    """Nobody has himself started without end by leaving the visitor in the queue."""
    rig.pool("report(READY)\nreport(LEAVING)\nsys.exit(0)\n")
    visitors = [rig.connect(tenant)]
    time.sleep(4)
    assert rig.status(tenant)["starts"] <= 3
    for visitor in visitors:
        visitor.close()


def test_reports_in_a_flood(rig, tenant):
    rig.pool("""
        report(READY)
        try:
            while True:
                report(NUMBERS, 3, 2)
        except OSError:
            pass
        serve()
        """)
    assert rig.visit(tenant) == b"pid 1 hello"
    used = cpu_seconds(rig.process.pid)
    time.sleep(1)
    assert cpu_seconds(rig.process.pid) - used < 0.3
    assert "too many reports" in rig.messages()
    assert rig.visit(tenant) == b"pid 1 hello", "it may go on serving"


@pytest.mark.parametrize("message", [b"", b"x", bytes(263), bytes(265), bytes(264),
                                     struct.pack("=I260x", 5), bytes(60000)],
                         ids=["none", "short", "263", "265", "kind-0", "kind-5", "60000"])
def test_reports_that_are_none(rig, tenant, message):
    rig.pool(f"""
        report(READY)
        try:
            reports.send(bytes.fromhex("{message[:300].hex()}").ljust({len(message)}))
        except OSError:
            pass
        time.sleep(0.2)
        try:
            report(LEAVING)
        except OSError:
            pass
        serve()
        """)
    assert rig.visit(tenant) == b"pid 1 hello"
    if message:
        wait_until(lambda: "event=peer.refused" in rig.messages(), 5, "it is logged")
    assert rig.status(tenant)["pool_state"] == "warm"


def test_descriptors_sent_with_a_report_are_not_taken(rig, tenant):
    rig.pool("""
        report(READY)
        socket.send_fds(reports, [bytes(264)], [0] * 100)
        serve()
        """)
    before = len(os.listdir(f"/proc/{rig.process.pid}/fd"))
    assert rig.visit(tenant) == b"pid 1 hello"
    wait_until(lambda: len(os.listdir(f"/proc/{rig.process.pid}/fd")) <= before + 2, 5, "few")


@pytest.mark.parametrize("how", ["SHUT_RDWR", "SHUT_RD"])
def test_a_listener_that_is_shut_down(rig, tenant, how):
    rig.pool(f"""
        report(READY)
        serve(1)
        listener.shutdown(socket.{how})
        time.sleep(600)
        """)
    inode = os.stat(rig.path(tenant)).st_ino
    assert rig.visit(tenant) == b"pid 1 hello"
    rig.wait_state(tenant, "backoff")
    rig.pool(SERVE)
    used = cpu_seconds(rig.process.pid)
    rig.wait_state(tenant, "cold")
    time.sleep(1)
    assert cpu_seconds(rig.process.pid) - used < 0.5
    assert rig.visit(tenant) == b"pid 1 hello"
    assert os.stat(rig.path(tenant)).st_ino != inode
    assert rig.status(tenant)["listener_replaced"] == 1
    assert "event=listener.damaged" in rig.messages()


def test_a_listener_that_refuses(rig, tenant):
    """listen(0) and O_NONBLOCK reach the supervisor's copy; the next pool gets it mended."""
    rig.pool("""
        report(READY)
        serve(1)
        listener.listen(0)
        listener.setblocking(False)
        time.sleep(1)
        sys.exit(0)
        """)
    assert rig.visit(tenant) == b"pid 1 hello"
    rig.wait_state(tenant, "cold")
    rig.pool("report(READY)\nblocking = listener.getblocking()\ntime.sleep(1)\nserve()\n")
    visitors = [rig.connect(tenant) for _ in range(50)]
    for visitor in visitors:
        visitor.sendall(b"x")
        assert visitor.recv(100) == b"pid 1 x"
        visitor.close()


def test_replaced_without_losing_a_visitor(rig, tenant):
    rig.pool(QUIT)
    assert rig.visit(tenant) == b"pid 1 hello"
    rig.pool("time.sleep(0.5)\n" + QUIT)
    rig.apply(tenant, "site.example", max_children=7)
    for _ in range(100):
        assert rig.visit(tenant) == b"pid 1 hello"
        time.sleep(0.01)
    status = rig.status(tenant)
    assert (status["generation"], status["pool_state"], status["crashes"]) == (2, "warm", 0)
    wait_until(lambda: len(rig.pids(tenant)) == 1, 5, "the old one has gone")
    # What is live is not replaced for.
    rig.apply(tenant, "site.example", max_children=7, memory_max=64 << 20, revision=2)
    status = rig.status(tenant)
    assert (status["generation"], status["memory_max"]) == (2, 64 << 20)


def test_a_replacement_that_fails_leaves_the_old_one(rig, tenant):
    assert rig.visit(tenant) == b"pid 1 hello"
    rig.pool("report(FAILED, text=b'bad option')\nsys.exit(1)\n")
    rig.client.ask("RECYCLE", tenant)
    wait_until(lambda: rig.status(tenant)["last_error"] == "bad option", 10, "it is told")
    assert rig.status(tenant)["generation"] == 1
    assert rig.visit(tenant) == b"pid 1 hello"


@pytest.mark.slow
def test_an_old_pool_that_does_not_leave_is_killed(rig):
    number = rig.add("site.example", request_terminate_timeout=1)
    assert rig.visit(number) == b"pid 1 hello"      # ignores SIGQUIT, as pid 1 does
    rig.client.ask("RECYCLE", number)
    rig.wait_state(number, "warm")
    wait_until(lambda: rig.status(number)["generation"] == 2, 10, "handed over")
    assert len(rig.pids(number)) == 2
    wait_until(lambda: len(rig.pids(number)) == 1, 15, "the old one is killed")
    assert rig.visit(number) == b"pid 1 hello"


def test_drains_first_where_memory_is_short(rig):
    number = rig.add("site.example", memory_max=32 << 20)
    rig.pool("data = bytearray(17 << 20)\n" + QUIT)
    assert rig.visit(number) == b"pid 1 hello"
    rig.client.ask("RECYCLE", number)
    rig.wait_state(number, "cold")
    assert rig.visit(number) == b"pid 1 hello"
    status = rig.status(number)
    assert (status["generation"], status["crashes"]) == (2, 0)


def test_suspend_and_resume(rig, tenant):
    assert rig.visit(tenant) == b"pid 1 hello"
    rig.apply(tenant, "site.example", suspended=True)
    assert rig.pids(tenant) == [], "gone before the reply"
    assert not rig.path(tenant).exists()
    assert rig.list()[tenant][2:] == (1, "cold")
    with pytest.raises(Refused):
        rig.client.ask("RECYCLE", tenant)
    rig.apply(tenant, "site.example")
    assert rig.visit(tenant) == b"pid 1 hello"


def test_remove_leaves_nothing(rig, tenant):
    rig.pool("if os.fork() == 0:\n    os.setsid()\n    time.sleep(600)\n" + SERVE)
    assert rig.visit(tenant) == b"pid 1 hello"
    assert len(rig.pids(tenant)) == 2
    rig.client.ask("REMOVE", tenant, rig.tenant("site.example"))
    assert rig.pids(tenant) == []
    assert rig.cgroup_folders(tenant) == []
    assert not rig.path(tenant).parent.exists()
    assert rig.list() == {}
    wait_until(lambda: not rig.store, 5, "the store is empty")
    with pytest.raises(Refused) as refused:
        rig.client.ask("STATUS", tenant)
    assert refused.value.code == ERR_UNKNOWN_SITE


def test_queue_of_the_listener_is_shown(rig, tenant):
    rig.pool("report(READY)\ntime.sleep(600)\n")
    visitors = [rig.connect(tenant) for _ in range(3)]
    rig.wait_state(tenant, "warm")
    assert rig.status(tenant)["listen_queue"] == 3
    for visitor in visitors:
        visitor.close()


def test_out_of_memory_is_told(rig):
    number = rig.add("site.example", memory_max=32 << 20)
    rig.pool("report(READY)\nserve(1)\ndata = bytearray(200 << 20)\n")
    assert rig.visit(number) == b"pid 1 hello"
    status = rig.wait_state(number, "backoff")
    assert "memory limit" in status["last_end"] and status["memory_oom_kill"] >= 1


@pytest.mark.slow
def test_a_pool_that_never_gets_ready(rig, tenant):
    rig.pool("time.sleep(600)\n")
    visitor = rig.connect(tenant)
    rig.wait_state(tenant, "starting")
    status = rig.wait_state(tenant, "backoff", 40)
    assert status["last_error"] == "it was not ready in time"
    visitor.close()


# ---- helpers -----------------------------------------------------------------
BUILD_SCRIPT = """
    import os, signal, socket, struct, sys, time
    if sys.argv[1:2] == ["settings"]:
        os.execv({real!r}, sys.argv)
    replies = socket.socket(fileno=5)
    head = os.pread(3, 32, 0)
    def frame(flags, payload=b"", code=0, number=None):
        values = list(struct.unpack("=IHHIIIiII", head))
        values[3], values[6], values[7] = flags, code, len(payload)
        if number is not None:
            values[5] = number
        replies.send(struct.pack("=IHHIIIiII", *values) + payload)
    {body}
    """


@pytest.mark.parametrize("body, text", [
    ("sys.exit(3)", "tenant-build ended with status 3 without a reply"),
    ("os.kill(os.getpid(), 9)", "was killed by signal 9"),
    ("sys.exit(0)", "without a reply"),
    ("frame(1); sys.exit(1)", "without a reply"),
    ("replies.send(b'x')", "a frame of 1 bytes"),
    ("replies.send(head + bytes(50000))", "hear tenant-build: Message too long"),
    ("frame(0)", "no step and no reply"),
    ("frame(1); frame(1)", "a second reply"),
    ("frame(2, b'x')", "a step that is not expected"),
    ("frame(2, b'x' * 40)", "whose name has no end"),
    ("[frame(2, bytes(40)) for _ in range(300)]", "a step that is not expected"),
    ("frame(1, b'', 2)", "an error without a text"),
    ("frame(1, b'xxx', 2)", "an error without a text"),
    ("frame(1, number=4711)", "answered for tenant 4711"),
])
def test_a_builder_that_fails(rig, tenant, body, text):
    rig.script("tenant-build", BUILD_SCRIPT.format(real=str(rig.build / "tenant-build"), body=body))
    with pytest.raises(Refused) as refused:
        rig.apply(tenant, "site.example")
    assert text in refused.value.text
    # The next one has its turn.
    rig.original("tenant-build")
    rig.apply(tenant, "site.example")
    assert rig.visit(tenant) == b"pid 1 hello"


@pytest.mark.slow
def test_a_builder_that_hangs_at_purge(rig, tenant):
    rig.script("tenant-build", BUILD_SCRIPT.format(real=str(rig.build / "tenant-build"),
                                                   body="time.sleep(600)"))
    serial = rig.client.send("PURGE")
    wait_until(lambda: any("tenant-build" in procs.read(pid, "cmdline")
                           for pid in procs.children(rig.process.pid)), 5, "it runs")
    time.sleep(0.2)
    rig.original("tenant-build")
    other = rig.client.send("APPLY", tenant, rig.tenant("site.example"))
    with pytest.raises(Refused) as refused:
        rig.client.answer(serial)
    assert refused.value.code == ERR_FAILED and "not done after 20 s" in refused.value.text
    rig.client.answer(other)


def test_nginx_refuses(rig):
    rig.script("tenant-nginx", """
        import socket, struct, sys
        text = b"nginx: no\\0"
        socket.socket(fileno=4).send(struct.pack("=IHHIIIiII", 0x544e5457, 1, 3, 1, 0, 0, 12,
                                                 len(text), 0) + text)
        """)
    with pytest.raises(Refused) as refused:
        rig.add("site.example")
    assert (refused.value.code, refused.value.text) == (12, "nginx: no")


def test_steps_and_order(rig):
    one = rig.client.send("ISSUE", 0, rig.tenant("a.example"))
    two = rig.client.send("ISSUE", 0, rig.tenant("b.example"))
    first, _, _ = rig.client.answer(one)
    second, _, _ = rig.client.answer(two)
    assert second["number"] == first["number"] + 1
    _, payload, steps = rig.apply(first["number"], "a.example")
    assert "spec" in steps and payload == b""


def test_refusals_of_the_builder_are_passed_on(rig):
    with pytest.raises(Refused) as refused:
        rig.add("site.example", max_children=100000)
    assert refused.value.code == ERR_BAD_OPTION
    assert "max_children" in refused.value.text


def test_the_queue_is_bounded(rig, tenant):
    rig.script("tenant-build", BUILD_SCRIPT.format(real=str(rig.build / "tenant-build"),
                                                   body="time.sleep(2); frame(1)"))
    serials = [rig.client.send("LEDGER", 0, bytes(8)) for _ in range(300)]
    with pytest.raises(Refused) as refused:
        rig.client.answer(serials[-1])
    assert refused.value.code == ERR_BUSY
    rig.client.close()
    rig.client = Client(rig)
    assert rig.status(tenant)["pool_state"] == "cold"


def test_a_job_outlives_its_peer(rig, tenant):
    rig.client.send("APPLY", tenant, rig.tenant("site.example", revision=9))
    rig.client.close()
    rig.client = Client(rig)
    wait_until(lambda: rig.list()[tenant][1] == 9, 10, "the change is made")


# ---- peers -------------------------------------------------------------------
def raw(rig, frame, hello=True):
    """What comes back on a frame of these bytes; None where the connection ends."""
    client = Client(rig, hello)
    client.sock.send(frame)
    client.sock.settimeout(5)
    try:
        got = client.receive()
    except ConnectionResetError:
        got = None
    client.close()
    return got


@pytest.mark.parametrize("frame", [
    b"x", bytes(32), HEAD.pack(0x544e5457, 2, 1, 0, 1, 0, 0, 0, 0),
    HEAD.pack(0x544e5457, 1, 99, 0, 1, 0, 0, 0, 0),
    HEAD.pack(0x544e5457, 1, 7, 0, 1, 1, 0, 5, 0),
    HEAD.pack(0x544e5457, 1, 7, 0, 1, 1, 0, 1, 0) + b"x",
    HEAD.pack(0x544e5457, 1, 7, 1, 1, 1, 0, 0, 0),
    HEAD.pack(0x544e5457, 1, 3, 0, 1, 1, 0, 4, 0) + b"text",
    HEAD.pack(0x544e5457, 1, 1, 0, 1, 0, 0, 0, 0),
    bytes(60000),
], ids=["short", "zero", "version", "verb", "size", "payload", "flags", "no-tenant", "hello",
        "long"])
def test_unexpected_frames_end_the_connection(rig, frame):
    assert raw(rig, frame) is None
    assert "event=peer.refused" in rig.messages()
    assert rig.list() == {}


def test_hello_comes_first(rig):
    assert raw(rig, HEAD.pack(0x544e5457, 1, 7, 0, 1, 1, 0, 0, 0), hello=False) is None


def test_only_root_and_control_may_connect(rig):
    path = str(rig.run / "supervisor.sock")
    code = (f"import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET);"
            f"s.connect({path!r}); s.send({HEAD.pack(0x544e5457, 1, 1, 0, 1, 0, 0, 0, 0)!r});"
            f"print(len(s.recv(100)))")

    def run(uid):
        return subprocess.run(["/usr/bin/python3", "-c", code], user=uid, group=uid,
                              extra_groups=[], capture_output=True, text=True, timeout=20)
    assert run(CONTROL_UID).stdout == "32\n"
    assert "PermissionError" in run(LOG_UID).stderr
    os.chmod(path, 0o666)
    assert run(LOG_UID).stdout != "32\n", "the peer's uid counts, not only the mode"


def test_connections_are_bounded(rig):
    clients = [Client(rig) for _ in range(3)]
    with pytest.raises((AssertionError, OSError)):
        Client(rig)
    for client in clients:
        client.close()
    wait_until(lambda: connects(rig), 5, "there is room again")


def connects(rig):
    try:
        Client(rig).close()
        return True
    except (AssertionError, OSError):
        return False


def test_a_peer_that_does_not_read(rig, tenant):
    deaf = Client(rig)
    deaf.sock.settimeout(0.5)
    with pytest.raises(OSError):
        for _ in range(20000):
            deaf.send("STATUS", tenant)
    assert rig.status(tenant)["pool_state"] == "cold"
    deaf.close()


# ---- logs --------------------------------------------------------------------
def test_output_reaches_the_log(rig, tenant):
    rig.pool("os.write(2, b'to 2\\n')\nos.write(6, b'to 6\\n')\n" + SERVE)
    assert rig.visit(tenant) == b"pid 1 hello"
    log = rig.log / "site.example/php.log"
    wait_until(lambda: log.exists() and log.read_text() == "to 2\nto 6\n", 5, "the lines")
    facts = log.stat()
    assert (facts.st_uid, oct(facts.st_mode & 0o777)) == (0, "0o640")
    copier = log_pid(rig)
    assert procs.field(copier, "Uid") == [str(LOG_UID)] * 4
    assert procs.field(copier, "CapEff") == ["0000000000000000"]


def log_pid(rig):
    return next((pid for pid in procs.children(rig.process.pid)
                 if os.path.basename(procs.link(pid, "exe")) == "tenant-log"), None)


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
    assert rig.visit(tenant) == b"pid 1 hello"
    log = rig.log / "site.example/php.log"
    wait_until(lambda: "bytes were dropped" in log.read_text(), 10, "the note")
    assert log.stat().st_size < (2 << 20) + 6 * 256 * 1024


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
    wait_until(lambda: log.exists() and log.read_text() == "one\n", 5, "the first line")
    os.kill(log_pid(rig), signal.SIGKILL)
    write(b"two")
    wait_until(lambda: log.read_text() == "one\ntwo\n", 10, "nothing is lost")
    rig.restart()
    write(b"three")
    wait_until(lambda: log.read_text() == "one\ntwo\nthree\n", 10, "also across tenantd")
    # Rotated: the name leads to a new file after SIGHUP.
    log.rename(log.with_suffix(".1"))
    rig.process.send_signal(signal.SIGHUP)
    wait_until(log.exists, 5, "a new file")
    write(b"four")
    wait_until(lambda: log.read_text() == "four\n", 5, "the new file is used")


# ---- settings ----------------------------------------------------------------
def test_sighup_takes_what_may_change(rig):
    conf = rig.folder / "conf"
    conf.write_text(conf.read_text() + "removed_keep_days = 3\n")
    rig.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "settings taken over" in rig.messages(), 10, "reloaded")
    conf.write_text(conf.read_text() + "tenants_max = 9\n")
    rig.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "'tenants_max' cannot change" in rig.messages(), 10, "refused")
    conf.write_text("no such key = 1\n")
    rig.process.send_signal(signal.SIGHUP)
    wait_until(lambda: rig.messages().count("reload=refused") == 2, 10, "refused")
    rig.add("site.example")


def test_tenants_max(tmp_path):
    with Rig(conf="tenants_max = 1\n") as rig:
        rig.add("a.example")
        with pytest.raises(Refused) as refused:
            rig.add("b.example")
        assert "tenants_max" in refused.value.text


def test_children_end_with_the_supervisor(rig):
    copier = log_pid(rig)
    assert rig.end() == 0
    wait_until(lambda: not procs.is_running(copier), 5, "tenant-log ends")
    rig.start()
    copier = log_pid(rig)
    rig.end(signal.SIGKILL)
    wait_until(lambda: not procs.is_running(copier), 5, "also after kill -9")
    rig.start()


def test_capabilities_are_bounded(rig):
    held = int(procs.field(rig.process.pid, "CapEff")[0], 16)
    assert held == int(procs.field(rig.process.pid, "CapPrm")[0], 16)
    for absent in (16, 17, 22, 25, 34, 38, 39):     # modules, raw I/O, boot, time, syslog, perf, bpf
        assert not held >> absent & 1
    assert procs.field(rig.process.pid, "NoNewPrivs") == ["1"]


def test_usage():
    build = Rig.__init__.__globals__["ROOT"] / "build/plain"
    program = (os.environ.get("BUILD") or str(build)) + "/tenantd"
    assert subprocess.run([program, "-z"], capture_output=True).returncode == 2
    assert subprocess.run([program, "more"], capture_output=True).returncode == 2
    done = subprocess.run([program, "-c", "/nonexistent", "-x", os.path.dirname(program)],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "/nonexistent" in done.stderr
