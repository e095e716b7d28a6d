//! Runs that are killed at any moment, stopped and continued, or not alone: no reader of folders sees a row twice, one
//! rerun completes the lake, and `flowlake verify` with the source finds no difference.
//!
//! `cargo test --release --test it slow -- --ignored --nocapture` runs the long form; docs/reliability.md has its
//! figures.

use std::collections::{HashMap, HashSet};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use crate::lab::{Lab, on_both_stores, said};

on_both_stores!(a_killed_run_is_made_good_by_the_next, four_hosts_at_once_and_one_that_sleeps);

/// Days of the sample: a task spans eight, so that this is ten tasks or more.
const DAYS: u32 = 80;

/// A bucket of so many records in many tasks.
fn fill(lab: &Lab, records: u64) {
    let folder = TempDir::new().expect("a temporary folder");
    let (records, days) = (records.to_string(), DAYS.to_string());
    let path = folder.path().to_str().expect("a plain path").to_owned();
    let made = lab.run(&["sample", &path, "--records", &records, "--days", &days, "--accounts", "1", "--regions", "1"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let mut open = vec![folder.path().to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
            continue;
        }
        let key = path.strip_prefix(folder.path()).expect("it lies in it").to_str().expect("a plain name");
        lab.put(&format!("logs/{key}"), std::fs::read(&path).expect("a file"));
    }
}

fn start(lab: &Lab, lake: &str, host: &TempDir) -> Child {
    let mut program = lab.program(&["convert", "{}logs/", &format!("{{}}{lake}/"), "--threads", "2"]);
    // The lock of a host lies in its temporary folder.
    program.env("TMPDIR", host.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    program.spawn().expect("the program starts")
}

/// Rows that a reader of folders sees; each line of an object once.
pub fn rows_seen(lab: &Lab, lake: &str) -> u64 {
    let mut seen: HashMap<String, HashSet<i64>> = HashMap::new();
    for key in lab.list(lake).keys().filter(|key| key.ends_with(".parquet") && !key.contains("/_flowlake/")) {
        let bytes = bytes::Bytes::from(lab.get(key));
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("files that are seen are whole");
        let mask = ProjectionMask::columns(builder.parquet_schema(), ["log_object", "log_line"]);
        for batch in builder.with_projection(mask).build().expect("a reader") {
            let batch = batch.expect("readable rows");
            let (objects, lines) = (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<Int64Type>());
            for (object, line) in objects.iter().zip(lines) {
                let (object, line) = (object.expect("an object"), line.expect("a line"));
                if !seen.contains_key(object) {
                    seen.insert(object.to_owned(), HashSet::new());
                }
                let is_new = seen.get_mut(object).is_some_and(|lines| lines.insert(line));
                assert!(is_new, "line {line} of {object} is there twice, in {key}");
            }
        }
    }
    seen.values().map(|lines| lines.len() as u64).sum()
}

fn proves_itself(lab: &Lab, lake: &str, records: u64) {
    let said = lab.run(&["verify", &format!("{{}}{lake}/"), "{}logs/", "--json"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    let report: serde_json::Value = serde_json::from_str(&said.stdout).expect("a summary alone");
    assert_eq!((report["rows"].as_u64(), report["files_unpublished"].as_u64()), (Some(records), Some(0)));
    assert_eq!((&report["plans_open"], &report["sources"]["not_converted"]), (&serde_json::json!([]), &0.into()));
    assert_eq!(rows_seen(lab, lake), records);
    // What a worker of this host had staged is gone. One staged record or a probe may be of a living run on another
    // host.
    let temporaries = lab.temporaries(lake);
    let may_stay = |key: &String| key.ends_with(".part") || key.contains("/tmp/probe-");
    assert!(temporaries.iter().all(may_stay), "{temporaries:?}");
}

/// Numbers that look random and are the same in every run: SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}

/// What many kills came to.
#[derive(Debug, Default)]
struct Kills {
    mid_run: u32,
    too_late: u32,
    /// Kills that left some rows to be seen, but not all.
    rows_in_part: u32,
}

/// Kills runs until `kills` hit: each lake is killed once or a few times, then completed and proven.
fn kill_at_any_moment(lab: &Lab, records: u64, kills: u32) -> Kills {
    fill(lab, records);
    let host = TempDir::new().expect("a temporary folder");
    let began = Instant::now();
    let clean = said(start(lab, "clean", &host).wait_with_output().expect("it ends"));
    let mut whole = began.elapsed();
    assert_eq!(clean.code, 0, "{}", clean.stderr);
    proves_itself(lab, "clean", records);
    let tasks = lab.list("clean/_flowlake/commits").len();
    assert!(tasks >= 8, "{tasks} tasks");
    let mut random = Random(7);
    let mut counted = Kills::default();
    for round in 0.. {
        if counted.mid_run == kills {
            break;
        }
        assert!(counted.too_late <= kills + 30, "runs end before they are killed: {counted:?} of {whole:?}");
        let lake = format!("killed{round}");
        // One kill in three hits the rerun, too.
        for attempt in 0..1 + u32::from(random.below(3) == 0) {
            let began = Instant::now();
            let mut child = start(lab, &lake, &host);
            if random.below(2) == 0 {
                // In the middle of the work: after so many commits.
                let commits = random.below(tasks as u64) as usize;
                let is_there = || lab.list(&format!("{lake}/_flowlake/commits")).len() >= commits;
                while child.try_wait().expect("the program is ours").is_none() && !is_there() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                std::thread::sleep(Duration::from_micros(random.below(50_000)));
            } else {
                std::thread::sleep(Duration::from_micros(random.below(whole.as_micros() as u64)));
            }
            child.kill().expect("the program is ours");
            let status = child.wait().expect("it ends");
            if status.signal() == Some(libc::SIGKILL) {
                counted.mid_run += 1;
            } else {
                assert!(status.success(), "{status:?}");
                counted.too_late += 1;
                // The machine is less busy than it was; a rerun of a whole lake has nothing to do.
                if attempt == 0 {
                    whole = whole.min(began.elapsed());
                }
            }
            let seen = rows_seen(lab, &lake);
            assert!(seen <= records);
            counted.rows_in_part += u32::from(seen > 0 && seen < records);
            if counted.mid_run == kills {
                break;
            }
        }
        let rerun = said(start(lab, &lake, &host).wait_with_output().expect("it ends"));
        assert_eq!(rerun.code, 0, "{}", rerun.stderr);
        proves_itself(lab, &lake, records);
        assert_same_files(lab, &lake);
        if round % 10 == 9 {
            println!("{counted:?} after {} lakes", round + 1);
        }
        for key in lab.list(&lake).keys() {
            lab.delete(&object_store::path::Path::parse(key).expect("a key"));
        }
    }
    println!("{counted:?} over runs of {whole:?}, {tasks} tasks and {records} records on {}", lab.root);
    counted
}

/// The data files of a lake that was made good have the names, and so the bytes, of a clean one.
fn assert_same_files(lab: &Lab, lake: &str) {
    let files = |lake: &str| -> Vec<String> {
        let keys = lab.list(lake).into_keys().filter(|key| key.ends_with(".parquet"));
        keys.map(|key| key[lake.len()..].to_owned()).collect()
    };
    assert_eq!(files(lake), files("clean"));
}

fn a_killed_run_is_made_good_by_the_next(lab: &Lab) {
    let kills = kill_at_any_moment(lab, 4_000, 5);
    assert_eq!(kills.mid_run, 5);
}

fn slow_kills(lab: &Lab) {
    let kills = std::env::var("FLOWLAKE_KILLS").ok().map_or(200, |text| text.parse().expect("a number of kills"));
    let records = std::env::var("FLOWLAKE_KILL_RECORDS").ok().map_or(2_000_000, |text| text.parse().expect("a number"));
    let kills = kill_at_any_moment(lab, records, kills);
    assert!(kills.rows_in_part * 4 > kills.mid_run, "most kills land in the middle: {kills:?}");
}

#[test]
#[ignore = "slow: 200 kills on disk"]
fn slow_200_kills_on_disk() {
    slow_kills(&Lab::on_disk());
}

#[test]
#[ignore = "slow: 200 kills on S3"]
fn slow_200_kills_on_s3() {
    slow_kills(&Lab::on_s3());
}

/// Each has its own lock, as on hosts of its own. The first is put to sleep in the middle of its work, and wakes up
/// when the others have finished the plan without it.
fn four_hosts_at_once_and_one_that_sleeps(lab: &Lab) {
    let records = 4_000;
    fill(lab, records);
    let hosts: Vec<_> = (0..4).map(|_| TempDir::new().expect("a temporary folder")).collect();
    let mut random = Random(11);
    let mut slept = 0;
    for round in 0..4 {
        let lake = format!("shared{round}");
        let mut children: Vec<Child> = hosts.iter().map(|host| start(lab, &lake, host)).collect();
        // Once something was planned it has begun; how far it gets is left to chance.
        let deadline = Instant::now() + Duration::from_secs(60);
        while lab.list(&format!("{lake}/_flowlake/plans")).is_empty() {
            assert!(Instant::now() < deadline, "nothing was planned");
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(random.below(400)));
        let sleeper = children.remove(0);
        let pid = sleeper.id() as libc::pid_t;
        // SAFETY: the process is our child and not waited for yet, so that the number is its own.
        slept += u32::from(unsafe { libc::kill(pid, libc::SIGSTOP) } == 0);
        for child in children {
            let said = said(child.wait_with_output().expect("it ends"));
            assert_eq!(said.code, 0, "{}", said.stderr);
        }
        assert_eq!(rows_seen(lab, &lake), records, "the others did it all, and nothing twice");
        // SAFETY: as above.
        unsafe { libc::kill(pid, libc::SIGCONT) };
        let said = said(sleeper.wait_with_output().expect("it ends"));
        assert_eq!(said.code, 0, "{}", said.stderr);
        proves_itself(lab, &lake, records);
    }
    assert_eq!(slept, 4);
}
