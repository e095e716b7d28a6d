//! Files that flowlake published and that nothing tells of: of a run that slept while others finished its plan and
//! replaced what came of it, or that died while it cleaned up.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{CommitError, LakeWriter};
use crate::lake::{Names, Relative, State, keep_live};
use crate::schema::Table;

/// Deletes data files and files of set-aside lines of plans that are over, if they are no part of the lake and as old
/// as `age`, by the clock of the store. Gives their number.
///
/// What left the lake and may still be read is deleted in its own time, by who shows what stands for it.
pub async fn remove_orphans(writer: &LakeWriter, state: &State, age: Duration) -> Result<u64, CommitError> {
    let lake = &writer.lake;
    // What comes while this looks is of plans that `state` does not know, or has for open.
    let mut listed = lake.list(&lake.names.all_rejects()).await?;
    for table in Table::all() {
        listed.extend(lake.list(&lake.names.inside(table.name())).await?);
    }
    let now = writer.now().await?;
    let is_old = |at: DateTime<Utc>| (now - at).to_std().is_ok_and(|found| found >= age);
    let is_over = |name: &Relative| {
        Names::task_of_published(name).is_some_and(|task| task.plan < state.next && !state.is_open(task.plan))
    };
    let old = listed.into_iter().filter(|meta| is_old(meta.last_modified));
    let mut orphans: HashSet<Relative> =
        old.filter_map(|meta| lake.names.named(&meta.location)).filter(is_over).collect();
    if orphans.is_empty() {
        return Ok(0);
    }
    let mut heads = state.every_head(lake).await?;
    let is_shown = |plan| state.in_effect.get(&plan).is_some_and(|plan| plan.shown);
    for head in &heads {
        let removes = head.taken.removes.iter();
        // Where readers of folders see the new files, nothing of the old ones may be left.
        removes.filter(|name| !is_shown(head.plan) || Names::shown(name).is_some()).for_each(|name| {
            orphans.remove(name);
        });
    }
    for rejects in heads.iter().filter_map(|head| head.rejects.as_ref()) {
        orphans.remove(rejects);
    }
    let superseded = state.superseded(lake).await?;
    heads.retain(|head| !superseded.tasks.contains(&head.task_ref()));
    keep_live(&mut heads);
    for name in heads.iter().flat_map(|head| &head.files).map(|file| &file.path) {
        orphans.remove(name);
        // A copy that is about to be seen, or that was seen first, goes with the file that it is of.
        orphans.remove(&Names::aside(name));
        Names::shown(name).map(|shown| orphans.remove(&shown));
    }
    for name in &orphans {
        writer.delete(name).await?;
    }
    Ok(orphans.len() as u64)
}
