# SPDX-License-Identifier: Apache-2.0
"""kill -9 of tenant-build and tenant-nginx alone, at every point that a job passes: the same job
again must reach its end, and what was there before must be as it was."""
import os
import pathlib
import re

import pytest

from tests.lib.builder import Builder, UID_BASE

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Story:
    """A job and what must hold after it.  Each runs with a site of its own."""

    def __init__(self, b, site):
        self.b, self.site, self.number = b, site, None
        self.alias = "alias=www." + site

    def before(self):
        pass

    def run(self):
        """Returns False if a program was killed on the way."""
        raise NotImplementedError

    def job(self, verb, *words, number=None, **options):
        reply = self.b.job(verb, self.number or 0 if number is None else number, self.site, *words,
                           **options)
        assert reply.code is None or reply.code == 0, reply.text
        return reply

    def swap(self, revision):
        reply = self.b.swap(revision) if revision else None
        assert reply is None or reply.code in (None, 0), reply.text
        return reply is None or reply.code == 0

    def after(self):
        b, home = self.b, self.b.homes / self.site
        for host in (self.site, "www." + self.site):
            assert b.get(host)[0] == 200
        assert (home / "public").stat().st_uid == UID_BASE + self.number
        living = [n for n, (state, _, site) in b.ledger().items() if site == self.site and state == 2]
        assert living == [self.number]


class Add(Story):
    def run(self):
        reply = self.job("issue", self.alias, number=0)
        if reply.code is None:
            return False
        self.number = reply.number
        reply = self.job("apply", self.alias)
        return reply.code is not None and self.swap(reply.nginx)


class Change(Add):
    """Aliases and options of a site that lives."""

    def before(self):
        assert Add.run(self)
        self.old = self.alias
        self.alias = "alias=new." + self.site

    def run(self):
        reply = self.job("apply", self.alias, "max_connections=9")
        return reply.code is not None and self.swap(reply.nginx)

    def after(self):
        b = self.b
        assert b.get("new." + self.site)[0] == 200
        with pytest.raises(OSError):
            b.get("www." + self.site)
        assert "tenantd_site 9;" in (b.state / f"nginx/sites/{self.number}.conf").read_text()
        other = b.issue("other." + self.site, self.old)     # the name is free
        b.must("remove", other, "other." + self.site)


class Remove(Add):
    def before(self):
        assert Add.run(self)

    def run(self):
        reply = self.job("remove", self.alias)
        return reply.code is not None and self.swap(reply.nginx)

    def after(self):
        b = self.b
        with pytest.raises(OSError):
            b.get(self.site)
        assert b.ledger()[self.number] == (3, 1, self.site)
        assert (b.homes / ".removed" / str(self.number) / "public/index.html").exists()
        for gone in (b.homes / self.site, b.log / self.site, b.state / f"spec/{self.number}",
                     b.state / f"numbers/hosts/{self.site}",
                     b.state / f"numbers/hosts/www.{self.site}",
                     b.state / f"nginx/sites/{self.number}.conf"):
            assert not gone.exists()


class Regret(Remove):
    """A removal that is broken off and taken back."""

    def finish(self):
        if self.b.ledger()[self.number][0] == 3:    # too late: goes on to the end
            assert self.run()
            self.after()
            return
        reply = self.b.apply(self.number, self.site, self.alias)
        assert self.swap(reply.nginx)
        Story.after(self)


class Restore(Remove):
    def before(self):
        assert Add.run(self)
        assert Remove.run(self)
        self.old, self.number = self.number, None

    def run(self):
        reply = self.job("issue", self.alias, number=0)
        if reply.code is None:
            return False
        self.number = reply.number
        if self.job("restore", self.alias, restore=self.old).code is None:
            return False
        reply = self.job("apply", self.alias)
        return reply.code is not None and self.swap(reply.nginx)

    def after(self):
        Story.after(self)
        assert self.b.ledger()[self.old] == (3, 0, self.site)
        assert not (self.b.homes / ".removed" / str(self.old)).exists()


class Together(Add):
    """A change that is staged on top of another one, as the supervisor has it."""

    def before(self):
        self.first = Add(self.b, "first." + self.site)
        self.first.number = self.first.job("issue", number=0).number
        self.base = self.first.job("apply").nginx

    def run(self):
        reply = self.job("issue", self.alias, number=0)
        if reply.code is None:
            return False
        self.number = reply.number
        reply = self.b.job("apply", self.number, self.site, self.alias, base=self.base)
        if reply.code is None:
            return False
        if reply.code == 0 and reply.nginx:
            return self.swap(reply.nginx)
        # It was broken off before: each by itself.
        for story in (self.first, self):
            reply = story.job("apply", *((self.alias,) if story is self else ()))
            if reply.code is None or not self.swap(reply.nginx):
                return False
        return True

    def after(self):
        super().after()
        assert self.b.get(self.first.site)[0] == 200


class Purge(Remove):
    def before(self):
        assert Add.run(self)
        assert Remove.run(self)
        record = self.b.state / "numbers" / str(self.number)
        data = bytearray(record.read_bytes())
        data[24:32] = (1).to_bytes(8, "little")     # removed in 1970
        record.write_bytes(data)

    def run(self):
        return self.job("purge", number=0).code is not None

    def after(self):
        assert not (self.b.homes / ".removed" / str(self.number)).exists()
        assert self.b.ledger()[self.number] == (3, 0, self.site)


STORIES = (Add, Change, Remove, Regret, Restore, Together, Purge)


def rows(program):
    text = (ROOT / "schema/faults.def").read_text()
    return set(re.findall(rf'^FAULT\("([^"]+)", "{program}"\)', text, re.M))


@pytest.fixture(scope="module")
def b(tmp_path_factory):
    if os.getuid() != 0:
        pytest.skip("needs root: other uids")
    folder = tmp_path_factory.mktemp("fault")
    with Builder(env={"TENANT_FAULT": str(folder / "fault")}) as builder:
        builder.fault, builder.trace = folder / "fault", folder / "fault.trace"
        builder.sites = iter(f"f{i}.example" for i in range(1, 10000))
        builder.struck = set()
        builder.start_nginx()
        builder.witness = builder.live("witness.example")
        yield builder


def points(b, kind):
    """The points that a story passes when nothing happens."""
    story = kind(b, next(b.sites))
    story.before()
    b.trace.write_text("")
    assert story.run()
    passed = dict.fromkeys(b.trace.read_text().split())
    b.trace.unlink()
    story.after()
    return list(passed)


@pytest.mark.parametrize("kind", STORIES, ids=lambda kind: kind.__name__.lower())
def test_killed_anywhere(b, kind):
    passed = points(b, kind)
    assert passed, "the build has no fault points; FAULT=1"
    if kind is Regret:      # afterwards the removal is done
        passed = [name for name in passed if not name.startswith("nginx.")]
    for name in passed:
        story = kind(b, next(b.sites))
        story.before()
        b.fault.write_text(name)
        done = story.run()
        assert not b.fault.exists(), f"{name} was not passed"
        b.struck.add(name)
        if isinstance(story, Regret):
            story.finish()
        else:
            assert not done, name
            assert story.run(), name
            story.after()
        assert not (b.state / "nginx/staged").exists(), name
        assert b.get("witness.example")[0] == 200, name
        claims = {p.name for p in (b.state / "numbers/hosts").iterdir()}
        assert not [c for c in claims if c.startswith(".")], name


def test_every_point_was_struck(b):
    ours = rows("tenant-build") | rows("tenant-nginx")
    assert b.struck == ours
