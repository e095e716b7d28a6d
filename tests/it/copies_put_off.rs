//! Copies on disk of which one cannot be read for a moment: that nobody can tell now makes none of them another object.

use serde_json::Value;

use crate::copies::{BOTH, fill, forget, is_sound, remove};
use crate::faults::{key, text};
use crate::lab::{Forbidden, Lab};

const SKIP: [&str; 2] = ["--copies", "skip"];

fn convert(lab: &Lab, sources: &[&str], more: &[&str], code: i32) -> Value {
    let said = lab.run_without_privilege(&[&["convert"], sources, &["{}lake/", "--json"], more].concat());
    assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
    serde_json::from_str(&said.stdout).expect("a summary")
}

fn numbers(summary: &Value) -> [u64; 3] {
    ["objects", "objects_copies", "objects_unreadable"].map(|field| summary[field].as_u64().expect("a number"))
}

/// Objects of days that no lookback joins.
fn fill_two(lab: &Lab, folder: &str) {
    [1, 20].iter().for_each(|&day| lab.put_gz(&format!("{folder}/{}", key(day, 1)), &text(day, 1)));
}

/// The first was converted, and cannot be read now: its copy waits, however many days pass.
#[test]
fn a_copy_waits_until_its_first_can_be_read() {
    let lab = Lab::on_disk();
    fill_two(&lab, "logs");
    convert(&lab, &BOTH[..1], &[], 0);
    let rows = lab.lake_rows();
    fill_two(&lab, "replica");
    let first = format!("logs/{}", key(1, 1));
    let copy = lab.url(&format!("replica/{}", key(1, 1)));
    for (policy, copies) in [("skip", 1), ("skip", 0), ("fail", 0)] {
        lab.forbid(Forbidden::Read, &first);
        // A dry run ends as the run would.
        let dry = convert(&lab, &BOTH, &["--copies", policy, "--dry-run"], 3);
        assert_eq!(dry["objects"], 0, "{dry}");
        let summary = convert(&lab, &BOTH, &["--copies", policy], 3);
        lab.permit(&first);
        assert_eq!(numbers(&summary), [0, copies, 1], "{summary}");
        let named = summary["unreadable"][0].as_str().expect("a name");
        let why =
            format!("{copy}: it may be a copy of {}, which cannot be read now: Permission denied", lab.url(&first));
        assert!(named.starts_with(&why), "{named}");
        assert_eq!(dry["unreadable"], summary["unreadable"]);
    }
    assert!(lab.lake_rows() == rows);
    let summary = convert(&lab, &BOTH, &[&SKIP[..], &["--lookback", "0d"]].concat(), 0);
    assert_eq!(numbers(&summary), [0, 1, 0], "{summary}");
    assert_eq!(convert(&lab, &BOTH, &[&SKIP[..], &["--full-scan"]].concat(), 0)["objects_planned"], 0);
    assert!(lab.lake_rows() == rows);
    is_sound(&lab, &BOTH);
}

/// Neither was converted: the one that can be read is, and nobody waits for the other.
#[test]
fn what_can_be_read_is_the_first_also_after_a_kill() {
    let lab = Lab::on_disk();
    fill(&lab, "logs");
    fill(&lab, "replica");
    let first = format!("logs/{}", key(4, 1));
    lab.forbid(Forbidden::Read, &first);
    let summary = convert(&lab, &BOTH, &SKIP, 3);
    lab.permit(&first);
    assert_eq!(numbers(&summary), [6, 5, 1], "{summary}");
    let named = summary["unreadable"][0].as_str().expect("a name");
    assert!(named.starts_with(&format!("{}: it cannot be read, and ", lab.url(&first))), "{named}");
    // The run died before its first commit.
    ["lake/_flowlake/commits", "lake/_flowlake/intents", "lake/flow_logs"].iter().for_each(|name| remove(&lab, name));
    forget(&lab, 2);
    let summary = convert(&lab, &BOTH, &SKIP, 0);
    assert_eq!(numbers(&summary), [6, 1, 0], "{summary}");
    let days: std::collections::BTreeSet<String> = lab.lake_rows().values().map(|row| row["date"].clone()).collect();
    assert_eq!((days.len(), lab.lake_rows().len()), (6, lab.expected("logs").rows.len()));
    is_sound(&lab, &BOTH);
}

/// Three of one delivery, of which two cannot be read.
#[test]
fn all_that_cannot_be_read_is_put_off() {
    let lab = Lab::on_disk();
    let sources = ["{}a/", "{}b/", "{}c/"];
    let names = ["a", "b", "c"].map(|folder| format!("{folder}/{}", key(1, 1)));
    names.iter().for_each(|name| lab.put_gz(name, &text(1, 1)));
    for closed in [[0, 1], [0, 2], [1, 2]] {
        closed.iter().for_each(|&at| lab.forbid(Forbidden::Read, &names[at]));
        let summary = convert(&lab, &sources, &SKIP, 3);
        closed.iter().for_each(|&at| lab.permit(&names[at]));
        assert_eq!(numbers(&summary), [1, 0, 2], "{closed:?}: {summary}");
        let summary = convert(&lab, &sources, &SKIP, 0);
        assert_eq!(numbers(&summary), [0, 2, 0], "{closed:?}: {summary}");
        assert_eq!(lab.lake_rows().len(), 5, "{closed:?}");
        is_sound(&lab, &sources);
        remove(&lab, "lake");
    }
}

/// Who keeps copies asks nobody to wait.
#[test]
fn kept_copies_wait_for_nothing() {
    let lab = Lab::on_disk();
    fill_two(&lab, "logs");
    convert(&lab, &BOTH[..1], &[], 0);
    fill_two(&lab, "replica");
    let first = format!("logs/{}", key(1, 1));
    lab.forbid(Forbidden::Read, &first);
    let summary = convert(&lab, &BOTH, &[], 0);
    lab.permit(&first);
    assert_eq!(numbers(&summary), [2, 1, 0], "{summary}");
    assert_eq!(summary["objects_maybe_copies"], 1, "{summary}");
}
