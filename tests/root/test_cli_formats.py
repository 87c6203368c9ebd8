# SPDX-License-Identifier: Apache-2.0
"""What tenantctl prints in each format, for every command of the table that reads: over tenant-control
with a played supervisor."""
import csv
import io
import json
import re
import shlex
import subprocess

import pytest

from tests.lib.control import ROOT, Control

REASON = 'a "quoted", reason; = and more'
# Those that print lines of a log, ask what only a living pool can tell, or read another's
# configuration: tests/trips has them.
NOT_HERE = ("logs", "exec", "verify", "import php-fpm")


def readers():
    """(word, example) of each command that changes nothing."""
    rows = re.findall(r'^COMMAND\(\w+, "([^"]+)", "(\w*)".*?, (\d),\s*"[^"]*",\s*"([^"]*)"\)',
                      (ROOT / "schema/commands.def").read_text(), re.M | re.S)
    assert len(rows) > 10
    return [(word, example) for word, method, changes, example in rows
            if changes == "0" and method and word not in NOT_HERE]


@pytest.fixture(scope="module")
def c():
    with Control() as control:
        control.add("site.example", aliases=["www.site.example"], options={"env.A": 'x, "y"'})
        control.add("other.example")
        control.post("/v1/tenants/other.example/suspend", reason=REASON)
        yield control


def run(c, example, kind):
    words = [w for w in shlex.split(example) if not w.startswith("--json")]
    if "--format" in words:
        at = words.index("--format")
        del words[at:at + 2]
    done = subprocess.run([c.build / "tenantctl", "--socket", c.socket, "--format", kind, *words],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                          check=False)
    # doctor says by its status whether all is well
    assert done.returncode == 0 or (words[0] == "doctor" and done.returncode == 1), done.stderr
    return done.stdout


@pytest.mark.parametrize("word, example", readers())
def test_formats_agree(c, word, example):
    """CSV by RFC 4180 and plain lines hold the same cells, a fixed number in each line."""
    reply = json.loads(run(c, example, "json"))
    assert set(reply) == {"metadata", "data"} and reply["metadata"]["command"] == word
    rows = list(csv.reader(io.StringIO(run(c, example, "csv")), strict=True))
    plain = [line.split("\t") for line in run(c, example, "plain").splitlines()]
    assert rows and len({len(row) for row in rows}) == 1 and len(rows[0]) >= 2
    assert len({len(row) for row in plain}) == 1
    # A list has a line of titles in CSV; in plain, which is for scripts that cut, it has none.
    assert [row[0] for row in plain] == [row[0] for row in rows[len(rows) - len(plain):]]
    assert len(rows) - len(plain) in (0, 1) and len(plain[0]) == len(rows[0])
    assert run(c, example, "table").strip()


def test_columns_of_the_list_stand(c):
    rows = list(csv.DictReader(io.StringIO(run(c, "list", "csv"))))
    assert list(rows[0])[:6] == ["site", "state", "pool", "plan", "number", "reason"]
    assert [r["site"] for r in rows] == ["other.example", "site.example"]
    assert rows[0]["reason"] == REASON
    assert REASON in run(c, "list", "plain").splitlines()[0].split("\t")


def test_values_are_quoted(c):
    cells = dict(csv.reader(io.StringIO(run(c, "show site.example", "csv"))))
    assert cells["options.env.A"] == 'x, "y"' and cells["aliases"] == "www.site.example"
    plain = dict(line.split("\t") for line in run(c, "show site.example", "plain").splitlines())
    assert plain["options.env.A"] == 'x, "y"'


# A life in which every command that changes something is told once.
CHANGES = ("plan add formats pids_max=50", "plan set formats pids_max=60", "plan remove formats",
           "add new.example", "set new.example pids_max=70", "alias add new.example a.example b.example",
           "alias remove new.example b.example", "suspend new.example", "resume new.example",
           "repair new.example", "remove new.example", "restore new.example", "remove new.example")


def test_no_change_is_left_out():
    rows = re.findall(r'^COMMAND\(\w+, "([^"]+)".*?, (\d),\s*"[^"]*",\s*"',
                      (ROOT / "schema/commands.def").read_text(), re.M | re.S)
    told = {" ".join(line.split()[:2 if line.startswith(("plan", "alias")) else 1]) for line in CHANGES}
    assert told == {word for word, changes in rows if changes == "1"} - set(NOT_HERE)


@pytest.mark.parametrize("kind", ("csv", "plain"))
def test_changes_are_told_in_pairs(c, kind):
    """Scripts read what came of a change, and what would, as they read everything else."""
    def cells(line):
        text = run(c, line, kind)
        return list(csv.reader(io.StringIO(text), strict=True)) if kind == "csv" else \
            [row.split("\t") for row in text.splitlines()]
    for line in CHANGES:
        word, name = line.split()[0], line.split()[2 if line.startswith(("plan", "alias")) else 1]
        if word != "repair":            # which tells by pairs what differs
            rows = cells(line + " --dry-run")
            assert all(len(row) == 4 for row in rows), rows
            assert kind == "plain" or rows[0] == ["what", "from", "to", "touches"]
        else:
            c.fake.wrong[c.fake.site(name)[0]] = ("vhost",)
        rows = cells(line)
        assert all(len(row) == 2 for row in rows), rows
        said = dict(rows)
        assert len(said) == len(rows) and said["result"] == "done" and said["reason"], rows
        assert said["plan" if word == "plan" else "site"] == name
        assert ("url" in said) == (word in ("add", "set", "alias", "suspend", "resume", "restore"))
        assert said.get("differs.vhost") == ("it differs" if word == "repair" else None)
        if word != "plan":
            assert int(said["microseconds.home"]) > 0
    assert run(c, "repair site.example", kind).splitlines()[1][-9:] == "unchanged"
