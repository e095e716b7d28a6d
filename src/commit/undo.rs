//! Merging of files that is undone. While the files that a task took out of the lake are still on storage, and its own
//! are gone, it is given up alone: they are live again.

use std::collections::{BTreeMap, BTreeSet};

use crate::lake::{DataFile, Lake, LakeError, Names, PlannedTask, Purpose, Relative, State, TaskRef};
use crate::schema::Table;

/// Of some tasks those that merged files and can be given up alone. `history` knows all plans; of `now` every commit is
/// there.
pub(super) async fn tasks_to_undo(
    lake: &Lake,
    history: &State,
    now: &State,
    tasks: impl IntoIterator<Item = TaskRef>,
) -> Result<BTreeSet<TaskRef>, LakeError> {
    let is_merging = |task: &TaskRef| {
        let plan = history.plans.get(&task.plan);
        plan.is_some_and(|state| state.sealed && state.plan.purpose == Purpose::Compact)
    };
    let mut tasks: BTreeSet<TaskRef> = tasks.into_iter().filter(is_merging).collect();
    if tasks.is_empty() {
        return Ok(tasks);
    }
    let Taken { from, retired } = taken(lake, now).await?;
    let mut undone = BTreeSet::new();
    tasks.retain(|task| !from.contains(task));
    for task in tasks {
        let planned = match lake.tasks(&history.plans[&task.plan].plan).await {
            Err(LakeError::Body { .. }) => continue,
            planned => planned?.into_iter().find(|planned| planned.task == task.task),
        };
        let Some(PlannedTask { inputs, .. }) = planned else { continue };
        let may_go = inputs.files.iter().any(|file| retired.contains(&file.path));
        if !may_go && are_there(lake, &inputs.files).await? {
            undone.insert(task);
        }
    }
    Ok(undone)
}

/// What others hang on.
struct Taken {
    /// Tasks of which others took files, or showed them: their own inputs may be deleted.
    from: BTreeSet<TaskRef>,
    /// Names that an open plan to show deletes.
    retired: BTreeSet<Relative>,
}

async fn taken(lake: &Lake, now: &State) -> Result<Taken, LakeError> {
    let mut taken = Taken { from: BTreeSet::new(), retired: BTreeSet::new() };
    for head in now.every_head(lake).await? {
        taken.from.extend(head.taken.removes.iter().filter_map(|name| Names::task_of_published(name)));
        taken.from.extend(head.taken.carries);
    }
    for number in now.open_plans().into_iter().filter(|number| now.plans[number].awaits_seal()) {
        let tasks = match lake.tasks(&now.plans[&number].plan).await {
            // It is ended.
            Err(LakeError::Body { .. }) => continue,
            tasks => tasks?,
        };
        for PlannedTask { inputs, .. } in tasks {
            taken.from.extend(inputs.names().filter_map(|name| Names::task_of_published(name)));
            taken.retired.extend(inputs.retired);
        }
    }
    Ok(taken)
}

/// Whether all of these lie where they did, with their sizes.
async fn are_there(lake: &Lake, files: &[DataFile]) -> Result<bool, LakeError> {
    let places: BTreeSet<(Table, &Relative)> = files.iter().map(|file| (file.table, &file.partition)).collect();
    let mut found = BTreeMap::new();
    for (table, partition) in places {
        let folder = lake.names.inside(&format!("{}/{partition}", table.name()));
        let listed = lake.list(&folder).await?;
        found.extend(listed.into_iter().map(|meta| (lake.names.relative(&meta.location), meta.size)));
    }
    Ok(files.iter().all(|file| found.get(file.path.as_str()) == Some(&file.bytes)))
}
