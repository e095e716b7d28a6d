//! Delta logs over time and from several hosts: what is cleaned up, what stays readable, and who writes a version that
//! two runs are about to write.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::delta::{age, every_reader_finds_all, is_sound, put, python, versions};
use crate::lab::{Lab, on_both_stores, said};

on_both_stores!(two_runs_that_race_for_a_version_write_it_once);

const LOG: &str = "lake/flow_logs/_delta_log";
const A_DAY: Duration = Duration::from_secs(86_400);

fn version(number: u64) -> String {
    format!("{LOG}/{number:020}.json")
}

fn checkpoint(number: u64) -> String {
    format!("{LOG}/{number:020}.checkpoint.parquet")
}

/// Rows of the table as it was in a version.
fn rows_of_version(lab: &Lab, number: u64) -> String {
    let script = format!(
        "from deltalake import DeltaTable, QueryBuilder\ntable = DeltaTable('{}', version={number})\n\
         print(QueryBuilder().register('t', table).execute('SELECT count(*) AS n FROM t').read_all().column('n')[0].as_py())\n",
        lab.path("lake/flow_logs").display()
    );
    let file = lab.temporary().join("version.py");
    std::fs::write(&file, script).expect("the lab's own folder");
    let output = lab.script(python(), file.to_str().expect("a plain path")).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Puts versions that only note something up to one of ours, before which a checkpoint is due.
fn fill(lab: &Lab, numbers: std::ops::Range<u64>) {
    numbers.for_each(|number| lab.put(&version(number), "{\"commitInfo\":{\"operation\":\"NOTE\"}}\n"));
}

#[test]
fn versions_behind_a_checkpoint_are_deleted_when_it_is_thirty_days_old() {
    let lab = Lab::on_disk();
    put(&lab, 10, 0, 3);
    lab.convert(&[], 0);
    fill(&lab, 1..50);
    put(&lab, 11, 1, 4);
    lab.convert(&[], 0);
    assert!(lab.list(LOG).contains_key(&checkpoint(50)), "{:?}", versions(&lab));
    // The checkpoint is not old enough, though all before it is.
    age(&lab, LOG, 31 * A_DAY);
    let young = std::fs::File::options().write(true).open(lab.path(&checkpoint(50))).expect("a file");
    young.set_modified(std::time::SystemTime::now() - 29 * A_DAY).expect("the lab owns its files");
    fill(&lab, 51..100);
    put(&lab, 12, 2, 5);
    lab.convert(&[], 0);
    let all: Vec<String> = (0..=100).map(version).collect();
    assert_eq!(versions(&lab), all, "younger versions are read from version 0 on, by who finds no checkpoint");
    assert!(lab.list(LOG).contains_key(&checkpoint(100)));
    // Now it is, and what came behind it is younger.
    age(&lab, LOG, 31 * A_DAY);
    for key in (51..=100).map(version).chain([checkpoint(100)]) {
        let young = std::fs::File::options().write(true).open(lab.path(&key)).expect("a file");
        young.set_modified(std::time::SystemTime::now() - A_DAY).expect("the lab owns its files");
    }
    fill(&lab, 101..150);
    put(&lab, 12, 3, 6);
    lab.convert(&[], 0);
    let kept: Vec<String> = (50..=150).map(version).collect();
    assert_eq!(versions(&lab), kept);
    let checkpoints: Vec<String> = lab.list(LOG).into_keys().filter(|key| key.contains("checkpoint.")).collect();
    assert_eq!(checkpoints, [50, 100, 150].map(checkpoint));
    every_reader_finds_all(&lab);
    for (number, rows) in [(50, "7"), (99, "7"), (100, "12"), (150, "18")] {
        assert_eq!(rows_of_version(&lab, number), rows, "version {number}");
    }
}

/// Two hosts that share a lake, each with a source of its own and one of both, so that they are at the same versions.
fn two_runs_that_race_for_a_version_write_it_once(lab: &Lab) {
    const ROUNDS: u32 = 6;
    let hosts: Vec<_> = (0..2).map(|_| tempfile::TempDir::new().expect("a temporary folder")).collect();
    put(lab, 10, 0, 3);
    lab.convert(&[], 0);
    for round in 1..=ROUNDS {
        put(lab, 10 + round, round, 5);
        if round % 2 == 0 {
            // As after a kill between the seal and the version: both write the same.
            let newest = versions(lab).pop().expect("a version");
            lab.delete(&newest.as_str().into());
        }
        let started: Vec<_> = hosts
            .iter()
            .map(|host| {
                let mut program = lab.program(&["convert", "{}logs/", "{}lake/", "--json"]);
                // The lock of a host lies in its temporary folder.
                program.env("TMPDIR", host.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
                program.spawn().expect("the program starts")
            })
            .collect();
        for child in started {
            let said = said(child.wait_with_output().expect("it ends"));
            assert_eq!(said.code, 0, "{}", said.stderr);
        }
        check_versions(lab, round);
    }
    every_reader_finds_all(lab);
}

/// Dense numbers, each of which goes further in the ledger than the one before; no file is added twice, and the rows of
/// all are those of the sources.
#[track_caller]
fn check_versions(lab: &Lab, round: u32) {
    let keys = versions(lab);
    let dense: Vec<String> = (0..keys.len() as u64).map(version).collect();
    assert_eq!(keys, dense, "round {round}");
    let mut through = BTreeSet::new();
    let mut files: BTreeMap<String, u64> = BTreeMap::new();
    for key in &keys {
        let text = String::from_utf8(lab.get(key)).expect("text");
        for line in text.lines() {
            let action: Value = serde_json::from_str(line).expect("an action");
            if let Some(entry) = action["txn"]["version"].as_u64() {
                assert!(through.last().is_none_or(|last| *last < entry), "round {round}: {key} goes through {entry}");
                through.insert(entry);
            }
            if let Some(path) = action["add"]["path"].as_str() {
                let stats = action["add"]["stats"].as_str().expect("statistics");
                let stats: Value = serde_json::from_str(stats).expect("JSON");
                let rows = stats["numRecords"].as_u64().expect("rows");
                assert_eq!(files.insert(path.to_owned(), rows), None, "round {round}: {path} is added twice");
            }
            assert!(action["remove"].is_null(), "round {round}: {key} removes");
        }
    }
    assert_eq!(through.len(), keys.len(), "round {round}");
    assert_eq!(files.values().sum::<u64>(), lab.expected("logs").rows.len() as u64, "round {round}");
    is_sound(lab);
}
