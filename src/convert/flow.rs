//! The order of a run: what earlier runs began is finished, then what is new is listed, planned and converted.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tracing::Instrument;
use tracing::field::Empty;

use super::discover;
use super::run::Run;
use super::sides::{self, Sides};
use super::writing::Writing;
use super::{ConvertError, Options, Summary, conductor, planning};
use crate::commit::{CommitError, HostLock, Ledger, check_tables_are_there, clear_waiting, was_given_delta_log};
use crate::commit::{remove_given_up, remove_orphans};
use crate::execute::{Stop, TaskError};
use crate::lake::Purpose;
use crate::progress::Progress;
use crate::source::Reason;

/// Converts what is new at the sources. On one host, one run at a time works on a lake.
pub async fn run(options: &Options, progress: &Progress, stop: &Stop) -> Result<Summary, ConvertError> {
    sides::check(options).await?;
    let _lock = HostLock::take(&options.lake.url(), &sides::lock_places(options))?;
    let sides = Sides::open(options).await?;
    run_between(options, sides, progress, stop).await
}

/// Merges small files of a lake as [`Options::compaction`] says, and reads no source. On one host, one run at a time
/// works on a lake.
pub async fn compact(options: &Options, progress: &Progress, stop: &Stop) -> Result<Summary, ConvertError> {
    sides::check(options).await?;
    let _lock = HostLock::take(&options.lake.url(), &sides::lock_places(options))?;
    let sides = Sides::open(options).await?;
    compact_between(options, sides, progress, stop).await
}

/// Removes old dates of a lake as [`Options::expiry`] says, and reads no source. On one host, one run at a time works
/// on a lake.
pub async fn expire(options: &Options, progress: &Progress, stop: &Stop) -> Result<Summary, ConvertError> {
    sides::check(options).await?;
    let _lock = HostLock::take(&options.lake.url(), &sides::lock_places(options))?;
    let sides = Sides::open(options).await?;
    expire_between(options, sides, progress, stop).await
}

/// Removes old dates of a lake that is open. It takes no lock: to be right it needs none.
pub async fn expire_between(
    options: &Options,
    sides: Sides,
    progress: &Progress,
    stop: &Stop,
) -> Result<Summary, ConvertError> {
    let began = Instant::now();
    let mut run = Run::open(options, sides, progress, stop).await?;
    run.summary.expired.is_all = true;
    let done = run.expire().await;
    run.clear_and_end(done, began).await
}

/// Merges small files of a lake that is open. It takes no lock: to be right it needs none.
pub async fn compact_between(
    options: &Options,
    sides: Sides,
    progress: &Progress,
    stop: &Stop,
) -> Result<Summary, ConvertError> {
    let began = Instant::now();
    let mut run = Run::open(options, sides, progress, stop).await?;
    run.summary.compacted.is_all = true;
    let done = run.compact().await;
    run.clear_and_end(done, began).await
}

/// Converts between stores that are open. It takes no lock: to be right it needs none.
pub async fn run_between(
    options: &Options,
    sides: Sides,
    progress: &Progress,
    stop: &Stop,
) -> Result<Summary, ConvertError> {
    let lake = options.lake.url();
    let span = tracing::debug_span!("run", lake, objects = Empty, records = Empty, bytes = Empty);
    convert_between(options, sides, progress, stop).instrument(span).await
}

async fn convert_between(
    options: &Options,
    sides: Sides,
    progress: &Progress,
    stop: &Stop,
) -> Result<Summary, ConvertError> {
    let began = Instant::now();
    let mut run = Run::open(options, sides, progress, stop).await?;
    let deadline = options.stop_after.map(|after| stop_later(stop.clone(), after));
    let done = run.convert().await;
    if let Some(deadline) = deadline {
        deadline.abort();
    }
    run.clear_and_end(done, began).await
}

/// Lists and plans, and leaves the plans to whoever runs tasks.
pub async fn plan_between(
    options: &Options,
    sides: Sides,
    progress: &Progress,
    stop: &Stop,
) -> Result<Summary, ConvertError> {
    let began = Instant::now();
    let mut run = Run::open(options, sides, progress, stop).await?;
    let done = run.plan().await;
    run.end(done, began)
}

impl Run<'_> {
    async fn convert(&mut self) -> Result<(), ConvertError> {
        self.begin().await?;
        // Redos and checks wait: they may be many, and what is new matters more. While one of these is open, rows may
        // be missing in a folder.
        self.finish_open_plans(&[Purpose::Show, Purpose::Expire, Purpose::Convert]).await?;
        if !self.stop.is_soon() {
            match self.options.again {
                None => {
                    self.plan().await?;
                    // Every plan that is still open is tried once more.
                    self.failed = None;
                    self.finish_all_open_plans().await?;
                }
                Some(again) => self.decode_again(again).await?,
            }
            self.expire_what_came_since().await?;
            self.merge_small_files().await?;
            self.show_what_may_be_seen().await?;
            // All folders are listed for it: not by each run.
            if self.summary.compacted.files_merged > 0 {
                self.remove_orphans().await?;
            }
        }
        self.end_of_work().await
    }

    pub(super) async fn finish_all_open_plans(&mut self) -> Result<(), ConvertError> {
        let all = [Purpose::Show, Purpose::Expire, Purpose::Convert, Purpose::Redo, Purpose::Check, Purpose::Compact];
        self.finish_open_plans(&all).await
    }

    async fn compact(&mut self) -> Result<(), ConvertError> {
        self.begin().await?;
        self.finish_open_plans(&[Purpose::Show, Purpose::Expire, Purpose::Compact]).await?;
        self.expire_what_came_since().await?;
        self.merge_small_files().await?;
        self.show_what_may_be_seen().await?;
        self.remove_orphans().await?;
        self.end_of_work().await
    }

    async fn expire(&mut self) -> Result<(), ConvertError> {
        self.begin().await?;
        // Files that are to be merged would be read for nothing.
        self.finish_open_plans(&[Purpose::Show, Purpose::Expire]).await?;
        if let Some(expiry) = self.options.expiry {
            self.expire_dates(expiry).await?;
        }
        self.show_what_may_be_seen().await?;
        self.end_of_work().await
    }

    async fn remove_orphans(&mut self) -> Result<(), ConvertError> {
        let (ledger, age) = (&self.ledger, self.options.retention);
        self.summary.left_out.orphans_removed += remove_orphans(&ledger.writer, &ledger.state, age).await?;
        Ok(())
    }

    async fn merge_small_files(&mut self) -> Result<(), ConvertError> {
        let Some(compaction) = self.options.compaction.as_ref().filter(|_| !self.stop.is_soon()) else { return Ok(()) };
        self.plan_compaction(compaction).await?;
        self.finish_open_plans(&[Purpose::Compact]).await
    }

    /// What every run does before anything else.
    async fn begin(&mut self) -> Result<(), ConvertError> {
        // What is new would lie where the disk is to be mounted. A redo makes files again that are gone for good.
        if self.options.again.is_none() {
            check_tables_are_there(&self.ledger.writer.lake, &self.ledger.state).await?;
        }
        clear_waiting(&self.ledger.writer, &self.ledger.state).await?;
        self.ledger.writer.remove_old_temporaries().await?;
        self.was_given_delta_log = was_given_delta_log(&self.ledger.writer, &self.ledger.state).await?;
        self.finish_redos_that_are_done().await
    }

    async fn end_of_work(&mut self) -> Result<(), ConvertError> {
        self.project_all().await?;
        self.failed.take().map_or(Ok(()), Err)
    }

    /// The end of a run that wrote, or would have.
    async fn clear_and_end(mut self, done: Result<(), ConvertError>, began: Instant) -> Result<Summary, ConvertError> {
        let cleared = self.clear_given_up().await;
        self.end(done.and(cleared), began)
    }

    /// A task may have been given up on another host while this run worked on it: what it published then would be seen
    /// in the folders beside what its objects gave again. A run that committed nothing may have published, too: its
    /// commit failed, or it put the files of a redo in their place.
    async fn clear_given_up(&mut self) -> Result<(), ConvertError> {
        let Ledger { writer, state } = &mut self.ledger;
        state.catch_up(&writer.lake).await.map_err(CommitError::from)?;
        let lost = state.lost.difference(&self.lost_before).copied().collect();
        remove_given_up(writer, &lost).await?;
        Ok(())
    }

    /// Lists the sources and writes plans for what is new and what changed.
    async fn plan(&mut self) -> Result<(), ConvertError> {
        let state = &self.ledger.state;
        let settled = state.open_plans().first().copied().unwrap_or(state.next);
        let talk = (self.progress, self.stop);
        let known = state.with_unread_of_open_plans(&self.ledger.writer.lake).await?;
        let listing = discover::list(self.options, &self.sources, &known, self.scratch.folder(), talk).await?;
        if listing.was_stopped {
            return Ok(());
        }
        listing.tell(&mut self.summary, state, self.options);
        self.summary.note_kept_types(&state.fixed_types());
        listing.check_not_empty(self.options, state)?;
        let (options, reach) = (self.options, self.reach());
        loop {
            let planned_before = self.summary.converted.objects_planned;
            let mut writing = Writing { run: self, listing: &listing, settled };
            let passed = planning::pass(&listing, options, &reach, &mut writing).await?;
            // Of a pass that planned nothing, such as the one before a lake is born, all is met again.
            if passed.whole || self.summary.converted.objects_planned > planned_before {
                passed.copies.tell(&mut self.summary, options.copies);
            }
            if passed.whole || self.stop.is_soon() {
                self.summary.converted.objects_known = passed.known.saturating_sub(planned_before);
                self.summary.passed_over.add(Reason::Empty, passed.empty);
                return Ok(());
            }
        }
    }

    /// Works on the open plans of these purposes, one purpose after the other.
    async fn finish_open_plans(&mut self, purposes: &[Purpose]) -> Result<(), ConvertError> {
        let state = &self.ledger.state;
        let of = |purpose: &Purpose| {
            let purpose = *purpose;
            state.open_plans().into_iter().filter(move |number| state.plans[number].plan.purpose == purpose)
        };
        let open: Vec<u64> = purposes.iter().flat_map(of).collect();
        for number in open {
            // A rival may have sealed it meanwhile.
            if self.stop.is_soon() || !self.ledger.state.is_open(number) {
                continue;
            }
            // Commits that are not of this plan would stand for its tasks.
            self.before.look(&self.ledger.writer.lake, &self.ledger.state, number).await?;
            let purpose = self.ledger.state.plans[&number].plan.purpose;
            let is_show = purpose == Purpose::Show;
            // What it takes may have left the lake: then it is ended, and none of its tasks begins for nothing.
            if self.ledger.state.plans[&number].awaits_seal() {
                self.seal_if_done(number).await?;
            }
            let ran = match purpose {
                _ if !self.ledger.state.is_open(number) => Ok(()),
                Purpose::Show => self.show_files(number).await,
                Purpose::Expire => self.expire_files(number).await,
                _ => conductor::run_plan(self, number).instrument(tracing::debug_span!("plan", plan = number)).await,
            };
            match ran {
                // Neither must files that cannot be shown keep what is new from being converted.
                Err(error @ ConvertError::Commit(_)) if is_show => {
                    self.failed.get_or_insert(error);
                    continue;
                }
                // Nor must small files that cannot be merged, as where scratch is full.
                Err(error) if purpose == Purpose::Compact => {
                    self.failed.get_or_insert(error);
                    continue;
                }
                // What this store cannot give now must not keep other plans from being made and done.
                Err(error @ ConvertError::Task(TaskError::Fetch { .. })) => drop(self.failed.get_or_insert(error)),
                // Nor may what somebody else wrote into the ledger.
                Err(ConvertError::Outside { plan, url }) => self.summary.note_refused(plan, &url),
                other => other?,
            }
            self.seal_if_done(number).await?;
            let ledger = (&self.ledger.writer.lake, &self.ledger.state);
            self.before.tell(ledger, number, &mut self.summary).await?;
            self.project_and_checkpoint().await?;
        }
        Ok(())
    }
}

fn stop_later(stop: Stop, after: Duration) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        tokio::time::sleep(after).await;
        stop.soon.store(true, Ordering::Relaxed);
    })
}
