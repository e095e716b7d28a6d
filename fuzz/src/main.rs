//! Fuzzes what reads bytes from outside: `cargo run --release --manifest-path fuzz/Cargo.toml -- TARGET [SECONDS]
//! [SEED]`.
//!
//! Inputs are seeds that are cut, joined and altered by numbers that follow from SEED, so that every run can be
//! repeated. An input that breaks a promise is written to `fuzz/artifacts/` and named; `… -- TARGET FILE` tries it
//! alone (if it passes then, an input before it left something behind: the seed shows it again). There is no guidance
//! by coverage, which takes a nightly compiler; see docs/decisions/0040.

mod lake;
mod mutate;
mod naive;
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mutate::Mutator;
use targets::TARGETS;

const SECONDS: u64 = 10;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = arguments.first().map_or("", String::as_str);
    let Some((_, target)) = TARGETS.iter().find(|(known, _)| *known == name) else {
        let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
        eprintln!("usage: TARGET [SECONDS] [SEED], or TARGET FILE; targets: {}", names.join(", "));
        return ExitCode::from(2);
    };
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse::<u64>().ok());
    if let Some(file) = arguments.get(1).filter(|_| number(1).is_none()) {
        let bytes = std::fs::read(file).expect("the file can be read");
        println!("{} lines", target(&bytes));
        return ExitCode::SUCCESS;
    }
    let seeds = seeds(name);
    assert!(!seeds.is_empty(), "there are seeds for {name}");
    run(name, *target, seeds, Duration::from_secs(number(1).unwrap_or(SECONDS)), number(2).unwrap_or(1))
}

fn run(name: &str, target: fn(&[u8]) -> u64, seeds: Vec<Vec<u8>>, time: Duration, seed: u64) -> ExitCode {
    let began = Instant::now();
    let mut mutator = Mutator::new(seeds, seed);
    let (mut inputs, mut lines) = (0_u64, 0_u64);
    while began.elapsed() < time {
        let input = mutator.next();
        match catch_unwind(AssertUnwindSafe(|| target(&input))) {
            Ok(read) => lines += read,
            Err(_) => {
                let path = folder().join("artifacts").join(format!("{name}-{seed}-{inputs}"));
                std::fs::create_dir_all(folder().join("artifacts")).expect("the checkout is writable");
                std::fs::write(&path, &input).expect("the checkout is writable");
                eprintln!("{name}: input {inputs} of seed {seed} breaks a promise: {}", path.display());
                return ExitCode::FAILURE;
            }
        }
        inputs += 1;
    }
    println!("{name}: {inputs} inputs, {lines} lines in {:.0} s, seed {seed}: no fault", began.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The seeds of a target; those of the ledger are the kept lakes.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let kept = if name == "ledger" { "../tests/data".to_owned() } else { format!("seeds/{name}") };
    walk(&folder().join(kept), &mut found);
    found.sort();
    found
}

fn walk(path: &Path, found: &mut Vec<Vec<u8>>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("a folder of seeds") {
            walk(&entry.expect("an entry").path(), found);
        }
    } else {
        found.push(std::fs::read(path).expect("a seed"));
    }
}
