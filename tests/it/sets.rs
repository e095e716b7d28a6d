//! What is live is a set: objects that are decoded again leave the files of others whole, and what was replaced is seen
//! by readers of folders until its retention is over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flowlake::commit::{Ledger, WholeTables, repair};
use flowlake::lake::{Body, Commit, CommitHead, Lake, State, Totals};
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::{Value, json};

use crate::faults::{AGAIN, Bench, key, text, writer};
use crate::faulty::{Fault, FaultyStore};
use crate::lab::{Lab, on_both_stores, read_rows};
use crate::oracle::Row;

on_both_stores!(
    readers_of_folders_see_what_was_replaced_until_its_retention_is_over,
    rows_and_lines_of_other_objects_are_carried_over,
    what_lies_where_a_file_is_to_be_shown_is_held_against_the_ledger,
    a_file_aside_that_is_gone_does_not_hold_up_what_is_new,
);

const DAYS: [&str; 5] = ["--redo", "--since", "2023-09-01", "--until", "2023-09-01"];

fn put(lab: &Lab, day: u32, n: u32, text: &str) {
    lab.put_gz(&format!("logs/{}", key(day, n)), text);
}

fn by_ledger(lab: &Lab) -> String {
    let sum = "SELECT count(*) AS n, sum(bytes) AS bytes FROM flow_logs";
    let said = lab.run(&["query", "{}lake/", sum, "--format", "csv"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    said.stdout.lines().last().unwrap_or_default().to_owned()
}

/// The same of rows that were read otherwise.
fn sum_of(rows: &BTreeMap<(String, i64), Row>) -> String {
    let bytes: u64 = rows.values().map(|row| row["bytes"].parse::<u64>().expect("a number")).sum();
    format!("{},{bytes}", rows.len())
}

fn is_proven(lab: &Lab) -> Value {
    let said = lab.run(&["verify", "{}lake/", "{}logs/", "--json"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    serde_json::from_str(&said.stdout).expect("JSON")
}

fn aside(lab: &Lab) -> usize {
    lab.list("lake/flow_logs/_c").len()
}

fn readers_of_folders_see_what_was_replaced_until_its_retention_is_over(lab: &Lab) {
    (1..=3).for_each(|n| put(lab, 1, n, &text(1, n)));
    put(lab, 2, 4, &text(2, 4));
    lab.convert(&[], 0);
    let before = lab.lake_rows();
    // Twice, before anything of it is shown.
    for bytes in [65, 66] {
        put(lab, 1, 2, &text(1, 2).replace(" 64\n", &format!(" {bytes}\n")));
        let summary = lab.convert(&[&DAYS[..], &["--retention", "3s"]].concat(), 0);
        assert_eq!((&summary["tasks_replaced"], &summary["files_shown"]), (&1.into(), &0.into()), "{summary}");
        assert_eq!(lab.lake_rows(), before);
        assert_eq!(by_ledger(lab), sum_of(&lab.expected("logs").rows));
        assert!(is_proven(lab)["files_retired"].as_u64() > Some(0));
    }
    assert_eq!(aside(lab), 2);
    std::thread::sleep(Duration::from_secs(4));
    let summary = lab.convert(&["--retention", "0s"], 0);
    assert_eq!(summary["files_shown"], 1, "{summary}");
    let expected = lab.expected("logs").rows;
    assert!(expected != before && lab.lake_rows() == expected);
    assert_eq!(by_ledger(lab), sum_of(&expected));
    is_proven(lab);
    // The next run has nothing to show, and removes what lies aside.
    assert_eq!(lab.convert(&[], 0)["files_shown"], 0);
    assert_eq!(aside(lab), 0);
    assert_eq!(is_proven(lab)["files_retired"], 0);
    assert_eq!(lab.lake_rows(), expected);
}

/// Of one file, one object is decoded again, one is gone, and one is left alone; each has a line that was set aside.
fn rows_and_lines_of_other_objects_are_carried_over(lab: &Lab) {
    let bad = "2 10.0.0.9 70000 1693526400 1 1\n";
    (1..=3).for_each(|n| put(lab, 1, n, &format!("{}{bad}", text(1, n))));
    let summary = lab.convert(&[], 3);
    assert_eq!((&summary["files"], &summary["rejects"]), (&1.into(), &3.into()), "{summary}");
    let mut expected = lab.expected("logs").rows;
    lab.delete(&Path::from(format!("logs/{}", key(1, 3))));
    put(lab, 1, 2, &text(1, 2).replace(" 64\n", " 65\n"));
    expected.extend(lab.expected("logs").rows);
    let summary = lab.convert(&[&DAYS[..], &["--retention", "0s"]].concat(), 3);
    assert_eq!((&summary["tasks_replaced"], &summary["objects_kept"]), (&1.into(), &1.into()), "{summary}");
    assert_eq!(lab.lake_rows(), expected);
    assert_eq!(by_ledger(lab), sum_of(&expected));
    let said = lab.run(&["rejects", "{}lake/", "--json"]);
    let of = |n| said.stdout.lines().filter(|line| line.contains(&key(1, n))).count();
    assert_eq!((of(1), of(2), of(3)), (1, 0, 1), "{}", said.stdout);
    is_proven(lab);
    let objects = "SELECT sum(rows) AS rows, sum(rejects) AS rejects, count(*) AS n FROM lake.objects";
    let said = lab.run(&["query", "{}lake/", objects, "--format", "csv"]);
    assert_eq!(said.stdout, format!("rows,rejects,n\n{},2,3\n", expected.len()), "{}", said.stderr);
    // Once more, of what was carried over.
    put(lab, 1, 1, &text(1, 1).replace(" 64\n", " 67\n"));
    expected.extend(lab.expected("logs").rows);
    lab.convert(&[&DAYS[..], &["--retention", "0s"]].concat(), 3);
    assert_eq!(lab.lake_rows(), expected);
    assert_eq!(by_ledger(lab), sum_of(&expected));
    is_proven(lab);
}

/// Another program planned to take files that an open plan takes already, and committed its tasks: nothing of it ever
/// counts.
#[test]
fn a_plan_that_takes_what_has_left_the_lake_is_void() {
    let mut bench = Bench::new();
    (1..=4).for_each(|day| bench.put(&key(day, day), &text(day, day)));
    let lake = Arc::new(InMemory::new());
    bench.convert(lake.clone(), &[]).expect("no faults");
    bench.alter();
    let redo = &AGAIN[..5];
    bench.convert(lake.clone(), redo).expect("no faults");
    let put = |name: String, bytes: Vec<u8>| {
        bench.block_on(lake.put(&Path::from(name), bytes.into())).expect("memory");
    };
    let entry = bench.objects(&lake)["_flowlake/log/00000000000000000003.json"].clone();
    let mut entry: Value = serde_json::from_slice(&entry).expect("JSON");
    assert_eq!((&entry["purpose"], &entry["effect"]), (&"redo".into(), &"at_seal".into()), "{entry}");
    for field in ["check", "mark"] {
        entry.as_object_mut().expect("an entry").remove(field);
    }
    put("_flowlake/log/00000000000000000005.json".to_owned(), entry.to_string().into_bytes());
    let reading = Lake::new(lake.clone(), Path::default(), "s3://lake/".to_owned());
    for task in 0..entry["tasks"].as_u64().expect("a number") {
        let commit = bench.block_on(reading.commit(3, task)).expect("a commit").expect("it is there");
        let head = CommitHead { plan: 5, files: Vec::new(), rejects: None, mark: None, ..commit.head };
        let commit = Commit { head: CommitHead { totals: Totals::default(), ..head }, receipts: Vec::new() };
        put(format!("_flowlake/commits/{:020}/{task:06}.ndjson.zst", 5), commit.encode());
    }
    assert_eq!(bench.check_readers(&lake, "open"), bench.expected.rows.len());
    let summary = bench.convert(lake.clone(), &[]).expect("no faults");
    let [why] = &summary.replaced.plans_void[..] else { panic!("{:?}", summary.replaced) };
    assert!(why.starts_with("plan 5: ") && why.contains("is no part of it any more"), "{why}");
    assert_eq!((summary.replaced.objects_kept, summary.left_something()), (0, true));
    let end = bench.block_on(reading.entry(6)).expect("an entry").expect("it is there");
    assert!(matches!(end.body, Body::Void(void) if void.plan == 5));
    for filed in [false, true] {
        if filed {
            bench.block_on(async {
                Ledger::open(writer(lake.clone())).await.expect("a ledger").checkpoint().await.expect("no faults");
            });
        }
        assert_eq!(bench.check_readers(&lake, "void"), bench.expected.rows.len());
        assert_eq!(bench.block_on(crate::verify::differences(lake.clone())), Vec::<String>::new());
        let state = bench.block_on(State::load(&reading)).expect("a state");
        assert_eq!((state.totals.rows, state.open_plans()), (bench.expected.rows.len() as u64, Vec::new()));
        assert_eq!(bench.convert(lake.clone(), &[]).expect("no faults").converted.objects_planned, 0);
    }
}

/// A plan to show that names what is live, or what is no file of flowlake, deletes neither.
#[test]
fn a_plan_to_show_deletes_only_what_has_left_the_lake() {
    let mut bench = Bench::new();
    (1..=2).for_each(|day| bench.put(&key(day, day), &text(day, day)));
    let lake = Arc::new(InMemory::new());
    bench.convert(lake.clone(), &[]).expect("no faults");
    let before = bench.data_files(&lake);
    let own = "flow_logs/date=2023-09-01/of-a-person.parquet";
    let task = json!({ "task": 0, "objects": [], "inputs": {
        "files": [], "tasks": [], "retired": before.keys().map(String::as_str).chain([own, "top"]).collect::<Vec<_>>(),
    }});
    let body = zstd::encode_all(format!("{task}\n").as_bytes(), 3).expect("memory");
    let entry = json!({
        "format": 3, "nonce": "n", "written_by": "somebody", "at": "2023-09-14T00:00:00Z", "kind": "plan",
        "purpose": "show", "effect": "at_seal", "tasks": 1, "objects": 0, "bytes": 0, "days": [],
        "body": "_flowlake/plans/00000000000000000003-n.ndjson.zst",
        "settings": { "writer_epoch": 4, "compression": "zstd", "file_bytes_max": 1, "partition_by": "date" },
    });
    let put = |name: &str, bytes: Vec<u8>| {
        bench.block_on(lake.put(&Path::from(name), bytes.into())).expect("memory");
    };
    put(own, b"mine".to_vec());
    put("_flowlake/plans/00000000000000000003-n.ndjson.zst", body);
    put("_flowlake/log/00000000000000000003.json", entry.to_string().into_bytes());
    bench.convert(lake.clone(), &[]).expect("no faults");
    let mut after = bench.data_files(&lake);
    assert_eq!(after.remove(own).as_deref(), Some(&b"mine"[..]));
    assert_eq!(after, before);
}

/// Of an object that gave nothing no file leaves the lake: its plan alone says that it is decoded again already.
#[test]
fn a_redo_that_died_is_not_planned_twice() {
    let mut bench = Bench::new();
    bench.put(&key(1, 1), "version srcaddr dstport start packets bytes\n");
    let converted = Arc::new(InMemory::new());
    bench.convert(converted.clone(), &[]).expect("no faults");
    bench.put(&key(1, 1), &text(1, 1));
    for operation in 1.. {
        let lake = Arc::new(converted.fork());
        let store = Arc::new(FaultyStore::new(lake.clone(), operation, Fault::DiesBefore));
        let _ = bench.convert(store.clone(), AGAIN);
        if store.operations() < operation {
            assert!(operation > 20, "{operation} operations");
            break;
        }
        bench.convert(lake.clone(), AGAIN).expect("no faults");
        let at = format!("operation {operation}");
        assert_eq!(bench.check_readers(&lake, &at), 5, "{at}");
        assert_eq!(bench.block_on(crate::verify::differences(lake.clone())), Vec::<String>::new(), "{at}");
        let mut rows = BTreeMap::new();
        bench.data_files(&lake).into_iter().for_each(|(name, bytes)| read_rows(&name, bytes, &mut rows));
        assert!(rows == bench.expected.rows, "{at}: {} rows in the folders", rows.len());
    }
}

/// A shown file is one of the task that made it: no other is given up with it.
#[test]
fn a_shown_file_that_is_gone_costs_its_own_task_alone() {
    let mut bench = Bench::new();
    (1..=9).for_each(|day| bench.put(&key(day, day), &text(day, day)));
    let lake = Arc::new(InMemory::new());
    bench.convert(lake.clone(), &[]).expect("no faults");
    bench.alter();
    assert_eq!(bench.convert(lake.clone(), AGAIN).expect("no faults").replaced.files_shown, 9);
    // What lies aside of it is gone too.
    bench.convert(lake.clone(), &[]).expect("no faults");
    let shown = bench.data_files(&lake).into_keys().next().expect("a file");
    bench.block_on(lake.delete(&Path::from(shown.as_str()))).expect("memory");
    let repaired = bench.block_on(repair(writer(lake.clone()), WholeTables::AreAway)).expect("it can be repaired");
    // The one that was redone, and the one that it took the place of.
    assert_eq!(repaired.tasks_lost.len(), 2, "{repaired:?}");
    assert!(repaired.objects_lost < 9, "{repaired:?}");
    let left = bench.check_readers(&lake, "repaired");
    assert_eq!(left as u64, bench.expected.rows.len() as u64 - repaired.rows_lost);
    bench.convert(lake.clone(), &[]).expect("no faults");
    assert_eq!(bench.check_readers(&lake, "converted again"), bench.expected.rows.len());
    assert_eq!(bench.block_on(crate::verify::differences(lake.clone())), Vec::<String>::new());
}

/// What was deleted for what is shown, and is there again: readers of folders would see its rows twice.
#[test]
fn a_file_that_comes_back_after_its_successor_was_shown_is_told_of() {
    let mut bench = Bench::new();
    bench.put(&key(1, 1), &text(1, 1));
    let lake = Arc::new(InMemory::new());
    bench.convert(lake.clone(), &[]).expect("no faults");
    let (old, bytes) = bench.data_files(&lake).into_iter().next().expect("a file");
    bench.alter();
    bench.convert(lake.clone(), AGAIN).expect("no faults");
    assert_eq!(bench.block_on(crate::verify::differences(lake.clone())), Vec::<String>::new());
    bench.block_on(lake.put(&Path::from(old.as_str()), bytes.into())).expect("memory");
    let differences = bench.block_on(crate::verify::differences(lake.clone()));
    assert!(differences.len() == 1 && differences[0].contains(&old), "{differences:?}");
    assert!(differences[0].contains("data file that the ledger does not know"), "{differences:?}");
}

/// A commit that says that a person's file below `_c` left the lake has it deleted by nobody.
#[test]
fn what_lies_aside_and_is_no_file_of_flowlake_stays() {
    let mut bench = Bench::new();
    bench.put(&key(1, 1), &text(1, 1));
    let lake = Arc::new(InMemory::new());
    bench.convert(lake.clone(), &[]).expect("no faults");
    bench.alter();
    bench.convert(lake.clone(), AGAIN).expect("no faults");
    let own = ["flow_logs/_c/notes", "flow_logs/_c/date=2023-09-01/mine"];
    let reading = Lake::new(lake.clone(), Path::default(), "s3://lake/".to_owned());
    let mut commit = bench.block_on(reading.commit(3, 0)).expect("a commit").expect("it is there");
    commit.head.taken.removes.extend(own.map(|name| name.parse().expect("a name")));
    let put = |name: &str, bytes: Vec<u8>| {
        bench.block_on(lake.put(&Path::from(name), bytes.into())).expect("memory");
    };
    put(&format!("_flowlake/commits/{:020}/{:06}.ndjson.zst", 3, 0), commit.encode());
    own.iter().for_each(|name| put(name, b"mine".to_vec()));
    let _ = bench.convert(lake.clone(), &[]);
    let objects = bench.objects(&lake);
    assert!(own.iter().all(|name| objects[*name] == b"mine"[..]));
}

/// The name under which readers of folders see a file that lies aside.
fn shown(aside: &str) -> String {
    format!("{}.parquet", aside.replace("/_c/", "/"))
}

fn only_file_aside(lab: &Lab) -> String {
    let aside: Vec<String> = lab.list("lake/flow_logs/_c").into_keys().collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    aside.into_iter().next().expect("a file")
}

/// A redo of one object, of which the retention is over; the files that it stands for.
fn redone(lab: &Lab) -> Vec<String> {
    put(lab, 1, 1, &text(1, 1));
    lab.convert(&[], 0);
    let old = lab.data_files().into_iter().collect();
    put(lab, 1, 1, &text(1, 1).replace(" 64\n", " 65\n"));
    lab.convert(&[&DAYS[..], &["--retention", "5s"]].concat(), 0);
    std::thread::sleep(Duration::from_secs(6));
    old
}

fn are_there(lab: &Lab, files: &[String]) -> bool {
    let there = lab.data_files();
    files.iter().all(|name| there.contains(name))
}

fn names(said: &Value, name: &str) -> bool {
    said["not_shown"].as_array().is_some_and(|list| list.iter().any(|why| why.to_string().contains(name)))
}

/// A copy or a restore that was cut leaves half a file at the name: it is neither taken for the file nor replaced.
fn what_lies_where_a_file_is_to_be_shown_is_held_against_the_ledger(lab: &Lab) {
    let old = redone(lab);
    let aside = only_file_aside(lab);
    let (place, bytes) = (shown(&aside), lab.get(&aside));
    let others = [bytes[..100].to_vec(), Vec::new(), vec![7; bytes.len()]];
    for other in &others {
        lab.put(&place, other.clone());
        for _ in 0..2 {
            let summary = lab.convert(&["--retention", "0s"], 3);
            assert!(names(&summary, &place) && summary["files_shown"] == 0, "{summary}");
        }
        assert_eq!((&lab.get(&place), &lab.get(&aside)), (other, &bytes));
        assert!(are_there(lab, &old), "what it stands for stays");
        assert_eq!(by_ledger(lab), sum_of(&lab.expected("logs").rows));
    }
    let entries = lab.list("lake/_flowlake/log").len();
    lab.convert(&[], 3);
    assert_eq!(lab.list("lake/_flowlake/log").len(), entries, "nothing is planned that cannot be done");
    lab.delete(&Path::from(place.as_str()));
    assert_eq!(lab.convert(&["--retention", "0s"], 0)["files_shown"], 1);
    let expected = lab.expected("logs").rows;
    assert_eq!(lab.lake_rows(), expected);
    // What lies aside goes only if what is shown is the file.
    for other in &others {
        lab.put(&place, other.clone());
        assert!(names(&lab.convert(&[], 3), &place));
        assert_eq!(lab.get(&aside), bytes);
    }
    let said = lab.run(&["repair", "{}lake/", "--json"]);
    assert!(said.code == 0 && !said.stdout.contains("\"plan\""), "same size: {}{}", said.stdout, said.stderr);
    lab.put(&place, others[0].clone());
    let said = lab.run(&["repair", "{}lake/", "--json"]);
    let repaired: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!((&repaired["files_restored"], &repaired["objects_lost"]), (&1.into(), &0.into()), "{repaired}");
    assert_eq!(lab.lake_rows(), expected);
    lab.delete(&Path::from(place.as_str()));
    lab.convert(&[], 0);
    assert_eq!(lab.lake_rows(), expected, "shown again from its copy");
    lab.convert(&[], 0);
    assert_eq!((lab.list("lake/flow_logs/_c").len(), lab.lake_rows()), (0, expected));
    is_proven(lab);
}

/// A file aside that is gone, cut or changed when its retention is over keeps nothing else from being done.
fn a_file_aside_that_is_gone_does_not_hold_up_what_is_new(lab: &Lab) {
    let old = redone(lab);
    let aside = only_file_aside(lab);
    let bytes = lab.get(&aside);
    let mut n = 4;
    for damaged in [None, Some(bytes[..100].to_vec()), Some(vec![7; bytes.len()])] {
        match &damaged {
            None => lab.delete(&Path::from(aside.as_str())),
            Some(other) => lab.put(&aside, other.clone()),
        }
        put(lab, 3, n, &text(3, n));
        n += 2;
        let summary = lab.convert(&["--retention", "0s"], 3);
        assert!(names(&summary, &aside) && names(&summary, "flowlake repair"), "{summary}");
        assert_eq!((&summary["objects"], &summary["files_shown"]), (&1.into(), &0.into()), "{summary}");
        assert!(are_there(lab, &old), "what it stands for stays");
    }
    // The documented remedy.
    let summary = lab.convert(&[&DAYS[..], &["--retention", "0s"]].concat(), 0);
    assert_eq!(summary["tasks_replaced"], 1, "{summary}");
    let expected = lab.expected("logs").rows;
    assert_eq!(by_ledger(lab), sum_of(&expected));
    lab.convert(&[], 0);
    assert_eq!(lab.lake_rows(), expected);
    is_proven(lab);
}

/// Folders and pipes at names of the lake are nobody's files: none is waited for, taken for a file, or removed.
#[test]
fn folders_and_pipes_at_names_of_the_lake_are_left_as_they_are() {
    let lab = Lab::on_disk();
    let old = redone(&lab);
    let place = shown(&only_file_aside(&lab));
    let path = lab.path(&place);
    std::fs::create_dir(&path).expect("a folder");
    assert!(names(&lab.convert(&["--retention", "0s"], 3), &place));
    std::fs::remove_dir(&path).expect("it is empty");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
    assert!(names(&lab.convert(&["--retention", "0s"], 3), &place));
    assert!(old.iter().all(|name| lab.path(name).is_file()), "what it stands for stays");
    std::fs::remove_file(&path).expect("a pipe");
    // What was replaced is gone, and a folder has its name.
    let replaced = lab.path(&old[0]);
    std::fs::remove_file(&replaced).expect("a file");
    std::fs::create_dir(&replaced).expect("a folder");
    assert_eq!(lab.convert(&["--retention", "0s"], 0)["files_shown"], 1);
    assert!(replaced.is_dir());
    std::fs::remove_dir(&replaced).expect("it is empty");
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
    is_proven(&lab);
}

/// Whoever dies while files are shown, and meets others at their names afterwards, loses nothing that is live.
#[test]
fn what_is_live_stays_whole_whatever_comes_to_lie_where_it_is_to_be_shown() {
    let mut bench = Bench::new();
    (1..=3).for_each(|day| bench.put(&key(day, day), &text(day, day)));
    let converted = Arc::new(InMemory::new());
    bench.convert(converted.clone(), &[]).expect("no faults");
    bench.alter();
    let clean = Arc::new(converted.fork());
    bench.convert(clean.clone(), AGAIN).expect("no faults");
    let clean = bench.data_files(&clean);
    let mut strangers = 0;
    for operation in 1.. {
        let lake = Arc::new(converted.fork());
        let store = Arc::new(FaultyStore::new(lake.clone(), operation, Fault::DiesBefore));
        let _ = bench.convert(store.clone(), AGAIN);
        if store.operations() < operation {
            break;
        }
        let objects = bench.objects(&lake);
        let places = objects.keys().filter(|name| name.contains("/_c/")).map(|name| shown(name));
        let places: Vec<String> = places.filter(|name| !objects.contains_key(name)).collect();
        for place in &places {
            bench.block_on(lake.put(&Path::from(place.as_str()), b"mine".to_vec().into())).expect("memory");
        }
        for _ in 0..2 {
            let _ = bench.convert(lake.clone(), AGAIN);
            let reading = Lake::new(lake.clone(), Path::default(), "s3://lake/".to_owned());
            let heads = bench.block_on(async { State::load(&reading).await?.heads(&reading).await });
            let objects = bench.objects(&lake);
            for file in heads.expect("a ledger").iter().flat_map(|head| &head.files) {
                let is_whole = blake3::hash(&objects[file.path.as_str()]).to_hex().as_str() == file.hash;
                assert!(is_whole, "operation {operation}: {}", file.path);
            }
            assert!(places.iter().all(|place| objects[place.as_str()] == b"mine"[..]), "operation {operation}");
        }
        strangers += places.len();
        for place in &places {
            bench.block_on(lake.delete(&Path::from(place.as_str()))).expect("memory");
        }
        bench.convert(lake.clone(), AGAIN).expect("no faults");
        bench.convert(lake.clone(), AGAIN).expect("no faults");
        let at = format!("operation {operation}");
        assert_eq!(bench.check_readers(&lake, &at), bench.expected.rows.len());
        bench.check_complete(&lake, &clean, &at);
    }
    assert!(strangers > 10, "{strangers} strangers");
}
