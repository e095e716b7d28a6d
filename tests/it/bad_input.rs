//! What goes wrong outside the program: the message, the exit code, and a lake that stays as it was.

use crate::lab::{Lab, on_both_stores};
use crate::server::{READER, server};

on_both_stores!(
    a_missing_source_is_named,
    a_lake_inside_its_source_is_refused,
    a_source_inside_its_lake_is_refused,
    a_lake_keeps_its_partitioning,
    a_lake_of_a_newer_version_is_left_alone,
    a_malformed_format_is_bad_usage,
    options_of_a_replay_go_with_it,
    a_source_may_be_one_file,
    a_second_run_on_this_host_leaves_at_once,
    an_empty_source_is_an_error_the_first_time,
);

const ROW: &str = "version srcaddr start\n2 10.0.0.1 1694735970\n";

fn a_missing_source_is_named(lab: &Lab) {
    let said = lab.run(&["convert", "{}nowhere/at/all/", "{}lake/"]);
    assert_ne!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("nowhere/at/all"), "{}", said.stderr);
    assert!(lab.data_files().is_empty());
}

/// On disk a name may be taken by something else.
#[test]
fn a_lake_or_source_that_is_no_folder_is_told() {
    let lab = Lab::on_disk();
    lab.put_gz("logs/a.log.gz", ROW);
    let (file, pipe) = (lab.temporary().join("file"), lab.temporary().join("pipe"));
    std::fs::write(&file, "").expect("a file");
    let name = std::ffi::CString::new(pipe.to_str().expect("plain names")).expect("no NUL");
    // SAFETY: the name is a C text that lives longer than the call.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    let logs = lab.temporary().join("logs");
    let text = |path: &std::path::Path| path.to_str().expect("plain names").to_owned();
    for (source, lake, what) in [
        (&logs, &file, "is a file"),
        (&logs, &pipe, "is neither a file nor a folder"),
        (&pipe, &lab.temporary().join("new"), "is neither a file nor a folder"),
    ] {
        let said = lab.run(&["convert", &text(source), &text(lake)]);
        assert_eq!(said.code, 1, "{}", said.stderr);
        assert!(said.stderr.contains(what), "{}", said.stderr);
    }
    assert_eq!(std::fs::read(&file).expect("it is still there"), b"");
}

fn a_lake_inside_its_source_is_refused(lab: &Lab) {
    lab.put_gz("logs/a.log.gz", "version srcaddr\n2 10.0.0.1\n");
    let said = lab.run(&["convert", "{}logs/", "{}logs/lake/"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("overlap"), "{}", said.stderr);
    assert_eq!(lab.list("logs").len(), 1);
}

fn a_source_inside_its_lake_is_refused(lab: &Lab) {
    lab.put_gz("lake/logs/a.log.gz", ROW);
    let said = lab.run(&["convert", "{}lake/logs/", "{}lake/"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("overlap"), "{}", said.stderr);
    assert_eq!(lab.list("lake").len(), 1);
}

fn a_lake_keeps_its_partitioning(lab: &Lab) {
    lab.put_gz("logs/a.log.gz", ROW);
    lab.convert(&[], 0);
    let before = lab.list("lake");
    let said = lab.run(&["convert", "{}logs/", "{}lake/", "--partition-by", "date,hour"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("partitioned by `date`"), "{}", said.stderr);
    assert_eq!(lab.list("lake"), before);
}

#[test]
fn a_wrong_secret_is_refused_in_plain_words() {
    let lab = Lab::on_s3();
    let mut program = lab.program(&["convert", "{}logs/", "{}lake/"]);
    let output = program.env("AWS_SECRET_ACCESS_KEY", "not-the-secret").output().expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("credentials") && !stderr.contains("not-the-secret"), "{stderr}");
}

#[test]
fn a_missing_bucket_is_named() {
    let lab = Lab::on_s3();
    let said = lab.run(&["convert", "s3://no-such-bucket-here/", "{}lake/"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("no-such-bucket-here"), "{}", said.stderr);
}

#[test]
fn a_source_needs_only_list_and_get() {
    let lab = Lab::on_s3();
    lab.put_gz("logs/a.log.gz", ROW);
    let lake = Lab::on_disk();
    let lake_url = format!("{}lake/", lake.root);
    let mut program = lab.program(&["convert", "{}logs/", &lake_url]);
    program.env("AWS_ACCESS_KEY_ID", READER.0).env("AWS_SECRET_ACCESS_KEY", READER.1);
    let output = program.output().expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(lake.lake_rows().len(), 1);
    assert!(server().endpoint.starts_with("http://127.0.0.1:"));
}

fn a_lake_of_a_newer_version_is_left_alone(lab: &Lab) {
    lab.put_gz("logs/a.log.gz", ROW);
    lab.put("lake/_flowlake/log/00000000000000000000.json", r#"{"format":99,"kind":"from-the-future"}"#);
    let before = lab.list("lake");
    let said = lab.run(&["convert", "{}logs/", "{}lake/"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("newer flowlake"), "{}", said.stderr);
    assert_eq!(lab.list("lake"), before);
}

fn a_malformed_format_is_bad_usage(lab: &Lab) {
    lab.put_gz("logs/a.log.gz", ROW);
    let said = lab.run(&["convert", "{}logs/", "{}lake/", "--format", "version start"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("${field-name}"), "{}", said.stderr);
    assert!(lab.list("lake").is_empty());
}

fn options_of_a_replay_go_with_it(lab: &Lab) {
    for option in [["--threads", "2"], ["--memory", "1GiB"], ["--format", "default"], ["--compression", "none"]] {
        let said = lab.run(&[&["rejects", "{}lake/"][..], &option].concat());
        assert!(said.code == 2 && said.stderr.contains("--replay"), "{option:?}: {}", said.stderr);
    }
}

fn a_source_may_be_one_file(lab: &Lab) {
    lab.put_gz("logs/a.log.gz", ROW);
    lab.put_gz("logs/b.log.gz", "version srcaddr start\n2 10.0.0.2 1694735970\n");
    let said = lab.run(&["convert", "{}logs/a.log.gz", "{}lake/"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(lab.lake_rows().len(), 1);
    // Found again through its folder, it is the same object.
    assert_eq!(lab.convert(&[], 0)["objects"], 1);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
}

/// Another run is at work: the lock that it would hold is held by this test.
fn a_second_run_on_this_host_leaves_at_once(lab: &Lab) {
    lab.put_gz("logs/a.log.gz", ROW);
    lab.convert(&[], 0);
    let before = lab.list("lake");
    let locks: Vec<_> = std::fs::read_dir(lab.own_folder(lab.temporary()))
        .expect("the program's temporary folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "lock"))
        .collect();
    assert_eq!(locks.len(), 1, "{locks:?}");
    let held = std::fs::File::open(&locks[0]).expect("the lock file");
    held.lock().expect("nobody else holds it");
    let said = lab.run(&["convert", "{}logs/", "{}lake/"]);
    assert_eq!(said.code, 75, "{}", said.stderr);
    assert!(said.stderr.contains("another run"), "{}", said.stderr);
    assert_eq!(lab.list("lake"), before);
}

/// The first signal ends a run between two objects: nothing half published, and the next run completes it.
#[test]
fn an_interrupted_run_publishes_nothing_by_halves() {
    let lab = Lab::on_disk();
    let bucket = lab.path("logs");
    let made = lab.run(&["sample", &bucket.display().to_string(), "--records", "150000"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let mut running = lab.program(&["convert", "{}logs/", "{}lake/", "--threads", "1"]).spawn().expect("it starts");
    while lab.list("lake").keys().all(|key| !key.contains("/plans/")) {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    // SAFETY: `kill` sends a signal to a child that was not yet waited for.
    unsafe { libc::kill(running.id() as i32, libc::SIGINT) };
    let status = running.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    let rows = lab.lake_rows().len();
    assert!(rows < 150_000, "the signal came before the end");
    lab.convert(&[], 0);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
}

/// A bucket, or a folder, that is there and holds nothing.
fn an_empty_source_is_an_error_the_first_time(lab: &Lab) {
    let lake = Lab::on_disk();
    let said = lab.run(&["convert", "{}", &lake.url("lake/")]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("there is nothing") && said.stderr.contains(&lab.root), "{}", said.stderr);
    assert!(lake.list("lake").is_empty());
    // Once the lake holds something, nothing more is nothing new.
    lab.put_gz("a.log.gz", ROW);
    assert_eq!(lab.run(&["convert", "{}", &lake.url("lake/")]).code, 0);
    lab.delete(&object_store::path::Path::from("a.log.gz"));
    assert_eq!(lab.run(&["convert", "{}", &lake.url("lake/")]).code, 0);
    assert_eq!(lake.lake_rows().len(), 1);
}

/// Days of keys may be as odd as any name, and so may ages.
#[test]
fn a_lookback_beyond_the_calendar_lists_everything() {
    let lab = Lab::on_disk();
    lab.put_gz("logs/0001/01/02/a.log.gz", ROW);
    lab.convert(&[], 0);
    lab.put_gz("logs/0001/01/01/b.log.gz", ROW);
    // Reachable from today, as the command line asks, and not from the first century.
    assert_eq!(lab.convert(&["--lookback", "96400000d"], 0)["objects"], 1);
}
