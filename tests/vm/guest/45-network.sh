#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Links to the world under systemd.  A network namespace plays the world; what is tried from inside
# stands beside the same act that works.
. ./lib.sh
site=site.example
world=203.0.113.80 host=203.0.113.1 metadata=169.254.169.254
put "$site" public/net.php pages/net.php
ip netns add world
ip link add w0 type veth peer name w1 netns world
ip addr add "$host/24" dev w0
ip link set w0 up
ip -n world link set lo up
ip -n world addr add "$world/24" dev w1
ip -n world addr add "$metadata/32" dev w1
ip -n world link set w1 up
ip -n world route add default via "$host"
ip route add "$metadata/32" dev w0
for port in 25 80; do
	ip netns exec world python3 -m http.server "$port" --bind 0.0.0.0 >/dev/null 2>&1 &
	servers="$servers $!"
done
reach() { page "$site" "/net.php?to=$1"; }
closed() { has "refused" reach "$1"; }

ok "the host reaches the world" within 60 curl -sf -o /dev/null "http://$world/"
ok "the host reaches the metadata service" curl -sf -o /dev/null "http://$metadata/"
ok "the host reaches its mail port" curl -sf --http0.9 -o /dev/null "http://$world:25/"
ok "the host's own web server answers" status_of "$site" /facts.php
ok "status: the link is up" within 60 is up field status "$site" network
ok "the site reaches the world" within 60 is connected reach "$world:80"
ok "not the metadata service" closed "$metadata:80"
ok "not the host by its address" closed "$host:80"
ok "not the host's loopback" closed 127.0.0.1:80
ok "not the mail port" closed "$world:25"
refused() { field status "$site" refused_packets; }
ok "status counts refusals" within 60 above 0 refused
ok "the host forwards for nobody" is 0 cat /proc/sys/net/ipv4/ip_forward
net=$(pgrep -x tenant-net)
ok "tenant-net has one capability" is "CapEff:	0000000000001000" grep CapEff "/proc/$net/status"
ok "doctor: links" has OK, doctor network.links

# As `systemctl restart nftables` does.
kill -STOP "$net"
ok "somebody flushes all rules" nft flush ruleset
ok "meanwhile the host is closed" not is connected reach "$host:80"
ok "and the world" not is connected reach "$world:80"
kill -CONT "$net"
ok "the rules are back" within 60 is connected reach "$world:80"
ok "the host is closed" closed "$host:80"
ok "tenant-net is the same" is "$net" pgrep -x tenant-net
ok "doctor tells who it was" has "nft removed" doctor firewall.other

ok "systemctl restart tenantd" systemctl restart tenantd
ok "the link goes on" within 60 is connected reach "$world:80"
ok "the host stays closed" closed "$host:80"
kill -9 "$(pgrep -x tenant-net)"
ok "killed, it comes back" within 60 pgrep -x tenant-net
ok "and the link goes on" within 60 is connected reach "$world:80"
ok "network=none" tenantctl set "$site" network=none
ok "no way out" within 60 has "unreachable" reach "$world:80"
ok "no link is left" within 60 not has ": tn" ip -o link
ok "network=egress" tenantctl set "$site" network=
ok "the way is back" within 60 is connected reach "$world:80"

# shellcheck disable=SC2086 # a list
kill $servers
ip link del w0
ip netns del world
rm -f "/srv/tenants/$site/public/net.php"
