//! Bounds of times as people write them: fractions of a second, zones, and clocks that change; in SQL and in reports.

use crate::lab::{Lab, Said};

/// 2023-09-14T00:00:00Z and 23:00:00Z, which is an hour after midnight in Berlin.
const MIDNIGHT: i64 = 1_694_649_600;
const LATE: i64 = 1_694_732_400;

fn lake_of(starts: &[i64]) -> Lab {
    let lab = Lab::on_disk();
    for (at, start) in starts.iter().enumerate() {
        let text = format!("version srcaddr packets bytes start end\n2 10.0.0.{at} 1 7 {start} {}\n", start + 59);
        lab.put_gz(&format!("logs/{at}.log.gz"), &text);
    }
    lab.convert(&[], 0);
    lab
}

fn count(lab: &Lab, zone: &str, filter: &str) -> String {
    let sql = format!("SELECT count(srcaddr) AS n FROM flow_logs WHERE {filter}");
    let said = lab.run(&["query", "{}lake", &sql, "--format", "csv", "--time-zone", zone]);
    assert_eq!(said.code, 0, "{filter}: {}", said.stderr);
    said.stdout.trim_start_matches("n\n").trim().to_owned()
}

#[test]
fn a_bound_within_a_second_is_no_whole_second() {
    let lab = lake_of(&[MIDNIGHT]);
    for (filter, found) in [
        ("start_time >= '2023-09-14T00:00:00.999Z'", "0"),
        ("start_time > '2023-09-13T23:59:59.999Z'", "1"),
        ("start_time <= '2023-09-13T23:59:59.999999999Z'", "0"),
        ("start_time < '2023-09-14T00:00:00.000000001Z'", "1"),
        ("start_time = '2023-09-14T00:00:00.5Z'", "0"),
        ("start_time <> '2023-09-14T00:00:00.5Z'", "1"),
        ("start_time IN ('2023-09-14T00:00:00.5Z', '2023-09-14T00:00:00.7Z')", "0"),
        ("start_time BETWEEN '2023-09-14T00:00:00.001Z' AND '2023-09-14T00:00:00.999Z'", "0"),
        ("start_time >= timestamp '2023-09-14 00:00:00.5'", "0"),
        ("start_time >= timestamptz '2023-09-14 02:00:00.5+02:00'", "0"),
        ("start_time >= CAST('2023-09-14T00:00:00.5Z' AS TIMESTAMP)", "0"),
        ("start_time >= to_timestamp('2023-09-14T00:00:00.5Z')", "0"),
        ("start_time + interval '500 milliseconds' > '2023-09-14T00:00:00.4Z'", "1"),
        ("to_timestamp_seconds(start) >= '2023-09-14T00:00:00.5Z'", "0"),
        ("CAST(start AS TIMESTAMP) >= '2023-09-14T00:00:00.5'", "0"),
        ("end_time < '2023-09-14T00:00:59.5Z'", "1"),
        ("'2023-09-14T00:00:00.5Z' <= start_time", "0"),
        ("NOT (start_time < '2023-09-14T00:00:00.5Z')", "0"),
    ] {
        assert_eq!(count(&lab, "UTC", filter), found, "{filter}");
    }
    let finer = "SELECT 1 FROM flow_logs WHERE start_time >= '2023-09-14T00:00:00.0000000001Z'";
    let said = lab.run(&["query", "{}lake", finer]);
    assert!(said.code != 0 && said.stderr.contains("finer than a nanosecond"), "{}", said.stderr);
    let unit = lab.run(&["query", "{}lake", "SELECT CAST(start_time AS BIGINT) FROM flow_logs"]);
    assert!(unit.code == 2 && unit.stderr.contains("no number"), "{}", unit.stderr);
}

#[test]
fn a_bound_in_a_zone_is_that_zones() {
    let lab = lake_of(&[LATE]);
    for (filter, found) in [
        ("start_time >= date '2023-09-15'", "1"),
        ("start_time >= '2023-09-15'", "1"),
        ("start_time >= '2023-09-15 00:00:00'", "1"),
        ("start_time >= timestamp '2023-09-15'", "1"),
        ("start_time >= timestamptz '2023-09-15'", "1"),
        ("start_time >= CAST('2023-09-15' AS DATE)", "1"),
        ("start_time >= CAST('2023-09-15' AS TIMESTAMP)", "1"),
        ("start_time >= CAST(date '2023-09-15' AS TIMESTAMP)", "1"),
        ("start_time >= to_timestamp('2023-09-15')", "1"),
        ("start_time = to_timestamp(1694732400)", "1"),
        ("to_timestamp(start) = '2023-09-14T23:00:00Z'", "1"),
        ("from_unixtime(start) = start_time", "1"),
        ("start_time >= '2023-09-14T22:00:00Z'", "1"),
        ("start_time >= timestamp '2023-09-14T23:00:00.1Z'", "0"),
        ("start_time > timestamp '2023-09-15 01:00:00'", "0"),
        ("start_time = timestamp '2023-09-15 01:00:00'", "1"),
        ("CAST(start_time AS DATE) = '2023-09-15'", "1"),
        ("start_time::date = date '2023-09-15'", "1"),
        ("CAST(start_time AS TIMESTAMP) = '2023-09-15 01:00:00'", "1"),
        ("date_trunc('day', start_time) = date '2023-09-15'", "1"),
        ("start_time BETWEEN date '2023-09-15' AND date '2023-09-16'", "1"),
        ("start_time IN (date '2023-09-15', timestamp '2023-09-15 01:00:00')", "1"),
        ("start_time < date '2023-09-15'", "0"),
        ("date '2023-09-15' <= start_time", "1"),
        ("extract(hour FROM start_time) = 1", "1"),
        ("date = '2023-09-14'", "1"),
        ("CAST('2023-09-14T23:30:00Z' AS DATE) = '2023-09-15'", "1"),
        ("date < '2023-09-14T23:30:00Z'", "1"),
        ("start_time = to_timestamp('2023-09-15 01', '%Y-%m-%d %H')", "1"),
        ("start_time = '2023-09-15T01'", "1"),
    ] {
        assert_eq!(count(&lab, "Europe/Berlin", filter), found, "{filter}");
    }
}

#[test]
fn filters_on_times_still_leave_files_out() {
    let lab = lake_of(&[MIDNIGHT, LATE, MIDNIGHT + 3 * 86_400, MIDNIGHT + 40 * 86_400]);
    for (zone, filter, files) in [
        ("UTC", "start_time >= '2023-09-14T00:00:00.5Z' AND start_time < '2023-09-17T00:00:00.5Z'", 2),
        ("UTC", "start_time > '2023-09-14T23:00:00.999Z'", 2),
        ("UTC", "start_time = '2023-09-15T00:00:00.5Z'", 0),
        ("UTC", "start_time IN ('2023-09-14T00:00:00Z', '2023-09-17')", 2),
        ("Europe/Berlin", "start_time >= date '2023-09-15' AND start_time < date '2023-09-16'", 1),
        ("Europe/Berlin", "start_time::date = '2023-09-15'", 1),
        ("Europe/Berlin", "CAST(start_time AS TIMESTAMP) < '2023-09-15'", 1),
        ("Europe/Berlin", "start_time BETWEEN timestamp '2023-09-15 01:00:00' AND timestamp '2023-09-15 01:00:00'", 1),
        ("America/New_York", "start_time >= now() - interval '1 day'", 0),
    ] {
        let sql = format!("SELECT srcaddr FROM flow_logs WHERE {filter}");
        let said = lab.run(&["query", "{}lake", &sql, "--explain", "--time-zone", zone]);
        // Records of one day lie in one file, of which only the bounds are known.
        let expected = format!("flow_logs: {files} of 3 files");
        assert!(said.stdout.contains(&expected), "{filter}: {expected}\n{}{}", said.stdout, said.stderr);
    }
    let plan = lab.run(&[
        "query",
        "{}lake",
        "SELECT srcaddr FROM flow_logs WHERE start_time >= '2023-09-14T12:00:00.5Z'",
        "--explain",
    ]);
    assert!(plan.stdout.contains("pruning_predicate=") && plan.stdout.contains("start@"), "{}", plan.stdout);
}

#[test]
fn the_window_of_a_report_ends_before_its_end() {
    let lab = lake_of(&[MIDNIGHT]);
    let ask = |arguments: &[&str]| -> Said {
        lab.run(&[&["report", "{}lake", "bytes-by-day", "--format", "csv"], arguments].concat())
    };
    for (arguments, rows) in [
        (vec!["--since", "2023-09-14T00:00:00Z"], 1),
        (vec!["--since", "2023-09-14T02:00:00+02:00"], 1),
        (vec!["--since", "2023-09-13T23:59:59.000000001Z"], 1),
        (vec!["--until", "2023-09-14T00:00:00.000000001Z"], 1),
        (vec!["--until", "2023-09-14T00:00:00.5Z"], 1),
        (vec!["--since", "2023-09-13T23:59:59.5Z", "--until", "2023-09-14T00:00:00.5Z"], 1),
        (vec!["--until", "2023-09-14"], 1),
        (vec!["--since", "2023-09-14", "--time-zone", "Europe/Berlin"], 1),
    ] {
        let said = ask(&arguments);
        assert_eq!((said.code, said.stdout.lines().count()), (0, rows + 1), "{arguments:?}: {}", said.stderr);
    }
    for (arguments, says) in [
        (vec!["--since", "2023-09-14T00:00:00.5Z"], "no record of this lake starts in the window"),
        (vec!["--since", "2023-09-14T00:00:00.000000001Z"], "no record of this lake starts in the window"),
        (vec!["--until", "2023-09-14T00:00:00Z"], "no record of this lake starts in the window"),
        (vec!["--until", "2023-09-13T23:59:59.5Z"], "no record of this lake starts in the window"),
        (vec!["--until", "2023-09-14T02:00:00.0+02:00"], "no record of this lake starts in the window"),
        (vec!["--until", "2023-09-13"], "no record of this lake starts in the window"),
        (vec!["--until", "2023-09-13", "--time-zone", "Asia/Tokyo"], "no record of this lake starts in the window"),
        (vec!["--since", "2023-09-14T00:00:00.1Z", "--until", "2023-09-14T00:00:00.9Z"], "the window is empty"),
        (vec!["--since", "2023-09-14T00:00:00.0000000001Z"], "finer than a nanosecond"),
    ] {
        let said = ask(&arguments);
        assert!(said.code != 0 && said.stderr.contains(says), "{arguments:?}: {}{}", said.stdout, said.stderr);
    }
}

/// Each window of a partition of time holds each record once.
#[test]
fn windows_that_meet_share_no_record() {
    let starts: Vec<i64> = (0..6).map(|second| MIDNIGHT + second).collect();
    let lab = lake_of(&starts);
    let bounds = ["00:00:00", "00:00:00.5", "00:00:02", "00:00:03.000000001", "00:00:04.999999999", "00:00:06.5"];
    let mut rows = 0;
    for pair in bounds.windows(2) {
        let (since, until) = (format!("2023-09-14T{}Z", pair[0]), format!("2023-09-14T{}Z", pair[1]));
        let said =
            lab.run(&["report", "{}lake", "bytes-by-day", "--format", "json", "--since", &since, "--until", &until]);
        assert_eq!(said.code, 0, "{since} to {until}: {}", said.stderr);
        let found: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
        rows += found[0]["flows"].as_i64().expect("a number");
    }
    assert_eq!(rows, 6);
}

#[test]
fn what_would_be_ignored_is_refused_by_every_command() {
    let lab = lake_of(&[MIDNIGHT]);
    for (sql, name) in [
        ("SELECT count(*) FROM flow_logs TABLESAMPLE BERNOULLI (1)", "TABLESAMPLE"),
        ("SELECT srcaddr FROM flow_logs FOR UPDATE", "FOR UPDATE"),
        ("SELECT upper(srcaddr) FILTER (WHERE bytes > 1) FROM flow_logs", "FILTER of upper"),
        ("SELECT CAST(srcaddr AS VARCHAR(3)) FROM flow_logs", "VARCHAR(3)"),
    ] {
        let said = lab.run(&["query", "{}lake", sql]);
        assert_eq!(said.code, 2, "{sql}: {}", said.stderr);
        assert!(said.stderr.contains(name) && said.stderr.contains("is refused"), "{sql}: {}", said.stderr);
        assert_eq!(said.stdout, "");
    }
    for (sql, says) in [
        ("SELECT srcaddr FROM flow_logs ORDER BY 1 FETCH FIRST 1 ROWS WITH TIES", "FETCH"),
        ("SELECT srcaddr COLLATE \"de_DE\" FROM flow_logs", "Collate"),
        ("SELECT * RENAME (srcaddr AS a) FROM flow_logs", "RENAME"),
        ("SELECT sum(bytes) OVER (ORDER BY start ROWS CURRENT ROW EXCLUDE TIES) FROM flow_logs", "EXCLUDE"),
        ("SELECT bytes FROM flow_logs LIMIT 1 BY srcaddr", "LIMIT … BY"),
    ] {
        let said = lab.run(&["query", "{}lake", sql]);
        assert_eq!(said.code, 2, "{sql}: {}{}", said.stdout, said.stderr);
        assert!(said.stderr.contains(says), "{sql}: {}", said.stderr);
    }
    let own = "-- title: T\n-- meaning: M\n-- fields: srcaddr\nSELECT srcaddr FROM flow_logs TABLESAMPLE BERNOULLI (1) ORDER BY 1";
    std::fs::create_dir(lab.path("own")).expect("a folder");
    std::fs::write(lab.path("own/few.sql"), own).expect("a file");
    let said = lab.run(&["report", "{}lake", "few", "--dir", &lab.path("own").display().to_string()]);
    assert!(said.code == 2 && said.stderr.contains("TABLESAMPLE"), "{}", said.stderr);
}

/// A time with an offset is an instant in a file too, and instants are shown on the clocks of the session.
#[test]
fn own_files_keep_the_zones_of_their_times() {
    let lab = lake_of(&[MIDNIGHT, LATE]);
    let zoned = "t,u,v\n2023-09-14T02:00:00+02:00,2023-09-14 00:00:00,2023-09-14T00:00:00Z\n\
                 2023-09-14T23:00:00.5Z,2023-09-14 23:00:00,2023-09-14 23:00:00\n";
    std::fs::write(lab.path("own.csv"), zoned).expect("a file");
    std::fs::write(lab.path("own.tsv"), zoned.replace(',', "\t")).expect("a file");
    let parquet = lab.path("own.parquet").display().to_string();
    let sql = "SELECT start_time AS t FROM flow_logs";
    let said = lab.run(&["query", "{}lake", sql, "--format", "parquet", "--output", &parquet]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    for (file, zone, sql, right) in [
        ("own.csv", "UTC", "SELECT count(*) FROM o WHERE t = '2023-09-14T00:00:00Z'", "1"),
        ("own.csv", "Europe/Berlin", "SELECT count(*) FROM o WHERE t = '2023-09-14T00:00:00Z'", "1"),
        ("own.tsv", "Europe/Berlin", "SELECT count(*) FROM o WHERE t = '2023-09-14T23:00:00.5Z'", "1"),
        ("own.csv", "Europe/Berlin", "SELECT count(*) FROM o JOIN flow_logs ON start_time = t", "1"),
        ("own.csv", "Europe/Berlin", "SELECT min(CAST(t AS TEXT)) FROM o", "2023-09-14T02:00:00+02:00"),
        ("own.csv", "Europe/Berlin", "SELECT count(*) FROM o WHERE u = timestamp '2023-09-14 00:00'", "1"),
        ("own.csv", "Europe/Berlin", "SELECT count(DISTINCT v) FROM o WHERE v LIKE '2023-%'", "2"),
        ("own.parquet", "Europe/Berlin", "SELECT max(CAST(t AS DATE)) FROM o", "2023-09-15"),
        ("own.parquet", "Europe/Berlin", "SELECT max(extract(hour FROM t)) FROM o", "2"),
        ("own.parquet", "Europe/Berlin", "SELECT count(*) FROM o WHERE t = '2023-09-15 01:00'", "1"),
        ("own.parquet", "Europe/Berlin", "SELECT count(*) FROM lake.runs WHERE CAST(at AS TEXT) LIKE '%Z'", "0"),
        ("own.parquet", "UTC", "SELECT max(CAST(t AS DATE)) FROM o", "2023-09-14"),
    ] {
        let table = format!("o={}", lab.path(file).display());
        let said = lab.run(&["query", "{}lake", sql, "--table", &table, "--format", "csv", "--time-zone", zone]);
        assert_eq!((said.code, said.stdout.lines().nth(1)), (0, Some(right)), "{file} {zone} {sql}: {}", said.stderr);
    }
}
