#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The end: the tree stops, the package goes, nothing stays.
. ./lib.sh
page site.example /facts.php >/dev/null
ok "a pool lives" test -n "$(pids site.example)"
pids=$(pids site.example)
ok "stop tenantd-tree" systemctl stop tenantd-tree
alive() { for pid in $pids; do kill -0 "$pid" 2>/dev/null && echo "$pid"; done; true; }
ok "its pools are gone" is "" alive
state() { systemctl is-active "$1" || true; }
ok "tenantd went with it" within 30 is inactive state tenantd
ok "nothing failed" is "" systemctl list-units --failed --plain --no-legend 'tenant*'
ok "all starts again" systemctl start tenantd tenant-control
ok "and the site answers" within 60 page site.example /facts.php
for site in site.example shop.example; do
	ok "remove $site" tenantctl remove "$site"
	ok "$site is not served" not page "$site" /facts.php
done
ok "no home is left" is "" ls /srv/tenants
ok "no group is left" is "" find "$TREE/tenants" -mindepth 1 -type d
ok "no virtual host is left" not grep -rqs site.example /var/lib/tenantd/nginx/sites
ok "purge" env DEBIAN_FRONTEND=noninteractive dpkg --purge tenantd
left() {
	ps -eo comm= | grep -E '^tenant' || true
	grep -E 'tenant' /proc/self/mounts || true
	find /sys/fs/cgroup -name '*tenant*' 2>/dev/null
	find /run -name '*tenant*' 2>/dev/null
	find / -xdev \( -path /proc -o -path /payload \) -prune -o -name '*tenant*' -print 2>/dev/null
}
ok "nothing of it is left" is "" left
ok "nginx runs on" systemctl is-active nginx
ok "users are gone" not getent passwd tenantd-control
