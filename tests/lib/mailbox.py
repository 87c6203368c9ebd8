# SPDX-License-Identifier: Apache-2.0
"""A mailer for tests: what tenant-mail starts, and what it was given.

    box = Mailbox(system)
    box.wait(1)[0].text
"""
import collections
import pathlib

from tests.lib.procs import wait_until

LIMIT_S = 30
Mail = collections.namedtuple("Mail", "args text")

# The name of a message says when it came.
SCRIPT = """#!/bin/sh
cd '{folder}' || exit 71
echo x >>started
[ ! -e wait ] || exec sleep 300
part=$(mktemp part.XXXXXX)
{{ for word; do printf '%s\\n' "$word"; done; echo; cat; }} >"$part"
[ ! -e status ] || {{ cat >/dev/null; echo 'no, for a test' >&2; rm "$part"; exit "$(cat status)"; }}
mv "$part" "mail.$(date +%s.%N)"
"""


class Mailbox:
    """Stands at the place that packaging/run/tenantd.conf.in calls `mailer`."""

    def __init__(self, system):
        self.system = system
        self.folder = pathlib.Path(system.folder, "box")
        self.program = pathlib.Path(system.folder, "etc/mailer")
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o777)
        self.program.write_text(SCRIPT.format(folder=self.folder))
        self.program.chmod(0o755)

    def clear(self):
        for path in self.folder.iterdir():
            path.unlink()

    def set(self, name, text=""):
        """`wait`: the mailer sleeps; `status`: it takes nothing and ends with this."""
        (self.folder / name).write_text(text)

    def all(self):
        mails = []
        for path in sorted(self.folder.glob("mail.*")):
            args, _, text = path.read_bytes().decode("latin-1").partition("\n\n")
            mails.append(Mail(args.split("\n"), text))
        return mails

    def started(self):
        path = self.folder / "started"
        return len(path.read_text().split()) if path.exists() else 0

    def wait(self, count):
        wait_until(lambda: len(self.all()) >= count, LIMIT_S, f"{count} messages")
        found = self.all()
        assert len(found) == count, found
        return found
