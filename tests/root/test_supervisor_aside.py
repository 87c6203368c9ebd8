# SPDX-License-Identifier: Apache-2.0
"""tenantd with programs beside a pool that lie, crash and hang: trials of settings, and probes."""
import os
import re
import struct

import pytest

from tests.lib.procs import wait_until
from tests.lib.rig import Client, ROOT, Refused, SERVE, rig, tenant

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: namespaces, cgroups")

ERR_UNFIT = 28


# ---- where PHP tries settings --------------------------------------------------
TRIAL = """#!/usr/bin/python3
import os, socket, struct, sys, time
reports = socket.socket(fileno=5)
def report(kind, text=b""):
    reports.send(struct.pack("=Iii4xQ240s", kind, 0, 0, 0, text))
READY, FAILED = 1, 2
os.read(7, 1)
with open({0!r}, "wb") as seen:
    seen.write(os.pread(4, 65536, 0))
assert os.readlink("/proc/self/fd/3") == "/dev/null"
{1}
"""


def trial(rig, tenant, body, **options):
    rig.script("tenant-jail", TRIAL.format(str(rig.folder / "seen"), body), head="")
    return rig.client.ask("TRY", tenant, rig.tenant("site.example", **options))


@pytest.mark.parametrize("said, why", [
    ("report(READY)", None),
    ("report(READY); time.sleep(600)", None),
    ("os._exit(3)", "ended with status 3 before it was ready"),
    ("os._exit(0)", "ended with status 0 before it was ready"),
    ("report(FAILED, b'it\\x1b[31m is\\n \\'so\\''); sys.exit(1)", 'it?[31m is? "so"'),
    ("report(FAILED, b'first'); report(FAILED, b'then'); report(READY)", "first"),
    ("while True: report(4)", "too many messages"),
    ("reports.send(b'x'); time.sleep(600)", "a report of 1 bytes"),
    ("socket.send_fds(reports, [b'x'], [0] * 20); time.sleep(600)", "receive what it says"),
    ("reports.close(); time.sleep(600)", "killed by signal 9"),
    ("os.fork() or time.sleep(600); report(READY)", None)],
    ids=["ready", "stays", "status", "nothing", "text", "twice", "flood", "short", "descriptors", "closed",
         "child"])
def test_what_a_trial_says(rig, tenant, said, why):
    spec = rig.state / "spec" / str(tenant)
    before = spec.read_bytes(), rig.list(), rig.status(tenant)["memory_max"]
    if why:
        with pytest.raises(Refused) as refused:
            trial(rig, tenant, said, max_children=7, memory_max=64 << 20)
        assert why in refused.value.text and refused.value.code == ERR_UNFIT, refused.value
    else:
        head, payload, steps = trial(rig, tenant, said, max_children=7, memory_max=64 << 20)
        assert (head["size"], payload, steps) == (0, b"", ["php"])
    seen = (rig.folder / "seen").read_bytes()
    assert seen.count(b"TNTT"[::-1]) == 1 and b"TNTP"[::-1] not in seen, "the trial's mark"
    assert (spec.read_bytes(), rig.list(), rig.status(tenant)["memory_max"]) == before
    wait_until(lambda: not rig.pids(tenant), 30, "nothing of it stays")
    wait_until(lambda: not [f for f in rig.cgroup_folders(tenant) if "/g" in f[-5:]], 30, "no group")
    rig.pool(SERVE)
    assert rig.visit(tenant) == b"pid 1 hello"


def test_trials_hold_up_nobody(rig):
    """Other sites' changes go on beside scripts that do not end; only a fifth such trial waits."""
    sites = {f"s{i}.example": rig.add(f"s{i}.example") for i in range(7)}
    go, began = rig.folder / "go", rig.folder / "began"
    began.mkdir(mode=0o777)
    rig.script("tenant-jail", TRIAL.format(str(rig.folder / "seen"), f"""
open("{began}/%d.%d" % (os.stat("/proc/self/ns/pid").st_ino, time.time_ns()), "w").close()
while not os.path.exists("{go}"):
    time.sleep(0.02)
report(READY)"""), head="")
    waiting = []
    for site, number in list(sites.items())[:6]:
        client = Client(rig)
        waiting.append((client, client.send("TRY", number, rig.tenant(site))))
        if len(waiting) == 4:
            wait_until(lambda: len(list(began.iterdir())) == 4, 30, "four are tried")
            rig.apply(sites["s6.example"], "s6.example", revision=5)
            assert rig.list()[sites["s6.example"]][1] == 5
    last = Client(rig)
    serial = last.send("APPLY", sites["s6.example"], rig.tenant("s6.example", revision=6))
    go.touch()
    for client, sent in waiting:
        head, payload, steps = client.answer(sent)
        assert (head["code"], payload, steps) == (0, b"", ["php"])
        client.close()
    last.answer(serial)
    last.close()
    assert len(list(began.iterdir())) == 6 and rig.list()[sites["s6.example"]][1] == 6


def test_a_trial_of_what_is_not_there(rig, tenant):
    for number, site, more in ((tenant + 1, "site.example", {}), (tenant, "other.example", {}),
                               (tenant, "site.example", {"suspended": True}),
                               (tenant, "site.example", {"programs": 1})):
        with pytest.raises(Refused):
            rig.client.ask("TRY", number, rig.tenant(site, **more))
    assert not (rig.folder / "seen").exists()
    # While it is suspended nothing of it runs, whatever the caller says of it.
    rig.client.ask("APPLY", tenant, rig.tenant("site.example", suspended=True, revision=2))
    with pytest.raises(Refused) as refused:
        trial(rig, tenant, "report(READY)")
    assert "suspended" in refused.value.text and not (rig.folder / "seen").exists()
    issued, _, _ = rig.client.ask("ISSUE", 0, rig.tenant("new.example"))
    with pytest.raises(Refused) as refused:
        rig.client.ask("TRY", issued["number"], rig.tenant("new.example"))
    assert "nothing of 'new.example' stands yet" in refused.value.text


# ---- where a cage is verified --------------------------------------------------
PROMISE = struct.Struct("=II%ds" % int(re.search(r"define PROMISE_TEXT_MAX (\d+)",
                                                (ROOT / "schema/wire.h").read_text())[1]))
TALK = """
def say(row, outcome, text=b""):
    reports.send(struct.pack("=II%ds", row, outcome, text))
try:
    {}
except OSError:
    pass
time.sleep(600)
"""


@pytest.mark.parametrize("said, why", [
    ("while True: report(NUMBERS)", "too many messages"),
    ("for row in range(1000): say(0, 1)", "one too many"),
    ("say(10 ** 6, 1)", "an outcome that is none"), ("say(0, 0)", "an outcome that is none"),
    ("say(0, 99)", "an outcome that is none"), ("reports.send(b'x')", "a report of 1 bytes"),
    ("socket.send_fds(reports, [b'x'], [0] * 20)", "receive what it says"),
    ("reports.close()", "was killed by signal 9"), ("os._exit(0)", None)],
    ids=["flood", "repeated", "row", "outcome-0", "outcome-99", "short", "descriptors", "closed",
         "nothing"])
def test_a_probe_that_lies(rig, tenant, said, why):
    rig.pool(TALK.replace("%ds", f"{PROMISE.size - 8}s").format(said))
    if why:
        with pytest.raises(Refused) as refused:
            rig.client.ask("VERIFY", tenant)
        assert why in refused.value.text
    else:
        _, payload, _ = rig.client.ask("VERIFY", tenant)
        assert payload == b"", "it told nothing: control says what is missing"
    rig.pool(SERVE)
    assert rig.visit(tenant) == b"pid 1 hello"
    wait_until(lambda: len(rig.pids(tenant)) == 1, 30, "the probe's processes are gone")
