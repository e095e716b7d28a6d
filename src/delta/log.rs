//! A Delta log as it lies beside the data files: its newest versions, and the table that all of them make.

use std::collections::BTreeMap;

use object_store::ObjectMeta;
use object_store::path::Path;

use super::DeltaError;
use super::action::{Action, Add, MetaData, Note, Protocol, Remove, Txn, decode, file_key};
use super::checkpoint::{LastCheckpoint, from_parquet};
use crate::lake::{Lake, Names};
use crate::schema::Table;

/// The Delta log of one table.
#[derive(Debug, Clone, Copy)]
pub struct Log<'a> {
    /// The lake whose table it is.
    pub lake: &'a Lake,
    /// The table.
    pub table: Table,
}

/// The end of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// The newest version.
    pub newest: u64,
    /// How far in the ledger flowlake's newest version goes; `None` if none of the log is flowlake's.
    pub through: Option<u64>,
    /// What flowlake noted in it.
    pub note: Note,
    /// The oldest version of another writer since then that changed the table.
    pub foreign: Option<u64>,
    /// The version of the newest checkpoint.
    pub checkpoint: Option<u64>,
}

/// The table that all versions of a log make.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The version.
    pub version: u64,
    /// Which features a reader and a writer must know.
    pub protocol: Protocol,
    /// What the table is.
    pub meta_data: MetaData,
    /// How far each writer has come.
    pub txns: BTreeMap<String, Txn>,
    /// By path, and by the rows of the file that were taken out.
    pub files: BTreeMap<String, Add>,
    /// Files that were removed, likewise.
    pub removed: BTreeMap<String, Remove>,
}

impl Tail {
    /// The oldest version of another writer that changed the table behind flowlake's and was not repaired.
    pub fn changed_by_others(&self) -> Option<u64> {
        self.through.and_then(|_| self.note.foreign.or(self.foreign))
    }
}

impl Log<'_> {
    /// The newest versions, back to flowlake's own newest one; `None` if there is no log.
    pub async fn tail(&self, app_id: &str) -> Result<Option<Tail>, DeltaError> {
        let Base { checkpoint, versions } = self.base().await?;
        let Some(newest) = versions.last().copied().max(checkpoint) else { return Ok(None) };
        let mut tail = Tail { newest, through: None, note: Note::default(), foreign: None, checkpoint };
        for &version in versions.iter().rev() {
            let actions = self.version(version).await?;
            let own = actions.iter().filter_map(|action| action.txn.as_ref()).find(|txn| txn.app_id == app_id);
            if let Some(own) = own {
                tail.through = u64::try_from(own.version).ok();
                tail.note = actions.iter().find_map(Action::note).unwrap_or_default();
                return Ok(Some(tail));
            }
            if actions.iter().any(Action::is_of_table) {
                tail.foreign = Some(version);
            }
        }
        // Whoever wrote so many versions: the checkpoint says how far ours goes, and nothing of its schema.
        if checkpoint.is_some() {
            let own = self.snapshot().await?.and_then(|snapshot| snapshot.through(app_id));
            tail.through = own;
        }
        Ok(Some(tail))
    }

    /// The table that all versions make; `None` if there is no log.
    pub async fn snapshot(&self) -> Result<Option<Snapshot>, DeltaError> {
        let mut snapshot = Snapshot::default();
        let Base { checkpoint, versions } = self.base().await?;
        if let Some(checkpoint) = checkpoint {
            let path = self.lake.names.inside(&Names::delta_checkpoint(self.table, checkpoint));
            let bytes = self.lake.read(&path).await?.ok_or_else(|| self.fail(&path, "it is missing".to_owned()))?;
            from_parquet(bytes, |action| snapshot.apply(action)).map_err(|reason| self.fail(&path, reason))?;
            snapshot.version = checkpoint;
        }
        if checkpoint.is_none() && versions.is_empty() {
            return Ok(None);
        }
        let from = checkpoint.map_or(0, |checkpoint| checkpoint + 1);
        for (expected, version) in (from..).zip(versions.into_iter().filter(|&version| version >= from)) {
            if version != expected {
                let path = self.lake.names.delta_version(self.table, expected);
                return Err(self.fail(&path, "it is missing".to_owned()));
            }
            self.version(version).await?.into_iter().for_each(|action| snapshot.apply(action));
            snapshot.version = version;
        }
        Ok(Some(snapshot))
    }

    /// What a version could not be written for: something else has its name.
    pub fn is_in_the_way(&self, version: u64) -> DeltaError {
        let path = self.lake.names.delta_version(self.table, version);
        self.fail(&path, "it has the name of the next version, and is none".to_owned())
    }

    async fn version(&self, version: u64) -> Result<Vec<Action>, DeltaError> {
        let path = self.lake.names.delta_version(self.table, version);
        let bytes = self.lake.read_json(&path).await?.ok_or_else(|| self.fail(&path, "it is missing".to_owned()))?;
        decode(&bytes).map_err(|error| self.fail(&path, error.to_string()))
    }

    /// Where to begin to read. The version of a checkpoint stays as long as the checkpoint does: one that names nothing
    /// is passed over, as engines do, and all of the folder is looked at.
    async fn base(&self) -> Result<Base, DeltaError> {
        let (names, prefix) = (&self.lake.names, self.lake.names.delta_log(self.table));
        let versions_of = |listed: &[ObjectMeta]| {
            let numbers = listed.iter().filter_map(|meta| names.delta_version_of(self.table, &meta.location));
            let mut numbers: Vec<u64> = numbers.collect();
            numbers.sort_unstable();
            numbers
        };
        if let Some(last) = self.last_checkpoint().await? {
            let before = last.version.checked_sub(1).map(|before| names.delta_version(self.table, before));
            if let Some(before) = before {
                let versions = versions_of(&self.lake.list_after(&prefix, &before).await?);
                if versions.first() == Some(&last.version) {
                    return Ok(Base { checkpoint: Some(last.version), versions });
                }
            }
        }
        let listed = self.lake.list(&prefix).await?;
        let versions = versions_of(&listed);
        let checkpoints = listed.iter().filter_map(|meta| names.delta_checkpoint_of(self.table, &meta.location));
        Ok(Base { checkpoint: checkpoints.max(), versions })
    }

    /// What names the newest checkpoint; `None` also of one of several files, which only others write.
    pub async fn last_checkpoint(&self) -> Result<Option<LastCheckpoint>, DeltaError> {
        let path = self.lake.names.inside(&Names::delta_last_checkpoint(self.table));
        let Some(bytes) = self.lake.read_json(&path).await? else { return Ok(None) };
        let last: LastCheckpoint =
            serde_json::from_slice(&bytes).map_err(|error| self.fail(&path, error.to_string()))?;
        Ok(Some(last).filter(|last| last.parts.is_none()))
    }

    fn fail(&self, path: &Path, reason: String) -> DeltaError {
        let folder = self.lake.names.url(&self.lake.names.delta_log(self.table));
        DeltaError::Record { url: self.lake.names.url(path), reason, folder }
    }
}

/// Where to begin to read a log: its newest checkpoint, and versions from there on, in order.
struct Base {
    checkpoint: Option<u64>,
    versions: Vec<u64>,
}

impl Snapshot {
    /// How far in the ledger it goes, under the name of a lake.
    pub fn through(&self, app_id: &str) -> Option<u64> {
        self.txns.get(app_id).and_then(|txn| u64::try_from(txn.version).ok())
    }

    fn apply(&mut self, action: Action) {
        let Action { protocol, meta_data, txn, add, remove, .. } = action;
        if let Some(protocol) = protocol {
            self.protocol = protocol;
        }
        if let Some(meta_data) = meta_data {
            self.meta_data = meta_data;
        }
        if let Some(txn) = txn {
            self.txns.insert(txn.app_id.clone(), txn);
        }
        if let Some(add) = add {
            let key = file_key(&add.path, add.deletion_vector.as_ref());
            self.removed.remove(&key);
            self.files.insert(key, add);
        }
        if let Some(remove) = remove {
            let key = file_key(&remove.path, remove.deletion_vector.as_ref());
            self.files.remove(&key);
            self.removed.insert(key, remove);
        }
    }

    /// What a checkpoint of it says: of removed files those that were removed later than a time, in milliseconds since
    /// 1970, since a reader of an older version may be at them.
    pub fn actions(self, removed_after: i64) -> Vec<Action> {
        let is_young = |remove: &Remove| remove.deletion_timestamp.is_some_and(|at| at > removed_after);
        let mut actions = vec![self.protocol.into(), self.meta_data.into()];
        actions.extend(self.txns.into_values().map(Action::from));
        actions.extend(self.removed.into_values().filter(is_young).map(Action::from));
        actions.extend(self.files.into_values().map(|add| Action::from(Add { data_change: false, ..add })));
        actions
    }
}
