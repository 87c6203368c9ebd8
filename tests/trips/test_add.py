# SPDX-License-Identifier: Apache-2.0
"""Add a site, and it answers from its own cage."""
import os
import re

from tests.lib import procs

WHOAMI = """<?php
foreach (['Uid', 'Gid', 'Groups', 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'Seccomp',
          'NoNewPrivs'] as $field) {
    preg_match("/^$field:[ \\t]*(.*)$/m", file_get_contents('/proc/self/status'), $found);
    echo $field, '=', preg_replace('/\\s+/', ' ', trim($found[1] ?? '?')), "\n";
}"""


def test_page_tells_its_cage(system, site):
    system.put(site, "public/index.php", WHOAMI)
    facts = dict(line.split("=") for line in system.text(site).splitlines())
    uid = str(system.show(site)["uid"])
    assert facts["Uid"].split() == [uid] * 4
    assert facts["Gid"].split() == [uid] * 4
    assert set(facts["Groups"].split()) <= {uid}
    for each in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(facts[each], 16) == 0, each
    assert facts["Seccomp"] == "2"
    assert facts["NoNewPrivs"] == "1"


def test_the_kernel_says_the_same_of_every_process(system, site):
    system.put(site, "public/index.php", "<?php echo 1;")
    system.text(site)
    uid = str(system.show(site)["uid"])
    pids = system.pool_pids(site)
    assert len(pids) >= 2, "a master and a worker"
    host = {name: os.readlink(f"/proc/self/ns/{name}")
            for name in ("mnt", "pid", "ipc", "uts", "cgroup", "net")}
    for pid in pids:
        assert procs.field(pid, "Uid") == [uid] * 4
        assert procs.field(pid, "CapBnd") == ["0" * 16]
        assert procs.field(pid, "Seccomp") == ["2"]
        for name, value in host.items():
            assert procs.link(pid, f"ns/{name}") != value, name


def test_neighbour_is_out_of_sight(system, site):
    other = f"other-{site}"
    system.ctl("add", other, check=True)
    try:
        system.put(other, "private/secret.txt", "secret")
        home = system.show(other)["home"]
        system.put(site, "public/index.php", """<?php
            ini_set('display_errors', '0');
            echo json_encode([file_get_contents($_GET['home'] . '/private/secret.txt'),
                scandir(dirname($_GET['home'])), file_put_contents(__DIR__ . '/own.txt', 'own')]);""")
        names = '","'.join([".", "..", site])
        assert system.text(site, f"/?home={home}") == f'[false,["{names}"],3]'
    finally:
        system.ctl("remove", other, check=True)


def test_add_prints_steps_and_the_address(system):
    done = system.ctl("add", "steps.example", check=True)
    try:
        assert re.search(r"^  \S+ +\d+\.\d ms$", done.stdout, re.M), done.stdout
        assert f"open http://steps.example:{system.port}/\n" in done.stdout
    finally:
        system.ctl("remove", "steps.example", check=True)


def test_add_again_is_unchanged_or_a_conflict(system, site):
    same = system.ctl("add", site)
    assert same.returncode == 0 and "unchanged" in same.stdout
    other = system.ctl("add", site, "max_children=9")
    assert other.returncode == 4, other
    assert system.show(site)["options"]["max_children"] != "9"


def test_show_has_every_key_and_list_the_site(system, site):
    facts = system.show(site)
    for key in ("number site aliases state reason uid gid home document_root jail socket vhost logs "
                "plan options revision").split():
        assert key in facts, key
    assert facts["state"] == "live" and facts["plan"] == "default"
    rows = system.ctl("list", "--format", "csv", check=True).stdout.splitlines()
    assert rows[0].startswith("site,state,")
    assert any(row.startswith(f"{site},live,") for row in rows)
    assert site in system.ctl("list", check=True).stdout


def test_only_its_own_names_are_served(system):
    system.ctl("add", "names.example", "--alias", "www.names.example", check=True)
    try:
        system.put("names.example", "public/index.php", "<?php echo $_SERVER['HTTP_HOST'];")
        assert system.text("names.example") == "names.example"
        assert system.text("www.names.example") == "www.names.example"
        assert system.text("NAMES.EXAMPLE").lower() == "names.example"
        for host in ("unknown.example", "x.names.example", "127.0.0.1", "names.example.evil.example"):
            try:
                answer = system.http(host)
            except OSError:
                continue            # closed without an answer
            assert answer.status in (400, 404, 421, 444), host
    finally:
        system.ctl("remove", "names.example", check=True)


def test_a_change_of_one_leaves_the_pools_of_others(system, site):
    system.put(site, "public/index.php", "<?php echo 1;")
    system.text(site)
    before = system.status(site)["master_pid"]
    system.ctl("add", "passer-by.example", check=True)
    system.ctl("remove", "passer-by.example", check=True)
    assert system.status(site)["master_pid"] == before
