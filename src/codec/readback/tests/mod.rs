//! A lab for reading back: a sink that keeps everything, and what the Parquet library reads of a file.

mod carried;
mod damage;
mod files;
mod library;

use std::collections::BTreeMap;
use std::io;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int32Type, Int64Type};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;
use crate::columns::{CHUNK_ROWS_MAX, CellHashes, Cells, NULL_INT, NULL_TEXT, Values};

/// The cells of a row that are not null, by column; `'…'` is a text.
pub type Row = BTreeMap<String, String>;

/// Everything that a sink was given.
#[derive(Debug, Default)]
pub struct Taken {
    pub cells: Cells,
    hashes: CellHashes,
    pub rows: Vec<Row>,
    pub chunk_rows: Vec<usize>,
    pub cleared: usize,
    pub origins: Vec<Origin>,
}

impl Taken {
    pub fn sorted(mut self) -> Vec<Row> {
        self.rows.sort();
        self.rows
    }
}

impl Sink for Taken {
    fn rows(&mut self, origin: &Origin, chunk: &Chunk, dictionaries: &Dictionaries) -> io::Result<()> {
        assert!((1..=CHUNK_ROWS_MAX).contains(&chunk.rows()));
        assert_eq!((origin.day, origin.hour), (None, None));
        if self.origins.last() != Some(origin) {
            self.origins.push(origin.clone());
        }
        self.cells += self.hashes.sum(&origin.texts(), chunk, dictionaries);
        self.chunk_rows.push(chunk.rows());
        for (row, line) in chunk.lines.iter().enumerate() {
            let mut cells = Row::new();
            for ((values, column), &slot) in chunk.values.iter().zip(&chunk.layout.columns).zip(&chunk.slots) {
                let cell = match values {
                    Values::Int(values) => (values[row] != NULL_INT).then(|| values[row].to_string()),
                    Values::Text(ids) => (ids[row] != NULL_TEXT)
                        .then(|| format!("'{}'", std::str::from_utf8(dictionaries.get(slot).text(ids[row])).unwrap())),
                    Values::Array(array) => {
                        array.is_valid(row).then(|| arrow::util::display::array_value_to_string(array, row).unwrap())
                    }
                };
                cells.extend(cell.map(|cell| (column.name.clone(), cell)));
            }
            let Origin { url, account, region, log_id, .. } = origin;
            let own = [("log_account", account), ("log_region", region), ("log_id", log_id)];
            let own = own.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?)));
            cells.extend(own.chain([("log_object", url)]).map(|(name, text)| (name.to_owned(), format!("'{text}'"))));
            cells.insert("log_line".to_owned(), line.to_string());
            self.rows.push(cells);
        }
        Ok(())
    }

    fn dictionaries_cleared(&mut self) -> io::Result<()> {
        self.cleared += 1;
        Ok(())
    }
}

/// The rows of objects, read back from files with the dictionaries of one reader.
pub fn read(files: &[Bytes]) -> Taken {
    let (mut reader, mut taken) = (ReadBack::default(), Taken::default());
    for bytes in files {
        reader.file(bytes.clone(), &mut taken).unwrap();
    }
    taken
}

/// Every row of a file, value by value.
pub fn naive(bytes: &Bytes) -> Vec<Row> {
    let mut rows = Vec::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap().build().unwrap() {
        let batch = batch.unwrap();
        for row in 0..batch.num_rows() {
            let mut cells = Row::new();
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                if column.is_null(row) {
                    continue;
                }
                let text = column.as_string_opt::<i32>().map(|texts| format!("'{}'", texts.value(row)));
                let small = column.as_primitive_opt::<Int32Type>().map(|ints| ints.value(row).to_string());
                let wide = || column.as_primitive::<Int64Type>().value(row).to_string();
                cells.insert(field.name().clone(), text.or(small).unwrap_or_else(wide));
            }
            rows.push(cells);
        }
    }
    rows.sort();
    rows
}
