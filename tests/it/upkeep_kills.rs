//! Merging of files, and removing of dates, that is killed at any moment: the ledger has all rows or none of what is to
//! go, the folders none twice, and the next run of any kind finishes it.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use object_store::path::Path;

use crate::compact::fed;
use crate::kill::{Random, rows_seen};
use crate::lab::{Lab, on_both_stores};

on_both_stores!(a_killed_compaction_is_made_good_by_the_next, a_killed_expiry_is_made_good_by_the_next);

const RUNS: u32 = 6;

/// A command over a lake, and what it makes of the lake.
struct Work {
    command: &'static [&'static str],
    /// Options with which a run that converts finishes it.
    converting: &'static [&'static str],
    /// Whether such a run also begins it: if not, nobody may have planned it before the kill.
    is_begun_by_converting: bool,
    rows: u64,
    files: usize,
}

const COMPACT: Work = Work {
    command: &["compact", "--retention", "0s"],
    converting: &["--retention", "0s", "--compact-after", "1d"],
    is_begun_by_converting: true,
    rows: 90,
    files: 3,
};

const EXPIRE: Work = Work {
    command: &["expire", "--until", "2023-09-02", "--retention", "0s"],
    converting: &["--retention", "0s"],
    is_begun_by_converting: false,
    rows: 30,
    files: 6,
};

fn copy(lab: &Lab, to: &str) {
    for key in lab.list("lake").into_keys() {
        let rest = key.split_once('/').expect("it lies in the lake").1;
        lab.put(&format!("{to}/{rest}"), lab.get(&key));
    }
}

/// Kills until `kills` hit.
fn kill_at_any_moment(lab: &Lab, work: &Work, kills: u32) {
    fed(lab, RUNS);
    let rows = lab.expected("logs").rows.len() as u64;
    let (mut random, mut hit, mut too_late, mut in_part) = (Random(5), 0, 0, 0);
    copy(lab, "clean");
    let (command, more) = work.command.split_first().expect("a command");
    let on = |lake: &str| [&[*command, lake], more].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
    let run = |arguments: &[String]| lab.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let copied = Instant::now();
    let clean = run(&on("{}clean/"));
    assert_eq!(clean.code, 0, "{}", clean.stderr);
    let mut whole = copied.elapsed();
    for round in 0.. {
        if hit == kills {
            break;
        }
        assert!(too_late <= kills + 30, "runs end before they are killed: {hit} kills within {whole:?}");
        let lake = format!("killed{round}");
        copy(lab, &lake);
        let url = format!("{{}}{lake}/");
        let arguments = [on(&url), vec!["--progress".to_owned(), "never".to_owned()]].concat();
        let mut program = lab.program(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let began = Instant::now();
        let mut child = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        std::thread::sleep(Duration::from_micros(random.below(whole.as_micros() as u64)));
        child.kill().expect("the program is ours");
        let status = child.wait().expect("it ends");
        if status.signal() == Some(libc::SIGKILL) {
            hit += 1;
        } else {
            assert!(status.success(), "{status:?}");
            too_late += 1;
            whole = whole.min(began.elapsed());
        }
        let count = lab.run(&["query", &url, "SELECT count(*) AS n FROM flow_logs", "--format", "csv"]);
        let either = [rows, work.rows].map(|rows| format!("n\n{rows}\n"));
        assert!(either.contains(&count.stdout), "{}{}", count.stdout, count.stderr);
        let seen = rows_seen(lab, &lake);
        assert!(seen <= rows);
        in_part += u32::from(seen < rows);
        let by_converting = random.below(2) == 1;
        if by_converting {
            let said = lab.run(&[&["convert", "{}logs/", &url], work.converting].concat());
            assert_eq!(said.code, 0, "{}", said.stderr);
        }
        if !by_converting || !work.is_begun_by_converting {
            let said = run(&on(&url));
            assert_eq!(said.code, 0, "{}", said.stderr);
        }
        assert_eq!(rows_seen(lab, &lake), work.rows);
        let files = lab.list(&format!("{lake}/flow_logs")).into_keys().filter(|key| key.ends_with(".parquet")).count();
        assert_eq!(files, work.files);
        let said = lab.run(&["verify", &url, "{}logs/"]);
        assert_eq!(said.code, 0, "{}", said.stdout);
        for key in lab.list(&lake).keys() {
            lab.delete(&Path::parse(key).expect("a key"));
        }
    }
    println!("{hit} kills, {too_late} too late, {in_part} with rows away from the folders, runs of {whole:?}");
}

fn a_killed_compaction_is_made_good_by_the_next(lab: &Lab) {
    kill_at_any_moment(lab, &COMPACT, 5);
}

fn a_killed_expiry_is_made_good_by_the_next(lab: &Lab) {
    kill_at_any_moment(lab, &EXPIRE, 5);
}

fn slow_kills(lab: &Lab, work: &Work) {
    let kills = std::env::var("FLOWLAKE_KILLS").ok().map_or(200, |text| text.parse().expect("a number of kills"));
    kill_at_any_moment(lab, work, kills);
}

#[test]
#[ignore = "slow: 200 kills of a compaction on disk"]
fn slow_200_kills_of_a_compaction_on_disk() {
    slow_kills(&Lab::on_disk(), &COMPACT);
}

#[test]
#[ignore = "slow: 200 kills of a compaction on S3"]
fn slow_200_kills_of_a_compaction_on_s3() {
    slow_kills(&Lab::on_s3(), &COMPACT);
}

#[test]
#[ignore = "slow: 200 kills of an expiry on disk"]
fn slow_200_kills_of_an_expiry_on_disk() {
    slow_kills(&Lab::on_disk(), &EXPIRE);
}

#[test]
#[ignore = "slow: 200 kills of an expiry on S3"]
fn slow_200_kills_of_an_expiry_on_s3() {
    slow_kills(&Lab::on_s3(), &EXPIRE);
}
