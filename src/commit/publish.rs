//! A task that was read to its end becomes part of the lake, once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;

use object_store::path::Path;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::log::written_by;
use super::nonce::nonce;
use super::once::create_commit;
use super::scratch::Attempt;
use super::show::gone;
use super::{CommitError, Created, LakeWriter};
use crate::lake::{
    Commit, CommitHead, DataFile, Effect, FORMAT_FIRST, FORMAT_SETS, FORMAT_UNREAD, Intent, Lake, LakeError, Names,
    PlanMark, Purpose, Receipt, Relative, State, Taken, TaskRef, Totals,
};

/// What an attempt at a task left on scratch.
#[derive(Debug)]
pub struct Staged {
    /// The number of the plan.
    pub plan: u64,
    /// The number of the task in it.
    pub task: u64,
    /// A number that grows when the same objects would give other bytes: that of this program.
    pub writer_epoch: u32,
    /// That of the plan.
    pub mark: Option<PlanMark>,
    /// That of the plan.
    pub effect: Effect,
    /// Each data file and where it is staged.
    pub files: Vec<(DataFile, PathBuf)>,
    /// The file of lines that were set aside: its name to be, and where it is staged; `None` if there are none.
    pub rejects: Option<(Relative, PathBuf)>,
    /// In the order in which the task read its objects.
    pub receipts: Vec<Receipt>,
    /// What receipts and files come to.
    pub totals: Totals,
    /// In a plan to redo of the first formats: the task that this one stands for once its plan is done; `None` if it
    /// changes nothing.
    pub replaces: Option<TaskRef>,
    /// What leaves the lake: in a plan that takes effect at its seal.
    pub taken: Taken,
    /// Of a task that was to merge files, and changes nothing: those that are gone or damaged.
    pub damaged: BTreeSet<Relative>,
    /// Keeps the staged files until they are published.
    pub attempt: Attempt,
}

/// What became of an attempt that was to be published.
#[derive(Debug)]
pub enum Published {
    /// It is the commit of its task.
    Ours,
    /// Another worker committed the task first; the lake holds its result, and ours left nothing.
    Theirs,
}

/// Proves the staged files, publishes them under names that follow from plan and content, and commits the task.
pub async fn publish(writer: &LakeWriter, staged: Staged) -> Result<Published, CommitError> {
    let lake = &writer.lake;
    if lake.lies(&lake.names.commit(staged.plan, staged.task)).await?.is_some() {
        return Ok(Published::Theirs);
    }
    prove_footers(&staged)?;
    let intent = write_intent(writer, &staged).await?;
    for (file, path) in &staged.files {
        writer.put_file(path, &published_as(file, intent.waits)).await?;
    }
    if let Some((relative, path)) = &staged.rejects {
        writer.put_file(path, relative).await?;
    }
    let head = CommitHead {
        format: if staged.totals.objects_unread > 0 { FORMAT_UNREAD } else { intent.format },
        nonce: nonce(),
        written_by: written_by(),
        plan: staged.plan,
        task: staged.task,
        writer_epoch: staged.writer_epoch,
        totals: staged.totals,
        files: staged.files.iter().map(|(file, _)| file.clone()).collect(),
        rejects: staged.rejects.as_ref().map(|(relative, _)| relative.clone()),
        mark: staged.mark,
        replaces: staged.replaces,
        taken: staged.taken,
        damaged: staged.damaged,
    };
    let commit = Commit { head, receipts: staged.receipts };
    tracing::debug!(plan = staged.plan, task = staged.task, files = staged.files.len(), "commit");
    match create_commit(writer, &commit).await? {
        Created::Ours => Ok(Published::Ours),
        Created::Theirs => {
            remove_lost(writer, &intent).await?;
            Ok(Published::Theirs)
        }
    }
}

/// After losing the race for a task, deletes our own files, but for those that the winner's commit names too. Of these,
/// too, it deletes what left the lake meanwhile; and if nothing of the task counts any more, it deletes all of ours: no
/// later run would. Whoever replaces the task after this has looked deletes the files itself.
async fn remove_lost(writer: &LakeWriter, intent: &Intent) -> Result<(), CommitError> {
    let lake = &writer.lake;
    let state = State::load(lake).await?;
    let task = TaskRef { plan: intent.plan, task: intent.task };
    let is_past = state.is_lost(task.plan, task.task)
        || intent.format >= FORMAT_SETS && !state.is_open(task.plan) && !state.in_effect.contains_key(&task.plan)
        || state.superseded(lake).await?.tasks.contains(&task)
        || intent.waits && !state.is_open(intent.plan);
    match lake.commit(intent.plan, intent.task).await?.filter(|_| !is_past) {
        Some(winner) => {
            remove_unnamed(writer, intent, &winner.head).await?;
            let deleted = deleted_in_folders(lake, &state).await?;
            for file in intent.files.iter().filter(|file| deleted.contains(&file.path)) {
                writer.delete(&file.path).await?;
            }
            Ok(())
        }
        None if is_past => {
            if let Some(name) = &intent.rejects {
                writer.delete(name).await?;
            }
            for file in &intent.files {
                writer.delete(&published_as(file, intent.waits)).await?;
            }
            Ok(())
        }
        None => Ok(()),
    }
}

/// Names that left the lake and that readers of folders see no more, or are about to see no more.
async fn deleted_in_folders(lake: &Lake, state: &State) -> Result<BTreeSet<Relative>, CommitError> {
    let mut deleted = BTreeSet::new();
    if state.in_effect.is_empty() {
        return Ok(deleted);
    }
    for head in state.every_head(lake).await? {
        if state.in_effect.get(&head.plan).is_some_and(|plan| plan.shown) {
            deleted.extend(head.taken.removes.into_iter().filter(|name| Names::shown(name).is_none()));
        }
    }
    for number in state.open_plans() {
        let plan = &state.plans[&number].plan;
        if plan.purpose == Purpose::Show {
            deleted.extend(gone(lake, state, &lake.tasks(plan).await?).await?);
        }
    }
    Ok(deleted)
}

/// Rows in the ledger are rows in the footers.
fn prove_footers(staged: &Staged) -> Result<(), CommitError> {
    for (file, path) in &staged.files {
        let fail = |source| CommitError::Local { path: path.display().to_string(), source };
        let opened = File::open(path).map_err(fail)?;
        let reader = SerializedFileReader::new(opened).map_err(|error| fail(std::io::Error::other(error)))?;
        let found = reader.metadata().file_metadata().num_rows() as u64;
        if found != file.rows {
            return Err(CommitError::Footer { url: file.path.to_string(), found, expected: file.rows });
        }
    }
    Ok(())
}

async fn write_intent(writer: &LakeWriter, staged: &Staged) -> Result<Intent, CommitError> {
    let format = match staged.effect {
        Effect::AtCommit => FORMAT_FIRST,
        Effect::AtSeal => FORMAT_SETS,
    };
    let intent = Intent {
        format,
        plan: staged.plan,
        task: staged.task,
        writer_epoch: staged.writer_epoch,
        files: staged.files.iter().map(|(file, _)| file.clone()).collect(),
        rejects: staged.rejects.as_ref().map(|(relative, _)| relative.clone()),
        waits: staged.replaces.is_some(),
    };
    let bytes = serde_json::to_vec(&intent).expect("an intent is plain data");
    let hash = blake3::hash(&bytes).to_hex();
    writer.put(&writer.lake.names.intent(staged.plan, staged.task, &hash), bytes.into()).await?;
    Ok(intent)
}

/// Removes what attempts at the tasks of a finished plan published and never committed: attempts of another writer
/// epoch, that met other objects, or that died between upload and commit. Nothing is removed before the task is
/// committed, since a living rival could commit it.
///
/// An intent can only speak of what its own task publishes. Those that name anything else, or that cannot be read, are
/// passed over, and given back for people.
pub async fn sweep(writer: &LakeWriter, plan: u64) -> Result<Vec<String>, CommitError> {
    let mut foreign = Vec::new();
    let lake = &writer.lake;
    let mut attempts: BTreeMap<u64, Vec<Path>> = BTreeMap::new();
    for meta in lake.list(&lake.names.intents_of_plan(plan)).await? {
        if let Some(of) = lake.names.intent_of(&meta.location) {
            attempts.entry(of.task).or_default().push(meta.location);
        }
    }
    for (task, intents) in attempts.into_iter().filter(|(_, intents)| intents.len() > 1) {
        let Some(winner) = lake.commit(plan, task).await? else { continue };
        for path in intents {
            let name = lake.names.url(&path);
            match lake.intent(&path).await {
                Ok(Some(rival)) if rival.is_of(TaskRef { plan, task }) => {
                    remove_unnamed(writer, &rival, &winner.head).await?;
                }
                Ok(Some(_)) => foreign.push(format!("{name}: it names what its task cannot have published")),
                Ok(None) => {}
                Err(LakeError::Record { reason, .. }) => foreign.push(format!("{name}: {reason}")),
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(foreign)
}

/// Removes all that tasks of a plan published that came to nothing.
pub async fn remove_published(writer: &LakeWriter, plan: u64) -> Result<(), CommitError> {
    let lake = &writer.lake;
    for meta in lake.list(&lake.names.intents_of_plan(plan)).await? {
        let Some(task) = lake.names.intent_of(&meta.location) else { continue };
        let intent = match lake.intent(&meta.location).await {
            Err(LakeError::Record { .. }) => None,
            other => other?.filter(|intent| intent.is_of(task)),
        };
        for name in intent.iter().flat_map(|intent| intent.files.iter().map(|file| &file.path).chain(&intent.rejects)) {
            writer.delete(name).await?;
        }
    }
    Ok(())
}

/// A loser removes what it published and the winner does not name.
async fn remove_unnamed(writer: &LakeWriter, ours: &Intent, winner: &CommitHead) -> Result<(), CommitError> {
    let names = |files: &[DataFile], rejects: &Option<Relative>| -> BTreeSet<Relative> {
        files.iter().map(|file| published_as(file, ours.waits)).chain(rejects.clone()).collect()
    };
    let keep = names(&winner.files, &winner.rejects);
    for name in names(&ours.files, &ours.rejects).difference(&keep) {
        writer.delete(name).await?;
    }
    Ok(())
}

/// Where a file of an attempt lies before its plan is sealed.
fn published_as(file: &DataFile, waits: bool) -> Relative {
    if waits { Names::waiting(&file.path) } else { file.path.clone() }
}
