//! The bulk records of the ledger: what a task is about to publish, what it gave, and what it set aside.
//!
//! They are JSON lines under zstd, so that `zstdcat` and DuckDB read them.
//! Every change here is a change of the format on storage: old records must stay readable (fixtures in `tests/data`).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::entries::check_format;
use super::files::{self, DataFile};
use super::lines::{LineReader, encode_lines};
use super::{Day, Digest, LakeError, Names, PartSums, PlanMark, Relative, TaskRef, Totals};

/// What became of a source object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Converted,
    Aside,
    Skipped,
    /// Converted earlier, and this later version of it gives the same.
    Confirmed,
    /// Converted earlier, and this later version of it would give something else. The lake keeps what it has.
    Differs,
    /// A copy of another object, whose URL is the reason: it was not read. Only plans of format 2 have such objects.
    Copy,
    /// It could not be read: it is listed again. Only commits of format 4 have it; before that, such an object left its
    /// plan by an entry of the log.
    Unread,
}

impl Outcome {
    pub const ALL: [Outcome; 7] = [
        Outcome::Converted,
        Outcome::Aside,
        Outcome::Skipped,
        Outcome::Confirmed,
        Outcome::Differs,
        Outcome::Copy,
        Outcome::Unread,
    ];

    /// The word on storage.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Converted => "converted",
            Outcome::Aside => "aside",
            Outcome::Skipped => "skipped",
            Outcome::Confirmed => "confirmed",
            Outcome::Differs => "differs",
            Outcome::Copy => "copy",
            Outcome::Unread => "unread",
        }
    }
}

/// What one source object gave: the proof that each of its lines is accounted for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub url: String,
    pub version: String,
    pub size: u64,
    pub day: Day,
    pub outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub lines: u64,
    pub headers: u64,
    pub blanks: u64,
    pub rows: u64,
    pub rejects: u64,
    pub inflated_bytes: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartSums>,
    /// What the object held: see [`Digest`]. Receipts of earlier programs have none, nor has what
    /// was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Of a copy that was left out: the version of the first whose content it has. Those of earlier programs have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_version: Option<String>,
}

impl Receipt {
    /// One word for what it gave to each partition: equal for objects that gave equal numbers of rows with equal sums;
    /// `None` if it gave none.
    pub fn sums(&self) -> Option<String> {
        let mut parts: Vec<&PartSums> = self.parts.iter().collect();
        parts.sort_by(|a, b| (a.table, &a.partition).cmp(&(b.table, &b.partition)));
        let text = serde_json::to_vec(&parts).expect("sums are plain data");
        (!parts.is_empty()).then(|| blake3::hash(&text).to_hex()[..16].to_owned())
    }

    /// Whether two readings of an object gave the same lines, rows and sums; if both have digests, of the same content.
    pub fn gave_the_same(&self, other: &Receipt) -> bool {
        if same_content(self, other) == Some(false) {
            return false;
        }
        let counts = |r: &Receipt| (r.lines, r.headers, r.blanks, r.rows, r.rejects, r.inflated_bytes);
        let parts = |r: &Receipt| {
            let mut parts = r.parts.clone();
            parts.sort_by(|a, b| (a.table, &a.partition).cmp(&(b.table, &b.partition)));
            parts
        };
        counts(self) == counts(other) && parts(self) == parts(other)
    }
}

/// Whether two readings are of one content, or of two; `None` if nobody can tell, as where one of them has no digest.
pub fn same_content(a: &Receipt, b: &Receipt) -> Option<bool> {
    let (ours, theirs) = a.digest.zip(b.digest)?;
    if a.inflated_bytes == b.inflated_bytes { ours.is_of_same_content(theirs) } else { Some(false) }
}

/// What a worker is about to publish. It leads a sweep to files that no commit names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub format: u32,
    pub plan: u64,
    pub task: u64,
    pub writer_epoch: u32,
    #[serde(deserialize_with = "files::of_task")]
    pub files: Vec<DataFile>,
    pub rejects: Option<Relative>,
    /// Whether the files are published where they wait for the plan's seal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
}

impl Intent {
    pub fn parse(bytes: &[u8], url: &str) -> Result<Intent, LakeError> {
        check_format(bytes, url)?;
        serde_json::from_slice(bytes).map_err(|error| LakeError::Record { url: url.into(), reason: error.to_string() })
    }

    /// Whether it is of this task, and names nothing but what this task can have published.
    pub fn is_of(&self, task: TaskRef) -> bool {
        (self.plan, self.task) == (task.plan, task.task) && are_of(task, &self.files, self.rejects.as_ref())
    }
}

fn are_of(task: TaskRef, files: &[DataFile], rejects: Option<&Relative>) -> bool {
    let mut names = files.iter().map(|file| &file.path).chain(rejects);
    names.all(|name| Names::task_of_published(name) == Some(task))
}

/// The first line of a commit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CommitHead {
    pub format: u32,
    pub nonce: String,
    pub written_by: String,
    pub plan: u64,
    pub task: u64,
    pub writer_epoch: u32,
    pub totals: Totals,
    #[serde(deserialize_with = "files::of_task")]
    pub files: Vec<DataFile>,
    /// Where the lines that were set aside lie, relative to the lake.
    pub rejects: Option<Relative>,
    /// That of its plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<PlanMark>,
    /// The task that this one stands for once all tasks of its plan are committed. A task of a plan to redo that
    /// changes nothing has none, and no files and receipts. Plans of the first formats only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<TaskRef>,
    /// What leaves the lake with the plan's seal.
    #[serde(default, skip_serializing_if = "Taken::is_nothing")]
    pub taken: Taken,
}

/// What a task takes out of the lake.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Data files, and lines that were set aside.
    pub removes: BTreeSet<Relative>,
    /// The tasks whose rows and lines lay there: the files of this one hold what is left of them.
    pub carries: BTreeSet<TaskRef>,
    /// What the task's objects had given before, and the files that leave.
    pub totals: Totals,
}

impl Taken {
    pub fn is_nothing(&self) -> bool {
        *self == Taken::default()
    }
}

impl CommitHead {
    pub fn task_ref(&self) -> TaskRef {
        TaskRef { plan: self.plan, task: self.task }
    }

    /// Whether it names nothing but what this task can have published: only that may be moved or removed. That is what
    /// bears its number, and what it shows in its place that lay aside.
    pub fn is_of(&self, task: TaskRef) -> bool {
        let is_shown = |file: &&DataFile| self.taken.removes.contains(&Names::aside(&file.path));
        let own: Vec<DataFile> = self.files.iter().filter(|file| !is_shown(file)).cloned().collect();
        are_of(task, &own, self.rejects.as_ref())
    }
}

/// A task that is done: its head, and a receipt for each object.
#[derive(Debug, Clone)]
pub struct Commit {
    pub head: CommitHead,
    pub receipts: Vec<Receipt>,
}

/// A line that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectRecord {
    pub object: String,
    pub line: u64,
    pub offset: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    pub reason: String,
    pub text: String,
}

impl Commit {
    pub fn encode(&self) -> Vec<u8> {
        let head = serde_json::to_value(&self.head).expect("a commit head is plain data");
        let receipts =
            self.receipts.iter().map(|receipt| serde_json::to_value(receipt).expect("a receipt is plain data"));
        encode_lines(std::iter::once(head).chain(receipts))
    }

    /// Of the bytes of a commit at `url`. The format is looked at first: a newer one may have another shape.
    pub fn parse(bytes: &[u8], url: &str) -> Result<Commit, LakeError> {
        let fail = |reason: String| LakeError::Record { url: url.into(), reason };
        let mut lines = LineReader::new(bytes, bytes.len() as u64).map_err(fail)?;
        let head = lines.next_line().map_err(fail)?.ok_or_else(|| fail("it is empty".to_owned()))?;
        check_format(head, url)?;
        let head = serde_json::from_slice(head).map_err(|error| fail(error.to_string()))?;
        let mut receipts = Vec::new();
        while let Some(line) = lines.next_line().map_err(fail)? {
            receipts.push(serde_json::from_slice(line).map_err(|error| fail(error.to_string()))?);
        }
        Ok(Commit { head, receipts })
    }
}
