# SPDX-License-Identifier: Apache-2.0
"""repair: every part that was tampered with is named, mended, and the site answers."""
import json
import os
import pathlib
import socket

import pytest

from tests.lib.procs import wait_until


def repair(system, site, *words):
    done = system.ctl("repair", site, *words, "--json")
    reply = json.loads(done.stdout)
    return done.returncode, reply["metadata"]["result"], {w["name"] for w in reply["data"]["wrong"]}


class Parts:
    """Where the parts of a site lie."""

    def __init__(self, system, site):
        facts = system.show(site)
        self.site, self.number = site, facts["number"]
        self.home, self.vhost = pathlib.Path(facts["home"]), pathlib.Path(facts["vhost"])
        self.spec, self.socket = pathlib.Path(facts["jail"]), pathlib.Path(facts["socket"])
        self.logs = pathlib.Path(facts["logs"])
        self.mail = self.spec.parents[1] / "mail" / str(self.number)


def append(path):
    with open(path, "ab") as f:
        f.write(b"# tampered\n")


def strange_socket(parts):
    parts.socket.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(parts.socket))


TAMPERS = {
    "vhost changed": (lambda p: append(p.vhost), {"vhost"}),
    "vhost gone": (lambda p: p.vhost.unlink(), {"vhost"}),
    "home open": (lambda p: p.home.chmod(0o777), {"home"}),
    "private open": (lambda p: (p.home / "private").chmod(0o755), {"home"}),
    "private root's": (lambda p: os.chown(p.home / "private", 0, 0), {"home"}),
    "logs open": (lambda p: p.logs.chmod(0o777), {"logs"}),
    "mail rule damaged": (lambda p: append(p.mail), {"mail"}),
    "spec damaged": (lambda p: append(p.spec), {"spec", "supervisor"}),
    "spec gone": (lambda p: p.spec.unlink(), {"spec", "supervisor"}),
    "socket gone": (lambda p: p.socket.unlink(), {"listener"}),
    "socket open": (lambda p: p.socket.chmod(0o666), {"listener"}),
    "socket strange": (strange_socket, {"listener"}),
}


@pytest.fixture(scope="module")
def tampered():
    from tests.conftest import need_root
    from tests.lib.system import System
    need_root()
    system = System().start()
    system.ctl("add", "m.example", check=True)
    system.ctl("add", "other.example", check=True)
    system.put("m.example", "public/index.php", "<?php echo 'alive';")
    yield system, Parts(system, "m.example")
    left = system.stop()
    assert not left, left


@pytest.mark.parametrize("state", ("cold", "warm"))
@pytest.mark.parametrize("what", TAMPERS)
def test_what_was_tampered_with_is_mended(tampered, what, state):
    system, parts = tampered
    do, names = TAMPERS[what]
    if state == "warm":
        system.text(parts.site, "/")
    do(parts)
    assert repair(system, parts.site, "--dry-run") == (1, "unchanged", names)
    assert repair(system, parts.site) == (0, "done", names)
    assert repair(system, parts.site) == (0, "unchanged", set())
    assert system.text(parts.site, "/") == "alive"
    assert parts.socket.stat().st_mode & 0o7777 == 0o660
    if state == "warm":
        wait_until(lambda: system.status(parts.site)["pool_state"] == "warm", 60, "not warm")


def test_a_suspended_site_stays_so(tampered):
    system, parts = tampered
    system.ctl("suspend", parts.site, check=True)
    append(parts.vhost)
    assert repair(system, parts.site) == (0, "done", {"vhost"})
    assert system.http(parts.site).status == 503 and system.show(parts.site)["state"] == "suspended"
    system.ctl("resume", parts.site, check=True)


def test_all_names_each_site_once(tampered):
    system, parts = tampered
    append(parts.vhost)
    done = system.ctl("repair", "--all", "--dry-run")
    assert done.returncode == 1
    assert "m.example has parts" in done.stdout and "other.example is as it should be" in done.stdout
    done = system.ctl("repair", "--all", check=True)
    assert "differs: vhost:" in done.stdout and "m.example is mended" in done.stdout
    lines = system.ctl("repair", "--all", "--json", check=True).stdout.splitlines()
    assert [json.loads(line)["data"]["site"] for line in lines] == ["m.example", "other.example"]
    for words, status in (((), 2), (("m.example", "--all"), 2), (("nobody.example",), 3)):
        assert system.ctl("repair", *words).returncode == status
