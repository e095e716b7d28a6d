//! Tasks that were given up, beside redos and runs that know nothing of it yet: rows are there once, in the ledger and
//! in the folders.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowlake::commit::{Ledger, Repaired, WholeTables, repair};
use flowlake::lake::{Lake, State, TaskRef};
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;

use crate::faults::{AGAIN as REDO, Bench, key, text, writer};
use crate::faulty::{Fault, FaultyStore};
use crate::lab::read_rows;

const DAYS: u32 = 20;

fn commit(plan: u64, task: u64) -> Path {
    Path::from(format!("_flowlake/commits/{plan:020}/{task:06}.ndjson.zst"))
}

/// Twenty days in three tasks.
fn bench() -> Arc<Bench> {
    let mut bench = Bench::new();
    (1..=DAYS).for_each(|day| bench.put(&key(day, day), &text(day, day)));
    Arc::new(bench)
}

fn converted(bench: &Bench) -> Arc<InMemory> {
    let lake = Arc::new(InMemory::new());
    bench.convert(lake.clone(), &[]).expect("no faults");
    lake
}

fn delete(bench: &Bench, lake: &InMemory, name: &Path) {
    bench.block_on(lake.delete(name)).expect("memory");
}

fn repaired(bench: &Bench, lake: &Arc<InMemory>) -> Repaired {
    bench.block_on(repair(writer(lake.clone()), WholeTables::AreAway)).expect("it can be repaired")
}

/// Readers of folders and of the ledger find every row once, and the sums are those of the rows.
fn is_whole(bench: &Bench, lake: &Arc<InMemory>, at: &str) {
    assert_eq!(bench.check_readers(lake, at), bench.expected.rows.len(), "{at}");
    let mut rows = BTreeMap::new();
    bench.data_files(lake).into_iter().for_each(|(name, bytes)| read_rows(&name, bytes, &mut rows));
    assert_eq!(rows, bench.expected.rows, "{at}");
    assert_eq!(bench.block_on(crate::verify::differences(lake.clone())), Vec::<String>::new(), "{at}");
    let state = bench.block_on(State::load(&reading(lake.clone()))).expect("a state");
    assert_eq!(state.totals.rows, bench.expected.rows.len() as u64, "{at}");
}

fn reading(lake: Arc<dyn object_store::ObjectStore>) -> Lake {
    Lake::new(lake, Path::default(), "s3://lake/".to_owned())
}

/// The lake as a run left it that died with `commits` tasks of its redo done, and nothing of it in its place yet.
fn redo_under_way(bench: &Bench, converted: &InMemory, commits: usize) -> Arc<InMemory> {
    let before = bench.data_files(converted);
    bench.alter();
    for operation in 1.. {
        let lake = Arc::new(converted.fork());
        let store = Arc::new(FaultyStore::new(lake.clone(), operation, Fault::DiesBefore));
        assert!(bench.convert(store, REDO).is_err(), "it does not come so far");
        let names = bench.objects(&lake).into_keys();
        let done = names.filter(|name| name.contains("/commits/00000000000000000003/")).count();
        if done == commits && before.keys().all(|name| bench.data_files(&lake).contains_key(name)) {
            return lake;
        }
    }
    unreachable!("a run has an end")
}

/// Every task of a redo is done, and one that it would stand for is given up: with it goes the task that would stand
/// for it, whose file waits no longer when the others are put in their place.
#[test]
fn a_redo_is_finished_without_the_tasks_that_were_given_up() {
    let bench = bench();
    let converted = converted(&bench);
    let lake = redo_under_way(&bench, &converted, 3);
    delete(&bench, &lake, &commit(1, 1));
    let done = repaired(&bench, &lake);
    assert_eq!(done.tasks_lost, [TaskRef { plan: 1, task: 1 }, TaskRef { plan: 3, task: 1 }].into());
    bench.check_readers(&lake, "given up");
    bench.convert(lake.clone(), &[]).expect("no faults");
    is_whole(&bench, &lake, "finished");
    let waiting = bench.objects(&lake).into_keys().filter(|name| name.contains("/waiting/")).count();
    assert_eq!(waiting, 0);
    bench.block_on(async {
        Ledger::open(writer(lake.clone())).await.expect("a ledger").checkpoint().await.expect("no faults");
    });
    is_whole(&bench, &lake, "filed");
}

/// One that is missing hides none that cannot be read.
#[test]
fn a_commit_that_is_gone_and_one_that_is_unreadable_are_given_up_together() {
    let bench = bench();
    let lake = converted(&bench);
    delete(&bench, &lake, &commit(1, 0));
    bench.block_on(lake.put(&commit(1, 2), "no zstd".into())).expect("memory");
    let done = repaired(&bench, &lake);
    assert_eq!(done.tasks_lost, [TaskRef { plan: 1, task: 0 }, TaskRef { plan: 1, task: 2 }].into());
    bench.convert(lake.clone(), &[]).expect("no faults");
    is_whole(&bench, &lake, "converted again");
}

/// A redo is finished before each of a reader's operations in turn: it finds all of the old rows or all of the new
/// ones.
#[test]
fn a_reader_sees_a_redo_whole_whenever_it_is_finished() {
    let bench = bench();
    let converted = converted(&bench);
    let under_way = redo_under_way(&bench, &converted, 2);
    for operation in 1.. {
        let lake = Arc::new(under_way.fork());
        let (of_others, others) = (lake.clone(), bench.clone());
        let meanwhile = move || drop(others.convert(of_others.clone(), &[]).expect("no faults"));
        let store = Arc::new(FaultyStore::sleeping(lake, operation, Box::new(meanwhile)));
        let reading = reading(store.clone());
        let heads = bench.block_on(async { State::load(&reading).await?.heads(&reading).await });
        let rows: u64 = heads.expect("a ledger").iter().flat_map(|head| &head.files).map(|file| file.rows).sum();
        assert_eq!(rows, bench.expected.rows.len() as u64, "before operation {operation}");
        if store.operations() < operation {
            assert!(operation > 8, "{operation} operations");
            break;
        }
    }
}

/// A run sleeps before each of its operations in turn, while others do its work, lose the record of a task, give it up,
/// and convert its objects again: what the run does when it wakes brings nothing back.
#[test]
fn a_run_that_sleeps_while_its_task_is_given_up_brings_nothing_back() {
    let bench = bench();
    for operation in 1.. {
        let lake = Arc::new(InMemory::new());
        let (of_others, others) = (lake.clone(), bench.clone());
        let meanwhile = move || {
            others.convert(of_others.clone(), &[]).expect("no faults");
            delete(&others, &of_others, &commit(1, 1));
            repaired(&others, &of_others);
            others.convert(of_others.clone(), &[]).expect("no faults");
        };
        let store = Arc::new(FaultyStore::sleeping(lake.clone(), operation, Box::new(meanwhile)));
        let at = format!("slept before operation {operation}");
        // It may find the lake in need of a repair, as it knows it.
        let slept = bench.convert(store.clone(), &[]);
        if store.operations() < operation {
            assert!(operation > 20, "{operation} operations");
            break;
        }
        is_whole(&bench, &lake, &format!("{at}: {:?}", slept.err().map(|error| error.to_string())));
    }
}

/// A run that commits nothing, and only puts the files of a redo in their place, sleeps before each of its operations
/// in turn, while a task of that redo is given up and its objects are converted again.
#[test]
fn a_run_that_sleeps_while_it_finishes_a_redo_brings_nothing_back() {
    let bench = bench();
    let converted = converted(&bench);
    let under_way = redo_under_way(&bench, &converted, 3);
    for operation in 1.. {
        let lake = Arc::new(under_way.fork());
        let (of_others, others) = (lake.clone(), bench.clone());
        let meanwhile = move || {
            delete(&others, &of_others, &commit(1, 1));
            repaired(&others, &of_others);
            others.convert(of_others.clone(), &[]).expect("no faults");
        };
        let store = Arc::new(FaultyStore::sleeping(lake.clone(), operation, Box::new(meanwhile)));
        let slept = bench.convert(store.clone(), &[]);
        if store.operations() < operation {
            assert!(operation > 20, "{operation} operations");
            break;
        }
        let at = format!("slept before operation {operation}");
        is_whole(&bench, &lake, &format!("{at}: {:?}", slept.err().map(|error| error.to_string())));
    }
}
