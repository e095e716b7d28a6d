//! A kind of log that a program adds goes from objects to answers, and no file of flowlake knows of it.

pub mod json;

use std::collections::BTreeMap;

use arrow::array::{Array, RecordBatch};
use arrow::util::display::array_value_to_string;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::lab::{Lab, Said, is_data_file, on_both_stores, said};

on_both_stores!(
    a_kind_of_its_own_goes_from_objects_to_answers,
    rows_of_a_kind_of_its_own_are_carried_over,
    flow_logs_and_another_kind_share_a_lake,
);

/// Runs `tests/kinds/visits.rs`.
pub fn visits(lab: &Lab, arguments: &[&str]) -> Said {
    let flowlake = std::path::Path::new(env!("CARGO_BIN_EXE_flowlake"));
    let program = flowlake.with_file_name("examples").join("visits");
    said(lab.other_program(&program, arguments).output().expect("cargo built the example"))
}

/// Of the day of November that the name ends with.
fn key(name: &str) -> String {
    let day = &name[name.len() - 2..];
    let file = format!("123456789012_visits_us-east-1_site-7_202611{day}T2355Z_{name}.log.gz");
    format!("logs/AWSLogs/123456789012/visits/us-east-1/2026/11/{day}/{file}")
}

/// Two days, all values and none, values that the service added, a line that lacks the newest, and lines that are
/// wrong.
const LINES: &[&str] = &[
    r#"2026-11-26T23:59:59.000001Z shop 10.0.0.1 200 512 0.25 true -3 "GET /a b HTTP/1.1" "h2","http/1.1" "{"name":"Fox","version":9}""#,
    r#"2026-11-27T00:00:00Z shop "2001:db8::1" 404 0 1e-3 false 0 "GET \"x\" HTTP/1.1" - -"#,
    r#"2026-11-26T23:00:00 "a shop" - - - - - - - "-" "{"name":null}" more "and more" -"#,
    "2026-11-26T23:00:01+01:00 shop 10.0.0.2 200 7 2 true 9223372036854775807 \"\"",
    r#"2026-11-26T23:00:02Z shop 10.0.0.2 200 7 2 maybe 1 "GET /" - -"#,
    r#"2026-11-26T23:00:03Z shop 10.0.0.2 200 7 NaN true 1 "GET /" - -"#,
    r#"2026-11-26T23:00:04Z shop 10.0.0.2 200 7 2 true 1 "GET /" - "{"name":"Fox","size":1}""#,
    r#"2026-11-26T23:00:05Z shop 10.0.0.2 200 7 2 true 1 "GET /"#,
    r#"2026-11-26T23:00:06Z shop 10.0.0.2"#,
    r#"2046-11-26T23:00:06Z shop 10.0.0.2 200 7 2 true 1 "GET /" - -"#,
    r#"2026-11-26T23:00:07Z shop 10.0.0.3 200 70 2.5 true -1 "GET /" "" "{"version":-1}""#,
];

/// What [`LINES`] are, written down by hand: the rows by line.
fn rows() -> BTreeMap<i64, Value> {
    let row = |values: Value| {
        let names = "time site client status sent_bytes seconds is_cached drift request accepts browser other_fields";
        let values = values.as_array().expect("a list").clone();
        names.split(' ').map(str::to_owned).zip(values).collect::<serde_json::Map<_, _>>().into()
    };
    BTreeMap::from([
        (
            1,
            row(json!([
                "2026-11-26T23:59:59.000001Z",
                "shop",
                "10.0.0.1",
                200,
                512,
                0.25,
                true,
                -3,
                "GET /a b HTTP/1.1",
                "[h2, http/1.1]",
                "{name: Fox, version: 9}",
                null
            ])),
        ),
        (
            2,
            row(json!([
                "2026-11-27T00:00:00Z",
                "shop",
                "2001:db8::1",
                404,
                0,
                0.001,
                false,
                0,
                "GET \\\"x\\\" HTTP/1.1",
                null,
                null,
                null
            ])),
        ),
        (
            3,
            row(json!([
                "2026-11-26T23:00:00Z",
                "a shop",
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                "{name: , version: }",
                "{\"field_12\":\"more\",\"field_13\":\"and more\"}"
            ])),
        ),
        (
            4,
            row(json!(["2026-11-26T22:00:01Z", "shop", "10.0.0.2", 200, 7, 2.0, true, i64::MAX, "", null, null, null])),
        ),
        (
            11,
            row(json!([
                "2026-11-26T23:00:07Z",
                "shop",
                "10.0.0.3",
                200,
                70,
                2.5,
                true,
                -1,
                "GET /",
                "[]",
                "{name: , version: -1}",
                null
            ])),
        ),
    ])
}

fn found(lab: &Lab) -> BTreeMap<(String, i64), Value> {
    rows_in(lab, "visits")
}

/// All data files of a table as the Parquet library reads them: rows by object and line.
fn rows_in(lab: &Lab, table: &str) -> BTreeMap<(String, i64), Value> {
    let mut rows = BTreeMap::new();
    for name in lab.list(&format!("lake/{table}")).keys().filter(|name| is_data_file(name)) {
        let date = name.split('/').find_map(|part| part.strip_prefix("date=")).expect("a partition").to_owned();
        let bytes: bytes::Bytes = lab.get(name).into();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("Parquet").build().expect("Parquet");
        for batch in reader {
            let batch = batch.expect("Parquet");
            for row in 0..batch.num_rows() {
                let mut values = row_of(&batch, row);
                let mut own = |name: &str| values.remove(name).expect("every row has it");
                let (object, line) = (own("log_object"), own("log_line"));
                assert_eq!(
                    [own("log_account"), own("log_region"), own("log_id")],
                    ["123456789012", "us-east-1", "site-7"]
                );
                assert!(values["time"].as_str().expect("a text").starts_with(&date), "{values:?} in {date}");
                let place = (object.as_str().expect("a text").to_owned(), line.as_i64().expect("a number"));
                assert_eq!(rows.insert(place, values.into()), None, "a row twice");
            }
        }
    }
    rows
}

fn row_of(batch: &RecordBatch, row: usize) -> serde_json::Map<String, Value> {
    let schema = batch.schema();
    let cell = |(field, column): (&std::sync::Arc<arrow::datatypes::Field>, &std::sync::Arc<dyn Array>)| {
        let text = array_value_to_string(column, row).expect("it has a text");
        let value = match (column.is_null(row), field.data_type().to_string().as_str()) {
            (true, _) => Value::Null,
            (false, "Int32" | "Int64" | "Float64" | "Boolean") => serde_json::from_str(&text).expect("a number"),
            _ => Value::from(text),
        };
        (field.name().clone(), value)
    };
    schema.fields().iter().zip(batch.columns()).map(cell).collect()
}

fn expected(lab: &Lab, names: &[&str]) -> BTreeMap<(String, i64), Value> {
    let of = |name: &&str| {
        let url = lab.url(&key(name));
        rows().into_iter().map(move |(line, row)| ((url.clone(), line), row))
    };
    names.iter().flat_map(of).collect()
}

fn answer(lab: &Lab, sql: &str) -> Value {
    let said = visits(lab, &["query", "{}lake/", sql, "--format", "json"]);
    assert_eq!(said.code, 0, "{sql}: {}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stdout))
}

fn verified(lab: &Lab) {
    let said = visits(lab, &["verify", "{}lake/", "{}logs/"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

pub fn put(lab: &Lab, name: &str) {
    lab.put_gz(&key(name), &format!("{}\n", LINES.join("\n")));
}

fn a_kind_of_its_own_goes_from_objects_to_answers(lab: &Lab) {
    put(lab, "a26");
    let said = visits(lab, &["convert", "{}logs/", "{}lake/", "--json"]);
    let summary: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}", said.stderr));
    assert_eq!((said.code, &summary["records"], &summary["rejects"]), (3, &json!(5), &json!(6)), "{}", said.stderr);
    assert_eq!(found(lab), expected(lab, &["a26"]));
    verified(lab);

    let sums = "SELECT count(*) AS rows, sum(sent_bytes) AS bytes, sum(seconds) AS seconds, min(drift) AS drift, \
                count(*) FILTER (WHERE is_cached) AS cached, max(time) AS last FROM visits";
    assert_eq!(
        answer(lab, sums),
        json!([{"rows": 5, "bytes": 589, "seconds": 4.751, "drift": -3, "cached": 3, "last": "2026-11-27T00:00:00Z"}])
    );
    let nested = "SELECT log_line, accepts, accepts[1] AS first, browser['name'] AS browser FROM visits \
                  WHERE accepts IS NOT NULL ORDER BY log_line";
    let told = answer(lab, nested);
    assert_eq!(told[0]["first"], json!("h2"), "{told}");
    assert_eq!((&told[0]["browser"], &told[1]["log_line"]), (&json!("Fox"), &json!(11)), "{told}");
    let narrow = "SELECT log_line FROM visits WHERE time >= '2026-11-26T23:59:59.000001Z' ORDER BY time";
    assert_eq!(answer(lab, narrow), json!([{"log_line": 1}, {"log_line": 2}]));
    let rejects = "SELECT line, reason FROM lake.rejects ORDER BY line";
    let reasons = answer(lab, rejects);
    let reasons: Vec<(i64, &str)> = reasons
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| (row["line"].as_i64().expect("a number"), row["reason"].as_str().expect("a text")))
        .collect();
    let told = [
        (5, "field `is_cached` is neither true nor false: \"maybe\""),
        (6, "field `seconds` is not a number: \"NaN\""),
        (7, "field `browser` has a member that its column lacks: \"{\"name\":\"Fox\",\"size\":1}\""),
        (8, "line has a quote that is not closed"),
        (9, "line has 3 fields, and lines of this log have at least 9"),
        (10, "field `time` is more than 2 days after the object's delivery: \"2046-11-26T23:00:06Z\""),
    ];
    assert_eq!(reasons, told);
    raw_logs_answer_the_same(lab);

    // A second run has nothing to do, and the program without this kind says what it does not know.
    let said = visits(lab, &["convert", "{}logs/", "{}lake/", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let said = lab.run(&["query", "{}lake/", "SELECT 1"]);
    assert_ne!(said.code, 0);
    assert!(said.stderr.contains("no table is called `visits`"), "{}", said.stderr);
}

/// From the objects themselves.
fn raw_logs_answer_the_same(lab: &Lab) {
    let sql = "SELECT date, count(*) AS rows, sum(sent_bytes) AS bytes FROM visits GROUP BY date ORDER BY date";
    let of_lake = answer(lab, sql);
    let raw = sql.replace("visits", "raw_visits");
    let said = visits(lab, &["query", "{}lake/", &raw, "--raw", "{}logs/", "--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&said.stdout).ok(), Some(of_lake), "{}{}", said.stdout, said.stderr);
}

/// A redo of one object takes files out of the lake in which another has rows too.
fn rows_of_a_kind_of_its_own_are_carried_over(lab: &Lab) {
    put(lab, "a25");
    put(lab, "b26");
    let said = visits(lab, &["convert", "{}logs/", "{}lake/"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert_eq!(found(lab), expected(lab, &["a25", "b26"]));
    let before = lab.list("lake/visits");

    // One line more than before: a redo takes away no rows.
    lab.put_gz(&key("b26"), &format!("{}\n{}\n", LINES.join("\n"), LINES[0]));
    let window = ["--redo", "--since", "2026-11-26", "--until", "2026-11-26", "--retention", "0s"];
    let said = visits(lab, &[&["convert", "{}logs/", "{}lake/"], &window[..]].concat());
    assert!(matches!(said.code, 0 | 3), "{}", said.stderr);
    let mut wanted = expected(lab, &["a25", "b26"]);
    wanted.insert((lab.url(&key("b26")), LINES.len() as i64 + 1), rows()[&1].clone());
    assert_eq!(found(lab), wanted);
    let is_kept = |name: &&String| before.contains_key(*name) && is_data_file(name);
    assert_eq!(lab.list("lake/visits").keys().filter(is_kept).count(), 0, "all files had rows of both");
    verified(lab);
}

fn flow_logs_and_another_kind_share_a_lake(lab: &Lab) {
    put(lab, "a26");
    lab.put_gz(
        "logs/AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/26/123456789012_vpcflowlogs_us-east-1_fl-1_20261126T2355Z_0a.log.gz",
        "version srcaddr packets bytes start\n2 10.0.0.1 3 40 1795737000\n",
    );
    let said = visits(lab, &["convert", "{}logs/", "{}lake/"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    let both = "SELECT (SELECT count(*) FROM visits) AS visits, (SELECT sum(packets) FROM flow_logs) AS packets";
    assert_eq!(answer(lab, both), json!([{"visits": 5, "packets": 3}]));
    verified(lab);
}
