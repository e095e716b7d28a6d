//! Plans to redo of the first formats, which an earlier program left open: they are finished by their own rules.
//!
//! A task is redone whole or not at all: its new files stand for its old ones from the plan's last commit on. If one of
//! its objects cannot be read as it could then, its task is kept as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::faults::{Fault, Faults};
use super::{Gave, Job, Outcome, TaskError, Worker};
use crate::commit::{LakeWriter, Staged, is_intact, publish};
use crate::lake::{self, Commit, LakeError, Names, Receipt, TaskRef, Totals, same_content};

/// Publishes a task of a plan to redo. It stays as it is if its objects gave the same files and these are there, or if
/// they gave less than they did.
pub(super) async fn publish_again(
    writer: &LakeWriter,
    mut staged: Staged,
    replaces: TaskRef,
) -> Result<Outcome, TaskError> {
    let old = commit_of(writer, replaces).await?;
    let kept: Vec<String> = lost(&old, &staged).into_iter().collect();
    // What is gone or damaged is published again, whatever the rows are.
    let is_there = kept.is_empty() && gave_the_same(&old, &staged) && is_intact(&writer.lake, &old.head).await?;
    if !kept.is_empty() || is_there {
        empty(&mut staged);
    }
    let kept = Some(kept);
    let gave = Gave { totals: staged.totals, receipts: staged.receipts.clone(), kept, ..Gave::default() };
    Ok(Outcome::of(publish(writer, staged).await?, gave))
}

/// Commits a task of which an object cannot be read: it stays as it is.
pub(super) async fn keep(worker: Arc<Worker>, job: Arc<Job>, task: u64, unread: Faults) -> Result<Outcome, TaskError> {
    let staged = job.nothing(task, worker.scratch.attempt(job.number, task)?);
    let reason = |(url, fault): (String, Fault)| format!("{url}: {}", fault.reason());
    let kept = Some(unread.into_iter().map(reason).collect());
    Ok(Outcome::of(publish(&worker.writer, staged).await?, Gave { kept, ..Gave::default() }))
}

fn empty(staged: &mut Staged) {
    staged.files.clear();
    staged.receipts.clear();
    (staged.rejects, staged.replaces, staged.totals) = (None, None, Totals::default());
}

async fn commit_of(writer: &LakeWriter, task: TaskRef) -> Result<Commit, TaskError> {
    let lake = &writer.lake;
    let missing = || LakeError::Lost { url: lake.names.url(&lake.names.commit(task.plan, task.task)), others: 0 };
    Ok(lake.commit(task.plan, task.task).await?.ok_or_else(missing)?)
}

/// An object that would give less than it gave, for another reason than the program, and that reason.
fn lost(old: &Commit, staged: &Staged) -> Option<String> {
    let now: BTreeMap<&str, &Receipt> = staged.receipts.iter().map(|receipt| (receipt.url.as_str(), receipt)).collect();
    let converted = old.receipts.iter().filter(|receipt| receipt.outcome == lake::Outcome::Converted);
    converted.into_iter().find_map(|receipt| match now.get(receipt.url.as_str()) {
        Some(now) if now.outcome != lake::Outcome::Converted => {
            Some(format!("{}: {}", now.url, now.reason.as_deref().unwrap_or("it is no flow log now")))
        }
        Some(now) if now.version != receipt.version && now.records() < receipt.records() => {
            let (rows, earlier) = (now.records(), receipt.records());
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
