//! Files that took the place of others become visible in the folders, once what they stand for is removed there.
//!
//! A task is done as a whole: what it retires is deleted first, then its files are copied to their places. Readers of
//! the ledger see the same rows all the time. Who lists folders misses the rows of the task between the two, and never
//! sees one twice. Who dies on the way leaves a plan that the next run finishes.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};

use super::local::Linked;
use super::log::written_by;
use super::nonce::nonce;
use super::once::create_commit;
use super::proof::{Found, found, obstacle, show_once};
use super::{CommitError, Created, LakeWriter};
use crate::lake::{
    Commit, CommitHead, DataFile, FORMAT_SETS, Lake, LakeError, Names, Plan, PlannedTask, Relative, State, Taken,
    TaskRef, Totals, all_removed,
};

/// Deletes asked for at once in one task.
const DELETES_IN_FLIGHT_MAX: usize = 16;

/// What became of a task to show.
#[derive(Debug)]
pub enum Shown {
    /// It is done, and its commit is ours.
    Ours,
    /// Another worker did it, or ended the plan.
    Theirs,
    /// Its files are not there to be shown, or not where they can be: nothing more is deleted for them.
    Unfit(CommitError),
}

/// What a task to show needs to know of its plan.
#[derive(Debug, Clone, Copy)]
pub struct Showing<'a> {
    /// As its entry in the log has it.
    pub plan: &'a Plan,
    /// Of what its tasks retire, what may be deleted.
    pub gone: &'a BTreeSet<Relative>,
    /// Whether this run has proven the files already.
    pub is_proven: bool,
}

/// Shows the files of one task and commits it. What they stand for is deleted once they are proven to be there, each
/// under its name aside or already shown, and nothing else lies where they are to be shown.
pub async fn show(
    writer: &LakeWriter,
    task: TaskRef,
    planned: &PlannedTask,
    showing: Showing<'_>,
) -> Result<Shown, CommitError> {
    let lake = &writer.lake;
    if lake.commit(task.plan, task.task).await?.is_some() {
        return Ok(Shown::Theirs);
    }
    if !showing.is_proven
        && let Some(error) = unfit(writer, planned).await?
    {
        return unfit_or_theirs(lake, task, error).await;
    }
    // Rows are away for readers of folders meanwhile.
    let gone = planned.inputs.retired.iter().filter(|name| showing.gone.contains(name));
    stream::iter(gone)
        .map(|name| writer.delete(name))
        .buffer_unordered(DELETES_IN_FLIGHT_MAX)
        .try_collect::<()>()
        .await?;
    let files = as_shown(lake, planned)?;
    for (aside, file) in &files {
        match show_once(writer, aside, file).await? {
            Linked::Made => {}
            Linked::NameTaken => return unfit_or_theirs(lake, task, CommitError::in_the_way(&lake.names, file)).await,
            Linked::NoSuchFile => return Ok(Shown::Theirs),
        }
    }
    let commit = Commit { head: shown_head(lake, task, planned, showing.plan)?, receipts: Vec::new() };
    let made = create_commit(writer, &commit).await?;
    Ok(if made == Created::Ours { Shown::Ours } else { Shown::Theirs })
}

/// What the commit of a task to show says; all of it follows from the plan.
pub(super) fn shown_head(
    lake: &Lake,
    task: TaskRef,
    planned: &PlannedTask,
    plan: &Plan,
) -> Result<CommitHead, LakeError> {
    let files = as_shown(lake, planned)?.into_iter().map(|(_, file)| file).collect();
    Ok(head_of(task, planned, files, plan))
}

/// Why the files of a task cannot be shown, if they cannot.
pub async fn unfit(writer: &LakeWriter, planned: &PlannedTask) -> Result<Option<CommitError>, CommitError> {
    for (aside, file) in as_shown(&writer.lake, planned)? {
        if let Some(error) = obstacle(writer, aside, &file).await? {
            return Ok(Some(error));
        }
    }
    Ok(None)
}

/// Others may have shown the files, and replaced them since.
async fn unfit_or_theirs(lake: &Lake, task: TaskRef, error: CommitError) -> Result<Shown, CommitError> {
    let is_done = lake.commit(task.plan, task.task).await?.is_some();
    let is_theirs = is_done || !State::load(lake).await?.is_open(task.plan);
    Ok(if is_theirs { Shown::Theirs } else { Shown::Unfit(error) })
}

/// The files of a task: where each lies aside, and as it is to be shown.
fn as_shown<'a>(lake: &Lake, planned: &'a PlannedTask) -> Result<Vec<(&'a Relative, DataFile)>, LakeError> {
    let shown = |file: &'a DataFile| {
        let path = Names::shown(&file.path).ok_or_else(|| not_aside(lake, file))?;
        Ok((&file.path, DataFile { path, ..file.clone() }))
    };
    planned.inputs.files.iter().map(shown).collect()
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

/// Deletes what tasks of a plan showed that ended meanwhile, as far as it is not live: it may be replaced by now. What
/// lies at such a name and is not the file of the task stays.
pub async fn hide(writer: &LakeWriter, state: &State, tasks: &[PlannedTask]) -> Result<(), CommitError> {
    let heads = state.heads(&writer.lake).await?;
    let live = live_names(&heads);
    for file in tasks.iter().flat_map(|task| &task.inputs.files) {
        let Some(name) = Names::shown(&file.path).filter(|name| !live.contains(name)) else { continue };
        if found(writer, &name, file).await? == Found::Proven {
            writer.delete(&name).await?;
        }
    }
    Ok(())
}

fn live_names(heads: &[CommitHead]) -> BTreeSet<&Relative> {
    heads.iter().flat_map(|head| &head.files).map(|file| &file.path).collect()
}

/// Deletes files below `_c` that are shown, or replaced, for so long that nobody reads them there. One whose shown file
/// is live goes only if that one is proven; where nothing lies there, it is shown again. Gives what keeps others from
/// being deleted.
pub async fn delete_aside(
    writer: &LakeWriter,
    names: &[&Relative],
    live: &[CommitHead],
) -> Result<Vec<CommitError>, CommitError> {
    let live: BTreeMap<&Relative, &DataFile> =
        live.iter().flat_map(|head| &head.files).map(|file| (&file.path, file)).collect();
    let (mut kept, mut again) = (Vec::new(), Vec::new());
    for aside in names {
        let shown = Names::shown(aside).and_then(|shown| live.get(&shown).copied());
        let Some(file) = shown else {
            writer.delete(aside).await?;
            continue;
        };
        match found(writer, &file.path, file).await? {
            Found::Proven => writer.delete(aside).await?,
            _ => match obstacle(writer, aside, file).await? {
                Some(error) => kept.push(error),
                None => {
                    writer.show(aside, &file.path).await?;
                    again.push(&file.path);
                }
            },
        }
    }
    take_back(writer, &again).await?;
    Ok(kept)
}

/// Deletes what was shown again, as far as it is not live: others may have replaced it meanwhile.
pub async fn take_back(writer: &LakeWriter, shown: &[&Relative]) -> Result<(), CommitError> {
    if shown.is_empty() {
        return Ok(());
    }
    let heads = State::load(&writer.lake).await?.heads(&writer.lake).await?;
    let live = live_names(&heads);
    for name in shown.iter().filter(|name| !live.contains(*name)) {
        writer.delete(name).await?;
    }
    Ok(())
}

pub(super) fn head_of(task: TaskRef, planned: &PlannedTask, files: Vec<DataFile>, plan: &Plan) -> CommitHead {
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
        taken: Taken { removes, carries, totals, expired: false },
        damaged: BTreeSet::new(),
    }
}

fn not_aside(lake: &Lake, file: &DataFile) -> LakeError {
    let url = lake.names.url(&lake.names.inside(&file.path));
    LakeError::Record { url, reason: "a plan is to show it, and it does not lie aside".to_owned() }
}
