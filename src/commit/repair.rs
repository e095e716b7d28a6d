//! What a lake lacks is restored from what checkpoints filed, or given up, so that the next conversion makes it again.
//!
//! ```text
//! log ─▶ plans ─▶ tasks without a sound commit ─┬▶ filed in a checkpoint ─▶ the commit, written again
//!                                               └▶ filed nowhere ───────┬─▶ entry `lost` ─▶ their files are removed
//!                 tasks without their data files ───────────────────────┘
//! ```
//!
//! The entry comes first: from then on no reader counts these tasks, and files that are left by a repair that died are
//! removed by the next one.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt};

use super::expire::expire_again;
use super::intact::{check_files_are_there, missing_files};
use super::local::Linked;
use super::proof::{Found, found};
use super::repaired::{MergedFile, Repaired};
use super::show::take_back;
use super::{Appended, CommitError, LakeWriter, Ledger, bodies};
use crate::lake::receipts;
use crate::lake::{
    Body, Commit, CommitHead, DataFile, Day, Entry, Lake, LakeError, Lost, Names, Outcome, PlanState, PlannedTask,
    Purpose, Receipt, Relative, State, TaskRef, Who, check_fits, check_head, folder_of, list_folder_again,
};
use crate::schema::Table;

const READS_IN_FLIGHT_MAX: usize = 16;

/// Tables of which no file is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WholeTables {
    /// Their disk is away: nothing is done.
    AreAway,
    /// Their files are given up like others, and with merged files all that hangs on them.
    AreGone,
}

/// Restores or gives up every task of which the ledger lacks the commit, or has one that is not of it, and gives up
/// every task of which a data file is gone or has another size.
pub async fn repair(writer: LakeWriter, whole_tables: WholeTables) -> Result<Repaired, CommitError> {
    writer.check_tmp()?;
    let mut ledger = Ledger::open_as_it_is(writer).await?;
    let lake = ledger.writer.lake.clone();
    ledger.state.born(&lake)?;
    ledger.state.check_log(&lake, Who::Writes).await?;
    let (mut repaired, mut shown_again) = (Repaired::default(), Vec::new());
    loop {
        let history = History::read(&lake, ledger.state.next).await?;
        let mut damaged = history.damaged(&lake, &ledger.state).await?;
        if whole_tables == WholeTables::AreAway {
            refuse_without_tables(&lake, &ledger.state, &damaged).await?;
        }
        repaired.commits_restored += restore(&ledger, &history, &mut damaged).await?;
        repaired.commits_restored += expire_again(&ledger.writer, &history.state, &mut damaged).await?;
        if whole_tables == WholeTables::AreAway {
            history.refuse_merged(&lake, &ledger.state, &damaged).await?;
        }
        let bodies = bodies::settle(&mut ledger, &history.state).await?;
        repaired.plans_restored.extend(&bodies.restored);
        repaired.plans_ended.extend(&bodies.ended);
        if ledger.state.next != history.state.next {
            continue;
        }
        damaged.extend(&bodies.lost);
        // What is damaged would stop the reading of all others.
        let mut sound = ledger.state.clone();
        sound.lost.extend(&damaged);
        let mut missing: Vec<(DataFile, TaskRef)> = missing_files(&lake, &sound).await?.into_values().collect();
        if !missing.is_empty() && whole_tables == WholeTables::AreAway {
            check_files_are_there(&lake, &sound, &all_tables()).await?;
        }
        let again = put_back(&ledger.writer, &mut missing).await?;
        repaired.files_restored += again.len() as u64;
        shown_again.extend(again);
        if whole_tables == WholeTables::AreAway {
            repaired.files_to_redo = history.keep_merged(&lake, &sound, &mut missing).await?;
        }
        repaired.files_missing = missing.len() as u64;
        damaged.extend(missing.into_iter().map(|(_, task)| task));
        if damaged.is_empty() && bodies.gone.is_empty() {
            break;
        }
        let mut lost = history.give_up(&lake, &ledger.state, damaged).await?;
        let (tasks, rows) = (lost.tasks.clone(), lost.totals.rows);
        for (&plan, unknown) in &bodies.gone {
            lost.objects += unknown;
            lost.tasks.insert(history.state.body_of(plan));
        }
        let objects = lost.objects;
        // What it takes off the sums is true of the log as it was read: if a rival wrote meanwhile, all is looked at
        // again.
        if let Appended::Ours(_) = ledger.append(Body::Lost(lost)).await? {
            (repaired.tasks_lost, repaired.objects_lost, repaired.rows_lost) = (tasks, objects, rows);
            repaired.plans_noted.extend(bodies.gone.into_keys());
            break;
        }
    }
    take_back(&ledger.writer, &shown_again.iter().collect::<Vec<_>>()).await?;
    repaired.files_removed = remove_given_up(&ledger.writer, &ledger.state.lost).await?;
    Ok(repaired)
}

fn all_tables() -> Vec<Table> {
    Table::all().collect()
}

/// The same look as later, before anything is written. Records that cannot be read yet are left to that.
async fn refuse_without_tables(lake: &Lake, state: &State, damaged: &BTreeSet<TaskRef>) -> Result<(), CommitError> {
    let mut sound = state.clone();
    sound.lost.extend(damaged);
    match check_files_are_there(lake, &sound, &all_tables()).await {
        Err(refused @ CommitError::TableGone { .. }) => Err(refused),
        _ => Ok(()),
    }
}

/// The log from its first entry: a checkpoint leaves out the plans that it filed.
struct History {
    state: State,
    /// What each sealed plan to redo stands for.
    replaced: BTreeMap<u64, BTreeSet<TaskRef>>,
}

/// A task, as the body of its plan has it.
enum Planned {
    As(Box<PlannedTask>),
    /// There is no such task.
    Nowhere,
    BodyGone,
}

impl History {
    async fn read(lake: &Lake, next: u64) -> Result<History, LakeError> {
        let mut history = History { state: State::default(), replaced: BTreeMap::new() };
        let read = |number| async move {
            let gap = || LakeError::Gap { url: lake.names.url(&lake.names.log(number)) };
            lake.entry(number).await?.ok_or_else(gap)
        };
        let mut entries = futures::stream::iter(0..next).map(read).buffered(READS_IN_FLIGHT_MAX);
        while let Some(entry) = entries.try_next().await? {
            if let Entry { body: Body::Seal(seal), .. } = &entry {
                history.replaced.entry(seal.plan).or_insert_with(|| seal.replaced.clone());
            }
            history.state.step(Some(entry));
        }
        Ok(history)
    }

    /// Tasks of sealed plans whose commit is gone, and tasks whose commit is not theirs or cannot be read. What is
    /// filed is not read again.
    async fn damaged(&self, lake: &Lake, now: &State) -> Result<BTreeSet<TaskRef>, LakeError> {
        let committed = lake.committed_since(0).await?;
        let none = BTreeSet::new();
        let mut damaged = BTreeSet::new();
        for (&number, plan) in &self.state.plans {
            let committed = committed.get(&number).unwrap_or(&none);
            if plan.sealed && self.state.to_do(number, committed) > 0 {
                let missing =
                    (0..plan.plan.tasks).filter(|task| !committed.contains(task) && !self.state.is_lost(number, *task));
                damaged.extend(missing.map(|task| TaskRef { plan: number, task }));
            }
            if now.plans.contains_key(&number) {
                damaged.extend(self.foreign(lake, number, committed).await?);
            }
        }
        Ok(damaged)
    }

    async fn foreign(&self, lake: &Lake, plan: u64, committed: &BTreeSet<u64>) -> Result<Vec<TaskRef>, LakeError> {
        let error = match self.state.visit_commits(lake, plan, drop).await {
            Err(error @ LakeError::Foreign { .. }) => Some(error),
            // One that is missing hides one that cannot be read: each is looked at.
            Err(LakeError::Lost { .. } | LakeError::Body { .. }) => None,
            Ok(()) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let planned: Option<BTreeMap<u64, PlannedTask>> = match lake.tasks(&self.state.plans[&plan].plan).await {
            Err(LakeError::Body { .. }) => None,
            tasks => Some(tasks?.into_iter().map(|task| (task.task, task)).collect()),
        };
        let mut foreign = Vec::new();
        for &task in committed.iter().filter(|&&task| !self.state.is_lost(plan, task)) {
            let of = TaskRef { plan, task };
            let is_sound = match (lake.commit(plan, task).await, &planned) {
                (Ok(Some(commit)), None) => self.is_sound(&commit, of, None),
                (Ok(Some(commit)), Some(planned)) => {
                    planned.get(&task).is_some_and(|planned| self.is_sound(&commit, of, Some(planned)))
                }
                (Err(LakeError::Record { .. }) | Ok(None), _) => false,
                (Err(error), _) => return Err(error),
            };
            if !is_sound {
                foreign.push(of);
            }
        }
        // Each is what was planned, and together they are not what was sealed: nobody can tell which is to blame.
        match error {
            Some(error) if foreign.is_empty() => Err(error),
            _ => Ok(foreign),
        }
    }

    /// Of a plan whose body is gone only the commit's own words are held against it.
    fn is_sound(&self, commit: &Commit, of: TaskRef, planned: Option<&PlannedTask>) -> bool {
        let state = &self.state.plans[&of.plan];
        check_head(&commit.head, of, state).is_ok()
            && planned.is_none_or(|planned| check_fits(commit, planned, state).is_ok())
    }

    async fn planned(&self, lake: &Lake, task: TaskRef) -> Result<Planned, LakeError> {
        let Some(plan) = self.state.plans.get(&task.plan) else { return Ok(Planned::Nowhere) };
        match lake.tasks(&plan.plan).await {
            Err(LakeError::Body { .. }) => Ok(Planned::BodyGone),
            tasks => {
                let found = tasks?.into_iter().find(|planned| planned.task == task.task);
                Ok(found.map_or(Planned::Nowhere, |task| Planned::As(Box::new(task))))
            }
        }
    }

    /// Takes those out of `missing` whose tasks cannot be given up alone: a redo of their dates makes them again and
    /// leaves all others whole.
    async fn keep_merged(
        &self,
        lake: &Lake,
        now: &State,
        missing: &mut Vec<(DataFile, TaskRef)>,
    ) -> Result<Vec<MergedFile>, LakeError> {
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let beside = beside(&now.every_head(lake).await?);
        let kept = missing.extract_if(.., |(_, task)| self.hangs_on_merged(*task, &beside));
        Ok(kept.map(|(file, _)| MergedFile { path: file.path, partition: file.partition }).collect())
    }

    /// Refuses to give up tasks that cannot be given up alone, and whose commits no redo makes again.
    async fn refuse_merged(&self, lake: &Lake, now: &State, damaged: &BTreeSet<TaskRef>) -> Result<(), CommitError> {
        if damaged.is_empty() {
            return Ok(());
        }
        let mut sound = now.clone();
        sound.lost.extend(damaged);
        let beside = beside(&sound.every_head(lake).await?);
        match damaged.iter().find(|task| self.hangs_on_merged(**task, &beside)) {
            Some(task) => {
                let url = lake.names.url(&lake.names.commit(task.plan, task.task));
                Err(CommitError::HangsOnMerged { url })
            }
            None => Ok(()),
        }
    }

    /// Whether rows of many tasks were merged with those of this one, or with those of tasks that share files with it:
    /// all of them would be given up with it.
    fn hangs_on_merged(&self, of: TaskRef, beside: &BTreeMap<TaskRef, BTreeSet<TaskRef>>) -> bool {
        let is_merging =
            |task: &TaskRef| self.state.plans.get(&task.plan).is_some_and(|plan| plan.plan.purpose == Purpose::Compact);
        let (mut met, mut open) = (BTreeSet::from([of]), vec![of]);
        while let Some(task) = open.pop() {
            if is_merging(&task) {
                return true;
            }
            open.extend(beside.get(&task).into_iter().flatten().filter(|&&other| met.insert(other)));
        }
        false
    }

    /// The entry that gives tasks up, and with them what hangs on them.
    async fn give_up(&self, lake: &Lake, now: &State, damaged: BTreeSet<TaskRef>) -> Result<Lost, LakeError> {
        let mut lost = Lost::default();
        let mut urls = BTreeMap::new();
        let mut open: Vec<TaskRef> = damaged.into_iter().collect();
        // A task that would take the place of one that is given up has nothing to stand for.
        let mut redone: BTreeMap<TaskRef, Vec<TaskRef>> = BTreeMap::new();
        let is_waiting = |state: &PlanState| state.is_redo_under_way() || state.is_open() && state.awaits_seal();
        for (&plan, state) in now.plans.iter().filter(|(_, state)| is_waiting(state)) {
            let tasks = match lake.tasks(&state.plan).await {
                // It is given up itself.
                Err(LakeError::Body { .. }) => continue,
                tasks => tasks?,
            };
            for task in tasks {
                for &of in task.replaces.iter().chain(&task.inputs.tasks) {
                    redone.entry(of).or_default().push(TaskRef { plan, task: task.task });
                }
            }
        }
        let carriers = carriers(lake, now, &open).await?;
        while let Some(task) = open.pop() {
            if now.lost.contains(&task) || !lost.tasks.insert(task) {
                continue;
            }
            open.extend(redone.remove(&task).unwrap_or_default());
            // Who holds its rows beside itself holds those of others too, and its objects are converted again.
            open.extend(carriers.get(&task).into_iter().flatten());
            let planned = match self.planned(lake, task).await? {
                Planned::As(planned) => planned,
                Planned::Nowhere => continue,
                Planned::BodyGone => {
                    for (folder, day) in bodies::folders_of(now, &self.state.plans[&task.plan]) {
                        list_folder_again(&mut lost.folders, &folder, day);
                    }
                    continue;
                }
            };
            // What it stood for is gone too: its files were removed when this one took its place.
            let stood_for =
                planned.replaces.filter(|old| self.replaced.get(&task.plan).is_some_and(|of| of.contains(old)));
            open.extend(stood_for);
            if self.state.plans[&task.plan].sealed {
                open.extend(&planned.inputs.tasks);
            }
            let dropped = &self.state.plans[&task.plan].dropped;
            for object in planned.objects.into_iter().filter(|object| !dropped.contains_key(&object.url)) {
                list_again(&mut lost, &object.url, Day(object.day));
                urls.insert(object.url, Day(object.day));
            }
        }
        lost.objects = urls.len() as u64;
        let mut after = now.clone();
        after.lost.extend(&lost.tasks);
        // Copies that were left out for these objects are all that there may be of them.
        for day in urls.values().copied().collect::<BTreeSet<Day>>() {
            let is_copy = |receipt: &Receipt| {
                receipt.outcome == Outcome::Copy
                    && receipt.reason.as_ref().is_some_and(|first| urls.contains_key(first))
            };
            for copy in after.receipts_where(lake, day, is_copy).await? {
                list_again(&mut lost, &copy.receipt.url, day);
            }
        }
        lost.totals = now.totals;
        lost.totals.subtract(&after.sum_of(&after.every_head(lake).await?));
        Ok(lost)
    }
}

/// Tasks whose rows lie in files of each other.
fn beside(heads: &[CommitHead]) -> BTreeMap<TaskRef, BTreeSet<TaskRef>> {
    let mut beside: BTreeMap<TaskRef, BTreeSet<TaskRef>> = BTreeMap::new();
    for head in heads {
        for &carried in &head.taken.carries {
            beside.entry(carried).or_default().insert(head.task_ref());
            beside.entry(head.task_ref()).or_default().insert(carried);
        }
    }
    beside
}

/// The tasks in effect that hold the rows of others, by these.
async fn carriers(lake: &Lake, now: &State, damaged: &[TaskRef]) -> Result<BTreeMap<TaskRef, Vec<TaskRef>>, LakeError> {
    let mut sound = now.clone();
    sound.lost.extend(damaged);
    let mut carriers: BTreeMap<TaskRef, Vec<TaskRef>> = BTreeMap::new();
    for head in sound.every_head(lake).await? {
        for &carried in &head.taken.carries {
            carriers.entry(carried).or_default().push(head.task_ref());
        }
    }
    Ok(carriers)
}

/// Has the folder of an object listed from its day on.
fn list_again(lost: &mut Lost, url: &str, day: Day) {
    list_folder_again(&mut lost.folders, folder_of(url), day);
}

/// Writes again the commits that a checkpoint filed, and takes their tasks out of `damaged`.
async fn restore(ledger: &Ledger, history: &History, damaged: &mut BTreeSet<TaskRef>) -> Result<u64, CommitError> {
    let (lake, state) = (&ledger.writer.lake, &ledger.state);
    let filed: BTreeSet<TaskRef> =
        damaged.iter().filter(|task| !state.plans.contains_key(&task.plan)).copied().collect();
    let Some(heads) = state.filed.heads.as_ref().filter(|_| !filed.is_empty()) else { return Ok(0) };
    let heads: Vec<CommitHead> = lake.filed(heads, |bytes| crate::lake::decode_lines(&bytes)).await?;
    let mut receipts: BTreeMap<TaskRef, BTreeMap<String, Receipt>> = BTreeMap::new();
    let days: BTreeSet<_> = filed.iter().flat_map(|task| &history.state.plans[&task.plan].plan.days).copied().collect();
    for day in days {
        for file in state.filed.receipts.get(&day).into_iter().flatten() {
            for found in lake.filed(file, |bytes| receipts::decode(bytes, day, |_| true)).await? {
                let task = TaskRef { plan: found.plan, task: found.task };
                if filed.contains(&task) {
                    receipts.entry(task).or_default().insert(found.receipt.url.clone(), found.receipt);
                }
            }
        }
    }
    let mut restored = 0;
    for head in heads {
        let task = TaskRef { plan: head.plan, task: head.task };
        if !filed.contains(&task) {
            continue;
        }
        let mut receipts = receipts.remove(&task).unwrap_or_default();
        let planned = match history.planned(lake, task).await? {
            Planned::As(planned) => Some(planned),
            Planned::BodyGone => None,
            Planned::Nowhere => continue,
        };
        // In the order in which the task read them.
        let receipts = match &planned {
            Some(planned) => planned.objects.iter().filter_map(|object| receipts.remove(&object.url)).collect(),
            None => receipts.into_values().collect(),
        };
        let commit = Commit { head, receipts };
        if history.is_sound(&commit, task, planned.as_deref()) {
            ledger.writer.create(&lake.names.commit(task.plan, task.task), commit.encode().into()).await?;
            damaged.remove(&task);
            restored += 1;
        }
    }
    Ok(restored)
}

/// Shows files again of which the copy aside is still there, and leaves the others.
async fn put_back(writer: &LakeWriter, missing: &mut Vec<(DataFile, TaskRef)>) -> Result<Vec<Relative>, CommitError> {
    let mut again = Vec::new();
    for (file, task) in std::mem::take(missing) {
        let aside = Names::aside(&file.path);
        let is_there = aside != file.path && found(writer, &aside, &file).await? == Found::Proven;
        if is_there {
            // What lies there is not the file: its task would be given up, and this removed.
            writer.delete(&file.path).await?;
        }
        match is_there && writer.show(&aside, &file.path).await? == Linked::Made {
            true => again.push(file.path),
            false => missing.push((file, task)),
        }
    }
    Ok(again)
}

/// Removes whatever tasks published that were given up. Names tell it: no record is left that does. Gives the number of
/// files.
pub async fn remove_given_up(writer: &LakeWriter, lost: &BTreeSet<TaskRef>) -> Result<u64, CommitError> {
    let lake = &writer.lake;
    if lost.is_empty() {
        return Ok(0);
    }
    let tables = Table::all().map(|table| lake.names.inside(table.name()));
    let mut removed = 0;
    for folder in tables.chain([lake.names.all_waiting(), lake.names.all_rejects()]) {
        for meta in lake.list(&folder).await? {
            let Some(name) = lake.names.named(&meta.location) else { continue };
            if Names::task_of_published(&name).is_some_and(|task| lost.contains(&task)) {
                writer.delete(&name).await?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}
