//! The bulk records of the ledger: what a task is about to publish, what it gave, and what it set aside.
//!
//! They are JSON lines under zstd, so that `zstdcat` and DuckDB read them.
//! Every change here is a change of the format on storage: old records must stay readable (fixtures in `tests/data`).

use std::collections::BTreeMap;
use std::io::Write;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Day, TaskRef};
use crate::schema::{Kind, Table};

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
        take(&mut self.files, other.files);
        take(&mut self.file_bytes, other.file_bytes);
    }

    pub fn add(&mut self, other: &Totals) {
        self.objects += other.objects;
        self.objects_aside += other.objects_aside;
        self.objects_skipped += other.objects_skipped;
        self.rows += other.rows;
        self.rejects += other.rejects;
        self.objects_confirmed += other.objects_confirmed;
        self.objects_differing += other.objects_differing;
        self.files += other.files;
        self.file_bytes += other.file_bytes;
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
}

impl Outcome {
    pub const ALL: [Outcome; 5] =
        [Outcome::Converted, Outcome::Aside, Outcome::Skipped, Outcome::Confirmed, Outcome::Differs];

    /// The word on storage.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Converted => "converted",
            Outcome::Aside => "aside",
            Outcome::Skipped => "skipped",
            Outcome::Confirmed => "confirmed",
            Outcome::Differs => "differs",
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
}

impl Receipt {
    /// Whether two readings of an object gave the same lines, rows and sums.
    pub fn gave_the_same(&self, other: &Receipt) -> bool {
        let counts = |r: &Receipt| (r.lines, r.headers, r.blanks, r.rows, r.rejects, r.inflated_bytes);
        let parts = |r: &Receipt| {
            let mut parts = r.parts.clone();
            parts.sort_by(|a, b| (a.table, &a.partition).cmp(&(b.table, &b.partition)));
            parts
        };
        counts(self) == counts(other) && parts(self) == parts(other)
    }
}

/// What one source object gave to one partition. Sums wrap; a null counts as 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSums {
    pub table: Table,
    pub partition: String,
    pub rows: u64,
    pub packets: u64,
    pub bytes: u64,
    pub mix: u64,
}

/// One data file. Names are relative to the lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    pub path: String,
    pub table: Table,
    pub partition: String,
    pub rows: u64,
    pub bytes: u64,
    /// BLAKE3 of the file.
    pub hash: String,
    pub columns: BTreeMap<String, Kind>,
    pub start_min: Option<i64>,
    pub start_max: Option<i64>,
}

/// What a worker is about to publish. It leads a sweep to files that no commit names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub format: u32,
    pub plan: u64,
    pub task: u64,
    pub writer_epoch: u32,
    pub files: Vec<DataFile>,
    pub rejects: Option<String>,
    /// Whether the files are published where they wait for the plan's seal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
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
    pub files: Vec<DataFile>,
    /// Where the lines that were set aside lie, relative to the lake.
    pub rejects: Option<String>,
    /// The task that this one stands for once all tasks of its plan are committed. A task of a plan to redo that changes nothing has none,
    /// and no files and receipts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<TaskRef>,
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
        let text = zstd::decode_all(bytes).map_err(|error| error.to_string())?;
        let mut lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let head = lines.next().ok_or("it is empty")?;
        let head = serde_json::from_slice(head).map_err(|error| error.to_string())?;
        let receipts =
            lines.map(serde_json::from_slice).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        Ok(Commit { head, receipts })
    }
}

/// Of records and of rejects.
pub const ZSTD_LEVEL: i32 = 3;

/// Values as JSON lines under zstd, with the checksum of its frame. Same values, same bytes.
pub fn encode_lines<T: Serialize>(values: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut text = Vec::new();
    for value in values {
        serde_json::to_writer(&mut text, &value).expect("ledger records are plain data");
        text.push(b'\n');
    }
    let compressed = || -> std::io::Result<Vec<u8>> {
        let mut encoder = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
        encoder.include_checksum(true)?;
        encoder.write_all(&text)?;
        encoder.finish()
    };
    compressed().expect("memory to memory does not fail")
}

/// The values of [`encode_lines`].
pub fn decode_lines<T: DeserializeOwned>(bytes: &[u8]) -> Result<Vec<T>, String> {
    let text = zstd::decode_all(bytes).map_err(|error| error.to_string())?;
    text.split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).map_err(|error| error.to_string()))
        .collect()
}
