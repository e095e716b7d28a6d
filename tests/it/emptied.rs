//! Objects that are emptied at their source, and objects that were given up and are gone or empty when they are looked
//! for again: each is named with what the lake knows of it.

use object_store::path::Path;
use serde_json::Value;

use crate::faults::{key, text};
use crate::lab::{Lab, on_both_stores};

on_both_stores!(
    an_object_that_is_emptied_is_one_that_changed,
    what_is_set_aside_and_emptied_stays_set_aside,
    a_redo_keeps_what_an_emptied_object_gave,
    what_was_given_up_and_is_gone_or_empty_is_named_once,
);

fn named(day: u32) -> String {
    format!("logs/{}", key(day, day))
}

fn fill(lab: &Lab, days: std::ops::RangeInclusive<u32>) {
    days.for_each(|day| lab.put_gz(&named(day), &text(day, day)));
}

fn verified(lab: &Lab) {
    let said = lab.run(&["verify", "{}lake/"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

/// What a summary says of one object in one of its lists.
fn told<'a>(summary: &'a Value, list: &str, name: &str) -> &'a str {
    let mut said = summary[list].as_array().expect("a list").iter().filter_map(Value::as_str);
    said.find(|said| said.contains(name)).unwrap_or_else(|| panic!("{list} does not name {name}: {summary}"))
}

fn an_object_that_is_emptied_is_one_that_changed(lab: &Lab) {
    fill(lab, 1..=2);
    lab.put(&named(3), "");
    let summary = lab.convert(&[], 0);
    assert_eq!((&summary["objects"], &summary["skipped"]["empty objects"]), (&2.into(), &1.into()), "{summary}");
    let rows = lab.lake_rows();
    lab.put(&named(1), "");
    let said = lab.run(&["convert", "{}logs/", "{}lake/", "--dry-run"]);
    assert!(said.stderr.contains("would read 1 changed object"), "{}{}", said.stdout, said.stderr);
    let summary = lab.convert(&[], 3);
    assert_eq!((&summary["objects_differing"], &summary["objects"]), (&1.into(), &0.into()), "{summary}");
    assert_eq!(summary["skipped"]["empty objects"], 1, "{summary}");
    let differs = told(&summary, "differing", &key(1, 1));
    assert!(differs.contains("it is empty now; it gave 5 rows and 0 rejects"), "{differs}");
    // It is told once, as of any other that changed, and the lake has what it had.
    assert_eq!(lab.convert(&["--full-scan"], 0)["objects_differing"], 0);
    assert_eq!(lab.lake_rows(), rows);
    verified(lab);
    // What comes back is what it was.
    lab.put_gz(&named(1), &text(1, 1));
    assert_eq!(lab.convert(&[], 0)["objects_confirmed"], 1);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
}

fn replay(lab: &Lab, code: i32) -> Value {
    let said = lab.run(&["rejects", "{}lake/", "{}logs/", "--replay", "--json"]);
    assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
    serde_json::from_str(&said.stdout).expect("JSON")
}

fn what_is_set_aside_and_emptied_stays_set_aside(lab: &Lab) {
    fill(lab, 1..=1);
    // One that is set aside whole, and one of which nothing but set-aside lines is known.
    lab.put(&named(2), "no gzip");
    lab.put_gz(&named(3), "version srcaddr dstport start\n2 10.0.0.1 70000 1693526400\n");
    lab.convert(&[], 3);
    let rejects = || lab.run(&["rejects", "{}lake/", "--json"]).stdout;
    let before = rejects();
    assert_eq!(before.lines().count(), 2, "{before}");
    [2, 3].into_iter().for_each(|day| lab.put(&named(day), ""));
    for _ in 0..2 {
        let summary = replay(lab, 3);
        assert_eq!((&summary["objects"], &summary["objects_kept"]), (&0.into(), &2.into()), "{summary}");
        for day in [2, 3] {
            assert!(told(&summary, "kept", &key(day, day)).contains("it is empty at the source"), "{summary}");
        }
        assert_eq!(rejects(), before);
    }
    verified(lab);
    lab.put_gz(&named(2), &text(2, 2));
    assert_eq!(replay(lab, 3)["objects"], 1);
}

fn a_redo_keeps_what_an_emptied_object_gave(lab: &Lab) {
    fill(lab, 1..=3);
    lab.convert(&[], 0);
    let rows = lab.lake_rows();
    lab.put(&named(2), "");
    let days = ["--redo", "--since", "2023-09-01", "--until", "2023-09-03", "--retention", "0s"];
    let summary = lab.convert(&days, 3);
    assert!(told(&summary, "kept", &key(2, 2)).contains("it is empty at the source"), "{summary}");
    assert_eq!(lab.lake_rows(), rows);
    verified(lab);
}

fn what_was_given_up_and_is_gone_or_empty_is_named_once(lab: &Lab) {
    fill(lab, 1..=3);
    lab.convert(&[], 0);
    let files = lab.data_files();
    files.iter().for_each(|file| lab.delete(&Path::from(file.as_str())));
    let said = lab.run(&["repair", "{}lake/", "--gone-for-good"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    lab.delete(&Path::from(named(1).as_str()));
    lab.put(&named(2), "");
    let summary = lab.convert(&[], 3);
    assert_eq!((&summary["objects"], &summary["objects_unreadable"]), (&1.into(), &2.into()), "{summary}");
    assert!(told(&summary, "unreadable", &key(1, 1)).contains("gone"), "{summary}");
    assert!(told(&summary, "unreadable", &key(2, 2)).contains("changed"), "{summary}");
    for more in [&[][..], &["--full-scan"], &["--full-scan"]] {
        assert_eq!(lab.convert(more, 0)["objects_unreadable"], 0);
    }
    assert_eq!(lab.lake_rows().len(), 5);
    verified(lab);
    // What is there again is converted.
    fill(lab, 1..=2);
    assert_eq!(lab.convert(&[], 0)["objects"], 2);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
    verified(lab);
}
