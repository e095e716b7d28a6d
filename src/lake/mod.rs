//! The converted data at rest: the name of every object of a lake, the records of its ledger, and how they are read.
//!
//! ```text
//! <LAKE>/flow_logs/date=2023-09-14/<data file>.parquet      what analysts read
//! <LAKE>/_flowlake/log/<20 digits>.json                     the ledger: create, plan, drop, seal, lost, void
//! <LAKE>/_flowlake/plans|intents|commits|rejects/…          bulk records that log entries lead to
//! <LAKE>/_flowlake/checkpoints|objects|heads|live/…         the same again, filed so that little of it need be read
//! <LAKE>/_flowlake/archives/…                               old entries, plans and commits, packed as they lay
//! <LAKE>/_flowlake/waiting/<data file>                      files of a plan to redo, until its seal
//! ```
//!
//! Promises: this module never writes. Names are spelled here and nowhere else, and a name that a record holds lies
//! inside the lake ([`Relative`]). A data file is live if a commit in effect names it and no commit in effect removes
//! it. A commit is in effect from its creation on, or from the seal of its plan on: the plan says which ([`Effect`]). A
//! Parquet file that is not live is no part of the lake.

mod archive;
mod archives;
mod around;
mod bodies;
mod changes;
mod check;
mod checkpoint;
mod columns;
mod commits;
mod day;
mod digest;
mod effect;
mod entries;
mod filed;
mod filed_heads;
mod files;
mod firsts;
pub mod index;
mod lines;
mod live;
mod live_dates;
mod load;
mod marks;
mod names;
mod newer;
mod opened;
mod pages;
mod part_sums;
pub mod receipts;
mod records;
mod relative;
mod seen;
mod state;
mod totals;

#[cfg(test)]
mod tests;

pub use archive::{PackedRecord, pack, unpack};
pub use around::{Around, Part, lake_around};
pub use bodies::tasks_of;
pub use changes::{Added, Changes};
pub use checkpoint::Checkpoint;
pub use commits::{check_fits, check_head};
pub use day::Day;
pub use digest::{Digest, Digesting};
pub use entries::{
    Archive, Body, Create, Drop, Dropped, Effect, Entry, FORMAT_FIRST, FORMAT_SETS, FORMAT_UNREAD, FORMAT_VERSION,
    Inputs, Lost, Plan, PlannedTask, Purpose, Seal, Settings, Void,
};
pub use filed::bounded;
pub use files::{DataFile, FileSet};
pub use firsts::Firsts;
pub use index::{FileOfTask, Index};
pub use lines::{LINE_BYTES_MAX, LineReader, ZSTD_LEVEL, decode_lines, encode_lines, padding};
pub use live::{Superseded, all_removed, carried, keep_live};
pub use live_dates::{LiveDate, LiveDates, changed_files, read_ahead};
pub use marks::{PlanMark, TaskRef};
pub use names::Names;
pub use newer::Who;
pub use opened::{OpenError, Unlike};
pub use part_sums::PartSums;
pub use records::{Commit, CommitHead, Intent, Outcome, Receipt, RejectRecord, Taken, same_content};
pub use relative::{NotInside, Relative};
pub use seen::{Known, ObjectHash, Seen, Standing, object_hash};
pub use state::{Filed, InEffect, PlanState, State, Unread, folder_of, list_folder_again, settle_copies};
pub use totals::Totals;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::schema::UnknownChoice;
use crate::source::{self, Access, Location, SourceError, Store};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

/// Why the ledger could not be read.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum LakeError {
    #[error(transparent)]
    Store(#[from] SourceError),
    #[error("{url} is not a readable ledger record: {reason}; restore it from a copy, or start a new lake")]
    Record { url: String, reason: String },
    #[error(
        "{url}, the newest entry of the log, is not readable: {reason}; restore it from a copy; without one move it away: \
         if all that it said can be told again, the next run says it, and otherwise it refuses and names why"
    )]
    LastEntry { url: String, reason: String },
    #[error(
        "{url} was written by a newer flowlake (ledger format {found}, this program knows {FORMAT_VERSION}); upgrade"
    )]
    Newer { url: String, found: u32 },
    #[error("{url} was written by a newer flowlake ({word}); upgrade")]
    NewerWord { url: String, word: UnknownChoice },
    #[error("{url} is not readable: {reason}; delete it: the log and the commits say all that it says")]
    Checkpoint { url: String, reason: String },
    #[error(
        "{url} is not readable: {reason}; run again, and if it stays so delete the lake's folder \
         `_flowlake/checkpoints`: the log and the commits say all that it says"
    )]
    Filed { url: String, reason: String },
    #[error(
        "{url} is missing{}, although its plan is sealed: what it gave is not answered for; restore it from a copy, or \
         run `flowlake repair LAKE`, which gives it up and has its objects converted again",
        more_of(*others)
    )]
    Lost { url: String, others: u64 },
    #[error(
        "{url} is not the commit of its task: {reason}; the log may be an older copy than it: restore the newer one, \
         or run `flowlake repair LAKE`, which gives it up and has the objects of its task converted again"
    )]
    Foreign { url: String, reason: String },
    #[error(
        "{url} is an older copy than what lies beside it: {name} is of a plan {plan}, of which it knows nothing; restore \
         the newer ledger, from entry {from} on; if there is none any more, remove what only it knew (`flowlake verify` \
         names it), or begin a new lake elsewhere"
    )]
    OlderLog { url: String, name: String, plan: u64, from: u64 },
    #[error(
        "{url} lacks the entry {from}, for which a checkpoint stands: it is an older copy; restore the newer log, from \
         entry {from} on"
    )]
    ShortLog { url: String, from: u64 },
    #[error(
        "{url}, an archive of old records of the ledger, is not readable: {reason}; restore it from a copy: nothing else \
         holds them"
    )]
    Archive { url: String, reason: String },
    #[error("{url} is missing from the ledger, although a later record exists; restore it from a copy")]
    Gap { url: String },
    #[error(
        "{url}, which holds the tasks of a plan, {}; restore it from a copy, or run `flowlake repair LAKE`, which writes \
         it again where the plan's commits tell it, and gives up what was not committed",
        what_ails(reason.as_deref())
    )]
    Body { url: String, reason: Option<String> },
    #[error("{url} is not a flowlake lake: it has no `_flowlake/log`; make one with `flowlake convert SOURCE LAKE`")]
    NoLake { url: String },
}

/// A record as it lies: the heads of ten million data files have half of it.
const RECORD_BYTES_MAX: u64 = 2 << 30;

/// A record of plain JSON: an entry that drops each of a plan's 50,000 objects, with paths of 4,096 bytes, has 210 MB.
const JSON_BYTES_MAX: u64 = 512 << 20;

/// Without a reason it is not there.
fn what_ails(reason: Option<&str>) -> String {
    reason.map_or_else(|| "is missing".to_owned(), |reason| format!("is not readable: {reason}"))
}

/// Of a list of which only the first is named.
fn more_of(others: u64) -> String {
    if others == 0 { String::new() } else { format!(" (and {others} more commits)") }
}

/// Numbers of committed tasks by plan.
pub type Committed = BTreeMap<u64, BTreeSet<u64>>;

/// A lake to read: a store, and the path in it under which everything lies.
#[derive(Debug, Clone)]
pub struct Lake {
    /// What is read through it: the paths are those that `names` spells.
    pub store: Arc<dyn ObjectStore>,
    /// The names of this lake's objects, as paths in `store` and as URLs for people.
    pub names: Names,
    archives: Arc<archives::Archives>,
}

impl Lake {
    /// `root` is the lake's path in `store`; `url` is what people call it, ending in `/`.
    pub fn new(store: Arc<dyn ObjectStore>, root: Path, url: String) -> Lake {
        Lake { store, names: Names::new(root, url), archives: Arc::default() }
    }

    /// Opens the reading side of a lake. On disk its folder must exist.
    pub async fn open(location: &Location, access: &Access) -> Result<Lake, SourceError> {
        Lake::of(&source::open(location, access).await?)
    }

    /// The lake that is a whole store.
    pub fn of(store: &Store) -> Result<Lake, SourceError> {
        Ok(Lake::new(store.rooted(Names::read_folders())?, Path::default(), store.location.url()))
    }

    /// The bytes of one object, `None` if there is no such object. An old record may lie in an archive.
    pub async fn read(&self, path: &Path) -> Result<Option<Bytes>, LakeError> {
        self.read_wherever(path, RECORD_BYTES_MAX).await
    }

    /// When something was written last, by the clock of the store; `None` if there is no such object.
    pub async fn written_at(&self, path: &Path) -> Result<Option<DateTime<Utc>>, LakeError> {
        match self.lies(path).await? {
            None => Ok(self.packed_anywhere(path).await?.map(|record| record.written)),
            lies => Ok(lies),
        }
    }

    /// The same of what lies under this very name.
    pub async fn lies(&self, path: &Path) -> Result<Option<DateTime<Utc>>, LakeError> {
        match self.store.head(path).await {
            Ok(meta) => Ok(Some(meta.last_modified)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.names.store_error(path, &error).into()),
        }
    }

    /// The bytes of what lies under this very name, and when it was written.
    pub async fn read_lying(&self, path: &Path) -> Result<Option<(Bytes, DateTime<Utc>)>, LakeError> {
        self.read_within(path, RECORD_BYTES_MAX).await
    }

    /// The bytes of a record that is plain JSON.
    pub async fn read_json(&self, path: &Path) -> Result<Option<Bytes>, LakeError> {
        self.read_wherever(path, JSON_BYTES_MAX).await
    }

    async fn read_wherever(&self, path: &Path, bytes_max: u64) -> Result<Option<Bytes>, LakeError> {
        if let Some(packed) = self.packed(path).await? {
            return Ok(Some(packed.bytes));
        }
        match self.read_within(path, bytes_max).await? {
            None => Ok(self.packed_elsewhere(path).await?.map(|record| record.bytes)),
            lying => Ok(lying.map(|(bytes, _)| bytes)),
        }
    }

    /// A file of no bytes on disk may claim any size: it is looked at first.
    async fn read_within(&self, path: &Path, bytes_max: u64) -> Result<Option<(Bytes, DateTime<Utc>)>, LakeError> {
        let fail = |error| self.names.store_error(path, &error);
        match self.store.get(path).await {
            Ok(found) if found.meta.size > bytes_max => {
                let reason = format!("it has {} bytes, and no record has more than {bytes_max}", found.meta.size);
                Err(LakeError::Record { url: self.names.url(path), reason })
            }
            Ok(found) => {
                let written = found.meta.last_modified;
                let bytes = found.bytes().await.map_err(fail)?;
                Ok(Some((bytes, written)))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(fail(error).into()),
        }
    }

    /// The bytes of one object that a ledger record names.
    pub async fn need(&self, path: &Path) -> Result<Bytes, LakeError> {
        self.read(path).await?.ok_or_else(|| LakeError::Gap { url: self.names.url(path) })
    }

    /// What lies under `prefix`, sorted by name. Temporaries of an object_store writer are not among it.
    pub async fn list(&self, prefix: &Path) -> Result<Vec<ObjectMeta>, LakeError> {
        self.collect(prefix, self.store.list(Some(prefix))).await
    }

    /// What lies under `prefix` behind `after`, sorted by name.
    pub async fn list_after(&self, prefix: &Path, after: &Path) -> Result<Vec<ObjectMeta>, LakeError> {
        self.collect(prefix, self.store.list_with_offset(Some(prefix), after)).await
    }

    /// What lies under `prefix` in the folders of number `first` and of later ones, where `folder` gives the folder of
    /// a number. It is listed from the folder before on, since some stores (SeaweedFS) pass over all that is in a
    /// folder of the name behind which is listed; so what lies in that one is among what is found.
    pub async fn list_folders_from(
        &self,
        prefix: &Path,
        first: u64,
        folder: impl Fn(u64) -> Path,
    ) -> Result<Vec<ObjectMeta>, LakeError> {
        match first.checked_sub(1) {
            Some(before) => self.list_after(prefix, &folder(before)).await,
            None => self.list(prefix).await,
        }
    }

    async fn collect(
        &self,
        prefix: &Path,
        listed: BoxStream<'static, object_store::Result<ObjectMeta>>,
    ) -> Result<Vec<ObjectMeta>, LakeError> {
        let fail = |error| self.names.store_error(prefix, &error);
        let mut found: Vec<ObjectMeta> = match listed.try_collect().await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(fail(error).into()),
        };
        found.sort_by(|a, b| a.location.cmp(&b.location));
        Ok(found)
    }

    /// One log entry, `None` if the log ends before it.
    pub async fn entry(&self, number: u64) -> Result<Option<Entry>, LakeError> {
        let path = self.names.log(number);
        let Some(bytes) = self.read_json(&path).await? else { return Ok(None) };
        let url = self.names.url(&path);
        Entry::parse(&bytes, &url).map(Some)
    }

    /// The tasks of a plan, in order.
    pub async fn tasks(&self, plan: &Plan) -> Result<Vec<PlannedTask>, LakeError> {
        let decode = |bytes: Bytes| match &plan.mark {
            Some(mark) if blake3::hash(&bytes).to_hex().as_str() != mark.hash => Err(NOT_AS_SAID.to_owned()),
            _ => decode_lines(&bytes),
        };
        self.decoded(&plan.body, decode).await.map_err(|error| match error {
            LakeError::Gap { url } => LakeError::Body { url, reason: None },
            LakeError::Record { url, reason } => LakeError::Body { url, reason: Some(reason) },
            other => other,
        })
    }

    /// The commit of one task, if it has been committed.
    pub async fn commit(&self, plan: u64, task: u64) -> Result<Option<Commit>, LakeError> {
        let path = self.names.commit(plan, task);
        let Some(bytes) = self.read(&path).await? else { return Ok(None) };
        Commit::parse(&bytes, &self.names.url(&path)).map(Some)
    }

    /// One intent, unless it was removed.
    pub async fn intent(&self, path: &Path) -> Result<Option<Intent>, LakeError> {
        let Some(bytes) = self.read(path).await? else { return Ok(None) };
        Intent::parse(&bytes, &self.names.url(path)).map(Some)
    }

    /// A record that a ledger record names, read by `decode`.
    pub async fn decoded<T, E: std::fmt::Display>(
        &self,
        relative: &Relative,
        decode: impl FnOnce(Bytes) -> Result<T, E>,
    ) -> Result<T, LakeError> {
        let path = self.names.inside(relative);
        let bytes = self.need(&path).await?;
        let unreadable = |reason: String| LakeError::Record { url: self.names.url(&path), reason };
        if !is_as_named(relative, &bytes) {
            return Err(unreadable(NOT_AS_NAMED.to_owned()));
        }
        decode(bytes).map_err(|error| unreadable(error.to_string()))
    }

    /// A record that a checkpoint names.
    pub async fn filed<T, E: std::fmt::Display>(
        &self,
        relative: &Relative,
        decode: impl FnOnce(Bytes) -> Result<T, E>,
    ) -> Result<T, LakeError> {
        let path = self.names.inside(relative);
        let damaged = |reason: String| LakeError::Filed { url: self.names.url(&path), reason };
        let bytes = self.read(&path).await?.ok_or_else(|| damaged("it is missing".to_owned()))?;
        if !is_as_named(relative, &bytes) {
            return Err(damaged(NOT_AS_NAMED.to_owned()));
        }
        decode(bytes).map_err(|error| damaged(error.to_string()))
    }

    /// The numbers of the committed tasks of a plan. Of a plan that is over, [`State::committed`] looks farther.
    pub async fn committed(&self, plan: u64) -> Result<BTreeSet<u64>, LakeError> {
        let packed = self.packed_commits(plan).await?;
        if !packed.is_empty() {
            return Ok(packed);
        }
        let found = self.list(&self.names.commits(plan)).await?;
        Ok(found.iter().filter_map(|meta| self.names.commit_of(&meta.location)).map(|found| found.task).collect())
    }

    /// The committed tasks of plan `first` and all later ones, in one listing.
    pub async fn committed_since(&self, first: u64) -> Result<Committed, LakeError> {
        let commits = |plan| self.names.commits(plan);
        let listed = self.list_folders_from(&self.names.all_commits(), first, commits).await?;
        let mut committed = Committed::new();
        for TaskRef { plan, task } in listed.iter().filter_map(|meta| self.names.commit_of(&meta.location)) {
            if plan >= first {
                committed.entry(plan).or_default().insert(task);
            }
        }
        for TaskRef { plan, task } in self.packed_commits_since(first).await? {
            committed.entry(plan).or_default().insert(task);
        }
        Ok(committed)
    }
}

const NOT_AS_SAID: &str = "its content is not the one of which the entry of its plan speaks";
const NOT_AS_NAMED: &str = "its content is not the one that its name tells";

/// Whether bytes have the hash in their name. It is asked before they are read: the Parquet library panics on some
/// damaged footers.
fn is_as_named(relative: &str, bytes: &[u8]) -> bool {
    Names::hash_of(relative).is_none_or(|hash| blake3::hash(bytes).to_hex().starts_with(hash))
}
