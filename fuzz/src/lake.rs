//! Whole ledgers, changed at random: `convert`, `query` and `verify` run on such a lake under `strace`, and touch no
//! file outside of the lake, its source and their temporary folder.
//!
//! The input is no record: its hash chooses what is changed, so that an input that breaks a promise breaks it again.
//! Names and URLs of records become such that lead out, numbers become large, records change places, files become
//! links.
//!
//! A promise is broken by a call that opens, makes, moves or removes something outside, by any connection, by a file
//! outside that is not as it was, by a crash, and by a run that does not end. Looking up what lies at a path (`lstat`,
//! `readlink`) is none: the real path of what a plan names is how a run finds out that it lies outside.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use flowlake::lake::{decode_lines, encode_lines};
use serde_json::{Value, json};

use crate::mutate::SplitMix;

/// Calls that do something, not those that only look.
const CALLS: &str = "trace=open,openat,openat2,creat,unlink,unlinkat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,\
                     mkdir,mkdirat,rmdir,mknod,mknodat,truncate,chmod,fchmodat,chown,fchownat,utimensat,execve,connect";

/// What any program opens.
const SYSTEM: [&str; 9] =
    ["/lib", "/lib64", "/usr", "/etc/ld.so", "/etc/localtime", "/proc", "/sys", "/dev/null", "/dev/urandom"];

const TIME_MAX: Duration = Duration::from_secs(120);

/// The folders of one input, removed with it.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn lake(bytes: &[u8]) -> u64 {
    let place = std::env::temp_dir().join(format!("flowlake-fuzz-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&place);
    make(&place);
    let place = Place(place.canonicalize().expect("it was just made"));
    let root = &place.0;
    let mut random = SplitMix::new(seed_of(bytes));
    for _ in 0..=random.below(3) {
        change(root, &mut random);
    }
    let before = files(&root.join("outside"));
    let (lake, logs) = (path(root, "lake"), path(root, "logs"));
    let ask = "SELECT count(*), min(log_object), max(start) FROM flow_logs";
    let commands: [&[&str]; 5] = [
        &["query", &lake, ask],
        &["query", &lake, "SELECT count(*) FROM lake.objects, lake.rejects, lake.runs"],
        &["verify", &lake, &logs],
        &["convert", &logs, &lake, "--threads", "1"],
        &["verify", &lake],
    ];
    for command in commands {
        jailed(root, command);
        assert!(files(&root.join("outside")) == before, "{command:?} changed a file outside");
    }
    1
}

/// FNV-1a.
fn seed_of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn path(root: &Path, name: &str) -> String {
    root.join(name).to_str().expect("UTF-8").to_owned()
}

/// A kept lake with every kind of record, a source, and files of others.
fn make(root: &Path) {
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/lake-1"), &root.join("lake"));
    for folder in ["logs/2023/09/15", "outside/date=2023-09-14", "tmp", "lake/_flowlake/tmp"] {
        std::fs::create_dir_all(root.join(folder)).expect("a temporary folder");
    }
    let log = "version srcaddr bytes start\n2 10.0.0.9 7 1694735970\nno row\n";
    for name in
        ["logs/2023/09/15/a.log", "outside/secret.log", "outside/p00000001-t000000-0000-0123456789abcdef.parquet"]
    {
        std::fs::write(root.join(name), log).expect("a temporary folder");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a temporary folder");
    for entry in std::fs::read_dir(from).expect("the kept lake") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).expect("a copy");
        }
    }
}

/// Every file below a folder, with its content.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        let metadata = path.symlink_metadata().expect("it was listed");
        if metadata.is_dir() {
            open.extend(std::fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        }
        let content = if metadata.is_file() { std::fs::read(&path).expect("a file") } else { Vec::new() };
        found.insert(path, content);
    }
    found
}

/// One change of the ledger.
fn change(root: &Path, random: &mut SplitMix) {
    let ledger: Vec<PathBuf> = files(&root.join("lake/_flowlake")).into_keys().filter(|path| path.is_file()).collect();
    // An earlier change may have put a link in the place of everything.
    let Some(file) = ledger.get(random.below(ledger.len())).cloned() else { return };
    match random.below(12) {
        0 => std::fs::remove_file(&file).expect("it is there"),
        1 => {
            let other = &ledger[random.below(ledger.len())];
            let bytes = std::fs::read(other).expect("it is there");
            std::fs::write(&file, bytes).expect("it can be written");
        }
        2 => {
            let mut bytes = std::fs::read(&file).expect("it is there");
            let at = random.below(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
            std::fs::write(&file, bytes).expect("it can be written");
        }
        3 => {
            let target = ["outside", "outside/secret.log", "outside/date=2023-09-14"][random.below(3)];
            // The file itself, or a folder above it.
            let above: Vec<&Path> = file.ancestors().take_while(|above| *above != root.join("lake")).collect();
            let linked = above[random.below(above.len())];
            let _ = if linked.is_dir() { std::fs::remove_dir_all(linked) } else { std::fs::remove_file(linked) };
            std::os::unix::fs::symlink(root.join(target), linked).expect("a link");
        }
        4 => {
            // Without the checkpoint the log and the commits are read.
            let _ = std::fs::remove_dir_all(root.join("lake/_flowlake/checkpoints"));
        }
        _ => {
            let Some(mut records) = read(&file) else { return };
            for _ in 0..=random.below(4) {
                let at = random.below(records.len());
                if let Some(record) = records.get_mut(at) {
                    alter(root, record, random);
                }
            }
            write(&file, &records);
        }
    }
}

/// The records of a file: one of JSON, or lines.
fn read(file: &Path) -> Option<Vec<Value>> {
    let bytes = std::fs::read(file).ok()?;
    if file.extension()? == "zst" {
        return decode_lines(&bytes).ok();
    }
    let mut record: Value = serde_json::from_slice(&bytes).ok()?;
    record.as_object_mut()?.remove("check");
    Some(vec![record])
}

fn write(file: &Path, records: &[Value]) {
    let bytes = match file.extension().is_some_and(|extension| extension == "zst") {
        true => encode_lines(records),
        false => serde_json::to_vec(&records[0]).expect("plain data"),
    };
    std::fs::write(file, bytes).expect("it can be written");
}

/// Changes one value somewhere in a record.
fn alter(root: &Path, value: &mut Value, random: &mut SplitMix) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let at = random.below(fields.len());
            let name = fields.keys().nth(at).expect("it is below").clone();
            match random.below(20) {
                0 => drop(fields.remove(&name)),
                1 => {
                    let value = fields[&name].clone();
                    fields.insert(word(root, random), value);
                }
                _ => alter(root, fields.get_mut(&name).expect("it is there"), random),
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let at = random.below(items.len());
            match random.below(10) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                _ => alter(root, &mut items[at], random),
            }
        }
        Value::Number(number) => {
            let numbers = [0, 1, 2, 8, 9, u64::from(u32::MAX), i64::MAX as u64, u64::MAX];
            *value = match random.below(4) {
                0 => json!(-1),
                1 => json!(number.as_u64().unwrap_or(1).wrapping_add(1)),
                _ => json!(numbers[random.below(numbers.len())]),
            };
        }
        other => *other = if random.below(8) == 0 { json!(null) } else { json!(word(root, random)) },
    }
}

/// A text that leads out, or somewhere else in the lake.
fn word(root: &Path, random: &mut SplitMix) -> String {
    let secret = path(root, "outside/secret.log");
    let words = [
        "../outside/secret.log".to_owned(),
        "../../outside/new".to_owned(),
        "flow_logs/../../outside/secret.log".to_owned(),
        format!("file://{secret}"),
        format!("file://{}/../outside/secret.log", path(root, "logs")),
        secret.trim_start_matches('/').to_owned(),
        secret,
        "s3://somebody/secret.log".to_owned(),
        "http://127.0.0.1:9/".to_owned(),
        "/".to_owned(),
        "..".to_owned(),
        String::new(),
        "\0".to_owned(),
        "\u{1b}[2J\n".to_owned(),
        "_flowlake/log/00000000000000000000.json".to_owned(),
        "flow_logs/date=2023-09-14/p00000001-t000000-0000-f7ed6ee762466e0a.parquet".to_owned(),
        "date=../../../outside".to_owned(),
        "redo".to_owned(),
        "check".to_owned(),
        "converted".to_owned(),
        "aside".to_owned(),
        "int64".to_owned(),
        "none".to_owned(),
        "x".repeat(2000),
    ];
    words[random.below(words.len())].clone()
}

/// The program, as the build left it beside this one, or where `FLOWLAKE_PROGRAM` says.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let own = std::env::current_exe().expect("this program has a path");
        let program =
            std::env::var_os("FLOWLAKE_PROGRAM").map_or_else(|| own.with_file_name("flowlake"), PathBuf::from);
        let hint = "build it into the same target folder (`cargo build`), or name it in FLOWLAKE_PROGRAM";
        assert!(program.is_file(), "there is no {}: {hint}", program.display());
        let strace = Command::new("strace").arg("-V").stdout(Stdio::null()).status();
        assert!(strace.is_ok_and(|ended| ended.success()), "strace is missing (Debian: apt-get install strace)");
        program
    })
}

/// Runs a command and looks at every call.
fn jailed(root: &Path, command: &[&str]) {
    let trace = root.join("trace");
    let (out, err) = (root.join("stdout"), root.join("stderr"));
    let to = |path: &Path| Stdio::from(std::fs::File::create(path).expect("a temporary folder"));
    let mut child = Command::new("strace")
        .args(["-f", "-y", "-qq", "-s", "4096", "-e", "signal=none", "-e", CALLS, "-o"])
        .arg(&trace)
        .arg(program())
        .args(command)
        .env_clear()
        .env("FLOWLAKE_CONFIG", "")
        .env("TMPDIR", root.join("tmp"))
        .env("HOME", root.join("tmp"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null())
        .stdout(to(&out))
        .stderr(to(&err))
        .spawn()
        .expect("strace was found");
    let began = Instant::now();
    let ended = loop {
        if let Some(ended) = child.try_wait().expect("it is ours") {
            break ended;
        }
        if began.elapsed() > TIME_MAX {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{command:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let said = std::fs::read_to_string(&err).unwrap_or_default();
    let crashed = ended.signal().is_some() || ended.code().is_none_or(|code| code > 100);
    assert!(!crashed && !said.contains("panicked"), "{command:?} broke off with {ended}: {said}");
    let text = std::fs::read(&trace).expect("a trace");
    for line in String::from_utf8_lossy(&text).lines() {
        if let Some(place) = outside(root, line) {
            panic!("{command:?} touches {place}: {line}");
        }
    }
}

/// The place outside that a call touches.
fn outside(root: &Path, line: &str) -> Option<String> {
    let call = line.split_once(' ')?.1.trim_start();
    if call.starts_with("connect(") {
        return call.contains("AF_INET").then(|| "the network".to_owned());
    }
    if call.starts_with("execve(") || call.starts_with('+') || call.starts_with("<...") && !call.contains(" = ") {
        return None;
    }
    let (arguments, result) = call.rsplit_once(" = ").unwrap_or((call, ""));
    let mut places = Vec::new();
    // Text in quotes, below the descriptor before it if it is relative.
    let pieces: Vec<&str> = arguments.split('"').collect();
    for pair in pieces.chunks_exact(2) {
        let folder = pair[0].rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(folder, _)| folder);
        places.push(Path::new(folder.unwrap_or("/")).join(pair[1]));
    }
    // What was opened, as the kernel calls it: links are resolved.
    if let Some((real, _)) = result.split_once('<').and_then(|(_, rest)| rest.split_once('>')) {
        places.push(PathBuf::from(real));
    }
    let is_inside = |place: &PathBuf| {
        let inside = ["lake", "logs", "tmp", "stdout", "stderr"];
        let named = inside.iter().any(|name| place.starts_with(root.join(name)));
        let text = place.to_string_lossy();
        let climbs = place.components().any(|part| part.as_os_str() == "..");
        (named && !climbs) || SYSTEM.iter().any(|system| text.starts_with(system)) || !text.starts_with('/')
    };
    places.into_iter().find(|place| !is_inside(place)).map(|place| place.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_outside_is_seen() {
        let root = Path::new("/j");
        let seen = |line: &str| outside(root, line).is_some();
        assert!(seen("7 openat(AT_FDCWD</x>, \"/j/outside/secret\", O_RDONLY) = -1 ENOENT (No such file)"));
        assert!(seen("7 openat(AT_FDCWD</x>, \"/j/lake/linked\", O_RDONLY) = 5</j/outside/secret>"));
        assert!(seen("7 openat(3</j/lake>, \"../outside\", O_RDONLY) = -1 EACCES (Permission denied)"));
        assert!(seen("7 unlinkat(9</j/outside>, \"x\", 0) = 0"));
        assert!(seen("7 renameat(AT_FDCWD</>, \"/j/tmp/a\", 9</home>, \"b\") = 0"));
        assert!(seen("7 connect(5<TCP:[1]>, {sa_family=AF_INET, sin_port=htons(443)}, 16) = -1"));
        assert!(!seen("7 openat(3</j/lake>, \"flow_logs\", O_PATH) = 5</j/lake/flow_logs>"));
        assert!(!seen("7 openat(AT_FDCWD</x>, \"/usr/lib/libc.so.6\", O_RDONLY) = 3</usr/lib/libc.so.6>"));
        assert!(!seen("7 openat(5</j/logs>, \"a.log\", O_RDONLY <unfinished ...>"));
    }
}
