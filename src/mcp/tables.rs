//! The tables of a lake for assistants, with what each of them and each column means.

use serde_json::{Value, json};

use super::ToolError;
use super::answer::Left;
use crate::query::Session;
use crate::schema::{PROVENANCE, Table};

/// What the tables hold.
const TABLES: [(&str, &str); 6] = [
    ("flow_logs", "the records of VPC flow logs"),
    ("tgw_flow_logs", "the records of transit gateway flow logs"),
    ("lake.objects", "one row for each source object that was read or set aside"),
    ("lake.files", "one row for each data file of the lake"),
    ("lake.rejects", "lines that were set aside, and whole objects, of which `line` is null"),
    ("lake.runs", "entries of the log: what each run planned and did"),
];

/// Columns that are neither fields of AWS nor provenance, of a table or all.
const COLUMNS: [(&str, &str, &str); 27] = [
    ("", "date", "UTC day of `start`; filters on it read only these days"),
    ("", "hour", "UTC hour of `start`"),
    ("", "start_time", "`start` as a timestamp"),
    ("", "end_time", "`end` as a timestamp"),
    ("", "other_fields", "fields that have no column of their own, as a JSON object"),
    ("lake.objects", "url", "where the object lies"),
    ("lake.objects", "size", "compressed bytes"),
    ("lake.objects", "day", "day in the object's key"),
    ("lake.objects", "outcome", "what became of it"),
    ("lake.objects", "reason", "why it was set aside"),
    ("lake.objects", "rows", "records that it gave"),
    ("lake.objects", "rejects", "lines of it that were set aside"),
    ("lake.objects", "sums", "equal where two objects gave the same numbers of rows with equal sums"),
    ("lake.files", "path", "name within the lake"),
    ("lake.files", "partition", "folder of its day"),
    ("lake.files", "start_min", "least `start`, Unix seconds"),
    ("lake.files", "start_max", "greatest `start`, Unix seconds"),
    ("lake.rejects", "object", "URL of the source object"),
    ("lake.rejects", "line", "line number, from 1; null where the whole object was set aside"),
    ("lake.rejects", "offset", "byte of the inflated object at which the line begins"),
    ("lake.rejects", "field", "field that could not be read"),
    ("lake.rejects", "reason", "why it was set aside"),
    ("lake.rejects", "text", "beginning of the line"),
    ("lake.runs", "at", "when"),
    ("lake.runs", "kind", "create, plan, seal (the plan is done), drop or lost"),
    ("lake.runs", "purpose", "of a plan: convert, check or redo"),
    ("lake.runs", "rows_replaced", "what a redo took away, or what was given up"),
];

/// All tables, without their columns.
pub(super) async fn list(session: &Session) -> Value {
    let zone = session.time_zone();
    let names = session.names().await;
    let table = |(name, columns): (&String, &Vec<_>)| {
        let of_logs = Table::named(name);
        let starts = of_logs.and_then(|table| session.starts(table));
        json!({
            "name": name,
            "meaning": TABLES.iter().find(|(known, _)| known == name).map(|(_, meaning)| meaning),
            "columns": columns.len(),
            "rows": of_logs.and_then(|table| session.rows_of(table)),
            "first_record": starts.map(|(first, _)| zone.show(first)),
            "newest_record": starts.map(|(_, last)| zone.show(last)),
        })
    };
    json!({ "time_zone": zone.to_string(), "tables": names.tables.iter().map(table).collect::<Vec<_>>() })
}

/// The columns of one table, as many as there is room for.
pub(super) async fn describe(session: &Session, name: &str, bytes: usize) -> Result<Value, ToolError> {
    let mut names = session.names().await;
    let found = names.tables.remove(name).ok_or_else(|| ToolError::NoTable { name: name.to_owned() })?;
    let mut left = Left::of(bytes);
    let all = found.len();
    let column = |(column, kind): (String, String)| {
        let meaning = meaning(name, &column);
        json!({ "name": column, "type": kind, "meaning": meaning })
    };
    let columns: Vec<Value> = found.into_iter().map(column).take_while(|column| left.take(column)).collect();
    let truncated = columns.len() < all;
    Ok(json!({
        "name": name,
        "meaning": TABLES.iter().find(|(known, _)| *known == name).map(|(_, meaning)| meaning),
        "columns_in_all": all,
        "columns_shown": columns.len(),
        "truncated": truncated,
        "columns": columns,
    }))
}

/// What a column means, where it is known.
fn meaning(table: &str, column: &str) -> Option<&'static str> {
    let is_of_ledger = table.starts_with("lake.");
    let of = if is_of_ledger { table } else { "" };
    if let Some((.., meaning)) = COLUMNS.iter().find(|(table, known, _)| *table == of && *known == column) {
        return Some(meaning);
    }
    if is_of_ledger {
        return None;
    }
    let provenance = PROVENANCE.iter().find(|known| known.column == column).map(|known| known.meaning);
    let of_logs = Table::named(table);
    provenance.or_else(|| of_logs?.field(column).map(|field| field.meaning))
}
