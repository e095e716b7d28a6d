//! Dates that leave the lake for good, and the plans that take them out.
//!
//! ```text
//! live files of the dates ──────────────────────┐
//! lines that were set aside of days as old ─────┴─▶ plans to expire ─▶ seal: no rows of these dates from now on
//! ```

use std::collections::BTreeSet;
use std::io::BufReader;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use super::again::Meanwhile;
use super::run::Run;
use super::{ConvertError, Expiry};
use crate::commit::{Appended, CommitError, Draft, When, clear_expired, expire};
use crate::lake::receipts::Filed;
use crate::lake::{
    CommitHead, DataFile, Day, Effect, Inputs, Lake, LakeError, LineReader, LiveDate, Names, OpenError, Outcome,
    PlannedTask, Purpose, Receipt, RejectRecord, Relative, State, TaskRef,
};
use crate::source::{Facts, Location};

/// Data files that one plan takes out of the lake; dates are not split.
const FILES_PER_PLAN_MAX: u64 = 20_000;

/// How often a plan is made anew, if rivals keep coming between: the next run goes on.
const TRIES_MAX: u32 = 100;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Rows,
    RowsAndRejects,
}

/// Live files of dates that go together.
struct Dates {
    last: NaiveDate,
    files: Vec<DataFile>,
}

/// The last date that is to be removed, if it is over at `now`; `None` if none is as old.
pub(super) fn last_date(expiry: &Expiry, now: DateTime<Utc>) -> Result<Option<NaiveDate>, ConvertError> {
    match expiry.until.date(now) {
        Some(date) if date >= now.date_naive() => Err(ConvertError::NotOver { date }),
        last => Ok(last),
    }
}

/// The dates through `last` that have live files, oldest first, each with how many.
pub(super) async fn old_dates(
    lake: &Lake,
    state: &State,
    last: NaiveDate,
) -> Result<Vec<(NaiveDate, LiveDate)>, LakeError> {
    let dates = state.live_dates(lake).await?.into_values().flatten();
    let mut old: Vec<_> = dates.filter_map(|(day, date)| Some((day.0.filter(|day| *day <= last)?, date))).collect();
    old.sort_by_key(|(day, _)| *day);
    Ok(old)
}

impl Run<'_> {
    /// Takes the dates out of the lake that were asked for.
    pub(super) async fn expire_dates(&mut self, expiry: Expiry) -> Result<(), ConvertError> {
        self.ledger.state.born(&self.ledger.writer.lake)?;
        let Some(last) = last_date(&expiry, self.ledger.writer.now().await?)? else { return Ok(()) };
        self.expire_through(last, What::RowsAndRejects).await?;
        self.note_rows_of_open_plans(last).await?;
        if expiry.now && !self.stop.is_soon() {
            // Readers of a Delta log look for the files of its newest version.
            self.project(When::Changed).await?;
            let deleted = clear_expired(&self.ledger.writer, &self.ledger.state, last).await?;
            self.summary.expired.files_deleted += deleted;
        }
        Ok(())
    }

    /// Takes rows out again that came for dates which were removed meanwhile: of tasks that had begun before, in this
    /// run or in one that died.
    pub(super) async fn expire_what_came_since(&mut self) -> Result<(), ConvertError> {
        match self.ledger.state.expired.filter(|_| self.ledger.state.is_overdue) {
            Some(last) => self.expire_through(last, What::Rows).await,
            None => Ok(()),
        }
    }

    /// Rows of these dates that are seen, and that no plan can take yet.
    async fn note_rows_of_open_plans(&mut self, last: NaiveDate) -> Result<(), ConvertError> {
        let (lake, state) = (&self.ledger.writer.lake, &self.ledger.state);
        if state.open_plans().is_empty() {
            return Ok(());
        }
        for (_, live) in old_dates(lake, state, last).await? {
            for file in live.files(lake).await?.iter().filter(|file| !state.may_be_taken(&file.path)) {
                self.summary.expired.rows_left += file.rows;
            }
        }
        Ok(())
    }

    async fn expire_through(&mut self, last: NaiveDate, what: What) -> Result<(), ConvertError> {
        // After a rival's entry everything is looked up again.
        for _ in 0..TRIES_MAX {
            if self.stop.is_soon() || self.try_to_expire(last, what).await? == Meanwhile::Nothing {
                return Ok(());
            }
        }
        let why = format!("to remove dates through {last}: other runs kept coming between; run it again");
        self.summary.replaced.plans_void.push(why);
        Ok(())
    }

    async fn try_to_expire(&mut self, last: NaiveDate, what: What) -> Result<Meanwhile, ConvertError> {
        let lake = self.ledger.writer.lake.clone();
        // No date that was removed comes back.
        let last = self.ledger.state.expired.max(Some(last)).unwrap_or(last);
        let settled = match what {
            What::RowsAndRejects => self.ledger.state.open_plans().first().copied().unwrap_or(self.ledger.state.next),
            What::Rows => 0,
        };
        // With the first plan: whoever goes on after the next ones looks at later days alone.
        let mut rejects = match what {
            What::RowsAndRejects => self.old_rejects(last).await?,
            What::Rows => Vec::new(),
        };
        let mut dates = Dates { last, files: Vec::new() };
        for (date, live) in old_dates(&lake, &self.ledger.state, last).await? {
            let is_full = dates.files.len() as u64 + live.sums.files > FILES_PER_PLAN_MAX;
            if is_full && !dates.files.is_empty() && dates.last < date {
                let full = std::mem::replace(&mut dates, Dates { last, files: Vec::new() });
                if self.expire_some(full, std::mem::take(&mut rejects), settled).await? == Meanwhile::RivalWrote {
                    return Ok(Meanwhile::RivalWrote);
                }
            }
            let files = live.files(&lake).await?;
            dates.files.extend(files.iter().filter(|file| self.ledger.state.may_be_taken(&file.path)).cloned());
            dates.last = date;
        }
        dates.last = last;
        if dates.files.is_empty() && rejects.is_empty() && self.ledger.state.expired >= Some(last) {
            return Ok(Meanwhile::Nothing);
        }
        self.expire_some(dates, rejects, settled).await
    }

    /// Writes a plan, does it and seals it. A rival whose entry comes between may have sealed rows of these dates.
    async fn expire_some(
        &mut self,
        Dates { last, files }: Dates,
        rejects: Vec<(Relative, u64)>,
        settled: u64,
    ) -> Result<Meanwhile, ConvertError> {
        let reject_lines = rejects.iter().map(|(_, lines)| lines).sum();
        let rejects = rejects.into_iter().map(|(name, _)| name).collect();
        let inputs = Inputs { files, rejects, reject_lines, ..Inputs::default() };
        let task = PlannedTask { inputs, ..PlannedTask::default() };
        let mut settings = self.settings(None);
        settings.retention_seconds = Some(self.retention_of_expired().as_secs());
        let tasks: &[PlannedTask] = if task.inputs.names().next().is_none() { &[] } else { &[task] };
        let draft = Draft::new(Purpose::Expire, settings, tasks).taking_effect(Effect::AtSeal).expiring(last, settled);
        let Appended::Ours(number) = self.ledger.plan(&draft).await? else { return Ok(Meanwhile::RivalWrote) };
        self.expire_files(number).await?;
        self.seal_if_done(number).await?;
        self.project_and_checkpoint().await?;
        let is_void = self.ledger.state.plans.get(&number).is_some_and(|plan| plan.void);
        Ok(if is_void { Meanwhile::RivalWrote } else { Meanwhile::Nothing })
    }

    fn retention_of_expired(&self) -> Duration {
        let is_now = self.options.expiry.as_ref().is_some_and(|expiry| expiry.now);
        if is_now { Duration::ZERO } else { self.options.retention }
    }

    /// Commits the task of an open plan to expire.
    pub(super) async fn expire_files(&mut self, number: u64) -> Result<(), ConvertError> {
        let (lake, plan) = (self.ledger.writer.lake.clone(), self.ledger.state.plans[&number].plan.clone());
        for task in self.ledger.state.tasks_to_do(&lake, number).await? {
            let of = TaskRef { plan: number, task: task.task };
            expire(&self.ledger.writer, of, &task, &plan).await?;
        }
        Ok(())
    }

    /// Sums up what left the lake with a plan to expire that was open, and that this run or a rival sealed now.
    pub(super) async fn note_expired(&mut self, number: u64) -> Result<(), ConvertError> {
        let plan = self.ledger.state.plans[&number].plan.clone();
        for task in self.ledger.writer.lake.tasks(&plan).await? {
            self.summary.expired.add(&task.inputs);
        }
        let summary = &mut self.summary.expired;
        summary.expired_through = summary.expired_through.max(plan.expires);
        Ok(())
    }

    /// Why a plan to expire cannot be sealed as it is: since it was made, files of its dates became part of the lake.
    pub(super) async fn came_since(
        &self,
        last: NaiveDate,
        removes: &[Relative],
    ) -> Result<Option<String>, ConvertError> {
        let heads = self.ledger.state.heads(&self.ledger.writer.lake).await?;
        let known: BTreeSet<&Relative> = removes.iter().collect();
        let sealed = heads.iter().filter(|head| !self.ledger.state.is_open(head.plan)).flat_map(|head| &head.files);
        let is_old = |file: &&DataFile| file.date().is_some_and(|date| date <= last);
        let came = sealed.filter(is_old).find(|file| !known.contains(&file.path));
        Ok(came.map(|file| format!("{} came for a date that it removes; run it again", file.path)))
    }

    /// Files of lines that were set aside, all of them of objects whose key day is not after `last`, with the number of
    /// lines. What was there when dates were removed last is looked at again once days are as old that it has lines of.
    async fn old_rejects(&self, last: NaiveDate) -> Result<Vec<(Relative, u64)>, ConvertError> {
        let (lake, state) = (&self.ledger.writer.lake, &self.ledger.state);
        let mut makers: BTreeSet<TaskRef> = BTreeSet::new();
        let is_new = |day: &Day| day.0.is_some_and(|date| date <= last && Some(date) > state.expired);
        for day in state.days().into_iter().filter(is_new) {
            let has_rejects = |receipt: &Receipt| receipt.outcome == Outcome::Converted && receipt.rejects > 0;
            let note = |filed: Filed| {
                makers.insert(TaskRef { plan: filed.plan, task: filed.task });
            };
            state.visit_receipts(lake, day, has_rejects, note).await?;
        }
        let holds = |head: &&CommitHead| {
            let is_new = state.rejects_from.is_some_and(|from| head.plan >= from);
            let is_meant = is_new || makers.contains(&head.task_ref()) || !head.taken.carries.is_disjoint(&makers);
            is_meant && !state.is_open(head.plan)
        };
        let mut old = Vec::new();
        for name in state.heads(lake).await?.iter().filter(holds).filter_map(|head| head.rejects.as_ref()) {
            if let Some(lines) = self.lines_if_old(name, last).await? {
                old.push((name.clone(), lines));
            }
        }
        Ok(old)
    }

    /// How many lines were set aside in a file, if the objects of all of them are as old; `None` also of a file that is
    /// not as it was written.
    async fn lines_if_old(&self, name: &Relative, last: NaiveDate) -> Result<Option<u64>, ConvertError> {
        let hash = Names::hash_of(name);
        let opened = self.ledger.writer.lake.open_as_said(name, None, hash, self.scratch.folder()).await;
        let file = match opened {
            Ok(file) => file,
            Err(OpenError::Unlike(_)) => return Ok(None),
            Err(OpenError::Lake(error)) => return Err(error.into()),
            Err(OpenError::Scratch(source)) => {
                let path = self.scratch.folder().to_owned();
                return Err(CommitError::Scratch { path, source }.into());
            }
        };
        Ok(count_if_old(file, last).unwrap_or_default())
    }
}

fn count_if_old(file: std::fs::File, last: NaiveDate) -> Result<Option<u64>, String> {
    let bytes = file.metadata().map_err(|error| error.to_string())?.len();
    let mut lines = LineReader::new(BufReader::new(file), bytes)?;
    let mut count = 0;
    while let Some(line) = lines.next_line()? {
        let record: RejectRecord = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let key = Location::key_of(&record.object).unwrap_or_default();
        if Facts::of(key).day.is_none_or(|day| day > last) {
            return Ok(None);
        }
        count += 1;
    }
    Ok(Some(count))
}
