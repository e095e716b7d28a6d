//! Objects that lie at the sources twice: named, left out if asked, and never lost for one that cannot be read.

use serde_json::Value;

use crate::faults::{key, text};
use crate::lab::{Forbidden, Lab, on_both_stores};

on_both_stores!(
    copies_of_one_run_are_named_and_left_out_if_asked,
    a_copy_of_what_was_converted_earlier_is_found,
    what_has_the_name_but_not_the_content_is_no_copy,
    a_copy_is_taken_if_its_first_cannot_be_read,
    a_copy_is_taken_once_its_first_is_given_up,
    one_of_two_is_taken_once_the_first_is_given_up,
    a_copy_of_an_object_that_was_given_up_meanwhile_is_listed_again,
    what_counts_is_what_was_converted,
    of_several_of_one_name_the_right_one_is_found,
    the_report_finds_copies_whose_checksums_say_nothing,
    what_was_left_out_is_not_set_aside_any_more,
    a_replay_adds_each_delivery_once,
    a_copy_is_taken_once_its_first_has_other_content,
    a_copy_stays_left_out_while_its_first_has_its_content,
);

pub const DAYS: u32 = 6;

pub fn fill(lab: &Lab, folder: &str) {
    (1..=DAYS).for_each(|day| lab.put_gz(&format!("{folder}/{}", key(day, 1)), &text(day, 1)));
}

pub fn convert(lab: &Lab, sources: &[&str], more: &[&str], code: i32) -> Value {
    let said = lab.run(&[&["convert"], sources, &["{}lake/", "--json"], more].concat());
    assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
    serde_json::from_str(&said.stdout).unwrap_or(Value::Null)
}

pub const BOTH: [&str; 2] = ["{}logs/", "{}replica/"];

fn empty_lake(lab: &Lab) {
    remove(lab, "lake");
}

fn copies_of_one_run_are_named_and_left_out_if_asked(lab: &Lab) {
    fill(lab, "logs");
    fill(lab, "replica");
    // Names that are not in AWS's form are never compared.
    for name in ["logs/2023/09/03/same.log.gz", "replica/2023/09/03/same.log.gz"] {
        lab.put_gz(name, "srcaddr bytes start\n10.0.0.9 1 1693737600\n");
    }
    let said = lab.run(&["convert", BOTH[0], BOTH[1], "{}lake/", "--copies", "fail"]);
    assert!(said.code == 1 && said.stderr.contains("is a copy of"), "{}", said.stderr);
    assert_eq!(lab.data_files().len(), 0);
    empty_lake(lab);

    let both: usize = ["logs", "replica"].map(|folder| lab.expected(folder).rows.len()).iter().sum();
    let summary = convert(lab, &BOTH, &[], 0);
    assert_eq!((&summary["objects"], &summary["objects_copies"]), (&(2 * DAYS + 2).into(), &DAYS.into()), "{summary}");
    let named = summary["copies"].as_array().expect("a list");
    let pair = format!("{}: {}", lab.url(&format!("replica/{}", key(2, 1))), lab.url(&format!("logs/{}", key(2, 1))));
    assert!(named.len() == DAYS as usize && named.contains(&pair.clone().into()), "{summary}");
    assert_eq!(lab.lake_rows().len(), both, "they are kept");
    let said = lab.run(&["report", "{}lake/", "copies", "--format", "csv"]);
    let rows: Vec<&str> = said.stdout.lines().skip(1).collect();
    assert_eq!(rows.len(), DAYS as usize, "{}{}", said.stdout, said.stderr);
    let url = |folder: &str| lab.url(&format!("{folder}/{}", key(2, 1)));
    let second = format!("{},{},kept,5", url("replica"), url("logs"));
    assert!(rows.contains(&second.as_str()), "{second}: {rows:?}");
    empty_lake(lab);

    let summary = convert(lab, &BOTH, &["--copies", "skip"], 0);
    assert_eq!((&summary["objects"], &summary["objects_copies"]), (&(DAYS + 2).into(), &DAYS.into()), "{summary}");
    let mut expected = lab.expected("logs").rows;
    expected.extend(lab.expected("replica/2023").rows);
    assert_eq!(lab.lake_rows(), expected);
    let asked = "SELECT reason FROM lake.objects WHERE outcome = 'copy' AND url LIKE '%/replica/%/02/%'";
    let said = lab.run(&["query", "{}lake/", asked, "--format", "csv"]);
    assert_eq!(
        said.stdout.trim_start_matches("reason\n").trim(),
        lab.url(&format!("logs/{}", key(2, 1))),
        "{}",
        said.stderr
    );
    let said = lab.run(&["report", "{}lake/", "copies", "--format", "csv"]);
    assert_eq!(
        said.stdout.lines().filter(|line| line.ends_with(",left out,0")).count(),
        DAYS as usize,
        "{}",
        said.stderr
    );
    let plan: Value = serde_json::from_slice(&lab.get("lake/_flowlake/log/00000000000000000001.json")).expect("JSON");
    assert_eq!((&plan["format"], &plan["copies"]), (&2.into(), &DAYS.into()), "an earlier program stops here");
    // Known from then on, whatever the policy.
    for policy in ["keep", "skip", "fail"] {
        let summary = convert(lab, &BOTH, &["--full-scan", "--copies", policy], 0);
        assert_eq!((&summary["objects"], &summary["objects_planned"]), (&0.into(), &0.into()), "{summary}");
    }
    let said = lab.run(&["verify", "{}lake/", BOTH[0], BOTH[1]]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

fn a_copy_of_what_was_converted_earlier_is_found(lab: &Lab) {
    fill(lab, "logs");
    convert(lab, &BOTH[..1], &[], 0);
    let rows = lab.lake_rows();
    fill(lab, "replica");
    lab.put_gz(&format!("replica/{}", key(3, 3)), &text(3, 3));
    let dry = convert(lab, &BOTH, &["--dry-run", "--copies", "skip"], 0);
    assert_eq!(dry["objects"], 1, "{dry}");
    let said = lab.run(&["convert", BOTH[0], BOTH[1], "{}lake/", "--copies", "skip"]);
    assert!(
        said.code == 0 && said.stderr.contains("6 objects are copies of others and were left out"),
        "{}",
        said.stderr
    );
    assert_eq!(lab.lake_rows().len(), rows.len() + 5);
    let said = lab.run(&["verify", "{}lake/", BOTH[0], BOTH[1]]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    // A copy of it that changed is another object.
    lab.put_gz(&format!("replica/{}", key(1, 1)), &text(1, 1).replace(" 64\n", " 65\n"));
    assert_eq!(convert(lab, &BOTH, &["--full-scan", "--copies", "skip"], 0)["objects"], 1);
}

fn what_has_the_name_but_not_the_content_is_no_copy(lab: &Lab) {
    lab.put_gz(&format!("logs/{}", key(1, 1)), &text(1, 1));
    let other = text(1, 1).replace("10.0.1.0 1000", "10.0.1.0 1009");
    lab.put(&format!("logs/{}", key(2, 1)), stored(&text(1, 1)));
    lab.put(&format!("replica/{}", key(2, 1)), stored(&other));
    lab.put_gz(&format!("replica/{}", key(1, 1)), &(text(1, 1) + &text(1, 9)));
    let summary = convert(lab, &BOTH, &["--copies", "skip"], 0);
    let is_s3 = lab.endpoint().is_some();
    let numbers =
        ["objects", "objects_copies", "objects_maybe_copies"].map(|field| summary[field].as_u64().expect("a number"));
    // Two ETags that differ may be of one content under two keys.
    assert_eq!(numbers, [4, 0, u64::from(is_s3)], "{summary}");
}

fn a_copy_is_taken_if_its_first_cannot_be_read(lab: &Lab) {
    fill(lab, "logs");
    fill(lab, "replica");
    let first = format!("logs/{}", key(4, 1));
    lab.forbid(Forbidden::Read, &first);
    let said = lab.run_without_privilege(&["convert", BOTH[0], BOTH[1], "{}lake/", "--copies", "skip", "--json"]);
    assert_eq!(said.code, 3, "{}{}", said.stdout, said.stderr);
    lab.permit(&first);
    let rows = lab.lake_rows();
    let days: std::collections::BTreeSet<&String> = rows.values().map(|row| &row["date"]).collect();
    assert_eq!((days.len(), rows.len()), (DAYS as usize, lab.expected("replica").rows.len()));
    // It is a copy itself, now that it can be read.
    let summary = convert(lab, &BOTH, &["--copies", "skip"], 0);
    assert_eq!((&summary["objects"], &summary["objects_copies"]), (&0.into(), &1.into()), "{summary}");
    assert!(lab.lake_rows() == rows);
    let said = lab.run(&["verify", "{}lake/", BOTH[0], BOTH[1]]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

pub fn remove(lab: &Lab, folder: &str) {
    for name in lab.list(folder).into_keys() {
        lab.delete(&object_store::path::Path::parse(&name).expect("a name"));
    }
}

/// Takes away an entry of the log.
pub fn forget(lab: &Lab, entry: u64) {
    lab.delete(&object_store::path::Path::from(format!("lake/_flowlake/log/{entry:020}.json")));
}

/// The commits of plan 1, which converted `logs`, are lost.
pub fn give_up_the_first(lab: &Lab) {
    remove(lab, "lake/_flowlake/commits/00000000000000000001");
    let said = lab.run(&["repair", "{}lake/"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
}

/// Everything in `logs` is converted, and everything in `replica` was left out for it.
pub fn with_copies_left_out(lab: &Lab) {
    fill(lab, "logs");
    convert(lab, &BOTH[..1], &[], 0);
    fill(lab, "replica");
    assert_eq!(convert(lab, &BOTH, &["--copies", "skip"], 0)["objects_copies"], DAYS);
}

pub fn is_sound(lab: &Lab, sources: &[&str]) {
    let said = lab.run(&[&["verify", "{}lake/"], sources].concat());
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

fn a_copy_is_taken_once_its_first_is_given_up(lab: &Lab) {
    with_copies_left_out(lab);
    give_up_the_first(lab);
    assert!(lab.lake_rows().is_empty());
    // Only the replica is left, and no lookback reaches its days.
    remove(lab, "logs");
    let again = ["--copies", "skip", "--lookback", "0d"];
    assert_eq!(convert(lab, &BOTH[1..], &again, 0)["objects"], DAYS);
    assert_eq!(lab.lake_rows(), lab.expected("replica").rows);
    assert_eq!(convert(lab, &BOTH[1..], &["--copies", "skip", "--full-scan"], 0)["objects_planned"], 0);
    // From now on what was the first is the copy.
    fill(lab, "logs");
    let summary = convert(lab, &BOTH, &["--copies", "skip", "--full-scan"], 0);
    assert_eq!((&summary["objects"], &summary["objects_copies"]), (&0.into(), &DAYS.into()), "{summary}");
    is_sound(lab, &BOTH);
}

fn one_of_two_is_taken_once_the_first_is_given_up(lab: &Lab) {
    with_copies_left_out(lab);
    give_up_the_first(lab);
    let summary = convert(lab, &BOTH, &["--copies", "skip", "--lookback", "0d"], 0);
    assert_eq!((&summary["objects"], &summary["objects_copies"]), (&DAYS.into(), &DAYS.into()), "{summary}");
    assert_eq!(lab.lake_rows().len(), lab.expected("logs").rows.len(), "each delivery is there once");
    assert_eq!(convert(lab, &BOTH, &["--copies", "skip", "--full-scan"], 0)["objects_planned"], 0);
    is_sound(lab, &BOTH);
}

/// The plan of the copies is open, and no receipt tells of them, when the first ones are given up.
fn a_copy_of_an_object_that_was_given_up_meanwhile_is_listed_again(lab: &Lab) {
    with_copies_left_out(lab);
    remove(lab, "lake/_flowlake/commits/00000000000000000003");
    forget(lab, 4);
    give_up_the_first(lab);
    remove(lab, "logs");
    let summary = convert(lab, &BOTH[1..], &["--copies", "skip", "--lookback", "0d"], 0);
    assert_eq!(summary["objects"], DAYS, "{summary}");
    assert_eq!(lab.lake_rows(), lab.expected("replica").rows);
    assert_eq!(convert(lab, &BOTH[1..], &["--copies", "skip", "--full-scan"], 0)["objects_planned"], 0);
    is_sound(lab, &BOTH[1..]);
}

/// Stored, not compressed: of one size whatever the digits.
pub fn stored(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut encoder, text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

/// The file of the first has other bytes by now, with other sums or with equal ones. They say nothing: a copy of them
/// holds rows that the lake has not.
fn what_counts_is_what_was_converted(lab: &Lab) {
    let old = text(1, 1);
    for (new, field) in [(old.replace(" 64\n", " 65\n"), "bytes"), (old.replace(" 1000 ", " 1009 "), "dstport")] {
        lab.put(&format!("logs/{}", key(1, 1)), stored(&old));
        convert(lab, &BOTH[..1], &[], 0);
        lab.put(&format!("logs/{}", key(1, 1)), stored(&new));
        convert(lab, &BOTH[..1], &[], 3);
        lab.put(&format!("replica/{}", key(1, 1)), stored(&new));
        let summary = convert(lab, &BOTH, &["--copies", "skip"], 0);
        let numbers = ["objects", "objects_copies", "objects_maybe_copies"];
        let numbers = numbers.map(|field| summary[field].as_u64().expect("a number"));
        assert_eq!(numbers, [1, 0, 1], "{summary}");
        let rows = lab.lake_rows();
        let values: std::collections::BTreeSet<&String> = rows.values().map(|row| &row[field]).collect();
        assert!(rows.len() == 10 && values.len() > 1, "{field}: {values:?}");
        ["logs", "replica", "lake"].iter().for_each(|folder| remove(lab, folder));
    }
}

fn of_several_of_one_name_the_right_one_is_found(lab: &Lab) {
    let name = key(1, 1);
    let longer = text(1, 1) + &text(1, 9);
    let other = text(1, 1).replace("10.0.1.0 1000", "10.0.1.0 1009");
    for (folder, text) in [("a", &text(1, 1)), ("b", &longer), ("c", &other)] {
        lab.put(&format!("logs-{folder}/{name}"), stored(text));
        assert_eq!(convert(lab, &[&format!("{{}}logs-{folder}/")], &["--copies", "skip"], 0)["objects"], 1);
    }
    for (copy, text) in [("d", &longer), ("e", &other)] {
        lab.put(&format!("logs-{copy}/{name}"), stored(text));
        let sources = ["a", "b", "c", copy].map(|folder| format!("{{}}logs-{folder}/"));
        let summary = convert(lab, &sources.each_ref().map(String::as_str), &["--copies", "skip"], 0);
        assert_eq!((&summary["objects"], &summary["objects_copies"]), (&0.into(), &1.into()), "{copy}: {summary}");
    }
    // All in one run.
    empty_lake(lab);
    let sources = ["a", "b", "c", "d", "e"].map(|folder| format!("{{}}logs-{folder}/"));
    let summary = convert(lab, &sources.each_ref().map(String::as_str), &["--copies", "skip"], 0);
    assert_eq!((&summary["objects"], &summary["objects_copies"]), (&3.into(), &2.into()), "{summary}");
}

/// Two checksums in the form of an MD5 that differ, as under two keys, of objects that hold the same rows.
fn the_report_finds_copies_whose_checksums_say_nothing(lab: &Lab) {
    for (folder, time) in [("logs", 1), ("replica", 2)] {
        let gzip = flate2::GzBuilder::new().mtime(time);
        let mut encoder = gzip.write(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut encoder, text(1, 1).as_bytes()).expect("memory");
        lab.put(&format!("{folder}/{}", key(1, 1)), encoder.finish().expect("memory"));
    }
    let summary = convert(lab, &BOTH, &["--copies", "skip"], 0);
    assert_eq!((&summary["objects"], &summary["objects_copies"]), (&2.into(), &0.into()), "{summary}");
    let said = lab.run(&["report", "{}lake/", "copies", "--format", "csv"]);
    let [replica, logs] = ["replica", "logs"].map(|folder| lab.url(&format!("{folder}/{}", key(1, 1))));
    let rows: Vec<&str> = said.stdout.lines().skip(1).collect();
    assert_eq!(rows, [format!("{replica},{logs},kept,5")], "{}", said.stderr);
}

fn replay(lab: &Lab, sources: &[&str], more: &[&str], code: i32) -> Value {
    let said = lab.run(&[&["rejects", "{}lake/"], sources, &["--replay", "--json"], more].concat());
    assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
    serde_json::from_str(&said.stdout).expect("a summary")
}

/// Both lack their headers, and are set aside. Then one is converted, and the other left out for it.
fn what_was_left_out_is_not_set_aside_any_more(lab: &Lab) {
    let (header, lines) = text(1, 1).split_once('\n').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("a header");
    let format: String = header.split(' ').map(|name| format!("${{{name}}} ")).collect();
    let format = ["--format", format.trim()];
    for folder in ["logs", "replica"] {
        lab.put_gz(&format!("{folder}/{}", key(1, 1)), &lines);
    }
    convert(lab, &BOTH, &["--copies", "skip"], 3);
    let summary = convert(lab, &BOTH, &[&format[..], &["--copies", "skip"]].concat(), 0);
    assert_eq!((&summary["objects"], &summary["objects_copies"]), (&1.into(), &1.into()), "{summary}");
    let rows = lab.lake_rows();
    let said = lab.run(&["rejects", "{}lake/"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{}", said.stderr);
    for policy in ["skip", "keep"] {
        let summary = replay(lab, &BOTH, &[&format[..], &["--copies", policy]].concat(), 0);
        assert_eq!(summary["objects_planned"], 0, "{summary}");
    }
    assert!(rows.len() == 5 && lab.lake_rows() == rows);
    is_sound(lab, &BOTH);
}

/// Neither of two that are set aside is a first: whichever is read first is.
fn a_replay_adds_each_delivery_once(lab: &Lab) {
    let (header, lines) = text(1, 1).split_once('\n').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("a header");
    let format: String = header.split(' ').map(|name| format!("${{{name}}} ")).collect();
    let format = ["--format", format.trim()];
    let third = ["{}third/"];
    for folder in ["logs", "replica", "third"] {
        lab.put_gz(&format!("{folder}/{}", key(1, 1)), &lines);
    }
    convert(lab, &[&BOTH[..], &third].concat(), &["--copies", "skip"], 3);
    // What a run that skips copies left for later is set aside as well.
    convert(lab, &[&BOTH[..], &third].concat(), &[], 3);
    // The third is of no source of this run.
    let summary = replay(lab, &BOTH, &format, 3);
    assert_eq!((&summary["objects"], &summary["objects_copies"]), (&1.into(), &1.into()), "{summary}");
    let summary = replay(lab, &[&BOTH[..], &third].concat(), &format, 0);
    assert_eq!((&summary["objects"], &summary["objects_copies"]), (&0.into(), &1.into()), "{summary}");
    assert_eq!(lab.lake_rows().len(), 5);
    is_sound(lab, &[&BOTH[..], &third].concat());
}

const SKIP: [&str; 2] = ["--copies", "skip"];

fn redo(lab: &Lab, more: &[&str]) -> Value {
    let days = ["--redo", "--since", "2023-09-01", "--until", "2023-09-30", "--retention", "0s"];
    convert(lab, &BOTH, &[&days[..], more].concat(), 0)
}

#[test]
fn a_redo_does_not_look_for_copies_and_says_so() {
    let lab = Lab::on_disk();
    let said =
        lab.run(&["convert", "{}logs/", "{}lake/", "--redo", "--since", "2d", "--until", "1d", "--copies", "skip"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("'--redo' cannot be used with '--copies <WHAT>'"), "{}", said.stderr);
}

/// A redo, and a replay, take what the first holds now: what it held is to be had from its copy alone.
fn a_copy_is_taken_once_its_first_has_other_content(lab: &Lab) {
    let folder = key(1, 1).rsplit_once('/').map(|(folder, _)| folder.to_owned()).expect("a folder");
    let bad = text(1, 1) + "no line of a flow log\n";
    for (old, new) in
        [(text(1, 1), text(1, 1).replace(" 64\n", " 65\n")), (bad.clone(), bad.replace("no line of a flow log\n", ""))]
    {
        lab.put_gz(&format!("logs/{}", key(1, 1)), &old);
        let code = if old == bad { 3 } else { 0 };
        convert(lab, &BOTH[..1], &SKIP, code);
        lab.put_gz(&format!("replica/{}", key(1, 1)), &old);
        assert_eq!(convert(lab, &BOTH, &SKIP, 0)["objects_copies"], 1);
        // No lookback reaches that day any more.
        lab.put_gz(&format!("logs/{}", key(20, 1)), &text(20, 1));
        lab.put_gz(&format!("replica/{}", key(20, 1)), &text(20, 1));
        convert(lab, &BOTH, &SKIP, 0);
        lab.put_gz(&format!("logs/{}", key(1, 1)), &new);
        if old == bad {
            replay(lab, &BOTH, &["--retention", "0s"], 0);
        } else {
            redo(lab, &[]);
        }
        let said = lab.run(&["verify", "{}lake/", BOTH[0], BOTH[1]]);
        let told =
            ["left out as a copy", &lab.url(&format!("replica/{}", key(1, 1)))].map(|word| said.stdout.contains(word));
        assert!(said.code == 4 && told == [true; 2], "{}{}", said.stdout, said.stderr);
        let summary = convert(lab, &BOTH, &SKIP, code);
        assert_eq!((&summary["objects"], &summary["objects_copies"]), (&1.into(), &0.into()), "{summary}");
        let mut expected = lab.expected("logs").rows;
        expected.extend(lab.expected(&format!("replica/{folder}")).rows);
        assert_eq!(lab.lake_rows(), expected);
        assert_eq!(convert(lab, &BOTH, &["--full-scan", "--copies", "skip"], 0)["objects_planned"], 0);
        is_sound(lab, &BOTH);
        ["logs", "replica", "lake"].iter().for_each(|folder| remove(lab, folder));
    }
}

/// The first was written again with other bytes and the same text, and decoded again.
fn a_copy_stays_left_out_while_its_first_has_its_content(lab: &Lab) {
    let name = format!("logs/{}", key(1, 1));
    lab.put_gz(&name, &text(1, 1));
    convert(lab, &BOTH[..1], &SKIP, 0);
    lab.put_gz(&format!("replica/{}", key(1, 1)), &text(1, 1));
    assert_eq!(convert(lab, &BOTH, &SKIP, 0)["objects_copies"], 1);
    let rows = lab.lake_rows();
    lab.put(&name, stored(&text(1, 1)));
    assert_eq!(redo(lab, &[])["tasks_replaced"], 0);
    for policy in ["skip", "keep"] {
        let summary = convert(lab, &BOTH, &["--full-scan", "--copies", policy], 0);
        assert_eq!((&summary["objects"], &summary["objects_differing"]), (&0.into(), &0.into()), "{summary}");
    }
    assert!(rows.len() == 5 && lab.lake_rows() == rows);
    is_sound(lab, &BOTH);
}
