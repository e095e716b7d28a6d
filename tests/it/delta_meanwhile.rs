//! Readers of the Delta log count all the time while a lake is worked on: each count is of the table before or after,
//! never of something between.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::delta::{age, is_sound, key, python};
use crate::lab::Lab;

/// Longer than any reader takes for a count, however slow the machine.
const COUNT_TIME_MAX: Duration = Duration::from_secs(120);

const ROUNDS: u32 = 2;

/// Works on a lake, in a round; the lake is to have the rows of its sources then.
type Work = fn(&Lab, u32);

/// What is done to a lake while it is read.
const OPERATIONS: &[(&str, Work)] = &[
    ("late", late),
    ("late", late),
    ("late", late),
    ("compact", compact),
    ("switch", switch),
    ("redo", redo),
    ("switch", switch),
];

/// An object comes that has a row of each day: a small file more of each date.
fn late(lab: &Lab, round: u32) {
    let n = lab.list("logs").len() as u32;
    let line = |day: u32| {
        let start = 1_694_347_200 + i64::from(day) * 86_400;
        format!("2 111122223333 10.9.{n}.{day} {round} {} {start} {start}\n", 1000 + n)
    };
    let lines: String = (0..DAYS).map(line).collect();
    lab.put_gz(&key(10, n), &format!("version account-id srcaddr packets bytes start end\n{lines}"));
    assert_eq!(lab.convert(&["--full-scan"], 0)["objects"], 1);
}

/// Small files are merged: what comes of them lies aside.
fn compact(lab: &Lab, _: u32) {
    let said = lab.run(&["compact", "{}lake/", "--retention", "1d", "--json"]);
    let summary: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
    let counts = ["files_merged", "files_compacted", "delta_versions"].map(|name| summary[name].as_u64());
    assert_eq!(counts, [Some(u64::from(4 * DAYS)), Some(u64::from(DAYS)), Some(1)], "{summary}");
}

/// Objects of other content, and as many rows, are decoded again: their files lie aside.
fn redo(lab: &Lab, round: u32) {
    fill(lab, round + 1);
    let window = ["--redo", "--since", "2023-09-10", "--until", "2023-09-12", "--retention", "1d"];
    let summary = lab.convert(&window, 0);
    assert_eq!(summary["delta_versions"], 1, "{summary}");
}

/// What was decoded again is shown, and what it stands for is deleted: nobody reads it any more.
fn switch(lab: &Lab, _: u32) {
    let aside = lab.list("lake/flow_logs/_c").len();
    age(lab, "lake/_flowlake/log", Duration::from_secs(2 * 86_400));
    let summary = lab.convert(&["--retention", "0s"], 0);
    assert_eq!(summary["delta_versions"], 1, "{summary}");
    assert!(aside > 0, "nothing lay aside");
}

/// Of `tests/engines/delta_read.py`.
const READERS: [&str; 6] = ["duckdb", "duckdb_ddl", "delta_rs", "polars", "clickhouse", "clickhouse_ddl"];

const OBJECTS: u32 = 12;
const DAYS: u32 = 3;
const ROWS_OF_OBJECT: u32 = 200;

/// All objects, with other bytes in each round.
fn fill(lab: &Lab, round: u32) {
    for n in 0..OBJECTS {
        let (day, start) = (10 + n % DAYS, 1_694_347_200 + i64::from(n % DAYS) * 86_400);
        let line = |row: u32| format!("2 111122223333 10.0.{n}.{row} {row} {} {start} {start}\n", row * 64 + round);
        let lines: String = (0..ROWS_OF_OBJECT).map(line).collect();
        lab.put_gz(&key(day, n), &format!("version account-id srcaddr packets bytes start end\n{lines}"));
    }
}

/// Rows, and the sum of their bytes.
type Count = (u64, i64);

/// A reader that counts until it is dropped.
struct Counting {
    name: &'static str,
    child: Child,
    counts: Receiver<Count>,
}

impl Counting {
    fn start(lab: &Lab, name: &'static str) -> Counting {
        let table = lab.path("lake/flow_logs");
        let mut command = lab.script(python(), concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engines/delta_count.py"));
        command.arg(name).arg(table).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("Python starts");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let (sender, counts) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let count = serde_json::from_str(&line).expect("a count");
                if sender.send(count).is_err() {
                    break;
                }
            }
        });
        Counting { name, child, counts }
    }

    /// The next count; a reader that fails has none.
    fn next(&self) -> Count {
        self.counts.recv_timeout(COUNT_TIME_MAX).unwrap_or_else(|error| panic!("{} does not count: {error}", self.name))
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// What an independent reading of the sources gives from a date on.
fn expected_from(lab: &Lab, date: &str) -> Count {
    let mut rows = lab.expected("logs").rows;
    rows.retain(|_, row| row["date"].as_str() >= date);
    let bytes = rows.values().filter_map(|row| row.get("bytes")).map(|bytes| bytes.parse::<i64>().expect("a number"));
    (rows.len() as u64, bytes.sum())
}

fn expected(lab: &Lab) -> Count {
    expected_from(lab, "")
}

/// What each reader counted beside some work is what there was before it or what there was after it.
fn counts_are_whole(readers: &[Counting], beside: &str, before: Count, after: Count) {
    for reader in readers {
        let at = format!("{} beside {beside}", reader.name);
        let meanwhile: Vec<Count> = reader.counts.try_iter().collect();
        // Of the next two counts the second one began when all was done.
        let [first, second] = [reader.next(), reader.next()];
        for count in meanwhile.iter().chain([&first]) {
            assert!([before, after].contains(count), "{at}: {count:?} is neither {before:?} nor {after:?}");
        }
        assert_eq!(second, after, "{at}");
    }
}

#[test]
fn readers_find_all_rows_at_any_time() {
    let lab = &Lab::on_disk();
    fill(lab, 0);
    lab.convert(&[], 0);
    let mut before = expected(lab);
    let readers: Vec<Counting> = READERS.iter().map(|name| Counting::start(lab, name)).collect();
    for reader in &readers {
        assert_eq!(reader.next(), before, "{}", reader.name);
    }
    for round in 0..ROUNDS {
        for (operation, work) in OPERATIONS {
            work(lab, round);
            let after = expected(lab);
            counts_are_whole(&readers, &format!("{operation} {round}"), before, after);
            before = after;
        }
    }
    let said = lab.run(&["expire", "{}lake/", "--until", "2023-09-10", "--retention", "1d"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    counts_are_whole(&readers, "expire", before, expected_from(lab, "2023-09-11"));
    drop(readers);
    is_sound(lab);
}
