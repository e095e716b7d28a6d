//! The Delta log beside the data files: what its readers find after each run, what a killed run left out, and what
//! other programs did to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::lab::{Lab, on_both_stores};
use crate::oracle::Row;
use crate::pypi;

on_both_stores!(
    readers_of_delta_tables_see_each_run_whole,
    merged_files_are_the_same_rows_to_every_reader,
    removed_dates_are_gone_to_every_reader,
    what_a_killed_run_left_out_is_written_by_the_next,
    a_version_of_another_program_is_named_until_it_is_repaired,
);

const PACKAGES: [&str; 5] =
    ["duckdb==1.5.5", "duckdb-extension-delta==1.5.5", "deltalake==1.6.6", "polars==2.1.0", "chdb==4.4.0"];

pub fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| pypi::python("delta", &PACKAGES))
}

pub fn key(day: u32, n: u32) -> String {
    format!(
        "logs/AWSLogs/111122223333/vpcflowlogs/us-east-1/2023/09/{day:02}/\
         111122223333_vpcflowlogs_us-east-1_fl-0a_202309{day:02}T2355Z_{n:08x}.log.gz"
    )
}

/// An object of `count` rows of a day.
pub fn put(lab: &Lab, day: u32, n: u32, count: u32) {
    let start = 1_694_347_200 + (i64::from(day) - 10) * 86_400;
    let line = |row: u32| format!("2 111122223333 10.0.{day}.{row} {row} {} {start} {start}\n", row * 64 + n);
    let lines: String = (0..count).map(line).collect();
    lab.put_gz(&key(day, n), &format!("version account-id srcaddr packets bytes start end\n{lines}"));
}

/// An object with a column of its own, and a row without a time.
fn put_other(lab: &Lab, n: u32) {
    let text =
        "version srcaddr brand-new bytes start end\n2 10.9.9.9 hello 7 1694606400 1694606401\n2 10.9.9.8 - 8 - -\n";
    lab.put_gz(&format!("logs/other-{n}.log.gz"), text);
}

/// Every reader finds what an independent reading of the sources gives, and the program's own checks hold.
#[track_caller]
pub fn every_reader_finds_all(lab: &Lab) {
    every_reader_finds(lab, |_| true);
}

/// The same of the rows that are left.
#[track_caller]
fn every_reader_finds(lab: &Lab, is_left: impl Fn(&Row) -> bool) {
    let mut expected = lab.expected("logs");
    expected.rows.retain(|_, row| is_left(row));
    let mut dates: BTreeMap<String, u64> = BTreeMap::new();
    for row in expected.rows.values() {
        *dates.entry(row.get("date").cloned().unwrap_or_else(|| "None".to_owned())).or_default() += 1;
    }
    let of = |name: &str| expected.rows.values().filter_map(|row| row.get(name).cloned()).collect::<Vec<String>>();
    let bytes: i64 = of("bytes").iter().map(|bytes| bytes.parse::<i64>().expect("a number")).sum();
    let has_other = lab.list("logs").keys().any(|key| key.contains("other-"));
    let column = if has_other { "brand_new" } else { "srcaddr" };
    let more = of(column).len();
    let expected = json!({ "rows": expected.rows.len(), "bytes": bytes, "dates": dates, "more": more });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engines/delta_read.py");
    let table = match lab.endpoint() {
        Some(_) => lab.url("lake/flow_logs"),
        None => lab.path("lake/flow_logs").display().to_string(),
    };
    let mut command = lab.script(python(), script);
    command.args([table.as_str(), column]);
    let output = command.output().expect("Python starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let readers: Vec<(String, Value)> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(readers.len(), if lab.endpoint().is_some() { 4 } else { 6 }, "{said}");
    for (reader, found) in readers {
        assert_eq!(found, expected, "{reader}");
    }
    is_sound(lab);
}

/// The program's own checks find no difference.
#[track_caller]
pub fn is_sound(lab: &Lab) {
    for command in ["delta", "verify"] {
        let said = lab.run(&[command, "{}lake/"]);
        assert_eq!(said.code, 0, "{command}: {}{}", said.stdout, said.stderr);
    }
}

/// Makes all files of a folder on disk as old as this.
pub fn age(lab: &Lab, folder: &str, by: Duration) {
    let then = SystemTime::now() - by;
    for key in lab.list(folder).into_keys() {
        let file = File::options().write(true).open(lab.path(&key)).expect("a file");
        file.set_modified(then).expect("the lab owns its files");
    }
}

/// Keys of the versions of the log, in order.
pub fn versions(lab: &Lab) -> Vec<String> {
    let keys = lab.list("lake/flow_logs/_delta_log").into_keys();
    keys.filter(|key| key.ends_with(".json")).collect()
}

fn readers_of_delta_tables_see_each_run_whole(lab: &Lab) {
    for n in 0..4 {
        put(lab, 10 + n, n, 30);
    }
    let summary = lab.convert(&[], 0);
    assert_eq!((&summary["delta_versions"], &summary["delta_begun"]), (&json!(1), &json!([])));
    put_other(lab, 1);
    put(lab, 12, 7, 20);
    let summary = lab.convert(&[], 0);
    assert_eq!((&summary["delta_versions"], &summary["delta_begun"]), (&json!(1), &json!([])));
    every_reader_finds_all(lab);
    let nothing = lab.convert(&[], 0);
    assert_eq!(nothing["delta_versions"], 0, "a run that changes nothing writes nothing");
    // What is decoded again lies aside for a while; then it is shown.
    put(lab, 11, 1, 33);
    let window = ["--redo", "--since", "2023-09-11", "--until", "2023-09-12"];
    let summary = lab.convert(&window, 0);
    assert_eq!(summary["delta_versions"], 1);
    assert!(lab.list("lake/flow_logs/_c").len() > 1, "nothing lies aside");
    every_reader_finds_all(lab);
    put(lab, 13, 3, 41);
    let window = ["--redo", "--since", "2023-09-13", "--until", "2023-09-13", "--retention", "0s"];
    lab.convert(&window, 0);
    every_reader_finds_all(lab);
}

fn merged_files_are_the_same_rows_to_every_reader(lab: &Lab) {
    for n in 0..4 {
        put(lab, 10, n, 30);
        put_other(lab, n);
        lab.convert(&["--delta", "--full-scan"], 0);
    }
    let merge = |more: &[&str]| {
        let said = lab.run(&[&["compact", "{}lake/", "--settled", "0s"], more].concat());
        assert_eq!(said.code, 0, "{}", said.stderr);
    };
    merge(&["--retention", "3s"]);
    assert!(lab.list("lake/flow_logs/_c").len() >= 3, "nothing lies aside");
    every_reader_finds_all(lab);
    changes_no_rows(lab);
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(lab.convert(&[], 0)["files_shown"], 3);
    every_reader_finds_all(lab);
    changes_no_rows(lab);
}

fn removed_dates_are_gone_to_every_reader(lab: &Lab) {
    for n in 0..3 {
        (10..13).for_each(|day| put(lab, day, n, 30));
        put_other(lab, n);
        lab.convert(&["--full-scan"], 0);
    }
    let is_left = |row: &Row| row.get("date").is_none_or(|date| date.as_str() > "2023-09-11");
    let expire = |more: &[&str]| {
        let said = lab.run(&[&["expire", "{}lake/", "--until", "2023-09-11"], more].concat());
        assert_eq!(said.code, 0, "{}", said.stderr);
    };
    let before = versions(lab).len();
    expire(&["--retention", "3s"]);
    assert_eq!(versions(lab).len(), before + 1, "in one version");
    let newest = String::from_utf8(lab.get(&versions(lab)[before])).expect("UTF-8");
    let actions: Vec<Value> = newest.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let removed: Vec<&Value> = actions.iter().filter_map(|action| action.get("remove")).collect();
    assert_eq!(removed.len(), 6, "{newest}");
    assert!(removed.iter().all(|action| action["dataChange"] == true), "{newest}");
    assert!(!actions.iter().any(|action| action.get("add").is_some()), "{newest}");
    every_reader_finds(lab, is_left);
    std::thread::sleep(Duration::from_secs(4));
    put(lab, 11, 9, 12);
    assert_eq!(lab.convert(&["--full-scan", "--retention", "0s"], 0)["records_expired"], 12);
    assert_eq!(lab.list("lake/flow_logs/date=2023-09-11").len(), 0);
    every_reader_finds(lab, is_left);
}

/// The newest version adds and removes files, and says that no rows came or went.
#[track_caller]
fn changes_no_rows(lab: &Lab) {
    let newest = versions(lab).pop().expect("a version");
    let text = String::from_utf8(lab.get(&newest)).expect("UTF-8");
    let actions: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |name: &str| actions.iter().filter_map(|action| action.get(name).cloned()).collect::<Vec<Value>>();
    let (added, removed) = (of("add"), of("remove"));
    assert!(!added.is_empty() && !removed.is_empty(), "{text}");
    assert!(added.iter().chain(&removed).all(|action| action["dataChange"] == false), "{text}");
}

fn what_a_killed_run_left_out_is_written_by_the_next(lab: &Lab) {
    put(lab, 10, 0, 30);
    lab.convert(&[], 0);
    put(lab, 11, 1, 20);
    lab.convert(&[], 0);
    let [_, newest] = versions(lab).try_into().expect("two versions");
    let bytes = lab.get(&newest);
    lab.delete(&newest.as_str().into());
    // As after a kill between the seal and the version.
    assert_eq!(lab.convert(&[], 0)["delta_versions"], 1);
    assert_eq!(String::from_utf8_lossy(&lab.get(&newest)), String::from_utf8_lossy(&bytes));
    is_sound(lab);
    // A whole run of an earlier program, which knows nothing of Delta logs.
    put(lab, 12, 2, 10);
    lab.convert(&[], 0);
    put(lab, 13, 3, 15);
    lab.convert(&[], 0);
    for version in versions(lab).split_off(2) {
        lab.delete(&version.as_str().into());
    }
    assert_eq!(lab.convert(&[], 0)["delta_versions"], 1);
    assert_eq!(versions(lab).len(), 3);
    is_sound(lab);
}

fn a_version_of_another_program_is_named_until_it_is_repaired(lab: &Lab) {
    put(lab, 10, 0, 30);
    put(lab, 11, 1, 20);
    lab.convert(&[], 0);
    let log = "lake/flow_logs/_delta_log";
    // Who only notes something about himself changes no table.
    lab.put(
        &format!("{log}/{:020}.json", 1),
        "{\"commitInfo\":{\"operation\":\"NOTE\",\"operationParameters\":null}}\n",
    );
    put(lab, 12, 2, 10);
    assert_eq!(lab.convert(&[], 0)["delta_foreign"], json!([]));
    is_sound(lab);
    let first = String::from_utf8(lab.get(&format!("{log}/{:020}.json", 0))).expect("JSON");
    let added = first.lines().filter_map(|line| {
        let action: Value = serde_json::from_str(line).expect("an action");
        action["add"]["path"].as_str().map(str::to_owned)
    });
    let [added, kept] = added.collect::<Vec<String>>().try_into().expect("two files were added");
    let remove = json!({ "remove": { "path": added, "dataChange": true, "deletionTimestamp": 1 } });
    let stray = json!({ "add": { "path": "date=2023-09-10/theirs.parquet", "partitionValues": { "date": "2023-09-10" },
        "size": 1, "modificationTime": 1, "dataChange": true } });
    let theirs = format!("{log}/{:020}.json", 3);
    // A reader of deletion vectors, a place elsewhere, and a name that no lake can have.
    let masked = json!({ "add": { "path": kept, "partitionValues": { "date": "2023-09-11" }, "size": 1,
        "modificationTime": 1, "dataChange": true, "deletionVector": { "storageType": "u", "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^",
            "offset": 4, "sizeInBytes": 40, "cardinality": 2 } } });
    let unmasked = json!({ "remove": { "path": kept, "dataChange": true, "deletionTimestamp": 1 } });
    let elsewhere = json!({ "add": { "path": "file:///elsewhere.parquet", "partitionValues": { "date": "2023-09-10" },
        "size": 1, "modificationTime": 1, "dataChange": true } });
    let protocol = json!({ "protocol": { "minReaderVersion": 3, "minWriterVersion": 7,
        "readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"] } });
    let lines = [protocol, remove, stray, unmasked, masked, elsewhere].map(|line| line.to_string());
    lab.put(&theirs, lines.join("\n"));
    // Named by each run, also behind versions of our own.
    for n in 3..5 {
        put(lab, 13, n, 5);
        assert_eq!(lab.convert(&[], 3)["delta_foreign"], json!([lab.url(&theirs)]));
    }
    assert_eq!(lab.convert(&[], 3)["delta_foreign"], json!([lab.url(&theirs)]));
    let said = lab.run(&["delta", "{}lake/", "--json"]);
    assert_eq!(said.code, 4, "{}", said.stderr);
    let found: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!(found["lacking"].as_array().expect("a list").len(), 2, "{found}");
    let surplus: BTreeSet<&str> =
        found["surplus"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let theirs_alone = ["date=2023-09-10/theirs.parquet", kept.as_str(), "file:///elsewhere.parquet"];
    assert_eq!(surplus, theirs_alone.into());
    assert_eq!(found["foreign"], 3);
    let said = lab.run(&["verify", "{}lake/", "--json"]);
    assert_eq!(said.code, 4, "{}", said.stderr);
    assert_eq!(said.stdout.matches("delta_differs").count(), 6, "{}", said.stdout);
    let said = lab.run(&["delta", "{}lake/", "--repair"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    every_reader_finds_all(lab);
    assert_eq!(lab.convert(&[], 0)["delta_foreign"], json!([]));
    let said = lab.run(&["delta", "{}lake/", "--repair"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "there is nothing to repair");
}

#[test]
fn a_log_of_many_versions_has_a_checkpoint_and_other_programs_cannot_write_to_it() {
    let lab = Lab::on_disk();
    put(&lab, 10, 0, 3);
    put_other(&lab, 0);
    lab.convert(&[], 0);
    for n in 1..=52 {
        put(&lab, 10 + n % 3, n, 2);
        lab.convert(&[], 0);
    }
    let checkpoint = format!("lake/flow_logs/_delta_log/{:020}.checkpoint.parquet", 50);
    assert!(lab.list("lake/flow_logs/_delta_log").contains_key(&checkpoint), "{:?}", versions(&lab));
    // Readers begin at the checkpoint.
    for version in versions(&lab).into_iter().take(50) {
        lab.delete(&version.as_str().into());
    }
    every_reader_finds_all(&lab);
    put(&lab, 14, 60, 2);
    assert_eq!(lab.convert(&[], 0)["delta_versions"], 1);
    every_reader_finds_all(&lab);
    let script = format!(
        "from deltalake import DeltaTable\ntable = DeltaTable('{}')\n\
         for act in (table.delete, table.optimize.compact):\n    try:\n        act()\n        print('done')\n    \
         except Exception as error:\n        print('refused' if 'flowlake' in str(error) else error)\n",
        lab.path("lake/flow_logs").display()
    );
    let file = lab.temporary().join("write.py");
    std::fs::write(&file, script).expect("the lab's own folder");
    let output = lab.script(python(), file.to_str().expect("a plain path")).output().expect("Python starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "refused\nrefused\n");
}

/// Copies, and names that only look like versions, in the log's folder; a table that the lake did not have before.
#[test]
fn what_is_no_version_is_passed_over_and_a_later_table_gets_a_log_too() {
    let lab = Lab::on_disk();
    put(&lab, 10, 0, 30);
    lab.convert(&[], 0);
    let log = "lake/flow_logs/_delta_log";
    for name in [
        "backup/00000000000000000009.json",
        "00000000000000000001.json.bak",
        "+0000000000000000005.json",
        "18446744073709551615.json",
        "9223372036854775807.json",
    ] {
        lab.put(&format!("{log}/{name}"), "no version");
    }
    put(&lab, 11, 1, 20);
    let tgw = "version resource-type tgw-id srcaddr packets bytes start end\n\
               6 TransitGateway tgw-1 10.0.0.1 1 64 1694606400 1694606401\n";
    lab.put_gz("logs/tgw/one.log.gz", tgw);
    let summary = lab.convert(&[], 0);
    assert_eq!((&summary["delta_versions"], &summary["delta_begun"]), (&json!(2), &json!([])));
    is_sound(&lab);
    let said = lab.run(&["delta", "{}lake/"]);
    assert!(said.stdout.contains("flow_logs: version 1 has 2 files with 50 rows"), "{}", said.stdout);
    assert!(said.stdout.contains("tgw_flow_logs: version 0 has 1 file with 1 row"), "{}", said.stdout);
    // Something that is no version has the name of the next one.
    std::fs::create_dir(lab.path(&format!("{log}/{:020}.json", 2))).expect("the lab's own folder");
    put(&lab, 12, 2, 10);
    let summary = lab.convert(&[], 3);
    assert_eq!(summary["records"], 10);
    let reason = summary["delta_unreadable"][0].as_str().expect("a reason");
    assert!(reason.contains("it has the name of the next version, and is none"), "{reason}");
    std::fs::remove_dir(lab.path(&format!("{log}/{:020}.json", 2))).expect("it is empty");
    assert_eq!(lab.convert(&[], 0)["delta_versions"], 1);
    is_sound(&lab);
}

#[test]
fn what_is_given_up_leaves_the_delta_table_too() {
    let lab = Lab::on_disk();
    put(&lab, 10, 0, 30);
    put(&lab, 11, 1, 20);
    lab.convert(&[], 0);
    put(&lab, 12, 2, 10);
    lab.convert(&[], 0);
    let gone = lab.data_files().into_iter().find(|key| key.contains("date=2023-09-12")).expect("a file of that date");
    lab.delete(&gone.as_str().into());
    let said = lab.run(&["repair", "{}lake/"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let said = lab.run(&["delta", "{}lake/", "--json"]);
    let found: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!((said.code, &found["rows"]), (0, &json!(50)), "{found}");
    lab.convert(&[], 0);
    every_reader_finds_all(&lab);
}

#[test]
fn a_delta_log_that_cannot_be_read_keeps_nothing_from_being_converted() {
    let lab = Lab::on_disk();
    put(&lab, 10, 0, 30);
    lab.convert(&[], 0);
    let [version] = versions(&lab).try_into().expect("one version");
    lab.put(&version, "no JSON");
    put(&lab, 11, 1, 20);
    let summary = lab.convert(&[], 3);
    assert_eq!(summary["records"], 20);
    let reason = summary["delta_unreadable"][0].as_str().expect("a reason");
    assert!(reason.contains("_delta_log") && reason.contains("--delta"), "{reason}");
    assert_eq!(lab.run(&["verify", "{}lake/"]).code, 4);
    lab.delete(&version.as_str().into());
    lab.convert(&[], 0);
    every_reader_finds_all(&lab);
}
