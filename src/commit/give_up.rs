//! What goes with tasks that are given up: whatever holds rows of theirs, and whatever would stand for them.

use std::collections::{BTreeMap, BTreeSet};

use super::bodies;
use super::history::{History, Planned};
use crate::lake::{
    Day, Lake, LakeError, Lost, Outcome, PlanState, Receipt, State, TaskRef, folder_of, list_folder_again,
};

/// The entry that gives the damaged tasks up, and with them what hangs on them. Those that are undone go alone.
pub(super) async fn give_up(
    lake: &Lake,
    history: &History,
    now: &State,
    (damaged, undone): (BTreeSet<TaskRef>, &BTreeSet<TaskRef>),
) -> Result<Lost, LakeError> {
    let mut now = now.clone();
    now.lost.extend(undone);
    let mut lost = Lost::default();
    let mut urls = BTreeMap::new();
    let mut open: Vec<TaskRef> = damaged.into_iter().collect();
    let mut redone = waiting(lake, &now).await?;
    let carriers = carriers(lake, &now, &open).await?;
    while let Some(task) = open.pop() {
        if now.lost.contains(&task) || !lost.tasks.insert(task) {
            continue;
        }
        open.extend(redone.remove(&task).unwrap_or_default());
        // Who holds its rows beside itself holds those of others too, and its objects are converted again.
        open.extend(carriers.get(&task).into_iter().flatten());
        let state = &history.state.plans;
        let planned = match history.planned(lake, task).await? {
            Planned::As(planned) => planned,
            Planned::Nowhere => continue,
            Planned::BodyGone => {
                for (folder, day) in bodies::folders_of(&now, &state[&task.plan]) {
                    list_folder_again(&mut lost.folders, &folder, day);
                }
                continue;
            }
        };
        // What it stood for is gone too: its files were removed when this one took its place.
        let stood_for =
            planned.replaces.filter(|old| history.replaced.get(&task.plan).is_some_and(|of| of.contains(old)));
        open.extend(stood_for);
        if state[&task.plan].sealed {
            open.extend(&planned.inputs.tasks);
        }
        let dropped = &state[&task.plan].dropped;
        for object in planned.objects.into_iter().filter(|object| !dropped.contains_key(&object.url)) {
            list_again(&mut lost, &object.url, Day(object.day));
            urls.insert(object.url, Day(object.day));
        }
    }
    lost.objects = urls.len() as u64;
    let mut after = now.clone();
    after.lost.extend(&lost.tasks);
    list_copies_again(lake, &after, &urls, &mut lost).await?;
    let left = after.sum_of(&after.every_head(lake).await?);
    (lost.totals, lost.restored) = (now.totals, left);
    lost.totals.subtract(&left);
    lost.restored.subtract(&now.totals);
    lost.tasks.extend(undone);
    Ok(lost)
}

/// Copies that were left out for objects that are given up are all that there may be of them.
async fn list_copies_again(
    lake: &Lake,
    after: &State,
    urls: &BTreeMap<String, Day>,
    lost: &mut Lost,
) -> Result<(), LakeError> {
    for day in urls.values().copied().collect::<BTreeSet<Day>>() {
        let is_copy = |receipt: &Receipt| {
            receipt.outcome == Outcome::Copy && receipt.reason.as_ref().is_some_and(|first| urls.contains_key(first))
        };
        for copy in after.receipts_where(lake, day, is_copy).await? {
            list_again(lost, &copy.receipt.url, day);
        }
    }
    Ok(())
}

/// Tasks of open plans that would take the place of others, by these: of what is given up they have nothing to stand
/// for.
async fn waiting(lake: &Lake, now: &State) -> Result<BTreeMap<TaskRef, Vec<TaskRef>>, LakeError> {
    let mut waiting: BTreeMap<TaskRef, Vec<TaskRef>> = BTreeMap::new();
    let is_waiting = |state: &PlanState| state.is_redo_under_way() || state.is_open() && state.awaits_seal();
    for (&plan, state) in now.plans.iter().filter(|(_, state)| is_waiting(state)) {
        let tasks = match lake.tasks(&state.plan).await {
            // It is given up itself.
            Err(LakeError::Body { .. }) => continue,
            tasks => tasks?,
        };
        for task in tasks {
            for &of in task.replaces.iter().chain(&task.inputs.tasks) {
                waiting.entry(of).or_default().push(TaskRef { plan, task: task.task });
            }
        }
    }
    Ok(waiting)
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
    list_folder_again(&mut lost.folders, folder_of(url), day);
}
