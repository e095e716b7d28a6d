//! A clock that was set back or forward between runs: nothing is lost, nothing doubled.

use serde_json::Value;

use crate::lab::Lab;

const DAYS: u32 = 12;

fn put(lab: &Lab, day: u32, name: &str) {
    let start = 1_694_304_000 + i64::from(day - 10) * 86_400;
    let rows: String =
        (0..40).map(|row| format!("2 10.0.{day}.{row} {} {start} {}\n", row * 1_021, start + 60)).collect();
    let key = format!(
        "logs/AWSLogs/111122223333/vpcflowlogs/us-east-1/2023/09/{day:02}/\
         111122223333_vpcflowlogs_us-east-1_fl-0a_202309{day:02}T0005Z_{name}.log.gz"
    );
    lab.put_gz(&key, &format!("version srcaddr bytes start end\n{rows}"));
}

/// Runs the program with its clock off by `offset`, such as `-400d`.
fn at(lab: &Lab, offset: &str, arguments: &[&str]) -> Value {
    let mut command = lab.program_under(&["faketime", "-f", offset], arguments);
    // Waiting goes by the true clock.
    let done = command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").output();
    let done = done.expect("faketime is installed (Debian: apt-get install faketime)");
    let (stdout, stderr) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{stdout}{stderr}");
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("no JSON: {error}: {stdout}"))
}

#[test]
#[ignore = "needs faketime; `.ci/run` installs it and runs this test"]
fn a_clock_that_jumps_loses_and_doubles_nothing() {
    let lab = Lab::on_disk();
    let convert = ["convert", "{}logs/", "{}lake/", "--json", "--progress", "never"];
    let mut added = 0;
    for (step, offset) in ["+0d", "-400d", "+400d", "-4000d", "-1d", "+0d"].into_iter().enumerate() {
        // New days, and objects that come late for days that were converted.
        for day in 10 + 2 * step as u32..12 + 2 * step as u32 {
            put(&lab, day, &format!("{step:08x}"));
        }
        put(&lab, 10 + 2 * step as u32, &format!("{:08x}", 0xf00 + step));
        added += 3;
        let summary = at(&lab, offset, &convert);
        assert_eq!(summary["objects"], 3, "at {offset}: {summary}");
        assert_eq!(lab.lake_rows().len(), added * 40);
        let newest = lab.list("lake/_flowlake/log").into_keys().next_back().expect("a log");
        let newest: Value = serde_json::from_slice(&lab.get(&newest)).expect("JSON");
        let year = newest["at"].as_str().and_then(|at| at[..4].parse::<i32>().ok()).expect("a time");
        assert_eq!(year < 2020, offset == "-4000d", "the clock is off: {newest}");
        let again = at(&lab, "-30d", &convert);
        assert_eq!(again["objects"], 0, "after {offset}: {again}");
    }
    let expected = lab.expected("logs");
    assert_eq!(expected.rows.len(), (DAYS as usize + 6) * 40);
    assert_eq!(lab.lake_rows(), expected.rows);
    lab.alter("logs");
    let days = ["--redo", "--since", "2023-09-10", "--until", "2023-09-30"];
    let redone = at(&lab, "-400d", &[&convert[..], &days].concat());
    assert!(redone["tasks_replaced"].as_u64() > Some(0), "{redone}");
    assert_eq!(lab.lake_rows(), expected.rows);
    let proof = at(&lab, "-400d", &["verify", "{}lake/", "{}logs/", "--json"]);
    assert_eq!((&proof["differences"], &proof["rows"]), (&0.into(), &expected.rows.len().into()), "{proof}");
}

/// A run whose clock was ahead met a day that is still to come: what arrives until then is listed all the same.
#[test]
#[ignore = "needs faketime; `.ci/run` installs it and runs this test"]
fn a_day_that_is_to_come_hides_nothing_once_the_clock_is_right() {
    let lab = Lab::on_disk();
    let convert = ["convert", "{}logs/", "{}lake/", "--json", "--progress", "never"];
    let now = std::time::UNIX_EPOCH.elapsed().expect("a clock behind 1970").as_secs();
    // The 12th of September 2023.
    let right = format!("-{}d", (now - 1_694_476_800) / 86_400);
    put(&lab, 10, "0000000a");
    put(&lab, 20, "0000000b");
    assert_eq!(at(&lab, "+0d", &convert)["objects"], 2);
    for (day, name) in [(11, "0000000c"), (12, "0000000d"), (12, "0000000e")] {
        put(&lab, day, name);
        assert_eq!(at(&lab, &right, &convert)["objects"], 1, "{name}");
    }
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
}

/// Ages go by the clock of the store: a host that is a year ahead neither removes dates, nor merges those that are not
/// over, nor deletes what is kept for its retention.
#[test]
#[ignore = "needs faketime; `.ci/run` installs it and runs this test"]
fn a_clock_that_is_ahead_removes_nothing_early() {
    let lab = Lab::on_disk();
    let today = chrono::Utc::now().date_naive();
    let day = |ago: u64| today.checked_sub_days(chrono::Days::new(ago)).expect("a date");
    for (n, ago) in [(0, 10), (1, 10), (2, 10), (3, 0), (4, 0), (5, 0)] {
        let (date, start) = (day(ago), day(ago).and_hms_opt(0, 0, 0).expect("midnight").and_utc().timestamp());
        lab.put_gz(
            &format!("logs/{}/{n}.log.gz", date.format("%Y/%m/%d")),
            &format!("version srcaddr bytes start end\n2 10.0.0.{n} {n} {start} {start}\n"),
        );
        at(&lab, "+0d", &["convert", "{}logs/", "{}lake/", "--json", "--full-scan"]);
    }
    let merged = at(&lab, "+400d", &["compact", "{}lake/", "--json"]);
    assert_eq!((&merged["files_merged"], &merged["files_compacted"]), (&3.into(), &1.into()), "{merged}");
    let expired = at(&lab, "+400d", &["expire", "{}lake/", "--until", "30d", "--json"]);
    assert_eq!(expired["rows_expired"], 0, "{expired}");
    let converted = at(&lab, "+400d", &["convert", "{}logs/", "{}lake/", "--json"]);
    assert_eq!(converted["files_shown"], 0, "{converted}");
    assert_eq!((lab.data_files().len(), lab.lake_rows() == lab.expected("logs").rows), (6, true));
    let said = lab.program_under(&["faketime", "-f", "+400d"], &["expire", "{}lake/", "--until", &today.to_string()]);
    let output = { said }.output().expect("faketime is installed");
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    let expired = at(&lab, "-400d", &["expire", "{}lake/", "--until", "5d", "--json"]);
    assert_eq!(expired["rows_expired"], 3, "{expired}");
}
