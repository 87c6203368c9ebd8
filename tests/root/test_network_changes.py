# SPDX-License-Identifier: Apache-2.0
"""What a cage reaches while programs are killed, rules flushed and settings changed; and what is
counted.  In network namespaces as in test_network.py."""
import json
import os
import signal
import socket
import time

import pytest

from tests.lib.net import HOST, HOST_INNER, METADATA, WORLD, inside, enter
from tests.lib.net_host import (A, B, Host, LIMIT_S, OTHERS, PAGE, host_fixture, net_fixture,
                                interfaces, nft, switch)
from tests.lib.system import System


# ---- counting ------------------------------------------------------------------------------

COUNTERS = ("sent_bytes", "sent_packets", "received_bytes", "received_packets", "refused_packets")


def counts(host, site):
    status = host.system.status(site)
    return {name: status[name] for name in COUNTERS}


@pytest.fixture(name="clock")
def clock_fixture(host):
    """A third site, by whose counters one sees that all have been told."""
    site = "clock.example"
    host.system.ctl("add", site, check=True)
    host.system.put(site, "public/net.php", PAGE)
    yield site
    host.system.ctl("remove", site, check=True)


def test_counters(host, clock):
    host.ask(A, "tcp", METADATA, 80)
    # To its end: the world has nothing more to say to B.
    host.ask(B, "get", f"http://{WORLD}/")
    # The first telling may have been on its way already; the second is read after it.
    for _ in range(2):
        refused = counts(host, clock)["refused_packets"]
        host.ask(clock, "tcp", METADATA, 80)
        host.until(lambda: counts(host, clock)["refused_packets"] > refused, "counters are told")
    before, other = counts(host, A), counts(host, B)
    size = 1 << 20
    assert host.ask(A, "echo", WORLD, 7, size) == "ok"
    after = host.until(lambda: (now := counts(host, A))["received_bytes"] -
                       before["received_bytes"] > size and now, "a megabyte is counted")
    for name in ("sent_bytes", "received_bytes"):
        assert size < after[name] - before[name] < 2 * size, name
    assert after["refused_packets"] == before["refused_packets"]
    assert counts(host, B) == other


def connects(host, site, address, port=80):
    """True if what is in the cage gets a connection."""
    def attempt():
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((address, port)) == 0
    return inside(host.system.status(site)["master_pid"], attempt) == "True"


# ---- kill -9 -------------------------------------------------------------------------------

def helper(host):
    return host.until(lambda: host.system.child_pid("tenant-net"), "tenant-net")


def test_tenant_net_is_killed(host):
    pid = helper(host)
    generation = host.generation(A)
    os.kill(pid, signal.SIGKILL)
    host.until(lambda: (new := host.system.child_pid("tenant-net")) and new != pid, "a new one")
    host.until(lambda: host.ask(A, "tcp", WORLD, 80) == "ok" and
               host.system.status(A)["network"] == "up", "the link goes on")
    assert host.system.status(A)["generation"] == generation


def test_tenantd_is_killed(host):
    before = counts(host, A)
    generation, old = host.generation(A), host.system.pid("tenantd")
    os.kill(old, signal.SIGKILL)
    host.until(lambda: host.system.pid("tenantd") != old and host.network(A) == "up",
               "a new supervisor knows the link")
    assert host.ask(A, "tcp", WORLD, 80) == "ok"
    assert host.system.status(A)["generation"] == generation
    host.until(lambda: counts(host, A)["sent_bytes"] >= before["sent_bytes"], "what was counted")


def test_a_killed_pool_leaves_no_link(host):
    pid = host.master(B)
    number = host.system.show(B)["number"]
    assert any(name.startswith(f"tn{number}-") for name in interfaces())
    os.kill(pid, signal.SIGKILL)
    host.until(lambda: not any(name.startswith(f"tn{number}-") for name in interfaces()),
               "the link is gone")
    host.until(lambda: not any(f"tn{number}-" in str(each) for each in host.elements("links")),
               "its address is gone")
    host.until(lambda: host.system.http(B, "/net.php?do=tcp%20" + WORLD + "%2080").body == b"ok",
               "the next pool has a link")


def test_a_stopped_tenant_net_holds_up_nobody(host):
    pid = helper(host)
    os.kill(pid, signal.SIGSTOP)
    try:
        host.system.ctl("suspend", B, check=True)
        host.system.ctl("resume", B, check=True)
        assert host.ask(B, "resolv")
        assert host.ask(B, "tcp", WORLD, 80) != "ok"
        assert host.system.status(B)["network"] == "coming"
    finally:
        os.kill(pid, signal.SIGCONT)
    host.until(lambda: host.ask(B, "tcp", WORLD, 80) == "ok", "the link came late")


def test_flushed_rules_come_back(host):
    others = nft("list", "table", "inet", "others")
    nft("delete", "table", "inet", host.system.name)
    host.until(lambda: f" {host.system.name}\n" in nft("list", "tables"), "the table is back")
    host.until(lambda: host.ask(A, "tcp", WORLD, 80, 1) == "ok", "the links go on")
    assert host.ask(A, "tcp", METADATA, 80) == "111 Connection refused"
    assert others.split("counter")[0] == nft("list", "table", "inet", "others").split("counter")[0]


@pytest.mark.parametrize("how", (("flush", "ruleset"), ("flush", "table", "inet")))
def test_no_moment_without_walls(host, how):
    """As when a firewall is reloaded: links are closed by the guard, which nobody else can flush."""
    assert host.ask(A, "tcp", WORLD, 80) == "ok"
    assert connects(host, A, WORLD) and not connects(host, A, HOST, 8000)
    pid = helper(host)
    os.kill(pid, signal.SIGSTOP)
    try:
        nft(*how, *([] if how[-1] == "ruleset" else [host.system.name]))
        assert not connects(host, A, WORLD) and not connects(host, A, HOST, 8000)
    finally:
        os.kill(pid, signal.SIGCONT)
    host.until(lambda: connects(host, A, WORLD), "the rules are back")
    assert not connects(host, A, HOST, 8000)
    assert host.ask(A, "tcp", METADATA, 80) == "111 Connection refused"
    assert helper(host) == pid, "it ended, and the guard with it"
    host.until(lambda: "nft removed nftables rules" in doctor(host, "firewall.other").get("found", ""),
               "doctor tells who it was")
    if how[-1] == "ruleset":
        nft("-f", "-", text=OTHERS)


# ---- changes under living pools ------------------------------------------------------------

class Held:
    """A connection from inside a cage that says something all the time."""

    def __init__(self, pid, address, port):
        read, write = os.pipe()
        self.pipe = os.fdopen(read)
        self.child = os.fork()
        if self.child == 0:
            try:
                enter(pid)
                self.talk(address, port, write)
            except OSError as error:
                os.write(write, f"{error!r}\n".encode())
            finally:
                os._exit(0)
        os.close(write)

    @staticmethod
    def talk(address, port, write):
        end = time.monotonic() + LIMIT_S
        with socket.create_connection((address, port), LIMIT_S) as sock:
            sock.settimeout(10)
            while time.monotonic() < end:
                sock.sendall(b"x")
                if sock.recv(1):
                    os.write(write, b"echo\n")
                time.sleep(0.05)

    def line(self):
        return self.pipe.readline().strip()

    def end(self):
        """How it ended: the last line that was no echo."""
        while (line := self.line()) == "echo":
            pass
        self.pipe.close()
        os.waitpid(self.child, 0)
        return line

    def kill(self):
        os.kill(self.child, signal.SIGKILL)
        self.end()


def test_a_changed_list_holds_at_once(host):
    assert host.ask(A, "tcp", "10.1.0.5", 7) != "ok"
    host.write_conf(f"net_allow = {HOST_INNER}:3306, 10.1.0.5")
    host.until(lambda: host.ask(A, "tcp", "10.1.0.5", 7) == "ok", "the list is longer")
    held = Held(host.master(A), "10.1.0.5", 7)
    other = Held(host.master(A), WORLD, 7)
    assert held.line() == other.line() == "echo"
    host.write_conf(f"net_allow = {HOST_INNER}:3306, 10.1.0.5:3306")
    assert "reset" in held.end()
    assert host.ask(A, "tcp", "10.1.0.5", 7) == "111 Connection refused"
    assert other.line() == "echo"
    other.kill()


def test_network_none(host):
    held = Held(host.master(B), WORLD, 7)
    assert held.line() == "echo"
    generation = host.system.status(B)["generation"]
    host.system.ctl("set", B, "network=none", check=True)
    host.until(lambda: (now := host.system.status(B))["generation"] > generation and
               now["pool_state"] == "warm", "the pool without a link")
    host.until(lambda: host.ask(B, "tcp", WORLD, 80, 1) == "101 Network is unreachable",
               "the pool without a link serves")
    number = host.system.show(B)["number"]
    host.until(lambda: not any(name.startswith(f"tn{number}-") for name in interfaces()),
               "the link is gone")
    assert held.end() != "echo"
    status = host.system.status(B)
    assert (status["network"], status["network_reason"]) == ("off", "")
    host.system.ctl("set", B, "network=", check=True)
    host.until(lambda: host.ask(B, "tcp", WORLD, 80) == "ok", "the link is back")


def doctor(host, name):
    """A row; without a result while tenantd is away."""
    data = json.loads(host.system.ctl("doctor", "--json").stdout or "{}").get("data") or {}
    return next((each for each in data.get("checks", []) if each["id"] == name), {"result": ""})


def test_doctor(host):
    assert doctor(host, "network.links")["result"] == "OK"
    assert doctor(host, "network.firewall")["result"] == "OK"
    assert doctor(host, "network.resolver")["result"] == "OK"
    nft("-f", "-", text="add table ip rival; add chain ip rival f "
                        "{ type filter hook forward priority 0; policy drop; }")
    try:
        os.kill(helper(host), signal.SIGKILL)
        row = host.until(lambda: (row := doctor(host, "network.firewall"))["result"] == "FAILED"
                         and row, "doctor names the other firewall")
        assert "'ip rival f'" in row["found"]
        assert host.ask(A, "tcp", "203.0.113.81", 80, 1) != "ok"
    finally:
        nft("delete", "table", "ip", "rival")
        os.kill(helper(host), signal.SIGKILL)
    host.until(lambda: doctor(host, "network.firewall")["result"] == "OK" and
               host.ask(A, "tcp", WORLD, 80) == "ok", "nothing is in the way any more")


def test_switched_off_and_on(host):
    host.write_conf("net_enabled = no")
    host.until(lambda: host.system.status(A)["network"] == "off" and
               not [name for name in interfaces() if name.startswith("tn")] and
               host.system.name not in nft("list", "tables"), "all is removed")
    assert switch("conf/w0/forwarding") == "0"
    assert "net_enabled" in host.system.status(A)["network_reason"]
    assert host.ask(A, "tcp", WORLD, 80) != "ok"
    host.write_conf("net_enabled = yes")
    host.until(lambda: host.ask(A, "tcp", WORLD, 80) == "ok", "links to living pools")


# ---- machines that cannot ------------------------------------------------------------------

def test_a_machine_without_a_table(net):
    """As where the kernel has no nftables: here the name is one that nftables cannot read."""
    with System(env={"NET": "yes"}) as system:
        host = Host(system, net)
        host.write_conf("net_table = table")
        os.kill(system.pid("tenantd"), signal.SIGKILL)      # it cannot change while one runs
        host.until(lambda: doctor(host, "network.links")["result"] == "FAILED", "doctor knows")
        assert system.name not in nft("list", "tables")
        system.ctl("add", A, check=True)
        system.put(A, "public/net.php", PAGE)
        assert host.ask(A, "tcp", WORLD, 80) == "101 Network is unreachable"
        # Between two attempts the reason is that tenant-net is being started again.
        host.until(lambda: "nftables" in (system.status(A)["network_reason"] or ""), "the reason")
        assert system.status(A)["network"] == "missing"
        host.write_conf(f"net_table = {system.name}")
