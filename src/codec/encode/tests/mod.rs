//! A lab for the encoder: tasks as plain rows, files in memory, and what the Parquet library reads back from them.

mod fixed;
mod metadata;
mod partition;
pub(crate) mod values;

use std::collections::BTreeMap;
use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex};

use arrow::array::{Array, Int32Array, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

pub use super::limits::Limits;
use super::*;
use crate::columns::{NULL_INT, NULL_TEXT, Values};
use crate::schema::{Column, Compression, Kind, Layout, PROVENANCE, PartitionBy, Table, Types};

/// A value of a row: text, or an integer by its digits.
pub type Cell = Option<String>;

#[derive(Debug, Clone)]
pub struct TestChunk {
    pub header: String,
    /// A cell for each field of the header.
    pub rows: Vec<Vec<Cell>>,
    pub first_line: i64,
    pub clear_after: bool,
}

#[derive(Debug, Clone, Default)]
pub struct TestObject {
    pub origin: Origin,
    pub chunks: Vec<TestChunk>,
}

pub fn options() -> Options {
    Options {
        compression: Compression::Zstd,
        file_bytes_max: 1 << 30,
        partition_by: PartitionBy::Date,
        created_by: "flowlake version 1.2.3 (build test)".to_owned(),
        bloom: Vec::new(),
        expired: None,
    }
}

pub fn layout(header: &str) -> Arc<Layout> {
    Arc::new(Layout::from_names(header.split_whitespace(), &Types::default()).unwrap())
}

/// Files by ordinal.
#[derive(Debug, Clone, Default)]
pub struct Memory(pub Arc<Mutex<BTreeMap<usize, Vec<u8>>>>);

pub struct MemoryFile {
    memory: Memory,
    ordinal: usize,
}

impl Write for MemoryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.memory.0.lock().unwrap().entry(self.ordinal).or_default().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Staging for Memory {
    type File = MemoryFile;
    type Spill = Cursor<Vec<u8>>;

    fn create(&mut self, ordinal: usize) -> io::Result<MemoryFile> {
        Ok(MemoryFile { memory: self.clone(), ordinal })
    }

    fn spill(&mut self, _: usize) -> io::Result<Cursor<Vec<u8>>> {
        Ok(Cursor::default())
    }
}

/// What a task gave.
pub struct Outcome {
    pub files: Vec<DataFile>,
    pub bytes: Vec<Bytes>,
    pub receipts: Vec<Vec<PartitionSums>>,
}

pub fn encoder(options: &Options, limits: &Limits) -> TaskEncoder<Memory> {
    TaskEncoder::with_limits(options.clone(), Memory::default(), limits.clone()).unwrap()
}

pub fn run(options: &Options, limits: &Limits, objects: &[TestObject]) -> Outcome {
    let mut encoder = encoder(options, limits);
    let mut dictionaries = Dictionaries::default();
    let mut receipts = Vec::new();
    for object in objects {
        encoder.begin_object(&object.origin);
        for chunk in &object.chunks {
            encoder.push(&to_chunk(chunk, &mut dictionaries), &dictionaries).unwrap();
            if chunk.clear_after {
                encoder.dictionaries_cleared().unwrap();
                dictionaries.clear();
            }
        }
        receipts.push(encoder.end_object());
    }
    finish(encoder, receipts)
}

pub fn finish(encoder: TaskEncoder<Memory>, receipts: Vec<Vec<PartitionSums>>) -> Outcome {
    let (files, memory) = encoder.finish().unwrap();
    let bytes = memory.0.lock().unwrap().values().map(|bytes| bytes.clone().into()).collect();
    Outcome { files, bytes, receipts }
}

pub fn to_chunk(chunk: &TestChunk, dictionaries: &mut Dictionaries) -> Chunk {
    let layout = layout(&chunk.header);
    let slots: Vec<usize> = layout.columns.iter().map(|column| dictionaries.slot(layout.table, &column.name)).collect();
    let column = |(at, column): (usize, &Column)| {
        let cells = chunk.rows.iter().map(|row| row[at].as_deref());
        match column.kind {
            Kind::Text => {
                let dictionary = dictionaries.get_mut(slots[at]);
                Values::Text(
                    cells.map(|cell| cell.map_or(NULL_TEXT, |text| dictionary.intern(text.as_bytes()))).collect(),
                )
            }
            _ => Values::Int(cells.map(|cell| cell.map_or(NULL_INT, |digits| digits.parse().unwrap())).collect()),
        }
    };
    let values = layout.columns.iter().enumerate().map(column).collect();
    let lines = (chunk.first_line..).take(chunk.rows.len()).collect();
    Chunk { layout, values, slots, lines }
}

/// Rows by (table, columns in file order, partition), sorted: those of a page have an order of their own.
pub type Lake = BTreeMap<(Table, Vec<String>, String), Vec<Vec<Cell>>>;

/// What the files should hold, worked out row by row.
pub fn expected(options: &Options, objects: &[TestObject]) -> Lake {
    let mut lake = Lake::new();
    for object in objects {
        for chunk in &object.chunks {
            let layout = layout(&chunk.header);
            let mut order: Vec<usize> = (0..layout.columns.len()).collect();
            let documented: Vec<String> = layout.table.all_fields().map(|field| field.log.replace('-', "_")).collect();
            order.sort_by_key(|&at| {
                let name = &layout.columns[at].name;
                (documented.iter().position(|field| field == name).unwrap_or(usize::MAX), name.clone())
            });
            let mut columns: Vec<String> = order.iter().map(|&at| layout.columns[at].name.clone()).collect();
            columns.extend(PROVENANCE.map(|own| own.column.to_owned()));
            for (row, line) in chunk.rows.iter().zip(chunk.first_line..) {
                let start = layout.start.and_then(|start| row[start].as_ref()).map(|start| start.parse().unwrap());
                let partition = naive_partition(start, &object.origin, options.partition_by);
                let mut cells: Vec<Cell> = order.iter().map(|&at| row[at].clone()).collect();
                let Origin { url, account, region, log_id, .. } = object.origin.clone();
                cells.extend([account, region, log_id, Some(url), Some(line.to_string())]);
                lake.entry((layout.table, columns.clone(), partition)).or_default().push(cells);
            }
        }
    }
    lake.values_mut().for_each(|rows| rows.sort());
    lake
}

pub fn naive_partition(start: Option<i64>, origin: &Origin, by: PartitionBy) -> String {
    let time = start.and_then(|start| chrono::DateTime::from_timestamp(start, 0));
    let time = time.filter(|time| time.format("%Y").to_string().len() == 4);
    let default = || "__HIVE_DEFAULT_PARTITION__".to_owned();
    let (date, hour) = match time {
        Some(time) => (time.format("%Y-%m-%d").to_string(), time.format("%H").to_string()),
        None => {
            let hour = origin.hour.filter(|_| origin.day.is_some());
            (
                origin.day.map_or_else(default, |day| day.to_string()),
                hour.map_or_else(default, |hour| format!("{hour:02}")),
            )
        }
    };
    match by {
        PartitionBy::Date => format!("date={date}"),
        PartitionBy::DateHour => format!("date={date}/hour={hour}"),
    }
}

/// What the files do hold, as the Parquet library reads them.
pub fn read_back(outcome: &Outcome) -> Lake {
    let mut lake = Lake::new();
    for (file, bytes) in outcome.files.iter().zip(&outcome.bytes) {
        let rows = read_rows(bytes);
        assert_eq!(rows.len() as u64, file.rows);
        let columns = file.columns.iter().map(|column| column.name.clone()).collect();
        lake.entry((file.table, columns, file.partition.path())).or_default().extend(rows);
    }
    lake.values_mut().for_each(|rows| rows.sort());
    lake
}

pub fn read_rows(bytes: &Bytes) -> Vec<Vec<Cell>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap().build().unwrap();
    reader.flat_map(|batch| rows_of(&batch.unwrap())).collect()
}

fn rows_of(batch: &RecordBatch) -> Vec<Vec<Cell>> {
    let cell = |column: &dyn Array, row: usize| -> Cell {
        if column.is_null(row) {
            return None;
        }
        let any = column.as_any();
        if let Some(texts) = any.downcast_ref::<StringArray>() {
            return Some(texts.value(row).to_owned());
        }
        let small = any.downcast_ref::<Int32Array>().map(|ints| ints.value(row).to_string());
        small.or_else(|| Some(any.downcast_ref::<Int64Array>().unwrap().value(row).to_string()))
    };
    (0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| cell(column, row)).collect()).collect()
}

pub fn origin(url: &str) -> Origin {
    Origin { url: url.to_owned(), account: Some("123456789012".to_owned()), ..Origin::default() }
}

/// A small pseudo-random sequence, the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}
