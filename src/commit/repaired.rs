//! What a repair did, for people and for programs.

use std::collections::BTreeSet;
use std::fmt;

use chrono::NaiveDate;
use serde::Serialize;

use crate::lake::{DataFile, Day, Relative, TaskRef};
use crate::progress::some;

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
    /// Tasks that merged files, whose own files are gone, and that were given up alone: what they had taken out of the
    /// lake was still on storage, and is live again.
    pub merges_undone: BTreeSet<TaskRef>,
    /// Tasks that were given up with what they gave.
    pub tasks_lost: BTreeSet<TaskRef>,
    /// Data files of all these tasks that were gone, or had another size than they must have.
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

/// A data file with rows of many runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MergedFile {
    /// Its name, relative to the lake.
    pub path: Relative,
    /// Where its rows belong, such as `date=2023-09-15`.
    pub partition: Relative,
    /// The first day in the keys of the objects with rows in it: a redo from there on makes it again.
    pub since: Option<NaiveDate>,
    /// The last such day.
    pub until: Option<NaiveDate>,
    /// Whether objects with rows in it have no day in their keys: no redo reads these.
    pub has_objects_without_day: bool,
}

impl MergedFile {
    /// `days` are those in the keys of the objects with rows in it.
    pub(super) fn of(file: DataFile, days: &BTreeSet<Day>) -> MergedFile {
        let dated = || days.iter().filter_map(|day| day.0);
        let (since, until) = (dated().min(), dated().max());
        let has_objects_without_day = days.iter().any(|day| day.0.is_none());
        MergedFile { path: file.path, partition: file.partition, since, until, has_objects_without_day }
    }
}

impl fmt::Display for MergedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.since, self.until) {
            (Some(since), Some(until)) if !self.has_objects_without_day => write!(
                f,
                "{}: `flowlake convert SOURCE LAKE --redo --since {since} --until {until}` makes it again",
                self.path
            ),
            _ => write!(
                f,
                "{}: no redo makes it again, since objects with rows in it have no day in their keys; restore it from a copy",
                self.path
            ),
        }
    }
}

impl Repaired {
    /// Whether something is missing still.
    pub fn left_something(&self) -> bool {
        !self.files_to_redo.is_empty()
    }

    /// What makes merged files again.
    fn write_redo(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.files_to_redo.is_empty() {
            return Ok(());
        }
        let files = some(self.files_to_redo.len() as u64, "data file is", "data files are");
        writeln!(
            f,
            "{files} gone or of another size, and rows of many runs were merged into such files; nothing was given up \
             for them:"
        )?;
        self.files_to_redo.iter().try_for_each(|file| writeln!(f, "  {file}"))
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
        for TaskRef { plan, task } in &self.merges_undone {
            writeln!(f, "task {task} of plan {plan} was given up alone: the files that it had merged are live again")?;
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
        let given_up = self.merges_undone.len() + self.tasks_lost.len();
        if written == 0 && given_up == 0 && self.files_to_redo.is_empty() {
            writeln!(f, "no commit and no data file is missing")?;
        }
        Ok(())
    }
}
