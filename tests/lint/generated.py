#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What schema/gen prints out of the tables is what the tree holds, so that a changed option, setting,
command, error, frame or reply shows up in review.  --rewrite writes these files.  The manual
pages are clean for mandoc."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import lint

GEN = pathlib.Path(os.environ.get("BUILD", lint.ROOT / "build/plain")) / "gen"


# Documents for readers lie where they are looked for, the others beside the golden files.
PLACES = {"WIRE.md": "schema/WIRE.md", "openapi.yaml": "docs/openapi.yaml"}


def output(kind):
    text = subprocess.run([GEN, kind], text=True, check=True, stdout=subprocess.PIPE).stdout
    # The release decides PHP's version; the golden files hold for every release.
    return re.sub(r"\bphp = \d+\.\d+", "php = @PHP@", re.sub(r"(?<=Default: )8\.\d+", "@PHP@", text))


kinds = re.findall(r"^gen (\S+)$", subprocess.run([GEN], text=True, stderr=subprocess.PIPE,
                                                  check=False).stderr, re.M)
for kind in kinds:
    golden = lint.ROOT / PLACES.get(kind, f"tests/golden/{kind}")
    if "--rewrite" in sys.argv:
        golden.write_text(output(kind))
    elif not golden.exists():
        lint.report(golden.name, 0, "not there; run `make golden`")
    elif golden.read_text() != output(kind):
        done = subprocess.run(["diff", "-u", golden, "-"], input=output(kind), text=True,
                              stdout=subprocess.PIPE, check=False)
        lint.report(golden.name, 0, "differs; if that is meant run `make golden`\n" + done.stdout)
    if kind[-2:] in (".1", ".5", ".8") and shutil.which("mandoc"):
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning"], input=output(kind),
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False)
        for line in done.stdout.splitlines():
            if "missing date" not in line:      # the same source gives the same page
                lint.report(golden.name, 0, line)
lint.finish()
