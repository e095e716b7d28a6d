//! The same for a kind whose objects are documents of JSON with a list of records.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{answer, rows_in, verified, visits};
use crate::lab::{Lab, on_both_stores};

on_both_stores!(
    documents_of_json_go_from_objects_to_answers,
    records_of_json_are_carried_over,
    a_document_that_is_cut_off_keeps_its_records,
);

/// Of the day of November that the name ends with.
fn key(name: &str) -> String {
    let day = &name[name.len() - 2..];
    let file = format!("123456789012_deeds_us-east-1_site-7_202611{day}T2355Z_{name}.json.gz");
    format!("logs/AWSLogs/123456789012/deeds/us-east-1/2026/11/{day}/{file}")
}

/// Two days, all values and none, members that are not known, and records that are wrong.
const RECORDS: &[&str] = &[
    r#"{"eventName":"Put \"x\" ä","time":"2026-11-26T23:59:59.000001Z","client":"10.0.0.1","status":200,
        "sentBytes":512,"seconds":0.25,"isDone":true,
        "requestParameters":{"b": 1.0,  "a/b":["}",{}], "b":"\u00e4"},"tags":["x","y"],
        "who":{"type":"User","session":{"mfa":true,"since":"2026-11-26T01:00:00+01:00"},"groups":["a",null]}}"#,
    r#"{"time":"2026-11-27T00:00:00Z","eventName":"-","status":"404","sentBytes":0,"seconds":1e-3,"isDone":false,
        "requestParameters":"as a text","z":1.50,"EventName":{"k" : [1]},"unknown":null,"tags":[],"who":{}}"#,
    r#"{"time":"2026-11-26T23:00:00Z","eventName":null,"who":{"type":"Role","arn":"new",  "groups":null}}"#,
    r#"{"time":"2026-11-26T23:00:01Z","isDone":"maybe"}"#,
    r#"{"time":"2026-11-26T23:00:02Z","status":1.5}"#,
    r#"{"eventName":"Put"}"#,
    r#"{"time":"2026-11-26T23:00:03Z","status":01}"#,
    r"17",
    r#"{"time":"2046-11-26T23:00:04Z"}"#,
    r#"{"time":"bad","sentBytes":1,"sentBytes":70,"time":"2026-11-26T23:00:05Z"}"#,
];

/// What [`RECORDS`] are, written down by hand: the rows by line.
fn rows() -> BTreeMap<i64, Value> {
    let names = "time event_name client status sent_bytes seconds is_done request tags who other_fields";
    let row = |values: Value| -> Value {
        let values = values.as_array().expect("a list").clone();
        names.split(' ').map(str::to_owned).zip(values).collect::<serde_json::Map<_, _>>().into()
    };
    let first = json!([
        "2026-11-26T23:59:59.000001Z",
        "Put \"x\" ä",
        "10.0.0.1",
        200,
        512,
        0.25,
        true,
        r#"{"b": 1.0,  "a/b":["}",{}], "b":"\u00e4"}"#,
        "[x, y]",
        "{type: User, session: {mfa: true, since: 2026-11-26T00:00:00Z}, groups: [a, ]}",
        null
    ]);
    let second = json!([
        "2026-11-27T00:00:00Z",
        "-",
        null,
        404,
        0,
        0.001,
        false,
        "as a text",
        "[]",
        "{type: , session: , groups: }",
        r#"{"z":1.50,"EventName":{"k" : [1]}}"#
    ]);
    let third = json!([
        "2026-11-26T23:00:00Z",
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        "{type: Role, session: , groups: }",
        r#"{"who":{"type":"Role","arn":"new",  "groups":null}}"#
    ]);
    let last = json!(["2026-11-26T23:00:05Z", null, null, null, 70, null, null, null, null, null, null]);
    BTreeMap::from([(1, row(first)), (2, row(second)), (3, row(third)), (10, row(last))])
}

fn document(records: &[&str]) -> String {
    format!("{{\n \"about\": {{\"Deeds\": [0]}},\n \"Deeds\": [{}]\n}}", records.join(",\n  "))
}

pub fn put(lab: &Lab, name: &str) {
    lab.put_gz(&key(name), &document(RECORDS));
}

fn expected(lab: &Lab, names: &[&str]) -> BTreeMap<(String, i64), Value> {
    let of = |name: &&str| {
        let url = lab.url(&key(name));
        rows().into_iter().map(move |(line, row)| ((url.clone(), line), row))
    };
    names.iter().flat_map(of).collect()
}

fn reasons(lab: &Lab) -> Vec<(i64, String)> {
    let reasons = answer(lab, "SELECT line, reason FROM lake.rejects ORDER BY line");
    let of =
        |row: &Value| (row["line"].as_i64().expect("a number"), row["reason"].as_str().expect("a text").to_owned());
    reasons.as_array().expect("rows").iter().map(of).collect()
}

fn documents_of_json_go_from_objects_to_answers(lab: &Lab) {
    put(lab, "a26");
    let said = visits(lab, &["convert", "{}logs/", "{}lake/", "--json"]);
    let summary: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}", said.stderr));
    assert_eq!((said.code, &summary["records"], &summary["rejects"]), (3, &json!(4), &json!(6)), "{}", said.stderr);
    assert_eq!(rows_in(lab, "deeds"), expected(lab, &["a26"]));
    verified(lab);

    let told = [
        (4, "field `is_done` is neither true nor false: \"maybe\""),
        (5, "field `status` is not a number that its column holds: \"1.5\""),
        (6, "record has no `time`"),
        (7, "record is not JSON: invalid number at line 1 column 42"),
        (8, "record is no JSON object"),
        (9, "field `time` is more than 2 days after the object's delivery: \"2046-11-26T23:00:04Z\""),
    ];
    assert_eq!(reasons(lab), told.map(|(line, reason)| (line, reason.to_owned())));
    let said = visits(lab, &["rejects", "{}lake/"]);
    assert!(said.stdout.contains(RECORDS[5]), "{}", said.stdout);

    let nested = "SELECT log_line, who['session']['mfa'] AS mfa, tags[2] AS tag, sent_bytes FROM deeds \
                  WHERE tags IS NOT NULL ORDER BY log_line";
    assert_eq!(
        answer(lab, nested),
        json!([
            {"log_line": 1, "mfa": true, "tag": "y", "sent_bytes": 512},
            {"log_line": 2, "mfa": null, "tag": null, "sent_bytes": 0}
        ])
    );
    let sql = "SELECT date, count(*) AS rows, sum(sent_bytes) AS bytes, max(request) AS request FROM deeds \
               GROUP BY date ORDER BY date";
    let raw = sql.replace("deeds", "raw_deeds");
    let said = visits(lab, &["query", "{}lake/", &raw, "--raw", "{}logs/", "--format", "json"]);
    let of_raw = serde_json::from_str::<Value>(&said.stdout).ok();
    assert_eq!(of_raw, Some(answer(lab, sql)), "{}{}", said.stdout, said.stderr);
    let said = visits(lab, &["inspect", "{}logs/"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains("site-7") && said.stdout.contains("event-name"), "{}", said.stdout);

    let said = visits(lab, &["convert", "{}logs/", "{}lake/", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
}

/// A redo of one object takes files out of the lake in which another has rows too.
fn records_of_json_are_carried_over(lab: &Lab) {
    put(lab, "a25");
    put(lab, "b26");
    let said = visits(lab, &["convert", "{}logs/", "{}lake/"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert_eq!(rows_in(lab, "deeds"), expected(lab, &["a25", "b26"]));

    // One record more than before: a redo takes away no rows.
    lab.put_gz(&key("b26"), &document(&[RECORDS, &RECORDS[..1]].concat()));
    let window = ["--redo", "--since", "2026-11-26", "--until", "2026-11-26", "--retention", "0s"];
    let said = visits(lab, &[&["convert", "{}logs/", "{}lake/"], &window[..]].concat());
    assert!(matches!(said.code, 0 | 3), "{}", said.stderr);
    let mut wanted = expected(lab, &["a25", "b26"]);
    wanted.insert((lab.url(&key("b26")), RECORDS.len() as i64 + 1), rows()[&1].clone());
    assert_eq!(rows_in(lab, "deeds"), wanted);
    verified(lab);
}

fn a_document_that_is_cut_off_keeps_its_records(lab: &Lab) {
    let whole = document(&RECORDS[..3]);
    let cut = whole.find("\"arn\"").expect("the third record has it");
    lab.put_gz(&key("a26"), &whole[..cut]);
    let said = visits(lab, &["convert", "{}logs/", "{}lake/"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    let mut wanted = expected(lab, &["a26"]);
    wanted.retain(|(_, line), _| *line < 3);
    assert_eq!(rows_in(lab, "deeds"), wanted);
    assert_eq!(reasons(lab), [(3, "record is cut off: the object ends within it".to_owned())]);
    verified(lab);
}
