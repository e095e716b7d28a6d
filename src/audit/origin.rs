//! Source objects decoded again, and held against their receipts.
//!
//! ```text
//! listing of the sources ─▶ objects that no receipt names: not converted yet
//! plans ─▶ converted objects of these sources ─▶ fetch ─▶ decode ─▶ sums = receipt?
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use tokio::runtime::Handle;

use super::difference::{Difference, DifferenceKind};
use super::history::History;
use super::matching::Side;
use super::report::Sources;
use super::standing::Standing;
use super::sums::{Counted, Sums, partition_of, partition_of_key};
use super::{Audit, AuditError, Options};
use crate::columns::{Chunk, Dictionaries, NULL_INT};
use crate::decode::{self, Counts, Decoder, Reject, Sink, Verdict};
use crate::encode::WRITER_EPOCH;
use crate::fetch::{self, Body, Budget, FetchError, Stores, fetch};
use crate::lake::{
    Commit, Day, Digest, Digesting, Effect, Firsts, Lake, LakeError, ObjectHash, Outcome, PlanState, PlannedTask,
    Purpose, Receipt, State, TaskRef, object_hash, tasks_of,
};
use crate::reading::{ReadError, decode_object};
use crate::schema::{Layout, MEASURES_MAX, Table};
use crate::source::{Denied, Object, Reach, Store, list_whole};

const OBJECTS_IN_FLIGHT_MAX: usize = 128;

/// Lists the sources, and reads again what was converted from them.
pub async fn read(audit: &mut Audit<'_>, history: &History, sources: &[Store]) -> Result<Sources, AuditError> {
    for source in sources {
        list(audit, source).await?;
    }
    let bytes_in_flight_max = (audit.options.memory_bytes / 4) as usize;
    let reading = Arc::new(Reading {
        reach: Reach::new(sources),
        standing: audit.standing.clone(),
        options: audit.options.clone(),
        stores: Stores::new(sources.iter().cloned()),
        budget: Budget::new(fetch::Options { objects_in_flight_max: OBJECTS_IN_FLIGHT_MAX, bytes_in_flight_max }),
        runtime: Handle::current(),
        progress: audit.progress.clone(),
    });
    let bytes = history.state.plans.values().map(|state| state.plan.bytes).sum();
    audit.progress.converting(audit.report.objects, bytes);
    let mut read = Sources::default();
    let newest = LeftOut::newest(audit.lake, &history.state).await;
    for (&number, state) in &history.state.plans {
        // What cannot be read of the ledger was told before.
        let tasks = match audit.lake.tasks(&state.plan).await {
            Ok(tasks) => tasks,
            Err(LakeError::Body { .. }) => of_commits(audit.lake, number, state).await,
            Err(_) => continue,
        };
        let left_out = Arc::new(LeftOut::of(audit.lake, &history.state, &tasks, (number, &newest)).await);
        let state = Arc::new(state.clone());
        let superseded = audit.superseded.clone();
        let tasks = tasks.into_iter().map(|task| {
            let (lake, reading, state, left_out) =
                (audit.lake.clone(), reading.clone(), state.clone(), left_out.clone());
            let is_lost = history.state.is_lost(number, task.task);
            let is_superseded = superseded.tasks.contains(&TaskRef { plan: number, task: task.task });
            async move {
                let Ok(Some(commit)) = lake.commit(number, task.task).await else { return Ok(TaskRead::default()) };
                if is_lost {
                    return Ok(TaskRead::default());
                }
                let redoes = state.plan.purpose == Purpose::Redo;
                let at_commit = state.plan.effect == Effect::AtCommit;
                if is_superseded || redoes && (!state.sealed || at_commit && commit.head.replaces.is_none()) {
                    return Ok(TaskRead::default());
                }
                let read = tokio::task::spawn_blocking(move || reading.task(&state, &task, &commit, &left_out));
                read.await.expect("reading objects does not panic")
            }
        });
        let mut tasks = futures::stream::iter(tasks).buffered(audit.threads);
        while let Some(task) = tasks.try_next().await? {
            for difference in &task.differences {
                audit.differ(difference)?;
            }
            read.equal += task.equal;
            read.equal_sums += task.equal_sums;
            read.other_version += task.other_version;
            read.expired += task.expired;
        }
    }
    Ok(read)
}

/// The tasks of a plan whose body is gone.
async fn of_commits(lake: &Lake, number: u64, state: &PlanState) -> Vec<PlannedTask> {
    let mut commits = Vec::new();
    for task in lake.committed(number).await.unwrap_or_default().range(..state.plan.tasks) {
        commits.extend(lake.commit(number, *task).await.ok().flatten());
    }
    tasks_of(&commits)
}

/// Copies of one plan that were left out, with what their firsts gave.
#[derive(Default)]
struct LeftOut {
    firsts: Firsts,
    /// Copies of which a later plan says more.
    past: BTreeSet<String>,
}

impl LeftOut {
    /// The newest plan in which each copy was left out.
    async fn newest(lake: &Lake, state: &State) -> HashMap<ObjectHash, u64> {
        let mut newest = HashMap::new();
        for (&number, plan) in state.plans.iter().filter(|(_, plan)| plan.plan.copies > 0) {
            for task in lake.tasks(&plan.plan).await.unwrap_or_default() {
                let copies = task.objects.iter().filter(|object| object.copy_of.is_some());
                newest.extend(copies.map(|copy| (object_hash(&copy.url), number)));
            }
        }
        newest
    }

    /// Of damaged records nothing is known here; they were told before.
    async fn of(
        lake: &Lake,
        state: &State,
        tasks: &[PlannedTask],
        (number, newest): (u64, &HashMap<ObjectHash, u64>),
    ) -> LeftOut {
        let copies = || tasks.iter().flat_map(|task| &task.objects).filter(|object| object.copy_of.is_some());
        let days: BTreeSet<Day> = copies().map(|copy| Day(copy.day)).collect();
        let firsts = copies().filter_map(|copy| copy.copy_of.as_deref());
        let wanted: HashSet<&str> = copies().map(|copy| copy.url.as_str()).chain(firsts).collect();
        let is_past = |copy: &&Object| newest.get(&object_hash(&copy.url)).is_some_and(|&last| last > number);
        let past = copies().filter(is_past).map(|copy| copy.url.clone()).collect();
        let firsts = Firsts::load(lake, state, &days, |url| wanted.contains(url)).await.unwrap_or_default();
        LeftOut { firsts, past }
    }

    /// An object, and the receipt of what it must give: a copy what its first gave.
    fn must_give<'a>(&'a self, receipt: &'a Receipt) -> Option<(&'a str, &'a Receipt)> {
        let gave = match receipt.outcome {
            Outcome::Converted => Some(receipt),
            Outcome::Copy => self.first_of(receipt),
            _ => None,
        };
        gave.map(|gave| (receipt.url.as_str(), gave))
    }

    /// What the first of a copy gave, unless the copy was converted since, or is to be.
    fn first_of(&self, copy: &Receipt) -> Option<&Receipt> {
        let is_past = self.past.contains(&copy.url) || self.firsts.get(&copy.url).is_some();
        copy.reason.as_deref().filter(|_| !is_past).and_then(|first| self.firsts.get(first))
    }
}

/// Notes every object of a source.
async fn list(audit: &mut Audit<'_>, source: &Store) -> Result<(), AuditError> {
    let (listed, options) = (&mut audit.objects, audit.options);
    let scratch = &options.scratch;
    let note = |objects: Vec<Object>| {
        let mut objects = objects.iter().filter(|object| options.takes(object.day));
        let noted = objects.try_for_each(|object| listed.add(Side::Listed, &object.url, &object.url));
        noted.map_err(|source| AuditError::Scratch { path: scratch.clone(), source })
    };
    let denied = list_whole(source, note).await?.denied;
    for Denied { prefix, reason } in denied {
        let expected = "a folder that can be listed";
        let difference = Difference::of_object(DifferenceKind::SourceUnreadable, &prefix, expected, reason);
        audit.differ(&difference)?;
    }
    Ok(())
}

/// What reading the objects of all tasks shares.
struct Reading {
    /// What the ledger names beyond it is not read.
    reach: Reach,
    standing: Arc<Standing>,
    options: Options,
    stores: Stores,
    budget: Arc<Budget>,
    runtime: Handle,
    progress: crate::progress::Progress,
}

/// What came of the objects of one task.
#[derive(Default)]
struct TaskRead {
    equal: u64,
    equal_sums: u64,
    other_version: u64,
    expired: u64,
    differences: Vec<Difference>,
}

impl Reading {
    fn task(
        &self,
        state: &PlanState,
        task: &PlannedTask,
        commit: &Commit,
        left_out: &LeftOut,
    ) -> Result<TaskRead, AuditError> {
        let mut read = TaskRead::default();
        let of_task = commit.head.task_ref();
        let in_effect = commit.receipts.iter().filter(|receipt| self.standing.is_in_effect(receipt, of_task));
        let receipts: BTreeMap<&str, &Receipt> = in_effect.filter_map(|receipt| left_out.must_give(receipt)).collect();
        let is_wanted = |object: &&Object| receipts.contains_key(object.url.as_str()) && self.options.takes(object.day);
        let wanted = task.objects.iter().filter(is_wanted);
        let held = self.reach.held(wanted.clone().map(|object| (object.url.as_str(), object.key.as_str())))?;
        let held = wanted.zip(held).filter(|(_, is_held)| *is_held);
        let objects: Vec<Object> = held.map(|(object, _)| object.clone()).collect();
        let settings = &state.plan.settings;
        let format = settings.format.as_deref().map(|format| Layout::from_format(format, &settings.types));
        let format = format.and_then(Result::ok);
        let (types, unknown) = (settings.types.clone(), settings.unknown.clone());
        let mut decoder = Decoder::new(decode::Settings { types, format, unknown });
        let by_hour = settings.partition_by.is_by_hour();
        for (index, body) in fetch(&self.runtime, self.stores.clone(), objects.clone(), self.budget.clone()) {
            let receipt = receipts[objects[index].url.as_str()];
            let mut object = objects[index].clone();
            let mut given = body.and_then(|body| self.decode(&mut decoder, &object, body, by_hour));
            if let Err(FetchError::Changed { .. }) = given {
                given = self.latest(&mut object).and_then(|body| self.decode(&mut decoder, &object, body, by_hour));
                let is_equal = given.as_ref().is_ok_and(|given| given.is_of(receipt));
                read.other_version += u64::from(is_equal && receipt.url == object.url);
            }
            self.progress.object(object.size);
            if receipt.url != object.url {
                let differs = given.ok().filter(|given| given.is_no_copy(receipt));
                read.differences
                    .extend(differs.map(|given| given.difference(receipt, DifferenceKind::CopyDiffers, &object.url)));
                continue;
            }
            match given {
                Ok(given) if given.is_of(receipt) => {
                    read.equal += 1;
                    read.equal_sums += u64::from(given.has_content_of(receipt).is_none());
                }
                Ok(given) => read.differences.push(given.differs_from(receipt, commit.head.writer_epoch)),
                Err(FetchError::Gone) => read.expired += 1,
                Err(FetchError::Transient { detail }) => {
                    return Err(AuditError::Fetch { url: object.url, reason: detail });
                }
                Err(error) => {
                    let (expected, found) = ("an object that can be read", error.to_string());
                    read.differences.push(Difference::of_object(
                        DifferenceKind::SourceUnreadable,
                        &object.url,
                        expected,
                        found,
                    ));
                }
            }
        }
        Ok(read)
    }

    /// The object as it is now.
    fn latest(&self, object: &mut Object) -> Result<Body, FetchError> {
        let store = self.stores.of(object).ok_or(FetchError::Gone)?;
        let entry = self.runtime.block_on(store.head(&object.key));
        let entry = entry.map_err(|error| FetchError::Transient { detail: error.to_string() })?;
        let entry = entry.ok_or(FetchError::Gone)?;
        (object.size, object.version) = (entry.size, entry.version);
        let mut fetched = fetch(&self.runtime, self.stores.clone(), vec![object.clone()], self.budget.clone());
        fetched.next().map_or(Err(FetchError::Gone), |(_, body)| body)
    }

    fn decode(&self, decoder: &mut Decoder, object: &Object, body: Body, by_hour: bool) -> Result<Given, FetchError> {
        let unknown = partition_of_key(object.day, object.hour, by_hour).path();
        let mut sink = Adding { sums: BTreeMap::new(), by_hour, unknown, progress: &self.progress };
        let mut digesting = Digesting::default();
        let verdict = decode_object(decoder, object, body, Some(&mut digesting), &mut sink);
        match verdict {
            Ok(Verdict::Decoded(decoded)) => {
                let digest = digesting.digest(decoded.counts.inflated_bytes);
                Ok(Given::Rows(decoded.counts, sink.sums, digest))
            }
            Ok(Verdict::Aside { reason, .. }) => Ok(Given::Nothing(format!("an object to set aside: {reason}"))),
            Ok(Verdict::Skipped { reason }) => Ok(Given::Nothing(format!("an object to skip: {reason}"))),
            Err(ReadError::Fetch(error)) => Err(error),
            Err(ReadError::Sink(error)) => Err(FetchError::Transient { detail: error.to_string() }),
        }
    }
}

/// By table and partition.
type Parts = BTreeMap<(Table, String), Sums>;

/// What an object gave.
enum Given {
    Rows(Counts, Parts, Digest),
    Nothing(String),
}

impl Given {
    fn is_of(&self, receipt: &Receipt) -> bool {
        match self {
            Given::Rows(counts, parts, _) => {
                let is_equal = *counts == counts_of(receipt) && *parts == parts_of(receipt);
                is_equal && self.has_content_of(receipt) != Some(false)
            }
            Given::Nothing(_) => false,
        }
    }

    /// Whether it is known that the object is no copy of the one with this receipt. What cannot be read says nothing.
    fn is_no_copy(&self, receipt: &Receipt) -> bool {
        let is_read = matches!(self, Given::Rows(..));
        is_read && !self.has_content_of(receipt).unwrap_or_else(|| self.is_of(receipt))
    }

    /// `None` if nobody can tell: the receipt has no digest, or nothing was given.
    fn has_content_of(&self, receipt: &Receipt) -> Option<bool> {
        match (self, receipt.digest) {
            (Given::Rows(counts, _, ours), Some(theirs)) => {
                if counts.inflated_bytes == receipt.inflated_bytes {
                    ours.is_of_same_content(theirs)
                } else {
                    Some(false)
                }
            }
            _ => None,
        }
    }

    fn differs_from(&self, receipt: &Receipt, writer_epoch: u32) -> Difference {
        let is_ours = writer_epoch == WRITER_EPOCH || self.has_content_of(receipt) == Some(false);
        self.difference(
            receipt,
            if is_ours { DifferenceKind::SourceDiffers } else { DifferenceKind::DecoderChanged },
            &receipt.url,
        )
    }

    fn difference(&self, receipt: &Receipt, kind: DifferenceKind, url: &str) -> Difference {
        let expected = told(&counts_of(receipt), &parts_of(receipt), receipt.digest);
        let found = match self {
            Given::Rows(counts, parts, digest) => told(counts, parts, receipt.digest.map(|_| *digest)),
            Given::Nothing(reason) => reason.clone(),
        };
        Difference::of_object(kind, url, expected, found)
    }
}

fn counts_of(receipt: &Receipt) -> Counts {
    let Receipt { lines, headers, blanks, rejects, inflated_bytes, .. } = *receipt;
    let rows = receipt.records();
    Counts { lines, headers, blanks, rows, rejects, inflated_bytes }
}

fn parts_of(receipt: &Receipt) -> Parts {
    receipt.parts.iter().map(|part| ((part.table, part.partition.to_string()), Sums::of(part))).collect()
}

fn told(counts: &Counts, parts: &Parts, digest: Option<Digest>) -> String {
    let Counts { lines, rows, rejects, inflated_bytes, .. } = counts;
    let parts: Vec<String> = parts
        .iter()
        .map(|((table, partition), sums)| format!("{}/{partition}: {}", table.name(), sums.told(*table)))
        .collect();
    let digest = digest.map(|digest| format!(" of the digest {digest}")).unwrap_or_default();
    let parts = parts.join("; ");
    format!("{lines} lines, {rows} rows, {rejects} rejects, {inflated_bytes} inflated bytes{digest}; {parts}")
}

/// Adds up the rows of an object.
struct Adding<'a> {
    sums: Parts,
    by_hour: bool,
    /// Where rows without a date go.
    unknown: String,
    progress: &'a crate::progress::Progress,
}

impl Sink for Adding<'_> {
    fn rows(&mut self, chunk: &Chunk, _dictionaries: &Dictionaries) -> io::Result<()> {
        self.progress.records(chunk.rows() as u64);
        let layout = &chunk.layout;
        let ([starts, ends], columns) = (chunk.times(), chunk.measures());
        let at = |values: &[i64], row: usize| values.get(row).copied().unwrap_or(NULL_INT);
        let mut last: Option<(i64, String)> = None;
        for (row, &line) in chunk.lines.iter().enumerate() {
            let (start, end) = (at(&starts, row), at(&ends, row));
            let mut measures = [NULL_INT; MEASURES_MAX];
            measures.iter_mut().zip(&columns).for_each(|(measure, values)| *measure = at(values, row));
            let hour = start.div_euclid(3600);
            let partition = match &last {
                Some((same, partition)) if *same == hour => partition.clone(),
                _ => {
                    partition_of(start, self.by_hour).map_or_else(|| self.unknown.clone(), |partition| partition.path())
                }
            };
            let sums = self.sums.entry((layout.table, partition.clone())).or_default();
            sums.add(&Counted { line, start, end, measures, measured: columns.len() });
            last = Some((hour, partition));
        }
        Ok(())
    }

    fn reject(&mut self, _reject: Reject) -> io::Result<()> {
        Ok(())
    }

    fn dictionaries_cleared(&mut self) -> io::Result<()> {
        Ok(())
    }
}
