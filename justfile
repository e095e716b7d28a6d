# What developers run, by https://just.systems. Without `just`, type what stands below a name. CONTRIBUTING.md says more.

# Lists the recipes.
default:
    @just --list

# A debug build.
build:
    cargo build --locked

# The tests of one topic (a module of tests/it), or of a name; all without one.
test name="":
    cargo build --locked --example visits
    cargo test --locked --test it -- {{name}}

# The tests beside the code, of all crates.
unit name="":
    cargo test --locked --lib -p flowlake -p flowlake-codec -p flowlake-functions -- {{name}}

# Writes golden texts anew: help, the list of reports, the rows of reports.
golden:
    FLOWLAKE_GOLDEN=update cargo test --locked --test it golden
    FLOWLAKE_GOLDEN=update cargo test --locked --test it docs::reports
    INSTA_UPDATE=always cargo test --locked --test it report

# Format and lints, as CI asks for.
lint:
    cargo fmt --all --check
    cargo clippy --locked --all-targets -- -D warnings

# What must pass before a change lands.
ci:
    .ci/run

# What is too slow for every change.
weekly:
    .ci/weekly

# Tests of full sizes; minutes.
slow:
    cargo test --locked --release --test it slow -- --ignored --nocapture

# Runs a command with all that is logged: just debug convert logs lake
debug *arguments:
    FLOWLAKE_LOG=flowlake=debug cargo run --locked -- {{arguments}}

# Where the time of a command goes; needs perf.
profile *arguments:
    cargo build --locked --profile profiling
    perf record --call-graph dwarf -o target/perf.data "${CARGO_TARGET_DIR:-target}/profiling/flowlake" {{arguments}}
    perf report -i target/perf.data

# One benchmark: decode, encode, convert or listing.
bench name:
    cargo bench --locked --bench {{name}}

# Against Polars, DuckDB and ClickHouse.
compare *arguments:
    benches/compare/run.sh {{arguments}}

# Fuzzes one target for some seconds.
fuzz target seconds="60":
    cargo run --locked --release --manifest-path fuzz/Cargo.toml -- {{target}} {{seconds}}
