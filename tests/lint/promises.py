#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The tables of promises and walls agree with each other, with the code and with the documents: the
list in README.md and the table in sandbox/README.md are what the rows say.  --rewrite writes both."""
import re
import sys
import lint

sys.path.insert(0, str(lint.ROOT))
from tests.lib import promises  # noqa: E402

TABLE, WALLS = "schema/promises.def", "sandbox/mechanisms.def"
CLASSES = dict(re.findall(r'\[PROMISE_(\w+)\] = "([^"]+)"', lint.text("schema/promises.c")))
rows, walls = promises.rows(), promises.mechanisms()


def tables():
    seen, named = {}, set()
    for p in rows:
        if not re.fullmatch(r"TNT-[A-Z]{2,4}-\d{3}", p.id):
            lint.report(TABLE, p.line, f"'{p.id}' is no id like TNT-FS-001")
        if p.id in seen:
            lint.report(TABLE, p.line, f"{p.id} is in line {seen[p.id]} too")
        seen[p.id] = p.line
        named.update(p.walls)
        for wall in set(p.walls) - set(walls):
            lint.report(TABLE, p.line, f"wall '{wall}' has no row in {WALLS}")
        if p.test:
            path, _, name = p.test.partition("::")
            if not re.search(rf"^def {re.escape(name.partition('[')[0])}\(", lint.text(f"tests/{path}")
                             if (lint.ROOT / "tests" / path).is_file() else "", re.M):
                lint.report(TABLE, p.line, f"there is no test {p.test}")
    for wall in sorted(set(walls) - named):
        lint.report(WALLS, 0, f"no promise names the wall '{wall}'")
    if len(seen) != len(re.findall(r"^(?:INSIDE|OUTSIDE)\(", lint.text(TABLE), re.M)):
        lint.report(TABLE, 0, "a row is not written as the others are")


def code():
    used = {}
    for path in lint.files("*.c"):
        for number, line in lint.lines(path):
            for name in re.findall(r'mutant_(?:is_off|text)\("([^"]+)"', line):
                used.setdefault(name, []).append((path, number))
    for name, places in used.items():
        if name not in walls:
            lint.report(*places[0], f"wall '{name}' has no row in {WALLS}")
        elif not any(path.startswith(walls[name][0]) for path, _ in places):
            lint.report(WALLS, 0, f"'{name}' is not built in {walls[name][0]}")
    for name in sorted(set(walls) - set(used)):
        lint.report(WALLS, 0, f"no mutant can leave out '{name}'")


def readme():
    text = ""
    for cls, title in CLASSES.items():
        mine = [p for p in rows if p.cls == cls]
        if mine:
            text += f"\n{title}:\n\n" + "".join(f"* {p.sentence} ({p.id})\n" for p in mine)
    return text


def sandbox():
    text = "\n| promise | what a hostile site cannot do | walls | tried by |\n|---|---|---|---|\n"
    for p in rows:
        by = f"`tests/{p.test}`" if p.test else f"`probe_{p.probe}`"
        text += f"| {p.id} | {p.sentence} | {' and '.join(p.walls)} | {by} |\n"
    text += "\n| wall | what it does | where |\n|---|---|---|\n"
    return text + "".join(f"| {n} | {what} | `{where}` |\n" for n, (where, what) in walls.items())


def document(path, wanted):
    old = lint.text(path)
    new = re.sub(r"(<!-- promises: [^>]*-->\n).*(<!-- end -->)",
                 lambda m: m.group(1) + wanted + "\n" + m.group(2), old, flags=re.S)
    if "<!-- promises: " not in old:
        lint.report(path, 0, "has no place for the promises")
    elif "--rewrite" in sys.argv:
        (lint.ROOT / path).write_text(new)
    elif new != old:
        lint.report(path, 0, f"is not what {TABLE} says; run `make golden`")


tables()
code()
document("README.md", readme())
document("sandbox/README.md", sandbox())
lint.finish()
