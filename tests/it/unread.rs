//! Objects that cannot be read: their task says so in its commit, the plan is sealed without them, and later runs list
//! them again.

use serde_json::{Value, json};

use crate::copies_to_come::plan;
use crate::faults::{key, text};
use crate::lab::{Forbidden, Lab, on_both_stores};

on_both_stores!(an_object_that_may_not_be_read_has_a_receipt, a_plan_keeps_its_format_until_something_is_unread);

fn entry(lab: &Lab, number: u64) -> Value {
    serde_json::from_slice(&lab.get(&format!("lake/_flowlake/log/{number:020}.json"))).expect("JSON")
}

fn convert(lab: &Lab, code: i32) -> Value {
    let said = lab.run_without_privilege(&["convert", "{}logs/", "{}lake/", "--json"]);
    assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
    serde_json::from_str(&said.stdout).expect("a summary")
}

fn outcomes(lab: &Lab) -> String {
    let said = lab.run(&["query", "{}lake/", "SELECT outcome FROM lake.objects ORDER BY outcome", "--format", "csv"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    said.stdout.lines().skip(1).collect::<Vec<_>>().join(" ")
}

fn verify(lab: &Lab) {
    let said = lab.run(&["verify", "{}lake/"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

fn fill(lab: &Lab, days: std::ops::RangeInclusive<u32>) {
    for day in days {
        lab.put_gz(&format!("logs/{}", key(day, 1)), &text(day, 1));
    }
}

fn an_object_that_may_not_be_read_has_a_receipt(lab: &Lab) {
    fill(lab, 1..=3);
    let closed = format!("logs/{}", key(2, 1));
    lab.forbid(Forbidden::Read, &closed);
    let summary = convert(lab, 3);
    assert_eq!((&summary["objects"], &summary["objects_unreadable"]), (&json!(2), &json!(1)), "{summary}");
    assert_eq!(outcomes(lab), "converted converted unread");
    let seal = entry(lab, 2);
    assert_eq!((&seal["kind"], &seal["format"], &seal["objects_unread"]), (&json!("seal"), &json!(4), &json!(1)));
    let folder = lab.url(&closed[..=closed.rfind('/').expect("a folder")]);
    assert_eq!(seal["unread"].as_object().expect("folders").keys().collect::<Vec<_>>(), [&folder]);
    verify(lab);
    // Of the days that a run goes back, none has it.
    fill(lab, 25..=25);
    lab.permit(&closed);
    assert_eq!(convert(lab, 0)["objects"], 2);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
    assert_eq!(outcomes(lab), "converted converted converted converted unread");
    assert_eq!(convert(lab, 0)["objects_planned"], 0);
    verify(lab);
}

fn a_plan_keeps_its_format_until_something_is_unread(lab: &Lab) {
    fill(lab, 1..=2);
    assert_eq!(convert(lab, 0)["ledger_format"], Value::Null);
    assert_eq!([entry(lab, 1)["format"].clone(), entry(lab, 2)["format"].clone()], [json!(1), json!(1)]);
    fill(lab, 3..=3);
    let closed = format!("logs/{}", key(3, 1));
    lab.forbid(Forbidden::Read, &closed);
    assert_eq!(convert(lab, 3)["ledger_format"], 4);
    lab.permit(&closed);
}

/// On disk the store's clock is that of its files.
fn make_old(lab: &Lab, entry: u64, hours: u64) {
    let name = lab.path(&format!("lake/_flowlake/log/{entry:020}.json"));
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(hours * 60 * 60);
    std::fs::File::options().append(true).open(name).and_then(|file| file.set_modified(then)).expect("a log entry");
}

/// A store that gives all but one object: the plan waits a day for it, and no longer.
#[test]
fn a_plan_waits_a_day_for_an_object() {
    let lab = Lab::on_disk();
    fill(&lab, 1..=3);
    assert_eq!(plan(&lab, &["{}logs/"]), 3);
    let broken = lab.path(&format!("logs/{}", key(2, 1)));
    let kept = std::fs::read(&broken).expect("an object");
    std::fs::remove_file(&broken).expect("it is there");
    // Neither gone nor closed: a link to itself.
    std::os::unix::fs::symlink(&broken, &broken).expect("a link");
    for hours in [0, 23] {
        make_old(&lab, 1, hours);
        let said = lab.run(&["convert", "{}logs/", "{}lake/"]);
        assert!(said.code == 1 && said.stderr.contains("its task stays open"), "{}: {}", said.code, said.stderr);
        assert!(lab.lake_rows().is_empty(), "its task is that of the others");
    }
    make_old(&lab, 1, 25);
    let summary = lab.convert(&[], 3);
    assert_eq!((&summary["objects"], &summary["objects_unreadable"]), (&json!(2), &json!(1)), "{summary}");
    verify(&lab);
    std::fs::remove_file(&broken).expect("the link");
    std::fs::write(&broken, kept).expect("an object");
    assert_eq!(lab.convert(&[], 0)["objects"], 1);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
}

/// A name that is no text has no URL: what it holds is named, and the rest converted.
#[test]
fn a_name_that_is_no_utf_8_is_told() {
    use std::os::unix::ffi::OsStrExt;
    let lab = Lab::on_disk();
    fill(&lab, 1..=1);
    let object = lab.path(&format!("logs/{}", key(1, 1)));
    let folder = object.parent().expect("a folder");
    for name in [&b"caf\xe9.log.gz"[..], b"caf\xe9"] {
        let odd = folder.join(std::ffi::OsStr::from_bytes(name));
        match name.ends_with(b".gz") {
            true => std::fs::copy(&object, &odd).map(drop).expect("a file"),
            false => std::fs::create_dir(&odd).expect("a folder"),
        }
        let summary = lab.convert(&[], 3);
        let told = summary["denied"].to_string();
        assert!(told.contains("no UTF-8"), "{summary}");
        // As objects are named, by its place from the root of the disk.
        let place = format!("file://{}/caf\u{fffd}", folder.canonicalize().expect("a folder").display());
        assert!(told.contains(&place), "{place}: {summary}");
        match name.ends_with(b".gz") {
            true => std::fs::remove_file(&odd).expect("a file"),
            false => std::fs::remove_dir(&odd).expect("a folder"),
        }
    }
    assert_eq!(lab.convert(&[], 0)["objects"], 0);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
}
