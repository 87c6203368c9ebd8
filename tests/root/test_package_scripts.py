# SPDX-License-Identifier: Apache-2.0
"""What purging the Debian package deletes, in a mount namespace that covers what it names."""
import pathlib
import subprocess

import pytest

from tests.conftest import need_root

ROOT = pathlib.Path(__file__).parents[2]
COVERED = ("/etc", "/run", "/srv", "/var/lib", "/var/log")
PLAYED = ("deb-systemd-helper", "deb-systemd-invoke", "groupdel", "systemctl", "userdel")


def purge(folder, *files):
    """(what is left of the files, what it said)"""
    need_root()
    for name in PLAYED:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    covers = "".join(f"mount -t tmpfs none {at}\n" for at in COVERED)
    makes = "".join(f"mkdir -p $(dirname {f})\ntouch {f}\n" for f in files)
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-ec",
         f"{covers}{makes}sh {ROOT}/packaging/deb/postrm purge\n"
         f"find {' '.join(COVERED)} -type f"],
        env={"PATH": f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin"}, text=True, capture_output=True,
        timeout=60)
    assert done.returncode == 0, done.stderr
    return sorted(done.stdout.split()), done.stderr


STATE = ("/var/lib/tenantd/control/tenantd.db", "/var/lib/tenantd/numbers/7",
         "/var/lib/tenantd/numbers/hosts/site.example", "/var/lib/tenantd/numbers/next",
         "/var/log/tenantd/site.example/php.log", "/srv/tenants/.removed/6/public/x")
NEXT = "/var/lib/tenantd/numbers/next"
HOME = "/srv/tenants/site.example/public/index.php"
SPEC = "/var/lib/tenantd/spec/7"


@pytest.mark.parametrize("more, left", [
    ((), []),
    ((HOME, SPEC), [HOME, NEXT]),
    ((HOME,), [HOME, NEXT]),
    ((SPEC,), [NEXT]),          # its home lies elsewhere
])
def test_purge_forgets_no_number_whose_home_is_left(tmp_path, more, left):
    others = ("/srv/www/index.html", "/var/lib/other/x", "/var/log/other")
    found, said = purge(tmp_path, *STATE, *more, *others)
    assert found == sorted([*left, *others])
    assert (NEXT in said) == (NEXT in left) and ("/srv/tenants" in said) == (HOME in left)
