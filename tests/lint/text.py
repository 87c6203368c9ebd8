#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Form of the files: licence line, length, tabs, no leftovers."""
import re
import lint

SOURCES = ("*.c", "*.h", "*.def", "*.py", "*.sh", "*.sql", "Makefile")
LINES_MAX = 600
COLUMNS_MAX = 100
LEFTOVER = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b|^(?:<{7}|>{7}|={7})(?: |$)")


def columns(line):
    return len(line.expandtabs(8))


for path in lint.files(*SOURCES):
    head = lint.text(path).split("\n", 3)[:3]
    if not any("SPDX-License-Identifier: Apache-2.0" in line for line in head):
        lint.report(path, 1, "no SPDX line among the first three")
    count = lint.text(path).count("\n")
    if count > LINES_MAX:
        lint.report(path, count, f"more than {LINES_MAX} lines: split it")
    for number, line in lint.lines(path):
        if LEFTOVER.search(line):
            lint.report(path, number, "something unfinished was left here")
        if line != line.rstrip():
            lint.report(path, number, "white space at the end of the line")
        if path.endswith((".c", ".h")):
            if columns(line) > COLUMNS_MAX:
                lint.report(path, number, f"{columns(line)} columns, {COLUMNS_MAX} are allowed")
            if line.startswith("    "):
                lint.report(path, number, "indented by spaces; C here is indented by tabs")
for path in lint.files("*"):
    if (lint.ROOT / path).stat().st_size > 400 * 1024:
        lint.report(path, 1, "larger than 400 KiB: what is built or downloaded does not belong here")
lint.finish()
