//! Files that took the place of others become visible in the folders, once what they stand for is removed there.
//!
//! A task is done as a whole: what it retires is deleted first, then its files are copied to their places. Readers of
//! the ledger see the same rows all the time. Who lists folders misses the rows of the task between the two, and never
//! sees one twice. Who dies on the way leaves a plan that the next run finishes.

use std::collections::BTreeSet;

use bytes::Bytes;
use object_store::ObjectStoreExt;

use super::log::written_by;
use super::nonce::nonce;
use super::{CommitError, Created, LakeWriter};
use crate::lake::{
    Commit, CommitHead, DataFile, FORMAT_SETS, Lake, LakeError, Names, Plan, PlannedTask, Relative, State, Taken,
    TaskRef, Totals, all_removed,
};

/// Shows the files of one task and commits it; `false` if another worker did, or ended the plan. Of what its plan
/// retires, `gone` may be deleted.
pub async fn show(
    writer: &LakeWriter,
    task: TaskRef,
    planned: &PlannedTask,
    (plan, gone): (&Plan, &BTreeSet<Relative>),
) -> Result<bool, CommitError> {
    let lake = &writer.lake;
    if lake.commit(task.plan, task.task).await?.is_some() {
        return Ok(false);
    }
    let mut files = Vec::new();
    for file in &planned.inputs.files {
        let path = Names::shown(&file.path).ok_or_else(|| not_aside(lake, file))?;
        files.push((&file.path, DataFile { path, ..file.clone() }));
    }
    for (aside, file) in &files {
        // What it stands for is deleted for good: nothing is, unless it is there.
        if !is_there(lake, aside, file.bytes).await && !is_there(lake, &file.path, file.bytes).await {
            // Others may have shown it, and replaced it since.
            let is_done = lake.commit(task.plan, task.task).await?.is_some();
            if is_done || !State::load(lake).await?.is_open(task.plan) {
                return Ok(false);
            }
            return Err(LakeError::Gap { url: lake.names.url(&lake.names.inside(aside)) }.into());
        }
    }
    for name in planned.inputs.retired.iter().filter(|name| gone.contains(name)) {
        writer.delete(name).await?;
    }
    for (aside, file) in &files {
        // A rival may have shown it, and removed what lay aside.
        if !writer.show(aside, &file.path).await? && !is_there(lake, &file.path, file.bytes).await {
            return Ok(false);
        }
    }
    let files: Vec<DataFile> = files.into_iter().map(|(_, file)| file).collect();
    let commit = Commit { head: head_of(task, planned, files, plan), receipts: Vec::new() };
    let path = lake.names.commit(task.plan, task.task);
    Ok(writer.create(&path, Bytes::from(commit.encode())).await? == Created::Ours)
}

/// What tasks of a plan retire that has left the lake. A plan can have nothing else deleted, and only files that
/// flowlake made. What has left stays gone. A name below `_c` takes the name with it under which a run that died may
/// have shown it.
pub async fn gone(lake: &Lake, state: &State, tasks: &[PlannedTask]) -> Result<BTreeSet<Relative>, LakeError> {
    let every = state.every_head(lake).await?;
    let removed: BTreeSet<&Relative> = all_removed(every.iter()).collect();
    let heads = state.heads(lake).await?;
    let live = live_names(&heads);
    let has_left = |name: &Relative| removed.contains(name) || removed.contains(&Names::aside(name));
    let is_gone =
        |name: &&Relative| Names::task_of_published(name).is_some() && has_left(name) && !live.contains(*name);
    Ok(tasks.iter().flat_map(|task| &task.inputs.retired).filter(is_gone).cloned().collect())
}

/// Deletes what tasks of a plan showed that ended meanwhile, as far as it is not live: it may be replaced by now.
pub async fn hide(writer: &LakeWriter, state: &State, tasks: &[PlannedTask]) -> Result<(), CommitError> {
    let heads = state.heads(&writer.lake).await?;
    let live = live_names(&heads);
    let shown = tasks.iter().flat_map(|task| &task.inputs.files).filter_map(|file| Names::shown(&file.path));
    for name in shown.filter(|name| !live.contains(name)) {
        writer.delete(&name).await?;
    }
    Ok(())
}

fn live_names(heads: &[CommitHead]) -> BTreeSet<&Relative> {
    heads.iter().flat_map(|head| &head.files).map(|file| &file.path).collect()
}

/// Deletes files below `_c` that are shown, or replaced, for so long that nobody reads them there.
pub async fn delete_aside(writer: &LakeWriter, names: &[&Relative]) -> Result<(), CommitError> {
    for name in names {
        writer.delete(name).await?;
    }
    Ok(())
}

fn head_of(task: TaskRef, planned: &PlannedTask, files: Vec<DataFile>, plan: &Plan) -> CommitHead {
    let totals = Totals::default().with_files(files.iter());
    let (removes, carries) = (planned.inputs.names().cloned().collect(), planned.inputs.tasks.clone());
    CommitHead {
        format: FORMAT_SETS,
        nonce: nonce(),
        written_by: written_by(),
        plan: task.plan,
        task: task.task,
        writer_epoch: plan.settings.writer_epoch,
        totals,
        files,
        rejects: None,
        mark: plan.mark.clone(),
        replaces: None,
        taken: Taken { removes, carries, totals },
    }
}

fn not_aside(lake: &Lake, file: &DataFile) -> LakeError {
    let url = lake.names.url(&lake.names.inside(&file.path));
    LakeError::Record { url, reason: "a plan is to show it, and it does not lie aside".to_owned() }
}

async fn is_there(lake: &Lake, name: &Relative, bytes: u64) -> bool {
    lake.store.head(&lake.names.inside(name)).await.is_ok_and(|meta| meta.size == bytes)
}
