//! `convert --redo` and `rejects --replay`: what was decoded before is decoded again, and each row stays there once.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::lab::{Lab, gzip, on_both_stores};
use crate::oracle::{self, Expected, Row};

on_both_stores!(
    redone_days_are_replaced_and_others_are_not_touched,
    an_object_that_is_gone_or_broken_keeps_its_task,
    what_was_set_aside_is_added_once_when_it_can_be_read,
);

const HEADER: &str = "version account-id srcaddr dstport packets bytes start end";

fn lines(n: u32, count: u32) -> String {
    // Noon of the day in the key.
    let start = 1_694_347_200 + i64::from(n) * 86_400;
    let line =
        |row: u32| format!("2 111122223333 10.0.{n}.{row} {} {row} {} {start} {}\n", 400 + row, row * 64, start + 59);
    (0..count).map(line).collect()
}

fn key(day: u32, n: u32) -> String {
    format!(
        "logs/AWSLogs/111122223333/vpcflowlogs/us-east-1/2023/09/{day:02}/\
         111122223333_vpcflowlogs_us-east-1_fl-0a_202309{day:02}T2355Z_{n:08x}.log.gz"
    )
}

fn fill(lab: &Lab) {
    for n in 0..12 {
        lab.put_gz(&key(10 + n, n), &format!("{HEADER}\n{}", lines(n, 30)));
    }
}

fn again(lab: &Lab, more: &[&str], code: i32) -> Value {
    lab.convert(&[&["--redo", "--retention", "0s"], more].concat(), code)
}

fn replay(lab: &Lab, more: &[&str], code: i32) -> Value {
    let said = lab.run(&[&["rejects", "{}lake/", "{}logs/", "--replay", "--json"], more].concat());
    assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("no JSON: {error}: {}", said.stdout))
}

fn number(summary: &Value, field: &str) -> u64 {
    summary[field].as_u64().unwrap_or_else(|| panic!("no {field} in {summary}"))
}

/// Directories, the ledger and `verify` agree on these rows.
fn holds(lab: &Lab, rows: &BTreeMap<(String, i64), Row>) {
    assert_eq!(lab.lake_rows(), *rows);
    let said = lab.run(&["query", "{}lake/", "SELECT count(*) AS n FROM flow_logs", "--format", "csv"]);
    assert_eq!(said.stdout, format!("n\n{}\n", rows.len()), "{}", said.stderr);
    let said = lab.run(&["verify", "{}lake/", "{}logs/"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert_eq!(lab.list("lake/_flowlake/waiting").len(), 0);
}

fn redone_days_are_replaced_and_others_are_not_touched(lab: &Lab) {
    fill(lab);
    lab.convert(&[], 0);
    let (before, rows_before) = (lab.list("lake"), lab.lake_rows().len());
    // An object that changed meanwhile is taken as it is now.
    lab.put_gz(&key(21, 11), &format!("{HEADER}\n{}", lines(11, 31)));
    let expected = lab.expected("logs").rows;
    let summary = again(lab, &["--since", "2023-09-20", "--until", "2023-09-21"], 0);
    assert_eq!((number(&summary, "tasks_replaced"), number(&summary, "objects_kept")), (1, 0), "{summary}");
    holds(lab, &expected);
    let runs =
        "SELECT purpose, rows - rows_replaced AS more FROM lake.runs WHERE kind IN ('plan', 'seal') ORDER BY entry";
    let runs = lab.run(&["query", "{}lake/", runs, "--format", "csv"]).stdout;
    let more = expected.len() - rows_before;
    assert!(more > 0);
    assert_eq!(runs, format!("purpose,more\nconvert,\n,{rows_before}\nredo,\n,{more}\nshow,\n,0\n"));
    let after = lab.list("lake");
    let is_data = |key: &&String| key.contains("/flow_logs/") && !key.contains("_flowlake");
    let stayed = before.keys().filter(is_data).filter(|key| after.contains_key(*key)).count();
    let gone = before.keys().filter(is_data).count() - stayed;
    assert!(stayed > 0 && gone > 0, "{stayed} files stayed, {gone} are gone");
    for (key, version) in before.iter().filter(|(key, _)| is_data(key)) {
        assert!(after.get(key).is_none_or(|now| now == version), "{key} was written again");
    }

    // The same again changes nothing, and an ordinary run finds nothing new.
    let summary = again(lab, &["--since", "2023-09-20", "--until", "2023-09-21"], 0);
    assert_eq!((number(&summary, "tasks_replaced"), number(&summary, "tasks_unchanged")), (0, 1), "{summary}");
    let summary = lab.convert(&["--full-scan"], 0);
    assert_eq!((number(&summary, "objects"), number(&summary, "objects_known")), (0, 12), "{summary}");
    holds(lab, &expected);
}

fn an_object_that_is_gone_or_broken_keeps_its_task(lab: &Lab) {
    fill(lab);
    lab.convert(&[], 0);
    let expected = lab.expected("logs").rows;
    let files = lab.data_files();
    let window = ["--since", "2023-09-20", "--until", "2023-09-21"];
    let whole = lab.get(&key(21, 11));
    lab.delete(&key(21, 11).as_str().into());
    let summary = again(lab, &window, 3);
    assert!(summary["kept"][0].as_str().is_some_and(|kept| kept.contains("gone at the source")), "{summary}");
    lab.put(&key(21, 11), whole[..whole.len() - 9].to_vec());
    let summary = again(lab, &window, 3);
    assert_eq!((number(&summary, "tasks_replaced"), number(&summary, "objects_kept")), (0, 1), "{summary}");
    assert_eq!(lab.data_files(), files);
    assert_eq!(lab.lake_rows(), expected);
    lab.put(&key(21, 11), [whole, gzip(b"\n")].concat());
    assert_eq!(number(&again(lab, &window, 0), "tasks_replaced"), 1);
    holds(lab, &expected);
}

/// What headerless text must give with [`HEADER`] as its format.
fn headerless(lab: &Lab, key: &str, text: &str, rows: &mut BTreeMap<(String, i64), Row>) {
    let mut expected = Expected::default();
    oracle::read(&lab.url(key), format!("{HEADER}\n{text}").as_bytes(), &mut expected);
    rows.extend(expected.rows.into_iter().map(|((url, line), row)| ((url, line - 1), row)));
}

fn what_was_set_aside_is_added_once_when_it_can_be_read(lab: &Lab) {
    fill(lab);
    let bare = lines(3, 7);
    let whole = gzip(format!("{HEADER}\n{}", lines(5, 9)).as_bytes());
    lab.put_gz(&key(13, 100), &bare);
    lab.put(&key(15, 101), whole[..whole.len() / 2].to_vec());
    lab.put_gz(&key(15, 102), &format!("{HEADER}\n2 111122223333 10.0.0.1 70000 1 1 1694649600 1694649659\n"));
    let mut expected = Expected::default();
    for n in 0..12 {
        oracle::read(&lab.url(&key(10 + n, n)), &lab.get(&key(10 + n, n)), &mut expected);
    }
    let mut rows = expected.rows;
    let summary = lab.convert(&[], 3);
    assert_eq!((number(&summary, "objects_aside"), number(&summary, "rejects")), (2, 1), "{summary}");
    assert_eq!(lab.lake_rows(), rows);

    // Nothing changed: nothing is added, nothing is lost.
    let summary = replay(lab, &[], 3);
    assert_eq!((number(&summary, "records"), number(&summary, "objects_aside")), (0, 2), "{summary}");
    assert_eq!(number(&summary, "tasks_unchanged"), 1, "{summary}");
    assert_eq!(lab.lake_rows(), rows);

    // With a format and a repaired object, both give their rows; the bad line stays what it is.
    lab.put(&key(15, 101), whole);
    let format: String = HEADER.split(' ').map(|field| format!("${{{field}}} ")).collect();
    let summary = replay(lab, &["--format", format.trim()], 0);
    assert_eq!((number(&summary, "objects"), number(&summary, "records")), (2, 16), "{summary}");
    headerless(lab, &key(13, 100), &bare, &mut rows);
    let mut repaired = Expected::default();
    oracle::read(&lab.url(&key(15, 101)), &lab.get(&key(15, 101)), &mut repaired);
    rows.extend(repaired.rows);
    holds(lab, &rows);
    let said = lab.run(&["rejects", "{}lake/", "--json"]);
    assert_eq!((said.code, said.stdout.lines().count()), (0, 1), "{}", said.stdout);
    assert!(said.stdout.contains(&key(15, 102)), "{}", said.stdout);

    // And once is once.
    let summary = replay(lab, &["--format", format.trim()], 0);
    assert_eq!((number(&summary, "records"), number(&summary, "tasks_unchanged")), (0, 1), "{summary}");
    assert_eq!(number(&lab.convert(&["--full-scan"], 0), "objects"), 0);
    holds(lab, &rows);

    // What is gone at the source is named.
    lab.delete(&key(15, 102).as_str().into());
    let summary = replay(lab, &[], 3);
    assert!(summary["kept"][0].as_str().is_some_and(|kept| kept.contains("gone at the source")), "{summary}");
    assert_eq!(lab.lake_rows(), rows);
}

#[test]
fn a_redone_lake_goes_on_with_checkpoints_and_further_redos() {
    let lab = &Lab::on_disk();
    fill(lab);
    lab.convert(&[], 0);
    let expected = lab.expected("logs").rows;
    let window = ["--since", "2023-09-01", "--until", "2023-09-30"];
    // Four entries a redo: a checkpoint is due every 64.
    for round in 0..17 {
        lab.alter("logs");
        let summary = lab.convert(&[&["--redo", "--retention", "0s"][..], &window].concat(), 0);
        assert!(number(&summary, "tasks_replaced") > 0, "{round}: {summary}");
    }
    assert!(!lab.list("lake/_flowlake/checkpoints").is_empty());
    holds(lab, &expected);
    let said =
        lab.run(&["query", "{}lake/", "SELECT count(*) AS n, sum(rows) AS rows FROM lake.objects", "--format", "csv"]);
    assert_eq!(said.stdout, format!("n,rows\n12,{}\n", expected.len()), "{}", said.stderr);
    assert_eq!(number(&lab.convert(&["--full-scan"], 0), "objects"), 0);
}

#[test]
fn what_cannot_be_redone_is_said() {
    let lab = Lab::on_disk();
    let said = lab.run(&["convert", "{}logs/", "{}lake/", "--redo", "--since", "2023-09-01"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("--until"), "{}", said.stderr);
    let said = lab.run(&["rejects", "{}lake/", "--format", "default"]);
    assert!(said.code == 2 && said.stderr.contains("--replay"), "{}", said.stderr);
    let said = lab.run(&["rejects", "{}lake/", "--replay"]);
    assert!(said.code == 2 && said.stderr.contains("rejects LAKE SOURCE --replay"), "{}", said.stderr);
    let said = lab.run(&["rejects", "{}lake/", "{}logs/"]);
    assert!(said.code == 2 && said.stderr.contains("--replay"), "{}", said.stderr);
    let said = lab.run(&["rejects", "{}lake/", "{}logs/", "--replay"]);
    assert!(said.code == 1 && said.stderr.contains("is not a flowlake lake"), "{}", said.stderr);
    assert!(!lab.path("lake").exists());
}
