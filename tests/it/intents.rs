//! Intents are there while their plan is open, and no longer.

use std::collections::BTreeSet;
use std::sync::Arc;

use flowlake::lake::{Commit, Intent};
use object_store::memory::InMemory;
use serde_json::Value;

use crate::delta_birth::requests_of;
use crate::faults::{AGAIN, Bench, key, text};
use crate::faulty::{Fault, FaultyStore};
use crate::lab::{Lab, on_both_stores};
use crate::old_ledgers::copy;

on_both_stores!(intents_go_with_the_seal_of_their_plan, intents_of_older_lakes_go_with_the_next_seal);

/// What announced a commit, as the writer of `writer_epoch` would have put it.
pub fn intent_of(commit: &[u8], writer_epoch: u32) -> Value {
    let head = Commit::parse(commit, "a commit").expect("a sound commit").head;
    let (plan, task, files, rejects) = (head.plan, head.task, head.files, head.rejects);
    let intent = Intent { format: 1, plan, task, writer_epoch, files, rejects, waits: false };
    serde_json::to_value(intent).expect("plain data")
}

fn plans_with_intents(lab: &Lab) -> BTreeSet<u64> {
    let of = |key: String| key.split('/').nth(3).and_then(|plan| plan.parse().ok()).expect("the number of a plan");
    lab.list("lake/_flowlake/intents").into_keys().map(of).collect()
}

fn intents_go_with_the_seal_of_their_plan(lab: &Lab) {
    for day in 1..=2 {
        lab.put_gz(&format!("logs/{}", key(day, day)), &text(day, day));
        lab.convert(&[], 0);
        assert_eq!(plans_with_intents(lab), BTreeSet::new());
    }
    lab.alter("logs");
    lab.convert(AGAIN, 0);
    assert_eq!(plans_with_intents(lab), BTreeSet::new());
    if lab.endpoint().is_none() {
        let folders = std::fs::read_dir(lab.path("lake/_flowlake/intents")).expect("the folder of all intents");
        assert_eq!(folders.count(), 0, "no empty folder stays");
    }
    let said = lab.run(&["verify", "{}lake/", "{}logs/"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

/// The kept lake has intents of three sealed plans and of an open one, which stays open without its source.
fn intents_of_older_lakes_go_with_the_next_seal(lab: &Lab) {
    copy(lab, "lake-1");
    assert_eq!(plans_with_intents(lab), BTreeSet::from([1, 3, 5, 8]));
    lab.put_gz("other/2023/09/16/a.log.gz", "version srcaddr bytes start\n2 10.0.0.1 7 1694822370\n");
    let convert = ["convert", "{}other/", "{}lake/"];
    let said = lab.run(&convert);
    assert_eq!(said.code, 3, "plan 8 is open and has other sources: {}", said.stderr);
    assert_eq!(plans_with_intents(lab), BTreeSet::from([8]));
    let said = lab.run(&["verify", "{}lake/"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

/// A run that dies between the seal and the end of the cleaning leaves intents of a closed plan: they go with the next
/// seal.
#[test]
fn what_a_killed_run_left_goes_with_the_next_seal() {
    let mut bench = Bench::new();
    bench.put(&key(1, 1), &text(1, 1));
    bench.put(&key(2, 2), &text(2, 2));
    let mut left = 0;
    let has_intents =
        |bench: &Bench, lake: &InMemory| bench.objects(lake).into_keys().any(|name| name.contains("/intents/"));
    for operation in 1.. {
        let lake = Arc::new(InMemory::new());
        let dying = Arc::new(FaultyStore::new(lake.clone(), operation, Fault::DiesBefore));
        let _ = bench.convert(dying.clone(), &[]);
        if dying.operations() < operation {
            break;
        }
        let is_sealed = bench.objects(&lake).iter().any(|(name, bytes)| {
            name.contains("/log/") && String::from_utf8_lossy(bytes).contains("\"kind\": \"seal\"")
        });
        left += usize::from(is_sealed && has_intents(&bench, &lake));
        // A plan to convert what is left, or to check what has another version now.
        bench.alter();
        bench.convert(lake.clone(), &[]).expect("no faults");
        assert!(!has_intents(&bench, &lake), "died before operation {operation}");
    }
    assert!(left > 0, "a run died between the seal and the cleaning");
}

#[test]
fn intents_cost_few_requests() {
    let lab = Lab::on_s3();
    let requests = || -> Vec<String> {
        let method = |asked: String| asked.split(' ').next().expect("a method").to_owned();
        requests_of(&lab, "intents").into_iter().map(method).collect()
    };
    lab.put_gz(&format!("logs/{}", key(1, 1)), &text(1, 1));
    requests();
    // Whether the log is an older copy.
    assert_eq!(requests(), ["LIST"], "a run that finds nothing new");
    lab.put_gz(&format!("logs/{}", key(2, 2)), &text(2, 2));
    // The same, what is announced, attempts that died, and all that is over: names to delete stand in no URL.
    assert_eq!(requests(), ["LIST", "PUT", "LIST", "LIST"], "a run of one task");
}
