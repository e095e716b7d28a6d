//! Merged files and their commits that are gone: what is given up, and what is not.

use std::sync::Arc;
use std::time::Duration;

use flowlake::commit::{Ledger, Repaired, WholeTables, repair};
use flowlake::lake::{Lake, Purpose, State};
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::{Value, json};

use crate::compact::{AT_ONCE, bench, compact, fed, is_proven, lake_of, put};
use crate::faults::{Bench, writer};
use crate::faulty::{Fault, FaultyStore};
use crate::lab::Lab;

fn delete(bench: &Bench, lake: &InMemory, name: &str) {
    bench.block_on(lake.delete(&Path::from(name))).expect("memory");
}

fn mend(bench: &Bench, lake: &Arc<InMemory>) -> Repaired {
    bench.block_on(repair(writer(lake.clone()), WholeTables::AreAway)).expect("it can be repaired")
}

/// Readers find all rows, and nothing differs.
#[track_caller]
fn is_whole(bench: &Bench, lake: &Arc<InMemory>, at: &str) {
    assert_eq!(bench.check_readers(lake, at), bench.expected.rows.len(), "{at}");
    assert_eq!(bench.block_on(crate::verify::differences(lake.clone())), Vec::<String>::new(), "{at}");
}

fn commits(bench: &Bench, lake: &InMemory) -> Vec<String> {
    bench.objects(lake).into_keys().filter(|name| name.contains("/commits/")).collect()
}

/// Files of merged rows that lie aside.
fn aside(bench: &Bench, lake: &InMemory) -> Vec<String> {
    bench.objects(lake).into_keys().filter(|name| name.contains("/_c/")).collect()
}

/// A task has rows of two dates, and each date's files were merged. One file that is gone costs nothing but its own
/// rows, and a redo of its days brings them back; only who asks for it gives up all that hangs together.
#[test]
fn a_merged_file_that_is_gone_is_made_again_and_takes_nothing_with_it() {
    let bench = bench();
    let lake = Arc::new(lake_of(&bench));
    bench.compact(lake.clone(), AT_ONCE).expect("no faults");
    bench.convert(lake.clone(), &[]).expect("no faults");
    let gone = bench.data_files(&lake).into_keys().next().expect("a file");
    assert!(gone.contains("date=2023-09-01"), "{gone}");
    bench.block_on(lake.delete(&Path::from(gone.as_str()))).expect("memory");
    let mend = |tables| bench.block_on(repair(writer(lake.clone()), tables)).expect("it can be repaired");
    let repaired = mend(WholeTables::AreAway);
    assert_eq!((repaired.tasks_lost.len(), repaired.rows_lost), (0, 0), "{repaired:?}");
    let [file] = &repaired.files_to_redo[..] else { panic!("{repaired:?}") };
    assert_eq!(file.path.as_str(), gone);
    let said = repaired.to_string();
    assert!(said.contains("--redo --since 2023-09-01 --until 2023-09-01` makes"), "{said}");
    // The objects of the other day are not read.
    let day = ["--redo", "--since", "2023-09-01", "--until", "2023-09-01", "--retention", "0s"];
    let summary = bench.convert(lake.clone(), &day).expect("no faults");
    assert_eq!((summary.replaced.tasks_replaced, summary.replaced.objects_kept), (1, 0), "{summary:?}");
    assert_eq!(bench.check_readers(&lake, "decoded again"), bench.expected.rows.len());
    assert_eq!(bench.block_on(crate::verify::differences(lake.clone())), Vec::<String>::new());
    // Once more, and its objects are given up with all others.
    let gone = bench.data_files(&lake).into_keys().nth(1).expect("a file");
    bench.block_on(lake.delete(&Path::from(gone.as_str()))).expect("memory");
    let repaired = mend(WholeTables::AreGone);
    assert_eq!((repaired.rows_lost, repaired.files_to_redo.len()), (30, 0), "{repaired:?}");
    bench.convert(lake.clone(), &[]).expect("no faults");
    assert_eq!(bench.check_readers(&lake, "converted again"), bench.expected.rows.len());
    assert_eq!(bench.block_on(crate::verify::differences(lake.clone())), Vec::<String>::new());
}

/// One commit that is gone would take all tasks with it whose rows were merged: only who asks for it gives them up.
/// That of a task that merged files takes nothing with it, as long as these files are there.
#[test]
fn a_commit_that_is_gone_does_not_cost_a_merged_lake() {
    let bench = bench();
    for is_shown in [false, true] {
        let merged = Arc::new(lake_of(&bench));
        let earlier = commits(&bench, &merged);
        bench.compact(merged.clone(), if is_shown { AT_ONCE } else { &[] }).expect("no faults");
        assert_eq!(commits(&bench, &merged).len(), 3 + 2 + if is_shown { 2 } else { 0 });
        for commit in &commits(&bench, &merged)[..3 + 2] {
            let lake = Arc::new(merged.fork());
            delete(&bench, &lake, commit);
            if !is_shown && !earlier.contains(commit) {
                let repaired = mend(&bench, &lake);
                assert_eq!((repaired.merges_undone.len(), repaired.tasks_lost.len()), (1, 0), "{repaired:?}");
                is_whole(&bench, &lake, commit);
                continue;
            }
            let before = bench.objects(&lake);
            let refused = bench.block_on(repair(writer(lake.clone()), WholeTables::AreAway));
            let error = refused.expect_err("it is not given up");
            assert!(error.to_string().contains(commit), "{error}");
            assert!(bench.objects(&lake).keys().eq(before.keys()), "{commit}");
            bench.block_on(repair(writer(lake.clone()), WholeTables::AreGone)).expect("it is given up");
            bench.convert(lake.clone(), &[]).expect("no faults");
            assert_eq!(bench.check_readers(&lake, commit), bench.expected.rows.len(), "{commit}");
        }
    }
}

/// Before the retention has passed, the small files are there that a merged one stands for.
#[test]
fn a_merge_whose_file_is_gone_is_undone_while_the_small_files_are_there() {
    let bench = bench();
    for is_filed in [false, true] {
        let lake = Arc::new(lake_of(&bench));
        bench.compact(lake.clone(), &["--retention", "1s"]).expect("no faults");
        if is_filed {
            let filing = async { Ledger::open(writer(lake.clone())).await.expect("a ledger").checkpoint().await };
            bench.block_on(filing).expect("no faults");
        }
        let merged = aside(&bench, &lake);
        assert_eq!(merged.len(), 2);
        delete(&bench, &lake, &merged[0]);
        let repaired = mend(&bench, &lake);
        let counts = (repaired.merges_undone.len(), repaired.tasks_lost.len(), repaired.files_to_redo.len());
        assert_eq!(counts, (1, 0, 0), "{repaired:?}");
        assert_eq!((repaired.rows_lost, repaired.objects_lost, repaired.files_missing), (0, 0, 1), "{repaired:?}");
        assert!(repaired.to_string().contains("was given up alone"), "{repaired}");
        is_whole(&bench, &lake, "undone");
        assert_eq!(bench.files_by_date(&lake).len(), 3 + 1);
        // What the other task took goes, what this one took stays.
        std::thread::sleep(Duration::from_millis(2100));
        let summary = bench.convert(lake.clone(), &[]).expect("no faults");
        assert_eq!(summary.replaced.files_shown, 1, "{summary:?}");
        is_whole(&bench, &lake, "shown");
        let summary = bench.compact(lake.clone(), AT_ONCE).expect("no faults");
        assert_eq!(summary.compacted.files_merged, 3, "{summary:?}");
        is_whole(&bench, &lake, "merged again");
        assert_eq!(bench.files_by_date(&lake).len(), 2);
    }
}

/// Who shows merged files deletes the small ones at any moment, perhaps on another host.
#[test]
fn a_merge_that_is_about_to_be_shown_is_not_undone() {
    let bench = bench();
    let lake = lake_of(&bench);
    let is_about_to = |store: &Arc<InMemory>| {
        let reading = Lake::new(store.clone(), Path::default(), "s3://lake/".to_owned());
        let state = bench.block_on(State::load(&reading)).expect("a readable ledger");
        state.open_plans().iter().any(|number| state.plans[number].plan.purpose == Purpose::Show)
    };
    let begun = (1..).find_map(|operation| {
        let store = Arc::new(lake.fork());
        let dying = Arc::new(FaultyStore::new(store.clone(), operation, Fault::DiesBefore));
        let _ = bench.compact(dying, AT_ONCE);
        is_about_to(&store).then_some(store)
    });
    let store = begun.expect("a run that died behind its plan to show");
    assert_eq!(bench.data_files(&store).len(), 6, "nothing is deleted yet");
    delete(&bench, &store, &aside(&bench, &store)[0]);
    let repaired = mend(&bench, &store);
    assert_eq!((repaired.merges_undone.len(), repaired.files_to_redo.len()), (0, 1), "{repaired:?}");
}

/// An object with two rows of the 2nd.
const LATE: &str = "version srcaddr dstport start packets bytes\n2 10.0.70.1 443 1693612900 7 64\n\
                    2 10.0.70.1 444 1693612901 7 64\n";

/// The days are those in the keys of the objects, whenever these came.
#[test]
fn the_redo_that_is_named_makes_the_file_again() {
    let lab = Lab::on_disk();
    fed(&lab, 2);
    put(&lab, 5, 70, LATE);
    lab.convert(&["--lookback", "30d"], 0);
    compact(&lab, &["--retention", "0s"], 0);
    // No copy of the files is left aside.
    lab.convert(&[], 0);
    let rows = lab.expected("logs").rows;
    let merged = |date: &str| lab.data_files().into_iter().find(|name| name.contains(date)).expect("a file");
    let second = merged("date=2023-09-02");
    lab.delete(&Path::from(second.as_str()));
    let named = |lab: &Lab| -> Value {
        let said = lab.run(&["repair", "{}lake/", "--json"]);
        assert_eq!(said.code, 3, "{}{}", said.stdout, said.stderr);
        let said: Value = serde_json::from_str(&said.stdout).expect("JSON");
        said["files_to_redo"].clone()
    };
    let path = second.strip_prefix("lake/").expect("in the lake");
    let file = json!([{ "path": path, "partition": "date=2023-09-02", "since": "2023-09-02", "until": "2023-09-05",
        "has_objects_without_day": false }]);
    assert_eq!(named(&lab), file);
    lab.convert(&["--redo", "--since", "2023-09-02", "--until", "2023-09-05", "--retention", "0s"], 3);
    assert!(lab.lake_rows() == rows);
    is_proven(&lab);
    assert_eq!(lab.run(&["repair", "{}lake/"]).code, 0);
    // Objects without a day in their keys are read by no redo.
    lab.put_gz("logs/late.log.gz", LATE);
    lab.convert(&["--full-scan"], 0);
    put(&lab, 2, 71, LATE);
    lab.convert(&["--lookback", "30d"], 0);
    compact(&lab, &["--retention", "0s"], 0);
    lab.convert(&[], 0);
    let bytes = lab.get(&merged("date=2023-09-02"));
    let second = merged("date=2023-09-02");
    lab.delete(&Path::from(second.as_str()));
    assert_eq!(named(&lab)[0]["has_objects_without_day"], true);
    let said = lab.run(&["repair", "{}lake/"]);
    assert!(said.stderr.contains("no redo makes it again"), "{}", said.stderr);
    lab.put(&second, bytes);
    assert_eq!(lab.run(&["repair", "{}lake/"]).code, 0);
    assert!(lab.lake_rows() == lab.expected("logs").rows);
    is_proven(&lab);
}
