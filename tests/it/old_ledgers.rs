//! Lakes of earlier ledger formats, kept as they were written (`tests/data/lake-<format>`): every kind of record in
//! them is still read, what they hold is still proven, and the plan that they left open is still finished.
//!
//! All were written by flowlake 0.1.0 from `/tmp/flowlake-fixture/logs`, which is gone. The checkpoint of format 1
//! stands for entries 0 to 7. Format 2, of writer epoch 4, has what came since: marks of plans, digests, a copy that
//! was left out, a task that was given up, a redo and a replay behind its checkpoint of entry 11. Format 3 has a redo
//! that is shown, filed by its checkpoint of entry 12, one that is not, with rows and a set-aside line that were
//! carried over, one of which a file was given up, and one that is open. Format 5, of writer epoch 5, was fed by 34
//! runs with an object each: files of the first 12 were merged and are shown, those of 2023-09-16 and later were merged
//! behind the checkpoint of entry 64 and lie aside. These files never change; a new format gets a new folder.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, RecordBatchReader};
use arrow::datatypes::{Field, Schema};
use flowlake::encode::WRITER_EPOCH;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use serde_json::{Value, json};

use crate::lab::{Lab, on_both_stores};

on_both_stores!(
    a_lake_of_format_1_is_read_proven_and_continued,
    a_lake_of_format_2_is_read_proven_and_continued,
    a_lake_of_format_3_is_read_proven_and_continued,
    a_lake_of_format_4_is_read_proven_and_continued,
    a_lake_of_format_5_is_read_proven_and_continued,
    a_plan_of_another_writer_is_finished_with_the_same_rows,
    what_another_decoder_would_read_otherwise_is_not_laid_to_the_content,
    times_that_an_older_writer_let_through_do_not_stop_the_lake,
    rows_of_files_without_ids_go_on_in_files_with_ids,
);

/// Copies a kept lake to `lake/` of the lab; its keys, relative to it.
pub fn copy(lab: &Lab, name: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let mut keys = BTreeSet::new();
    let mut open = vec![root.clone()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
            continue;
        }
        let key = path.strip_prefix(&root).expect("it lies in it").to_str().expect("plain names").to_owned();
        lab.put(&format!("lake/{key}"), std::fs::read(&path).expect("a file"));
        keys.insert(key);
    }
    keys
}

fn verify(lab: &Lab, code: i32) -> Value {
    let said = lab.run(&["verify", "{}lake/", "--json"]);
    assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
    serde_json::from_str(said.stdout.lines().last().expect("a summary")).expect("JSON")
}

fn a_lake_of_format_1_is_read_proven_and_continued(lab: &Lab) {
    let keys = copy(lab, "lake-1");
    let kinds = ["create", "plan", "seal", "drop", "convert", "check"];
    holds_every_kind_of_record(lab, &keys, &kinds, &["converted", "aside", "skipped", "confirmed", "differs"]);
    let before = verify(lab, 0);
    assert_eq!(before["plans_open"], json!([{ "plan": 8, "tasks": 1, "tasks_committed": 0 }]));
    let told = ["log_entries", "checkpoints", "objects", "objects_aside", "objects_skipped", "rows", "rejects"];
    assert_eq!(told.map(|field| before[field].as_u64().expect("a count")), [9, 1, 2, 1, 1, 5, 1]);
    assert_eq!((before["files"].as_u64(), before["files_unpublished"].as_u64()), (Some(3), Some(1)));
    let rejects = lab.run(&["rejects", "{}lake/", "--json"]);
    assert_eq!(rejects.code, 0, "{}", rejects.stderr);
    let rejects: Vec<Value> =
        rejects.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
    assert_eq!((rejects.len(), &rejects[1]["line"]), (2, &json!(5)), "{rejects:?}");

    // Its open plan names an object of another source, which is gone: it leaves the plan where plans are trusted. What
    // is new is converted behind it.
    lab.put_gz("logs/2023/09/15/new.log.gz", "version srcaddr bytes start\n2 10.0.0.9 7 1694735970\n");
    let said = lab.run(&["convert", "{}logs/", "{}lake/", "--json", "--trust-plans"]);
    assert_eq!(said.code, 3, "{}{}", said.stdout, said.stderr);
    let summary: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!((&summary["objects"], summary["unreadable"].as_array().map(Vec::len)), (&json!(1), Some(1)));
    let after = verify(lab, 0);
    assert_eq!((&after["plans_open"], &after["rows"]), (&json!([]), &json!(6)));
    let rows = lab.lake_rows();
    assert_eq!(rows.len(), 6, "the file of the attempt that died is gone");
    let at = ("file:///tmp/flowlake-fixture/logs/2023/09/14/a.log.gz".to_owned(), 2);
    let row = &rows[&at];
    assert_eq!(
        (row["srcaddr"].as_str(), row["bytes"].as_str(), row["date"].as_str()),
        ("10.0.0.1", "100", "2023-09-14")
    );
}

fn a_lake_of_format_2_is_read_proven_and_continued(lab: &Lab) {
    let keys = copy(lab, "lake-2");
    let kinds = ["create", "plan", "seal", "lost", "convert", "check", "redo"];
    let outcomes = ["converted", "aside", "skipped", "confirmed", "differs", "copy"];
    holds_every_kind_of_record(lab, &keys, &kinds, &outcomes);
    let before = verify(lab, 0);
    assert_eq!(before["plans_open"], json!([{ "plan": 18, "tasks": 1, "tasks_committed": 0 }]));
    let told = ["log_entries", "checkpoints", "objects", "objects_aside", "objects_skipped", "rows", "rejects"];
    assert_eq!(told.map(|field| before[field].as_u64().expect("a count")), [19, 1, 7, 1, 1, 8, 1]);
    assert_eq!((before["files"].as_u64(), before["files_unpublished"].as_u64()), (Some(6), Some(1)));

    lab.put_gz("logs/2023/09/15/new.log.gz", "version srcaddr bytes start\n2 10.0.0.10 1000 1694735970\n");
    let said = lab.run(&["convert", "{}logs/", "{}lake/", "--json", "--trust-plans"]);
    assert_eq!(said.code, 3, "its open plan names an object that is gone: {}{}", said.stdout, said.stderr);
    let after = verify(lab, 0);
    assert_eq!((&after["plans_open"], &after["rows"]), (&json!([]), &json!(9)));
    let rows = lab.lake_rows();
    // Row `n` of the sources has 100 bytes times `n`; that of the transit gateway, whose redo took changed content, 50.
    let column = |name: &str| {
        let mut values: Vec<_> = rows.values().map(|row| row.get(name).map_or("-", String::as_str)).collect();
        values.sort_unstable();
        values.join(" ")
    };
    assert_eq!(column("bytes"), "100 1000 200 400 50 500 600 700 800");
    assert_eq!(
        (column("tgw_id").as_str(), column("new_field").as_str()),
        ("- - - - - - - - tgw-2", "- - - - - - - - v")
    );
}

fn a_lake_of_format_3_is_read_proven_and_continued(lab: &Lab) {
    let keys = copy(lab, "lake-3");
    let kinds = ["create", "plan", "seal", "lost", "convert", "redo", "show"];
    holds_every_kind_of_record(lab, &keys, &kinds, &["converted"]);
    let before = verify(lab, 0);
    assert_eq!(before["plans_open"], json!([{ "plan": 20, "tasks": 1, "tasks_committed": 0 }]));
    let told = ["log_entries", "checkpoints", "objects", "rows", "rejects", "files", "files_retired"];
    assert_eq!(told.map(|field| before[field].as_u64().expect("a count")), [21, 1, 6, 11, 1, 5, 1]);

    // The object of the open redo is gone and keeps what it gave.
    lab.put_gz("logs/2023/09/15/new.log.gz", "version srcaddr bytes start\n2 10.0.0.10 1000 1694735970\n");
    let said = lab.run(&["convert", "{}logs/", "{}lake/", "--json", "--trust-plans"]);
    assert_eq!(said.code, 3, "{}{}", said.stdout, said.stderr);
    let after = verify(lab, 0);
    assert_eq!((&after["plans_open"], &after["rows"]), (&json!([]), &json!(12)));
    let sums = "SELECT count(*) AS rows, sum(packets) AS packets, count(DISTINCT srcaddr) AS hosts FROM flow_logs";
    let said = lab.run(&["query", "{}lake/", sums, "--format", "csv"]);
    // Packets of the rows by object: 1, 2 and 9; 3 and 4; 5 and 5; 6 and 6; 7; 8.
    assert_eq!(said.stdout, "rows,packets,hosts\n12,56,12\n", "{}", said.stderr);
    // Readers of folders do not see the second row of 10.0.3 yet.
    assert_eq!(lab.lake_rows().len(), 11);
}

fn a_lake_of_format_4_is_read_proven_and_continued(lab: &Lab) {
    let keys = copy(lab, "lake-4");
    holds_every_kind_of_record(lab, &keys, &["create", "plan", "seal", "convert"], &["converted", "unread"]);
    let before = verify(lab, 0);
    assert_eq!(before["plans_open"], json!([{ "plan": 13, "tasks": 1, "tasks_committed": 0 }]));
    let told = ["log_entries", "checkpoints", "objects", "rows", "rejects", "files"];
    assert_eq!(told.map(|field| before[field].as_u64().expect("a count")), [14, 1, 7, 8, 1, 7]);

    // The object of its open plan is gone: it is the third that cannot be read.
    lab.put_gz("logs/2023/09/15/new.log.gz", "version srcaddr bytes start\n2 10.0.0.10 1000 1694735970\n");
    let said = lab.run(&["convert", "{}logs/", "{}lake/", "--json", "--trust-plans"]);
    assert_eq!(said.code, 3, "{}{}", said.stdout, said.stderr);
    let after = verify(lab, 0);
    assert_eq!((&after["plans_open"], &after["rows"]), (&json!([]), &json!(9)));
    let outcomes = "SELECT outcome, count(*) AS objects FROM lake.objects GROUP BY 1 ORDER BY 1";
    let said = lab.run(&["query", "{}lake/", outcomes, "--format", "csv"]);
    assert_eq!(said.stdout, "outcome,objects\nconverted,8\nunread,3\n", "{}", said.stderr);
    assert_eq!(lab.lake_rows().len(), 9);
}

/// Row `m` of object `n` has 100 bytes times `n`, or 1000; every eleventh object has a line that was set aside.
fn a_lake_of_format_5_is_read_proven_and_continued(lab: &Lab) {
    let keys = copy(lab, "lake-5");
    holds_every_kind_of_record(lab, &keys, &["create", "plan", "seal", "convert", "compact", "show"], &["converted"]);
    let before = verify(lab, 0);
    let told = ["log_entries", "checkpoints", "objects", "rows", "rejects", "files_retired"];
    assert_eq!(told.map(|field| before[field].as_u64().expect("a count")), [75, 1, 34, 68, 3, 39]);
    lab.put_gz("logs/2023/09/15/new.log.gz", "version srcaddr bytes start\n2 10.0.0.10 1000 1694735970\n");
    let said = lab.run(&["convert", "{}logs/", "{}lake/", "--json", "--compact-after", "1d"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert_eq!(verify(lab, 0)["rows"], 69);
    let sums = "SELECT count(*) AS rows, sum(bytes) AS bytes, count(DISTINCT srcaddr) AS hosts FROM flow_logs";
    let said = lab.run(&["query", "{}lake/", sums, "--format", "csv"]);
    let bytes = 1000 + (1..=34).map(|n| 1100 * n).sum::<i32>();
    assert_eq!(said.stdout, format!("rows,bytes,hosts\n69,{bytes},68\n"), "{}", said.stderr);
    // Merged files, shown or aside, leave like others.
    let said = lab.run(&["expire", "{}lake/", "--until", "2023-09-16", "--now"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    // Objects 19 to 27 have a row on the 17th, all later ones both.
    let said = lab.run(&["query", "{}lake/", sums, "--format", "csv"]);
    let bytes = (19..=27).map(|n| 1000 * n).chain((28..=34).map(|n| 1100 * n)).sum::<i32>();
    assert_eq!(said.stdout, format!("rows,bytes,hosts\n23,{bytes},23\n"), "{}", said.stderr);
    assert_eq!(verify(lab, 0)["rows"], 23);
}

/// Every kind that a lake of this format can have.
fn holds_every_kind_of_record(lab: &Lab, keys: &BTreeSet<String>, of_log: &[&str], of_receipts: &[&str]) {
    for folder in ["log", "plans", "intents", "commits", "rejects", "checkpoints", "objects", "heads"] {
        assert!(keys.iter().any(|key| key.starts_with(&format!("_flowlake/{folder}/"))), "{folder}");
    }
    let (mut kinds, mut outcomes) = (BTreeSet::new(), BTreeSet::new());
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    for key in keys {
        let bytes = || lab.get(&format!("lake/{key}"));
        if key.starts_with("_flowlake/log/") {
            let entry: Value = serde_json::from_slice(&bytes()).expect("JSON");
            kinds.insert(text(&entry["kind"]));
            kinds.extend(entry.get("purpose").map(text));
        }
        if key.starts_with("_flowlake/commits/") {
            let lines = zstd::decode_all(bytes().as_slice()).expect("zstd");
            for line in String::from_utf8(lines).expect("text").lines().skip(1) {
                let receipt: Value = serde_json::from_str(line).expect("JSON lines");
                outcomes.insert(text(&receipt["outcome"]));
            }
        }
    }
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!((kinds, outcomes), (set(of_log), set(of_receipts)));
}

/// Another version of the writer began the plan and published files of other bytes before it died: an older one or a
/// newer one. Whoever finishes the plan leaves each row there once.
fn a_plan_of_another_writer_is_finished_with_the_same_rows(lab: &Lab) {
    let lines: String = (0..30).map(|n| format!("2 10.0.0.{n} {n} {}\n", 1_694_735_970 + n)).collect();
    lab.put_gz("logs/2023/09/14/a.log.gz", &format!("version srcaddr bytes start\n{lines}"));
    let expected = lab.expected("logs").rows;
    for epoch in [WRITER_EPOCH - 1, WRITER_EPOCH + 1] {
        for key in lab.list("lake").keys() {
            lab.delete(&object_store::path::Path::parse(key).expect("a key"));
        }
        lab.convert(&[], 0);
        let log = |number: u64| format!("lake/_flowlake/log/{number:020}.json");
        lab.delete(&object_store::path::Path::from(log(2)));
        let name = "lake/_flowlake/commits/00000000000000000001/000000.ndjson.zst";
        let commit = lab.get(name);
        lab.delete(&object_store::path::Path::from(name));
        let mut plan: Value = serde_json::from_slice(&lab.get(&log(1))).expect("JSON");
        assert_eq!(plan["settings"]["writer_epoch"], WRITER_EPOCH);
        plan["settings"]["writer_epoch"] = json!(epoch);
        lab.put(&log(1), serde_json::to_vec(&plan).expect("JSON"));
        rename_attempt(lab, &commit, epoch);
        assert!(lab.lake_rows() == expected, "the dead attempt's rows are seen");
        lab.convert(&[], 0);
        assert_eq!(lab.lake_rows(), expected, "epoch {epoch}");
        assert_eq!(verify(lab, 0)["plans_open"], json!([]));
    }
}

/// An object is replaced by one with another line. Its receipt is of this program's epoch, or of an earlier one: then
/// nobody can say whether its content changed.
fn what_another_decoder_would_read_otherwise_is_not_laid_to_the_content(lab: &Lab) {
    let text = |bytes: u32| format!("version srcaddr bytes start\n2 10.0.0.1 {bytes} 1694735970\n");
    for (epoch, has_digest) in
        [WRITER_EPOCH, WRITER_EPOCH - 1].into_iter().flat_map(|epoch| [(epoch, false), (epoch, true)])
    {
        for key in lab.list("lake").keys() {
            lab.delete(&object_store::path::Path::parse(key).expect("a key"));
        }
        lab.put_gz("logs/2023/09/14/a.log.gz", &text(1));
        lab.convert(&[], 0);
        let commit = "lake/_flowlake/commits/00000000000000000001/000000.ndjson.zst";
        let record = zstd::decode_all(lab.get(commit).as_slice()).expect("zstd");
        let record = String::from_utf8(record).expect("text");
        let (now, then) = (format!("\"writer_epoch\":{WRITER_EPOCH}"), format!("\"writer_epoch\":{epoch}"));
        assert!(record.contains(&now));
        let mut record = record.replace(&now, &then);
        // Receipts of earlier programs have none.
        if !has_digest {
            let (before, rest) = record.split_once(",\"digest\":\"").expect("a digest");
            record = before.to_owned() + rest.split_once('"').expect("its end").1;
        }
        lab.put(commit, zstd::encode_all(record.as_bytes(), 3).expect("memory"));
        lab.put_gz("logs/2023/09/14/a.log.gz", &text(22));
        let said = lab.run(&["verify", "{}lake/", "{}logs/", "--json"]);
        // A digest tells that the content is another one.
        let is_other = epoch != WRITER_EPOCH && !has_digest;
        let kind = if is_other { "decoder_changed" } else { "source_differs" };
        assert!(said.code == 4 && said.stdout.contains(&format!("\"kind\":\"{kind}\"")), "{}", said.stdout);
        let summary = lab.convert(&[], 3);
        let differing = summary["differing"][0].as_str().expect("a reason");
        assert_eq!(differing.contains("the decoder changed"), is_other, "{differing}");
        assert!(differing.contains("it would give 1 rows"), "{differing}");
    }
}

/// What the writer of another epoch would have published: the same rows under names of other hashes.
fn rename_attempt(lab: &Lab, commit: &[u8], epoch: u32) {
    let mut record = crate::intents::intent_of(commit, epoch);
    for file in record["files"].as_array_mut().expect("files") {
        let path = file["path"].as_str().expect("a path").to_owned();
        let (stem, _) = path.rsplit_once('-').expect("a hash in the name");
        let other = format!("{stem}-ffffffffffffffff.parquet");
        let bytes = lab.get(&format!("lake/{path}"));
        lab.delete(&object_store::path::Path::from(format!("lake/{path}")));
        lab.put(&format!("lake/{other}"), bytes);
        file["path"] = json!(other);
    }
    let folder = "lake/_flowlake/intents/00000000000000000001/000000";
    lab.put(&format!("{folder}/ffffffffffffffff.json"), serde_json::to_vec(&record).expect("JSON"));
}

/// Before epoch 3 `end` was whatever number the line had. Such a file lies in the lake beside sound ones.
fn times_that_an_older_writer_let_through_do_not_stop_the_lake(lab: &Lab) {
    let ends = [1_694_736_000, i64::MAX, 1_694_736_000_000_000, i64::MIN];
    let head = "version srcaddr dstaddr packets bytes action log-status start end";
    let line = |n: usize| format!("2 10.0.0.{n} 10.0.1.1 1 7 ACCEPT OK {} 1694736000\n", 1_694_735_970 + n);
    let lines: String = (0..ends.len()).map(line).collect();
    lab.put_gz("logs/2023/09/14/a.log.gz", &format!("{head}\n{lines}"));
    lab.convert(&[], 0);
    with_ends(lab, &ends);
    let later = format!("{head}\n2 10.0.2.1 10.0.1.1 1 7 ACCEPT OK 1694736060 1694736061\n");
    lab.put_gz("logs/2023/09/15/b.log.gz", &later);
    lab.convert(&[], 0);
    let ask = |sql: &str| {
        let said = lab.run(&["query", "{}lake/", sql, "--format", "csv"]);
        (said.code, said.stdout.lines().skip(1).map(str::to_owned).collect::<Vec<_>>(), said.stderr)
    };
    let rows = |sql: &str| {
        let (code, rows, said) = ask(sql);
        assert_eq!(code, 0, "{sql}: {said}");
        rows
    };
    assert_eq!(rows("SELECT * FROM flow_logs").len(), 5);
    let times = "SELECT \"end\", end_time FROM flow_logs ORDER BY start";
    let null = |end: i64| format!("{end},");
    assert_eq!(
        rows(times),
        [
            "1694736000,2023-09-15T00:00:00Z".to_owned(),
            null(i64::MAX),
            null(1_694_736_000_000_000),
            null(i64::MIN),
            "1694736061,2023-09-15T00:01:01Z".to_owned(),
        ]
    );
    for (sql, right) in [
        ("SELECT count(*) FROM flow_logs WHERE end_time IS NULL", "3"),
        ("SELECT count(*) FROM flow_logs WHERE end_time >= '2023-09-15'", "2"),
        ("SELECT count(*) FROM flow_logs WHERE NOT (end_time < '2100-01-01')", "0"),
        ("SELECT count(*) FROM flow_logs WHERE \"end\" > 1694736061", "2"),
        ("SELECT max(\"end\") FROM flow_logs", "9223372036854775807"),
        ("SELECT max(end_time) FROM flow_logs", "2023-09-15T00:01:01Z"),
        ("SELECT count(*) FROM flow_logs WHERE date_trunc('day', end_time) = '2023-09-15'", "2"),
        ("SELECT count(end_time - start_time) FROM flow_logs", "2"),
        ("SELECT sum(CAST(\"end\" AS DECIMAL(38, 0)) - start) FROM flow_logs WHERE \"end\" > 0", "9225066769465303895"),
    ] {
        assert_eq!(rows(sql), [right], "{sql}");
    }
    let (code, _, said) = ask("SELECT sum(\"end\" - start) FROM flow_logs");
    assert!(code == 1 && said.contains("holds"), "{code}: {said}");
    for name in ["totals", "log-health"] {
        let said = lab.run(&["report", "{}lake/", name, "--format", "csv"]);
        assert_eq!(said.code, 0, "{name}: {}", said.stderr);
    }
}

/// Gives the only data file of a lake other values of `end`.
fn with_ends(lab: &Lab, ends: &[i64]) {
    let mut ends = ends.iter().copied();
    write_as_before(lab, |batch| {
        let at = batch.schema().index_of("end").expect("it has the column");
        let mut columns = batch.columns().to_vec();
        columns[at] = Arc::new(ends.by_ref().take(batch.num_rows()).map(Some).collect::<Int64Array>());
        RecordBatch::try_new(batch.schema(), columns).expect("a batch")
    });
}

/// Writes the only data file of a lake again, its rows changed, as a program before epoch 5 would have: without ids.
/// Its commit and its seal say so.
fn write_as_before(lab: &Lab, mut change: impl FnMut(RecordBatch) -> RecordBatch) {
    let key = lab.data_files().into_iter().next().expect("a data file");
    let before = bytes::Bytes::from(lab.get(&key));
    let reader = ParquetRecordBatchReaderBuilder::try_new(before.clone()).expect("Parquet").build().expect("a reader");
    let plain = |field: &Arc<Field>| field.as_ref().clone().with_metadata([].into());
    let schema = Arc::new(Schema::new(reader.schema().fields().iter().map(plain).collect::<Vec<_>>()));
    let mut after = Vec::new();
    let options = ArrowWriterOptions::new().with_schema_root("flow_logs".to_owned());
    let mut writer = ArrowWriter::try_new_with_options(&mut after, Arc::clone(&schema), options).expect("a writer");
    let mut rows = 0;
    for batch in reader {
        let batch = RecordBatch::try_new(Arc::clone(&schema), batch.expect("rows").columns().to_vec());
        let batch = change(batch.expect("the same types"));
        rows += batch.num_rows();
        writer.write(&batch).expect("memory");
    }
    writer.close().expect("memory");
    assert!(ids(after.clone()).iter().all(Option::is_none));
    let commit = "lake/_flowlake/commits/00000000000000000001/000000.ndjson.zst";
    let record = String::from_utf8(zstd::decode_all(lab.get(commit).as_slice()).expect("zstd")).expect("text");
    let bytes = |bytes: usize| format!("\"bytes\":{bytes},");
    let hash = |bytes: &[u8]| blake3::hash(bytes).to_hex().to_string();
    assert!(record.contains(&bytes(before.len())) && record.contains(&hash(&before)), "{record}");
    let all = |bytes: usize| format!("\"file_bytes\":{bytes}");
    assert!(record.contains(&all(before.len())), "{record}");
    let record = record.replace(&bytes(before.len()), &bytes(after.len())).replace(&hash(&before), &hash(&after));
    let record = record.replace(&all(before.len()), &all(after.len()));
    let in_name = |bytes: &[u8]| format!("-{}.parquet", &hash(bytes)[..16]);
    let record = record.replace(&in_name(&before), &in_name(&after));
    lab.put(commit, zstd::encode_all(record.as_bytes(), 3).expect("memory"));
    let seal = "lake/_flowlake/log/00000000000000000002.json";
    let mut sealed: Value = serde_json::from_slice(&lab.get(seal)).expect("JSON");
    sealed["file_bytes"] = json!(after.len());
    lab.put(seal, serde_json::to_vec(&sealed).expect("JSON"));
    lab.delete(&object_store::path::Path::from(key.as_str()));
    let name = key.replace(&in_name(&before), &in_name(&after));
    let of_lake = |key: &str| key.strip_prefix("lake/").expect("it lies in the lake").to_owned();
    crate::verify::forge_versions(lab, &of_lake(&key), &of_lake(&name), [after.len(), rows]);
    lab.put(&name, after);
}

/// The ids of a file's columns, where they have one.
fn ids(file: Vec<u8>) -> Vec<Option<i32>> {
    let file = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(file)).expect("Parquet");
    let infos = file.parquet_schema().columns().iter().map(|column| column.self_type().get_basic_info());
    infos.map(|info| info.has_id().then(|| info.id())).collect()
}

/// A redo of one object takes out a file without ids, in which another object has rows too.
fn rows_of_files_without_ids_go_on_in_files_with_ids(lab: &Lab) {
    let text = |n: u32, rows: u32| {
        let line = |row: u32| format!("2 10.0.{n}.{row} new-{n} {} 1694735970\n", row * 10);
        let lines: String = (0..rows).map(line).collect();
        format!("version srcaddr brand-new bytes start\n{lines}")
    };
    lab.put_gz("logs/2023/09/14/a.log.gz", &text(1, 30));
    lab.put_gz("logs/2023/09/15/b.log.gz", &text(2, 20));
    lab.convert(&[], 0);
    assert_eq!(lab.data_files().len(), 1, "a file for both");
    write_as_before(lab, |batch| batch);
    verify(lab, 0);
    let ask = || {
        let sql = "SELECT count(*), sum(bytes), min(brand_new), max(brand_new) FROM flow_logs";
        let said = lab.run(&["query", "{}lake/", sql, "--format", "csv"]);
        said.stdout.lines().nth(1).unwrap_or(&said.stderr).to_owned()
    };
    assert_eq!((ask().as_str(), lab.lake_rows()), ("50,6250,new-1,new-2", lab.expected("logs").rows));

    lab.put_gz("logs/2023/09/15/b.log.gz", &text(2, 21));
    let day = ["--since", "2023-09-15", "--until", "2023-09-15"];
    lab.convert(&[&["--redo", "--retention", "0s"], &day[..]].concat(), 0);
    assert_eq!((ask().as_str(), lab.lake_rows()), ("51,6450,new-1,new-2", lab.expected("logs").rows));
    verify(lab, 0);
    let files = lab.data_files();
    assert!(files.iter().all(|key| ids(lab.get(key)).iter().all(Option::is_some)), "{files:?}");
}
