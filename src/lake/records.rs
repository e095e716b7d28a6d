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
    /// It was read to its end: each of its lines became a row, or was set aside by itself.
    Converted,
    /// It was set aside as a whole: the lake has no row of it.
    Aside,
    /// It is no flow log, by its content.
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
    /// Each of them once, to find one by its [name](Outcome::name).
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
    /// That of the object, by which it is known.
    pub url: String,
    /// The version that was planned, and no other was read: [`Object::version`](crate::source::Object::version).
    pub version: String,
    /// Compressed bytes of that version.
    pub size: u64,
    /// The object's key day. Receipts are filed by it.
    pub day: Day,
    /// What became of it. Only [`Outcome::Converted`] puts rows into the lake.
    pub outcome: Outcome,
    /// Why, for people. Of a copy, the URL of the object of which it is one. `None` where there is nothing to explain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// All lines: headers, blank ones, rows, rejects, expired and lost ones. This and all counts below are 0 if it was
    /// not read to its end.
    pub lines: u64,
    /// Lines that name the fields.
    pub headers: u64,
    /// Lines without a value.
    pub blanks: u64,
    /// Lines that became rows of the lake. Of a check: those that would.
    pub rows: u64,
    /// Lines that were set aside. Of a check: those that would be.
    pub rejects: u64,
    /// Lines that would have become rows, of dates that were removed before: the lake keeps none of them.
    #[serde(default, skip_serializing_if = "is_none")]
    pub expired: u64,
    /// Lines that were rows or were set aside once, and that nobody has any more: a data file is gone with them, and
    /// the object at its source. Receipts of earlier programs know of none.
    #[serde(default, skip_serializing_if = "is_none")]
    pub lost: u64,
    /// Bytes of the object's text.
    pub inflated_bytes: u64,
    /// What its rows come to in each partition, expired ones too, in no order.
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
    /// Lines that are records, whether the lake keeps them or not.
    pub fn records(&self) -> u64 {
        self.rows.saturating_add(self.expired)
    }

    /// What its rows in the lake come to in each partition: expired ones are of the oldest dates.
    pub fn kept_parts(&self) -> Vec<&PartSums> {
        if self.expired == 0 {
            return self.parts.iter().collect();
        }
        let (mut dated, undated): (Vec<&PartSums>, Vec<_>) = self.parts.iter().partition(|part| part.date().is_some());
        dated.sort_by_key(|part| part.date());
        let mut expired = self.expired;
        let is_gone = |part: &&PartSums| {
            let is_gone = expired > 0;
            expired = expired.saturating_sub(part.rows);
            is_gone
        };
        dated.into_iter().skip_while(is_gone).chain(undated).collect()
    }

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
        let counts = |r: &Receipt| (r.lines, r.headers, r.blanks, r.records(), r.rejects, r.inflated_bytes);
        let parts = |r: &Receipt| {
            let mut parts = r.parts.clone();
            parts.sort_by(|a, b| (a.table, &a.partition).cmp(&(b.table, &b.partition)));
            parts
        };
        counts(self) == counts(other) && parts(self) == parts(other)
    }
}

fn is_none(number: &u64) -> bool {
    *number == 0
}

/// Whether two readings are of one content, or of two; `None` if nobody can tell, as where one of them has no digest.
pub fn same_content(a: &Receipt, b: &Receipt) -> Option<bool> {
    let (ours, theirs) = a.digest.zip(b.digest)?;
    if a.inflated_bytes == b.inflated_bytes { ours.is_of_same_content(theirs) } else { Some(false) }
}

/// What a worker is about to publish. It leads a sweep to files that no commit names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The oldest ledger format whose programs understand it.
    pub format: u32,
    /// The number of the plan.
    pub plan: u64,
    /// The number of the task in it.
    pub task: u64,
    /// That of the program that made the files: another one may make others of the same task.
    pub writer_epoch: u32,
    /// Data files, each under its name in the commit to come; if they wait, they lie elsewhere until then.
    #[serde(deserialize_with = "files::of_task")]
    pub files: Vec<DataFile>,
    /// The file of the lines that were set aside; `None` if there are none.
    pub rejects: Option<Relative>,
    /// Whether the files are published where they wait for the plan's seal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
}

impl Intent {
    /// Reads the bytes of the intent at `url`.
    ///
    /// # Errors
    /// [`LakeError::Newer`] if a newer program wrote it, else [`LakeError::Record`].
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
    /// The oldest ledger format whose programs understand the commit.
    pub format: u32,
    /// Tells our own record from a rival's after a store answered ambiguously.
    pub nonce: String,
    /// Program and version, for people.
    pub written_by: String,
    /// The number of the plan.
    pub plan: u64,
    /// The number of the task in it.
    pub task: u64,
    /// A number that grows when the same objects would give other bytes: that of the program that made the files.
    pub writer_epoch: u32,
    /// What the receipts of the commit and its files come to.
    pub totals: Totals,
    /// Data files that the task puts into the lake; whether they are live still, [`keep_live`](super::keep_live) says.
    #[serde(deserialize_with = "files::of_task")]
    pub files: Vec<DataFile>,
    /// Where the lines that were set aside lie, relative to the lake; `None` if there are none.
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
    /// Of a task that was to merge files, and changed nothing: those that were gone or damaged. Earlier programs name
    /// none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub damaged: BTreeSet<Relative>,
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
    /// Whether nothing takes their place, since their dates are expired.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expired: bool,
}

impl Taken {
    /// Whether the lake keeps all that it had: so do most tasks.
    pub fn is_nothing(&self) -> bool {
        *self == Taken::default()
    }
}

impl CommitHead {
    /// The task that it speaks of. Whether it lies under the name of that, [`check_head`](super::check_head) says.
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
    /// What there is to know of the task as a whole.
    pub head: CommitHead,
    /// In the order in which the task read its objects; a task that shows files has none.
    pub receipts: Vec<Receipt>,
}

/// A line that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectRecord {
    /// URL of the source object.
    pub object: String,
    /// Number of the line in the inflated object, from 1.
    pub line: u64,
    /// Where it begins in the inflated object, in bytes from 0.
    pub offset: u64,
    /// Column at fault, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Its value, at most 256 bytes of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Why, for people.
    pub reason: String,
    /// The line as far as it is text, at most 4 KiB of it.
    pub text: String,
}

impl Commit {
    /// JSON lines under zstd: the head, then the receipts. Same commit, same bytes.
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
