//! Has the tasks of one plan run, sums up what they gave, and decides when there is no use in going on.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt;

use super::ConvertError;
use super::run::Run;
use crate::execute::{Job, Outcome, Room, Runner, TaskError, Threads, Worker};
use crate::fetch::Stores;
use crate::lake::{PlannedTask, Purpose};
use crate::source::{self, Location, Object, Reach, SourceError, StoreKind};

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
    let mut failed: Option<TaskError> = None;
    loop {
        let tasks = run.ledger.state.tasks_to_do(&lake, number).await?;
        if let Some(error) = failed.take() {
            // What a store has and cannot give must not hold up the plan for ever. One that is away gives it later.
            if !has_what_failed(run, &tasks, &error).await {
                return Err(error.into());
            }
            job = job.giving_up();
        }
        if tasks.is_empty() || run.stop.is_soon() {
            return Ok(());
        }
        if let Some(url) = outside(&run.reach(), &tasks).await? {
            return Err(ConvertError::Outside { plan: number, url });
        }
        match run_tasks(run, job.clone(), tasks).await {
            Err(ConvertError::Task(error @ TaskError::Fetch { .. }))
                if !job.gives_up && !run.stop.is_soon() && is_past_patience(run, number).await =>
            {
                failed = Some(error);
            }
            done => return done,
        }
    }
}

/// Whether the store has the object that it failed to give. A disk that is away has none.
async fn has_what_failed(run: &Run<'_>, tasks: &[PlannedTask], error: &TaskError) -> bool {
    let TaskError::Fetch { url: failed, .. } = error else { return false };
    let Some(object) = tasks.iter().flat_map(|task| &task.objects).find(|object| object.url == *failed) else {
        return false;
    };
    let Ok(stores) = open_stores(run, std::iter::once(object)).await else { return false };
    let Some(store) = stores.of(object) else { return false };
    store.kind == StoreKind::Local || matches!(store.head(&object.key).await, Ok(Some(_)))
}

/// Whether a plan was written so long ago, by the clock of the store, that it waits no longer. It waits where nobody
/// can tell.
async fn is_past_patience(run: &Run<'_>, number: u64) -> bool {
    let writer = &run.ledger.writer;
    let entry = writer.lake.names.log(number);
    let (Ok(now), Ok(Some(written))) = (writer.now().await, writer.lake.written_at(&entry).await) else { return false };
    (now - written).to_std().is_ok_and(|age| age >= PATIENCE)
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
    let inputs = || tasks.iter().flat_map(|task| &task.inputs.files);
    let merges = job.plan.purpose == Purpose::Compact;
    match merges {
        true => run.progress.reading_files(inputs().count() as u64, inputs().map(|file| file.bytes).sum()),
        false => run.progress.converting(objects().count() as u64, objects().map(|object| object.size).sum()),
    }
    let threads = run.options.threads_allowed().min(tasks.len());
    let worker = Worker {
        writer: run.ledger.writer.clone(),
        stores: open_stores(run, objects()).await?,
        scratch: run.scratch.clone(),
        room: Room::new(threads, run.options.fetch_bytes_max() as usize).map_err(TaskError::from)?,
        progress: run.progress.clone(),
        stop: run.stop.clone(),
        runtime: tokio::runtime::Handle::current(),
    };
    let number = job.number;
    let mut outcomes = Threads(Arc::new(worker)).run(job, tasks);
    let mut failed = Failed::default();
    while let Some(outcome) = outcomes.next().await {
        match outcome {
            Ok(Outcome::Ours(gave)) if merges => run.summary.note_merged(&gave),
            Ok(Outcome::Ours(gave)) => run.summary.note(&gave),
            Ok(Outcome::Theirs | Outcome::Stopped) => {}
            Err(error) => match failed.note(error) {
                Then::GoOn => {}
                // Small files that cannot be merged keep nothing else from being done.
                Then::End if merges => {}
                // It goes on without what its store cannot give.
                Then::StoreFails if is_past_patience(run, number).await => {}
                Then::StoreFails | Then::End => run.stop.soon.store(true, Ordering::Relaxed),
            },
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

/// What an error means for the tasks that have not begun.
#[derive(Debug, PartialEq, Eq)]
enum Then {
    GoOn,
    /// A store that cannot give one object may give others; it has failed to again and again.
    StoreFails,
    End,
}

impl Failed {
    /// The first error is the one to report; tasks at hand are finished in any case.
    fn note(&mut self, error: TaskError) -> Then {
        let is_fetch = |error: &TaskError| matches!(error, TaskError::Fetch { .. });
        self.count += 1;
        let then = match is_fetch(&error) {
            false => Then::End,
            true if self.count == FETCH_FAILURES_MAX => Then::StoreFails,
            true => Then::GoOn,
        };
        if self.first.as_ref().is_none_or(|first| is_fetch(first) && !is_fetch(&error)) {
            self.first = Some(error);
        }
        then
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_that_cannot_be_fetched_stops_nothing_and_many_do() {
        let fetch = || TaskError::Fetch { url: "s3://b/o".into(), reason: "500".into() };
        let mut failed = Failed::default();
        assert!((1..FETCH_FAILURES_MAX).all(|_| failed.note(fetch()) == Then::GoOn));
        assert_eq!(failed.note(fetch()), Then::StoreFails);
        let mut failed = Failed::default();
        failed.note(fetch());
        assert_eq!(failed.note(TaskError::Encode("worse".into())), Then::End);
        failed.note(fetch());
        assert!(matches!(failed.first, Some(TaskError::Encode(_))));
    }
}
