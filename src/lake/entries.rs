//! The entries of the log: what is appended to a lake's history, and in which words.
//!
//! Every change here is a change of the format on storage: old entries must stay readable (fixtures in `tests/data`).

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::check::{ALTERED, is_as_written, with_check};
use super::columns;
use super::files::{self, DataFile};
use super::{Day, LakeError, PlanMark, Relative, TaskRef, Totals};
use crate::schema::{Compression, Kind, PartitionBy, Table, Types, Unknown, UnknownChoice};

/// The newest ledger format that this program reads.
pub const FORMAT_VERSION: u32 = FORMAT_PACKED;

/// The format of whatever a program of the first format understands; a lake whose records have no other is open to
/// both.
pub const FORMAT_FIRST: u32 = 1;

/// The format of what knows copies and tasks that were given up.
const FORMAT_COPIES: u32 = 2;

/// The format of plans that take effect at their seal, and of all that belongs to them: what they take out of the lake
/// is named file by file.
pub const FORMAT_SETS: u32 = 3;

/// The format of commits that say which objects could not be read, and of seals that have their folders listed again.
pub const FORMAT_UNREAD: u32 = 4;

/// The format of plans to compact, which earlier programs do not know.
const FORMAT_COMPACT: u32 = 5;

/// The format of plans to expire, of objects that a plan takes for lost, and of merges that were undone: a program that
/// does not know them would bring back what was removed, or count otherwise.
const FORMAT_EXPIRE: u32 = 6;

/// The format of lakes of which old records lie in archives: earlier programs do not find them there.
const FORMAT_PACKED: u32 = 7;

/// Tasks of one plan: a plan has 50,000 objects at most, and each task one or more. Whoever goes through the tasks of a
/// plan would not end otherwise.
pub(super) const TASKS_MAX: u64 = 1_000_000;

/// One entry of the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// The ledger format that a reader must know: [`Body::format`] of what it says.
    pub format: u32,
    /// Tells our own record from a rival's after a store answered ambiguously.
    pub nonce: String,
    /// Program and version, for people.
    pub written_by: String,
    /// Time of writing (RFC 3339), for people; nothing is decided by it.
    pub at: String,
    /// What it says. On storage its fields stand beside the others, and `kind` names it.
    #[serde(flatten)]
    pub body: Body,
}

/// What an entry says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// A lake is made. It is the first entry.
    Create(Create),
    /// What is to be done. From its number on, commits and seals speak of the plan.
    Plan(Plan),
    /// A plan is done.
    Seal(Seal),
    /// Objects left a plan, in lakes of earlier programs.
    Drop(Drop),
    /// `flowlake repair` gave tasks up.
    Lost(Lost),
    /// A plan is ended, and nothing of it counts.
    Void(Void),
    /// Old records lie in an archive from now on.
    Packed(Archive),
}

/// Entry 0: the lake is born.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Create {
    /// A UUID that is drawn when the lake is made: it stays when the lake is moved.
    pub lake_id: String,
    /// It never changes: a run that asks for another one is refused.
    pub partition_by: PartitionBy,
    /// Whether its tables have Delta logs from their first files on. Lakes of earlier programs say nothing of it: they
    /// have one if they were given one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub delta: bool,
}

/// What a plan fixes for whoever runs its tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Changes when the same task would give other bytes.
    pub writer_epoch: u32,
    /// How the pages of data files are compressed.
    pub compression: Compression,
    /// A data file ends, and another one begins, before it would have more bytes than this.
    pub file_bytes_max: u64,
    /// That of the lake.
    pub partition_by: PartitionBy,
    /// `--format` as given, for objects without a header.
    #[serde(default)]
    pub format: Option<String>,
    /// Column types that this lake fixed earlier and today's program would choose otherwise.
    #[serde(default)]
    pub types: Types,
    /// Which fields that nobody documents its tasks may write as columns.
    #[serde(default)]
    pub unknown: Unknown,
    /// Of a plan that takes effect at its seal: how long what it takes out of the lake stays on storage, for readers
    /// that are at it and for those who list folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_seconds: Option<u64>,
    /// Columns of texts of which data files get a bloom filter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bloom: Vec<String>,
}

/// What is to be done with the objects of a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The lake has no rows of them: they are read, and what they give is added. Entries without a purpose mean this.
    #[default]
    Convert,
    /// They were converted and have another version now: they are read again and held against their receipts. No data
    /// file comes of it.
    Check,
    /// They were converted, and are decoded again: what they give now takes the place of what they gave.
    Redo,
    /// No object is read. Files that took the place of others, and lie aside from what readers of folders see, are
    /// shown there, once what they stand for is removed.
    Show,
    /// No object is read. Rows of small files go into fewer files, which take their place.
    Compact,
    /// No object is read. Files of old dates leave the lake, and nothing takes their place.
    Expire,
}

/// From when on what a plan gives and takes away counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Each task from its commit on. (Of plans to redo of the first formats: all from the last commit on.)
    #[default]
    AtCommit,
    /// All tasks at once, from the plan's seal on. Its files lie aside from those of the folders.
    AtSeal,
}

/// Objects to be converted or checked, cut into tasks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// What is to be done with its objects.
    #[serde(default)]
    pub purpose: Purpose,
    /// They hold for every run that works on it, whatever options that one has.
    pub settings: Settings,
    /// How many tasks it has. They are numbered from 0.
    pub tasks: u64,
    /// Source objects of all its tasks, copies among them.
    pub objects: u64,
    /// Compressed bytes of these objects.
    pub bytes: u64,
    /// Key days of its objects.
    pub days: Vec<Day>,
    /// Objects among them that are copies of others. A program that does not know them would read them: such a plan is
    /// of format 2.
    #[serde(default, skip_serializing_if = "is_none")]
    pub copies: u64,
    /// Objects among them that are gone at their source: what of their rows is gone with data files is lost.
    #[serde(default, skip_serializing_if = "is_none")]
    pub gone: u64,
    /// A program that does not know it would count files twice: a plan with another effect is of format 3.
    #[serde(default, skip_serializing_if = "is_default")]
    pub effect: Effect,
    /// In a plan to show: the plans of which nothing is left to be shown or deleted once it is sealed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub shows: BTreeSet<u64>,
    /// In a plan to expire: the last date that leaves the lake, and of which it takes no rows from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<NaiveDate>,
    /// Where the tasks lie, relative to the lake.
    pub body: Relative,
    /// What tells it from another plan of its number. Those of the first writers have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<PlanMark>,
    /// Only in the last plan of a run: chains that were listed to their end, and the newest key day met there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub listed: BTreeMap<String, Day>,
    /// Whether the run listed all of its sources, each from its beginning, and no folder was closed to it. Only in the
    /// last plan of a run.
    #[serde(default)]
    pub full_scan: bool,
    /// In a full scan: plans below this number were sealed before it listed, so that what they lost was found again. In
    /// a plan to expire that looked for set-aside lines: the same of what it looked at.
    #[serde(default)]
    pub settled: u64,
}

/// One task of a plan: a line of the plan's body.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PlannedTask {
    /// Its number in the plan, from 0.
    pub task: u64,
    /// In the order in which they are read. Those that name another one as the first of their copies are not read.
    pub objects: Vec<crate::source::Object>,
    /// In a plan to redo of the first formats: the task whose files it replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<TaskRef>,
    /// In a plan that takes effect at its seal: what it takes out of the lake.
    #[serde(default, skip_serializing_if = "Inputs::is_nothing")]
    pub inputs: Inputs,
}

impl Purpose {
    /// Whether rows come or go: another place for the same rows is no change.
    pub fn changes_rows(self) -> bool {
        !matches!(self, Purpose::Show | Purpose::Compact)
    }
}

/// What a task takes out of the lake, and must carry over but for what its objects gave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// Live data files, under the names that they have when the plan is made. Those to be shown lie aside.
    #[serde(deserialize_with = "files::of_task")]
    pub files: Vec<DataFile>,
    /// Lines that were set aside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejects: Vec<Relative>,
    /// In a plan to expire: how many lines these are.
    #[serde(default, skip_serializing_if = "is_none")]
    pub reject_lines: u64,
    /// The tasks whose rows and lines these are.
    pub tasks: BTreeSet<TaskRef>,
    /// Objects of these tasks that are not the task's own.
    #[serde(default, skip_serializing_if = "is_none")]
    pub others: u64,
    /// Files of which every row or line is of the task's own objects, though others have some elsewhere in the inputs:
    /// one that is gone or damaged is made again. Plans of earlier programs name none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub whole: BTreeSet<Relative>,
    /// URLs of objects of the task that were gone at their source when the plan was made: what they gave in files that
    /// are gone or damaged is lost. In any other plan an object that is gone keeps what it gave. Programs that do not
    /// know it leave such a task as it is.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub gone: BTreeSet<String>,
    /// In a plan to show: names that left the lake before and that readers of folders still see. They are deleted
    /// first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<Relative>,
}

impl Inputs {
    fn is_nothing(&self) -> bool {
        *self == Inputs::default()
    }

    /// Every name that leaves the lake with them.
    pub fn names(&self) -> impl Iterator<Item = &Relative> {
        self.files.iter().map(|file| &file.path).chain(&self.rejects)
    }
}

/// All tasks of a plan are committed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Seal {
    /// The number of the plan that it closes.
    pub plan: u64,
    /// That of its plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<PlanMark>,
    /// What its commits come to, without those of tasks that were given up before.
    #[serde(flatten)]
    pub totals: Totals,
    /// Columns that the plan's files hold.
    #[serde(deserialize_with = "columns::of_seal")]
    pub columns: BTreeMap<Table, BTreeMap<String, Kind>>,
    /// Of a plan to redo: the tasks that its own stand for from now on.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub replaced: BTreeSet<TaskRef>,
    /// What their conversions had given.
    #[serde(default, skip_serializing_if = "Totals::is_nothing")]
    pub replaced_totals: Totals,
    /// The oldest date of its files' rows. Earlier programs do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<NaiveDate>,
    /// The oldest key day, in each folder (URL, ending in `/`), of objects that are listed again: those that could not
    /// be read, and copies that were left out for what is not there. A program that does not know it would never list
    /// them: such a seal is of format 4.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unread: BTreeMap<String, Day>,
}

/// Objects that a plan names and that could not be read: they leave the plan and are not seen. Only earlier programs
/// write it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Drop {
    /// The number of their plan.
    pub plan: u64,
    /// By URL.
    pub objects: BTreeMap<String, Dropped>,
}

/// Tasks whose commits are gone: nothing of them is part of the lake any more, and their objects are converted again. A
/// program that does not know this kind would answer with rows that are gone: these entries are of format 2, at which
/// it stops.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Lost {
    /// With them, those for which they stood.
    pub tasks: BTreeSet<TaskRef>,
    /// Source objects of these tasks.
    pub objects: u64,
    /// The oldest key day of these objects in each folder (URL, ending in `/`), from which it is listed again.
    pub folders: BTreeMap<String, Day>,
    /// What of them was counted before.
    pub totals: Totals,
    /// What counts again that they had taken out of the lake: the number and size of files that had been merged.
    #[serde(default, skip_serializing_if = "Totals::is_nothing")]
    pub restored: Totals,
}

/// A plan that takes effect at its seal and cannot be finished: nothing of it ever counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Void {
    /// The number of the plan.
    pub plan: u64,
    /// Why it cannot be finished, for people.
    pub reason: String,
}

/// An archive of old records, as they lay: entries of the log, and the bodies and commits of their plans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// The first entry in it.
    pub first: u64,
    /// The last one. All between are in it too.
    pub last: u64,
    /// Where it lies, relative to the lake.
    pub name: Relative,
    /// Records in it.
    pub records: u64,
    /// Its bytes.
    pub bytes: u64,
}

/// Why an object left its plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Its key day: later runs list its folder from there on.
    pub day: Day,
    /// Why it could not be read, for people.
    pub reason: String,
}

fn is_none(number: &u64) -> bool {
    *number == 0
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Body {
    /// The oldest format whose programs understand it.
    pub fn format(&self) -> u32 {
        match self {
            Body::Plan(plan) if plan.purpose == Purpose::Expire || plan.gone > 0 => FORMAT_EXPIRE,
            Body::Plan(plan) if plan.purpose == Purpose::Compact => FORMAT_COMPACT,
            Body::Plan(plan) if plan.effect == Effect::AtSeal => FORMAT_SETS,
            Body::Plan(plan) if plan.copies > 0 => FORMAT_COPIES,
            Body::Seal(seal) if !seal.unread.is_empty() => FORMAT_UNREAD,
            Body::Create(_) | Body::Plan(_) | Body::Seal(_) | Body::Drop(_) => FORMAT_FIRST,
            Body::Lost(lost) if !lost.restored.is_nothing() => FORMAT_EXPIRE,
            Body::Lost(_) => FORMAT_COPIES,
            Body::Void(_) => FORMAT_SETS,
            Body::Packed(_) => FORMAT_PACKED,
        }
    }
}

impl Entry {
    /// Reads the bytes of the entry at `url`.
    ///
    /// # Errors
    /// [`LakeError::Newer`] if a newer program wrote it, [`LakeError::NewerWord`] if it names a compression or keys of
    /// partitions that this program does not know, else [`LakeError::Record`].
    pub fn parse(bytes: &[u8], url: &str) -> Result<Entry, LakeError> {
        if !is_as_written(bytes) {
            return Err(LakeError::Record { url: url.into(), reason: ALTERED.into() });
        }
        check_format(bytes, url)?;
        let fail = |reason: String| LakeError::Record { url: url.into(), reason };
        let entry: Entry = serde_json::from_slice(bytes).map_err(|error| match unknown_word(bytes) {
            Some(word) => LakeError::NewerWord { url: url.into(), word },
            None => fail(error.to_string()),
        })?;
        match &entry.body {
            Body::Plan(plan) if plan.tasks > TASKS_MAX => Err(fail(format!("it plans {} tasks", plan.tasks))),
            _ => Ok(entry),
        }
    }

    /// Indented, for people, and with a check.
    pub fn encode(&self) -> Vec<u8> {
        with_check(&serde_json::to_vec_pretty(self).expect("a log entry is plain data"))
    }
}

/// The word of an entry that this program does not know.
fn unknown_word(bytes: &[u8]) -> Option<UnknownChoice> {
    #[derive(Deserialize)]
    struct Words {
        compression: Option<String>,
        partition_by: Option<String>,
    }
    #[derive(Deserialize)]
    struct Record {
        #[serde(flatten)]
        words: Words,
        settings: Option<Words>,
    }
    let Record { words, settings } = serde_json::from_slice(bytes).ok()?;
    [Some(words), settings].into_iter().flatten().find_map(|words| {
        let compression = words.compression.and_then(|word| word.parse::<Compression>().err());
        compression.or_else(|| words.partition_by.and_then(|word| word.parse::<PartitionBy>().err()))
    })
}

/// The format number is read first: a newer record may have a shape that this program cannot read.
pub(super) fn check_format(bytes: &[u8], url: &str) -> Result<(), LakeError> {
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
