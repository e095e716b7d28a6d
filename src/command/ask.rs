//! How a lake is opened and asked: on threads of its own, and ended by a signal.

use std::future::Future;
use std::time::Duration;

use crate::cli;
use crate::error::{Error, Exit};
use crate::lake::Lake;
use crate::output::{refuse_in_lake, temporary_folder};
use crate::query::{STACK_BYTES, Session};
use crate::source::Location;

use super::signals::Signals;

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
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    // Each share of raw logs is decoded on a thread for calls that wait, and waits for others of these to read files.
    let blocking = threads + crate::threads::BLOCKING_MIN;
    let runtime = crate::threads::runtime(builder.thread_stack_size(STACK_BYTES), threads.max(2), blocking)?;
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
    // Joined, not left behind: the C library up to 2.36 may read a thread's memory after its end when it is let go of
    // just then.
    let _ = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(LAST_STEPS)).await;
    match ended {
        Ok(ended) => ended,
        Err(error) if error.is_cancelled() => Ok(Exit::Interrupted),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

async fn interrupted() {
    match Signals::all() {
        Ok(mut signals) => signals.next().await,
        Err(_) => std::future::pending().await,
    }
}

/// Opens a lake to ask it.
pub(super) async fn open(lake: &str, ask: &cli::AskOptions) -> Result<Session, Error> {
    Ok(Session::open(&lake_of(lake, ask).await?, ask.options()).await?)
}

/// The lake that is to be asked.
pub(super) async fn lake_of(lake: &str, ask: &cli::AskOptions) -> Result<Lake, Error> {
    let location = Location::parse(lake)?;
    match &ask.spill {
        Some(folder) => refuse_in_lake(folder).map_err(|error| Error::of_option("--spill", &error))?,
        None => drop(temporary_folder()?),
    }
    Ok(Lake::open(&location, &ask.lake_access.access()?).await?)
}
