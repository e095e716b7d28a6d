//! The arguments of `flowlake compact`.

use std::time::Duration;

use chrono::NaiveDate;
use clap::Args;

use super::{LakeOptions, Talk, Work, values};
use crate::convert::{self, Compaction};
use crate::source::SourceError;

/// Columns that get a bloom filter where nobody says which.
const BLOOM: &str = "srcaddr,dstaddr";

/// Stands for no column.
const NO_BLOOM: &str = "none";

/// Merge the small files that many runs left, date by date: queries open fewer files and skip more of them
#[derive(Debug, Args)]
#[command(
    after_help = "A query sees either all files of a date as they were, or all of those that take their place. Exit codes: 0 \
                  done, 1 failed, 2 bad usage, 3 a file is missing or damaged and stays as it is, 75 another run on this \
                  host is at work on this lake, 130 interrupted."
)]
pub struct Compact {
    /// The lake: a path, file:// or s3:// URL, or @NAME
    pub lake: String,
    /// Only dates from this one on: a date, RFC 3339 time, or age (24h, 7d)
    #[arg(long, value_name = "T", value_parser = values::day_of)]
    pub since: Option<NaiveDate>,
    /// Only dates up to this one, inclusive
    #[arg(long, value_name = "T", value_parser = values::day_of)]
    pub until: Option<NaiveDate>,
    /// Size of the files to be made, from 16MiB to 4GiB; a file of half of it or more is not small
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = values::target)]
    pub target: u64,
    /// How long a date has to be over
    #[arg(long, value_name = "AGE", default_value = "1d", value_parser = humantime::parse_duration)]
    pub settled: Duration,
    /// Columns of texts that get a bloom filter, by which engines skip files; or none
    #[arg(long, value_name = "COLUMNS", default_value = BLOOM, value_delimiter = ',')]
    pub bloom: Vec<String>,
    /// How files are made.
    #[command(flatten)]
    pub work: Work,
    /// The store of the lake.
    #[command(flatten)]
    pub lake_access: LakeOptions,
    /// Show what would be merged, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How it talks.
    #[command(flatten)]
    pub talk: Talk,
}

impl Compact {
    /// The options of a run that merges files and converts nothing.
    pub fn options(&self) -> Result<convert::Options, SourceError> {
        let bloom = if self.bloom == [NO_BLOOM] { Vec::new() } else { self.bloom.clone() };
        let compaction = Compaction { since: self.since, until: self.until, settled: self.settled, bloom };
        let options = self.work.options(&self.lake, &self.lake_access, self.target)?;
        Ok(convert::Options { compaction: Some(compaction), dry_run: self.dry_run, ..options })
    }
}

/// What `convert --compact-after` merges.
pub(super) fn after(settled: Duration) -> Compaction {
    Compaction { since: None, until: None, settled, bloom: BLOOM.split(',').map(str::to_owned).collect() }
}
