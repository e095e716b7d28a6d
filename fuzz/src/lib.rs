//! What is fuzzed, for both who feed it: the driver of this workspace (`src/main.rs`), and libFuzzer (`fuzz_targets/`).

mod naive;
pub mod targets;
