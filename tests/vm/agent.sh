#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: unpacks the payload disk into /payload, runs its `command` there, writes exit
# status and /payload/out to the result disk, powers off.  Disks are found by their serial
# number: which of them becomes nvme0 is chance.
exec </dev/null >/dev/ttyS1 2>&1
stty -F /dev/ttyS1 -onlcr 2>/dev/null
for disk in /sys/block/nvme*n1; do
	read -r serial <"$disk/device/serial"
	case $serial in
	payload) payload=/dev/${disk##*/} ;;
	result) result=/dev/${disk##*/} ;;
	esac
done
mkdir -p /payload
cd /payload || exit 1
tar -xf "$payload"
mkdir -p out
read -r up _ </proc/uptime
echo "guest: up after $up s, Linux $(uname -r), systemd $(systemctl --version | sed -n '1s/systemd \([0-9]*\).*/\1/p')"
HOME=/root LC_ALL=C.UTF-8 bash ./command
echo $? >status
read -r up _ </proc/uptime
echo "guest: exit $(cat status) after $up s"
tar -cf - status out | dd of="$result" bs=256k conv=fsync 2>/dev/null
systemctl poweroff --force --force >/dev/null 2>&1
