//! `flowlake mcp`.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;

use super::query::AskOptions;
use super::values;
use crate::mcp::{Options, Room};

/// Give assistants read-only tools for the lake, by the Model Context Protocol over stdin and stdout
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 the client ended it, or a signal; 1 failed, 2 bad usage.")]
pub struct Mcp {
    /// The lake: a path, file:// or s3:// URL, or @NAME
    pub lake: String,
    /// Rows of an answer at most
    #[arg(long, value_name = "N", default_value = "200")]
    pub max_rows: NonZeroUsize,
    /// Size of an answer at most: the JSON of its rows and columns
    #[arg(long, value_name = "SIZE", default_value = "256KiB", value_parser = values::answer_size)]
    pub max_size: u64,
    /// Longest time of a call
    #[arg(long, value_name = "AGE", default_value = "5m", value_parser = humantime::parse_duration)]
    pub timeout: Duration,
    /// How the lake is asked.
    #[command(flatten)]
    pub ask: AskOptions,
}

impl Mcp {
    /// The options in the terms of its module.
    pub fn options(&self) -> Options {
        let bytes = usize::try_from(self.max_size).unwrap_or(usize::MAX);
        let room = Room { rows: self.max_rows.get(), bytes };
        Options { query: self.ask.options(), room, call_time_max: self.timeout }
    }
}
