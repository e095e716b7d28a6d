//! One row group in memory, and the chunks that are made of it.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use parquet::file::reader::ChunkReader;

use super::footer::{Footer, Shared};
use super::ints::Ints;
use super::runs::{Runs, origin};
use super::texts::Texts;
use super::{ReadBackError, Sink, caught};
use crate::columns::{CHUNK_ROWS_MAX, Chunk, Dictionaries, Values};
use crate::schema::{Column, Kind};

/// Text of one chunk, and of one value: dictionaries must not outgrow 4 GiB. A value comes from a line of a MiB.
const CHUNK_TEXT_BYTES_MAX: usize = 64 << 20;

/// The rows of a row group in the order of the file.
pub struct RowGroup<'a> {
    footer: &'a Footer,
    batch: RecordBatch,
}

/// One column of a row group.
enum Read<'a> {
    Text(Texts<'a>),
    Int(Ints<'a>),
    Array(&'a ArrayRef),
}

impl<'a> RowGroup<'a> {
    pub fn read<R: ChunkReader + 'static>(
        source: &Arc<R>,
        footer: &'a Footer,
        row_group: usize,
    ) -> Result<RowGroup<'a>, ReadBackError> {
        let claimed = footer.metadata.metadata().row_group(row_group).num_rows();
        let source = Shared(Arc::clone(source));
        let batches = caught(|| {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(source, footer.metadata.clone());
            let reader = builder.with_row_groups(vec![row_group]).with_batch_size(claimed as usize).build()?;
            reader.map(|batch| batch.map_err(ParquetError::from)).collect::<Result<Vec<_>, _>>()
        })?;
        let found = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        let whole = |batch: &RecordBatch| batch.num_rows() as i64 == claimed;
        match batches.into_iter().next() {
            Some(batch) if whole(&batch) && found == claimed as u64 => Ok(RowGroup { footer, batch }),
            None if claimed == 0 => {
                Ok(RowGroup { footer, batch: RecordBatch::new_empty(Arc::clone(footer.metadata.schema())) })
            }
            _ => Err(ReadBackError::Rows { row_group, found, claimed }),
        }
    }

    /// Hands on all rows.
    pub fn hand_on(&self, dictionaries: &mut Dictionaries, sink: &mut dyn Sink) -> Result<(), ReadBackError> {
        let [account, region, log_id, object, line] = self.footer.own;
        let own = [self.texts(object)?, self.texts(account)?, self.texts(region)?, self.texts(log_id)?];
        let lines = self.ints(line, 1)?;
        if !matches!(lines, Ints::Wide(_)) {
            return Err(ReadBackError::ColumnType(self.name(line)));
        }
        let runs = Runs::of(&own, self.batch.num_rows());
        let mut columns = self.columns()?;
        let chunk_rows = chunk_rows(&columns);
        let mut chunk = self.empty_chunk(dictionaries);
        for run in runs.iter() {
            let origin = origin(&own, run.start);
            for from in run.clone().step_by(chunk_rows) {
                let rows = from..run.end.min(from + chunk_rows);
                fill(&mut chunk, rows.clone(), &mut columns, dictionaries);
                lines.take(rows, &mut chunk.lines);
                sink.rows(&origin, &chunk, dictionaries).map_err(ReadBackError::Sink)?;
                if dictionaries.are_full() {
                    sink.dictionaries_cleared().map_err(ReadBackError::Sink)?;
                    dictionaries.clear();
                    columns.iter_mut().for_each(Read::forget);
                }
            }
        }
        Ok(())
    }

    /// Those of the log.
    fn columns(&self) -> Result<Vec<Read<'_>>, ReadBackError> {
        let places = self.footer.log.iter().zip(&self.footer.layout.columns);
        let read = |(&place, column): (&usize, &Column)| match column.kind {
            Kind::Text => self.texts(place).map(Read::Text),
            kind if kind.is_direct() => self.ints(place, 0).map(Read::Int),
            _ => Ok(Read::Array(self.batch.column(place))),
        };
        places.map(read).collect()
    }

    fn texts(&self, place: usize) -> Result<Texts<'_>, ReadBackError> {
        let texts = Texts::of(self.batch.column(place)).ok_or_else(|| ReadBackError::ColumnType(self.name(place)))?;
        let bytes = texts.longest();
        if bytes > CHUNK_TEXT_BYTES_MAX {
            return Err(ReadBackError::Text { column: self.name(place), bytes });
        }
        Ok(texts)
    }

    /// The integers of a column, of which none may be less than `least`.
    fn ints(&self, place: usize, least: i64) -> Result<Ints<'_>, ReadBackError> {
        let ints = Ints::of(self.batch.column(place)).ok_or_else(|| ReadBackError::ColumnType(self.name(place)))?;
        match ints.least().filter(|&value| value < least) {
            Some(value) => Err(ReadBackError::Int { column: self.name(place), value, least }),
            None => Ok(ints),
        }
    }

    fn name(&self, place: usize) -> String {
        self.footer.metadata.schema().field(place).name().clone()
    }

    fn empty_chunk(&self, dictionaries: &mut Dictionaries) -> Chunk {
        let layout = &self.footer.layout;
        let (mut values, mut slots) = (Vec::new(), Vec::new());
        for column in &layout.columns {
            let is_text = column.kind == Kind::Text;
            values.push(Values::none(column.kind));
            slots.push(if is_text { dictionaries.slot(layout.table, &column.name) } else { 0 });
        }
        Chunk { layout: Arc::clone(layout), values, slots, lines: Vec::new() }
    }
}

impl Read<'_> {
    fn forget(&mut self) {
        if let Read::Text(texts) = self {
            texts.forget();
        }
    }
}

/// Rows of a chunk, if each of them had the longest text of every column.
fn chunk_rows(columns: &[Read]) -> usize {
    let longest = |column: &Read| match column {
        Read::Text(texts) => texts.longest(),
        Read::Array(array) => array.get_array_memory_size() / array.len().max(1),
        Read::Int(_) => 0,
    };
    let row_bytes: usize = columns.iter().map(longest).sum();
    (CHUNK_TEXT_BYTES_MAX / row_bytes.max(1)).clamp(1, CHUNK_ROWS_MAX)
}

/// Replaces the values of a chunk by those of `rows`.
fn fill(chunk: &mut Chunk, rows: Range<usize>, columns: &mut [Read], dictionaries: &mut Dictionaries) {
    for ((values, column), &slot) in chunk.values.iter_mut().zip(columns).zip(&chunk.slots) {
        match (values, column) {
            (Values::Text(ids), Read::Text(texts)) => texts.take(rows.clone(), dictionaries.get_mut(slot), ids),
            (Values::Int(values), Read::Int(ints)) => ints.take(rows.clone(), values),
            (Values::Array(array), Read::Array(stored)) => *array = stored.slice(rows.start, rows.len()),
            _ => unreachable!("both are of the layout's kinds"),
        }
    }
}
