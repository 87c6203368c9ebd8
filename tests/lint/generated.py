#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What schema/gen prints out of the tables is what tests/golden holds, so that a changed option,
setting, command or error shows up in review.  --rewrite writes the golden files."""
import os
import pathlib
import re
import subprocess
import sys
import lint

GEN = pathlib.Path(os.environ.get("BUILD", lint.ROOT / "build/plain")) / "gen"


def output(kind):
    text = subprocess.run([GEN, kind], text=True, check=True, stdout=subprocess.PIPE).stdout
    # The release decides PHP's version; the golden files hold for every release.
    return re.sub(r"\bphp = \d+\.\d+", "php = @PHP@", re.sub(r"(?<=Default: )8\.\d+", "@PHP@", text))


kinds = re.findall(r"^gen (\S+)$", subprocess.run([GEN], text=True, stderr=subprocess.PIPE,
                                                  check=False).stderr, re.M)
for kind in kinds:
    golden = lint.ROOT / "tests/golden" / kind
    if "--rewrite" in sys.argv:
        golden.write_text(output(kind))
    elif not golden.exists():
        lint.report(golden.name, 0, "not there; run `make golden`")
    elif golden.read_text() != output(kind):
        done = subprocess.run(["diff", "-u", golden, "-"], input=output(kind), text=True,
                              stdout=subprocess.PIPE, check=False)
        lint.report(golden.name, 0, "differs; if that is meant run `make golden`\n" + done.stdout)
lint.finish()
