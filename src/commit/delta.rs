//! Versions of Delta logs are written behind the ledger: it is the truth, and whatever became of a run, the next one
//! writes what is missing.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use object_store::path::Path;

use super::{CommitError, Created, LakeWriter};
use crate::delta::{
    ACTIONS_MAX, Action, Add, DeltaError, Described, Edits, LastCheckpoint, Log, Tail, Version, encode, to_parquet,
};
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
#[derive(Debug, Default)]
pub struct Projected {
    /// Versions that were written.
    pub versions: u64,
    /// Tables that got a Delta log.
    pub begun: Vec<Table>,
    /// For each table of which it holds, the oldest version of another writer that changed it.
    pub foreign: Vec<(Table, u64)>,
    /// Logs that cannot be read: what they lack is not written.
    pub unreadable: Vec<DeltaError>,
}

/// Whether a lake whose first entry says nothing of Delta logs was given one: whether a table of it has one that is
/// flowlake's, or one that cannot be read. A lake whose first entry does is not looked at.
pub async fn was_given_delta_log(writer: &LakeWriter, state: &State) -> Result<bool, CommitError> {
    if state.is_born_with_delta() {
        return Ok(false);
    }
    for table in Table::all() {
        let Some(described) = Described::of(state, table) else { continue };
        match (Log { lake: &writer.lake, table }).tail(described.app_id()).await {
            Ok(tail) if !is_ours(&tail) => {}
            Ok(_) | Err(DeltaError::Record { .. }) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

/// Writes what the Delta logs of all tables lack of the ledger, as far as `state` has read it. A table without a log
/// gets one if its lake was born with Delta logs, or if another one of the lake has one.
pub async fn project(writer: &LakeWriter, state: &State, when: When) -> Result<Projected, CommitError> {
    let mut projected = Projected::default();
    let mut tables = Vec::new();
    for table in Table::all() {
        let Some(described) = Described::of(state, table) else { continue };
        match (Log { lake: &writer.lake, table }).tail(described.app_id()).await {
            Ok(tail) => tables.push((table, described, tail)),
            Err(error @ DeltaError::Record { .. }) => projected.unreadable.push(error),
            Err(error) => return Err(error.into()),
        }
    }
    let has_log = state.is_born_with_delta() || tables.iter().any(|(_, _, tail)| is_ours(tail));
    for (table, described, tail) in tables {
        let when = if tail.is_none() && has_log { When::Asked } else { when };
        let projecting =
            Projecting { writer, state, log: Log { lake: &writer.lake, table }, described: &described, when };
        match projecting.project(tail, &mut projected).await {
            Err(CommitError::Delta(error @ DeltaError::Record { .. })) => projected.unreadable.push(error),
            other => other?,
        }
    }
    Ok(projected)
}

fn is_ours(tail: &Option<Tail>) -> bool {
    tail.as_ref().is_some_and(|tail| tail.through.is_some())
}

/// One table on its way into its log.
struct Projecting<'a> {
    writer: &'a LakeWriter,
    state: &'a State,
    log: Log<'a>,
    described: &'a Described,
    when: When,
}

/// What the next version of a table is to say.
struct Next {
    operation: &'static str,
    describes: bool,
    edits: Edits,
}

impl Projecting<'_> {
    async fn project(&self, mut tail: Option<Tail>, projected: &mut Projected) -> Result<(), CommitError> {
        let table = self.log.table;
        loop {
            let foreign = tail.as_ref().and_then(Tail::changed_by_others);
            let Some(next) = self.next(tail.as_ref()).await? else {
                projected.foreign.extend(foreign.map(|version| (table, version)));
                return Ok(());
            };
            let version = tail.as_ref().map_or(0, |tail| tail.newest + 1);
            if self.write(version, &next, foreign).await? == Created::Theirs {
                // Who was quicker wrote a version that can be read: else this would not end.
                let now = self.log.tail(self.described.app_id()).await?;
                if now.as_ref().is_none_or(|now| now.newest < version) {
                    return Err(self.log.is_in_the_way(version).into());
                }
                tail = now;
                continue;
            }
            projected.versions += 1;
            projected.begun.extend(tail.is_none().then_some(table));
            projected.foreign.extend(foreign.map(|version| (table, version)));
            let checkpoint = tail.and_then(|tail| tail.checkpoint).unwrap_or_default();
            // What others wrote may be more than a checkpoint of ours can say.
            if version - checkpoint >= VERSIONS_PER_CHECKPOINT && foreign.is_none() {
                checkpoint_and_clear(self.writer, &self.log).await?;
            }
            return Ok(());
        }
    }

    /// `None` if there is nothing to say.
    async fn next(&self, tail: Option<&Tail>) -> Result<Option<Next>, CommitError> {
        let Some(tail) = tail else {
            // A folder with a Delta log is another table to other programs: nobody gets one unasked.
            if self.when != When::Asked {
                return Ok(None);
            }
            let edits = self.difference(&BTreeMap::new()).await?;
            return Ok(edits.map(|edits| Next { operation: "CREATE TABLE", describes: true, edits }));
        };
        let last = self.state.next - 1;
        // A log of which no version is ours is somebody's own table over the same files.
        if tail.through.is_none() && self.when != When::Asked || tail.through.is_some_and(|through| through >= last) {
            return Ok(None);
        }
        let (edits, is_whole) = match self.told_since(tail).await? {
            Some(changes) => (self.described.edits(changes), false),
            None => match self.difference(&self.there().await?).await? {
                Some(edits) => (edits, true),
                None => return Ok(None),
            },
        };
        let describes = tail.note.schema != self.described.schema_name();
        let is_nothing = !describes && edits.is_nothing();
        // A difference that came to nothing is looked for again by every run until a version says that there is none.
        if is_nothing && self.when != When::Newer && !is_whole {
            return Ok(None);
        }
        Ok(Some(Next { operation: if is_nothing { "NOTHING" } else { "WRITE" }, describes, edits }))
    }

    /// What single commits tell of what came behind the newest version; `None` if they do not. The entry through which
    /// that one goes may be of another time of the ledger, of which an older copy was restored.
    async fn told_since(&self, tail: &Tail) -> Result<Option<Changes>, CommitError> {
        let Some(through) = tail.through else { return Ok(None) };
        let entry = self.log.lake.entry(through).await?;
        if entry.is_none_or(|entry| entry.nonce != tail.note.entry) {
            return Ok(None);
        }
        Ok(self.state.changes_since(self.log.lake, through).await?)
    }

    /// The files that all versions together have.
    async fn there(&self) -> Result<BTreeMap<String, Add>, CommitError> {
        Ok(self.log.snapshot().await?.map(|snapshot| snapshot.files).unwrap_or_default())
    }

    /// What a table of the files `there` lacks of the ledger, or has beyond it; `None` if the ledger does not know just
    /// now.
    async fn difference(&self, there: &BTreeMap<String, Add>) -> Result<Option<Edits>, CommitError> {
        let Some(live) = self.state.sealed_files(self.log.lake).await? else { return Ok(None) };
        Ok(Some(self.described.difference(there, live)))
    }

    /// Whether something that cannot be read has a name.
    async fn is_taken(&self, path: &Path) -> Result<bool, CommitError> {
        let lake = &self.writer.lake;
        let Some(name) = lake.names.named(path) else { return Ok(false) };
        Ok(self.writer.is_taken(&name).await? && !matches!(lake.read(path).await, Ok(Some(_))))
    }

    /// Its bytes hold no nonce: whoever writes the same says the same, and nothing is lost if a rival's is taken for
    /// ours.
    async fn write(&self, version: u64, next: &Next, foreign: Option<u64>) -> Result<Created, CommitError> {
        let (lake, through) = (&self.writer.lake, self.state.next - 1);
        let entry = lake.entry(through).await?;
        let entry = entry.ok_or_else(|| LakeError::Gap { url: lake.names.url(&lake.names.log(through)) })?;
        let Next { operation, describes, edits } = next;
        let of = Version { operation, describes: *describes, foreign, edits };
        let actions = self.described.version(through, &entry, of);
        let table = self.log.table;
        tracing::debug!(table = table.name(), version, through, actions = actions.len(), "delta version");
        let path = lake.names.delta_version(table, version);
        let created = self.writer.create(&path, encode(&actions).into()).await;
        match created {
            // A folder, or what else is no file, has its name.
            Err(CommitError::Local { .. }) if self.is_taken(&path).await? => {
                Err(self.log.is_in_the_way(version).into())
            }
            created => created,
        }
    }
}

/// Writes one version that says what all of them lack of the ledger, or have beyond it: what others did to the table is
/// undone. Gives the version, `None` if there is nothing to undo.
pub async fn repair_delta(writer: &LakeWriter, state: &mut State, table: Table) -> Result<Option<u64>, CommitError> {
    let log = Log { lake: &writer.lake, table };
    let mut tried = None;
    loop {
        // A run may go on beside this one.
        state.catch_up(&writer.lake).await?;
        let Some(described) = Described::of(state, table) else { return Ok(None) };
        let Some(tail) = log.tail(described.app_id()).await? else { return Ok(None) };
        // Somebody's own table over the same files is no log of ours to be mended.
        if tail.through.is_none() {
            return Ok(None);
        }
        let newest = state.next - 1;
        if let Some(through) = tail.through.filter(|through| *through > newest) {
            let url = writer.lake.names.url(&writer.lake.names.delta_version(table, tail.newest));
            return Err(DeltaError::Ahead { url, through, newest }.into());
        }
        if tried == Some(tail.newest) {
            return Err(log.is_in_the_way(tail.newest + 1).into());
        }
        tried = Some(tail.newest);
        let repairing = Projecting { writer, state, log, described: &described, when: When::Asked };
        let Some(edits) = repairing.difference(&repairing.there().await?).await? else { return Ok(None) };
        if tail.changed_by_others().is_none() && edits.is_nothing() {
            return Ok(None);
        }
        let next = Next { operation: "RESTORE", describes: true, edits };
        if repairing.write(tail.newest + 1, &next, None).await? == Created::Ours {
            return Ok(Some(tail.newest + 1));
        }
    }
}

/// Writes a checkpoint of the newest version, and deletes versions and checkpoints that lie before the newest of those
/// checkpoints which are older than `VERSIONS_KEPT_FOR`: each younger version can still be read.
async fn checkpoint_and_clear(writer: &LakeWriter, log: &Log<'_>) -> Result<(), CommitError> {
    let Some(snapshot) = log.snapshot().await? else { return Ok(()) };
    let (lake, table) = (log.lake, log.table);
    let oldest = writer.now().await? - VERSIONS_KEPT_FOR;
    let version = snapshot.version;
    let actions: Vec<Action> = snapshot.actions(oldest.timestamp_millis());
    // Nobody here could read it again: versions stay.
    if actions.len() > ACTIONS_MAX as usize {
        tracing::warn!(table = table.name(), actions = actions.len(), "no checkpoint of so many actions is written");
        return Ok(());
    }
    let last = LastCheckpoint { version, size: actions.len() as u64, parts: None };
    let path = lake.names.inside(&Names::delta_checkpoint(table, version));
    // A rival's says the same of the table: readers may be at it.
    writer.create(&path, to_parquet(actions).into()).await?;
    if log.last_checkpoint().await?.is_none_or(|last| last.version < version) {
        let last = serde_json::to_vec(&last).expect("it is plain data");
        writer.put(&Names::delta_last_checkpoint(table), last.into()).await?;
    }
    let listed = lake.list(&lake.names.delta_log(table)).await?;
    let old = listed.iter().filter(|meta| meta.last_modified < oldest);
    let Some(kept) = old.filter_map(|meta| lake.names.delta_checkpoint_of(table, &meta.location)).max() else {
        return Ok(());
    };
    for meta in listed {
        let (names, path) = (&lake.names, &meta.location);
        let number = names.delta_version_of(table, path).or_else(|| names.delta_checkpoint_of(table, path));
        if let Some(name) = names.named(path).filter(|_| number.is_some_and(|number| number < kept)) {
            writer.delete(&name).await?;
        }
    }
    Ok(())
}
