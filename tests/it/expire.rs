//! Old dates leave the lake, and nothing brings their rows back: not late objects, not a full scan, not a run that
//! slept.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flowlake::commit::{WholeTables, repair};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::Value;

use crate::compact::{fed, is_proven};
use crate::faults::{AGAIN, Bench, at_every_operation, key, text, writer};
use crate::faulty::FaultyStore;
use crate::lab::{Lab, on_both_stores, read_rows};
use crate::oracle::Row;

on_both_stores!(
    dates_leave_and_do_not_come_back,
    files_are_gone_at_once_if_asked,
    lines_that_were_set_aside_leave_with_their_day,
);

/// Rows by object and line.
type Rows = BTreeMap<(String, i64), Row>;

/// The first second of 2023-09-03.
const THIRD: i64 = 1_693_699_200;

/// Rows of 2023-09-03 and later.
fn kept(rows: &Rows) -> Rows {
    let is_kept = |row: &Row| row["start"].parse::<i64>().expect("a number") >= THIRD;
    rows.iter().filter(|(_, row)| is_kept(row)).map(|(place, row)| (place.clone(), row.clone())).collect()
}

#[track_caller]
fn expire(lab: &Lab, more: &[&str], code: i32) -> Value {
    let until = ["expire", "{}lake/", "--until", "2023-09-02", "--json", "--progress", "never"];
    let said = lab.run(&[&until[..], more].concat());
    assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
    serde_json::from_str(&said.stdout).expect("JSON")
}

/// One number of the lake.
#[track_caller]
fn number(lab: &Lab, sql: &str) -> i64 {
    let said = lab.run(&["query", "{}lake/", sql, "--format", "csv"]);
    let value = said.stdout.lines().nth(1).unwrap_or_else(|| panic!("{}", said.stderr));
    value.parse().unwrap_or_else(|_| panic!("{value}"))
}

fn dates_leave_and_do_not_come_back(lab: &Lab) {
    fed(lab, 4);
    let rows = lab.expected("logs").rows;
    let left = kept(&rows);
    assert_eq!((rows.len(), left.len()), (60, 20));
    let would = lab.run(&["expire", "{}lake/", "--until", "2023-09-02", "--dry-run", "--json"]);
    let would: Value = serde_json::from_str(&would.stdout).expect("JSON");
    assert_eq!((&would["rows"], &would["files"], &would["dates"]), (&40.into(), &8.into(), &2.into()), "{would}");
    let summary = expire(lab, &["--retention", "3s"], 0);
    assert_eq!((&summary["rows_expired"], &summary["files_expired"]), (&40.into(), &8.into()), "{summary}");
    assert_eq!(summary["expired_bytes"], would["bytes"]);
    assert_eq!((&summary["expired_through"], &summary["ledger_format"]), (&"2023-09-02".into(), &6.into()));
    assert_eq!(number(lab, "SELECT count(*) FROM flow_logs"), 20);
    assert_eq!(number(lab, "SELECT count(*) FROM flow_logs WHERE start_time < '2023-09-03'"), 0);
    assert!(lab.lake_rows() == rows, "who lists folders sees them for the retention");
    assert_eq!(is_proven(lab)["files_retired"], 8);
    std::thread::sleep(Duration::from_secs(4));
    lab.convert(&["--retention", "0s"], 0);
    assert!(lab.lake_rows() == left);
    assert_eq!(is_proven(lab)["files_retired"], 0);
    // An object that comes late, of which some rows are of a date that is left.
    let day = |n: i64, start: i64| format!("2 10.9.0.{n} 443 {start} 1 64\n");
    let both = (0..7).map(|n| day(n, THIRD - 3 + n)).collect::<String>();
    lab.put_gz(&format!("logs/{}", key(2, 77)), &("version srcaddr dstport start packets bytes\n".to_owned() + &both));
    let summary = lab.convert(&["--full-scan"], 0);
    assert_eq!((&summary["records"], &summary["records_expired"]), (&4.into(), &3.into()), "{summary}");
    assert_eq!(summary["dates"], serde_json::json!({ "2023-09-03": 4 }));
    let left = kept(&lab.expected("logs").rows);
    assert!(lab.lake_rows() == left);
    assert_eq!(number(lab, "SELECT expired FROM lake.objects WHERE url LIKE '%0000004d%'"), 3);
    assert_eq!(number(lab, "SELECT sum(lines - headers - blanks - rows - rejects - expired) FROM lake.objects"), 0);
    assert_eq!(is_proven(lab)["rows"], 24);
    // What is decoded again is what is left of it.
    lab.alter("logs");
    let window = ["--redo", "--since", "2023-09-01", "--until", "2023-09-30", "--retention", "0s"];
    lab.convert(&window, 3);
    assert!(lab.lake_rows() == left);
    assert_eq!(number(lab, "SELECT count(*) FROM flow_logs"), 24);
    is_proven(lab);
    assert_eq!(expire(lab, &[], 0)["files_expired"], 0);
}

fn files_are_gone_at_once_if_asked(lab: &Lab) {
    fed(lab, 3);
    // Small files that others took the place of lie in the folders, too.
    let said = lab.run(&["compact", "{}lake/", "--retention", "7d"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    lab.put("lake/flow_logs/date=2023-09-01/notes.txt", "mine");
    let summary = expire(lab, &["--now"], 0);
    assert_eq!((&summary["rows_expired"], &summary["files_deleted"]), (&30.into(), &9.into()), "{summary}");
    let left = kept(&lab.expected("logs").rows);
    assert!(lab.lake_rows() == left);
    let names: Vec<String> = lab.list("lake/flow_logs").into_keys().filter(|key| !key.contains("_delta_log")).collect();
    assert_eq!(names.iter().filter(|key| key.contains("date=2023-09-01")).count(), 1, "{names:?}");
    assert_eq!(names.iter().filter(|key| key.contains("date=2023-09-02")).count(), 0, "{names:?}");
    assert_eq!(number(lab, "SELECT count(*) FROM flow_logs"), 15);
    lab.delete(&Path::from("lake/flow_logs/date=2023-09-01/notes.txt"));
    is_proven(lab);
    lab.convert(&[], 0);
    assert!(lab.lake_rows() == left);
}

fn lines_that_were_set_aside_leave_with_their_day(lab: &Lab) {
    // One task has lines of the first and of the third day, another one of the first alone.
    for (day, n) in [(1, 5), (3, 10)] {
        lab.put_gz(&format!("logs/{}", key(day, n)), &text(day, n));
    }
    lab.convert(&[], 3);
    lab.put_gz(&format!("logs/{}", key(1, 15)), &text(1, 15));
    lab.convert(&["--full-scan"], 3);
    let rejects = || lab.run(&["rejects", "{}lake/", "--json"]).stdout.lines().count();
    assert_eq!(rejects(), 3);
    let summary = expire(lab, &["--now"], 0);
    assert_eq!(summary["rejects_expired"], 1, "{summary}");
    assert_eq!(rejects(), 2, "those that lie with lines of a day that is left");
    assert_eq!(lab.list("lake/_flowlake/rejects").len(), 1);
    is_proven(lab);
    let said = lab.run(&["expire", "{}lake/", "--until", "2023-09-03", "--now"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("2 lines that had been set aside left it too"), "{}", said.stderr);
    assert_eq!((rejects(), lab.list("lake/_flowlake/rejects").len()), (0, 0));
    is_proven(lab);
}

/// What is not over is not removed, and nothing that nobody typed.
#[test]
fn a_date_that_is_not_over_is_refused() {
    let lab = Lab::on_disk();
    fed(&lab, 1);
    let today = chrono::Utc::now().date_naive();
    for date in [today, today.succ_opt().expect("a date")] {
        let said = lab.run(&["expire", "{}lake/", "--until", &date.to_string()]);
        assert_eq!(said.code, 2, "{}", said.stderr);
        assert!(said.stderr.contains("which is not over"), "{}", said.stderr);
    }
    for arguments in [&["--until", "soon"][..], &[], &["--until", "400d", "--now", "--retention", "1d"]] {
        let said = lab.run(&[&["expire", "{}lake/"], arguments].concat());
        assert_eq!(said.code, 2, "{arguments:?}: {}", said.stderr);
    }
    assert_eq!(number(&lab, "SELECT count(*) FROM flow_logs"), 15);
    // Days of 2023 are older than a year.
    let said = lab.run(&["expire", "{}lake/", "--until", "10000d"]);
    assert_eq!((said.code, said.stderr.contains("0 rows of 0 files")), (0, true), "{}", said.stderr);
    let said = lab.run(&["expire", "{}lake/", "--until", "365d"]);
    assert_eq!((said.code, said.stderr.contains("15 rows of 3 files")), (0, true), "{}", said.stderr);
}

const UNTIL: [&str; 5] = ["expire", "--until", "2023-09-02", "--retention", "0s"];

/// Three objects of each of three days, some of whose rows are of the day after; each run met one of each day.
fn bench() -> Bench {
    let mut bench = Bench::new();
    for run in 0..3 {
        for day in 1..=3 {
            let next = format!("2 10.7.{run}.{day} 443 {} 1 64\n", THIRD + (i64::from(day) - 2) * 86_400 + 5);
            bench.put(&key(day, run * 3 + day), &(text(day, run * 3 + day) + &next));
        }
    }
    bench
}

fn lake_of(bench: &Bench) -> InMemory {
    let lake = Arc::new(InMemory::new());
    let all = bench.objects(&bench.logs);
    all.keys().for_each(|name| bench.take(name));
    for run in 0..3 {
        all.iter().skip(run).step_by(3).for_each(|(name, bytes)| bench.give(name, bytes.clone()));
        bench.convert(lake.clone(), &["--full-scan"]).expect("no faults");
    }
    lake.fork()
}

/// Whoever reads the ledger or the folders finds the rows that are left, and nothing else.
#[track_caller]
fn is_expired(bench: &Bench, lake: &Arc<InMemory>, at: &str) {
    let left = kept(&bench.expected.rows);
    assert_eq!(bench.check_readers(lake, at), left.len(), "{at}");
    let mut rows = BTreeMap::new();
    bench.data_files(lake).into_iter().for_each(|(name, bytes)| read_rows(&name, bytes, &mut rows));
    assert!(rows == left, "{at}: {} rows in the folders", rows.len());
    assert_eq!(bench.block_on(crate::verify::differences(lake.clone())), Vec::<String>::new(), "{at}");
}

#[test]
fn an_expiry_survives_a_fault_at_every_operation() {
    let bench = bench();
    let lake = lake_of(&bench);
    let prepared = || Arc::new(lake.fork());
    for until in [&UNTIL[..], &["expire", "--until", "2023-09-02", "--now"]] {
        let done = |lake: Arc<dyn ObjectStore>| bench.work(lake, until).is_ok();
        let faults = at_every_operation(&bench, prepared, done);
        assert!(faults > 60, "{faults} faults");
        let lake = prepared();
        assert!(done(lake.clone()));
        is_expired(&bench, &lake, "without a fault");
    }
}

/// A run sleeps before each of its operations in turn, while others remove dates.
fn sleeps_while_dates_leave(sleeper: &[&str]) {
    let bench = Arc::new(bench());
    let lake = lake_of(&bench);
    bench.alter();
    bench.give(&key(2, 90), crate::lab::gzip(text(2, 90).as_bytes()).into());
    for operation in 1.. {
        let store = Arc::new(lake.fork());
        let (of_others, lab) = (store.clone(), bench.clone());
        let meanwhile = move || drop(lab.work(of_others.clone(), &UNTIL).expect("no faults"));
        let sleeping = Arc::new(FaultyStore::sleeping(store.clone(), operation, Box::new(meanwhile)));
        let at = format!("{sleeper:?} slept before operation {operation}");
        bench.work(sleeping.clone(), sleeper).unwrap_or_else(|error| panic!("{at}: {error}"));
        if sleeping.operations() < operation {
            assert!(operation > 20, "{operation} operations");
            return;
        }
        bench.convert(store.clone(), &["--full-scan", "--retention", "0s"]).expect("no faults");
        bench.convert(store.clone(), &["--retention", "0s"]).expect("no faults");
        is_expired(&bench, &store, &at);
    }
}

#[test]
fn a_conversion_that_sleeps_brings_no_date_back() {
    sleeps_while_dates_leave(&["--full-scan", "--retention", "0s"]);
}

#[test]
fn a_redo_that_sleeps_brings_no_date_back() {
    sleeps_while_dates_leave(AGAIN);
}

#[test]
fn a_compaction_that_sleeps_brings_no_date_back() {
    sleeps_while_dates_leave(&["compact", "--retention", "0s"]);
}

#[test]
fn an_expiry_that_sleeps_takes_nothing_else() {
    sleeps_while_dates_leave(&["expire", "--until", "2023-09-01", "--retention", "0s"]);
}

/// An expiry sleeps while others convert late objects, merge files or decode again.
#[test]
fn what_others_do_while_dates_leave_is_kept_and_its_old_rows_are_not() {
    const OTHERS: [&[&str]; 3] = [&["--full-scan"], &["compact", "--retention", "0s"], AGAIN];
    let bench = Arc::new(bench());
    let lake = lake_of(&bench);
    bench.alter();
    for others in OTHERS {
        for operation in 1.. {
            let store = Arc::new(lake.fork());
            let (of_others, lab) = (store.clone(), bench.clone());
            let meanwhile = move || drop(lab.work(of_others.clone(), others).expect("no faults"));
            let sleeping = Arc::new(FaultyStore::sleeping(store.clone(), operation, Box::new(meanwhile)));
            let at = format!("{others:?} at operation {operation}");
            let summary = bench.work(sleeping.clone(), &UNTIL).unwrap_or_else(|error| panic!("{at}: {error}"));
            // Each row leaves once, however often a plan was made anew.
            let rows = bench.expected.rows.len() - kept(&bench.expected.rows).len();
            assert_eq!(summary.expired.rows_expired, rows as u64, "{at}: {summary}");
            if sleeping.operations() < operation {
                assert!(operation > 20, "{operation} operations");
                break;
            }
            bench.convert(store.clone(), &["--retention", "0s"]).expect("no faults");
            is_expired(&bench, &store, &at);
        }
    }
}

/// A run died with a task committed and its plan open; then dates were removed; the next run finishes the plan.
#[test]
fn an_open_plan_of_a_run_that_died_brings_no_date_back() {
    let bench = bench();
    for operation in 1.. {
        let store = Arc::new(InMemory::new());
        let dying = Arc::new(FaultyStore::new(store.clone(), operation, crate::faulty::Fault::DiesBefore));
        let _ = bench.convert(dying.clone(), &[]);
        let at = format!("died at operation {operation}");
        if bench.work(store.clone(), &UNTIL).is_ok() {
            bench.convert(store.clone(), &["--retention", "0s"]).unwrap_or_else(|error| panic!("{at}: {error}"));
            bench.convert(store.clone(), &["--retention", "0s"]).unwrap_or_else(|error| panic!("{at}: {error}"));
            is_expired(&bench, &store, &at);
        }
        if dying.operations() < operation {
            assert!(operation > 20, "{operation} operations");
            return;
        }
    }
}

/// A plan is done and not sealed when dates are removed: its rows are named, stay, and leave with the run that seals
/// it, or with the next one. So do lines that it set aside.
#[test]
fn rows_of_a_plan_that_is_sealed_later_leave_with_it() {
    let bench = bench();
    let sealed = Arc::new(InMemory::new());
    bench.convert(sealed.clone(), &[]).expect("no faults");
    for next in [&["--retention", "0s"][..], &["--stop-after", "0s"], AGAIN] {
        let lake = Arc::new(sealed.fork());
        let delta = bench.objects(&lake).into_keys().filter(|name| name.contains("_delta_log"));
        let seal = "_flowlake/log/00000000000000000002.json".to_owned();
        for name in delta.chain([seal]) {
            bench.block_on(lake.delete(&Path::from(name))).expect("memory");
        }
        let summary = bench.work(lake.clone(), &UNTIL).expect("no faults");
        let rows = bench.expected.rows.len() - kept(&bench.expected.rows).len();
        assert_eq!((summary.expired.rows_expired, summary.expired.rows_left), (0, rows as u64), "{summary}");
        assert!(summary.left_something(), "{summary}");
        bench.convert(lake.clone(), next).expect("no faults");
        bench.convert(lake.clone(), &["--retention", "0s"]).expect("no faults");
        bench.convert(lake.clone(), &["--retention", "0s"]).expect("no faults");
        is_expired(&bench, &lake, &format!("{next:?}"));
        bench.convert(lake.clone(), AGAIN).expect("no faults");
        is_expired(&bench, &lake, &format!("{next:?}, and decoded again"));
        let aside = || bench.objects(&lake).into_keys().filter(|name| name.starts_with("_flowlake/rejects/")).count();
        assert_eq!(aside(), 1);
        bench.work(lake.clone(), &["expire", "--until", "2023-09-30", "--now"]).expect("no faults");
        assert_eq!(aside(), 0);
    }
}

/// Files that a redo took the place of and that are of removed dates do not wait for others of the redo's days.
#[test]
fn what_a_redo_replaced_does_not_wait_for_later_expiries() {
    let bench = bench();
    let lake = Arc::new(lake_of(&bench));
    bench.alter();
    bench
        .convert(lake.clone(), &["--redo", "--since", "2023-09-01", "--until", "2023-09-30", "--retention", "0s"])
        .expect("no faults");
    for day in ["2023-09-01", "2023-09-02"] {
        // The newest of them is not old, the ones before are.
        bench.work(lake.clone(), &["expire", "--until", day, "--retention", "7d"]).expect("no faults");
        let of_day = |name: &String| name.starts_with("flow_logs/date=2023-09-01");
        let files = bench.data_files(&lake).into_keys().filter(of_day).count();
        assert_eq!(files, 3, "what was decoded again stays for the retention of the expiry");
    }
    bench.work(lake.clone(), &["expire", "--until", "2023-09-03", "--retention", "0s"]).expect("no faults");
    let left = bench.data_files(&lake).into_keys().filter(|name| name.contains("date=2023-09-03")).count();
    assert_eq!(left, 0, "it does not wait for those of the week");
}

/// Commits that are gone: that of the expiry is made again from its plan; those of tasks whose files it took are given
/// up, and their objects are read again, without the rows that are no longer kept.
#[test]
fn a_commit_that_is_gone_brings_no_date_back() {
    let bench = bench();
    let expired = Arc::new(lake_of(&bench));
    bench.work(expired.clone(), &UNTIL).expect("no faults");
    let commits: Vec<String> = bench.objects(&expired).into_keys().filter(|name| name.contains("/commits/")).collect();
    let mut given_up = 0;
    for commit in commits {
        let lake = Arc::new(expired.fork());
        bench.block_on(lake.delete(&Path::from(commit.as_str()))).expect("memory");
        let repaired = bench.block_on(repair(writer(lake.clone()), WholeTables::AreAway)).expect("it can be repaired");
        given_up += repaired.tasks_lost.len();
        bench.convert(lake.clone(), &["--retention", "0s"]).expect("no faults");
        is_expired(&bench, &lake, &commit);
    }
    // Three conversions: the expiry, and the plan that had the files deleted, are written again.
    assert_eq!(given_up, 3);
}
