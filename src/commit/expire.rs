//! Files of old dates leave the lake: a task of a plan to expire, and what is left of such dates on storage.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::once::create_commit;
use super::show::head_of;
use super::{CommitError, LakeWriter};
use crate::lake::index::date_of;
use crate::lake::{Commit, CommitHead, Names, Plan, PlannedTask, Relative, State, Taken, TaskRef, Totals};
use crate::schema::Table;

/// Commits a task of a plan to expire: with the plan's seal its inputs leave the lake.
pub async fn expire(writer: &LakeWriter, task: TaskRef, planned: &PlannedTask, plan: &Plan) -> Result<(), CommitError> {
    let commit = Commit { head: expiring_head(task, planned, plan), receipts: Vec::new() };
    // Whoever came first wrote the same.
    create_commit(writer, &commit).await.map(drop)
}

/// What such a commit says; all of it follows from the plan.
pub(super) fn expiring_head(task: TaskRef, planned: &PlannedTask, plan: &Plan) -> CommitHead {
    let inputs = &planned.inputs;
    let totals = Totals::of_expired(inputs.files.iter());
    let head = head_of(task, planned, Vec::new(), plan);
    CommitHead { taken: Taken { expired: true, totals, ..head.taken }, ..head }
}

/// Deletes what lies in the folders of dates through `last`, but for what is live, and lines that left the lake. Of
/// others than flowlake nothing is touched, nor what an open plan may still need. Gives the number of files.
pub async fn clear_expired(writer: &LakeWriter, state: &State, last: NaiveDate) -> Result<u64, CommitError> {
    let lake = &writer.lake;
    let every = state.every_head(lake).await?;
    let heads = state.heads(lake).await?;
    let files = heads.iter().flat_map(|head| &head.files).map(|file| &file.path);
    let live: BTreeSet<&Relative> = files.chain(heads.iter().filter_map(|head| head.rejects.as_ref())).collect();
    let expired = every.iter().filter(|head| head.taken.expired).flat_map(|head| &head.taken.removes);
    let mut dead: BTreeSet<Relative> = expired.filter(|name| Names::place_of(name).is_none()).cloned().collect();
    for table in Table::all() {
        let listed = lake.list(&lake.names.inside(table.name())).await?;
        let is_old = |name: &Relative| date_of(name).is_some_and(|(_, day)| day.0.is_some_and(|date| date <= last));
        dead.extend(listed.iter().filter_map(|meta| lake.names.named(&meta.location)).filter(is_old));
    }
    let is_of_open = |name: &Relative| Names::task_of_published(name).is_none_or(|task| state.is_open(task.plan));
    dead.retain(|name| !live.contains(name) && !is_of_open(name));
    for name in &dead {
        writer.delete(name).await?;
    }
    Ok(dead.len() as u64)
}
