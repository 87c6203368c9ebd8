#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build.sh STAGE OUT VERSION PHP [CONTROL] - makes the Debian package OUT of the tree that
# `make install DESTDIR=STAGE` laid down, or with CONTROL `control-php.in` of that of
# `make install-php`.  What it depends on is what its programs link, as packages of this
# release.
set -eu
stage=$(cd "$1" && pwd) out=$2 version=$3 php=$4 control=${5:-control.in}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$stage/DEBIAN" "$work/debian"
printf 'Source: tenantd\n\nPackage: tenantd\nArchitecture: any\n' >"$work/debian/control"
programs=$(find "$stage" -type f -perm -0100 -path '*bin/*' -o -type f -path '*/libexec/*')
# libphp's SONAME says no version; its package is named in control.in.
# shellcheck disable=SC2046,SC2086 # lists of paths
(cd "$work" && dpkg-shlibdeps -O --ignore-missing-info -x"libphp$php-embed" \
	-e$(echo $programs | sed 's/ / -e/g') >deps 2>log) || { cat "$work/log" >&2; exit 1; }
libraries=$(sed -n 's/^shlibs:Depends=//p' "$work/deps")

sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$(dpkg --print-architecture)/" -e "s/@PHP@/$php/g" \
	-e "s/@SIZE@/$(du -sk "$stage" | cut -f 1)/" -e "s/@LIBRARIES@/$libraries/" \
	"$here/$control" >"$stage/DEBIAN/control"
if [ "$control" = control.in ]; then
	install -m 0644 "$here/conffiles" "$stage/DEBIAN/conffiles"
	(cd "$stage" && find etc -type f) | sed 's|^|/|' | sort >"$work/etc"
	sort "$here/conffiles" | diff - "$work/etc" >&2 ||
		{ echo "build.sh: packaging/deb/conffiles is not what lies in /etc" >&2; exit 1; }
	install -m 0755 "$here/postinst" "$here/prerm" "$here/postrm" "$stage/DEBIAN/"
fi
(cd "$stage" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z |
	xargs -0 md5sum) >"$stage/DEBIAN/md5sums"
dpkg-deb --root-owner-group --build "$stage" "$out" >/dev/null
echo "$out"
