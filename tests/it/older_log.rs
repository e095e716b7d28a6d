//! A log that is an older copy than the commits and files beside it: nothing is taken for what it is not.

use flowlake::commit::{Draft, Ledger, WholeTables};
use flowlake::lake::{Lake, Purpose};
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::Value;
use std::sync::Arc;

use crate::faults::{Bench, key, text, writer};
use crate::lab::{Lab, on_both_stores};

on_both_stores!(
    an_older_log_is_not_written_to,
    an_older_ledger_is_not_written_to,
    an_older_ledger_beside_files_of_a_redo_is_not_written_to,
);

fn log(number: u64) -> String {
    format!("_flowlake/log/{number:020}.json")
}

fn an_older_log_is_not_written_to(lab: &Lab) {
    lab.put_gz(&format!("logs/{}", key(1, 1)), &text(1, 1));
    lab.convert(&[], 0);
    let [older, newer] = [2, 3].map(|day| format!("logs/{}", key(day, day)));
    lab.put_gz(&older, &text(2, 2));
    lab.convert(&[], 0);
    lab.put_gz(&newer, &text(3, 3));
    lab.convert(&[], 0);
    let expected = lab.expected("logs").rows;
    assert_eq!(lab.lake_rows(), expected);
    // The log as it was after the first run.
    let kept: Vec<(String, Vec<u8>)> =
        (3..=6).map(|number| format!("lake/{}", log(number))).map(|name| (name.clone(), lab.get(&name))).collect();
    kept.iter().for_each(|(name, _)| lab.delete(&Path::from(name.as_str())));
    let before = lab.list("lake");
    let writers: [&[&str]; 5] = [
        &["convert", "{}logs/", "{}lake/"],
        &["convert", "{}logs/", "{}lake/", "--dry-run"],
        &["convert", "{}logs/", "{}lake/", "--redo", "--since", "2023-09-01", "--until", "2023-09-03"],
        &["rejects", "{}lake/", "{}logs/", "--replay"],
        &["repair", "{}lake/"],
    ];
    for arguments in writers {
        let said = lab.run(arguments);
        assert_eq!(said.code, 1, "{arguments:?}: {}", said.stderr);
        let told = ["_flowlake/log", "older copy", "from entry 3 on"];
        assert!(told.iter().all(|word| said.stderr.contains(word)), "{arguments:?}: {}", said.stderr);
    }
    assert_eq!(lab.list("lake"), before, "nothing was written");
    let readers: [&[&str]; 4] = [
        &["query", "{}lake/", "SELECT count(*) AS n FROM flow_logs", "--format", "csv"],
        &["rejects", "{}lake/"],
        &["ddl", "{}lake/", "--engine", "duckdb"],
        &["report", "{}lake/", "bytes-by-day"],
    ];
    for arguments in readers {
        let said = lab.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.stderr);
        assert!(said.stderr.contains("older copy"), "{arguments:?}: {}", said.stderr);
    }
    let said = lab.run(&["verify", "{}lake/"]);
    assert!(said.code == 4 && said.stdout.contains("00000000000000000003/000000"), "{}{}", said.stdout, said.stderr);
    // The last one alone is a plan with its commits and no seal: the next run seals it.
    kept[..3].iter().for_each(|(name, bytes)| lab.put(name, bytes.clone()));
    assert_eq!(lab.convert(&[], 0)["objects"], 0);
    assert_eq!(lab.lake_rows(), expected);
    let said = lab.run(&["verify", "{}lake/", "{}logs/"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    // Without any log it is not taken for a place where a lake could be made.
    for name in lab.list("lake/_flowlake/log").into_keys() {
        lab.delete(&Path::from(name));
    }
    let before = lab.list("lake");
    for arguments in [writers[0], readers[0]] {
        let said = lab.run(arguments);
        assert!(said.code == 1 && said.stderr.contains("from entry 0 on"), "{arguments:?}: {}", said.stderr);
    }
    assert_eq!(lab.list("lake"), before);
}

/// Log and commits, the whole ledger, or none at all: what else lies there tells of a newer one.
fn an_older_ledger_is_not_written_to(lab: &Lab) {
    lab.put_gz(&format!("logs/{}", key(1, 1)), &text(1, 1));
    lab.convert(&[], 0);
    let older = lab.list("lake");
    lab.put_gz(&format!("logs/{}", key(2, 2)), &text(2, 2));
    lab.convert(&[], 0);
    let rows = lab.lake_rows();
    let newer: Vec<(String, Vec<u8>)> =
        lab.list("lake/_flowlake").into_keys().map(|name| (name.clone(), lab.get(&name))).collect();
    // Of a plan that was still open when the copy was made.
    let commit = lab.get("lake/_flowlake/commits/00000000000000000003/000000.ndjson.zst");
    let intent = crate::intents::intent_of(&commit, 5).to_string().into_bytes();
    let intent = ("lake/_flowlake/intents/00000000000000000003/000000/0123456789abcdef.json".to_owned(), intent);
    lab.put(&intent.0, intent.1.clone());
    let newer: Vec<(String, Vec<u8>)> = newer.into_iter().chain([intent]).collect();
    let cases: [(&[&str], &str); 3] = [
        (&["log", "commits"], "_flowlake/plans/00000000000000000003-"),
        (&["log", "commits", "plans"], "_flowlake/intents/00000000000000000003/"),
        (&["log", "commits", "plans", "intents"], "flow_logs/date=2023-09-02/p00000003-"),
    ];
    for (set_back, trace) in cases {
        for (name, _) in newer.iter().filter(|(name, _)| !older.contains_key(name)) {
            if set_back.iter().any(|folder| name.contains(&format!("_flowlake/{folder}/"))) {
                lab.delete(&Path::from(name.as_str()));
            }
        }
        let before = lab.list("lake");
        for arguments in [&["convert", "{}logs/", "{}lake/"][..], &["repair", "{}lake/"]] {
            let said = lab.run(arguments);
            // A body of the very next number may be what a run left that died.
            let is_open = trace.contains("/plans/");
            let told = if is_open { "" } else { trace };
            let told = ["older copy", "from entry 3 on", told].iter().all(|word| said.stderr.contains(word));
            assert!(said.code == 1 && told, "{trace}: {}", said.stderr);
        }
        let said = lab.run(&["query", "{}lake/", "SELECT count(*) AS n FROM flow_logs", "--format", "csv"]);
        // Whoever only reads does not wait for listings of data files.
        let is_told = !trace.starts_with("flow_logs/");
        assert!(said.code == 0 && said.stderr.contains("older copy") == is_told, "{trace}: {}", said.stderr);
        assert_eq!(lab.list("lake"), before, "{trace}: nothing was written");
        newer.iter().for_each(|(name, bytes)| lab.put(name, bytes.clone()));
        assert_eq!((&lab.convert(&[], 0)["objects"], lab.lake_rows() == rows), (&0.into(), true), "{trace}");
    }
    for (name, _) in &newer {
        lab.delete(&Path::from(name.as_str()));
    }
    let said = lab.run(&["convert", "{}logs/", "{}lake/"]);
    assert!(said.code == 1 && said.stderr.contains("from entry 0 on"), "{}", said.stderr);
    assert_eq!(lab.list("lake/_flowlake").len(), 0, "no lake was born beside files of another one");
    newer.iter().for_each(|(name, bytes)| lab.put(name, bytes.clone()));
    // Runs that died between a plan's body and its entry.
    for nonce in ["0", "f"] {
        lab.put(&format!("lake/_flowlake/plans/{:020}-{}.ndjson.zst", 5, nonce.repeat(32)), b"half".as_slice());
    }
    lab.put_gz(&format!("logs/{}", key(3, 3)), &text(3, 3));
    assert_eq!(lab.convert(&[], 0)["objects"], 1);
    let said = lab.run(&["verify", "{}lake/", "{}logs/"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

/// A redo of old days of many: its files wait aside, and no newer one lies in the newest days.
fn an_older_ledger_beside_files_of_a_redo_is_not_written_to(lab: &Lab) {
    (1..=5).for_each(|day| lab.put_gz(&format!("logs/{}", key(day, day)), &text(day, day)));
    lab.convert(&[], 3);
    let older: Vec<(String, Vec<u8>)> =
        lab.list("lake/_flowlake").into_keys().map(|name| (name.clone(), lab.get(&name))).collect();
    lab.put_gz(&format!("logs/{}", key(1, 1)), &text(1, 1).replace(" 64\n", " 65\n"));
    let redo = ["--redo", "--since", "2023-09-01", "--until", "2023-09-01"];
    lab.convert(&redo, 0);
    assert_eq!(lab.list("lake/flow_logs/_c").len(), 1);
    lab.list("lake/_flowlake").into_keys().for_each(|name| lab.delete(&Path::from(name)));
    older.iter().for_each(|(name, bytes)| lab.put(name, bytes.clone()));
    let before = lab.list("lake");
    for arguments in [&["convert", "{}logs/", "{}lake/"][..], &["repair", "{}lake/"]] {
        let said = lab.run(arguments);
        let told = ["older copy", "flow_logs/_c/", "from entry 3 on"];
        assert!(told.iter().all(|word| said.stderr.contains(word)) && said.code == 1, "{arguments:?}: {}", said.stderr);
    }
    assert_eq!(lab.list("lake"), before, "nothing was written");
}

#[test]
fn a_log_without_the_last_entry_that_a_checkpoint_stands_for_is_older() {
    let mut bench = Bench::new();
    let lake = Arc::new(InMemory::new());
    bench.put(&key(1, 1), &text(1, 1));
    bench.convert(lake.clone(), &[]).expect("no faults");
    bench.block_on(async {
        Ledger::open(writer(lake.clone())).await.expect("a ledger").checkpoint().await.expect("no faults");
        lake.delete(&Path::from(log(2))).await.expect("memory");
    });
    let error = bench.convert(lake.clone(), &[]).expect_err("the log lacks its end").to_string();
    assert!(error.contains("from entry 2 on"), "{error}");
}

/// An older log, and a program that took its end for the end: entry 3 is another plan than the one whose commit lies
/// there.
#[test]
fn a_commit_of_another_plan_of_that_number_counts_for_none() {
    for marked in [true, false] {
        let mut bench = Bench::new();
        let lake = Arc::new(InMemory::new());
        for day in 1..=2 {
            bench.put(&key(day, day), &text(day, day));
            bench.convert(lake.clone(), &[]).expect("no faults");
        }
        bench.put(&key(2, 7), &text(2, 7));
        let delete = |name: String| bench.block_on(lake.delete(&Path::from(name))).expect("memory");
        (3..=4).for_each(|number| delete(log(number)));
        let other = Arc::new(lake.fork());
        // The plan of that program: in a copy of the lake in which nothing else is of the other plan.
        for name in bench.objects(&other).into_keys() {
            if name.contains("/00000000000000000003/") || name.contains("/p00000003-") {
                bench.block_on(other.delete(&Path::from(name))).expect("memory");
            }
        }
        let planned = plan_of(&bench, &other);
        bench.block_on(async {
            let mut ledger = Ledger::open_as_it_is(writer(lake.clone())).await.expect("a ledger");
            let draft = Draft::new(Purpose::Convert, planned.0, &planned.1);
            ledger.plan(&draft).await.expect("no faults");
        });
        if !marked {
            without_marks(&bench, &lake);
        }
        let before = bench.objects(&lake);
        let error = bench.convert(lake.clone(), &[]).expect_err("the commit is of another plan").to_string();
        let told = ["00000000000000000003/000000", "not the commit of its task", "flowlake repair"];
        assert!(told.iter().all(|word| error.contains(word)), "{error}");
        assert!(bench.objects(&lake) == before, "nothing was written");
        let reading = Lake::new(lake.clone(), Path::default(), "s3://lake/".to_owned());
        let heads = bench.block_on(async { flowlake::lake::State::load(&reading).await?.heads(&reading).await });
        assert!(heads.is_err(), "no reader takes it for the plan's");

        let repaired = bench
            .block_on(flowlake::commit::repair(writer(lake.clone()), WholeTables::AreAway))
            .expect("it can be repaired");
        assert_eq!((repaired.tasks_lost.len(), repaired.objects_lost), (1, 2), "{repaired:?}");
        bench.convert(lake.clone(), &[]).expect("no faults");
        assert_eq!(bench.check_readers(&lake, "repaired"), bench.expected.rows.len());
        let mut rows = Default::default();
        let files = bench.data_files(&lake);
        files.into_iter().for_each(|(name, bytes)| crate::lab::read_rows(&name, bytes, &mut rows));
        assert_eq!(rows, bench.expected.rows);
        assert_eq!(bench.block_on(crate::verify::differences(lake.clone())), Vec::<String>::new());
    }
}

/// What a run would plan now.
fn plan_of(bench: &Bench, lake: &Arc<InMemory>) -> (flowlake::lake::Settings, Vec<flowlake::lake::PlannedTask>) {
    bench.convert(lake.clone(), &[]).expect("no faults");
    let reading = Lake::new(lake.clone(), Path::default(), "s3://lake/".to_owned());
    bench.block_on(async {
        let entry = reading.entry(3).await.expect("a ledger").expect("its plan");
        let flowlake::lake::Body::Plan(plan) = entry.body else { panic!("entry 3 is a plan") };
        let tasks = reading.tasks(&plan).await.expect("its tasks");
        (plan.settings, tasks)
    })
}

/// The log and the commits as the first writers left them.
fn without_marks(bench: &Bench, lake: &Arc<InMemory>) {
    for (name, bytes) in bench.objects(lake) {
        let bytes = if name.contains("/log/") {
            let mut entry: Value = serde_json::from_slice(&bytes).expect("JSON");
            entry.as_object_mut().expect("an entry").retain(|field, _| field != "mark" && field != "check");
            serde_json::to_vec(&entry).expect("JSON")
        } else if name.contains("/commits/") {
            let text = String::from_utf8(zstd::decode_all(bytes.as_ref()).expect("zstd")).expect("text");
            let (head, receipts) = text.split_once('\n').expect("lines");
            let mut head: Value = serde_json::from_str(head).expect("JSON");
            head.as_object_mut().expect("a head").remove("mark").expect("a mark");
            zstd::encode_all(format!("{head}\n{receipts}").as_bytes(), 3).expect("memory")
        } else {
            continue;
        };
        bench.block_on(lake.put(&Path::from(name), bytes.into())).expect("memory");
    }
}

/// A power cut can leave the last entry empty. Its error says what helps, and that helps.
#[test]
fn the_newest_entry_of_the_log_may_be_moved_away_if_it_is_a_seal() {
    let mut bench = Bench::new();
    let lake = Arc::new(InMemory::new());
    bench.put(&key(1, 1), &text(1, 1));
    bench.convert(lake.clone(), &[]).expect("no faults");
    let whole = bench.objects(&lake);
    for (number, is_mended) in [(2, true), (1, false)] {
        let entry = log(number);
        bench.block_on(lake.put(&Path::from(entry.as_str()), b"{".to_vec().into())).expect("memory");
        let error = bench.convert(lake.clone(), &[]).expect_err("it cannot be read").to_string();
        let is_newest = error.contains("the newest entry of the log") && error.contains("move it away");
        assert!(error.contains(&entry) && is_newest, "{error}");
        bench.block_on(lake.delete(&Path::from(entry.as_str()))).expect("memory");
        let done = bench.convert(lake.clone(), &[]);
        assert_eq!(done.is_ok(), is_mended, "{done:?}");
        if is_mended {
            assert_eq!(bench.check_readers(&lake, "sealed again"), bench.expected.rows.len());
            assert_eq!(bench.block_on(crate::verify::differences(lake.clone())), Vec::<String>::new());
            // The next case is that of the plan.
            bench.block_on(lake.delete(&Path::from(log(2)))).expect("memory");
        }
    }
    assert!(bench.data_files(&lake).keys().all(|name| whole.contains_key(name)), "nothing was written for it");
}
