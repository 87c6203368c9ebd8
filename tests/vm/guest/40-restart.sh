#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The supervisor goes and comes; pools, limits and listeners do not notice.
. ./lib.sh
site=site.example
tenantctl set "$site" pm=static max_children=1 pool_idle_timeout=3600 >/dev/null
page "$site" /facts.php >/dev/null
ok "cold.example is added" tenantctl add cold.example
put cold.example public/facts.php pages/facts.php
ok "it has no process" is cold field status cold.example pool_state
inode_of() { stat -c %i "$(field show cold.example socket)"; }
ok "the store holds listeners" above 1 systemctl show -P NFileDescriptorStore tenantd

# The pool is the one it was; if not, what the daemon knows of it is told.
same_pool() {
	is "$pids" pids "$site" || { tenantctl status "$site"; return 1; }
}
undisturbed() {
	ok "$1: the pids are the same" same_pool
	ok "$1: the limits stand" is "$limit" cat "$(group "$site")/memory.max"
	ok "$1: the site answers" page "$site" /facts.php
	ok "$1: still the same pids" same_pool
	ok "$1: control answers" within 30 tenantctl status
	ok "$1: the pool is known" within 30 is warm field status "$site" pool_state
	ok "$1: the cold listener is the same" is "$inode" inode_of
}
pids=$(pids "$site")
limit=$(cat "$(group "$site")/memory.max")
inode=$(inode_of)
ok "there is a pool to watch" test -n "$pids"

ok "systemctl restart tenantd" systemctl restart tenantd
undisturbed "restart"

old=$(systemctl show -P MainPID tenantd)
kill -9 "$old"
ok "while it is down the site answers" page "$site" /facts.php
restarted() {
	local now
	now=$(systemctl show -P MainPID tenantd)
	[ "$now" != 0 ] && [ "$now" != "$old" ] && systemctl --quiet is-active tenantd
}
ok "systemd starts it again" within 30 restarted
undisturbed "kill -9"

# More often than systemd's limit of five starts in 10 s.
for _ in 1 2 3 4 5 6 7; do
	old=$(systemctl show -P MainPID tenantd)
	kill -9 "$old"
	ok "systemd starts it again, and again" within 60 restarted
done
undisturbed "seven times kill -9"
crashed() {
	local pid
	pid=$(systemctl show -P MainPID tenant-control)
	[ "$pid" != 0 ] && kill -9 "$pid"
}
for _ in 1 2 3 4 5 6 7; do
	ok "a client wakes control after each end" within 60 tenantctl list
	crashed
done
ok "and in the end" within 60 tenantctl list
ok "its socket is open" systemctl --quiet is-active tenant-control.socket

ok "the package is installed over itself" env DEBIAN_FRONTEND=noninteractive dpkg -i ./tenantd.deb
undisturbed "upgrade"

# systemd forgets the store of a stopped unit: whoever knocks at a cold site is told so at once.
systemctl stop tenantd
ok "stopped: the site answers" page "$site" /facts.php
ok "stopped: the pids are the same" same_pool
ok "stopped: a cold site says 503" is 503 status_of cold.example /facts.php
ok "started again" systemctl start tenantd
ok "the cold site answers again" within 30 page cold.example /facts.php
inode=$(inode_of)
undisturbed "start"

put "$site" public/oops.php pages/oops.php
page "$site" /oops.php >/dev/null
log=/var/log/tenantd/$site/php.log
ok "errors stand in the site's log" within 10 grep -q "an error to log" "$log"
mv "$log" "$log.1"
ok "systemctl reload tenantd" systemctl reload tenantd
again() { page "$site" /oops.php && grep -q "an error to log" "$log"; }
ok "a rotated log is opened again" within 20 again
ok "the tenant cannot write it" is "640 root adm" stat -c '%a %U %G' "$log"
ok "daemon-reload" systemctl daemon-reload
undisturbed "log and daemon-reload"

old=$(systemctl show -P MainPID tenant-control)
kill -9 "$old"
ok "control comes back by itself" within 30 tenantctl list
systemctl stop tenant-control.service
ok "a client wakes control by its socket" within 30 tenantctl list
group=$(group cold.example)
ok "it has a group" test -d "$group"
ok "remove cold.example" tenantctl remove cold.example
ok "its group is gone" test ! -e "$group"
