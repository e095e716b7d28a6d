//! What objects gave, in the words of the ledger, and held against what they had given.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::left::Left;
use crate::decode::Counts;
use crate::encode::{self, WRITER_EPOCH};
use crate::lake::{Day, Outcome, PartSums, Receipt, Relative, Totals, same_content};
use crate::source::Object;

/// By URL.
pub(super) type Earlier = BTreeMap<String, Before>;

/// What an object gave, and to which writer.
#[derive(Debug)]
pub(super) struct Before {
    pub receipt: Receipt,
    pub writer_epoch: Option<u32>,
}

pub(super) fn named(partition: &str) -> Relative {
    partition.parse().expect("a partition is made of words and numbers")
}

pub(super) fn receipt(object: &Object, outcome: Outcome, reason: Option<String>) -> Receipt {
    Receipt {
        url: object.url.clone(),
        version: object.version.clone(),
        size: object.size,
        day: Day(object.day),
        outcome,
        reason,
        lines: 0,
        headers: 0,
        blanks: 0,
        rows: 0,
        rejects: 0,
        expired: 0,
        inflated_bytes: 0,
        parts: Vec::new(),
        digest: None,
        lost: 0,
        first_version: None,
    }
}

/// The receipt of an object that was read to its end: each of its lines is accounted for, and each row has a partition.
/// Rows of dates through `expired` are in no file.
pub(super) fn converted(
    object: &Object,
    counts: &Counts,
    parts: Vec<encode::PartitionSums>,
    expired: Option<NaiveDate>,
) -> Receipt {
    let accounted = counts.headers + counts.blanks + counts.rows + counts.rejects;
    assert_eq!(counts.lines, accounted, "{}: every line is a header, blank, row or reject", object.url);
    let is_expired = |sums: &&encode::PartitionSums| sums.partition.date.is_some_and(|date| Some(date) <= expired);
    let expired: u64 = parts.iter().filter(is_expired).map(|sums| sums.rows).sum();
    let parts: Vec<PartSums> = parts.into_iter().map(part).collect();
    let placed: u64 = parts.iter().map(|part| part.rows).sum();
    assert_eq!(counts.rows, placed, "{}: every row went to a partition", object.url);
    Receipt {
        lines: counts.lines,
        headers: counts.headers,
        blanks: counts.blanks,
        rows: counts.rows - expired,
        rejects: counts.rejects,
        expired,
        inflated_bytes: counts.inflated_bytes,
        parts,
        ..receipt(object, Outcome::Converted, None)
    }
}

fn part(sums: encode::PartitionSums) -> PartSums {
    let partition = named(&sums.partition.path());
    PartSums { table: sums.table, partition, rows: sums.rows, measures: sums.measures, mix: sums.mix }
}

/// The receipt of an object that is gone at its source, from what is left of its rows and lines; `None` if all are.
/// What was removed with its date, which is not after `expired`, is not lost.
pub(super) fn what_is_left(earlier: &Receipt, left: Left, expired: Option<NaiveDate>) -> Option<Receipt> {
    let of_removed = earlier.parts.iter().filter(|part| part.is_of_date_until(expired)).cloned();
    let removed: Vec<PartSums> = of_removed.collect();
    let found: Vec<PartSums> = left.parts.into_iter().map(part).collect();
    let sum = |parts: &[PartSums]| parts.iter().map(|part| part.rows).sum::<u64>();
    let (rows, expired_rows) = (sum(&found), sum(&removed));
    let is_day_removed = earlier.day.0.is_some_and(|day| Some(day) <= expired);
    let rejects = if is_day_removed { earlier.rejects } else { left.rejects };
    let now = (earlier.records() + earlier.rejects).saturating_sub(expired_rows + rows + rejects);
    let reason = format!("it is gone at the source, and {now} of its rows and lines are with data files that are gone");
    let lost = earlier.lost.saturating_add(now);
    let parts = [found, removed].concat();
    let left = Receipt { rows, rejects, expired: expired_rows, parts, lost, reason: Some(reason), ..earlier.clone() };
    (now > 0).then_some(left)
}

/// A later version of a converted object, held against what the object gave.
pub(super) fn checked(found: Receipt, earlier: &BTreeMap<String, Before>) -> Receipt {
    let (outcome, reason) = match (found.outcome, earlier.get(&found.url)) {
        (Outcome::Unread, _) => return found,
        (Outcome::Converted, Some(earlier)) if found.gave_the_same(&earlier.receipt) => {
            let is_by_sums = same_content(&found, &earlier.receipt).is_none();
            (
                Outcome::Confirmed,
                is_by_sums.then(|| "by its sums: no digest tells whether the contents are equal".to_owned()),
            )
        }
        (Outcome::Converted, Some(earlier)) => (Outcome::Differs, Some(difference(&found, earlier))),
        (Outcome::Converted, None) => (Outcome::Differs, Some("there is no receipt to hold it against".to_owned())),
        _ => (Outcome::Differs, Some(found.reason.clone().unwrap_or_default())),
    };
    Receipt { outcome, reason, ..found }
}

fn difference(found: &Receipt, Before { receipt: earlier, writer_epoch }: &Before) -> String {
    let (rows, rejects) = (found.records(), found.rejects);
    let (rows_earlier, rejects_earlier) = (earlier.records(), earlier.rejects);
    if found.size == 0 {
        return format!("it is empty now; it gave {rows_earlier} rows and {rejects_earlier} rejects");
    }
    let is_ours = writer_epoch.is_none_or(|epoch| epoch == WRITER_EPOCH);
    let why = match same_content(found, earlier) {
        Some(false) => "its content is another one: ",
        Some(true) if !is_ours => "the decoder changed since it was converted, and nothing else: ",
        None if !is_ours => "the decoder changed since it was converted, and perhaps nothing else: ",
        Some(true) | None => "",
    };
    format!(
        "{why}it would give {rows} rows and {rejects} rejects; it gave {rows_earlier} and {rejects_earlier}, and values \
         may differ where counts do not"
    )
}

pub(super) fn totals_of(receipts: &[Receipt]) -> Totals {
    let of = |outcome| receipts.iter().filter(|receipt| receipt.outcome == outcome).count() as u64;
    // Only a conversion puts rows into the lake.
    let converted = || receipts.iter().filter(|receipt| receipt.outcome == Outcome::Converted);
    Totals {
        objects: of(Outcome::Converted),
        objects_aside: of(Outcome::Aside),
        objects_skipped: of(Outcome::Skipped),
        rows: converted().map(|receipt| receipt.rows).sum(),
        rejects: converted().map(|receipt| receipt.rejects).sum(),
        objects_confirmed: of(Outcome::Confirmed),
        objects_differing: of(Outcome::Differs),
        objects_copies: of(Outcome::Copy),
        objects_unread: of(Outcome::Unread),
        files: 0,
        file_bytes: 0,
    }
}
