//! How the lake stands, asked of its ledger: what it covers, the runs that made it, and what was set aside.

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use serde_json::{Value, json};

use super::ToolError;
use super::held::Planning;
use crate::query::format::exact;
use crate::query::{Answer, Session};
use crate::schema::Table;

/// Files and rows of each table, and the days that they are in.
const HELD: &str = "SELECT table_name, sum(rows), count(*), sum(bytes), count(DISTINCT split_part(partition, '/', 1)), \
                    min(start_min), max(start_max) FROM lake.files GROUP BY table_name ORDER BY table_name";

/// A run is sealed when all of its tasks are committed; until then its plan is open.
const RUNS: &str = "SELECT count(*) FILTER (WHERE kind = 'seal'), \
                    count(DISTINCT plan) FILTER (WHERE kind IN ('plan', 'seal')) \
                        - count(DISTINCT plan) FILTER (WHERE kind = 'seal'), \
                    max(at) FROM lake.runs";

const SET_ASIDE: &str = "SELECT count(line), count(*) - count(line) FROM lake.rejects";

pub(super) async fn status(session: Planning<'_>) -> Result<Value, ToolError> {
    let (held, runs, aside) = (session.sql(HELD).await?, session.sql(RUNS).await?, session.sql(SET_ASIDE).await?);
    let (zone, lake, without_rows) =
        (session.time_zone().clone(), session.lake_url().to_owned(), without_rows(&session));
    // Others plan while these run.
    drop(session);
    let mut tables = Vec::new();
    for batch in held.collect().await? {
        let (first, last) = (batch.column(5).as_primitive::<Int64Type>(), batch.column(6).as_primitive::<Int64Type>());
        for (row, (first, last)) in exact::rows(&batch)?.into_iter().zip(first.iter().zip(last.iter())) {
            let [name, rows, files, bytes, days, ..] = &row[..] else { return Err(ToolError::Broken) };
            tables.push(json!({
                "table": name, "rows": rows, "files": files, "bytes": bytes, "days": days,
                "first_record": first.map(|at| zone.show(at)), "newest_record": last.map(|at| zone.show(at)),
            }));
        }
    }
    let runs = one(runs).await?;
    let aside = one(aside).await?;
    let [sealed, open, at] = &runs[..] else { return Err(ToolError::Broken) };
    let [lines, objects] = &aside[..] else { return Err(ToolError::Broken) };
    Ok(json!({
        "lake": lake,
        "time_zone": zone.to_string(),
        "tables": tables,
        "tables_without_rows": without_rows,
        "runs": { "finished": sealed, "open": open, "last_change": at },
        "set_aside": { "lines": lines, "objects": objects },
    }))
}

/// The one row of a question that has one.
async fn one(answer: Answer) -> Result<Vec<Value>, ToolError> {
    let batches: Vec<RecordBatch> = answer.collect().await?;
    let rows = batches.iter().map(exact::rows).collect::<Result<Vec<_>, _>>()?;
    rows.into_iter().flatten().next().ok_or(ToolError::Broken)
}

fn without_rows(session: &Session) -> Vec<&'static str> {
    let is_there = |table: &Table| session.columns(*table).is_some();
    Table::all().filter(|table| !is_there(table)).map(Table::name).collect()
}
