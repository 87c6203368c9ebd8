# SPDX-License-Identifier: Apache-2.0
# Functions of run.sh, which sets the variables they use.  POSIX sh; only
# packages of a minimal Debian (no procps).
# shellcheck shell=sh disable=SC2154

# as_nobody COMMAND... - runs it as nginx's workers' user, without any group else.
as_nobody() {
	setpriv --reuid=www-data --regid=www-data --clear-groups "$@"
}

# port_is_used PORT
port_is_used() {
	hex=$(printf '%04X' "$1")
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
		awk -v p=":$hex" '$4 == "0A" && substr($2, length($2) - 4) == p { f = 1 } END { exit !f }'
}

# port_free - prints one, below the range of outgoing connections.  Begins at a
# random place, so that two runs do not meet.
port_free() {
	try=0
	start=$(od -An -N2 -tu2 /dev/urandom)
	while [ $try -lt 100 ]; do
		candidate=$((12000 + (start + try * 101) % 20000))
		if ! port_is_used $candidate; then
			echo $candidate
			return 0
		fi
		try=$((try + 1))
	done
	return 1
}

# fill FILE - a template with this run's values.
fill() {
	sed -e "s|@PREFIX@|$prefix|g" -e "s|@LIBEXEC@|$libexec|g" -e "s|@PORT@|$port|g" \
		-e "s|@NAME@|$name|g" -e "s|@NET@|${NET:-no}|g" "$1"
}

# born PID - when it was started; in ticks (proc(5)).
born() {
	read -r line 2>/dev/null <"/proc/$1/stat" || return 1
	# shellcheck disable=SC2086 # words are meant; after the name: state, parent, ...
	set -- ${line##*) }
	shift 19
	echo "$1"
}

# note PID FILE - and when it was started: numbers are given out again.
note() {
	echo "$1 $(born "$1")" >>"$2"
}

# still_ours FILE - what was noted there, without numbers that a stranger has by now.
# One that is gone may have left children in its session.
still_ours() {
	while read -r noted began; do
		now=$(born "$noted") || now=$began
		[ "$now" != "$began" ] || echo "$noted"
	done <"$1"
}

# wait_child PID - its exit status, also if a trapped signal interrupts `wait`.
wait_child() {
	while :; do
		status=0
		wait "$1" || status=$?
		[ $status -gt 128 ] && kill -0 "$1" 2>/dev/null && continue
		return $status
	done
}

# keeper NAME COMMAND... - runs it again and again until TERM, which is passed
# on.  A session of its own keeps a Ctrl-C meant for run.sh away from it.
keeper() {
	label=$1
	shift
	child=
	ended=
	pause=${RESTART_S:-0.2}
	trap - EXIT
	trap : INT HUP
	trap 'ended=yes; [ -z "$child" ] || kill "$child" 2>/dev/null' TERM
	while :; do
		began=$(date +%s)
		setsid "$@" >>"$prefix/log/$label.log" 2>&1 </dev/null &
		child=$!
		note "$child" "$prefix/keep/sessions"
		# Whole or not at all: others read it at any time.
		echo "$child" >"$prefix/keep/$label.new"
		mv "$prefix/keep/$label.new" "$prefix/keep/$label.pid"
		# TERM may have come before the number was known.
		[ -z "$ended" ] || kill "$child" 2>/dev/null || :
		wait_child "$child" || :
		[ -z "$ended" ] || return 0
		# Workers of a killed nginx would hold its port.
		[ "$label" != nginx ] || session_end "$child"
		child=
		[ $(($(date +%s) - began)) -lt 2 ] || pause=${RESTART_S:-0.2}
		sleep "$pause"
		[ -z "$ended" ] || return 0
		[ -n "${RESTART_S:-}" ] || { [ "$pause" = 0.2 ] && pause=1 || pause=5; }
	done
}

# keep NAME COMMAND... - starts a keeper; the latest is the first in $kept.
keep() {
	keeper "$@" &
	kept="$! $kept"
	note "$!" "$prefix/keep/keepers"
}

# process_is_running PID - not if it is gone or a zombie.
process_is_running() {
	read -r line 2>/dev/null <"/proc/$1/stat" || return 1
	case ${line##*) } in
	Z*) return 1 ;;
	esac
}

# process_end PID - TERM, and KILL after ten seconds; for children of ours.
process_end() {
	kill "$1" 2>/dev/null || :
	tries=100
	while process_is_running "$1" && [ $tries -gt 0 ]; do
		sleep 0.1
		tries=$((tries - 1))
	done
	[ $tries -gt 0 ] || kill -9 "$1" 2>/dev/null || :
	wait_child "$1" || :
}

# logs_show - the ends of the logs, before they are removed.
logs_show() {
	tail -n 20 "$prefix/log"/*.log >&2 || :
}

# wait_for SECONDS NAME COMMAND... - until it succeeds; else ends with the log.
wait_for() {
	seconds=$1
	label=$2
	shift 2
	tries=$((seconds * 10))
	while ! "$@" >"$prefix/log/wait.log" 2>&1; do
		tries=$((tries - 1))
		if [ $tries -le 0 ]; then
			logs_show
			die "$label was not ready after $seconds s"
		fi
		sleep 0.1
	done
	rm -f "$prefix/log/wait.log"
}

# tree_end - if a killed tenant-tree left groups: a new one finds them by the
# name, and on TERM removes them.
tree_end() {
	groups=$(find /sys/fs/cgroup -type d -name "$name" 2>/dev/null) || :
	[ -n "$groups" ] || return 0
	"$build/tenant-tree" -r "$prefix/run" -n "$name" >>"$prefix/log/tree.log" 2>&1 &
	child=$!
	# TERM is ignored here, and so in it until it has blocked INT and TERM: then it waits for them.
	tries=100
	until grep -qs '^SigBlk:.*4002$' "/proc/$child/status" || [ $tries -eq 0 ]; do
		process_is_running "$child" || break
		sleep 0.1
		tries=$((tries - 1))
	done
	process_end "$child"
}

# session_end SESSION... - kills what remains in these sessions: children that
# a killed program left behind.
session_end() {
	for stat in /proc/[0-9]*/stat; do
		read -r line 2>/dev/null <"$stat" || continue
		pid=${line%% *}
		# After the name in parentheses: state, parent, group, session.
		rest=${line##*) }
		rest=${rest#* * * }
		case " $* " in
		*" ${rest%% *} "*) kill -9 "$pid" 2>/dev/null || : ;;
		esac
	done
}

# mounts_end FOLDER - takes off what is mounted below it, the latest first.
mounts_end() {
	awk -v p="$1/" 'index($5, p) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
		while read -r target; do
			umount -l "$target" || :
		done
}
