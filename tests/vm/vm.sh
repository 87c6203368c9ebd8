#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# vm.sh [-t SECONDS] [-m MiB] [-o FOLDER] IMAGE PAYLOAD COMMAND...
#
# Boots IMAGE (as image.sh printed it; it stays as it is) and runs COMMAND as root in a
# copy of the folder PAYLOAD, under systemd.  Output appears here as it comes; what
# the command leaves in out/ comes back in FOLDER.  The exit status is the command's;
# 124: not ready in time, 125: the machine itself failed.
set -u -o pipefail
limit=900 memory=2048 out=
while getopts t:m:o: option; do
	case $option in
	t) limit=$OPTARG ;;
	m) memory=$OPTARG ;;
	o) out=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ge 3 ] || { sed -n 's/^# //p' "$0" | sed -n 2p >&2; exit 2; }
image=$1 payload=$2
shift 2

work=$(mktemp -d)
machine="" reader=""
cleanup() {
	[ -z "$machine" ] || kill "$machine" 2>/dev/null
	[ -z "$reader" ] || kill "$reader" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Disks without a file system: a tar in, a tar out.
printf '%q ' "$@" >"$work/command"
tar -cf "$work/payload" -C "$payload" . -C "$work" ./command || exit 125
truncate -s %1M "$work/payload"
truncate -s 64M "$work/result"
: >"$work/live"

disk() { echo "-drive if=none,id=$1,file=$2,format=raw,cache=unsafe,$3 -device nvme,drive=$1,serial=$1"; }
# A /dev/kvm without the processor's help (a machine in a machine) stops at some instruction.
if [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then
	speed="-accel kvm -cpu host"
else
	speed="-accel tcg,thread=multi,tb-size=512 -cpu Nehalem"
fi
# shellcheck disable=SC2046,SC2086 # lists of words
timeout -k 5 "$limit" nice -n 5 qemu-system-x86_64 -M q35,usb=off,smbus=off,sata=off $speed \
	-smp 2 -m "$memory" -nodefaults -no-user-config -no-reboot -display none \
	-serial file:"$work/console" -serial file:"$work/live" -kernel "$image.vmlinuz" \
	-append "root=PARTUUID=7e4a0001-01 rootfstype=ext4 rw console=ttyS0 quiet panic=-1 mitigations=off nowatchdog rcupdate.rcu_cpu_stall_timeout=300 random.trust_cpu=on" \
	$(disk root "$image.img" snapshot=on) $(disk payload "$work/payload" readonly=on) \
	$(disk result "$work/result" readonly=off) </dev/null &
machine=$!
tail -n +1 -f --pid="$machine" -s 0.2 "$work/live" &
reader=$!
wait "$machine"
status=$?
machine=""
wait "$reader" 2>/dev/null
reader=""

if ! tar -xf "$work/result" -C "$work" status out 2>/dev/null; then
	tail -n 40 "$work/console" >&2
	[ "$status" != 124 ] || { echo "vm: not ready after $limit s" >&2; exit 124; }
	echo "vm: no result (qemu's exit status: $status)" >&2
	exit 125
fi
[ -z "$out" ] || { mkdir -p "$out" && cp -a "$work/out/." "$out/"; }
exit "$(cat "$work/status")"
