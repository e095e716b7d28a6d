//! Lakes that somebody else made, with ledger records of every kind that would lead out of them: whatever command opens
//! such a lake reads nothing, writes nothing and removes nothing outside of it, and ends with a clear word.

mod cases;
mod changes;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::json;

use self::changes::{CHANGES, CHANGES_ON_DISK, Change, SECRET_NAME, change_body, fill, intent, plan_object};
use crate::lab::{Lab, Said, said};

/// A run ends within this time, however slow the machine.
const TIME_MAX: Duration = Duration::from_secs(120);

fn lab() -> Lab {
    let lab = Lab::on_disk();
    fill(&lab);
    lab
}

/// Everything that is not the lake's, with contents.
fn outside(lab: &Lab) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    if lab.endpoint().is_some() {
        let names = lab.list("").into_keys().filter(|name| !name.starts_with("lake/"));
        found.extend(names.map(|name| (name.clone(), lab.get(&name))));
        return found;
    }
    let mut open = vec![lab.path("outside"), lab.path("logs")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
            found.insert(path.display().to_string(), Vec::new());
        } else {
            found.insert(path.display().to_string(), std::fs::read(&path).expect("a file"));
        }
    }
    let around = std::fs::read_dir(lab.path("")).expect("a folder");
    found.extend(around.map(|entry| (entry.expect("an entry").path().display().to_string(), Vec::new())));
    found
}

const LEDGER: &str = "SELECT path, columns FROM lake.files UNION ALL SELECT url, reason FROM lake.objects UNION ALL \
                      SELECT text, reason FROM lake.rejects UNION ALL SELECT kind, written_by FROM lake.runs";

const COMMANDS: &[&[&str]] = &[
    &["query", "{}lake/", "SELECT count(*), min(srcaddr) FROM flow_logs", "--format", "csv"],
    &["query", "{}lake/", LEDGER, "--format", "table"],
    &["report", "{}lake/"],
    &["dashboard", "{}lake/", "--output", "{tmp}/page.html"],
    &["serve", "{}lake/", "--listen", "127.0.0.1:0"],
    &["ddl", "{}lake/", "--engine", "duckdb"],
    &["rejects", "{}lake/"],
    &["verify", "{}lake/"],
    &["verify", "{}lake/", "{}logs/"],
    &["convert", "{}logs/", "{}lake/", "--dry-run"],
    &["convert", "{}logs/", "{}lake/", "--redo", "--since", "2023-09-01", "--until", "2023-09-30"],
    &["rejects", "{}lake/", "{}logs/", "--replay"],
    &["convert", "{}logs/", "{}lake/"],
    // Plan 8 can be done so, and what its attempts left is swept.
    &["convert", "{}logs/", "{}lake/", "--trust-plans"],
    &["convert", "{}logs/", "{}lake/", "--full-scan"],
    &["repair", "{}lake/"],
    &["inspect", "{}lake/"],
    &["ddl", "{}lake/", "--engine", "athena", "--location", "s3://bucket/lake/"],
    // Nothing of the others has come in.
    &["query", "{}lake/", "SELECT DISTINCT srcaddr FROM flow_logs", "--format", "csv"],
    &["convert", "{}logs/", "{}lake/", "--full-scan"],
];

/// On a server each command takes longer: those that fetch, remove, or say what there is.
const COMMANDS_ON_S3: &[&[&str]] = &[
    &["verify", "{}lake/", "{}logs/"],
    &["convert", "{}logs/", "{}lake/", "--redo", "--since", "2023-09-01", "--until", "2023-09-30"],
    &["rejects", "{}lake/", "{}logs/", "--replay"],
    &["convert", "{}logs/", "{}lake/", "--full-scan"],
    &["repair", "{}lake/"],
    &["inspect", "{}lake/"],
    &["query", "{}lake/", "SELECT DISTINCT srcaddr FROM flow_logs", "--format", "csv"],
    &["rejects", "{}lake/"],
];

/// Runs a command to its end, or a server until it serves.
fn run(lab: &Lab, command: &[&str]) -> Said {
    let temporary = lab.temporary().to_str().expect("UTF-8").to_owned();
    let command: Vec<String> = command.iter().map(|argument| argument.replace("{tmp}", &temporary)).collect();
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let mut program = lab.program(&command);
    let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    if command[0] == "serve" {
        let mut stderr = BufReader::new(child.stderr.take().expect("it is a pipe"));
        // Warnings may come before it serves.
        let (mut told, mut serves) = (String::new(), false);
        while !serves {
            let from = told.len();
            if stderr.read_line(&mut told).expect("text") == 0 {
                break;
            }
            serves = told[from..].starts_with("serving ");
        }
        if serves {
            child.kill().expect("it runs");
        }
        stderr.read_to_string(&mut told).expect("text");
        let code = child.wait().expect("it ends").code();
        return Said { code: if serves { 0 } else { code.unwrap_or(-1) }, stdout: String::new(), stderr: told };
    }
    let ended = std::thread::spawn(move || child.wait_with_output().expect("it ends"));
    let began = Instant::now();
    while !ended.is_finished() {
        assert!(began.elapsed() < TIME_MAX, "{command:?} does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
    said(ended.join().expect("it was waited for"))
}

/// What was said is text for people: nothing in it acts on their terminal, and no secret is told.
fn check_said(at: &str, said: &Said) {
    assert!([0, 1, 3, 4].contains(&said.code), "{at} ended with {}: {}{}", said.code, said.stdout, said.stderr);
    for text in [&said.stdout, &said.stderr] {
        assert!(!text.contains("10.66.66.66") && !text.contains("precious"), "{at} tells a secret: {text}");
        assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{at} acts on the terminal: {text:?}");
        assert!(!text.contains("panicked"), "{at}: {text}");
        assert!(!text.lines().any(|line| line.starts_with("error: all is well")), "{at} lets others speak: {text}");
    }
    assert!(said.code != 1 || said.stderr.contains("error: "), "{at}: {}", said.stderr);
}

fn matrix(make: fn() -> Lab, changes: &[(&str, Change)], commands: &[&[&str]]) {
    for (name, change) in changes {
        let lab = make();
        fill(&lab);
        change(&lab);
        let before = outside(&lab);
        let objects_elsewhere = name.starts_with("plan object");
        // What is inspected is a source, and links in a source are the source's.
        let has_links = CHANGES_ON_DISK.iter().any(|(of_disk, _)| of_disk == name);
        let is_meant = |command: &&&[&str]| {
            !(objects_elsewhere && command.contains(&"--trust-plans") || has_links && command[0] == "inspect")
        };
        for command in commands.iter().filter(is_meant) {
            let at = format!("{name}: {command:?}");
            let said = run(&lab, command);
            check_said(&at, &said);
            let after = outside(&lab);
            assert!(before == after, "{at} changed {:?}\n{}", differing(&before, &after), said.stderr);
        }
        let page = std::fs::read_to_string(lab.temporary().join("page.html")).unwrap_or_default();
        assert!(!page.contains("<script>alert"), "{name}");
    }
}

fn differing<'a>(before: &'a BTreeMap<String, Vec<u8>>, after: &'a BTreeMap<String, Vec<u8>>) -> Vec<&'a String> {
    let names = before.keys().chain(after.keys());
    names.filter(|name| before.get(*name) != after.get(*name)).collect()
}

/// In three parts, which run beside each other.
mod no_command_reaches_out_of_a_lake {
    use super::*;

    fn third(number: usize) {
        let all = CHANGES.iter().chain(CHANGES_ON_DISK);
        let part: Vec<(&str, Change)> = all.skip(number).step_by(3).copied().collect();
        assert!(part.len() > 10);
        matrix(Lab::on_disk, &part, COMMANDS);
    }

    #[test]
    fn first() {
        third(0);
    }

    #[test]
    fn second() {
        third(1);
    }

    #[test]
    fn last() {
        third(2);
    }
}

/// Another bucket, which the user's credentials open as well.
fn somebody() -> &'static Lab {
    static LAB: OnceLock<Lab> = OnceLock::new();
    LAB.get_or_init(|| {
        let lab = Lab::on_s3();
        fill(&lab);
        lab
    })
}

/// As above, where the lake and the logs lie in a bucket. What is outside is the rest of that bucket, and another one.
#[test]
fn no_command_reaches_out_of_a_lake_on_s3() {
    let of_buckets: &[(&str, Change)] = &[
        ("plan object of another bucket", |lab| plan_object(lab, &somebody().url(SECRET_NAME), SECRET_NAME)),
        ("plan object of a bucket with a name in front", |lab| {
            let url = lab.url(SECRET_NAME).replacen("s3://", "s3://user@", 1);
            plan_object(lab, &url, SECRET_NAME);
        }),
        ("plan object of a disk", |lab| plan_object(lab, "file:///etc/hostname", "etc/hostname")),
        ("plan object beside the source", |lab| {
            lab.put("logs-of-others/secret.log.gz", lab.get(SECRET_NAME));
            plan_object(lab, &lab.url("logs-of-others/secret.log.gz"), "logs-of-others/secret.log.gz");
        }),
        ("intent in another bucket", |lab| {
            let name = somebody().url("outside/victim.txt");
            intent(lab, |intent| intent["files"][0]["path"] = json!(name));
        }),
        ("intent beside the lake", |lab| {
            intent(lab, |intent| intent["files"][0]["path"] = json!("flow_logs/../../outside/victim.txt"));
        }),
        ("copy of another bucket", |lab| {
            let name = somebody().url(SECRET_NAME);
            change_body(lab, |object| object["copy_of"] = json!(name));
        }),
    ];
    let all: Vec<(&str, Change)> = CHANGES.iter().chain(of_buckets).copied().collect();
    let before = outside(somebody());
    matrix(Lab::on_s3, &all, COMMANDS_ON_S3);
    assert!(before == outside(somebody()), "another bucket was changed");
}

/// The unchanged lake goes through every command: the matrix above ends early nowhere by itself.
#[test]
fn the_same_lake_without_changes_is_read_and_continued() {
    let lab = lab();
    for command in COMMANDS {
        let said = run(&lab, command);
        check_said(&format!("{command:?}"), &said);
        // Its open plan names an object of no source, which is gone besides, and so does what was set aside.
        let works = command[0] == "convert" || command.contains(&"--replay");
        let is_left = works && !command.contains(&"--full-scan");
        assert_eq!(said.code, if is_left { 3 } else { 0 }, "{command:?}: {}", said.stderr);
    }
    assert_eq!(lab.lake_rows().len(), 6);
}
