//! Plans to redo of the first formats, which an earlier program left open: they are finished by their own rules.
//!
//! A task is redone whole or not at all: its new files stand for its old ones from the plan's last commit on. If one of
//! its objects cannot be read as it could then, its task is kept as it is.

use std::collections::{BTreeMap, BTreeSet};

use super::{ConvertError, Run};
use crate::commit::{LakeWriter, Published, Staged, is_intact, publish};
use crate::encode::WRITER_EPOCH;
use crate::lake::{
    Commit, Dropped, Effect, LakeError, Names, Outcome, PlannedTask, Receipt, Taken, TaskRef, Totals, same_content,
};

/// What became of one task of a plan to redo.
#[derive(Debug, Default)]
pub(super) struct Redone {
    /// Of its objects; nothing if the task stays as it is.
    pub totals: Totals,
    pub receipts: Vec<Receipt>,
    /// Why it, or an object, stays as it is although something else should have come of it.
    pub kept: Vec<String>,
}

/// Publishes a task of a plan to redo; `None` if another run did. It stays as it is if its objects gave the same files
/// and these are there, or if they gave less than they did.
pub(super) async fn publish_again(
    writer: &LakeWriter,
    mut staged: Staged,
    replaces: TaskRef,
) -> Result<Option<Redone>, ConvertError> {
    let old = commit_of(writer, replaces).await?;
    let mut redone = Redone {
        totals: staged.totals,
        receipts: staged.receipts.clone(),
        kept: lost(&old, &staged).into_iter().collect(),
    };
    // What is gone or damaged is published again, whatever the rows are.
    let is_there = redone.kept.is_empty() && gave_the_same(&old, &staged) && is_intact(&writer.lake, &old.head).await?;
    if !redone.kept.is_empty() || is_there {
        empty(&mut staged);
        (redone.totals, redone.receipts) = (Totals::default(), Vec::new());
    }
    Ok(match publish(writer, staged).await? {
        Published::Ours => Some(redone),
        Published::Theirs => None,
    })
}

/// Commits a task of which an object cannot be read: it stays as it is.
pub(super) async fn keep(
    run: &mut Run<'_>,
    plan: u64,
    task: &PlannedTask,
    unreadable: &BTreeMap<String, Dropped>,
) -> Result<(), ConvertError> {
    let staged = Staged {
        plan,
        task: task.task,
        writer_epoch: WRITER_EPOCH,
        mark: run.ledger.state.plans[&plan].plan.mark.clone(),
        effect: Effect::AtCommit,
        files: Vec::new(),
        rejects: None,
        receipts: Vec::new(),
        totals: Totals::default(),
        replaces: None,
        taken: Taken::default(),
        attempt: run.scratch.attempt(plan, task.task)?,
    };
    if let Published::Ours = publish(&run.ledger.writer, staged).await? {
        for (url, dropped) in unreadable {
            run.summary.note_kept(format!("{url}: {}", dropped.reason));
        }
    }
    Ok(())
}

fn empty(staged: &mut Staged) {
    staged.files.clear();
    staged.receipts.clear();
    (staged.rejects, staged.replaces, staged.totals) = (None, None, Totals::default());
}

async fn commit_of(writer: &LakeWriter, task: TaskRef) -> Result<Commit, ConvertError> {
    let lake = &writer.lake;
    let missing = || LakeError::Lost { url: lake.names.url(&lake.names.commit(task.plan, task.task)), others: 0 };
    Ok(lake.commit(task.plan, task.task).await?.ok_or_else(missing)?)
}

/// An object that would give less than it gave, for another reason than the program, and that reason.
fn lost(old: &Commit, staged: &Staged) -> Option<String> {
    let now: BTreeMap<&str, &Receipt> = staged.receipts.iter().map(|receipt| (receipt.url.as_str(), receipt)).collect();
    let converted = old.receipts.iter().filter(|receipt| receipt.outcome == Outcome::Converted);
    converted.into_iter().find_map(|receipt| match now.get(receipt.url.as_str()) {
        Some(now) if now.outcome != Outcome::Converted => {
            Some(format!("{}: {}", now.url, now.reason.as_deref().unwrap_or("it is no flow log now")))
        }
        Some(now) if now.version != receipt.version && now.rows < receipt.rows => {
            let (rows, earlier) = (now.rows, receipt.rows);
            Some(format!("{}: its content changed and gives {rows} rows, where it gave {earlier}", now.url))
        }
        Some(_) => None,
        None => Some(format!("{}: it was not read", receipt.url)),
    })
}

/// Whether the files hold the same bytes.
fn gave_the_same(old: &Commit, staged: &Staged) -> bool {
    let key = |file: &crate::lake::DataFile| (file.table, file.partition.clone(), file.hash.clone());
    let before: BTreeSet<_> = old.head.files.iter().map(key).collect();
    let now: BTreeSet<_> = staged.files.iter().map(|(file, _)| key(file)).collect();
    let rejects_before = old.head.rejects.as_deref().and_then(Names::hash_of);
    let rejects_now = staged.rejects.as_ref().and_then(|(name, _)| Names::hash_of(name));
    let receipts: BTreeMap<&str, &Receipt> =
        staged.receipts.iter().map(|receipt| (receipt.url.as_str(), receipt)).collect();
    // Receipts speak of the content: of another one they speak anew, even if it gives the same rows.
    let is_other =
        |old: &Receipt| receipts.get(old.url.as_str()).is_some_and(|now| same_content(old, now) == Some(false));
    before == now && rejects_before == rejects_now && !old.receipts.iter().any(is_other)
}
