//! The days in the keys of the objects with rows in a data file: a redo of these days makes it again.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};

use crate::lake::{CommitHead, DataFile, Day, Lake, LakeError, Outcome, TaskRef};

const READS_IN_FLIGHT_MAX: usize = 16;

/// What receipts say of the objects that may have rows in a file, of its own task and of those whose rows that carries.
/// `heads` are those of all commits. A commit that cannot be read says nothing.
pub(super) async fn key_days(
    lake: &Lake,
    heads: &[CommitHead],
    file: &DataFile,
    task: TaskRef,
) -> Result<BTreeSet<Day>, LakeError> {
    let carried = heads.iter().filter(|head| head.task_ref() == task).flat_map(|head| &head.taken.carries);
    let tasks: BTreeSet<TaskRef> = carried.copied().chain([task]).collect();
    let commits = tasks.into_iter().map(|task| async move {
        match lake.commit(task.plan, task.task).await {
            Err(LakeError::Record { .. }) => Ok(None),
            commit => commit,
        }
    });
    let mut commits = stream::iter(commits).buffered(READS_IN_FLIGHT_MAX);
    let mut days = BTreeSet::new();
    while let Some(commit) = commits.try_next().await? {
        for receipt in commit.into_iter().flat_map(|commit| commit.receipts) {
            let has_rows = |part: &crate::lake::PartSums| part.table == file.table && part.partition == file.partition;
            if receipt.outcome == Outcome::Converted && receipt.parts.iter().any(has_rows) {
                days.insert(receipt.day);
            }
        }
    }
    Ok(days)
}
