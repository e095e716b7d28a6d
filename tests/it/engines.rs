//! Real engines read the lake with the snippets of `docs/engines.md`, word for word, and are held against a plain
//! reading of the sources: names, types, counts and sums of every column, rows and bytes of every date.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::lab::Lab;
use crate::oracle::{Expected, Row};
use crate::pypi;

/// Engines that read the lake in one process with Python.
const ENGINES: [&str; 5] = ["duckdb", "clickhouse", "polars", "pyarrow", "pandas"];

const PACKAGES: [&str; 8] = [
    "duckdb==2.0.0",
    "chdb==4.4.0",
    "polars==2.1.0",
    "pyarrow==26.0.1",
    "pandas==3.1.1",
    "s3fs==2026.9.0",
    "psycopg[binary]==3.3.9",
    "sqlglot==30.21.0",
];
const SPARK: [&str; 1] = ["pyspark==4.3.0"];

const INT32: [&str; 7] =
    ["version", "srcport", "dstport", "protocol", "tcp_flags", "traffic_path", "encryption_status"];
const INT64: [&str; 5] = ["packets", "bytes", "start", "end", "log_line"];

/// The Python that has the engines.
pub fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| pypi::python("engines", &PACKAGES))
}

/// A lake of four formats, one of them unknown, with rows that have no date, and one table of transit gateway logs.
pub fn mixed_lake(lab: &Lab) {
    for (mix, seed, folder) in
        [("default", "1", "logs"), ("v5", "2", "logs"), ("v11", "3", "logs"), ("tgw", "4", "tgw")]
    {
        let made = lab.temporary().join(mix);
        let made_text = made.display().to_string();
        let said = lab.run(&["sample", &made_text, "--records", "5000", "--mix", mix, "--seed", seed, "--days", "2"]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        upload(lab, &made, &made, &format!("{folder}/{mix}"));
        fs::remove_dir_all(&made).expect("the lab's own folder");
    }
    let extra =
        "version srcaddr dstaddr brand-new bytes packets\n2 10.0.0.1 10.0.0.3 hello 77 1\n2 10.0.0.2 - - 78 1\n";
    lab.put_gz("logs/extra.log.gz", extra);
    let said = lab.run(&["convert", "{}logs/", "{}tgw/", "{}lake/", "--json"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

/// Puts the files of a folder below a prefix.
pub fn upload(lab: &Lab, root: &Path, folder: &Path, prefix: &str) {
    for entry in fs::read_dir(folder).expect("the sample") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            upload(lab, root, &path, prefix);
        } else {
            let relative = path.strip_prefix(root).expect("it lies below").to_str().expect("plain names");
            lab.put(&format!("{prefix}/{relative}"), fs::read(&path).expect("the sample"));
        }
    }
}

/// What an engine must say of `flow_logs`.
fn summary(lab: &Lab, expected: &Expected) -> Value {
    let mut columns = BTreeMap::new();
    for name in headers(lab)
        .into_iter()
        .chain(["date", "log_account", "log_region", "log_id", "log_object", "log_line"].map(str::to_owned))
    {
        let values = || expected.rows.iter().filter_map(|(key, row)| held(key, row, &name));
        let mut held = json!({ "count": values().count(), "type": kind(&name) });
        if kind(&name).starts_with("int") {
            held["sum"] = json!(values().map(|value| value.parse::<i64>().expect("a number")).sum::<i64>());
        }
        columns.insert(name, held);
    }
    let mut dates: BTreeMap<String, (u64, i64)> = BTreeMap::new();
    for row in expected.rows.values() {
        let date = row.get("date").cloned().unwrap_or_else(|| "None".to_owned());
        let sums = dates.entry(date).or_default();
        sums.0 += 1;
        sums.1 += row.get("bytes").map_or(0, |bytes| bytes.parse::<i64>().expect("a number"));
    }
    json!({ "rows": expected.rows.len(), "columns": columns, "dates": dates })
}

fn held(key: &(String, i64), row: &Row, name: &str) -> Option<String> {
    match name {
        "log_object" => Some(key.0.clone()),
        "log_line" => Some(key.1.to_string()),
        // Only the keys of the sample say where they come from.
        "log_account" | "log_region" | "log_id" => key.0.contains("/AWSLogs/").then(String::new),
        _ => row.get(name).cloned(),
    }
}

fn kind(name: &str) -> &'static str {
    match name {
        "date" => "date",
        name if INT32.contains(&name) => "int32",
        name if INT64.contains(&name) => "int64",
        _ => "text",
    }
}

/// Every column that a header of the sources names.
fn headers(lab: &Lab) -> std::collections::BTreeSet<String> {
    let mut names = std::collections::BTreeSet::new();
    for key in lab.list("logs").keys().filter(|key| key.ends_with(".log.gz")) {
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(lab.get(key).as_slice()).read_to_string(&mut text).expect("sound gzip");
        let header = text.lines().next().unwrap_or_default();
        names.extend(header.split_whitespace().map(|name| name.replace('-', "_")));
    }
    names
}

/// The snippets of the document, by engine and by where they read from.
fn snippets() -> BTreeMap<(String, String), String> {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/engines.md")).expect("the document");
    let mut found = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```python ") else { continue };
        let (engine, from) = info.split_once(' ').expect("an engine, and disk or s3");
        let code: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        found.insert((engine.to_owned(), from.to_owned()), code.join("\n"));
    }
    found
}

/// Whether a test runs the snippet of this engine that reads from there.
pub fn is_run(engine: &str, from: &str) -> bool {
    ENGINES.contains(&engine) && ["disk", "s3"].contains(&from)
        || from == "disk" && ["spark", "psycopg"].contains(&engine)
}

/// The code of one snippet.
fn snippet(engine: &str, from: &str) -> String {
    let found = snippets().remove(&(engine.to_owned(), from.to_owned()));
    found.unwrap_or_else(|| panic!("docs/engines.md has no snippet `python {engine} {from}`"))
}

/// Runs one snippet against the lab's lake and gives what it says.
fn ask(lab: &Lab, python: &Path, engine: &str, from: &str) -> Value {
    let lake = lab.url("lake/");
    let mut code = snippet(engine, from).replace("s3://my-lake/", &lake);
    if from == "disk" {
        code = code.replace("/data/lake", lab.path("lake").to_str().expect("a plain path"));
    }
    if let Some(endpoint) = lab.endpoint() {
        let place = format!("{endpoint}/{}", lake.strip_prefix("s3://").expect("a lake on S3"));
        code = code.replace("https://my-lake.s3.eu-west-1.amazonaws.com/", &place);
    }
    run_snippet(lab, python, engine, from, &code)
}

fn run_snippet(lab: &Lab, python: &Path, engine: &str, from: &str, code: &str) -> Value {
    let file = lab.temporary().join(format!("{engine}.py"));
    fs::write(&file, code).expect("the lab's own folder");
    let mut command = lab.script(python, concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engines/snippet.py"));
    let output = command.arg(&file).arg(engine).output().expect("Python starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{engine} cannot read the lake from {from}: {said}{errors}");
    serde_json::from_str(said.lines().last().unwrap_or_default())
        .unwrap_or_else(|error| panic!("{engine} from {from}: {error}: {said}{errors}"))
}

#[track_caller]
fn assert_same(engine: &str, said: &Value, expected: &Value) {
    for (name, column) in expected["columns"].as_object().expect("columns") {
        assert_eq!(&said["columns"][name], column, "{engine}: column {name}");
    }
    assert_eq!(said, expected, "{engine}");
}

/// The snippet of psycopg, against a server on this port.
pub fn assert_snippet_over_postgres(lab: &Lab, port: u16) {
    let code = snippet("psycopg", "disk").replace("port=5432", &format!("port={port}"));
    let said = run_snippet(lab, python(), "psycopg", "disk", &code);
    assert_same("psycopg", &said, &summary(lab, &lab.expected("logs")));
}

fn every_engine_reads_the_lake(lab: &Lab, from: &str) {
    mixed_lake(lab);
    let expected = summary(lab, &lab.expected("logs"));
    assert_eq!(expected["rows"], 15_002);
    assert_eq!(expected["dates"]["None"], json!([2, 155]));
    for engine in ENGINES {
        assert_same(engine, &ask(lab, python(), engine, from), &expected);
    }
}

#[test]
fn every_engine_reads_the_lake_from_disk() {
    every_engine_reads_the_lake(&Lab::on_disk(), "disk");
}

#[test]
fn every_engine_reads_the_lake_from_s3() {
    every_engine_reads_the_lake(&Lab::on_s3(), "s3");
}

#[test]
fn files_keep_what_the_format_promises() {
    let lab = Lab::on_disk();
    mixed_lake(&lab);
    script(&lab, python(), "parquet_files.py", &[lab.path("lake").to_str().expect("a plain path")]);
}

/// Runs a script of `tests/engines` and gives its output.
pub fn script(lab: &Lab, python: &Path, name: &str, arguments: &[&str]) -> String {
    let path = format!("{}/tests/engines/{name}", env!("CARGO_MANIFEST_DIR"));
    let output = lab.script(python, &path).args(arguments).output().expect("Python starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{name} {arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
#[ignore = "slow: fetches 430 MB and takes minutes; cargo test --test it spark -- --ignored"]
fn spark_reads_the_lake_with_the_printed_statement() {
    let lab = Lab::on_disk();
    mixed_lake(&lab);
    let expected = summary(&lab, &lab.expected("logs"));
    assert_same("spark", &ask(&lab, &pypi::python("spark", &SPARK), "spark", "disk"), &expected);
}

/// The same questions of Spark, of DuckDB and of the program's own server.
#[test]
#[ignore = "slow: fetches 430 MB and takes minutes; cargo test --test it spark -- --ignored"]
fn ten_reports_of_spark_are_ours() {
    let lab = Lab::on_disk();
    mixed_lake(&lab);
    let served = crate::serve::Served::start(&lab, &[]);
    let lake = lab.path("lake").display().to_string();
    let ours = script(&lab, python(), "reports.py", &["postgres", &served.port.to_string()]);
    assert_eq!(ours.lines().count(), 10, "{ours}");
    assert!(ours.lines().all(|line| !line.ends_with("[]")), "a report is empty: {ours}");
    assert_eq!(script(&lab, python(), "reports.py", &["duckdb", &lake]), ours);
    let spark = pypi::python("spark", &SPARK);
    assert_eq!(script(&lab, &spark, "reports.py", &["spark", &lake]), ours);
}

/// parquet-mr leaves out the pages that cannot match, by their index.
#[test]
#[ignore = "slow: fetches 430 MB and takes minutes; cargo test --test it spark -- --ignored"]
fn spark_prunes_by_dates_row_groups_and_pages() {
    let lab = Lab::on_disk();
    let bucket = lab.path("logs").display().to_string();
    let said = lab.run(&["sample", &bucket, "--records", "600000", "--days", "2", "--accounts", "1", "--regions", "1"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    lab.convert(&[], 0);
    script(
        &lab,
        &pypi::python("spark", &SPARK),
        "spark_prunes.py",
        &[lab.path("lake").to_str().expect("a plain path")],
    );
}
