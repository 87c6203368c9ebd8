#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Applications on the installed package: its units, its homes, the machine's nginx and MariaDB.
. ./lib.sh
suite installed
served() {
	grep -hoE '[a-z]+\.example' /var/lib/tenantd/nginx/sites/*.conf | sort -u | paste -sd' '
}
ok "the units run on" systemctl is-active tenantd-tree tenantd tenant-control
ok "no application stayed" is "shop.example site.example" served
