//! `flowlake report`.

use std::path::PathBuf;

use clap::{Args, Parser};

use super::query::{AskOptions, ResultOptions};
use super::values;
use crate::report::{Condition, Moment, moment};

/// Answer a ready question about a lake; without a name, list the questions
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 bad usage, 4 the condition of --fail-if holds, 130 interrupted."
)]
pub struct Report {
    /// The lake: a path, file:// or s3:// URL, or @NAME
    pub lake: String,
    /// The report, such as rejected-by-port; without it the list of reports
    pub name: Option<String>,
    /// What the report is asked for.
    #[command(flatten)]
    pub choice: ReportChoice,
    /// Exit with code 4 if `rows` or a column of any row compares so, such as 'rows > 0' or 'flows >= 1000'
    #[arg(long, value_name = "CONDITION", value_parser = super::parse::<Condition>)]
    pub fail_if: Option<Condition>,
    /// Folder with reports of your own; one with the name of a built-in report takes its place
    #[arg(long, value_name = "DIR", value_parser = values::path())]
    pub dir: Option<PathBuf>,
    /// Where rows go, and in which form.
    #[command(flatten)]
    pub result: ResultOptions,
    /// How the lake is asked.
    #[command(flatten)]
    pub ask: AskOptions,
}

/// What a report is asked for.
#[derive(Debug, Args)]
pub struct ReportChoice {
    /// The time that it is about.
    #[command(flatten)]
    pub window: WindowOptions,
    /// Rows at most, where the report has a limit
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub top: Option<u32>,
    /// Length of the earlier window that a report compares with, such as 7d; it ends where the window begins
    #[arg(long, value_name = "PERIOD", value_parser = values::seconds)]
    pub against: Option<i64>,
    /// A value for one of the report's parameters; may be repeated
    #[arg(long, value_name = "K=V")]
    pub param: Vec<String>,
}

/// A report as the shell of `flowlake query` takes it: `\report NAME --since 7d --top 5`.
#[derive(Debug, Parser)]
#[command(
    name = "\\report",
    no_binary_name = true,
    disable_help_flag = true,
    override_usage = "\\report NAME [--since T] [--until T] [--top N] [--against PERIOD] [--param K=V]"
)]
pub struct ShellReport {
    /// The report, such as rejected-by-port
    pub name: String,
    /// What the report is asked for.
    #[command(flatten)]
    pub choice: ReportChoice,
}

/// Which records, by their start.
#[derive(Debug, Args)]
pub struct WindowOptions {
    /// Only records that start at this time or later: a date, an RFC 3339 time, or an age (24h, 7d)
    #[arg(long, value_name = "T", value_parser = moment)]
    pub since: Option<Moment>,
    /// Only records that start before this time; a date stands for its end
    #[arg(long, value_name = "T", value_parser = moment)]
    pub until: Option<Moment>,
}
