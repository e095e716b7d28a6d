//! Footers and page indexes against what the rows say, by brute force.

use parquet::basic::{ConvertedType, LogicalType};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;

use super::*;

/// Longest bound of a text that has to be exact.
const EXACT_BYTES: usize = 64;

pub fn read_metadata(bytes: &Bytes) -> ParquetMetaData {
    let mut reader =
        ParquetMetaDataReader::new().with_page_index_policy(parquet::file::metadata::PageIndexPolicy::Required);
    reader.try_parse(bytes).unwrap();
    reader.finish().unwrap()
}

/// Checks all that files say of themselves.
pub fn check_files(outcome: &Outcome) {
    assert_eq!(outcome.files.len(), outcome.bytes.len());
    for (file, bytes) in outcome.files.iter().zip(&outcome.bytes) {
        assert_eq!(file.bytes, bytes.len() as u64);
        assert_eq!(file.hash, blake3::hash(bytes).to_hex().to_string());
        let metadata = read_metadata(bytes);
        assert_eq!(file.row_groups, metadata.num_row_groups());
        let rows = read_rows(bytes);
        let mut from = 0;
        for group in 0..metadata.num_row_groups() {
            let end = from + metadata.row_group(group).num_rows() as usize;
            check_group(&metadata, group, &rows[from..end], &file.columns);
            from = end;
        }
        assert_eq!(from, rows.len());
        let start = file.columns.iter().position(|column| column.name == "start");
        let starts = || rows.iter().filter_map(|row| row[start?].as_ref()?.parse::<i64>().ok());
        assert_eq!((file.start_min, file.start_max), (starts().min(), starts().max()));
    }
}

fn check_group(metadata: &ParquetMetaData, group: usize, rows: &[Vec<Cell>], columns: &[Column]) {
    let column_index = &metadata.column_index().unwrap()[group];
    let offset_index = &metadata.offset_index().unwrap()[group];
    for (at, column) in columns.iter().enumerate() {
        let cells: Vec<&Cell> = rows.iter().map(|row| &row[at]).collect();
        check_statistics(metadata.row_group(group).column(at).statistics().unwrap(), &cells);
        let firsts = offset_index[at].page_locations.iter().map(|page| page.first_row_index as usize);
        let firsts: Vec<usize> = firsts.chain([rows.len()]).collect();
        for (page, bounds) in firsts.windows(2).enumerate() {
            check_page(&column_index[at], page, &cells[bounds[0]..bounds[1]], column);
        }
    }
}

fn check_statistics(statistics: &Statistics, cells: &[&Cell]) {
    let present = || cells.iter().filter_map(|cell| cell.as_deref());
    assert_eq!(statistics.null_count_opt(), Some((cells.len() - present().count()) as u64));
    let ints = || present().map(|digits| digits.parse::<i64>().unwrap());
    match statistics {
        Statistics::Int32(found) => {
            let found = (found.min_opt().map(|&v| i64::from(v)), found.max_opt().map(|&v| i64::from(v)));
            assert_eq!(found, (ints().min(), ints().max()));
        }
        Statistics::Int64(found) => {
            assert_eq!((found.min_opt().copied(), found.max_opt().copied()), (ints().min(), ints().max()));
        }
        _ => {
            let bounds = statistics.min_bytes_opt().zip(statistics.max_bytes_opt());
            let Some((min, max)) = bounds else { return assert_eq!(present().count(), 0) };
            check_texts(min, max, cells);
            let (low, high) = (present().min().unwrap().as_bytes(), present().max().unwrap().as_bytes());
            assert_eq!((statistics.min_is_exact(), statistics.max_is_exact()), (low == min, high == max));
        }
    }
}

fn check_texts(min: &[u8], max: &[u8], cells: &[&Cell]) {
    let texts = || cells.iter().filter_map(|cell| cell.as_ref()).map(|text| text.as_bytes());
    let (low, high) = (texts().min().unwrap(), texts().max().unwrap());
    assert!(min <= low && (min == low || low.len() > EXACT_BYTES));
    assert!(max >= high && (max == high || high.len() > EXACT_BYTES));
}

fn check_page(index: &ColumnIndexMetaData, page: usize, cells: &[&Cell], column: &Column) {
    let nulls = cells.iter().filter(|cell| cell.is_none()).count();
    assert_eq!(index.null_count(page), Some(nulls as i64), "{}", column.name);
    assert_eq!(index.is_null_page(page), nulls == cells.len());
    if nulls == cells.len() {
        return;
    }
    let ints = || cells.iter().filter_map(|cell| cell.as_ref()).map(|digits| digits.parse::<i64>().unwrap());
    let found = match index {
        ColumnIndexMetaData::INT32(index) => {
            (i64::from(*index.min_value(page).unwrap()), i64::from(*index.max_value(page).unwrap()))
        }
        ColumnIndexMetaData::INT64(index) => (*index.min_value(page).unwrap(), *index.max_value(page).unwrap()),
        ColumnIndexMetaData::BYTE_ARRAY(index) => {
            return check_texts(index.min_value(page).unwrap(), index.max_value(page).unwrap(), cells);
        }
        _ => panic!("no index for {}", column.name),
    };
    assert_eq!(found, (ints().min().unwrap(), ints().max().unwrap()), "{}", column.name);
}

#[test]
fn the_schema_says_what_the_columns_are() {
    let row = ["1", "a", "2", "3"].map(|cell| Some(cell.to_owned())).to_vec();
    let header = "version srcaddr srcport start".to_owned();
    let chunk = TestChunk { header, rows: vec![row], first_line: 1, clear_after: false };
    let objects = [TestObject { origin: origin("s3://logs/a.gz"), chunks: vec![chunk] }];
    let outcome = run(&options(), &Limits::default(), &objects);
    let metadata = read_metadata(&outcome.bytes[0]);
    let schema = metadata.file_metadata().schema_descr();
    let shown: Vec<String> = (0..schema.num_columns())
        .map(|at| {
            let column = schema.column(at);
            let repetition = column.self_type().get_basic_info().repetition();
            let text = column.logical_type_ref() == Some(&LogicalType::String);
            assert_eq!(text, column.converted_type() == ConvertedType::UTF8);
            let text = if text { " STRING" } else { "" };
            let id = column.self_type().get_basic_info().id();
            format!("{id} {repetition} {} {}{text}", column.physical_type(), column.name())
        })
        .collect();
    assert_eq!(
        shown.join("\n"),
        "11 OPTIONAL INT32 version\n14 OPTIONAL BYTE_ARRAY srcaddr STRING\n\
         16 OPTIONAL INT32 srcport\n21 OPTIONAL INT64 start\n\
         3 OPTIONAL BYTE_ARRAY log_account STRING\n4 OPTIONAL BYTE_ARRAY log_region STRING\n\
         5 OPTIONAL BYTE_ARRAY log_id STRING\n6 REQUIRED BYTE_ARRAY log_object STRING\n\
         7 REQUIRED INT64 log_line"
    );
    assert_eq!(metadata.file_metadata().created_by(), Some("flowlake version 1.2.3 (build test)"));
    assert_eq!(metadata.file_metadata().column_orders().unwrap().len(), 9);
}

/// Two columns whose names give one id.
#[test]
fn columns_of_one_id_are_written_without_ids() {
    let has_ids = |header: &str| {
        let cells = header.split(' ').enumerate().map(|(at, _)| Some(at.to_string())).collect();
        let chunk = TestChunk { header: header.to_owned(), rows: vec![cells], first_line: 1, clear_after: false };
        let objects = [TestObject { origin: origin("s3://logs/a.gz"), chunks: vec![chunk] }];
        let outcome = run(&options(), &Limits::default(), &objects);
        assert_eq!(read_back(&outcome), expected(&options(), &objects));
        let metadata = read_metadata(&outcome.bytes[0]);
        let columns = metadata.file_metadata().schema_descr().columns().to_vec();
        columns.iter().map(|column| column.self_type().get_basic_info().has_id()).collect::<Vec<_>>()
    };
    assert_eq!(has_ids("start field25669"), [true; 7]);
    assert_eq!(has_ids("start field27934"), [true; 7]);
    assert_eq!(has_ids("start field25669 field27934"), [false; 8]);
}
