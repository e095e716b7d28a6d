//! `flowlake query`, and the options that all commands share which ask a lake.

use std::path::PathBuf;

use clap::Args;

use super::parse;
use super::values;
use crate::query::format::Format;
use crate::query::{self, TimeZone};

/// Ask a lake in SQL; without SQL on a terminal, a shell
#[derive(Debug, Args)]
#[command(
    after_help = "Tables: flow_logs, tgw_flow_logs, lake.objects, lake.files, lake.rejects, lake.runs; their columns \
                        and the functions for addresses, ports and flags are in docs/sql.md.\n\nExit codes: 0 done, 1 \
                        failed, 2 the statement is wrong, 130 interrupted."
)]
pub struct Query {
    /// The lake: a path, file:// or s3:// URL, or @NAME
    pub lake: String,
    /// One SQL statement; without it a shell on a terminal, else standard input
    #[arg(conflicts_with = "file")]
    pub sql: Option<String>,
    /// Read the statement from a file
    #[arg(short, long, value_parser = values::path())]
    pub file: Option<PathBuf>,
    /// Where rows go, and in which form.
    #[command(flatten)]
    pub result: ResultOptions,
    /// Your own CSV, TSV, JSON or Parquet file as a table, for joins; may be repeated
    #[arg(long, value_name = "NAME=FILE", value_parser = name_and_file)]
    pub table: Vec<(String, PathBuf)>,
    /// Gzip logs as the tables raw_flow_logs and raw_tgw_flow_logs, without converting them
    #[arg(long, value_name = "SOURCE")]
    pub raw: Option<String>,
    /// The store of the raw logs.
    #[command(flatten)]
    pub source: super::SourceOptions,
    /// How the lake is asked.
    #[command(flatten)]
    pub ask: AskOptions,
    /// Show the plan and which files it would read, and do not run the statement
    #[arg(long)]
    pub explain: bool,
}

/// Where rows go, and in which format.
#[derive(Debug, Clone, Args)]
pub struct ResultOptions {
    /// Format of the rows: table, line, csv, tsv, json, ndjson, markdown or parquet
    #[arg(long, default_value = "table", value_parser = parse::<Format>)]
    pub format: Format,
    /// Write the rows to this file, pipe or device; default: standard output
    #[arg(long, value_name = "FILE", value_parser = values::path())]
    pub output: Option<PathBuf>,
    /// In csv and tsv, a ' before texts that a spreadsheet would run as a formula
    #[arg(long)]
    pub spreadsheet_safe: bool,
}

/// How a lake is asked.
#[derive(Debug, Args)]
pub struct AskOptions {
    /// Zone of start_time, end_time and days: an IANA name such as Europe/Berlin
    #[arg(long, value_name = "TZ", default_value = "UTC", value_parser = parse::<TimeZone>)]
    pub time_zone: TimeZone,
    /// Memory of groups, joins and sorts; beyond it they spill to disk, or fail with a clear error
    #[arg(long, value_name = "SIZE", default_value = "2GiB", value_parser = values::size)]
    pub memory: u64,
    /// Folder for spill files; default: the system's temporary folder
    #[arg(long, value_name = "DIR", value_parser = values::path())]
    pub spill: Option<PathBuf>,
    /// Threads; default: one for each core
    #[arg(long, value_name = "N")]
    pub threads: Option<std::num::NonZeroUsize>,
    /// The store of the lake.
    #[command(flatten)]
    pub lake_access: super::LakeOptions,
}

impl AskOptions {
    /// The options in the terms of its module.
    pub fn options(&self) -> query::Options {
        let default = query::Options::default();
        query::Options {
            memory_bytes: self.memory,
            spill: self.spill.clone(),
            time_zone: self.time_zone.clone(),
            threads: self.threads.map_or(default.threads, std::num::NonZeroUsize::get),
        }
    }
}

fn name_and_file(text: &str) -> Result<(String, PathBuf), String> {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    match text.split_once('=') {
        Some((name, file)) if is_name(name) && !file.is_empty() => Ok((name.to_owned(), values::local(file.into())?)),
        _ => Err(format!("\"{text}\" is not of the form name=file, with a name of small letters, digits and `_`")),
    }
}
