#!/usr/bin/env bash
# Installs each package as its users do, and runs the demo from it.
#
#   try.sh ARCH FOLDER OLD
#
# ARCH is x86_64 or aarch64, FOLDER holds the packages. OLD is a Debian 11 (glibc 2.31, packaging/room.sh) with
# python3-venv. Packages of aarch64 are unpacked and their programs run by qemu-user, since pip and dpkg would have to
# be programs of aarch64 too.
set -euo pipefail
arch=$1 folder=$(cd "$2" && pwd) old=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=packaging/room.sh
source "$here/../room.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

# Runs the command, which runs a demo; what that converted and what its report found are those of its sample.
try() {
    local what=$1; shift
    rm -rf "$work/demo"
    if "$@" >"$work/said" 2>&1 && grep -qF '1,000,000 records of 24 objects' "$work/said" &&
        grep -qE '^\| +22 \| +6 \| ssh ' "$work/said"; then
        echo "works: $what"
    else
        cat "$work/said" >&2
        echo "does not work: $what" >&2
        exit 1
    fi
}

packages_of_x86_64() {
    local wheel deb container
    wheel=$(basename "$(echo "$folder"/flowlake-*_x86_64.whl)")
    deb=$(basename "$(echo "$folder"/flowlake_*_amd64.deb)")
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --no-index "$folder/$wheel"
    try "the wheel, by pip in a fresh venv" "$work/venv/bin/flowlake" demo "$work/demo"

    ROOM_SEES=("$folder:/packages")
    try "the wheel, by pip on Debian 11" room_run "$old" "
        rm -rf /tmp/* && python3 -m venv /tmp/venv && cd /tmp && getconf GNU_LIBC_VERSION &&
        venv/bin/pip install --quiet --no-index /packages/$wheel && venv/bin/flowlake demo /tmp/demo"
    try "the Debian package, by dpkg on Debian 11" room_run "$old" "
        rm -rf /tmp/* && dpkg -i /packages/$deb && dpkg --verify flowlake && flowlake demo /tmp/demo &&
        dpkg -r flowlake && ! test -e /usr/bin/flowlake"

    buildah() { command buildah --storage-driver vfs --root "$work/storage" --runroot "$work/run" "$@"; }
    container=$(buildah from --quiet "oci-archive:$(echo "$folder"/flowlake-*-linux-x86_64.oci.tar)")
    try "the image, as buildah lays it, as its user" chroot --userspec=65532:65532 "$(buildah mount "$container")" \
        /usr/local/bin/flowlake demo /tmp/demo
}

packages_of_aarch64() {
    local emulate=(qemu-aarch64 -L "$work/libc")
    command -v qemu-aarch64 >/dev/null || { apt-get update -qq && apt-get install -y -qq qemu-user >&2; }
    "$here/unpack.py" "$folder"/flowlake-*_aarch64.whl "$work/wheel"
    "$here/unpack.py" "$folder"/flowlake-*-linux-aarch64.oci.tar "$work/image"
    dpkg-deb -x "$folder"/flowlake_*_arm64.deb "$work/deb"
    # Debian 11's libc of aarch64: the emulator looks there for the loader and the libraries.
    mkdir "$work/packages"
    ROOM_SEES=("$work/packages:/packages")
    room_run "$old" 'dpkg --add-architecture arm64 && apt-get update -qq && cd /packages &&
        apt-get download -qq -o APT::Sandbox::User=root libc6:arm64' >&2
    dpkg-deb -x "$work"/packages/libc6_*_arm64.deb "$work/libc"
    try "the wheel's program, with the glibc of Debian 11" \
        "${emulate[@]}" "$work"/wheel/*.data/scripts/flowlake demo "$work/demo"
    try "the Debian package's program, with the glibc of Debian 11" \
        "${emulate[@]}" "$work/deb/usr/bin/flowlake" demo "$work/demo"
    try "the image's program, with the image's glibc" \
        qemu-aarch64 -L "$work/image" "$work/image/usr/local/bin/flowlake" demo "$work/demo"
}

"packages_of_$arch"
