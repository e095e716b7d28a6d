//! One task: its commit held against its plan, and what it set aside against its receipts.
//!
//! Its data files are read later, with all others of their partitions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::difference::{Difference, DifferenceKind};
use super::notes::{LiveFile, Note, Notes, Part};
use super::opened::{Context, Opened};
use super::problem::problem;
use super::records::{self, Subject, is_believable};
use super::rejects::{self, Rejects, SetAside};
use super::standing::{Standing, counts};
use super::sums::Sums;
use super::{AuditError, Options};
use crate::lake::{Commit, DataFile, Day, Outcome, PlanState, PlannedTask, TaskRef, Totals, folder_of};
use crate::schema::{Partition, Table};

/// What came of one task. Without a commit there is nothing but differences.
#[derive(Default)]
pub struct Audited {
    pub commit: Option<Arc<Commit>>,
    /// Of a task whose rows are to be proven: the lines that it set aside.
    pub set_aside: Option<SetAside>,
    /// Of a plan to expire: what it takes of tasks that were given up. It left the lake with these.
    pub taken_of_lost: Totals,
    /// Whether nobody can tell that.
    pub is_taken_unknown: bool,
    pub differences: Vec<Difference>,
}

/// A task as the body of its plan says it; if that is gone, only its number.
pub enum Task {
    Planned(Box<PlannedTask>),
    Bodyless(u64),
}

pub async fn audit(context: Context, number: u64, state: Arc<PlanState>, task: Task) -> Result<Audited, AuditError> {
    let lake = &context.lake;
    let (task, planned) = match &task {
        Task::Planned(planned) => (planned.task, Some(&**planned)),
        &Task::Bodyless(task) => (task, None),
    };
    let mut audited = Audited::default();
    if state.plan.expires.is_some() {
        let files = planned.iter().flat_map(|planned| &planned.inputs.files);
        let of_lost: Vec<&DataFile> = files.filter(|file| context.standing.is_of_lost(&file.path)).collect();
        audited.taken_of_lost = Totals::of_expired(of_lost.into_iter());
        audited.is_taken_unknown = planned.is_none();
    }
    let name = lake.names.relative(&lake.names.commit(number, task));
    let commit = match lake.commit(number, task).await {
        Ok(Some(commit)) => Arc::new(commit),
        // It was there when commits were listed, a moment ago.
        Ok(None) => {
            let missing = Difference::of_file(DifferenceKind::RecordMissing, &name, "the commit of a task", "nothing");
            audited.differences.push(missing);
            return Ok(audited);
        }
        Err(error) => {
            audited.differences.push(problem(lake, error)?);
            return Ok(audited);
        }
    };
    let subject = Subject { lake, name: &name, plan: number, state: &state, task, planned };
    audited.differences.extend(records::check(&subject, &commit));
    let task = TaskRef { plan: number, task };
    let waits = state.is_redo_under_way();
    let is_under_way = waits && !context.superseded.by.contains(&number) || !counts(&state);
    if context.superseded.tasks.contains(&task) || is_under_way {
        audited.commit = Some(commit);
        return Ok(audited);
    }
    let name = context.standing.rejects_of(&commit.head);
    let (mut file, mut is_damaged) = (None, false);
    if let Some(name) = &name {
        match context.rejects(name).await? {
            Opened::AsSaid(found) => file = Some(found),
            Opened::Differs(difference) => {
                is_damaged = true;
                // Whose lines were carried over has them in the list of another task, which tells of it. A run that
                // goes on meanwhile may have replaced them.
                if commit.head.rejects.as_ref() == Some(name) && !context.has_left_by_now(name).await? {
                    audited.differences.push(difference);
                }
            }
        }
    }
    let standing = context.standing.clone();
    let rejects = Rejects { commit: commit.clone(), name, file, is_damaged, standing, bits_max: context.bits_max };
    let compared = tokio::task::spawn_blocking(move || rejects::compare(&rejects));
    let (set_aside, differences) = compared.await.expect("reading rejects does not panic");
    audited.differences.extend(differences);
    (audited.commit, audited.set_aside) = (Some(commit), Some(set_aside));
    Ok(audited)
}

/// Notes the data files of a live commit, and what its objects gave to each partition. Gives files, and their bytes, of
/// dates that are not looked at.
pub fn note(
    notes: &mut Notes,
    (standing, options): (&Standing, &Options),
    commit: &Commit,
    (set_aside, waits): (SetAside, bool),
) -> std::io::Result<(u64, u64)> {
    let task = commit.head.task_ref();
    let takes = |partition: &str| options.takes(partition.parse::<Partition>().ok().and_then(|of| of.date));
    let mut passed_over = (0, 0);
    for (ordinal, record) in commit.head.files.iter().enumerate() {
        // What came for an expired date is taken out by the run that brought it, or by the next one.
        if !standing.is_live(&record.path) || standing.is_expired(record) {
            continue;
        }
        if !takes(&record.partition) {
            passed_over = (passed_over.0 + 1, passed_over.1 + record.bytes);
            continue;
        }
        let live = LiveFile { task, ordinal, waits, record: record.clone() };
        notes.add(record.table, &record.partition, &Note::File(live))?;
    }
    for (receipt, set_aside) in commit.receipts.iter().zip(set_aside.lines) {
        if receipt.outcome != Outcome::Converted || !standing.is_in_effect(receipt, task) {
            continue;
        }
        let lines = is_believable(receipt).then_some(receipt.lines);
        // A partition that is there twice was told of.
        let kept = receipt.kept_parts().into_iter().filter(|part| !part.is_of_date_until(standing.expired));
        let parts: BTreeMap<_, _> = kept.map(|part| ((part.table, &part.partition), part)).collect();
        for ((table, partition), part) in parts.into_iter().filter(|((_, partition), _)| takes(partition)) {
            let (object, set_aside) = (receipt.url.clone(), set_aside.clone());
            notes.add(table, partition, &Note::Part(Part { object, lines, sums: Sums::of(part), set_aside }))?;
        }
    }
    Ok(passed_over)
}

/// What the commits of one plan sum up to, as its seal must say.
#[derive(Default)]
pub struct PlanSums {
    pub totals: Totals,
    pub columns: BTreeMap<Table, BTreeMap<String, crate::schema::Kind>>,
    pub replaced: BTreeSet<TaskRef>,
    /// What leaves the lake with the seal.
    pub taken: Totals,
    /// The oldest day, in each folder, of objects that could not be read.
    pub unread: BTreeMap<String, Day>,
}

impl PlanSums {
    pub fn add(&mut self, commit: &Commit) {
        self.totals.add(&commit.head.totals);
        self.replaced.extend(commit.head.replaces);
        self.taken.add(&commit.head.taken.totals);
        for receipt in commit.receipts.iter().filter(|receipt| receipt.outcome == Outcome::Unread) {
            let oldest = self.unread.entry(folder_of(&receipt.url).to_owned()).or_insert(receipt.day);
            *oldest = receipt.day.min(*oldest);
        }
        for file in &commit.head.files {
            self.columns.entry(file.table).or_default().extend(file.columns.clone());
        }
    }
}
