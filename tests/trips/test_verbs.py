# SPDX-License-Identifier: Apache-2.0
"""Each verb of tenantctl: typed in a terminal, and from a script."""
import itertools
import json
import re
import shlex

import pytest

from tests.lib.control import table
from tests.lib.terminal import Terminal

# A life, line by line: what is typed, what the screen then holds.  {s} is the site.
LIFE = [
    ("add {s} --alias www.{s} pids_max=90 --dry-run", "would be changed; nothing was"),
    ("add {s} --alias www.{s} pids_max=90", "open http://{s}"),
    ("list", "{s}"),
    ("show {s}", "www.{s}"),
    ("status {s}", "pool_state: cold"),
    ("status", "supervisor: reachable"),
    ("set {s} memory_max=300M max_children=4 --dry-run", "kernel"),
    ("set {s} memory_max=300M max_children=4", "{s}: set: done"),
    ("set {s} memory_max=300M", "{s}: set: unchanged"),
    ("alias add {s} shop.{s}", "{s}: alias add: done"),
    ("alias remove {s} shop.{s}", "{s}: alias remove: done"),
    ("plan add {p} --parent small --sentence 'For tests.' pids_max=80", "{p}: plan add: done"),
    ("plan list", "For tests."),
    ("php list", "ready"),
    ("plan show {p}", "parent: small"),
    ("set {s} --plan {p}", "{s}: set: done"),
    ("plan set {p} max_connections=7", "sites that follow: 1"),
    ("set {s} --plan default", "{s}: set: done"),
    ("plan remove {p}", "{p}: plan remove: done"),
    ("suspend {s} --class owner --reason 'on leave'", "{s}: suspend: done"),
    ("resume {s} --dry-run", "suspended"),
    ("resume {s}", "{s}: resume: done"),
    ("resume {s} --dry-run", "{s} is so already"),
    ("logs {s}", ""),
    ("repair {s}", ""),
    ("verify {s}", "{s}"),
    ("remove {s} --dry-run", "would be changed; nothing was"),
    ("remove {s}", "{s}: remove: done"),
    ("list --removed", "{s}"),
    ("restore {s}", "{s}: restore: done"),
    ("remove {s}", "{s}: remove: done"),
]
# Says what it finds of the machine, which may be something.
LOOKS = [("doctor", "")]
# What is refused: exit status, what is to be typed next.
REFUSED = [
    ("show nobody.example", 3, "next: tenantctl list"),
    ("set nobody.example pids_max=20", 3, "next: tenantctl list"),
    ("plan show nobody", 3, "next: tenantctl plan list"),
    ("plan remove small --dry-run extra", 2, "next: tenantctl plan remove --help"),
    ("plan remove default", 4, "next: tenantctl plan show default"),
    ("add x.example --plan nobody", 5, "next: tenantctl plan list"),
    ("add x.example pids_max=1", 5, "next: tenantctl add --help"),
    ("add x.example programs=allow", 5, "next: man tenantd.conf"),
    ("suspend", 2, "next: tenantctl suspend --help"),
    ("plan", 2, "next: tenantctl plan --help"),
    ("frobnicate", 2, "next: tenantctl --help"),
    ("list --socket /nowhere/x.sock", 6, "next: systemctl status"),
]


NUMBERS = itertools.count(1)      # tell the end of one command from that of the last


def words_of(line):
    """Which command of the table a line is."""
    commands = {row[1] for row in table("schema/commands.def", "COMMAND")}
    first = line.split()
    return " ".join(first[:2]) if " ".join(first[:2]) in commands else first[0]


def test_no_verb_is_left_out():
    played = {words_of(line) for line, _ in LIFE + LOOKS}
    # exec asks for root's leave to start programs: tests/trips/test_exec.py; import needs
    # files of PHP-FPM: tests/trips/test_import.py.
    assert played == {row[1] for row in table("schema/commands.def", "COMMAND")} - {"exec",
                                                                                 "import php-fpm"}


@pytest.fixture(scope="module")
def terminal(system):
    with Terminal("bash", "--norc", "--noprofile", "-i",
                  env={"TENANTD_SOCKET": system.socket, "PATH": f"{system.build}:/usr/bin:/bin"}) as t:
        yield t


def enter(t, line):
    """Types a command; the screen with its whole output, and its exit status."""
    number, found = next(NUMBERS), []
    t.wait(lambda screen: screen.strip())
    t.type(f"clear; tenantctl {line}; echo \"{number} ended: $?\"", "Enter")

    def ended(screen):
        found[:] = re.findall(rf"^{number} ended: (\d+)$", screen, re.M)
        return bool(found)
    return t.wait(ended), int(found[-1])


def test_typed(terminal):
    names = {"s": "typed.example", "p": "typed"}
    for line, shown in LIFE:
        screen, status = enter(terminal, line.format(**names))
        assert status == 0, f"{line}:\n{screen}"
        assert shown.format(**names) in screen, f"{line}:\n{screen}"
        if line.startswith("add") and "dry" not in line:
            assert re.search(r"^ +home +[\d.]+ ms$", screen, re.M), "its steps and their times"


def test_typed_and_refused(terminal):
    for line, wanted, then in REFUSED:
        screen, status = enter(terminal, line)
        assert status == wanted and then in screen, f"{line}: {status}\n{screen}"


def test_by_script(system):
    names = {"s": "scripted.example", "p": "scripted"}
    played = ""
    for line, _ in LIFE:
        words = shlex.split(line.format(**names))
        done = system.ctl(*words, "--json", check=True)
        if words[0] == "logs":          # as they come, in lines
            continue
        envelope = json.loads(done.stdout)
        assert set(envelope) == {"metadata", "data"} and done.stdout.count("\n") == 1
        is_so = line in ("set {s} memory_max=300M", "repair {s}") or played == "resume {s}"
        assert envelope["metadata"]["result"] == ("unchanged" if is_so else "done"), line
        assert envelope["data"].get("dry_run", False) == ("--dry-run" in line)
        played = line
    for line, _ in LOOKS:
        for form in ("table", "csv", "plain", "json"):
            done = system.ctl(*shlex.split(line), "--format", form)
            assert done.returncode in (0, 1) and done.stdout, line
    for line, wanted, then in REFUSED:
        done = system.ctl(*shlex.split(line))
        assert (done.returncode, done.stdout) == (wanted, "") and then in done.stderr, line
        assert len(done.stderr.splitlines()) == 2, done.stderr
