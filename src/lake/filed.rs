//! Parquet files of the ledger: written so that the same rows give the same bytes, and opened within limits, since they
//! may be a stranger's.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, Schema, SchemaRef, UInt64Type};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::FORMAT_VERSION;
use super::lines::inflated_max;
use super::pages::claimed;

/// Rows of a file: a checkpoint writes some 100,000 receipts at a time, and a date has fewer data files.
pub(super) const ROWS_MAX: i64 = 2_000_000;
/// Texts of one batch, whatever the pages hold, and rows of it.
const BATCH_BYTES_MAX: u64 = 256 << 20;
const BATCH_ROWS_MAX: usize = 1024;

/// Rows of one row group.
pub(super) const ROW_GROUP_ROWS: usize = 1 << 16;

/// The ledger format of a file that only newer programs understand. Ours have none.
const FORMAT: &str = "flowlake.format";

/// Batches of at most [`ROW_GROUP_ROWS`] rows as a Parquet file. Same batches, same bytes.
pub(super) fn encode(
    schema: SchemaRef,
    batches: impl Iterator<Item = RecordBatch>,
    created_by: &str,
    beside: Option<Vec<KeyValue>>,
) -> Vec<u8> {
    let level = ZstdLevel::try_new(1).expect("a level that zstd knows");
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_created_by(created_by.to_owned())
        .set_key_value_metadata(beside)
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, Some(properties)).expect("a sound schema");
    for batch in batches {
        writer.write(&batch).expect("memory to memory does not fail");
    }
    writer.close().expect("memory to memory does not fail");
    bytes
}

/// The Parquet library panics on some damaged footers.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err(ParquetError::General("the Parquet library broke off in it".to_owned())))
}

/// A file whose columns are not ours is an error here, and not a panic later. `what` are its rows, for people.
pub(super) fn open(
    bytes: Bytes,
    schema: &Schema,
    what: &str,
) -> Result<ParquetRecordBatchReaderBuilder<Bytes>, ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone())?;
    let marks = builder.metadata().file_metadata().key_value_metadata();
    if let Some(format) = marks.into_iter().flatten().find(|mark| mark.key == FORMAT) {
        let found = format.value.as_deref().unwrap_or("none");
        let known = FORMAT_VERSION;
        return Err(ParquetError::General(format!(
            "a newer flowlake wrote it (ledger format {found}, this program knows {known}); upgrade"
        )));
    }
    if builder.schema().fields() != schema.fields() {
        return Err(ParquetError::General(format!("its columns are not those of {what}")));
    }
    bounded(builder, &bytes, what, ROWS_MAX)
}

/// A file that claims more rows than `rows_max`, or more text than one of ours can have, is an error. Its batches hold
/// little at a time. `what` are its rows, for people.
pub fn bounded(
    builder: ParquetRecordBatchReaderBuilder<Bytes>,
    bytes: &Bytes,
    what: &str,
    rows_max: i64,
) -> Result<ParquetRecordBatchReaderBuilder<Bytes>, ParquetError> {
    let metadata = builder.metadata();
    let rows: i64 = metadata.row_groups().iter().map(|group| group.num_rows()).fold(0, i64::saturating_add);
    if !(0..=rows_max).contains(&rows) {
        return Err(ParquetError::General(format!(
            "it has {rows} rows, and no file of {what} has more than {rows_max}"
        )));
    }
    let (claimed, bytes_max) = (claimed(bytes, metadata)?, inflated_max(bytes.len() as u64));
    if claimed.bytes > bytes_max {
        return Err(ParquetError::General(format!("its pages inflate to more than {bytes_max} bytes")));
    }
    // Each row of a batch may repeat the longest text that a page can hold.
    let batch_rows = BATCH_BYTES_MAX / claimed.largest_page_bytes.max(1);
    Ok(builder.with_batch_size((batch_rows as usize).clamp(1, BATCH_ROWS_MAX)))
}

pub(super) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ParquetError> {
    batch.column_by_name(name).ok_or_else(|| ParquetError::General(format!("there is no column {name}")))
}

pub(super) fn text<'a>(batch: &'a RecordBatch, name: &str, row: usize) -> Result<Option<&'a str>, ParquetError> {
    let array = column(batch, name)?.as_string::<i32>();
    Ok((!array.is_null(row)).then(|| array.value(row)))
}

pub(super) fn need<'a>(batch: &'a RecordBatch, name: &str, row: usize) -> Result<&'a str, ParquetError> {
    Ok(column(batch, name)?.as_string::<i32>().value(row))
}

/// A number from 0 on that lies in a signed column.
pub(super) fn signed(batch: &RecordBatch, name: &str, row: usize) -> Result<u64, ParquetError> {
    Ok(column(batch, name)?.as_primitive::<Int64Type>().value(row) as u64)
}

pub(super) fn number(batch: &RecordBatch, name: &str, row: usize) -> Result<u64, ParquetError> {
    Ok(column(batch, name)?.as_primitive::<UInt64Type>().value(row))
}
