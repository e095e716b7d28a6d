//! What a process brings to run tasks, and what it says of each.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::Stop;
use super::threads::DecodingThreads;
use crate::commit::{LakeWriter, Published, Scratch};
use crate::fetch::{self, Budget, Stores};
use crate::lake::{Receipt, Totals};
use crate::progress::Progress;
use crate::threads::ThreadError;

/// Tasks that are published at once.
pub(crate) const PUBLISHING_MAX: usize = 4;

/// Objects in flight over all tasks. With 50 ms a request, a hundred keep two cores busy.
const OBJECTS_IN_FLIGHT_MAX: usize = 128;

/// Places for tasks in each stage, and memory for what is fetched: shared by all tasks of a process.
#[derive(Debug)]
pub struct Room {
    /// Tasks that are decoded, and as many whose objects are fetched meanwhile.
    pub(super) reading: Arc<Semaphore>,
    pub(super) decoding: DecodingThreads,
    pub(super) publishing: Arc<Semaphore>,
    pub(super) budget: Arc<Budget>,
    /// Tasks that find a place at all.
    pub(super) tasks: usize,
}

impl Room {
    /// Room for `threads` tasks that are decoded at once, and for `bytes` of objects (compressed) that are fetched
    /// ahead.
    ///
    /// # Errors
    /// If the system gives fewer threads.
    pub fn new(threads: usize, bytes: usize) -> Result<Room, ThreadError> {
        let limits = fetch::Options { objects_in_flight_max: OBJECTS_IN_FLIGHT_MAX, bytes_in_flight_max: bytes };
        Ok(Room {
            reading: Arc::new(Semaphore::new(2 * threads)),
            decoding: DecodingThreads::start(threads)?,
            publishing: Arc::new(Semaphore::new(PUBLISHING_MAX)),
            budget: Budget::new(limits),
            tasks: 2 * threads + 2 * PUBLISHING_MAX,
        })
    }
}

/// What a process brings: its rights, its room, and when it is to end.
#[derive(Debug)]
pub struct Worker {
    /// Publishes what is done. Earlier commits, and files that a redo takes rows from, are read through its lake.
    pub writer: LakeWriter,
    /// Where objects may be fetched.
    pub stores: Stores,
    /// Where data files wait until they are published, each attempt in a folder of its own.
    pub scratch: Arc<Scratch>,
    /// What bounds the tasks at hand, all together.
    pub room: Room,
    /// Told of each object and row that is read.
    pub progress: Progress,
    /// Looked at before each task, and within a task before each object.
    pub stop: Stop,
    /// Fetches objects. Tasks are decoded on threads outside of it, which wait for it.
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

impl Outcome {
    /// Of a task that was published, with what it gave.
    pub(super) fn of(published: Published, gave: Gave) -> Outcome {
        match published {
            Published::Ours => Outcome::Ours(Box::new(gave)),
            Published::Theirs => Outcome::Theirs,
        }
    }
}

/// What a task gave to the lake.
#[derive(Debug, Default)]
pub struct Gave {
    /// The sums of the receipts, and the number and size of the data files.
    pub totals: Totals,
    /// One for each object of the task. In a plan to redo: of the objects that were decoded again if that changed
    /// anything, else none.
    pub receipts: Vec<Receipt>,
    /// What left the lake for it: in a plan that takes effect at its seal.
    pub taken: Totals,
    /// In a plan to redo: why objects keep what they gave although they should have given something else. In a plan to
    /// compact: why files stay as they are. `None` in any other plan.
    pub kept: Option<Vec<String>>,
}
