//! One task: its commit held against its plan, its files opened and hashed, their rows added up.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Seek, Write};
use std::path::PathBuf;
use std::sync::Arc;

use futures::TryStreamExt;
use object_store::{GetResultPayload, ObjectStoreExt};

use super::difference::{Difference, Kind};
use super::records::{self, Subject};
use super::rows;
use super::{AuditError, problem};
use crate::lake::{Commit, Lake, Names, PlanState, PlannedTask, Relative, State, Superseded, TaskRef, Totals};
use crate::progress::Progress;
use crate::schema::Table;

/// Downloads of one file: a connection that breaks in the middle is no difference.
const ATTEMPTS_MAX: u32 = 3;

/// What the tasks share.
#[derive(Clone)]
pub struct Context {
    pub lake: Lake,
    /// For files of lakes that are not on disk.
    pub scratch: PathBuf,
    pub lines_in_memory_max: u64,
    pub progress: Progress,
    /// Tasks whose files are gone, or on their way out.
    pub superseded: Arc<Superseded>,
}

/// What came of one task. Without a commit there is nothing but differences.
#[derive(Default)]
pub struct Audited {
    pub commit: Option<Arc<Commit>>,
    pub differences: Vec<Difference>,
}

pub async fn audit(
    context: Context,
    number: u64,
    state: Arc<PlanState>,
    planned: PlannedTask,
) -> Result<Audited, AuditError> {
    let lake = &context.lake;
    let mut audited = Audited::default();
    let name = lake.names.relative(&lake.names.commit(number, planned.task));
    let commit = match lake.commit(number, planned.task).await {
        Ok(Some(commit)) => Arc::new(commit),
        // It was there when commits were listed, a moment ago.
        Ok(None) => {
            let missing = Difference::of_file(Kind::RecordMissing, &name, "the commit of a task", "nothing");
            audited.differences.push(missing);
            return Ok(audited);
        }
        Err(error) => {
            audited.differences.push(problem(lake, error)?);
            return Ok(audited);
        }
    };
    let subject = Subject { lake, name: &name, plan: number, state: &state, planned: &planned };
    audited.differences.extend(records::check(&subject, &commit));
    let task = TaskRef { plan: number, task: planned.task };
    let waits = state.is_redo_under_way();
    if context.superseded.tasks.contains(&task) || waits && !context.superseded.by.contains(&number) {
        audited.commit = Some(commit);
        return Ok(audited);
    }
    let mut files = Vec::new();
    let mut damaged = BTreeSet::new();
    for (index, record) in commit.head.files.iter().enumerate() {
        let name = if waits { Names::waiting(&record.path) } else { record.path.clone() };
        let expected = Expected { name: &name, bytes: Some(record.bytes), hash: &record.hash };
        match context.open(&expected).await? {
            Ok(file) => files.push((index, file)),
            // A run that goes on meanwhile may have decoded the task again.
            Err(difference)
                if difference.kind == Kind::FileMissing && context.is_replaced_by_now(task, waits).await? =>
            {
                audited.commit = Some(commit);
                return Ok(audited);
            }
            Err(difference) => {
                audited.differences.push(difference);
                damaged.insert((record.table, record.partition.to_string()));
            }
        }
        context.progress.object(record.bytes);
    }
    let rejects = context.rejects(&commit).await?;
    let rejects_damaged = rejects.is_err();
    let rejects = rejects.unwrap_or_else(|difference| {
        audited.differences.push(difference);
        None
    });
    let (lines_in_memory_max, progress) = (context.lines_in_memory_max, context.progress.clone());
    let task =
        rows::Task { commit: commit.clone(), files, rejects, damaged, rejects_damaged, lines_in_memory_max, progress };
    let compared = tokio::task::spawn_blocking(move || rows::compare(&task));
    audited.differences.extend(compared.await.expect("comparing rows does not panic"));
    audited.commit = Some(commit);
    Ok(audited)
}

/// What a record says of a file's bytes. The hash may be cut short.
struct Expected<'a> {
    name: &'a Relative,
    bytes: Option<u64>,
    hash: &'a str,
}

impl Context {
    /// Whether a task's file may be gone since the verification began.
    async fn is_replaced_by_now(&self, task: TaskRef, waits: bool) -> Result<bool, AuditError> {
        let state = State::load(&self.lake).await?;
        let was_sealed = waits && !state.is_open(task.plan);
        Ok(was_sealed || state.superseded(&self.lake).await?.tasks.contains(&task))
    }

    /// The rejects of a commit, if it has any: their name tells their hash.
    async fn rejects(&self, commit: &Commit) -> Result<Result<Option<File>, Difference>, AuditError> {
        let Some(name) = &commit.head.rejects else { return Ok(Ok(None)) };
        let hash = name.rsplit('-').next().and_then(|rest| rest.split('.').next()).unwrap_or_default();
        let opened = self.open(&Expected { name, bytes: None, hash }).await?;
        Ok(opened.map(Some).map_err(|difference| match difference.kind {
            Kind::FileMissing => Difference { kind: Kind::RecordMissing, ..difference },
            _ => Difference { kind: Kind::RecordDiffers, ..difference },
        }))
    }

    /// The file, if it is what the record says.
    async fn open(&self, expected: &Expected<'_>) -> Result<Result<File, Difference>, AuditError> {
        let mut attempts = 0;
        let opened = loop {
            attempts += 1;
            match self.get(expected.name).await {
                Ok(opened) => break opened,
                Err(error @ AuditError::Scratch { .. }) => return Err(error),
                Err(error) if attempts == ATTEMPTS_MAX => return Err(error),
                Err(_) => {}
            }
        };
        let told = |kind, wanted: String, found: String| Difference::of_file(kind, expected.name, wanted, found);
        let Some(mut file) = opened else {
            let size = expected.bytes.map_or_else(|| "a file".to_owned(), |bytes| format!("{bytes} bytes"));
            return Ok(Err(told(Kind::FileMissing, size, "nothing".to_owned())));
        };
        let fail = |source| AuditError::Scratch { path: self.scratch.clone(), source };
        let length = file.metadata().map_err(fail)?.len();
        if let Some(bytes) = expected.bytes.filter(|&bytes| bytes != length) {
            return Ok(Err(told(Kind::FileSize, format!("{bytes} bytes"), format!("{length} bytes"))));
        }
        let hashing = tokio::task::spawn_blocking(move || {
            file.rewind()?;
            let hash = blake3::Hasher::new().update_reader(&file)?.finalize();
            file.rewind().map(|()| (file, hash))
        });
        let (file, hash) = hashing.await.expect("hashing does not panic").map_err(fail)?;
        let hash = hash.to_hex().to_string();
        if expected.hash.is_empty() || !hash.starts_with(expected.hash) {
            return Ok(Err(told(Kind::FileHash, format!("BLAKE3 {}", expected.hash), format!("BLAKE3 {hash}"))));
        }
        Ok(Ok(file))
    }

    /// A file of the lake as a file on disk, copied to scratch where it is not one.
    async fn get(&self, name: &Relative) -> Result<Option<File>, AuditError> {
        let path = self.lake.names.inside(name);
        let fail = |error: object_store::Error| AuditError::Source(self.lake.names.store_error(&path, &error));
        let got = match self.lake.store.get(&path).await {
            Ok(got) => got,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(fail(error)),
        };
        let mut stream = match got.payload {
            GetResultPayload::File(file, _) => return Ok(Some(file)),
            GetResultPayload::Stream(stream) => stream,
        };
        let scratch = |source| AuditError::Scratch { path: self.scratch.clone(), source };
        let mut file = tempfile::tempfile_in(&self.scratch).map_err(scratch)?;
        while let Some(bytes) = stream.try_next().await.map_err(fail)? {
            file.write_all(&bytes).map_err(scratch)?;
        }
        Ok(Some(file))
    }
}

/// What the commits of one plan sum up to, as its seal must say.
#[derive(Default)]
pub struct PlanSums {
    pub totals: Totals,
    pub columns: BTreeMap<Table, BTreeMap<String, crate::schema::Kind>>,
    pub replaced: BTreeSet<TaskRef>,
}

impl PlanSums {
    pub fn add(&mut self, commit: &Commit) {
        self.totals.add(&commit.head.totals);
        self.replaced.extend(commit.head.replaces);
        for file in &commit.head.files {
            self.columns.entry(file.table).or_default().extend(file.columns.clone());
        }
    }
}
