//! What each command does, in the library's terms: call a stage, print its result, choose the exit code.

mod ask;
mod compact;
mod completions;
mod config;
mod dashboard;
mod ddl;
mod delta;
mod demo;
mod expire;
mod json;
mod log;
#[cfg(feature = "mcp")]
mod mcp;
mod query;
mod repair;
mod report;
mod rows;
#[cfg(feature = "serve")]
mod serve;
mod shell;
mod signals;
mod talk;
mod verify;

use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use crate::cli::{self, Command};
use crate::config::{Line, Refused};
use crate::convert::{self, ConvertError, Ending, Stop, Summary};
use crate::error::{Error, Exit};
use crate::lake::{Lake, Receipt, RejectRecord, Relative, State, decode_lines};
use crate::progress::{Progress, When, bytes, some};
use crate::query::{QueryError, nearest};
use crate::schema::{Layout, Table, Types, documented};
use crate::source::{self, Access, Location};
use crate::{inspect, sample, shown, threads};
use signals::Signals;
use talk::say;

/// What waits for stores is async, and needs few threads.
const WORKERS: usize = 2;

/// Runs one command to its end: starts the runtime, prints the error and its hint, and gives the exit code.
pub fn main(line: Line) -> ExitCode {
    log::begin(line.cli.log_format);
    if let Some(note) = &line.note {
        say!("{}", shown::line(note));
    }
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let done = threads::runtime(&mut builder, WORKERS, threads::BLOCKING_MIN)
        .map_err(Error::from)
        .and_then(|runtime| runtime.block_on(run(line.cli.command)));
    let exit = match done {
        Ok(exit) => exit,
        Err(error) => {
            say!("error: {}", error.shown());
            if let Some(hint) = error.hint() {
                say!("  (hint: {hint})");
            }
            error.exit()
        }
    };
    ExitCode::from(exit as u8)
}

/// Says what is wrong with a command line, or what was asked about the program, and ends. Names of files may come from
/// others.
pub fn misused(refused: &Refused) -> ! {
    match refused {
        Refused::Line { error, .. } if !error.use_stderr() => error.exit(),
        Refused::Line { error, origins } => {
            talk::on_stderr(format_args!("{}", shown::lines(&error.render().to_string())));
            for origin in origins {
                say!("  (hint: {})", shown::line(origin));
            }
            std::process::exit(error.exit_code());
        }
        Refused::Config(error) => {
            say!("error: {}", error.shown());
            std::process::exit(Exit::Usage as i32);
        }
    }
}

async fn run(command: Command) -> Result<Exit, Error> {
    match command {
        Command::Convert(arguments) => convert(&arguments).await,
        Command::Compact(arguments) => compact::compact(&arguments).await,
        Command::Expire(arguments) => expire::expire(&arguments).await,
        Command::Sample(arguments) => make_sample(&arguments),
        Command::Inspect(arguments) => inspect(&arguments).await,
        Command::Rejects(arguments) => rejects(&arguments).await,
        Command::Ddl(arguments) => ddl::ddl(&arguments).await,
        #[cfg(feature = "mcp")]
        Command::Mcp(arguments) => mcp::mcp(&arguments).await,
        #[cfg(feature = "serve")]
        Command::Serve(arguments) => serve::serve(&arguments).await,
        Command::Query(arguments) => query::run(arguments).await,
        Command::Report(arguments) => report::run(arguments).await,
        Command::Dashboard(arguments) => dashboard::run(arguments).await,
        Command::Verify(arguments) => verify::verify(&arguments).await,
        Command::Delta(arguments) => delta::delta(&arguments).await,
        Command::Repair(arguments) => repair::repair(&arguments).await,
        Command::Demo(arguments) => demo::demo(&arguments).await,
        Command::Config(arguments) => config::config(&arguments).await,
        Command::Completions(arguments) => completions::completions(&arguments),
        Command::Man(arguments) => completions::man(&arguments),
    }
}

async fn convert(arguments: &cli::Convert) -> Result<Exit, Error> {
    let options = arguments.options()?;
    options.format.as_deref().map_or(Ok(()), warn_of_format)?;
    let talk = &arguments.talk;
    if options.dry_run {
        let progress = talk::progress(talk.progress);
        let plan = convert::dry_run(&options, &progress).await?;
        progress.clear();
        print(talk.json, &plan)?;
        return Ok(if plan.would_leave_something() { Exit::SetAside } else { Exit::Done });
    }
    run_conversion(&options, talk.progress, talk.json).await
}

/// A name that AWS does not document is taken as it is, since there are new ones every year; but it may be a slip.
fn warn_of_format(format: &str) -> Result<(), Error> {
    let layout = Layout::from_format(format, &Types::default()).map_err(ConvertError::from)?;
    let known: Vec<&str> = Table::all().flat_map(|table| table.all_fields()).map(|field| field.log).collect();
    for name in layout.names().filter(|name| documented(name).is_none()) {
        let name = name.replace('_', "-");
        let near = nearest(&name, &known).map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
        say!("warning: `--format` names `{name}`, which AWS does not document{near}: it becomes a column of texts");
    }
    Ok(())
}

async fn run_conversion(options: &convert::Options, progress: When, json: bool) -> Result<Exit, Error> {
    work((progress, json), async |progress, stop| convert::run(options, progress, stop).await).await
}

/// Works on a lake until it is done or a signal ends it, and prints what was done.
async fn work(
    (progress, json): (When, bool),
    work: impl AsyncFnOnce(&Progress, &Stop) -> Result<Summary, ConvertError>,
) -> Result<Exit, Error> {
    let progress = talk::progress(progress);
    let stop = Stop::default();
    let signals = tokio::spawn(stop_on_signals(stop.clone()));
    let summary = work(&progress, &stop).await;
    signals.abort();
    progress.clear();
    let summary = match summary {
        Err(ConvertError::Unfinished { error, summary }) => {
            print(json, &summary)?;
            return Err((*error).into());
        }
        other => other?,
    };
    print(json, &summary)?;
    Ok(match summary.ending {
        Ending::Interrupted => Exit::Interrupted,
        _ if summary.left_something() => Exit::SetAside,
        _ => Exit::Done,
    })
}

/// The first signal abandons the tasks at hand, the second ends the process at once.
async fn stop_on_signals(stop: Stop) {
    let Ok(mut signals) = Signals::all() else { return };
    for heard in 0.. {
        signals.next().await;
        if heard > 0 {
            std::process::exit(Exit::Interrupted as i32);
        }
        stop.now.store(true, Ordering::Relaxed);
        say!("stopping: what is not committed is left to the next run; once more to stop at once");
    }
}

/// People read the text on stderr; programs ask for JSON on stdout.
fn print(json: bool, result: &(impl serde::Serialize + std::fmt::Display)) -> Result<(), Error> {
    if json {
        let mut out = std::io::stdout().lock();
        serde_json::to_writer(&mut out, result).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        talk::on_stderr(format_args!("{result}"));
    }
    Ok(())
}

fn make_sample(arguments: &cli::Sample) -> Result<Exit, Error> {
    let options = sample::Options {
        records: arguments.records,
        seed: arguments.seed,
        days: arguments.days,
        accounts: arguments.accounts,
        regions: arguments.regions,
        mix: arguments.mix,
        ..sample::Options::default()
    };
    let made = sample::write(&arguments.dir, &options, &|_| {})?;
    say!(
        "{} in {} ({}, {} inflated), {} to {}",
        some(made.records, "record", "records"),
        some(made.objects, "object", "objects"),
        bytes(made.compressed_bytes),
        bytes(made.text_bytes),
        made.first_day,
        made.last_day
    );
    say!(
        "{}, {} and {} are distinct",
        some(made.addresses, "address", "addresses"),
        some(made.ports, "port", "ports"),
        some(made.interfaces, "interface", "interfaces")
    );
    Ok(Exit::Done)
}

async fn inspect(arguments: &cli::Inspect) -> Result<Exit, Error> {
    let location = Location::parse(&arguments.source)?;
    let store = source::open(&location, &Access::parse(&arguments.options.source_option)?).await?;
    let found = inspect::inspect(&store).await?;
    rows::quietly(write!(std::io::stdout(), "{found}").map_err(QueryError::Output))
}

const NO_SOURCES: &str = "--replay reads objects again, and the lake alone does not say which ones may be read: give \
                          their sources, as in `flowlake rejects LAKE SOURCE --replay`, or --trust-plans if you know who \
                          wrote the lake";

async fn rejects(arguments: &cli::Rejects) -> Result<Exit, Error> {
    if arguments.replay {
        if arguments.sources.is_empty() && !arguments.trust_plans {
            return Err(Error::Usage(NO_SOURCES.to_owned()));
        }
        let options = arguments.replay_options()?;
        options.format.as_deref().map_or(Ok(()), warn_of_format)?;
        return run_conversion(&options, arguments.progress, arguments.json).await;
    }
    let location = Location::parse(&arguments.lake)?;
    let lake = Lake::open(&location, &arguments.lake_access.access()?).await?;
    let state = State::open(&lake).await?;
    let mut out = std::io::stdout().lock();
    for day in state.days() {
        for filed in state.aside(&lake, day).await? {
            print_aside(&filed.receipt, arguments.json, &mut out)?;
        }
    }
    for relative in state.heads(&lake).await?.iter().filter_map(|head| head.rejects.as_ref()) {
        print_rejects(&lake, relative, arguments.json, &mut out).await?;
    }
    Ok(Exit::Done)
}

fn print_aside(receipt: &Receipt, json: bool, out: &mut impl Write) -> Result<(), Error> {
    let reason = receipt.reason.as_deref().unwrap_or_default();
    if json {
        let record = serde_json::json!({ "object": receipt.url, "reason": reason });
        writeln!(out, "{record}")?;
    } else {
        writeln!(out, "{}: {}", shown::line(&receipt.url), shown::line(reason))?;
    }
    Ok(())
}

async fn print_rejects(lake: &Lake, relative: &Relative, json: bool, out: &mut impl Write) -> Result<(), Error> {
    let records: Vec<RejectRecord> = lake.decoded(relative, |bytes| decode_lines(&bytes)).await?;
    for record in records {
        if json {
            let record = serde_json::to_string(&record).map_err(std::io::Error::from)?;
            writeln!(out, "{record}")?;
        } else {
            let RejectRecord { object, line, offset, reason, text, .. } = record;
            let (object, reason, text) = (shown::line(&object), shown::line(&reason), shown::line(&text));
            writeln!(out, "{object} line {line} (byte {offset}): {reason}\n  {text}")?;
        }
    }
    Ok(())
}
