//! The main job end to end, one suite on local disk and on a real S3 server.

use crate::lab::{Lab, on_both_stores};

on_both_stores!(
    every_layout_and_format_arrives_once,
    a_rerun_writes_nothing,
    new_and_late_objects_are_added,
    two_sources_feed_one_lake,
    a_log_archive_is_listed_for_flow_logs_only,
    lines_and_objects_are_set_aside_with_their_address,
    filters_choose_and_never_hide,
    an_interrupted_plan_is_finished,
    an_object_repaired_after_it_was_set_aside_is_converted,
    a_headerless_object_is_converted_once_its_format_is_given,
    odd_keys_never_hide_what_comes_later,
    keys_are_kept_to_the_letter,
);

const DEFAULT: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status";

/// 2023-09-14 23:59:30 UTC, so that a few rows fall into the next day.
const NEAR_MIDNIGHT: i64 = 1_694_735_970;

fn key(account: &str, region: &str, day: u32, id: &str, n: u32) -> String {
    format!(
        "AWSLogs/{account}/vpcflowlogs/{region}/2023/09/{day:02}/\
         {account}_vpcflowlogs_{region}_fl-{id}_202309{day:02}T2355Z_{n:08x}.log.gz"
    )
}

/// Rows of the 14th.
fn default_rows(n: i64, rows: i64) -> String {
    rows_of_day(14, n, rows)
}

/// Rows that begin near the end of a day of September 2023.
fn rows_of_day(day: u32, n: i64, rows: i64) -> String {
    let midnight = NEAR_MIDNIGHT + (i64::from(day) - 14) * 86_400;
    let mut text = format!("{DEFAULT}\n");
    for row in 0..rows {
        let start = midnight + row;
        text += &format!(
            "2 012345678901 eni-0a1b2c3d4e5f6a7b{} 10.0.{n}.{} 203.0.113.{} {} 443 6 {} {} {start} {} ACCEPT OK\n",
            row % 7,
            row % 250,
            row % 13,
            1024 + row,
            row + 1,
            (row + 1) * 64,
            start + 59
        );
    }
    text + &format!("2 012345678901 eni-0a1b2c3d - - - - - - - {midnight} {} - NODATA\n", midnight + 30)
}

fn custom_rows() -> String {
    let mut text = "start srcaddr brand-new flow-direction traffic-path bytes date\n".to_owned();
    for row in 0..20 {
        text +=
            &format!("{} 2001:db8::{row:x}  new-{row} egress {} {} tagged\r\n\n", NEAR_MIDNIGHT + row, row % 8, row);
    }
    text
}

fn tgw_rows() -> String {
    let mut text = "version resource-type account-id tgw-id srcaddr dstaddr protocol packets bytes start end \
                    log-status packets-lost-no-route\n"
        .to_owned();
    for row in 0..30 {
        let start = NEAR_MIDNIGHT + row;
        text += &format!("6 TransitGateway 111122223333 tgw-1 10.0.0.1 10.1.0.{row} 17 1 {row} {start} {start} OK -\n");
    }
    text
}

fn check(lab: &Lab) {
    let expected = lab.expected("logs");
    let found = lab.lake_rows();
    // The column `date` of a log is renamed, since `date` is the partition key.
    assert_eq!(found.len(), expected.rows.len());
    for (at, row) in &found {
        let mut row = row.clone();
        if let Some(own) = row.remove("field_date") {
            assert_eq!(own, "tagged");
        }
        assert_eq!(row, expected.rows[at], "{at:?}");
    }
}

fn every_layout_and_format_arrives_once(lab: &Lab) {
    let layouts = [
        key("012345678901", "us-east-1", 14, "0a", 1),
        "AWSLogs/o-abc123/111122223333/vpcflowlogs/eu-west-1/2023/09/14/23/\
         111122223333_vpcflowlogs_eu-west-1_fl-0b_20230914T2355Z_00000002.log.gz"
            .to_owned(),
        "AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=us-gov-west-1/year=2023/month=09/\
         day=14/hour=23/111122223333_vpcflowlogs_us-gov-west-1_fl-0c_20230914T2355Z_00000003.log.gz"
            .to_owned(),
        "AWSLogs/aws-account-id=111122223333/service=vpcflowlogs/aws-region=us-east-1/year=2023/month=09/day=14/\
         111122223333_vpcflowlogs_us-east-1_fl-0d_20230914T2355Z_00000004.log.gz"
            .to_owned(),
        "team/net/AWSLogs/222233334444/vpcflowlogs/us-east-1/2023/09/14/\
         222233334444_vpcflowlogs_us-east-1_fl-0e_20230914T2355Z_00000005.log.gz"
            .to_owned(),
        "exports/loose.log.gz".to_owned(),
    ];
    for (n, key) in layouts.iter().enumerate() {
        let text = match n % 3 {
            0 => default_rows(n as i64, 40),
            1 => custom_rows(),
            _ => tgw_rows(),
        };
        lab.put_gz(&format!("logs/{key}"), &text);
    }
    // Two gzip members, a header in each: as when objects were concatenated.
    let two = [crate::lab::gzip(default_rows(8, 5).as_bytes()), crate::lab::gzip(custom_rows().as_bytes())].concat();
    lab.put(&format!("logs/{}", key("012345678901", "us-east-1", 14, "0a", 9)), two);
    lab.put("logs/plain.txt", default_rows(9, 3));

    let summary = lab.convert(&[], 0);
    check(lab);
    assert_eq!(summary["objects"], 8);
    assert_eq!(summary["rejects"], 0);
    assert_eq!(summary["records"].as_u64(), Some(lab.expected("logs").rows.len() as u64));
    let tables: Vec<bool> = ["lake/flow_logs/", "lake/tgw_flow_logs/"]
        .map(|table| lab.data_files().iter().any(|f| f.starts_with(table)))
        .into();
    assert_eq!(tables, [true, true]);
}

fn a_rerun_writes_nothing(lab: &Lab) {
    for n in 0..5 {
        lab.put_gz(&format!("logs/{}", key("012345678901", "us-east-1", 14, "0a", n)), &default_rows(n.into(), 10));
    }
    lab.convert(&[], 0);
    let before = lab.list("lake");
    let again = lab.convert(&[], 0);
    assert_eq!((again["objects"].as_u64(), again["objects_known"].as_u64()), (Some(0), Some(5)));
    assert_eq!(lab.list("lake"), before);
    let scanned = lab.convert(&["--full-scan"], 0);
    assert_eq!(scanned["objects_known"], 5);
    assert_eq!(lab.list("lake"), before);
}

fn new_and_late_objects_are_added(lab: &Lab) {
    lab.put_gz(&format!("logs/{}", key("012345678901", "us-east-1", 10, "0a", 1)), &rows_of_day(10, 1, 10));
    lab.put_gz(&format!("logs/{}", key("012345678901", "us-east-1", 14, "0a", 2)), &default_rows(2, 10));
    lab.convert(&[], 0);
    // Late: sorts before what was seen, within the lookback of three days.
    lab.put_gz(&format!("logs/{}", key("012345678901", "us-east-1", 12, "0a", 3)), &rows_of_day(12, 3, 10));
    lab.put_gz(&format!("logs/{}", key("012345678901", "us-east-1", 15, "0a", 4)), &rows_of_day(15, 4, 10));
    // An account that was never listed, long ago: it is listed from its beginning.
    lab.put_gz(&format!("logs/{}", key("999988887777", "us-east-1", 1, "0f", 5)), &rows_of_day(1, 5, 10));
    let before = by_date(lab, "lake");
    let summary = lab.convert(&[], 0);
    assert_eq!(summary["objects"], 3);
    let mut dates = by_date(lab, "lake");
    dates.retain(|date, rows| before.get(date) != Some(rows));
    assert_eq!((summary["dates"].clone(), dates.len()), (serde_json::json!(dates), 3), "the dates that received rows");
    check(lab);
    // Later than the lookback: only a full scan finds it.
    lab.put_gz(&format!("logs/{}", key("012345678901", "us-east-1", 2, "0a", 6)), &rows_of_day(2, 6, 10));
    assert_eq!(lab.convert(&[], 0)["objects"], 0);
    assert_eq!(lab.convert(&["--full-scan"], 0)["objects"], 1);
    check(lab);
}

/// Rows by date, as a reader of folders counts them.
fn by_date(lab: &Lab, lake: &str) -> std::collections::BTreeMap<String, u64> {
    let mut dates = std::collections::BTreeMap::new();
    for row in lab.rows_of(lake).values() {
        *dates.entry(row["date"].clone()).or_default() += 1;
    }
    dates
}

#[test]
fn people_are_told_the_first_dates_and_how_many_more() {
    let lab = Lab::on_disk();
    for day in 10..17 {
        lab.put_gz(&format!("logs/{}", key("012345678901", "us-east-1", day, "0a", day)), &rows_of_day(day, 1, 3));
    }
    lab.put_gz("logs/loose.log.gz", "srcaddr bytes\n10.0.0.1 1\n");
    let said = lab.run(&["convert", "{}logs/", "{}lake/"]);
    let told = "rows went to 7 dates: 2023-09-10, 2023-09-11, 2023-09-12, 2023-09-13, 2023-09-14 … and 2 more\n";
    assert!(said.code == 0 && said.stderr.contains(told), "{}", said.stderr);
    assert!(said.stderr.contains("1 row has no date"), "{}", said.stderr);
}

fn two_sources_feed_one_lake(lab: &Lab) {
    lab.put_gz(&format!("logs/a/{}", key("012345678901", "us-east-1", 14, "0a", 1)), &default_rows(1, 10));
    lab.put_gz(&format!("logs/b/{}", key("111122223333", "us-east-1", 14, "0b", 1)), &tgw_rows());
    let said = lab.run(&["convert", "{}logs/a/", "{}logs/b/", "{}lake/"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    check(lab);
    // Found through another SOURCE, an object is the same object.
    assert_eq!(lab.convert(&[], 0)["objects"], 0);
    check(lab);
}

fn a_log_archive_is_listed_for_flow_logs_only(lab: &Lab) {
    lab.put_gz(&format!("logs/{}", key("012345678901", "us-east-1", 14, "0a", 1)), &default_rows(1, 10));
    lab.put_gz("logs/AWSLogs/012345678901/CloudTrail/us-east-1/2023/09/14/x.json.gz", "{}");
    lab.put_gz("logs/AWSLogs/012345678901/Config/us-east-1/2023/9/14/x.json.gz", "{}");
    lab.put("logs/aws-logs-write-test", "Permission check");
    lab.put("logs/README.md", "not a flow log at all\n");
    lab.put("logs/AWSLogs/012345678901/vpcflowlogs/us-east-1/2023/09/14/native.log.parquet", "PAR1");
    let summary = lab.convert(&[], 0);
    assert_eq!(summary["other_services"], serde_json::json!(["CloudTrail", "Config"]));
    assert_eq!(summary["objects"], 1);
    let skipped = summary["skipped"].as_object().expect("counts by reason");
    assert_eq!(skipped.values().filter_map(serde_json::Value::as_u64).sum::<u64>(), 3, "{skipped:?}");
    check(lab);
    assert_eq!(lab.convert(&[], 0)["objects"], 0);
}

fn lines_and_objects_are_set_aside_with_their_address(lab: &Lab) {
    let good = default_rows(1, 3);
    let bad = "2 012345678901 eni-1 10.0.0.1 10.0.0.2 70000 443 6 1 1 1694735970 1694735971 ACCEPT OK";
    lab.put_gz(
        &format!("logs/{}", key("012345678901", "us-east-1", 14, "0a", 1)),
        &format!("{good}{bad}\nbogus line\n"),
    );
    let sound = crate::lab::gzip(default_rows(2, 50).as_bytes());
    let truncated = key("012345678901", "us-east-1", 14, "0a", 2);
    lab.put(&format!("broken/{truncated}"), sound[..sound.len() / 2].to_vec());
    let headerless = key("012345678901", "us-east-1", 14, "0a", 3);
    lab.put_gz(&format!("broken/{headerless}"), "2 012345678901 eni-1 - - - - - - - 1694735970 1694735971 - NODATA\n");
    let said = lab.run(&["convert", "{}logs/", "{}broken/", "{}lake/", "--json"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    let summary: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!((summary["objects"].as_u64(), summary["objects_aside"].as_u64()), (Some(1), Some(2)));
    assert_eq!(summary["rejects"], 2);
    assert_eq!(lab.expected("logs").rejects.len(), 2);
    assert_eq!(lab.lake_rows().len(), lab.expected("logs").rows.len());

    let rejects = lab.run(&["rejects", "{}lake/", "--json"]);
    let lines: Vec<serde_json::Value> =
        rejects.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
    let of = |name: &str| lines.iter().find(|line| line["object"].as_str().is_some_and(|url| url.ends_with(name)));
    assert!(of(&headerless).expect("the headerless object")["reason"].as_str().is_some_and(|r| r.contains("--format")));
    assert!(of(&truncated).is_some());
    let line = lines.iter().find(|line| line["line"] == 6).expect("the line with the bad port");
    assert_eq!(line["field"], "srcport");
    assert_eq!(line["value"], "70000");
    assert_eq!(line["text"], bad);
    assert_eq!(line["offset"].as_u64(), Some(good.len() as u64));
}

fn filters_choose_and_never_hide(lab: &Lab) {
    for day in [3, 9, 14] {
        lab.put_gz(
            &format!("logs/{}", key("012345678901", "us-east-1", day, "0a", day)),
            &rows_of_day(day, day.into(), 5),
        );
        lab.put_gz(
            &format!("logs/{}", key("111122223333", "eu-west-1", day, "0b", day)),
            &rows_of_day(day, day.into(), 5),
        );
    }
    let days = ["--since", "2023-09-09", "--until", "2023-09-14"];
    assert_eq!(lab.convert(&[&days[..], &["--log-account", "111122223333"]].concat(), 0)["objects"], 2);
    assert_eq!(lab.convert(&["--log-region", "eu-west-1"], 0)["objects"], 1);
    assert_eq!(lab.convert(&[], 0)["objects"], 3);
    check(lab);
}

/// A plan whose commits are taken away again stands for a run that died: the next run must finish that very plan,
/// under the same names and with the same bytes.
fn an_interrupted_plan_is_finished(lab: &Lab) {
    for n in 0..12 {
        lab.put_gz(
            &format!("logs/{}", key("012345678901", "us-east-1", 2 + n, "0a", n)),
            &rows_of_day(2 + n, n.into(), 10),
        );
    }
    lab.convert(&[], 0);
    let before = lab.list("lake");
    let files = lab.data_files();
    for key in before.keys().filter(|key| key.contains("/commits/") || key.ends_with("00000000000000000002.json")) {
        let path = object_store::path::Path::parse(key).expect("a key");
        lab.delete(&path);
    }
    let again = lab.convert(&[], 0);
    assert_eq!(again["objects"], 12);
    assert_eq!(lab.data_files(), files);
    assert_eq!(lab.list("lake").keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    check(lab);
}

fn an_object_repaired_after_it_was_set_aside_is_converted(lab: &Lab) {
    let key = format!("logs/{}", key("012345678901", "us-east-1", 14, "0a", 1));
    let sound = crate::lab::gzip(default_rows(2, 50).as_bytes());
    lab.put(&key, sound[..sound.len() - 9].to_vec());
    lab.convert(&[], 3);
    assert!(lab.lake_rows().is_empty());
    lab.put(&key, sound);
    assert_eq!(lab.convert(&[], 0)["objects"], 1);
    check(lab);
}

fn a_headerless_object_is_converted_once_its_format_is_given(lab: &Lab) {
    let headerless = default_rows(1, 10).split_once('\n').expect("a header").1.to_owned();
    lab.put_gz(&format!("logs/{}", key("012345678901", "us-east-1", 14, "0a", 1)), &headerless);
    lab.put_gz(&format!("logs/{}", key("012345678901", "us-east-1", 14, "0a", 2)), &default_rows(2, 10));
    assert_eq!(lab.convert(&[], 3)["objects_aside"], 1);
    assert_eq!(lab.convert(&[], 0)["objects_aside"], 0, "an unchanged object is not tried again");
    assert_eq!(lab.convert(&["--format", "default"], 0)["objects"], 1);
    assert_eq!(lab.lake_rows().len(), 22);
    assert_eq!(lab.convert(&["--format", "default"], 0)["objects"], 0);
}

/// Keys that a URL, a shell, a folder or a Hive path would take for something else.
fn keys_are_kept_to_the_letter(lab: &Lab) {
    let hive = |region: &str| {
        format!(
            "AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region={region}/year=2023/month=09/day=14/\
             111122223333_vpcflowlogs_us-east-1_fl-0a_20230914T2355Z_00000001.log.gz"
        )
    };
    let names = [
        "with space/a b.log.gz".to_owned(),
        "per%cent/100%25 of a%2Fb.log.gz".to_owned(),
        "Überwachung/日本 \u{1f980}.log.gz".to_owned(),
        "dots/a..b/..c.log.gz".to_owned(),
        "signs/+&=?#;,'$@!()*[]{}~.log.gz".to_owned(),
        hive("us/east/1"),
        hive("us%2Feast-1"),
        hive("us-east-1"),
    ];
    for (n, name) in names.iter().enumerate() {
        lab.put_gz(&format!("logs/{name}"), &default_rows(n as i64, 10));
    }
    let summary = lab.convert(&[], 0);
    assert_eq!((&summary["objects"], &summary["records"]), (&8.into(), &88.into()), "{summary}");
    check(lab);
    assert_eq!(lab.convert(&["--full-scan"], 0)["objects"], 0);
    let said = lab.run(&["verify", "{}lake/", "{}logs/"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

/// Keys whose order is not that of their days, and one that claims to be of the future.
fn odd_keys_never_hide_what_comes_later(lab: &Lab) {
    let flat = |n: u32| {
        format!(
            "logs/AWSLogs/012345678901/vpcflowlogs/us-east-1/\
             012345678901_vpcflowlogs_us-east-1_fl-0a_202309{:02}T2355Z_{n:08x}.log.gz",
            10 + n
        )
    };
    let future = "logs/AWSLogs/111122223333/vpcflowlogs/us-east-1/2199/01/01/\
                  111122223333_vpcflowlogs_us-east-1_fl-0b_21990101T0000Z_00000001.log.gz";
    lab.put_gz(&flat(4), &default_rows(1, 10));
    lab.put_gz(future, &default_rows(2, 10));
    lab.put_gz(&format!("logs/{}", key("111122223333", "us-east-1", 13, "0b", 2)), &rows_of_day(13, 3, 10));
    assert_eq!(lab.convert(&[], 0)["objects"], 3);
    lab.put_gz(&flat(5), &default_rows(4, 10));
    lab.put_gz(&flat(3), &rows_of_day(13, 5, 10));
    lab.put_gz(&format!("logs/{}", key("111122223333", "us-east-1", 14, "0b", 3)), &default_rows(6, 10));
    assert_eq!(lab.convert(&[], 0)["objects"], 3);
    check(lab);
}
