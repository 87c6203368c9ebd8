# SPDX-License-Identifier: Apache-2.0
"""tenant-build: the configuration, and the folders it makes by it."""
import os

import pytest

from tests.lib.builder import CONTROL_UID, b, facts, make, snapshot

EXHAUSTED = 13


def test_base_folders(b):
    web = b.homes.stat().st_gid
    assert facts(b.homes) == (0o750, 0, web) and web != 0
    assert facts(b.homes / ".removed") == (0o700, 0, 0)
    assert facts(b.state) == (0o711, 0, 0)
    assert facts(b.state / "control") == (0o700, CONTROL_UID, 0)
    assert facts(b.state / "spec") == facts(b.state / "numbers") == (0o700, 0, 0)
    assert facts(b.run) == (0o755, 0, 0) and facts(b.log)[0] == 0o750
    assert facts(b.run / "settings") == (0o644, 0, 0)
    assert (b.run / "settings").read_bytes() == (b.folder / "record").read_bytes()
    before = snapshot(b.homes, b.state, b.run, b.log)
    assert b.settings().returncode == 0
    assert snapshot(b.homes, b.state, b.run, b.log) == before


@pytest.mark.parametrize("text, says", [
    ("nonsense = 1\n", "no setting 'nonsense'"),
    ("nonsense\n", "not 'key = value'"),
    ("tenants_max = many\n", "not a number"),
    ("tenants_max = 0\n", "range 1 to"),
    ("tenants_max = 5\ntenants_max = 6\n", "stands twice"),
    ("home_dir = srv\n", "not an absolute path"),
    ("home_dir = /srv/../etc\n", "not an absolute path"),
    ("home_dir = /srv/a;b\n", "not an absolute path"),
    ("control_user = nobody-of-this-name\n", "adduser --system"),
    ("control_user = root\n", "root is not allowed"),
    ("admin_group = no-such-group\n", "addgroup --system"),
    ("nginx_listen = 80; root /\n", "not addresses and ports"),
    ("uid_base = 5\n", "range"),
    ("allow_programs = perhaps\n", "yes or no"),
    ("php = ../../etc\n", "not a word"),
    ("cgroup_name = a/b\n", "not a name"),
    ("run_dir = /run/" + "x" * 100 + "\n", "too long"),
    ("a = " + "b" * 600 + "\n", "longer than"),
])
def test_bad_configuration(b, text, says):
    more = b.folder / "conf.d"
    more.mkdir()
    (more / "bad.conf").write_text("# a comment\n\n" + text)
    done = b.settings()
    assert done.returncode == 1 and says in done.stderr, done.stderr
    assert (b.folder / "record").read_bytes() == b""


def test_bad_line_is_named(b):
    b.conf.write_text(b.usual + "what = 1\n")
    done = b.settings()
    assert f"'{b.conf}' line {len(b.usual.splitlines()) + 1}" in done.stderr


def test_missing_configuration(b):
    done = b.settings(b.folder / "none.conf")
    assert done.returncode == 1 and "is missing; make it" in done.stderr


def test_configuration_of_others_is_refused(b):
    for change, undo in ((lambda: os.chown(b.conf, 1000, 0), lambda: os.chown(b.conf, 0, 0)),
                         (lambda: b.conf.chmod(0o664), lambda: b.conf.chmod(0o644))):
        change()
        done = b.settings()
        assert done.returncode == 1 and "must belong to root" in done.stderr
        undo()
    assert b.settings().returncode == 0


def test_folder_of_files_in_order(b):
    more = b.folder / "conf.d"
    more.mkdir()
    (more / "20-b.conf").write_text("removed_keep_days = 20\n")
    (more / "10-a.conf").write_text("removed_keep_days = 10\ntenants_max = 1\n")
    (more / "30-c.txt").write_text("nonsense\n")
    assert b.settings().returncode == 0
    b.issue("one.example")
    assert b.job("issue", 0, "two.example").code == EXHAUSTED
    more.chmod(0o777)
    assert "must belong to root" in b.settings().stderr


def test_base_folder_below_a_strangers_folder(b):
    stranger = b.folder / "stranger"
    stranger.mkdir()
    os.chown(stranger, 1000, 1000)
    b.conf.write_text(b.usual.replace(str(b.homes), str(stranger / "homes")))
    done = b.settings()
    assert done.returncode == 1 and "does not belong to root" in done.stderr


def test_configuration_may_not_be_a_pipe(b):
    b.conf.unlink()
    os.mkfifo(b.conf)
    done = b.settings()
    assert done.returncode == 1 and "not a plain file" in done.stderr
