# SPDX-License-Identifier: Apache-2.0
"""The running system on a host of tests/lib/net.py, with two sites that try what they are told."""
import json
import os
import pathlib
import signal
import socket
import subprocess

import pytest

from tests.conftest import need_root
from tests.lib import procs
from tests.lib.net import HOST, HOST_INNER, Net, WORLD, inside
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

    def generation(self, site):
        self.master(site)
        return self.system.status(site)["generation"]

    def network(self, site):
        """The state of the link; None while no supervisor answers."""
        data = json.loads(self.system.ctl("status", site, "--json").stdout or "{}").get("data")
        return (data or {}).get("network")

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
    with Net() as net:
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
