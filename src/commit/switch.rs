//! What a plan to redo gave takes the place of what it replaces, between the last commit of the plan and its seal.
//!
//! Readers of the ledger turn to the new files with the last commit, and find them where they wait; who lists folders
//! may miss rows for a moment and never sees one twice, since the files of an old task are removed before those of the
//! new one appear. Who dies on the way leaves a plan whose tasks are all committed: the next run does the same again,
//! and finds part of it done.

use super::local::Linked;
use super::proof::{obstacle, show_once};
use super::{CommitError, LakeWriter};
use crate::lake::{CommitHead, Lake, LakeError, Names, State, TaskRef};

/// Puts the files of every task of `plan` in their place as well. Every task must be committed.
pub async fn switch(writer: &LakeWriter, state: &State, plan: u64) -> Result<(), CommitError> {
    let lake = &writer.lake;
    // The files of a task that was given up are gone.
    let committed = lake.committed(plan).await?;
    for task in committed.into_iter().filter(|&task| !state.is_lost(plan, task)) {
        let Some(commit) = lake.commit(plan, task).await? else { continue };
        let Some(replaced) = commit.head.replaces else { continue };
        check(lake, TaskRef { plan, task }, &commit.head)?;
        if let Some(error) = unfit(writer, &commit.head).await? {
            // A rival may have sealed the plan.
            return if State::load(lake).await?.is_open(plan) { Err(error) } else { Ok(()) };
        }
        if let Some(old) = lake.commit(replaced.plan, replaced.task).await? {
            check(lake, replaced, &old.head)?;
            for file in &old.head.files {
                writer.delete(&file.path).await?;
            }
        }
        for file in &commit.head.files {
            if show_once(writer, &Names::waiting(&file.path), file).await? == Linked::Made {
                continue;
            }
            if !State::load(lake).await?.is_open(plan) {
                return Ok(());
            }
            return Err(CommitError::FileGone { url: lake.names.url(&lake.names.inside(&file.path)) });
        }
    }
    Ok(())
}

/// Why the files of a task cannot take their place, if they cannot.
async fn unfit(writer: &LakeWriter, head: &CommitHead) -> Result<Option<CommitError>, CommitError> {
    for file in &head.files {
        if let Some(error) = obstacle(writer, &Names::waiting(&file.path), file).await? {
            return Ok(Some(error));
        }
    }
    Ok(None)
}

/// A record that names files of others moves and removes none.
fn check(lake: &Lake, task: TaskRef, head: &CommitHead) -> Result<(), LakeError> {
    if head.is_of(task) {
        return Ok(());
    }
    let url = lake.names.url(&lake.names.commit(task.plan, task.task));
    Err(LakeError::Record { url, reason: "it names files that its task cannot have published".to_owned() })
}

/// Removes what waited for plans that are sealed. Runs that died behind a seal leave it to later ones.
pub async fn clear_waiting(writer: &LakeWriter, state: &State) -> Result<(), CommitError> {
    let lake = &writer.lake;
    if state.replaced.is_empty() {
        return Ok(());
    }
    for meta in lake.list(&lake.names.all_waiting()).await? {
        // Of a plan that came since the log was read nothing is known yet.
        let may_be_needed = |plan| plan >= state.next || state.is_open(plan);
        let Some(name) = lake.names.named(&meta.location) else { continue };
        let is_needed = Names::task_of_published(&name).is_none_or(|task| may_be_needed(task.plan));
        if !is_needed {
            writer.delete(&name).await?;
        }
    }
    Ok(())
}
