//! Commands that a newcomer tries first.

use crate::lab::Lab;

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
