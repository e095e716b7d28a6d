//! Which objects have rows or lines in the files that a redo takes, beside those that it decodes again.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::lake::{Commit, Inputs, Lake, LakeError, Names, Outcome, Relative, TaskRef};
use crate::schema::Table;
use crate::source::Object;

/// Where others of a task have rows, and whether lines of theirs were set aside.
#[derive(Debug, Default)]
struct Elsewhere {
    places: BTreeSet<(Table, Relative)>,
    rejects: bool,
}

/// Notes which inputs hold nothing but what the objects gave that are decoded again, and how many other objects may
/// have rows or lines in the rest. One commit is held at a time.
pub(super) async fn note_others(lake: &Lake, inputs: &mut Inputs, redone: &[Object]) -> Result<(), LakeError> {
    let redone: HashSet<&str> = redone.iter().map(|object| object.url.as_str()).collect();
    let (mut others, mut carries) = (HashSet::new(), BTreeMap::new());
    let mut elsewhere: BTreeMap<TaskRef, Elsewhere> = BTreeMap::new();
    for &task in &inputs.tasks {
        let missing = || LakeError::Lost { url: lake.names.url(&lake.names.commit(task.plan, task.task)), others: 0 };
        let Commit { head, receipts } = lake.commit(task.plan, task.task).await?.ok_or_else(missing)?;
        carries.insert(task, head.taken.carries);
        let converted = receipts.into_iter().filter(|receipt| receipt.outcome == Outcome::Converted);
        for receipt in converted.filter(|receipt| !redone.contains(receipt.url.as_str())) {
            let of_task = elsewhere.entry(task).or_default();
            of_task.places.extend(receipt.parts.into_iter().map(|part| (part.table, part.partition)));
            of_task.rejects |= receipt.rejects > 0;
            others.insert(receipt.url);
        }
    }
    inputs.others = others.len() as u64;
    if others.is_empty() {
        return Ok(());
    }
    let is_whole = |name: &Relative, is_there: &dyn Fn(&Elsewhere) -> bool| {
        let Some(maker) = Names::task_of_published(name) else { return false };
        let has_others = |task: &TaskRef| elsewhere.get(task).is_some_and(is_there);
        !has_others(&maker) && carries.get(&maker).is_some_and(|tasks| !tasks.iter().any(has_others))
    };
    for file in &inputs.files {
        let place = (file.table, file.partition.clone());
        if is_whole(&file.path, &|elsewhere| elsewhere.places.contains(&place)) {
            inputs.whole.insert(file.path.clone());
        }
    }
    for name in &inputs.rejects {
        if is_whole(name, &|elsewhere| elsewhere.rejects) {
            inputs.whole.insert(name.clone());
        }
    }
    Ok(())
}
