#!/usr/bin/env bash
# Puts a ready program into an image that holds nothing else but what it needs, as an OCI archive. Prints its path.
#
#   image.sh PROGRAM ARCH FOLDER LICENCES SBOM ROOM
#
# ARCH is x86_64 or aarch64. The image begins FROM scratch. The program is linked against glibc, so that the image holds
# Debian's loader and the libraries that the program names, and Mozilla's certificates as Debian has them. Both come out
# of Debian's packages, fetched in ROOM (packaging/room.sh), never from this machine. buildah writes it.
set -euo pipefail
program=$1 arch=$2 folder=$3 licences=$4 sbom=$5 room=$6
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=packaging/room.sh
source "$checkout/packaging/room.sh"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$checkout/Cargo.toml" | head -1)
case $arch in
    x86_64) debian=amd64 loader=/lib64/ld-linux-x86-64.so.2 ;;
    aarch64) debian=arm64 loader=/lib/ld-linux-aarch64.so.1 ;;
    *) echo "no Debian name for $arch" >&2; exit 2 ;;
esac
: "${SOURCE_DATE_EPOCH:=$(git -C "$checkout" log -1 --format=%ct)}"
command -v buildah >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends buildah >&2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree

mkdir -p "$work/packages"
ROOM_SEES=("$work/packages:/packages")
room_run "$room" "cd /packages && apt-get download -qq -o APT::Sandbox::User=root libc6:$debian ca-certificates" >&2
mkdir "$work/libc" "$work/certificates" "$tree"
dpkg-deb -x "$work"/packages/libc6_*.deb "$work/libc"
dpkg-deb -x "$work"/packages/ca-certificates_*.deb "$work/certificates"

install -D -m 755 "$program" "$tree/usr/local/bin/flowlake"
install -D -m 755 "$(readlink -f "$work/libc/lib/$arch-linux-gnu/$(basename "$loader")")" "$tree$loader"
for library in $(objdump -p "$program" | sed -n 's/^ *NEEDED *//p' | grep -v '^ld-linux'); do
    install -D -m 644 "$work/libc/lib/$arch-linux-gnu/$library" "$tree/lib/$arch-linux-gnu/$library"
done
install -d "$tree/etc/ssl/certs" "$tree/usr/share/doc/flowlake"
find "$work/certificates/usr/share/ca-certificates/mozilla" -name '*.crt' | LC_ALL=C sort | xargs -d '\n' cat \
    >"$tree/etc/ssl/certs/ca-certificates.crt"
for copyright in "$work"/{libc/usr/share/doc/libc6,certificates/usr/share/doc/ca-certificates}/copyright; do
    install -D -m 644 "$copyright" "$tree/usr/share/doc/$(basename "$(dirname "$copyright")")/copyright"
done
install -m 644 "$checkout/LICENSE" "$tree/usr/share/doc/flowlake/LICENSE"
install -m 644 "$licences" "$tree/usr/share/doc/flowlake/THIRD-PARTY.txt"
install -m 644 "$sbom" "$tree/usr/share/doc/flowlake/flowlake.cdx.json"
printf 'root:x:0:0::/:\nnonroot:x:65532:65532::/home/nonroot:\n' >"$tree/etc/passwd"
printf 'root:x:0:\nnonroot:x:65532:\n' >"$tree/etc/group"
printf 'hosts: files dns\n' >"$tree/etc/nsswitch.conf"
install -d -m 1777 "$tree/tmp"
install -d -m 700 "$work/home/nonroot"

build() { buildah --storage-driver vfs --root "$work/storage" --runroot "$work/run" "$@"; }
container=$(build from --arch "$debian" scratch)
build copy -q "$container" "$tree" / >&2
build copy -q --chown 65532:65532 "$container" "$work/home" /home >&2
# The user by number: Kubernetes refuses a name where it asks for one that is not root.
build config --arch "$debian" --os linux --user 65532:65532 --workingdir /home/nonroot --volume /tmp \
    --env TMPDIR=/tmp --env HOME=/home/nonroot --entrypoint '["/usr/local/bin/flowlake"]' \
    --label "org.opencontainers.image.title=flowlake" --label "org.opencontainers.image.version=$version" \
    --label "org.opencontainers.image.licenses=Apache-2.0" \
    --label "flowlake.libc6=$(dpkg-deb -f "$work"/packages/libc6_*.deb Version)" "$container"
build commit -q --disable-compression=false --timestamp "$SOURCE_DATE_EPOCH" "$container" \
    "oci:$work/oci:flowlake:$version" >&2
# An archive by buildah itself would hold the time of now.
image=$folder/flowlake-$version-linux-$arch.oci.tar
tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -cf "$image" \
    -C "$work/oci" blobs index.json oci-layout
echo "$image"
