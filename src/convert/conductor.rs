//! Runs the tasks of one plan: worker threads decode and encode, this side publishes what they hand over.
//!
//! ```text
//! tasks ─▶ queue (fetch begun ahead) ─▶ worker thread ─▶ bounded channel ─▶ publish, several at once ─▶ summary
//! ```
//!
//! Which task runs when and on which thread changes nothing in the lake: names and bytes follow from the task.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use std::sync::atomic::Ordering;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::receipts::{Before, Earlier};
use super::redo;
use super::redone::Redone;
use super::session::TaskContext;
use super::task::{Tried, Work, run_task};
use super::{ConvertError, Run, Stop};
use crate::commit::{LakeWriter, Published, Staged, publish};
use crate::fetch::{self, Budget, Fetched, Stores, fetch};
use crate::lake::{Body, Drop, Dropped, Effect, Outcome, PlannedTask, Purpose, Receipt, Totals};
use crate::source::{self, Location, Object, Reach, SourceError};

/// Finished tasks that may wait for their upload, and uploads at once.
pub(super) const PUBLISHING_MAX: usize = 4;

/// Tasks of one pass that fail to fetch an object, until no further one begins.
const FETCH_FAILURES_MAX: usize = 8;

/// Objects in flight over all tasks. With 50 ms a request, a hundred keep two cores busy.
const OBJECTS_IN_FLIGHT_MAX: usize = 128;

/// Tasks that wait, the first of them with their objects already on the way.
struct Queue {
    waiting: VecDeque<Work>,
    begun: VecDeque<(Work, Fetched)>,
    ahead: usize,
    stores: Stores,
    budget: Arc<Budget>,
    runtime: tokio::runtime::Handle,
}

impl Queue {
    fn next(&mut self) -> Option<(Work, Fetched)> {
        if self.begun.is_empty() {
            self.begin();
        }
        let next = self.begun.pop_front();
        while self.begun.len() < self.ahead && !self.waiting.is_empty() {
            self.begin();
        }
        next
    }

    fn begin(&mut self) {
        let Some(work) = self.waiting.pop_front() else { return };
        let is_read = |object: &&Object| object.copy_of.is_none() && !work.excluded.contains_key(&object.url);
        let wanted = work.task.objects.iter().filter(is_read);
        let fetched = fetch(&self.runtime, self.stores.clone(), wanted.cloned().collect(), self.budget.clone());
        self.begun.push_back((work, fetched));
    }
}

/// Works on every task of a plan that is not committed. Objects that cannot be read leave the plan by a log entry. A
/// plan that names an object outside of the run's sources is not begun.
pub(super) async fn run_plan(run: &mut Run<'_>, number: u64) -> Result<(), ConvertError> {
    let mut excluded: BTreeMap<u64, BTreeMap<String, String>> = BTreeMap::new();
    let earlier = earlier(run, number).await?;
    tracing::debug!(plan = number, "working on a plan");
    loop {
        let lake = run.ledger.writer.lake.clone();
        let tasks = run.ledger.state.tasks_to_do(&lake, number).await?;
        if tasks.is_empty() || run.stop.is_soon() {
            return Ok(());
        }
        if let Some(url) = outside(&run.reach(), &tasks).await? {
            return Err(ConvertError::Outside { plan: number, url });
        }
        let mut work = VecDeque::new();
        for task in tasks {
            let excluded = excluded.get(&task.task).cloned().unwrap_or_default();
            work.push_back(Work { task, excluded });
        }
        let unfinished = run_tasks(run, number, work, earlier.clone()).await?;
        let plan = &run.ledger.state.plans[&number].plan;
        let (redoes, at_seal) = (plan.purpose == Purpose::Redo, plan.effect == Effect::AtSeal);
        let mut dropped = BTreeMap::new();
        for tried in unfinished {
            match tried {
                // What its objects gave earlier is worth more than what is left of them.
                Tried::Unreadable { task, objects } if at_seal => {
                    let reasons = objects.into_iter().map(|(url, dropped)| (url, dropped.reason));
                    excluded.entry(task.task).or_default().extend(reasons);
                }
                Tried::Unreadable { task, objects } if redoes => redo::keep(run, number, &task, &objects).await?,
                Tried::Unreadable { objects, .. } => dropped.extend(objects),
                Tried::Again { task, bad } => excluded.entry(task).or_default().extend(bad),
                Tried::Stopped => return Ok(()),
                Tried::Done(_) | Tried::Redone(_) => {}
            }
        }
        if !dropped.is_empty() {
            drop_objects(run, number, dropped).await?;
        }
    }
}

/// The first object of some tasks that is not of the sources, by its URL.
pub(super) async fn outside(reach: &Reach, tasks: &[PlannedTask]) -> Result<Option<String>, SourceError> {
    let objects = || tasks.iter().flat_map(|task| &task.objects);
    let named = objects().map(|object| (object.url.clone(), object.key.clone())).collect();
    let held = reach.held_of(named).await?;
    Ok(objects().zip(held).find(|(_, held)| !held).map(|(outside, _)| outside.url.clone()))
}

/// For a plan to check or to redo: what its objects gave when they were converted.
async fn earlier(run: &Run<'_>, number: u64) -> Result<Option<Earlier>, ConvertError> {
    let (state, lake) = (&run.ledger.state, &run.ledger.writer.lake);
    let plan = &state.plans[&number].plan;
    if plan.purpose != Purpose::Check && plan.effect != Effect::AtSeal {
        return Ok(None);
    }
    let tasks = state.tasks(lake, number).await?;
    let urls: HashSet<&str> = tasks.iter().flat_map(|task| &task.objects).map(|object| object.url.as_str()).collect();
    let heads = state.heads(lake).await?.into_iter();
    let epochs: BTreeMap<(u64, u64), u32> = heads.map(|head| ((head.plan, head.task), head.writer_epoch)).collect();
    let mut earlier = BTreeMap::new();
    for &day in &plan.days {
        let wanted = |receipt: &Receipt| receipt.outcome == Outcome::Converted && urls.contains(receipt.url.as_str());
        let found = state.receipts_where(lake, day, wanted).await?;
        earlier.extend(found.into_iter().map(|filed| {
            let writer_epoch = epochs.get(&(filed.plan, filed.task)).copied();
            (filed.receipt.url.clone(), Before { receipt: filed.receipt, writer_epoch })
        }));
    }
    Ok(Some(Arc::new(earlier)))
}

async fn drop_objects(run: &mut Run<'_>, number: u64, objects: BTreeMap<String, Dropped>) -> Result<(), ConvertError> {
    for (url, dropped) in &objects {
        run.summary.note_unreadable(url, &dropped.reason);
    }
    run.ledger.append_surely(Body::Drop(Drop { plan: number, objects })).await?;
    Ok(())
}

/// One pass over some tasks; gives back those attempts that did not lead to a commit.
async fn run_tasks(
    run: &mut Run<'_>,
    number: u64,
    work: VecDeque<Work>,
    earlier: Option<Earlier>,
) -> Result<Vec<Tried>, ConvertError> {
    let objects: u64 = work.iter().map(|work| work.task.objects.len() as u64).sum();
    let bytes = work.iter().flat_map(|work| &work.task.objects).map(|object| object.size).sum();
    run.progress.converting(objects, bytes);
    let stores = open_stores(run, &work).await?;
    let mut attempts = start_workers(run, number, (work, earlier), stores);
    let writer = run.ledger.writer.clone();
    let mut publishing = FuturesUnordered::new();
    let mut unfinished = Vec::new();
    let mut failed = Failed::default();
    loop {
        tokio::select! {
            attempt = attempts.recv(), if publishing.len() < PUBLISHING_MAX => match attempt {
                Some(Ok(Tried::Done(staged))) => publishing.push(publish_one(&writer, Ready::Task(staged))),
                Some(Ok(Tried::Redone(redone))) => publishing.push(publish_one(&writer, Ready::Redone(redone))),
                Some(Ok(other)) => unfinished.push(other),
                Some(Err(error)) => fail(&mut failed, run.stop, error),
                None => break,
            },
            Some(done) = publishing.next() => note(&mut failed, run, done),
        }
    }
    while let Some(done) = publishing.next().await {
        note(&mut failed, run, done);
    }
    failed.first.map_or(Ok(unfinished), Err)
}

/// The stores of this run's sources, and of any other bucket that a plan names which the user trusts.
async fn open_stores(run: &Run<'_>, work: &VecDeque<Work>) -> Result<Stores, ConvertError> {
    let mut stores = run.sources.clone();
    for object in work.iter().flat_map(|work| &work.task.objects) {
        if !stores.iter().any(|store| store.location.url_of(&object.key) == object.url) {
            let bucket = object.url.strip_suffix(&object.key).unwrap_or(&object.url);
            let location = Location::parse(bucket)?;
            stores.push(source::open(&location, &run.options.source_access).await?);
        }
    }
    Ok(Stores::new(stores))
}

/// What a task added to the lake.
enum Given {
    Objects(Totals, Vec<Receipt>),
    Redone(redo::Redone),
}

type Done = Result<Option<Given>, ConvertError>;

fn note(failed: &mut Failed, run: &mut Run<'_>, done: Done) {
    match done {
        Ok(Some(Given::Objects(totals, receipts))) => run.summary.add(&totals, &receipts),
        Ok(Some(Given::Redone(redone))) => run.summary.note_redone(&redone),
        // Another run committed it first, and counts it.
        Ok(None) => {}
        Err(error) => fail(failed, run.stop, error),
    }
}

/// The first error is the one to report; tasks at hand are finished, no new one begins. A store that cannot give one
/// object may give others: only when that happens again and again does it end the run.
fn fail(failed: &mut Failed, stop: &Stop, error: ConvertError) {
    failed.count += 1;
    if !matches!(error, ConvertError::Fetch { .. }) || failed.count >= FETCH_FAILURES_MAX {
        stop.soon.store(true, Ordering::Relaxed);
    }
    let is_first = failed.first.as_ref().is_none_or(|first| matches!(first, ConvertError::Fetch { .. }));
    if is_first && !(failed.first.is_some() && matches!(error, ConvertError::Fetch { .. })) {
        failed.first = Some(error);
    }
}

/// Errors of one pass over some tasks.
#[derive(Default)]
struct Failed {
    /// The first; one that is no [`ConvertError::Fetch`] counts before those.
    first: Option<ConvertError>,
    count: usize,
}

/// A task that is ready to be committed.
enum Ready {
    Task(Box<Staged>),
    Redone(Box<Redone>),
}

async fn publish_one(writer: &LakeWriter, ready: Ready) -> Done {
    let (staged, kept) = match ready {
        Ready::Redone(redone) => (redone.staged, Some(redone.kept)),
        Ready::Task(staged) => match staged.replaces {
            Some(replaces) => return Ok(redo::publish_again(writer, *staged, replaces).await?.map(Given::Redone)),
            None => (*staged, None),
        },
    };
    let (totals, receipts) = (staged.totals, staged.receipts.clone());
    let given = match kept {
        Some(kept) => Given::Redone(redo::Redone { totals, receipts, kept }),
        None => Given::Objects(totals, receipts),
    };
    Ok(match publish(writer, staged).await? {
        Published::Ours => Some(given),
        Published::Theirs => None,
    })
}

fn start_workers(
    run: &Run<'_>,
    plan: u64,
    (work, earlier): (VecDeque<Work>, Option<Earlier>),
    stores: Stores,
) -> mpsc::Receiver<Result<Tried, ConvertError>> {
    let threads = run.options.threads_allowed().min(work.len().max(1));
    let bytes_in_flight_max = run.options.fetch_bytes_max() as usize;
    let queue = Arc::new(Mutex::new(Queue {
        waiting: work,
        begun: VecDeque::new(),
        ahead: threads,
        stores,
        budget: Budget::new(fetch::Options { objects_in_flight_max: OBJECTS_IN_FLIGHT_MAX, bytes_in_flight_max }),
        runtime: tokio::runtime::Handle::current(),
    }));
    let context = Arc::new(TaskContext {
        settings: run.ledger.state.plans[&plan].plan.settings.clone(),
        plan,
        mark: run.ledger.state.plans[&plan].plan.mark.clone(),
        effect: run.ledger.state.plans[&plan].plan.effect,
        lake: run.ledger.writer.lake.clone(),
        runtime: tokio::runtime::Handle::current(),
        scratch: run.scratch.clone(),
        progress: run.progress.clone(),
        stop: run.stop.clone(),
        earlier,
    });
    let (sender, receiver) = mpsc::channel(PUBLISHING_MAX);
    for _ in 0..threads {
        let (queue, context, sender) = (queue.clone(), context.clone(), sender.clone());
        std::thread::spawn(move || work_off(&queue, &context, &sender));
    }
    receiver
}

/// One worker thread: takes tasks until there is none, or until it is told to stop.
fn work_off(queue: &Mutex<Queue>, context: &TaskContext, attempts: &mpsc::Sender<Result<Tried, ConvertError>>) {
    while !context.stop.is_soon() {
        let tried = guarded(|| {
            let next = queue.lock().expect("the queue is whole").next();
            next.map(|(work, fetched)| run_task(context, work, fetched)).transpose()
        });
        let Some(tried) = tried.transpose() else { return };
        if attempts.blocking_send(tried).is_err() {
            return;
        }
    }
}

/// A worker that panics fails its task, and never goes missing in silence.
fn guarded<T>(work: impl FnOnce() -> Result<T, ConvertError>) -> Result<T, ConvertError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
        Err(ConvertError::Encode(format!("a task broke off: {}", said.unwrap_or_default())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_words() {
        assert_eq!(guarded(|| Ok(7)).unwrap(), 7);
        let error = guarded(|| -> Result<(), _> { panic!("object {} has no end", 3) }).unwrap_err();
        assert!(error.to_string().contains("object 3 has no end"), "{error}");
    }

    #[test]
    fn one_object_that_cannot_be_fetched_stops_nothing_and_many_do() {
        let fetch = || ConvertError::Fetch { url: "s3://b/o".into(), reason: "500".into() };
        let (stop, mut failed) = (Stop::default(), Failed::default());
        (1..FETCH_FAILURES_MAX).for_each(|_| fail(&mut failed, &stop, fetch()));
        assert!(!stop.is_soon());
        fail(&mut failed, &stop, fetch());
        assert!(stop.is_soon());
        let (stop, mut failed) = (Stop::default(), Failed::default());
        fail(&mut failed, &stop, fetch());
        fail(&mut failed, &stop, ConvertError::Encode("worse".into()));
        fail(&mut failed, &stop, fetch());
        assert!(stop.is_soon() && matches!(failed.first, Some(ConvertError::Encode(_))));
    }
}
