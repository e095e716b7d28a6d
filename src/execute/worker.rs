//! What a process brings to run tasks, and how it runs one.

use std::any::Any;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::attempt::{Fault, Faults, Tried, attempt, is_read};
use super::redone::Redone;
use super::{Job, Stop, TaskError, redo};
use crate::commit::{LakeWriter, Published, Scratch, Staged, publish};
use crate::fetch::{self, Budget, Stores, fetch};
use crate::lake::{PlannedTask, Receipt, Totals, settle_copies};
use crate::progress::Progress;

/// Tasks that are published at once.
pub const PUBLISHING_MAX: usize = 4;

/// Objects in flight over all tasks. With 50 ms a request, a hundred keep two cores busy.
const OBJECTS_IN_FLIGHT_MAX: usize = 128;

/// Places for tasks in each stage, and memory for what is fetched: shared by all tasks of a process.
#[derive(Debug)]
pub struct Room {
    /// Tasks that are decoded, and as many whose objects are fetched meanwhile.
    reading: Arc<Semaphore>,
    decoding: Arc<Semaphore>,
    publishing: Arc<Semaphore>,
    budget: Arc<Budget>,
    /// Tasks that find a place at all.
    pub(super) tasks: usize,
}

impl Room {
    /// Room for `threads` tasks that are decoded at once, and for `bytes` of objects (compressed) that are fetched
    /// ahead.
    pub fn new(threads: usize, bytes: usize) -> Room {
        let limits = fetch::Options { objects_in_flight_max: OBJECTS_IN_FLIGHT_MAX, bytes_in_flight_max: bytes };
        Room {
            reading: Arc::new(Semaphore::new(2 * threads)),
            decoding: Arc::new(Semaphore::new(threads)),
            publishing: Arc::new(Semaphore::new(PUBLISHING_MAX)),
            budget: Budget::new(limits),
            tasks: 2 * threads + 2 * PUBLISHING_MAX,
        }
    }
}

/// What a process brings: its rights, its room, and when it is to end.
#[derive(Debug)]
pub struct Worker {
    pub writer: LakeWriter,
    /// Where objects may be fetched.
    pub stores: Stores,
    pub scratch: Arc<Scratch>,
    pub room: Room,
    pub progress: Progress,
    pub stop: Stop,
    pub runtime: Handle,
}

/// What became of a task.
#[derive(Debug)]
pub enum Outcome {
    /// It is committed, and gave this.
    Ours(Box<Gave>),
    /// Another worker committed it first, and counts it.
    Theirs,
    /// The worker was told to end. Nothing of the task is in the lake.
    Stopped,
}

/// What a task gave to the lake.
#[derive(Debug, Default)]
pub struct Gave {
    pub totals: Totals,
    pub receipts: Vec<Receipt>,
    /// In a plan to redo: why objects keep what they gave although they should have given something else. `None` in any
    /// other plan.
    pub kept: Option<Vec<String>>,
}

/// Runs a task to its commit.
///
/// # Errors
/// If a store fails, the disk is full, or the program has a bug. Nothing of the task is in the lake then, and whoever
/// runs it again begins anew.
pub async fn execute(worker: Arc<Worker>, job: Arc<Job>, planned: PlannedTask) -> Result<Outcome, TaskError> {
    let mut faults = Faults::new();
    loop {
        let mut task = planned.clone();
        if !job.carries() {
            settle_copies(&mut task, |url| matches!(faults.get(url), Some(Fault::Unread(_))));
        }
        let task = Arc::new(task);
        let tried = try_once(worker.clone(), job.clone(), task.clone(), faults.clone()).await;
        match tried.map_err(|error| error.of_scratch(worker.scratch.folder()))? {
            Tried::Stopped => return Ok(Outcome::Stopped),
            Tried::Again(learned) if job.redoes_whole_tasks() && has_unread(&learned) => {
                return redo::keep(worker, job, task.task, learned).await;
            }
            Tried::Again(learned) => faults.extend(learned),
            Tried::Done(staged) => return publish_done(worker, *staged).await,
            Tried::Redone(redone) => {
                let Redone { staged, kept } = *redone;
                return publish_staged(worker, staged, Some(kept)).await;
            }
        }
    }
}

fn has_unread(faults: &Faults) -> bool {
    faults.values().any(|fault| matches!(fault, Fault::Unread(_)))
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
    let _decoding = room.decoding.clone().acquire_owned().await.expect("it is never closed");
    if worker.stop.is_soon() {
        return Ok(Tried::Stopped);
    }
    let (runtime, of_thread) = (worker.runtime.clone(), worker.clone());
    let tried = runtime.spawn_blocking(move || attempt(&of_thread, &job, &task, (&faults, fetched))).await;
    // A thread that panics fails its task, and never goes missing in silence.
    tried.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => Err(TaskError::Encode(format!("a task broke off: {}", words_of(&*panic)))),
        Err(_) => Ok(Tried::Stopped),
    })
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
    let gave = Gave { totals: staged.totals, receipts: staged.receipts.clone(), kept };
    Ok(match publish(&worker.writer, staged).await? {
        Published::Ours => Outcome::Ours(Box::new(gave)),
        Published::Theirs => Outcome::Theirs,
    })
}
