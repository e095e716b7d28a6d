#!/usr/bin/env bash
# Puts a ready program into a Debian package, with manual pages, completions and the systemd units. Prints its path.
#
#   deb.sh PROGRAM ARCH FOLDER LICENCES SBOM
#
# ARCH is x86_64 or aarch64. FLOWLAKE_RUN is what runs PROGRAM here, if it cannot run by itself ("qemu-aarch64 -L ...").
# DEBFULLNAME and DEBEMAIL name who answers for the package, as Debian's own tools have it.
set -euo pipefail
program=$1 arch=$2 folder=$3 licences=$4 sbom=$5
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$checkout/Cargo.toml" | head -1)
case $arch in x86_64) debian=amd64 ;; aarch64) debian=arm64 ;; *) echo "no Debian name for $arch" >&2; exit 2 ;; esac
: "${SOURCE_DATE_EPOCH:=$(git -C "$checkout" log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH
maintainer="${DEBFULLNAME:-flowlake} <${DEBEMAIL:-flowlake@example.invalid}>"
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"
run() { ${FLOWLAKE_RUN:-} "$program" "$@"; }
share=$tree/usr/share

install -D -m 755 "$program" "$tree/usr/bin/flowlake"
install -d "$share/man/man1" "$share/bash-completion/completions" "$share/zsh/vendor-completions" \
    "$share/fish/vendor_completions.d" "$share/doc/flowlake/examples" "$tree/usr/lib/systemd/system" "$tree/DEBIAN"
run man "$share/man/man1" >&2
gzip -9n "$share"/man/man1/*
run completions bash >"$share/bash-completion/completions/flowlake"
run completions zsh >"$share/zsh/vendor-completions/_flowlake"
run completions fish >"$share/fish/vendor_completions.d/flowlake.fish"

units=$checkout/packaging/systemd
sed 's#/usr/local/bin/#/usr/bin/#' "$units/flowlake.service" >"$tree/usr/lib/systemd/system/flowlake.service"
cp "$units/flowlake.timer" "$tree/usr/lib/systemd/system/"
cp "$units/flowlake.env" "$share/doc/flowlake/examples/"

{
    printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: flowlake\n\n'
    printf 'Files: *\nCopyright: %s the authors of flowlake\n' "$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y)"
    printf 'License: Apache-2.0\n\nLicense: Apache-2.0\n'
    printf ' The text is in /usr/share/common-licenses/Apache-2.0. What else the program is made of, and under which\n'
    printf ' licences, is in THIRD-PARTY.txt.gz beside this file.\n'
} >"$share/doc/flowlake/copyright"
gzip -9nc "$checkout/CHANGELOG.md" >"$share/doc/flowlake/CHANGELOG.md.gz"
{
    printf 'flowlake (%s) unstable; urgency=medium\n\n  * What changed is in CHANGELOG.md.gz.\n\n' "$version"
    printf ' -- %s  %s\n' "$maintainer" "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
} | gzip -9n >"$share/doc/flowlake/changelog.gz"
gzip -9nc "$licences" >"$share/doc/flowlake/THIRD-PARTY.txt.gz"
gzip -9nc "$sbom" >"$share/doc/flowlake/flowlake.cdx.json.gz"
chmod -R u=rwX,go=rX "$tree"

cat >"$tree/DEBIAN/control" <<CONTROL
Package: flowlake
Version: $version
Architecture: $debian
Maintainer: $maintainer
Installed-Size: $(du -sk --apparent-size "$tree" | cut -f1)
Depends: libc6 (>= 2.28), ca-certificates
Section: utils
Priority: optional
Description: VPC Flow Logs to a date-partitioned Parquet lake
 Turns gzip VPC Flow Logs, from S3 or disk, into Parquet files by date that
 Athena, Spark, DuckDB and Polars read, each source object once, and answers
 SQL over them.
 .
 A systemd timer converts every hour. It is not on: put the places into
 /etc/flowlake.env (an example lies in /usr/share/doc/flowlake/examples), and
 then "systemctl enable --now flowlake.timer".
CONTROL
(cd "$tree" && find usr -type f -printf '%P\n' | LC_ALL=C sort | sed 's#^#usr/#' | xargs -d '\n' md5sum >DEBIAN/md5sums)
find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
# By xz: the dpkg of Debian 11 reads nothing newer.
package=$folder/flowlake_${version}_$debian.deb
dpkg-deb --root-owner-group -Zxz --build "$tree" "$package" >&2
echo "$package"
