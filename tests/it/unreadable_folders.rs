//! Folders of a source on disk that fail when they are read: each is named, the rest is converted, and what lies in it
//! is made up for once it can be read.

#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Child, Command};

use crate::lab::Lab;

const TREES: [&str; 3] =
    ["logs/loose", "logs/2023/09/02", "logs/AWSLogs/111111111111/vpcflowlogs/us-east-1/2023/09/02"];

/// A process that ended and was not waited for: what is known of its network is a folder that can be opened and fails
/// when it is read, for root too, with an error that says nothing of rights.
struct Ended(Child);

impl Ended {
    fn new() -> Ended {
        let mut child = Command::new("true").stdin(std::process::Stdio::piped()).spawn().expect("`true` starts");
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        drop(child.stdin.take());
        let ended = Ended(child);
        while fs::read_dir(ended.folder()).is_ok_and(|names| names.into_iter().all(|name| name.is_ok())) {
            assert!(std::time::Instant::now() < deadline, "the folder of a process that ended can be read");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        ended
    }

    fn folder(&self) -> String {
        format!("/proc/{}/net", self.0.id())
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.wait();
    }
}

fn put_day(lab: &Lab, folder: &str, day: u32) {
    let start = 1_693_526_400 + (i64::from(day) - 1) * 86_400;
    lab.put_gz(&format!("{folder}/a.log.gz"), &format!("version srcaddr start\n2 10.0.0.{day} {start}\n"));
}

#[test]
fn a_folder_that_fails_costs_itself_and_is_listed_again() {
    let lab = Lab::on_disk();
    let ended: Vec<Ended> = TREES.iter().map(|_| Ended::new()).collect();
    for (tree, ended) in TREES.iter().zip(&ended) {
        // A later day beside it: how far a chain was listed must not be noted behind what was not seen.
        put_day(&lab, &tree.replace("/02", "/20").replace("loose", "other"), 20);
        fs::create_dir_all(lab.path(tree).parent().expect("it has one")).expect("the lab can make folders");
        symlink(ended.folder(), lab.path(tree)).expect("the lab can link");
    }
    let said = lab.run(&["convert", "{}logs/", "{}lake/", "--dry-run"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    for converted in [3, 0] {
        let summary = lab.convert(&[], 3);
        let denied: Vec<&str> = summary["denied"].as_array().expect("a list").iter().flat_map(|d| d.as_str()).collect();
        assert_eq!(denied.len(), TREES.len(), "{denied:?}");
        for tree in TREES {
            let named = |text: &&str| text.contains(tree) && text.contains("Invalid argument");
            assert_eq!(denied.iter().filter(|text| named(text)).count(), 1, "{tree}: {denied:?}");
        }
        assert_eq!(summary["objects"], converted);
    }
    let said = lab.run(&["convert", "{}logs/", "{}lake/"]);
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(said.stderr.contains("3 prefixes could not be listed"), "{}", said.stderr);
    for tree in TREES {
        fs::remove_file(lab.path(tree)).expect("the lab's own link");
        put_day(&lab, tree, 2);
    }
    assert_eq!(lab.convert(&[], 0)["objects"], 3);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
    assert_eq!(lab.run(&["verify", "{}lake/", "{}logs/"]).code, 0);
}

/// Of the source itself nothing else is there to be converted.
#[test]
fn a_source_that_fails_is_an_error() {
    let lab = Lab::on_disk();
    let ended = Ended::new();
    symlink(ended.folder(), lab.path("logs")).expect("the lab can link");
    let said = lab.run(&["convert", "{}logs/", "{}lake/"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("cannot be read: Invalid argument"), "{}", said.stderr);
}
