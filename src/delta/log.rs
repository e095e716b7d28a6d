//! A Delta log as it lies beside the data files: its newest versions, and the table that all of them make.

use std::collections::BTreeMap;

use object_store::path::Path;

use super::DeltaError;
use super::action::{Action, Add, CommitInfo, MetaData, Note, Protocol, Remove, Txn, decode};
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
    /// By path.
    pub files: BTreeMap<String, Add>,
    /// Files that were removed, by path.
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
        let last = self.last_checkpoint().await?;
        let versions = self.versions_from(last.as_ref().map_or(0, |last| last.version)).await?;
        let checkpoint = last.map(|last| last.version);
        let Some(newest) = versions.last().copied().max(checkpoint) else { return Ok(None) };
        let mut tail = Tail { newest, through: None, note: Note::default(), foreign: None, checkpoint };
        for &version in versions.iter().rev() {
            let actions = self.version(version).await?;
            let own = actions.iter().filter_map(|action| action.txn.as_ref()).find(|txn| txn.app_id == app_id);
            if let Some(own) = own {
                tail.through = u64::try_from(own.version).ok();
                tail.note = actions.iter().find_map(note).unwrap_or_default();
                return Ok(Some(tail));
            }
            if actions.iter().any(Action::is_of_table) {
                tail.foreign = Some(version);
            }
        }
        // Whoever wrote so many versions: the checkpoint says how far ours goes, and nothing of its schema.
        if checkpoint.is_some() {
            let snapshot = self.snapshot().await?;
            let own = snapshot.and_then(|snapshot| snapshot.txns.get(app_id).map(|txn| txn.version));
            tail.through = own.and_then(|version| u64::try_from(version).ok());
        }
        Ok(Some(tail))
    }

    /// The table that all versions make; `None` if there is no log.
    pub async fn snapshot(&self) -> Result<Option<Snapshot>, DeltaError> {
        let mut snapshot = Snapshot::default();
        let last = self.last_checkpoint().await?;
        if let Some(last) = &last {
            let name = Names::delta_checkpoint(self.table, last.version);
            let path = self.lake.names.inside(&name);
            let bytes = self.lake.read(&path).await?.ok_or_else(|| self.fail(&path, "it is missing".to_owned()))?;
            let actions = from_parquet(bytes).map_err(|reason| self.fail(&path, reason))?;
            actions.into_iter().for_each(|action| snapshot.apply(action));
            snapshot.version = last.version;
        }
        let from = last.as_ref().map_or(0, |last| last.version + 1);
        let versions = self.versions_from(from).await?;
        if last.is_none() && versions.is_empty() {
            return Ok(None);
        }
        for (expected, version) in (from..).zip(versions) {
            if version != expected {
                let path = self.lake.names.delta_version(self.table, expected);
                return Err(self.fail(&path, "it is missing".to_owned()));
            }
            self.version(version).await?.into_iter().for_each(|action| snapshot.apply(action));
            snapshot.version = version;
        }
        Ok(Some(snapshot))
    }

    async fn version(&self, version: u64) -> Result<Vec<Action>, DeltaError> {
        let path = self.lake.names.delta_version(self.table, version);
        let bytes = self.lake.read_json(&path).await?.ok_or_else(|| self.fail(&path, "it is missing".to_owned()))?;
        decode(&bytes).map_err(|error| self.fail(&path, error.to_string()))
    }

    /// The numbers of all versions from one on, in order.
    async fn versions_from(&self, from: u64) -> Result<Vec<u64>, DeltaError> {
        let prefix = self.lake.names.delta_log(self.table);
        let listed = match from.checked_sub(1) {
            Some(before) => self.lake.list_after(&prefix, &self.lake.names.delta_version(self.table, before)).await?,
            None => self.lake.list(&prefix).await?,
        };
        let numbers = listed.iter().filter_map(|meta| Names::delta_version_of(&meta.location));
        Ok(numbers.filter(|number| *number >= from).collect())
    }

    /// The newest checkpoint that consists of one file. A log of others may have none.
    async fn last_checkpoint(&self) -> Result<Option<LastCheckpoint>, DeltaError> {
        let path = self.lake.names.inside(&Names::delta_last_checkpoint(self.table));
        let Some(bytes) = self.lake.read_json(&path).await? else { return Ok(None) };
        let last: LastCheckpoint =
            serde_json::from_slice(&bytes).map_err(|error| self.fail(&path, error.to_string()))?;
        match last.parts {
            None => Ok(Some(last)),
            Some(_) => Err(self.fail(&path, "it names a checkpoint of several files, which others wrote".to_owned())),
        }
    }

    fn fail(&self, path: &Path, reason: String) -> DeltaError {
        let folder = self.lake.names.url(&self.lake.names.delta_log(self.table));
        DeltaError::Record { url: self.lake.names.url(path), reason, folder }
    }
}

fn note(action: &Action) -> Option<Note> {
    action.commit_info.as_ref().and_then(|CommitInfo { flowlake, .. }| flowlake.clone())
}

impl Snapshot {
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
            self.removed.remove(&add.path);
            self.files.insert(add.path.clone(), add);
        }
        if let Some(remove) = remove {
            self.files.remove(&remove.path);
            self.removed.insert(remove.path.clone(), remove);
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
