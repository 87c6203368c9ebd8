# SPDX-License-Identifier: Apache-2.0
"""kill -9 of every program at every step of every verb.

A first pass traces which fault points (base/fault.h) each verb passes.  Then each
(verb, point) is struck once: the program that passes it dies there.  After what
restarts programs has done so, the tenant must be whole or gone, and nothing may be
left over; the same verb, typed again, must reach its target."""
import json
import os
import pathlib
import re
import time

import pytest

from tests.lib import procs
from tests.lib.system import System

ROOT = pathlib.Path(__file__).resolve().parents[2]
SITE, ALIAS = "fault.example", "www.fault.example"
SETTLE_S = 60

# name, the words of tenantctl or None for a visitor, the state after it, the words
# that bring the state before it back, whether nginx refuses everything meanwhile.
# Each begins where the one before ended.
STORIES = [
    ("add", ("add", SITE, "--alias", ALIAS, "memory_max=256M", "php_value.precision=9"), "live", ("remove", SITE), False),
    ("visit", None, "live", None, False),
    ("set", ("set", SITE, "max_children=3", "upload_max=8M", "php_value.precision=8"), "live",
     ("set", SITE, "max_children=", "upload_max=", "php_value.precision=9"), False),
    ("set that PHP refuses", ("set", SITE, "php_value.date.timezone=No/Where"), "live", None, False),
    ("set, refused", ("set", SITE, "upload_max=9M"), "live",
     ("set", SITE, "upload_max=8M"), True),
    ("alias remove", ("alias", "remove", SITE, ALIAS), "live", ("alias", "add", SITE, ALIAS), False),
    ("alias add", ("alias", "add", SITE, ALIAS), "live", ("alias", "remove", SITE, ALIAS), False),
    # The site follows behind the answer.
    ("plan set", ("plan", "set", "default", "pids_max=90", "max_connections=40"), "live",
     ("plan", "set", "default", "pids_max=", "max_connections="), False),
    ("repair", ("repair", SITE), "live", None, False),
    ("suspend", ("suspend", SITE), "suspended", ("resume", SITE), False),
    ("resume", ("resume", SITE), "live", ("suspend", SITE), False),
    ("remove", ("remove", SITE), None, ("restore", SITE), False),
    ("restore", ("restore", SITE), "live", ("remove", SITE), False),
    ("add, refused", ("add", SITE, "--alias", ALIAS), "live", ("remove", SITE), True),
]
# Ends the life of a story before the next one begins.
CLEARS = {"restore"}
# Passed by no verb; where they are struck instead.
ELSEWHERE = {
    "tree.made", "tree.removed",                            # tests/root/test_sandbox.py
    "build.purge.deleted",                                  # tests/root/test_build.py
    "control.migrate.copied", "control.migrate.applied",    # test_control_faults.py
    "control.reconcile",                                    # the same
    "tenantd.adopt", "tenantd.spawned", "tenantd.recorded", "tenantd.ready",
    "tenantd.handed_over", "tenantd.ended",                 # test_supervisor_faults.py
    "net.made", "net.admitted",                             # test_network_faults.py
    "tenantd.exec.spawned", "tenantd.exec.going",           # test_exec_faults.py
}
REST = ("live", "suspended", "failed", None)


def rows():
    """Names of all fault points: schema/faults.def."""
    return re.findall(r'^FAULT\("([^"]+)"', (ROOT / "schema/faults.def").read_text(), re.M)


class Drill:
    """One system built with FAULT=1, and what must hold in it at rest."""

    def __init__(self, system, folder):
        self.system = system
        self.fault = folder / "fault"
        self.trace = folder / "fault.trace"
        self.state = system.folder / "lib"
        self.conf = system.folder / "etc/nginx.conf"
        self.conf_text = self.conf.read_text()

    def put(self, path, text):
        path.write_text(text)
        os.chmod(path, 0o666)       # programs of several users write here

    def act(self, words, refused=False):
        """One story; with REFUSED nginx takes no configuration while it runs."""
        if refused:
            self.conf.write_text(self.conf_text + "no_such_directive;\n")
        if words:
            return self.system.ctl(*words)
        return self.system.http(SITE, "/where.php")

    def prepare(self, words):
        """A visitor starts a pool only where there is none."""
        if not words:
            self.system.ctl("suspend", SITE, check=True)
            self.system.ctl("resume", SITE, check=True)

    def mend(self):
        self.conf.write_text(self.conf_text)

    def rows(self):
        return [t for t in self.system.data("list")["tenants"]]

    def state_of_site(self):
        return next((t["state"] for t in self.rows() if t["site"] == SITE), None)

    def settle(self):
        """Waits until programs are back and no change is under way."""
        end = time.monotonic() + SETTLE_S
        last = None
        while time.monotonic() < end:
            done = self.system.ctl("status", "--json")
            if done.returncode == 0:
                try:
                    last = self.state_of_site()
                    left = self.leftovers() if last in REST else ["not at rest"]
                except AssertionError as error:     # struck only now, behind its answer
                    left = [str(error).partition("\n")[0]]
                if not left and not json.loads(done.stdout)["data"]["is_reconciled"]:
                    left = ["something goes on"]
                if not left:
                    return last
                last = (last, left)
            else:
                last = done.stderr
            time.sleep(0.1)
        raise AssertionError(f"no rest after {SETTLE_S} s: {last}\n{self.system.logs(60)}")

    def leftovers(self):
        """What contradicts `whole or gone`, in words."""
        rows = self.rows()
        whole = {str(t["number"]) for t in rows if t["state"] != "failed"}
        hosts = {SITE, *self.system.show(SITE)["aliases"]} if whole else set()
        found = []

        def want(what, folder, expected, pattern=r"[^.].*"):
            have = {p.name for p in folder.iterdir() if re.fullmatch(pattern, p.name)} \
                if folder.exists() else set()
            if have != expected:
                found.append(f"{what}: {sorted(have)}, not {sorted(expected)}")

        folder = self.system.folder
        for each in ("spec", "numbers", "numbers/hosts", "nginx/sites"):
            want(f"temporary files in {each}", self.state / each, set(), r"\..*\.new|\.new")
        if (self.state / "nginx/staged").exists():
            found.append("a staged tree")
        # Killed, and then refused by nginx as well: `failed` keeps what is there, since it
        # cannot know whether the site had lived; the story goes on with the same verb.
        if len(whole) < len(rows):
            return found
        want("specs", self.state / "spec", whole)
        want("mail rules", self.state / "mail", whole)
        want("virtual hosts", self.state / "nginx/sites", {n + ".conf" for n in whole},
             r"[1-9]\d*\.conf")
        # A claim that the record of its number does not list counts for nobody.
        claims = {p.name for p in (self.state / "numbers/hosts").iterdir()}
        if not hosts <= claims or not claims <= hosts | {ALIAS} or (claims and not whole):
            found.append(f"claims: {sorted(claims)}, not {sorted(hosts)}")
        want("homes", folder / "srv", {SITE} if whole else set())
        want("logs", folder / "log/sites", {SITE} if whole else set(), r".*\.example")
        want("pool folders", folder / "run/pool", whole)
        return found

    def answers(self, state):
        """What visitors get matches the state; after a crash that may take a moment."""
        def status():
            try:
                return self.system.http(SITE, "/").status
            except OSError:
                return None             # the closed default host says nothing
        expected = {"live": 200, "suspended": 503}.get(state)
        procs.wait_until(lambda: status() == expected, 30, f"{state}: answer {expected}")


@pytest.fixture(scope="module")
def drill(open_folder):
    with System(env={"TENANT_FAULT": str(open_folder / "fault")}) as system:
        yield Drill(system, open_folder)


def learn(drill):
    """Which fault points each story passes; plays all of them once, unharmed."""
    passed = {}
    for name, words, state, _, refused in STORIES:
        drill.prepare(words)
        drill.put(drill.trace, "")
        drill.act(words, refused)
        drill.settle()
        passed[name] = list(dict.fromkeys(drill.trace.read_text().split()))
        drill.trace.unlink()
        drill.mend()
        if refused:
            drill.act(words)
        assert drill.settle() == state, name
        drill.answers(state)
        if name == "add":
            drill.system.put(SITE, "public/where.php", "<?php echo 'here';")
        if name in CLEARS:
            drill.act(("remove", SITE))
            assert drill.settle() is None
    drill.act(("remove", SITE))
    assert drill.settle() is None
    return passed


def test_every_step_of_every_verb(drill):
    passed = learn(drill)
    struck = set()
    for name, words, target, back, refused in STORIES:
        for point in passed[name]:
            drill.prepare(words)
            drill.put(drill.fault, point + "\n")
            try:
                drill.act(words, refused)    # may fail: its server or helper died
            except (OSError, AssertionError):
                pass
            state = drill.settle()
            drill.mend()
            if drill.fault.exists():         # not passed this time: a matter of timing
                drill.fault.unlink()
            else:
                struck.add(point)
            assert refused or state != "failed", f"{name}, killed at {point}"
            drill.answers(state)
            if words:                        # forward again, whatever the kill left
                drill.act(words)
            assert drill.settle() == target, f"{name} after a kill at {point}"
            drill.answers(target)
            if back:
                drill.act(back)
                drill.settle()
        if words:
            drill.act(words)
        assert drill.settle() == target, name
        if name == "add":
            drill.system.put(SITE, "public/where.php", "<?php echo 'here';")
        if name in CLEARS:
            drill.act(("remove", SITE))
            assert drill.settle() is None
    missed = set(rows()) - struck - ELSEWHERE
    assert not missed, f"no story passes: {sorted(missed)}"
    drill.act(("remove", SITE))
    assert drill.settle() is None
    left = procs.in_cgroup(rf"/{drill.system.name}[^/]*/tenants/")
    assert not left, f"processes of removed tenants: {left}"
