//! Merging of files that is killed at any moment: the ledger has all rows, the folders none twice, and the next run of
//! any kind finishes it.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use object_store::path::Path;

use crate::compact::fed;
use crate::kill::{Random, rows_seen};
use crate::lab::{Lab, on_both_stores};

on_both_stores!(a_killed_compaction_is_made_good_by_the_next);

const RUNS: u32 = 6;

fn copy(lab: &Lab, to: &str) {
    for key in lab.list("lake").into_keys() {
        let rest = key.split_once('/').expect("it lies in the lake").1;
        lab.put(&format!("{to}/{rest}"), lab.get(&key));
    }
}

/// Kills until `kills` hit.
fn kill_at_any_moment(lab: &Lab, kills: u32) {
    fed(lab, RUNS);
    let rows = lab.expected("logs").rows.len() as u64;
    let (mut random, mut hit, mut too_late, mut in_part) = (Random(5), 0, 0, 0);
    copy(lab, "clean");
    let copied = Instant::now();
    let clean = lab.run(&["compact", "{}clean/", "--retention", "0s"]);
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
        let mut program = lab.program(&["compact", &url, "--retention", "0s", "--progress", "never"]);
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
        assert_eq!(count.stdout, format!("n\n{rows}\n"), "{}", count.stderr);
        let seen = rows_seen(lab, &lake);
        assert!(seen <= rows);
        in_part += u32::from(seen < rows);
        let next: &[&str] = match random.below(2) {
            0 => &["compact", &url, "--retention", "0s"],
            _ => &["convert", "{}logs/", &url, "--retention", "0s", "--compact-after", "1d"],
        };
        let said = lab.run(next);
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert_eq!(rows_seen(lab, &lake), rows);
        let files = lab.list(&format!("{lake}/flow_logs")).into_keys().filter(|key| key.ends_with(".parquet")).count();
        assert_eq!(files, 3);
        let said = lab.run(&["verify", &url, "{}logs/"]);
        assert_eq!(said.code, 0, "{}", said.stdout);
        for key in lab.list(&lake).keys() {
            lab.delete(&Path::parse(key).expect("a key"));
        }
    }
    println!("{hit} kills, {too_late} too late, {in_part} with rows away from the folders, runs of {whole:?}");
}

fn a_killed_compaction_is_made_good_by_the_next(lab: &Lab) {
    kill_at_any_moment(lab, 5);
}

fn slow_kills(lab: &Lab) {
    let kills = std::env::var("FLOWLAKE_KILLS").ok().map_or(200, |text| text.parse().expect("a number of kills"));
    kill_at_any_moment(lab, kills);
}

#[test]
#[ignore = "slow: 200 kills of a compaction on disk"]
fn slow_200_kills_of_a_compaction_on_disk() {
    slow_kills(&Lab::on_disk());
}

#[test]
#[ignore = "slow: 200 kills of a compaction on S3"]
fn slow_200_kills_of_a_compaction_on_s3() {
    slow_kills(&Lab::on_s3());
}
