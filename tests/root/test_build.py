# SPDX-License-Identifier: Apache-2.0
"""tenant-build: the ledger, and the files of tenants."""
import fcntl
import os
import pathlib
import subprocess
import threading

import pytest

from tests.lib import procs
from tests.lib.builder import UID_BASE, b, facts, make, snapshot

UNKNOWN, CONFLICT, BAD_NAME, BAD_OPTION, POLICY, EXHAUSTED, BAD_RECORD = 4, 5, 6, 7, 9, 13, 15


def owned_by(uid, *folders):
    """Everything of this uid below some folders."""
    return [p for f in folders for p in pathlib.Path(f).rglob("*") if p.lstat().st_uid == uid]


# ---- the ledger ------------------------------------------------------------------------

def test_numbers(b):
    assert [b.issue(s) for s in ("a.example", "b.example", "a.example")] == [1, 2, 1]
    reply = b.job("issue", 0, "c.example", alias="b.example")
    assert reply.code == CONFLICT and "'b.example' belongs to site 'b.example'" in reply.text
    assert b.issue("d.example", alias="www.d.example") == 3     # a refusal spends no number
    reply = b.job("issue", 0, "www.d.example")
    assert reply.code == CONFLICT and "alias of site 'd.example'" in reply.text
    assert b.ledger() == {1: (1, 0, "a.example"), 2: (1, 0, "b.example"), 3: (1, 0, "d.example")}


def test_numbers_are_never_given_again(b):
    first = b.issue("a.example")
    b.must("remove", first, "a.example")
    assert b.issue("a.example") == first + 1
    assert b.ledger()[first][0] == 3


def test_retired_numbers_stay_so(b):
    first = b.add("a.example")[0]
    b.must("remove", first, "a.example")
    reply = b.job("apply", first, "a.example")
    assert reply.code == CONFLICT and "retired" in reply.text
    assert not (b.homes / "a.example").exists()


def test_ledger_without_its_mark_gives_nothing(b):
    b.issue("a.example")
    (b.state / "numbers/next").unlink()
    reply = b.job("issue", 0, "b.example")
    assert reply.code == BAD_RECORD and "backup" in reply.text


def test_damaged_record_is_told(b):
    number = b.issue("a.example")
    record = b.state / "numbers" / str(number)
    record.write_bytes(b"\0" * record.stat().st_size)
    assert b.job("apply", number, "a.example").code == BAD_RECORD


def test_room_for_tenants(make):
    b = make("tenants_max = 2\n")
    first = b.issue("a.example")
    b.issue("b.example")
    reply = b.job("issue", 0, "c.example")
    assert reply.code == EXHAUSTED and "tenants_max" in reply.text and reply.status == 1
    b.must("remove", first, "a.example")
    assert b.issue("c.example") == 3


def test_uids_used_up(b):
    last = 0xfffffffd - UID_BASE
    mark = b.state / "numbers/next"
    b.issue("a.example")
    record = bytearray(mark.read_bytes())
    record[8:12] = (last + 1).to_bytes(4, "little")
    mark.write_bytes(record)
    reply = b.job("issue", 0, "b.example")
    assert reply.code == EXHAUSTED and "never reused" in reply.text


def test_aliases_change_hands(b):
    one, two = b.add("one.example", "alias=x.example", "alias=y.example")[0], b.issue("two.example")
    assert b.job("apply", two, "two.example", alias="x.example").code == CONFLICT
    b.apply(one, "one.example", alias="y.example")
    b.apply(two, "two.example", alias="x.example")
    assert b.job("apply", one, "one.example", "alias=x.example").code == CONFLICT
    b.must("remove", two, "two.example")
    b.apply(one, "one.example", alias="x.example")


def test_ledger_in_pages(b):
    mark = {}
    for i in range(1, 131):     # WIRE_LEDGER_ROWS and two
        mark[b.issue(f"s{i}.example")] = (1, 0, f"s{i}.example")
    assert b.ledger() == mark


# ---- what a sender may lie about ---------------------------------------------------------

@pytest.mark.parametrize("words, code", [
    (("raw.memory_max=1",), BAD_OPTION), (("raw.pm=99",), BAD_OPTION),
    (("raw.max_children=100000",), BAD_OPTION), (("programs=allow",), POLICY),
    (("document_root=private/x",), BAD_OPTION), (("document_root=sessions",), BAD_OPTION),
    (("alias=site.example",), CONFLICT), (("alias=../../etc",), BAD_NAME),
    (("alias=*.example",), BAD_NAME),
])
def test_values_are_checked_again(b, words, code):
    before = snapshot(b.homes, b.state, b.log)
    for verb in ("issue", "apply"):
        reply = b.job(verb, 0, "site.example", *words)
        assert reply.code == code, reply.text
    assert snapshot(b.homes, b.state, b.log) == before


def test_guarded_option_where_root_allows_it(make):
    b = make("allow_programs = yes\n")
    b.add("site.example", programs="allow")


@pytest.mark.parametrize("site", ["../x", "", "a", "Site.example", "a/b.example", "x" * 253])
def test_bad_names(b, site):
    reply = b.job("issue", 0, site)
    assert reply.code == BAD_NAME and reply.status == 5


@pytest.mark.parametrize("site", ["access.log", "nginx.log", "access.log-20261201", "nginx.log.2.gz"])
def test_a_site_is_not_called_as_a_log_is(b, site):
    """Its folder lies beside nginx's logs: undoing the try removed what had the name."""
    log = b.log / site
    log.write_text("of all sites\n")
    reply = b.job("issue", 0, site)
    if reply.code == 0:
        b.job("apply", reply.number, site)
    assert log.read_text() == "of all sites\n"
    assert reply.code == BAD_NAME
    b.add("access.log.example")


def test_number_of_another_site(b):
    one = b.add("one.example")[0]
    b.add("two.example")
    before = snapshot(b.homes, b.state, b.log)
    for verb in ("apply", "remove"):
        reply = b.job(verb, one, "two.example")
        assert reply.code == CONFLICT and f"number {one} is site 'one.example'" in reply.text
    assert b.job("apply", 99, "two.example").code == UNKNOWN
    assert snapshot(b.homes, b.state, b.log) == before


def test_job_must_be_sealed(b):
    """A job that could still change under the checks is refused."""
    with open(b.folder / "record", "rb") as record:
        def place():
            os.dup2(record.fileno(), 3)
            os.dup2(3, 4)
            os.dup2(3, 5)
        done = subprocess.run([str(b.build / "tenant-build")], preexec_fn=place, close_fds=False,
                              capture_output=True, text=True)
    assert done.returncode == 1 and "not a sealed record" in done.stderr


@pytest.mark.slow
def test_second_run_waits_and_gives_up(b):
    held = os.open(b.state / "numbers", os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        reply = b.job("issue", 0, "site.example")
    finally:
        os.close(held)
    assert reply.code == 21 and "another tenant-build" in reply.text


# ---- files of a tenant --------------------------------------------------------------------

def test_home(b):
    number, reply = b.add("site.example")
    uid = UID_BASE + number
    assert reply.steps == ["names", "home", "quota", "logs", "mail", "spec", "uploads", "vhost"]
    home = b.homes / "site.example"
    assert facts(home) == (0o711, 0, 0)
    assert {p.name: facts(p) for p in home.iterdir()} == {
        "public": (0o755, uid, uid), "private": (0o700, uid, uid), "tmp": (0o700, uid, uid),
        "sessions": (0o700, uid, uid), "logs": (0o755, 0, 0)}
    assert facts(home / "public/index.html") == (0o644, uid, uid)
    assert facts(b.state / "spec" / str(number)) == (0o600, 0, 0)
    assert facts(b.log / "site.example")[:2] == (0o750, 0)
    (home / "public/index.html").unlink()
    before = snapshot(b.homes, b.state / "spec", b.log)
    b.apply(number, "site.example")
    assert snapshot(b.homes, b.state / "spec", b.log) == before   # no page for an old site


def test_tenant_reads_its_logs_and_nobody_elses(b):
    one, two = (UID_BASE + b.add(s)[0] for s in ("one.example", "two.example"))
    log = b.log / "one.example/php.log"
    os.close(os.open(log, os.O_CREAT | os.O_WRONLY, 0o640))
    b.log.chmod(0o755)      # the jail binds the site's folder, without the one above
    for uid, wanted in ((one, 0), (two, 1)):
        done = subprocess.run(["cat", log], user=uid, group=uid, extra_groups=[],
                              stderr=subprocess.DEVNULL)
        assert done.returncode == wanted
    assert facts(log)[0] == 0o640


def test_own_document_root(b):
    number = b.add("site.example", document_root="web/htdocs")[0]
    assert facts(b.homes / "site.example/web") == (0o755, UID_BASE + number, UID_BASE + number)


def test_home_is_repaired(b):
    number = b.add("site.example")[0]
    home = b.homes / "site.example"
    (home / "tmp").rmdir()
    (home / "public").chmod(0o700)
    home.chmod(0o755)
    (b.state / "spec" / str(number)).unlink()
    b.apply(number, "site.example")
    assert facts(home)[0] == 0o711 and facts(home / "public")[0] == 0o755
    assert (home / "tmp").is_dir() and (b.state / "spec" / str(number)).exists()


@pytest.mark.parametrize("part", ["public", "tmp", "."])
def test_links_are_not_followed(b, part):
    """A link in place of a folder: refused, and what it points at stays as it is."""
    victim = b.folder / "victim"
    victim.mkdir()
    victim.chmod(0o700)
    number = b.issue("site.example")
    home = b.homes / "site.example"
    if part == ".":
        home.symlink_to(victim)
    else:
        home.mkdir()
        (home / part).symlink_to(victim)
    reply = b.job("apply", number, "site.example")
    assert reply.code != 0
    assert facts(victim) == (0o700, 0, 0) and not list(victim.iterdir())


def test_folder_of_somebody_else_is_not_taken(b):
    number = b.issue("site.example")
    public = b.homes / "site.example/public"
    public.mkdir(parents=True)
    os.chown(public, 4711, 4711)
    reply = b.job("apply", number, "site.example")
    assert reply.code == CONFLICT and "belongs to user 4711" in reply.text
    assert facts(public)[1] == 4711


def test_a_new_tenant_that_errs_is_undone(b):
    number = b.issue("site.example", alias="www.site.example")
    (b.state / "spec").rmdir()
    reply = b.job("apply", number, "site.example", alias="www.site.example")
    assert reply.code != 0 and reply.text.startswith("spec: ")
    assert not (b.homes / "site.example").exists() and not (b.log / "site.example").exists()
    assert b.issue("other.example", alias="www.site.example")      # the alias is free
    assert b.ledger()[number][0] == 1
    (b.state / "spec").mkdir(0o700)
    assert b.issue("site.example") == number
    b.apply(number, "site.example")


def test_an_old_tenant_that_errs_stays(b):
    number = b.add("site.example")[0]
    (b.homes / "site.example/public/page").write_text("mine")
    (b.state / "spec" / str(number)).unlink()
    (b.state / "spec").rmdir()
    assert b.job("apply", number, "site.example").code != 0
    assert (b.homes / "site.example/public/page").read_text() == "mine"


def test_suspended_spec_and_limits(b):
    number = b.add("site.example", "suspended=yes", "memory_max=64M", "revision=7")[0]
    spec = (b.state / "spec" / str(number)).read_bytes()
    assert int.from_bytes(spec[12:16], "little") & 1        # SPEC_SUSPENDED
    assert (64 << 20).to_bytes(8, "little") in spec
    assert b"/php/" in spec and str(b.homes / "site.example").encode() in spec


# ---- removal --------------------------------------------------------------------------------

def test_remove_leaves_nothing_of_the_tenant(b):
    number = b.add("site.example", alias="www.site.example")[0]
    uid = UID_BASE + number
    public = b.homes / "site.example/public"
    (public / "deep").mkdir()
    (public / "deep/link").symlink_to("/etc/passwd")
    for p in (public / "deep", public / "deep/link"):
        os.lchown(p, uid, uid)
    reply = b.must("remove", number, "site.example")
    assert reply.nginx and \
        reply.steps == ["vhost", "uploads", "spec", "mail", "logs", "quota", "home", "names"]
    assert owned_by(uid, b.state, b.log, b.run) == []
    assert [p.name for p in b.homes.iterdir()] == [".removed"]
    assert (b.homes / ".removed" / str(number) / "public/deep/link").is_symlink()
    assert not list((b.state / "spec").iterdir()) and not list(b.log.iterdir())
    assert not list((b.state / "numbers/hosts").iterdir())
    assert b.ledger()[number] == (3, 1, "site.example")
    b.must("remove", number, "site.example")        # again: nothing to do


def test_remove_asks_for_no_options(b):
    number = b.add("site.example")[0]
    b.must("remove", number, "site.example", "raw.memory_max=1", "programs=allow")


def test_removals_per_hour(make):
    """Who has taken over control cannot empty the machine at once."""
    b = make("removals_per_hour = 2\n")
    numbers = [b.add(f"{name}.example", alias=f"www.{name}.example")[0] for name in "abcd"]
    for n, name in zip(numbers[:2], "ab"):
        b.must("remove", n, f"{name}.example")
    before = (b.ledger(), sorted(b.state.rglob("*")), sorted(b.homes.rglob("*")))
    reply = b.job("remove", numbers[2], "c.example")
    assert reply.code == POLICY and reply.steps == []
    assert "removals_per_hour" in reply.text and "reload" in reply.text
    assert (b.ledger(), sorted(b.state.rglob("*")), sorted(b.homes.rglob("*"))) == before
    # What is gone already, or never stood, is no site that anybody loses.
    b.must("remove", numbers[0], "a.example")
    never = b.issue("never.example")
    b.must("remove", never, "never.example")
    # An hour later the next may go; a time in the future counts as now.
    def move(number, seconds):
        record = b.state / "numbers" / str(number)
        data = bytearray(record.read_bytes())
        when = int.from_bytes(data[24:32], "little") + seconds
        data[24:32] = when.to_bytes(8, "little")
        record.write_bytes(data)
    for number in (numbers[0], never):
        move(number, -3601)
    b.must("remove", numbers[2], "c.example")
    move(numbers[1], 86400)
    assert b.job("remove", numbers[3], "d.example").code == POLICY
    b.conf.write_text(b.usual + "removals_per_hour = 3\n")
    assert b.settings().returncode == 0
    b.must("remove", numbers[3], "d.example")


def test_late_second_removal_spares_the_successor(b):
    old = b.add("site.example")[0]
    b.must("remove", old, "site.example")
    new = b.add("site.example")[0]
    (b.homes / "site.example/public/page").write_text("new")
    b.must("remove", old, "site.example")
    assert (b.homes / "site.example/public/page").read_text() == "new"
    assert (b.log / "site.example").is_dir() and (b.state / "spec" / str(new)).exists()


def test_restore(b):
    old = b.add("site.example")[0]
    old_uid = UID_BASE + old
    public = b.homes / "site.example/public"
    (public / "page").write_text("kept")
    (public / "link").symlink_to("/etc/passwd")
    (public / "roots").write_text("root's")
    os.mkfifo(public / "fifo")
    os.link(public / "page", public / "page2")
    for name in ("page", "link", "fifo"):
        os.lchown(public / name, old_uid, old_uid)
    passwd = facts("/etc/passwd")
    b.must("remove", old, "site.example")
    new = b.issue("site.example")
    uid = UID_BASE + new
    b.must("restore", new, "site.example", restore=old)
    assert (public / "page").read_text() == "kept"
    for name in ("page", "page2", "link", "fifo", "."):
        assert facts(public / name)[1:] == (uid, uid)
    assert facts(public / "roots")[1] == 0 and facts("/etc/passwd") == passwd
    assert owned_by(old_uid, b.homes) == []
    b.must("restore", new, "site.example", restore=old)       # again: done already
    b.apply(new, "site.example")
    assert b.ledger()[old] == (3, 0, "site.example")


def test_restore_is_refused(b):
    one, two = b.add("one.example")[0], b.add("two.example")[0]
    reply = b.job("restore", two, "two.example", restore=one)
    assert reply.code == CONFLICT
    b.must("remove", one, "one.example")
    for number, site in ((two, "two.example"), (b.issue("three.example"), "three.example")):
        assert b.job("restore", number, site, restore=one).code == CONFLICT
    assert not (b.homes / "three.example").exists()
    new = b.add("one.example")[0]
    reply = b.job("restore", new, "one.example", restore=one)
    assert reply.code == CONFLICT and "has a home already" in reply.text
    assert b.job("restore", new, "one.example", restore=77).code == UNKNOWN
    assert b.ledger()[one][1] == 1


def test_purge(make):
    b = make("removed_keep_days = 1\n")
    old = b.add("site.example")[0]
    b.must("remove", old, "site.example")
    b.must("purge", 0, "x.y")
    assert (b.homes / ".removed" / str(old)).is_dir()
    record = b.state / "numbers" / str(old)
    data = bytearray(record.read_bytes())
    when = int.from_bytes(data[24:32], "little") - 86400
    data[24:32] = when.to_bytes(8, "little")
    record.write_bytes(data)
    b.must("purge", 0, "x.y")
    assert not (b.homes / ".removed" / str(old)).exists()
    assert b.ledger()[old] == (3, 0, "site.example")
    new = b.issue("site.example")
    reply = b.job("restore", new, "site.example", restore=old)
    assert reply.code == UNKNOWN and "not kept any more" in reply.text


def test_capabilities_are_few(b):
    """It runs as root but keeps only capabilities over files; seen while it waits."""
    held = os.open(b.state / "numbers", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    job = threading.Thread(target=b.job, args=("issue", 0, "site.example"))
    job.start()
    try:
        pid = procs.wait_until(lambda: [p for p in procs.children(os.getpid())
                                        if procs.link(p, "exe").endswith("/tenant-build")], 30,
                               "tenant-build runs")[0]
        sets = procs.wait_until(lambda: {n: int(procs.field(pid, n)[0], 16) for n in
                                         ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
                                         } if int(procs.field(pid, "CapEff")[0], 16) < 32 else None,
                                30, "it gives up its capabilities")
    finally:
        os.close(held)
        job.join()
    few = sum(1 << bit for bit in (0, 1, 2, 3, 4))   # CHOWN DAC_* FOWNER FSETID
    assert sets["CapInh"] == sets["CapAmb"] == 0
    assert sets["CapPrm"] == sets["CapEff"] == few and sets["CapBnd"] == few
