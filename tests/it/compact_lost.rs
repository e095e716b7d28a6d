//! A merged file is gone, and at their source objects with rows in it: only who says so loses these rows, and no other.

use std::collections::BTreeMap;

use object_store::path::Path;
use serde_json::Value;

use crate::compact::{compact, fed, put};
use crate::compact_again::of_two_dates;
use crate::faults::key;
use crate::lab::{Lab, on_both_stores};
use crate::oracle::Row;

on_both_stores!(what_is_gone_on_both_sides_is_lost_and_nothing_else, nothing_is_lost_where_all_files_are_there);

type Rows = BTreeMap<(String, i64), Row>;

fn again(lab: &Lab, since: &str, until: &str, more: &[&str]) -> Value {
    let days = ["--redo", "--since", since, "--until", until, "--retention", "0s"];
    lab.convert(&[&days, more].concat(), 3)
}

fn object(day: u32, n: u32) -> String {
    format!("logs/{}", key(day, n))
}

fn file_of(lab: &Lab, date: &str) -> String {
    lab.data_files().into_iter().find(|name| name.contains(date)).expect("a file")
}

/// Takes a name away, and gives what was there.
fn take(lab: &Lab, name: &str) -> Vec<u8> {
    let bytes = lab.get(name);
    lab.delete(&Path::from(name));
    bytes
}

#[track_caller]
fn holds(lab: &Lab, rows: &Rows) {
    assert!(lab.lake_rows() == *rows);
    let said = lab.run(&["query", "{}lake/", "SELECT count(*) AS n FROM flow_logs", "--format", "csv"]);
    assert_eq!(said.stdout, format!("n\n{}\n", rows.len()), "{}", said.stderr);
    let said = lab.run(&["verify", "{}lake/", "{}logs/"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

/// Objects of three dates in four runs, and one with a row of the 2nd and one of the 3rd; a file a date.
fn merged(lab: &Lab) -> Rows {
    fed(lab, 4);
    put(lab, 3, 60, &of_two_dates());
    lab.convert(&["--lookback", "30d"], 0);
    compact(lab, &["--retention", "0s"], 0);
    // No copy of the files is left aside.
    lab.convert(&[], 0);
    let rows = lab.expected("logs").rows;
    holds(lab, &rows);
    rows
}

fn what_is_gone_on_both_sides_is_lost_and_nothing_else(lab: &Lab) {
    let rows = merged(lab);
    let (whole, midnight) = (object(2, 2), object(3, 60));
    let file = file_of(lab, "date=2023-09-02");
    take(lab, &file);
    let [of_whole, of_midnight] = [&whole, &midnight].map(|name| take(lab, name));
    let is_kept = |summary: &Value| {
        let counts = ["tasks_replaced", "objects_lost"].map(|field| summary[field].as_u64());
        assert_eq!(counts, [Some(0), Some(0)], "{summary}");
        let kept = summary["kept"].to_string();
        assert!(kept.contains(&key(3, 60)) && kept.contains(file.rsplit_once('/').expect("a folder").1), "{kept}");
    };
    is_kept(&again(lab, "2023-09-02", "2023-09-03", &[]));
    // Objects of the 2nd are there that are not read.
    is_kept(&again(lab, "2023-09-03", "2023-09-03", &["--gone-for-good"]));
    let summary = again(lab, "2023-09-02", "2023-09-03", &["--gone-for-good"]);
    let counts = ["tasks_replaced", "objects_lost", "objects_kept"].map(|field| summary[field].as_u64());
    assert_eq!(counts, [Some(1), Some(2), Some(0)], "{summary}");
    let lost = summary["lost"].as_array().expect("a list");
    assert!(
        lost[0].as_str().is_some_and(|lost| lost.contains(&key(2, 2)) && lost.contains("5 of its rows")),
        "{lost:?}"
    );
    assert!(
        lost[1].as_str().is_some_and(|lost| lost.contains(&key(3, 60)) && lost.contains("1 of its rows")),
        "{lost:?}"
    );
    let is_there = |(url, _): &(String, i64), row: &Row| {
        *url != lab.url(&whole) && (*url != lab.url(&midnight) || row["date"] == "2023-09-03")
    };
    let left: Rows = rows.clone().into_iter().filter(|(place, row)| is_there(place, row)).collect();
    assert_eq!(left.len(), rows.len() - 5 - 1);
    holds(lab, &left);
    let receipts =
        "SELECT rows, lines, reason IS NOT NULL AS told FROM lake.objects WHERE reason LIKE '%gone%' ORDER BY url";
    let said = lab.run(&["query", "{}lake/", receipts, "--format", "csv"]);
    assert_eq!(said.stdout, "rows,lines,told\n0,6,true\n1,3,true\n", "{}", said.stderr);
    // Nothing else is done for them, and nothing more is lost.
    assert_eq!(lab.convert(&[], 0)["objects"], 0);
    assert_eq!(again(lab, "2023-09-02", "2023-09-03", &["--gone-for-good"])["objects_lost"], 0);
    holds(lab, &left);
    // What comes back is there again by a redo.
    lab.put(&whole, of_whole);
    lab.put(&midnight, of_midnight);
    again(lab, "2023-09-02", "2023-09-03", &[]);
    holds(lab, &rows);
}

fn nothing_is_lost_where_all_files_are_there(lab: &Lab) {
    let rows = merged(lab);
    let bytes = take(lab, &object(1, 1));
    let summary = again(lab, "2023-09-01", "2023-09-03", &["--gone-for-good"]);
    assert_eq!((&summary["objects_lost"], &summary["objects_kept"]), (&0.into(), &1.into()), "{summary}");
    holds(lab, &rows);
    // A damaged file is as one that is gone: of the object at hand, which is the only one.
    let file = file_of(lab, "date=2023-09-01");
    let mut damaged = lab.get(&file);
    damaged[10] ^= 1;
    lab.put(&file, damaged);
    for n in [4, 7, 10] {
        take(lab, &object(1, n));
    }
    let summary = again(lab, "2023-09-01", "2023-09-01", &["--gone-for-good"]);
    assert_eq!((&summary["objects_lost"], &summary["objects"]), (&4.into(), &4.into()), "{summary}");
    let of_others = |row: &Row| row["date"] != "2023-09-01";
    holds(lab, &rows.clone().into_iter().filter(|(_, row)| of_others(row)).collect());
    let said = lab.run(&["rejects", "{}lake/", "--json"]);
    assert_eq!(
        (said.code, said.stdout.lines().count()),
        (0, 2),
        "lines that were set aside were there: {}",
        said.stdout
    );
    lab.put(&object(1, 1), bytes);
    let summary = again(lab, "2023-09-01", "2023-09-01", &["--gone-for-good"]);
    assert_eq!((&summary["objects_lost"], &summary["objects_kept"]), (&0.into(), &3.into()), "{summary}");
    let is_back = |(url, _): &(String, i64), row: &Row| of_others(row) || *url == lab.url(&object(1, 1));
    holds(lab, &rows.into_iter().filter(|(place, row)| is_back(place, row)).collect());
}

#[test]
fn objects_are_given_up_by_a_redo_alone() {
    let lab = Lab::on_disk();
    let said = lab.run(&["convert", "{}logs/", "{}lake/", "--gone-for-good"]);
    assert!(said.code == 2 && said.stderr.contains("--redo"), "{}", said.stderr);
}
