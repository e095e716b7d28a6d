//! One plan at a time: its entry against its body, its commits and its seal, and each of its tasks.
//!
//! ```text
//! entry ─▶ body ─▶ commits: none missing, none stray ─▶ tasks ─▶ sums ─▶ seal
//! ```

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt};

use super::ahead::{self, Ahead, Audits};
use super::difference::{Difference, DifferenceKind};
use super::history::{self, History};
use super::matching::Side;
use super::problem::problem;
use super::standing::counts;
use super::task::{self, PlanSums};
use super::{Audit, AuditError, OpenPlan};
use crate::lake::{Committed, Lake, LakeError, Names, Outcome, PlanState, PlannedTask, TaskRef, Totals};

impl Audit<'_> {
    /// Holds every plan of the log against all that was written for it, in their order.
    pub(super) async fn plans(&mut self, history: &History, commits: &Committed) -> Result<(), AuditError> {
        let context = self.context_of(self.threads.max(ahead::PLANS_AHEAD_MAX));
        let mut plans = std::pin::pin!(ahead::plans(self.lake, history, commits, context));
        while let Some((number, ahead)) = plans.try_next().await? {
            self.plan(history, (number, &history.state.plans[&number]), ahead).await?;
        }
        Ok(())
    }

    /// Holds a plan of the log against all that was written for it. Of small plans it was read before their turn.
    async fn plan(
        &mut self,
        history: &History,
        (number, state): (u64, &PlanState),
        ahead: Option<Ahead>,
    ) -> Result<(), AuditError> {
        let (read, committed, audited) = match ahead {
            Some(Ahead { body, committed, audited }) => (body, Some(committed), Some(audited)),
            None => (self.lake.tasks(&state.plan).await, None, None),
        };
        let body = self.body(history, (number, state), read)?;
        if !state.sealed {
            self.shown_files(body.iter().flatten())?;
            // Before the commits: a run that seals the plan meanwhile deletes what was announced.
            self.intents(number).await?;
        }
        let mut committed = match committed {
            Some(committed) => committed,
            None => history.state.committed(self.lake, number).await?,
        };
        let stray = committed.split_off(&state.plan.tasks);
        if state.sealed {
            self.missing_commits(history, (number, state), &committed)?;
        }
        let expected = format!("commits of {} tasks", state.plan.tasks);
        self.stray_commits_of(number, stray, &expected, "one of another task")?;
        if state.is_open() {
            let tasks_committed = committed.len() as u64;
            self.report.plans_open.push(OpenPlan { plan: number, tasks: state.plan.tasks, tasks_committed });
        }
        let audits = match audited {
            Some(audited) => futures::stream::iter(audited).boxed(),
            None => {
                let planned = ahead::to_audit(&history.state, number, body, committed);
                ahead::audits(self.context(), (number, state), planned, self.threads)
            }
        };
        let sums = self.tasks(history, number, state, audits).await?;
        self.seal(history, (number, state), &sums).await
    }

    /// The tasks of a plan, held against its entry; `None` if they cannot be read.
    fn body(
        &mut self,
        history: &History,
        (number, state): (u64, &PlanState),
        read: Result<Vec<PlannedTask>, LakeError>,
    ) -> Result<Option<Vec<PlannedTask>>, AuditError> {
        let lake = self.lake;
        let tasks = match read {
            Ok(tasks) => tasks,
            Err(error) => {
                let difference = problem(lake, error)?;
                // It never counts, or `flowlake repair` noted that its body is gone.
                if !state.void && !history.state.lost.contains(&history.state.body_of(number)) {
                    self.differ(&difference)?;
                }
                return Ok(None);
            }
        };
        let name = lake.names.relative(&lake.names.log(number));
        let partition_by = history.state.create.as_ref().map(|create| create.partition_by);
        self.differ_all(history::check_plan(&name, state, &tasks, partition_by))?;
        Ok(Some(tasks))
    }

    /// Tasks of a sealed plan that have no commit, and that nobody gave up.
    fn missing_commits(
        &mut self,
        history: &History,
        (number, state): (u64, &PlanState),
        committed: &BTreeSet<u64>,
    ) -> Result<(), AuditError> {
        let lake = self.lake;
        let is_missing = |task: &u64| !committed.contains(task) && !history.state.is_lost(number, *task);
        self.differ_all((0..state.plan.tasks).filter(is_missing).map(|task| {
            let name = lake.names.relative(&lake.names.commit(number, task));
            let expected = "the commit of a sealed plan's task, from a copy or by `flowlake repair`";
            Difference::of_file(DifferenceKind::RecordMissing, &name, expected, "nothing")
        }))
    }

    /// Tells of commits that no plan of the log accounts for.
    pub(super) fn stray_commits_of(
        &mut self,
        plan: u64,
        tasks: impl IntoIterator<Item = u64>,
        expected: &str,
        found: &str,
    ) -> Result<(), AuditError> {
        let lake = self.lake;
        self.differ_all(tasks.into_iter().map(|task| {
            let name = lake.names.relative(&lake.names.commit(plan, task));
            Difference::of_file(DifferenceKind::RecordStray, &name, expected, found)
        }))
    }

    /// Notes the names under which readers of folders may see files before the plan that shows them is sealed.
    fn shown_files<'t>(&mut self, tasks: impl Iterator<Item = &'t PlannedTask>) -> Result<(), AuditError> {
        let mut names = tasks.flat_map(|task| &task.inputs.files).filter_map(|file| Names::shown(&file.path));
        names.try_for_each(|name| self.note_file(Side::Known, &name))
    }

    /// Holds the seal of a plan, if it has one, against what its commits come to.
    async fn seal(
        &mut self,
        history: &History,
        (number, state): (u64, &PlanState),
        sums: &PlanSums,
    ) -> Result<(), AuditError> {
        let lake = self.lake;
        // What was sealed and given up later can be counted no more.
        let is_whole =
            !history.state.has_lost(number) && sums.replaced.iter().all(|old| !history.state.lost.contains(old));
        let Some((entry, seal)) = history.seals.get(&number).filter(|_| is_whole) else { return Ok(()) };
        let name = lake.names.relative(&lake.names.log(*entry));
        let mut replaced_totals = totals_of(lake, &sums.replaced).await?;
        replaced_totals.add(&sums.taken);
        self.differ_all(history::check_seal(&name, (state, seal), sums, &replaced_totals))
    }

    /// Every committed task of a plan, told in their order.
    async fn tasks(
        &mut self,
        history: &History,
        number: u64,
        state: &PlanState,
        mut audits: Audits,
    ) -> Result<PlanSums, AuditError> {
        let replaced = history.state.replaced.clone();
        let is_unfinished_redo = state.is_redo_under_way() && !self.superseded.by.contains(&number) || !counts(state);
        let (waits, is_sealed) = (state.is_redo_under_way(), state.sealed);
        let (mut sums, mut live, mut lost) = (PlanSums::default(), Totals::default(), Totals::default());
        while let Some(audited) = audits.try_next().await? {
            self.differ_all(audited.differences)?;
            self.is_taken_unknown |= audited.is_taken_unknown;
            lost.add(&audited.taken_of_lost);
            let Some(commit) = audited.commit else { continue };
            if let Some(set_aside) = audited.set_aside {
                let (files, bytes) =
                    task::note(&mut self.notes, (&self.standing, self.options), &commit, (set_aside, waits))
                        .map_err(|error| self.scratch(error))?;
                self.report.files_not_opened += files;
                self.report.file_bytes_not_opened += bytes;
            }
            let task = commit.head.task;
            self.committed.add(number, task, state.plan.settings.format.as_deref(), &commit);
            sums.add(&commit);
            let task = TaskRef { plan: number, task };
            let is_live = !is_unfinished_redo && !self.superseded.tasks.contains(&task);
            if is_sealed {
                self.sealed.add(&commit.head.totals);
                self.taken.add(&commit.head.taken.totals);
            }
            if is_sealed && replaced.contains(&task) {
                self.sealed.subtract(&commit.head.totals.of_conversions());
            }
            live.add(&commit.head.totals);
            if !is_live {
                live.subtract(&commit.head.totals.of_conversions());
            }
            // Of what was replaced nothing may be left.
            for file in commit.head.files.iter().filter(|_| !replaced.contains(&task)) {
                let is_there = is_live && !waits && self.standing.is_live(&file.path);
                let side = if is_there { Side::Committed } else { Side::Known };
                self.report.files_overdue += u64::from(is_there && self.standing.is_expired(file));
                self.note_file(side, &file.path)?;
            }
            // What could not be read is no more known than what was never planned.
            for receipt in commit.receipts.iter().filter(|receipt| receipt.outcome != Outcome::Unread) {
                let is_conversion =
                    is_live && receipt.outcome == Outcome::Converted && self.standing.is_in_effect(receipt, task);
                let side = if is_conversion { Side::Committed } else { Side::Known };
                self.objects.add(side, &receipt.url, &receipt.url).map_err(|error| self.scratch(error))?;
            }
        }
        self.taken.subtract(&lost);
        let (report, totals) = (&mut self.report, &live);
        report.tasks += state.plan.tasks;
        report.objects += totals.objects;
        report.objects_aside += totals.objects_aside;
        report.objects_skipped += totals.objects_skipped;
        report.rows += totals.rows;
        report.rejects += totals.rejects;
        report.files += totals.files;
        report.file_bytes += totals.file_bytes;
        Ok(sums)
    }

    /// What workers of an open plan announced.
    async fn intents(&mut self, number: u64) -> Result<(), AuditError> {
        for meta in self.lake.list(&self.lake.names.intents_of_plan(number)).await? {
            let Some(task) = self.lake.names.intent_of(&meta.location) else { continue };
            match self.lake.intent(&meta.location).await {
                Ok(None) => {}
                Ok(Some(intent)) => {
                    if !intent.is_of(task) {
                        let name = self.lake.names.relative(&meta.location);
                        let expected = "names that its task can have published";
                        self.differ(&Difference::of_file(DifferenceKind::RecordDiffers, &name, expected, "others"))?;
                        continue;
                    }
                    for file in intent.files {
                        self.note_file(Side::Known, &file.path)?;
                    }
                }
                Err(LakeError::Record { reason, .. }) => {
                    let name = self.lake.names.relative(&meta.location);
                    self.differ(&Difference::of_file(DifferenceKind::RecordUnreadable, &name, "an intent", reason))?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// What some tasks gave. A commit that cannot be read gives nothing here, and is told of elsewhere.
async fn totals_of(lake: &Lake, tasks: &BTreeSet<TaskRef>) -> Result<Totals, AuditError> {
    let mut totals = Totals::default();
    for task in tasks {
        if let Ok(Some(commit)) = lake.commit(task.plan, task.task).await {
            totals.add(&commit.head.totals.of_conversions());
        }
    }
    Ok(totals)
}
