//! Files with a column that the stage's own pages do not hold: their rows become Arrow arrays, and the Parquet library
//! writes them.
//!
//! Slower than pages of our own, and generic: lists and structs need no levels by hand. Rows stay in the order in which
//! they come. What the library makes of them depends on its version, so that a new one may need a new
//! [`WRITER_EPOCH`](super::WRITER_EPOCH): `readback/tests/library.rs` tells.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::DataType;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression as Codec, GzipLevel, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{BloomFilterPosition, WriterProperties};
use parquet::schema::types::{ColumnPath, SchemaDescriptor};

use super::chunk::FALSE_POSITIVES;
use super::file::{Ended, Hashed};
use super::group::Rows;
use super::limits::Limits;
use super::page::Extent;
use super::shape::Shape;
use super::{EncodeError, Options};
use crate::columns::{NULL_INT, NULL_TEXT, Values};
use crate::schema::{Column, Compression, LOG_LINE, PROVENANCE};

/// A file ends when this share of its limit is reached, in sixteenths: what waits for its row group is an estimate.
const FULL_SIXTEENTHS: u64 = 14;

/// A file of one partition that is being written.
pub struct LibraryFile<F: Write + Send> {
    writer: ArrowWriter<Hashed<F>>,
    ordinal: usize,
    rows: u64,
    start: Extent,
}

impl<F: Write + Send> LibraryFile<F> {
    pub fn new(
        shape: &Shape,
        options: &Options,
        limits: &Limits,
        ordinal: usize,
        file: Hashed<F>,
    ) -> Result<LibraryFile<F>, EncodeError> {
        let properties = WriterProperties::builder()
            .set_created_by(options.created_by.clone())
            .set_compression(codec(options.compression))
            .set_max_row_group_row_count(Some(limits.row_group_rows))
            .set_bloom_filter_position(BloomFilterPosition::End);
        let properties = options.bloom.iter().fold(properties, |properties, name| {
            let column = || ColumnPath::from(name.as_str());
            properties
                .set_column_bloom_filter_enabled(column(), true)
                .set_column_bloom_filter_fpp(column(), FALSE_POSITIVES)
        });
        let properties = properties.build();
        let writing = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true)
            .with_parquet_schema(SchemaDescriptor::clone(&shape.descr));
        let writer = ArrowWriter::try_new_with_options(file, Arc::clone(&shape.arrow), writing)
            .map_err(|source| EncodeError::Write { ordinal, source })?;
        Ok(LibraryFile { writer, ordinal, rows: 0, start: Extent::None })
    }

    /// Appends rows, and tells whether the file is full. So many files are `open`, with this one.
    pub fn append(
        &mut self,
        shape: &Shape,
        rows: &Rows,
        range: Range<usize>,
        options: &Options,
        (limits, open): (&Limits, usize),
    ) -> Result<bool, EncodeError> {
        self.rows += range.len() as u64;
        let starts = rows.starts.get(range.clone()).unwrap_or_default();
        for &start in starts.iter().filter(|&&start| start != NULL_INT) {
            self.start.merge(&Extent::Ints { min: start, max: start });
        }
        let batch = batch(shape, rows, range).map_err(|error| EncodeError::Page(error.into()))?;
        let mut write = || {
            self.writer.write(&batch)?;
            if self.writer.memory_size() > limits.buffered_bytes / open.max(1) {
                self.writer.flush()?;
            }
            Ok(())
        };
        write().map_err(|source: ParquetError| EncodeError::Write { ordinal: self.ordinal, source })?;
        let bytes = (self.writer.bytes_written() + self.writer.in_progress_size()) as u64;
        Ok(bytes.saturating_mul(16) >= options.file_bytes_max.saturating_mul(FULL_SIXTEENTHS))
    }

    /// Writes the footer.
    pub fn finish(mut self) -> Result<(Hashed<F>, Ended), EncodeError> {
        let ordinal = self.ordinal;
        let failed = |source| EncodeError::Write { ordinal, source };
        self.writer.flush().map_err(failed)?;
        let row_groups = self.writer.flushed_row_groups().len();
        let file = self.writer.into_inner().map_err(failed)?;
        Ok((file, Ended { ordinal, rows: self.rows, start: self.start, row_groups }))
    }
}

fn codec(compression: Compression) -> Codec {
    match compression {
        Compression::None => Codec::UNCOMPRESSED,
        Compression::Snappy => Codec::SNAPPY,
        Compression::Gzip => Codec::GZIP(GzipLevel::default()),
        Compression::Zstd => Codec::ZSTD(ZstdLevel::default()),
    }
}

/// Rows as Arrow arrays, in the order of the file's columns.
fn batch(shape: &Shape, rows: &Rows, range: Range<usize>) -> arrow::error::Result<RecordBatch> {
    let of_log = shape.log_columns().iter().zip(rows.sources);
    let of_log = of_log.map(|(column, &source)| array(column, rows, source, range.clone()));
    let own = PROVENANCE.iter().map(|own| -> ArrayRef {
        match own.column {
            LOG_LINE => Arc::new(Int64Array::from(rows.lines[range.clone()].to_vec())),
            column => Arc::new(StringArray::from(vec![rows.origin.text(column); range.len()])),
        }
    });
    RecordBatch::try_new(Arc::clone(&shape.arrow), of_log.chain(own).collect())
}

fn array(column: &Column, rows: &Rows, source: usize, range: Range<usize>) -> ArrayRef {
    match &rows.values[source] {
        Values::Text(ids) => {
            let dictionary = rows.dictionaries.get(rows.slots[source]);
            let text = |id: u32| str::from_utf8(dictionary.text(id)).expect("texts were read as UTF-8");
            Arc::new(ids[range].iter().map(|&id| (id != NULL_TEXT).then(|| text(id))).collect::<StringArray>())
        }
        Values::Int(values) if column.kind.data_type() == DataType::Int32 => {
            let small = |value: i64| (value != NULL_INT).then_some(value as i32);
            Arc::new(values[range].iter().map(|&value| small(value)).collect::<Int32Array>())
        }
        Values::Int(values) => {
            Arc::new(values[range].iter().map(|&value| (value != NULL_INT).then_some(value)).collect::<Int64Array>())
        }
        Values::Array(array) => array.slice(range.start, range.len()),
    }
}
