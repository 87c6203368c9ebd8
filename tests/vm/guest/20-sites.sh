#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two sites, each in its cage, through the machine's own nginx.
. ./lib.sh
for site in site.example shop.example; do
	ok "add $site" tenantctl add "$site"
	echo "secret of $site" >secret
	put "$site" private/secret.txt secret
	put "$site" public/facts.php pages/facts.php
	put "$site" public/read.php pages/read.php
	put "$site" public/load.php pages/load.php
done
uid=$(field show site.example uid)
ok "a page answers" page site.example /facts.php
facts=$(page site.example /facts.php)
ok "it runs as the tenant" has "Uid $uid $uid $uid $uid" echo "$facts"
no_capability() { [ "$(grep -c "^Cap... 0000000000000000$" <<<"$facts")" = 5 ]; }
ok "it has no capability" no_capability
ok "it is behind a system call filter" has "Seccomp 2" echo "$facts"
ok "it can gain nothing" has "NoNewPrivs 1" echo "$facts"
ok "it reads its own file" is "secret of site.example" \
	page site.example "/read.php?path=/srv/tenants/site.example/private/secret.txt"
ok "it does not read its neighbour's" is refused \
	page shop.example "/read.php?path=/srv/tenants/site.example/private/secret.txt"
ok "nginx does not serve private files" is 404 status_of site.example /../private/secret.txt
ok "an unknown name is not served" not page unknown.example /facts.php
own_log() { cat "/var/log/tenantd/$1/access.log"; }
ok "its visits stand in a log of its own" within 30 has "GET /facts.php" own_log site.example
ok "its neighbour's do not" not has "shop.example" own_log site.example
ok "both stand in nginx's" within 30 has "shop.example" cat /var/log/tenantd/access.log
ok "the pool lives in the tree's group" has "/tenantd-tree.service/tenants/" \
	cat "/proc/$(field status site.example master_pid)/cgroup"
ok "uids are of the documented range" above 1900000000 echo "$uid"

# As it will run by night: a client without privileges, confined by its unit.
ok "tenant-audit tries all sites" systemctl start tenant-audit.service
ok "it says so in the journal" within 30 has held journalctl -u tenant-audit.service -o cat

# Calls that only an attacker makes: counted by site and call, by the kernel's own word.
violations() { field status "$1" violations; }
conf=/etc/tenantd/conf.d/20-violations.conf
if [ "$(violations site.example)" = null ]; then
	ok "violations: the status says that they are not counted" \
		has "not counted on this machine" tenantctl status site.example
else
	echo "allow_programs = yes" >$conf
	ok "programs may be allowed" systemctl reload tenantd
	ok "and are" within 30 tenantctl set site.example programs=allow
	ok "a page answers with programs" within 30 page site.example /facts.php
	before=$(violations site.example)
	theirs=$(violations shop.example)
	ok "a killed call ends the command" has "status 159" \
		bash -c 'tenantctl exec site.example -- unshare -r true; echo "status $?"'
	ok "violations: it is counted" within 30 above "$before" violations site.example
	ok "violations: by its call" has "unshare=" field status site.example violation_calls
	ok "violations: the neighbour has none of it" is "$theirs" violations shop.example
	ok "violations: the journal has it" within 30 has "site=site.example call=unshare" \
		journalctl -u tenantd.service -o cat
	counted=$(violations site.example)
	ok "the cage is tried" tenantctl verify site.example
	ok "another killed call" has "status 159" \
		bash -c 'tenantctl exec site.example -- unshare -r true; echo "status $?"'
	# Records come in their order: with the last one counted, the trials' would be, too.
	ok "violations: our own trials are none" within 30 is "$((counted + 1))" violations site.example
	tenantctl set site.example programs=
	rm $conf
	ok "programs are closed again" systemctl reload tenantd
fi
