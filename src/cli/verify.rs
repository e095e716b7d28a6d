//! The arguments of `flowlake verify`.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;

use super::{LakeOptions, SourceOptions, Talk, values};

/// Prove from the data files that a lake holds what its ledger says, and what its sources hold
#[derive(Debug, Args)]
#[command(
    mut_arg("json", |json| json.help("Print each difference and the sums as JSON lines on stdout")),
    after_help = "Differences go to stdout as they are found, then what was looked at; with --json each is a JSON \
                        line, the last one the sums. Exit codes: 0 no difference, 1 failed, 2 bad usage, 4 there are \
                        differences."
)]
pub struct Verify {
    /// The lake: a path, file:// or s3:// URL, or @NAME
    pub lake: String,
    /// Sources whose objects are decoded again and held against what the lake has of them
    pub source: Vec<String>,
    /// Open only data files of dates from this one on, and with SOURCE only objects of such key days: a date, RFC 3339
    /// time, or age (24h, 7d). All records of the ledger are proven
    #[arg(long, value_name = "T", value_parser = values::day_of)]
    pub since: Option<NaiveDate>,
    /// Folder for unnamed temporary files; default: the system's temporary folder
    #[arg(long, value_name = "DIR", value_parser = values::path())]
    pub scratch: Option<PathBuf>,
    /// Threads that read; default: one for each core
    #[arg(long, value_name = "N")]
    pub threads: Option<std::num::NonZeroUsize>,
    /// Memory to plan with: it bounds the number of threads, fetched objects, and objects and lines met in one pass
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = values::size)]
    pub memory: u64,
    /// The store of the sources.
    #[command(flatten)]
    pub options: SourceOptions,
    /// The store of the lake.
    #[command(flatten)]
    pub lake_access: LakeOptions,
    /// How it talks.
    #[command(flatten)]
    pub talk: Talk,
}
