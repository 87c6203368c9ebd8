# SPDX-License-Identifier: Apache-2.0
"""logs: one site's lines and no other's, over rotations; many followers starve nobody."""
import concurrent.futures
import csv
import http.client
import json
import os
import pathlib
import re
import select
import subprocess
import threading

import pytest

from tests.lib import api
from tests.lib.procs import wait_until
from tests.lib.system import UnixConnection

FOLLOWERS = 8		# LOG_STREAMS_OF_ONE


class Follower:
    """A running `logs -f`, its lines as they come."""

    def __init__(self, system, *words):
        self.child = subprocess.Popen(
            [str(system.build / "tenantctl"), "logs", *words, "-f"], text=True,
            env=dict(os.environ, TENANTD_SOCKET=system.socket, LC_ALL="C.UTF-8"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines = []
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.child.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_for(self, text):
        wait_until(lambda: any(text in line for line in self.lines), 60, f"no line with {text}")

    def end(self):
        self.child.kill()
        self.child.wait()
        self.thread.join(30)
        self.child.stdout.close()
        self.child.stderr.close()


@pytest.fixture
def pair(system, site):
    """Two sites; the name of one is the end of the other's."""
    other = "x" + site
    system.ctl("add", other, check=True)
    yield site, other
    system.ctl("remove", other, check=True)


def lines(system, *words):
    return system.ctl("logs", *words, check=True).stdout.splitlines()


def ask(system, *requests):
    """On one connection: nginx logs a request when it has answered, and two of its workers might
    write in another order."""
    connection = http.client.HTTPConnection("127.0.0.1", system.port, timeout=60)
    try:
        for host, path in requests:
            connection.request("GET", path, headers={"Host": host})
            connection.getresponse().read()
    finally:
        connection.close()


def logged(system, site, path):
    wait_until(lambda: any(path in line for line in lines(system, site, "-n", "50")), 60,
               f"{path} is not in the log")


def test_last_lines_are_the_sites_own(system, pair):
    site, other = pair
    ask(system, *(each for i in range(15) for each in ((other, f"/{site}/foreign{i}"), (site, f"/own{i}"))))
    logged(system, site, "/own14")
    usual = lines(system, site)
    assert [line.split()[7] for line in usual] == [f"/own{i}" for i in range(5, 15)]
    assert all(line.startswith(site + " ") for line in usual)
    assert len(lines(system, site, "-n", "3")) == 3 and not lines(system, site, "-n", "0")
    assert len(lines(system, site, "--lines=100")) == 15
    assert [json.loads(line)["line"] for line in lines(system, site, "--json")] == usual
    for kind in ("table", "plain"):
        assert lines(system, site, "--format", kind) == usual
    assert list(csv.reader(lines(system, site, "--format", "csv"), strict=True)) == [[x] for x in usual]
    assert not lines(system, site, "--which", "slow")
    for words, status in ((("nobody.example",), 3), ((site, "--which", "other"), 2),
                          ((site, "-n", "-1"), 2), ((site, "-n", "10001"), 2), ((site, "more"), 2)):
        assert system.ctl("logs", *words).returncode == status, words
    system.put(site, "public/say.php", "<?php error_log(\"said \\x1b[31mthis\"); ");
    system.text(site, "/say.php")
    wait_until(lambda: any("said ?[31mthis" in line
                           for line in lines(system, site, "--which", "php")), 60, "not in php.log")
    assert not lines(system, other, "--which", "php")
    logs = pathlib.Path(system.show(site)["logs"])
    (logs / "slow.log").write_text("it was slow here\n")
    assert lines(system, site, "--which", "slow") == ["it was slow here"]
    assert not lines(system, other, "--which", "slow")


def test_the_api_answers_as_told(system, pair):
    """docs/openapi.yaml, which the played supervisor of tests/root cannot hold to this."""
    site, _ = pair
    ask(system, (site, "/asked"))
    logged(system, site, "/asked")
    path = f"/v1/tenants/{site}/logs"
    told = api.find("GET", path)
    for query in ("", "?which=access&lines=5"):
        connection = UnixConnection(system.socket)
        connection.request("GET", path + query)
        answer = connection.getresponse()
        kind, = told["responses"]["200"]["content"]
        assert (answer.status, answer.headers["Content-Type"].split(";")[0]) == (200, kind)
        assert "/asked" in answer.read().decode()
        connection.close()
    queries = {p["name"] for p in told["parameters"] if p["in"] == "query"}
    assert queries == {"follow", "which", "lines"}
    for query in ("which=other", "lines=-1", "follow=perhaps", "more=1"):
        status, root = system.api("GET", f"{path}?{query}")
        assert status in (400, 422)
        api.check("GET", "/v1/status", status, root)    # failures are the same everywhere


def test_follow_goes_on_over_rotations(system, pair):
    site, other = pair
    ask(system, (site, "/before"))
    logged(system, site, "/before")
    access = system.folder / "log/sites/access.log"
    follower = Follower(system, site, "-n", "1")
    try:
        follower.wait_for("/before")
        ask(system, (other, "/foreign"), (site, "/after"))
        follower.wait_for("/after")
        for turn in range(2):
            old = access.rename(access.with_suffix(f".{turn}"))
            ask(system, (site, f"/still-old{turn}"))
            system.nginx_opens_anew(access, old)
            ask(system, (site, f"/fresh{turn}"))
            follower.wait_for(f"/still-old{turn}")
            follower.wait_for(f"/fresh{turn}")
        paths = [line.split()[7] for line in follower.lines]
        assert sorted(paths) == sorted(["/before", "/after", "/still-old0", "/fresh0", "/still-old1",
                                        "/fresh1"])
    finally:
        follower.end()


def test_followers_are_bounded_and_starve_nobody(system, pair):
    site, _ = pair
    ask(system, (site, "/one"))
    logged(system, site, "/one")
    # Nobody reads what one of them says: its pipe fills, and it is held up alone.
    ours, theirs = os.pipe()
    silent = subprocess.Popen([str(system.build / "tenantctl"), "logs", site, "-f"], stdout=theirs,
                              env=dict(os.environ, TENANTD_SOCKET=system.socket))
    os.close(theirs)
    followers = [Follower(system, site, "-n", "1") for _ in range(FOLLOWERS - 1)]
    try:
        for follower in followers:
            follower.wait_for("/one")
        wait_until(lambda: select.select([ours], [], [], 0)[0], 60, "the silent one has its place")
        refused = system.ctl("logs", site)
        assert refused.returncode == 1 and "logs are read already" in refused.stderr
        # Another user of the API finds room.
        done = subprocess.run([str(system.build / "tenantctl"), "logs", site, "-n", "1"], text=True,
                              env=dict(os.environ, TENANTD_SOCKET=system.socket), capture_output=True,
                              user=65534, group=0, extra_groups=[], timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "") and "/one" in done.stdout
        assert system.show(site)["site"] == site
        ask(system, (site, "/two"))
        for follower in followers:
            follower.wait_for("/two")
        # Who goes makes room.
        followers.pop().end()
        wait_until(lambda: system.ctl("logs", site).returncode == 0, 60, "the place is not free")
    finally:
        silent.kill()
        silent.wait()
        os.close(ours)
        for follower in followers:
            follower.end()
    wait_until(lambda: system.ctl("logs", site).returncode == 0, 60, "places are not free")


def test_a_burst_of_all_workers_arrives_whole(system, site):
    """tenant-log reads by the clock; a worker that others outrun to the room in the pipe waits for more."""
    workers = 20
    system.put(site, "public/burst.php", "<?php for ($i = 0; $i < 1200; $i++)"
               " error_log(\"{$_GET['n']} line $i\"); echo 'done';")
    system.ctl("set", site, f"max_children={workers}", check=True)
    log = system.folder / "log/sites" / site / "php.log"
    with concurrent.futures.ThreadPoolExecutor(workers) as visitors:
        assert list(visitors.map(lambda n: system.text(site, f"/burst.php?n={n}"), range(workers))) == ["done"] * workers
    wait_until(lambda: log.exists() and log.read_text().count(" line ") >= 1200 * workers, 30, "all lines are there")
    text = log.read_text()
    for n in range(workers):
        assert re.findall(rf"UTC\] {n} line (\d+)\n", text) == [str(i) for i in range(1200)]
    assert "dropped" not in text
