//! Rows go from files to files and stay what they are.

use proptest::prelude::*;

use super::*;
use crate::encode::tests::values::{limits, object, one_chunk};
use crate::encode::tests::{Limits, Memory, Outcome, TestObject, encoder, finish, options, read_back, run, to_chunk};
use crate::encode::{Options, PartitionSums, TaskEncoder};
use crate::schema::{Compression, Partition, PartitionBy};

/// The cells of chunks that were never in a file.
fn pushed(objects: &[TestObject]) -> Cells {
    let (mut hashes, mut dictionaries) = (CellHashes::default(), Dictionaries::default());
    let mut cells = Cells::default();
    for object in objects {
        for chunk in &object.chunks {
            cells += hashes.sum(&object.origin.texts(), &to_chunk(chunk, &mut dictionaries), &dictionaries);
            if chunk.clear_after {
                dictionaries.clear();
            }
        }
    }
    cells
}

/// Hands rows to the encoder of other files.
struct Carrier {
    encoder: TaskEncoder<Memory>,
    partition: Partition,
    origin: Option<Origin>,
    receipts: Vec<(String, Vec<PartitionSums>)>,
}

impl Carrier {
    fn new(encoder: TaskEncoder<Memory>) -> Carrier {
        let partition = "date=2023-09-14".parse().unwrap();
        Carrier { encoder, partition, origin: None, receipts: Vec::new() }
    }

    fn end_object(&mut self) {
        if let Some(origin) = self.origin.take() {
            self.receipts.push((origin.url, self.encoder.end_object()));
        }
    }
}

impl Sink for Carrier {
    fn rows(&mut self, origin: &Origin, chunk: &Chunk, dictionaries: &Dictionaries) -> io::Result<()> {
        if self.origin.as_ref() != Some(origin) {
            self.end_object();
            self.encoder.begin_object(origin);
            self.origin = Some(origin.clone());
        }
        self.encoder.push_into(chunk, dictionaries, self.partition).map_err(io::Error::other)
    }

    fn dictionaries_cleared(&mut self) -> io::Result<()> {
        self.encoder.dictionaries_cleared().map_err(io::Error::other)
    }
}

/// Sums by URL, table and partition.
type Totals = BTreeMap<(String, crate::schema::Table, String), [u64; 4]>;

fn totals<'a>(receipts: impl Iterator<Item = (&'a str, &'a [PartitionSums])>) -> Totals {
    let mut totals = Totals::new();
    for (url, sums) in receipts.flat_map(|(url, sums)| sums.iter().map(move |sums| (url, sums))) {
        let total = totals.entry((url.to_owned(), sums.table, sums.partition.path())).or_default();
        for (total, added) in total.iter_mut().zip([sums.rows, sums.measures[0], sums.measures[1], sums.mix]) {
            *total = total.wrapping_add(added);
        }
    }
    totals
}

/// All rows of a task's files, in new files.
fn carry(outcome: &Outcome, options: &Options, limits: &Limits) -> (Outcome, Totals) {
    let mut carrier = Carrier::new(encoder(options, limits));
    let mut reader = ReadBack::default();
    for (file, bytes) in outcome.files.iter().zip(&outcome.bytes) {
        carrier.partition = file.partition.path().parse().unwrap();
        let rows = reader.file(bytes.clone(), &mut carrier).unwrap();
        assert_eq!(rows, file.rows);
    }
    carrier.end_object();
    let totals = totals(carrier.receipts.iter().map(|(url, sums)| (url.as_str(), sums.as_slice())));
    (finish(carrier.encoder, Vec::new()), totals)
}

/// All rows of a file, in a new one.
pub fn carry_one(bytes: &Bytes) -> Bytes {
    let mut carrier = Carrier::new(encoder(&options(), &Limits::default()));
    ReadBack::default().file(bytes.clone(), &mut carrier).unwrap();
    let outcome = finish(carrier.encoder, Vec::new());
    assert_eq!(outcome.files.len(), 1);
    outcome.bytes[0].clone()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_are_read_back_and_carried_over_unchanged(
        objects in prop::collection::vec(object(), 0..6),
        limits in limits(),
        new_limits in limits(),
        by in prop_oneof![Just(PartitionBy::Date), Just(PartitionBy::DateHour)],
        compression in prop::sample::select(&Compression::ALL[..]),
        file_bytes_max in prop_oneof![Just(1_u64), 2000..30_000_u64, Just(1 << 30)],
    ) {
        let options = Options { partition_by: by, compression, file_bytes_max, ..options() };
        let outcome = run(&options, &limits, &objects);
        let taken = read(&outcome.bytes);
        prop_assert_eq!(taken.cells, pushed(&objects));
        let mut expected: Vec<Row> = outcome.bytes.iter().flat_map(naive).collect();
        expected.sort();
        prop_assert_eq!(taken.sorted(), expected);

        let (carried, carried_totals) = carry(&outcome, &options, &new_limits);
        prop_assert_eq!(read_back(&carried), read_back(&outcome));
        prop_assert_eq!(read(&carried.bytes).cells, pushed(&objects));
        let receipts = objects.iter().zip(&outcome.receipts);
        let receipts = receipts.map(|(object, sums)| (object.origin.url.as_str(), sums.as_slice()));
        prop_assert_eq!(carried_totals, totals(receipts));
    }
}

/// The lines of all rows, in the order in which the Parquet library reads them.
fn stored_lines(files: &[Bytes]) -> Vec<i64> {
    let mut lines = Vec::new();
    for bytes in files {
        for batch in ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap().build().unwrap() {
            let batch = batch.unwrap();
            let column = batch.column_by_name("log_line").unwrap();
            lines.extend(column.as_primitive::<Int64Type>().values());
        }
    }
    lines
}

#[test]
fn rows_come_as_they_lie_in_the_file_in_full_chunks() {
    let row = |n: u64, row: u64| vec![Some(format!("10.0.{n}.{}", row * 7 % 256)), Some(format!("eni-{}", row % 3))];
    let rows = |n: u64, rows: u64| (0..rows).map(move |at| row(n, at));
    let object = |n: u64, count: u64| TestObject {
        origin: crate::encode::tests::origin(&format!("s3://logs/{n}.gz")),
        ..one_chunk("srcaddr interface-id", rows(n, count).collect())
    };
    let objects = [object(3, 10), object(1, 9000), object(2, 1), object(1, 0)];
    let limits = Limits { page_rows: 5000, ..Limits::default() };
    let outcome = run(&options(), &limits, &objects);
    let taken = read(&outcome.bytes);
    let urls: Vec<&str> = taken.origins.iter().map(|origin| origin.url.as_str()).collect();
    assert_eq!(urls, ["s3://logs/3.gz", "s3://logs/1.gz", "s3://logs/2.gz"]);
    assert_eq!(taken.chunk_rows, [10, 4096, 4096, 808, 1]);
    let line = |row: &Row| row["log_line"].parse::<i64>().unwrap();
    let lines: Vec<i64> = taken.rows.iter().map(line).collect();
    assert_eq!(lines, stored_lines(&outcome.bytes), "as the Parquet library reads them");
    assert!(!lines[10..9010].is_sorted(), "pages have another order");
}

#[test]
fn dictionaries_that_are_full_are_cleared_between_chunks() {
    let rows = (0..270_000).map(|row| vec![Some(format!("{row:x}")), Some((row % 9).to_string())]).collect();
    let objects = [one_chunk("instance-id action", rows)];
    let outcome = run(&options(), &Limits::default(), &objects);
    let taken = read(&outcome.bytes);
    assert_eq!((taken.cleared, taken.cells), (1, pushed(&objects)));
    let (carried, _) = carry(&outcome, &options(), &Limits::default());
    assert_eq!(read(&carried.bytes).cells, pushed(&objects));
}

#[test]
fn chunks_of_long_texts_have_few_rows() {
    let long = |row: usize| vec![Some(row.to_string().repeat(1 << 20)), Some("x".to_owned())];
    let objects = [one_chunk("instance-id action", (0..9).chain(10..90).map(long).collect())];
    let taken = read(&run(&options(), &Limits::default(), &objects).bytes);
    assert_eq!(taken.cells, pushed(&objects));
    assert!(taken.chunk_rows.iter().all(|rows| *rows <= 31), "{:?}", taken.chunk_rows);
}
