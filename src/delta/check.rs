//! Whether a Delta log says what the ledger says.

use serde::Serialize;

use super::DeltaError;
use super::log::{Log, Snapshot};
use super::version::{Described, rows_of};
use crate::lake::{Lake, State};
use crate::schema::Table;

/// What the Delta log of one table says, held against the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The table.
    pub table: Table,
    /// The newest version.
    pub version: u64,
    /// The ledger's entry through which it goes; `None` if none of its versions is flowlake's.
    pub through: Option<u64>,
    /// The newest entry of the ledger that was read.
    pub newest: u64,
    /// Files of the newest version.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
    /// Whether the files were held against the ledger: a checkpoint of that may have filed what the log lacks.
    pub compared: bool,
    /// Live files that it does not have, or of which it says something else.
    pub lacking: Vec<String>,
    /// Files that it has and that are not live.
    pub surplus: Vec<String>,
    /// The oldest version of another program that changed the table and was not repaired.
    pub foreign: Option<u64>,
}

impl Checked {
    /// Whether it says what the ledger says, as far as it goes.
    pub fn is_sound(&self) -> bool {
        self.through.is_some() && self.foreign.is_none() && self.lacking.is_empty() && self.surplus.is_empty()
    }
}

/// Holds the Delta log of a table against the ledger: `None` if the table has none. What the ledger sealed behind the
/// log's newest version is no difference: the next run writes it.
pub async fn check(lake: &Lake, state: &State, table: Table) -> Result<Option<Checked>, DeltaError> {
    let log = Log { lake, table };
    let Some(described) = Described::of(state, table) else { return Ok(None) };
    let Some(tail) = log.tail(described.app_id()).await? else { return Ok(None) };
    let Some(snapshot) = log.snapshot().await? else { return Ok(None) };
    // A run may go on beside this: the log can be newer than the state, which is then read on.
    let through = snapshot.through(described.app_id());
    let mut state = state.clone();
    if through.is_some_and(|through| through >= state.next) {
        state.catch_up(lake).await?;
    }
    let (files, rows) = (snapshot.files.len() as u64, snapshot.files.values().filter_map(rows_of).sum());
    let mut checked = Checked {
        table,
        version: snapshot.version,
        through,
        newest: state.next - 1,
        files,
        rows,
        compared: false,
        lacking: Vec::new(),
        surplus: Vec::new(),
        foreign: tail.changed_by_others(),
    };
    if let Some(through) = through
        && let Some(snapshot) = caught_up(lake, &state, &described, snapshot, through).await?
        && let Some(live) = state.sealed_files(lake).await?
    {
        let edits = described.difference(&snapshot.files, live);
        checked.compared = true;
        checked.lacking = edits.added.into_iter().map(|added| added.file.path.to_string()).collect();
        checked.surplus = edits.removed.into_iter().map(|removed| removed.path).collect();
    }
    Ok(Some(checked))
}

/// With what the ledger sealed since; `None` if single commits do not tell it.
async fn caught_up(
    lake: &Lake,
    state: &State,
    described: &Described,
    mut snapshot: Snapshot,
    through: u64,
) -> Result<Option<Snapshot>, DeltaError> {
    if through >= state.next - 1 {
        return Ok(Some(snapshot));
    }
    let Some(changes) = state.changes_since(lake, through).await? else { return Ok(None) };
    let edits = described.edits(changes);
    edits.removed.iter().for_each(|removed| drop(snapshot.files.remove(&removed.path)));
    snapshot.files.extend(described.adds(&edits, 0).map(|add| (add.path.clone(), add)));
    Ok(Some(snapshot))
}
