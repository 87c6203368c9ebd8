#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""make bench: measures this build beside the distribution's php-fpm and writes bench/results/.

    bench/measure.py [--quick] [--out FOLDER] [PART...]

Times are told, never judged: nothing here passes or fails by them.  --quick takes a minute and its
figures mean nothing; it shows that the bench works.  Parts that are not named keep the figures
of the last run in the results."""
import argparse
import contextlib
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import parts, report  # noqa: E402
from bench.peer import Beside, program  # noqa: E402
from tests.lib.system import System  # noqa: E402


class Bench:
    """What every part gets: the system, what stands beside it, and how long to measure."""

    def __init__(self, system, quick):
        self.system = system
        self.samples, self.seconds = (2, 1) if quick else (12, 2)
        self.sets, self.batches = (2, 3) if quick else (24, 12)
        self.pools = 2 if quick else 10
        self.rounds, self.attack_s = (1, 0.5) if quick else (3, 3)
        self.beside = None

    @contextlib.contextmanager
    def site(self, name, *options):
        """A site with the bench's pages; gone afterwards."""
        self.system.ctl("add", name, *options, check=True)
        try:
            parts.fill(self.system, name)
            yield name
        finally:
            self.system.ctl("remove", name, check=True)


def first_line(*words):
    done = subprocess.run(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=True)
    return done.stdout.splitlines()[0]


def machine():
    """Where it was measured."""
    cpu = re.search(r"^model name\s*:\s*(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    release = dict(line.split("=", 1) for line in
                   pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return {
        "cpu": cpu.group(1) if cpu else platform.machine(), "cpus": os.cpu_count(),
        "memory_mib": int(memory.group(1)) // 1024, "kernel": platform.release(),
        "virtual": os.path.exists("/sys/class/dmi/id/product_name") and
        pathlib.Path("/sys/class/dmi/id/product_name").read_text().strip() or "unknown",
        "system": release["PRETTY_NAME"].strip('"'),
        "cgroup": "v2" if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else "hybrid",
        "php_fpm": first_line(program(), "-v"),
        "nginx": first_line("nginx", "-v"), "load_before": os.getloadavg()[0],
        "date": time.strftime("%Y-%m-%d"),
        "commit": first_line("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
        if (ROOT / ".git").exists() else "unknown",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="only show that it works")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/results")
    parser.add_argument("parts", nargs="*", metavar="PART", help=" ".join(parts.PARTS))
    args = parser.parse_args()
    unknown = [each for each in args.parts if each not in parts.PARTS]
    if unknown:
        parser.error(f"no part {unknown[0]}; there are {' '.join(parts.PARTS)}")
    args.out.mkdir(parents=True, exist_ok=True)
    kept = args.out / "bench.json"
    results = json.loads(kept.read_text()) if args.parts and kept.exists() else {}
    results |= {"machine": machine(), "quick": args.quick}
    with System(conf="allow_programs = yes\n") as system:
        bench = Bench(system, args.quick)
        with bench.site("model.example", "pool_idle_timeout=3600"):
            system.text("model.example", "/hello.php")
            bench.beside = Beside(system, "model.example")
            try:
                for name in args.parts or parts.PARTS:
                    start = time.monotonic()
                    results[name] = parts.PARTS[name](bench)
                    print(f"{name}: {time.monotonic() - start:.0f} s", flush=True)
            finally:
                bench.beside.close()
    kept.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    report.write(args.out)
    print((args.out / "table.md").read_text())
    if not args.quick and args.out == ROOT / "bench/results":
        report.write_document()


if __name__ == "__main__":
    main()
