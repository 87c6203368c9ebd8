# SPDX-License-Identifier: Apache-2.0
"""Changes through tenantd with helpers that die, hang or send nonsense; peers that are not
what they should be; its settings."""
import os
import re
import signal
import subprocess
import time

import pytest

from tests.lib import procs
from tests.lib.procs import wait_until
from tests.lib.rig import CONTROL_UID, HEAD, LOG_UID, ROOT, SERVE, VERSION, Client, Refused, Rig, rig, tenant

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: namespaces, cgroups")

ERR_FAILED, ERR_BAD_OPTION, ERR_BUSY = 2, 7, 21


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
    ("frame(2, b'x' * 296)", "has no end"),
    ("[frame(2, bytes(296)) for _ in range(300)]", "a step that is not expected"),
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
    mark = rig.folder / "runs"
    rig.script("tenant-build", BUILD_SCRIPT.format(
        real=str(rig.build / "tenant-build"), body=f"open({str(mark)!r}, 'w'); time.sleep(600)"))
    serial = rig.client.send("PURGE")
    wait_until(mark.exists, 30, "it runs")
    rig.original("tenant-build")
    other = rig.client.send("APPLY", tenant, rig.tenant("site.example"))
    with pytest.raises(Refused) as refused:
        rig.client.answer(serial)
    assert refused.value.code == ERR_FAILED and "not done after 20 s" in refused.value.text
    rig.client.answer(other)


def test_nginx_refuses(rig):
    rig.script("tenant-nginx", f"""
        import socket, struct, sys
        text = b"nginx: no\\0"
        socket.socket(fileno=4).send(struct.pack("=IHHIIIiII", 0x544e5457, {VERSION}, 3, 1, 0, 0, 12,
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


# Takes the staged tree as nginx would, unless a site wants 13 connections.  The first run waits.
NGINX_SCRIPT = """
    import os, pathlib, shutil, socket, struct, sys, time
    folder = pathlib.Path({state!r}, "nginx")
    runs = pathlib.Path({runs!r})
    with runs.open("a") as file:
        file.write(sys.argv[1] + "\\n")
    while not pathlib.Path({go!r}).exists():
        time.sleep(0.01)
    text = b""
    mark = folder / "staged/.revision"
    if not mark.exists() or struct.unpack("=II", mark.read_bytes())[1] != int(sys.argv[1]):
        text = b"not the tree\\0"
    elif any("tenantd_site 13;" in path.read_text() for path in (folder / "staged").glob("*.conf")):
        text = b"nginx: no 13\\0"
    else:
        os.rename(folder / "sites", folder / "old")
        os.rename(folder / "staged", folder / "sites")
        shutil.rmtree(folder / "old")
    shutil.rmtree(folder / "staged", ignore_errors=True)
    socket.socket(fileno=4).send(struct.pack("=IHHIIIiII", 0x544e5457, {version}, 3, 1, 0, 0,
                                             12 if text else 0, len(text), 0) + text)
    """


class Waiting:
    """Changes that come while tenant-nginx runs for another one."""

    def __init__(self, rig):
        self.rig, self.go, self.runs = rig, rig.folder / "go", rig.folder / "runs"
        rig.script("tenant-nginx", NGINX_SCRIPT.format(
            state=str(rig.state), runs=str(self.runs), go=str(self.go), version=VERSION))
        self.go.touch()
        self.number = {site: rig.add(site) for site in ("z.example", "a.example", "b.example",
                                                        "c.example")}
        self.go.unlink()
        self.runs.write_text("")
        self.first = self.send("z.example", max_connections=9)
        wait_until(self.runs.read_text, 30, "nginx is asked")

    def send(self, site, verb="APPLY", **options):
        return self.rig.client.send(verb, self.number[site], self.rig.tenant(site, **options))

    def let_go(self):
        self.go.touch()
        self.rig.client.answer(self.first)

    def count(self):
        return len(self.runs.read_text().splitlines())

    def served(self, site):
        path = self.rig.state / f"nginx/sites/{self.number[site]}.conf"
        return path.exists() and int(re.search(r"tenantd_site (\d+);", path.read_text())[1])


def test_changes_that_wait_share_a_reload(rig):
    waiting = Waiting(rig)
    serials = [waiting.send("a.example", max_connections=7),
               waiting.send("b.example", max_connections=8),
               waiting.send("c.example", "REMOVE")]
    waiting.let_go()
    for serial in serials:
        rig.client.answer(serial)
    assert waiting.count() == 2
    assert [waiting.served(site) for site in waiting.number] == [9, 7, 8, False]


@pytest.mark.parametrize("bad", [{"max_connections": 13}, {"max_children": 100000}],
                         ids=["nginx", "builder"])
def test_one_that_is_refused_among_others(rig, bad):
    waiting = Waiting(rig)
    serials = [waiting.send("a.example", max_connections=7), waiting.send("b.example", **bad),
               waiting.send("c.example", max_connections=8)]
    waiting.let_go()
    rig.client.answer(serials[0])
    with pytest.raises(Refused) as refused:
        rig.client.answer(serials[1])
    assert refused.value.code == (12 if "max_connections" in bad else ERR_BAD_OPTION)
    rig.client.answer(serials[2])
    assert [waiting.served(site) for site in waiting.number] == [9, 7, 50, 8]


def test_a_builder_that_dies_among_others(rig):
    """Killed while it adds to what another one staged: both are made, from the beginning."""
    waiting = Waiting(rig)
    serials = [waiting.send("a.example", max_connections=7),
               waiting.send("b.example", max_connections=8)]
    killed = rig.folder / "killed"
    rig.script("tenant-build", f"""
        import os, pathlib, signal, struct, sys
        head = os.pread(3, 32, 0)
        if struct.unpack("=IHHIIIiII", head)[8] and not pathlib.Path({str(killed)!r}).exists():
            pathlib.Path({str(killed)!r}).touch()
            os.unlink({str(rig.state / "nginx/staged/.revision")!r})
            os.kill(os.getpid(), signal.SIGKILL)
        os.execv({str(rig.build / "tenant-build")!r}, sys.argv)
        """)
    waiting.let_go()
    for serial in serials:
        rig.client.answer(serial)
    assert killed.exists()
    assert [waiting.served(site) for site in waiting.number] == [9, 7, 8, 50]


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
    wait_until(lambda: rig.list()[tenant][1] == 9, 30, "the change is made")


# ---- peers -------------------------------------------------------------------
def raw(rig, frame, hello=True):
    """What comes back on a frame of these bytes; None where the connection ends."""
    client = Client(rig, hello)
    client.sock.send(frame)
    client.sock.settimeout(15)
    try:
        got = client.receive()
    except ConnectionResetError:
        got = None
    client.close()
    return got


@pytest.mark.parametrize("frame", [
    b"x", bytes(32), HEAD.pack(0x544e5457, VERSION + 1, 1, 0, 1, 0, 0, 0, 0),
    HEAD.pack(0x544e5457, VERSION, 99, 0, 1, 0, 0, 0, 0),
    HEAD.pack(0x544e5457, VERSION, 7, 0, 1, 1, 0, 5, 0),
    HEAD.pack(0x544e5457, VERSION, 7, 0, 1, 1, 0, 1, 0) + b"x",
    HEAD.pack(0x544e5457, VERSION, 7, 1, 1, 1, 0, 0, 0),
    HEAD.pack(0x544e5457, VERSION, 3, 0, 1, 1, 0, 4, 0) + b"text",
    HEAD.pack(0x544e5457, VERSION, 1, 0, 1, 0, 0, 0, 0),
    bytes(60000),
], ids=["short", "zero", "version", "verb", "size", "payload", "flags", "no-tenant", "hello",
        "long"])
def test_unexpected_frames_end_the_connection(rig, frame):
    assert raw(rig, frame) is None
    assert "event=peer.refused" in rig.messages()
    assert rig.list() == {}


def test_hello_comes_first(rig):
    assert raw(rig, HEAD.pack(0x544e5457, VERSION, 7, 0, 1, 1, 0, 0, 0), hello=False) is None


def test_only_root_and_control_may_connect(rig):
    path = str(rig.run / "supervisor.sock")
    code = (f"import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET);"
            f"s.connect({path!r}); s.send({HEAD.pack(0x544e5457, VERSION, 1, 0, 1, 0, 0, 0, 0)!r});"
            f"print(len(s.recv(100)))")

    def run(uid):
        return subprocess.run(["/usr/bin/python3", "-c", code], user=uid, group=uid,
                              extra_groups=[], capture_output=True, text=True, timeout=20)
    assert run(CONTROL_UID).stdout == "32\n"
    assert "PermissionError" in run(LOG_UID).stderr
    os.chmod(path, 0o666)
    assert run(LOG_UID).stdout != "32\n", "the peer's uid counts, not only the mode"


def test_connections_are_bounded(rig):
    clients = [Client(rig) for _ in range(63)]     # PEERS_MAX and the one of the rig
    with pytest.raises((AssertionError, OSError)):
        Client(rig)
    for client in clients:
        client.close()
    wait_until(lambda: connects(rig), 30, "there is room again")


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


# ---- settings ----------------------------------------------------------------
def test_sighup_takes_what_may_change(rig):
    conf = rig.folder / "conf"
    conf.write_text(conf.read_text() + "removed_keep_days = 3\n")
    rig.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "settings taken over" in rig.messages(), 30, "reloaded")
    conf.write_text(conf.read_text() + "tenants_max = 9\n")
    rig.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "'tenants_max' cannot change" in rig.messages(), 30, "refused")
    conf.write_text("no such key = 1\n")
    rig.process.send_signal(signal.SIGHUP)
    wait_until(lambda: rig.messages().count("reload=refused") == 2, 30, "refused")
    rig.add("site.example")


def read_slowly(rig):
    """Has the configuration read only once somebody makes the file `go`; (begun, go)."""
    begun, go, old = rig.folder / "begun", rig.folder / "go", str(rig.folder / "old")
    rig.script("tenant-build", f"""
        import os, pathlib, shutil, sys, time
        shutil.copy(sys.argv[2], {old!r})
        pathlib.Path({str(begun)!r}).touch()
        while not os.path.exists({str(go)!r}):
            time.sleep(0.02)
        os.execv({str(rig.build / "tenant-build")!r}, [*sys.argv[:2], {old!r}])
        """)
    return begun, go


def test_sighup_while_the_configuration_is_read(rig):
    """It may have been read before it was changed: it is read once more."""
    conf = rig.folder / "conf"
    begun, go = read_slowly(rig)
    rig.process.send_signal(signal.SIGHUP)
    wait_until(begun.exists, 30, "it is read")
    conf.write_text(conf.read_text() + "tenants_max = 9\n")
    rig.process.send_signal(signal.SIGHUP)
    wait_until(lambda: signal.SIGHUP not in pending(rig.process.pid), 30, "the signal is taken")
    go.touch()
    wait_until(lambda: "'tenants_max' cannot change" in rig.messages(), 30, "what came then, too")


def test_a_stop_while_the_first_configuration_is_read(rig):
    assert rig.end() == 0
    begun, go = read_slowly(rig)
    rig.start(wait=False)
    wait_until(begun.exists, 30, "it is read")
    rig.process.send_signal(signal.SIGTERM)
    wait_until(lambda: signal.SIGTERM not in pending(rig.process.pid), 30, "the signal is taken")
    go.touch()
    try:
        assert rig.process.wait(30) == 0
    finally:
        rig.process.kill()
    rig.start()


def pending(pid):
    """Signals that wait to be taken."""
    bits = int(procs.field(pid, "ShdPnd")[0], 16)
    return {each for each in signal.Signals if bits >> (each - 1) & 1}


def test_tenants_max(tmp_path):
    with Rig(conf="tenants_max = 1\n") as rig:
        rig.add("a.example")
        with pytest.raises(Refused) as refused:
            rig.add("b.example")
        assert "tenants_max" in refused.value.text


def test_capabilities_are_bounded(rig):
    held = int(procs.field(rig.process.pid, "CapEff")[0], 16)
    assert held == int(procs.field(rig.process.pid, "CapPrm")[0], 16)
    # Modules, raw I/O, chroot, boot, time, devices, syslog, perf, bpf.
    of_mutants = {18, 27} if "TENANT_MUTANT" in os.environ else set()    # tenantd_main.c
    for absent in {16, 17, 18, 22, 25, 27, 34, 38, 39} - of_mutants:
        assert not held >> absent & 1
    assert procs.field(rig.process.pid, "NoNewPrivs") == ["1"]


def test_usage():
    program = (os.environ.get("BUILD") or str(ROOT / "build/plain")) + "/tenantd"
    assert subprocess.run([program, "-z"], capture_output=True).returncode == 2
    assert subprocess.run([program, "more"], capture_output=True).returncode == 2
    done = subprocess.run([program, "-c", "/nonexistent", "-x", os.path.dirname(program)],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "/nonexistent" in done.stderr
