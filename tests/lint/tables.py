#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tables and code agree: every fault point has a row and every row a place; numbers and names
in a table are unique."""
import re
import lint

PRODUCT = [p for p in lint.files("*.c", "*.h") if not p.startswith("tests/")]


def rows(table, macro):
    """(line, arguments) of each row of a table."""
    for number, line in lint.lines(table):
        match = re.match(macro + r"\(\s*(.*)", line)
        if match:
            yield number, [a.strip().strip('"') for a in match.group(1).split(",")]


def used(pattern, but=()):
    names = {}
    for path in PRODUCT:
        if path in but:
            continue
        for number, line in lint.lines(path):
            for match in re.finditer(pattern, line):
                names.setdefault(match.group(1), (path, number))
    return names


def unique(table, macro, column, what):
    seen = {}
    for number, row in rows(table, macro):
        if row[column] in seen:
            lint.report(table, number, f"{what} {row[column]} is in line {seen[row[column]]} too")
        seen[row[column]] = number


points = used(r'\bfault_point\("([^"]+)"\)', but=("base/fault.h",))
declared = {row[0].rstrip('"'): number for number, row in rows("schema/faults.def", "FAULT")}
for name, (path, number) in sorted(points.items()):
    if name not in declared:
        lint.report(path, number, f'fault point "{name}" has no row in schema/faults.def')
for name, number in declared.items():
    if name not in points:
        lint.report("schema/faults.def", number, f'no fault_point("{name}") in the tree')

for path in ("schema/wire.h", "schema/log_wire.h", "schema/net_wire.h", "schema/mail_wire.h",
             "schema/pool_spec.h"):
    for number, line in lint.lines(path):
        if re.match(r"struct (wire_\w+|log_message|log_violation|net_message|net_answer"
                    r"|mail_\w+|pool_report) \{", line):
            lint.report(path, number, "structs of the wire are made by a table, see schema/wire.def")

unique("schema/errors.def", "ERR", 2, "number")
unique("schema/errors.def", "ERR", 1, "name")
unique("schema/events.def", "EVENT", 1, "name")
unique("schema/verbs.def", "VERB", 1, "number")
unique("schema/options.def", "OPT", 0, "option")
unique("schema/settings.def", "SET", 1, "key")
unique("schema/faults.def", "FAULT", 0, "fault point")
unique("schema/commands.def", "COMMAND", 1, "command")
unique("schema/flags.def", "FLAG", 1, "flag")
unique("schema/reasons.def", "REASON", 1, "number")

# programs.def is what tenantd(8) tells: its flags are those that getopt is asked for, and each
# unit and program has its row, as each program has in docs/architecture.md.
told, asked = {}, {}
for number, line in lint.lines("schema/programs.def"):
    match = re.match(r'SWITCH\("([\w-]+)", "-(\w)( ?)', line)
    if match:
        told.setdefault(match.group(1), set()).add(match.group(2) + ":" * bool(match.group(3)))
for path in PRODUCT:
    match = re.search(r'getopt\(argc, argv, "([^"]+)"', lint.text(path))
    program = re.search(r'program_usage\("([\w-]+)"', lint.text(path))
    if match and program:
        asked[program.group(1)] = set(re.findall(r"\w:?", match.group(1)))
if told != asked:
    lint.report("schema/programs.def", 1, f"flags {told} are told, {asked} are known")
built = set(re.search(r"^PROGRAMS := ((?:.*\\\n)*.*)", lint.text("Makefile"), re.M).group(1)
            .replace("\\\n", " ").split())
chapter = lint.text("docs/architecture.md").split("## Programs\n")[1].split("\n## ")[0]
for path, names in (
        ("schema/programs.def", {row[0] for _, row in rows("schema/programs.def", "PROGRAM")}
         | {"tenantctl"}),                              # which has a manual of its own
        ("docs/architecture.md", set(re.findall(r"^\| `([\w-]+)`", chapter, re.M)))):
    for name in sorted(built ^ names):
        lint.report(path, 1, f"{name} is a program of the Makefile or has a row here, not both")
units = {row[0] for _, row in rows("schema/programs.def", "UNIT")}
for path in lint.files("*.service", "*.socket", "*.timer"):
    if path.startswith("packaging/systemd/") and path.rsplit("/", 1)[1] not in units:
        lint.report(path, 1, "no UNIT row in schema/programs.def")
lint.finish()
