//! `flowlake verify`: sound lakes pass, and every damage is named.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::compute::{concat_batches, take_record_batch};
use flowlake::audit::{self, Difference, Options};
use flowlake::lake::Lake;
use flowlake::progress::{Progress, When};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::faults::{self, Bench};
use crate::faulty::FaultyStore;
use crate::lab::{Lab, on_both_stores};

/// What a verification of a lake in a store tells.
pub async fn differences(lake: Arc<dyn ObjectStore>) -> Vec<String> {
    differences_in(512 << 20, lake).await
}

/// The same with so much memory to plan with, which may be less than the command line takes.
pub async fn differences_in(memory_bytes: u64, lake: Arc<dyn ObjectStore>) -> Vec<String> {
    let lake = Lake::new(lake, Path::default(), "s3://lake/".to_owned());
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let options = Options { threads: 2, memory_bytes, scratch: scratch.path().to_owned(), since: None };
    let mut told = Vec::new();
    let mut tell = |difference: &Difference| {
        told.push(difference.to_string());
        Ok(())
    };
    let progress = Progress::new(When::Never);
    let report = audit::verify(&lake, &[], &options, &progress, &mut tell).await.expect("it comes to its end");
    assert_eq!(report.differences, told.len() as u64);
    told
}

/// A conversion, or a redo, goes on before each of the verification's operations in turn.
#[test]
fn a_run_that_goes_on_meanwhile_is_no_difference() {
    let mut bench = Bench::new();
    (1..=20).for_each(|day| bench.put(&faults::key(day, day), &faults::text(day, day)));
    let converted = Arc::new(InMemory::new());
    bench.convert(converted.clone(), &[]).expect("no faults");
    (1..=20).for_each(|day| bench.put(&faults::key(day, 100 + day), &faults::text(day, 100 + day)));
    let bench = Arc::new(bench);
    bench.alter();
    for more in [&[], faults::AGAIN] {
        for operation in 1.. {
            let lake = Arc::new(converted.fork());
            let (of_others, others) = (lake.clone(), bench.clone());
            let meanwhile = move || drop(others.convert(of_others.clone(), more).expect("no faults"));
            let store = Arc::new(FaultyStore::sleeping(lake, operation, Box::new(meanwhile)));
            assert_eq!(bench.block_on(differences(store.clone())), Vec::<String>::new(), "{more:?} before {operation}");
            if store.operations() < operation {
                assert!(operation > 20, "{operation} operations");
                break;
            }
        }
    }
}

on_both_stores!(
    a_sound_lake_passes,
    a_damaged_data_file_is_named,
    a_damaged_ledger_record_is_named,
    forged_files_are_found_by_their_rows,
    a_source_is_held_against_the_lake,
    an_open_plan_is_told_and_is_no_difference,
    names_that_others_lay_into_the_ledger_are_passed_over,
);

const DEFAULT: &str = "version account-id srcaddr dstport packets bytes start end";
/// 2023-09-14 23:59:30 UTC.
const NEAR_MIDNIGHT: i64 = 1_694_735_970;

pub fn rows(n: i64, count: i64) -> String {
    let mut text = format!("{DEFAULT}\n");
    for row in 0..count {
        let start = NEAR_MIDNIGHT + row;
        text += &format!("2 111122223333 10.0.{n}.{row} {} {} {} {start} {}\n", 400 + row, row, row * 64, start + 59);
    }
    text
}

pub fn key(n: i64) -> String {
    format!(
        "logs/AWSLogs/111122223333/vpcflowlogs/us-east-1/2023/09/14/\
         111122223333_vpcflowlogs_us-east-1_fl-0a_20230914T2355Z_{n:08x}.log.gz"
    )
}

/// Two sources of mixed formats and tables, several partitions, rejects, an object set aside and one skipped.
fn fill(lab: &Lab) {
    for n in 0..4 {
        lab.put_gz(&key(n), &rows(n, 60));
    }
    lab.put_gz(&key(4), &format!("{}a line that is none\n2 x 10.0.0.1 99999 1 1 1 1\n\n", rows(4, 3)));
    lab.put(&key(5), [0x1f_u8, 0x8b, 8, 0, 1, 2, 3].as_slice().to_owned());
    let odd: String = (0..9).map(|row| format!("10.9.9.{row} new {row} 1 6 22\n")).collect();
    lab.put_gz("logs/2023/09/12/undated.log.gz", &format!("srcaddr brand-new bytes packets protocol dstport\n{odd}"));
    lab.put_gz("logs/loose.log.gz", &format!("srcaddr brand-new bytes packets protocol dstport\n{odd}"));
    lab.put_gz("logs/2023/09/13/notes.log.gz", "nothing to see here\n");
    let tgw: String = (0..20).map(|row| format!("6 tgw-1 10.1.0.{row} 17 {row} {}\n", NEAR_MIDNIGHT + row)).collect();
    lab.put_gz("more/tgw.log.gz", &format!("version tgw-id srcaddr protocol packets start\n{tgw}"));
}

fn convert(lab: &Lab, more: &[&str]) {
    let said = lab.run(&[&["convert", "{}logs/", "{}more/", "{}lake/"], more].concat());
    assert_eq!(said.code, 3, "{}", said.stderr);
}

/// A lake of two plans.
fn lake(lab: &Lab) {
    fill(lab);
    convert(lab, &[]);
    lab.put_gz("more/later.log.gz", &rows(9, 10));
    assert_eq!(lab.run(&["convert", "{}logs/", "{}more/", "{}lake/"]).code, 0);
}

/// `flowlake verify --json`, which must end with `code`: the differences and the summary.
fn verify(lab: &Lab, more: &[&str], code: i32) -> (Vec<Value>, Value) {
    let said = lab.run(&[&["verify", "{}lake/", "--json"], more].concat());
    assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
    let mut lines: Vec<Value> =
        said.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
    let summary = lines.pop().expect("a summary");
    assert_eq!(summary["record"], "summary");
    assert_eq!(summary["differences"], lines.len());
    assert!(lines.iter().all(|line| line["record"] == "difference" && line["expected"] != line["found"]));
    (lines, summary)
}

fn a_sound_lake_passes(lab: &Lab) {
    lake(lab);
    let mut rows = lab.lake_rows().len() as u64;
    let (none, summary) = verify(lab, &[], 0);
    assert!(none.is_empty());
    assert_eq!(summary["rows"], rows);
    assert_eq!(
        (&summary["objects"], &summary["objects_aside"], &summary["rejects"]),
        (&json!(9), &json!(1), &json!(2))
    );
    assert_eq!((&summary["plans"], &summary["log_entries"]), (&json!(2), &json!(5)));
    assert_eq!(summary["files"], lab.data_files().len());
    // Small windows and one thread come to the same.
    let (_, small) = verify(lab, &["{}logs/", "{}more/", "--memory", "1MiB", "--threads", "1"], 0);
    assert_eq!(
        small["sources"],
        json!({ "equal": 9, "equal_sums": 0, "other_version": 0, "expired": 0, "not_converted": 0,
        "not_converted_urls": [] })
    );
    let said = lab.run(&["verify", "{}lake/"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.ends_with("no difference\n") && said.stderr.is_empty(), "{}{}", said.stdout, said.stderr);

    for key in lab.list("lake").keys() {
        lab.delete(&Path::parse(key).expect("a key"));
    }
    convert(lab, &["--partition-by", "date,hour", "--file-size", "1MiB", "--compression", "none"]);
    rows = lab.lake_rows().len() as u64;
    let (_, summary) = verify(lab, &["{}logs/", "{}more/"], 0);
    assert_eq!((&summary["rows"], &summary["sources"]["equal"]), (&json!(rows), &json!(9)));
    assert!(lab.data_files().iter().any(|file| file.contains("/hour=23/")));
    let said = lab.run(&["verify", "{}logs/"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("is not a flowlake lake"), "{}", said.stderr);
}

/// Everything that lies in the lake, to be put back after a damage.
pub struct Snapshot(pub BTreeMap<String, Vec<u8>>);

impl Snapshot {
    pub fn of(lab: &Lab) -> Snapshot {
        Snapshot(lab.list("lake").into_keys().map(|key| (key.clone(), lab.get(&key))).collect())
    }

    pub fn restore(&self, lab: &Lab) {
        let there = lab.list("lake");
        for key in there.keys().filter(|key| !self.0.contains_key(*key)) {
            delete(lab, key);
        }
        for (key, bytes) in &self.0 {
            if !there.contains_key(key) || lab.get(key) != *bytes {
                lab.put(key, bytes.clone());
            }
        }
    }

    /// The keys that contain a text.
    pub fn keys(&self, part: &str) -> Vec<&String> {
        self.0.keys().filter(|key| key.contains(part)).collect()
    }
}

fn names_that_others_lay_into_the_ledger_are_passed_over(lab: &Lab) {
    fill(lab);
    convert(lab, &[]);
    // As earlier programs left it.
    announce(lab, 1);
    let mut strays = Vec::new();
    for key in lab.list("lake/_flowlake").into_keys().filter(|key| !key.contains("/tmp/")) {
        let (folder, file) = key.rsplit_once('/').expect("a folder");
        let later = file.replacen("0000", "0009", 1);
        let beside = [".DS_Store", "x.tmp", &format!("{file}.bak"), &format!("old/{file}"), &format!("{later}~")];
        for name in beside.map(|name| format!("{folder}/{name}")) {
            lab.put(&name, lab.get(&key));
            strays.push(name);
        }
    }
    assert!(strays.len() > 30);
    lab.put_gz(&key(77), &rows(77, 5));
    let summary = lab.convert(&[], 0);
    assert_eq!(summary["objects"], 1, "{summary}");
    let said = lab.run(&["query", "{}lake/", "SELECT count(*) AS n FROM flow_logs WHERE srcaddr LIKE '10.0.77.%'"]);
    assert!(said.code == 0 && said.stdout.contains('5'), "{}{}", said.stdout, said.stderr);
    let (differences, _) = verify(lab, &[], 0);
    assert!(differences.is_empty(), "{differences:#?}");
    let left = lab.list("lake/_flowlake");
    assert!(strays.iter().all(|name| left.contains_key(name)), "what is not ours is not removed");
}

pub fn delete(lab: &Lab, key: &str) {
    lab.delete(&Path::parse(key).expect("a key of the lake"));
}

/// Damages a lake, expects differences of these kinds and no others, one of them naming `file`, and mends the lake.
#[track_caller]
fn expect(lab: &Lab, snapshot: &Snapshot, kinds: &[&str], file: &str, damage: impl FnOnce()) {
    damage();
    let (differences, _) = verify(lab, &[], 4);
    let found: BTreeSet<&str> = differences.iter().map(|one| one["kind"].as_str().expect("a kind")).collect();
    assert_eq!(found, kinds.iter().copied().collect(), "{differences:#?}");
    let file = file.trim_start_matches("lake/");
    let names = |one: &Value| one["file"] == file || one["object"].as_str().is_some_and(|url| url.contains(file));
    assert!(differences.iter().any(names), "{file} is not named: {differences:#?}");
    let text = lab.run(&["verify", "{}lake/"]);
    assert_eq!(text.code, 4, "{}", text.stderr);
    assert!(text.stdout.contains(file) && text.stdout.contains("expected"), "{}", text.stdout);
    snapshot.restore(lab);
}

fn a_damaged_data_file_is_named(lab: &Lab) {
    lake(lab);
    let snapshot = Snapshot::of(lab);
    let files = snapshot.keys(".parquet");
    let tgw = *files.iter().find(|file| file.contains("/tgw_flow_logs/")).expect("a file of the other table");
    for file in [files[0], tgw] {
        let bytes = &snapshot.0[file];
        expect(lab, &snapshot, &["file_missing"], file, || delete(lab, file));
        expect(lab, &snapshot, &["file_size"], file, || lab.put(file, bytes[..bytes.len() - 9].to_vec()));
        expect(lab, &snapshot, &["file_size"], file, || lab.put(file, Vec::new()));
        let mut edited = bytes.clone();
        edited[bytes.len() / 2] ^= 1;
        expect(lab, &snapshot, &["file_hash"], file, || lab.put(file, edited));
    }
    let (one, other) = (files[0], files[1]);
    damage_swapped(lab, &snapshot, one, other);
    let copy = one.replace(".parquet", "-copy.parquet");
    expect(lab, &snapshot, &["file_stray"], &copy, || lab.put(&copy, snapshot.0[one].clone()));
    let elsewhere = "lake/flow_logs/date=2001-01-01/part-0.parquet";
    expect(lab, &snapshot, &["file_stray"], elsewhere, || lab.put(elsewhere, snapshot.0[one].clone()));
    assert_eq!(verify(lab, &[], 0).0.len(), 0, "the lake was mended each time");
}

fn damage_swapped(lab: &Lab, snapshot: &Snapshot, one: &str, other: &str) {
    lab.put(one, snapshot.0[other].clone());
    lab.put(other, snapshot.0[one].clone());
    let (differences, _) = verify(lab, &[], 4);
    let named: BTreeSet<String> =
        differences.iter().map(|one| format!("lake/{}", one["file"].as_str().expect("a file"))).collect();
    assert_eq!(named, BTreeSet::from([one.to_owned(), other.to_owned()]), "{differences:#?}");
    snapshot.restore(lab);
}

/// Rewrites a commit: its head, and its receipts.
fn edit_commit(lab: &Lab, key: &str, edit: impl FnOnce(&mut Value, &mut Vec<Value>)) {
    let text = String::from_utf8(zstd::decode_all(lab.get(key).as_slice()).expect("zstd")).expect("text");
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON lines"));
    let mut head = lines.next().expect("a head");
    let mut receipts: Vec<Value> = lines.collect();
    edit(&mut head, &mut receipts);
    let text: String = std::iter::once(&head).chain(&receipts).map(|line| format!("{line}\n")).collect();
    lab.put(key, zstd::encode_all(text.as_bytes(), 3).expect("memory"));
}

fn edit_json(lab: &Lab, key: &str, edit: impl FnOnce(&mut Value)) {
    let mut record: Value = serde_json::from_slice(&lab.get(key)).expect("JSON");
    edit(&mut record);
    lab.put(key, serde_json::to_vec(&record).expect("JSON"));
}

fn add(value: &mut Value, more: u64) {
    *value = json!(value.as_u64().expect("a number").wrapping_add(more));
}

fn a_damaged_ledger_record_is_named(lab: &Lab) {
    lake(lab);
    let snapshot = Snapshot::of(lab);
    let log = |number: u64| format!("lake/_flowlake/log/{number:020}.json");
    assert_eq!(snapshot.keys("/log/").len(), 5, "birth, and plan and seal of two runs");
    expect(lab, &snapshot, &["record_missing"], &log(0), || delete(lab, &log(0)));
    // What hangs on a plan is told with it.
    let with_plan = ["record_missing", "record_differs", "record_stray", "file_stray", "delta_differs"];
    expect(lab, &snapshot, &with_plan, &log(1), || delete(lab, &log(1)));
    // The Delta log has what a plan gave that nobody sealed.
    expect(lab, &snapshot, &["record_missing", "delta_differs"], &log(2), || delete(lab, &log(2)));
    expect(
        lab,
        &snapshot,
        &["record_stray", "file_stray", "delta_differs"],
        "_flowlake/commits/00000000000000000003/000000.ndjson.zst",
        || {
            delete(lab, &log(3));
            delete(lab, &log(4));
        },
    );
    expect(lab, &snapshot, &["record_unreadable", "delta_differs"], &log(2), || lab.put(&log(2), "{\"format\": 1}"));
    expect(lab, &snapshot, &["record_unreadable", "delta_differs"], &log(2), || lab.put(&log(2), "not JSON"));
    expect(lab, &snapshot, &["record_differs"], &log(1), || {
        edit_json(lab, &log(1), |plan| add(&mut plan["objects"], 1))
    });
    expect(lab, &snapshot, &["record_differs"], &log(1), || edit_json(lab, &log(1), |plan| plan["days"] = json!([])));
    expect(lab, &snapshot, &["record_differs"], &log(2), || edit_json(lab, &log(2), |seal| add(&mut seal["rows"], 1)));
    expect(lab, &snapshot, &["record_differs"], &log(4), || {
        edit_json(lab, &log(4), |seal| seal["columns"] = json!({}))
    });

    let body = snapshot.keys("/plans/")[0].as_str();
    expect(lab, &snapshot, &["record_missing"], body, || delete(lab, body));
    let commit = snapshot.keys("/commits/")[0].as_str();
    expect(lab, &snapshot, &["record_missing", "record_differs", "file_stray"], commit, || delete(lab, commit));
    expect(lab, &snapshot, &["record_unreadable", "record_differs", "file_stray"], commit, || {
        lab.put(commit, "no zstd");
    });
    let stray = commit.replace("/000000.", "/000777.");
    expect(lab, &snapshot, &["record_stray"], &stray, || lab.put(&stray, snapshot.0[commit].clone()));
    damaged_receipts(lab, &snapshot, commit);

    let rejects = snapshot.keys("/rejects/")[0].as_str();
    expect(lab, &snapshot, &["record_missing"], rejects, || delete(lab, rejects));
    let text = zstd::decode_all(snapshot.0[rejects].as_slice()).expect("zstd");
    let one_less = zstd::encode_all(&text[..text.iter().position(|&byte| byte == b'\n').expect("lines") + 1], 3);
    expect(lab, &snapshot, &["record_differs"], rejects, || lab.put(rejects, one_less.expect("memory")));
    assert_eq!(verify(lab, &[], 0).0.len(), 0, "the lake was mended each time");
}

fn damaged_receipts(lab: &Lab, snapshot: &Snapshot, commit: &str) {
    let converted = |receipts: &mut Vec<Value>| {
        let at = receipts.iter().position(|receipt| receipt["outcome"] == "converted").expect("a conversion");
        (at, receipts[at]["url"].as_str().expect("a URL").to_owned())
    };
    let mut url = String::new();
    edit_commit(lab, commit, |_, receipts| url = converted(receipts).1);
    snapshot.restore(lab);
    let name = url.strip_prefix(&lab.root).expect("an object of the lab").to_owned();
    for sum in ["mix", "packets", "bytes"] {
        expect(lab, snapshot, &["object_sums"], &name, || {
            edit_commit(lab, commit, |_, receipts| {
                let at = converted(receipts).0;
                add(&mut receipts[at]["parts"][0][sum], 1);
            });
        });
    }
    expect(lab, snapshot, &["record_differs", "object_sums"], &name, || {
        edit_commit(lab, commit, |_, receipts| {
            let at = converted(receipts).0;
            add(&mut receipts[at]["parts"][0]["rows"], 1);
        });
    });
    expect(lab, snapshot, &["record_differs", "line_unknown"], &name, || {
        edit_commit(lab, commit, |_, receipts| {
            let at = converted(receipts).0;
            add(&mut receipts[at]["lines"], u64::MAX);
        });
    });
    expect(lab, snapshot, &["record_differs"], &name, || {
        edit_commit(lab, commit, |_, receipts| {
            let at = converted(receipts).0;
            add(&mut receipts[at]["size"], 1);
        });
    });
    expect(lab, snapshot, &["record_differs", "row_foreign"], &name, || {
        edit_commit(lab, commit, |_, receipts| {
            let at = converted(receipts).0;
            receipts.remove(at);
        });
    });
}

/// Puts another data file in the place of the first one and makes the ledger name it, so that no hash or size tells.
fn forge(lab: &Lab, snapshot: &Snapshot, forged: impl FnOnce(RecordBatch) -> RecordBatch) -> String {
    forge_of(lab, snapshot, 0, forged)
}

/// The rows of a data file.
pub fn batch_of(bytes: Vec<u8>) -> RecordBatch {
    let bytes = bytes::Bytes::from(bytes);
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("a Parquet file").build().expect("rows");
    let schema = arrow::array::RecordBatchReader::schema(&reader);
    let batches: Vec<RecordBatch> = reader.map(|batch| batch.expect("rows")).collect();
    concat_batches(&schema, &batches).expect("one schema")
}

/// The same with the first file of a plan of one task: the plans of a lake are numbered from 0 here.
pub fn forge_of(
    lab: &Lab,
    snapshot: &Snapshot,
    plan: usize,
    forged: impl FnOnce(RecordBatch) -> RecordBatch,
) -> String {
    let commit = snapshot.keys("/commits/")[plan].clone();
    let mut named = String::new();
    edit_commit(lab, &commit, |head, _| {
        let file = &mut head["files"].as_array_mut().expect("files")[0];
        let path = file["path"].as_str().expect("a path").to_owned();
        let forged = forged(batch_of(snapshot.0[&format!("lake/{path}")].clone()));
        let mut written = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut written, forged.schema(), None).expect("memory");
        writer.write(&forged).expect("memory");
        writer.close().expect("memory");
        let hash = blake3::hash(&written).to_hex().to_string();
        let (stem, _) = path.rsplit_once('-').expect("a hash in the name");
        named = format!("{stem}-{}.parquet", &hash[..16]);
        (file["path"], file["hash"], file["bytes"]) = (json!(named), json!(hash), json!(written.len()));
        file["rows"] = json!(forged.num_rows());
        let sizes = head["files"].as_array().expect("files").iter();
        head["totals"]["file_bytes"] = json!(sizes.map(|file| file["bytes"].as_u64().expect("a size")).sum::<u64>());
        delete(lab, &format!("lake/{path}"));
        forge_versions(lab, &path, &named, [written.len(), forged.num_rows()]);
        lab.put(&format!("lake/{named}"), written);
        let bytes = head["totals"]["file_bytes"].clone();
        let seal = format!("lake/_flowlake/log/{:020}.json", 2 * plan + 2);
        edit_json(lab, &seal, |seal| seal["file_bytes"] = bytes);
    });
    named
}

/// Makes the Delta log name another file in the place of one, of so many bytes and rows.
pub fn forge_versions(lab: &Lab, old: &str, new: &str, [bytes, rows]: [usize; 2]) {
    let (table, old) = old.split_once('/').expect("a table");
    let new = new.split_once('/').expect("a table").1;
    for key in lab.list(&format!("lake/{table}/_delta_log")).into_keys() {
        let text = String::from_utf8(lab.get(&key)).expect("text");
        let mut actions: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
        for add in actions.iter_mut().filter_map(|action| action.get_mut("add")).filter(|add| add["path"] == old) {
            let stats = json!({ "numRecords": rows }).to_string();
            (add["path"], add["size"], add["stats"]) = (json!(new), json!(bytes), json!(stats));
        }
        lab.put(&key, actions.iter().map(|action| format!("{action}\n")).collect::<String>());
    }
}

pub fn with_column(batch: &RecordBatch, name: &str, values: impl Fn(usize, i64) -> i64) -> RecordBatch {
    use arrow::array::AsArray;
    let at = batch.schema().index_of(name).expect("a column");
    let old = batch.column(at).as_primitive::<arrow::datatypes::Int64Type>();
    let new: Int64Array = old.iter().enumerate().map(|(row, value)| value.map(|value| values(row, value))).collect();
    let mut columns = batch.columns().to_vec();
    columns[at] = std::sync::Arc::new(new) as ArrayRef;
    RecordBatch::try_new(batch.schema(), columns).expect("the same columns")
}

pub fn pick(batch: &RecordBatch, rows: impl Iterator<Item = i64>) -> RecordBatch {
    take_record_batch(batch, &rows.collect::<Int64Array>()).expect("rows of the batch")
}

fn forged_files_are_found_by_their_rows(lab: &Lab) {
    // One format, so that the first data file is known.
    for n in 0..3 {
        lab.put_gz(&key(n), &rows(n, 25));
    }
    lab.convert(&[], 0);
    let snapshot = Snapshot::of(lab);
    let forged = |kinds: &[&str], forge_rows: &dyn Fn(&RecordBatch) -> RecordBatch| {
        expect(lab, &snapshot, kinds, "vpcflowlogs", || {
            forge(lab, &snapshot, |batch| forge_rows(&batch));
        });
    };
    forged(&["object_sums"], &|batch| pick(batch, 0..batch.num_rows() as i64 - 1));
    forged(&["object_sums", "line_twice"], &|batch| pick(batch, (0..batch.num_rows() as i64).chain([0])));
    forged(&["object_sums"], &|batch| with_column(batch, "bytes", |row, value| value + i64::from(row == 3)));
    // Two rows whose sums stay: only the mix tells.
    let moved = |row: usize, value: i64| value + i64::from(row == 1) - i64::from(row == 2);
    forged(&["object_sums"], &move |batch| with_column(batch, "bytes", moved));
    forged(&["object_sums", "row_misplaced"], &|batch| {
        with_column(batch, "start", |row, value| value + if row == 0 { 86_400 } else { 0 })
    });
    forged(&["object_sums", "line_unknown"], &|batch| {
        with_column(batch, "log_line", |row, value| if row == 0 { 27 } else { value })
    });
    forged(&["object_sums", "line_twice"], &|batch| {
        with_column(batch, "log_line", |row, value| if row == 1 { value - 1 } else { value })
    });
    // The same rows in another order and coding are the same rows.
    forge(lab, &snapshot, |batch| pick(&batch, (0..batch.num_rows() as i64).rev()));
    verify(lab, &["{}logs/"], 0);
}

fn a_source_is_held_against_the_lake(lab: &Lab) {
    lake(lab);
    let sources = ["{}logs/", "{}more/"];
    let of = |lab: &Lab, code| {
        let (differences, summary) = verify(lab, &sources, code);
        (differences, summary["sources"].clone())
    };
    // Gone, and replaced by the same text in other bytes: no differences.
    delete(lab, &key(0));
    lab.put(&key(1), [crate::lab::gzip(rows(1, 60).as_bytes()), crate::lab::gzip(b"")].concat());
    lab.put_gz("logs/2023/09/16/new.log.gz", &rows(3, 3));
    let (_, sources_read) = of(lab, 0);
    let url = lab.url("logs/2023/09/16/new.log.gz");
    assert_eq!(
        sources_read,
        json!({ "equal": 8, "equal_sums": 1, "other_version": 1, "expired": 1, "not_converted": 1,
        "not_converted_urls": [url] })
    );
    let said = lab.run(&["verify", "{}lake/", "{}logs/"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    for words in ["1 converted object is expired at source", "1 source object is not converted yet", &url] {
        assert!(said.stdout.contains(words), "{words}: {}", said.stdout);
    }
    // Another value of one row, then no gzip at all.
    lab.put_gz(&key(2), &rows(2, 60).replacen(" 64 ", " 65 ", 1));
    lab.put(&key(3), [0x1f_u8, 0x8b, 8, 9, 9, 9].as_slice().to_owned());
    let (differences, _) = of(lab, 4);
    let named: Vec<(&Value, &Value)> = differences.iter().map(|one| (&one["kind"], &one["object"])).collect();
    let kind = json!("source_differs");
    assert_eq!(named, [(&kind, &json!(lab.url(&key(2)))), (&kind, &json!(lab.url(&key(3))))]);
    // Of one source nothing is said about the other.
    assert_eq!(verify(lab, &["{}more/"], 0).1["sources"]["equal"], 2);
}

/// An object of many days, and a process that may hold few files open.
#[test]
fn data_files_are_opened_one_by_one() {
    let lab = Lab::on_disk();
    let rows: String = (0..200).map(|day| format!("10.0.0.1 {} 1\n", NEAR_MIDNIGHT - 86_400 * day)).collect();
    lab.put_gz("logs/2023/09/14/many.log.gz", &format!("srcaddr start bytes\n{rows}"));
    assert_eq!(lab.convert(&[], 0)["files"], 200);
    passes_with_few_open_files(&lab, "200 rows");
}

/// The lake has this many rows, as a `verify` finds that may hold 64 files open.
pub(crate) fn passes_with_few_open_files(lab: &Lab, rows: &str) {
    for more in [&[][..], &["--memory", "1MiB", "--threads", "1"]] {
        let program = lab.program(&[&["verify", "{}lake/"], more].concat());
        let mut limited = std::process::Command::new("sh");
        limited.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        limited.args(["-c", "ulimit -n 64; exec \"$@\"", "sh"]).arg(program.get_program()).args(program.get_args());
        let said = crate::lab::said(limited.output().expect("a shell"));
        assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
        assert!(said.stdout.contains(rows) && said.stdout.ends_with("no difference\n"), "{}", said.stdout);
    }
}

/// Puts the intent of a task that is committed, as it lay before.
fn announce(lab: &Lab, plan: u64) {
    let commit = lab.get(&format!("lake/_flowlake/commits/{plan:020}/000000.ndjson.zst"));
    let intent = crate::intents::intent_of(&commit, flowlake::encode::WRITER_EPOCH);
    let name = format!("lake/_flowlake/intents/{plan:020}/000000/0123456789abcdef.json");
    lab.put(&name, intent.to_string().into_bytes());
}

/// A run that died after its uploads, before its commit.
fn an_open_plan_is_told_and_is_no_difference(lab: &Lab) {
    lake(lab);
    let snapshot = Snapshot::of(lab);
    announce(lab, 3);
    delete(lab, "lake/_flowlake/log/00000000000000000004.json");
    // The version comes behind the seal.
    delete(lab, "lake/flow_logs/_delta_log/00000000000000000001.json");
    let (_, summary) = verify(lab, &["{}logs/", "{}more/"], 0);
    assert_eq!(summary["plans_open"], json!([{ "plan": 3, "tasks": 1, "tasks_committed": 1 }]));
    delete(lab, "lake/_flowlake/commits/00000000000000000003/000000.ndjson.zst");
    let (_, summary) = verify(lab, &["{}logs/", "{}more/"], 0);
    assert_eq!(summary["plans_open"], json!([{ "plan": 3, "tasks": 1, "tasks_committed": 0 }]));
    assert!(summary["files_unpublished"].as_u64() > Some(0), "{summary}");
    assert_eq!(summary["sources"]["not_converted"], 1);
    let said = lab.run(&["verify", "{}lake/"]);
    assert!(said.stdout.contains("plan 3 is open: 0 of 1 tasks"), "{}", said.stdout);
    lab.run(&["convert", "{}logs/", "{}more/", "{}lake/"]);
    let (_, summary) = verify(lab, &["{}logs/", "{}more/"], 0);
    assert_eq!((&summary["plans_open"], &summary["files_unpublished"]), (&json!([]), &json!(0)));
    assert_eq!(lab.data_files(), snapshot.keys(".parquet").into_iter().cloned().collect());
}

/// A redo carries the lines of objects that it leaves alone into a list of its own: if that is lost, it is told once,
/// and not of each task whose lines it has.
#[test]
fn a_lost_list_of_a_redo_is_told_once() {
    let lab = Lab::on_disk();
    let text = |rows: usize| {
        let row = "2 10.0.0.1 70 1693526400\n".repeat(rows);
        format!("version srcaddr dstport start\n2 10.0.0.1 70000 1693526400\n{row}")
    };
    let names = ["a", "b"].map(|name| format!("logs/2023/09/01/{name}.log.gz"));
    names.iter().for_each(|name| lab.put_gz(name, &text(1)));
    lab.convert(&[], 3);
    let kept = lab.get(&names[0]);
    delete(&lab, &names[0]);
    lab.put_gz(&names[1], &text(2));
    let redo = ["--redo", "--since", "2023-09-01", "--until", "2023-09-01", "--retention", "0s"];
    lab.convert(&redo, 3);
    lab.put(&names[0], kept);
    let snapshot = Snapshot::of(&lab);
    let lists = snapshot.keys("/rejects/");
    assert_eq!((lists.len(), snapshot.keys("/commits/").len()), (1, 3));
    expect(&lab, &snapshot, &["record_missing"], lists[0], || delete(&lab, lists[0]));
    delete(&lab, lists[0]);
    let said = lab.run(&["verify", "{}lake/"]);
    assert_eq!(said.stdout.matches("ledger record is missing").count(), 1, "{}", said.stdout);
    assert!(said.stdout.ends_with("1 difference\n"), "{}", said.stdout);
}

/// Enough runs that a checkpoint was written: it holds what the log and the commits say, and each lie is named.
#[test]
fn checkpoints_are_held_against_the_log() {
    let lab = Lab::on_disk();
    fill(&lab);
    convert(&lab, &[]);
    for n in 100..132 {
        lab.put_gz(&format!("more/{n}.log.gz"), &rows(n, 2));
        let said = lab.run(&["convert", "{}logs/", "{}more/", "{}lake/"]);
        assert_eq!(said.code, 0, "{}", said.stderr);
    }
    let snapshot = Snapshot::of(&lab);
    let checkpoint = snapshot.keys("/checkpoints/").pop().expect("a checkpoint").as_str();
    let (_, summary) = verify(&lab, &["{}logs/", "{}more/"], 0);
    assert_eq!((&summary["checkpoints"], &summary["plans"]), (&json!(1), &json!(33)));
    for (field, value) in [("totals", json!({})), ("frontiers", json!({ "x": "2023-09-14" })), ("next", json!(3))] {
        expect(&lab, &snapshot, &["checkpoint_differs"], checkpoint, || {
            edit_json(&lab, checkpoint, |record| match record["state"][field].as_object_mut() {
                Some(fields) if field == "totals" => add(&mut fields["objects"], 1),
                _ => record["state"][field] = value,
            });
        });
    }
    // The files of the index have as many rows as it says.
    expect(&lab, &snapshot, &["record_unreadable"], checkpoint, || {
        edit_json(&lab, checkpoint, |record| add(&mut record["state"]["totals"]["rows"], 1));
    });
    expect(&lab, &snapshot, &["record_unreadable"], checkpoint, || lab.put(checkpoint, "{}"));
    // Nothing repeats the time of writing; the record's own check covers it.
    expect(&lab, &snapshot, &["record_unreadable"], checkpoint, || {
        let mut bytes = lab.get(checkpoint);
        let before = br#""at":""#;
        let at = bytes.windows(before.len()).position(|window| window == before).expect("its time");
        bytes[at + before.len()] ^= 1;
        lab.put(checkpoint, bytes);
    });
    let heads = snapshot.keys("/heads/")[0].as_str();
    expect(&lab, &snapshot, &["record_missing", "checkpoint_differs"], heads, || delete(&lab, heads));
    let list = snapshot.keys("/live/")[0].as_str();
    expect(&lab, &snapshot, &["record_missing", "checkpoint_differs"], list, || delete(&lab, list));
    let filed = snapshot.keys("/objects/")[0].as_str();
    expect(&lab, &snapshot, &["record_missing", "checkpoint_differs"], filed, || delete(&lab, filed));
    expect(&lab, &snapshot, &["record_unreadable", "checkpoint_differs"], filed, || lab.put(filed, "no Parquet"));
    let mut edited = snapshot.0[filed].clone();
    let middle = edited.len() - 60;
    edited[middle] ^= 1;
    expect(&lab, &snapshot, &["record_unreadable", "checkpoint_differs"], filed, || lab.put(filed, edited));
    // Of a commit that was edited, the receipt that was filed before tells too.
    let commit = snapshot.keys("/commits/").pop().expect("a commit").as_str();
    assert_eq!(snapshot.keys("/commits/").len(), 33);
    expect(&lab, &snapshot, &["record_missing", "file_stray", "record_differs"], commit, || delete(&lab, commit));
    let first = snapshot.keys("/commits/")[0].as_str();
    expect(&lab, &snapshot, &["checkpoint_differs"], checkpoint, || {
        edit_commit(&lab, first, |head, _| head["nonce"] = json!("another"));
    });
}
