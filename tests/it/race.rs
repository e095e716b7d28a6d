//! Two runs that start at the same moment on the same source and lake, as on two hosts: neither knows of the other but
//! through the lake.

use std::collections::BTreeMap;
use std::process::Stdio;

use crate::lab::{Lab, on_both_stores, said};

on_both_stores!(two_planners_convert_each_object_once);

const ROUNDS: u32 = 12;
const OBJECTS: u32 = 6;

fn two_planners_convert_each_object_once(lab: &Lab) {
    for n in 0..OBJECTS {
        let start = 1_694_649_600 + i64::from(n) * 86_400;
        let rows: String = (0..20).map(|row| format!("2 10.0.{n}.{row} {} {row}\n", start + row)).collect();
        let day = 14 + n;
        lab.put_gz(&format!("logs/2023/09/{day}/{n}.log.gz"), &format!("version srcaddr start bytes\n{rows}"));
    }
    let expected = lab.expected("logs").rows;
    let hosts: Vec<_> = (0..2).map(|_| tempfile::TempDir::new().expect("a temporary folder")).collect();
    for round in 0..ROUNDS {
        let lake = format!("race{round}");
        let started: Vec<_> = hosts
            .iter()
            .map(|host| {
                let mut program = lab.program(&["convert", "{}logs/", &format!("{{}}{lake}/"), "--json"]);
                // The lock of a host lies in its temporary folder.
                program.env("TMPDIR", host.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
                program.spawn().expect("the program starts")
            })
            .collect();
        let mut counted = 0;
        for child in started {
            let said = said(child.wait_with_output().expect("it ends"));
            assert_eq!(said.code, 0, "{}", said.stderr);
            let summary: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
            counted += summary["objects"].as_u64().expect("a count");
        }
        assert_eq!(counted, u64::from(OBJECTS), "each object is counted by the run that committed it");
        assert_eq!(lab.rows_of(&lake), expected, "round {round}");
        check_ledger(lab, &lake);
    }
}

/// Dense numbers, one plan's worth of objects, one receipt an object, and nothing of a rival that lost.
fn check_ledger(lab: &Lab, lake: &str) {
    let keys = lab.list(&format!("{lake}/_flowlake"));
    let log: Vec<&String> = keys.keys().filter(|key| key.contains("/log/")).collect();
    let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
    let mut planned = 0;
    for (number, key) in log.iter().enumerate() {
        assert!(key.ends_with(&format!("/{number:020}.json")), "the log is dense: {log:?}");
        let entry: serde_json::Value = serde_json::from_slice(&lab.get(key)).expect("JSON");
        planned += entry["objects"].as_u64().filter(|_| entry["kind"] == "plan").unwrap_or(0);
        *kinds.entry(entry["kind"].as_str().expect("a kind").to_owned()).or_default() += 1;
    }
    assert_eq!(kinds.get("create"), Some(&1), "{kinds:?}");
    assert_eq!(planned, u64::from(OBJECTS), "one plan's worth of objects: {kinds:?}");
    let mut receipts: BTreeMap<String, u32> = BTreeMap::new();
    for key in keys.keys().filter(|key| key.contains("/commits/")) {
        let text = String::from_utf8(zstd::decode_all(lab.get(key).as_slice()).expect("zstd")).expect("text");
        for receipt in text.lines().skip(1) {
            let receipt: serde_json::Value = serde_json::from_str(receipt).expect("JSON lines");
            *receipts.entry(receipt["url"].as_str().expect("a URL").to_owned()).or_default() += 1;
        }
    }
    assert!(receipts.len() == OBJECTS as usize && receipts.values().all(|&count| count == 1), "{receipts:?}");
    assert_eq!(lab.temporaries("lake"), Vec::<String>::new());
    let bodies = keys.keys().filter(|key| key.contains("/plans/")).count();
    assert_eq!(bodies as u32, kinds["plan"], "a plan that lost its number leaves no body: {keys:?}");
}
