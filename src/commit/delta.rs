//! Versions of Delta logs are written behind the ledger: it is the truth, and whatever became of a run, the next one
//! writes what is missing.

use chrono::TimeDelta;

use super::{CommitError, Created, LakeWriter};
use crate::delta::{Action, Described, LastCheckpoint, Log, Tail, Version, encode, to_parquet};
use crate::lake::{Changes, LakeError, Names, State};
use crate::schema::Table;

/// A checkpoint is written when so many versions came behind the last one.
const VERSIONS_PER_CHECKPOINT: u64 = 50;

/// How long versions behind a checkpoint stay, for readers of the table's past; removed files stand as long in
/// checkpoints.
const VERSIONS_KEPT_FOR: TimeDelta = TimeDelta::days(30);

/// When a version is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// A table without a Delta log gets one, too.
    Asked,
    /// If the ledger changed what the table holds since the newest version.
    Changed,
    /// If the ledger has a newer entry at all: before a checkpoint of the ledger, behind which single changes are not
    /// told any more.
    Newer,
}

/// What became of the Delta logs of a lake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projected {
    /// Versions that were written.
    pub versions: u64,
    /// Tables that got a Delta log.
    pub begun: Vec<Table>,
    /// For each table of which it holds, the oldest version of another writer that changed it.
    pub foreign: Vec<(Table, u64)>,
}

/// Writes what the Delta logs of all tables lack of the ledger, as far as `state` has read it.
pub async fn project(writer: &LakeWriter, state: &State, when: When) -> Result<Projected, CommitError> {
    let mut projected = Projected::default();
    for table in Table::all() {
        if let Some(described) = Described::of(state, table) {
            project_table(writer, state, table, &described, when, &mut projected).await?;
        }
    }
    Ok(projected)
}

async fn project_table(
    writer: &LakeWriter,
    state: &State,
    table: Table,
    described: &Described,
    when: When,
    projected: &mut Projected,
) -> Result<(), CommitError> {
    let log = Log { lake: &writer.lake, table };
    loop {
        let tail = log.tail(described.app_id()).await?;
        let foreign = tail.as_ref().and_then(Tail::changed_by_others);
        let Some(next) = next(state, &log, described, tail.as_ref(), when).await? else {
            projected.foreign.extend(foreign.map(|version| (table, version)));
            return Ok(());
        };
        let version = tail.as_ref().map_or(0, |tail| tail.newest + 1);
        let of = Version { operation: next.operation, describes: next.describes, foreign, changes: &next.changes };
        if write(writer, state, &log, described, version, of).await? == Created::Theirs {
            continue;
        }
        projected.versions += 1;
        projected.begun.extend(tail.is_none().then_some(table));
        projected.foreign.extend(foreign.map(|version| (table, version)));
        let checkpoint = tail.and_then(|tail| tail.checkpoint).unwrap_or_default();
        if version - checkpoint >= VERSIONS_PER_CHECKPOINT {
            checkpoint_and_clear(writer, &log).await?;
        }
        return Ok(());
    }
}

/// What the next version of a table is to say.
struct Next {
    operation: &'static str,
    describes: bool,
    changes: Changes,
}

/// `None` if there is nothing to say.
async fn next(
    state: &State,
    log: &Log<'_>,
    described: &Described,
    tail: Option<&Tail>,
    when: When,
) -> Result<Option<Next>, CommitError> {
    let last = state.next - 1;
    let Some(tail) = tail else {
        // A folder with a Delta log is another table to other programs: nobody gets one unasked.
        if when != When::Asked {
            return Ok(None);
        }
        let Some(changes) = difference(state, log, described).await? else { return Ok(None) };
        return Ok(Some(Next { operation: "CREATE TABLE", describes: true, changes }));
    };
    // A log of which no version is ours is somebody's own table over the same files.
    if tail.through.is_none() && when != When::Asked || tail.through.is_some_and(|through| through >= last) {
        return Ok(None);
    }
    let told = match tail.through {
        Some(through) => state.changes_since(log.lake, through).await?,
        None => None,
    };
    let (changes, is_whole) = match told {
        Some(changes) => (changes, false),
        None => match difference(state, log, described).await? {
            Some(changes) => (changes, true),
            None => return Ok(None),
        },
    };
    let describes = tail.note.schema != described.schema_name();
    let is_nothing = !describes && described.is_nothing(&changes);
    // A difference that came to nothing is looked for again by every run until a version says that there is none.
    if is_nothing && when != When::Newer && !is_whole {
        return Ok(None);
    }
    Ok(Some(Next { operation: if is_nothing { "NOTHING" } else { "WRITE" }, describes, changes }))
}

/// What all versions together lack of the ledger, or have beyond it; `None` if the ledger does not know just now.
async fn difference(state: &State, log: &Log<'_>, described: &Described) -> Result<Option<Changes>, CommitError> {
    let Some(live) = state.sealed_files(log.lake).await? else { return Ok(None) };
    let there = log.snapshot().await?.map(|snapshot| snapshot.files).unwrap_or_default();
    Ok(Some(described.difference(&there, live)))
}

async fn write(
    writer: &LakeWriter,
    state: &State,
    log: &Log<'_>,
    described: &Described,
    version: u64,
    of: Version<'_>,
) -> Result<Created, CommitError> {
    let lake = &writer.lake;
    let through = state.next - 1;
    let entry =
        lake.entry(through).await?.ok_or_else(|| LakeError::Gap { url: lake.names.url(&lake.names.log(through)) })?;
    let actions = described.version(through, &entry, of);
    tracing::debug!(table = log.table.name(), version, through, actions = actions.len(), "delta version");
    writer.create(&lake.names.delta_version(log.table, version), encode(&actions).into()).await
}

/// Writes one version that says what all of them lack of the ledger, or have beyond it: what others did to the table is
/// undone. Gives the version, `None` if there is nothing to undo.
pub async fn repair_delta(writer: &LakeWriter, state: &State, table: Table) -> Result<Option<u64>, CommitError> {
    let Some(described) = Described::of(state, table) else { return Ok(None) };
    let log = Log { lake: &writer.lake, table };
    loop {
        let Some(tail) = log.tail(described.app_id()).await? else { return Ok(None) };
        let Some(changes) = difference(state, &log, &described).await? else { return Ok(None) };
        if tail.changed_by_others().is_none() && described.is_nothing(&changes) {
            return Ok(None);
        }
        let version = tail.newest + 1;
        let of = Version { operation: "RESTORE", describes: true, foreign: None, changes: &changes };
        if write(writer, state, &log, &described, version, of).await? == Created::Ours {
            return Ok(Some(version));
        }
    }
}

/// Writes a checkpoint of the newest version, and deletes versions and checkpoints that are old and lie behind it.
async fn checkpoint_and_clear(writer: &LakeWriter, log: &Log<'_>) -> Result<(), CommitError> {
    let Some(snapshot) = log.snapshot().await? else { return Ok(()) };
    let now = writer.now().await?;
    let oldest = now - VERSIONS_KEPT_FOR;
    let version = snapshot.version;
    let actions: Vec<Action> = snapshot.actions(oldest.timestamp_millis());
    let last = LastCheckpoint { version, size: actions.len() as u64, parts: None };
    writer.put(&Names::delta_checkpoint(log.table, version), to_parquet(&actions).into()).await?;
    let last = serde_json::to_vec(&last).expect("it is plain data");
    writer.put(&Names::delta_last_checkpoint(log.table), last.into()).await?;
    for meta in log.lake.list(&log.lake.names.delta_log(log.table)).await? {
        let number = Names::delta_version_of(&meta.location).or_else(|| Names::delta_checkpoint_of(&meta.location));
        let is_old = number.is_some_and(|number| number < version) && meta.last_modified < oldest;
        if let Some(name) = log.lake.names.named(&meta.location).filter(|_| is_old) {
            writer.delete(&name).await?;
        }
    }
    Ok(())
}
