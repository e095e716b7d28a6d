//! A ledger that is used for years: what a run reads stays bounded, and nothing that was done is forgotten.

use std::collections::BTreeSet;
use std::sync::Arc;

use flowlake::lake::{Lake, State};
use object_store::memory::InMemory;
use object_store::path::Path;

use crate::faults::{Bench, key, text};
use crate::faulty::{Fault, FaultyStore};
use crate::lab::{Lab, on_both_stores, read_rows};

on_both_stores!(a_replaced_object_is_read_again_and_held_against_its_receipt);

#[test]
fn what_a_run_reads_does_not_grow_with_the_history() {
    let mut bench = Bench::new();
    let lake = Arc::new(InMemory::new());
    let mut operations = Vec::new();
    for n in 0..150 {
        bench.put(&key(1 + n / 10, n), &text(1 + n / 10, n));
        let counting = Arc::new(FaultyStore::new(lake.clone(), 0, Fault::Before));
        let summary = bench.convert(counting.clone(), &[]).expect("a sound run");
        assert_eq!(summary.converted.objects, 1, "run {n}");
        operations.push(counting.operations());
    }
    let reading = Lake::new(lake.clone(), Path::default(), "s3://lake/".to_owned());
    let state = bench.block_on(State::load(&reading)).expect("a ledger");
    assert!(state.filed.through.is_some_and(|through| through > 200), "{:?}", state.filed.through);
    assert!(state.plans.len() < 64, "{} plans are read", state.plans.len());
    let (early, late) = (operations[10..60].iter().max(), operations[100..].iter().max());
    assert!(late <= early.map(|most| most + 20).as_ref(), "{operations:?}");
    let mut rows = Default::default();
    bench.data_files(&lake).into_iter().for_each(|(name, bytes)| read_rows(&name, bytes, &mut rows));
    assert_eq!(rows, bench.expected.rows);
    // A full scan lists every day, and finds each of them filed.
    let again = bench.convert(lake.clone(), &["--full-scan"]).expect("a sound run");
    assert_eq!((again.converted.objects, again.converted.objects_known), (0, 150));
    // Without any checkpoint the log and the commits say the same.
    let names = bench.objects(&lake);
    let heads = bench.block_on(state.heads(&reading)).expect("heads");
    for name in names.keys().filter(|name| name.contains("/checkpoints/")) {
        bench
            .block_on(object_store::ObjectStoreExt::delete(lake.as_ref(), &Path::from(name.as_str())))
            .expect("memory");
    }
    let from_the_log = bench.block_on(State::load(&reading)).expect("a ledger");
    assert_eq!((from_the_log.totals, &from_the_log.frontiers), (state.totals, &state.frontiers));
    let files = |heads: &[flowlake::lake::CommitHead]| -> BTreeSet<String> {
        heads.iter().flat_map(|head| &head.files).map(|file| file.path.to_string()).collect()
    };
    let again = bench.block_on(from_the_log.heads(&reading)).expect("heads");
    assert_eq!(files(&again), files(&heads));
    for day in state.days() {
        let filed = bench.block_on(state.receipts(&reading, day)).expect("receipts");
        assert_eq!(bench.block_on(from_the_log.receipts(&reading, day)).expect("receipts"), filed);
    }
}

fn a_replaced_object_is_read_again_and_held_against_its_receipt(lab: &Lab) {
    let logs = |n: u32| format!("logs/{}", key(14, n));
    (1..=3).for_each(|n| lab.put_gz(&logs(n), &text(14, n)));
    lab.convert(&[], 0);
    let rows = lab.lake_rows();
    // The same lines in other bytes: two gzip members.
    let whole = text(14, 1);
    let (head, tail) = whole.split_at(60);
    let bytes = [crate::lab::gzip(head.as_bytes()), crate::lab::gzip(tail.as_bytes())].concat();
    lab.put(&logs(1), bytes);
    let summary = lab.convert(&[], 0);
    assert_eq!((summary["objects"].as_u64(), summary["objects_confirmed"].as_u64()), (Some(0), Some(1)), "{summary}");
    assert_eq!(lab.convert(&[], 0)["objects_confirmed"], 0, "what was confirmed is known");
    // Another line: told once, and the lake keeps what it has.
    lab.put_gz(&logs(2), &text(14, 2).replace(" 64\n", " 65\n"));
    let summary = lab.convert(&[], 3);
    let differing = summary["differing"].as_array().expect("a list");
    assert!(differing.len() == 1 && differing[0].as_str().is_some_and(|said| said.contains(&key(14, 2))), "{summary}");
    assert_eq!(lab.convert(&[], 0)["differing"].as_array().map(Vec::len), Some(0));
    assert_eq!(lab.lake_rows(), rows);
}
