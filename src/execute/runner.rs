//! Who runs the tasks of a plan. Which task runs when and where changes nothing in the lake: names and bytes follow
//! from the task.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{self, LocalBoxStream};

use super::{Job, Outcome, TaskError, Worker, execute};
use crate::lake::PlannedTask;

/// Runs tasks.
pub trait Runner {
    /// Runs each task to its end, and gives what became of it as soon as it ends. Whoever stops to take from the stream
    /// abandons what is under way.
    fn run(&self, job: Arc<Job>, tasks: Vec<PlannedTask>) -> LocalBoxStream<'static, Result<Outcome, TaskError>>;
}

/// Runs them on threads of this process: while some tasks are decoded, the objects of the next ones are fetched, and
/// what is done is published.
#[derive(Debug)]
pub struct Threads(pub Arc<Worker>);

impl Runner for Threads {
    fn run(&self, job: Arc<Job>, tasks: Vec<PlannedTask>) -> LocalBoxStream<'static, Result<Outcome, TaskError>> {
        let worker = self.0.clone();
        let places = worker.room.tasks;
        stream::iter(tasks)
            .map(move |task| execute(worker.clone(), job.clone(), task))
            .buffer_unordered(places)
            .boxed_local()
    }
}
