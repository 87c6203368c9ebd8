#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What each program links is what tests/golden/needed.txt says, and each is hardened: position
independent, read-only relocations, bound at start, no executable stack, no run path but the
pool's.  --rewrite writes the golden file."""
import os
import pathlib
import re
import subprocess
import sys
import lint

BUILD = pathlib.Path(os.environ.get("BUILD", lint.ROOT / "build/plain"))
GOLDEN = lint.ROOT / "tests/golden/needed.txt"
HEAD = """# Libraries each program links (NEEDED of its dynamic section): what its process is able to do.
# Written by `make golden`; a line that changes here is reviewed like code.
"""


def readelf(*words):
    return subprocess.run(["readelf", "-W", *words], text=True, check=True,
                          stdout=subprocess.PIPE).stdout


def programs():
    names = re.search(r"^PROGRAMS := ((?:.*\\\n)*.*)", lint.text("Makefile"), re.M).group(1)
    for name in sorted(names.replace("\\\n", " ").split()):
        places = [BUILD / name, *BUILD.glob(f"php/*/{name}")]
        yield name, next((p for p in places if p.exists()), None)


def hardened(name, path):
    head, dynamic = readelf("-h", path), readelf("-d", path)
    wants = {"is not position independent": re.search(r"Type:\s+DYN", head),
             "is not bound at start": re.search(r"\(FLAGS_1\).*\bNOW\b", dynamic),
             "has no read-only relocations": "GNU_RELRO" in readelf("-l", path),
             "has an executable stack": re.search(r"GNU_STACK.*\bRW +0x", readelf("-l", path)),
             "has a run path": name == "tenant-pool" or not re.search(r"R(UN)?PATH", dynamic)}
    for what, is_right in wants.items():
        if not is_right:
            lint.report(name, 0, what)


now = []
for name, path in programs():
    if not path:
        continue
    now.append("%s: %s\n" % (name, " ".join(sorted(
        re.findall(r"\(NEEDED\).*\[([^\]]+)\]", readelf("-d", path))))))
    hardened(name, path)
if "--rewrite" in sys.argv:
    GOLDEN.write_text(HEAD + "".join(now))
else:
    golden = [line for line in GOLDEN.read_text().splitlines(True) if line[0] != "#"]
    for line in sorted(set(golden) - set(now)):
        lint.report("tests/golden/needed.txt", 0, "no longer so: " + line.strip())
    for line in sorted(set(now) - set(golden)):
        lint.report("tests/golden/needed.txt", 0, "not in the file: " + line.strip())
lint.finish()
