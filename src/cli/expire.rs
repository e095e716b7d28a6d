//! The arguments of `flowlake expire`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{LakeOptions, Talk, values};
use crate::convert::{self, Expiry, Until};
use crate::source::{Location, SourceError};

/// Remove old dates for good: their rows leave the lake, and neither late objects nor a full scan bring them back
#[derive(Debug, Args)]
#[command(
    after_help = "Rows without a date stay. Files stay on storage for --retention, or are deleted at once with --now. Exit \
                  codes: 0 done, 1 failed, 2 bad usage, 3 something stands in the way, 75 another run on this host is at \
                  work on this lake, 130 interrupted."
)]
pub struct Expire {
    /// The lake: a path, file:// or s3:// URL, or @NAME
    pub lake: String,
    /// Remove this date and all before it; or dates that are wholly older than an age (400d), by the clock of the
    /// lake's store
    #[arg(long, value_name = "T", required = true, value_parser = values::until)]
    pub until: Until,
    /// Delete the files of these dates at once: a query that reads them fails
    #[arg(long)]
    pub now: bool,
    /// How long their files stay, for queries that read them
    #[arg(long, value_name = "AGE", default_value = "7d", value_parser = humantime::parse_duration)]
    #[arg(conflicts_with = "now")]
    pub retention: Duration,
    /// Folder for lines that were set aside, while they are looked at; default: in a local lake, else the system's
    /// temporary folder
    #[arg(long, value_name = "DIR", value_parser = values::path())]
    pub scratch: Option<PathBuf>,
    /// The store of the lake.
    #[command(flatten)]
    pub lake_access: LakeOptions,
    /// Show what would be removed, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How it talks.
    #[command(flatten)]
    pub talk: Talk,
}

impl Expire {
    /// The options of a run that removes dates and converts nothing.
    pub fn options(&self) -> Result<convert::Options, SourceError> {
        let expiry = Some(Expiry { until: self.until, now: self.now });
        let (scratch, retention) = (self.scratch.clone(), self.retention);
        let options = convert::Options::of_lake(Location::parse(&self.lake)?, self.lake_access.access()?);
        Ok(convert::Options { expiry, scratch, retention, dry_run: self.dry_run, ..options })
    }
}
