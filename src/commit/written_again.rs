//! Commits of which every word follows from their plan, so that one that is lost is written again: of plans to show and
//! to expire.

use std::collections::BTreeSet;

use super::expire::expiring_head;
use super::once::create_commit;
use super::show::shown_head;
use super::{CommitError, LakeWriter};
use crate::lake::{Commit, Purpose, State, TaskRef};

/// Writes the commits of such tasks of sealed plans again, and takes these out of `damaged`: all but those whose plan's
/// body is gone. Gives how many were written.
pub(super) async fn written_again(
    writer: &LakeWriter,
    state: &State,
    damaged: &mut BTreeSet<TaskRef>,
) -> Result<u64, CommitError> {
    let lake = &writer.lake;
    let mut restored = 0;
    for task in damaged.clone() {
        let Some(plan) = state.plans.get(&task.plan).filter(|plan| plan.sealed).map(|plan| &plan.plan) else {
            continue;
        };
        if !matches!(plan.purpose, Purpose::Show | Purpose::Expire) {
            continue;
        }
        let Ok(planned) = lake.tasks(plan).await else { continue };
        let Some(planned) = planned.iter().find(|planned| planned.task == task.task) else { continue };
        // What lies there and is not its own is not written over.
        if lake.written_at(&lake.names.commit(task.plan, task.task)).await?.is_some() {
            continue;
        }
        let head = match plan.purpose {
            Purpose::Show => shown_head(lake, task, planned, plan)?,
            _ => expiring_head(task, planned, plan),
        };
        let commit = Commit { head, receipts: Vec::new() };
        create_commit(writer, &commit).await?;
        damaged.remove(&task);
        restored += 1;
    }
    Ok(restored)
}
