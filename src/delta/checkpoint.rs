//! Checkpoints of a Delta log: all that its versions say up to one of them, as Parquet.
//!
//! A row is an action, as in a version. So rows go to Parquet and back as JSON does.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow::json::writer::LineDelimited;
use arrow::json::{ReaderBuilder, WriterBuilder};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};

use super::action::{Action, decode};
use crate::lake::bounded;

/// Who wrote a checkpoint: the same actions give the same bytes.
const CREATED_BY: &str = "flowlake version 1.0.0 (build delta-1)";

const BATCH_ROWS: usize = 8192;

/// Actions of a checkpoint: some of live files of all dates, which take about half a kilobyte of memory each.
pub const ACTIONS_MAX: i64 = 20_000_000;

/// What names the newest checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCheckpoint {
    /// The version through which it goes.
    pub version: u64,
    /// Its rows.
    pub size: u64,
    /// Files that it consists of; `None` is one file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<u64>,
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn number(name: &str) -> Field {
    Field::new(name, DataType::Int64, true)
}

fn small(name: &str) -> Field {
    Field::new(name, DataType::Int32, true)
}

fn truth(name: &str) -> Field {
    Field::new(name, DataType::Boolean, true)
}

fn texts(name: &str) -> Field {
    Field::new(name, DataType::List(Arc::new(text("element"))), true)
}

fn map(name: &str) -> Field {
    let entries = Fields::from(vec![Field::new("key", DataType::Utf8, false), text("value")]);
    let entries = Field::new("key_value", DataType::Struct(entries), false);
    Field::new(name, DataType::Map(Arc::new(entries), false), true)
}

fn group(name: &str, members: Vec<Field>) -> Field {
    Field::new(name, DataType::Struct(members.into()), true)
}

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        group("txn", vec![text("appId"), number("version"), number("lastUpdated")]),
        group(
            "add",
            vec![
                text("path"),
                map("partitionValues"),
                number("size"),
                number("modificationTime"),
                truth("dataChange"),
                text("stats"),
            ],
        ),
        group("remove", vec![text("path"), number("deletionTimestamp"), truth("dataChange")]),
        group(
            "metaData",
            vec![
                text("id"),
                text("name"),
                group("format", vec![text("provider"), map("options")]),
                text("schemaString"),
                texts("partitionColumns"),
                map("configuration"),
                number("createdTime"),
            ],
        ),
        group("protocol", vec![small("minReaderVersion"), small("minWriterVersion"), texts("writerFeatures")]),
    ]))
});

/// Actions as a checkpoint.
pub fn to_parquet(actions: impl IntoIterator<Item = Action>) -> Vec<u8> {
    let properties =
        WriterProperties::builder().set_compression(Compression::SNAPPY).set_created_by(CREATED_BY.to_owned()).build();
    let mut bytes = Vec::new();
    let schema = Arc::clone(&SCHEMA);
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, Some(properties)).expect("a sound schema");
    let mut actions = actions.into_iter();
    loop {
        let some: Vec<Action> = actions.by_ref().take(BATCH_ROWS).collect();
        if some.is_empty() {
            break;
        }
        let mut decoder = ReaderBuilder::new(Arc::clone(&SCHEMA))
            .with_batch_size(BATCH_ROWS)
            .build_decoder()
            .expect("types that JSON knows");
        decoder.serialize(&some).expect("actions are what the schema says");
        if let Some(batch) = decoder.flush().expect("actions are what the schema says") {
            writer.write(&batch).expect("memory to memory does not fail");
        }
    }
    writer.close().expect("memory to memory does not fail");
    bytes
}

/// Gives each action of a checkpoint, whoever wrote it, to `take`: columns that are not known here are passed over.
pub fn from_parquet(bytes: Bytes, mut take: impl FnMut(Action)) -> Result<(), String> {
    let read = || -> Result<(), String> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).map_err(|error| error.to_string())?;
        let builder = bounded(builder, &bytes, "actions", ACTIONS_MAX).map_err(|error| error.to_string())?;
        for batch in builder.build().map_err(|error| error.to_string())? {
            let batch = batch.map_err(|error| error.to_string())?;
            let mut lines = Vec::new();
            // A partition value that is null is one that is there.
            let writer = WriterBuilder::new().with_explicit_nulls(true);
            let mut writer = writer.build::<_, LineDelimited>(&mut lines);
            writer.write(&batch).and_then(|()| writer.finish()).map_err(|error| error.to_string())?;
            drop(writer);
            decode(&lines).map_err(|error| error.to_string())?.into_iter().for_each(&mut take);
        }
        Ok(())
    };
    // The Parquet library panics on some damaged footers.
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read));
    done.unwrap_or_else(|_| Err("the Parquet library broke off in it".to_owned()))
}
