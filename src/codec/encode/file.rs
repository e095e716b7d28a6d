//! Data files: row groups copied one behind the other, hashed on their way out, none larger than the limit.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::properties::{BloomFilterPosition, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;

use super::chunk::ChunkSource;
use super::group::EncodedGroup;
use super::page::Extent;
use super::shape::Shape;
use super::{EncodeError, Options, Staging};
use crate::schema::{Column, Partition, Table};

/// Bytes handed to the file and to the hash at once; BLAKE3 is at its best above 100 KiB.
const WRITE_BYTES: usize = 256 << 10;

/// The schema and the fixed parts of a footer beside those of row groups: names, types, magic numbers.
const FOOTER_BYTES_PER_COLUMN: usize = 96;

/// A finished file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Number of the file within its task, from 0.
    pub ordinal: usize,
    /// The table that it is of.
    pub table: Table,
    /// Where in the table it belongs.
    pub partition: Partition,
    /// Rows in it; at least one.
    pub rows: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// BLAKE3 of the file's bytes, in hexadecimal.
    pub hash: String,
    /// In file order.
    pub columns: Vec<Column>,
    /// Least of the table's [`start`](crate::schema::Log::start) in Unix seconds; `None` if no row has one.
    pub start_min: Option<i64>,
    /// Greatest, likewise.
    pub start_max: Option<i64>,
    /// How many there are.
    pub row_groups: usize,
}

/// Where the files of a task go, and those that are done.
pub struct Files<S> {
    pub staging: S,
    file_bytes_max: u64,
    properties: WriterPropertiesPtr,
    created: usize,
    done: Vec<DataFile>,
}

/// The file of a partition that is being written.
pub struct OpenFile<F: Write> {
    writer: SerializedFileWriter<Hashed<F>>,
    ordinal: usize,
    rows: usize,
    start: Extent,
    footer_bytes: usize,
}

/// What is known of a file when it ends.
pub struct Ended {
    pub ordinal: usize,
    pub rows: u64,
    /// Extent of the table's start.
    pub start: Extent,
    pub row_groups: usize,
}

/// What a file is about.
pub struct FileSubject<'a> {
    pub shape: &'a Arc<Shape>,
    pub partition: Partition,
}

impl<S: Staging> Files<S> {
    pub fn new(options: &Options, staging: S) -> Files<S> {
        let properties = WriterProperties::builder()
            .set_created_by(options.created_by.clone())
            // Together, so that one request reads those of all row groups.
            .set_bloom_filter_position(BloomFilterPosition::End)
            .build();
        let file_bytes_max = options.file_bytes_max;
        Files { staging, file_bytes_max, properties: Arc::new(properties), created: 0, done: Vec::new() }
    }

    /// Appends a row group to the partition's file, or to a new one where the limit would be passed.
    pub fn append(
        &mut self,
        file: &mut Option<OpenFile<S::File>>,
        subject: &FileSubject,
        group: EncodedGroup,
    ) -> Result<(), EncodeError> {
        let added = (group.bytes() + group.footer_bytes()) as u64;
        if let Some(full) = file.take_if(|open| open.bytes() + added > self.file_bytes_max) {
            self.finish(full, subject)?;
        }
        let open = match file {
            Some(open) => open,
            None => file.insert(self.create(subject.shape)?),
        };
        open.append(group)
    }

    /// A new file and its number.
    pub fn create_file(&mut self) -> Result<(usize, Hashed<S::File>), EncodeError> {
        let ordinal = self.created;
        self.created += 1;
        let file = self.staging.create(ordinal).map_err(|source| EncodeError::Create { ordinal, source })?;
        Ok((ordinal, Hashed::new(file)))
    }

    fn create(&mut self, shape: &Shape) -> Result<OpenFile<S::File>, EncodeError> {
        let (ordinal, file) = self.create_file()?;
        let schema = Arc::clone(&shape.schema);
        let writer = SerializedFileWriter::new(file, schema, Arc::clone(&self.properties))
            .map_err(|source| EncodeError::Write { ordinal, source })?;
        let footer_bytes = shape.columns.len() * FOOTER_BYTES_PER_COLUMN + 256;
        Ok(OpenFile { writer, ordinal, rows: 0, start: Extent::None, footer_bytes })
    }

    /// Writes the footer.
    pub fn finish(&mut self, file: OpenFile<S::File>, subject: &FileSubject) -> Result<(), EncodeError> {
        let OpenFile { writer, ordinal, rows, start, .. } = file;
        let row_groups = writer.flushed_row_groups().len();
        let written = writer.into_inner().map_err(|source| EncodeError::Write { ordinal, source })?;
        self.ended(written, subject, Ended { ordinal, rows: rows as u64, start, row_groups })
    }

    /// Notes a file whose footer is written.
    pub fn ended(
        &mut self,
        written: Hashed<S::File>,
        subject: &FileSubject,
        Ended { ordinal, rows, start, row_groups }: Ended,
    ) -> Result<(), EncodeError> {
        let (bytes, hash) =
            written.finish().map_err(|error| EncodeError::Write { ordinal, source: ParquetError::from(error) })?;
        let start = match start {
            Extent::Ints { min, max } => Some((min, max)),
            Extent::None | Extent::Texts { .. } => None,
        };
        let (start_min, start_max) = start.unzip();
        self.done.push(DataFile {
            ordinal,
            table: subject.shape.table,
            partition: subject.partition,
            rows,
            bytes,
            hash,
            columns: subject.shape.columns.clone(),
            start_min,
            start_max,
            row_groups,
        });
        Ok(())
    }

    /// All files in the order of their numbers, and the staging.
    pub fn into_parts(mut self) -> (Vec<DataFile>, S) {
        self.done.sort_by_key(|file| file.ordinal);
        (self.done, self.staging)
    }
}

impl<F: Write + Send> OpenFile<F> {
    /// What the file would measure if it were finished now, or a little more.
    fn bytes(&self) -> u64 {
        (self.writer.bytes_written() + self.footer_bytes) as u64
    }

    fn append(&mut self, group: EncodedGroup) -> Result<(), EncodeError> {
        self.rows += group.rows;
        self.start.merge(&group.start);
        self.footer_bytes += group.footer_bytes();
        self.copy(group).map_err(|source| EncodeError::Write { ordinal: self.ordinal, source })
    }

    fn copy(&mut self, group: EncodedGroup) -> Result<(), ParquetError> {
        let mut row_group = self.writer.next_row_group()?;
        for chunk in group.chunks {
            row_group.append_column(&ChunkSource(&chunk.bytes), chunk.close)?;
        }
        row_group.close()?;
        Ok(())
    }
}

/// A writer that hashes what passes through it.
pub struct Hashed<W> {
    inner: W,
    hasher: blake3::Hasher,
    buffer: Vec<u8>,
    bytes: u64,
}

impl<W: Write> Hashed<W> {
    fn new(inner: W) -> Hashed<W> {
        Hashed { inner, hasher: blake3::Hasher::new(), buffer: Vec::with_capacity(WRITE_BYTES), bytes: 0 }
    }

    fn pass_on(&mut self) -> io::Result<()> {
        self.hasher.update(&self.buffer);
        self.bytes += self.buffer.len() as u64;
        self.inner.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// The number of bytes and their hash.
    fn finish(mut self) -> io::Result<(u64, String)> {
        self.pass_on()?;
        self.inner.flush()?;
        Ok((self.bytes, self.hasher.finalize().to_hex().to_string()))
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > WRITE_BYTES {
            self.pass_on()?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Nothing reads the file before it is finished, so that small writes may wait.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
