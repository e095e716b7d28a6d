//! One delivery at three sources or more: whatever happens to the first, its rows come in once.

use crate::copies::{DAYS, convert, fill, is_sound, remove, stored};
use crate::copies_to_come::plan;
use crate::faults::{key, text};
use crate::lab::{Forbidden, Lab, Said, on_both_stores};

on_both_stores!(
    one_is_taken_if_the_first_cannot_be_read,
    one_of_several_tasks_is_taken_if_the_first_cannot_be_read,
    a_first_that_was_confirmed_counts_with_its_content,
);

const SKIP: [&str; 2] = ["--copies", "skip"];
const FOUR: [&str; 4] = ["{}logs/", "{}replica/", "{}second/", "{}third/"];
const FOLDERS: [&str; 4] = ["logs", "replica", "second", "third"];

/// Once the first can be read, it is the copy.
fn stays_as_it_is(lab: &Lab) {
    let rows = lab.lake_rows();
    for _ in 0..2 {
        assert_eq!(convert(lab, &FOUR, &[&SKIP[..], &["--full-scan"]].concat(), 0)["objects"], 0);
    }
    assert!(lab.lake_rows() == rows);
    is_sound(lab, &FOUR);
}

/// A run plans with the first, and cannot read it. On disk it is planned before: what cannot be read there is not
/// compared.
fn run_without(lab: &Lab, first: &str) -> Said {
    if lab.endpoint().is_none() {
        plan(lab, &FOUR);
    }
    lab.forbid(Forbidden::Read, first);
    lab.run_without_privilege(&[&["convert"], &FOUR[..], &["{}lake/"], &SKIP].concat())
}

fn one_is_taken_if_the_first_cannot_be_read(lab: &Lab) {
    FOLDERS.iter().for_each(|folder| fill(lab, folder));
    let first = format!("logs/{}", key(4, 1));
    let said = run_without(lab, &first);
    assert_eq!(said.code, 3, "{}", said.stderr);
    let words = "18 objects are copies of others and were left out, unless it was their first that could not be read";
    assert_eq!(said.stderr.contains(words), lab.endpoint().is_some(), "{}", said.stderr);
    assert!(!said.stderr.contains("twice"), "{}", said.stderr);
    let objects = "SELECT outcome, count(*) FROM lake.objects WHERE url LIKE '%/04/%' GROUP BY 1 ORDER BY 1";
    let asked = lab.run(&["query", "{}lake/", objects, "--format", "csv"]);
    let outcomes: Vec<&str> = asked.stdout.lines().skip(1).collect();
    // On disk by the plan that was open: the run's own puts off what cannot be compared.
    assert_eq!(outcomes, ["converted,1", "copy,2", "unread,1"], "{}{}", asked.stdout, asked.stderr);
    lab.permit(&first);
    assert_eq!(lab.lake_rows().len(), lab.expected("logs").rows.len());
    stays_as_it_is(lab);
}

/// A run that takes the first for gone does not know what becomes of copies in other tasks: the next one takes one.
fn one_of_several_tasks_is_taken_if_the_first_cannot_be_read(lab: &Lab) {
    // Two of them are more than a task holds.
    let long = stored(&(text(1, 1) + &"\n".repeat(4_300_000)));
    FOLDERS.iter().for_each(|folder| lab.put(&format!("{folder}/{}", key(1, 1)), long.clone()));
    let first = format!("logs/{}", key(1, 1));
    let said = run_without(lab, &first);
    // After a plan that was open, a run lists and plans.
    let rows = if lab.endpoint().is_some() { 0 } else { 5 };
    assert_eq!((said.code, lab.lake_rows().len()), (3, rows), "{}", said.stderr);
    let said = lab.run_without_privilege(&[&["convert"], &FOUR[..], &["{}lake/"], &SKIP].concat());
    assert_eq!(lab.lake_rows().len(), 5, "{}", said.stderr);
    lab.permit(&first);
    stays_as_it_is(lab);
}

/// The plan was written before its firsts were gone, by whichever program.
#[test]
fn one_is_taken_of_an_open_plan_whose_first_is_gone() {
    let lab = Lab::on_disk();
    FOLDERS.iter().for_each(|folder| fill(&lab, folder));
    assert_eq!(plan(&lab, &FOUR), u64::from(4 * DAYS));
    remove(&lab, "logs");
    remove(&lab, &format!("replica/{}", key(2, 1).rsplit_once('/').expect("a folder").0));
    lab.put_gz("logs/x.log.gz", &text(1, 7));
    assert_eq!(convert(&lab, &FOUR, &SKIP, 3)["objects"], DAYS + 1);
    assert_eq!(lab.lake_rows().len(), lab.expected("third").rows.len() + 5);
    stays_as_it_is(&lab);
}

/// Of one size and one text, and other bytes.
fn packed(time: u32) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new().mtime(time).write(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, text(1, 1).as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

/// The digests of both receipts say that the first has the same content as when it was converted.
fn a_first_that_was_confirmed_counts_with_its_content(lab: &Lab) {
    let put = |folder: &str, time: u32| lab.put(&format!("{folder}/{}", key(1, 1)), packed(time));
    ["logs", "replica"].iter().for_each(|folder| put(folder, 1));
    let both = &FOUR[..2];
    assert_eq!(convert(lab, both, &SKIP, 0)["objects_copies"], 1);
    let rows = lab.lake_rows();
    put("logs", 2);
    assert_eq!(convert(lab, both, &SKIP, 0)["objects_confirmed"], 1);
    put("replica", 2);
    let summary = convert(lab, both, &SKIP, 0);
    let numbers = ["objects", "objects_copies", "objects_maybe_copies"].map(|field| summary[field].as_u64());
    assert_eq!(numbers, [Some(0), Some(1), Some(0)], "{summary}");
    let summary = convert(lab, both, &[&SKIP[..], &["--full-scan"]].concat(), 0);
    assert_eq!(summary["objects_planned"], 0, "{summary}");
    assert!(rows.len() == 5 && lab.lake_rows() == rows);
    is_sound(lab, both);
}
