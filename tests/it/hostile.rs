//! Objects made to exhaust memory: what becomes of them, and that the peak memory of the process, as the operating
//! system counts it, stays under the `--memory` of 512 MiB by default.
//!
//! The full sizes take minutes: `cargo test --release --test it slow -- --ignored --nocapture` runs all that is slow.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use crate::lab::{Lab, Said, gzip, said};

/// Runs the rest of its arguments, writes the largest resident size in bytes of that process to the first, and ends as
/// the process did. A process counts what its parent held when it was started, so that the test itself must not be
/// that.
const MEASURE: &str = r#"
import os, sys
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
with open(sys.argv[1], "w") as out:
    out.write(str(usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)))
sys.exit(os.waitstatus_to_exitcode(status))
"#;

const MEMORY_MAX: u64 = 512 << 20;

const HEADER: &str = "version account-id srcaddr dstport start\n";

/// `flowlake convert {}logs/ {}lake/ --json`, which must end with `code` and within its memory; its summary.
fn convert(lab: &Lab, code: i32) -> serde_json::Value {
    let said = measured(lab, &["convert", "{}logs/", "{}lake/", "--json"], code);
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("no JSON: {error}: {}", said.stdout))
}

/// A run of the program, which must end with `code` and within its memory.
fn measured(lab: &Lab, arguments: &[&str], code: i32) -> Said {
    let program = lab.program(arguments);
    let peak = lab.temporary().join("peak");
    let mut command = std::process::Command::new("python3");
    command.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.args(["-c", MEASURE]).arg(&peak).arg(program.get_program()).args(program.get_args());
    let said = said(command.output().expect("the tests need Python 3"));
    assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
    let peak: u64 = std::fs::read_to_string(&peak).expect("a measurement").parse().expect("a number");
    println!("peak memory {} MiB", peak >> 20);
    assert!(peak < MEMORY_MAX, "peak memory was {} MiB", peak >> 20);
    said
}

/// A commit of some hundred kilobytes, and one that no honest writer makes.
#[test]
fn a_record_that_names_millions_of_columns_is_refused() {
    let lab = Lab::on_disk();
    put_good(&lab);
    lab.convert(&[], 0);
    let name = "_flowlake/commits/00000000000000000001/000000.ndjson.zst";
    let record = zstd::decode_all(lab.get(&format!("lake/{name}")).as_slice()).expect("zstd");
    let record = String::from_utf8(record).expect("text");
    let (before, after) = record.split_once("\"columns\":{").expect("a data file");
    let mut encoder = zstd::Encoder::new(Vec::new(), 19).expect("memory");
    encoder.write_all(format!("{before}\"columns\":{{").as_bytes()).expect("memory");
    (0..3_000_000).for_each(|n| write!(encoder, "\"a{n}\":\"text\",").expect("memory"));
    encoder.write_all(after.as_bytes()).expect("memory");
    let forged = encoder.finish().expect("memory");
    assert!(forged.len() < 1 << 20, "{}", forged.len());
    lab.put(&format!("lake/{name}"), forged);
    for arguments in [&["query", "{}lake/", "SELECT count(*) FROM flow_logs"][..], &["convert", "{}logs/", "{}lake/"]] {
        let said = measured(&lab, arguments, 1);
        let told = [name, "more than 10000 columns"];
        assert!(told.iter().all(|word| said.stderr.contains(word)), "{}", said.stderr);
    }
}

/// A gzip member of `bytes` times the same byte.
fn member_of(byte: u8, bytes: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    let block = vec![byte; 1 << 20];
    for _ in 0..bytes >> 20 {
        encoder.write_all(&block).expect("memory");
    }
    encoder.finish().expect("memory")
}

/// A header, one row, then one line of `bytes` bytes, and a row after it.
fn long_line(bytes: usize) -> Vec<u8> {
    let first = format!("{HEADER}2 012345678901 10.0.0.1 443 1694735970\n");
    let member = member_of(b'7', 64 << 20);
    let mut object = gzip(first.as_bytes());
    for _ in 0..bytes / (64 << 20) {
        object.extend_from_slice(&member);
    }
    object.extend(gzip(b"\n2 012345678901 10.0.0.2 443 1694735971\n"));
    object
}

fn put_good(lab: &Lab) {
    lab.put_gz("logs/2023/09/14/good.log.gz", &format!("{HEADER}2 012345678901 10.0.0.9 80 1694735970\n"));
}

fn a_long_line_is_set_aside(bytes: usize) {
    let lab = Lab::on_disk();
    lab.put("logs/2023/09/14/long.log.gz", long_line(bytes));
    put_good(&lab);
    let summary = convert(&lab, 3);
    assert_eq!((summary["records"].as_u64(), summary["rejects"].as_u64()), (Some(3), Some(1)));
    let mut rows: Vec<_> = lab.lake_rows().into_values().map(|row| row["srcaddr"].clone()).collect();
    rows.sort();
    assert_eq!(rows, ["10.0.0.1", "10.0.0.2", "10.0.0.9"]);
    let rejects = lab.run(&["rejects", "{}lake/", "--json"]).stdout;
    let reject: serde_json::Value = serde_json::from_str(rejects.trim()).expect("one line");
    assert_eq!(reject["line"], 3);
    assert!(reject["text"].as_str().is_some_and(|text| text.len() <= 4096), "{}", rejects.len());
}

#[test]
fn a_line_of_256_mib_is_one_reject() {
    a_long_line_is_set_aside(256 << 20);
}

#[test]
#[ignore = "slow: one line of 1 GiB"]
fn slow_a_line_of_1_gib_is_one_reject() {
    a_long_line_is_set_aside(1 << 30);
}

/// Members of zeros, `bytes` in all, behind a header and a row.
fn bomb(bytes: u64) -> Vec<u8> {
    let mut object = gzip(format!("{HEADER}2 012345678901 10.0.0.1 443 1694735970\n").as_bytes());
    let member = member_of(0, 256 << 20);
    for _ in 0..bytes >> 28 {
        object.extend_from_slice(&member);
    }
    object
}

#[test]
#[ignore = "slow: inflates up to the limit of 4 GiB"]
fn slow_a_bomb_of_10_gib_is_set_aside_whole() {
    let lab = Lab::on_disk();
    let bomb = bomb(10 << 30);
    assert!(bomb.len() < 16 << 20, "{}", bomb.len());
    lab.put("logs/2023/09/14/bomb.log.gz", bomb);
    put_good(&lab);
    let summary = convert(&lab, 3);
    assert_eq!((summary["records"].as_u64(), summary["objects_aside"].as_u64()), (Some(1), Some(1)));
    let aside = summary["aside"][0].as_str().expect("a reason");
    assert!(aside.contains("bomb.log.gz") && aside.contains("inflates"), "{aside}");
    assert_eq!(lab.lake_rows().len(), 1);
}

#[test]
fn zeros_without_a_header_are_no_flow_log() {
    let lab = Lab::on_disk();
    lab.put("logs/2023/09/14/zeros.log.gz", member_of(0, 1 << 30));
    put_good(&lab);
    let summary = convert(&lab, 0);
    assert_eq!((summary["records"].as_u64(), summary["objects_skipped"].as_u64()), (Some(1), Some(1)));
}

/// Rows that begin on `days` different days from 2010 on, a few a day, in an order that meets each day again and again.
fn many_dates(days: i64) {
    let lab = Lab::on_disk();
    let mut text = HEADER.to_owned();
    for round in 0..3 {
        for day in 0..days {
            // A stride that has no factor in common with the number of days visits each of them once.
            let start = 1_262_304_000 + (day * 7919 % days) * 86_400 + round;
            text += &format!("2 012345678901 10.{round}.{}.{} {} {start}\n", day / 250, day % 250, day % 60_000);
        }
    }
    lab.put_gz("logs/2023/09/14/dates.log.gz", &text);
    let summary = convert(&lab, 0);
    assert_eq!(summary["records"].as_u64(), Some(3 * days as u64));
    let found = lab.lake_rows();
    assert_eq!(found, lab.expected("logs").rows);
    let mut dates: BTreeMap<&String, u32> = BTreeMap::new();
    for row in found.values() {
        *dates.entry(&row["date"]).or_default() += 1;
    }
    assert!(dates.len() == days as usize && dates.values().all(|&rows| rows == 3));
}

#[test]
fn an_object_of_300_dates_feeds_300_partitions() {
    many_dates(300);
}

#[test]
#[ignore = "slow: 5,000 partitions from one object"]
fn slow_an_object_of_5000_dates_feeds_5000_partitions() {
    many_dates(5000);
}

/// Objects of one or two lines; one in a hundred has a line that is none, one in a thousand is half an object.
fn tiny_objects(objects: u32) {
    let lab = Lab::on_disk();
    for n in 0..objects {
        let key = format!("logs/2023/09/14/{:02}/tiny{n}.log.gz", n % 24);
        let row = format!("2 012345678901 10.{}.{}.{} {} 1694735970\n", n >> 16, n >> 8 & 255, n & 255, n % 60_000);
        match n {
            _ if n % 1000 == 7 => {
                let whole = gzip(format!("{HEADER}{row}").as_bytes());
                // Under a name that the oracle does not read.
                lab.put(&key.replace(".log.gz", ".gz"), whole[..whole.len() / 2].to_vec());
            }
            _ if n % 100 == 3 => lab.put_gz(&key, &format!("{HEADER}{row}no record\n")),
            _ => lab.put_gz(&key, &format!("{HEADER}{row}")),
        }
    }
    let summary = convert(&lab, 3);
    let (broken, with_rejects) = (u64::from(objects) / 1000, u64::from(objects) / 100);
    let counted = ["records", "rejects", "objects_aside"].map(|name| summary[name].as_u64());
    assert_eq!(counted, [Some(u64::from(objects) - broken), Some(with_rejects), Some(broken)], "{summary}");
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
}

#[test]
fn objects_of_a_line_each_are_all_there() {
    tiny_objects(1000);
}

#[test]
#[ignore = "slow: 100,000 objects of a line or two"]
fn slow_100_000_tiny_objects_are_all_there() {
    tiny_objects(100_000);
}

#[test]
fn a_million_fields_in_one_line_are_one_reject() {
    let lab = Lab::on_disk();
    let many = "7 ".repeat(1_000_000);
    let fewer = "7 ".repeat(400_000);
    lab.put_gz(
        "logs/2023/09/14/fields.log.gz",
        &format!("{HEADER}{many}\n{fewer}\n2 012345678901 10.0.0.1 443 1694735970\n"),
    );
    let headers: String = (0..1_000_000).map(|n| format!("srcaddr-{n} ")).collect();
    lab.put_gz("logs/2023/09/14/header.log.gz", &format!("version srcaddr start {headers}\n2 10.0.0.1 1694735970\n"));
    put_good(&lab);
    let summary = convert(&lab, 3);
    assert_eq!((summary["records"].as_u64(), summary["rejects"].as_u64()), (Some(2), Some(2)), "{summary}");
    assert_eq!(lab.lake_rows().len(), 2);
}

/// What inflates to 4 GiB, the limit itself, converts; a byte more does not.
#[test]
#[ignore = "slow: 4 GiB of text"]
fn slow_an_object_of_4_gib_converts() {
    let line = "2 012345678901 10.0.0.1 443 1694735970\n";
    let lines = (64 << 20) / line.len();
    let block = gzip(line.repeat(lines).as_bytes());
    let (blocks, inflated) = (63, 63 * lines * line.len());
    let mut object = gzip(HEADER.as_bytes());
    for _ in 0..blocks {
        object.extend_from_slice(&block);
    }
    // Blank lines fill up to the limit exactly.
    let blanks = (4 << 30) - inflated - HEADER.len();
    object.extend(gzip(&vec![b'\n'; blanks]));
    let lab = Lab::on_disk();
    lab.put("logs/2023/09/14/large.log.gz", object.clone());
    let summary = convert(&lab, 0);
    assert_eq!(summary["inflated_bytes"].as_u64(), Some(4 << 30));
    assert_eq!(summary["records"].as_u64(), Some((blocks * lines) as u64));
    let rows: i64 = lab.data_files().iter().map(|key| rows_in(&lab, key)).sum();
    assert_eq!(rows as usize, blocks * lines);

    object.extend(gzip(b"\n"));
    let lab = Lab::on_disk();
    lab.put("logs/2023/09/14/larger.log.gz", object);
    let summary = convert(&lab, 3);
    assert_eq!((summary["records"].as_u64(), summary["objects_aside"].as_u64()), (Some(0), Some(1)));
    assert!(lab.data_files().is_empty());
}

fn rows_in(lab: &Lab, key: &str) -> i64 {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let reader = SerializedFileReader::new(bytes::Bytes::from(lab.get(key))).expect("a Parquet file");
    reader.metadata().file_metadata().num_rows()
}
