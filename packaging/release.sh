#!/usr/bin/env bash
# Makes what is given away: for each target one build, and from that one program a wheel, a Debian package, an image,
# the licences and a bill of materials; tries each, and ends with sizes and checksums. It publishes nothing.
#
#   sudo packaging/release.sh [--target x86_64|aarch64] [FOLDER]     default: x86_64, target/packages
#
# Programs run from glibc 2.28 on; zig links them so. x86_64 is built by the toolchain of rust-toolchain.toml, aarch64
# by Debian 12's `rustc-web` in a room, since its standard library of another architecture is a package of Debian's.
# Needed: root, Debian 12 or like it, the network for crates.io, PyPI and Debian; debootstrap, buildah and qemu-user are
# installed if they are not there. packaging/RELEASE.md says what comes before and after.
set -euo pipefail
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$checkout"
# shellcheck source=packaging/room.sh
source packaging/room.sh
arch=x86_64
[[ ${1:-} != --target ]] || { arch=$2; shift 2; }
target=${CARGO_TARGET_DIR:-$checkout/target}
mkdir -p "$target" "${1:-$target/packages}"
target=$(cd "$target" && pwd)
packages=$(cd "${1:-$target/packages}" && pwd)
glibc=2.28
# What links and what compiles C. Pinned, so that a release can be made again.
tools=(cargo-zigbuild==0.24.1 ziglang==0.17.1)
step() { printf '\n== %s (%s)\n' "$1" "$(date -u +%H:%M:%S)"; }

git diff --quiet HEAD -- || { echo "commit first: packages are made of a commit, and take its time" >&2; exit 2; }
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
triple=$arch-unknown-linux-gnu
build=(cargo zigbuild --locked --profile dist --target "$triple.$glibc" --bin flowlake)

step "rooms and tools"
rooms=$target/rooms
room_make "$rooms/debian-11" bullseye python3,python3-venv,ca-certificates
room_make "$rooms/debian-12" bookworm gcc,libc6-dev,python3,python3-venv,ca-certificates
# What was fixed since, beside what was released; and the packages of the other architecture.
room_run "$rooms/debian-12" '
    sed -n "s#/debian/\{0,1\} bookworm main#/debian-security bookworm-security main#p" /etc/apt/sources.list \
        >/etc/apt/sources.list.d/security.list
    dpkg --add-architecture arm64 && apt-get update -qq'
python3 -m venv "$target/tools"
"$target/tools/bin/pip" install --quiet "${tools[@]}"
zig=$("$target/tools/bin/python" -c 'import pathlib, ziglang; print(pathlib.Path(ziglang.__file__).parent)')

step "the program of $arch"
case $arch in
    x86_64)
        PATH=$target/tools/bin:$PATH CARGO_TARGET_DIR=$target "${build[@]}"
        program=$target/$triple/dist/flowlake
        rust=$(rustc --version | cut -d' ' -f2)
        std=$(rustc --print sysroot)/share/doc/rust/COPYRIGHT-library.html
        ;;
    aarch64)
        mkdir -p "$target/aarch64"
        ROOM_SEES=("$checkout:/src" "$target/aarch64:/target")
        room_run "$rooms/debian-12" "apt-get install -y -qq --no-install-recommends rustc-web cargo-web \
            libstd-rust-web-dev:arm64 libc6:arm64 &&
            python3 -m venv /tools && /tools/bin/pip install --quiet ${tools[*]} &&
            cd /src && PATH=/tools/bin:\$PATH CARGO_TARGET_DIR=/target ${build[*]}"
        program=$target/aarch64/$triple/dist/flowlake
        rust=$(room_run "$rooms/debian-12" 'rustc --version' | cut -d' ' -f2)
        std=$(echo "$rooms"/debian-12/usr/share/doc/libstd-rust-web-[0-9]*/copyright)
        # The program writes the manual pages and completions itself.
        command -v qemu-aarch64 >/dev/null || { apt-get update -qq && apt-get install -y -qq qemu-user; }
        export FLOWLAKE_RUN="qemu-aarch64 -L $rooms/debian-12"
        ;;
    *) echo "unknown target $arch: x86_64 or aarch64" >&2; exit 2 ;;
esac

step "what it needs"
newest=$(objdump -T "$program" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -1)
needed=$(objdump -p "$program" | sed -n 's/^ *NEEDED *//p' | xargs)
echo "symbols up to $newest, libraries: $needed"
[[ $(printf '%s\n' "GLIBC_$glibc" "$newest" | sort -V | tail -1) == "GLIBC_$glibc" ]] ||
    { echo "the program needs $newest, and packages promise $glibc" >&2; exit 1; }
# All of glibc itself, which is what the image holds.
for library in $needed; do
    [[ $library =~ ^(ld-linux|lib(c|m|dl|rt|pthread)\.) ]] ||
        { echo "the program needs $library, which is not of glibc" >&2; exit 1; }
done

step "licences and bill of materials"
# What is linked beside the crates.
parts=(
    --part "Rust standard library|$rust|MIT OR Apache-2.0|$std"
    --part "compiler-rt in Zig|${tools[1]#*==}|MIT|$zig/LICENSE"
    --part "LLVM libunwind in Zig|${tools[1]#*==}|Apache-2.0 WITH LLVM-exception|$zig/lib/libunwind/LICENSE.TXT"
    --part "GNU C Library startup code in Zig|$glibc|LGPL-2.1-or-later|$zig/lib/libc/glibc/LICENSES"
)
licences=$packages/flowlake-$version-linux-$arch.licences.txt
sbom=$packages/flowlake-$version-linux-$arch.cdx.json
packaging/release/crates.py check "$triple" "$program"
packaging/release/crates.py licences "$triple" "${parts[@]}" >"$licences"
packaging/release/crates.py sbom "$triple" "${parts[@]}" >"$sbom"

step "packages"
packaging/release/wheel.py "$program" "$arch" "$packages" "$licences" "$sbom"
packaging/release/deb.sh "$program" "$arch" "$packages" "$licences" "$sbom"
packaging/release/image.sh "$program" "$arch" "$packages" "$licences" "$sbom" "$rooms/debian-12"

step "trying them"
packaging/release/try.sh "$arch" "$packages" "$rooms/debian-11"

step "done"
(cd "$packages" && rm -f SHA256SUMS && sha256sum -- * >SHA256SUMS && sha256sum --quiet --check SHA256SUMS)
echo "the program: $(stat -c %s "$program") bytes; in $packages:"
(cd "$packages" && stat -c '%12s  %n' -- * && cat SHA256SUMS)
