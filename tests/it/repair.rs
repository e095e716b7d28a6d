//! Commits that are gone: no reader answers without a word, and `flowlake repair` brings the lake back to what its
//! sources hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowlake::commit::{CommitError, Ledger, Repaired, WholeTables, repair};
use flowlake::convert::ConvertError;
use flowlake::lake::{Lake, State};
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::Value;

use crate::faults::{AGAIN, Bench, key, text, writer};
use crate::lab::{Lab, on_both_stores, read_rows};

on_both_stores!(
    a_commit_that_is_gone_stops_every_reader_until_it_is_repaired,
    an_object_that_was_checked_since_is_converted_again,
    data_files_that_are_gone_or_damaged_are_made_again,
    data_files_that_are_gone_are_given_up,
    a_table_that_is_away_as_a_whole_is_not_given_up,
);

const DAYS: u32 = 20;

fn commit(plan: u64, task: u64) -> String {
    format!("_flowlake/commits/{plan:020}/{task:06}.ndjson.zst")
}

fn log(number: u64) -> String {
    format!("_flowlake/log/{number:020}.json")
}

/// Entries of the log.
fn entries(bench: &Bench, lake: &Arc<InMemory>) -> u64 {
    bench.objects(lake).into_keys().filter(|name| name.contains("/log/")).count() as u64
}

/// How many rows, and of how many objects, a commit has: by the text of the record.
fn counted(bytes: &[u8]) -> (usize, usize) {
    let text = String::from_utf8(zstd::decode_all(bytes).expect("zstd")).expect("text");
    let receipts: Vec<Value> = text.lines().skip(1).map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let rows: u64 = receipts.iter().map(|receipt| receipt["rows"].as_u64().expect("a number")).sum();
    (rows as usize, receipts.len())
}

fn count(lab: &Lab) -> usize {
    let said = lab.run(&["query", "{}lake/", "SELECT count(*) AS n FROM flow_logs", "--format", "csv"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    said.stdout.trim_start_matches("n\n").trim().parse().expect("a number")
}

fn a_commit_that_is_gone_stops_every_reader_until_it_is_repaired(lab: &Lab) {
    (1..=DAYS).for_each(|day| lab.put_gz(&format!("logs/{}", key(day, day)), &text(day, day)));
    lab.convert(&[], 3);
    let expected = lab.expected("logs").rows;
    assert_eq!((lab.lake_rows(), count(lab)), (expected.clone(), expected.len()));
    let [gone, other] = [commit(1, 0), commit(1, 2)].map(|name| format!("lake/{name}"));
    let [of_gone, of_other] = [&gone, &other].map(|name| counted(&lab.get(name)));
    let (lost_rows, lost_objects) = (of_gone.0 + of_other.0, of_gone.1 + of_other.1);
    assert!(lost_rows > 0 && lost_rows < expected.len());
    for name in [&gone, &other] {
        lab.delete(&Path::from(name.as_str()));
    }
    let page = lab.temporary().join("page.html");
    let page = page.to_str().expect("UTF-8");
    let readers: [&[&str]; 10] = [
        &["query", "{}lake/", "SELECT count(*) FROM flow_logs"],
        &["query", "{}lake/", "SELECT * FROM lake.objects"],
        &["report", "{}lake/", "rejected-by-port"],
        &["dashboard", "{}lake/", "--output", page],
        &["ddl", "{}lake/", "--engine", "athena"],
        &["serve", "{}lake/", "--listen", "127.0.0.1:0"],
        &["rejects", "{}lake/"],
        &["rejects", "{}lake/", "{}logs/", "--replay"],
        &["convert", "{}logs/", "{}lake/"],
        &["convert", "{}logs/", "{}lake/", "--redo", "--since", "2023-09-01", "--until", "2023-09-02"],
    ];
    let before = lab.list("lake");
    for reader in readers {
        let said = lab.run(reader);
        assert_eq!((said.code, said.stdout.as_str()), (1, ""), "{reader:?}: {}", said.stderr);
        let told = [commit(1, 0), "and 1 more".to_owned(), "flowlake repair".to_owned()];
        assert!(told.iter().all(|word| said.stderr.contains(word)), "{reader:?}: {}", said.stderr);
    }
    assert_eq!(lab.list("lake"), before, "nothing was written");
    let said = lab.run(&["verify", "{}lake/"]);
    assert!(said.code == 4 && said.stdout.contains(&commit(1, 2)), "{}{}", said.stdout, said.stderr);

    let said = lab.run(&["repair", "{}lake/", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let repaired: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let numbers =
        ["commits_restored", "objects_lost", "rows_lost"].map(|field| repaired[field].as_u64().expect("a number"));
    assert_eq!(numbers, [0, lost_objects as u64, lost_rows as u64], "{repaired}");
    assert_eq!(repaired["tasks_lost"], serde_json::json!([{ "plan": 1, "task": 0 }, { "plan": 1, "task": 2 }]));
    let entry: Value = serde_json::from_slice(&lab.get(&format!("lake/{}", log(3)))).expect("JSON");
    // A program of the first format stops at a format that is newer than it.
    assert_eq!((&entry["kind"], &entry["format"]), (&"lost".into(), &2.into()));
    assert_eq!(count(lab), expected.len() - lost_rows);
    assert_eq!(lab.lake_rows().len(), expected.len() - lost_rows, "folders have no more than the ledger");
    let said = lab.run(&["verify", "{}lake/"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);

    // Without a full scan, however far back the days lie.
    let summary = lab.convert(&["--lookback", "0d"], 3);
    assert_eq!(summary["objects"].as_u64(), Some(lost_objects as u64), "{summary}");
    assert_eq!((lab.lake_rows(), count(lab)), (expected.clone(), expected.len()));
    let said = lab.run(&["verify", "{}lake/", "{}logs/"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    let said = lab.run(&["repair", "{}lake/"]);
    assert!(said.code == 0 && said.stderr.contains("no commit and no data file is missing"), "{}", said.stderr);
    assert_eq!(lab.convert(&["--full-scan"], 0)["objects"], 0);
    let sums = "SELECT sum(rows) - sum(rows_replaced) AS n FROM lake.runs";
    let said = lab.run(&["query", "{}lake/", sums, "--format", "csv"]);
    assert_eq!(said.stdout, format!("n\n{}\n", expected.len()), "{}", said.stderr);
}

/// The receipt of a check is no conversion: with the commit that it was held against, its object is gone from the lake.
fn an_object_that_was_checked_since_is_converted_again(lab: &Lab) {
    (1..=2).for_each(|day| lab.put_gz(&format!("logs/{}", key(day, day)), &text(day, day)));
    lab.convert(&[], 0);
    let expected = lab.expected("logs").rows;
    // The same text in another version of the object.
    let mut stored = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut stored, text(1, 1).as_bytes()).expect("memory");
    lab.put(&format!("logs/{}", key(1, 1)), stored.finish().expect("memory"));
    assert_eq!(lab.convert(&[], 0)["objects_confirmed"], 1);
    lab.delete(&Path::from(format!("lake/{}", commit(1, 0)).as_str()));
    let said = lab.run(&["repair", "{}lake/"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(lab.lake_rows().len() < expected.len());
    lab.convert(&[], 0);
    assert_eq!((lab.lake_rows(), count(lab)), (expected.clone(), expected.len()));
    let said = lab.run(&["verify", "{}lake/", "{}logs/"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

#[test]
fn there_is_nothing_to_repair_where_there_is_no_lake() {
    let lab = Lab::on_disk();
    let said = lab.run(&["repair", "{}lake/"]);
    assert!(said.code == 1 && said.stderr.contains("is not a flowlake lake"), "{}", said.stderr);
    assert!(!lab.path("lake").exists());
}

/// A bench of twenty days in three tasks, converted.
fn converted() -> (Bench, Arc<InMemory>) {
    let mut bench = Bench::new();
    (1..=DAYS).for_each(|day| bench.put(&key(day, day), &text(day, day)));
    let lake = Arc::new(InMemory::new());
    bench.convert(lake.clone(), &[]).expect("no faults");
    (bench, lake)
}

fn delete(bench: &Bench, lake: &InMemory, name: &str) {
    bench.block_on(lake.delete(&Path::from(name))).expect("memory");
}

fn repaired(bench: &Bench, lake: &Arc<InMemory>) -> Repaired {
    bench.block_on(repair(writer(lake.clone()), WholeTables::AreAway)).expect("it can be repaired")
}

fn checkpoint(bench: &Bench, lake: &Arc<InMemory>) {
    bench.block_on(async {
        Ledger::open(writer(lake.clone())).await.expect("a ledger").checkpoint().await.expect("no faults");
    });
}

fn verify(bench: &Bench, lake: &Arc<InMemory>) -> Vec<String> {
    bench.block_on(crate::verify::differences(lake.clone()))
}

/// Readers of folders and of the ledger find every row.
fn is_whole(bench: &Bench, lake: &Arc<InMemory>, at: &str) {
    assert_eq!(bench.check_readers(lake, at), bench.expected.rows.len(), "{at}");
    let mut rows = BTreeMap::new();
    bench.data_files(lake).into_iter().for_each(|(name, bytes)| read_rows(&name, bytes, &mut rows));
    assert_eq!(rows, bench.expected.rows, "{at}");
    assert_eq!(verify(bench, lake), Vec::<String>::new(), "{at}");
}

#[test]
fn what_a_checkpoint_filed_is_written_again_as_it_was() {
    let (bench, lake) = converted();
    checkpoint(&bench, &lake);
    let whole = bench.objects(&lake);
    delete(&bench, &lake, &commit(1, 0));
    delete(&bench, &lake, &commit(1, 2));
    is_not_redone(&bench, &lake);
    let done = repaired(&bench, &lake);
    assert_eq!((done.commits_restored, done.tasks_lost.len(), done.files_removed), (2, 0, 0));
    assert!(bench.objects(&lake) == whole, "byte by byte");
    is_whole(&bench, &lake, "restored");
}

/// What is filed is answered for; who needs the commit itself says what to do.
fn is_not_redone(bench: &Bench, lake: &Arc<InMemory>) {
    assert_eq!(bench.check_readers(lake, "filed"), bench.expected.rows.len());
    let redone = bench.convert(lake.clone(), &["--redo", "--since", "2023-09-01", "--until", "2023-09-30"]);
    let error = redone.expect_err("a commit is gone").to_string();
    assert!(error.contains(&commit(1, 0)) && error.contains("flowlake repair"), "{error}");
}

#[test]
fn what_is_given_up_stays_so_behind_checkpoints() {
    let (bench, lake) = converted();
    for task in [0, 1, 2] {
        delete(&bench, &lake, &commit(1, task));
    }
    assert_eq!(repaired(&bench, &lake).tasks_lost.len(), 3);
    assert_eq!(bench.data_files(&lake).len(), 0);
    let summary = bench.convert(lake.clone(), &[]).expect("no faults");
    assert_eq!(summary.converted.objects, u64::from(DAYS));
    is_whole(&bench, &lake, "converted again");
    checkpoint(&bench, &lake);
    is_whole(&bench, &lake, "filed");
    let newest = bench.objects(&lake).into_iter().rfind(|(name, _)| name.contains("/checkpoints/"));
    let newest: Value = serde_json::from_slice(&newest.expect("a checkpoint").1).expect("JSON");
    assert_eq!(newest["format"], 2, "a program of the first format does not begin behind the entry");
    assert_eq!(bench.convert(lake.clone(), &["--full-scan"]).expect("no faults").converted.objects, 0);
}

#[test]
fn a_checkpoint_that_filed_a_plan_without_a_commit_is_not_believed() {
    let (bench, lake) = converted();
    delete(&bench, &lake, &commit(1, 1));
    let reading = Lake::new(lake.clone(), Path::default(), "s3://lake/".to_owned());
    bench.block_on(async {
        let error = Ledger::open(writer(lake.clone())).await.expect_err("a commit is gone");
        assert!(error.to_string().contains(&commit(1, 1)), "{error}");
        let mut ledger = Ledger::open_as_it_is(writer(lake.clone())).await.expect("it is read");
        assert!(ledger.checkpoint().await.is_err(), "no checkpoint is made of less than all");
        // A program that filed the commits that it found, and looked for no others.
        let plan = ledger.state.plans.get_mut(&1).expect("the plan");
        (plan.plan.tasks, plan.sealed_totals) = (1, None);
        ledger.checkpoint().await.expect("no faults");
        let error = State::load(&reading).await.expect("a state").heads(&reading).await.expect_err("rows are gone");
        assert!(error.to_string().contains("_flowlake/checkpoints"), "{error}");
    });
    // It is deleted, as the message says, and then the commit is missed.
    for name in bench.objects(&lake).into_keys().filter(|name| name.contains("/checkpoints/")) {
        delete(&bench, &lake, &name);
    }
    assert!(matches!(bench.convert(lake.clone(), &[]), Err(ConvertError::Commit(_))));
    assert_eq!(repaired(&bench, &lake).tasks_lost.len(), 1);
    bench.convert(lake.clone(), &[]).expect("no faults");
    is_whole(&bench, &lake, "repaired");
}

/// The task that stood for another is gone: its predecessor does not come back, and the objects are read again.
#[test]
fn a_task_that_stood_for_another_is_given_up_with_it() {
    for filed in [false, true] {
        let (bench, lake) = converted();
        if filed {
            checkpoint(&bench, &lake);
        }
        bench.alter();
        let summary = bench.convert(lake.clone(), AGAIN).expect("no faults");
        assert_eq!(summary.replaced.tasks_replaced, 3);
        is_whole(&bench, &lake, "redone");
        // The redo and its seal, and what showed its files.
        let number = entries(&bench, &lake) - 4;
        delete(&bench, &lake, &commit(number, 1));
        assert!(bench.convert(lake.clone(), &[]).is_err());
        let done = repaired(&bench, &lake);
        assert!(done.tasks_lost.len() >= 2, "{done:?}");
        let left = bench.check_readers(&lake, "repaired");
        assert_eq!(left as u64, bench.expected.rows.len() as u64 - done.rows_lost);
        assert!(done.rows_lost > 0);
        assert_eq!(verify(&bench, &lake), Vec::<String>::new());
        bench.convert(lake.clone(), &[]).expect("no faults");
        is_whole(&bench, &lake, "converted again");
        checkpoint(&bench, &lake);
        is_whole(&bench, &lake, "filed");
    }
}

/// A commit that only shows files is gone: its plan says all that it said, whether copies still lie aside or not.
#[test]
fn a_commit_that_showed_files_is_written_again() {
    for is_aside in [true, false] {
        let (bench, lake) = converted();
        bench.alter();
        assert_eq!(bench.convert(lake.clone(), AGAIN).expect("no faults").replaced.tasks_replaced, 3);
        let number = entries(&bench, &lake) - 2;
        if !is_aside {
            bench.convert(lake.clone(), &[]).expect("no faults");
        }
        delete(&bench, &lake, &commit(number, 1));
        assert!(bench.convert(lake.clone(), &[]).is_err());
        let done = repaired(&bench, &lake);
        assert_eq!((done.commits_restored, done.tasks_lost.len(), done.rows_lost), (1, 0, 0), "{done:?}");
        assert_eq!(bench.check_readers(&lake, "repaired"), bench.expected.rows.len());
        bench.convert(lake.clone(), &[]).expect("no faults");
        is_whole(&bench, &lake, "repaired");
        checkpoint(&bench, &lake);
        is_whole(&bench, &lake, "filed");
    }
}

/// A repair sleeps before each of its operations in turn, while another one does all of the work.
#[test]
fn of_two_repairs_at_once_one_gives_a_task_up() {
    use crate::faulty::FaultyStore;
    let (bench, converted) = converted();
    let bench = Arc::new(bench);
    delete(&bench, &converted, &commit(1, 1));
    let mut slept = 0;
    for operation in 1.. {
        let lake = Arc::new(converted.fork());
        let (of_other, lab) = (lake.clone(), bench.clone());
        let meanwhile = move || drop(repaired(&lab, &of_other));
        let store = Arc::new(FaultyStore::sleeping(lake.clone(), operation, Box::new(meanwhile)));
        let at = format!("slept before operation {operation}");
        bench
            .block_on(repair(writer(store.clone()), WholeTables::AreAway))
            .unwrap_or_else(|error| panic!("{at}: {error}"));
        if store.operations() < operation {
            break;
        }
        slept += 1;
        let reading = Lake::new(lake.clone(), Path::default(), "s3://lake/".to_owned());
        bench.block_on(async {
            let state = State::load(&reading).await.expect("a state");
            let heads = state.heads(&reading).await.expect("whole");
            let (rows, objects) = heads
                .iter()
                .fold((0, 0), |(rows, objects), head| (rows + head.totals.rows, objects + head.totals.objects));
            assert_eq!((state.totals.rows, state.totals.objects), (rows, objects), "{at}");
        });
        assert_eq!(verify(&bench, &lake), Vec::<String>::new(), "{at}");
        bench.convert(lake.clone(), &[]).expect("no faults");
        is_whole(&bench, &lake, &at);
    }
    assert!(slept > 10, "{slept} operations");
}

/// A repair that dies at any of its operations is finished by the next one.
#[test]
fn a_repair_survives_a_fault_at_every_operation() {
    use crate::faulty::{Fault, FaultyStore};
    let (bench, converted) = converted();
    delete(&bench, &converted, &commit(1, 1));
    let mut faults = 0;
    for fault in Fault::ALL {
        for operation in 1.. {
            let lake = Arc::new(converted.fork());
            let store = Arc::new(FaultyStore::new(lake.clone(), operation, fault));
            let _ = bench.block_on(repair(writer(store.clone()), WholeTables::AreAway));
            if store.operations() < operation {
                break;
            }
            faults += 1;
            repaired(&bench, &lake);
            bench.convert(lake.clone(), &[]).expect("no faults");
            let at = format!("{fault:?} at operation {operation}");
            assert_eq!(bench.check_readers(&lake, &at), bench.expected.rows.len(), "{at}");
            let mut rows = BTreeMap::new();
            bench.data_files(&lake).into_iter().for_each(|(name, bytes)| read_rows(&name, bytes, &mut rows));
            assert_eq!(rows, bench.expected.rows, "{at}");
        }
    }
    assert!(faults > 40, "{faults} faults");
}

/// Every way in which a data file may be lost, and its name.
fn losses(lab: &Lab) -> [(&'static str, Option<Vec<u8>>); 3] {
    let whole = lab.get(&first_file(lab));
    let mut other = whole.clone();
    other[100] ^= 1;
    [("file_missing", None), ("file_size", Some(whole[1..].to_vec())), ("file_hash", Some(other))]
}

fn first_file(lab: &Lab) -> String {
    lab.data_files().into_iter().next().expect("a data file")
}

/// Takes the first data file away, or puts something else in its place.
fn lose(lab: &Lab, bytes: Option<Vec<u8>>) {
    match bytes {
        Some(bytes) => lab.put(&first_file(lab), bytes),
        None => lab.delete(&Path::from(first_file(lab))),
    }
}

fn is_named(lab: &Lab, kind: &str) {
    let said = lab.run(&["verify", "{}lake/", "--json"]);
    assert!(said.code == 4 && said.stdout.contains(&format!("\"kind\":\"{kind}\"")), "{kind}: {}", said.stdout);
}

fn is_as_before(lab: &Lab, rows: &BTreeMap<(String, i64), BTreeMap<String, String>>) {
    assert!(lab.lake_rows() == *rows && count(lab) == rows.len());
    let said = lab.run(&["verify", "{}lake/", "{}logs/"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

fn data_files_that_are_gone_or_damaged_are_made_again(lab: &Lab) {
    (1..=4).for_each(|day| lab.put_gz(&format!("logs/{}", key(day, day)), &text(day, day)));
    lab.convert(&[], 0);
    let rows = lab.lake_rows();
    for (kind, bytes) in losses(lab) {
        lose(lab, bytes);
        is_named(lab, kind);
        let said = lab.run(&["query", "{}lake/", "SELECT min(dstport) FROM flow_logs"]);
        assert!([0, 1].contains(&said.code) && !said.stderr.contains("panicked"), "{kind}: {}", said.stderr);
        if kind == "file_missing" {
            assert!(said.code == 1 && said.stderr.contains("convert SOURCE LAKE --redo"), "{kind}: {}", said.stderr);
        }
        let redo = ["--redo", "--since", "2023-09-01", "--until", "2023-09-30", "--retention", "0s"];
        assert_eq!(lab.convert(&redo, 0)["tasks_replaced"], 1, "{kind}");
        is_as_before(lab, &rows);
        assert_eq!(lab.convert(&redo, 0)["tasks_replaced"], 0, "{kind}: all is there");
    }
}

fn data_files_that_are_gone_are_given_up(lab: &Lab) {
    (1..=4).for_each(|day| lab.put_gz(&format!("logs/{}", key(day, day)), &text(day, day)));
    lab.convert(&[], 0);
    let rows = lab.lake_rows();
    for (kind, bytes) in losses(lab).into_iter().take(2) {
        lose(lab, bytes);
        let said = lab.run(&["repair", "{}lake/"]);
        let told = ["1 data file was gone or had another size", "read again by the next"];
        assert!(said.code == 0 && told.iter().all(|word| said.stderr.contains(word)), "{kind}: {}", said.stderr);
        let summary = lab.convert(&["--lookback", "0d"], 0);
        assert!(summary["objects"].as_u64().is_some_and(|objects| objects > 0), "{kind}: {summary}");
        is_as_before(lab, &rows);
    }
    let said = lab.run(&["repair", "{}lake/"]);
    assert!(said.code == 0 && said.stderr.contains("no commit and no data file is missing"), "{}", said.stderr);
}

/// A disk that is not mounted: nothing is lost, and nothing is written until it is there again.
fn a_table_that_is_away_as_a_whole_is_not_given_up(lab: &Lab) {
    (1..=4).for_each(|day| lab.put_gz(&format!("logs/{}", key(day, day)), &text(day, day)));
    lab.convert(&[], 0);
    let (rows, data_files) = (lab.lake_rows(), lab.data_files().len());
    // With the Delta log, which lies on that disk as well.
    let files: Vec<(String, Vec<u8>)> =
        lab.list("lake/flow_logs").into_keys().map(|name| (name.clone(), lab.get(&name))).collect();
    files.iter().for_each(|(name, _)| lab.delete(&Path::parse(name).expect("a name")));
    let ledger = lab.list("lake");
    // Its folder is there and has no files; on disk, it is away itself.
    for _ in 0..2 {
        let said = lab.run(&["repair", "{}lake/"]);
        let told = ["/lake/flow_logs", &format!("none of the {data_files} data files"), "mount it"];
        assert!(said.code == 1 && told.iter().all(|word| said.stderr.contains(word)), "{}", said.stderr);
        assert_eq!(lab.list("lake"), ledger);
        // Nor is anything new written to where it is to be mounted.
        lab.put_gz(&format!("logs/{}", key(9, 9)), &text(9, 9));
        let said = lab.run(&["convert", "{}logs/", "{}lake/"]);
        assert!(said.code == 1 && told.iter().all(|word| said.stderr.contains(word)), "{}", said.stderr);
        assert_eq!(lab.list("lake"), ledger);
        lab.delete(&Path::from(format!("logs/{}", key(9, 9))));
        if lab.endpoint().is_none() {
            let _ = std::fs::remove_dir_all(lab.path("lake/flow_logs"));
        }
    }
    // Files of others are no sign of it.
    for other in ["lake/flow_logs/.DS_Store", "lake/flow_logs/date=2023-09-01/mine.parquet"] {
        lab.put(other, "theirs");
        let said = lab.run(&["repair", "{}lake/"]);
        assert!(said.code == 1 && said.stderr.contains("mount it"), "{}", said.stderr);
    }
    files.iter().for_each(|(name, bytes)| lab.put(name, bytes.clone()));
    let said = lab.run(&["repair", "{}lake/"]);
    assert!(said.code == 0 && said.stderr.contains("no commit and no data file is missing"), "{}", said.stderr);
    ["lake/flow_logs/.DS_Store", "lake/flow_logs/date=2023-09-01/mine.parquet"]
        .iter()
        .for_each(|other| lab.delete(&Path::parse(*other).expect("a name")));
    is_as_before(lab, &rows);
    // What is gone for good is made again.
    files.iter().for_each(|(name, _)| lab.delete(&Path::parse(name).expect("a name")));
    let redo = ["--redo", "--since", "2023-09-01", "--until", "2023-09-30", "--retention", "0s"];
    lab.convert(&redo, 0);
    is_as_before(lab, &rows);
    // Or given up, if somebody says so, and read again.
    lab.list("lake/flow_logs").into_keys().for_each(|name| lab.delete(&Path::parse(name).expect("a name")));
    let said = lab.run(&["repair", "{}lake/", "--gone-for-good"]);
    assert!(
        said.code == 0 && said.stderr.contains("were given up") | said.stderr.contains("was given up"),
        "{}",
        said.stderr
    );
    lab.convert(&[], 0);
    is_as_before(lab, &rows);
}

/// The same with commits that are gone beside it: what a checkpoint filed of them is no reason to give their files up.
#[test]
fn a_table_that_is_away_is_not_given_up_for_what_else_is_gone() {
    let (bench, lake) = converted();
    checkpoint(&bench, &lake);
    let files: Vec<String> = bench.data_files(&lake).into_keys().collect();
    files.iter().for_each(|name| delete(&bench, &lake, name));
    delete(&bench, &lake, &commit(1, 0));
    let refused = bench.block_on(repair(writer(lake.clone()), WholeTables::AreAway));
    assert!(matches!(refused, Err(CommitError::TableGone { .. })), "{refused:?}");
}
