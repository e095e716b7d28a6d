//! `flowlake dashboard`.

use std::path::PathBuf;

use clap::Args;

use super::query::AskOptions;
use super::report::WindowOptions;
use super::values;

/// Write one page about a lake that works offline: totals, ports, talkers, times, log health
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 bad usage, 130 interrupted.")]
pub struct Dashboard {
    /// The lake: a path, file:// or s3:// URL, or @NAME
    pub lake: String,
    /// The time that it is about.
    #[command(flatten)]
    pub window: WindowOptions,
    /// The page to write
    #[arg(long, value_name = "FILE", value_parser = values::path())]
    pub output: PathBuf,
    /// How the lake is asked.
    #[command(flatten)]
    pub ask: AskOptions,
}
