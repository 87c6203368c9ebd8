#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The help of tenantctl is what tests/golden/tenantctl.help holds, and what completion offers what
tenantctl.complete holds, so that a changed command, option or range shows up in review.
--rewrite writes the golden files."""
import os
import pathlib
import re
import subprocess
import sys
import lint

PROGRAM = pathlib.Path(os.environ.get("BUILD", lint.ROOT / "build/plain")) / "tenantctl"
HELP = lint.ROOT / "tests/golden/tenantctl.help"
COMPLETE = lint.ROOT / "tests/golden/tenantctl.complete"


def output(*words):
    return subprocess.run([PROGRAM, *words, "--help"], text=True, check=True,
                          stdout=subprocess.PIPE).stdout


def completion(*words):
    """The words that completion offers where no tenantd answers."""
    text = subprocess.run([PROGRAM, "--complete", *words], text=True, check=True,
                          env={"TENANTD_SOCKET": "/nowhere"}, stdout=subprocess.PIPE).stdout
    return " ".join(words) + ": " + " ".join(re.findall(r"^[^\t]+", text, re.M)) + "\n"


def compare(golden, text):
    if "--rewrite" in sys.argv:
        golden.write_text(text)
    elif not golden.exists() or golden.read_text() != text:
        done = subprocess.run(["diff", "-u", golden, "-"], input=text, text=True,
                              stdout=subprocess.PIPE, check=False)
        lint.report(golden.name, 0, "differs; if that is meant run `make golden`\n" + done.stdout)


overview = output()
verbs = [verb.split() for verb in re.findall(r"^  tenantctl ([a-z]+(?: [a-z-]+)?)", overview, re.M)]
compare(HELP, overview + "".join(f"\n==== {' '.join(v)}\n{output(*v)}" for v in verbs))
groups = sorted({v[0] for v in verbs if len(v) > 1})
compare(COMPLETE, completion("") + "".join(completion(g, "") for g in groups) +
        "".join(completion(*v, "name", word) for v in verbs for word in ("", "-")))
lint.finish()
