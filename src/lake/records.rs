//! The bulk records of the ledger: what a task is about to publish, what it gave, and what it set aside.
//!
//! They are JSON lines under zstd, so that `zstdcat` and DuckDB read them.
//! Every change here is a change of the format on storage: old records must stay readable (fixtures in `tests/data`).

use serde::{Deserialize, Serialize};

use super::files::{self, DataFile};
use super::lines::{LineReader, encode_lines};
use super::{Day, Digest, Names, PlanMark, Relative, TaskRef};
use crate::schema::Table;

/// Sums over objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub objects: u64,
    pub objects_aside: u64,
    pub objects_skipped: u64,
    pub rows: u64,
    pub rejects: u64,
    /// Objects read again under another version: equal to their receipts, or not.
    #[serde(default)]
    pub objects_confirmed: u64,
    #[serde(default)]
    pub objects_differing: u64,
    /// Objects that are copies of others and were not read.
    #[serde(default, skip_serializing_if = "is_none")]
    pub objects_copies: u64,
    pub files: u64,
    pub file_bytes: u64,
}

impl Totals {
    pub fn is_nothing(&self) -> bool {
        *self == Totals::default()
    }

    /// Without what another task cannot stand for: objects that gave no rows.
    pub fn of_conversions(self) -> Totals {
        let Totals { objects, rows, rejects, files, file_bytes, .. } = self;
        Totals { objects, rows, rejects, files, file_bytes, ..Totals::default() }
    }

    /// Not below 0: a damaged log may take away what it never gave.
    pub fn subtract(&mut self, other: &Totals) {
        let take = |from: &mut u64, number: u64| *from = from.saturating_sub(number);
        take(&mut self.objects, other.objects);
        take(&mut self.objects_aside, other.objects_aside);
        take(&mut self.objects_skipped, other.objects_skipped);
        take(&mut self.rows, other.rows);
        take(&mut self.rejects, other.rejects);
        take(&mut self.objects_confirmed, other.objects_confirmed);
        take(&mut self.objects_differing, other.objects_differing);
        take(&mut self.objects_copies, other.objects_copies);
        take(&mut self.files, other.files);
        take(&mut self.file_bytes, other.file_bytes);
    }

    /// Not beyond what a number holds: a damaged log may give more.
    pub fn add(&mut self, other: &Totals) {
        let add = |to: &mut u64, number: u64| *to = to.saturating_add(number);
        add(&mut self.objects, other.objects);
        add(&mut self.objects_aside, other.objects_aside);
        add(&mut self.objects_skipped, other.objects_skipped);
        add(&mut self.rows, other.rows);
        add(&mut self.rejects, other.rejects);
        add(&mut self.objects_confirmed, other.objects_confirmed);
        add(&mut self.objects_differing, other.objects_differing);
        add(&mut self.objects_copies, other.objects_copies);
        add(&mut self.files, other.files);
        add(&mut self.file_bytes, other.file_bytes);
    }
}

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
}

fn is_none(number: &u64) -> bool {
    *number == 0
}

impl Outcome {
    pub const ALL: [Outcome; 6] =
        [Outcome::Converted, Outcome::Aside, Outcome::Skipped, Outcome::Confirmed, Outcome::Differs, Outcome::Copy];

    /// The word on storage.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Converted => "converted",
            Outcome::Aside => "aside",
            Outcome::Skipped => "skipped",
            Outcome::Confirmed => "confirmed",
            Outcome::Differs => "differs",
            Outcome::Copy => "copy",
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

/// What one source object gave to one partition. Sums wrap; a null counts as 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSums {
    pub table: Table,
    pub partition: Relative,
    pub rows: u64,
    pub packets: u64,
    pub bytes: u64,
    pub mix: u64,
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
    /// changes nothing has none, and no files and receipts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<TaskRef>,
}

impl CommitHead {
    /// Whether it names nothing but what this task can have published: only that may be moved or removed.
    pub fn is_of(&self, task: TaskRef) -> bool {
        are_of(task, &self.files, self.rejects.as_ref())
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

    pub fn parse(bytes: &[u8]) -> Result<Commit, String> {
        let mut lines = LineReader::new(bytes, bytes.len() as u64)?;
        let head = lines.next_line()?.ok_or("it is empty")?;
        let head = serde_json::from_slice(head).map_err(|error| error.to_string())?;
        let mut receipts = Vec::new();
        while let Some(line) = lines.next_line()? {
            receipts.push(serde_json::from_slice(line).map_err(|error| error.to_string())?);
        }
        Ok(Commit { head, receipts })
    }
}
