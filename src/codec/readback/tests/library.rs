//! Files with values that the encoder's own pages do not hold: each row is there once, comes back as it was, and the
//! bytes are fixed.

use arrow::array::{BooleanArray, Float64Array, ListArray, TimestampMicrosecondArray};
use arrow::datatypes::Int32Type;

use super::*;
use crate::encode::tests::{Dice, Limits, Outcome, encoder, finish, options, origin};
use crate::encode::{Options, WRITER_EPOCH};
use crate::schema::{Column, Kind, Layout, Nested, Partition, Table};

const DAY: i64 = 86_400;
/// 2026-11-26.
const FIRST: i64 = 1_795_651_200;

fn layout() -> Arc<Layout> {
    let of = |name: &str, kind: Kind| Column { name: name.to_owned(), kind };
    let columns = vec![
        of("srcaddr", Kind::Text),
        of("packets", Kind::Int64),
        of("start", Kind::Seconds),
        of("seconds", Kind::Double),
        of("is_kept", Kind::Boolean),
        of("at", Kind::Timestamp),
        of("ports", Kind::Nested(Nested::of("list<int32>"))),
    ];
    Arc::new(Layout::of_columns(Table::FLOW_LOGS, columns))
}

/// So many rows, each of one of `days` by chance; about a tenth of all values is null.
fn chunk(dice: &mut Dice, dictionaries: &mut Dictionaries, first_line: i64, rows: i64, days: u64) -> Chunk {
    let layout = layout();
    let slots: Vec<usize> = layout.columns.iter().map(|of| dictionaries.slot(layout.table, &of.name)).collect();
    let mut row = |_| {
        let mut some = |value: i64| Some(value).filter(|_| dice.roll(10) > 0);
        let values = [some(1), some(2), some(3), some(4), some(5), some(6), some(7)];
        (values, dice.roll(1 << 20) as i64, dice.roll(days) as i64)
    };
    let rows: Vec<([Option<i64>; 7], i64, i64)> = (0..rows).map(&mut row).collect();
    let of = |place: usize, make: &dyn Fn(i64, i64) -> i64| -> Vec<Option<i64>> {
        rows.iter().map(|(is, n, day)| is[place].map(|_| make(*n, *day))).collect()
    };
    let ints =
        |values: Vec<Option<i64>>| Values::Int(values.into_iter().map(|value| value.unwrap_or(NULL_INT)).collect());
    let texts = of(0, &|n, _| n % 50).into_iter().map(|text| {
        text.map_or(NULL_TEXT, |text| dictionaries.get_mut(slots[0]).intern(format!("10.0.0.{text}").as_bytes()))
    });
    let ports = of(6, &|n, _| n % 4).into_iter().map(|many| many.map(|many| (0..many as i32).map(Some)));
    let micros = of(5, &|n, day| (FIRST + day * DAY) * 1_000_000 - n);
    let values = vec![
        Values::Text(texts.collect()),
        ints(of(1, &|n, _| n)),
        ints(of(2, &|n, day| FIRST + day * DAY + n % DAY)),
        Values::Array(Arc::new(
            of(3, &|n, _| n).into_iter().map(|n| n.map(|n| n as f64 / 8.0)).collect::<Float64Array>(),
        )),
        Values::Array(Arc::new(of(4, &|n, _| n).into_iter().map(|n| n.map(|n| n % 2 == 0)).collect::<BooleanArray>())),
        Values::Array(Arc::new(micros.into_iter().collect::<TimestampMicrosecondArray>().with_timezone("UTC"))),
        Values::Array(Arc::new(named(ListArray::from_iter_primitive::<Int32Type, _, _>(ports)))),
    ];
    Chunk { layout, values, slots, lines: (first_line..).take(rows.len()).collect() }
}

/// With the name that items have in files.
fn named(list: ListArray) -> ListArray {
    let item = arrow::datatypes::Field::new("element", list.value_type(), true);
    let (_, offsets, values, nulls) = list.into_parts();
    ListArray::new(Arc::new(item), offsets, values, nulls)
}

/// A task of three objects with so many chunks each: its files, and the cells that went in.
fn task(options: &Options, limits: &Limits, chunks: i64, days: u64) -> (Outcome, Cells, u64) {
    let (mut encoder, mut dictionaries, mut dice) = (encoder(options, limits), Dictionaries::default(), Dice(11));
    let (mut hashes, mut cells, mut receipts) = (CellHashes::default(), Cells::default(), Vec::new());
    for name in ["s3://logs/a.gz", "s3://logs/b.gz", "s3://logs/c.gz"] {
        let origin = origin(name);
        encoder.begin_object(&origin);
        for number in 0..chunks {
            let chunk = chunk(&mut dice, &mut dictionaries, 1 + number * 500, 500, days);
            cells += hashes.sum(&origin.texts(), &chunk, &dictionaries);
            encoder.push(&chunk, &dictionaries).unwrap();
        }
        receipts.push(encoder.end_object());
    }
    let rows = cells.rows();
    (finish(encoder, receipts), cells, rows)
}

fn assert_whole(outcome: &Outcome, cells: Cells, rows: u64) {
    assert_eq!(outcome.files.iter().map(|file| file.rows).sum::<u64>(), rows);
    assert_eq!(outcome.receipts.iter().flatten().map(|sums| sums.rows).sum::<u64>(), rows);
    assert_eq!(read(&outcome.bytes).cells, cells);
    for (file, bytes) in outcome.files.iter().zip(&outcome.bytes) {
        assert_eq!(bytes.len() as u64, file.bytes);
        let starts: Vec<i64> = read(std::slice::from_ref(bytes))
            .rows
            .iter()
            .filter_map(|row| row.get("start").map(|start| start.parse().unwrap()))
            .collect();
        let days: Vec<i64> = starts.iter().map(|start| start.div_euclid(DAY)).collect();
        let day = file.partition.date.map(|date| (date - chrono::NaiveDate::default()).num_days());
        assert!(days.iter().all(|of| Some(*of) == day), "{:?}", file.partition);
        assert_eq!((file.start_min, file.start_max), (starts.iter().min().copied(), starts.iter().max().copied()));
    }
}

#[test]
fn rows_come_back_as_they_were() {
    let (outcome, cells, rows) = task(&options(), &Limits::default(), 6, 3);
    assert_eq!(outcome.files.len(), 4, "three days, and rows without one");
    assert_whole(&outcome, cells, rows);
    let carried = carried_over(&outcome);
    assert_eq!(read(&carried.bytes).cells, cells);
}

/// Rows that were read back, encoded once more into their partitions.
fn carried_over(outcome: &Outcome) -> Outcome {
    struct Reencoding(crate::encode::TaskEncoder<crate::encode::tests::Memory>, Partition);
    impl Sink for Reencoding {
        fn rows(&mut self, origin: &Origin, chunk: &Chunk, dictionaries: &Dictionaries) -> io::Result<()> {
            self.0.begin_object(origin);
            self.0.push_into(chunk, dictionaries, self.1).map_err(io::Error::other)
        }

        fn dictionaries_cleared(&mut self) -> io::Result<()> {
            self.0.dictionaries_cleared().map_err(io::Error::other)
        }
    }
    let mut again = Reencoding(encoder(&options(), &Limits::default()), outcome.files[0].partition);
    let mut reader = ReadBack::default();
    for (file, bytes) in outcome.files.iter().zip(&outcome.bytes) {
        again.1 = file.partition;
        reader.file(bytes.clone(), &mut again).unwrap();
    }
    finish(again.0, Vec::new())
}

#[test]
fn more_partitions_than_may_be_open_and_small_files_lose_no_row() {
    let few = Limits { open_partitions: 4, row_group_rows: 200, ..Limits::default() };
    let (outcome, cells, rows) = task(&options(), &few, 2, 30);
    assert!(outcome.files.len() > 31, "{} files", outcome.files.len());
    assert_whole(&outcome, cells, rows);
    let small = Options { file_bytes_max: 25_000, ..options() };
    let (outcome, cells, rows) = task(&small, &Limits::default(), 8, 1);
    assert!(outcome.files.len() > 4, "{} files", outcome.files.len());
    assert!(outcome.files.iter().all(|file| file.bytes <= small.file_bytes_max));
    assert_whole(&outcome, cells, rows);
}

/// Another version of the Parquet library may write the same rows otherwise.
#[test]
fn the_bytes_of_this_epoch_are_fixed() {
    let (outcome, ..) = task(&options(), &Limits { row_group_rows: 700, ..Limits::default() }, 2, 2);
    let hashes: Vec<&str> = outcome.files.iter().map(|file| &file.hash[..16]).collect();
    assert_eq!(
        (WRITER_EPOCH, hashes),
        (5, vec!["f0f9d63b3cfb76b9", "e97275b431888891", "bc4e1c4b007866ee"]),
        "the same rows gave other bytes than before: if that is meant, raise WRITER_EPOCH and note the new hash here"
    );
}
