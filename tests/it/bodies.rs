//! Plans whose list of tasks is gone: nothing that counts is lost with it, and each case has a remedy.

use std::sync::Arc;

use flowlake::commit::{Repaired, WholeTables, repair};
use flowlake::lake::{Lake, State};
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;

use crate::faults::{AGAIN, Bench, key, text, writer};
use crate::faulty::{Fault, FaultyStore};
use crate::lab::read_rows;

fn bench() -> Bench {
    let mut bench = Bench::new();
    (1..=20).for_each(|day| bench.put(&key(day, day), &text(day, day)));
    bench
}

fn bodies(bench: &Bench, lake: &Arc<InMemory>) -> Vec<String> {
    bench.objects(lake).into_keys().filter(|name| name.starts_with("_flowlake/plans/")).collect()
}

fn delete(bench: &Bench, lake: &Arc<InMemory>, name: &str) {
    bench.block_on(lake.delete(&Path::from(name))).expect("memory");
}

fn repaired(bench: &Bench, lake: &Arc<InMemory>) -> Repaired {
    bench.block_on(repair(writer(lake.clone()), WholeTables::AreAway)).expect("it can be repaired")
}

fn differences(bench: &Bench, lake: &Arc<InMemory>) -> Vec<String> {
    bench.block_on(crate::verify::differences(lake.clone()))
}

/// All that was converted is there, for readers of the ledger and of folders, and nobody finds a difference.
fn check_whole(bench: &Bench, lake: &Arc<InMemory>, at: &str) {
    assert_eq!(bench.check_readers(lake, at), bench.expected.rows.len(), "{at}");
    let mut rows = Default::default();
    bench.data_files(lake).into_iter().for_each(|(name, bytes)| read_rows(&name, bytes, &mut rows));
    assert_eq!(rows.len(), bench.expected.rows.len(), "{at}");
    assert_eq!(differences(bench, lake), Vec::<String>::new(), "{at}");
}

fn open_plans(bench: &Bench, lake: &Arc<InMemory>) -> Vec<(u64, String)> {
    let reading = Lake::new(lake.clone(), Path::default(), "s3://lake/".to_owned());
    let state = bench.block_on(State::load(&reading)).expect("a ledger");
    state.open_plans().into_iter().map(|plan| (plan, state.plans[&plan].plan.body.to_string())).collect()
}

/// Commits and receipts say what counts. The list is told once, and written again as they tell it.
#[test]
fn the_tasks_of_a_sealed_plan_are_written_again_from_its_commits() {
    let bench = bench();
    let converted = Arc::new(InMemory::new());
    bench.convert(converted.clone(), &[]).expect("no faults");
    let [body] = &bodies(&bench, &converted)[..] else { panic!("one plan") };
    let bytes = bench.objects(&converted)[body].clone();
    for damaged in [None, Some(&b""[..]), Some(&bytes[..bytes.len() / 2]), Some(b"else")] {
        let lake = Arc::new(converted.fork());
        match damaged {
            None => delete(&bench, &lake, body),
            Some(other) => {
                bench.block_on(lake.put(&Path::from(body.as_str()), other.to_vec().into())).expect("memory");
            }
        }
        let told = differences(&bench, &lake);
        assert!(told.len() == 1 && told[0].contains(body), "{told:?}");
        let repaired = repaired(&bench, &lake);
        assert_eq!((repaired.plans_restored.len(), repaired.tasks_lost.len()), (1, 0), "{repaired:?}");
        assert_eq!(bench.objects(&lake)[body], bytes);
        check_whole(&bench, &lake, "written again");
    }
}

/// With commits gone as well, their tasks are given up, and their objects are found again without anyone's list.
#[test]
fn tasks_whose_commit_and_list_are_gone_are_converted_again() {
    let bench = bench();
    let lake = Arc::new(InMemory::new());
    bench.convert(lake.clone(), &[]).expect("no faults");
    delete(&bench, &lake, &bodies(&bench, &lake)[0]);
    delete(&bench, &lake, &format!("_flowlake/commits/{:020}/{:06}.ndjson.zst", 1, 1));
    let error = bench.convert(lake.clone(), &[]).expect_err("a commit is gone").to_string();
    assert!(error.contains("flowlake repair"), "{error}");
    let repaired_once = repaired(&bench, &lake);
    assert_eq!((repaired_once.tasks_lost.len(), repaired_once.plans_noted.len()), (1, 1), "{repaired_once:?}");
    assert!(repaired_once.objects_lost > 0 && repaired_once.rows_lost > 0, "{repaired_once:?}");
    assert_eq!(differences(&bench, &lake), Vec::<String>::new());
    bench.convert(lake.clone(), &["--lookback", "0d"]).expect("no faults");
    check_whole(&bench, &lake, "converted again");
    let again = repaired(&bench, &lake);
    assert!(again.tasks_lost.is_empty() && again.plans_noted.is_empty(), "{again:?}");
}

/// A run dies at every fifth operation of a conversion, or of a redo, and the list of what it was at is lost: its error
/// names the remedy, which has the rest converted, decoded or shown again.
#[test]
fn an_open_plan_without_its_list_is_given_up_and_made_anew() {
    let mut bench = Bench::new();
    (1..=9).for_each(|day| bench.put(&key(day, day), &text(day, day)));
    let empty = Arc::new(InMemory::new());
    let converted = Arc::new(InMemory::new());
    bench.convert(converted.clone(), &[]).expect("no faults");
    bench.alter();
    for (before, options) in [(empty, &[][..]), (converted, AGAIN)] {
        let mut open = 0;
        for operation in (1..).step_by(5) {
            let lake = Arc::new(before.fork());
            let store = Arc::new(FaultyStore::new(lake.clone(), operation, Fault::DiesBefore));
            let _ = bench.convert(store.clone(), options);
            if store.operations() < operation {
                break;
            }
            let at = format!("{options:?}, operation {operation}");
            for (_, body) in open_plans(&bench, &lake) {
                open += 1;
                delete(&bench, &lake, &body);
            }
            if let Err(error) = bench.convert(lake.clone(), options) {
                assert!(error.to_string().contains("flowlake repair"), "{at}: {error}");
                repaired(&bench, &lake);
                // Of a plan to show, what it had shown is seen until the next run.
                if options.is_empty() {
                    assert_eq!(differences(&bench, &lake), Vec::<String>::new(), "{at}: repaired");
                }
            }
            bench.convert(lake.clone(), options).unwrap_or_else(|error| panic!("{at}: {error}"));
            bench.convert(lake.clone(), options).unwrap_or_else(|error| panic!("{at}: {error}"));
            repaired(&bench, &lake);
            check_whole(&bench, &lake, &at);
        }
        assert!(open > 3, "{open} plans were open");
    }
}

/// What a plan that took effect at its seal took and gave is in its commits.
#[test]
fn the_lists_of_redos_are_noted_as_gone() {
    let bench = bench();
    let lake = Arc::new(InMemory::new());
    bench.convert(lake.clone(), &[]).expect("no faults");
    bench.alter();
    bench.convert(lake.clone(), AGAIN).expect("no faults");
    let bodies = bodies(&bench, &lake);
    bodies.iter().for_each(|body| delete(&bench, &lake, body));
    let told = differences(&bench, &lake);
    assert!(told.len() == bodies.len() && bodies.iter().zip(&told).all(|(body, told)| told.contains(body)), "{told:?}");
    let repaired_once = repaired(&bench, &lake);
    let plans = (repaired_once.plans_restored.len(), repaired_once.plans_noted.len());
    assert_eq!((plans, repaired_once.tasks_lost.len()), ((1, bodies.len() - 1), 0), "{repaired_once:?}");
    check_whole(&bench, &lake, "noted");
    assert!(repaired(&bench, &lake).plans_noted.is_empty());
    assert_eq!(bench.convert(lake.clone(), &[]).expect("no faults").converted.objects_planned, 0);
    check_whole(&bench, &lake, "after another run");
}
