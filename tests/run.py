#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of this machine, group by group, and sums up.

    tests/run.py [--fast] [--jobs N] [--slowest N] [--builds FOLDER [--built]] [GROUP...]

The line before the last says what was skipped and why, the last one is exactly
`N passed, N failed`; the exit status is 1 if anything failed.  What counts as one:
a build, a cmocka test, a lint, a pytest test.

Tests wait more than they compute, so files of tests run beside each other (pytest-xdist), each
with a system of its own; the fuzzers, which only compute, run beside all groups, at a lower
priority.  What a group has to say is printed when it ends."""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[1]
SKIP = 77               # exit status by which a lint says that it cannot run here
SANITIZERS = "address,undefined"
REPORTS = pathlib.Path("/tmp/tenantd-sanitizer")
UNJAILED = ("tenantd", "tenant-control", "tenant-build", "tenant-nginx", "tenant-log", "tenant-mail",
            "tenant-tree", "tenantctl")
# The second counts where the kernel groups processes by session.
POLITELY = ("nice", "-n", "10", "sh", "-c", 'echo 10 2>&- >/proc/self/autogroup; exec "$@"', "sh")
# For one input, by the clock: beside all groups a fuzzer has a twentieth of a CPU.
FUZZ_INPUT_S = 200
LANES = ("-n", "4", "--dist", "loadfile")
SANITIZED_TRIPS = [f"tests/trips/test_{name}.py" for name in ("add", "life", "names", "options")]

# What --fast leaves out besides tests marked slow: files that take long as a whole, since they wait
# for limits, kill and start again, or play a world of networks.  `make check` runs them.
LONG = (*(f"tests/root/test_{name}.py" for name in (
    "control_hostile", "control_limits", "network", "nginx", "pool_growth", "pool_slow",
    "pool_waiting", "pool_workers", "supervisor_adopt", "supervisor_jobs", "supervisor_log")),
        *(f"tests/trips/test_{name}.py" for name in (
            "completion", "exec", "inspect", "logs", "pool_status", "release_links", "repair", "run",
            "site_logs", "verbs", "verify", "visitors", "waiting")))

# What `make check-vm` runs again in its machine: what differs between cgroup v1 without systemd and
# pure v2 with it.  All else passes through the same code in both worlds, and there a test takes ten
# to thirty times as long.  File, test (none: all of the file), why.
VM = (
    ("root/test_sandbox", "", "groups and the tree: the other half of sandbox/cgroup*"),
    ("root/test_sandbox_limits", "", "limits that bite, and kills: the same"),
    ("trips/test_add", "", "a site as a whole, and what the kernel says of each of its processes"),
    ("trips/test_cold", "cold_until_the_first_request", "CLONE_INTO_CGROUP"),
    ("trips/test_cold", "idle_pool_leaves_and_comes_back", "groups go with their pools"),
    ("trips/test_crash", "memory_is_limited", "memory.events of v2"),
    ("trips/test_crash", "a_pool_that_is_killed_comes_back", "cgroup.events of v2"),
    ("trips/test_crash", "kill_9_of_a_program_drops_no_request",
     "pools are adopted by their groups"),
    ("trips/test_crash", "status_tells_why_a_pool_cannot_start", "the steps of tenant-jail"),
    ("trips/test_exec", "it_is_the_very_cage", "a second cage in the site's group"),
    ("trips/test_exec", "it_ends", "cgroup.kill of one generation"),
    ("trips/test_inspect", "doctor_tells_every_check_with_what_to_do", "this machine's answers"),
    ("trips/test_inspect", "jail_shows_what_holds_and_marks_what_does_not", "files of v2"),
    ("trips/test_life", "suspend_and_resume", "a suspended site's group is killed"),
    ("trips/test_life", "remove_takes_everything_and_restore_brings_it_back",
     "so is a removed one's"),
    ("trips/test_names", "taken_names_are_a_conflict", "the ledger on this file system"),
    ("trips/test_options", "set_live_limit_reaches_the_kernel_and_keeps_the_pool", "files of v2"),
    ("trips/test_options", "set_pool_option_makes_a_new_generation", "two generations at once"),
    ("trips/test_run", "stop_leaves_nothing_even_after_kills", "the tree below a unit's group"),
    ("trips/test_verify", "a_live_site", "the promises, on this kernel"),
)

# And on the installed package, with the machine's nginx and database.  MediaWiki and Adminer take
# longest, and run with `trips` on each machine.
INSTALLED = ("tests/trips/test_apps.py::test_dokuwiki", "tests/trips/test_apps.py::test_wordpress",
             "tests/trips/test_release_links.py")


class Tally:
    """Results of a group, or of all of them."""

    def __init__(self):
        self.passed, self.failed, self.skipped = [], [], []
        self.text = ""

    def add(self, name, ok, output=""):
        (self.passed if ok else self.failed).append(name)
        if not ok:
            self.text += f"FAILED {name}\n{output.rstrip()}\n"
        return ok

    def skip(self, name, reason):
        self.skipped.append((name, " ".join(reason.split()) or "no reason given"))


class Run:
    """One group's run: where builds lie, and how programs are started."""
    has_plain = False

    def __init__(self, args, group):
        self.args, self.group, self.tally, self.start = args, group, Tally(), time.monotonic()
        self.builds = pathlib.Path(args.builds).resolve()

    def run(self):
        getattr(self, "group_" + self.group)()
        tally = self.tally
        tally.text += "   %d passed, %d failed, %d skipped, %.0f s" % (
            len(tally.passed), len(tally.failed), len(tally.skipped),
            time.monotonic() - self.start)
        return tally

    def command(self, words, limit_s, env=None):
        """Runs in a session of its own, ended as a whole when the time is over.

        Returns (exit status, output)."""
        full = dict(os.environ, LC_ALL="C.UTF-8", PYTHONDONTWRITEBYTECODE="1", **(env or {}))
        full.pop("MAKEFLAGS", None)     # of the make that started us: its jobs and variables
        full.pop("MAKELEVEL", None)
        with tempfile.TemporaryFile("w+", errors="replace") as out:
            child = subprocess.Popen(words, cwd=ROOT, env=full, text=True, start_new_session=True,
                                     stdin=subprocess.DEVNULL, stdout=out,
                                     stderr=subprocess.STDOUT)
            try:
                status = child.wait(limit_s)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                status = 124
            out.seek(0)
            text = out.read()
        return status, text + (f"\n(ended after {limit_s} s)" if status == 124 else "")

    def build(self, name, *variables, targets=("all", "unit", "gen")):
        """One build counts as one test; its folder is BUILDS/name."""
        folder = self.builds / name
        status, text = self.command(
            ["make", f"-j{self.args.jobs}", f"B={os.path.relpath(folder, ROOT)}", *variables,
             *targets], 1800)
        self.tally.add(f"build {name}", status == 0, text[-6000:])
        return folder

    def plain(self):
        """The build that most groups use, made once."""
        folder = self.builds / "plain"
        if not self.args.built and not Run.has_plain:
            Run.has_plain = True
            self.build("plain", "CC=gcc", "WERROR=1")
        return folder

    def unit(self, folder):
        """Every cmocka binary of a build; each test in it counts."""
        for source in sorted((ROOT / "tests/unit").glob("test_*.c")):
            program = folder / "tests" / source.stem
            label = f"unit {folder.name} {source.stem}"
            if not program.exists():
                self.tally.add(label, False, "it was not built")
                continue
            status, text = self.command([str(program)], 300, {"CMOCKA_MESSAGE_OUTPUT": "TAP"})
            self.tap(label, status, text)

    def tap(self, label, status, text):
        plan = re.search(r"^1\.\.(\d+)", text, re.M)
        results = re.findall(r"^(ok|not ok) \d+ - (\S+)(.*)$", text, re.M)
        for word, name, rest in results:
            if "# SKIP" in rest:
                self.tally.skip(f"{label} {name}", rest.partition("# SKIP")[2] or
                                "the test skipped itself")
            else:
                self.tally.add(f"{label} {name}", word == "ok", text)
        if not plan or len(results) < int(plan.group(1)) or (
                status != 0 and all(word == "ok" for word, _, _ in results)):
            self.tally.add(f"{label} (whole program)", False, f"{text}\nexit status {status}")

    def pytest(self, label, folder, paths, *options):
        """pytest of some folders against a build."""
        present = [p for p in paths if (ROOT / p.split("::")[0]).is_file() or
                   any((ROOT / p).glob("**/test_*.py"))]
        if not present:
            return
        with tempfile.TemporaryDirectory() as temporary:
            report = pathlib.Path(temporary, "report.xml")
            status, text = self.command(
                ["/usr/bin/python3", "-m", "pytest", "-c", "tests/pytest.ini", "--rootdir", ".",
                 "-q", "--tb=short", f"--junitxml={report}", *options, *present],
                self.args.limit, {"BUILD": str(folder)})
            if not report.exists():
                self.tally.add(f"pytest {label}", False, text[-6000:])
                return
            cases = list(xml.etree.ElementTree.parse(report).iter("testcase"))
        if self.args.slowest:
            for case in sorted(cases, key=lambda c: -float(c.get("time")))[:self.args.slowest]:
                print(f"   {float(case.get('time')):.0f} s {case.get('name')}", flush=True)
        failed = 0
        for case in cases:
            name = f"{label} {case.get('classname', '')}.{case.get('name')}"
            bad = [x for x in case if x.tag in ("failure", "error")]
            skipped = case.find("skipped")
            if skipped is not None:
                self.tally.skip(name, skipped.get("message", ""))
            else:
                failed += bool(bad)
                self.tally.add(name, not bad, "\n".join((x.text or "")[-4000:] for x in bad))
        # 5: nothing selected, as --fast may do.  1 is told by the cases.
        if status not in (0, 5) and not (status == 1 and failed):
            self.tally.add(f"pytest {label} (as a whole)", False, text[-6000:])

    # ---- groups ---------------------------------------------------------
    def group_gcc(self):
        self.unit(self.plain())

    def group_clang(self):
        self.build("plain-clang", "CC=clang", "WERROR=1")

    def group_lint(self):
        build = self.plain()
        for script in sorted((ROOT / "tests/lint").iterdir()):
            if not os.access(script, os.X_OK) or not script.is_file():
                continue
            status, text = self.command([str(script)], 300, {"BUILD": str(build)})
            if status == SKIP:
                self.tally.skip(f"lint {script.stem}", text)
            else:
                self.tally.add(f"lint {script.stem}", status == 0, text[-8000:])

    def group_root(self):
        # One pool beside another takes long, and php-fpm is none of ours.
        folders = ["tests/root"] if self.args.fast else ["tests/root", "tests/conformance"]
        self.pytest("root", self.plain(), folders, *LANES, *self.short())

    def group_trips(self):
        self.pytest("trips", self.plain(), ["tests/trips"], *LANES, *self.short())

    def group_attack(self):
        """A hostile site beside a victim, through nginx."""
        self.pytest("attack", self.plain(), ["tests/attack"], *LANES)

    def group_fault(self):
        if any((ROOT / "tests/fault").glob("test_*.py")):
            folder = self.build("plain-fault", "FAULT=1", "WERROR=1", targets=("all",))
            self.pytest("fault", folder, ["tests/fault"], *LANES)

    def group_mutants(self):
        """Walls taken away, promise by promise."""
        folder = self.build("plain-mutants", "MUTANTS=1", "WERROR=1", targets=("all", "unit"))
        self.pytest("mutants", folder, ["tests/mutants"], *LANES[:-1], "loadgroup")

    def group_drill(self):
        """The kill -9 drill of the whole system; takes long, so `make check-drill` runs it."""
        folder = self.build("plain-fault", "FAULT=1", "WERROR=1", targets=("all",))
        self.pytest("drill", folder, ["tests/drill"])

    def group_san(self):
        """Units, then the whole system with every program sanitized that is not jailed."""
        folder = self.build("san", f"SAN={SANITIZERS}", "WERROR=1")
        self.unit(folder)
        mixed = self.builds / "san-system"
        shutil.rmtree(mixed, ignore_errors=True)
        shutil.copytree(self.plain(), mixed, symlinks=True,
                        ignore=lambda _, names: [n for n in names if n.endswith((".o", ".a", ".d"))])
        for name in UNJAILED:
            if (folder / name).exists():
                shutil.copy(folder / name, mixed / name)
        # Programs of several users write what they find here; see tests/sanitizer.c.
        shutil.rmtree(REPORTS, ignore_errors=True)
        REPORTS.mkdir()
        REPORTS.chmod(0o1777)
        self.pytest("san", mixed, SANITIZED_TRIPS, *LANES, "-m", "not slow")
        found = sorted(REPORTS.iterdir())
        self.tally.add("san no program reported anything", not found,
                       "\n".join(p.read_text(errors="replace")[:6000] for p in found[:5]))
        shutil.rmtree(REPORTS)

    def group_fuzz(self):
        """Each fuzzer for FUZZ_TIME seconds from its seeds, as many at a time as there are CPUs: a
        minute in CI, else less."""
        folder = self.build("fuzz", "CC=clang", f"SAN=fuzzer-no-link,{SANITIZERS}",
                            targets=("fuzzers",))
        names = [p.stem.removeprefix("fuzz_")
                 for p in sorted((ROOT / "tests/fuzz").glob("fuzz_*.c"))]
        seconds = int(os.environ.get("FUZZ_TIME") or (60 if os.environ.get("CI") else 20))

        def fuzz(name):
            if not (folder / "fuzz" / name).exists():
                return 1, "it was not built"
            corpus = folder / "corpus" / name
            corpus.mkdir(parents=True, exist_ok=True)
            return self.command(
                [*POLITELY, str(folder / "fuzz" / name), f"-max_total_time={seconds}",
                 f"-timeout={FUZZ_INPUT_S}", f"-artifact_prefix={folder}/crash-", str(corpus),
                 f"tests/fuzz/seeds/{name}"], seconds + 3 * FUZZ_INPUT_S)
        with concurrent.futures.ThreadPoolExecutor(self.args.jobs) as pool:
            for name, (status, text) in zip(names, pool.map(fuzz, names)):
                self.tally.add(f"fuzz {name}", status == 0, text[-6000:])

    def group_vm(self):
        """What depends on the world of cgroups and on systemd; see tests/vm/guest."""
        self.pytest("vm", self.plain(), [
            f"tests/{file}.py" + (f"::test_{test}" if test else "") for file, test, _ in VM])

    def group_installed(self):
        """Applications on the package that is installed on this machine."""
        os.environ["TENANTD_INSTALLED"] = "1"
        self.pytest("installed", self.plain(), INSTALLED)

    def short(self):
        return ["-m", "not slow", *(f"--ignore={path}" for path in LONG)] \
            if self.args.fast else []


FAST = ("gcc", "lint", "root", "trips")
BESIDE = ("fuzz",)      # runs while the others do
FULL = ("gcc", "clang", "lint", "root", "trips", "attack", "fault", "mutants", "san", "fuzz")
GROUPS = (*FULL, "vm", "installed", "drill")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--fast", action="store_true", help="without what takes long")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--builds", default=str(ROOT / "build"), help="folder of the builds")
    parser.add_argument("--built", action="store_true", help="use plain as it is")
    parser.add_argument("--limit", type=int, default=7200, help="seconds for one pytest run")
    parser.add_argument("--slowest", type=int, default=0, help="tests to name that took longest")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=" ".join(GROUPS))
    args = parser.parse_args()
    unknown = [g for g in args.groups if g not in GROUPS]
    if unknown:
        parser.error(f"no group {unknown[0]}; there are {' '.join(GROUPS)}")

    groups, tally = args.groups or (FAST if args.fast else FULL), Tally()
    with concurrent.futures.ThreadPoolExecutor(len(BESIDE)) as pool:
        beside = {g: pool.submit(Run(args, g).run) for g in groups if g in BESIDE}
        for group in groups:
            print(f"== {group}", flush=True)
            done = beside[group].result() if group in beside else Run(args, group).run()
            print(done.text, flush=True)
            for all_of, its in ((tally.passed, done.passed), (tally.failed, done.failed),
                                (tally.skipped, done.skipped)):
                all_of += its

    if tally.failed:
        print("failed: " + "; ".join(tally.failed))
    print("skipped: " + ("; ".join(f"{name} ({why})" for name, why in tally.skipped)
                         if tally.skipped else "nothing"))
    print(f"{len(tally.passed)} passed, {len(tally.failed)} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
