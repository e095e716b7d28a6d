//! What a verification looked at, in numbers.

use std::fmt;

use chrono::NaiveDate;
use serde::Serialize;

use crate::lake::Totals;
use crate::progress::{bytes, count, some};
use crate::shown;

/// Names shown of a list that may be long.
const NAMED_MAX: usize = 20;

/// The end of a verification. Differences were told one by one before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many were told.
    pub differences: u64,
    /// Entries of the log that were read.
    pub log_entries: u64,
    /// Plans of the log.
    pub plans: u64,
    /// Those that are not sealed.
    pub plans_open: Vec<OpenPlan>,
    /// Tasks that are committed.
    pub tasks: u64,
    /// Converted objects.
    pub objects: u64,
    /// Objects that were set aside as a whole.
    pub objects_aside: u64,
    /// Objects that are no flow logs.
    pub objects_skipped: u64,
    /// Rows of live data files.
    pub rows: u64,
    /// Lines that were set aside.
    pub rejects: u64,
    /// Live data files.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// Files of attempts at tasks of open plans, which the next run commits or removes.
    pub files_unpublished: u64,
    /// Files that left the lake and stay on storage for their retention.
    pub files_retired: u64,
    /// Files of dates that were removed, of tasks that had begun before: the next run takes them out of the lake.
    pub files_overdue: u64,
    /// Checkpoints that were held against the log.
    pub checkpoints: u64,
    /// Archives of old records.
    pub archives: u64,
    /// From which date on data files were opened; `None` if all were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<NaiveDate>,
    /// Live data files of earlier dates: of them only the records were proven.
    pub files_not_opened: u64,
    /// Their bytes.
    pub file_bytes_not_opened: u64,
    /// What was read again; `None` if no source was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<Sources>,
}

/// A plan whose tasks are not all committed, or that has no seal yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenPlan {
    /// Its number.
    pub plan: u64,
    /// Tasks that it was cut into.
    pub tasks: u64,
    /// Those that have a commit.
    pub tasks_committed: u64,
}

/// What was read again at the sources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sources {
    /// Objects that gave again what their receipts say.
    pub equal: u64,
    /// Those among them of which this is known by sums alone: their digests do not tell.
    pub equal_sums: u64,
    /// Those among them that have another version now.
    pub other_version: u64,
    /// Converted objects that are gone from the source.
    pub expired: u64,
    /// Objects of the source that no task has read yet.
    pub not_converted: u64,
    /// The first of them.
    pub not_converted_urls: Vec<String>,
}

impl Report {
    /// Takes off what left the lake again.
    pub(super) fn subtract(&mut self, taken: &Totals) {
        let take = |from: &mut u64, number: u64| *from = from.saturating_sub(number);
        take(&mut self.objects, taken.objects);
        take(&mut self.rows, taken.rows);
        take(&mut self.rejects, taken.rejects);
        take(&mut self.files, taken.files);
        take(&mut self.file_bytes, taken.file_bytes);
    }
}

impl Sources {
    pub(super) fn add_not_converted(&mut self, url: &str) {
        self.not_converted += 1;
        if self.not_converted_urls.len() < NAMED_MAX {
            self.not_converted_urls.push(url.to_owned());
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}, {}, {}, {}{}",
            some(self.log_entries, "log entry", "log entries"),
            some(self.plans, "plan", "plans"),
            some(self.tasks, "task", "tasks"),
            some(self.checkpoints, "checkpoint", "checkpoints"),
            match self.archives {
                0 => String::new(),
                archives => format!(", {}", some(archives, "archive", "archives")),
            }
        )?;
        writeln!(
            f,
            "{} converted, {} set aside, {} skipped",
            some(self.objects, "object", "objects"),
            count(self.objects_aside),
            count(self.objects_skipped)
        )?;
        let (rows, rejects) = (some(self.rows, "row", "rows"), some(self.rejects, "reject", "rejects"));
        let (files, size) = (some(self.files, "file", "files"), bytes(self.file_bytes));
        writeln!(f, "{rows} and {rejects} in {files} ({size})")?;
        if let Some(since) = self.since {
            let (files, size) = (some(self.files_not_opened, "file", "files"), bytes(self.file_bytes_not_opened));
            writeln!(f, "{files} ({size}) of dates before {since} were not opened: of them the records are proven")?;
        }
        for open in &self.plans_open {
            let OpenPlan { plan, tasks, tasks_committed } = open;
            writeln!(
                f,
                "plan {plan} is open: {tasks_committed} of {tasks} tasks are committed; the next run finishes it"
            )?;
        }
        if self.files_unpublished > 0 {
            let one = "file is an unpublished attempt of an open plan";
            let many = "files are unpublished attempts of an open plan";
            writeln!(f, "{}", some(self.files_unpublished, one, many))?;
        }
        if self.files_retired > 0 {
            let one = "file was replaced and stays for its retention";
            let many = "files were replaced and stay for their retention";
            writeln!(f, "{}", some(self.files_retired, one, many))?;
        }
        if self.files_overdue > 0 {
            let one = "file came for a date that was removed, and leaves with the next run";
            let many = "files came for dates that were removed, and leave with the next run";
            writeln!(f, "{}", some(self.files_overdue, one, many))?;
        }
        if let Some(sources) = &self.sources {
            write!(f, "{sources}")?;
        }
        let by_sums = self.sources.as_ref().is_some_and(|sources| sources.equal_sums > 0);
        match self.differences {
            0 if by_sums => writeln!(f, "no difference, as far as sums tell"),
            0 => writeln!(f, "no difference"),
            differences => writeln!(f, "{}", some(differences, "difference", "differences")),
        }
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, many) = ("source object gives what the lake has", "source objects give what the lake has");
        writeln!(f, "{}", some(self.equal, one, many))?;
        if self.equal_sums > 0 {
            let (one, many) = ("of them has equal sums", "of them have equal sums");
            let sums = some(self.equal_sums, one, many);
            writeln!(f, "{sums}, and no digest tells whether their contents are equal")?;
        }
        if self.other_version > 0 {
            let one = "of them has another version than the one converted";
            let many = "of them have another version than the one converted";
            writeln!(f, "{}", some(self.other_version, one, many))?;
        }
        if self.expired > 0 {
            let one = "converted object is expired at source";
            writeln!(f, "{}", some(self.expired, one, "converted objects are expired at source"))?;
        }
        if self.not_converted > 0 {
            let (one, many) = ("source object is not converted yet", "source objects are not converted yet");
            writeln!(f, "{}:", some(self.not_converted, one, many))?;
            for url in &self.not_converted_urls {
                writeln!(f, "  {}", shown::line(url))?;
            }
            let more = self.not_converted - self.not_converted_urls.len() as u64;
            if more > 0 {
                writeln!(f, "  … and {} more", count(more))?;
            }
        }
        Ok(())
    }
}
