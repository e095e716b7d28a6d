//! Every command and flag with its help, and their way into each stage's options. It reads and writes nothing.

mod compact;
mod completions;
mod config;
mod dashboard;
mod ddl;
mod delta;
mod expire;
mod log;
#[cfg(feature = "mcp")]
mod mcp;
mod query;
mod repair;
mod report;
#[cfg(feature = "serve")]
mod serve;
mod values;
mod verify;

#[cfg(test)]
mod tests;

pub use compact::Compact;
pub use completions::{Completions, Man};
pub use config::Config;
pub use dashboard::Dashboard;
pub use ddl::Ddl;
pub use delta::Delta;
pub use expire::Expire;
pub use log::LogFormat;
#[cfg(feature = "mcp")]
pub use mcp::Mcp;
pub use query::{AskOptions, Query, ResultOptions};
pub use repair::Repair;
pub use report::{Report, ReportChoice, ShellReport, WindowOptions};
#[cfg(feature = "serve")]
pub use serve::Serve;
pub use values::{day_of, local};
pub use verify::Verify;

use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand};

use crate::convert::{self, Again};
use crate::plan::Copies;
use crate::progress::When;
use crate::sample::Mix;
use crate::schema::{Compression, PartitionBy};
use crate::source::{Access, Location, SourceError};

/// Converts gzip VPC Flow Logs, from S3 or disk, into a date-partitioned Parquet lake.
#[derive(Debug, Parser)]
#[command(name = "flowlake", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What is to be done.
    #[command(subcommand)]
    pub command: Command,
    /// What a line on stderr is: text, or a JSON object, of all that is said and of what FLOWLAKE_LOG asks for
    #[arg(long, global = true, display_order = 900)]
    #[arg(value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
#[allow(missing_docs, reason = "clap would take docstrings here for the help of the commands")]
pub enum Command {
    Convert(Convert),
    Compact(Compact),
    Expire(Expire),
    Sample(Sample),
    Inspect(Inspect),
    Rejects(Rejects),
    Ddl(Ddl),
    #[cfg(feature = "serve")]
    Serve(Serve),
    #[cfg(feature = "mcp")]
    Mcp(Mcp),
    Query(Query),
    Report(Report),
    Dashboard(Dashboard),
    Verify(Verify),
    Repair(Repair),
    Delta(Delta),
    Demo(Demo),
    Config(Config),
    Completions(Completions),
    Man(Man),
}

/// Convert what is new at the sources into the lake; a rerun does nothing twice
#[derive(Debug, Args)]
#[command(override_usage = "flowlake convert [OPTIONS] <SOURCE>... <LAKE>")]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 bad usage, 3 something was set aside, 75 another run on this \
                        host is at work on this lake, 130 interrupted.")]
pub struct Convert {
    /// Where flow logs lie, one or more, and last the lake: paths, file:// or s3:// URLs; @NAME alone is
    /// both
    #[arg(required = true, num_args = 2.., value_names = ["SOURCE", "LAKE"])]
    pub locations: Vec<String>,
    /// Only objects of this day and later, by the day in the key: a date, RFC 3339 time, or age (24h, 7d)
    #[arg(long, value_name = "T", value_parser = day_of)]
    pub since: Option<NaiveDate>,
    /// Only objects up to this day, inclusive
    #[arg(long, value_name = "T", value_parser = day_of)]
    pub until: Option<NaiveDate>,
    /// Only objects of this account in the key; may be repeated
    #[arg(long, value_name = "ID")]
    pub log_account: Vec<String>,
    /// Only objects of this region in the key; may be repeated
    #[arg(long, value_name = "NAME")]
    pub log_region: Vec<String>,
    /// How far an incremental run looks back from the newest day it listed before
    #[arg(long, value_name = "AGE", default_value = "3d", value_parser = values::days, conflicts_with = "full_scan")]
    pub lookback: u32,
    /// List everything again, to find objects that arrived later than the lookback
    #[arg(long)]
    pub full_scan: bool,
    /// Fields of objects without a header: `default`, or the LogFormat text '${version} ${vpc-id} …'
    #[arg(long)]
    pub format: Option<String>,
    /// Partition keys of a new lake, from the UTC start of a record: date, or date,hour
    #[arg(long, value_name = "KEYS", value_parser = parse::<PartitionBy>)]
    pub partition_by: Option<PartitionBy>,
    /// Objects that are copies of others by AWS's file name, size and checksum: keep them (and name them), skip them,
    /// or fail
    #[arg(long, value_name = "WHAT", default_value = "keep", value_parser = parse::<Copies>)]
    pub copies: Copies,
    /// Decode again what the objects of the days --since to --until gave, by the day in the key, and replace it
    /// (after an upgrade)
    #[arg(long, requires = "since", requires = "until", conflicts_with_all = ["full_scan", "lookback", "format", "dry_run", "copies"])]
    pub redo: bool,
    /// With --redo: where a data file is gone or damaged, and at their source objects with rows in it, make it again
    /// without these rows, which are lost, and name the objects; without it the file stays gone
    #[arg(long, requires = "redo")]
    pub gone_for_good: bool,
    /// How data files are written.
    #[command(flatten)]
    pub writing: Writing,
    /// Make each table a Delta table as well, once, in a lake that an earlier version made; lakes that this version
    /// makes have Delta tables
    #[arg(long, conflicts_with = "dry_run")]
    pub delta: bool,
    /// Afterwards merge the small files of dates that have been over for so long, as `flowlake compact` does
    #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration, conflicts_with = "dry_run")]
    pub compact_after: Option<Duration>,
    /// Begin no task after this time; the next run goes on with what is left
    #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration)]
    pub stop_after: Option<Duration>,
    /// The store of the sources.
    #[command(flatten)]
    pub source: SourceOptions,
    /// The store of the lake.
    #[command(flatten)]
    pub lake_access: LakeOptions,
    /// Also fetch what open plans of the lake name outside of the sources: they were written by whoever can write to it
    #[arg(long)]
    pub trust_plans: bool,
    /// Show what would be done, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How it talks.
    #[command(flatten)]
    pub talk: Talk,
}

/// How data files are written, and with what.
#[derive(Debug, Args)]
pub struct Writing {
    /// Largest size of a data file
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = values::size)]
    pub file_size: u64,
    /// What of it is the same for all files.
    #[command(flatten)]
    pub work: Work,
}

/// How files are made, and what of the machine that may take.
#[derive(Debug, Args)]
pub struct Work {
    /// Folder for files that wait to be published; default: in a local lake, else the system's temporary folder
    #[arg(long, value_name = "DIR", value_parser = values::path())]
    pub scratch: Option<PathBuf>,
    /// Compression of the Parquet pages: zstd, snappy, gzip or none
    #[arg(long, default_value = "zstd", value_parser = parse::<Compression>)]
    pub compression: Compression,
    /// How long a file that another one takes the place of stays, for queries that read it and for readers of folders
    #[arg(long, value_name = "AGE", default_value = "7d", value_parser = humantime::parse_duration)]
    pub retention: Duration,
    /// Threads that decode and encode; default: one for each core
    #[arg(long, value_name = "N")]
    pub threads: Option<std::num::NonZeroUsize>,
    /// Memory to plan with: a part of it holds what is fetched and sent, the rest bounds the number of threads
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = values::size)]
    pub memory: u64,
}

/// Options of the store that holds the sources.
#[derive(Debug, Args)]
pub struct SourceOptions {
    /// Store option of the sources, such as request_payer=true, role_arn=… or profile=…; may be repeated
    #[arg(long, value_name = "K=V")]
    pub source_option: Vec<String>,
}

/// Options of the store that holds the lake.
#[derive(Debug, Args)]
pub struct LakeOptions {
    /// Store option of the lake, such as region=eu-west-1 or sse_kms_key_id=…; may be repeated
    #[arg(long, value_name = "K=V")]
    pub lake_option: Vec<String>,
    /// Follow links in a lake on disk, such as a `flow_logs` on another disk; not for a lake of somebody else
    #[arg(long)]
    pub follow_links: bool,
}

impl LakeOptions {
    /// The options, checked by name.
    pub fn access(&self) -> Result<Access, SourceError> {
        Ok(Access::parse(&self.lake_option)?.following_links(self.follow_links))
    }
}

/// How a command talks.
#[derive(Debug, Args)]
pub struct Talk {
    /// Progress on stderr: auto shows it on a terminal
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = When::Auto)]
    pub progress: When,
    /// Print the summary as one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// Make a bucket of realistic flow logs on disk
#[derive(Debug, Args)]
pub struct Sample {
    /// Folder to write to: a new or empty one, or one with the same sample
    #[arg(value_parser = values::path())]
    pub dir: PathBuf,
    /// Records in total
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub records: u64,
    /// Same seed, same bytes
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Days that the records span
    #[arg(long, value_name = "D", default_value_t = 3)]
    pub days: u32,
    /// Accounts
    #[arg(long, value_name = "A", default_value_t = 2)]
    pub accounts: u32,
    /// Regions of each account
    #[arg(long, value_name = "R", default_value_t = 2)]
    pub regions: u32,
    /// Which formats: default, v5, v11, tgw, or all side by side
    #[arg(long, default_value = "default", value_parser = parse::<Mix>)]
    pub mix: Mix,
}

/// Show which formats, flow logs, times and sizes lie at a source, and a few decoded rows
#[derive(Debug, Args)]
pub struct Inspect {
    /// Where flow logs lie: a path, file:// or s3:// URL, or @NAME
    pub source: String,
    /// The store of the source.
    #[command(flatten)]
    pub options: SourceOptions,
}

/// Print the lines and objects that a lake set aside, with key, line, byte offset, reason and text; or try them again
#[derive(Debug, Args)]
#[command(mut_group("Writing", |group| group.requires("replay")))]
#[command(mut_group("Work", |group| group.requires("replay")))]
#[command(after_help = "Exit codes with --replay are those of convert: 3 if something is set aside again.")]
pub struct Rejects {
    /// The lake: a path, file:// or s3:// URL, or @NAME
    pub lake: String,
    /// With --replay: where the objects lie that may be read again, as they were given to convert
    #[arg(value_name = "SOURCE", requires = "replay")]
    pub sources: Vec<String>,
    /// The store of the lake.
    #[command(flatten)]
    pub lake_access: LakeOptions,
    /// Print JSON lines; with --replay, the summary as one JSON object
    #[arg(long)]
    pub json: bool,
    /// Decode again what was set aside, as it lies at its source now, and add what can be read
    #[arg(long)]
    pub replay: bool,
    /// Read again whatever the lake names, wherever it lies: it was written by whoever can write to the lake
    #[arg(long, requires = "replay", help_heading = REPLAY)]
    pub trust_plans: bool,
    /// Fields of objects without a header: `default`, or the LogFormat text '${version} ${vpc-id} …'
    #[arg(long, requires = "replay", help_heading = REPLAY)]
    pub format: Option<String>,
    /// Objects that are copies of what is converted, or of each other: skip them, so that no delivery is there twice,
    /// keep them, or fail
    #[arg(long, value_name = "WHAT", default_value = "skip", requires = "replay", help_heading = REPLAY,
          value_parser = parse::<Copies>)]
    pub copies: Copies,
    /// How data files are written.
    #[command(flatten, next_help_heading = REPLAY)]
    pub writing: Writing,
    /// The store of the sources.
    #[command(flatten)]
    pub source: SourceOptions,
    /// Progress on stderr: auto shows it on a terminal
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = When::Auto)]
    pub progress: When,
}

/// Over the options of `rejects` that mean nothing without `--replay`.
pub(crate) const REPLAY: &str = "With --replay";

/// Make a sample bucket, convert it, and show rejected traffic by port
#[derive(Debug, Args)]
pub struct Demo {
    /// Folder to work in: a new one, or one of an earlier demo
    #[arg(default_value = "flowlake-demo", value_parser = values::path())]
    pub dir: PathBuf,
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn locations(texts: &[String]) -> Result<Vec<Location>, SourceError> {
    texts.iter().map(|text| Location::parse(text)).collect()
}

impl Convert {
    /// The options of the conversion. The last location is the lake.
    pub fn options(&self) -> Result<convert::Options, SourceError> {
        let (lake, sources) = self.locations.split_last().expect("clap asks for two locations");
        Ok(convert::Options {
            sources: locations(sources)?,
            trust_plans: self.trust_plans,
            delta: self.delta,
            since: self.since,
            until: self.until,
            accounts: self.log_account.clone(),
            regions: self.log_region.clone(),
            lookback_days: (!self.full_scan).then_some(self.lookback),
            partition_by: self.partition_by,
            stop_after: self.stop_after,
            dry_run: self.dry_run,
            copies: self.copies,
            again: self.redo.then_some(Again::Days),
            gone_for_good: self.gone_for_good,
            compaction: self.compact_after.map(compact::after),
            ..self.writing.options(lake, &self.lake_access, &self.source, self.format.as_deref())?
        })
    }
}

impl Rejects {
    /// The options of a conversion of what was set aside.
    pub fn replay_options(&self) -> Result<convert::Options, SourceError> {
        let options = self.writing.options(&self.lake, &self.lake_access, &self.source, self.format.as_deref())?;
        let sources = locations(&self.sources)?;
        let (trust_plans, copies, again) = (self.trust_plans, self.copies, Some(Again::Rejects));
        Ok(convert::Options { sources, trust_plans, copies, again, ..options })
    }
}

impl Writing {
    /// A conversion into a lake, of nothing yet.
    fn options(
        &self,
        lake: &str,
        lake_options: &LakeOptions,
        source: &SourceOptions,
        format: Option<&str>,
    ) -> Result<convert::Options, SourceError> {
        Ok(convert::Options {
            source_access: Access::parse(&source.source_option)?,
            format: format.map(str::to_owned),
            ..self.work.options(lake, lake_options, self.file_size)?
        })
    }
}

impl Work {
    /// Work on a lake, of which nothing is said yet.
    fn options(
        &self,
        lake: &str,
        lake_options: &LakeOptions,
        file_bytes_max: u64,
    ) -> Result<convert::Options, SourceError> {
        let options = convert::Options::of_lake(Location::parse(lake)?, lake_options.access()?);
        Ok(convert::Options {
            scratch: self.scratch.clone(),
            compression: self.compression,
            file_bytes_max,
            threads: self.threads.map_or(options.threads, std::num::NonZeroUsize::get),
            memory_bytes: self.memory,
            retention: self.retention,
            ..options
        })
    }
}
