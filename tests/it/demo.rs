//! Commands that a newcomer tries first.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::lab::{Lab, Said};

#[test]
fn a_sample_bucket_becomes_a_lake_with_every_record() {
    let lab = Lab::on_disk();
    let bucket = lab.path("logs");
    let said = lab.run(&["sample", &bucket.display().to_string(), "--records", "20000", "--mix", "all"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let expected = lab.expected("logs");
    assert_eq!(expected.rows.len(), 20_000);
    let summary = lab.convert(&["--threads", "2"], 0);
    assert_eq!(summary["records"], 20_000);
    assert_eq!(lab.lake_rows(), expected.rows);
}

#[test]
fn a_dry_run_writes_nothing() {
    let lab = Lab::on_disk();
    lab.put_gz("logs/a.log.gz", "version srcaddr start\n2 10.0.0.1 1694735970\n");
    let summary = lab.convert(&["--dry-run"], 0);
    assert_eq!((summary["objects"].as_u64(), summary["tasks"].as_u64()), (Some(1), Some(1)));
    assert!(lab.list("lake").is_empty());
}

#[test]
fn inspect_names_formats_and_shows_rows() {
    let lab = Lab::on_disk();
    lab.put_gz("logs/a.log.gz", "version srcaddr start brand-new\n2 10.9.8.7 1694735970 x\n");
    let said = lab.run(&["inspect", "{}logs/"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains("version srcaddr start brand-new"), "{}", said.stdout);
    assert!(said.stdout.contains("10.9.8.7"), "{}", said.stdout);
}

fn demo(lab: &Lab, place: &Path, code: i32) -> Said {
    let said = lab.run(&["demo", &place.display().to_string()]);
    assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
    said
}

fn rows(lab: &Lab, lake: &Path) -> String {
    let said = lab.run(&["query", &lake.display().to_string(), "SELECT count(*) FROM flow_logs", "--format", "csv"]);
    said.stdout.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn a_demo_goes_on_where_a_demo_was_and_nowhere_else() {
    let lab = Lab::on_disk();
    let place = lab.path("flowlake-demo");
    let [bucket, lake] = ["bucket", "lake"].map(|name| place.join(name));
    // It was killed before it made anything but its mark, and later while it wrote an object.
    std::fs::create_dir(&place).expect("a folder");
    let id = "{\"lake_id\":\"5d9a2d5e-7a0b-4c8e-9d3c-0123456789ab\"}";
    std::fs::write(place.join(".flowlake-demo"), id).expect("the lab's own file");
    let made = demo(&lab, &place, 0);
    assert_eq!(rows(&lab, &lake), "1000000");
    let object = walk(&bucket).pop().expect("an object");
    let part = object.with_file_name(".flowlake-0123456789abcdef0123456789abcdef.part");
    std::fs::copy(&object, &part).expect("the lab's own file");
    let again = demo(&lab, &place, 0);
    assert!(
        again.stderr.contains("nothing new; 24 were done before") && again.stdout == made.stdout,
        "{}",
        again.stderr
    );
    assert!(rows(&lab, &lake) == "1000000" && !part.exists());
    // Somebody puts logs into the bucket, or a lake of their own in the place of the demo's.
    let other = bucket.join("AWSLogs/x.log.gz");
    std::fs::write(&other, "x").expect("the lab's own file");
    let said = demo(&lab, &place, 2);
    assert!(said.stderr.contains("x.log.gz is not of this sample"), "{}", said.stderr);
    std::fs::remove_file(&other).expect("the lab's own file");
    lab.put_gz("logs/a.log.gz", "version srcaddr start\n2 10.0.0.1 1694735970\n");
    std::fs::remove_dir_all(&lake).expect("the lab's own folder");
    let own = lake.display().to_string();
    assert_eq!(lab.run(&["convert", "{}logs/", &own]).code, 0);
    let said = demo(&lab, &place, 2);
    assert!(said.stderr.contains("lake is there, and no demo of this version made it"), "{}", said.stderr);
    assert_eq!(rows(&lab, &lake), "1");
}

#[test]
fn a_demo_touches_nothing_of_others() {
    let lab = Lab::on_disk();
    let home = lab.path("home");
    std::fs::create_dir(&home).expect("a folder");
    lab.put_gz("home/logs/a.log.gz", "version srcaddr start\n2 10.0.0.1 1694735970\n");
    assert_eq!(lab.run(&["convert", "{}home/logs/", "{}home/lake/"]).code, 0);
    let before = walk(&home);
    let refused = |place: &Path, words: &str| {
        let said = demo(&lab, place, 2);
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    };
    refused(&home, "home/lake is there, and no demo of this version made it; remove it, or give another folder");
    let url = format!("file://{}", home.display());
    refused(Path::new(&url), "home/lake is there, and no demo of this version made it");
    refused(Path::new("s3://bucket/demo"), "give a path of this machine");
    refused(Path::new("@prod"), "is no path");
    let elsewhere = lab.path("elsewhere");
    std::fs::create_dir(&elsewhere).expect("a folder");
    for name in ["bucket", "lake"] {
        symlink(home.join("logs"), elsewhere.join(name)).expect("the lab can link");
        refused(&elsewhere, &format!("elsewhere/{name} is there, and no demo of this version made it"));
        // Nor with the mark of another demo.
        std::fs::write(elsewhere.join(".flowlake-demo"), "{\"lake_id\":\"x\"}").expect("the lab's own file");
        refused(&elsewhere, &format!("elsewhere/{name} is there, and no demo of this version made it"));
        std::fs::write(elsewhere.join(".flowlake-demo"), "x").expect("the lab's own file");
        refused(&elsewhere, ".flowlake-demo is no mark of a demo");
        std::fs::remove_file(elsewhere.join(".flowlake-demo")).expect("the lab's own file");
        std::fs::remove_file(elsewhere.join(name)).expect("the lab's own link");
    }
    assert_eq!(walk(&home), before);
    assert!(walk(&elsewhere).is_empty() && !lab.path("file:").exists());
    assert_eq!(rows(&lab, &home.join("lake")), "1");
}

#[test]
fn a_sample_lies_beside_nothing_else() {
    let lab = Lab::on_disk();
    let place = lab.path("sample");
    let text = place.display().to_string();
    let sample = ["sample", &text, "--records", "100", "--days", "1"];
    let run = |code: i32, words: &str| {
        let said = lab.run(&sample);
        assert!(said.code == code && said.stderr.contains(words), "{}", said.stderr);
    };
    // A link to a lake, or to logs of somebody: no folder is made behind it.
    lab.put_gz("logs/a.log.gz", "version srcaddr start\n2 10.0.0.1 1694735970\n");
    assert_eq!(lab.run(&["convert", "{}logs/", "{}lake/"]).code, 0);
    std::fs::create_dir(&place).expect("a folder");
    symlink(lab.path("lake/flow_logs"), place.join("AWSLogs")).expect("the lab can link");
    let folders = || std::fs::read_dir(lab.path("lake/flow_logs")).expect("a folder").count();
    let before = folders();
    run(2, "sample/AWSLogs is not of this sample, which would lie beside it; give a folder that is new or empty");
    assert_eq!(folders(), before);
    std::fs::remove_file(place.join("AWSLogs")).expect("the lab's own link");
    // The same once more is the same; one file that is damaged is made again, the others are not touched.
    run(0, "100 records");
    let files = walk(&place);
    std::fs::write(&files[0], "x").expect("the lab's own file");
    let written = |file: &Path| std::fs::metadata(file).expect("a file").modified().expect("a time");
    let second = written(&files[1]);
    run(0, "100 records");
    assert!(std::fs::read(&files[0]).expect("a file").len() > 1 && written(&files[1]) == second);
    let said = lab.run(&["sample", &text, "--records", "100", "--days", "1", "--seed", "2"]);
    assert!(said.code == 2 && said.stderr.contains("is not of this sample"), "{}", said.stderr);
    assert_eq!(walk(&place), files);
}

/// Every file below a folder, in order; links are not followed.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let (mut open, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            if entry.file_type().expect("a kind").is_dir() { open.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    files.sort();
    files
}
