//! `flowlake serve` as its clients see it: psql, psycopg, and what hostile or clumsy ones send.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::engines::{mixed_lake, python};
use crate::lab::Lab;
use crate::pypi::psql;

/// A server on a free port, ended with this value.
pub struct Served {
    child: Child,
    pub port: u16,
}

impl Served {
    pub fn start(lab: &Lab, more: &[&str]) -> Served {
        let arguments = [&["serve", "{}lake/", "--listen", "127.0.0.1:0"], more].concat();
        let mut child = lab.program(&arguments).stderr(Stdio::piped()).spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let said = lines.next().expect("it says where it listens").expect("text");
        let port = said.split("127.0.0.1:").nth(1).and_then(|rest| rest.split('/').next());
        let port = port.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("no port in: {said}"));
        // A pipe that nobody reads would stop the server once it is full.
        std::thread::spawn(move || lines.for_each(drop));
        Served { child, port }
    }

    /// What psql says to one command: standard output, and standard error behind it.
    fn psql(&self, command: &str) -> String {
        let mut psql = Command::new(psql());
        psql.args(["-X", "-A", "-t", "-h", "127.0.0.1", "-U", "postgres", "-d", "flowlake", "-c", command]);
        psql.arg("-p").arg(self.port.to_string()).env("PGCONNECT_TIMEOUT", "20");
        let output = psql.output().expect("psql starts");
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }

    /// The answer of one number that psycopg gets, whose libpq has TLS, or the error that it meets.
    fn ask(&self, lab: &Lab, user: &str, password: &str, tls: &str) -> String {
        let script = format!("{}/tests/engines/serve_ask.py", env!("CARGO_MANIFEST_DIR"));
        let mut asked = lab.script(python(), &script);
        asked.arg(self.port.to_string()).args([user, password, tls, "SELECT count(*) FROM flow_logs"]);
        String::from_utf8(asked.output().expect("Python starts").stdout).expect("text").trim().to_owned()
    }

    /// Runs a script of `tests/engines` that asserts by itself.
    fn script(&self, lab: &Lab, name: &str) {
        let script = format!("{}/tests/engines/{name}", env!("CARGO_MANIFEST_DIR"));
        let output = lab.script(python(), &script).arg(self.port.to_string()).output().expect("Python starts");
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.ends_with("all held\n"), "{name}: {said}{errors}");
    }

    fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("it can be asked").is_none() && self.psql("SELECT 41 + 1").trim() == "42"
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn small_lake(lab: &Lab) {
    lab.put_gz("logs/a.log.gz", "version srcaddr dstport bytes start end\n2 10.0.0.1 22 70 1694735970 1694736000\n");
    lab.convert(&[], 0);
}

#[test]
fn psql_and_psycopg_read_what_the_sources_hold() {
    let lab = Lab::on_disk();
    mixed_lake(&lab);
    let mut served = Served::start(&lab, &[]);
    let expected = lab.expected("logs");
    assert_eq!(served.psql("SELECT count(*) FROM flow_logs").trim(), expected.rows.len().to_string());
    let days: std::collections::BTreeSet<_> = expected.rows.values().filter_map(|row| row.get("date")).collect();
    let days: Vec<_> = days.into_iter().cloned().collect();
    let said = served.psql("SELECT DISTINCT \"date\" FROM flow_logs WHERE \"date\" IS NOT NULL ORDER BY 1");
    assert_eq!(said.lines().collect::<Vec<_>>(), days);
    let listed = served.psql("\\d");
    for table in ["flow_logs", "tgw_flow_logs"] {
        assert!(listed.contains(&format!("public|{table}|table")), "{listed}");
    }
    let described = served.psql("\\d flow_logs");
    for column in ["protocol|integer", "bytes|bigint", "srcaddr|", "end|bigint", "date|date", "brand_new|"] {
        assert!(described.contains(column), "{column}: {described}");
    }
    for (sql, right) in [
        ("SELECT 1 UNION ALL SELECT 1.5 ORDER BY 1", "1\n1.5\n"),
        ("SELECT count(*) FROM (SELECT bytes FROM flow_logs UNION SELECT 40.5) AS t WHERE bytes = 40.5", "1\n"),
        (
            "SELECT date '2023-09-14' UNION SELECT timestamp '2023-09-14 00:00:01' ORDER BY 1 LIMIT 1",
            "2023-09-14 00:00:00\n",
        ),
        ("SELECT '\\x00ff'::bytea", "\\x00ff\n"),
        ("SELECT '0.000000000000000001'::numeric", "0.000000000000000001\n"),
        ("SELECT (3 = ANY (ARRAY[1, NULL])) IS NULL, 1 = ANY ('{1,2}'::int[])", "t|t\n"),
    ] {
        assert_eq!(served.psql(sql), right, "{sql}");
    }
    for (sql, says) in [
        ("SELECT 1 FROM flow_logs WHERE bytes NOT IN (SELECT bytes FROM flow_logs) OR version = 3", "EXISTS"),
        ("SELECT CAST('99999999999999999999999999999999999999' AS DECIMAL(38, 0)) * 10", "38 digits"),
        ("SELECT repeat('x', 1000000000)", "64.0 MiB at most"),
    ] {
        let said = served.psql(sql);
        assert!(said.contains("ERROR") && said.contains(says), "{sql}: {said}");
    }
    served.script(&lab, "serve_drivers.py");
    served.script(&lab, "serve_tools.py");
    assert!(served.is_alive());
}

#[test]
fn the_snippet_of_psycopg_answers_like_the_sources() {
    let lab = Lab::on_disk();
    mixed_lake(&lab);
    let served = Served::start(&lab, &[]);
    crate::engines::assert_snippet_over_postgres(&lab, served.port);
}

#[test]
fn new_commits_appear_without_a_restart() {
    let lab = Lab::on_disk();
    small_lake(&lab);
    let served = Served::start(&lab, &[]);
    assert_eq!(served.psql("SELECT count(*), max(dstport) FROM flow_logs").trim(), "1|22");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engines/serve_grows.py");
    let mut waiting = lab.script(python(), script);
    let waiting =
        waiting.arg(served.port.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut waiting = waiting.spawn().expect("Python starts");
    let mut said = BufReader::new(waiting.stdout.take().expect("it is piped"));
    let mut line = String::new();
    said.read_line(&mut line).expect("it says what it sees");
    assert_eq!(line, "1 row, prepared\n");
    lab.put_gz("logs/b.log.gz", "srcaddr dstport start az-id\n10.0.0.2 443 1694735971 use1-az1\n");
    lab.convert(&[], 0);
    std::thread::sleep(Duration::from_millis(1100));
    writeln!(waiting.stdin.take().expect("it is piped"), "now").expect("it waits");
    let output = waiting.wait_with_output().expect("it ends");
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("text");
    assert!(output.status.success(), "{rest}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(rest, "2 rows, prepared\nuse1-az1\n");
}

#[test]
fn an_empty_lake_is_served_until_rows_come() {
    let lab = Lab::on_disk();
    lab.put_gz("logs/a.log.gz", "version srcaddr\n");
    lab.convert(&[], 0);
    let said = lab.run(&["ddl", "{}lake/", "--engine", "duckdb"]);
    assert_eq!((said.code, said.stdout.as_str()), (1, ""), "{}", said.stderr);
    assert!(said.stderr.contains("holds no rows yet"), "{}", said.stderr);
    let served = Served::start(&lab, &[]);
    let refused = served.psql("SELECT count(*) FROM flow_logs");
    assert!(refused.contains("not found"), "{refused}");
    lab.put_gz("logs/b.log.gz", "version srcaddr\n2 10.0.0.1\n");
    lab.convert(&[], 0);
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(served.psql("SELECT count(*) FROM flow_logs").trim(), "1");
}

#[test]
fn nothing_can_be_written() {
    let lab = Lab::on_disk();
    small_lake(&lab);
    let before = lab.list("");
    let mut served = Served::start(&lab, &[]);
    let secret = lab.temporary().join("secret.csv");
    std::fs::write(&secret, "a,b\n1,2\n").expect("the lab's own folder");
    let secret = secret.display();
    for statement in [
        "INSERT INTO flow_logs (version) VALUES (1)".to_owned(),
        "UPDATE flow_logs SET version = 3".to_owned(),
        "DELETE FROM flow_logs".to_owned(),
        "DROP TABLE flow_logs".to_owned(),
        "TRUNCATE flow_logs".to_owned(),
        "CREATE TABLE t AS SELECT 1".to_owned(),
        "CREATE VIEW v AS SELECT 1".to_owned(),
        "CREATE SCHEMA s".to_owned(),
        "CREATE DATABASE d".to_owned(),
        "SELECT 1 INTO t".to_owned(),
        "WITH x AS (SELECT 1) SELECT * INTO t FROM x".to_owned(),
        "ALTER TABLE flow_logs RENAME TO t".to_owned(),
        "EXPLAIN ANALYZE INSERT INTO flow_logs (version) VALUES (1)".to_owned(),
        format!("COPY flow_logs TO '{secret}.out'"),
        format!("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{secret}'"),
        "WITH x AS (SELECT * INTO t FROM flow_logs) SELECT 1".to_owned(),
        "(SELECT * INTO t FROM flow_logs)".to_owned(),
        "SELECT 1 AS a UNION ALL (SELECT version INTO t FROM flow_logs)".to_owned(),
        "SET datafusion.runtime.memory_limit = '100G'".to_owned(),
        r#"SET "datafusion"."runtime"."memory_limit" = '100G'"#.to_owned(),
        r#"SET "datafusion"."runtime"."temp_directory" = '/var/tmp'"#.to_owned(),
        r#"SET "datafusion.runtime.memory_limit" = '100G'"#.to_owned(),
        r#"SET SESSION "DataFusion".execution.batch_size = 1"#.to_owned(),
        "PREPARE p AS SELECT 1".to_owned(),
        "SELECT 1; DROP TABLE flow_logs".to_owned(),
    ] {
        let said = served.psql(&statement);
        assert!(said.contains("ERROR"), "{statement}: {said}");
    }
    let said = served.psql(&format!("SELECT * FROM '{secret}'"));
    assert!(said.contains("ERROR"), "a file of the server can be read: {said}");
    assert_eq!(served.psql("SELECT count(*) FROM flow_logs").trim(), "1");
    assert_eq!(lab.list(""), before);
    assert!(!lab.temporary().join("secret.csv.out").exists());
    assert!(served.is_alive());
}

#[test]
fn limits_hold_and_the_server_lives_on() {
    let lab = Lab::on_disk();
    mixed_lake(&lab);
    let mut served = Served::start(&lab, &["--connections", "2", "--timeout", "3s", "--memory", "16MiB"]);
    let endless = "SELECT count(*) FROM flow_logs a, flow_logs b, flow_logs c WHERE a.bytes + b.bytes < c.packets";
    let said = served.psql(endless);
    assert!(said.contains("statement timeout") && said.contains("3s"), "{said}");
    let large = "SELECT count(*) FROM (SELECT DISTINCT a.log_line, b.srcaddr, b.dstaddr, b.log_object FROM flow_logs a, \
                 flow_logs b WHERE a.log_line < 60)";
    let said = served.psql(large);
    assert!(said.contains("ERROR"), "{said}");
    served.script(&lab, "serve_limits.py");
    assert!(served.is_alive());
}

#[test]
fn lists_are_parameters_and_what_a_connection_keeps_is_bounded() {
    let lab = Lab::on_disk();
    let rows: String = [("22", 7), ("443", 8), ("53", 9), ("-", 10)]
        .iter()
        .zip(1..)
        .map(|((port, bytes), n)| format!("2 10.0.0.{n} {port} {bytes} {} {}\n", 1_694_735_969 + n, 1_694_735_999 + n))
        .collect();
    lab.put_gz("logs/a.log.gz", &format!("version srcaddr dstport bytes start end\n{rows}"));
    lab.convert(&[], 0);
    let mut served = Served::start(&lab, &[]);
    served.script(&lab, "serve_lists.py");
    assert!(served.is_alive());
}

#[test]
fn broken_clients_do_not_disturb_others() {
    let lab = Lab::on_disk();
    small_lake(&lab);
    let mut served = Served::start(&lab, &["--connections", "2"]);
    let connect = || TcpStream::connect(("127.0.0.1", served.port)).expect("it listens");
    // Half a handshake, rubbish, a first message of a gigabyte, and one that ends in its middle.
    let mut held = Vec::new();
    for first in [
        &b"\0\0"[..],
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x40\0\0\0\0\x03\0\0",
        b"\0\0\0\x30\0\x03\0\0user\0",
        b"\0\0\0\x08\x04\xd2\x16\x2f",
    ] {
        let mut socket = connect();
        socket.write_all(first).expect("it takes a few bytes");
        held.push(socket);
    }
    assert!(served.is_alive());
    drop(held);
    assert!(served.is_alive());
}

#[test]
fn only_the_user_with_the_password_comes_in() {
    let lab = Lab::on_disk();
    small_lake(&lab);
    let password = lab.temporary().join("password");
    std::fs::write(&password, "open sesame\n").expect("the lab's own folder");
    set_mode(&password, 0o600);
    let password = password.display().to_string();
    let (cert, key) = certificate(&lab);
    let served =
        Served::start(&lab, &["--user", "ana", "--password-file", &password, "--tls-cert", &cert, "--tls-key", &key]);
    assert_eq!(served.ask(&lab, "ana", "open sesame", "require"), "1");
    assert_eq!(served.ask(&lab, "ana", "open sesame", "disable"), "1");
    for (user, given, why) in [
        ("ana", "wrong", "password authentication failed"),
        ("bob", "open sesame", "password authentication failed"),
        ("ana", "", "no password"),
    ] {
        let said = served.ask(&lab, user, given, "require").to_lowercase();
        assert!(said.starts_with("error: ") && said.contains(why), "{user} {given}: {said}");
    }
}

#[test]
fn what_cannot_be_served_is_said_at_once() {
    let lab = Lab::on_disk();
    small_lake(&lab);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let said = lab.run(&["serve", "{}lake/", "--listen", &address]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains(&address) && said.stderr.contains("--listen"), "{}", said.stderr);
    let said = lab.run(&["serve", "{}lake/", "--listen", "0.0.0.0:0"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("--tls-cert") && said.stderr.contains("--password-file"), "{}", said.stderr);
    let said = lab.run(&["serve", "{}logs/", "--listen", "127.0.0.1:0"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("is not a flowlake lake"), "{}", said.stderr);
    let said = lab.run(&["serve", "{}lake/", "--listen", "127.0.0.1:0", "--password-file", "/nowhere"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("/nowhere"), "{}", said.stderr);
}

/// What others can read is no secret, and what they can write is theirs: of a password as of a key.
#[test]
fn secrets_that_others_may_know_are_refused() {
    let lab = Lab::on_disk();
    small_lake(&lab);
    let password = lab.temporary().join("password");
    std::fs::write(&password, "open sesame\n").expect("the lab's own folder");
    let (cert, key) = certificate(&lab);
    let password = password.display().to_string();
    let given = [(&password, vec!["--password-file", &password]), (&key, vec!["--tls-cert", &cert, "--tls-key", &key])];
    for (file, more) in given {
        for mode in [0o644, 0o640, 0o604, 0o620, 0o602, 0o666] {
            set_mode(std::path::Path::new(file), mode);
            let said = lab.run(&[&["serve", "{}lake/", "--listen", "127.0.0.1:0"], &more[..]].concat());
            assert_eq!(said.code, 1, "{mode:o}: {}", said.stderr);
            assert!(said.stderr.contains(file) && said.stderr.contains("chmod 600"), "{mode:o}: {}", said.stderr);
            let told = said.stderr.contains("sesame") || said.stderr.contains("PRIVATE");
            assert!(said.stderr.contains(&format!("{mode:o}")) && !told, "{}", said.stderr);
        }
    }
}

fn set_mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("the lab's own file");
}

/// A certificate of its own for 127.0.0.1.
fn certificate(lab: &Lab) -> (String, String) {
    let (cert, key) = (lab.temporary().join("cert.pem"), lab.temporary().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a name that is an address");
    std::fs::write(&cert, made.cert.pem()).expect("the lab's own folder");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("the lab's own folder");
    set_mode(&key, 0o600);
    (cert.display().to_string(), key.display().to_string())
}
