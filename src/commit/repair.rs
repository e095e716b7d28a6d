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
use std::fmt;

use futures::{StreamExt, TryStreamExt};
use serde::Serialize;

use super::intact::without_files;
use super::{Appended, CommitError, LakeWriter, Ledger};
use crate::lake::receipts;
use crate::lake::{
    Body, Commit, CommitHead, Day, Entry, Lake, LakeError, Lost, Names, Outcome, PlanState, PlannedTask, Receipt,
    State, TaskRef, Who, check_fits, check_head, folder_of,
};
use crate::schema::Table;

const READS_IN_FLIGHT_MAX: usize = 16;

/// What a repair did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Repaired {
    /// Commits that were written again as they had been.
    pub commits_restored: u64,
    /// Tasks that were given up, and the objects that the next conversion reads again.
    pub tasks_lost: BTreeSet<TaskRef>,
    /// Data files of these tasks that were gone, or had another size than they must have.
    pub files_missing: u64,
    pub objects_lost: u64,
    pub rows_lost: u64,
    pub files_removed: u64,
}

/// Restores or gives up every task of which the ledger lacks the commit, or has one that is not of it, and gives up
/// every task of which a data file is gone or has another size.
pub async fn repair(writer: LakeWriter) -> Result<Repaired, CommitError> {
    writer.check_tmp()?;
    let mut ledger = Ledger::open_as_it_is(writer).await?;
    let lake = ledger.writer.lake.clone();
    if ledger.state.create.is_none() {
        return Err(LakeError::NoLake { url: lake.names.lake_url().to_owned() }.into());
    }
    ledger.state.check_log(&lake, Who::Writes).await?;
    let mut repaired = Repaired::default();
    loop {
        let history = History::read(&lake, ledger.state.next).await?;
        let mut damaged = history.damaged(&lake, &ledger.state).await?;
        repaired.commits_restored += restore(&ledger, &history, &mut damaged).await?;
        // What is damaged would stop the reading of all others.
        let mut sound = ledger.state.clone();
        sound.lost.extend(&damaged);
        let without_files = without_files(&lake, &sound).await?;
        repaired.files_missing = without_files.values().sum();
        damaged.extend(without_files.into_keys());
        if damaged.is_empty() {
            break;
        }
        let lost = history.give_up(&lake, &ledger.state, damaged).await?;
        let (tasks, objects, rows) = (lost.tasks.clone(), lost.objects, lost.totals.rows);
        // What it takes off the sums is true of the log as it was read: if a rival wrote meanwhile, all is looked at
        // again.
        if let Appended::Ours(_) = ledger.append(Body::Lost(lost)).await? {
            (repaired.tasks_lost, repaired.objects_lost, repaired.rows_lost) = (tasks, objects, rows);
            break;
        }
    }
    repaired.files_removed = remove_given_up(&ledger.writer, &ledger.state.lost).await?;
    Ok(repaired)
}

/// The log from its first entry: a checkpoint leaves out the plans that it filed.
struct History {
    state: State,
    /// What each sealed plan to redo stands for.
    replaced: BTreeMap<u64, BTreeSet<TaskRef>>,
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
                let planned = self.state.tasks(lake, number).await?.into_iter().map(|planned| planned.task);
                let missing = planned.filter(|task| !committed.contains(task));
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
            Err(LakeError::Lost { .. }) => None,
            Ok(()) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let planned: BTreeMap<u64, PlannedTask> =
            lake.tasks(&self.state.plans[&plan].plan).await?.into_iter().map(|task| (task.task, task)).collect();
        let mut foreign = Vec::new();
        for &task in committed.iter().filter(|&&task| !self.state.is_lost(plan, task)) {
            let of = TaskRef { plan, task };
            let is_sound = match (lake.commit(plan, task).await, planned.get(&task)) {
                (Ok(Some(commit)), Some(planned)) => self.is_sound(&commit, of, planned),
                (Err(LakeError::Record { .. }) | Ok(_), _) => false,
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

    fn is_sound(&self, commit: &Commit, of: TaskRef, planned: &PlannedTask) -> bool {
        let state = &self.state.plans[&of.plan];
        check_head(&commit.head, of, state).is_ok() && check_fits(commit, planned, state).is_ok()
    }

    async fn planned(&self, lake: &Lake, task: TaskRef) -> Result<Option<PlannedTask>, LakeError> {
        let Some(plan) = self.state.plans.get(&task.plan) else { return Ok(None) };
        Ok(lake.tasks(&plan.plan).await?.into_iter().find(|planned| planned.task == task.task))
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
            for task in lake.tasks(&state.plan).await? {
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
            let Some(planned) = self.planned(lake, task).await? else { continue };
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
    let oldest = lost.folders.entry(folder_of(url).to_owned()).or_insert(day);
    *oldest = day.min(*oldest);
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
        let planned = if filed.contains(&task) { history.planned(lake, task).await? } else { None };
        let Some(planned) = planned else { continue };
        let mut receipts = receipts.remove(&task).unwrap_or_default();
        // In the order in which the task read them.
        let receipts = planned.objects.iter().filter_map(|object| receipts.remove(&object.url)).collect();
        let commit = Commit { head, receipts };
        if history.is_sound(&commit, task, &planned) {
            ledger.writer.create(&lake.names.commit(task.plan, task.task), commit.encode().into()).await?;
            damaged.remove(&task);
            restored += 1;
        }
    }
    Ok(restored)
}

/// Removes whatever tasks published that were given up. Names tell it: no record is left that does. Gives the number of
/// files.
pub async fn remove_given_up(writer: &LakeWriter, lost: &BTreeSet<TaskRef>) -> Result<u64, CommitError> {
    let lake = &writer.lake;
    if lost.is_empty() {
        return Ok(0);
    }
    let tables = Table::ALL.iter().map(|table| lake.names.inside(table.name()));
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

impl fmt::Display for Repaired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.commits_restored > 0 {
            writeln!(f, "{} commits were written again from what a checkpoint had filed", self.commits_restored)?;
        }
        if self.files_missing > 0 {
            writeln!(f, "{} data files were gone or had another size", self.files_missing)?;
        }
        for TaskRef { plan, task } in &self.tasks_lost {
            writeln!(f, "task {task} of plan {plan} was given up")?;
        }
        if self.objects_lost > 0 {
            let (objects, rows) = (self.objects_lost, self.rows_lost);
            writeln!(
                f,
                "{objects} objects, which had given {rows} rows, are read again by the next `flowlake convert`"
            )?;
        }
        if self.files_removed > 0 {
            writeln!(f, "{} files of tasks that were given up were removed", self.files_removed)?;
        }
        if self.commits_restored == 0 && self.tasks_lost.is_empty() {
            writeln!(f, "no commit and no data file is missing")?;
        }
        Ok(())
    }
}
