//! Files that flowlake published and that nothing tells of are deleted; nothing else is.

use serde_json::Value;

use crate::compact::fed;
use crate::lab::{Lab, on_both_stores};

on_both_stores!(what_nothing_tells_of_is_deleted);

#[track_caller]
fn compact(lab: &Lab, retention: &str) -> Value {
    let said = lab.run(&["compact", "{}lake/", "--retention", retention, "--json"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    serde_json::from_str(&said.stdout).expect("JSON")
}

/// Another name that a task may publish a file of its own under.
fn other(name: &str) -> String {
    let stem = name.strip_suffix(".parquet").expect("a data file");
    let (rest, hash) = stem.rsplit_once('-').expect("a hash");
    let turned: String = hash.chars().rev().collect();
    format!("{rest}-{turned}.parquet")
}

fn what_nothing_tells_of_is_deleted(lab: &Lab) {
    fed(lab, 4);
    let small = lab.data_files();
    let (first, bytes) = small.iter().next().map(|name| (name.clone(), lab.get(name))).expect("a file");
    compact(lab, "0s");
    assert_eq!(lab.data_files().len(), 3);
    let rejects = lab.list("lake/_flowlake/rejects").into_keys().next().expect("lines that were set aside");
    // What was replaced comes back, as from a run that slept, and what a dead attempt left; in three folders.
    let orphans = [
        first.clone(),
        other(&first),
        other(&first).replace("flow_logs/", "flow_logs/_c/").replace(".parquet", ""),
        rejects.replace(".ndjson.zst", "").rsplit_once('-').expect("a hash").0.to_owned()
            + "-0123456789abcdef.ndjson.zst",
    ];
    // Of somebody else, and what is no name of ours.
    let strangers = [
        first.replace(".parquet", ".parquet.bak"),
        format!("{}/notes.txt", first.rsplit_once('/').expect("a folder").0),
        "lake/flow_logs/date=2023-09-01/part-0001.parquet".to_owned(),
    ];
    let before = lab.list("lake");
    orphans.iter().chain(&strangers).for_each(|name| lab.put(name, bytes.clone()));
    assert_eq!(compact(lab, "7d")["orphans_removed"], 0, "they are younger than the retention");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let said = lab.run(&["compact", "{}lake/", "--retention", "0s"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("4 files that no record tells of were deleted"), "{}", said.stderr);
    let after = lab.list("lake");
    for name in &orphans {
        assert!(!after.contains_key(name), "{name}");
    }
    for name in strangers.iter().chain(before.keys().filter(|key| !key.contains("/_c/"))) {
        assert!(after.contains_key(name), "{name}");
    }
    strangers.iter().for_each(|name| lab.delete(&object_store::path::Path::parse(name).expect("a key")));
    let said = lab.run(&["verify", "{}lake/", "{}logs/"]);
    assert_eq!(said.code, 0, "{}", said.stdout);
    assert!(lab.lake_rows() == lab.expected("logs").rows);
}
