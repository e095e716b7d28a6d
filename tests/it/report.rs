//! The reports: golden rows over a committed sample, the same questions answered by DuckDB from the text logs, and what
//! each report must find and must leave out.
//!
//! Nothing here names all reports: they are the files of `sql/`. What a test needs to know of one stands in the head of
//! its question for DuckDB, `tests/golden/duckdb/NAME.sql`:
//!
//! ```sql
//! -- given: source=10.0.2.20      a parameter, where the report needs one
//! -- has: 445 | 6 | microsoft-ds  a part of a row that is there
//! -- lacks: 53                    a cell, or a part of a row, that is in the sample, close to it, and in no row
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::lab::{Lab, Said};
use crate::pypi::python;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

/// A lake of the committed sample, made once.
fn lake() -> &'static Lab {
    static LAB: OnceLock<Lab> = OnceLock::new();
    LAB.get_or_init(|| {
        let lab = Lab::on_disk();
        for (name, text) in logs() {
            lab.put_gz(&format!("logs/{name}.gz"), &text);
        }
        lab.convert(&[], 0);
        // Objects that lie at the sources twice; none of their records was lost or refused.
        for folder in ["first", "kept", "left-out"] {
            for (name, text) in texts(&format!("{GOLDEN}/copies/{folder}")) {
                lab.put_gz(&format!("{folder}/{name}.gz"), &text);
            }
            let policy = if folder == "left-out" { "skip" } else { "keep" };
            let said = lab.run(&["convert", "{}first", &format!("{{}}{folder}"), "{}lake", "--copies", policy]);
            assert_eq!(said.code, 0, "{}", said.stderr);
        }
        lab
    })
}

fn logs() -> BTreeMap<String, String> {
    texts(&format!("{GOLDEN}/logs"))
}

fn texts(folder: &str) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).expect("the sample is there");
    let read = |path: PathBuf| (name_of(&path), fs::read_to_string(&path).expect("text"));
    entries.map(|entry| read(entry.expect("an entry").path())).collect()
}

fn name_of(path: &Path) -> String {
    path.file_name().expect("a file").to_string_lossy().into_owned()
}

fn reports() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let entries = fs::read_dir(folder).expect("sql/");
    let stem = |path: PathBuf| path.file_stem().expect("a file").to_string_lossy().into_owned();
    let mut names: Vec<String> = entries.map(|entry| stem(entry.expect("an entry").path())).collect();
    names.sort();
    names
}

fn report(more: &[&str]) -> Said {
    lake().run(&[&["report", "{}lake"], more].concat())
}

/// What the head of a report's question says under a word.
fn told(name: &str, word: &str) -> Vec<String> {
    let file = format!("{GOLDEN}/duckdb/{name}.sql");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let lines = text.lines().map_while(|line| line.strip_prefix("-- "));
    let values = lines.filter_map(|line| line.strip_prefix(word)?.strip_prefix(": "));
    values.map(str::to_owned).collect()
}

/// What a report says with the parameters that its question is about; each is run once for all tests.
fn said(name: &str) -> &'static str {
    static ALL: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let run = |name: String| {
            let given = told(&name, "given");
            let mut arguments = vec![name.as_str()];
            arguments.extend(given.iter().flat_map(|given| ["--param", given]));
            let said = report(&arguments);
            assert_eq!(said.code, 0, "{name}: {}", said.stderr);
            (name.clone(), placeless(&said.stdout))
        };
        reports().into_iter().map(run).collect()
    });
    &all[name]
}

/// A table without the place of the lab in it, and without the padding that follows from it.
fn placeless(table: &str) -> String {
    if !table.contains(&lake().root) {
        return table.to_owned();
    }
    let squeeze = |line: &str| match line.starts_with('+') {
        true => line.split('+').map(|rule| if rule.is_empty() { "" } else { "---" }).collect::<Vec<_>>().join("+"),
        false => line.split_whitespace().collect::<Vec<_>>().join(" "),
    };
    table.replace(&lake().root, "{}").lines().map(|line| squeeze(line) + "\n").collect()
}

/// The rows of a table for people, as cells without padding; null is empty.
fn cells(table: &str) -> Vec<Vec<String>> {
    let lines = table.lines().filter(|line| line.starts_with('|')).skip(1);
    let cell = |cell: &str| if cell.trim() == "NULL" { String::new() } else { cell.trim().to_owned() };
    lines.map(|line| line.trim_matches('|').split('|').map(cell).collect()).collect()
}

#[test]
fn every_report_gives_its_golden_rows() {
    for name in reports() {
        let said = said(&name);
        assert!(!cells(said).is_empty(), "{name} has no rows in the sample");
        insta::with_settings!({
            snapshot_path => "../golden/reports",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, { insta::assert_snapshot!(name.as_str(), said) });
    }
}

#[test]
fn duckdb_gives_the_same_answers_to_the_same_questions() {
    let out = tempfile::tempdir().expect("a temporary folder");
    let python = python("duckdb", &["duckdb==2.0.0"]);
    let asked = std::process::Command::new(python)
        .arg(format!("{GOLDEN}/ask_duckdb.py"))
        .args(["logs", "copies", "duckdb"].map(|folder| format!("{GOLDEN}/{folder}")))
        .arg(out.path())
        .output()
        .expect("Python starts");
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    for name in reports() {
        let theirs = fs::read_to_string(out.path().join(format!("{name}.tsv"))).unwrap_or_else(|_| {
            panic!("tests/golden/duckdb/{name}.sql is missing: each report has a question for DuckDB")
        });
        let theirs: Vec<Vec<String>> =
            theirs.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect();
        assert_eq!(cells(said(&name)), theirs, "{name}");
    }
}

#[test]
fn true_positives_are_told_from_near_misses() {
    let mut sample: String = logs().into_values().collect();
    for folder in ["first", "kept", "left-out"] {
        let names = texts(&format!("{GOLDEN}/copies/{folder}")).into_keys();
        sample.extend(names.map(|name| format!("{{}}{folder}/{name}.gz\n")));
    }
    for name in reports() {
        let (present, absent) = (told(&name, "has"), told(&name, "lacks"));
        assert!(!present.is_empty() && !absent.is_empty(), "{name} has a row to find and one to leave out");
        let rows: Vec<String> = cells(said(&name)).iter().map(|row| row.join(" | ")).collect();
        for present in present {
            assert!(rows.iter().any(|row| row.contains(&present)), "{name} lacks `{present}`:\n{}", rows.join("\n"));
        }
        for absent in absent {
            let absent_cell = if absent == "NULL" { "" } else { &absent };
            let has = |row: &String| match absent.contains(" | ") {
                true => row.contains(&absent),
                false => row.split(" | ").any(|cell| cell == absent_cell),
            };
            assert!(!rows.iter().any(has), "{name} has `{absent}`:\n{}", rows.join("\n"));
            let is_there = absent == "NULL" || absent.contains(" | ") || sample.contains(&absent);
            assert!(is_there, "{absent} is not in the sample");
        }
    }
}

#[test]
fn the_list_says_what_each_means_and_which_cannot_run() {
    let listed = report(&[]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    for name in reports() {
        assert!(listed.stdout.contains(&format!("\n  {name} ")), "{name} is not listed");
    }
    for line in listed.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(listed.stdout.starts_with("What was refused\n  rejected-by-port "), "{}", listed.stdout);
    let rows = report(&["--format", "ndjson"]);
    assert_eq!(rows.stdout.lines().count(), reports().len());
    let plain = Lab::on_disk();
    plain.put_gz("logs/a.log.gz", "version srcaddr dstaddr bytes packets start\n2 10.0.0.1 10.0.0.2 7 1 1694735970\n");
    plain.convert(&[], 0);
    let listed = plain.run(&["report", "{}lake", "--format", "markdown"]);
    let lacks: BTreeMap<String, String> =
        cells(&listed.stdout).into_iter().map(|row| (row[0].clone(), row[4].clone())).collect();
    assert_eq!(lacks["top-talkers"], "");
    assert_eq!(lacks["rejected-by-port"], "this lake has no action, dstport, protocol");
    assert_eq!(lacks["tgw-drops"], "no tgw_flow_logs in this lake");
    let refused = plain.run(&["report", "{}lake", "rejected-by-port"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("`action`, `dstport`, `protocol`"), "{}", refused.stderr);
    let ran = plain.run(&["report", "{}lake", "top-talkers", "--format", "csv"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "srcaddr,flows,destinations,packets,bytes\n10.0.0.1,1,1,1,7\n"));
}

#[test]
fn a_condition_that_holds_is_exit_code_4() {
    for (condition, code) in [
        ("rows > 0", 4),
        ("rows = 2", 4),
        ("rows > 2", 0),
        ("tried >= 16", 4),
        ("tried > 16", 0),
        ("srcaddr = 203.0.113.50", 4),
        ("srcaddr = '203.0.113.51'", 0),
        ("ports > 1", 2),
        ("tried > many", 2),
        ("tried", 2),
    ] {
        let said = report(&["port-scans", "--fail-if", condition, "--format", "ndjson"]);
        assert_eq!(said.code, code, "{condition}: {}", said.stderr);
        assert_eq!(said.stdout.lines().count(), if code == 2 { 0 } else { 2 }, "{condition}");
    }
    let none = report(&["port-scans", "--param", "ports=17", "--param", "hosts=16", "--fail-if", "rows > 0"]);
    assert_eq!(none.code, 0, "{}", none.stderr);
}

#[test]
fn mistakes_are_told_with_what_is_right() {
    for (arguments, code, hint) in [
        (vec!["rejected-by-prt"], 2, "did you mean `rejected-by-port`?"),
        (vec!["traffic-from-source"], 2, "--param source=…: the sending address"),
        (vec!["traffic-from-source", "--param", "source=10.0.0.1' OR '1'='1"], 2, "is no IP address"),
        (vec!["port-scans", "--param", "ports=few"], 2, "is no whole number"),
        (vec!["accept-reject-by-minute", "--param", "bucket=foo"], 2, "is no word of minute, hour, day"),
        (vec!["port-scans", "--param", "port=1"], 2, "it has ports, hosts, top"),
        (vec!["port-scans", "--param", "ports"], 2, "name=value"),
        (vec!["port-scans", "--top", "0"], 2, "0 is not in"),
        (vec!["port-scans", "--against", "7d"], 2, "compares with no earlier window"),
        (vec!["copies", "--since", "2023-09-14"], 2, "is about the whole lake"),
        (vec!["copies", "--against", "7d"], 2, "compares with no earlier window"),
        (vec!["totals", "--since", "2023-09-15", "--until", "2023-09-14"], 2, "the window is empty"),
        (vec!["totals", "--since", "2024-01-01"], 1, "no record of this lake starts in the window"),
        (vec!["totals", "--time-zone", "Mars/Olympus"], 2, "Europe/Berlin"),
        (vec!["totals", "--format", "xml"], 2, "ndjson"),
        (vec!["totals", "--since", "tomorrow"], 2, "RFC 3339"),
        (vec!["totals", "--dir", "/nowhere/at/all"], 2, "/nowhere/at/all"),
    ] {
        let said = report(&arguments);
        assert_eq!(said.code, code, "{arguments:?}: {}", said.stderr);
        assert!(said.stderr.contains(hint), "{arguments:?}: {}", said.stderr);
        assert_eq!(said.stdout, "", "{arguments:?}");
    }
}

#[test]
fn a_lake_without_rows_is_told_so() {
    let lab = Lab::on_disk();
    lab.put_gz("logs/a.log.gz", "version srcaddr start\n");
    lab.convert(&[], 0);
    let said = lab.run(&["report", "{}lake", "totals"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("has no rows yet"), "{}", said.stderr);
    let none = lab.run(&["report", "{}logs", "totals"]);
    assert_eq!(none.code, 1, "{}", none.stderr);
    assert!(none.stderr.contains("is not a flowlake lake"), "{}", none.stderr);
}

/// Sums by local day, from the text and nothing else.
fn bytes_by_day(offset_seconds: i64, window: std::ops::Range<i64>) -> BTreeMap<String, i64> {
    let mut days = BTreeMap::new();
    for (_, text) in logs() {
        let mut lines = text.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let header = lines.next().expect("a header");
        if header.contains(&"tgw-id") {
            continue;
        }
        let place = |name: &str| header.iter().position(|field| *field == name).expect("each log has it");
        let (start, bytes) = (place("start"), place("bytes"));
        for line in lines.filter(|line| line[bytes] != "-") {
            let at: i64 = line[start].parse().expect("seconds");
            if window.contains(&at) {
                let day = chrono::DateTime::from_timestamp(at + offset_seconds, 0).expect("a time").date_naive();
                *days.entry(day.to_string()).or_default() += line[bytes].parse::<i64>().expect("bytes");
            }
        }
    }
    days
}

#[test]
fn days_and_windows_follow_the_time_zone() {
    let days = |more: &[&str]| -> BTreeMap<String, i64> {
        let said = report(&[&["bytes-by-day", "--format", "json"], more].concat());
        assert_eq!(said.code, 0, "{}", said.stderr);
        let zone = more.iter().position(|word| *word == "--time-zone").map_or("UTC", |at| more[at + 1]);
        assert!(said.stderr.contains(&format!("({zone})")), "the title names the zone: {}", said.stderr);
        let rows: Vec<serde_json::Value> = serde_json::from_str(&said.stdout).expect("JSON");
        let day = |row: &serde_json::Value| row["day"].as_str().expect("a day")[..10].to_owned();
        rows.iter().map(|row| (day(row), row["bytes"].as_i64().expect("a sum"))).collect()
    };
    let always = i64::MIN..i64::MAX;
    assert_eq!(days(&[]), bytes_by_day(0, always.clone()));
    // September in Auckland is 12 hours ahead; in Los Angeles 7 behind.
    assert_eq!(days(&["--time-zone", "Pacific/Auckland"]), bytes_by_day(12 * 3600, always.clone()));
    let los_angeles = bytes_by_day(-7 * 3600, always);
    assert_eq!(days(&["--time-zone", "America/Los_Angeles"]), los_angeles);
    // One day there, from its midnight to the next.
    let day = 1_694_588_400..1_694_588_400 + 86_400;
    let arguments = ["--time-zone", "America/Los_Angeles", "--since", "2023-09-13", "--until", "2023-09-13"];
    assert_eq!(days(&arguments), bytes_by_day(-7 * 3600, day.clone()));
    let exact = ["--since", "2023-09-13T00:00:00-07:00", "--until", "2023-09-14T07:00:00Z"];
    assert_eq!(days(&exact).values().sum::<i64>(), bytes_by_day(0, day).values().sum::<i64>());
}

#[test]
fn a_longer_earlier_window_knows_more_ports() {
    let ports = |more: &[&str]| -> Vec<String> {
        let said = report(&[&["new-rejected-ports", "--format", "tsv", "--top", "100"], more].concat());
        assert_eq!(said.code, 0, "{}", said.stderr);
        said.stdout.lines().skip(1).map(|line| line.split('\t').next().expect("a port").to_owned()).collect()
    };
    let week = ports(&[]);
    assert!(week.contains(&"5900".to_owned()) && !week.contains(&"445".to_owned()), "{week:?}");
    let fortnight = ports(&["--against", "14d"]);
    assert!(!fortnight.contains(&"5900".to_owned()), "{fortnight:?}");
    let day = ports(&["--against", "1d"]);
    assert!(day.contains(&"3389".to_owned()) && !day.contains(&"22".to_owned()), "{day:?}");
}

#[test]
fn reports_of_ones_own_stand_beside_the_others() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let own = "-- title: Quiet\n-- meaning: who says nothing\n-- fields: log_status\n-- optional: vpc_id, made_up\n\
               -- param: status text NODATA: which\n\
               SELECT interface_id, count(made_up) AS none, count(*) AS records FROM flow_logs WHERE log_status = $status\n\
               GROUP BY interface_id ORDER BY interface_id;\n";
    fs::write(folder.path().join("quiet.sql"), own).expect("a file");
    let dir = folder.path().display().to_string();
    let said = report(&["quiet", "--dir", &dir, "--format", "csv"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(
        said.stdout,
        "interface_id,none,records\neni-quiet0,0,3\neni-quiet1,0,3\neni-quiet2,0,3\neni-quiet3,0,3\n"
    );
    let said = report(&["quiet", "--dir", &dir, "--format", "csv", "--param", "status=x' OR '1'='1"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, "interface_id,none,records\n"), "bound, not pasted");
    fs::write(folder.path().join("bad.sql"), "SELECT 1").expect("a file");
    let said = report(&["quiet", "--dir", &dir]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("bad.sql") && said.stderr.contains("-- title"), "{}", said.stderr);
    fs::write(folder.path().join("bad.sql"), own.replace("FROM flow_logs", "FROM flow_logz")).expect("a file");
    let said = report(&["bad", "--dir", &dir]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("did you mean `flow_logs`?"), "{}", said.stderr);
}

/// A format without a field has nulls there, which are as known as any port.
#[test]
fn a_port_without_a_protocol_is_new_once() {
    let lab = Lab::on_disk();
    for (day, start) in [(14, 1_694_649_600_u64), (15, 1_694_736_000)] {
        let new = if day == 15 { format!("2 9 {start} REJECT\n") } else { String::new() };
        let text = format!("version dstport start action\n2 443 {start} REJECT\n2 - {start} REJECT\n{new}");
        lab.put_gz(&format!("logs/2023/09/{day}/a.log.gz"), &text);
    }
    let other = "version dstport start action protocol srcaddr\n2 443 1694649600 REJECT 6 10.0.0.1\n";
    lab.put_gz("logs/2023/09/14/b.log.gz", other);
    lab.convert(&[], 0);
    let day = ["--since", "2023-09-15", "--until", "2023-09-15", "--against", "1d", "--format", "csv"];
    let said = lab.run(&[&["report", "{}lake", "new-rejected-ports"], &day[..]].concat());
    let ports: Vec<&str> = said.stdout.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    assert_eq!((said.code, ports.as_slice()), (0, &["9"][..]), "{}{}", said.stdout, said.stderr);
}
