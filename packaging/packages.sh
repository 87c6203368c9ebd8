#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# packages.sh SECTION... - installs what packages.txt lists for these sections
# and is missing, by apt-get.  No service that comes along starts: neither now
# (policy-rc.d, only while apt-get runs) nor at the next boot (what the
# installation newly enabled is disabled again).  Prints one line if it installs.
set -eu
list=$(dirname "$0")/packages.txt
[ $# -gt 0 ] || { echo "usage: packages.sh SECTION..." >&2; exit 2; }

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = 'ii ' ]
}

missing=
for section in "$@"; do
	# shellcheck disable=SC2013 # words are meant
	for package in $(awk -v s="$section" '$1 == s { print $2 }' "$list"); do
		installed "$package" || missing="$missing $package"
	done
done
[ -n "$missing" ] || exit 0
[ "$(id -u)" = 0 ] || { echo "packages.sh: not root; please install:$missing" >&2; exit 1; }

work=$(mktemp -d)
policy=/usr/sbin/policy-rc.d
own_policy=
cleanup() {
	[ -z "$own_policy" ] || rm -f "$policy"
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if ! [ -e "$policy" ] && ! [ -L "$policy" ]; then
	own_policy=yes
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi

# What starts at boot: links of systemd's targets and of the runlevels.
enabled() {
	find /etc/systemd/system -type l -path '*.wants/*' 2>/dev/null || :
	find /etc/rc[2345].d -name 'S*' 2>/dev/null || :
}

echo "installing:$missing"
enabled | sort >"$work/before"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } \
	>"$work/log" 2>&1 </dev/null; then
	tail -n 20 "$work/log" >&2
	echo "packages.sh: apt-get could not install:$missing" >&2
	exit 1
fi
enabled | sort >"$work/after"
comm -13 "$work/before" "$work/after" | while read -r link; do
	name=${link##*/}
	case $link in
	/etc/rc*) name=${name#S??}; update-rc.d "$name" disable ;;
	*) if command -v systemctl; then systemctl disable "$name"; else rm -f "$link"; fi ;;
	esac
done >/dev/null 2>&1
