//! The ledger as tables: `lake.objects`, `lake.files`, `lake.rejects` and `lake.runs`, read only when a query names
//! them.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::json::ReaderBuilder;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use serde_json::{Value, json};

use super::TimeZone;
use super::ledger::{Ledger, SetAside};
use crate::lake::receipts::Filed;
use crate::lake::{Body, DataFile, Entry};

/// One table of the schema `lake`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LedgerTable {
    Objects,
    Files,
    Rejects,
    Runs,
}

impl LedgerTable {
    pub const ALL: [LedgerTable; 4] =
        [LedgerTable::Objects, LedgerTable::Files, LedgerTable::Rejects, LedgerTable::Runs];

    pub fn name(self) -> &'static str {
        match self {
            LedgerTable::Objects => "objects",
            LedgerTable::Files => "files",
            LedgerTable::Rejects => "rejects",
            LedgerTable::Runs => "runs",
        }
    }

    pub fn provider(self, ledger: &Ledger, time_zone: &TimeZone) -> Result<Arc<dyn TableProvider>> {
        let source = Source { table: self, schema: self.schema(time_zone), ledger: ledger.clone() };
        Ok(Arc::new(StreamingTable::try_new(source.schema.clone(), vec![Arc::new(source)])?))
    }

    fn schema(self, time_zone: &TimeZone) -> SchemaRef {
        let columns: &[(&str, Type)] = match self {
            LedgerTable::Objects => &[
                ("url", Type::Text),
                ("version", Type::Text),
                ("size", Type::Int),
                ("day", Type::Date),
                ("outcome", Type::Text),
                ("reason", Type::Text),
                ("lines", Type::Int),
                ("headers", Type::Int),
                ("blanks", Type::Int),
                ("rows", Type::Int),
                ("rejects", Type::Int),
                ("expired", Type::Int),
                ("inflated_bytes", Type::Int),
                ("sums", Type::Text),
                ("plan", Type::Int),
                ("task", Type::Int),
            ],
            LedgerTable::Files => &[
                ("path", Type::Text),
                ("table_name", Type::Text),
                ("partition", Type::Text),
                ("rows", Type::Int),
                ("bytes", Type::Int),
                ("start_min", Type::Int),
                ("start_max", Type::Int),
                ("columns", Type::Text),
                ("hash", Type::Text),
            ],
            LedgerTable::Rejects => &[
                ("object", Type::Text),
                ("line", Type::Int),
                ("offset", Type::Int),
                ("field", Type::Text),
                ("value", Type::Text),
                ("reason", Type::Text),
                ("text", Type::Text),
            ],
            LedgerTable::Runs => &[
                ("entry", Type::Int),
                ("at", Type::Time),
                ("kind", Type::Text),
                ("plan", Type::Int),
                ("purpose", Type::Text),
                ("tasks", Type::Int),
                ("objects", Type::Int),
                ("objects_aside", Type::Int),
                ("objects_skipped", Type::Int),
                ("rows", Type::Int),
                ("rejects", Type::Int),
                ("files", Type::Int),
                ("file_bytes", Type::Int),
                ("rows_replaced", Type::Int),
                ("files_replaced", Type::Int),
                ("full_scan", Type::Flag),
                ("written_by", Type::Text),
            ],
        };
        let fields: Vec<Field> =
            columns.iter().map(|(name, kind)| Field::new(*name, kind.data_type(time_zone), true)).collect();
        Arc::new(Schema::new(fields))
    }

    fn rows(self, ledger: Ledger) -> BoxStream<'static, Result<Vec<Value>>> {
        match self {
            LedgerTable::Objects => ledger.receipts().map_ok(objects).map_err(external).boxed(),
            LedgerTable::Rejects => ledger.set_aside().map_ok(rejects).map_err(external).boxed(),
            LedgerTable::Runs => {
                ledger.entries().map_ok(|(number, entry)| vec![run(number, entry)]).map_err(external).boxed()
            }
            LedgerTable::Files => {
                let files = async move { ledger.files().await.map(|files| files.iter().map(file).collect()) };
                stream::once(files).map_err(external).boxed()
            }
        }
    }
}

fn external(error: crate::lake::LakeError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Types that the ledger's tables use.
#[derive(Debug, Clone, Copy)]
enum Type {
    Text,
    Int,
    Date,
    Time,
    Flag,
}

impl Type {
    fn data_type(self, time_zone: &TimeZone) -> DataType {
        match self {
            Type::Text => DataType::Utf8,
            Type::Int => DataType::Int64,
            Type::Date => DataType::Date32,
            Type::Time => DataType::Timestamp(TimeUnit::Millisecond, Some(time_zone.name().into())),
            Type::Flag => DataType::Boolean,
        }
    }
}

/// The one partition of a ledger table.
struct Source {
    table: LedgerTable,
    schema: SchemaRef,
    ledger: Ledger,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lake.{}", self.table.name())
    }
}

impl PartitionStream for Source {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema = self.schema.clone();
        let rows = self.table.rows(self.ledger.clone());
        let batches = rows.map(move |rows| batches(&schema, &rows?)).map_ok(|found| stream::iter(found).map(Ok));
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), batches.try_flatten()))
    }
}

fn batches(schema: &SchemaRef, rows: &[Value]) -> Result<Vec<RecordBatch>> {
    let mut decoder = ReaderBuilder::new(schema.clone()).build_decoder()?;
    let mut found = Vec::new();
    for rows in rows.chunks(8192) {
        decoder.serialize(rows)?;
        found.extend(decoder.flush()?);
    }
    Ok(found)
}

fn objects(of_day: Vec<Filed>) -> Vec<Value> {
    let object = |filed: Filed| {
        let Filed { receipt, plan, task, .. } = filed;
        json!({
            "url": receipt.url, "version": receipt.version, "size": receipt.size, "day": receipt.day.0,
            "outcome": receipt.outcome, "reason": receipt.reason, "lines": receipt.lines, "headers": receipt.headers,
            "blanks": receipt.blanks, "rows": receipt.rows, "rejects": receipt.rejects,
            "expired": receipt.expired,
            "inflated_bytes": receipt.inflated_bytes, "sums": receipt.sums(), "plan": plan, "task": task,
        })
    };
    of_day.into_iter().map(object).collect()
}

/// Lines that were set aside, and whole objects, of which `line` is null.
fn rejects(aside: SetAside) -> Vec<Value> {
    let lines = aside.lines.into_iter().map(|line| {
        json!({
            "object": line.object, "line": line.line, "offset": line.offset, "field": line.field, "value": line.value,
            "reason": line.reason, "text": line.text,
        })
    });
    let objects = aside.objects.into_iter().map(|object| json!({ "object": object.url, "reason": object.reason }));
    lines.chain(objects).collect()
}

fn file(file: &DataFile) -> Value {
    let columns: Vec<&str> = file.columns.keys().map(String::as_str).collect();
    json!({
        "path": file.path, "table_name": file.table.name(), "partition": file.partition, "rows": file.rows,
        "bytes": file.bytes, "start_min": file.start_min, "start_max": file.start_max, "columns": columns.join(","),
        "hash": file.hash,
    })
}

fn run(number: u64, entry: Entry) -> Value {
    let mut row = match entry.body {
        Body::Create(_) => json!({ "kind": "create" }),
        Body::Plan(plan) => json!({
            "kind": "plan", "plan": number, "purpose": plan.purpose, "tasks": plan.tasks, "objects": plan.objects,
            "full_scan": plan.full_scan,
        }),
        Body::Lost(lost) => json!({
            "kind": "lost", "tasks": lost.tasks.len(), "objects": lost.objects, "rows": 0,
            "rows_replaced": lost.totals.rows, "files_replaced": lost.totals.files,
        }),
        Body::Drop(drop) => json!({ "kind": "drop", "plan": drop.plan, "objects": drop.objects.len() }),
        Body::Packed(_) => json!({ "kind": "packed" }),
        Body::Void(void) => json!({ "kind": "void", "plan": void.plan }),
        Body::Seal(seal) => {
            let totals = seal.totals;
            json!({
                "kind": "seal", "plan": seal.plan, "objects": totals.objects, "objects_aside": totals.objects_aside,
                "objects_skipped": totals.objects_skipped, "rows": totals.rows, "rejects": totals.rejects,
                "files": totals.files, "file_bytes": totals.file_bytes, "rows_replaced": seal.replaced_totals.rows,
                "files_replaced": seal.replaced_totals.files,
            })
        }
    };
    row["entry"] = json!(number);
    row["at"] = json!(entry.at);
    row["written_by"] = json!(entry.written_by);
    row
}
