//! Decoding again what was decoded before: `convert --redo` by days, `rejects --replay` where something was set aside.
//!
//! ```text
//! receipts of the days ─▶ tasks that gave rows ─▶ their objects, as they are at the source now ─▶ plans to redo
//! objects set aside    ─▶ as they are at the source now                                       ─▶ plans to convert
//! ```
//!
//! A task is redone whole or not at all: its new files stand for its old ones from the plan's last commit on. If one of its
//! objects is gone, or cannot be read as it could then, its task is kept as it is.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt};

use super::{ConvertError, Run, planning};
use crate::commit::{Appended, Draft, LakeWriter, Published, Staged, is_intact, publish};
use crate::encode::WRITER_EPOCH;
use crate::lake::receipts::Filed;
use crate::lake::{
    Commit, Day, Dropped, LakeError, Names, Outcome, PlannedTask, Purpose, Receipt, TaskRef, Totals, same_content,
};
use crate::plan::{OBJECTS_PER_PLAN_MAX, cut};
use crate::source::{self, Location, Object, Store};

/// Objects asked for at once.
const HEADS_IN_FLIGHT_MAX: usize = 64;

/// Size of a file that a store copies by itself; S3's own limit is 5 GB.
const COPY_BYTES_MAX: u64 = 4 << 30;

/// Why an object is left alone that the ledger names.
const OUTSIDE: &str = "it is not of this run's sources (name its source too, or give --trust-plans)";

/// What is decoded again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Everything of the days, accounts and regions that the options name.
    Days,
    /// Objects that were set aside, and tasks of which lines were.
    Rejects,
}

/// What became of one task of a plan to redo.
#[derive(Debug, Default)]
pub(super) struct Redone {
    /// Of its objects; nothing if the task stays as it is.
    pub totals: Totals,
    pub receipts: Vec<Receipt>,
    /// Why it stays as it is although its objects should have given something else.
    pub kept: Option<String>,
}

/// Publishes a task of a plan to redo; `None` if another run did. It stays as it is if its objects gave the same files
/// and these are there, or if they gave less than they did.
pub(super) async fn publish_again(
    writer: &LakeWriter,
    mut staged: Staged,
    replaces: TaskRef,
) -> Result<Option<Redone>, ConvertError> {
    let old = commit_of(writer, replaces).await?;
    let mut redone = Redone { totals: staged.totals, receipts: staged.receipts.clone(), kept: lost(&old, &staged) };
    // What is gone or damaged is published again, whatever the rows are.
    let is_there = redone.kept.is_none() && gave_the_same(&old, &staged) && is_intact(&writer.lake, &old.head).await?;
    if redone.kept.is_some() || is_there {
        empty(&mut staged);
        (redone.totals, redone.receipts) = (Totals::default(), Vec::new());
    }
    Ok(match publish(writer, staged).await? {
        Published::Ours => Some(redone),
        Published::Theirs => None,
    })
}

/// Commits a task of which an object cannot be read: it stays as it is.
pub(super) async fn keep(
    run: &mut Run<'_>,
    plan: u64,
    task: &PlannedTask,
    unreadable: &BTreeMap<String, Dropped>,
) -> Result<(), ConvertError> {
    let staged = Staged {
        plan,
        task: task.task,
        writer_epoch: WRITER_EPOCH,
        mark: run.ledger.state.plans[&plan].plan.mark.clone(),
        files: Vec::new(),
        rejects: None,
        receipts: Vec::new(),
        totals: Totals::default(),
        replaces: None,
        attempt: run.scratch.attempt(plan, task.task)?,
    };
    if let Published::Ours = publish(&run.ledger.writer, staged).await? {
        for (url, dropped) in unreadable {
            run.summary.note_kept(format!("{url}: {}", dropped.reason));
        }
    }
    Ok(())
}

fn empty(staged: &mut Staged) {
    staged.files.clear();
    staged.receipts.clear();
    (staged.rejects, staged.replaces, staged.totals) = (None, None, Totals::default());
}

async fn commit_of(writer: &LakeWriter, task: TaskRef) -> Result<Commit, ConvertError> {
    let lake = &writer.lake;
    let missing = || LakeError::Lost { url: lake.names.url(&lake.names.commit(task.plan, task.task)), others: 0 };
    Ok(lake.commit(task.plan, task.task).await?.ok_or_else(missing)?)
}

/// An object that would give less than it gave, for another reason than the program, and that reason.
fn lost(old: &Commit, staged: &Staged) -> Option<String> {
    let now: BTreeMap<&str, &Receipt> = staged.receipts.iter().map(|receipt| (receipt.url.as_str(), receipt)).collect();
    let converted = old.receipts.iter().filter(|receipt| receipt.outcome == Outcome::Converted);
    converted.into_iter().find_map(|receipt| match now.get(receipt.url.as_str()) {
        Some(now) if now.outcome != Outcome::Converted => {
            Some(format!("{}: {}", now.url, now.reason.as_deref().unwrap_or("it is no flow log now")))
        }
        Some(now) if now.version != receipt.version && now.rows < receipt.rows => {
            let (rows, earlier) = (now.rows, receipt.rows);
            Some(format!("{}: its content changed and gives {rows} rows, where it gave {earlier}", now.url))
        }
        Some(_) => None,
        None => Some(format!("{}: it was not read", receipt.url)),
    })
}

/// Whether the files hold the same bytes.
fn gave_the_same(old: &Commit, staged: &Staged) -> bool {
    let key = |file: &crate::lake::DataFile| (file.table, file.partition.clone(), file.hash.clone());
    let before: BTreeSet<_> = old.head.files.iter().map(key).collect();
    let now: BTreeSet<_> = staged.files.iter().map(|(file, _)| key(file)).collect();
    let rejects_before = old.head.rejects.as_deref().and_then(Names::hash_of);
    let rejects_now = staged.rejects.as_ref().and_then(|(name, _)| Names::hash_of(name));
    let receipts: BTreeMap<&str, &Receipt> =
        staged.receipts.iter().map(|receipt| (receipt.url.as_str(), receipt)).collect();
    // Receipts speak of the content: of another one they speak anew, even if it gives the same rows.
    let is_other =
        |old: &Receipt| receipts.get(old.url.as_str()).is_some_and(|now| same_content(old, now) == Some(false));
    before == now && rejects_before == rejects_now && !old.receipts.iter().any(is_other)
}

impl Run<'_> {
    /// Writes plans for what is to be decoded again, and leaves out what is in a plan that is open.
    pub(super) async fn plan_again(&mut self, again: Again) -> Result<(), ConvertError> {
        if self.ledger.state.create.is_none() {
            return Err(LakeError::NoLake { url: self.options.lake.url() }.into());
        }
        let before = self.ledger.state.next;
        // After a rival's plan everything is looked up again, but for what was planned meanwhile.
        while !self.stop.is_soon() && !self.try_to_plan_again(again, before).await? {}
        Ok(())
    }

    /// `false` if a rival planned meanwhile.
    async fn try_to_plan_again(&mut self, again: Again, before: u64) -> Result<bool, ConvertError> {
        let Found { aside, tasks } = self.find(again, before).await?;
        let mut sources = Sources::default();
        let mut objects = Vec::new();
        for (url, found) in sources.as_they_are(self, aside.into_iter().collect()).await? {
            match found {
                Ok(object) => objects.push(object),
                Err(reason) => self.summary.note_kept(format!("{url}: {reason}")),
            }
        }
        let key = |object: &Object| (object.day, object.account.clone(), object.region.clone(), object.key.clone());
        objects.sort_by_cached_key(key);
        let ledger = (&self.ledger.writer.lake, &self.ledger.state);
        let (objects, copies) = planning::look_for_copies(ledger, objects, self.options).await?;
        let by_hour = self.is_by_hour();
        for objects in objects.chunks(OBJECTS_PER_PLAN_MAX) {
            let settings = self.settings(self.options.format.clone());
            let draft = Draft::new(Purpose::Convert, settings, &cut(objects.to_vec(), by_hour));
            if !self.append_plan(&draft, objects.len()).await? {
                return Ok(false);
            }
        }
        self.summary.note_copies(copies, self.options.copies);
        for (format, tasks) in tasks {
            let mut redo = Redo::default();
            for replaces in tasks {
                if self.stop.is_soon() {
                    return Ok(true);
                }
                let Some(objects) = self.objects_of(&mut sources, replaces).await? else { continue };
                if redo.objects > 0 && redo.objects + objects.len() > OBJECTS_PER_PLAN_MAX {
                    let full = std::mem::take(&mut redo);
                    if !self.append_redo(full, format.clone()).await? {
                        return Ok(false);
                    }
                }
                redo.push(replaces, objects);
            }
            if redo.objects > 0 && !self.append_redo(redo, format).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads the receipts of all days that matter, one after the other.
    async fn find(&self, again: Again, before: u64) -> Result<Found, ConvertError> {
        let (lake, state) = (&self.ledger.writer.lake, &self.ledger.state);
        let mut found = Found::default();
        for day in state.days().into_iter().filter(|&day| self.is_day_wanted(again, day)) {
            let wanted = |receipt: &Receipt| receipt.outcome == Outcome::Converted && self.wants(again, receipt);
            let note = |Filed { plan, task, format, .. }: Filed| {
                if plan < before {
                    found.tasks.entry(format).or_default().insert(TaskRef { plan, task });
                }
            };
            state.visit_receipts(lake, day, wanted, note).await?;
            if again == Again::Rejects {
                let aside = state.aside(lake, day).await?.into_iter().filter(|filed| filed.plan < before);
                found.aside.extend(aside.map(|filed| filed.receipt.url));
            }
        }
        for number in state.open_plans() {
            // What is not sealed is not summed up yet, and cannot be replaced.
            for tasks in found.tasks.values_mut() {
                tasks.retain(|task| task.plan != number);
            }
            for task in state.tasks(lake, number).await? {
                for object in &task.objects {
                    found.aside.remove(&object.url);
                }
                if let Some(replaces) = task.replaces {
                    for tasks in found.tasks.values_mut() {
                        tasks.remove(&replaces);
                    }
                }
            }
        }
        Ok(found)
    }

    fn is_day_wanted(&self, again: Again, day: Day) -> bool {
        let options = self.options;
        let is_in_window =
            |day| options.since.is_none_or(|since| since <= day) && options.until.is_none_or(|until| day <= until);
        again == Again::Rejects || day.0.is_some_and(is_in_window)
    }

    fn wants(&self, again: Again, receipt: &Receipt) -> bool {
        let options = self.options;
        if again == Again::Rejects {
            return receipt.rejects > 0;
        }
        let facts = source::Facts::of(&receipt.url);
        let one_of = |names: &[String], name: &Option<String>| {
            names.is_empty() || name.as_ref().is_some_and(|name| names.contains(name))
        };
        options.sources.iter().any(|source| receipt.url.starts_with(&source.url()))
            && one_of(&options.accounts, &facts.account)
            && one_of(&options.regions, &facts.region)
    }

    /// The objects that gave a task's rows, as they are now; `None` if one is not to be had.
    async fn objects_of(&mut self, sources: &mut Sources, task: TaskRef) -> Result<Option<Vec<Object>>, ConvertError> {
        let commit = commit_of(&self.ledger.writer, task).await?;
        let converted = commit.receipts.into_iter().filter(|receipt| receipt.outcome == Outcome::Converted);
        let mut objects = Vec::new();
        for (url, found) in sources.as_they_are(self, converted.map(|receipt| receipt.url).collect()).await? {
            match found {
                Ok(object) => objects.push(object),
                Err(reason) => {
                    self.summary.note_kept(format!("{url}: {reason}"));
                    return Ok(None);
                }
            }
        }
        Ok(Some(objects))
    }

    async fn append_redo(&mut self, redo: Redo, format: Option<String>) -> Result<bool, ConvertError> {
        let mut settings = self.settings(format);
        settings.file_bytes_max = settings.file_bytes_max.min(COPY_BYTES_MAX);
        self.append_plan(&Draft::new(Purpose::Redo, settings, &redo.tasks), redo.objects).await
    }

    /// `false` if a rival planned meanwhile.
    async fn append_plan(&mut self, draft: &Draft, objects: usize) -> Result<bool, ConvertError> {
        loop {
            let newest = self.ledger.state.newest_plan;
            match self.ledger.plan(draft).await? {
                Appended::Ours(number) => {
                    self.summary.objects_planned += objects as u64;
                    return Ok(self.ledger.state.newest_plan == Some(number));
                }
                // A seal or a drop took the number.
                Appended::Lost if self.ledger.state.newest_plan == newest => {}
                Appended::Lost => return Ok(false),
            }
        }
    }
}

/// What is to be decoded again.
#[derive(Debug, Default)]
struct Found {
    /// URLs of objects that were set aside.
    aside: BTreeSet<String>,
    /// By the `--format` of their plans.
    tasks: BTreeMap<Option<String>, BTreeSet<TaskRef>>,
}

/// A plan to redo that grows.
#[derive(Debug, Default)]
struct Redo {
    tasks: Vec<PlannedTask>,
    objects: usize,
}

impl Redo {
    fn push(&mut self, replaces: TaskRef, objects: Vec<Object>) {
        self.objects += objects.len();
        self.tasks.push(PlannedTask { task: self.tasks.len() as u64, objects, replaces: Some(replaces) });
    }
}

/// The stores of objects that the ledger names beside those of the run's sources, opened as they are met.
#[derive(Default)]
struct Sources {
    opened: Vec<Store>,
}

impl Sources {
    /// Objects by URL as they lie at their sources now, or why they are not to be had. In the order of `urls`.
    async fn as_they_are(
        &mut self,
        run: &Run<'_>,
        urls: Vec<String>,
    ) -> Result<Vec<(String, Result<Object, String>)>, ConvertError> {
        let mut wanted = Vec::with_capacity(urls.len());
        let key_of = |url: &str| {
            let root = Location::root_of(url).ok()?;
            url.strip_prefix(&root.url()).map(str::to_owned)
        };
        let named: Vec<(String, String)> = urls
            .into_iter()
            .map(|url| {
                let key = key_of(&url).unwrap_or_default();
                (url, key)
            })
            .collect();
        let held = run.reach().held_of(named.clone()).await?;
        for ((url, key), is_held) in named.into_iter().zip(held) {
            let store = match is_held {
                true => Some(self.store(run, &Location::root_of(&url)?).await?),
                false => None,
            };
            wanted.push((key, url, store));
        }
        let heads = wanted.into_iter().map(|(key, url, store)| async move {
            let Some(store) = store else { return Ok((url, Err(OUTSIDE.to_owned()))) };
            let found = match store.head(&key).await {
                Ok(Some(entry)) => Ok(Object::new(&store.location, entry)),
                Ok(None) => Err("it is gone at the source".to_owned()),
                Err(error) if error.is_denied() => Err(error.to_string()),
                Err(error) => return Err(ConvertError::from(error)),
            };
            Ok((url, found))
        });
        futures::stream::iter(heads).buffered(HEADS_IN_FLIGHT_MAX).try_collect().await
    }

    async fn store(&mut self, run: &Run<'_>, root: &Location) -> Result<Store, ConvertError> {
        let known = run.sources.iter().chain(&self.opened).find(|store| store.location.root() == *root);
        if let Some(store) = known {
            return Ok(store.clone());
        }
        let store = source::open(root, &run.options.source_access).await?;
        self.opened.push(store.clone());
        Ok(store)
    }
}
