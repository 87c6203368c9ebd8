# SPDX-License-Identifier: Apache-2.0
"""What a cage reaches and what reaches it.  All of it happens in network namespaces of the tests'
own (tests/lib/net.py).  Each refusal stands beside the same act that works: from the host, or to
an address that is listed."""
import os
import pathlib
import signal
import socket
import struct

import pytest

from tests.lib.net import CLOSED, HOST, HOST_INNER, WORLD, inside, enter, ip
from tests.lib.net_host import A, B, BOUND, host_fixture, net_fixture, interfaces, nft, switch


# ---- outwards ------------------------------------------------------------------------------

def test_the_world_is_open(host):
    assert host.ask(A, "get", f"http://{WORLD}/") == f"you are {HOST}"
    assert host.system.status(A)["network"] == "up"
    assert switch("ip_forward") == "0"      # the host's own switch is the host's


def test_names_and_tls(host):
    assert host.ask(A, "resolv") == "nameserver 192.168.7.7\n"
    assert host.ask(A, "name", "world.test") == WORLD
    home = host.system.show(A)["home"]
    assert host.ask(A, "get", "https://world.test/", "-", f"{home}/private/world.pem") == \
        f"you are {HOST}"
    # It is verified: a certificate that nobody vouches for is refused.
    assert "you are" not in host.ask(A, "get", "https://world.test/")


@pytest.mark.parametrize("address", CLOSED)
def test_what_is_not_the_world(host, address):
    assert host.net.connect(address, 80) == "ok"
    assert host.ask(A, "tcp", address, 80) == "111 Connection refused"


@pytest.mark.parametrize("address, port", [(HOST, 8000), (HOST_INNER, 5432)])
def test_the_host(host, address, port):
    assert host.net.connect(address, port) == "ok"
    assert host.ask(A, "tcp", address, port) == "111 Connection refused"


def test_what_the_operator_lists(host):
    assert host.ask(A, "tcp", HOST_INNER, 3306) == "ok"
    assert host.ask(A, "tcp", "10.1.0.5", 3306) == "ok"
    assert host.ask(A, "tcp", "10.1.0.5", 80) == "111 Connection refused"
    assert host.ask(A, "tcp", "192.168.7.7", 53) == "ok"


def test_mail_ports(host):
    generation = host.generation(A)
    for port in (25, 465, 587):
        assert host.net.connect(WORLD, port) == "ok"
        assert host.ask(A, "tcp", WORLD, port) == "111 Connection refused"
    host.system.ctl("set", A, "mail_ports=open", check=True)
    host.until(lambda: host.ask(A, "tcp", WORLD, 25) == "ok", "mail ports open")
    assert host.ask(B, "tcp", WORLD, 25) == "111 Connection refused"
    host.system.ctl("set", A, "mail_ports=", check=True)
    host.until(lambda: host.ask(A, "tcp", WORLD, 25) != "ok", "mail ports closed")
    assert host.system.status(A)["generation"] == generation


def test_one_site_does_not_use_up_the_connections(host):
    got = int(host.ask(A, "many", WORLD, 7, BOUND))
    assert BOUND / 2 < got <= BOUND
    assert int(host.ask(B, "many", WORLD, 7, 5)) == 15


# ---- inwards and sideways ------------------------------------------------------------------

PASS = "meta mark set meta mark or 0x20000000 accept"
CHAINS = ("come", "leave", "to_host")       # of our table: inwards, outwards, to the host


@pytest.fixture(name="listening")
def listening_fixture(host):
    """A server inside A's cage, on all its addresses: (address, port)."""
    pid = host.master(A)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            enter(pid)
            server = socket.create_server(("0.0.0.0", 8000), backlog=100)
            os.write(write, b"1")
            signal.pause()
            server.close()
        finally:
            os._exit(0)
    os.close(write)
    assert os.read(read, 1)
    os.close(read)
    yield host.address(A), 8000
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_nothing_comes_in(host, listening):
    net = host.net
    outside = (lambda: net.connect(*listening, 1), lambda: net.from_world(*listening),
               lambda: inside(host.master(B), lambda: net.connect(*listening, 1)))
    assert inside(host.master(A), lambda: net.connect(*listening)) == "ok"
    assert not [each() for each in outside if each() == "ok"]
    assert host.ask(B, "tcp", *listening) == "111 Connection refused"
    # There is a way: only our rules close it.
    name = host.system.name
    for chain in CHAINS:
        nft("insert", "rule", "inet", name, chain, *PASS.split())
    try:
        assert [each() for each in outside] == ["ok"] * 3
    finally:
        nft("flush", "chain", "inet", name, CHAINS[0])      # tenant-net hears of it
    host.until(lambda: not [each() for each in outside if each() == "ok"], "the rules are back")


def datagram(source, text):
    """A packet that says it comes from SOURCE, as only root of a cage could send it."""
    data = text.encode()
    udp = struct.pack("!HHHH", 4000, 5000, 8 + len(data), 0) + data
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0,
                       socket.inet_aton(source), socket.inet_aton(WORLD))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(head + udp, (WORLD, 0))
    return "sent"


def test_forged_addresses(host):
    pid, other = host.master(A), host.master(B)
    own, neighbour = host.address(A), host.address(B)
    assert own != neighbour and other != pid
    for forged in (neighbour, "203.0.113.99", "10.9.9.9", HOST, "127.0.0.1"):
        assert inside(pid, lambda forged=forged: datagram(forged, f"forged {forged}")) == "sent"
    assert inside(pid, lambda: datagram(own, "honest")) == "sent"
    host.until(lambda: (HOST, "honest") in host.net.noted(), "the honest datagram")
    assert not [text for _, text in host.net.noted() if text.startswith("forged")]


def test_no_ipv6_and_no_neighbours(host):
    pid = host.master(A)
    lines = inside(pid, lambda: pathlib.Path("/proc/self/net/if_inet6").read_text()).splitlines()
    assert [line.split()[5] for line in lines] in ([], ["lo"])
    link = next(name for name in interfaces() if name.startswith("tn"))
    assert not pathlib.Path(f"/proc/sys/net/ipv6/conf/{link}").exists() or \
        pathlib.Path(f"/proc/sys/net/ipv6/conf/{link}/disable_ipv6").read_text() == "1\n"
    assert len(inside(pid, lambda: pathlib.Path("/proc/self/net/arp").read_text())
               .splitlines()) <= 1


def test_the_host_forwards_for_nobody_else(host):
    """Where the host does not forward, our opening of w0 lets nothing through but links."""
    ip("link add d0 type veth peer name d1")
    for end in ("d0", "d1"):        # no packets but those that are forwarded
        pathlib.Path(f"/proc/sys/net/ipv6/conf/{end}/disable_ipv6").write_text("1")
    ip("addr add 10.3.0.1/24 dev d0")
    ip("link set d0 up")
    ip("link set d1 up")
    host.ask(A, "resolv")
    try:
        def passed():
            lines = pathlib.Path("/proc/self/net/dev").read_text().splitlines()
            return int(next(x for x in lines if "d0:" in x).split()[10])

        ip("neigh add 10.3.0.9 lladdr 02:00:00:00:00:09 dev d0")
        count = passed()
        assert switch("conf/w0/forwarding") == "1" and "w0" in host.elements("opened")
        assert host.net.from_world("10.3.0.9", 80) != "ok"
        assert passed() == count
        # The host begins to forward by itself: from then on that is its affair.
        switch("ip_forward", "1")
        host.until(lambda: not host.elements("opened"), "nothing is noted as opened by us")
        assert host.net.from_world("10.3.0.9", 80) != "ok"      # nobody answers there
        assert passed() > count
    finally:
        switch("ip_forward", "0")
        ip("link del d0")
    # Switching the host's off closes all interfaces, links among them.
    host.until(lambda: "w0" in host.elements("opened"), "opened again")
    assert host.ask(A, "tcp", WORLD, 80) == "ok"
