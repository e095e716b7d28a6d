//! Credentials that live for seconds: they are asked for anew while a run lasts, and no secret is printed or stored.
//!
//! SeaweedFS knows no session tokens, so that a gate stands before it: it takes only requests signed with a key and a
//! token that were issued, remembers which, and passes them on in the administrator's name. It is slow on purpose, so
//! that a run outlives its first credentials by the number of its requests.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::lab::{Lab, said};
use crate::server::server;
use crate::signed;

/// How long a request waits at the gate. A run makes more than a dozen, one after the other, so that it cannot end
/// before credentials that live two seconds, and are replaced after one, were replaced.
const PAUSE: Duration = Duration::from_millis(250);

/// Words that may be found nowhere; each issue of credentials adds its number.
const SECRET: &str = "T0pS3cretKeyOfTheTest";
const TOKEN: &str = "S3ss10nT0kenOfTheTest";

/// Gives credentials that live two seconds, and counts how often it was asked.
const PROCESS: &str = r#"#!/bin/sh
n=$(wc -c < "$1/asked")
printf x >> "$1/asked"
at=$(date -u -d "+2 seconds" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -v+2S +%Y-%m-%dT%H:%M:%SZ)
printf '{"Version":1,"AccessKeyId":"ISSUED%s","SecretAccessKey":"SECRET%s","SessionToken":"TOKEN%s","Expiration":"%s"}' "$n" "$n" "$n" "$at"
"#;

struct Gate {
    endpoint: String,
    /// Keys that requests were signed with, each with its own token.
    keys: Arc<Mutex<BTreeSet<String>>>,
    refused: Arc<Mutex<Vec<String>>>,
}

impl Gate {
    fn open() -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let gate = Gate { endpoint, keys: Arc::default(), refused: Arc::default() };
        let (keys, refused) = (gate.keys.clone(), gate.refused.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (keys, refused) = (keys.clone(), refused.clone());
                std::thread::spawn(move || pass(stream, &keys, &refused));
            }
        });
        gate
    }
}

/// One request and its answer; the connection is closed after it.
fn pass(mut stream: TcpStream, keys: &Mutex<BTreeSet<String>>, refused: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let (method, rest) = first.split_once(' ')?;
    let (target, _) = rest.split_once(' ')?;
    let (mut headers, mut length, mut key, mut token) = (String::new(), 0, None, None);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => {
                key = value
                    .split_once("Credential=ISSUED")
                    .and_then(|(_, rest)| rest.split('/').next())
                    .map(str::to_owned);
            }
            "x-amz-security-token" => token = value.strip_prefix(TOKEN).map(str::to_owned),
            "if-none-match" | "if-match" | "range" => headers += &line,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    std::thread::sleep(PAUSE);
    match key.filter(|key| token.as_ref() == Some(key)) {
        Some(key) => {
            keys.lock().expect("no thread panics here").insert(key);
        }
        None => {
            refused.lock().expect("no thread panics here").push(first);
            return stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok();
        }
    }
    let answer = signed::request(&server().endpoint, method, target, &headers, &body).ok()?;
    stream.write_all(&answer).ok()
}

/// A home folder whose default profile asks the process.
fn home(folder: &Path) -> PathBuf {
    let home = folder.join("home");
    std::fs::create_dir_all(home.join(".aws")).expect("a temporary folder");
    std::fs::write(home.join("asked"), "").expect("a temporary file");
    let script = PROCESS.replace("SECRET%s", &format!("{SECRET}%s")).replace("TOKEN%s", &format!("{TOKEN}%s"));
    std::fs::write(home.join("process"), script).expect("a temporary file");
    let profile = format!("[default]\ncredential_process = /bin/sh {0}/process {0}\n", home.display());
    std::fs::write(home.join(".aws/config"), profile).expect("a temporary file");
    home
}

fn with_profile(command: &mut Command, home: &Path, gate: &Gate) {
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    command.env("HOME", home).env("PATH", "/usr/bin:/bin").env("AWS_ENDPOINT_URL", &gate.endpoint);
}

#[test]
fn credentials_that_expire_are_refreshed_and_no_secret_is_told() {
    let lab = Lab::on_s3();
    for n in 0..12 {
        let rows: String = (0..5).map(|row| format!("2 10.0.{n}.{row} 169473597{row}\n")).collect();
        lab.put_gz(
            &format!("logs/2023/09/14/{n}.log.gz"),
            &format!("version srcaddr start\n{rows}bad line here\n2 x\n"),
        );
    }
    let gate = Gate::open();
    let home = home(lab.temporary());
    let mut command = lab.program(&["convert", "{}logs/", "{}lake/", "--json"]);
    with_profile(&mut command, &home, &gate);
    let said = said(command.env("FLOWLAKE_LOG", "trace").output().expect("the program starts"));
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert_eq!(*gate.refused.lock().expect("no thread panics"), Vec::<String>::new());
    let asked = std::fs::metadata(home.join("asked")).expect("the process was asked").len();
    let keys = gate.keys.lock().expect("no thread panics").clone();
    assert!(asked >= 3, "asked {asked} times");
    assert!(keys.len() >= 2, "requests were signed with {keys:?} of {asked}");
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);

    assert!(said.stderr.contains("TRACE"), "the log was at its most talkative");
    for (what, text) in [("stdout", said.stdout.as_bytes()), ("stderr", said.stderr.as_bytes())] {
        holds_no_secret(what, text);
    }
    for key in lab.list("lake").keys() {
        let bytes = lab.get(key);
        holds_no_secret(key, &bytes);
        if key.ends_with(".zst") {
            holds_no_secret(key, &zstd::decode_all(bytes.as_slice()).expect("zstd"));
        }
    }
}

fn holds_no_secret(what: &str, bytes: &[u8]) {
    for secret in [SECRET, TOKEN] {
        let at = bytes.windows(secret.len()).position(|window| window == secret.as_bytes());
        let around = at.map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(300)..(at + 60).min(bytes.len())]));
        assert!(at.is_none(), "{what} tells a secret: {around:?}");
    }
}

/// Secrets given as options or in the environment are no more told than those of a profile.
#[test]
fn a_secret_given_by_option_is_not_told() {
    let lab = Lab::on_s3();
    lab.put_gz("logs/a.log.gz", "version srcaddr start\n2 10.0.0.1 1694735970\n");
    for secret in [SECRET, "wrong"] {
        let option = format!("secret_access_key={SECRET}");
        let session = format!("session_token={TOKEN}");
        let mut command = lab.program(&["convert", "{}logs/", "{}lake/", "--source-option", "access_key_id=nobody"]);
        command.args(["--source-option", &option, "--source-option", &session]);
        command.env("AWS_SECRET_ACCESS_KEY", secret).env("FLOWLAKE_LOG", "trace");
        let said = said(command.output().expect("the program starts"));
        assert_eq!(said.code, 1, "{}", said.stderr);
        assert!(said.stderr.contains("error: credentials for"), "{}", said.stderr);
        holds_no_secret("stderr", said.stderr.as_bytes());
        holds_no_secret("stdout", said.stdout.as_bytes());
    }
    assert!(lab.list("lake").is_empty());
}

/// A process that gives credentials once ends the run in plain words, and the next run completes it.
#[test]
fn credentials_that_cannot_be_refreshed_end_the_run() {
    let lab = Lab::on_s3();
    lab.put_gz("logs/a.log.gz", "version srcaddr start\n2 10.0.0.1 1694735970\n");
    let gate = Gate::open();
    let home = home(lab.temporary());
    let script = std::fs::read_to_string(home.join("process")).expect("it was just written");
    let once = "\n[ $n = 0 ] || { echo the session is over, log in again >&2; exit 1; }\nprintf";
    std::fs::write(home.join("process"), script.replacen("\nprintf", once, 1)).expect("a temporary file");
    let mut command = lab.program(&["convert", "{}logs/", "{}lake/"]);
    with_profile(&mut command, &home, &gate);
    let said = said(command.output().expect("the program starts"));
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("the session is over, log in again"), "{}", said.stderr);
    assert_eq!(std::fs::metadata(home.join("asked")).expect("it was asked").len(), 1, "it gave credentials once");
    assert!(lab.lake_rows().is_empty());
    lab.convert(&[], 0);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
}
