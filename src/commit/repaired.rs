//! What a repair did, for people and for programs.

use std::collections::BTreeSet;
use std::fmt;

use chrono::NaiveDate;
use serde::Serialize;

use crate::lake::{Relative, TaskRef};
use crate::progress::some;
use crate::schema::Partition;

/// What a repair did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Repaired {
    /// Commits that were written again as they had been.
    pub commits_restored: u64,
    /// Data files that were gone, or had another size, and that were shown again from their copies aside.
    pub files_restored: u64,
    /// Plans whose tasks were written again, as their commits tell them.
    pub plans_restored: BTreeSet<u64>,
    /// Open plans whose tasks were gone, and that nothing counts of.
    pub plans_ended: BTreeSet<u64>,
    /// Other plans whose tasks are gone for good: their commits say what counts.
    pub plans_noted: BTreeSet<u64>,
    /// Tasks that were given up.
    pub tasks_lost: BTreeSet<TaskRef>,
    /// Data files of these tasks that were gone, or had another size than they must have.
    pub files_missing: u64,
    /// Source objects that the next conversion reads again: those of these tasks, and those of the plans in
    /// `plans_noted` of which no commit tells.
    pub objects_lost: u64,
    /// Rows that no longer count.
    pub rows_lost: u64,
    /// Data files that are gone, or have another size, and that were not given up: rows of many tasks were merged into
    /// files, and all of these tasks would go with them. A redo makes them again.
    pub files_to_redo: Vec<MergedFile>,
    /// Files of tasks that were given up, by this repair or an earlier one, and that were removed now.
    pub files_removed: u64,
}

/// A data file that a redo makes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MergedFile {
    /// Its name, relative to the lake.
    pub path: Relative,
    /// Where its rows belong, such as `date=2023-09-15`.
    pub partition: Relative,
}

impl Repaired {
    /// Whether something is missing still.
    pub fn left_something(&self) -> bool {
        !self.files_to_redo.is_empty()
    }

    /// What makes merged files again. Objects bring rows of the day of their keys, and of the day before.
    fn write_redo(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.files_to_redo.is_empty() {
            return Ok(());
        }
        let files = some(self.files_to_redo.len() as u64, "data file is", "data files are");
        writeln!(f, "{files} gone or of another size, and rows of many runs were merged into such files:")?;
        self.files_to_redo.iter().try_for_each(|file| writeln!(f, "  {}", file.path))?;
        let partitions = self.files_to_redo.iter().filter_map(|file| file.partition.parse::<Partition>().ok());
        let dates: Vec<NaiveDate> = partitions.filter_map(|partition| partition.date).collect();
        let (since, until) = match (dates.iter().min(), dates.iter().max().and_then(NaiveDate::succ_opt)) {
            (Some(since), Some(until)) => (since.to_string(), until.to_string()),
            _ => ("DAY".to_owned(), "DAY".to_owned()),
        };
        writeln!(
            f,
            "nothing was given up for them: `flowlake convert SOURCE LAKE --redo --since {since} --until {until}` makes \
             them again"
        )
    }
}

impl fmt::Display for Repaired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.commits_restored > 0 {
            let commits = some(self.commits_restored, "commit was", "commits were");
            writeln!(f, "{commits} written again from what a checkpoint had filed")?;
        }
        for plan in &self.plans_restored {
            writeln!(f, "the tasks of plan {plan} were written again, as its commits tell them")?;
        }
        for plan in &self.plans_ended {
            writeln!(f, "plan {plan} was ended: its tasks were gone, and nothing of it counted yet; run it again")?;
        }
        for plan in &self.plans_noted {
            writeln!(f, "the list of the tasks of plan {plan} is gone for good; its commits say what counts")?;
        }
        if self.files_restored > 0 {
            let one = "data file was put back from its copy in `_c`";
            writeln!(f, "{}", some(self.files_restored, one, "data files were put back from their copies in `_c`"))?;
        }
        if self.files_missing > 0 {
            let files = some(self.files_missing, "data file was", "data files were");
            writeln!(f, "{files} gone or had another size")?;
        }
        for TaskRef { plan, task } in &self.tasks_lost {
            writeln!(f, "task {task} of plan {plan} was given up")?;
        }
        if self.objects_lost > 0 {
            let rows = some(self.rows_lost, "row", "rows");
            let one = format!("object, which had given {rows}, is read again by the next `flowlake convert`");
            let many = format!("objects, which had given {rows}, are read again by the next `flowlake convert`");
            writeln!(f, "{}", some(self.objects_lost, &one, &many))?;
        }
        if self.files_removed > 0 {
            let one = "file of a task that was given up was removed";
            writeln!(f, "{}", some(self.files_removed, one, "files of tasks that were given up were removed"))?;
        }
        self.write_redo(f)?;
        let plans = self.plans_restored.len() + self.plans_ended.len() + self.plans_noted.len();
        let written = self.commits_restored + self.files_restored + plans as u64;
        if written == 0 && self.tasks_lost.is_empty() && self.files_to_redo.is_empty() {
            writeln!(f, "no commit and no data file is missing")?;
        }
        Ok(())
    }
}
