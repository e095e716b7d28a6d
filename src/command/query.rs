//! `flowlake query`: one statement and out, or a shell.

use std::future::Future;
use std::io::{self, IsTerminal, Read, Write};
use std::time::Duration;

use crate::cli;
use crate::convert;
use crate::error::{Error, Exit};
use crate::output::{Output, refuse_in_lake};
use crate::query::format::{self, Format};
use crate::query::{Answer, QueryError, STACK_BYTES, Session};
use crate::shown;
use crate::source::{self, Access, Location};

/// How long an interrupted query has to clean up.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How long what still computes then is waited for.
const LAST_STEPS: Duration = Duration::from_secs(1);

/// Who ends a query that is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interrupt {
    EndsAll,
    /// The shell cancels its query and goes on.
    IsTheShells,
}

/// Runs `work` on threads of its own: as many as the query may use, with room for deep plans.
pub(super) async fn on_threads(
    threads: usize,
    interrupt: Interrupt,
    work: impl Future<Output = Result<Exit, Error>> + Send + 'static,
) -> Result<Exit, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.max(2))
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()?;
    let mut running = runtime.spawn(work);
    let ended = tokio::select! {
        ended = &mut running => ended,
        () = interrupted(), if interrupt == Interrupt::EndsAll => {
            running.abort();
            // Dropping the query removes its spill files and the part of the output that is there. Some operators
            // compute for long before they notice.
            match tokio::time::timeout(LAST_WORDS, running).await {
                Ok(ended) => ended,
                Err(_) => Ok(Ok(Exit::Interrupted)),
            }
        }
    };
    // Joined, not left behind: the C library up to 2.36 may read a thread's memory after its end when it is let go of just then.
    let _ = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(LAST_STEPS)).await;
    match ended {
        Ok(ended) => ended,
        Err(error) if error.is_cancelled() => Ok(Exit::Interrupted),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Opens a lake to ask it.
pub(super) async fn open(lake: &str, ask: &cli::AskOptions) -> Result<Session, Error> {
    let location = Location::parse(lake)?;
    if let Some(folder) = &ask.spill {
        refuse_in_lake(folder).map_err(|error| Error::of_option("--spill", &error))?;
    }
    let lake = convert::open_lake(&location, &ask.lake_access.access()?).await?;
    Ok(Session::open(&lake, ask.options()).await?)
}

pub(super) async fn run(arguments: cli::Query) -> Result<Exit, Error> {
    let wants_shell = arguments.sql.is_none() && arguments.file.is_none() && io::stdin().is_terminal();
    let interrupt = if wants_shell { Interrupt::IsTheShells } else { Interrupt::EndsAll };
    let threads = arguments.ask.options().threads;
    on_threads(threads, interrupt, async move {
        let session = open(&arguments.lake, &arguments.ask).await?;
        for (name, file) in &arguments.table {
            session.add_file(name, file).await?;
        }
        if let Some(raw) = &arguments.raw {
            let access = Access::parse(&arguments.source.source_option)?;
            session.add_raw(source::open(&Location::parse(raw)?, &access).await?).await?;
        }
        if wants_shell {
            return super::shell::run(session, arguments.result).await;
        }
        let statement = statement(&arguments)?;
        if arguments.explain {
            let plan = session.explain(&statement).await?;
            return quietly(io::stdout().write_all(shown::lines(&plan).as_bytes()).map_err(QueryError::Output));
        }
        let mut out = output(&arguments.result)?;
        let answer = safe(session.sql(&statement).await?, &arguments.result);
        let written = format::write(answer, arguments.result.format, &mut out, |_| Ok(())).await;
        let written = written.and_then(|_| Ok(out.keep()?));
        tell_unread(&session);
        quietly(written)
    })
    .await
}

/// The statement as given: as an argument, in a file, or on standard input.
fn statement(arguments: &cli::Query) -> Result<String, Error> {
    let text = match (&arguments.sql, &arguments.file) {
        (Some(sql), _) => sql.clone(),
        (None, Some(file)) => {
            std::fs::read_to_string(file).map_err(|error| Error::Usage(format!("{}: {error}", file.display())))?
        }
        (None, None) => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text)?;
            text
        }
    };
    let text = text.trim().trim_end_matches(';').trim_end();
    if text.is_empty() {
        return Err(Error::Usage("there is no statement; write SELECT … FROM flow_logs".to_owned()));
    }
    Ok(text.to_owned())
}

/// The rows as the asker wants them written.
pub(super) fn safe(answer: Answer, result: &cli::ResultOptions) -> Answer {
    if result.spreadsheet_safe { format::defuse(answer) } else { answer }
}

pub(super) fn tell_unread(session: &Session) {
    let (lines, objects) = session.take_unread();
    if lines + objects > 0 {
        eprintln!("of the raw logs {lines} lines and {objects} objects could not be read and are not among the rows");
    }
}

/// A reader that has seen enough, such as `head`, is no failure.
pub(super) fn quietly(written: Result<(), QueryError>) -> Result<Exit, Error> {
    match written {
        Ok(()) => Ok(Exit::Done),
        Err(error) if error.is_broken_pipe() => Ok(Exit::Done),
        Err(error) => Err(error.into()),
    }
}

/// Where the rows of an answer go.
pub(super) fn output(result: &cli::ResultOptions) -> Result<Output, Error> {
    if result.spreadsheet_safe && !matches!(result.format, Format::Csv | Format::Tsv) {
        return Err(Error::Usage("--spreadsheet-safe is for --format csv and tsv".to_owned()));
    }
    match &result.output {
        Some(target) => Output::to(target).map_err(|error| Error::of_option("--output", &error)),
        None if result.format == Format::Parquet && io::stdout().is_terminal() => {
            Err(Error::Usage("parquet is no text for a terminal; give --output FILE".to_owned()))
        }
        None => Ok(Output::standard()),
    }
}
