#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [SCRIPT...] - make check-vm: installs our Debian package in a virtual machine with
# systemd and pure cgroup v2 and runs the scripts of guest/ there (all, or these by name).
# BUILD is the folder of a finished build.  The last line is `N passed, N failed`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-/var/cache}/tenantd-vm
cd "$here/../.."
packaging/packages.sh build vm
build=$(realpath --relative-to=. "${BUILD:-build/plain}")
make --no-print-directory deb B="$build"
deb=$(echo "$build"/tenantd_*.deb)
depends=$(dpkg-deb -f "$deb" Depends | tr ',' '\n' | sed 's/[|(].*//; s/ //g' |
	grep -v -e '^systemd-sysusers$')
apt-cache show linux-image-cloud-amd64 >/dev/null 2>&1 || apt-get update -qq
# shellcheck disable=SC2086 # a list of words
image=$("$here/image.sh" "$cache" $depends)

payload=$(mktemp -d)
trap 'rm -rf "$payload"' EXIT
cp -a "$here/guest/." "$payload/"
cp "$deb" "$payload/tenantd.deb"
# The tests of this machine run there once more, from a tree with the finished build.
mkdir -p "$payload/tree/build"
cp -a tests packaging schema docs "$payload/tree/"
tar -c --exclude='*.[oad]' --exclude=./deb --exclude='./*.deb' --exclude=./vm -C "$build" . |
	(mkdir "$payload/tree/build/plain" && tar -x -C "$payload/tree/build/plain")
"$here/vm.sh" -t "${VM_LIMIT:-3600}" -o "$build/vm" "$image" "$payload" bash ./run.sh "$@"
