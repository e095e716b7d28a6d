//! A server that dies and comes back, and a network that delays, cuts and refuses: the run goes on, or ends with a
//! plain error and the next one goes on; nothing is lost, doubled or changed.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::lab::{Lab, said};
use crate::server::{arguments, free_ports, install, server};

/// A server that the test kills and starts again on the same folder and ports.
struct Weed {
    program: PathBuf,
    folder: TempDir,
    ports: Vec<u16>,
    child: Option<Child>,
}

impl Weed {
    fn new() -> Weed {
        let folder = TempDir::new().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("data")).expect("a temporary folder");
        let mut weed = Weed { program: install(), folder, ports: free_ports(6), child: None };
        weed.start();
        weed
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    fn start(&mut self) {
        let mut command = Command::new(&self.program);
        command.args(arguments(self.folder.path(), &self.ports));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().expect("the server starts"));
    }

    /// As by a power cut of the process: nothing is flushed.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the server is ours");
            child.wait().expect("it ends");
        }
    }
}

impl Drop for Weed {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Objects of so many days of September 2023: a task spans eight.
fn fill(lab: &Lab, days: u32, rows: u32) {
    for day in 1..=days {
        let start = 1_693_526_400 + i64::from(day - 1) * 86_400;
        let lines: String = (0..rows)
            .map(|row| format!("2 10.{day}.{}.{} {row} {}\n", row / 250, row % 250, start + i64::from(row)))
            .collect();
        lab.put_gz(&format!("logs/2023/09/{day:02}/{day}.log.gz"), &format!("version srcaddr bytes start\n{lines}"));
    }
}

fn is_whole(lab: &Lab) {
    let expected = lab.expected("logs").rows;
    assert!(!expected.is_empty());
    assert_eq!(lab.lake_rows(), expected);
    let said = lab.run(&["verify", "{}lake/", "{}logs/"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

fn start(lab: &Lab) -> Child {
    let mut program = lab.program(&["convert", "{}logs/", "{}lake/", "--json"]);
    program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

/// The server is gone for some seconds in the middle of a run, again and again; the run survives it, or a later one
/// does.
#[test]
fn a_server_that_dies_and_comes_back_loses_nothing() {
    let mut weed = Weed::new();
    let lab = Lab::on_server(&weed.endpoint());
    fill(&lab, 30, 300);
    let (mut runs, mut survived) = (0, 0);
    for pause_ms in [50, 150, 300, 700] {
        let child = start(&lab);
        std::thread::sleep(Duration::from_millis(pause_ms));
        weed.kill();
        std::thread::sleep(Duration::from_secs(3));
        weed.start();
        let said = said(child.wait_with_output().expect("it ends"));
        runs += 1;
        // What the server lost on its own account is not the program's: it must only say so.
        assert!(said.code == 0 || (said.code == 1 && said.stderr.starts_with("error: ")), "{}", said.stderr);
        survived += u32::from(said.code == 0);
        settle(&lab);
    }
    let said = lab.run(&["convert", "{}logs/", "{}lake/"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    is_whole(&lab);
    println!("{survived} of {runs} runs survived that their server was killed");
    assert!(survived > 0, "no run survived");
}

/// Until the server answers again as a whole.
fn settle(lab: &Lab) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while lab.run(&["inspect", "{}logs/"]).code != 0 {
        assert!(Instant::now() < deadline, "the server did not come back");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What the proxy does to a request, by turns that follow from a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// 503 with `SlowDown`, without any effect.
    SlowDown,
    Delay,
    /// Closed before the server sees anything.
    CutBefore,
    /// The server did it, and its answer is lost.
    CutAfter,
    /// The answer ends in the middle.
    CutWithin,
    /// One bit of an object is another when it arrives.
    Garble,
    /// No fault: uploads that were not ended are told to be years old.
    Age,
}

const ALL: [Fault; 8] = [
    Fault::None,
    Fault::SlowDown,
    Fault::Delay,
    Fault::CutBefore,
    Fault::CutAfter,
    Fault::CutWithin,
    Fault::Garble,
    Fault::Age,
];

const SLOW_DOWN: &[u8] =
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: 92\r\nConnection: \
close\r\n\r\n<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message><A>xyz</A></Error>";

/// Stands before the server of the tests and passes requests on, one a connection, with faults.
struct Proxy {
    endpoint: String,
    counts: Arc<[AtomicU32; ALL.len()]>,
}

impl Proxy {
    /// One request in `every` meets one of `faults`.
    fn open(faults: &'static [Fault], every: u64) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let counts: Arc<[AtomicU32; ALL.len()]> = Arc::default();
        let (counted, turn) = (counts.clone(), AtomicU64::new(0));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A stride that has no factor in common with the number of faults or of requests in a pattern.
                let at = turn.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
                let fault = if at % every == 0 { faults[(at / every) as usize % faults.len()] } else { Fault::None };
                counted[fault as usize].fetch_add(1, Ordering::Relaxed);
                std::thread::spawn(move || pass(stream, fault));
            }
        });
        Proxy { endpoint, counts }
    }

    fn counted(&self) -> Vec<(Fault, u32)> {
        ALL.into_iter().map(|fault| (fault, self.counts[fault as usize].load(Ordering::Relaxed))).collect()
    }
}

/// One request and its answer. The signature covers neither the connection's headers nor its address.
fn pass(mut client: TcpStream, fault: Fault) -> Option<()> {
    let request = read_request(&mut client)?;
    match fault {
        Fault::CutBefore => return client.shutdown(Shutdown::Both).ok(),
        Fault::SlowDown => return client.write_all(SLOW_DOWN).ok(),
        Fault::Delay => std::thread::sleep(Duration::from_millis(400)),
        _ => {}
    }
    let mut upstream = TcpStream::connect(server().endpoint.trim_start_matches("http://")).ok()?;
    upstream.write_all(&request).ok()?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).ok()?;
    match fault {
        Fault::CutAfter => client.shutdown(Shutdown::Both).ok(),
        Fault::CutWithin => {
            client.write_all(&answer[..answer.len() / 2]).ok()?;
            client.shutdown(Shutdown::Both).ok()
        }
        Fault::Garble => {
            garble(&request, &mut answer);
            client.write_all(&answer).ok()
        }
        Fault::Age => {
            age(&mut answer);
            client.write_all(&answer).ok()
        }
        _ => client.write_all(&answer).ok(),
    }
}

/// Moves the years in which uploads were begun.
fn age(answer: &mut [u8]) {
    const INITIATED: &[u8] = b"<Initiated>";
    let found = answer.windows(INITIATED.len()).enumerate().filter(|(_, window)| *window == INITIATED);
    let years: Vec<usize> = found.map(|(at, _)| at + INITIATED.len()).collect();
    years.into_iter().for_each(|at| answer[at..at + 4].copy_from_slice(b"2020"));
}

/// Turns one bit in the middle of a source object that is read. Listings and log entries have no check but that of TLS.
fn garble(request: &[u8], answer: &mut [u8]) {
    let line = String::from_utf8_lossy(request.split(|&byte| byte == b'\r').next().unwrap_or_default()).into_owned();
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(answer.len(), |end| end + 4);
    let middle = head + (answer.len() - head) / 2;
    if line.starts_with("GET ") && line.contains("/logs/2023/") && !line.contains("list-type") && middle < answer.len()
    {
        answer[middle] ^= 0x10;
    }
}

/// The whole request, which asks the server to close the connection behind its answer.
fn read_request(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut piece = [0; 64 << 10];
    let head_end = loop {
        let length = client.read(&mut piece).ok().filter(|&length| length > 0)?;
        bytes.extend_from_slice(&piece[..length]);
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
    let whole = head_end + length.unwrap_or(0);
    while bytes.len() < whole {
        let length = client.read(&mut piece).ok().filter(|&length| length > 0)?;
        bytes.extend_from_slice(&piece[..length]);
    }
    bytes.splice(head_end - 2..head_end - 2, *b"Connection: close\r\n");
    Some(bytes)
}

/// Runs against the proxy until one succeeds; how many it took.
fn convert_through(lab: &Lab, proxy: &Proxy) -> u32 {
    for runs in 1..=20 {
        let mut program = lab.program(&["convert", "{}logs/", "{}lake/"]);
        let said = said(program.env("AWS_ENDPOINT_URL", &proxy.endpoint).output().expect("the program starts"));
        if said.code == 0 {
            return runs;
        }
        assert_eq!(said.code, 1, "nothing is set aside for a network that fails: {}", said.stderr);
        assert!(said.stderr.starts_with("error: "), "{}", said.stderr);
    }
    panic!("twenty runs failed");
}

fn faults_change_nothing(faults: &'static [Fault], every: u64, runs_max: u32) {
    let lab = Lab::on_s3();
    fill(&lab, 20, 200);
    let proxy = Proxy::open(faults, every);
    let runs = convert_through(&lab, &proxy);
    println!("{runs} runs through {:?}", proxy.counted());
    for fault in faults {
        assert!(proxy.counts[*fault as usize].load(Ordering::Relaxed) > 0, "{fault:?} never happened");
    }
    assert!(runs <= runs_max, "{runs} runs were needed");
    is_whole(&lab);
}

/// Half of all requests are refused.
#[test]
fn a_storm_of_slow_down_is_waited_out() {
    faults_change_nothing(&[Fault::SlowDown], 2, 1);
}

#[test]
fn connections_that_are_slow_or_cut_change_nothing() {
    faults_change_nothing(&[Fault::Delay, Fault::CutBefore, Fault::CutAfter, Fault::CutWithin, Fault::SlowDown], 4, 5);
}

/// What arrives other than it was sent is set aside or an error, never rows; once the network is sound, all is there.
#[test]
fn bits_that_turn_on_the_way_are_noticed() {
    let lab = Lab::on_s3();
    fill(&lab, 20, 200);
    let proxy = Proxy::open(&[Fault::Garble], 3);
    let mut ends = Vec::new();
    for _ in 0..6 {
        let mut program = lab.program(&["convert", "{}logs/", "{}lake/"]);
        let said = said(program.env("AWS_ENDPOINT_URL", &proxy.endpoint).output().expect("the program starts"));
        assert!(said.code != 1 || said.stderr.starts_with("error: "), "{}", said.stderr);
        ends.push(said.code);
    }
    println!("runs ended with {ends:?} through {:?}", proxy.counted());
    assert!(ends.contains(&1) || ends.contains(&3), "{ends:?}");
    let expected = lab.expected("logs").rows;
    assert!(lab.lake_rows().iter().all(|(at, row)| expected.get(at) == Some(row)), "a row is not as in its object");
    let said = lab.run(&["convert", "{}logs/", "{}lake/"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let said = lab.run(&["rejects", "{}lake/", "{}logs/", "--replay"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    is_whole(&lab);
}

/// A run that was killed in an upload leaves its parts. A day later they are removed: those of the lake, and no others.
#[test]
fn uploads_that_killed_runs_left_are_aborted_after_a_day() {
    let lab = Lab::on_s3();
    fill(&lab, 1, 10);
    let ours = [
        "lake/flow_logs/date=2023-09-01/p00000001-t000000-0000-0123456789abcdef.parquet",
        "lake/_flowlake/waiting/flow_logs/date=2023-09-01/p00000002-t000000-0000-0123456789abcdef.parquet",
        "lake/_flowlake/rejects/p00000001-t000000-0123456789abcdef.ndjson.zst",
    ];
    let others = ["lake/flow_logs/date=2023-09-01/part-0000.parquet", "lake/p00000001-b", "c"];
    for key in ours.into_iter().chain(others) {
        lab.begin_upload(key);
    }
    lab.convert(&[], 0);
    assert_eq!(lab.uploads(), BTreeSet::from_iter(ours.into_iter().chain(others).map(str::to_owned)), "of today");
    let proxy = Proxy::open(&[Fault::Age], 1);
    assert_eq!(convert_through(&lab, &proxy), 1);
    assert_eq!(lab.uploads(), BTreeSet::from(others.map(str::to_owned)));
    is_whole(&lab);
}

/// Longer than a store's own retries.
#[test]
#[ignore = "slow: the server is away for 75 s"]
fn slow_a_server_that_is_away_for_a_minute_is_waited_for() {
    let mut weed = Weed::new();
    let lab = Lab::on_server(&weed.endpoint());
    fill(&lab, 30, 300);
    let mut child = start(&lab);
    std::thread::sleep(Duration::from_millis(150));
    weed.kill();
    std::thread::sleep(Duration::from_secs(75));
    assert!(child.try_wait().expect("the program is ours").is_none(), "the run waits");
    weed.start();
    let said = said(child.wait_with_output().expect("it ends"));
    println!("the run ended with {}: {}", said.code, said.stderr);
    assert_eq!(said.code, 0, "{}", said.stderr);
    is_whole(&lab);
}
