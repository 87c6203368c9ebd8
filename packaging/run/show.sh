#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What ./demo shows: two sites, one attacking the other, and how to go on.
# Run by run.sh with TENANTD_SOCKET, RUN_DIR, PORT and the programs in PATH.
set -eu
sample=$(cd "$(dirname "$0")/sample" && pwd)

title() {
	printf '\n== %s\n' "$*"
}

# fact SITE KEY - from `tenantctl show`.
fact() {
	tenantctl show "$1" --format plain | awk -F '\t' -v k="$2" '$1 == k { print $2 }'
}

# fill SITE - copies its sample into the home, as the tenant's own uid.
fill() {
	uid=$(fact "$1" uid)
	home=$(fact "$1" home)
	tar -C "$sample/$1" -cf - public private | (
		cd "$home"
		exec setpriv --reuid="$uid" --regid="$uid" --clear-groups \
			tar --no-same-owner --no-overwrite-dir -xf -
	)
}

# page SITE PATH - a request through nginx.
page() {
	curl -sS --max-time 30 -H "Host: $1" "http://127.0.0.1:$PORT$2"
}

title "two sites, each in a cage of its own"
for site in site.example shop.example; do
	tenantctl add "$site" --alias "${site%.example}.localhost"
	fill "$site"
done
tenantctl list

title "site.example tells how it is confined"
page site.example / | sed -n 's|<tr><td>\(.*\)</td><td>\(.*\)</td></tr>|\1: \2|p'

title "shop.example is compromised and attacks site.example"
pid=$(tenantctl status site.example --format plain | awk -F '\t' '$1 == "master_pid" { print $2 }')
socket=$(fact site.example socket)
results=$(page shop.example "/attack.php?pid=$pid&port=$PORT&socket=$socket")
tab=$(printf '\t')
result=stopped
if ! page shop.example /own.txt | grep -q '^tea'; then
	result=untested
elif page shop.example /neighbour.txt | grep -qF '<?php'; then
	result='GOT THROUGH'
fi
results="$results
$result${tab}let nginx serve its source through a link${tab}the link's owner does not own the file"
echo "$results" | awk -F '\t' '{ printf "%-12s %-48s %s\n", $1, $2, $3 }'
lines=$(echo "$results" | wc -l)
if [ "$lines" -lt 13 ] || echo "$results" | grep -qv '^stopped'; then
	echo "not every attempt was stopped" >&2
	exit 1
fi
page site.example / | grep -q '<h1>site.example</h1>'
[ "$pid" = "$(tenantctl status site.example --format plain |
	awk -F '\t' '$1 == "master_pid" { print $2 }')" ]
echo "site.example answers on, from the same pool"

title "go on"
cat <<TXT
open in a browser   http://site.localhost:$PORT/  http://shop.localhost:$PORT/
or                  curl -H 'Host: site.example' http://127.0.0.1:$PORT/
manage              export TENANTD_SOCKET=$TENANTD_SOCKET
                    $(command -v tenantctl) list
                    $(command -v tenantctl) show site.example
                    $(command -v tenantctl) status site.example
                    $(command -v tenantctl) verify site.example
                    $(command -v tenantctl) set site.example memory_max=256M
                    $(command -v tenantctl) suspend shop.example --reason spam
                    $(command -v tenantctl) resume shop.example
                    $(command -v tenantctl) remove shop.example
homes and logs      $RUN_DIR/srv  $RUN_DIR/log
stop                Ctrl-C, or kill -TERM $PPID; nothing stays behind
ready http://127.0.0.1:$PORT/
TXT
