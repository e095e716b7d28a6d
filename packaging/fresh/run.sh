#!/usr/bin/env bash
# Does what a newcomer does on a machine that has Rust, a C compiler and Python 3, and nothing else:
# the first command of the README, and then the tests.
#
#   sudo packaging/fresh/run.sh [COMMAND]      default: cargo run --release -- demo && cargo test
#
# The machine is a folder: a Debian 12 made by debootstrap, with the toolchain that `rust-toolchain.toml` names, entered
# by chroot. It needs root, debootstrap, and the network for crates.io, PyPI and Debian. The last commit is built, not the
# work tree. FLOWLAKE_FRESH names the folder (about 15 GB; default: one below the temporary folder, removed at the end).
set -euo pipefail
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
command=${1:-"time cargo run --locked --release -- demo /tmp/demo && time cargo test --locked"}
root=${FLOWLAKE_FRESH:-$(mktemp -d)}

command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq debootstrap; }
[[ -x $root/usr/bin/gcc ]] || debootstrap --variant=minbase \
    --include=gcc,libc6-dev,python3,python3-venv,ca-certificates bookworm "$root" >&2

clean() {
    for place in proc dev rust; do umount --recursive "$root/$place" 2>/dev/null || true; done
    [[ -n ${FLOWLAKE_FRESH:-} ]] || rm -rf --one-file-system "$root"
}
trap clean EXIT
mkdir -p "$root/rust"
mount --bind "$(cd "$checkout" && rustc --print sysroot)" "$root/rust"
mount -t proc none "$root/proc"
mount --rbind /dev "$root/dev" && mount --make-rslave "$root/dev"
# The certificates that this machine trusts, and its way out.
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
rm -rf "$root/src"
git clone --quiet "file://$checkout" "$root/src"

chroot "$root" /usr/bin/env -i HOME=/root PATH=/rust/bin:/usr/bin:/bin TERM=dumb CARGO_TERM_COLOR=never LANG=C.UTF-8 \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    /bin/bash -c "cd /src && $command"
