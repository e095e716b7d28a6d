use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;

use super::*;
use crate::schema::{Kind, Layout, Table, Types};

fn options(mix: Mix, records: u64) -> Options {
    Options { records, mix, ..Options::default() }
}

/// Keys and texts of all objects under `dir`.
fn texts(dir: &Path) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for (key, bytes) in bytes(dir) {
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        texts.insert(key, text);
    }
    texts
}

fn bytes(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut folders, mut files) = (vec![dir.to_owned()], BTreeMap::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let key = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                files.insert(key, fs::read(path).unwrap());
            }
        }
    }
    files
}

fn make(options: &Options) -> (tempfile::TempDir, Made) {
    let dir = tempfile::tempdir().unwrap();
    let made = write(dir.path(), options, &|_| {}).unwrap();
    (dir, made)
}

/// Values of one line by field name.
fn values<'a>(header: &'a str, line: &'a str) -> BTreeMap<&'a str, &'a str> {
    let (names, values): (Vec<_>, Vec<_>) = (header.split(' ').collect(), line.split(' ').collect());
    assert_eq!(names.len(), values.len(), "{line}");
    names.into_iter().zip(values).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let asked = Options { objects: Some(20), ..options(Mix::All, 3_000) };
    let ((one, _), (two, _)) = (make(&asked), make(&asked));
    assert_eq!(bytes(one.path()), bytes(two.path()));
    let (three, _) = make(&Options { seed: 2, ..asked });
    assert!(bytes(one.path()).keys().all(|key| !bytes(three.path()).contains_key(key)));
}

#[test]
fn every_line_fits_its_header_and_the_types_of_the_schema() {
    for (mix, fields) in [(Mix::Default, 14), (Mix::V5, 29), (Mix::V11, 54), (Mix::Tgw, 36)] {
        let (dir, made) = make(&options(mix, 4_000));
        let mut records = 0;
        for text in texts(dir.path()).values() {
            let (header, lines) = text.split_once('\n').unwrap();
            assert!(text.ends_with('\n'));
            let layout = Layout::from_names(header.split(' '), &Types::default()).unwrap();
            assert_eq!(layout.columns.len(), fields);
            assert_eq!(layout.table == Table::TGW_FLOW_LOGS, mix == Mix::Tgw);
            for line in lines.lines() {
                records += 1;
                assert_eq!(line.split(' ').count(), fields, "{line}");
                for (column, value) in layout.columns.iter().zip(line.split(' ')) {
                    assert!(is_valid(column.kind, &column.name, value), "{} {value}: {line}", column.name);
                }
            }
        }
        assert_eq!((records, made.records), (4_000, 4_000));
    }
}

fn is_valid(kind: Kind, name: &str, value: &str) -> bool {
    match kind {
        _ if value == "-" => true,
        Kind::Int32 => value.parse::<u32>().is_ok(),
        Kind::Port => value.parse::<u16>().is_ok(),
        Kind::Int64 => value.parse::<u64>().is_ok(),
        Kind::Seconds => value.parse::<u64>().is_ok_and(|seconds| (1_694_649_600..1_694_908_800).contains(&seconds)),
        Kind::Text if name.ends_with("addr") => value.parse::<IpAddr>().is_ok(),
        Kind::Text => !value.is_empty(),
        other => panic!("no field of a flow log is {other}"),
    }
}

#[test]
fn headers_are_the_documented_ones() {
    let header =
        |mix| texts(make(&options(mix, 100)).0.path()).values().next().unwrap().lines().next().unwrap().to_owned();
    assert_eq!(header(Mix::Default), crate::schema::VPC_DEFAULT_FORMAT);
    assert_eq!(header(Mix::Tgw), crate::schema::TGW_DEFAULT_FORMAT);
    assert!(header(Mix::V5).ends_with("log-status vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type sublocation-id pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path"));
    assert!(header(Mix::V11).ends_with("next-hop-vpc-id next-hop-interface-type"));
}

#[test]
fn records_end_within_their_object_and_a_few_begin_on_the_day_before() {
    let (dir, made) = make(&options(Mix::Default, 20_000));
    let mut before = 0;
    for (key, text) in texts(dir.path()) {
        let time = key.rsplit('_').nth(1).unwrap();
        let slot = chrono::NaiveDateTime::parse_from_str(time, "%Y%m%dT%H%MZ").unwrap().and_utc().timestamp();
        let (header, lines) = text.split_once('\n').unwrap();
        let mut starts = Vec::new();
        for line in lines.lines() {
            let line = values(header, line);
            let (start, end): (i64, i64) = (line["start"].parse().unwrap(), line["end"].parse().unwrap());
            assert!((slot..slot + 300).contains(&end) && (end - 600..=end).contains(&start), "{key} {start} {end}");
            before += usize::from(start / 86_400 < slot / 86_400);
            starts.push(start);
        }
        assert!(!starts.is_sorted());
    }
    assert!((10..2_000).contains(&before), "{before}");
    assert_eq!((made.first_day.to_string(), made.last_day.to_string()), ("2023-09-14".into(), "2023-09-16".into()));
}

#[test]
fn traffic_is_as_mixed_as_in_life() {
    let (dir, made) = make(&options(Mix::V11, 60_000));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = |what: &str| *counts.entry(what.to_owned()).or_default() += 1;
    for text in texts(dir.path()).values() {
        let (header, lines) = text.split_once('\n').unwrap();
        for line in lines.lines() {
            let line = values(header, line);
            for name in
                ["log-status", "action", "type", "protocol", "reject-reason", "encryption-status", "traffic-path"]
            {
                count(&format!("{name} {}", line[name]));
            }
            count(if line["account-id"] == "unknown" { "unknown" } else { "known" });
            count(if line["ecs-task-id"] == "-" { "no task" } else { "task" });
            count(if line["srcaddr"] == line["pkt-srcaddr"] { "direct" } else { "by NAT" });
            let has_bytes = line["bytes"] != "-";
            assert_eq!(has_bytes, line["log-status"] == "OK" && line["reject-reason"] == "-");
        }
    }
    let share = |what: &str| counts.get(what).map_or(0.0, |count| *count as f64 / 600.0);
    for (what, low, high) in [
        ("action REJECT", 3.0, 8.0),
        ("log-status NODATA", 1.0, 5.0),
        ("log-status SKIPDATA", 0.001, 0.2),
        ("type IPv6", 1.0, 8.0),
        ("protocol 17", 1.0, 12.0),
        ("protocol 1", 0.1, 3.0),
        ("reject-reason BPA", 0.1, 1.0),
        ("encryption-status 1", 10.0, 90.0),
        ("traffic-path 8", 2.0, 40.0),
        ("unknown", 0.01, 1.0),
        ("task", 5.0, 50.0),
        ("by NAT", 0.2, 10.0),
    ] {
        assert!((low..=high).contains(&share(what)), "{what}: {} %, of {counts:?}", share(what));
    }
    assert!(made.interfaces > 400 && made.addresses > 2_000 && made.ports > 10_000, "{made:?}");
}

#[test]
fn keys_name_every_flow_log_once_a_slot() {
    let asked = Options { accounts: 3, objects: Some(90), ..options(Mix::All, 10_000) };
    let (dir, made) = make(&asked);
    let keys: Vec<String> = bytes(dir.path()).into_keys().collect();
    assert_eq!((keys.len() as u64, made.objects), (90, 90), "no key occurs twice");
    let mut flow_logs = BTreeSet::new();
    for key in &keys {
        let parts: Vec<&str> = key.split('/').collect();
        let [prefix, account, "vpcflowlogs", region, year, month, day, name] = parts[..] else { panic!("{key}") };
        let name: Vec<&str> = name.split('_').collect();
        assert_eq!((prefix, account.len()), ("AWSLogs", 12));
        assert_eq!(name[..3], [account, "vpcflowlogs", region]);
        assert!(name[3].starts_with("fl-0") && name[3].len() == 20);
        assert!(name[4].starts_with(&format!("{year}{month}{day}T")) && name[4].ends_with('Z'));
        assert!(name[5].len() == 15 && name[5].ends_with(".log.gz"));
        flow_logs.insert((account, region, name[3]));
    }
    assert_eq!(flow_logs.len(), 3 * 2 * 4);
    assert!(keys.iter().any(|key| key.starts_with("AWSLogs/0")), "an account has leading zeros");
}

#[test]
fn compressed_records_are_as_small_as_real_ones() {
    let one = Options { accounts: 1, regions: 1, objects: Some(2), ..options(Mix::Default, 120_000) };
    let (_dir, made) = make(&one);
    let (text, compressed) = (made.text_bytes as f64 / 120_000.0, made.compressed_bytes as f64 / 120_000.0);
    assert!((24.0..28.0).contains(&compressed) && (105.0..125.0).contains(&text), "{text} {compressed}");
}

#[test]
fn progress_reaches_the_records_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let seen = std::cell::Cell::new(0);
    write(dir.path(), &options(Mix::Default, 5_000), &|records| {
        assert!(records >= seen.get());
        seen.set(records);
    })
    .unwrap();
    assert_eq!(seen.get(), 5_000);
}

#[test]
fn what_cannot_be_made_is_refused_and_what_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let too_many = write(dir.path(), &Options { regions: 11, ..Options::default() }, &|_| {}).unwrap_err();
    assert_eq!(too_many.to_string(), "a sample of 11 regions cannot be made; ask for 1 to 10");
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let not_a_folder = write(&file, &options(Mix::Default, 10), &|_| {}).unwrap_err();
    assert!(not_a_folder.to_string().contains("/file: cannot be written"), "{not_a_folder}");
}

#[test]
fn mixes_are_named() {
    for mix in Mix::ALL {
        assert_eq!(mix.to_string().parse::<Mix>(), Ok(mix));
    }
    assert_eq!("v6".parse::<Mix>().unwrap_err().to_string(), "unknown mix `v6`; use default, v5, v11, tgw or all");
}
