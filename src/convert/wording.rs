//! What a run did, in words for people.

use std::fmt::{Display, Formatter, Result};

use super::expired::Expired;
use super::summary::{
    Checked, Compacted, Converted, Delta, Duplicates, Effort, Ending, LeftOut, PassedOver, Refused, Replaced,
};
use super::summary::{Scope, Summary};
use crate::progress::{bytes, count, some};
use crate::shown;
use crate::source::Reason;

/// Objects named in full in a summary; the ledger has them all.
const NAMED_MAX: usize = 10;
/// Dates named for people; `--json` has them all.
const DATES_NAMED_MAX: usize = 5;

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.converted.is_nothing() && self.expired.is_all {
            self.expired.write_nothing(f)?;
        } else if self.converted.is_nothing() && self.compacted.is_all {
            self.compacted.write_nothing(f)?;
        } else if self.converted.is_nothing() {
            self.converted.write_nothing(f, &self.passed_over)?;
        } else {
            self.converted.write(f)?;
            self.effort.write(f, self.converted.records)?;
        }
        self.converted.write_dates(f)?;
        self.converted.write_rejects(f)?;
        self.converted.write_expired(f)?;
        self.left_out.write_objects(f, self.converted.objects_aside)?;
        self.compacted.write(f)?;
        self.expired.write(f)?;
        self.replaced.write(f)?;
        self.duplicates.write(f, self.left_out.objects_unreadable > 0)?;
        name_denied(f, &self.left_out.denied)?;
        self.checked.write(f)?;
        self.left_out.write_records(f)?;
        self.converted.write_without_date(f)?;
        self.passed_over.write(f)?;
        self.delta.write(f)?;
        self.write_lake(f)?;
        self.scope.write(f)?;
        self.ending.write(f)
    }
}

impl Summary {
    /// What the lake is from now on.
    fn write_lake(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(format) = self.ledger_format {
            writeln!(f, "the lake's ledger is of format {format} from now on: earlier versions of flowlake refuse it")?;
        }
        if !self.kept_types.is_empty() {
            let kept = self.kept_types.join(", ");
            writeln!(f, "columns that keep the type of their first use in this lake: {}", shown::line(&kept))?;
        }
        Ok(())
    }
}

impl Delta {
    fn write(&self, f: &mut Formatter<'_>) -> Result {
        for table in &self.delta_begun {
            writeln!(
                f,
                "{} is a Delta table from now on: views that read `**/*.parquet` below it would count files of its log; \
                 make them anew with `flowlake ddl`",
                shown::line(table)
            )?;
        }
        for version in &self.delta_foreign {
            writeln!(
                f,
                "another program changed a Delta table: {}; `flowlake delta LAKE --repair` makes it again what the \
                 ledger says",
                shown::line(version)
            )?;
        }
        self.delta_unreadable.iter().try_for_each(|reason| writeln!(f, "{}", shown::line(reason)))
    }
}

impl Converted {
    fn is_nothing(&self) -> bool {
        self.objects == 0 && self.objects_aside == 0 && self.objects_skipped == 0 && self.files == 0
    }

    fn known(&self) -> String {
        match self.objects_known {
            0 => String::new(),
            known => format!("; {} done before", some(known, "was", "were")),
        }
    }

    fn write_nothing(&self, f: &mut Formatter<'_>, passed_over: &PassedOver) -> Result {
        writeln!(f, "nothing new{}", self.known())?;
        let parquet = passed_over.skipped.get(Reason::Parquet.text()).copied().unwrap_or_default();
        if parquet > 0 && self.objects_known == 0 {
            let parquet = count(parquet);
            writeln!(f, "there are only Parquet objects ({parquet}): flowlake converts text, and does not read them")?;
        }
        Ok(())
    }

    fn write(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(
            f,
            "{} of {} ({}) in {} ({}){}",
            some(self.records, "record", "records"),
            some(self.objects, "object", "objects"),
            bytes(self.bytes),
            some(self.files, "file", "files"),
            bytes(self.file_bytes),
            self.known()
        )
    }

    fn write_dates(&self, f: &mut Formatter<'_>) -> Result {
        if self.dates.is_empty() {
            return Ok(());
        }
        let dates: Vec<&str> = self.dates.keys().map(String::as_str).take(DATES_NAMED_MAX).collect();
        let more = match self.dates.len().saturating_sub(DATES_NAMED_MAX) {
            0 => String::new(),
            more => format!(" … and {} more", count(more as u64)),
        };
        let number = some(self.dates.len() as u64, "date", "dates");
        writeln!(f, "rows went to {number}: {}{more}", dates.join(", "))
    }

    fn write_rejects(&self, f: &mut Formatter<'_>) -> Result {
        match self.rejects {
            0 => Ok(()),
            rejects => {
                let one = "line was set aside; see `flowlake rejects LAKE`";
                writeln!(f, "{}", some(rejects, one, "lines were set aside; see `flowlake rejects LAKE`"))
            }
        }
    }

    fn write_expired(&self, f: &mut Formatter<'_>) -> Result {
        if self.records_expired > 0 {
            let one = "record is of a date that was removed: it was counted, and is not in the lake";
            let many = "records are of dates that were removed: they were counted, and are not in the lake";
            writeln!(f, "{}", some(self.records_expired, one, many))?;
        }
        Ok(())
    }

    fn write_without_date(&self, f: &mut Formatter<'_>) -> Result {
        if self.rows_without_date > 0 {
            let one = "row has no date and lies in the partition date=__HIVE_DEFAULT_PARTITION__";
            let many = "rows have no date and lie in the partition date=__HIVE_DEFAULT_PARTITION__";
            writeln!(f, "{}", some(self.rows_without_date, one, many))?;
        }
        Ok(())
    }
}

impl Effort {
    fn write(&self, f: &mut Formatter<'_>, records: u64) -> Result {
        let rate = records as f64 / self.seconds.max(1e-9);
        let memory = bytes(self.peak_memory_bytes);
        writeln!(
            f,
            "{:.1} s, {} a second, peak memory {memory}",
            self.seconds,
            some(rate as u64, "record", "records")
        )?;
        if self.threads < self.threads_asked {
            let (threads, asked) = (self.threads, self.threads_asked);
            writeln!(f, "{threads} of {asked} threads worked: `--memory` has no room for more")?;
        }
        Ok(())
    }
}

impl LeftOut {
    fn write_objects(&self, f: &mut Formatter<'_>, objects_aside: u64) -> Result {
        name_some(f, ("object was set aside", "objects were set aside"), objects_aside, &self.aside)?;
        name_unreadable(f, self.objects_unreadable, &self.unreadable)
    }

    /// What others wrote into the ledger.
    fn write_records(&self, f: &mut Formatter<'_>) -> Result {
        if self.orphans_removed > 0 {
            let (one, many) =
                ("file that no record tells of was deleted", "files that no record tells of were deleted");
            writeln!(f, "{}", some(self.orphans_removed, one, many))?;
        }
        name_refused(f, &self.plans_refused)?;
        name_some(
            f,
            (
                "record of the ledger says what may be removed and was not believed",
                "records of the ledger say what may be removed and were not believed",
            ),
            self.intents_ignored.len() as u64,
            &self.intents_ignored,
        )
    }
}

impl Compacted {
    fn write(&self, f: &mut Formatter<'_>) -> Result {
        name_some(
            f,
            (
                "file is gone or damaged and stays as it is; the next run merges others without it",
                "files are gone or damaged and stay as they are; the next run merges others without them",
            ),
            self.not_merged.len() as u64,
            &self.not_merged,
        )?;
        if self.files_merged == 0 {
            return Ok(());
        }
        let (merged, made) = (some(self.files_merged, "file", "files"), some(self.files_compacted, "file", "files"));
        let (before, after) = (bytes(self.merged_bytes), bytes(self.compacted_bytes));
        writeln!(f, "{merged} ({before}) were merged into {made} ({after})")
    }

    fn write_nothing(&self, f: &mut Formatter<'_>) -> Result {
        let is_nothing = self.files_merged == 0 && self.not_merged.is_empty();
        if is_nothing { writeln!(f, "there is nothing to merge") } else { Ok(()) }
    }
}

impl Expired {
    fn write(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(last) = self.expired_through {
            let (rows, files) = (some(self.rows_expired, "row", "rows"), some(self.files_expired, "file", "files"));
            let size = bytes(self.expired_bytes);
            writeln!(
                f,
                "dates through {last} are removed, and taken no more: {rows} of {files} ({size}) left the lake"
            )?;
        }
        if self.rejects_expired > 0 {
            let one = "line that had been set aside left it too";
            writeln!(f, "{}", some(self.rejects_expired, one, "lines that had been set aside left it too"))?;
        }
        if self.rows_left > 0 {
            let one =
                "row of these dates is of a plan that is still open; it leaves with the run that finishes the plan";
            let many = "rows of these dates are of a plan that is still open; they leave with the run that finishes it";
            writeln!(f, "{}", some(self.rows_left, one, many))?;
        }
        if self.files_deleted > 0 {
            writeln!(f, "{}", some(self.files_deleted, "file was deleted", "files were deleted"))?;
        }
        Ok(())
    }

    fn write_nothing(&self, f: &mut Formatter<'_>) -> Result {
        let is_nothing = self.expired_through.is_none() && self.files_deleted + self.rows_left == 0;
        if is_nothing { writeln!(f, "there is nothing to remove") } else { Ok(()) }
    }
}

impl Replaced {
    fn write(&self, f: &mut Formatter<'_>) -> Result {
        if self.tasks_replaced > 0 {
            let tasks = some(self.tasks_replaced, "task", "tasks");
            writeln!(f, "the files of {tasks} took the place of their earlier ones")?;
        }
        if self.files_shown > 0 {
            let one = "file that took the place of others is seen by readers of folders from now on";
            let many = "files that took the place of others are seen by readers of folders from now on";
            writeln!(f, "{}", some(self.files_shown, one, many))?;
        }
        name_some(
            f,
            (
                "obstacle keeps files of a redo from being shown to readers of folders, or cleared away",
                "obstacles keep files of a redo from being shown to readers of folders, or cleared away",
            ),
            self.not_shown.len() as u64,
            &self.not_shown,
        )?;
        if self.tasks_unchanged > 0 {
            let tasks = some(self.tasks_unchanged, "task", "tasks");
            writeln!(f, "{tasks} gave the same again: nothing was replaced")?;
        }
        name_some(
            f,
            (
                "object could not be decoded again (the lake keeps what its task gave)",
                "objects could not be decoded again (the lake keeps what their tasks gave)",
            ),
            self.objects_kept,
            &self.kept,
        )?;
        name_some(
            f,
            (
                "object is gone at its source, and data files with rows of it: these are lost",
                "objects are gone at their source, and data files with rows of them: these are lost",
            ),
            self.objects_lost,
            &self.lost,
        )?;
        name_some(
            f,
            (
                "plan ended with nothing done (the lake keeps what it has)",
                "plans ended with nothing done (the lake keeps what it has)",
            ),
            self.plans_void.len() as u64,
            &self.plans_void,
        )
    }
}

impl Duplicates {
    /// `some_unread` says whether a first may have been among the objects that could not be read.
    fn write(&self, f: &mut Formatter<'_>, some_unread: bool) -> Result {
        let copies = match self.copies_skipped {
            true if self.copies_kept => {
                let many = "objects are copies of others: some were left out, and rows of those that an earlier run planned \
                     are in the lake twice (`flowlake report LAKE copies` tells which)";
                let one = "object is a copy of another: it was left out, unless an earlier run planned it, whose rows \
                           are in the lake twice (`flowlake report LAKE copies` tells which)";
                (one, many)
            }
            true if some_unread => (
                "object is a copy of another and was left out, unless it was its first that could not be read",
                "objects are copies of others and were left out, unless it was their first that could not be read",
            ),
            true => ("object is a copy of another and was left out", "objects are copies of others and were left out"),
            false => (
                "object is a copy of another: its rows are in the lake twice (`--copies skip` leaves it out)",
                "objects are copies of others: their rows are in the lake twice (`--copies skip` leaves them out)",
            ),
        };
        name_some(f, copies, self.objects_copies, &self.copies)?;
        name_some(
            f,
            (
                "object has the name and size of another, and checksums that cannot be compared",
                "objects have the name and size of others, and checksums that cannot be compared",
            ),
            self.objects_maybe_copies,
            &self.maybe_copies,
        )
    }
}

impl Checked {
    fn write(&self, f: &mut Formatter<'_>) -> Result {
        let by_sums = self.objects_confirmed_by_sums;
        let one = "object was replaced at the source since it was converted";
        let replaced = |number| some(number, one, "objects were replaced at the source since they were converted");
        if self.objects_confirmed > by_sums {
            writeln!(f, "{}, with equal records", replaced(self.objects_confirmed - by_sums))?;
        }
        if by_sums > 0 {
            let replaced = replaced(by_sums);
            writeln!(f, "{replaced}, with equal sums (no digest tells whether their contents are equal)")?;
        }
        name_some(
            f,
            (
                "object that was replaced at the source gives something else now (the lake keeps what it has)",
                "objects that were replaced at the source give something else now (the lake keeps what it has)",
            ),
            self.objects_differing,
            &self.differing,
        )
    }
}

impl PassedOver {
    fn write(&self, f: &mut Formatter<'_>) -> Result {
        for (reason, skipped) in &self.skipped {
            let objects = some(*skipped, "object", "objects");
            writeln!(f, "{objects} skipped: {}", shown::line(reason))?;
        }
        if !self.other_services.is_empty() {
            let others = self.other_services.join(", ");
            writeln!(f, "other logs beside, neither listed nor read: {}", shown::line(&others))?;
        }
        Ok(())
    }
}

impl Scope {
    fn write(&self, f: &mut Formatter<'_>) -> Result {
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

impl Ending {
    fn write(self, f: &mut Formatter<'_>) -> Result {
        match self {
            Ending::Done => Ok(()),
            Ending::Stopped => writeln!(f, "stopped at the time limit: the next run goes on from here"),
            Ending::Failed => {
                writeln!(f, "ended by an error: what was committed stays, the next run goes on from here")
            }
            Ending::Interrupted => writeln!(f, "interrupted: what was committed stays, the next run goes on from here"),
        }
    }
}

/// `what` is said of one, and of another number of them.
fn name_some(f: &mut Formatter<'_>, what: (&str, &str), total: u64, names: &[String]) -> Result {
    if names.is_empty() {
        return Ok(());
    }
    writeln!(f, "{}:", some(total, what.0, what.1))?;
    for name in names.iter().take(NAMED_MAX) {
        writeln!(f, "  {}", shown::line(name))?;
    }
    match total.saturating_sub(NAMED_MAX as u64) {
        0 => Ok(()),
        more => writeln!(f, "  … and {more} more"),
    }
}

pub(super) fn name_unreadable(f: &mut Formatter<'_>, total: u64, unreadable: &[String]) -> Result {
    let one = "object could not be read and is looked for again by the next run";
    name_some(f, (one, "objects could not be read and are looked for again by the next run"), total, unreadable)
}

pub(super) fn name_denied(f: &mut Formatter<'_>, denied: &[String]) -> Result {
    name_some(f, ("prefix could not be listed", "prefixes could not be listed"), denied.len() as u64, denied)
}

pub(super) fn name_refused(f: &mut Formatter<'_>, refused: &[Refused]) -> Result {
    let named: Vec<String> = refused.iter().map(|Refused { plan, object }| format!("plan {plan}: {object}")).collect();
    name_some(
        f,
        (
            "open plan names objects outside of this run's sources and stays open (name their sources too, or give \
             --trust-plans if you know who wrote the lake)",
            "open plans name objects outside of this run's sources and stay open (name their sources too, or give \
             --trust-plans if you know who wrote the lake)",
        ),
        named.len() as u64,
        &named,
    )
}
