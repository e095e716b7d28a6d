//! What one table of a lake holds, as its ledger says: columns, partition keys, the span of dates, rows without a date.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::DdlError;
use crate::lake::{DataFile, Lake, State};
use crate::schema::{Kind, Partition, Table, rank};

/// One table of a lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Which of the two.
    pub table: Table,
    /// In the order of AWS's documentation; then unknown fields by name; then where a row came from.
    pub columns: Vec<(String, Kind)>,
    /// Columns with control characters or without any in their names: a ledger may be a stranger's.
    pub unnameable: Vec<String>,
    /// Whether `hour` is a partition key after `date`.
    pub by_hour: bool,
    /// The first and last date of a row; `None` if no row has a date.
    pub dates: Option<(NaiveDate, NaiveDate)>,
    /// Rows in a default partition of `date` or `hour`.
    pub rows_in_default: u64,
}

impl Held {
    /// Reads one table: the one that is asked for, else `flow_logs`, else what there is. The second value is the other
    /// one.
    pub async fn read(lake: &Lake, state: &State, asked: Option<Table>) -> Result<(Held, Option<Table>), DdlError> {
        let url = lake.names.lake_url();
        // Every committed data file.
        let heads = state.heads(lake).await?;
        let files: Vec<DataFile> = heads.into_iter().flat_map(|head| head.files).collect();
        let tables: BTreeSet<Table> = files.iter().map(|file| file.table).collect();
        let Some(&first) = tables.first() else { return Err(DdlError::Empty { url: url.to_owned() }) };
        let table = asked.unwrap_or(first);
        if !tables.contains(&table) {
            return Err(DdlError::NoTable { url: url.to_owned(), asked: table, has: first });
        }
        let other = tables.into_iter().find(|other| *other != table);
        Ok((Held::of(table, files.iter().filter(|file| file.table == table)), other))
    }

    /// The union over data files of one table.
    pub(super) fn of<'a>(table: Table, files: impl Iterator<Item = &'a DataFile>) -> Held {
        let mut columns: BTreeMap<&str, Kind> = BTreeMap::new();
        let (found, unnameable) = (Vec::new(), Vec::new());
        let mut held = Held { table, columns: found, unnameable, by_hour: false, dates: None, rows_in_default: 0 };
        for file in files {
            columns.extend(file.columns.iter().map(|(name, &kind)| (name.as_str(), kind)));
            let Ok(partition) = file.partition.parse::<Partition>() else { continue };
            held.by_hour |= partition.is_by_hour();
            if partition.is_default() {
                held.rows_in_default += file.rows;
            }
            if let Some(date) = partition.date {
                let (first, last) = held.dates.unwrap_or((date, date));
                held.dates = Some((first.min(date), last.max(date)));
            }
        }
        for (name, kind) in columns {
            // What is not shown as it is could do something where the statement is shown or pasted.
            let is_nameable =
                !name.is_empty() && name.chars().all(|c| matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1);
            match is_nameable {
                true => held.columns.push((name.to_owned(), kind)),
                false => held.unnameable.push(name.to_owned()),
            }
        }
        // Stable: fields that are not documented keep the order of their names.
        held.columns.sort_by_key(|(name, _)| rank(table, name));
        held
    }
}
