//! Files that took the place of others become visible in the folders, once what they stand for is removed there.
//!
//! One folder is done after the other. Readers of the ledger see the same rows all the time. Who lists folders misses
//! the rows of a partition between the removal and the copy, and never sees one twice. Who dies on the way leaves a
//! plan that the next run finishes.

use std::collections::BTreeMap;

use bytes::Bytes;
use object_store::ObjectStoreExt;

use super::log::written_by;
use super::nonce::nonce;
use super::{CommitError, Created, LakeWriter};
use crate::lake::{
    Commit, CommitHead, DataFile, FORMAT_SETS, Lake, LakeError, Names, Plan, PlannedTask, Relative, State, Taken,
    TaskRef, Totals, all_removed,
};

/// Shows the files of one task and commits it; `false` if another worker did, or ended the plan.
pub async fn show(writer: &LakeWriter, task: TaskRef, planned: &PlannedTask, plan: &Plan) -> Result<bool, CommitError> {
    let lake = &writer.lake;
    let state = State::load(lake).await?;
    if !state.is_open(task.plan) || lake.commit(task.plan, task.task).await?.is_some() {
        return Ok(false);
    }
    let removed = all_removed(&state.every_head(lake).await?);
    let mut folders: BTreeMap<&str, Folder<'_>> = BTreeMap::new();
    // A plan can only have what left the lake deleted, and only files that flowlake made.
    let is_gone = |name: &&Relative| removed.contains(*name) && Names::task_of_published(name).is_some();
    for name in planned.inputs.retired.iter().filter(is_gone) {
        folders.entry(folder_of(name)).or_default().retired.push(name);
    }
    let mut files = Vec::new();
    for file in &planned.inputs.files {
        let path = Names::shown(&file.path).ok_or_else(|| not_aside(lake, file))?;
        files.push((&file.path, DataFile { path, ..file.clone() }));
    }
    for (aside, file) in &files {
        // What it stands for is deleted for good: nothing is, unless it is there.
        if !is_there(lake, aside, file.bytes).await && !is_there(lake, &file.path, file.bytes).await {
            return Err(LakeError::Gap { url: lake.names.url(&lake.names.inside(aside)) }.into());
        }
        folders.entry(folder_of(&file.path)).or_default().files.push((aside, file));
    }
    for folder in folders.into_values() {
        for name in folder.retired {
            writer.delete(name).await?;
        }
        for (aside, file) in folder.files {
            // A rival may have shown it, and removed what lay aside.
            if !writer.show(aside, &file.path).await? && !is_there(lake, &file.path, file.bytes).await {
                return Ok(false);
            }
        }
    }
    let files: Vec<DataFile> = files.into_iter().map(|(_, file)| file).collect();
    let shown: Vec<Relative> = files.iter().map(|file| file.path.clone()).collect();
    let commit = Commit { head: head_of(task, planned, files, plan), receipts: Vec::new() };
    let path = lake.names.commit(task.plan, task.task);
    if writer.create(&path, Bytes::from(commit.encode())).await? == Created::Ours {
        return Ok(true);
    }
    // Who slept for long may have shown what is replaced by now.
    let mut live = State::load(lake).await?.heads(lake).await?;
    live.retain(|head| head.files.iter().any(|file| shown.contains(&file.path)));
    let is_live = |name: &Relative| live.iter().flat_map(|head| &head.files).any(|file| file.path == *name);
    if !State::load(lake).await?.is_open(task.plan) {
        for name in shown.iter().filter(|name| !is_live(name)) {
            writer.delete(name).await?;
        }
    }
    Ok(false)
}

/// Deletes files below `_c` that are shown, or replaced, for so long that nobody reads them there.
pub async fn delete_aside<'a>(
    writer: &LakeWriter,
    names: impl Iterator<Item = &'a Relative>,
) -> Result<(), CommitError> {
    for name in names {
        writer.delete(name).await?;
    }
    Ok(())
}

/// What changes in one folder.
#[derive(Default)]
struct Folder<'a> {
    retired: Vec<&'a Relative>,
    /// Where each lies, and what it is to be.
    files: Vec<(&'a Relative, &'a DataFile)>,
}

fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn head_of(task: TaskRef, planned: &PlannedTask, files: Vec<DataFile>, plan: &Plan) -> CommitHead {
    let totals = Totals::default().with_files(files.iter());
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
        taken: Taken {
            removes: planned.inputs.names().cloned().collect(),
            carries: planned.inputs.tasks.clone(),
            totals,
        },
    }
}

fn not_aside(lake: &Lake, file: &DataFile) -> LakeError {
    let url = lake.names.url(&lake.names.inside(&file.path));
    LakeError::Record { url, reason: "a plan is to show it, and it does not lie aside".to_owned() }
}

async fn is_there(lake: &Lake, name: &Relative, bytes: u64) -> bool {
    lake.store.head(&lake.names.inside(name)).await.is_ok_and(|meta| meta.size == bytes)
}
