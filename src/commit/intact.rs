//! Whether the files of a commit lie in the lake as it says.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use futures::stream::BoxStream;
use object_store::ObjectMeta;
use object_store::path::Path;

use super::CommitError;
use crate::lake::{CommitHead, DataFile, Day, Lake, LakeError, Names, Relative, State, TaskRef, keep_live};
use crate::schema::Table;

/// Reads every file of a commit, and the lines that were set aside.
pub async fn is_intact(lake: &Lake, head: &CommitHead) -> Result<bool, CommitError> {
    for file in &head.files {
        if !is_as_said(lake, &file.path, Some(file.bytes), &file.hash).await? {
            return Ok(false);
        }
    }
    let Some(rejects) = &head.rejects else { return Ok(true) };
    is_as_said(lake, rejects, None, Names::hash_of(rejects).unwrap_or_default()).await
}

/// The hash may be cut short.
pub(super) async fn is_as_said(
    lake: &Lake,
    name: &Relative,
    bytes: Option<u64>,
    hash: &str,
) -> Result<bool, CommitError> {
    Ok(lake.unlike(name, bytes, hash).await?.is_none())
}

/// Data files that are gone or have another size than their commits say, by name, with the tasks that made them. The
/// commits that `state` counts must be there.
pub(super) async fn missing_files(
    lake: &Lake,
    state: &State,
) -> Result<BTreeMap<String, (DataFile, TaskRef)>, LakeError> {
    let mut expected = live_files(lake, state).await?;
    // Listed after the commits were read: a file is there before its commit.
    let tables = Table::all().map(|table| lake.names.inside(table.name()));
    for folder in tables.chain([lake.names.all_waiting()]) {
        for meta in lake.list(&folder).await? {
            let name = lake.names.relative(&meta.location);
            if expected.get(&name).is_some_and(|(file, _)| file.bytes == meta.size) {
                expected.remove(&name);
            }
        }
    }
    if expected.is_empty() {
        return Ok(expected);
    }
    // A redo that another host finished meanwhile removed what it replaced, and what waited.
    let mut now = State::load(lake).await?;
    now.lost.extend(&state.lost);
    let live = live_files(lake, &now).await?;
    expected.retain(|name, _| live.contains_key(name));
    Ok(expected)
}

/// Refuses a lake of which none of a table's live files is there: a disk is away, and what lies on it is not lost. What
/// others lay into its folder is no sign of it.
///
/// # Errors
/// [`CommitError::TableGone`], and whatever keeps the ledger or the folders from being read.
pub async fn check_tables_are_there(lake: &Lake, state: &State) -> Result<(), CommitError> {
    // A folder with a file of ours is looked into no further: that costs each run one request a table.
    let mut tables: Vec<Table> = Vec::new();
    for &table in state.columns.keys() {
        if !has_data_files(lake, table).await? {
            tables.push(table);
        }
    }
    if tables.is_empty() { Ok(()) } else { check_files_are_there(lake, state, &tables).await }
}

async fn has_data_files(lake: &Lake, table: Table) -> Result<bool, CommitError> {
    let folder = lake.names.inside(table.name());
    // Behind the many versions of a Delta log, with which a listing would begin; all may lie aside, before them.
    let in_partitions = lake.store.list_with_offset(Some(&folder), &lake.names.before_partitions(table));
    Ok(has_data_file(lake, &folder, in_partitions).await?
        || has_data_file(lake, &folder, lake.store.list(Some(&folder))).await?)
}

async fn has_data_file(
    lake: &Lake,
    folder: &Path,
    mut listed: BoxStream<'_, object_store::Result<ObjectMeta>>,
) -> Result<bool, CommitError> {
    loop {
        match listed.try_next().await {
            Ok(Some(meta)) if Names::task_of_published(&lake.names.relative(&meta.location)).is_some() => {
                return Ok(true);
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(object_store::Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(lake.names.store_error(folder, &error).into()),
        }
    }
}

/// The same by all files of these tables.
pub(super) async fn check_files_are_there(lake: &Lake, state: &State, tables: &[Table]) -> Result<(), CommitError> {
    let live = live_files(lake, state).await?;
    for &table in tables {
        let folder = lake.names.inside(table.name());
        // Not what waits in the ledger for the seal of a redo.
        let prefix = format!("{}/", table.name());
        let files = live.keys().filter(|name| name.starts_with(&prefix)).count();
        let is_live = |meta: &ObjectMeta| live.contains_key(&lake.names.relative(&meta.location));
        if files > 0 && !lake.list(&folder).await?.iter().any(is_live) {
            return Err(CommitError::TableGone { url: lake.names.url(&folder), files });
        }
    }
    Ok(())
}

/// Data files that are live, with the tasks that made them.
async fn live_files(lake: &Lake, state: &State) -> Result<BTreeMap<String, (DataFile, TaskRef)>, LakeError> {
    let superseded = state.superseded(lake).await?;
    let mut heads = state.every_head(lake).await?;
    heads.retain(|head| !superseded.tasks.contains(&head.task_ref()));
    keep_live(&mut heads);
    let of_head = |head: CommitHead| {
        let task = head.task_ref();
        head.files.into_iter().map(move |file| (file.path.to_string(), (file, task)))
    };
    // What came for an expired date is about to leave again, whether it is there or not.
    let is_kept = |(_, (file, _)): &(String, (DataFile, TaskRef))| !state.is_expired(Day(file.date()));
    Ok(heads.into_iter().flat_map(of_head).filter(is_kept).collect())
}
