//! How one task is run: attempt after attempt, until one is published.

use std::any::Any;
use std::sync::Arc;

use tracing::{Instrument, Span};

use super::attempt::{Tried, attempt, is_read};
use super::faults::{Fault, Faults};
use super::redone::Redone;
use super::{Gave, Job, Outcome, TaskError, Worker, redo};
use crate::commit::{Staged, publish};
use crate::fetch::fetch;
use crate::lake::{PlannedTask, settle_copies};

/// Runs a task to its commit.
///
/// # Errors
/// If a store fails, the disk is full, or the program has a bug. Nothing of the task is in the lake then, and whoever
/// runs it again begins anew.
pub async fn execute(worker: Arc<Worker>, job: Arc<Job>, planned: PlannedTask) -> Result<Outcome, TaskError> {
    let (number, objects) = (planned.task, planned.objects.len());
    let span = tracing::debug_span!("task", task = number, objects, rows = tracing::field::Empty);
    attempts(worker, job, planned).instrument(span).await
}

async fn attempts(worker: Arc<Worker>, job: Arc<Job>, planned: PlannedTask) -> Result<Outcome, TaskError> {
    let mut faults = Faults::new();
    loop {
        let mut task = planned.clone();
        if !job.carries() {
            settle_copies(&mut task, |url| matches!(faults.get(url), Some(Fault::Unread(_) | Fault::Gone)));
        }
        let task = Arc::new(task);
        let tried = try_once(worker.clone(), job.clone(), task.clone(), faults.clone()).await;
        match tried? {
            Tried::Stopped => return Ok(Outcome::Stopped),
            Tried::Retry(learned) if job.redoes_whole_tasks() && has_unread(&learned) => {
                return redo::keep(worker, job, task.task, learned).await;
            }
            Tried::Retry(learned) => faults.extend(learned),
            Tried::Done(staged) => return publish_done(worker, *staged).await,
            Tried::Redone(redone) => {
                let Redone { staged, kept } = *redone;
                return publish_staged(worker, staged, Some(kept)).await;
            }
        }
    }
}

fn has_unread(faults: &Faults) -> bool {
    faults.values().any(|fault| matches!(fault, Fault::Unread(_) | Fault::Gone))
}

/// One attempt, once there is room for it.
async fn try_once(
    worker: Arc<Worker>,
    job: Arc<Job>,
    task: Arc<PlannedTask>,
    faults: Faults,
) -> Result<Tried, TaskError> {
    let room = &worker.room;
    let _reading = room.reading.clone().acquire_owned().await.expect("it is never closed");
    if worker.stop.is_soon() {
        return Ok(Tried::Stopped);
    }
    let wanted = task.objects.iter().filter(|object| is_read(object, &faults)).cloned().collect();
    let fetched = fetch(&worker.runtime, worker.stores.clone(), wanted, room.budget.clone());
    let (of_thread, span) = (worker.clone(), Span::current());
    let attempt = move || match of_thread.stop.is_soon() {
        true => Ok(Tried::Stopped),
        false => span.in_scope(|| attempt(&of_thread, &job, &task, (&faults, fetched))),
    };
    // A thread that panics fails its task, and never goes missing in silence.
    let tried = room.decoding.run(attempt).await;
    tried.unwrap_or_else(|panic| Err(TaskError::Encode(format!("a task broke off: {}", words_of(&*panic)))))
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default()
}

async fn publish_done(worker: Arc<Worker>, staged: Staged) -> Result<Outcome, TaskError> {
    match staged.replaces {
        Some(replaces) => {
            let _publishing = worker.room.publishing.clone().acquire_owned().await.expect("it is never closed");
            redo::publish_again(&worker.writer, staged, replaces).await
        }
        None => publish_staged(worker, staged, None).await,
    }
}

async fn publish_staged(worker: Arc<Worker>, staged: Staged, kept: Option<Vec<String>>) -> Result<Outcome, TaskError> {
    let _publishing = worker.room.publishing.clone().acquire_owned().await.expect("it is never closed");
    let (totals, taken) = (staged.totals, staged.taken.totals);
    let gave = Gave { totals, receipts: staged.receipts.clone(), taken, kept };
    Ok(Outcome::of(publish(&worker.writer, staged).await?, gave))
}
