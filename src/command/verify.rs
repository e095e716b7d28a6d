//! `flowlake verify`: opens both sides, prints differences as they come, and turns them into an exit code.

use std::io::Write;

use super::talk;
use crate::audit::{self, Difference, Options};
use crate::cli;
use crate::error::{Error, Exit};
use crate::lake::Lake;
use crate::output::{refuse_in_lake, temporary_folder};
use crate::source::{self, Access, Location};

pub(super) async fn verify(arguments: &cli::Verify) -> Result<Exit, Error> {
    let lake = Lake::open(&Location::parse(&arguments.lake)?, &arguments.lake_access.access()?).await?;
    let access = Access::parse(&arguments.options.source_option)?;
    let mut sources = Vec::new();
    for text in &arguments.source {
        sources.push(source::open(&Location::parse(text)?, &access).await?);
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let scratch = match &arguments.scratch {
        Some(scratch) => {
            refuse_in_lake(scratch).map(|()| scratch.clone()).map_err(|error| Error::of_option("--scratch", &error))?
        }
        None => temporary_folder()?,
    };
    let options = Options {
        threads: arguments.threads.map_or(cores, std::num::NonZeroUsize::get),
        memory_bytes: arguments.memory,
        scratch,
        since: arguments.since,
    };
    let progress = talk::progress(arguments.talk.progress);
    let json = arguments.talk.json;
    let mut tell = |difference: &Difference| print(json, "difference", difference);
    let report = audit::verify(&lake, &sources, &options, &progress, &mut tell).await?;
    progress.clear();
    if json {
        print(json, "summary", &report)?;
    } else {
        write!(std::io::stdout().lock(), "{report}")?;
    }
    Ok(if report.differences == 0 { Exit::Done } else { Exit::Difference })
}

/// One line of JSON that says what it is, or text for people.
fn print(json: bool, what: &str, value: &(impl serde::Serialize + std::fmt::Display)) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if !json {
        return writeln!(out, "{value}");
    }
    #[derive(serde::Serialize)]
    struct Line<'a, T> {
        record: &'a str,
        #[serde(flatten)]
        value: &'a T,
    }
    serde_json::to_writer(&mut out, &Line { record: what, value })?;
    writeln!(out)
}
