#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The help of tenantctl is what tests/golden/tenantctl.help holds, so that a changed command,
option or range shows up in review.  --rewrite writes the golden file."""
import os
import pathlib
import re
import subprocess
import sys
import lint

PROGRAM = pathlib.Path(os.environ.get("BUILD", lint.ROOT / "build/plain")) / "tenantctl"
GOLDEN = lint.ROOT / "tests/golden/tenantctl.help"


def output(*words):
    return subprocess.run([PROGRAM, *words, "--help"], text=True, check=True,
                          stdout=subprocess.PIPE).stdout


overview = output()
text = overview
for verb in re.findall(r"^  tenantctl ([a-z]+(?: [a-z]+)?)", overview, re.M):
    text += f"\n==== {verb}\n{output(*verb.split())}"
if "--rewrite" in sys.argv:
    GOLDEN.write_text(text)
elif not GOLDEN.exists() or GOLDEN.read_text() != text:
    done = subprocess.run(["diff", "-u", GOLDEN, "-"], input=text, text=True,
                          stdout=subprocess.PIPE, check=False)
    lint.report(GOLDEN.name, 0, "differs; if that is meant run `make golden`\n" + done.stdout)
lint.finish()
