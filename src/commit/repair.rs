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

use super::give_up::give_up;
use super::history::{History, Planned};
use super::intact::{check_files_are_there, missing_files};
use super::local::Linked;
use super::proof::{Found, found};
use super::repaired::Repaired;
use super::show::take_back;
use super::undo::tasks_to_undo;
use super::written_again::written_again;
use super::{Appended, CommitError, LakeWriter, Ledger, bodies};
use crate::lake::receipts;
use crate::lake::{Body, Commit, CommitHead, DataFile, Lake, Names, Receipt, Relative, State, TaskRef, Who};
use crate::schema::Table;

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
        let Commits { mut damaged, mut undone, restored } = commits(&ledger, &history, whole_tables).await?;
        repaired.commits_restored += restored;
        let bodies = bodies::settle(&mut ledger, &history.state).await?;
        repaired.plans_restored.extend(&bodies.restored);
        repaired.plans_ended.extend(&bodies.ended);
        if ledger.state.next != history.state.next {
            continue;
        }
        damaged.extend(&bodies.lost);
        // What is damaged would stop the reading of all others.
        let mut sound = ledger.state.clone();
        sound.lost.extend(damaged.union(&undone));
        let mut missing: Vec<(DataFile, TaskRef)> = missing_files(&lake, &sound).await?.into_values().collect();
        if !missing.is_empty() && whole_tables == WholeTables::AreAway {
            check_files_are_there(&lake, &sound, &all_tables()).await?;
        }
        let again = put_back(&ledger.writer, &mut missing).await?;
        repaired.files_restored += again.len() as u64;
        shown_again.extend(again);
        let makers = missing.iter().map(|(_, task)| *task);
        undone.extend(tasks_to_undo(&lake, &history.state, &sound, makers).await?);
        sound.lost.extend(&undone);
        let of_undone = missing.extract_if(.., |(_, task)| undone.contains(task)).count();
        if whole_tables == WholeTables::AreAway {
            repaired.files_to_redo = history.keep_merged(&lake, &sound, &mut missing).await?;
        }
        repaired.files_missing = (missing.len() + of_undone) as u64;
        damaged.extend(missing.into_iter().map(|(_, task)| task));
        if damaged.is_empty() && undone.is_empty() && bodies.gone.is_empty() {
            break;
        }
        let mut lost = give_up(&lake, &history, &ledger.state, (damaged, &undone)).await?;
        let (tasks, rows) = (lost.tasks.difference(&undone).copied().collect(), lost.totals.rows);
        for (&plan, unknown) in &bodies.gone {
            lost.objects += unknown;
            lost.tasks.insert(history.state.body_of(plan));
        }
        let objects = lost.objects;
        // What it takes off the sums is true of the log as it was read: if a rival wrote meanwhile, all is looked at
        // again.
        if let Appended::Ours(_) = ledger.append(Body::Lost(lost)).await? {
            (repaired.tasks_lost, repaired.objects_lost, repaired.rows_lost) = (tasks, objects, rows);
            repaired.merges_undone = undone;
            repaired.plans_noted.extend(bodies.gone.into_keys());
            break;
        }
    }
    take_back(&ledger.writer, &shown_again.iter().collect::<Vec<_>>()).await?;
    repaired.files_removed = remove_given_up(&ledger.writer, &ledger.state.lost).await?;
    Ok(repaired)
}

/// What the commits of a lake tell.
struct Commits {
    /// Tasks whose commits are gone, or not theirs.
    damaged: BTreeSet<TaskRef>,
    /// Those of them that can be given up alone.
    undone: BTreeSet<TaskRef>,
    /// Commits that were written again.
    restored: u64,
}

async fn commits(ledger: &Ledger, history: &History, whole_tables: WholeTables) -> Result<Commits, CommitError> {
    let (lake, state) = (&ledger.writer.lake, &ledger.state);
    let mut damaged = history.damaged(lake, state).await?;
    if whole_tables == WholeTables::AreAway {
        refuse_without_tables(lake, state, &damaged).await?;
    }
    let mut restored = restore(ledger, history, &mut damaged).await?;
    restored += written_again(&ledger.writer, &history.state, &mut damaged).await?;
    let mut sound = state.clone();
    sound.lost.extend(&damaged);
    let undone = tasks_to_undo(lake, &history.state, &sound, damaged.iter().copied()).await?;
    damaged.retain(|task| !undone.contains(task));
    if whole_tables == WholeTables::AreAway {
        history.refuse_merged(lake, &sound, &damaged).await?;
    }
    Ok(Commits { damaged, undone, restored })
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
