//! What a run did, as it adds up, and for programs. For people it is worded elsewhere.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde::Serialize;

use super::expired::Expired;
use crate::commit::CommitError;
use crate::execute::{Gave, Stop};
use crate::lake::{ObjectHash, Outcome, Receipt, Totals, object_hash};
use crate::schema::Types;
use crate::source::Reason;

/// Names of a list that are kept at all.
pub(super) const KEPT_MAX: usize = 1000;

/// How a run came to its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Nothing told it to end, and no error did.
    #[default]
    Done,
    /// `--stop-after` was reached: what is left is planned, and the next run goes on with it.
    Stopped,
    /// A signal ended it; tasks at hand were abandoned, and the next run does them again.
    Interrupted,
    /// An error ended it; what is summed up was done before.
    Failed,
}

/// The closing summary of a conversion. All is of this run alone, but where it says otherwise. `--json` prints the
/// fields of all groups as those of one object. Lists of objects hold the first 1000; the ledger has them all.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// Whether the run did all it was asked to, or what ended it before.
    pub ending: Ending,
    /// What came of the objects, and what their rows lie in.
    #[serde(flatten)]
    pub converted: Converted,
    /// What the run took of the machine.
    #[serde(flatten)]
    pub effort: Effort,
    /// Objects that changed at their source after they were converted.
    #[serde(flatten)]
    pub checked: Checked,
    /// What a redo came to, of this run or of an earlier one whose files are shown now.
    #[serde(flatten)]
    pub replaced: Replaced,
    /// Small files that were merged.
    #[serde(flatten)]
    pub compacted: Compacted,
    /// Dates that were removed.
    #[serde(flatten)]
    pub expired: Expired,
    /// What the run could not reach, could not read or did not trust.
    #[serde(flatten)]
    pub left_out: LeftOut,
    /// Objects that are, or may be, copies of others.
    #[serde(flatten)]
    pub duplicates: Duplicates,
    /// What lies at the sources and is no flow log to be read.
    #[serde(flatten)]
    pub passed_over: PassedOver,
    /// What became of the Delta logs beside the data files.
    #[serde(flatten)]
    pub delta: Delta,
    /// Columns that keep the type of their first use, which this program would choose otherwise.
    pub kept_types: Vec<String>,
    /// The ledger's format, if this run raised it: earlier programs stop at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger_format: Option<u32>,
    /// What of the sources was listed.
    #[serde(flatten)]
    pub scope: Scope,
}

/// What came of the objects, and what their rows lie in.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Converted {
    /// Source objects whose rows are in the lake now, or that had none. Also those that were decoded again, if that
    /// changed anything.
    pub objects: u64,
    /// Objects that were set aside whole: by this run, or earlier in a plan that it finished, since who set them aside
    /// may have told nobody. So are `rejects`, `objects_differing` and copies that were kept.
    pub objects_aside: u64,
    /// Objects that turned out to be no flow logs once they were read; no rows are of them. [`PassedOver::skipped`]
    /// also counts those that were passed over by their names.
    pub objects_skipped: u64,
    /// Objects that this run planned, to be converted, checked or decoded again.
    pub objects_planned: u64,
    /// Listed, and converted by an earlier run.
    pub objects_known: u64,
    /// Compressed bytes of the converted objects.
    pub bytes: u64,
    /// Bytes of their text, once it was decompressed.
    pub inflated_bytes: u64,
    /// Rows that the converted objects gave.
    pub records: u64,
    /// Lines of them that were set aside.
    pub rejects: u64,
    /// Lines of dates that were removed before: they were counted, and the lake keeps none of them.
    pub records_expired: u64,
    /// Data files that were committed.
    pub files: u64,
    /// Bytes of these files, as they lie on storage.
    pub file_bytes: u64,
    /// Rows that each date received, by UTC day of their `start` (`2023-09-15`).
    pub dates: BTreeMap<String, u64>,
    /// Rows without `start`, of objects without a day in their key.
    pub rows_without_date: u64,
}

/// What the run took of the machine.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Effort {
    /// Wall time, from when both sides were open.
    pub seconds: f64,
    /// Compressed bytes of the converted objects.
    pub bytes_per_second: f64,
    /// The largest resident size of the process, also before this run (`ru_maxrss` of `getrusage`).
    pub peak_memory_bytes: u64,
    /// Threads that `--memory` allowed for decoding, at most those asked for.
    pub threads: usize,
    /// Threads that `--threads` asked for, or one for each core.
    pub threads_asked: usize,
}

/// Objects that changed at their source after they were converted.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Checked {
    /// Objects converted earlier whose version is another one now: read again, and equal to their receipts.
    pub objects_confirmed: u64,
    /// Those among them of which only sums are known to be equal.
    pub objects_confirmed_by_sums: u64,
    /// Objects converted earlier that give something else now: the lake keeps what it has.
    pub objects_differing: u64,
    /// Which these are, as `URL: reason`.
    pub differing: Vec<String>,
}

/// What a redo came to, of this run or of an earlier one whose files are shown now.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Replaced {
    /// Tasks decoded again whose files took the place of those they had given.
    pub tasks_replaced: u64,
    /// Files that took the place of others, and that readers of folders see from now on.
    pub files_shown: u64,
    /// Why files that took the place of others, and could be seen by them, are not shown or not cleared away.
    pub not_shown: Vec<String>,
    /// Tasks decoded again that gave the same: nothing was replaced.
    pub tasks_unchanged: u64,
    /// What could not be decoded again: what it gave earlier stays.
    pub objects_kept: u64,
    /// Which these are, and why.
    pub kept: Vec<String>,
    /// Hashes of all of them: they are met again where all is looked up once more, since a rival wrote to the log.
    #[serde(skip)]
    kept_hashes: HashSet<ObjectHash>,
    /// Objects that are gone at their source, with rows in data files that are gone: these rows are lost.
    pub objects_lost: u64,
    /// Which these are, and how many rows of each.
    pub lost: Vec<String>,
    /// Plans that ended with nothing done, and why.
    pub plans_void: Vec<String>,
}

/// Small files that were merged: of this run, or of a plan of an earlier one that it finished.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Compacted {
    /// Files whose rows went into others.
    pub files_merged: u64,
    /// Bytes of these files. They stay on storage for the retention.
    pub merged_bytes: u64,
    /// Files that took their place.
    pub files_compacted: u64,
    /// Bytes of these files.
    pub compacted_bytes: u64,
    /// Files that are gone or damaged, and why: they stay as they are, and so do those that a task of this run was to
    /// merge with them.
    pub not_merged: Vec<String>,
    /// Whether the run was to do nothing else.
    #[serde(skip)]
    pub is_all: bool,
}

impl Replaced {
    fn note_lost(&mut self, receipt: &Receipt) {
        self.objects_lost += 1;
        keep(&mut self.lost, format!("{}: {}", receipt.url, receipt.reason.as_deref().unwrap_or_default()));
    }
}

impl Compacted {
    fn add(&mut self, gave: &Gave) {
        self.files_merged += gave.taken.files;
        self.merged_bytes += gave.taken.file_bytes;
        self.files_compacted += gave.totals.files;
        self.compacted_bytes += gave.totals.file_bytes;
        gave.kept.iter().flatten().for_each(|reason| self.note_not_merged(reason));
    }

    pub(super) fn note_not_merged(&mut self, reason: &str) {
        if !self.not_merged.iter().any(|known| known == reason) {
            keep(&mut self.not_merged, reason.to_owned());
        }
    }
}

/// What the run could not reach, could not read or did not trust.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LeftOut {
    /// Prefixes that could not be listed.
    pub denied: Vec<String>,
    /// Objects that could not be read; the next run tries them again.
    pub objects_unreadable: u64,
    /// Which these are, as `URL: reason`.
    pub unreadable: Vec<String>,
    /// Open plans that name an object outside of this run's sources; they stay open.
    pub plans_refused: Vec<Refused>,
    /// Intents that name what their task cannot have published, or that cannot be read: nothing is removed for them.
    pub intents_ignored: Vec<String>,
    /// Files that flowlake published in the lake's folders and that nothing tells of: they were deleted.
    pub orphans_removed: u64,
    /// Objects set aside by this run, with the reason.
    pub aside: Vec<String>,
}

/// Objects that are, or may be, copies of others.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Duplicates {
    /// Objects that are copies of others by AWS's file name, size and checksum; with `--copies skip` they were not
    /// read.
    pub objects_copies: u64,
    /// Which these are, as `URL: URL of the other`.
    pub copies: Vec<String>,
    /// Objects with name and size of others, and with checksums that cannot be compared: they were converted.
    pub objects_maybe_copies: u64,
    /// Which these are, as `URL: URL of the other`.
    pub maybe_copies: Vec<String>,
    /// Whether those copies were left out: this run was told `--copies skip`.
    pub copies_skipped: bool,
    /// Whether copies were kept: by this run, or in a plan of an earlier one that it finished.
    #[serde(skip)]
    pub copies_kept: bool,
}

/// What lies at the sources and is no flow log to be read.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PassedOver {
    /// Objects skipped by their name or content, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Services that deliver to the same bucket, such as `CloudTrail`; never listed.
    pub other_services: Vec<String>,
}

/// What became of the Delta logs beside the data files.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Delta {
    /// Versions that were written.
    pub delta_versions: u64,
    /// URLs of the tables that became Delta tables in a lake that was born without Delta logs.
    pub delta_begun: Vec<String>,
    /// Versions of other programs that changed a table, as their URLs.
    pub delta_foreign: Vec<String>,
    /// Why a Delta log could not be read: what it lacks is not written.
    pub delta_unreadable: Vec<String>,
}

/// What of the sources was listed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Scope {
    /// The first key day that was asked for, `--since`. `None` also in a redo, and if the run ended while it listed.
    pub since: Option<chrono::NaiveDate>,
    /// The last key day that was asked for, `--until`.
    pub until: Option<chrono::NaiveDate>,
    /// The oldest key day from which a folder was listed again; `None` if all were listed from their beginning.
    pub listed_from: Option<String>,
    /// When an earlier run listed everything last, RFC 3339; `None` if none did.
    pub last_full_scan: Option<String>,
    /// Requests that listing took; on disk, folders read. Those of fetching and publishing are not counted.
    pub requests: u64,
}

/// An open plan that was not worked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Its number in the lake's log.
    pub plan: u64,
    /// The first object of it that is not of the sources.
    pub object: String,
}

impl Summary {
    pub(super) fn note_refused(&mut self, plan: u64, object: &str) {
        if !self.left_out.plans_refused.iter().any(|refused| refused.plan == plan) {
            self.left_out.plans_refused.push(Refused { plan, object: object.to_owned() });
        }
    }

    fn add(&mut self, totals: &Totals, receipts: &[Receipt]) {
        self.converted.add(totals);
        self.checked.objects_confirmed += totals.objects_confirmed;
        self.checked.objects_differing += totals.objects_differing;
        self.left_out.objects_unreadable += totals.objects_unread;
        for receipt in receipts {
            let reason = receipt.reason.as_deref().unwrap_or_default();
            match receipt.outcome {
                Outcome::Confirmed => self.checked.objects_confirmed_by_sums += u64::from(receipt.reason.is_some()),
                Outcome::Converted if receipt.lost > 0 => self.replaced.note_lost(receipt),
                Outcome::Converted => self.converted.add_object(receipt),
                Outcome::Aside => keep(&mut self.left_out.aside, format!("{}: {reason}", receipt.url)),
                Outcome::Skipped => *self.passed_over.skipped.entry(reason.to_owned()).or_default() += 1,
                Outcome::Differs => keep(&mut self.checked.differing, format!("{}: {reason}", receipt.url)),
                Outcome::Unread => keep(&mut self.left_out.unreadable, format!("{}: {reason}", receipt.url)),
                Outcome::Copy => {}
            }
        }
    }

    /// What a task of any plan gave.
    pub(super) fn note(&mut self, gave: &Gave) {
        let Some(kept) = &gave.kept else { return self.add(&gave.totals, &gave.receipts) };
        kept.iter().cloned().for_each(|reason| self.note_kept(reason));
        if !gave.receipts.is_empty() {
            self.add(&gave.totals, &gave.receipts);
            self.replaced.tasks_replaced += 1;
        } else if kept.is_empty() {
            self.replaced.tasks_unchanged += 1;
        }
    }

    /// What a task of a plan to compact gave.
    pub(super) fn note_merged(&mut self, gave: &Gave) {
        self.compacted.add(gave);
    }

    pub(super) fn note_kept(&mut self, reason: String) {
        if self.replaced.kept_hashes.insert(object_hash(&reason)) {
            self.replaced.objects_kept += 1;
            keep(&mut self.replaced.kept, reason);
        }
    }

    pub(super) fn note_not_shown(&mut self, error: &CommitError) {
        let reason = error.to_string();
        if !self.replaced.not_shown.contains(&reason) {
            keep(&mut self.replaced.not_shown, reason);
        }
    }

    /// Whether nothing was done that is worth telling when a run fails.
    pub(super) fn is_empty(&self) -> bool {
        let Summary { converted, checked, replaced, compacted, expired, left_out, .. } = self;
        let objects = converted.objects + converted.objects_aside + converted.objects_skipped;
        let read = checked.objects_confirmed + checked.objects_differing + left_out.objects_unreadable;
        let files = compacted.files_merged + expired.files_expired + expired.files_deleted;
        objects + read + replaced.tasks_unchanged + replaced.objects_kept + files == 0
            && left_out.plans_refused.is_empty()
            && replaced.plans_void.is_empty()
            && replaced.not_shown.is_empty()
            && compacted.not_merged.is_empty()
    }

    pub(super) fn note_kept_types(&mut self, types: &Types) {
        for (table, columns) in &types.0 {
            let kept = columns.iter().map(|(column, kind)| format!("{}.{column} as {}", table.name(), kind.word()));
            self.kept_types.extend(kept);
        }
    }

    pub(super) fn finish(&mut self, took: Duration, stop: &Stop) {
        self.ending = match (stop.is_now(), stop.is_soon()) {
            (true, _) => Ending::Interrupted,
            (false, true) => Ending::Stopped,
            (false, false) => Ending::Done,
        };
        self.effort.seconds = took.as_secs_f64();
        self.effort.bytes_per_second = self.converted.bytes as f64 / self.effort.seconds.max(1e-9);
        self.effort.peak_memory_bytes = peak_memory();
    }

    /// Whether this run set anything aside, or could not reach something it was asked for.
    pub fn left_something(&self) -> bool {
        let Summary { converted, checked, replaced, compacted, expired, left_out, delta, .. } = self;
        converted.objects_aside > 0
            || expired.rows_left > 0
            || converted.rejects > 0
            || !left_out.denied.is_empty()
            || left_out.objects_unreadable > 0
            || checked.objects_differing > 0
            || replaced.objects_kept > 0
            || replaced.objects_lost > 0
            || !replaced.plans_void.is_empty()
            || !replaced.not_shown.is_empty()
            || !compacted.not_merged.is_empty()
            || !left_out.plans_refused.is_empty()
            || !delta.delta_foreign.is_empty()
            || !delta.delta_unreadable.is_empty()
    }
}

impl PassedOver {
    pub(super) fn add(&mut self, reason: Reason, objects: u64) {
        if objects > 0 {
            *self.skipped.entry(reason.text().to_owned()).or_default() += objects;
        }
    }
}

impl Converted {
    fn add(&mut self, totals: &Totals) {
        self.objects += totals.objects;
        self.objects_aside += totals.objects_aside;
        self.objects_skipped += totals.objects_skipped;
        self.records += totals.rows;
        self.rejects += totals.rejects;
        self.files += totals.files;
        self.file_bytes += totals.file_bytes;
    }

    /// What the totals do not say of an object that was converted.
    fn add_object(&mut self, receipt: &Receipt) {
        self.bytes += receipt.size;
        self.inflated_bytes += receipt.inflated_bytes;
        self.records_expired += receipt.expired;
        for part in receipt.kept_parts() {
            match part.date() {
                Some(date) => *self.dates.entry(date.to_string()).or_default() += part.rows,
                None => self.rows_without_date += part.rows,
            }
        }
    }
}

/// A list of names is a help and no record: the ledger has them all.
pub(super) fn keep(names: &mut Vec<String>, name: String) {
    if names.len() < KEPT_MAX {
        names.push(name);
    }
}

/// The largest resident size of this process so far, in bytes.
fn peak_memory() -> u64 {
    // SAFETY: `rusage` is plain data for which all zeroes are valid, and `getrusage` fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    usage.ru_maxrss as u64 * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run that looks everything up again, since a rival wrote to the log, meets the same objects.
    #[test]
    fn what_is_kept_is_counted_once_however_many_there_are() {
        let mut summary = Summary::default();
        for _ in 0..2 {
            (0..KEPT_MAX + 500).for_each(|n| summary.note_kept(format!("s3://logs/{n}: it is gone at the source")));
        }
        assert_eq!((summary.replaced.objects_kept, summary.replaced.kept.len()), (KEPT_MAX as u64 + 500, KEPT_MAX));
    }
}
