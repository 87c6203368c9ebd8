#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Homes on a file system with project quota, and back: disk_max, inodes_max and io_max bite, and
# where they cannot the machine says so.  The root file system has no quota.
. ./lib.sh
site=site.example
disk=/var/disk.img
uploads=/var/lib/tenantd/nginx/uploads
for each in site.example shop.example; do
	put "$each" public/disk.php pages/disk.php
done
# Moves all homes to what MOUNT... puts at their place, or back.
homes_go() {
	systemctl stop tenant-control.service tenant-control.socket tenantd tenantd-tree
	cp -a /srv/tenants /srv/moved && "$@" && cp -a /srv/moved/. /srv/tenants/ &&
		rm -rf /srv/moved && systemctl start tenantd tenant-control.socket
}

ok "without quota: show says so" has '"disk_max", "inodes_max"' field show "$site" not_enforced
ok "without quota: doctor says so" has "not enforced on this machine" doctor quota.project
ok "without quota: status counts nothing" is null field status "$site" disk_used

truncate -s 600M "$disk"
ok "a file system with project quota" mke2fs -q -t ext4 -O quota,project -E quotatype=prjquota "$disk"
mount -o loop "$disk" /mnt
rmdir /mnt/lost+found
umount /mnt
ok "homes move there" homes_go mount -o loop "$disk" /srv/tenants
ok "counted, but not enforced: doctor says so" within 60 has "not enforced on this machine" \
	doctor quota.project
systemctl stop tenant-control.service tenant-control.socket tenantd tenantd-tree
umount /srv/tenants
ok "mounted with prjquota" mount -o loop,prjquota "$disk" /srv/tenants
# Usually both lie on one disk anyway.
mkdir /srv/tenants/.uploads
ok "uploads move there, too" mount --bind /srv/tenants/.uploads "$uploads"
systemctl start tenantd tenant-control.socket
ok "the control comes back" within 60 tenantctl list
ok "show: enforced" not has disk_max field show "$site" not_enforced
ok "doctor: quota is on" has "on, for" doctor quota.project
ok "limits are set" tenantctl set "$site" disk_max=8M inodes_max=100
ok "the neighbour's home is counted" tenantctl repair shop.example
ok "status tells the limit" is $((8 << 20)) field status "$site" disk_max
ok "status tells the other limit" is 100 field status "$site" inodes_max
ok "files that were there are counted" above 5 field status "$site" inodes_used
ok "all is as it should be" has "as it should be" tenantctl repair "$site"
ok "neighbour: its own limit" is $((10 << 30)) field status shop.example disk_max

ok "filling blocks ends with EDQUOT" has "Disk quota exceeded" \
	page "$site" "/disk.php?what=blocks"
ok "it got about what it may" above $((7 << 20)) field status "$site" disk_used
ok "it got no more" not above $((8 << 20)) field status "$site" disk_used
ok "the site still answers" page "$site" /facts.php
ok "the neighbour goes on writing" is "wrote 12" page shop.example "/disk.php?what=blocks&n=12"
ok "what it deletes is free again" is "clean" page "$site" "/disk.php?what=clean"
ok "filling inodes ends with EDQUOT" has "Disk quota exceeded" \
	page "$site" "/disk.php?what=inodes"
ok "no inode too many" is 100 field status "$site" inodes_used
ok "the neighbour goes on making files" is "made 200" \
	page shop.example "/disk.php?what=inodes&n=200"
page "$site" "/disk.php?what=clean" >/dev/null
head -c 20M /dev/zero >/tmp/body
# The answer may come before all is sent.
upload() {
	curl -sS -m 60 -o /dev/null -w '%{http_code}' -H "Host: $1" --data-binary @/tmp/body \
		http://127.0.0.1/facts.php || :
}
folder=$uploads/$(field show "$site" number)
ok "uploads are counted with the home" has "$(field show "$site" uid)" lsattr -pd "$folder"
ok "an upload beyond what is left is refused" is 500 upload "$site"
ok "the neighbour's is taken" is 200 upload shop.example
ok "nothing of it is left" not above $((1 << 20)) field status "$site" disk_used
ok "no file is left" is "" find "$uploads" -type f
ok "limits grow under the living pool" tenantctl set "$site" disk_max=16M inodes_max=400
ok "and it writes again" is "wrote 12" page "$site" "/disk.php?what=blocks&n=12"
page "$site" "/disk.php?what=clean" >/dev/null
uid=$(field show "$site" uid)
ok "root's files in the home count, too" install -o "$uid" -m 600 /dev/null \
	"/srv/tenants/$site/private/by-root"
ok "they are of its project" has "$uid" lsattr -p "/srv/tenants/$site/private/by-root"
promise() { tenantctl verify "$site" --format csv | grep "$1"; }
ok "the tenant cannot leave its project" has ",held," promise TNT-KRN-021

ok "doctor: reads and writes can be bounded" not has "io_max is not" doctor io.limits
ok "io_max is set" tenantctl set "$site" io_max=2M
ok "io.max" has "rbps=2097152 wbps=2097152" cat "$(group "$site")/io.max"
rate() { page "$site" "/disk.php?what=rate"; }
bound=$(rate)
ok "8 MiB take some seconds" above 2500 echo "$bound"
ok "io_max goes" tenantctl set "$site" io_max=
free=$(rate)
ok "they took longer than without a bound" above "$free" echo "$bound"
echo "    ms: $bound with a bound, $free without"

ok "limits go back" tenantctl set "$site" disk_max= inodes_max=
for each in site.example shop.example; do
	page "$each" "/disk.php?what=clean" >/dev/null
	rm -f "/srv/tenants/$each/public/disk.php"
done
ok "uploads move back" umount "$uploads"
rm -rf /srv/tenants/.uploads
ok "homes move back" homes_go umount /srv/tenants
rm -f "$disk"
ok "the site answers from there" within 60 page "$site" /facts.php
ok "and takes uploads, bounded by nothing but its plan" is 200 upload "$site"
rm /tmp/body
