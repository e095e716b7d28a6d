//! The records of the ledger as they lie on storage, and their codec.
//!
//! Log entries are JSON; bulk records are JSON lines under zstd, so that `zstdcat` and DuckDB read them.
//! Every change here is a change of the format on storage: old records must stay readable (fixtures in `tests/data`).

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Day, LakeError};
use crate::schema::{Kind, Table, Types};

/// The newest ledger format that this program writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// One entry of the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    pub format: u32,
    /// Tells our own record from a rival's after a store answered ambiguously.
    pub nonce: String,
    /// Program and version, for people.
    pub written_by: String,
    /// Time of writing (RFC 3339), for people; nothing is decided by it.
    pub at: String,
    #[serde(flatten)]
    pub body: Body,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    Create(Create),
    Plan(Plan),
    Seal(Seal),
    Drop(Drop),
}

/// Entry 0: the lake is born.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Create {
    pub lake_id: String,
    /// `date` or `date,hour`.
    pub partition_by: String,
}

/// What a plan fixes for whoever runs its tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Changes when the same task would give other bytes.
    pub writer_epoch: u32,
    pub compression: String,
    pub file_bytes_max: u64,
    pub partition_by: String,
    /// `--format` as given, for objects without a header.
    #[serde(default)]
    pub format: Option<String>,
    /// Column types that this lake fixed earlier and today's program would choose otherwise.
    #[serde(default)]
    pub types: Types,
}

/// Objects to be converted, cut into tasks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    pub settings: Settings,
    pub tasks: u64,
    pub objects: u64,
    pub bytes: u64,
    /// Key days of its objects.
    pub days: Vec<Day>,
    /// Where the tasks lie, relative to the lake.
    pub body: String,
    /// Only in the last plan of a run: chains that were listed to their end, and the newest key day met there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub listed: BTreeMap<String, Day>,
    #[serde(default)]
    pub full_scan: bool,
}

/// One task of a plan: a line of the plan's body.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedTask {
    pub task: u64,
    pub objects: Vec<crate::source::Object>,
}

/// All tasks of a plan are committed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Seal {
    pub plan: u64,
    #[serde(flatten)]
    pub totals: Totals,
    /// Columns that the plan's files hold.
    pub columns: BTreeMap<Table, BTreeMap<String, Kind>>,
}

/// Sums over objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub objects: u64,
    pub objects_aside: u64,
    pub objects_skipped: u64,
    pub rows: u64,
    pub rejects: u64,
    pub files: u64,
    pub file_bytes: u64,
}

impl Totals {
    pub fn add(&mut self, other: &Totals) {
        self.objects += other.objects;
        self.objects_aside += other.objects_aside;
        self.objects_skipped += other.objects_skipped;
        self.rows += other.rows;
        self.rejects += other.rejects;
        self.files += other.files;
        self.file_bytes += other.file_bytes;
    }
}

/// Objects that a plan names and that could not be read: they leave the plan and are not seen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Drop {
    pub plan: u64,
    /// By URL.
    pub objects: BTreeMap<String, Dropped>,
}

/// Why an object left its plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    pub day: Day,
    pub reason: String,
}

/// What became of a source object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Converted,
    Aside,
    Skipped,
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

impl Entry {
    pub fn parse(bytes: &[u8], url: &str) -> Result<Entry, LakeError> {
        check_format(bytes, url)?;
        serde_json::from_slice(bytes).map_err(|error| LakeError::Record { url: url.into(), reason: error.to_string() })
    }
}

/// The format number is read first: a newer record may have a shape that this program cannot read.
fn check_format(bytes: &[u8], url: &str) -> Result<(), LakeError> {
    #[derive(Deserialize)]
    struct Versioned {
        format: u32,
    }
    let versioned: Versioned = serde_json::from_slice(bytes)
        .map_err(|error| LakeError::Record { url: url.into(), reason: error.to_string() })?;
    if versioned.format > FORMAT_VERSION {
        return Err(LakeError::Newer { url: url.into(), found: versioned.format });
    }
    Ok(())
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

/// Values as JSON lines under zstd. Same values, same bytes.
pub fn encode_lines<T: Serialize>(values: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut text = Vec::new();
    for value in values {
        serde_json::to_writer(&mut text, &value).expect("ledger records are plain data");
        text.push(b'\n');
    }
    zstd::encode_all(text.as_slice(), 3).expect("memory to memory does not fail")
}

/// The values of [`encode_lines`].
pub fn decode_lines<T: DeserializeOwned>(bytes: &[u8]) -> Result<Vec<T>, String> {
    let text = zstd::decode_all(bytes).map_err(|error| error.to_string())?;
    text.split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).map_err(|error| error.to_string()))
        .collect()
}
