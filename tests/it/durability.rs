//! A commit that was reported survives a power cut: the system calls of a real run are played back on a disk that
//! forgets whatever was not synced.

use std::collections::{BTreeMap, BTreeSet};

use crate::lab::Lab;

const CALLS: &str = "fsync,fdatasync,rename,renameat,renameat2,link,linkat,mkdir,mkdirat,write";

/// Names and contents as they would be after a power cut, of files that were made meanwhile.
#[derive(Default)]
struct Disk {
    /// Files whose bytes were synced.
    whole: BTreeSet<String>,
    /// Names that were made, and whether their folder was synced since.
    names: BTreeMap<String, bool>,
}

impl Disk {
    fn make(&mut self, name: &str) {
        self.names.insert(name.to_owned(), false);
    }

    fn sync(&mut self, path: &str) {
        self.whole.insert(path.to_owned());
        for (_, durable) in self.names.iter_mut().filter(|(name, _)| parent(name) == path) {
            *durable = true;
        }
    }

    /// The new name has the bytes that the old one has.
    fn name(&mut self, old: &str, new: &str) {
        if self.whole.contains(old) {
            self.whole.insert(new.to_owned());
        }
        self.make(new);
    }

    /// Whether a file would be there with all of its bytes, and every folder on the way to it.
    fn survives(&self, file: &str) -> Result<(), String> {
        if !self.whole.contains(file) {
            return Err(format!("the bytes of {file} were not synced"));
        }
        let mut path = file;
        while !path.is_empty() {
            if self.names.get(path) == Some(&false) {
                return Err(format!("{file} would be lost: the folder of {path} was not synced"));
            }
            path = parent(path);
        }
        Ok(())
    }

    fn files_below(&self, part: &str) -> Vec<&String> {
        self.names.keys().filter(|name| name.contains(part) && name.contains('.')).collect()
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Calls that succeeded, in the order in which they ended: their names and the text of their arguments.
fn calls(trace: &str) -> Vec<(String, String)> {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(call) = rest.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, call);
            continue;
        }
        let call = if rest.starts_with("<... ") { begun.remove(thread).unwrap_or_default() } else { rest };
        let failed = rest.rsplit_once(" = ").is_none_or(|(_, result)| result.starts_with('-'));
        if let Some((name, arguments)) = call.split_once('(').filter(|_| !failed) {
            calls.push((name.to_owned(), arguments.to_owned()));
        }
    }
    calls
}

/// The texts between quotes; one that is no absolute path lies in the folder of the descriptor before it.
fn quoted(arguments: &str) -> Vec<String> {
    let pieces: Vec<&str> = arguments.split('"').collect();
    let absolute = |pair: &[&str]| match pair {
        [before, name] if !name.starts_with('/') => {
            match before.rsplit_once('<').and_then(|(_, at)| at.split_once('>')) {
                Some((folder, _)) => format!("{folder}/{name}"),
                None => (*name).to_owned(),
            }
        }
        other => other.last().map_or(String::new(), |name| (*name).to_owned()),
    };
    pieces.chunks_exact(2).map(absolute).collect()
}

/// The path of a file descriptor, as `strace -y` tells it.
fn of_descriptor(arguments: &str) -> &str {
    arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(path, _)| path)
}

#[test]
#[ignore = "needs strace; `.ci/run` installs it and runs this test"]
fn what_is_reported_survives_a_power_cut() {
    let lab = Lab::on_disk();
    // A task has the objects of at most eight days.
    for day in 1..=20 {
        let start = 1_693_526_400 + (day - 1) * 86_400;
        let rows: String = (0..50).map(|row| format!("2 10.0.0.{row} {} {start}\n", row * 7_919)).collect();
        lab.put_gz(&format!("logs/2023/09/{day:02}/a.log.gz"), &format!("version srcaddr bytes start\n{rows}"));
    }
    let trace = lab.temporary().join("trace");
    let (calls_traced, to) = (format!("trace={CALLS}"), trace.to_str().expect("a plain path"));
    let strace = ["strace", "-f", "-y", "-s", "256", "-e", "signal=none", "-e", &calls_traced, "-o", to];
    let run = ["convert", "{}logs/", "{}new/lake/", "--json", "--progress", "never"];
    let done = lab.program_under(&strace, &run).output().expect("strace is installed (Debian: apt-get install strace)");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    let trace = std::fs::read_to_string(trace).expect("a trace");
    let mut disk = Disk::default();
    let (mut commits, mut reports) = (0, 0);
    for (call, arguments) in calls(&trace) {
        let quoted = quoted(&arguments);
        match (call.as_str(), &quoted.iter().map(String::as_str).collect::<Vec<_>>()[..]) {
            ("fsync" | "fdatasync", _) => disk.sync(of_descriptor(&arguments)),
            ("mkdir" | "mkdirat", [folder]) => disk.make(folder),
            ("rename" | "renameat" | "renameat2" | "link" | "linkat", [old, new]) => {
                if let Some((_, task)) = new.split_once("/_flowlake/commits/") {
                    commits += 1;
                    let number = |text: &str| text.trim_start_matches('0').to_owned();
                    let (plan, task) = task.trim_end_matches(".ndjson.zst").split_once('/').expect("plan/task");
                    let of_task = format!("/p{:0>8}-t{:0>6}-", number(plan), number(task));
                    let files = disk.files_below(&of_task);
                    assert!(!files.is_empty(), "{new} commits nothing");
                    for file in files {
                        disk.survives(file).unwrap_or_else(|lost| panic!("at {new}: {lost}"));
                    }
                }
                disk.name(old, new);
            }
            ("write", _) if arguments.starts_with("1<") => {
                reports += 1;
                for kept in ["/flow_logs/", "/_flowlake/commits/", "/_flowlake/log/", "/_flowlake/plans/"] {
                    let files = disk.files_below(kept);
                    assert!(!files.is_empty(), "nothing in {kept}");
                    for file in files {
                        disk.survives(file).unwrap_or_else(|lost| panic!("at the report: {lost}"));
                    }
                }
            }
            _ => {}
        }
    }
    assert!(commits > 1 && reports > 0, "{commits} commits, {reports} reports");
}
