//! What a run did, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::commit::CommitError;
use crate::execute::{Gave, Stop};
use crate::lake::{Outcome, Receipt, Totals};
use crate::progress::{bytes, count};
use crate::schema::{Partition, Types};
use crate::shown;
use crate::source::Reason;

/// Names of a list that are kept at all.
pub(super) const KEPT_MAX: usize = 1000;
/// Objects named in full in a summary; the ledger has them all.
const NAMED_MAX: usize = 10;
/// Dates named for people; `--json` has them all.
const DATES_NAMED_MAX: usize = 5;

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

/// The closing summary of a conversion, as `--json` prints it. All is of this run alone, but where it says otherwise.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// Whether the run did all it was asked to, or what ended it before.
    pub ending: Ending,
    /// Source objects whose rows are in the lake now, or that had none. Also those that were decoded again, if that
    /// changed anything.
    pub objects: u64,
    /// Objects that were set aside whole.
    pub objects_aside: u64,
    /// Objects that turned out to be no flow logs once they were read; no rows are of them. [`skipped`](Self::skipped)
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
    /// Data files that were committed.
    pub files: u64,
    /// Bytes of these files, as they lie on storage.
    pub file_bytes: u64,
    /// Rows that each date received, by UTC day of their `start` (`2023-09-15`).
    pub dates: BTreeMap<String, u64>,
    /// Rows without `start`, of objects without a day in their key.
    pub rows_without_date: u64,
    /// Wall time, from when both sides were open.
    pub seconds: f64,
    /// `bytes` by `seconds`: compressed bytes.
    pub bytes_per_second: f64,
    /// The largest resident size of the process, also before this run (`ru_maxrss` of `getrusage`).
    pub peak_memory_bytes: u64,
    /// Threads that `--memory` allowed for decoding, at most those asked for.
    pub threads: usize,
    /// Threads that `--threads` asked for, or one for each core.
    pub threads_asked: usize,
    /// Objects converted earlier whose version is another one now: read again, and equal to their receipts.
    pub objects_confirmed: u64,
    /// Those among them of which only sums are known to be equal.
    pub objects_confirmed_by_sums: u64,
    /// The same, and not equal: the lake keeps what it has.
    pub objects_differing: u64,
    /// Which these are, as `URL: reason`. Lists of objects hold the first 1000; the ledger has them all.
    pub differing: Vec<String>,
    /// Tasks decoded again whose files took the place of those they had given.
    pub tasks_replaced: u64,
    /// Files that took the place of others, and that readers of folders see from now on.
    pub files_shown: u64,
    /// Why files that took the place of others, and could be seen by them, are not shown or not cleared away.
    pub not_shown: Vec<String>,
    /// The same, with equal files: nothing was replaced.
    pub tasks_unchanged: u64,
    /// What could not be decoded again: what it gave earlier stays.
    pub objects_kept: u64,
    /// Which these are, and why; also plans that ended with nothing done.
    pub kept: Vec<String>,
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
    /// Objects set aside by this run, with the reason.
    pub aside: Vec<String>,
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
    /// Objects skipped by their name or content, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Services that deliver to the same bucket, such as `CloudTrail`; never listed.
    pub other_services: Vec<String>,
    /// Columns that keep the type of their first use, which this program would choose otherwise.
    pub kept_types: Vec<String>,
    /// The ledger's format, if this run raised it: earlier programs stop at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger_format: Option<u32>,
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
        if !self.plans_refused.iter().any(|refused| refused.plan == plan) {
            self.plans_refused.push(Refused { plan, object: object.to_owned() });
        }
    }

    fn add(&mut self, totals: &Totals, receipts: &[Receipt]) {
        self.objects += totals.objects;
        self.objects_aside += totals.objects_aside;
        self.objects_skipped += totals.objects_skipped;
        self.records += totals.rows;
        self.rejects += totals.rejects;
        self.files += totals.files;
        self.file_bytes += totals.file_bytes;
        self.objects_confirmed += totals.objects_confirmed;
        self.objects_differing += totals.objects_differing;
        self.objects_unreadable += totals.objects_unread;
        for receipt in receipts {
            let reason = receipt.reason.as_deref().unwrap_or_default();
            match receipt.outcome {
                Outcome::Confirmed => self.objects_confirmed_by_sums += u64::from(receipt.reason.is_some()),
                Outcome::Converted => {
                    self.bytes += receipt.size;
                    self.inflated_bytes += receipt.inflated_bytes;
                    for part in &receipt.parts {
                        match part.partition.parse::<Partition>().ok().and_then(|partition| partition.date) {
                            Some(date) => *self.dates.entry(date.to_string()).or_default() += part.rows,
                            None => self.rows_without_date += part.rows,
                        }
                    }
                }
                Outcome::Aside => keep(&mut self.aside, format!("{}: {reason}", receipt.url)),
                Outcome::Skipped => *self.skipped.entry(reason.to_owned()).or_default() += 1,
                Outcome::Differs => keep(&mut self.differing, format!("{}: {reason}", receipt.url)),
                Outcome::Unread => keep(&mut self.unreadable, format!("{}: {reason}", receipt.url)),
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
            self.tasks_replaced += 1;
        } else if kept.is_empty() {
            self.tasks_unchanged += 1;
        }
    }

    pub(super) fn note_kept(&mut self, reason: String) {
        if !self.kept.contains(&reason) {
            self.objects_kept += 1;
            keep(&mut self.kept, reason);
        }
    }

    pub(super) fn note_not_shown(&mut self, error: &CommitError) {
        let reason = error.to_string();
        if !self.not_shown.contains(&reason) {
            keep(&mut self.not_shown, reason);
        }
    }

    /// Whether nothing was done that is worth telling when a run fails.
    pub(super) fn is_empty(&self) -> bool {
        let objects = self.objects + self.objects_aside + self.objects_skipped;
        let read = self.objects_confirmed + self.objects_differing + self.objects_unreadable;
        objects + read + self.tasks_unchanged + self.objects_kept == 0
            && self.plans_refused.is_empty()
            && self.not_shown.is_empty()
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
        self.seconds = took.as_secs_f64();
        self.bytes_per_second = self.bytes as f64 / self.seconds.max(1e-9);
        self.peak_memory_bytes = peak_memory();
    }

    /// Whether this run set anything aside, or could not reach something it was asked for.
    pub fn left_something(&self) -> bool {
        self.objects_aside > 0
            || self.rejects > 0
            || !self.denied.is_empty()
            || self.objects_unreadable > 0
            || self.objects_differing > 0
            || self.objects_kept > 0
            || !self.not_shown.is_empty()
            || !self.plans_refused.is_empty()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = match self.objects_known {
            0 => String::new(),
            known => format!("; {} were done before", count(known)),
        };
        if self.objects == 0 && self.objects_aside == 0 && self.objects_skipped == 0 && self.files == 0 {
            writeln!(f, "nothing new{known}")?;
            let parquet = self.skipped.get(Reason::Parquet.text()).copied().unwrap_or_default();
            if parquet > 0 && self.objects_known == 0 {
                let parquet = count(parquet);
                writeln!(
                    f,
                    "there are only Parquet objects ({parquet}): flowlake converts text, and does not read them"
                )?;
            }
        } else {
            writeln!(
                f,
                "{} records of {} objects ({}) in {} files ({}){known}",
                count(self.records),
                count(self.objects),
                bytes(self.bytes),
                count(self.files),
                bytes(self.file_bytes)
            )?;
            let rate = self.records as f64 / self.seconds.max(1e-9);
            let memory = bytes(self.peak_memory_bytes);
            writeln!(f, "{:.1} s, {} records a second, peak memory {memory}", self.seconds, count(rate as u64))?;
            if self.threads < self.threads_asked {
                let (threads, asked) = (self.threads, self.threads_asked);
                writeln!(f, "{threads} of {asked} threads worked: `--memory` has no room for more")?;
            }
        }
        if !self.dates.is_empty() {
            let dates: Vec<&str> = self.dates.keys().map(String::as_str).take(DATES_NAMED_MAX).collect();
            let more = match self.dates.len().saturating_sub(DATES_NAMED_MAX) {
                0 => String::new(),
                more => format!(" … and {} more", count(more as u64)),
            };
            writeln!(f, "rows went to {} dates: {}{more}", count(self.dates.len() as u64), dates.join(", "))?;
        }
        self.write_left(f)?;
        self.write_listing(f)?;
        match self.ending {
            Ending::Done => Ok(()),
            Ending::Stopped => writeln!(f, "stopped at the time limit: the next run goes on from here"),
            Ending::Failed => {
                writeln!(f, "ended by an error: what was committed stays, the next run goes on from here")
            }
            Ending::Interrupted => writeln!(f, "interrupted: what was committed stays, the next run goes on from here"),
        }
    }
}

impl Summary {
    fn write_left(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rejects > 0 {
            writeln!(f, "{} lines were set aside; see `flowlake rejects LAKE`", count(self.rejects))?;
        }
        name_some(f, "objects were set aside", self.objects_aside, &self.aside)?;
        name_some(
            f,
            "objects could not be read and are looked for again by the next run",
            self.objects_unreadable,
            &self.unreadable,
        )?;
        if self.tasks_replaced > 0 {
            writeln!(f, "the files of {} tasks took the place of their earlier ones", count(self.tasks_replaced))?;
        }
        if self.files_shown > 0 {
            writeln!(f, "{} of them are seen by readers of folders from now on", count(self.files_shown))?;
        }
        name_some(
            f,
            "obstacles keep files of a redo from being shown to readers of folders, or cleared away",
            self.not_shown.len() as u64,
            &self.not_shown,
        )?;
        if self.tasks_unchanged > 0 {
            writeln!(f, "{} tasks gave the same again: nothing was replaced", count(self.tasks_unchanged))?;
        }
        name_some(
            f,
            "objects could not be decoded again (the lake keeps what their tasks gave)",
            self.objects_kept,
            &self.kept,
        )?;
        self.write_compared(f)?;
        name_refused(f, &self.plans_refused)?;
        name_some(
            f,
            "records of the ledger say what may be removed and were not believed",
            self.intents_ignored.len() as u64,
            &self.intents_ignored,
        )?;
        if self.rows_without_date > 0 {
            let rows = count(self.rows_without_date);
            writeln!(f, "{rows} rows have no date and lie in the partition date=__HIVE_DEFAULT_PARTITION__")?;
        }
        Ok(())
    }

    /// What objects are beside others, or beside what they were.
    fn write_compared(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let copies = match self.copies_skipped {
            true if self.objects_unreadable > 0 => {
                "objects are copies of others and were left out, unless it was their first that could not be read"
            }
            true => "objects are copies of others and were left out",
            false => "objects are copies of others: their rows are in the lake twice (`--copies skip` leaves them out)",
        };
        name_some(f, copies, self.objects_copies, &self.copies)?;
        name_some(
            f,
            "objects have the name and size of others, and checksums that cannot be compared",
            self.objects_maybe_copies,
            &self.maybe_copies,
        )?;
        name_denied(f, &self.denied)?;
        let by_sums = self.objects_confirmed_by_sums;
        let replaced = "objects were replaced at the source since they were converted";
        if self.objects_confirmed > by_sums {
            writeln!(f, "{} {replaced}, with equal records", count(self.objects_confirmed - by_sums))?;
        }
        if by_sums > 0 {
            writeln!(
                f,
                "{} {replaced}, with equal sums (no digest tells whether their contents are equal)",
                count(by_sums)
            )?;
        }
        name_some(
            f,
            "objects that were replaced at the source give something else now (the lake keeps what it has)",
            self.objects_differing,
            &self.differing,
        )
    }

    fn write_listing(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (reason, skipped) in &self.skipped {
            writeln!(f, "{} objects skipped: {}", count(*skipped), shown::line(reason))?;
        }
        if !self.other_services.is_empty() {
            let others = self.other_services.join(", ");
            writeln!(f, "other logs beside, neither listed nor read: {}", shown::line(&others))?;
        }
        if let Some(format) = self.ledger_format {
            writeln!(f, "the lake's ledger is of format {format} from now on: earlier versions of flowlake refuse it")?;
        }
        if !self.kept_types.is_empty() {
            let kept = self.kept_types.join(", ");
            writeln!(f, "columns that keep the type of their first use in this lake: {}", shown::line(&kept))?;
        }
        if self.since.is_some() || self.until.is_some() {
            let day = |day: Option<chrono::NaiveDate>| day.map_or_else(|| "…".to_owned(), |day| day.to_string());
            let (since, until) = (day(self.since), day(self.until));
            writeln!(f, "only objects delivered {since} to {until} were asked for: dates at the edges may be partial")?;
        }
        if let Some(from) = &self.listed_from {
            let scan = self.last_full_scan.as_deref().unwrap_or("never");
            writeln!(f, "listed from {from} on; the last full scan was {scan} (`--full-scan` looks at everything)")?;
        }
        Ok(())
    }
}

/// A list of names is a help and no record: the ledger has them all.
pub(super) fn keep(names: &mut Vec<String>, name: String) {
    if names.len() < KEPT_MAX {
        names.push(name);
    }
}

fn name_some(f: &mut fmt::Formatter<'_>, what: &str, total: u64, names: &[String]) -> fmt::Result {
    if names.is_empty() {
        return Ok(());
    }
    writeln!(f, "{} {what}:", count(total))?;
    for name in names.iter().take(NAMED_MAX) {
        writeln!(f, "  {}", shown::line(name))?;
    }
    match total.saturating_sub(NAMED_MAX as u64) {
        0 => Ok(()),
        more => writeln!(f, "  … and {more} more"),
    }
}

pub(super) fn name_denied(f: &mut fmt::Formatter<'_>, denied: &[String]) -> fmt::Result {
    name_some(f, "prefixes could not be listed", denied.len() as u64, denied)
}

pub(super) fn name_refused(f: &mut fmt::Formatter<'_>, refused: &[Refused]) -> fmt::Result {
    let named: Vec<String> = refused.iter().map(|Refused { plan, object }| format!("plan {plan}: {object}")).collect();
    name_some(
        f,
        "open plans name objects outside of this run's sources and stay open (name their sources too, or give \
         --trust-plans if you know who wrote the lake)",
        named.len() as u64,
        &named,
    )
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
