//! Small files are merged: every reader finds all rows at any time, whoever converts, decodes again or dies meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use flowlake::commit::Ledger;
use flowlake::lake::{Body, Lost};
use object_store::memory::InMemory;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::{Value, json};

use crate::faults::{AGAIN, Bench, asleep, at_every_operation, key, text, writer};
use crate::faulty::{Fault, FaultyStore};
use crate::lab::{Lab, on_both_stores, read_rows};

on_both_stores!(
    readers_find_all_rows_before_and_after_the_retention,
    objects_of_merged_files_are_decoded_again,
    a_damaged_file_stays_as_it_is,
);

pub fn put(lab: &Lab, day: u32, n: u32, text: &str) {
    lab.put_gz(&format!("logs/{}", key(day, n)), text);
}

/// A lake `lake/` of `runs` runs, each with an object of each of three days.
pub fn fed(lab: &Lab, runs: u32) {
    for run in 0..runs {
        (1..=3).for_each(|day| put(lab, day, run * 3 + day, &text(day, run * 3 + day)));
        lab.run(&["convert", "{}logs/", "{}lake/", "--progress", "never"]);
    }
}

#[track_caller]
pub fn compact(lab: &Lab, more: &[&str], code: i32) -> Value {
    let said = lab.run(&[&["compact", "{}lake/", "--json", "--progress", "never"], more].concat());
    assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
    serde_json::from_str(&said.stdout).expect("JSON")
}

/// `count,sum of bytes` by the program, and as the sources give it.
#[track_caller]
pub fn answers_are_right(lab: &Lab) {
    let sum = "SELECT count(*) AS n, sum(bytes) AS bytes FROM flow_logs";
    let said = lab.run(&["query", "{}lake/", sum, "--format", "csv"]);
    let rows = lab.expected("logs").rows;
    let bytes: u64 = rows.values().map(|row| row["bytes"].parse::<u64>().expect("a number")).sum();
    assert_eq!(said.stdout, format!("n,bytes\n{},{bytes}\n", rows.len()), "{}", said.stderr);
}

#[track_caller]
pub fn is_proven(lab: &Lab) -> Value {
    let said = lab.run(&["verify", "{}lake/", "{}logs/", "--json"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    serde_json::from_str(&said.stdout).expect("JSON")
}

fn readers_find_all_rows_before_and_after_the_retention(lab: &Lab) {
    fed(lab, 4);
    let rows = lab.expected("logs").rows;
    assert_eq!((lab.data_files().len(), lab.lake_rows() == rows), (12, true));
    let would = lab.run(&["compact", "{}lake/", "--dry-run", "--json"]);
    let would: Value = serde_json::from_str(&would.stdout).expect("JSON");
    assert_eq!(would, json!({ "dates": 3, "files": 12, "bytes": would["bytes"], "files_estimated": 3 }));
    let summary = compact(lab, &["--retention", "3s"], 0);
    assert_eq!((&summary["files_merged"], &summary["files_compacted"]), (&12.into(), &3.into()), "{summary}");
    assert_eq!(summary["merged_bytes"], would["bytes"]);
    assert_eq!(summary["ledger_format"], 5);
    // Who lists folders sees what there was.
    assert_eq!((lab.data_files().len(), lab.lake_rows() == rows), (12, true));
    answers_are_right(lab);
    assert_eq!(is_proven(lab)["files_retired"], 12);
    assert_eq!(compact(lab, &[], 0)["files_merged"], 0, "what lies aside is left alone");
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(lab.convert(&["--retention", "0s"], 0)["files_shown"], 3);
    assert_eq!((lab.data_files().len(), lab.lake_rows() == rows), (3, true));
    answers_are_right(lab);
    lab.convert(&[], 0);
    assert_eq!(is_proven(lab)["files_retired"], 0);
    assert_eq!(lab.list("lake/flow_logs/_c").len(), 0);
    has_filters(lab, &["srcaddr"]);
}

/// Each row group of each data file has a bloom filter of these columns, and of no others, which lets through all that
/// it holds and next to nothing else.
#[track_caller]
fn has_filters(lab: &Lab, columns: &[&str]) {
    for key in lab.data_files() {
        let properties = parquet::file::serialized_reader::ReadOptionsBuilder::new()
            .with_reader_properties(
                parquet::file::properties::ReaderProperties::builder().set_read_bloom_filter(true).build(),
            )
            .build();
        let bytes = bytes::Bytes::from(lab.get(&key));
        let reader = SerializedFileReader::new_with_options(bytes, properties).expect("Parquet");
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group).expect("a row group");
            for (at, column) in group.metadata().columns().iter().enumerate() {
                let name = column.column_descr().name();
                let Some(filter) = group.get_column_bloom_filter(at) else {
                    assert!(!columns.contains(&name), "{name}");
                    continue;
                };
                assert!(columns.contains(&name), "{name}");
                let others = (0..1000).filter(|n| filter.check(&format!("192.0.2.{n}").as_str())).count();
                assert!(others < 100, "{others} of 1,000 others");
                let mut held = 0;
                for row in group.get_row_iter(None).expect("rows") {
                    let row = row.expect("a row");
                    let (_, value) = row.get_column_iter().nth(at).expect("a column");
                    let text = value.to_string();
                    assert!(filter.check(&text.trim_matches('"')), "{text}");
                    held += 1;
                }
                assert!(held > 0);
            }
        }
    }
}

fn objects_of_merged_files_are_decoded_again(lab: &Lab) {
    fed(lab, 4);
    compact(lab, &["--retention", "0s", "--bloom", "none"], 0);
    assert_eq!(lab.data_files().len(), 3);
    has_filters(lab, &[]);
    put(lab, 2, 2, &text(2, 2).replace(" 64\n", " 65\n"));
    put(lab, 2, 5, &text(2, 5).replace(" 64\n", " 66\n"));
    let window = ["--redo", "--since", "2023-09-02", "--until", "2023-09-02", "--retention", "0s"];
    let summary = lab.convert(&window, 3);
    assert_eq!((&summary["tasks_replaced"], &summary["objects"]), (&1.into(), &4.into()), "{summary}");
    assert!(lab.lake_rows() == lab.expected("logs").rows);
    answers_are_right(lab);
    is_proven(lab);
    // What came late goes with the rest, once there is enough of it.
    for n in 100..103 {
        put(lab, 2, n, &text(2, n));
        lab.convert(&["--lookback", "30d"], if n % 5 == 0 { 3 } else { 0 });
    }
    let summary = compact(lab, &["--retention", "0s"], 0);
    assert_eq!((&summary["files_merged"], &summary["files_compacted"]), (&4.into(), &1.into()), "{summary}");
    assert!(lab.lake_rows() == lab.expected("logs").rows);
    answers_are_right(lab);
    is_proven(lab);
}

fn a_damaged_file_stays_as_it_is(lab: &Lab) {
    fed(lab, 4);
    let damaged = lab.data_files().into_iter().find(|key| key.contains("date=2023-09-02")).expect("a file");
    let whole = lab.get(&damaged);
    let mut bytes = whole.clone();
    bytes[10] ^= 1;
    lab.put(&damaged, bytes);
    let summary = compact(lab, &["--retention", "0s"], 3);
    assert_eq!((&summary["files_merged"], &summary["files_compacted"]), (&8.into(), &2.into()), "{summary}");
    let [kept] = summary["not_merged"].as_array().expect("a list").as_slice() else { panic!("{summary}") };
    let name = damaged.rsplit_once('/').expect("a folder").1;
    assert!(kept.as_str().is_some_and(|kept| kept.contains(name)), "{kept}");
    assert_eq!(lab.data_files().len(), 4 + 2);
    let said = lab.run(&["verify", "{}lake/"]);
    assert_eq!(said.code, 4, "{}", said.stdout);
    assert!(said.stdout.contains(name), "{}", said.stdout);
    // It is known from then on: the others are merged, and then nothing more is written for it.
    let would = lab.run(&["compact", "{}lake/", "--dry-run", "--json"]);
    let would: Value = serde_json::from_str(&would.stdout).expect("JSON");
    assert_eq!((&would["dates"], &would["files"]), (&1.into(), &3.into()));
    let summary = compact(lab, &["--retention", "0s"], 3);
    assert_eq!((&summary["files_merged"], &summary["not_merged"][0]), (&3.into(), kept), "{summary}");
    let entries = lab.list("lake/_flowlake/log");
    let summary = compact(lab, &["--retention", "0s"], 3);
    assert_eq!((&summary["files_merged"], &summary["not_merged"]), (&0.into(), &json!([kept])), "{summary}");
    assert_eq!(lab.list("lake/_flowlake/log"), entries);
    // Once it is restored it is merged with what came late.
    lab.put(&damaged, whole);
    for n in 100..102 {
        put(lab, 2, n, &text(2, n));
        lab.convert(&["--lookback", "30d"], if n % 5 == 0 { 3 } else { 0 });
    }
    let summary = compact(lab, &["--retention", "0s"], 0);
    assert_eq!((&summary["files_merged"], &summary["not_merged"]), (&4.into(), &json!([])), "{summary}");
    assert!(lab.lake_rows() == lab.expected("logs").rows);
    answers_are_right(lab);
    is_proven(lab);
}

/// Three objects of each of two days; one of them has a line that is set aside.
pub fn bench() -> Bench {
    let mut bench = Bench::new();
    for run in 0..3 {
        (1..=2).for_each(|day| bench.put(&key(day, run * 2 + day), &text(day, run * 2 + day)));
    }
    bench
}

/// The lake of three runs, each of which met one object of each day: three files a date.
pub fn lake_of(bench: &Bench) -> InMemory {
    let lake = Arc::new(InMemory::new());
    let all = bench.objects(&bench.logs);
    let of_run = |run: usize| all.iter().skip(run % 3).step_by(3);
    all.keys().for_each(|name| bench.take(name));
    for run in 0..3 {
        of_run(run).for_each(|(name, bytes)| bench.give(name, bytes.clone()));
        bench.convert(lake.clone(), &["--full-scan"]).expect("no faults");
    }
    lake.fork()
}

pub const AT_ONCE: &[&str] = &["--retention", "0s"];
const COMPACT: &[&str] = &["compact", "--retention", "0s"];

#[test]
fn a_compaction_survives_a_fault_at_every_operation() {
    let bench = bench();
    let lake = lake_of(&bench);
    let prepared = || Arc::new(lake.fork());
    let faults = at_every_operation(&bench, prepared, |lake| bench.compact(lake, AT_ONCE).is_ok());
    assert!(faults > 100, "{faults} faults");
    // Without retention a reader of folders may miss a date between two operations; one of the ledger never does.
    for operation in 1.. {
        let store = Arc::new(lake.fork());
        let dying = Arc::new(FaultyStore::new(store.clone(), operation, Fault::DiesBefore));
        let _ = bench.compact(dying.clone(), AT_ONCE);
        let at = format!("operation {operation}");
        assert_eq!(bench.check_readers(&store, &at), bench.expected.rows.len(), "{at}");
        if dying.operations() < operation {
            assert_eq!(bench.data_files(&store).len(), 2, "{at}");
            break;
        }
        // A run of another command finishes it.
        bench.convert(store.clone(), &[]).expect("no faults");
        assert_eq!(bench.check_readers(&store, &at), bench.expected.rows.len(), "{at}");
        let mut rows = BTreeMap::new();
        bench.data_files(&store).into_iter().for_each(|(name, bytes)| read_rows(&name, bytes, &mut rows));
        assert!(rows == bench.expected.rows, "{at}: {} rows in the folders", rows.len());
        assert_eq!(bench.block_on(crate::verify::differences(store.clone())), Vec::<String>::new(), "{at}");
    }
}

#[test]
fn a_compaction_that_sleeps_brings_nothing_back() {
    let bench = Arc::new(bench());
    let lake = lake_of(&bench);
    let slept = asleep(&bench, &lake, COMPACT, &[AGAIN, COMPACT]);
    assert!(slept > 20, "{slept} operations");
    let slept = asleep(&bench, &lake, COMPACT, &[COMPACT, COMPACT]);
    assert!(slept > 20, "{slept} operations");
}

#[test]
fn a_redo_that_sleeps_while_files_are_merged_brings_nothing_back() {
    let bench = Arc::new(bench());
    let lake = lake_of(&bench);
    bench.alter();
    let slept = asleep(&bench, &lake, AGAIN, &[COMPACT, COMPACT]);
    assert!(slept > 20, "{slept} operations");
}

/// Rows that land between plan and publish stay where they are.
#[test]
fn what_is_converted_while_files_are_merged_is_there() {
    let mut bench = bench();
    let lake = lake_of(&bench);
    bench.put(&key(2, 90), &text(2, 90));
    let bench = Arc::new(bench);
    let late = bench.objects(&bench.logs)[&key(2, 90)].clone();
    bench.take(&key(2, 90));
    for operation in 1.. {
        let store = Arc::new(lake.fork());
        let (of_others, lab, late) = (store.clone(), bench.clone(), late.clone());
        let meanwhile = move || {
            lab.give(&key(2, 90), late.clone());
            lab.convert(of_others.clone(), &["--full-scan"]).expect("no faults");
        };
        let sleeping = Arc::new(FaultyStore::sleeping(store.clone(), operation, Box::new(meanwhile)));
        let at = format!("operation {operation}");
        bench.compact(sleeping.clone(), AT_ONCE).unwrap_or_else(|error| panic!("{at}: {error}"));
        if sleeping.operations() < operation {
            assert!(operation > 20, "{operation} operations");
            break;
        }
        assert_eq!(bench.check_readers(&store, &at), bench.expected.rows.len(), "{at}");
        assert_eq!(bench.block_on(crate::verify::differences(store.clone())), Vec::<String>::new(), "{at}");
        bench.take(&key(2, 90));
    }
}

/// Files of other columns stay apart, dates that are not over and rows without a date wait, and a run that converts
/// merges too.
#[test]
fn what_is_merged_is_what_was_asked_for() {
    let lab = Lab::on_disk();
    fed(&lab, 3);
    for n in 0..3 {
        let text = "version srcaddr dstaddr start bytes\n2 10.1.0.1 10.2.0.1 1693526400 7\n2 10.1.0.2 - - 8\n";
        lab.put_gz(&format!("logs/other-{n}.log.gz"), text);
        lab.convert(&["--full-scan"], 0);
    }
    let would = |more: &[&str]| -> Value {
        let said = lab.run(&[&["compact", "{}lake/", "--dry-run", "--json"], more].concat());
        assert_eq!(said.code, 0, "{}", said.stderr);
        serde_json::from_str(&said.stdout).expect("JSON")
    };
    // Of the first date two sets of columns; rows without a date wait for their files' age.
    assert_eq!((&would(&[])["dates"], &would(&[])["files"]), (&3.into(), &12.into()));
    assert_eq!(would(&[])["files_estimated"], 4);
    assert_eq!(would(&["--settled", "0s"])["files"], 15);
    assert_eq!(would(&["--since", "2023-09-02"])["files"], 6);
    assert_eq!(would(&["--until", "2023-09-01", "--settled", "0s"])["files"], 6);
    assert_eq!(would(&["--settled", "100000d"])["files"], 0);
    let summary = lab.convert(&["--compact-after", "1d", "--retention", "0s"], 0);
    assert_eq!((&summary["files_merged"], &summary["files_compacted"]), (&12.into(), &4.into()), "{summary}");
    assert_eq!(summary["files_shown"], 4);
    assert!(lab.lake_rows() == lab.expected("logs").rows);
    is_proven(&lab);
    let people = lab.run(&["compact", "{}lake/"]);
    assert_eq!((people.code, people.stderr.as_str()), (0, "there is nothing to merge\n"));
    for (words, why) in [
        (["--target", "1MiB"], "give at least 16MiB"),
        (["--target", "5GiB"], "give at most 4GiB"),
        (["--bloom", "srcadr"], "`srcadr`, which is no column of texts"),
    ] {
        let said = lab.run(&[&["compact", "{}lake/"], &words[..]].concat());
        assert!(said.code == 2 && said.stderr.contains(why), "{}", said.stderr);
    }
    let none = lab.run(&["compact", "{}none/"]);
    assert!(none.code == 1 && none.stderr.contains("is not a flowlake lake"), "{}", none.stderr);
}

/// Before and behind a checkpoint, which files the plan and lists the new files by date.
#[test]
fn a_checkpoint_files_what_was_merged() {
    let bench = bench();
    let lake = Arc::new(lake_of(&bench));
    bench.compact(lake.clone(), &[]).expect("no faults");
    let checkpoint = || {
        bench.block_on(async {
            Ledger::open(writer(lake.clone())).await.expect("a ledger").checkpoint().await.expect("no faults");
        });
    };
    let is_right = |at: &str, files: usize| {
        assert_eq!(bench.check_readers(&lake, at), bench.expected.rows.len(), "{at}");
        assert_eq!(bench.files_by_date(&lake).len(), files, "{at}");
        assert_eq!(bench.block_on(crate::verify::differences(lake.clone())), Vec::<String>::new(), "{at}");
    };
    is_right("merged", 2);
    checkpoint();
    is_right("filed", 2);
    // Decoded again behind it, and merged once more with what comes later.
    bench.alter();
    bench.convert(lake.clone(), &AGAIN[..5]).expect("no faults");
    is_right("decoded again", 2);
    checkpoint();
    is_right("filed again", 2);
    assert_eq!(bench.compact(lake.clone(), AT_ONCE).expect("no faults").compacted.files_merged, 0);
}

/// A plan that lost one of its inputs takes nothing out of the lake: no file is read for it.
#[test]
fn no_task_begins_whose_plan_is_void() {
    let bench = bench();
    let lake = lake_of(&bench);
    let is_planned = |lake: &InMemory| {
        let objects = bench.objects(lake);
        let of = |word: &str| objects.keys().filter(|name| name.contains(word)).count();
        let log = objects.iter().filter(|(name, _)| name.contains("/log/"));
        let plans =
            log.filter(|(_, entry)| String::from_utf8_lossy(entry).contains("\"purpose\": \"compact\"")).count();
        (plans, of("/commits/"))
    };
    let begun = (1..).find_map(|operation| {
        let store = Arc::new(lake.fork());
        let dying = Arc::new(FaultyStore::new(store.clone(), operation, Fault::DiesBefore));
        let _ = bench.compact(dying, AT_ONCE);
        (is_planned(&store) == (1, 3)).then_some(store)
    });
    let store = begun.expect("a run that died behind its plan");
    // One run of three is given up by somebody who knows of no plan to merge.
    bench.block_on(async {
        let mut ledger = Ledger::open(writer(store.clone())).await.expect("a ledger");
        let heads = ledger.state.heads(&ledger.writer.lake).await.expect("heads");
        let (tasks, totals) = (BTreeSet::from([heads[0].task_ref()]), heads[0].totals);
        ledger.append(Body::Lost(Lost { tasks, totals, ..Lost::default() })).await.expect("no faults");
    });
    let summary = bench.compact(store.clone(), AT_ONCE).expect("no faults");
    assert_eq!(summary.replaced.plans_void.len(), 1, "{summary:?}");
    assert_eq!(is_planned(&store), (1, 3), "nothing of the plan was committed");
}

/// Files of earlier writers, of other columns and without field ids, go into files of today's.
#[test]
fn files_of_earlier_formats_are_merged() {
    let of_2 = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action \
                log-status";
    let of_3 = "version bytes dstport packets srcaddr start";
    let of_1 = "version account-id action bytes dstport end packets srcaddr start";
    for (kept, fields) in [("lake-1", of_1), ("lake-2", of_2), ("lake-3", of_3), ("lake-4", of_3)] {
        let lab = Lab::on_disk();
        crate::old_ledgers::copy(&lab, kept);
        for n in 0..3 {
            let value = |field: &str| match field {
                "srcaddr" | "dstaddr" => format!("10.0.1.{n}"),
                "start" | "end" => "1694649600".to_owned(),
                "action" => "ACCEPT".to_owned(),
                _ => n.to_string(),
            };
            let row: Vec<String> = fields.split_whitespace().map(value).collect();
            let text = format!("{fields}\n{}\n", row.join(" "));
            lab.put_gz(&format!("logs/2023/09/14/{n}.log.gz"), &text);
            lab.run(&["convert", "{}logs/", "{}lake/", "--full-scan", "--trust-plans", "--retention", "0s"]);
        }
        lab.run(&["convert", "{}logs/", "{}lake/", "--retention", "0s"]);
        let (rows, files) = (lab.lake_rows(), lab.data_files().len());
        assert!(rows.len() > 5, "{kept}: {} rows", rows.len());
        let summary = compact(&lab, &["--retention", "0s"], 0);
        let merged = summary["files_merged"].as_u64().expect("a count");
        assert!(merged >= 4, "{kept}: {summary}");
        let made = summary["files_compacted"].as_u64().expect("a count");
        assert_eq!(lab.data_files().len() as u64, files as u64 - merged + made, "{kept}");
        assert!(lab.lake_rows() == rows, "{kept}: other rows");
        let said = lab.run(&["verify", "{}lake/"]);
        assert_eq!(said.code, 0, "{kept}: {}", said.stdout);
    }
}

/// Names of files have the hash of their bytes.
#[test]
fn the_same_files_give_the_same_bytes() {
    let lab = Lab::on_disk();
    fed(&lab, 4);
    let names = |lake: &str| -> Vec<String> {
        let keys = lab.list(&format!("{lake}/flow_logs/_c")).into_keys();
        keys.filter_map(|key| Some(key.rsplit_once('/')?.1.to_owned())).collect()
    };
    let copy = std::process::Command::new("cp").arg("-a").args([lab.path("lake"), lab.path("other")]).status();
    assert!(copy.expect("cp starts").success());
    for (lake, how) in [("lake", ["--threads", "1"]), ("other", ["--memory", "2GiB"])] {
        let said = lab.run(&["compact", &format!("{{}}{lake}/"), how[0], how[1]]);
        assert_eq!(said.code, 0, "{}", said.stderr);
    }
    assert_eq!(names("lake").len(), 3);
    assert_eq!(names("lake"), names("other"));
}
