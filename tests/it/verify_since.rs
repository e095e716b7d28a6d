//! `verify --since`: what is of older dates is not opened, and all that is told of it is said.

use serde_json::{Value, json};

use crate::faults::{key, text};
use crate::lab::{Lab, on_both_stores};

on_both_stores!(older_dates_are_not_opened, older_objects_are_not_decoded);

fn verify(lab: &Lab, more: &[&str], code: i32) -> (Vec<Value>, Value) {
    let said = lab.run(&[&["verify", "{}lake/", "--json"], more].concat());
    assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
    let mut lines: Vec<Value> =
        said.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
    let summary = lines.pop().expect("a summary");
    (lines, summary)
}

/// Objects of four days, each of its own run, of which the fifth row of a day may lie in the next date.
fn fill(lab: &Lab) {
    for day in 1..=4 {
        lab.put_gz(&format!("logs/{}", key(day, day)), &text(day, day));
        lab.convert(&[], 0);
    }
}

fn of_date(lab: &Lab, date: &str) -> Vec<String> {
    lab.data_files().into_iter().filter(|name| name.contains(&format!("date={date}/"))).collect()
}

fn older_dates_are_not_opened(lab: &Lab) {
    fill(lab);
    let (none, whole) = verify(lab, &[], 0);
    assert_eq!((none.len(), whole.get("since"), &whole["files_not_opened"]), (0, None, &json!(0)));
    let old = [of_date(lab, "2023-09-01"), of_date(lab, "2023-09-02")].concat();
    let new = of_date(lab, "2023-09-03");
    assert!(old.len() >= 2 && !new.is_empty(), "{old:?} {new:?}");
    let damage = |name: &String| {
        let bytes = lab.get(name);
        lab.put(name, vec![b'x'; bytes.len()]);
        bytes
    };
    let kept: Vec<_> = old.iter().map(damage).collect();
    let (told, _) = verify(lab, &[], 4);
    assert!(told.iter().any(|line| line["file"].as_str().is_some_and(|file| old[0].ends_with(file))), "{told:?}");
    // All records are proven, and all sums are told; of the files the new ones alone are opened.
    let (none, summary) = verify(lab, &["--since", "2023-09-03"], 0);
    assert_eq!((none.len(), &summary["since"]), (0, &json!("2023-09-03")));
    assert_eq!(summary["files_not_opened"], old.len());
    assert_eq!(summary["file_bytes_not_opened"], kept.iter().map(Vec::len).sum::<usize>());
    assert_eq!((&summary["rows"], &summary["files"]), (&whole["rows"], &whole["files"]));
    let said = lab.run(&["verify", "{}lake/", "--since", "2023-09-03T10:00:00Z"]);
    let told = format!("{} files (", old.len());
    let line = said.stdout.lines().find(|line| line.contains("were not opened")).expect("a line of it");
    assert!(line.starts_with(&told) && line.contains("of dates before 2023-09-03"), "{line}");
    old.iter().zip(kept).for_each(|(name, bytes)| lab.put(name, bytes));
    let kept = damage(&new[0]);
    let (told, _) = verify(lab, &["--since", "2023-09-03"], 4);
    assert!(told.iter().any(|line| line["file"].as_str().is_some_and(|file| new[0].ends_with(file))), "{told:?}");
    verify(lab, &["--since", "2023-09-04"], 0);
    lab.put(&new[0], kept);
    // A record of an old date is proven all the same, and so is what lies in the folders.
    let commit = "lake/_flowlake/commits/00000000000000000001/000000.ndjson.zst";
    let kept = lab.get(commit);
    lab.put(commit, b"damaged".as_slice());
    verify(lab, &["--since", "2023-09-04"], 4);
    lab.put(commit, kept);
    let stray = old[0].replace("p00000001", "p00000099");
    lab.put(&stray, lab.get(&old[0]));
    let (told, _) = verify(lab, &["--since", "2023-09-04"], 4);
    assert_eq!(told.len(), 1, "{told:?}");
}

fn older_objects_are_not_decoded(lab: &Lab) {
    fill(lab);
    for day in [1, 4] {
        lab.put_gz(&format!("logs/{}", key(day, day)), &text(day, day).replace(" 64\n", " 65\n"));
    }
    lab.put_gz(&format!("logs/{}", key(1, 9)), &text(1, 9));
    lab.put_gz(&format!("logs/{}", key(4, 9)), &text(4, 9));
    let (told, summary) = verify(lab, &["{}logs/"], 4);
    let sources = |summary: &Value| {
        let of = &summary["sources"];
        (of["equal"].as_u64(), of["not_converted"].as_u64())
    };
    assert_eq!((told.len(), sources(&summary)), (2, (Some(2), Some(2))));
    let (told, summary) = verify(lab, &["{}logs/", "--since", "2023-09-03"], 4);
    assert_eq!((told.len(), sources(&summary)), (1, (Some(1), Some(1))), "{told:?}");
    assert!(told[0]["object"].as_str().is_some_and(|url| url.ends_with(&key(4, 4))), "{told:?}");
}
