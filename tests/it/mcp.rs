//! `flowlake mcp` as assistants see it: by the official client of PyPI, and by what is written on its pipes.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::lab::Lab;
use crate::pypi;

const PACKAGES: [&str; 1] = ["mcp==2.3.0"];

/// The Python that has the client.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| pypi::python("mcp", &PACKAGES))
}

/// A server and the pipes to it.
struct Spoken {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Spoken {
    fn start(lab: &Lab) -> Spoken {
        let mut program = lab.program(&["mcp", "{}lake/"]);
        let program = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = program.spawn().expect("the program starts");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        Spoken { input: child.stdin.take(), child, output }
    }

    fn greeted(lab: &Lab) -> Spoken {
        let mut spoken = Spoken::start(lab);
        let hello = json!({
            "jsonrpc": "2.0", "id": 0, "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
            },
        });
        spoken.say(&hello.to_string());
        assert_eq!(spoken.hear()["result"]["protocolVersion"], "2025-06-18");
        spoken.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        spoken
    }

    fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("it is open");
        input.write_all(format!("{line}\n").as_bytes()).expect("the server reads");
    }

    fn ask(&mut self, id: u64, sql: &str) {
        let call = json!({
            "jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": { "name": "query", "arguments": { "sql": sql } },
        });
        self.say(&call.to_string());
    }

    /// The next line, which is of the protocol.
    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("text");
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        assert_eq!(said["jsonrpc"], "2.0", "{line}");
        said
    }

    fn signal(&self, signal: libc::c_int) {
        // SAFETY: the process was started here, and nobody has waited for it.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    /// The exit code, when it has ended by itself.
    fn code(mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be asked") {
                return status.code();
            }
            assert!(began.elapsed() < Duration::from_secs(30), "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Spoken {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn small_lake(lab: &Lab) {
    let lines = "version srcaddr dstport bytes start end\n2 10.0.0.1 22 70 1694735970 1694736000\n\
                 2 10.0.0.1 22 not-a-number 1694735970 1694736000\n";
    lab.put_gz("logs/a.log.gz", lines);
    lab.convert(&[], 3);
}

#[test]
fn the_official_client_gets_what_the_logs_hold() {
    let lab = Lab::on_disk();
    let (logs, lake) = (lab.path("logs"), lab.path("lake"));
    let place = logs.to_str().expect("plain names");
    let made = lab.run(&["sample", place, "--records", "5000", "--days", "3", "--seed", "7"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    lab.convert(&[], 0);
    // One line that is no record, which the script does not count.
    lab.put_gz("more/b.log.gz", "version srcaddr bytes start\n2 10.0.0.1 not-a-number 1694735970\n");
    let more = lab.run(&["convert", "{}more/", "{}lake/"]);
    assert_eq!(more.code, 3, "{}", more.stderr);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engines/mcp_tools.py");
    let output = lab.script(python(), script).arg(&logs).arg(&lake).output().expect("Python starts");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.ends_with("all held\n"), "{said}{errors}");
}

#[test]
fn what_was_asked_before_the_end_of_input_is_answered() {
    let lab = Lab::on_disk();
    small_lake(&lab);
    let mut spoken = Spoken::greeted(&lab);
    spoken.ask(1, "SELECT srcaddr, bytes FROM flow_logs");
    spoken.input = None;
    let said = spoken.hear();
    assert_eq!((&said["id"], &said["result"]["structuredContent"]["rows"]), (&json!(1), &json!([["10.0.0.1", 70]])));
    assert_eq!(spoken.code(), Some(0));
    let mut silent = Spoken::start(&lab);
    silent.input = None;
    assert_eq!(silent.code(), Some(0));
}

#[test]
fn a_signal_ends_it_while_a_query_runs() {
    let lab = Lab::on_disk();
    small_lake(&lab);
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let mut spoken = Spoken::greeted(&lab);
        let many = "(SELECT unnest(range(1, 100000)) AS n)";
        spoken.ask(1, &format!("SELECT count(*) FROM {many} a, {many} b, {many} c WHERE a.n + b.n < c.n"));
        std::thread::sleep(Duration::from_millis(500));
        spoken.signal(signal);
        assert_eq!(spoken.code(), Some(0), "{signal}");
    }
}

#[test]
fn what_is_not_of_the_protocol_ends_nothing() {
    let lab = Lab::on_disk();
    small_lake(&lab);
    let mut spoken = Spoken::greeted(&lab);
    spoken.say("this is no JSON");
    spoken.say(r#"{"jsonrpc":"2.0","id":6}"#);
    assert_eq!(spoken.hear()["error"]["code"], -32600);
    spoken.ask(7, "SELECT count(*) FROM flow_logs");
    let said = spoken.hear();
    assert_eq!((&said["id"], &said["result"]["structuredContent"]["rows"]), (&json!(7), &json!([[1]])));
    spoken.input = None;
    assert_eq!(spoken.code(), Some(0));
    let nowhere = lab.run(&["mcp", "{}nothing/"]);
    assert!(nowhere.code == 1 && nowhere.stdout.is_empty(), "{}", nowhere.stderr);
}
