//! The type of a column is fixed by the first file that has it, whatever a later version of the program knows.

use arrow::datatypes::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::lab::{Lab, on_both_stores};

on_both_stores!(a_column_written_as_text_stays_text);

/// Stands for a lake of a version that did not know `tcp-flags`: such a version writes an unknown field as text, and
/// its seal says so.
fn a_column_written_as_text_stays_text(lab: &Lab) {
    lab.put_gz("logs/2023/09/14/a.log.gz", "version srcaddr start\n2 10.0.0.1 1694735970\n");
    lab.convert(&[], 0);
    let seal = "lake/_flowlake/log/00000000000000000002.json";
    let mut record: serde_json::Value = serde_json::from_slice(&lab.get(seal)).expect("JSON");
    assert_eq!(record["kind"], "seal", "{record}");
    let columns = record["columns"]["flow_logs"].as_object_mut().expect("columns of the plan");
    columns.insert("tcp_flags".to_owned(), "text".into());
    lab.put(seal, serde_json::to_vec(&record).expect("JSON"));

    lab.put_gz(
        "logs/2023/09/14/b.log.gz",
        "version srcaddr tcp-flags start\n2 10.0.0.2 19 1694735971\n2 10.0.0.3 - 1694735972\n2 10.0.0.4 odd 1694735973\n",
    );
    let said = lab.run(&["convert", "{}logs/", "{}lake/"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    says_that_a_type_was_kept(&said.stderr);
    assert_eq!(types_of(lab, "tcp_flags"), [DataType::Utf8]);
    let found = lab.lake_rows();
    let flags: Vec<Option<&str>> = found.values().map(|row| row.get("tcp_flags").map(String::as_str)).collect();
    assert_eq!(flags, [None, Some("19"), None, Some("odd")]);
    // As text no value of it can be wrong, so that all lines are rows.
    assert_eq!(found.len(), 4);

    // The next run finds the type in a seal of this version, and keeps it.
    lab.put_gz("logs/2023/09/14/c.log.gz", "version tcp-flags srcaddr start\n2 2 10.0.0.5 1694735974\n");
    lab.convert(&[], 0);
    assert_eq!(types_of(lab, "tcp_flags"), [DataType::Utf8, DataType::Utf8]);
    assert_eq!(lab.lake_rows().len(), 5);
    // Another lake has no such past.
    let said = lab.run(&["convert", "{}logs/2023/09/14/c.log.gz", "{}lake2/"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(types_in(lab, "lake2", "tcp_flags"), [DataType::Int32]);
}

fn says_that_a_type_was_kept(summary: &str) {
    let said = summary.lines().any(|line| line.contains("tcp_flags") && line.contains("text"));
    assert!(said, "the summary names the column and the type that it keeps: {summary}");
}

fn types_of(lab: &Lab, column: &str) -> Vec<DataType> {
    types_in(lab, "lake", column)
}

/// The type of a column in every data file that has it.
fn types_in(lab: &Lab, lake: &str, column: &str) -> Vec<DataType> {
    let keys = lab.list(lake);
    let files = keys.keys().filter(|key| key.ends_with(".parquet"));
    let types = files.filter_map(|key| {
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(lab.get(key))).expect("a Parquet file");
        reader.schema().field_with_name(column).ok().map(|field| field.data_type().clone())
    });
    types.collect()
}
