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
    let (files, rows) = (snapshot.files.len() as u64, snapshot.files.values().filter_map(rows_of).sum());
    let mut checked = Checked {
        table,
        version: snapshot.version,
        through: tail.through,
        newest: state.next - 1,
        files,
        rows,
        lacking: Vec::new(),
        surplus: Vec::new(),
        foreign: tail.changed_by_others(),
    };
    if tail.through.is_some()
        && let Some(snapshot) = caught_up(lake, state, &described, snapshot, tail.through).await?
        && let Some(live) = state.sealed_files(lake).await?
    {
        let changes = described.difference(&snapshot.files, live);
        checked.lacking = changes.added.into_keys().map(|name| name.to_string()).collect();
        checked.surplus = changes.removed.into_keys().map(|name| name.to_string()).collect();
    }
    Ok(Some(checked))
}

/// With what the ledger sealed since; `None` if single commits do not tell it.
async fn caught_up(
    lake: &Lake,
    state: &State,
    described: &Described,
    mut snapshot: Snapshot,
    through: Option<u64>,
) -> Result<Option<Snapshot>, DeltaError> {
    let Some(through) = through.filter(|through| *through < state.next - 1) else { return Ok(Some(snapshot)) };
    let Some(changes) = state.changes_since(lake, through).await? else { return Ok(None) };
    for path in changes.removed.keys().filter_map(|name| described.path(name)) {
        snapshot.files.remove(&path);
    }
    snapshot.files.extend(described.adds(&changes, 0).map(|add| (add.path.clone(), add)));
    Ok(Some(snapshot))
}
