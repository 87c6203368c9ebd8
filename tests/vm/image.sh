#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# image.sh FOLDER [PACKAGE...] - makes a bootable Debian in FOLDER, or finds the one
# made before, and prints its path without suffix: PATH.img (raw disk) and PATH.vmlinuz.
#
# Nothing is mounted and no loop device is used: mmdebstrap writes a tar, mke2fs -d a file
# system out of a folder.  Debian's cloud kernel has NVMe and ext4 built in, so the disk is
# an NVMe one and there is no initrd.  Packages besides packages.txt come as arguments.
# The release is the host's, because the programs are built on the host.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=$1
shift
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
packages=$({ grep -v -e '^#' "$here/packages.txt"; printf '%s\n' "$@"; } | sort -u | paste -sd,)
kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: //p' | head -n 1)
version=$(apt-cache policy "$kernel" | sed -n 's/ *Candidate: //p')
disk_mib=4096

say() { echo "image: $*" >&2; }
key() { cat "$@" | sha256sum | cut -c 1-16; }

[ -n "$version" ] || { say "no linux-image-cloud-amd64; run apt-get update"; exit 1; }
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
base=$cache/base-$(echo "$suite $packages" | key -).tar
image=$cache/$(echo "$base $version" | key - "$0" "$here/agent.sh" "$here/agent.service")
if [ -s "$image.img" ]; then
	echo "$image"
	exit 0
fi

work=$(mktemp -d -p "$cache")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
if ! [ -s "$base" ]; then
	say "$suite with $packages; this takes some minutes"
	TMPDIR=$work nice -n 10 mmdebstrap --quiet --variant=minbase --include="$packages" \
		--dpkgopt=force-unsafe-io --aptopt='Acquire::Languages "none"' \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		"$suite" "$work/base.tar" >"$cache/mmdebstrap.log" 2>&1 ||
		{ tail -n 20 "$cache/mmdebstrap.log" >&2; say "mmdebstrap failed"; exit 1; }
	mv "$work/base.tar" "$base"
fi

root=$work/root
mkdir "$root" "$work/kernel"
tar -C "$root" -xpf "$base" --numeric-owner
(cd "$work/kernel" && apt-get download -q -o APT::Sandbox::User=root "$kernel" >/dev/null &&
	dpkg-deb -x ./*.deb .)
mkdir -p "$root/usr/lib/modules"
cp -a "$work"/kernel/lib/modules/* "$root/usr/lib/modules/"
chroot "$root" depmod "$(ls "$work/kernel/lib/modules")"

# The agent runs what it is given; everything that costs time at boot and serves no test is off.
# nginx and MariaDB start when a test starts them.
units=$root/etc/systemd/system
install -D -m 755 "$here/agent.sh" "$root/usr/local/lib/vm-agent"
install -D -m 644 "$here/agent.service" "$units/vm-agent.service"
mkdir -p "$units/multi-user.target.wants" "$units.conf.d" "$root/etc/systemd/journald.conf.d"
ln -s ../vm-agent.service "$units/multi-user.target.wants/"
rm -f "$units"/multi-user.target.wants/{nginx,mariadb}.service
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
	fstrim.timer phpsessionclean.timer e2scrub_reap.service systemd-timesyncd.service \
	systemd-pstore.service systemd-random-seed.service systemd-update-utmp.service \
	systemd-journal-catalog-update.service systemd-hwdb-update.service systemd-firstboot.service \
	systemd-update-done.service systemd-binfmt.service systemd-boot-system-token.service \
	ldconfig.service modprobe@.service getty.target getty@tty1.service \
	systemd-ask-password-wall.path sys-kernel-debug.mount \
	sys-kernel-tracing.mount dev-hugepages.mount dev-mqueue.mount sys-kernel-config.mount; do
	ln -sf /dev/null "$units/$unit"
done
ln -sf /usr/lib/systemd/system/multi-user.target "$units/default.target"
printf '[Manager]\nDefaultTimeoutStartSec=300s\nDefaultTimeoutStopSec=120s\nShowStatus=no\n' \
	>"$units.conf.d/vm.conf"
printf '[Journal]\nStorage=volatile\n' >"$root/etc/systemd/journald.conf.d/vm.conf"
: >"$root/etc/fstab"
echo vm >"$root/etc/hostname"
echo '127.0.0.1 localhost vm' >"$root/etc/hosts"
rm -f "$root/etc/resolv.conf"
echo 5f7c52e6dd8a4c5cb1a9a7fd1c4e9b21 >"$root/etc/machine-id"

cp "$work"/kernel/boot/vmlinuz-* "$work/vmlinuz"
truncate -s "${disk_mib}M" "$work/img"
printf 'label: dos\nlabel-id: 0x7e4a0001\nstart=2048, type=83\n' | sfdisk -q "$work/img"
mke2fs -q -F -t ext4 -O ^has_journal,^metadata_csum,^resize_inode -m 0 \
	-E offset=1048576,lazy_itable_init=0,nodiscard -d "$root" "$work/img" "$((disk_mib - 1))M"
mv "$work/vmlinuz" "$image.vmlinuz"
mv "$work/img" "$image.img"
say "made $image.img ($(du -h "$image.img" | cut -f 1))"
echo "$image"
