//! What a process brings to run tasks, and what it says of each.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::Stop;
use super::threads::DecodingThreads;
use crate::commit::{LakeWriter, Scratch};
use crate::fetch::{self, Budget, Stores};
use crate::lake::{Receipt, Totals};
use crate::progress::Progress;

/// Tasks that are published at once.
pub const PUBLISHING_MAX: usize = 4;

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
    pub fn new(threads: usize, bytes: usize) -> Room {
        let limits = fetch::Options { objects_in_flight_max: OBJECTS_IN_FLIGHT_MAX, bytes_in_flight_max: bytes };
        Room {
            reading: Arc::new(Semaphore::new(2 * threads)),
            decoding: DecodingThreads::start(threads),
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
