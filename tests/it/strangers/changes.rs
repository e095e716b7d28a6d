//! The lake of somebody else, and what may stand in its records that leads out of it.
//!
//! The lake is the kept one of format 1, which has every kind of record and an open plan (8). Around it lie files that
//! are nobody's business.

use object_store::path::Path;
use serde_json::{Value, json};

use crate::lab::{Lab, gzip};
use crate::old_ledgers::copy;

const ENTRY: &str = "lake/_flowlake/log/00000000000000000008.json";
const BODY: &str = "lake/_flowlake/plans/00000000000000000008-dee712d978b443169ed9e05f5a743355.ndjson.zst";
const COMMIT: &str = "lake/_flowlake/commits/00000000000000000001/000000.ndjson.zst";
const INTENTS: &str = "lake/_flowlake/intents/00000000000000000008/000000";
const CHECKPOINT: &str = "lake/_flowlake/checkpoints/00000000000000000007.json";
const HEADS: &str = "lake/_flowlake/heads/00000000000000000007-e052c29bbcd3c2ec.ndjson.zst";
pub const COMMITTED: &str = "flow_logs/date=2023-09-14/p00000001-t000000-0000-f7ed6ee762466e0a.parquet";
const SECRET: &str = "version srcaddr bytes start\n2 10.66.66.66 7 1694735970\n";

pub const SECRET_NAME: &str = "outside/2023/09/14/secret.log.gz";

/// A lake of somebody else, the logs of the user, and files of others.
pub fn fill(lab: &Lab) {
    copy(lab, "lake-1");
    lab.put_gz("logs/2023/09/15/new.log.gz", "version srcaddr bytes start\n2 10.0.0.9 7 1694735970\n");
    lab.put("outside/victim.txt", "precious");
    lab.put("outside/keep.parquet", "no Parquet");
    lab.put(SECRET_NAME, gzip(SECRET.as_bytes()));
    let body = zstd::encode_all(&b"{\"task\":0,\"objects\":[]}\n"[..], 3).expect("memory");
    lab.put("outside/body.ndjson.zst", body);
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
    lab.delete(&Path::parse(key).expect("a key of the lab"));
}

/// Changes the object of the open plan.
pub fn change_body(lab: &Lab, change: impl Fn(&mut Value)) {
    let mut body = lines(lab, BODY);
    change(&mut body[0]["objects"][0]);
    put_lines(lab, BODY, &body);
}

/// An object of the open plan that lies elsewhere, with the size and the version of the secret.
pub fn plan_object(lab: &Lab, url: &str, key: &str) {
    let mut body = lines(lab, BODY);
    let (size, tag) = lab.list("outside").remove(SECRET_NAME).expect("it is there");
    let version = match lab.endpoint() {
        Some(_) => tag.expect("an ETag"),
        None => flowlake::source::local_version_of(&lab.path(SECRET_NAME).metadata().expect("it is there")),
    };
    let object = &mut body[0]["objects"][0];
    object["url"] = json!(url);
    object["key"] = json!(key);
    object["size"] = json!(size);
    object["version"] = json!(version);
    put_lines(lab, BODY, &body);
    let mut plan = entry(lab, ENTRY);
    plan["bytes"] = json!(size);
    put_json(lab, ENTRY, &plan);
}

/// URL and key of a name of the lab, as a listing gives them.
pub fn named(lab: &Lab, name: &str) -> (String, String) {
    match lab.endpoint() {
        Some(_) => (lab.url(name), name.to_owned()),
        None => {
            let key = absolute(lab, name).trim_start_matches('/').to_owned();
            (format!("file:///{key}"), key)
        }
    }
}

/// A name from the root of the disk, or of the server.
fn absolute(lab: &Lab, name: &str) -> String {
    match lab.endpoint() {
        Some(_) => lab.url(name).replacen("s3:/", "", 1),
        None => lab.path(name).canonicalize().expect("it is there").to_str().expect("UTF-8").to_owned(),
    }
}

/// Changes the only commit with rows; readers take it from the log's plans, without the checkpoint.
fn commit(lab: &Lab, change: impl Fn(&mut Value)) {
    remove(lab, CHECKPOINT);
    let mut commit = lines(lab, COMMIT);
    change(&mut commit[0]);
    put_lines(lab, COMMIT, &commit);
}

pub fn intent(lab: &Lab, change: impl Fn(&mut Value)) {
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

pub fn link(lab: &Lab, target: &str, name: &str) {
    let path = lab.path(name);
    if path.is_dir() {
        std::fs::rename(&path, lab.path(&format!("{name}-moved"))).expect("the lab can rename");
    } else if path.exists() {
        std::fs::remove_file(&path).expect("the lab can remove");
    }
    std::os::unix::fs::symlink(lab.path(target), path).expect("the lab can link");
}

pub type Change = fn(&Lab);

/// Every kind of record with something that leads out.
pub const CHANGES: &[(&str, Change)] = &[
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
        let (url, key) = named(lab, SECRET_NAME);
        plan_object(lab, &url, &key);
    }),
    ("plan object above", |lab| {
        let (url, key) = named(lab, "logs");
        plan_object(lab, &format!("{url}/../{SECRET_NAME}"), &format!("{key}/../{SECRET_NAME}"));
    }),
    ("plan object with another key", |lab| {
        plan_object(lab, &named(lab, "logs/2023/09/15/new.log.gz").0, &named(lab, SECRET_NAME).1);
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
    ("index of places elsewhere", |lab| {
        let list = |name: &str| {
            json!({ "name": name, "files": 1, "rows": 5, "start_min": 1, "start_max": 2,
            "by_hour": false, "columns": 0 })
        };
        let dates = json!({ "2023-09-14": list("../outside/keep.parquet") });
        checkpoint(lab, |state| {
            state["filed"]["live"] = json!({ "columns": [{ "start": "seconds" }], "dates": { "flow_logs": dates } });
        });
    }),
    ("index of garbage", |lab| {
        let name = "_flowlake/live/flow_logs/date=2023-09-14/garbage.parquet";
        lab.put(&format!("lake/{name}"), b"PAR1\xff\xff\xff\x7f\xff\xff\xff\xffPAR1".to_vec());
        let list = json!({ "name": name, "files": 1, "rows": 5, "start_min": 1, "start_max": 2, "by_hour": false,
            "columns": 0 });
        let (columns, dates) = (json!([{ "start": "seconds", "srcaddr": "text" }]), json!({ "2023-09-14": list }));
        checkpoint(lab, |state| {
            state["filed"]["live"] = json!({ "columns": columns, "dates": { "flow_logs": dates } });
        });
    }),
    ("index of columns that it does not name", |lab| {
        let list = json!({ "name": "_flowlake/live/x.parquet", "files": 1, "rows": 5, "start_min": 1, "start_max": 2,
            "by_hour": false, "columns": 7 });
        let dates = json!({ "2023-09-14": list });
        checkpoint(lab, |state| state["filed"]["live"] = json!({ "columns": [], "dates": { "flow_logs": dates } }));
    }),
    ("lost of places elsewhere", |lab| {
        let lost = json!({ "format": 2, "nonce": "n", "written_by": "x", "at": "now", "kind": "lost",
            "tasks": [{ "plan": 1, "task": 0 }, { "plan": u64::MAX, "task": u64::MAX }], "objects": u64::MAX,
            "folders": { "../outside/": "2023-09-14", "file:///": "2023-09-14", named(lab, "outside").0: "2023-09-14" },
            "totals": {} });
        put_json(lab, "lake/_flowlake/log/00000000000000000009.json", &lost);
    }),
    ("copy of a place elsewhere", |lab| {
        let (url, _) = named(lab, SECRET_NAME);
        change_body(lab, |object| object["copy_of"] = json!(url));
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
];

/// What only a disk has: links, pipes, files with holes.
pub const CHANGES_ON_DISK: &[(&str, Change)] = &[
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
