//! Lakes that somebody else made, with ledger records of every kind that would lead out of them: whatever command opens such
//! a lake reads nothing, writes nothing and removes nothing outside of it, and ends with a clear word.
//!
//! The lake is the kept one of format 1, which has every kind of record and an open plan (8). Around it lie files that are
//! nobody's business.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::lab::{Lab, Said, gzip, said};
use crate::old_ledgers::copy;

/// A run ends within this time, however slow the machine.
const TIME_MAX: Duration = Duration::from_secs(120);

const ENTRY: &str = "lake/_flowlake/log/00000000000000000008.json";
const BODY: &str = "lake/_flowlake/plans/00000000000000000008-dee712d978b443169ed9e05f5a743355.ndjson.zst";
const COMMIT: &str = "lake/_flowlake/commits/00000000000000000001/000000.ndjson.zst";
const INTENTS: &str = "lake/_flowlake/intents/00000000000000000008/000000";
const CHECKPOINT: &str = "lake/_flowlake/checkpoints/00000000000000000007.json";
const HEADS: &str = "lake/_flowlake/heads/00000000000000000007-e052c29bbcd3c2ec.ndjson.zst";
const COMMITTED: &str = "flow_logs/date=2023-09-14/p00000001-t000000-0000-f7ed6ee762466e0a.parquet";
const SECRET: &str = "version srcaddr bytes start\n2 10.66.66.66 7 1694735970\n";

/// A lake, the logs of the user, and files of others.
fn lab() -> Lab {
    let lab = Lab::on_disk();
    copy(&lab, "lake-1");
    lab.put_gz("logs/2023/09/15/new.log.gz", "version srcaddr bytes start\n2 10.0.0.9 7 1694735970\n");
    lab.put("outside/victim.txt", "precious");
    lab.put("outside/keep.parquet", "no Parquet");
    lab.put("outside/2023/09/14/secret.log.gz", gzip(SECRET.as_bytes()));
    let body = zstd::encode_all(&b"{\"task\":0,\"objects\":[]}\n"[..], 3).expect("memory");
    lab.put("outside/body.ndjson.zst", body);
    lab
}

/// Everything that is not the lake's, with contents.
fn outside(lab: &Lab) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
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

fn entry(lab: &Lab, key: &str) -> Value {
    let mut entry: Value = serde_json::from_slice(&lab.get(key)).expect("JSON");
    entry.as_object_mut().expect("an object").remove("check");
    entry
}

fn put_json(lab: &Lab, key: &str, value: &Value) {
    lab.put(key, serde_json::to_vec(value).expect("JSON"));
}

fn lines(lab: &Lab, key: &str) -> Vec<Value> {
    let text = zstd::decode_all(lab.get(key).as_slice()).expect("zstd");
    let text = String::from_utf8(text).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect()
}

fn put_lines(lab: &Lab, key: &str, lines: &[Value]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    lab.put(key, zstd::encode_all(text.as_bytes(), 3).expect("memory"));
}

fn remove(lab: &Lab, key: &str) {
    std::fs::remove_file(lab.path(key)).expect("it is there");
}

/// An object of the open plan that lies elsewhere.
fn plan_object(lab: &Lab, url: &str, key: &str) {
    let mut body = lines(lab, BODY);
    let path = lab.path("outside/2023/09/14/secret.log.gz");
    let version = flowlake::source::local_version_of(&path.metadata().expect("it is there"));
    let object = &mut body[0]["objects"][0];
    object["url"] = json!(url);
    object["key"] = json!(key);
    object["size"] = json!(path.metadata().expect("it is there").len());
    object["version"] = json!(version);
    put_lines(lab, BODY, &body);
    let mut plan = entry(lab, ENTRY);
    plan["bytes"] = json!(path.metadata().expect("it is there").len());
    put_json(lab, ENTRY, &plan);
}

fn secret_key(lab: &Lab) -> String {
    let path = lab.path("outside/2023/09/14/secret.log.gz").canonicalize().expect("it is there");
    path.to_str().expect("UTF-8").trim_start_matches('/').to_owned()
}

fn absolute(lab: &Lab, name: &str) -> String {
    lab.path(name).canonicalize().expect("it is there").to_str().expect("UTF-8").to_owned()
}

/// Changes the only commit with rows; readers take it from the log's plans, without the checkpoint.
fn commit(lab: &Lab, change: impl Fn(&mut Value)) {
    remove(lab, CHECKPOINT);
    let mut commit = lines(lab, COMMIT);
    change(&mut commit[0]);
    put_lines(lab, COMMIT, &commit);
}

fn intent(lab: &Lab, change: impl Fn(&mut Value)) {
    let key = format!("{INTENTS}/e80ad17b56ee040f.json");
    let mut intent = entry(lab, &key);
    change(&mut intent);
    put_json(lab, &format!("{INTENTS}/aaaaaaaaaaaaaaaa.json"), &intent);
}

fn checkpoint(lab: &Lab, change: impl Fn(&mut Value)) {
    let mut record = entry(lab, CHECKPOINT);
    change(&mut record["state"]);
    put_json(lab, CHECKPOINT, &record);
}

/// The open plan redoes plan 1, and its only task is committed: what waits would be put in its place.
fn redo(lab: &Lab, path: &str) {
    let replaces = json!({ "plan": 1, "task": 0 });
    let mut plan = entry(lab, ENTRY);
    plan["purpose"] = json!("redo");
    put_json(lab, ENTRY, &plan);
    let mut body = lines(lab, "lake/_flowlake/plans/00000000000000000001-8f8163cbab4c470fa695caf11c0aede5.ndjson.zst");
    body[0]["replaces"] = replaces.clone();
    put_lines(lab, BODY, &body);
    let mut commit = lines(lab, COMMIT);
    commit[0]["plan"] = json!(8);
    commit[0]["replaces"] = replaces;
    commit[0]["files"][0]["path"] = json!(path);
    put_lines(lab, "lake/_flowlake/commits/00000000000000000008/000000.ndjson.zst", &commit);
}

fn bomb() -> Vec<u8> {
    let block = vec![b'\n'; 1 << 20];
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("memory");
    (0..256).for_each(|_| std::io::Write::write_all(&mut encoder, &block).expect("memory"));
    encoder.finish().expect("memory")
}

fn link(lab: &Lab, target: &str, name: &str) {
    let path = lab.path(name);
    if path.is_dir() {
        std::fs::rename(&path, lab.path(&format!("{name}-moved"))).expect("the lab can rename");
    } else if path.exists() {
        std::fs::remove_file(&path).expect("the lab can remove");
    }
    std::os::unix::fs::symlink(lab.path(target), path).expect("the lab can link");
}

type Change = fn(&Lab);

/// Every kind of record with something that leads out.
const CHANGES: &[(&str, Change)] = &[
    ("intent above", |lab| intent(lab, |intent| intent["files"][0]["path"] = json!("../outside/victim.txt"))),
    ("intent absolute", |lab| {
        let victim = absolute(lab, "outside/victim.txt");
        intent(lab, |intent| intent["files"][0]["path"] = json!(victim));
    }),
    ("intent rejects", |lab| intent(lab, |intent| intent["rejects"] = json!("../outside/victim.txt"))),
    ("intent of others", |lab| intent(lab, |intent| intent["files"][0]["path"] = json!(COMMITTED))),
    ("intent of another task", |lab| intent(lab, |intent| intent["plan"] = json!(1))),
    ("intent of zeros", |lab| lab.put(&format!("{INTENTS}/bbbbbbbbbbbbbbbb.json"), vec![0; 1000])),
    ("plan body above", |lab| {
        let mut plan = entry(lab, ENTRY);
        plan["body"] = json!("../outside/body.ndjson.zst");
        put_json(lab, ENTRY, &plan);
    }),
    ("plan body absolute", |lab| {
        let mut plan = entry(lab, ENTRY);
        plan["body"] = json!(absolute(lab, "outside/body.ndjson.zst"));
        put_json(lab, ENTRY, &plan);
    }),
    ("plan object", |lab| {
        let key = secret_key(lab);
        plan_object(lab, &format!("file:///{key}"), &key);
    }),
    ("plan object above", |lab| {
        let logs = absolute(lab, "logs");
        let key = format!("{}/../outside/2023/09/14/secret.log.gz", logs.trim_start_matches('/'));
        plan_object(lab, &format!("file:///{key}"), &key);
    }),
    ("plan object with another key", |lab| {
        let logs = absolute(lab, "logs");
        plan_object(lab, &format!("file://{logs}/2023/09/15/new.log.gz"), &secret_key(lab));
    }),
    ("plan object of a bucket", |lab| plan_object(lab, "s3://somebody/2023/a.log.gz", "2023/a.log.gz")),
    ("plan object of the web", |lab| plan_object(lab, "http://127.0.0.1:1/a.log.gz", "a.log.gz")),
    ("plan of so many tasks", |lab| {
        let mut plan = entry(lab, ENTRY);
        plan["tasks"] = json!(u64::MAX);
        plan["objects"] = json!(u64::MAX);
        put_json(lab, ENTRY, &plan);
    }),
    ("redo above", |lab| redo(lab, "../../outside/.bash_login")),
    ("redo of a place of its own", |lab| redo(lab, "flow_logs/.bash_login")),
    ("commit above", |lab| commit(lab, |head| head["files"][0]["path"] = json!("../outside/keep.parquet"))),
    ("commit absolute", |lab| {
        let path = absolute(lab, "outside/keep.parquet");
        commit(lab, |head| head["files"][0]["path"] = json!(path));
    }),
    ("commit of a URL", |lab| commit(lab, |head| head["files"][0]["path"] = json!("file:///etc/hostname"))),
    ("commit partition", |lab| commit(lab, |head| head["files"][0]["partition"] = json!("../../outside"))),
    ("commit hash", |lab| commit(lab, |head| head["files"][0]["hash"] = json!("../../outside/ä"))),
    ("commit rejects", |lab| commit(lab, |head| head["rejects"] = json!("../outside/body.ndjson.zst"))),
    ("commit bomb", |lab| {
        remove(lab, CHECKPOINT);
        lab.put(COMMIT, bomb());
    }),
    ("commit columns", |lab| {
        commit(lab, |head| {
            let columns = head["files"][0]["columns"].as_object_mut().expect("columns");
            columns.insert("x\"; drop table y; --".into(), json!("text"));
            columns.insert("\u{1b}[2J\n<script>alert(1)</script>".into(), json!("text"));
        });
    }),
    ("receipt partition", |lab| {
        remove(lab, CHECKPOINT);
        let mut commit = lines(lab, COMMIT);
        let with_parts = commit.iter_mut().find(|line| line["parts"].is_array()).expect("a receipt with parts");
        with_parts["parts"][0]["partition"] = json!("date=../..");
        put_lines(lab, COMMIT, &commit);
    }),
    ("checkpoint heads", |lab| checkpoint(lab, |state| state["filed"]["heads"] = json!("../outside/body.ndjson.zst"))),
    ("checkpoint receipts", |lab| {
        checkpoint(lab, |state| state["filed"]["receipts"]["2023-09-14"] = json!(["/etc/hostname"]));
    }),
    ("log of a far number", |lab| lab.put(&format!("lake/_flowlake/log/{:020}.json", u64::MAX), lab.get(ENTRY))),
    ("checkpoint of a far number", |lab| {
        lab.put(&format!("lake/_flowlake/checkpoints/{:020}.json", u64::MAX), lab.get(CHECKPOINT));
    }),
    ("checkpoint next", |lab| checkpoint(lab, |state| state["next"] = json!(u64::MAX))),
    ("heads bomb", |lab| {
        lab.put("lake/_flowlake/heads/bomb.ndjson.zst", bomb());
        checkpoint(lab, |state| state["filed"]["heads"] = json!("_flowlake/heads/bomb.ndjson.zst"));
    }),
    ("heads above", |lab| {
        let mut heads = lines(lab, HEADS);
        heads[0]["files"][0]["path"] = json!("../outside/keep.parquet");
        put_lines(lab, "lake/_flowlake/heads/above.ndjson.zst", &heads);
        checkpoint(lab, |state| state["filed"]["heads"] = json!("_flowlake/heads/above.ndjson.zst"));
    }),
    ("receipts of garbage", |lab| {
        lab.put(
            "lake/_flowlake/objects/day=2023-09-14/garbage.parquet",
            b"PAR1\xff\xff\xff\x7f\xff\xff\xff\xffPAR1".to_vec(),
        );
        let name = "_flowlake/objects/day=2023-09-14/garbage.parquet";
        checkpoint(lab, |state| state["filed"]["receipts"]["2023-09-14"] = json!([name]));
    }),
    ("drop of a terminal", |lab| {
        let drop = json!({ "format": 1, "nonce": "n", "written_by": "\u{1b}[2Jx", "at": "now", "kind": "drop", "plan": 8,
            "objects": { "file:///\u{1b}[31m\nerror": { "day": "2023-09-14", "reason": "\u{1b}]0;x\u{7}" } } });
        put_json(lab, "lake/_flowlake/log/00000000000000000009.json", &drop);
    }),
    ("entry of a kind with escapes", |lab| {
        let odd = json!({ "format": 1, "nonce": "n", "written_by": "x", "at": "now", "kind": "\u{1b}[2J\nerror: all is well" });
        put_json(lab, "lake/_flowlake/log/00000000000000000009.json", &odd);
    }),
    ("entry behind a pipe", |lab| {
        let path = std::ffi::CString::new(lab.path(ENTRY).to_str().expect("UTF-8")).expect("no NUL");
        remove(lab, ENTRY);
        // SAFETY: the text ends in NUL.
        assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    }),
    ("entry without bytes, of any size", |lab| {
        let file = std::fs::File::create(lab.path(ENTRY)).expect("the lab can write");
        file.set_len(1 << 40).expect("a file with a hole");
    }),
    ("tables elsewhere", |lab| link(lab, "outside", "lake/flow_logs")),
    ("temporaries elsewhere", |lab| link(lab, "outside", "lake/_flowlake/tmp")),
    ("waiting elsewhere", |lab| {
        lab.put("outside/flow_logs/date=2023-09-14/p00000001-t000000-0000-0123456789abcdef.parquet", "theirs");
        link(lab, "outside", "lake/_flowlake/waiting");
    }),
    ("log elsewhere", |lab| link(lab, "outside", "lake/_flowlake/log")),
    ("partition elsewhere", |lab| link(lab, "outside", "lake/flow_logs/date=2023-09-14")),
    ("file elsewhere", |lab| link(lab, "outside/keep.parquet", &format!("lake/{COMMITTED}"))),
    ("commit elsewhere", |lab| link(lab, "outside/body.ndjson.zst", COMMIT)),
    ("intent elsewhere", |lab| link(lab, "outside/victim.txt", &format!("{INTENTS}/cccccccccccccccc.json"))),
];

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
        let mut first = String::new();
        stderr.read_line(&mut first).expect("text");
        let serves = first.starts_with("serving ");
        if serves {
            child.kill().expect("it runs");
        }
        stderr.read_to_string(&mut first).expect("text");
        let code = child.wait().expect("it ends").code();
        return Said { code: if serves { 0 } else { code.unwrap_or(-1) }, stdout: String::new(), stderr: first };
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

fn matrix(changes: &[(&str, Change)]) {
    for (name, change) in changes {
        let lab = lab();
        change(&lab);
        let before = outside(&lab);
        let objects_elsewhere = name.starts_with("plan object");
        for command in COMMANDS.iter().filter(|command| !(objects_elsewhere && command.contains(&"--trust-plans"))) {
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
        let part: Vec<(&str, Change)> = CHANGES.iter().skip(number).step_by(3).copied().collect();
        assert!(part.len() > 10);
        matrix(&part);
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

/// The unchanged lake goes through every command: the matrix above ends early nowhere by itself.
#[test]
fn the_same_lake_without_changes_is_read_and_continued() {
    let lab = lab();
    for command in COMMANDS {
        let said = run(&lab, command);
        check_said(&format!("{command:?}"), &said);
        // Its open plan names an object of no source, which is gone besides, and so does what was set aside.
        let works = command[0] == "convert" || command.contains(&"--replay");
        let is_left = works && !command.contains(&"--dry-run") && !command.contains(&"--full-scan");
        assert_eq!(said.code, if is_left { 3 } else { 0 }, "{command:?}: {}", said.stderr);
    }
    assert_eq!(lab.lake_rows().len(), 6);
}

fn json_of(said: &Said) -> Value {
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", said.stdout, said.stderr))
}

#[test]
fn a_plan_of_other_sources_stays_open_and_the_rest_goes_on() {
    let lab = lab();
    let key = secret_key(&lab);
    let url = format!("file:///{key}");
    plan_object(&lab, &url, &key);
    let convert = |more: &[&str]| lab.run(&[&["convert", "{}logs/", "{}lake/", "--json"], more].concat());
    for _ in 0..2 {
        let said = convert(&[]);
        assert_eq!(said.code, 3, "{}", said.stderr);
        assert_eq!(json_of(&said)["plans_refused"], json!([{ "plan": 8, "object": url }]));
    }
    let said = lab.run(&["convert", "{}logs/", "{}lake/"]);
    assert!(
        said.stderr.contains(&format!("plan 8: {url}")) && said.stderr.contains("--trust-plans"),
        "{}",
        said.stderr
    );
    let addresses = || -> Vec<String> {
        let mut found: Vec<String> =
            lab.lake_rows().into_values().filter_map(|row| row.get("srcaddr").cloned()).collect();
        found.sort();
        found
    };
    assert!(addresses().contains(&"10.0.0.9".to_owned()), "what is new is converted");
    assert!(!addresses().contains(&"10.66.66.66".to_owned()));
    // Named as a source, or trusted, it is read.
    let said = lab.run(&["convert", "{}logs/", "{}outside/", "{}lake/", "--json"]);
    assert_eq!(json_of(&said)["plans_refused"], json!([]), "{}", said.stderr);
    assert!(addresses().contains(&"10.66.66.66".to_owned()), "{}", said.stderr);

    let lab = self::lab();
    plan_object(&lab, &format!("file:///{}", secret_key(&lab)), &secret_key(&lab));
    let said = lab.run(&["convert", "{}logs/", "{}lake/", "--json", "--trust-plans"]);
    assert_eq!((said.code, &json_of(&said)["plans_refused"]), (0, &json!([])), "{}", said.stderr);
    assert_eq!(lab.lake_rows().into_values().filter(|row| row["srcaddr"] == "10.66.66.66").count(), 1);
}

/// What lies behind a link of the source is the source's: a run that was killed is finished.
#[test]
fn an_open_plan_may_name_what_a_link_of_the_source_leads_to() {
    let lab = lab();
    link(&lab, "outside/2023", "logs/linked");
    let key = secret_key(&lab);
    plan_object(&lab, &format!("file:///{key}"), &key);
    let said = lab.run(&["convert", "{}logs/", "{}lake/", "--json"]);
    assert_eq!((said.code, &json_of(&said)["plans_refused"]), (0, &json!([])), "{}", said.stderr);
    assert_eq!(lab.lake_rows().into_values().filter(|row| row["srcaddr"] == "10.66.66.66").count(), 1);
    let said = lab.run(&["verify", "{}lake/", "{}logs/", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stdout);
    let summary: Value = serde_json::from_str(said.stdout.lines().last().expect("a summary")).expect("JSON");
    assert_eq!(summary["sources"]["equal"], 2, "{summary}");
}

/// `--replay` reads again what was set aside at the sources that are named, and nowhere else.
#[test]
fn a_replay_reads_the_sources_that_are_named() {
    let lab = Lab::on_disk();
    let bare = |n: u32| format!("2 10.0.0.{n} 1694735970\n");
    let folder = "AWSLogs/012345678901/vpcflowlogs/us-east-1/2023/09/14";
    lab.put_gz(&format!("logs/{folder}/a.log.gz"), &bare(1));
    lab.put_gz(&format!("more/{folder}/b.log.gz"), &bare(2));
    let said = lab.run(&["convert", "{}logs/", "{}more/", "{}lake/", "--json"]);
    assert_eq!(json_of(&said)["objects_aside"], 2, "{}", said.stderr);
    let format = ["--format", "${version} ${srcaddr} ${start}", "--replay", "--json"];
    let replay = |places: &[&str]| lab.run(&[&["rejects", "{}lake/"], places, &format].concat());
    let said = replay(&[]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    let said = replay(&["{}logs/"]);
    assert_eq!((said.code, &json_of(&said)["objects"]), (3, &json!(1)), "{}", said.stderr);
    assert!(said.stdout.contains("b.log.gz: it is not of this run's sources"), "{}", said.stdout);
    let said = replay(&["--trust-plans"]);
    assert_eq!((said.code, &json_of(&said)["objects"]), (0, &json!(1)), "{}", said.stderr);
    assert_eq!(lab.lake_rows().len(), 2);
}

/// An intent that names what another task committed, or files of people, removes nothing and is named.
#[test]
fn an_intent_speaks_of_its_own_task_alone() {
    for path in [COMMITTED, "flow_logs/date=2023-09-14/notes.txt", "_flowlake/log/00000000000000000000.json"] {
        let lab = lab();
        lab.put("lake/flow_logs/date=2023-09-14/notes.txt", "notes");
        intent(&lab, |intent| intent["files"][0]["path"] = json!(path));
        let said = lab.run(&["convert", "{}logs/", "{}lake/", "--json", "--trust-plans"]);
        assert_eq!(said.code, 3, "the plan's object is gone: {}", said.stderr);
        let ignored = json_of(&said)["intents_ignored"].clone();
        assert!(ignored.as_array().is_some_and(|names| names.len() == 1), "{ignored}");
        assert!(ignored[0].as_str().is_some_and(|name| name.contains("aaaaaaaaaaaaaaaa.json")), "{ignored}");
        assert!(lab.path(&format!("lake/{path}")).exists(), "{path}");
        // The file of the attempt that died is swept all the same.
        assert_eq!(lab.lake_rows().len(), 6);
    }
}

#[test]
fn links_in_a_lake_are_refused_by_name_and_followed_on_demand() {
    let lab = Lab::on_disk();
    lab.put_gz("logs/2023/09/14/a.log.gz", "version srcaddr bytes start\n2 10.0.0.1 7 1694735970\n");
    lab.convert(&[], 0);
    // As people do who have a larger disk.
    std::fs::create_dir(lab.path("disk")).expect("the lab can make folders");
    std::fs::rename(lab.path("lake/flow_logs"), lab.path("disk/flow_logs")).expect("the lab can rename");
    link(&lab, "disk/flow_logs", "lake/flow_logs");
    lab.put_gz("logs/2023/09/15/b.log.gz", "version srcaddr bytes start\n2 10.0.0.2 7 1694822370\n");
    let ask = ["query", "{}lake/", "SELECT count(*) AS n FROM flow_logs", "--format", "csv"];
    let commands: [&[&str]; 8] = [
        &["convert", "{}logs/", "{}lake/"],
        &["convert", "{}logs/", "{}lake/", "--dry-run"],
        &["verify", "{}lake/"],
        &["rejects", "{}lake/"],
        &["ddl", "{}lake/", "--engine", "trino"],
        &["report", "{}lake/"],
        &["serve", "{}lake/", "--listen", "127.0.0.1:0"],
        &ask,
    ];
    for command in commands {
        let refused = run(&lab, command);
        assert_eq!(refused.code, 1, "{command:?}: {}", refused.stderr);
        let named = refused.stderr.contains("lake/flow_logs\" is a link") && refused.stderr.contains("--follow-links");
        assert!(named, "{command:?}: {}", refused.stderr);
        let followed = run(&lab, &[command, &["--follow-links"]].concat());
        assert_eq!(followed.code, 0, "{command:?}: {}", followed.stderr);
    }
    assert_eq!(lab.run(&[&ask[..], &["--follow-links"]].concat()).stdout, "n\n2\n");
    assert!(lab.path("disk/flow_logs/date=2023-09-15").is_dir(), "new rows go where the link leads");
}
