//! Objects that lie at the sources twice: named, left out if asked, and never lost for one that cannot be read.

use serde_json::Value;

use crate::faults::{key, text};
use crate::lab::{Forbidden, Lab, on_both_stores};

on_both_stores!(
    copies_of_one_run_are_named_and_left_out_if_asked,
    a_copy_of_what_was_converted_earlier_is_found,
    what_has_the_name_but_not_the_content_is_no_copy,
    a_copy_is_taken_if_its_first_cannot_be_read,
);

const DAYS: u32 = 6;

fn fill(lab: &Lab, folder: &str) {
    (1..=DAYS).for_each(|day| lab.put_gz(&format!("{folder}/{}", key(day, 1)), &text(day, 1)));
}

fn convert(lab: &Lab, sources: &[&str], more: &[&str], code: i32) -> Value {
    let said = lab.run(&[&["convert"], sources, &["{}lake/", "--json"], more].concat());
    assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
    serde_json::from_str(&said.stdout).unwrap_or(Value::Null)
}

const BOTH: [&str; 2] = ["{}logs/", "{}replica/"];

fn empty_lake(lab: &Lab) {
    for name in lab.list("lake").into_keys() {
        lab.delete(&object_store::path::Path::parse(&name).expect("a name"));
    }
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
    let documented = include_str!("../../docs/lake.md").split("```sql\n").nth(1).expect("the statement");
    let statement = documented.split("```").next().expect("its end");
    let said = lab.run(&["query", "{}lake/", statement, "--format", "csv"]);
    let rows: Vec<&str> = said.stdout.lines().skip(1).collect();
    assert_eq!(rows.len(), DAYS as usize, "{}{}", said.stdout, said.stderr);
    let second =
        format!("{},2,{},5", key(2, 1).rsplit('/').next().expect("a name"), lab.url(&format!("logs/{}", key(2, 1))));
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
    // Stored, not compressed: of one size whatever the digits.
    let stored = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).expect("memory");
        encoder.finish().expect("memory")
    };
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
