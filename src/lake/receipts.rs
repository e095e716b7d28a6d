//! Receipts of source objects as Parquet, filed by key day: the codec, and the few columns that a run needs.
//!
//! One row an object: `url version size outcome reason lines headers blanks rows rejects inflated_bytes plan task
//! format` and `parts`, a list of what it gave to each partition. Any engine reads them.
//!
//! Earlier programs read files of exactly these columns. What receipts have beside them lies in the file's metadata,
//! one JSON array a key with an item a row: `flowlake.digests`, `flowlake.first_versions` of copies,
//! `flowlake.measures` of rows with a part whose table has other measures than packets and bytes, `flowlake.expired`
//! where lines were of dates that were removed before, and `flowlake.lost`.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, ListArray, RecordBatch, StringArray, StructArray, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Schema, UInt64Type};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::filed::{self, caught, column, need, number, signed, text};
use super::lines::inflated_max;
use super::{Day, Outcome, PartSums, Receipt, Relative};
use crate::schema::Table;

/// A receipt, and the plan under which it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    /// What became of the object.
    pub receipt: Receipt,
    /// The number of the plan.
    pub plan: u64,
    /// The task whose commit has the receipt.
    pub task: u64,
    /// The plan's `--format`; `None` if it had none.
    pub format: Option<String>,
}

/// What a run must know of an object to leave it out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Brief<'a> {
    pub url: &'a str,
    pub version: &'a str,
    pub size: u64,
    pub outcome: Outcome,
    /// Of a copy that was left out: the URL of the first.
    pub first: Option<&'a str>,
    /// Of a copy: the version of the first whose content it has.
    pub first_version: Option<&'a str>,
    /// The plan's `--format`.
    pub format: Option<&'a str>,
    pub plan: u64,
    pub task: u64,
}

/// Who wrote a file of receipts: the same since the first one, since its hash is in its name.
const CREATED_BY: &str = "flowlake version 1.0.0 (build receipts-1)";

/// Receipts of one day as a Parquet file. Same receipts, same bytes.
pub fn encode(filed: &[Filed]) -> Vec<u8> {
    let chunks = filed.chunks(filed::ROW_GROUP_ROWS).map(batch);
    filed::encode(Arc::new(schema()), chunks, CREATED_BY, beside(filed))
}

/// The wanted receipts of a file.
pub fn decode(bytes: Bytes, day: Day, wanted: impl Fn(&Receipt) -> bool) -> Result<Vec<Filed>, ParquetError> {
    let text_bytes_max = inflated_max(bytes.len() as u64);
    caught(|| {
        let (mut filed, mut text_bytes) = (Vec::new(), 0);
        let builder = open(bytes)?;
        let mut digests = Beside::read(builder.metadata(), DIGESTS)?;
        let mut first_versions = Beside::read(builder.metadata(), FIRST_VERSIONS)?;
        let mut measures = Beside::<Vec<Vec<u64>>>::read(builder.metadata(), MEASURES)?;
        let mut expired = Beside::<u64>::read(builder.metadata(), EXPIRED)?;
        let mut lost = Beside::<u64>::read(builder.metadata(), LOST)?;
        for batch in builder.build()? {
            let batch = batch?;
            for row in 0..batch.num_rows() {
                let mut found = from_row(&batch, row, day)?;
                found.receipt.digest = digests.next();
                found.receipt.first_version = first_versions.next();
                found.receipt.expired = expired.next().unwrap_or_default();
                found.receipt.lost = lost.next().unwrap_or_default();
                put_measures(&mut found.receipt.parts, measures.next())?;
                if wanted(&found.receipt) {
                    text_bytes += texts_of(&found);
                    filed.push(found);
                }
                // A text that all rows share is stored once.
                if text_bytes > text_bytes_max {
                    return Err(ParquetError::General(format!("its texts have more than {text_bytes_max} bytes")));
                }
            }
        }
        Ok(filed)
    })
}

/// Hands on what a run must know of each object, and reads no other column.
pub(super) fn briefly(bytes: Bytes, mut each: impl FnMut(Brief<'_>)) -> Result<(), ParquetError> {
    caught(|| {
        let builder = open(bytes)?;
        let columns = ["url", "version", "size", "outcome", "reason", "format", "plan", "task"];
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns);
        let mut first_versions = Beside::<String>::read(builder.metadata(), FIRST_VERSIONS)?;
        for batch in builder.with_projection(mask).build()? {
            let batch = batch?;
            for row in 0..batch.num_rows() {
                let format = text(&batch, "format", row)?;
                let outcome = outcome(&batch, row)?;
                let (plan, task) = (signed(&batch, "plan", row)?, signed(&batch, "task", row)?);
                let (url, version) = (need(&batch, "url", row)?, need(&batch, "version", row)?);
                let size = number(&batch, "size", row)?;
                let first = if outcome == Outcome::Copy { text(&batch, "reason", row)? } else { None };
                let first_version = first_versions.next();
                let first_version = first_version.as_deref();
                each(Brief { url, version, size, outcome, first, first_version, format, plan, task });
            }
        }
        Ok(())
    })
}

fn texts_of(filed: &Filed) -> u64 {
    let receipt = &filed.receipt;
    let optional = [&receipt.reason, &receipt.first_version, &filed.format].into_iter().flatten();
    let texts = [&receipt.url, &receipt.version].into_iter().chain(optional).map(String::len);
    texts.chain(receipt.parts.iter().map(|part| part.partition.len() + size_of::<PartSums>())).sum::<usize>() as u64
}

fn open(bytes: Bytes) -> Result<ParquetRecordBatchReaderBuilder<Bytes>, ParquetError> {
    filed::open(bytes, &schema(), "receipts")
}

const DIGESTS: &str = "flowlake.digests";
const FIRST_VERSIONS: &str = "flowlake.first_versions";
const MEASURES: &str = "flowlake.measures";
const EXPIRED: &str = "flowlake.expired";
const LOST: &str = "flowlake.lost";

/// What the metadata holds beside the columns; nothing for receipts as earlier programs wrote them.
fn beside(filed: &[Filed]) -> Option<Vec<KeyValue>> {
    fn of<T: Serialize>(key: &str, items: &[Option<T>]) -> Option<KeyValue> {
        let text = || serde_json::to_string(items).expect("texts are plain data");
        items.iter().any(Option::is_some).then(|| KeyValue::new(key.to_owned(), text()))
    }
    let digests: Vec<_> = filed.iter().map(|filed| filed.receipt.digest).collect();
    let first_versions: Vec<_> = filed.iter().map(|filed| filed.receipt.first_version.as_deref()).collect();
    let measures: Vec<_> = filed.iter().map(|filed| measures_beside(&filed.receipt.parts)).collect();
    let some = |count: u64| Some(count).filter(|count| *count > 0);
    let expired: Vec<_> = filed.iter().map(|filed| some(filed.receipt.expired)).collect();
    let lost: Vec<_> = filed.iter().map(|filed| some(filed.receipt.lost)).collect();
    let found = [of(DIGESTS, &digests), of(FIRST_VERSIONS, &first_versions), of(MEASURES, &measures)];
    let found: Vec<_> = found.into_iter().chain([of(EXPIRED, &expired), of(LOST, &lost)]).flatten().collect();
    (!found.is_empty()).then_some(found)
}

/// The measures of each part, if there is one whose measures have no columns.
fn measures_beside(parts: &[PartSums]) -> Option<Vec<Vec<u64>>> {
    let is_in_columns = |part: &PartSums| part.table.measures.iter().all(|measure| SUMS.contains(measure));
    (!parts.iter().all(is_in_columns)).then(|| parts.iter().map(|part| part.measures.clone()).collect())
}

fn put_measures(parts: &mut [PartSums], beside: Option<Vec<Vec<u64>>>) -> Result<(), ParquetError> {
    let Some(beside) = beside else {
        return match measures_beside(parts) {
            None => Ok(()),
            Some(_) => {
                Err(ParquetError::General(format!("it has no {MEASURES}, and a part's measures have no columns")))
            }
        };
    };
    let are_as_many = beside.len() == parts.len()
        && beside.iter().zip(&*parts).all(|(given, part)| given.len() == part.table.measures.len());
    if !are_as_many {
        return Err(ParquetError::General(format!("{MEASURES} has other numbers of measures than its rows")));
    }
    parts.iter_mut().zip(beside).for_each(|(part, given)| part.measures = given);
    Ok(())
}

/// Items of the metadata, row by row.
struct Beside<T>(std::vec::IntoIter<Option<T>>);

impl<T: DeserializeOwned> Beside<T> {
    fn read(metadata: &ParquetMetaData, key: &str) -> Result<Beside<T>, ParquetError> {
        let file = metadata.file_metadata();
        let found = file.key_value_metadata().into_iter().flatten().find(|pair| pair.key == key);
        let Some(text) = found.and_then(|pair| pair.value.as_deref()) else {
            return Ok(Beside(Vec::new().into_iter()));
        };
        let items: Vec<Option<T>> =
            serde_json::from_str(text).map_err(|error| ParquetError::General(format!("{key}: {error}")))?;
        let rows = file.num_rows();
        if i64::try_from(items.len()) != Ok(rows) {
            return Err(ParquetError::General(format!("{key} has {} items for {rows} rows", items.len())));
        }
        Ok(Beside(items.into_iter()))
    }

    fn next(&mut self) -> Option<T> {
        self.0.next().flatten()
    }
}

const COUNTS: [&str; 7] = ["size", "lines", "headers", "blanks", "rows", "rejects", "inflated_bytes"];
const SUMS: [&str; 4] = ["rows", "packets", "bytes", "mix"];

fn counts(receipt: &Receipt) -> [u64; 7] {
    let Receipt { size, lines, headers, blanks, rows, rejects, inflated_bytes, .. } = *receipt;
    [size, lines, headers, blanks, rows, rejects, inflated_bytes]
}

/// 0 for a measure that the part's table lacks.
fn sums(part: &PartSums) -> [u64; 4] {
    let measure = |name: &str| part.named().find(|(of, _)| *of == name).map_or(0, |(_, sum)| sum);
    SUMS.map(|name| match name {
        "rows" => part.rows,
        "mix" => part.mix,
        measured => measure(measured),
    })
}

fn part_fields() -> Fields {
    let texts = ["table", "partition"].map(|name| Field::new(name, DataType::Utf8, false));
    let sums = SUMS.map(|name| Field::new(name, DataType::UInt64, false));
    texts.into_iter().chain(sums).collect()
}

fn part_item() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Struct(part_fields()), false))
}

fn schema() -> Schema {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let mut fields = vec![text("url", false), text("version", false), text("outcome", false), text("reason", true)];
    fields.extend(COUNTS.map(|name| Field::new(name, DataType::UInt64, false)));
    fields.extend(["plan", "task"].map(|name| Field::new(name, DataType::Int64, false)));
    fields.extend([text("format", true), Field::new("parts", DataType::List(part_item()), false)]);
    Schema::new(fields)
}

fn batch(filed: &[Filed]) -> RecordBatch {
    let receipts = || filed.iter().map(|filed| &filed.receipt);
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(receipts().map(|receipt| &receipt.url))),
        Arc::new(StringArray::from_iter_values(receipts().map(|receipt| &receipt.version))),
        Arc::new(StringArray::from_iter_values(receipts().map(|receipt| receipt.outcome.name()))),
        Arc::new(receipts().map(|receipt| receipt.reason.as_deref()).collect::<StringArray>()),
    ];
    for index in 0..COUNTS.len() {
        columns.push(Arc::new(UInt64Array::from_iter_values(receipts().map(|receipt| counts(receipt)[index]))));
    }
    columns.push(Arc::new(Int64Array::from_iter_values(filed.iter().map(|filed| filed.plan as i64))));
    columns.push(Arc::new(Int64Array::from_iter_values(filed.iter().map(|filed| filed.task as i64))));
    columns.push(Arc::new(filed.iter().map(|filed| filed.format.as_deref()).collect::<StringArray>()));
    let parts: Vec<&PartSums> = receipts().flat_map(|receipt| &receipt.parts).collect();
    let parts = || parts.iter();
    let mut inner: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(parts().map(|part| part.table.name()))),
        Arc::new(StringArray::from_iter_values(parts().map(|part| part.partition.as_str()))),
    ];
    for index in 0..SUMS.len() {
        inner.push(Arc::new(UInt64Array::from_iter_values(parts().map(|part| sums(part)[index]))));
    }
    let offsets = OffsetBuffer::from_lengths(receipts().map(|receipt| receipt.parts.len()));
    let items = StructArray::new(part_fields(), inner, None);
    columns.push(Arc::new(ListArray::new(part_item(), offsets, Arc::new(items), None)));
    RecordBatch::try_new(Arc::new(schema()), columns).expect("columns of one length, as the schema says")
}

fn from_row(batch: &RecordBatch, row: usize, day: Day) -> Result<Filed, ParquetError> {
    let mut found = [0; COUNTS.len()];
    for (slot, name) in found.iter_mut().zip(COUNTS) {
        *slot = number(batch, name, row)?;
    }
    let [size, lines, headers, blanks, rows, rejects, inflated_bytes] = found;
    let receipt = Receipt {
        url: need(batch, "url", row)?.to_owned(),
        version: need(batch, "version", row)?.to_owned(),
        size,
        day,
        outcome: outcome(batch, row)?,
        reason: text(batch, "reason", row)?.map(str::to_owned),
        lines,
        headers,
        blanks,
        rows,
        rejects,
        expired: 0,
        inflated_bytes,
        parts: parts(batch, row)?,
        digest: None,
        lost: 0,
        first_version: None,
    };
    let format = text(batch, "format", row)?.map(str::to_owned);
    Ok(Filed { receipt, plan: signed(batch, "plan", row)?, task: signed(batch, "task", row)?, format })
}

fn parts(batch: &RecordBatch, row: usize) -> Result<Vec<PartSums>, ParquetError> {
    let items = column(batch, "parts")?.as_list::<i32>().value(row);
    let items = items.as_struct();
    let texts = |index: usize, at: usize| items.column(index).as_string::<i32>().value(at);
    let sum = |index: usize, at: usize| items.column(index + 2).as_primitive::<UInt64Type>().value(at);
    let part = |at: usize| {
        let table =
            Table::named(texts(0, at)).ok_or_else(|| ParquetError::General(format!("{} is no table", texts(0, at))))?;
        let partition = texts(1, at).parse::<Relative>().map_err(|error| ParquetError::General(error.to_string()))?;
        let place = |name: &str| SUMS.iter().position(|known| *known == name);
        let of = |name: &str| place(name).map_or(0, |place| sum(place, at));
        let measures = table.measures.iter().map(|measure| of(measure)).collect();
        Ok(PartSums { table, partition, rows: of("rows"), measures, mix: of("mix") })
    };
    (0..items.len()).map(part).collect()
}

fn outcome(batch: &RecordBatch, row: usize) -> Result<Outcome, ParquetError> {
    let name = need(batch, "outcome", row)?;
    Outcome::ALL
        .into_iter()
        .find(|outcome| outcome.name() == name)
        .ok_or_else(|| ParquetError::General(format!("{name} is no outcome")))
}
