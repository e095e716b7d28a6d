#!/usr/bin/env bash
# Does what a newcomer does on a machine that has Rust, a C compiler and Python 3, and nothing else:
# the first command of the README, and then the tests.
#
#   sudo packaging/fresh/run.sh [COMMAND]      default: cargo run --release -- demo && cargo test
#
# The machine is a folder: a Debian 12 made by debootstrap (packaging/room.sh), with the toolchain that
# `rust-toolchain.toml` names. It needs root, debootstrap, and the network for crates.io, PyPI and Debian; how those are
# reached from here holds inside too. The last commit is built, not the work tree. FLOWLAKE_FRESH names the folder, which
# is kept (about 15 GB; default: one below the temporary folder, removed at the end).
set -euo pipefail
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=packaging/room.sh
source "$checkout/packaging/room.sh"
command=${1:-"time cargo run --locked --release -- demo /tmp/demo && time cargo test --locked"}
room=${FLOWLAKE_FRESH:-$(mktemp -d)}
[[ -n ${FLOWLAKE_FRESH:-} ]] || trap 'rm -rf --one-file-system "$room"' EXIT

room_make "$room" bookworm gcc,libc6-dev,python3,python3-venv
# Debian's package of venv asks for certificates, and those for this program, which other machines have not.
rm -f "$room/usr/bin/openssl"
rm -rf "$room/src" && mkdir "$room/src"
git -C "$checkout" archive HEAD | tar -xm -C "$room/src"

ROOM_SEES=("$(cd "$checkout" && rustc --print sysroot):/rust")
room_run "$room" "cd /src && $command"
