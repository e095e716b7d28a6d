//! The write flow, end to end: opens both sides, finishes what earlier runs began, lists, plans, and runs the tasks.
//!
//! ```text
//! open plans of the ledger ──┐
//! list ──▶ subtract ──▶ plan ┴──▶ tasks ──▶ worker threads ──▶ publish ──▶ seal
//! ```
//!
//! This is the one module that knows every stage. What it adds of its own is order: who runs when, and what is summed.

mod again;
mod conductor;
mod discover;
mod dry;
mod holders;
mod planning;
mod seal;
mod show;
mod sides;
mod summary;

pub use crate::execute::Stop;
pub use again::Again;
pub use dry::{DryRun, dry_run};

pub use sides::{Sides, open_lake, open_writer};
pub use summary::{Ending, Refused, Summary};

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chrono::NaiveDate;

use self::discover::Listing;
use crate::commit::{
    CommitError, HostLock, LakeMark, Ledger, Scratch, UPLOAD_PART_BYTES, clear_waiting, remove_given_up,
};
use crate::encode::{Compression, PartitionBy, WRITER_EPOCH};
use crate::execute::{PUBLISHING_MAX, TaskError};
use crate::lake::{Purpose, Settings, State, TaskRef};
use crate::plan::Copies;
use crate::progress::Progress;
use crate::schema::LayoutError;
use crate::source::{Access, Location, Reach, SourceError, Store};

/// What a conversion is asked to do.
#[derive(Debug, Clone)]
pub struct Options {
    pub sources: Vec<Location>,
    pub lake: Location,
    pub source_access: Access,
    pub lake_access: Access,
    /// Key days, inclusive.
    pub since: Option<NaiveDate>,
    pub until: Option<NaiveDate>,
    pub accounts: Vec<String>,
    pub regions: Vec<String>,
    /// Days that an incremental run goes back from what it listed last; `None` lists everything.
    pub lookback_days: Option<u32>,
    pub format: Option<String>,
    /// `None` takes the lake's, and `date` for a new one.
    pub partition_by: Option<PartitionBy>,
    pub scratch: Option<PathBuf>,
    pub compression: Compression,
    pub file_bytes_max: u64,
    pub threads: usize,
    pub memory_bytes: u64,
    pub stop_after: Option<Duration>,
    pub dry_run: bool,
    /// What is done with objects that are copies of others.
    pub copies: Copies,
    /// The id of a lake that this run makes; `None` draws one.
    pub lake_id: Option<String>,
    /// Instead of what is new: what was decoded before.
    pub again: Option<Again>,
    /// How long files stay that others take the place of, for readers that are at it and for those who list folders.
    pub retention: Duration,
    /// Whether objects are fetched that the ledger names and that are not of the sources.
    pub trust_plans: bool,
}

/// Memory that one task takes at most, beside fetched objects: a whole inflated object, dictionaries, open row groups.
const TASK_BYTES: u64 = 224 << 20;

/// Memory of finished tasks that go up.
const PUBLISHING_BYTES: u64 = (PUBLISHING_MAX * UPLOAD_PART_BYTES) as u64;

impl Options {
    /// Threads that decode and encode: as many as asked for, and as `--memory` has room for beside what is fetched and
    /// sent.
    pub fn threads_allowed(&self) -> usize {
        let room = self.memory_bytes.saturating_sub(self.fetch_bytes_max() + PUBLISHING_BYTES) / TASK_BYTES;
        self.threads.min(room as usize).max(1)
    }

    /// Compressed bytes that may be fetched ahead.
    fn fetch_bytes_max(&self) -> u64 {
        self.memory_bytes / 16
    }
}

/// Why a conversion failed. What was committed before stays.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error("`--format` is not usable: {0}")]
    Format(#[from] LayoutError),
    #[error("{lake} and {source_url} overlap: a lake cannot lie inside its source, nor the source inside the lake")]
    Overlap { lake: String, source_url: String },
    #[error(
        "{lake} and the lake {other} overlap: the files of one would be taken for those of the other; give the new one a \
         place of its own"
    )]
    Nested { lake: String, other: String },
    #[error(
        "{what} {} lies in the lake {}, where files would lie among those of the lake; give a folder outside of it",
        path.display(),
        lake.display()
    )]
    TemporaryInLake { what: &'static str, path: PathBuf, lake: PathBuf },
    #[error(
        "{what} {} lies in the source {source_url}, where files would be listed with the logs; give a folder outside of it",
        path.display()
    )]
    TemporaryInSource { what: &'static str, path: PathBuf, source_url: String },
    #[error("{lake} is partitioned by `{found}`, not by `{asked}`; leave `--partition-by` out, or start a new lake")]
    Partitioning { lake: String, found: String, asked: String },
    #[error("{0}: there is nothing; check the bucket, the prefix and the credentials")]
    EmptySource(String),
    #[error(
        "{url} is a copy of {first}; with `--copies keep` both are converted, with `--copies skip` the first alone"
    )]
    Copy { url: String, first: String },
    #[error("plan {plan} names \"{url}\", which is not of this run's sources")]
    Outside { plan: u64, url: String },
    /// Something was done before the error.
    #[error("{error}")]
    Unfinished { error: Box<ConvertError>, summary: Box<Summary> },
    #[error(transparent)]
    Task(#[from] TaskError),
}

impl ConvertError {
    fn of_scratch(self, folder: &Path) -> ConvertError {
        match self {
            ConvertError::Task(error) => ConvertError::Task(error.of_scratch(folder)),
            other => other,
        }
    }
}

/// The run that it happened in adds the folder.
impl From<std::io::Error> for ConvertError {
    fn from(source: std::io::Error) -> Self {
        ConvertError::Task(source.into())
    }
}

impl From<crate::lake::LakeError> for ConvertError {
    fn from(error: crate::lake::LakeError) -> Self {
        ConvertError::Commit(error.into())
    }
}

/// What a run holds while it works.
struct Run<'a> {
    options: &'a Options,
    progress: &'a Progress,
    stop: &'a Stop,
    sources: Vec<Store>,
    ledger: Ledger,
    scratch: Arc<Scratch>,
    summary: Summary,
    /// Tasks that had been given up when the run began.
    lost_before: BTreeSet<TaskRef>,
    /// The ledger's format when the run began.
    format_before: u32,
    /// An object that the store could not give: the rest went on, and the run ends with it.
    failed: Option<ConvertError>,
}

/// Converts what is new at the sources. On one host, one run at a time works on a lake.
pub async fn run(options: &Options, progress: &Progress, stop: &Stop) -> Result<Summary, ConvertError> {
    sides::check(options).await?;
    let _lock = HostLock::take(&options.lake.url(), &sides::lock_places(options))?;
    let sides = Sides::open(options).await?;
    run_between(options, sides, progress, stop).await
}

/// Converts between stores that are open. It takes no lock: to be right it needs none.
pub async fn run_between(
    options: &Options,
    sides: Sides,
    progress: &Progress,
    stop: &Stop,
) -> Result<Summary, ConvertError> {
    let began = Instant::now();
    let mut run = Run::open(options, sides, progress, stop).await?;
    let deadline = options.stop_after.map(|after| stop_later(stop.clone(), after));
    let mut done = run.convert().await;
    let cleared = run.clear_given_up().await;
    if done.is_ok() {
        done = cleared;
    }
    if let Some(deadline) = deadline {
        deadline.abort();
    }
    run.end(done, began)
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

/// That the lake is partitioned as the user asked for.
fn check_partitioning(options: &Options, state: &State) -> Result<(), ConvertError> {
    let Some(create) = &state.create else { return Ok(()) };
    match options.partition_by {
        Some(asked) if asked.name() != create.partition_by => Err(ConvertError::Partitioning {
            lake: options.lake.url(),
            found: create.partition_by.clone(),
            asked: asked.name().to_owned(),
        }),
        _ => Ok(()),
    }
}

/// A source that holds nothing is a mistake in its name, unless the lake knows it.
fn check_not_empty(options: &Options, listing: &Listing, state: &State) -> Result<(), ConvertError> {
    if listing.is_full && listing.is_empty() && state.create.is_none() {
        let sources: Vec<String> = options.sources.iter().map(Location::url).collect();
        return Err(ConvertError::EmptySource(sources.join(", ")));
    }
    Ok(())
}

impl<'a> Run<'a> {
    async fn open(
        options: &'a Options,
        sides: Sides,
        progress: &'a Progress,
        stop: &'a Stop,
    ) -> Result<Run<'a>, ConvertError> {
        let Sides { sources, writer } = sides;
        writer.check_tmp()?;
        let ledger = Ledger::open(writer).await?;
        let id = ledger.state.create.as_ref().map(|create| create.lake_id.clone());
        let lake = LakeMark { url: ledger.writer.lake.names.lake_url().to_owned(), id };
        let scratch = Arc::new(Scratch::open(&sides::scratch_folder(options, &ledger.writer)?, &lake)?);
        let (threads, threads_asked) = (options.threads_allowed(), options.threads);
        let summary = Summary { threads, threads_asked, ..Summary::default() };
        let (lost_before, format_before) = (ledger.state.lost.clone(), ledger.state.format);
        let run = Run {
            options,
            progress,
            stop,
            sources,
            ledger,
            scratch,
            summary,
            lost_before,
            format_before,
            failed: None,
        };
        run.check_partitioning()?;
        Ok(run)
    }

    fn end(self, done: Result<(), ConvertError>, began: Instant) -> Result<Summary, ConvertError> {
        let mut summary = self.summary;
        // A lake that this run made had none before.
        let format = self.ledger.state.format;
        summary.ledger_format = (self.format_before > 0 && format > self.format_before).then_some(format);
        summary.finish(began.elapsed(), self.stop);
        let error = match done {
            Ok(()) => return Ok(summary),
            Err(error) => error.of_scratch(self.scratch.folder()),
        };
        if summary.is_empty() {
            return Err(error);
        }
        summary.ending = Ending::Failed;
        Err(ConvertError::Unfinished { error: Box::new(error), summary: Box::new(summary) })
    }

    async fn convert(&mut self) -> Result<(), ConvertError> {
        clear_waiting(&self.ledger.writer, &self.ledger.state).await?;
        self.ledger.writer.remove_old_temporaries().await?;
        // Redos and checks wait: they may be many, and what is new matters more.
        self.finish_redos_that_are_done().await?;
        // While one is open, rows may be missing in a folder.
        self.finish_open_plans(&[Purpose::Show, Purpose::Convert]).await?;
        if !self.stop.is_soon() {
            match self.options.again {
                None => self.plan().await?,
                Some(again) => self.plan_again(again).await?,
            }
            // Every plan that is still open is tried once more.
            self.failed = None;
            self.finish_open_plans(&[Purpose::Convert, Purpose::Redo, Purpose::Check]).await?;
            self.show_what_may_be_seen().await?;
        }
        self.failed.take().map_or(Ok(()), Err)
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

    /// What may be fetched.
    fn reach(&self) -> Reach {
        Reach::new(&self.sources).trusting(self.options.trust_plans)
    }

    /// What a plan made now fixes.
    fn settings(&self, format: Option<String>) -> Settings {
        let (options, state) = (self.options, &self.ledger.state);
        let create = state.create.as_ref().expect("the lake was born");
        Settings {
            writer_epoch: WRITER_EPOCH,
            compression: options.compression.name().to_owned(),
            file_bytes_max: options.file_bytes_max,
            partition_by: create.partition_by.clone(),
            format,
            types: state.fixed_types(),
            unknown: state.unknown_columns(),
            retention_seconds: None,
        }
    }

    fn is_by_hour(&self) -> bool {
        self.ledger.state.create.as_ref().is_some_and(|create| create.partition_by == PartitionBy::DateHour.name())
    }

    fn check_partitioning(&self) -> Result<(), ConvertError> {
        check_partitioning(self.options, &self.ledger.state)
    }

    /// Lists the sources and writes plans for what is new and what changed.
    async fn plan(&mut self) -> Result<(), ConvertError> {
        let state = &self.ledger.state;
        let settled = state.open_plans().first().copied().unwrap_or(state.next);
        let talk = (self.progress, self.stop);
        let listing = discover::list(self.options, &self.sources, state, self.scratch.folder(), talk).await?;
        if listing.was_stopped {
            return Ok(());
        }
        self.summary.note_listing(&listing, state, self.options);
        self.summary.note_kept_types(&state.fixed_types());
        check_not_empty(self.options, &listing, state)?;
        let options = self.options;
        loop {
            let planned_before = self.summary.objects_planned;
            let mut writing = planning::Writing { run: self, listing: &listing, settled };
            let passed = planning::pass(&listing.objects, options, &mut writing).await?;
            // Of a pass that planned nothing, such as the one before a lake is born, all is met again.
            if passed.whole || self.summary.objects_planned > planned_before {
                self.summary.note_copies(passed.copies, options.copies);
            }
            if passed.whole || self.stop.is_soon() {
                self.summary.objects_known = passed.known.saturating_sub(planned_before);
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
            self.ledger.state.visit_commits(&self.ledger.writer.lake, number, drop).await?;
            let ran = match self.ledger.state.plans[&number].plan.purpose {
                Purpose::Show => self.show_files(number).await,
                _ => conductor::run_plan(self, number).await,
            };
            match ran {
                // What this store cannot give now must not keep other plans from being made and done.
                Err(error @ ConvertError::Task(TaskError::Fetch { .. })) => drop(self.failed.get_or_insert(error)),
                // Nor may what somebody else wrote into the ledger.
                Err(ConvertError::Outside { plan, url }) => self.summary.note_refused(plan, &url),
                other => other?,
            }
            self.seal_if_done(number).await?;
            self.ledger.checkpoint_if_due().await?;
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
