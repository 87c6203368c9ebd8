#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The package goes onto a machine where nginx runs.
. ./lib.sh
# Debian's sample site claims to be the default server, which ours has to be.
rm -f /etc/nginx/sites-enabled/default
ok "nginx starts" systemctl start nginx
ok "the package installs" env DEBIAN_FRONTEND=noninteractive dpkg -i ./tenantd.deb
for unit in tenantd-tree.service tenantd.service tenant-control.socket tenant-status.socket \
		tenant-control.service tenant-mail.service; do
	ok "$unit is active" within 30 systemctl is-active "$unit"
done
ok "units start at boot" is "enabled
enabled
enabled" systemctl is-enabled tenantd.service tenant-control.socket tenant-control.service
ok "the nightly trial waits" systemctl is-active tenant-audit.timer
ok "the machine knows the control user" getent passwd tenantd-control
ok "the machine knows the log user" getent passwd tenantd-log
ok "the machine knows the mail user" getent passwd tenantd-mail
ok "the API socket is the administrators'" is "660 root tenantadm" \
	stat -c '%a %U %G' /run/tenantd/control.sock
ok "the socket of the status pages is nginx's" is "660 root www-data" \
	stat -c '%a %U %G' /run/tenantd/status.sock
ok "the supervisor's socket is control's" is "600 tenantd-control" \
	stat -c '%a %U' /run/tenantd/supervisor.sock
ok "control has no capability" is "CapEff:	0000000000000000" \
	grep CapEff "/proc/$(systemctl show -P MainPID tenant-control)/status"
ok "the holder sits in hold" is "0::/system.slice/tenantd-tree.service/hold" \
	cat "/proc/$(systemctl show -P MainPID tenantd-tree)/cgroup"
ok "controllers are on for tenants" has memory cat "$TREE/tenants/cgroup.controllers"
ok "nginx takes the include line" nginx -t
ok "nginx has the CPU weight of ten services" is 1000 systemctl show -P CPUWeight nginx
ok "nobody else talks to the API" not setpriv --reuid=33 --regid=33 --clear-groups \
	tenantctl list
