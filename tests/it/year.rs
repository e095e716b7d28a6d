//! A lake that is fed every 15 minutes for a year: what a run with nothing to do costs does not grow with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, TimeDelta};
use flowlake::commit::{Ledger, Packing};
use flowlake::lake::{Lake, State};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use crate::aged::AgedStore;
use crate::faults::{Bench, writer};
use crate::verify::differences;

/// 2023-09-01, before which no run was.
const BIRTH: i64 = 1_693_526_400;
const QUARTER: i64 = 15 * 60;
const A_DAY: usize = 96;
/// What a run with nothing to do may read.
const READ_MAX: u64 = 2 << 20;

/// The object that is delivered before a run, and three rows in it.
fn object(run: usize) -> (String, String) {
    let start = BIRTH + run as i64 * QUARTER;
    let at = DateTime::from_timestamp(start, 0).expect("a time");
    let key = format!(
        "AWSLogs/012345678901/vpcflowlogs/us-east-1/{}/012345678901_vpcflowlogs_us-east-1_fl-0a_{}Z_{run:08x}.log.gz",
        at.format("%Y/%m/%d"),
        at.format("%Y%m%dT%H%M")
    );
    let rows: String =
        (0..3).map(|row| format!("2 10.0.{}.{row} {} {start} {row} 64\n", run % 256, 1000 + row)).collect();
    (key, format!("version srcaddr dstport start packets bytes\n{rows}"))
}

struct Year {
    bench: Bench,
    store: AgedStore,
    runs: usize,
}

/// What a run with nothing to do costs.
#[derive(Debug)]
struct Cost {
    requests: u64,
    bytes_read: u64,
    milliseconds: u128,
}

impl Year {
    fn new() -> Year {
        Year { bench: Bench::new(), store: AgedStore::default(), runs: 0 }
    }

    fn run(&mut self) {
        let (key, text) = object(self.runs);
        self.store.set_clock(BIRTH + self.runs as i64 * QUARTER + QUARTER);
        self.bench.put(&key, &text);
        let summary = self.bench.convert(Arc::new(self.store.clone()), &[]).expect("a sound run");
        assert_eq!(summary.converted.objects, 1, "run {}", self.runs);
        self.runs += 1;
    }

    /// Runs until the ledger has a checkpoint that is new: what came behind the last one is read entry by entry, and
    /// the cost is told at the same distance from it.
    fn run_to_a_checkpoint(&mut self) {
        let lake = Lake::new(Arc::new(self.store.clone()), Path::default(), "s3://lake/".to_owned());
        loop {
            self.run();
            let state = self.bench.block_on(State::load(&lake)).expect("a readable ledger");
            if state.filed.through.is_some_and(|through| state.next - through <= 2) {
                return;
            }
        }
    }

    /// One run, right behind a checkpoint.
    fn nothing_to_do(&mut self) -> Cost {
        self.run_to_a_checkpoint();
        self.store.take_counts();
        let began = Instant::now();
        let summary = self.bench.convert(Arc::new(self.store.clone()), &[]).expect("a sound run");
        assert_eq!((summary.converted.objects, summary.converted.objects_aside), (0, 0));
        let (requests, bytes_read) = self.store.take_counts();
        Cost { requests, bytes_read, milliseconds: began.elapsed().as_millis() }
    }

    /// Objects and bytes by the first two parts of their names.
    fn objects(&self) -> BTreeMap<String, (u64, u64)> {
        let mut folders: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for (name, bytes) in self.bench.objects(&self.store.inner) {
            let folder = name.split('/').take(2).collect::<Vec<_>>().join("/");
            let folder = if folder.contains("date=") { "flow_logs/date=…".to_owned() } else { folder };
            let sum = folders.entry(folder).or_default();
            (sum.0, sum.1) = (sum.0 + 1, sum.1 + bytes.len() as u64);
        }
        folders
    }

    fn tell(&self, when: &str, cost: &Cost) {
        let Cost { requests, bytes_read, milliseconds } = cost;
        println!(
            "{when}: {} runs; a run with nothing to do: {requests} requests, {bytes_read} bytes read, {milliseconds} ms",
            self.runs
        );
        for (folder, (objects, bytes)) in self.objects() {
            println!("    {folder}: {objects} objects, {bytes} bytes");
        }
    }

    /// Of old records nothing is left outside of archives but what they cannot hold yet, and all of it is proven.
    fn is_sound(&self) {
        let began = Instant::now();
        self.store.take_counts();
        let told = self.bench.block_on(differences(Arc::new(self.store.clone())));
        let (requests, bytes_read) = self.store.take_counts();
        println!("verify: {requests} requests, {bytes_read} bytes, {:?}", began.elapsed());
        assert_eq!(told, Vec::<String>::new());
    }
}

/// A week, of which what is a day old is packed.
#[test]
fn what_a_run_with_nothing_to_do_costs_does_not_grow_in_a_week() {
    let mut year = Year::new();
    let mut costs = Vec::new();
    for day in 1..=7 {
        while year.runs < day * A_DAY {
            year.run();
        }
        let packing = Packing { entries: 64, after: TimeDelta::days(1) };
        let store = Arc::new(year.store.clone());
        let packed = async { Ledger::open(writer(store)).await?.pack(packing).await };
        year.bench.block_on(packed).expect("no faults");
        costs.push(year.nothing_to_do());
    }
    year.tell("a week", costs.last().expect("seven days"));
    // What is listed again, three days and today, is held against the receipts of these days: where a checkpoint falls,
    // a day has a file more or less.
    let most = costs[..4].iter().map(|cost| cost.requests).max().expect("four days");
    assert!(costs.iter().all(|cost| cost.requests <= most + 4 && cost.bytes_read <= READ_MAX), "{costs:?}");
    let objects = year.objects();
    let of = |folder: &str| objects[&format!("_flowlake/{folder}")].0;
    assert!(of("archives") >= 8, "{objects:?}");
    // Three days of two entries a run, at the most.
    assert!(of("log") <= 3 * 2 * A_DAY as u64 && of("commits") <= 3 * A_DAY as u64, "{objects:?}");
    assert!(!objects.contains_key("_flowlake/intents"), "{objects:?}");
    year.is_sound();
    // The last object is found to be new again without any record of it: nothing else is forgotten.
    let (key, text) = object(year.runs);
    year.bench.put(&key, &text);
    assert_eq!(year.bench.convert(Arc::new(year.store.clone()), &["--full-scan"]).expect("a run").converted.objects, 1);
    let newest = year.bench.objects(&year.store.inner).into_keys().rfind(|name| name.contains("/checkpoints/"));
    let newest = Path::from(newest.expect("a checkpoint"));
    year.bench.block_on(year.store.inner.delete(&newest)).expect("memory");
    year.is_sound();
}

#[test]
#[ignore = "slow: a run every 15 minutes for a year"]
fn slow_a_year_of_runs() {
    let mut year = Year::new();
    let month = 30 * A_DAY;
    let mut first_month = None;
    for n in 1..=12 {
        while year.runs < n * month {
            year.run();
        }
        let cost = year.nothing_to_do();
        year.tell(&format!("month {n}"), &cost);
        let first: &Cost = first_month.get_or_insert(cost);
        let cost = year.nothing_to_do();
        assert!(cost.requests <= first.requests + 4 && cost.bytes_read <= READ_MAX, "{cost:?} after {first:?}");
    }
    while year.runs < 365 * A_DAY {
        year.run();
    }
    let objects = year.objects();
    // Two months of two entries a run, at the most.
    assert!(objects["_flowlake/log"].0 <= 60 * 2 * A_DAY as u64, "{objects:?}");
    year.is_sound();
}
