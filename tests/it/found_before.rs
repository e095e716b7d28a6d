//! What a run found that died before its end is told by the run that finishes its plan, once.

use serde_json::Value;

use crate::copies::{BOTH, DAYS, convert, fill, forget, remove, stored};
use crate::faults::{key, text};
use crate::lab::{Lab, on_both_stores};

on_both_stores!(
    objects_that_give_something_else_are_told_by_who_finishes,
    what_was_set_aside_is_told_by_who_finishes,
    copies_that_were_kept_are_told_by_who_finishes,
    what_only_has_the_name_of_another_is_no_copy,
);

/// All of the plan is committed, and its seal, the last entry, is not written.
fn die_before_the_seal(lab: &Lab) {
    forget(lab, lab.list("lake/_flowlake/log").len() as u64 - 1);
}

fn same(one: &Value, other: &Value, fields: &[&str]) {
    fields.iter().for_each(|field| assert_eq!(one[*field], other[*field], "{field}: {one} {other}"));
}

fn is_told_once(lab: &Lab, told: &Value, fields: &[&str], code: i32) {
    die_before_the_seal(lab);
    let again = convert(lab, &BOTH, &[], code);
    same(told, &again, fields);
    assert_eq!(again["objects"], 0, "{again}");
    let after = convert(lab, &BOTH, &[], 0);
    for field in fields {
        assert!(after[*field] == 0 || after[*field].as_array().is_some_and(Vec::is_empty), "{field}: {after}");
    }
}

fn objects_that_give_something_else_are_told_by_who_finishes(lab: &Lab) {
    fill(lab, "logs");
    fill(lab, "replica");
    convert(lab, &BOTH, &[], 0);
    lab.put_gz(&format!("logs/{}", key(3, 1)), &text(3, 1).replace(" 64\n", " 65\n"));
    let told = convert(lab, &BOTH, &[], 3);
    assert_eq!(told["objects_differing"], 1, "{told}");
    is_told_once(lab, &told, &["objects_differing", "differing"], 3);
}

fn what_was_set_aside_is_told_by_who_finishes(lab: &Lab) {
    fill(lab, "logs");
    fill(lab, "replica");
    lab.put_gz(&format!("logs/{}", key(2, 2)), &(text(2, 2) + "no line of a flow log\n"));
    lab.put(&format!("logs/{}", key(2, 3)), "no gzip");
    let told = convert(lab, &BOTH, &[], 3);
    assert_eq!((&told["objects_aside"], &told["rejects"]), (&1.into(), &1.into()), "{told}");
    is_told_once(lab, &told, &["objects_aside", "aside", "rejects"], 3);
}

fn copies_that_were_kept_are_told_by_who_finishes(lab: &Lab) {
    fill(lab, "logs");
    fill(lab, "replica");
    let told = convert(lab, &BOTH, &[], 0);
    assert_eq!(told["objects_copies"], DAYS, "{told}");
    is_told_once(lab, &told, &["objects_copies", "copies"], 0);
    // Whatever that run committed.
    remove(lab, "lake");
    convert(lab, &BOTH, &[], 0);
    remove(lab, "lake/_flowlake/commits");
    die_before_the_seal(lab);
    let said = lab.run(&["convert", BOTH[0], BOTH[1], "{}lake/", "--copies", "skip"]);
    let words = "6 objects are copies of others: their rows are in the lake twice";
    assert!(said.code == 0 && said.stderr.contains(words), "{}", said.stderr);
}

/// While it was planned nobody knew. Receipts tell two contents apart.
fn what_only_has_the_name_of_another_is_no_copy(lab: &Lab) {
    lab.put(&format!("logs/{}", key(1, 1)), stored(&text(1, 1)));
    convert(lab, &BOTH[..1], &[], 0);
    for (folder, port) in [("logs", " 1009 "), ("replica", " 1008 ")] {
        lab.put(&format!("{folder}/{}", key(1, 1)), stored(&text(1, 1).replace(" 1000 ", port)));
    }
    convert(lab, &BOTH[..1], &[], 3);
    assert_eq!(convert(lab, &BOTH, &[], 0)["objects_maybe_copies"], 1);
    die_before_the_seal(lab);
    let summary = convert(lab, &BOTH, &[], 0);
    assert_eq!((&summary["objects_copies"], &summary["objects_maybe_copies"]), (&0.into(), &0.into()), "{summary}");
}
