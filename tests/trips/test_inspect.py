# SPDX-License-Identifier: Apache-2.0
"""doctor and show --jail: what is told is what is so, and asking keeps nobody waiting."""
import csv
import json
import os
import pathlib
import re
import subprocess

import pytest

from tests.lib import api, procs
from tests.lib.procs import wait_until
from tests.lib.system import ROOT


def checks(system):
    done = system.ctl("doctor", "--json")
    data = json.loads(done.stdout)["data"]
    assert done.returncode == (1 if data["failed"] else 0)
    return {row["id"]: row for row in data["checks"]}


def test_doctor_tells_every_check_with_what_to_do(system, site):
    assert site
    rows = checks(system)
    table = (ROOT / "schema/doctor.def").read_text()
    assert list(rows) == re.findall(r'^DOCTOR\(\w+, "([^"]+)"', table, re.M)
    for row in rows.values():
        assert row["result"] in ("OK", "FAILED", "SKIPPED") and row["found"]
        assert bool(row["advice"]) == (row["result"] != "OK")
    for name in ("supervisor.reachable", "kernel.version", "cgroup.controllers", "seccomp.filter",
                 "nginx.version", "nginx.include", "nginx.default_server", "php.version"):
        assert rows[name]["result"] == "OK", rows[name]
    for words in (("--format", "csv"), ("--format", "plain"), ()):
        assert "kernel.version" in system.ctl("doctor", *words).stdout


@pytest.mark.parametrize("kind, check", [("USER", "users.exist"), ("GROUP", "groups.exist")])
def test_doctor_looks_at_every_account_of_the_configuration(system, kind, check):
    keys = re.findall(rf'^SET\(\w+, "(\w+)", {kind},', (ROOT / "schema/settings.def").read_text(), re.M)
    assert len(keys) >= 3
    found = checks(system)[check]["found"]
    assert re.findall(r"(\w+) = ", found) == keys, found


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A system whose `nginx -v` tells that it runs and does not end."""
    from tests.conftest import need_root
    from tests.lib.system import System
    need_root()
    folder = pathlib.Path(subprocess.check_output(["mktemp", "-d", "/run/tenantd-slow.XXXXXX"],
                                                  text=True).strip())
    folder.chmod(0o777)
    program = folder / "nginx"
    program.write_text(f"#!/bin/sh\n[ \"$1\" != -v ] || {{ : >>{folder}/asked; "
                       f"[ ! -e {folder}/slow ] || exec sleep 600; }}\nexec /usr/sbin/nginx \"$@\"\n")
    program.chmod(0o755)
    running = System(conf=f"nginx_program = {program}\n").start()
    yield running, folder
    left = running.stop()
    subprocess.run(["rm", "-rf", folder], check=True)
    assert not left, left


def test_doctor_keeps_no_other_caller_waiting(own):
    system, folder = own
    (folder / "slow").touch()
    try:
        for _ in range(10):
            (folder / "asked").unlink(missing_ok=True)
            doctor = subprocess.Popen([str(system.build / "tenantctl"), "doctor", "--json"], text=True,
                                      env=dict(os.environ, TENANTD_SOCKET=system.socket),
                                      stdout=subprocess.PIPE)
            wait_until((folder / "asked").exists, 60, "nginx -v was not asked")
            system.ctl("list", check=True)
            system.ctl("status", check=True)
            was_first = doctor.poll() is None
            rows = {r["id"]: r for r in json.loads(doctor.communicate(timeout=120)[0])["data"]["checks"]}
            assert rows["nginx.version"]["result"] == "FAILED"
            if was_first:
                break
        assert was_first, "the list never came before the doctor that waits"
    finally:
        (folder / "slow").unlink()


def test_doctor_finds_a_second_default_server(own):
    system, _ = own
    conf = system.folder / "etc/nginx.conf"
    text = conf.read_text()
    other = system.folder / "etc/other.conf"
    other.write_text(f"# listen 127.0.0.1:{system.port} default_server;\n"
                     "server { listen 127.0.0.1:1 default_server; }\n")
    conf.write_text(text.replace("http {", f"http {{\n\tinclude {system.folder}/etc/oth*.conf;"))
    try:
        assert checks(system)["nginx.default_server"]["result"] == "OK"
        other.write_text(f"server {{\n\tlisten  127.0.0.1:{system.port}\n default_server; }}\n")
        row = checks(system)["nginx.default_server"]
        assert row["result"] == "FAILED" and str(other) in row["found"]
    finally:
        conf.write_text(text)


def test_doctor_misses_the_mailer_where_a_site_may_send(own):
    system, _ = own
    mailer = pathlib.Path(system.folder, "etc/mailer")
    assert checks(system)["mail.mailer"]["result"] == "SKIPPED"      # no site
    system.ctl("add", "mail.example", check=True)
    row = checks(system)["mail.mailer"]
    assert row["result"] == "FAILED" and str(mailer) in row["found"] and "mail=deny" in row["advice"]
    mailer.write_text("#!/bin/sh\ncat >/dev/null\n")
    try:
        assert checks(system)["mail.mailer"]["result"] == "FAILED"   # not to be started
        mailer.chmod(0o755)
        assert checks(system)["mail.mailer"]["result"] == "OK"
    finally:
        mailer.unlink()
    system.ctl("set", "mail.example", "mail=deny", check=True)
    assert checks(system)["mail.mailer"]["result"] == "SKIPPED"
    system.ctl("set", "mail.example", "mail=", check=True)
    system.ctl("plan", "set", "default", "mail=deny", check=True)
    assert checks(system)["mail.mailer"]["result"] == "SKIPPED"
    system.ctl("plan", "set", "default", "mail=", check=True)
    system.ctl("remove", "mail.example", check=True)


def jail(system, site):
    done = system.ctl("show", site, "--jail", "--json")
    data = json.loads(done.stdout)["data"]
    return done.returncode, {(r["process"], r["fact"]): r for r in data["facts"]}


def group(system, number, controller, v1, v2):
    """A file of the tenant's group."""
    text = (system.folder / "run/tree").read_bytes().decode("latin-1")
    for path in re.findall(r"/[\x20-\x7e]+", text):
        for name in (v1, v2):
            file = pathlib.Path(path, "tenants", str(number), name)
            if file.exists() and (name == v2 or controller in path):
                return file
    raise AssertionError(f"no group with {v1} or {v2}")


def test_jail_shows_what_holds_and_marks_what_does_not(system, site):
    done = system.ctl("show", site, "--jail")
    assert done.returncode == 4 and "no living pool" in done.stderr
    answer, root = system.api("GET", f"/v1/tenants/{site}/jail")
    assert answer == 409
    api.check("GET", f"/v1/tenants/{site}/jail", answer, root)
    # The worker that is looked at is the one that serves: another one may be starting still.
    system.ctl("set", site, "max_children=1", check=True)
    system.put(site, "public/wait.php", "<?php touch('../tmp/here'); while (!file_exists('../tmp/go'))"
                                        " { usleep(50000); clearstatcache(); } echo 'done';")
    home = pathlib.Path(system.show(site)["home"])
    visitor = subprocess.Popen(["python3", "-c", "import http.client, sys\n"
                                f"c = http.client.HTTPConnection('127.0.0.1', {system.port})\n"
                                f"c.request('GET', '/wait.php', headers={{'Host': '{site}'}})\n"
                                "print(c.getresponse().read())"], stdout=subprocess.PIPE, text=True)
    try:
        wait_until((home / "tmp/here").exists, 60, "the visitor did not come")
        wait_until(lambda: system.status(site)["pool_state"] == "warm", 60, "its report arrives")
        status, facts = jail(system, site)
        wrong = [row for row in facts.values() if row["result"] == "FAILED"]
        assert status == 0 and not wrong, wrong
        # Each row is the kernel's word: compared here with /proc itself.
        pid = system.status(site)["master_pid"]
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        for process in ("master", "worker"):
            assert facts[process, "seccomp filters"]["kernel"] >= ("1" if process == "master" else "2")
            assert facts[process, "net namespace"]["kernel"] == "own"
        assert re.search(r"^CapEff:\t0+$", text, re.M) and not int(facts["master", "CapEff"]["kernel"], 16)
        assert ("mounts", str(home)) in facts and ("mounts", "/proc") in facts
        # Every format has the same facts, and the API answers as docs/openapi.yaml tells.
        rows = [line.split("\t") for line in
                system.ctl("show", site, "--jail", "--format", "plain", check=True).stdout.splitlines()]
        table = list(csv.reader(system.ctl("show", site, "--jail", "--format", "csv", check=True)
                                .stdout.splitlines(), strict=True))
        assert table[0] == ["result", "process", "fact", "record", "kernel"]
        assert {tuple(row[1:3]) for row in table[1:]} == {tuple(row[1:3]) for row in rows} == set(facts)
        assert {len(row) for row in rows + table} == {5}
        assert "seccomp filters" in system.ctl("show", site, "--jail", check=True).stdout
        path = f"/v1/tenants/{site}/jail"
        answer, root = system.api("GET", path)
        assert answer == 200
        api.check("GET", path, answer, root)
        # Root turns a limit by hand: it is seen, and marked.
        number = system.show(site)["number"]
        limit = group(system, number, "pids", "pids.max", "pids.max")
        before = limit.read_text()
        limit.write_text("77")
        status, facts = jail(system, site)
        limit.write_text(before)
        row = facts["cgroup", "pids.max"]
        assert (status, row["result"], row["kernel"]) == (1, "FAILED", "77")
        score = pathlib.Path(f"/proc/{pid}/oom_score_adj")
        score.write_text("500")
        assert jail(system, site)[1]["master", "oom_score_adj"]["result"] == "FAILED"
        score.write_text("400")
    finally:
        system.put(site, "tmp/go", "")
        assert "done" in visitor.communicate(timeout=60)[0]


def test_readers_do_not_wait_for_a_supervisor_that_hangs(own):
    system, _ = own
    system.ctl("add", "hang.example", check=True)
    pid = system.pid("tenantd")
    supervisor = procs.link(pid, "exe")
    assert os.path.basename(supervisor) == "tenantd"
    os.kill(pid, 19)
    try:
        asking = [subprocess.Popen([str(system.build / "tenantctl"), "doctor"],
                                   env=dict(os.environ, TENANTD_SOCKET=system.socket),
                                   stdout=subprocess.DEVNULL) for _ in range(3)]
        assert system.show("hang.example")["site"] == "hang.example"
        for each in asking:
            each.wait(120)
    finally:
        os.kill(pid, 18)
    wait_until(system.is_answering, 60, "tenantd does not answer")
    system.ctl("remove", "hang.example", check=True)
