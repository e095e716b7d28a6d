//! The driver's target `format`, guided by coverage.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    flowlake_fuzz::targets::format(bytes);
});
