#!/usr/bin/env bash
# Compares flowlake with other converters on one sample: benches/compare/run.sh [RECORDS] [OPTIONS]; see README.md.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scratch=${FLOWLAKE_COMPARE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/flowlake-compare}
python=${PYTHON:-python3.11}
mkdir -p "$scratch"

# The environment is made anew when the pinned versions change.
venv=$scratch/venv
if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/requirements.txt"
fi

# FLOWLAKE names a program that is built already. Help needs none.
[[ ${1:-} == -h || ${1:-} == --help ]] && FLOWLAKE=none
if [[ -z ${FLOWLAKE:-} ]]; then
    manifest=$here/../../Cargo.toml
    cargo build --release --quiet --manifest-path "$manifest" --bin flowlake
    target=$(cargo metadata --format-version 1 --no-deps --manifest-path "$manifest" |
        "$venv/bin/python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
    FLOWLAKE=$target/release/flowlake
fi

# Byte code would otherwise be written into the checkout.
export PYTHONDONTWRITEBYTECODE=1
exec "$venv/bin/python" "$here/compare.py" --scratch "$scratch" --flowlake "$FLOWLAKE" "$@"
