# SPDX-License-Identifier: Apache-2.0
"""What a cage reaches and what reaches it.  All of it happens in network namespaces of the tests'
own (tests/lib/net.py).  Each refusal stands beside the same act that works: from the host, or to
an address that is listed."""
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time

import pytest

from tests.conftest import need_root
from tests.lib import net as lib, procs
from tests.lib.net import CLOSED, HOST, HOST_INNER, METADATA, WORLD, inside
from tests.lib.system import System

A, B = "a.example", "b.example"
LIMIT_S = 60
BOUND = 40
CONF = f"""net_allow = {HOST_INNER}:3306, 10.1.0.5:3306
net_resolver = 192.168.7.7
net_connections = {BOUND}
allow_mail_ports = yes
"""
OTHERS = """table inet others {
	chain forward {
		type filter hook forward priority filter; policy accept;
		counter packets 0 bytes 0 comment "of somebody else"
	}
}
"""
PAGE = """<?php
[$what, $where, $port, $more] = explode(' ', $_GET['do']) + ['', '', '', ''];
function connect($where, $port, $limit = 20) {
    $s = @stream_socket_client("tcp://$where:$port", $no, $text, $limit);
    return $s ?: "$no $text";
}
switch ($what) {
case 'tcp':
    $s = connect($where, $port, $more ?: 20);
    echo is_string($s) ? $s : 'ok';
    break;
case 'get':
    $context = stream_context_create(['ssl' => $more ? ['cafile' => $more] : []]);
    $body = @file_get_contents($where, false, $context);
    echo $body === false ? error_get_last()['message'] : $body;
    break;
case 'name':
    echo gethostbyname($where);
    break;
case 'many':
    for ($held = []; count($held) < 3 * $more && !is_string($s = connect($where, $port)); )
        $held[] = $s;
    echo count($held);
    break;
case 'echo':
    $s = connect($where, $port);
    for ($n = 0; $n < $more; $n += 8192) {
        fwrite($s, str_repeat('x', 8192));
        stream_get_contents($s, 8192);
    }
    echo 'ok';
    break;
case 'resolv':
    readfile('/etc/resolv.conf');
}
"""


def nft(*words, text=None):
    done = subprocess.run(["nft", *words], input=text, text=True, check=True,
                          stdout=subprocess.PIPE)
    return done.stdout


def switch(name, value=None):
    path = pathlib.Path("/proc/sys/net/ipv4", name)
    if value is not None:
        path.write_text(value)
    return path.read_text().strip()


def interfaces():
    """Names of all interfaces; /sys shows those of the namespace that mounted it."""
    return {name for _, name in socket.if_nameindex()}


class Host:
    """The running system on the tests' host, and the questions to it."""

    def __init__(self, system, net):
        self.system, self.net = system, net

    def ask(self, site, *words):
        done = "%20".join(str(word) for word in words)
        return self.system.text(site, f"/net.php?do={done}")

    def master(self, site):
        self.ask(site, "resolv")
        return self.system.status(site)["master_pid"]

    def address(self, site, slot=None):
        """The cage's own address."""
        status = self.system.status(site)
        return inside(status["master_pid"], lambda: own_address())

    def elements(self, name):
        listed = json.loads(nft("-j", "list", "set", "inet", self.system.name, name))
        return listed["nftables"][1]["set"].get("elem", [])

    def write_conf(self, text):
        """Other settings for the running system."""
        path = self.system.folder / "etc/tenantd.conf"
        lines = [line for line in path.read_text().splitlines()
                 if line.split(" ")[0] not in [each.split(" ")[0] for each in text.splitlines()]]
        path.write_text("\n".join(lines) + "\n" + text + "\n")
        os.kill(self.system.pid("tenantd"), signal.SIGHUP)

    def until(self, condition, what):
        try:
            return procs.wait_until(condition, LIMIT_S, what)
        except AssertionError:
            print(self.system.logs(), nft("list", "ruleset"))
            raise


def own_address():
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.connect((WORLD, 5000))
        return probe.getsockname()[0]


@pytest.fixture(scope="module", name="net")
def net_fixture():
    need_root()
    with lib.Net() as net:
        net.listen(HOST, 8000)
        for port in (3306, 5432):
            net.listen(HOST_INNER, port)
        yield net


@pytest.fixture(scope="module", name="host")
def host_fixture(net):
    nft("-f", "-", text=OTHERS)
    before = nft("-s", "list", "ruleset")
    system = System(env={"NET": "yes"}, conf=CONF).start()
    try:
        for site in (A, B):
            system.ctl("add", site, "pool_idle_timeout=1h", check=True)
            system.put(site, "public/net.php", PAGE)
        system.put(A, "private/world.pem", net.certificate.read_text())
        yield Host(system, net)
    finally:
        left = system.stop()
    assert not left, left
    # Nothing of ours is left, nothing of others was touched.
    assert nft("-s", "list", "ruleset") == before
    assert not [name for name in interfaces() if name.startswith("tn")]
    assert switch("conf/w0/forwarding") == switch("ip_forward") == "0"


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
    generation = host.system.status(A)["generation"]
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
            lib.enter(pid)
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
    lib.ip("link add d0 type veth peer name d1")
    for end in ("d0", "d1"):        # no packets but those that are forwarded
        pathlib.Path(f"/proc/sys/net/ipv6/conf/{end}/disable_ipv6").write_text("1")
    lib.ip("addr add 10.3.0.1/24 dev d0")
    lib.ip("link set d0 up")
    lib.ip("link set d1 up")
    host.ask(A, "resolv")
    try:
        def passed():
            lines = pathlib.Path("/proc/self/net/dev").read_text().splitlines()
            return int(next(x for x in lines if "d0:" in x).split()[10])

        lib.ip("neigh add 10.3.0.9 lladdr 02:00:00:00:00:09 dev d0")
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
        lib.ip("link del d0")
    # Switching the host's off closes all interfaces, links among them.
    host.until(lambda: "w0" in host.elements("opened"), "opened again")
    assert host.ask(A, "tcp", WORLD, 80) == "ok"


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
    host.ask(B, "tcp", WORLD, 80)
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
    generation = host.system.status(A)["generation"]
    os.kill(pid, signal.SIGKILL)
    host.until(lambda: (new := host.system.child_pid("tenant-net")) and new != pid, "a new one")
    host.until(lambda: host.ask(A, "tcp", WORLD, 80) == "ok" and
               host.system.status(A)["network"] == "up", "the link goes on")
    assert host.system.status(A)["generation"] == generation


def test_tenantd_is_killed(host):
    before = counts(host, A)
    generation = host.system.status(A)["generation"]
    os.kill(host.system.pid("tenantd"), signal.SIGKILL)
    host.until(lambda: host.system.ctl("status", A).returncode == 0 and
               host.system.status(A)["network"] == "up", "a new supervisor knows the link")
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
                lib.enter(pid)
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
