//! The write flow, end to end: opens both sides, finishes what earlier runs began, lists, plans, and runs the tasks.
//!
//! ```text
//! open plans of the ledger ──┐
//! list ──▶ subtract ──▶ plan ┴──▶ tasks ──▶ worker threads ──▶ publish ──▶ seal
//! ```
//!
//! This is the one module that knows every stage. What it adds of its own is order: who runs when, and what is summed.

mod conductor;
mod discover;
mod summary;
mod task;

pub use summary::{DryRun, Ending, Summary};

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::NaiveDate;

use crate::commit::{CommitError, HostLock, LakeWriter, Ledger, Scratch, sweep};
use crate::encode::{Compression, PartitionBy, WRITER_EPOCH};
use crate::lake::{Body, Create, Day, Lake, Seal, Settings, State, Totals};
use crate::progress::Progress;
use crate::schema::{Layout, LayoutError, Types};
use crate::source::{self, Access, Location, Object, SourceError, Store};

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
}

/// Memory that one task takes at most, beside fetched objects: a whole inflated object, dictionaries, open row groups.
const TASK_BYTES: u64 = 160 << 20;

impl Options {
    /// Threads that decode and encode: as many as asked for, and as `--memory` has room for beside fetched objects.
    pub fn threads_allowed(&self) -> usize {
        let room = (self.memory_bytes - self.fetch_bytes_max()) / TASK_BYTES;
        self.threads.min(room as usize).max(1)
    }

    /// Compressed bytes that may be fetched ahead.
    fn fetch_bytes_max(&self) -> u64 {
        self.memory_bytes / 4
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
    #[error("{lake} is partitioned by `{found}`, not by `{asked}`; leave `--partition-by` out, or start a new lake")]
    Partitioning { lake: String, found: String, asked: String },
    #[error("{0}: there is nothing; check the bucket, the prefix and the credentials")]
    EmptySource(String),
    #[error("{url}: cannot be read: {reason}; its task stays open and the next run tries it again")]
    Fetch { url: String, reason: String },
    #[error("cannot write to the scratch folder: {0}")]
    Scratch(#[from] std::io::Error),
    #[error("{0}; this is a bug in flowlake, nothing of the task was published")]
    Encode(String),
}

impl From<crate::lake::LakeError> for ConvertError {
    fn from(error: crate::lake::LakeError) -> Self {
        ConvertError::Commit(error.into())
    }
}

/// Set by a signal or a deadline, read at every object.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Abandon the tasks at hand: nothing of them is published.
    pub now: Arc<AtomicBool>,
    /// Begin no further task.
    pub soon: Arc<AtomicBool>,
}

impl Stop {
    pub fn is_now(&self) -> bool {
        self.now.load(Ordering::Relaxed)
    }

    pub fn is_soon(&self) -> bool {
        self.is_now() || self.soon.load(Ordering::Relaxed)
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
}

/// How far a run listed, which the last of its plans records.
struct Marks {
    frontiers: BTreeMap<String, Day>,
    is_full: bool,
}

/// Converts what is new at the sources.
pub async fn run(options: &Options, progress: &Progress, stop: &Stop) -> Result<Summary, ConvertError> {
    let began = Instant::now();
    for source in &options.sources {
        if options.lake.contains(source) || source.contains(&options.lake) {
            return Err(ConvertError::Overlap { lake: options.lake.url(), source_url: source.url() });
        }
    }
    if let Some(format) = &options.format {
        Layout::from_format(format, &Types::default())?;
    }
    let _lock = HostLock::take(&options.lake.url())?;
    let sources = open_sources(options).await?;
    let writer = open_writer(options).await?;
    let scratch = Arc::new(Scratch::open(&scratch_folder(options, &writer))?);
    let ledger = Ledger::open(writer).await?;
    let summary = Summary { threads: options.threads_allowed(), threads_asked: options.threads, ..Summary::default() };
    let mut run = Run { options, progress, stop, sources, ledger, scratch, summary };
    run.check_partitioning()?;
    let deadline = options.stop_after.map(|after| stop_later(stop.clone(), after));
    let done = run.convert().await;
    if let Some(deadline) = deadline {
        deadline.abort();
    }
    done?;
    let mut summary = run.summary;
    summary.finish(began.elapsed(), stop);
    Ok(summary)
}

/// Lists and plans, and writes nothing.
pub async fn dry_run(options: &Options, progress: &Progress) -> Result<DryRun, ConvertError> {
    let sources = open_sources(options).await?;
    // A lake that is not there yet holds nothing.
    let is_there = options.lake.path().is_none_or(|folder| folder.exists());
    let lake = if is_there { Some(open_lake(&options.lake, &options.lake_access).await?) } else { None };
    let state = match &lake {
        Some(lake) => State::load(lake).await?,
        None => State::default(),
    };
    let listing = discover::list(options, &sources, &state, progress).await?;
    let fresh = discover::fresh(listing.objects, lake.as_ref(), &state, options).await?.fresh;
    let by_hour = options.partition_by == Some(PartitionBy::DateHour);
    Ok(DryRun::new(fresh, by_hour, listing.requests, state.open_plans().len() as u64))
}

impl Run<'_> {
    async fn convert(&mut self) -> Result<(), ConvertError> {
        self.finish_open_plans().await?;
        if self.stop.is_soon() {
            return Ok(());
        }
        self.plan().await?;
        self.finish_open_plans().await
    }

    fn check_partitioning(&self) -> Result<(), ConvertError> {
        let Some(create) = &self.ledger.state.create else { return Ok(()) };
        match self.options.partition_by {
            Some(asked) if asked.name() != create.partition_by => Err(ConvertError::Partitioning {
                lake: self.options.lake.url(),
                found: create.partition_by.clone(),
                asked: asked.name().to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Lists the sources and writes a plan for what is new. A rival planner's objects are subtracted in turn.
    async fn plan(&mut self) -> Result<(), ConvertError> {
        let listing = discover::list(self.options, &self.sources, &self.ledger.state, self.progress).await?;
        self.summary.note_listing(&listing, &self.ledger.state);
        if listing.is_full && listing.is_empty() && self.ledger.state.plans.is_empty() {
            let sources: Vec<String> = self.options.sources.iter().map(Location::url).collect();
            return Err(ConvertError::EmptySource(sources.join(", ")));
        }
        let marks = Marks { frontiers: listing.frontiers, is_full: listing.is_full };
        let mut listed = listing.objects;
        loop {
            let lake = self.ledger.writer.lake.clone();
            let found = discover::fresh(listed, Some(&lake), &self.ledger.state, self.options).await?;
            self.summary.note_known(found.known, &found.changed);
            if found.fresh.is_empty() {
                return Ok(());
            }
            listed = found.fresh.clone();
            // What was subtracted is true only of the log as it was then: any entry since means to subtract again.
            let wrote = if self.birth().await? { false } else { self.write_plans(found.fresh, &marks).await? };
            if wrote {
                return Ok(());
            }
        }
    }

    /// Writes the plans of a run; `false` if a rival took a number in between, or right behind one of ours.
    async fn write_plans(&mut self, fresh: Vec<Object>, marks: &Marks) -> Result<bool, ConvertError> {
        let settings = self.settings();
        let by_hour = settings.partition_by == PartitionBy::DateHour.name();
        let plans = crate::plan::into_plans(fresh);
        let count = plans.len();
        let mut expected = self.ledger.state.next;
        for (index, objects) in plans.into_iter().enumerate() {
            let tasks = crate::plan::cut(objects, by_hour);
            // Only the last plan may say how far was listed: before it, older days are listed but not yet planned.
            let last = index + 1 == count;
            let draft = crate::commit::Draft {
                settings: &settings,
                tasks: &tasks,
                listed: if last { marks.frontiers.clone() } else { Default::default() },
                full_scan: last && marks.is_full,
            };
            let appended = self.ledger.plan(draft).await?;
            expected += 1;
            if appended == crate::commit::Appended::Lost || (self.ledger.state.next != expected && !last) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The first plan of a lake is preceded by its birth, once: `true` if the log grew by it, or by a rival's.
    async fn birth(&mut self) -> Result<bool, ConvertError> {
        let unborn = self.ledger.state.create.is_none();
        if unborn {
            self.ledger.writer.probe_conditional_create().await?;
            let create = Create {
                lake_id: uuid::Uuid::new_v4().to_string(),
                partition_by: self.options.partition_by.unwrap_or_default().name().to_owned(),
            };
            self.ledger.append(Body::Create(create)).await?;
        }
        self.check_partitioning()?;
        Ok(unborn)
    }

    fn settings(&self) -> Settings {
        let create = self.ledger.state.create.as_ref().expect("the lake was born");
        Settings {
            writer_epoch: WRITER_EPOCH,
            compression: self.options.compression.name().to_owned(),
            file_bytes_max: self.options.file_bytes_max,
            partition_by: create.partition_by.clone(),
            format: self.options.format.clone(),
            types: self.ledger.state.fixed_types(),
        }
    }

    async fn finish_open_plans(&mut self) -> Result<(), ConvertError> {
        let open = self.ledger.state.open_plans();
        for number in open {
            if self.stop.is_soon() {
                break;
            }
            conductor::run_plan(self, number).await?;
            self.seal_if_done(number).await?;
        }
        Ok(())
    }

    async fn seal_if_done(&mut self, number: u64) -> Result<(), ConvertError> {
        let lake = self.ledger.writer.lake.clone();
        let committed = lake.committed(number).await?;
        if (committed.len() as u64) < self.ledger.state.plans[&number].plan.tasks {
            return Ok(());
        }
        sweep(&self.ledger.writer, number).await?;
        let mut seal = Seal { plan: number, totals: Totals::default(), columns: Default::default() };
        for task in committed {
            let Some(commit) = lake.commit(number, task).await? else { continue };
            seal.totals.add(&commit.head.totals);
            for file in commit.head.files {
                seal.columns.entry(file.table).or_default().extend(file.columns);
            }
        }
        self.ledger.append_surely(Body::Seal(seal)).await?;
        Ok(())
    }
}

async fn open_sources(options: &Options) -> Result<Vec<Store>, ConvertError> {
    let mut sources = Vec::new();
    for location in &options.sources {
        sources.push(source::open(location, &options.source_access).await?);
    }
    Ok(sources)
}

async fn open_writer(options: &Options) -> Result<LakeWriter, ConvertError> {
    let folder = options.lake.path();
    if let Some(folder) = &folder {
        std::fs::create_dir_all(folder)
            .map_err(|source| CommitError::Local { path: folder.display().to_string(), source })?;
    }
    Ok(LakeWriter::new(open_lake(&options.lake, &options.lake_access).await?, folder))
}

/// Opens the reading side of a lake. On disk its folder must exist.
pub async fn open_lake(location: &Location, access: &Access) -> Result<Lake, SourceError> {
    let store = source::open(location, access).await?;
    Ok(Lake::new(store.rooted()?, object_store::path::Path::default(), location.url()))
}

fn scratch_folder(options: &Options, writer: &LakeWriter) -> PathBuf {
    match (&options.scratch, writer.local_tmp()) {
        (Some(folder), _) => folder.clone(),
        (None, Some(tmp)) => tmp.to_owned(),
        (None, None) => crate::commit::default_scratch(),
    }
}

fn stop_later(stop: Stop, after: Duration) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        tokio::time::sleep(after).await;
        stop.soon.store(true, Ordering::Relaxed);
    })
}
