//! Has the tasks of one plan run, sums up what they gave, and decides when there is no use in going on.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt;

use super::run::Run;
use super::{ConvertError, Stop};
use crate::execute::{Job, Outcome, Room, Runner, TaskError, Threads, Worker};
use crate::fetch::Stores;
use crate::lake::PlannedTask;
use crate::source::{self, Location, Object, Reach, SourceError};

/// Tasks of one pass that fail to fetch an object, until no further one begins.
const FETCH_FAILURES_MAX: usize = 8;

/// How long a plan waits for objects that the store cannot give.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Works on every task of a plan that is not committed. A plan that names an object outside of the run's sources is not
/// begun.
pub(super) async fn run_plan(run: &mut Run<'_>, number: u64) -> Result<(), ConvertError> {
    let lake = run.ledger.writer.lake.clone();
    let mut job = Job::load(&run.ledger.state, &lake, number).await?;
    tracing::debug!(plan = number, "working on a plan");
    loop {
        let tasks = run.ledger.state.tasks_to_do(&lake, number).await?;
        if tasks.is_empty() || run.stop.is_soon() {
            return Ok(());
        }
        if let Some(url) = outside(&run.reach(), &tasks).await? {
            return Err(ConvertError::Outside { plan: number, url });
        }
        match run_tasks(run, job.clone(), tasks).await {
            // Some objects are not to be had, and others were: they must not hold up the plan for ever.
            Err(ConvertError::Task(TaskError::Fetch { .. }))
                if !job.gives_up && !run.stop.is_soon() && is_past_patience(run, number).await? =>
            {
                job = job.giving_up();
            }
            done => return done,
        }
    }
}

/// Whether a plan was written so long ago, by the clock of the store, that it waits no longer.
async fn is_past_patience(run: &Run<'_>, number: u64) -> Result<bool, ConvertError> {
    let writer = &run.ledger.writer;
    let now = writer.now().await?;
    let written = writer.lake.written_at(&writer.lake.names.log(number)).await?;
    Ok(written.is_some_and(|written| (now - written).to_std().is_ok_and(|age| age >= PATIENCE)))
}

/// The first object of some tasks that is not of the sources, by its URL.
pub(super) async fn outside(reach: &Reach, tasks: &[PlannedTask]) -> Result<Option<String>, SourceError> {
    let objects = || tasks.iter().flat_map(|task| &task.objects);
    let named = objects().map(|object| (object.url.clone(), object.key.clone())).collect();
    let held = reach.held_of(named).await?;
    Ok(objects().zip(held).find(|(_, held)| !held).map(|(outside, _)| outside.url.clone()))
}

/// One pass over some tasks.
async fn run_tasks(run: &mut Run<'_>, job: Arc<Job>, tasks: Vec<PlannedTask>) -> Result<(), ConvertError> {
    let objects = || tasks.iter().flat_map(|task| &task.objects);
    run.progress.converting(objects().count() as u64, objects().map(|object| object.size).sum());
    let threads = run.options.threads_allowed().min(tasks.len());
    let worker = Worker {
        writer: run.ledger.writer.clone(),
        stores: open_stores(run, objects()).await?,
        scratch: run.scratch.clone(),
        room: Room::new(threads, run.options.fetch_bytes_max() as usize),
        progress: run.progress.clone(),
        stop: run.stop.clone(),
        runtime: tokio::runtime::Handle::current(),
    };
    let mut outcomes = Threads(Arc::new(worker)).run(job, tasks);
    let mut failed = Failed::default();
    while let Some(outcome) = outcomes.next().await {
        match outcome {
            Ok(Outcome::Ours(gave)) => run.summary.note(&gave),
            Ok(Outcome::Theirs | Outcome::Stopped) => {}
            Err(error) => failed.note(error, run.stop),
        }
    }
    failed.first.map_or(Ok(()), |error| Err(error.into()))
}

/// The stores of this run's sources, and of any other bucket that a plan names which the user trusts.
async fn open_stores<'a>(run: &Run<'_>, objects: impl Iterator<Item = &'a Object>) -> Result<Stores, ConvertError> {
    let mut stores = run.sources.clone();
    for object in objects {
        if !stores.iter().any(|store| store.location.url_of(&object.key) == object.url) {
            let bucket = object.url.strip_suffix(&object.key).unwrap_or(&object.url);
            let location = Location::parse(bucket)?;
            stores.push(source::open(&location, &run.options.source_access).await?);
        }
    }
    Ok(Stores::new(stores))
}

/// Errors of one pass over some tasks.
#[derive(Default)]
struct Failed {
    /// The first; one that is no [`TaskError::Fetch`] counts before those.
    first: Option<TaskError>,
    count: usize,
}

impl Failed {
    /// The first error is the one to report; tasks at hand are finished, no new one begins. A store that cannot give
    /// one object may give others: only when that happens again and again does it end the run.
    fn note(&mut self, error: TaskError, stop: &Stop) {
        let is_fetch = |error: &TaskError| matches!(error, TaskError::Fetch { .. });
        self.count += 1;
        if !is_fetch(&error) || self.count >= FETCH_FAILURES_MAX {
            stop.soon.store(true, Ordering::Relaxed);
        }
        if self.first.as_ref().is_none_or(|first| is_fetch(first) && !is_fetch(&error)) {
            self.first = Some(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_that_cannot_be_fetched_stops_nothing_and_many_do() {
        let fetch = || TaskError::Fetch { url: "s3://b/o".into(), reason: "500".into() };
        let (stop, mut failed) = (Stop::default(), Failed::default());
        (1..FETCH_FAILURES_MAX).for_each(|_| failed.note(fetch(), &stop));
        assert!(!stop.is_soon());
        failed.note(fetch(), &stop);
        assert!(stop.is_soon());
        let (stop, mut failed) = (Stop::default(), Failed::default());
        failed.note(fetch(), &stop);
        failed.note(TaskError::Encode("worse".into()), &stop);
        failed.note(fetch(), &stop);
        assert!(stop.is_soon() && matches!(failed.first, Some(TaskError::Encode(_))));
    }
}
