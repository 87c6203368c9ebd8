# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the guest's scripts share.

# ok NAME COMMAND... - one test: the command's exit status decides.
ok() {
	local name=$1 said
	shift
	if said=$("$@" 2>&1 </dev/null); then
		echo "ok $name" | tee -a "$RESULTS"
	else
		echo "not ok $name" | tee -a "$RESULTS"
		printf '    %s\n' "command: $*" "${said:0:2000}"
	fi
}

# is WANTED COMMAND... - the command succeeds and prints exactly that.
is() {
	local wanted=$1 said
	shift
	said=$("$@") || { echo "status $? of: $*; said: $said"; return 1; }
	[ "$said" = "$wanted" ] || { echo "wanted '$wanted', got '$said'"; return 1; }
}

# has WANTED COMMAND... - the command's output has this text in it.
has() {
	local wanted=$1 said
	shift
	said=$("$@" 2>&1)
	[[ $said = *"$wanted"* ]] || { echo "wanted '$wanted' in '${said:0:1500}'"; return 1; }
}

# not COMMAND... - the command fails.
not() {
	! "$@"
}

# within SECONDS COMMAND... - the command succeeds in that time; tried again and again.
within() {
	local end=$((SECONDS + $1)) said
	shift
	until said=$("$@" 2>&1); do
		[ "$SECONDS" -lt "$end" ] || { echo "never so: $*; at last: ${said:0:1500}"; return 1; }
		sleep 0.2
	done
}

# above NUMBER COMMAND... - the command prints a larger number.
above() {
	local low=$1 said
	shift
	said=$("$@") || return 1
	[ "$said" -gt "$low" ] || { echo "wanted more than $low, got '$said'"; return 1; }
}

# page SITE PATH [CURL OPTION...] - the body of a page; fails on an HTTP error.
page() {
	local site=$1 path=$2
	shift 2
	curl -sS --fail-with-body -m 60 -H "Host: $site" "$@" "http://127.0.0.1$path"
}

# status_of SITE PATH - the HTTP status.
status_of() {
	curl -sS -m 60 -o /dev/null -w '%{http_code}' -H "Host: $1" "http://127.0.0.1$2"
}

# field COMMAND SITE NAME - one value of `tenantctl show` or `status`.
field() {
	tenantctl "$1" "$2" --json | python3 -c '
import json, sys
value = json.load(sys.stdin)["data"][sys.argv[1]]
print(value if isinstance(value, str) else json.dumps(value))' "$3"
}

# put SITE PATH FILE - a file of the tenant's, below its home.
put() {
	local uid
	uid=$(field show "$1" uid)
	install -D -m 644 -o "$uid" -g "$uid" "$3" "/srv/tenants/$1/$2"
}

TREE=/sys/fs/cgroup/system.slice/tenantd-tree.service
# group SITE - the cgroup folder of a tenant.
group() {
	echo "$TREE/tenants/$(field show "$1" number)"
}

# counter SITE FILE KEY - one number of a cgroup file; kernels before 6.12 count
# some events only in the pool's own group.
counter() {
	find "$(group "$1")" -maxdepth 2 -name "$2" -exec cat {} + |
		awk -v key="$3" '$1 == key && $2 > most { most = $2 } END { print most + 0 }'
}

# pids SITE - the pids of a tenant's processes.
pids() {
	find "$(group "$1")" -name cgroup.procs -exec cat {} + | sort -n | paste -sd' '
}

# suite GROUP - a group of tests/run.py; each test counts as one here.
suite() {
	local passed failed _
	(cd tree && python3 tests/run.py --built --slowest 12 --limit "${SUITE_LIMIT:-2400}" "$1") | tee "$1.out"
	read -r passed _ failed _ <<<"$(tail -n 1 "$1.out")"
	for _ in $(seq "$passed"); do echo "ok $1: whole-system test"; done >>"$RESULTS"
	for _ in $(seq "$failed"); do echo "not ok $1: whole-system test"; done >>"$RESULTS"
	[ "${passed:-0}" -gt 0 ] || echo "not ok $1: no test ran" >>"$RESULTS"
}

# doctor ID - that row of `tenantctl doctor`.
doctor() {
	tenantctl doctor --format csv | grep -F "$1"
}
