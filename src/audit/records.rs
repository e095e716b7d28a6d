//! A commit held against its plan and against itself: no file is opened here.

use std::collections::{BTreeMap, BTreeSet};

use super::difference::{Difference, DifferenceKind};
use crate::lake::{Commit, Effect, Lake, Names, Outcome, PlanState, PlannedTask, Purpose, Receipt, Totals, check_fits};

/// More than deflate can inflate to, in bytes for each byte, and what is added for tiny objects.
const INFLATED_PER_BYTE_MAX: u64 = 1_100;
const INFLATED_AT_LEAST: u64 = 1 << 16;

/// A commit, and where it stands.
pub struct Subject<'a> {
    pub lake: &'a Lake,
    /// The commit's name, relative to the lake.
    pub name: &'a str,
    pub plan: u64,
    pub state: &'a PlanState,
    pub task: u64,
    /// Of a plan whose body is gone nothing more is known.
    pub planned: Option<&'a PlannedTask>,
}

pub fn check(subject: &Subject<'_>, commit: &Commit) -> Vec<Difference> {
    let mut differences = Vec::new();
    let head = &commit.head;
    let mut hold = |what: &str, expected: String, found: String| {
        if expected != found {
            let (expected, found) = (format!("{what} {expected}"), format!("{what} {found}"));
            differences.push(Difference::of_file(DifferenceKind::RecordDiffers, subject.name, expected, found));
        }
    };
    hold("plan", subject.plan.to_string(), head.plan.to_string());
    hold("task", subject.task.to_string(), head.task.to_string());
    hold("totals", words(&totals(commit)), words(&head.totals));
    if let Some(planned) =
        subject.planned.filter(|planned| head.replaces.is_some() && head.replaces != planned.replaces)
    {
        hold("replaces", format!("{:?}", planned.replaces), format!("{:?}", head.replaces));
    }
    if head.mark.is_some() && head.mark != subject.state.plan.mark {
        hold("mark", format!("{:?}", subject.state.plan.mark), format!("{:?}", head.mark));
    }
    let is_check = subject.state.plan.purpose == Purpose::Check;
    if is_check {
        hold("files", "0 in a plan that checks".to_owned(), format!("{} in a plan that checks", head.files.len()));
    }
    let plan = &subject.state.plan;
    let inputs = subject.planned.iter().flat_map(|planned| &planned.inputs.files);
    let shown: Vec<_> = inputs.filter_map(|file| Names::shown(&file.path)).collect();
    for (ordinal, file) in head.files.iter().enumerate() {
        let names = &subject.lake.names;
        let of_task = names.data(file.table, &file.partition, subject.plan, subject.task, ordinal, &file.hash);
        let name = match (plan.purpose, plan.effect) {
            (Purpose::Show, _) if subject.planned.is_none() => file.path.clone(),
            (Purpose::Show, _) => shown.get(ordinal).cloned().unwrap_or(of_task),
            (_, Effect::AtSeal) => Names::aside(&of_task),
            (_, Effect::AtCommit) => of_task,
        };
        hold("data file", name.to_string(), file.path.to_string());
    }
    if plan.effect == Effect::AtSeal {
        let fits = subject.planned.map_or(Ok(()), |planned| check_fits(commit, planned, subject.state));
        if let Err(reason) = fits {
            let expected = "what its task is to take out of the lake, and receipts of its objects";
            differences.push(Difference::of_file(DifferenceKind::RecordDiffers, subject.name, expected, reason));
        }
    } else if plan.purpose == Purpose::Redo && head.replaces.is_none() {
        let held = format!("{} files and {} receipts", head.files.len(), commit.receipts.len());
        hold("a task that changes nothing has", "0 files and 0 receipts".to_owned(), held);
    } else if let Some(planned) = subject.planned {
        differences.extend(check_objects(subject, planned, commit));
    }
    let receipts = commit.receipts.iter().flat_map(|receipt| check_receipt(receipt, is_check));
    differences.extend(receipts.map(|difference| difference.in_file(subject.name)));
    differences
}

/// Every object of the task has one receipt, unless it left the plan.
fn check_objects(subject: &Subject<'_>, planned: &PlannedTask, commit: &Commit) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut receipts: BTreeMap<&str, &Receipt> = BTreeMap::new();
    for receipt in &commit.receipts {
        if receipts.insert(&receipt.url, receipt).is_some() {
            differences.push(Difference::of_object(
                DifferenceKind::RecordDiffers,
                &receipt.url,
                "one receipt",
                "two receipts",
            ));
        }
    }
    for object in &planned.objects {
        let of_object = |expected: String, found: String| {
            Difference::of_object(DifferenceKind::RecordDiffers, &object.url, expected, found)
        };
        match receipts.remove(object.url.as_str()) {
            Some(receipt) => {
                let expected = (object.version.as_str(), object.size, crate::lake::Day(object.day));
                let found = (receipt.version.as_str(), receipt.size, receipt.day);
                if expected != found {
                    let words = |(version, size, day): (&str, u64, crate::lake::Day)| {
                        format!("version {version} of {size} bytes and day {day}")
                    };
                    differences.push(of_object(words(expected), words(found)));
                }
            }
            None if subject.state.dropped.contains_key(&object.url) => {}
            None => differences.push(of_object("a receipt".to_owned(), "none".to_owned())),
        }
    }
    for url in receipts.keys() {
        let expected = "receipts of the task's objects alone";
        differences.push(Difference::of_object(
            DifferenceKind::RecordDiffers,
            url,
            expected,
            "a receipt of another object",
        ));
    }
    differences.into_iter().map(|difference| difference.in_file(subject.name)).collect()
}

fn check_receipt(receipt: &Receipt, is_check: bool) -> Vec<Difference> {
    let Receipt { lines, headers, blanks, rows, rejects, expired, lost, .. } = *receipt;
    let mut differences = Vec::new();
    let mut differs = |expected: String, found: String| {
        differences.push(Difference::of_object(DifferenceKind::RecordDiffers, &receipt.url, expected, found));
    };
    let accounted = [headers, blanks, rows, rejects, expired, lost].into_iter().fold(0, u64::saturating_add);
    if accounted != lines {
        let found = format!("{headers} + {blanks} + {rows} + {rejects} + {expired} + {lost} = {accounted}");
        differs(format!("headers + blanks + rows + rejects + expired + lost = {lines} lines"), found);
    }
    let placed = receipt.parts.iter().map(|part| part.rows).fold(0, u64::saturating_add);
    if placed != receipt.records() {
        differs(format!("{} rows in its partitions", receipt.records()), format!("{placed} rows"));
    }
    let kept = receipt.kept_parts().iter().map(|part| part.rows).fold(0, u64::saturating_add);
    if placed == receipt.records() && kept != rows {
        differs(format!("{expired} rows of its oldest dates expired"), format!("{} rows", placed - kept));
    }
    let partitions: BTreeSet<_> = receipt.parts.iter().map(|part| (part.table, &part.partition)).collect();
    if partitions.len() != receipt.parts.len() {
        differs("each partition once".to_owned(), "a partition twice".to_owned());
    }
    if !is_believable(receipt) {
        differs(format!("what {} bytes can inflate to", receipt.size), format!("{lines} lines"));
    }
    let may_have_lines = match receipt.outcome {
        Outcome::Aside | Outcome::Skipped | Outcome::Copy | Outcome::Unread => false,
        Outcome::Converted => !is_check,
        Outcome::Confirmed | Outcome::Differs => is_check,
    };
    if !may_have_lines && lines > 0 {
        differs("no lines of an object that was not read".to_owned(), format!("{lines} lines"));
    }
    differences
}

/// Whether memory may be planned by the numbers of a receipt.
pub fn is_believable(receipt: &Receipt) -> bool {
    let most = receipt.size.saturating_mul(INFLATED_PER_BYTE_MAX).saturating_add(INFLATED_AT_LEAST);
    receipt.inflated_bytes <= most && receipt.lines <= receipt.inflated_bytes.saturating_add(1)
}

/// The totals that a commit's receipts and files give.
fn totals(commit: &Commit) -> Totals {
    let of = |outcome| commit.receipts.iter().filter(move |receipt| receipt.outcome == outcome);
    let converted = || of(Outcome::Converted);
    Totals {
        objects: converted().count() as u64,
        objects_aside: of(Outcome::Aside).count() as u64,
        objects_skipped: of(Outcome::Skipped).count() as u64,
        rows: converted().map(|receipt| receipt.rows).fold(0, u64::saturating_add),
        rejects: converted().map(|receipt| receipt.rejects).fold(0, u64::saturating_add),
        objects_confirmed: of(Outcome::Confirmed).count() as u64,
        objects_differing: of(Outcome::Differs).count() as u64,
        objects_copies: of(Outcome::Copy).count() as u64,
        objects_unread: of(Outcome::Unread).count() as u64,
        files: commit.head.files.len() as u64,
        file_bytes: commit.head.files.iter().map(|file| file.bytes).fold(0, u64::saturating_add),
    }
}

/// Sums in words, for people.
pub fn words(totals: &Totals) -> String {
    serde_json::to_string(totals).unwrap_or_default().replace(['"', '{', '}'], "").replace(',', ", ").replace(':', " ")
}
