//! Sources and lakes that may be used in part or not at all: what is closed is named, the rest is done, and what was
//! closed is made up for once it opens.

use crate::lab::{Forbidden, Lab, on_both_stores};

on_both_stores!(
    an_unreadable_object_is_named_and_the_rest_is_converted,
    an_object_that_cannot_be_opened_is_tried_again,
    a_denied_account_is_named_and_listed_from_its_beginning_later,
    a_source_without_any_rights_is_an_error,
    a_lake_that_may_not_be_written_is_an_error,
    a_lake_that_became_read_only_stays_as_it_is,
    whoever_may_only_read_gets_every_answer,
);

const OPEN: &str = "logs/AWSLogs/111111111111/";
const CLOSED: &str = "logs/AWSLogs/222222222222/";

/// An object of one row, which begins on its day of September 2023.
fn put_day(lab: &Lab, account: &str, day: u32) -> String {
    let number = account.trim_end_matches('/').rsplit('/').next().expect("an account");
    let key = format!(
        "{account}vpcflowlogs/us-east-1/2023/09/{day:02}/\
         {number}_vpcflowlogs_us-east-1_fl-0a_202309{day:02}T0005Z_0000000{}.log.gz",
        day % 10
    );
    let start = 1_693_526_400 + (i64::from(day) - 1) * 86_400;
    lab.put_gz(&key, &format!("version account-id srcaddr start\n2 {number} 10.0.0.{day} {start}\n"));
    key
}

/// `flowlake convert {}logs/ {}lake/ --json` without privilege, which must end with `code`.
fn convert(lab: &Lab, code: i32) -> serde_json::Value {
    let said = lab.run_without_privilege(&["convert", "{}logs/", "{}lake/", "--json"]);
    assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("no JSON: {error}: {}", said.stdout))
}

fn says_what_writing_needs(lab: &Lab, stderr: &str) {
    assert!(stderr.contains("cannot write") && stderr.contains("/lake"), "{stderr}");
    let of_reading = stderr.contains("may not be read") || stderr.contains("s3:GetObject");
    assert!(!of_reading, "it was a write that was denied: {stderr}");
    assert!(lab.root.starts_with("file:") || stderr.contains("s3:PutObject"), "{stderr}");
}

fn names_only(list: &serde_json::Value, name: &str) {
    let list = list.as_array().expect("a list");
    assert_eq!(list.len(), 1, "{list:?}");
    assert!(list[0].as_str().is_some_and(|text| text.contains(name)), "{list:?}");
}

fn an_unreadable_object_is_named_and_the_rest_is_converted(lab: &Lab) {
    let keys: Vec<String> = (10..14).map(|day| put_day(lab, OPEN, day)).collect();
    lab.forbid(Forbidden::Read, &keys[1]);
    let summary = convert(lab, 3);
    names_only(&summary["unreadable"], &keys[1]);
    assert_eq!((summary["objects"].as_u64(), summary["records"].as_u64()), (Some(3), Some(3)));
    let url = lab.url(&keys[1]);
    let found = lab.lake_rows();
    assert!(found.len() == 3 && found.keys().all(|(object, _)| *object != url), "{found:?}");
    // While it is closed it is named by every run, and nothing else is done.
    let again = convert(lab, 3);
    names_only(&again["unreadable"], &keys[1]);
    assert_eq!(lab.lake_rows(), found);
    lab.permit(&keys[1]);
    assert_eq!(convert(lab, 0)["objects"], 1);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
    assert_eq!(convert(lab, 0)["objects"], 0);
}

/// People read the same in the summary.
fn an_object_that_cannot_be_opened_is_tried_again(lab: &Lab) {
    let key = put_day(lab, OPEN, 10);
    lab.forbid(Forbidden::Read, &key);
    let said = lab.run_without_privilege(&["convert", "{}logs/", "{}lake/"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    for words in ["1 object could not be read", key.as_str(), "may not be read", "s3:GetObject"] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
    assert!(lab.lake_rows().is_empty());
    lab.permit(&key);
    convert(lab, 0);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
}

fn a_denied_account_is_named_and_listed_from_its_beginning_later(lab: &Lab) {
    // Long before the other account's newest day, so that no lookback would find them.
    let old: Vec<String> = [1, 2].map(|day| put_day(lab, CLOSED, day)).into();
    put_day(lab, OPEN, 25);
    lab.forbid(Forbidden::Read, CLOSED);
    // A dry run ends as the run would.
    let said = lab.run_without_privilege(&["convert", "{}logs/", "{}lake/", "--dry-run"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(said.stderr.contains("1 prefix could not be listed"), "{}", said.stderr);
    let summary = convert(lab, 3);
    names_only(&summary["denied"], "222222222222");
    assert_eq!(summary["objects"], 1);
    put_day(lab, OPEN, 26);
    let said = lab.run_without_privilege(&["convert", "{}logs/", "{}lake/"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(said.stderr.contains("1 prefix could not be listed"), "{}", said.stderr);
    assert!(said.stderr.contains("AWSLogs/222222222222/"), "{}", said.stderr);
    assert_eq!(lab.lake_rows().len(), 2);
    lab.permit(CLOSED);
    assert_eq!(convert(lab, 0)["objects"], old.len());
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
}

fn a_source_without_any_rights_is_an_error(lab: &Lab) {
    put_day(lab, OPEN, 10);
    lab.forbid(Forbidden::Read, "logs/");
    let said = lab.run_without_privilege(&["convert", "{}logs/", "{}lake/"]);
    lab.permit("logs/");
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.starts_with("error: ") && said.stderr.contains("logs"), "{}", said.stderr);
    assert!(said.stderr.contains("may not be read") || said.stderr.contains("cannot be read"), "{}", said.stderr);
    assert!(said.stderr.to_lowercase().replace(' ', "").contains("denied"), "{}", said.stderr);
    assert!(lab.list("lake").is_empty(), "{:?}", lab.list("lake"));
}

fn a_lake_that_may_not_be_written_is_an_error(lab: &Lab) {
    put_day(lab, OPEN, 10);
    if lab.root.starts_with("file:") {
        std::fs::create_dir(lab.path("lake")).expect("a folder");
    }
    lab.forbid(Forbidden::Write, "lake/");
    let said = lab.run_without_privilege(&["convert", "{}logs/", "{}lake/"]);
    lab.permit("lake/");
    assert_eq!(said.code, 1, "{}", said.stderr);
    says_what_writing_needs(lab, &said.stderr);
    assert!(lab.list("lake").is_empty(), "{:?}", lab.list("lake"));
    convert(lab, 0);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
}

fn a_lake_that_became_read_only_stays_as_it_is(lab: &Lab) {
    put_day(lab, OPEN, 10);
    convert(lab, 0);
    let before = lab.list("lake");
    put_day(lab, OPEN, 11);
    let folders = ["lake/", "lake/_flowlake/", "lake/_flowlake/tmp/", "lake/_flowlake/log/", "lake/_flowlake/plans/"];
    let folders: Vec<&str> = match lab.root.starts_with("file:") {
        true => folders.into(),
        false => vec!["lake/"],
    };
    for folder in &folders {
        lab.forbid(Forbidden::Write, folder);
    }
    let said = lab.run_without_privilege(&["convert", "{}logs/", "{}lake/"]);
    for folder in &folders {
        lab.permit(folder);
    }
    assert_eq!(said.code, 1, "{}", said.stderr);
    says_what_writing_needs(lab, &said.stderr);
    assert_eq!(lab.list("lake"), before);
    assert_eq!(convert(lab, 0)["objects"], 1);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
}

/// Queries, reports, the page, statements of other engines and proofs need List and Get on the lake, and no more.
fn whoever_may_only_read_gets_every_answer(lab: &Lab) {
    for n in 0..3 {
        let midnight = 1_694_304_000 + n * 86_400;
        let row = |row: i64| {
            format!("2 10.0.0.{row} 10.0.1.1 {row} 22 6 1 40 {} {} REJECT OK\n", midnight + row, midnight + 59)
        };
        let rows: String = (1..=5).map(row).collect();
        let header = "version srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status";
        lab.put_gz(&format!("logs/2023/09/1{n}/a.log.gz"), &format!("{header}\n{rows}a line that is none\n"));
    }
    convert(lab, 3);
    // On disk a folder is closed without what lies in it.
    let closed: &[&str] = match lab.endpoint() {
        Some(_) => &["lake/"],
        None => &["lake", "lake/flow_logs", "lake/_flowlake", "lake/_flowlake/log", "lake/_flowlake/tmp"],
    };
    closed.iter().for_each(|key| lab.forbid(Forbidden::Write, key));
    let before = lab.list("lake");
    let page = lab.temporary().join("page.html");
    let page = page.to_str().expect("UTF-8");
    for (command, told) in [
        (&["query", "{}lake/", "SELECT count(*) AS n FROM flow_logs", "--format", "csv"][..], "15"),
        (&["query", "{}lake/", "SELECT sum(rejects) AS n FROM lake.objects", "--format", "csv"], "3"),
        (&["report", "{}lake/", "rejected-by-port", "--format", "csv"], "22,6,ssh,15"),
        (&["report", "{}lake/"], "rejected-by-port"),
        (&["dashboard", "{}lake/", "--output", page], ""),
        (&["ddl", "{}lake/", "--engine", "duckdb"], "flow_logs"),
        (&["rejects", "{}lake/", "--json"], "a line that is none"),
        (&["verify", "{}lake/", "{}logs/", "--json"], "\"differences\":0"),
    ] {
        let said = lab.run_without_privilege(command);
        assert!(said.code == 0 && said.stdout.contains(told), "{command:?}: {}{}", said.stdout, said.stderr);
    }
    assert_eq!(lab.list("lake"), before);
    closed.iter().for_each(|key| lab.permit(key));
}
