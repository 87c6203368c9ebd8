#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh [-b BUILD] [-c FILE] [COMMAND...] - brings up the whole system below a
# private folder, with the programs of the build tree and an nginx of its own.
# When all answers, runs COMMAND with TENANTD_SOCKET, RUN_DIR and PORT set, or
# prints `ready URL`.  Stays until INT or TERM, then takes everything down
# again: process, mount, cgroup, file.
# run.sh [-b BUILD] -k FOLDER - takes down what a run.sh that was killed left there.
#   -c FILE   lines to add to tenantd.conf
#   RUN_DIR   the folder (default: a new one in /run); must be empty
#   NET       yes: pools get links to the world (default: no); this makes interfaces
#             tn* and an nftables table of our own in this network namespace
#   RESTART_S seconds before a program that died is started again (default: 0.2, and more
#             for one that dies again at once)
#   PORT      where nginx listens on 127.0.0.1 (default: a free one)
# A program that dies is started again, as systemd would do it.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
build=$here/../../build/plain
more=
dead=
while getopts b:c:k: flag; do
	case $flag in
	b) build=$OPTARG ;;
	c) more=$OPTARG ;;
	k) dead=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))

die() {
	echo "run.sh: $*" >&2
	exit 1
}

# shellcheck source=packaging/run/lib.sh
. "$here/lib.sh"

[ "$(id -u)" = 0 ] || die "only root can make jails; try: sudo $0"
for program in tenantd tenant-tree tenantctl; do
	[ -x "$build/$program" ] || die "'$build/$program' is missing; run make first"
done
build=$(cd "$build" && pwd)
nginx=$(PATH=$PATH:/usr/sbin:/sbin command -v nginx) || die "nginx is missing; see packaging/packages.txt"
getent group adm >/dev/null || die "the group adm is missing"
port=${PORT:-}
[ -n "$port" ] || port=$(port_free) || die "no free port found; set PORT"
! port_is_used "$port" || die "port $port is in use; set PORT to another one"

wanted=${RUN_DIR:-}
[ ! -d "$wanted" ] || [ -z "$(ls -A "$wanted")" ] ||
	die "'$wanted' is not empty; RUN_DIR must name a new or empty folder"
# The process id alone may stand for another run in another pid namespace.
name=tenantd-run-$$-$(od -An -N3 -tx1 /dev/urandom | tr -d ' ')
unit=$name-tree
on_systemd=
[ ! -d /run/systemd/system ] || on_systemd=yes
made=
prefix=
kept=
after=

# Programs in the order of their start; they end in the opposite one.
cleanup() {
	trap '' INT TERM HUP PIPE
	trap - EXIT
	[ -n "$prefix" ] || return 0		# nothing was made yet
	[ -z "$after" ] || process_end "$after"
	for keeper in $kept; do
		process_end "$keeper"
	done
	# shellcheck disable=SC2046 # a list of numbers
	[ ! -e "$prefix/keep/sessions" ] || session_end $(still_ours "$prefix/keep/sessions")
	# After the last process of ours: a tenant-tree that was killed while it made
	# its groups has left no record, so its groups are looked for by name.
	if [ -n "$on_systemd" ]; then
		systemctl stop "$unit.service" >/dev/null 2>&1 || :
	else
		tree_end || :
	fi
	"$build/tenant-net" clear "$prefix/run" || :
	mounts_end "$prefix"
	if [ -n "$made" ]; then
		rm -rf --one-file-system "$prefix"
	else
		find "$prefix" -xdev -mindepth 1 -delete
	fi
}

if [ -n "$dead" ]; then
	read -r name made <"$dead/keep/run" || die "'$dead' is no folder of a run.sh"
	prefix=$(cd "$dead" && pwd -P)
	unit=$name-tree
	for keeper in $(still_ours "$prefix/keep/keepers"); do
		kept="$keeper $kept"
	done
	cleanup
	exit
fi

trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
trap 'exit 141' PIPE		# nobody reads any more

# After the traps, and `made` first: a signal may come between any two lines.
if [ -z "$wanted" ]; then
	made=yes
	prefix=$(mktemp -d /run/tenantd-run.XXXXXX)
elif [ ! -d "$wanted" ]; then
	made=yes
	prefix=$wanted
	mkdir -p "$prefix"
else
	prefix=$wanted
fi
prefix=$(cd "$prefix" && pwd -P)

# sun_path holds 108 bytes, and a pool's socket is run/pool/NUMBER/php.sock.
[ ${#prefix} -le 70 ] || die "'$prefix' is too long for unix sockets; 70 bytes are allowed"
chmod 711 "$prefix"
mkdir "$prefix/etc" "$prefix/run" "$prefix/log" "$prefix/nginx" "$prefix/keep"
: >"$prefix/keep/keepers"
echo "$name $made" >"$prefix/keep/run"
as_nobody test -x "$prefix/run" || die "nginx's user cannot pass '$prefix'; choose another RUN_DIR"

# Programs run by other users must be reachable for them, wherever the tree is,
# and a jail mounts its own /tmp, /dev and /proc over what it is started from.
libexec=$build
case $build in
/tmp/* | /dev/* | /proc/*) covered=yes ;;
*) covered= ;;
esac
if [ -n "$covered" ] || ! as_nobody test -x "$build/tenantctl"; then
	libexec=$prefix/libexec
	mkdir "$libexec"
	mount --bind "$build" "$libexec"
fi
fill "$here/tenantd.conf.in" >"$prefix/etc/tenantd.conf"
[ -z "$more" ] || cat "$more" >>"$prefix/etc/tenantd.conf"
# Sites of two runs at the same time are different users, as their ports are: by its uid the
# kernel counts what a process may hold, and tells of the calls that have ended one.
grep -qs '^[[:space:]]*uid_base' "$more" ||
	printf "\nuid_base = %s\n" $((1900000000 + 4096 * port)) >>"$prefix/etc/tenantd.conf"
fill "$here/nginx.conf.in" >"$prefix/etc/nginx.conf"

if [ -n "$on_systemd" ]; then
	# Only a unit gets a part of the cgroup tree delegated.
	systemd-run --quiet --collect --unit="$unit" -p Type=notify -p Delegate=yes \
		"$build/tenant-tree" -r "$prefix/run" -n "$name" || die "systemd-run failed"
else
	keep tree "$build/tenant-tree" -r "$prefix/run" -n "$name"
fi
wait_for 10 "tenant-tree" test -e "$prefix/run/tree"
# As the package's drop-in of nginx.service does it: ten times the CPU weight of others,
# among its session's group (sched(7), autogroup) and where there is none.
# shellcheck disable=SC2016 # for the inner shell
keep nginx sh -c 'echo -10 2>/dev/null >/proc/self/autogroup; exec nice -n -10 "$@"' sh "$nginx" -p "$prefix/nginx" -c "$prefix/etc/nginx.conf" -e "$prefix/log/nginx-error.log"
wait_for 10 nginx test -s "$prefix/nginx/nginx.pid"
keep tenantd "$libexec/tenantd" -c "$prefix/etc/tenantd.conf" -x "$libexec" -C
export TENANTD_SOCKET="$prefix/run/control.sock"
wait_for 30 tenantd "$build/tenantctl" status
# A user of its own, but able to start a mailer that changes its group.  A mailer is
# what stands at etc/mailer of the folder: a program or a link to one.
mail_user=$(sed -n 's/^mail_user *= *//p' "$prefix/etc/tenantd.conf" | tail -n 1)
keep mail setpriv --reuid="$mail_user" --regid="$mail_user" --clear-groups \
	"$libexec/tenant-mail" -r "$prefix/run"
wait_for 10 tenant-mail test -S "$prefix/run/mail/socket/sock"

echo "name $name"
echo "folder $prefix"
echo "socket $TENANTD_SOCKET"
echo "logs $prefix/log"
if [ $# -gt 0 ]; then
	RUN_DIR=$prefix PORT=$port PATH=$build:$PATH "$@" &
	after=$!
	wait_child "$after" || {
		logs_show
		die "'$1' failed"
	}
	after=
else
	echo "ready http://127.0.0.1:$port/"
fi
# Ends by a signal; each keeper lives as long as this script.
while :; do
	for keeper in $kept; do
		wait_child "$keeper" || :
	done
	die "a program cannot be kept running; see the logs"
done
