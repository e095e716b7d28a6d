//! What the footer of a data file says, held against what writers write.

use std::collections::HashSet;
use std::io::BufReader;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::basic::{ConvertedType, LogicalType, Repetition};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, Length};
use parquet::schema::types::Type;

use super::{ReadBackError, caught};
use crate::encode::is_required;
use crate::schema::{Column, Kind, Layout, PROVENANCE, Table};

/// Rows of a row group: twice what a writer puts into one. More would take memory for rows that are not there.
const ROW_GROUP_ROWS_MAX: i64 = 1 << 21;

/// A file that is read from several places.
pub struct Shared<R>(pub Arc<R>);

impl<R: ChunkReader> Length for Shared<R> {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl<R: ChunkReader> ChunkReader for Shared<R> {
    type T = BufReader<R::T>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        self.0.get_read(start).map(BufReader::new)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.0.get_bytes(start, length)
    }
}

/// A data file that is open.
pub struct Footer {
    /// With texts by key.
    pub metadata: ArrowReaderMetadata,
    pub layout: Arc<Layout>,
    /// For each column of the layout, its place in the file.
    pub log: Vec<usize>,
    /// For each column of [`PROVENANCE`], its place in the file.
    pub own: [usize; PROVENANCE.len()],
}

impl Footer {
    pub fn read<R: ChunkReader>(source: &Arc<R>) -> Result<Footer, ReadBackError> {
        let source = Shared(Arc::clone(source));
        let metadata = caught(|| ParquetMetaDataReader::new().parse_and_finish(&source))?;
        check_places(&metadata, source.len())?;
        check_rows(&metadata)?;
        let root = metadata.file_metadata().schema();
        let table = Table::named(root.name()).ok_or_else(|| ReadBackError::Table(root.name().to_owned()))?;
        let fields = caught(|| parquet_to_arrow_schema(metadata.file_metadata().schema_descr(), None))?;
        let fields = root.get_fields().iter().zip(fields.fields());
        let columns = fields.map(|(field, arrow)| column(table, field, arrow)).collect::<Result<Vec<_>, _>>()?;
        let mut seen = HashSet::new();
        if let Some(twice) = columns.iter().find(|column| !seen.insert(&column.name)) {
            return Err(ReadBackError::Twice(twice.name.clone()));
        }
        let mut own = [0; PROVENANCE.len()];
        for (place, provenance) in own.iter_mut().zip(&PROVENANCE) {
            let found = columns.iter().position(|column| column.name == provenance.column);
            *place = found.ok_or(ReadBackError::Lacks(provenance.column))?;
        }
        let log: Vec<usize> = (0..columns.len()).filter(|place| !own.contains(place)).collect();
        let layout = Layout::of_columns(table, log.iter().map(|&place| columns[place].clone()).collect());
        let options = ArrowReaderOptions::new().with_schema(Arc::new(by_key(&columns)));
        let metadata = caught(|| ArrowReaderMetadata::try_new(Arc::new(metadata), options))?;
        Ok(Footer { metadata, layout: Arc::new(layout), log, own })
    }

    pub fn row_groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    pub fn rows(&self) -> u64 {
        self.metadata.metadata().file_metadata().num_rows() as u64
    }
}

/// The library takes memory for a column before it reads it.
fn check_places(metadata: &ParquetMetaData, bytes: u64) -> Result<(), ReadBackError> {
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let place = u64::try_from(start).ok().zip(u64::try_from(column.compressed_size()).ok());
        let end = place.and_then(|(start, length)| start.checked_add(length));
        if end.is_none_or(|end| end > bytes) {
            return Err(ReadBackError::Outside);
        }
    }
    Ok(())
}

fn check_rows(metadata: &ParquetMetaData) -> Result<(), ReadBackError> {
    let mut found = 0;
    for (row_group, group) in metadata.row_groups().iter().enumerate() {
        let claimed = group.num_rows();
        if !(0..=ROW_GROUP_ROWS_MAX).contains(&claimed) {
            return Err(ReadBackError::Claimed { row_group, claimed });
        }
        found += claimed as u64;
    }
    let claimed = metadata.file_metadata().num_rows();
    if u64::try_from(claimed) != Ok(found) {
        return Err(ReadBackError::FileRows { found, claimed });
    }
    Ok(())
}

/// The column of a field. Of the kinds that are stored alike, it is the one that decode gives to the column, so that
/// rows from a file and rows from lines share files.
fn column(table: Table, field: &Type, arrow: &Field) -> Result<Column, ReadBackError> {
    let name = field.name();
    let wrong = || ReadBackError::ColumnType(name.to_owned());
    let info = field.get_basic_info();
    let stored = Kind::of_stored(arrow.data_type()).ok_or_else(wrong)?;
    let is_as_written = match stored {
        Kind::Text => info.logical_type_ref() == Some(&LogicalType::String),
        Kind::Int32 | Kind::Int64 => info.logical_type_ref().is_none() && info.converted_type() == ConvertedType::NONE,
        _ => true,
    };
    if !is_as_written {
        return Err(wrong());
    }
    let own = PROVENANCE.iter().find(|own| own.column == name);
    let today = own.map(|own| own.kind).or_else(|| table.kind(name));
    let kind = today.filter(|today| today.same_storage(stored)).unwrap_or(stored);
    let column = Column { name: name.to_owned(), kind };
    let repetition = if is_required(&column) { Repetition::REQUIRED } else { Repetition::OPTIONAL };
    if info.repetition() != repetition || own.is_some_and(|own| own.kind != kind) {
        return Err(wrong());
    }
    Ok(column)
}

/// The file's columns as they are asked for: each distinct text once, and its key in each row.
fn by_key(columns: &[Column]) -> Schema {
    let field = |column: &Column| {
        let stored = match column.kind {
            Kind::Text => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            kind => kind.data_type(),
        };
        Field::new(&column.name, stored, !is_required(column))
    };
    Schema::new(columns.iter().map(field).collect::<Vec<_>>())
}
