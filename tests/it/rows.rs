//! Lines and fields that look like something else: values like names, names like our own, times beyond reason, and more
//! names than a lake can hold. What each becomes, in the lake, in `query --raw` and in `inspect`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::lab::{Lab, gzip, on_both_stores};

on_both_stores!(
    values_that_look_like_names_stay_values,
    a_second_header_is_one_where_it_is_proven,
    fields_named_like_ours_have_columns_of_their_own,
    times_beyond_reason_are_set_aside,
    unknown_fields_beyond_a_number_share_a_column,
);

const TAGS: &str = "instance-id instance-tag interface-tag";

/// Answers of a statement, a line each, without the header.
fn ask(lab: &Lab, statement: &str, more: &[&str]) -> Vec<String> {
    let said = lab.run(&[&["query", "{}lake/", statement, "--format", "csv"], more].concat());
    assert_eq!(said.code, 0, "{statement}: {}", said.stderr);
    said.stdout.lines().skip(1).map(str::to_owned).collect()
}

fn verify(lab: &Lab) {
    let said = lab.run(&["verify", "{}lake/", "{}logs/"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

/// Summary counts of a conversion that must end with `code`.
fn counts(lab: &Lab, more: &[&str], code: i32) -> [Option<u64>; 3] {
    let summary = lab.convert(more, code);
    ["records", "rejects", "objects_aside"].map(|name| summary[name].as_u64())
}

fn values_that_look_like_names_stay_values(lab: &Lab) {
    let rows = "i-0abc region type\ni-0def start end\n- srcaddr region\n";
    lab.put_gz("logs/2023/09/14/a.log.gz", &format!("{TAGS}\n{rows}{TAGS}\n{rows}"));
    assert_eq!(counts(lab, &[], 0), [Some(6), Some(0), Some(0)]);
    let statement = |table: &str| format!("SELECT * FROM {table} ORDER BY log_line");
    let found = ask(lab, &statement("flow_logs"), &[]);
    assert_eq!(found.len(), 6);
    assert!(found[0].starts_with("i-0abc,region,type,") && found[5].starts_with(",srcaddr,region,"), "{found:?}");
    assert_eq!(ask(lab, &statement("raw_flow_logs"), &["--raw", &lab.url("logs/")]), found);
    let inspected = lab.run(&["inspect", "{}logs/"]).stdout;
    assert_eq!(inspected.matches("format: ").count(), 1, "{inspected}");
    verify(lab);

    // Without a header the same lines, the first of them too, are rows of the format that is given.
    lab.put_gz("logs/2023/09/14/b.log.gz", rows);
    assert_eq!(counts(lab, &["--format", "${instance-id} ${instance-tag} ${interface-tag}"], 0)[0], Some(3));
    assert_eq!(ask(lab, "SELECT DISTINCT count(*) FROM flow_logs GROUP BY instance_tag", &[]), ["3"]);
}

fn a_second_header_is_one_where_it_is_proven(lab: &Lab) {
    let vpc = "version srcaddr dstaddr bytes start end\n2 10.0.0.1 10.0.0.2 7 1694735970 1694736000\n";
    let tgw = "tgw-id srcaddr dstaddr start end\ntgw-1 10.0.0.3 10.0.0.4 1694735970 1694736000\n";
    let short = "region az-id\nus-east-1 use1-az1\n";
    lab.put_gz("logs/2023/09/14/appended.log.gz", &format!("{vpc}{tgw}{vpc}"));
    let joined = [gzip(vpc.as_bytes()), gzip(short.as_bytes()), gzip(vpc.as_bytes())].concat();
    lab.put("logs/2023/09/14/joined.log.gz", joined);
    // In one member the same lines are none of a log of six fields.
    lab.put_gz("logs/2023/09/14/unproven.log.gz", &format!("{vpc}{short}{vpc}"));
    assert_eq!(counts(lab, &[], 3), [Some(8), Some(2), Some(0)]);
    let found = lab.lake_rows();
    let count =
        |column: &str, value: &str| found.values().filter(|row| row.get(column).is_some_and(|v| v == value)).count();
    assert_eq!((count("srcaddr", "10.0.0.1"), count("tgw_id", "tgw-1"), count("region", "us-east-1")), (6, 1, 1));
    verify(lab);
}

fn fields_named_like_ours_have_columns_of_their_own(lab: &Lab) {
    let names = "start-time end_time date field-date hour log-line other-fields";
    lab.put_gz(
        "logs/2023/09/14/a.log.gz",
        &format!("version srcaddr bytes start end {names}\n2 - - 1694735970 1694736000 a b c d e f g\n"),
    );
    lab.put_gz("logs/2023/09/14/b.log.gz", "start end srcaddr\n1694735970 1694736000 10.0.0.1\n");
    assert_eq!(counts(lab, &[], 0)[0], Some(2));
    let columns = "field_start_time, field_end_time, field_date, field_field_date, field_hour, field_log_line, field_other_fields";
    let whose = "date = '2023-09-14' AND start_time = '2023-09-14T23:59:30Z' AND end_time = '2023-09-15T00:00:00Z'";
    let found = ask(lab, &format!("SELECT {columns} FROM flow_logs WHERE {whose} ORDER BY log_object"), &[]);
    assert_eq!(found, ["a,b,c,d,e,f,g", ",,,,,,"]);
    let raw = format!("SELECT {columns} FROM raw_flow_logs WHERE {whose} ORDER BY log_object");
    assert_eq!(ask(lab, &raw, &["--raw", &lab.url("logs/")]), found);
    verify(lab);
}

fn times_beyond_reason_are_set_aside(lab: &Lab) {
    let ends = ["1694736000", "1694736000000", "0001694736000", "0001694736000000", "-"];
    let bad = ["1694736000000000", "9223372036854775807", "0", "1230767999", "253402300800", "1894736000"];
    let line = |end: &&str| format!("1694735970 {end}\n");
    let text: String = ends.iter().chain(&bad).map(line).collect();
    lab.put_gz("logs/AWSLogs/012345678901/vpcflowlogs/us-east-1/2023/09/15/012345678901_vpcflowlogs_us-east-1_fl-1_20230915T0005Z_0123abcd.log.gz", &format!("start end\n{text}"));
    assert_eq!(counts(lab, &[], 3)[..2], [Some(5), Some(6)]);
    let found = ask(lab, "SELECT * FROM flow_logs ORDER BY log_line", &[]);
    assert!(found[..4].iter().all(|row| row.starts_with("1694735970,1694736000,")), "{found:?}");
    let times = ask(lab, "SELECT count(*), count(end_time), count(start_time) FROM flow_logs", &[]);
    assert_eq!(times, ["5,4,5"]);
    let rejects = lab.run(&["rejects", "{}lake/", "--json"]).stdout;
    assert_eq!(rejects.matches("field `end`").count(), 6, "{rejects}");
    verify(lab);
}

const HEADERS: usize = 64;

/// Objects of `HEADERS` headers, each with so many names that were never seen, and what their rows hold by name.
fn hostile(lab: &Lab, objects: usize, names: usize) -> BTreeMap<(usize, usize), BTreeMap<String, String>> {
    let base = "version srcaddr dstaddr packets bytes start end";
    let mut expected = BTreeMap::new();
    for object in 0..objects {
        let mut text = String::new();
        for header in 0..HEADERS {
            let first = (object * HEADERS + header) * names;
            let fields: Vec<(String, String)> =
                (0..names).map(|n| (format!("u{}", first + n), format!("\"v{n}\\"))).collect();
            let part = |of: fn(&(String, String)) -> &String| {
                fields.iter().map(|pair| format!(" {}", of(pair))).collect::<String>()
            };
            text +=
                &format!("{base}{}\n2 10.0.0.1 10.0.0.2 1 1 1694735970 1694736000{}\n", part(|f| &f.0), part(|f| &f.1));
            expected.insert((object, 2 * header + 2), fields.into_iter().collect());
        }
        lab.put_gz(&format!("logs/2023/09/15/{object:05}.log.gz"), &text);
    }
    expected
}

fn unknown_fields_beyond_a_number_share_a_column(lab: &Lab) {
    let expected = hostile(lab, 4, 20);
    assert_eq!(counts(lab, &[], 0)[0], Some(4 * HEADERS as u64));
    let mut columns = BTreeSet::new();
    for ((url, line), mut row) in lab.lake_rows() {
        let object: usize = url.rsplit('/').next().and_then(|file| file[..5].parse().ok()).expect("a number");
        let own: Vec<String> = row.keys().filter(|name| name[..1] == *"u").cloned().collect();
        let json: BTreeMap<String, String> =
            row.remove("other_fields").map_or_else(BTreeMap::new, |json| serde_json::from_str(&json).expect("JSON"));
        columns.extend(own.iter().cloned());
        let mut found: BTreeMap<String, String> = own.iter().map(|name| (name.clone(), row[name].clone())).collect();
        assert!(json.keys().all(|name| !found.contains_key(name)));
        found.extend(json);
        assert_eq!(found, expected[&(object, line as usize)], "{url} line {line}");
    }
    // The first of the only task, in their order.
    let first: BTreeSet<String> = (0..32).map(|n| format!("u{n}")).collect();
    assert_eq!(columns, first);
    assert_eq!(ask(lab, "SELECT count(*), count(u31), count(other_fields) FROM flow_logs", &[]), ["256,1,255"]);
    verify(lab);
    // What was named before keeps its column: the next plan says so, and has as many new ones to give.
    lab.put_gz("logs/2023/09/16/later.log.gz", "start end srcaddr u77 u5 new\n1694735970 1694736000 - a b c\n");
    lab.convert(&[], 0);
    assert_eq!(ask(lab, "SELECT u77, u5, new FROM flow_logs WHERE new IS NOT NULL", &[]), ["a,b,c"]);
}

#[test]
fn columns_and_bytes_follow_from_the_plan_whoever_runs_it() {
    let mut files = BTreeSet::new();
    for threads in ["1", "3"] {
        let lab = Lab::on_disk();
        hostile(&lab, 3, 20);
        lab.convert(&["--threads", threads], 0);
        let names: BTreeSet<String> =
            lab.data_files().iter().map(|key| key.rsplit('/').next().expect("a name").to_owned()).collect();
        assert!(!names.is_empty());
        let source = lab.url("logs/");
        // Names have the hash of the bytes, and the bytes hold the URLs of the source.
        files.insert((
            names.len(),
            lab.lake_rows()
                .into_iter()
                .map(|((url, line), row)| (url.replace(&source, ""), line, row.len()))
                .collect::<Vec<_>>(),
        ));
    }
    assert_eq!(files.len(), 1);
}

/// A lake as programs before epoch 3 could write it: each unknown field has a column.
#[test]
fn a_lake_of_very_many_columns_is_asked_for_what_is_named() {
    let lab = Lab::on_disk();
    hostile(&lab, 2, 40);
    lab.convert(&[], 0);
    let log = |number: u64| format!("lake/_flowlake/log/{number:020}.json");
    lab.delete(&object_store::path::Path::from(log(2)));
    lab.delete(&object_store::path::Path::from("lake/_flowlake/commits/00000000000000000001/000000.ndjson.zst"));
    let mut plan: Value = serde_json::from_slice(&lab.get(&log(1))).expect("JSON");
    assert_eq!(plan["settings"]["unknown"], json!({ "known": {}, "new_per_task": 32 }));
    plan["settings"]["unknown"]["new_per_task"] = json!(1_000_000);
    lab.put(&log(1), serde_json::to_vec(&plan).expect("JSON"));
    lab.convert(&[], 0);

    assert_eq!(ask(&lab, "SELECT count(*) FROM flow_logs", &[]), ["128"]);
    let statement = "SELECT u5000, srcaddr, start_time FROM flow_logs WHERE u5000 IS NOT NULL AND u5001 <> 'x'";
    let found = ask(&lab, statement, &[]);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("v0\\") && found[0].contains(",10.0.0.1,2023-09-14T23:59:30"), "{found:?}");
    let columns =
        "SELECT count(*), count(DISTINCT column_name) FROM information_schema.columns WHERE table_name = 'flow_logs'";
    // Seven fields, two times, the unknown ones, five of provenance, and the date.
    assert_eq!(ask(&lab, columns, &[]), [format!("{0},{0}", 7 + 2 + 2 * HEADERS * 40 + 5 + 1)]);
    let report = lab.run(&["report", "{}lake/", "top-talkers"]);
    assert_eq!(report.code, 0, "{}", report.stderr);
    // It gets no new column any more.
    lab.put_gz("logs/2023/09/16/later.log.gz", "start end u7 new\n1694735970 1694736000 a b\n");
    lab.convert(&[], 0);
    let found = ask(&lab, "SELECT u7, other_fields FROM flow_logs WHERE other_fields IS NOT NULL", &[]);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("new") && found[0].contains('b'), "{found:?}");
}

#[test]
fn inspect_shows_every_format_of_a_flat_folder() {
    let lab = Lab::on_disk();
    for (name, header) in [("a", "version srcaddr start"), ("b", "srcaddr dstaddr start"), ("c", "start end action")] {
        lab.put_gz(&format!("logs/{name}.log.gz"), &format!("{header}\n{}\n", ["-"; 3].join(" ")));
    }
    lab.put("logs/native.log.parquet", "PAR1");
    let said = lab.run(&["inspect", "{}logs/"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(said.stdout.matches("format: ").count(), 3, "{}", said.stdout);
    assert!(said.stdout.contains("1 Parquet objects, which are not read"), "{}", said.stdout);
}

#[test]
fn a_name_in_a_format_that_nobody_documents_is_warned_of() {
    let lab = Lab::on_disk();
    lab.put_gz("logs/a.log.gz", "10.0.0.1 7 1694735970\n");
    let said = lab.run(&["convert", "{}logs/", "{}lake/", "--format", "${srcaddr} ${bytez} ${start}"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("`bytez`") && said.stderr.contains("did you mean `bytes`?"), "{}", said.stderr);
    let said = lab.run(&["convert", "{}logs/", "{}lake/", "--format", "${srcaddr} ${bytes} ${start}"]);
    assert!(!said.stderr.contains("warning"), "{}", said.stderr);
}

#[test]
fn only_parquet_is_said() {
    let lab = Lab::on_disk();
    lab.put("logs/2023/09/14/native.log.parquet", "PAR1");
    let said = lab.run(&["convert", "{}logs/", "{}lake/"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("only Parquet objects (1)"), "{}", said.stderr);
}

#[test]
fn a_copy_in_a_folder_of_a_later_day_keeps_its_rows() {
    let lab = Lab::on_disk();
    let name = "012345678901_vpcflowlogs_us-east-1_fl-1_20180620T1620Z_0123abcd.log.gz";
    lab.put_gz(&format!("logs/2023/09/14/{name}"), "start end\n1694649600 1694649660\n");
    lab.put_gz(&format!("logs/2016/01/01/{name}"), "start end\n1529511600 1529511660\n");
    assert_eq!(counts(&lab, &[], 0)[..2], [Some(2), Some(0)]);
    let days = ask(&lab, "SELECT day FROM lake.objects ORDER BY day", &[]);
    assert_eq!(days, ["2016-01-01", "2023-09-14"]);
}

/// Firehose and CloudWatch Logs wrap records; gzip may be compressed again on its way.
#[test]
fn what_wraps_records_is_named() {
    let lab = Lab::on_disk();
    let record = "2 111111111111 eni-1 - - - - - - - 1694735970 1694736000 - OK";
    lab.put_gz("logs/2023/09/14/firehose.gz", &format!("{{\"message\":\"{record}\"}}\n"));
    lab.put("logs/2023/09/14/twice.log.gz", gzip(&gzip(b"start end\n")));
    for more in [&[][..], &["--format", "default"]] {
        let lake = Lab::on_disk();
        let url = format!("{}lake/", lake.root);
        let said = lab.run(&[&["convert", "{}logs/", url.as_str()], more].concat());
        assert_eq!(said.code, 3, "{}", said.stderr);
        assert!(
            said.stderr.contains("JSON of Firehose") && said.stderr.contains("gzip within gzip"),
            "{}",
            said.stderr
        );
    }
}

/// An object that gives something else than its receipt says, which an older decoder wrote: it need not have changed.
#[test]
fn what_an_older_decoder_gave_is_told_from_changed_content() {
    let lab = Lab::on_disk();
    let key = "logs/2023/09/14/a.log.gz";
    lab.put_gz(key, "start end\n1694735970 1694736000\n");
    lab.convert(&[], 0);
    let commit = "lake/_flowlake/commits/00000000000000000001/000000.ndjson.zst";
    let text = String::from_utf8(zstd::decode_all(lab.get(commit).as_slice()).expect("zstd")).expect("text");
    let now = format!("\"writer_epoch\":{}", flowlake::encode::WRITER_EPOCH);
    assert!(text.contains(&now), "{text}");
    let mut older = text.replace(&now, "\"writer_epoch\":2");
    // It knew no digests, which would tell that the content changed.
    while let Some((before, behind)) = older.split_once(",\"digest\":\"") {
        older = format!("{before}{}", behind.split_once('"').expect("a text ends").1);
    }
    assert!(older.len() < text.len(), "receipts have digests");
    lab.put(commit, zstd::encode_all(older.as_bytes(), 3).expect("memory"));
    lab.put_gz(key, "start end\n1694735970 1694736000\n1694735971 1694736000\n");
    let said = lab.run(&["verify", "{}lake/", "{}logs/", "--json"]);
    assert!(said.code == 4 && said.stdout.contains("decoder_changed"), "{}", said.stdout);
    assert!(!said.stdout.contains("source_differs"), "{}", said.stdout);
    let summary = lab.convert(&[], 3);
    let differing = summary["differing"][0].as_str().expect("a reason").to_owned();
    assert!(differing.contains("the decoder changed since"), "{differing}");
}
