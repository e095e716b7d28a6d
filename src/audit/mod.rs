//! The proof that a lake holds what its ledger says: every record read from the log's first entry, every data file
//! hashed and added up row by row; and, with sources, that their objects still give the same.
//!
//! ```text
//! listing of data files ─────────────────────────────────────┐
//! log ─▶ plans ─▶ commits ─┬─────────────────────────────────┤
//!                          └▶ partitions ─▶ files ─▶ rows ───┼─▶ differences, told as they are found ─▶ report
//! checkpoints (against the fold and the commits) ────────────┤
//! sources ─▶ decoded again (against the receipts) ───────────┘
//! ```
//!
//! It writes nothing but unnamed files on scratch. Its sums are computed by code of its own; with the writer it shares
//! the mix of a row, and with SOURCE the decoder. It may run beside a conversion: what is listed first was announced
//! before.
//!
//! Memory: a thread has one commit, or one batch of rows, some of the objects of a partition and bits of their lines.
//! Names are matched in buckets on scratch; what commits say of a partition waits there for its turn.

mod ahead;
mod delta;
mod difference;
mod folders;
mod history;
mod lines;
mod matching;
mod notes;
mod objects;
mod opened;
mod origin;
mod partition;
mod plans;
mod problem;
mod queue;
mod records;
mod rejects;
mod report;
mod rows;
mod shortcuts;
mod standing;
mod sums;
mod task;

#[cfg(test)]
mod tests;

pub use difference::{Difference, DifferenceKind};
pub use report::{OpenPlan, Report, Sources};

use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;
use futures::TryStreamExt;
use object_store::ObjectStoreExt;

use self::history::History;
use self::matching::{Matching, Mention, Side};
use self::notes::Notes;
use self::opened::Context;
use self::problem::problem;
use self::records::words;
use self::standing::Standing;
use crate::lake::{Committed, Lake, LakeError, State, Superseded, Totals};
use crate::progress::Progress;
use crate::schema::Table;
use crate::source::{SourceError, Store};
use crate::threads::{self, ThreadError};

/// Memory of one thread beside lines and objects: a batch of rows, pages, a commit; a decoder where sources are read.
const THREAD_BYTES: u64 = 96 << 20;
const THREAD_BYTES_WITH_SOURCES: u64 = 160 << 20;

/// Threads that prove partitions wait for others that hash files, of which the runtime has 512 in all.
const THREADS_MAX: usize = 256;

/// How a lake is verified.
#[derive(Debug, Clone)]
pub struct Options {
    /// Threads that read data files.
    pub threads: usize,
    /// Memory to plan with: a quarter holds bits of lines, another one what receipts say of partitions, and fetched
    /// objects later.
    pub memory_bytes: u64,
    /// A folder for unnamed files.
    pub scratch: PathBuf,
    /// Data files of earlier dates, and objects of earlier key days, are not opened.
    pub since: Option<NaiveDate>,
}

impl Options {
    /// Whether what is of a date is opened; what is of none always is.
    fn takes(&self, date: Option<NaiveDate>) -> bool {
        self.since.zip(date).is_none_or(|(since, date)| date >= since)
    }
}

/// Why a lake could not be verified to its end. It says nothing of the lake.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum AuditError {
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("cannot write to the scratch folder {}: {source}; give another one with --scratch", path.display())]
    Scratch { path: PathBuf, source: std::io::Error },
    #[error("{url}: cannot be read: {reason}; run again")]
    Fetch { url: String, reason: String },
    #[error(transparent)]
    Threads(#[from] ThreadError),
    #[error("cannot tell what was found: {0}")]
    Tell(#[source] std::io::Error),
}

/// Takes each difference as it is found.
pub type Tell<'a> = &'a mut dyn FnMut(&Difference) -> std::io::Result<()>;

/// Verifies a lake, and the sources against it.
pub async fn verify(
    lake: &Lake,
    sources: &[Store],
    options: &Options,
    progress: &Progress,
    tell: Tell<'_>,
) -> Result<Report, AuditError> {
    let mut audit = Audit::new(lake, options, progress, tell, !sources.is_empty());
    // What is proven on each of them waits for files, which are read on others.
    threads::look(audit.threads)?;
    audit.list_files().await?;
    let checkpoints = shortcuts::numbers(lake).await?;
    // Before the log: a run that goes on meanwhile commits nothing before its plan is there.
    let commits = lake.committed_since(0).await?;
    let mut history = History::read(lake, &checkpoints).await?;
    audit.differ_all(std::mem::take(&mut history.differences))?;
    audit.report.log_entries = history.state.next;
    audit.report.plans = history.state.plans.len() as u64;
    audit.report.checkpoints = checkpoints.len() as u64;
    audit.report.archives = history.state.archives.len() as u64;
    audit.superseded = Arc::new(superseded(lake, &history.state).await?);
    audit.standing = Arc::new(Standing::read(lake, &history.state).await?);
    progress.reading_files(history.state.totals.files, history.state.totals.file_bytes);
    audit.plans(&history, &commits).await?;
    audit.report.subtract(&audit.taken);
    queue::prove(&mut audit).await?;
    audit.stray_commits(&history, commits)?;
    audit.given_up(&history)?;
    let differences = shortcuts::check(lake, &checkpoints, &history, &audit.committed).await?;
    audit.differ_all(differences)?;
    audit.match_files(&history).await?;
    let differences = delta::check(lake, &history.state, audit.report.differences > 0).await?;
    audit.differ_all(differences)?;
    if !sources.is_empty() {
        let read = origin::read(&mut audit, &history, sources).await?;
        audit.report.sources = Some(read);
    }
    audit.match_objects()?;
    Ok(audit.report)
}

/// Tasks for which others stand. A commit that cannot be read is told of where it is held against its plan.
async fn superseded(lake: &Lake, state: &State) -> Result<Superseded, AuditError> {
    match state.superseded(lake).await {
        Err(error) => {
            problem(lake, error).map(|_| Superseded { tasks: state.replaced.clone(), ..Superseded::default() })
        }
        found => Ok(found?),
    }
}

/// What one verification holds.
struct Audit<'a> {
    lake: &'a Lake,
    options: &'a Options,
    progress: &'a Progress,
    tell: Tell<'a>,
    report: Report,
    /// Data files by name.
    files: Matching,
    /// Source objects by URL.
    objects: Matching,
    /// Data files and parts of receipts by partition.
    notes: Notes,
    committed: shortcuts::Committed,
    /// What the commits of sealed plans come to, without the rows for which others stand.
    sealed: Totals,
    superseded: Arc<Superseded>,
    standing: Arc<Standing>,
    /// What left the lake with plans that took effect at their seal: their reports count it no more.
    taken: Totals,
    /// Whether that is not known of every plan.
    is_taken_unknown: bool,
    threads: usize,
}

impl<'a> Audit<'a> {
    fn new(
        lake: &'a Lake,
        options: &'a Options,
        progress: &'a Progress,
        tell: Tell<'a>,
        with_sources: bool,
    ) -> Audit<'a> {
        let thread_bytes = if with_sources { THREAD_BYTES_WITH_SOURCES } else { THREAD_BYTES };
        let room = options.memory_bytes / 2 / thread_bytes;
        Audit {
            lake,
            options,
            progress,
            tell,
            report: Report { since: options.since, ..Report::default() },
            files: Matching::new(&options.scratch),
            objects: Matching::new(&options.scratch),
            notes: Notes::new(&options.scratch),
            committed: shortcuts::Committed::default(),
            sealed: Totals::default(),
            superseded: Arc::default(),
            standing: Arc::default(),
            taken: Totals::default(),
            is_taken_unknown: false,
            threads: options.threads.min(room as usize).clamp(1, THREADS_MAX),
        }
    }

    fn differ(&mut self, difference: &Difference) -> Result<(), AuditError> {
        self.report.differences += 1;
        self.progress.aside(|| (self.tell)(difference)).map_err(AuditError::Tell)
    }

    fn differ_all(&mut self, differences: impl IntoIterator<Item = Difference>) -> Result<(), AuditError> {
        differences.into_iter().try_for_each(|difference| self.differ(&difference))
    }

    /// Notes that a side has a data file of this name.
    fn note_file(&mut self, side: Side, name: &str) -> Result<(), AuditError> {
        self.files.add(side, name, name).map_err(|error| self.scratch(error))
    }

    fn scratch(&self, source: std::io::Error) -> AuditError {
        AuditError::Scratch { path: self.options.scratch.clone(), source }
    }

    /// What threads share, and the share of each in memory.
    fn context(&self) -> Context {
        self.context_of(self.threads)
    }

    fn context_of(&self, at_once: usize) -> Context {
        let quarter = self.options.memory_bytes / 4 / at_once as u64;
        Context {
            lake: self.lake.clone(),
            scratch: self.options.scratch.clone(),
            bits_max: quarter * 8,
            part_bytes_max: quarter,
            progress: self.progress.clone(),
            superseded: self.superseded.clone(),
            standing: self.standing.clone(),
        }
    }

    /// What readers of folders see. It comes first, since whoever publishes a file has announced it before.
    async fn list_files(&mut self) -> Result<(), AuditError> {
        for table in Table::all() {
            let prefix = self.lake.names.inside(table.name());
            let mut listed = self.lake.store.list(Some(&prefix));
            loop {
                let next = match listed.try_next().await {
                    Err(object_store::Error::NotFound { .. }) => None,
                    other => other.map_err(|error| self.lake.names.store_error(&prefix, &error))?,
                };
                let Some(meta) = next else { break };
                let name = self.lake.names.relative(&meta.location);
                // Readers pass over names that begin so.
                let is_seen = meta.location.filename().is_some_and(|file| !file.starts_with(['.', '_']));
                if is_seen && !meta.location.prefix_matches(&self.lake.names.delta_log(table)) {
                    self.note_file(Side::Listed, &name)?;
                }
            }
        }
        Ok(())
    }

    /// Commits of plans that the log does not have: a plan's entry was lost.
    fn stray_commits(&mut self, history: &History, commits: Committed) -> Result<(), AuditError> {
        for (plan, tasks) in commits.into_iter().filter(|(plan, _)| !history.state.plans.contains_key(plan)) {
            self.stray_commits_of(plan, tasks, "commits of plans in the log", "one of another plan")?;
        }
        Ok(())
    }

    /// What entries took off for tasks that were given up, which no seal can prove any more: what is left must be
    /// there.
    fn given_up(&mut self, history: &History) -> Result<(), AuditError> {
        let (state, mut left) = (&history.state, self.sealed);
        left.subtract(&self.taken);
        if state.lost.is_empty() || self.is_taken_unknown || state.totals == left {
            return Ok(());
        }
        let log = self.lake.names.relative(&self.lake.names.log_prefix());
        let (expected, found) = (words(&left), words(&state.totals));
        self.differ(&Difference::of_file(DifferenceKind::RecordDiffers, &log, expected, found))
    }

    /// Files in the folders of tables that no commit names, and files that two name.
    async fn match_files(&mut self, history: &History) -> Result<(), AuditError> {
        let files = std::mem::replace(&mut self.files, Matching::new(&self.options.scratch));
        let found = folders::sort(files, &self.standing, &history.state).map_err(|error| self.scratch(error))?;
        (self.report.files_unpublished, self.report.files_retired) = (found.unpublished, found.retired);
        for name in found.stray {
            // A run that goes on meanwhile may have removed it.
            if self.lake.store.head(&self.lake.names.inside(&name)).await.is_ok() {
                let expected = "files that a commit names";
                self.differ(&Difference::of_file(
                    DifferenceKind::FileStray,
                    &name,
                    expected,
                    "a file that none names",
                ))?;
            }
        }
        for name in found.twice {
            self.differ(&Difference::of_file(
                DifferenceKind::FileTwice,
                &name,
                "a file of one commit",
                "two commits name it",
            ))?;
        }
        Ok(())
    }

    /// Objects that were converted twice, and those that were never read.
    fn match_objects(&mut self) -> Result<(), AuditError> {
        let objects = std::mem::replace(&mut self.objects, Matching::new(&self.options.scratch));
        let (mut sources, mut twice) = (self.report.sources.take(), Vec::new());
        let each = |group: &[Mention<'_>]| {
            let of = |side| group.iter().filter(|mention| mention.side == side).count();
            match (of(Side::Committed), of(Side::Known), &mut sources) {
                (2.., _, _) => twice.push(group[0].note.to_owned()),
                (0, 0, Some(sources)) => sources.add_not_converted(group[0].note),
                _ => {}
            }
            Ok(())
        };
        objects.groups(each).map_err(|error| self.scratch(error))?;
        self.report.sources = sources;
        for url in twice {
            let found = "two receipts of conversions";
            self.differ(&Difference::of_object(DifferenceKind::ObjectTwice, &url, "one conversion", found))?;
        }
        Ok(())
    }
}
