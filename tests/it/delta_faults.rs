//! The Delta log under faults, kills and sleeping runs: a reader of its newest version finds all of its files, no row
//! twice, and after the next run exactly what the ledger has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use flowlake::delta::{Described, Log, check};
use flowlake::lake::{Lake, State};
use flowlake::schema::Table;
use object_store::memory::InMemory;
use object_store::path::Path;

use crate::faults::{AGAIN, Bench, key, text};
use crate::faulty::{Fault, FaultyStore};
use crate::lab::read_rows;
use crate::oracle::Row;

fn bench() -> Bench {
    let mut bench = Bench::new();
    (1..=5).for_each(|day| bench.put(&key(day, day), &text(day, day)));
    bench
}

fn converted(bench: &Bench) -> InMemory {
    let lake = Arc::new(InMemory::new());
    bench.convert(lake.clone(), &[]).expect("no faults");
    lake.fork()
}

fn lake_of(store: &Arc<InMemory>) -> Lake {
    Lake::new(store.clone(), Path::default(), "s3://lake/".to_owned())
}

/// The rows of the newest version; none if there is no version.
fn rows(bench: &Bench, store: &Arc<InMemory>, at: &str) -> BTreeMap<(String, i64), Row> {
    let (lake, objects) = (lake_of(store), bench.objects(store));
    let log = Log { lake: &lake, table: Table::FLOW_LOGS };
    let snapshot = bench.block_on(log.snapshot()).unwrap_or_else(|error| panic!("{at}: {error}"));
    let mut rows = BTreeMap::new();
    for path in snapshot.iter().flat_map(|snapshot| snapshot.files.keys()) {
        let name = format!("flow_logs/{path}");
        let bytes = objects.get(&name).unwrap_or_else(|| panic!("{at}: {name} is missing"));
        read_rows(&name, bytes.clone(), &mut rows);
    }
    rows
}

/// What the newest version says is what the ledger says.
fn is_caught_up(bench: &Bench, store: &Arc<InMemory>, at: &str) {
    let lake = lake_of(store);
    let checked = bench.block_on(async {
        let state = State::load(&lake).await.expect("a readable ledger");
        assert!(Described::of(&state, Table::FLOW_LOGS).is_some());
        check(&lake, &state, Table::FLOW_LOGS).await.expect("a readable log")
    });
    let checked = checked.unwrap_or_else(|| panic!("{at}: there is no Delta log"));
    assert!(checked.is_sound(), "{at}: {checked:?}");
    assert!(rows(bench, store, at) == bench.expected.rows, "{at}: other rows");
    let versions: BTreeSet<u64> = bench
        .objects(store)
        .into_keys()
        .filter_map(|name| name.strip_prefix("flow_logs/_delta_log/")?.strip_suffix(".json")?.parse().ok())
        .collect();
    assert_eq!(versions.last().map(|last| last + 1), Some(versions.len() as u64), "{at}: {versions:?}");
}

/// Dies, fails and answers late at every operation of a run. `is_whole` if all rows are there at any time.
fn survives(bench: &Bench, prepared: impl Fn() -> Arc<InMemory>, more: &[&str], is_whole: bool) -> u64 {
    let mut faults = 0;
    for fault in Fault::ALL {
        for operation in 1.. {
            let lake = prepared();
            let store = Arc::new(FaultyStore::new(lake.clone(), operation, fault));
            let done = bench.work(store.clone(), more);
            if store.operations() < operation {
                break;
            }
            faults += 1;
            let at = format!("{fault:?} at operation {operation}");
            let found = rows(bench, &lake, &at);
            assert!(found.iter().all(|(place, row)| bench.expected.rows.get(place) == Some(row)), "{at}");
            if is_whole {
                assert_eq!(found.len(), bench.expected.rows.len(), "{at}");
            }
            if done.is_ok() {
                is_caught_up(bench, &lake, &at);
            }
            bench.convert(lake.clone(), &[]).unwrap_or_else(|error| panic!("{at}: {error}"));
            is_caught_up(bench, &lake, &at);
        }
    }
    faults
}

#[test]
fn a_conversion_projects_under_a_fault_at_every_operation() {
    let faults = survives(&bench(), Arc::default, &[], false);
    assert!(faults > 100, "{faults} faults");
}

#[test]
fn a_redo_and_its_switch_project_under_a_fault_at_every_operation() {
    let bench = bench();
    let lake = converted(&bench);
    bench.alter();
    let faults = survives(&bench, || Arc::new(lake.fork()), AGAIN, true);
    assert!(faults > 100, "{faults} faults");
}

#[test]
fn a_compaction_and_its_switch_project_under_a_fault_at_every_operation() {
    let mut bench = Bench::new();
    (1..=3).for_each(|n| bench.put(&key(1, n), &text(1, n)));
    let lake = Arc::new(InMemory::new());
    for (run, (name, bytes)) in bench.objects(&bench.logs).into_iter().enumerate() {
        // A run for each object: they are taken away, and come one by one.
        if run == 0 {
            (1..=3).for_each(|n| bench.take(&key(1, n)));
        }
        bench.give(&name, bytes);
        bench.convert(lake.clone(), &["--delta", "--full-scan"]).expect("no faults");
    }
    let faults = survives(&bench, || Arc::new(lake.fork()), &["compact", "--retention", "0s"], true);
    assert!(faults > 100, "{faults} faults");
}

/// A run died with a task committed and its plan open: what it gave is not merged, and not removed, before it is
/// sealed.
#[test]
fn files_of_an_open_plan_stay_until_it_is_sealed() {
    let mut bench = Bench::new();
    (1..=3).for_each(|n| bench.put(&key(1, n), &text(1, n)));
    let first = Arc::new(InMemory::new());
    for (run, (name, bytes)) in bench.objects(&bench.logs).into_iter().enumerate() {
        if run == 0 {
            (1..=3).for_each(|n| bench.take(&key(1, n)));
        }
        bench.give(&name, bytes);
        bench.convert(first.clone(), &["--full-scan"]).expect("no faults");
    }
    bench.put(&key(1, 4), &text(1, 4));
    let mut open = 0;
    for operation in 1.. {
        let store = Arc::new(first.fork());
        let dying = Arc::new(FaultyStore::new(store.clone(), operation, Fault::DiesBefore));
        let _ = bench.convert(dying.clone(), &["--full-scan"]);
        let lake = lake_of(&store);
        let at = format!("operation {operation}");
        let is_open = || bench.block_on(async { !State::load(&lake).await.expect("a ledger").open_plans().is_empty() });
        open += u32::from(is_open() && bench.files_by_date(&store).len() == 4);
        bench.work(store.clone(), &["compact", "--retention", "0s"]).unwrap_or_else(|error| panic!("{at}: {error}"));
        bench.convert(store.clone(), &["--full-scan"]).unwrap_or_else(|error| panic!("{at}: {error}"));
        is_caught_up(&bench, &store, &at);
        if dying.operations() < operation {
            break;
        }
    }
    assert!(open > 0, "no run died between commit and seal");
}

/// A reader finds all rows or those that are left, and after the next run what the ledger has.
#[test]
fn an_expiry_projects_under_a_fault_at_every_operation() {
    let mut bench = bench();
    let lake = converted(&bench);
    let all = bench.expected.rows.clone();
    bench.expected.rows.retain(|_, row| row["date"].as_str() > "2023-09-03");
    let (left, until) = (bench.expected.rows.len(), ["expire", "--until", "2023-09-03", "--now"]);
    let mut faults = 0;
    for fault in Fault::ALL {
        for operation in 1.. {
            let store = Arc::new(lake.fork());
            let failing = Arc::new(FaultyStore::new(store.clone(), operation, fault));
            let done = bench.work(failing.clone(), &until);
            if failing.operations() < operation {
                break;
            }
            faults += 1;
            let at = format!("{fault:?} at operation {operation}");
            let found = rows(&bench, &store, &at);
            assert!(found == all || found == bench.expected.rows, "{at}: {} rows, or {left}", found.len());
            if done.is_ok() {
                is_caught_up(&bench, &store, &at);
            }
            bench.work(store.clone(), &until).unwrap_or_else(|error| panic!("{at}: {error}"));
            is_caught_up(&bench, &store, &at);
        }
    }
    assert!(faults > 100, "{faults} faults");
}

/// A run sleeps before each of its operations in turn, while others convert and decode again.
#[test]
fn a_run_that_sleeps_brings_nothing_back_into_the_delta_table() {
    let bench = Arc::new(bench());
    let lake = converted(&bench);
    for sleeper in [&[][..], AGAIN] {
        for operation in 1.. {
            let store = Arc::new(lake.fork());
            let (of_others, lab) = (store.clone(), bench.clone());
            let meanwhile = move || {
                lab.alter();
                lab.convert(of_others.clone(), AGAIN).expect("no faults");
                lab.convert(of_others.clone(), AGAIN).expect("no faults");
            };
            let sleeping = Arc::new(FaultyStore::sleeping(store.clone(), operation, Box::new(meanwhile)));
            let at = format!("{sleeper:?} slept before operation {operation}");
            bench.convert(sleeping.clone(), sleeper).unwrap_or_else(|error| panic!("{at}: {error}"));
            if sleeping.operations() < operation {
                break;
            }
            assert_eq!(rows(&bench, &store, &at).len(), bench.expected.rows.len(), "{at}");
            bench.convert(store.clone(), &[]).expect("no faults");
            is_caught_up(&bench, &store, &at);
        }
    }
}
