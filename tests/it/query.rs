//! SQL over a lake, on disk and on S3: answers held against plain counts, files left out, formats, limits, refusals.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::WriterProperties;

use crate::lab::{Lab, Said, on_both_stores};
use crate::server::READER;

on_both_stores!(
    answers_are_those_of_a_plain_count,
    dates_and_starts_leave_files_out,
    the_ledger_is_tables,
    raw_logs_give_the_same_rows,
);

pub(crate) const DEFAULT: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status";

/// 2023-09-13 00:00:00 UTC.
const DAY: i64 = 1_694_563_200;

pub(crate) fn key(day: u32, n: u32) -> String {
    let account = "012345678901";
    format!(
        "logs/AWSLogs/{account}/vpcflowlogs/us-east-1/2023/09/{day:02}/\
         {account}_vpcflowlogs_us-east-1_fl-1_202309{day:02}T0005Z_{n:08x}.log.gz"
    )
}

/// Three days of an object each.
fn fill(lab: &Lab) {
    for day in 0..3_i64 {
        let mut text = format!("{DEFAULT}\n");
        for row in 0..200_i64 {
            let start = DAY + day * 86_400 + row * 400;
            let action = if row % 5 == 0 { "REJECT" } else { "ACCEPT" };
            text += &format!(
                "2 012345678901 eni-{} 10.0.{day}.{} 203.0.113.{} {} {} 6 {} {} {start} {} {action} OK\n",
                row % 3,
                row % 50,
                row % 20,
                40_000 + row,
                [22, 443, 3389][row as usize % 3],
                row + 1,
                (row + 1) * 60,
                start + 59
            );
        }
        lab.put_gz(&key(13 + day as u32, day as u32), &text);
    }
    lab.put_gz(&key(15, 9), &format!("{DEFAULT}\nno record at all\n"));
    lab.convert(&[], 3);
}

fn query(lab: &Lab, more: &[&str]) -> Said {
    let arguments = [&["query", "{}lake"], more].concat();
    let mut program = lab.program(&arguments);
    // On S3 the identity may list and read, and nothing else.
    if lab.root.starts_with("s3://") {
        program.env("AWS_ACCESS_KEY_ID", READER.0).env("AWS_SECRET_ACCESS_KEY", READER.1);
    }
    let output = program.output().expect("the program starts");
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

fn csv(lab: &Lab, sql: &str) -> String {
    let said = query(lab, &[sql, "--format", "csv"]);
    assert_eq!(said.code, 0, "{sql}: {}", said.stderr);
    said.stdout
}

fn answers_are_those_of_a_plain_count(lab: &Lab) {
    fill(lab);
    let expected = lab.expected("logs");
    let mut ports: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    for row in expected.rows.values() {
        let slot = ports.entry((&row["dstport"], &row["action"])).or_default();
        *slot = (slot.0 + 1, slot.1 + row["bytes"].parse::<u64>().expect("bytes"));
    }
    let mut text = "dstport,action,flows,bytes\n".to_owned();
    ports.iter().for_each(|((port, action), (flows, bytes))| text += &format!("{port},{action},{flows},{bytes}\n"));
    let sql = "SELECT dstport, action, count(*) AS flows, sum(bytes) AS bytes FROM flow_logs GROUP BY dstport, action \
               ORDER BY CAST(dstport AS VARCHAR), action";
    assert_eq!(csv(lab, sql), text);
    // Counts and bounds that the ledger answers alone, and the same ones counted.
    assert_eq!(
        csv(lab, "SELECT count(*) AS n, min(start) AS a, max(start) AS b FROM flow_logs"),
        format!("n,a,b\n600,{DAY},{}\n", DAY + 2 * 86_400 + 199 * 400)
    );
    assert_eq!(csv(lab, "SELECT count(srcaddr) AS n FROM flow_logs WHERE start >= 0"), "n\n600\n");
    let times = "SELECT start_time, end_time FROM flow_logs ORDER BY start LIMIT 1";
    assert_eq!(csv(lab, times), "start_time,end_time\n2023-09-13T00:00:00Z,2023-09-13T00:00:59Z\n");
    let zoned = query(lab, &[times, "--format", "csv", "--time-zone", "Asia/Kolkata"]);
    assert_eq!(zoned.stdout, "start_time,end_time\n2023-09-13T05:30:00+05:30,2023-09-13T05:30:59+05:30\n");
    let last = "SELECT x FROM (VALUES (1), (NULL), (2)) AS t(x) ORDER BY x DESC";
    assert_eq!(csv(lab, last), "x\n2\n1\n\"\"\n", "nulls are last");
    let joined = csv(lab, "SELECT DISTINCT log_account, log_region, log_id FROM flow_logs");
    assert_eq!(joined, "log_account,log_region,log_id\n012345678901,us-east-1,fl-1\n");
}

fn dates_and_starts_leave_files_out(lab: &Lab) {
    fill(lab);
    assert_eq!(lab.data_files().len(), 3);
    for (filter, files, rows) in [
        ("true", 3, 600),
        ("date = '2023-09-14'", 1, 200),
        ("date >= '2023-09-14' AND dstport > 0", 2, 400),
        ("date = '2023-09-14' OR date = '2023-09-15'", 2, 400),
        ("date IS NULL", 0, 0),
        ("date = '2023-09-14' OR dstport = 1", 3, 200),
        ("extract(day FROM date) = 13", 1, 200),
        ("start < 1694563200 + 86400", 1, 200),
        ("start_time >= '2023-09-15T00:00:00Z'", 1, 200),
        ("start_time >= '2023-09-14T23:59:59Z' AND start_time < '2023-09-15T00:06:00Z'", 1, 1),
        ("start_time BETWEEN '2023-09-13T23:00:00Z' AND '2023-09-14T00:00:00Z'", 1, 1),
        ("start > 1800000000", 0, 0),
    ] {
        let sql = format!("SELECT dstport FROM flow_logs WHERE {filter}");
        let said = query(lab, &[&sql, "--explain"]);
        assert_eq!(said.code, 0, "{filter}: {}", said.stderr);
        let expected = format!("flow_logs: {files} of 3 files");
        assert!(said.stdout.contains(&expected), "{filter}: {expected}:\n{}", said.stdout);
        assert_eq!(said.stdout.matches(".parquet").count() > 0, files > 0, "{filter}:\n{}", said.stdout);
        let counted = csv(lab, &format!("SELECT count(*) AS n FROM flow_logs WHERE {filter}"));
        let found = csv(lab, &format!("SELECT count(dstport) AS n FROM flow_logs WHERE {filter}"));
        assert_eq!(counted, format!("n\n{rows}\n"), "{filter}");
        assert_eq!(counted, found, "{filter}");
    }
    // A list that was a column first is kept apart from others, and a condition here.
    let named = "SELECT count(*) FROM (SELECT *, start IN (1694563200, 1) AS w FROM flow_logs) WHERE w";
    let plan = query(lab, &[named, "--explain"]).stdout;
    assert!(plan.contains("flow_logs: 1 of 3 files"), "{plan}");
    let plan = query(lab, &["SELECT count(*) FROM flow_logs WHERE bytes > 100 AND dstport = 22", "--explain"]).stdout;
    assert!(plan.contains("pruning_predicate"), "the Parquet reader is given the filter:\n{plan}");
}

fn the_ledger_is_tables(lab: &Lab) {
    fill(lab);
    let objects = csv(lab, "SELECT day, outcome, lines, rows, rejects FROM lake.objects ORDER BY url");
    let expected = "day,outcome,lines,rows,rejects\n2023-09-13,converted,201,200,0\n2023-09-14,converted,201,200,0\n\
                    2023-09-15,converted,201,200,0\n2023-09-15,converted,2,0,1\n";
    assert_eq!(objects, expected);
    let files = csv(lab, "SELECT table_name, partition, rows, start_min FROM lake.files ORDER BY path");
    let expected: String =
        (0..3).map(|day| format!("flow_logs,date=2023-09-{},200,{}\n", 13 + day, DAY + day * 86_400)).collect();
    assert_eq!(files, format!("table_name,partition,rows,start_min\n{expected}"));
    let rejects = csv(lab, "SELECT line, text FROM lake.rejects");
    assert_eq!(rejects, "line,text\n2,no record at all\n");
    let runs = csv(lab, "SELECT kind, rows, rejects FROM lake.runs WHERE kind <> 'plan' ORDER BY entry");
    assert_eq!(runs, "kind,rows,rejects\ncreate,,\nseal,600,1\n");
    assert_eq!(csv(lab, "SELECT count(*) AS n FROM lake.runs WHERE at > '2023-01-01'"), "n\n3\n");
    let joined = "SELECT f.date, count(*) AS n FROM flow_logs f JOIN lake.objects o ON o.url = f.log_object \
                  WHERE o.rejects = 0 GROUP BY f.date ORDER BY f.date";
    assert_eq!(csv(lab, joined), "date,n\n2023-09-13,200\n2023-09-14,200\n2023-09-15,200\n");
}

fn raw_logs_give_the_same_rows(lab: &Lab) {
    fill(lab);
    let columns = "srcaddr, dstport, bytes, start_time, date, log_account, log_object, log_line";
    let sql = |table: &str| format!("SELECT {columns} FROM {table} ORDER BY log_object, log_line");
    let raw = query(lab, &[&sql("raw_flow_logs"), "--raw", &lab.url("logs/"), "--format", "csv"]);
    assert_eq!(raw.code, 0, "{}", raw.stderr);
    assert_eq!(raw.stdout, csv(lab, &sql("flow_logs")));
    assert_eq!(raw.stdout.lines().count(), 601);
    assert!(raw.stderr.contains("1 line and 0 objects could not be read"), "{}", raw.stderr);
    let few = query(lab, &["SELECT * FROM raw_flow_logs LIMIT 3", "--raw", &lab.url("logs/"), "--format", "ndjson"]);
    assert_eq!((few.code, few.stdout.lines().count()), (0, 3), "{}", few.stderr);
    let none = query(lab, &["SELECT * FROM raw_tgw_flow_logs", "--raw", &lab.url("logs/")]);
    assert_eq!(none.code, 2);
    assert!(none.stderr.contains("did you mean `raw_flow_logs`?"), "{}", none.stderr);
}

#[test]
fn raw_columns_are_those_of_the_first_object_with_rows() {
    let lab = small();
    lab.put_gz(&key(1, 0), &format!("{DEFAULT}\n"));
    lab.put_gz(&key(2, 0), &format!("{DEFAULT}\nno record at all\n"));
    let said =
        query(&lab, &["SELECT count(dstport) AS n FROM raw_flow_logs", "--raw", &lab.url("logs/"), "--format", "csv"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, "n\n600\n"), "{}", said.stderr);
    assert!(said.stderr.contains("2 lines and 0 objects could not be read"), "{}", said.stderr);
}

#[test]
fn hours_are_keys_where_the_lake_has_them() {
    let lab = Lab::on_disk();
    let rows: String = (0..48).map(|half| format!("2 10.0.0.{half} {}\n", DAY + half * 1800)).collect();
    lab.put_gz("logs/a.log.gz", &format!("version srcaddr start\n{rows}"));
    lab.put_gz("logs/b.log.gz", "version srcaddr\n2 10.9.9.9\n");
    lab.convert(&["--partition-by", "date,hour"], 0);
    let plan = query(&lab, &["SELECT srcaddr FROM flow_logs WHERE hour = 7 AND date = '2023-09-13'", "--explain"]);
    assert!(plan.stdout.contains("flow_logs: 1 of 25 files"), "{}{}", plan.stdout, plan.stderr);
    assert_eq!(csv(&lab, "SELECT srcaddr FROM flow_logs WHERE hour = 7 ORDER BY 1"), "srcaddr\n10.0.0.14\n10.0.0.15\n");
    // A record without `start`, in an object without a day, has no date: it is there, and under no date.
    assert_eq!(csv(&lab, "SELECT srcaddr, date FROM flow_logs WHERE date IS NULL"), "srcaddr,date\n10.9.9.9,\n");
    assert_eq!(csv(&lab, "SELECT count(*) AS n FROM flow_logs WHERE date IS NULL OR srcaddr = '10.0.0.1'"), "n\n2\n");
    assert_eq!(csv(&lab, "SELECT count(*) AS n FROM flow_logs WHERE start IS NULL"), "n\n1\n");
}

pub(crate) fn small() -> Lab {
    let lab = Lab::on_disk();
    fill(&lab);
    lab
}

#[test]
fn nothing_can_be_written() {
    let lab = small();
    let before = lab.list("lake");
    let target = lab.url("lake/x.csv");
    for (sql, what) in [
        (format!("COPY (SELECT 1) TO '{target}'"), "COPY"),
        ("INSERT INTO flow_logs SELECT * FROM flow_logs".to_owned(), "INSERT"),
        (format!("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{target}'"), "CREATE EXTERNAL TABLE"),
        ("CREATE TABLE t AS SELECT 1".to_owned(), "CREATE"),
        ("CREATE VIEW t AS SELECT 1".to_owned(), "CREATE"),
        ("DROP TABLE flow_logs".to_owned(), "DROP"),
        ("DELETE FROM flow_logs".to_owned(), "DELETE"),
        ("UPDATE flow_logs SET dstport = 1".to_owned(), "UPDATE"),
        ("SET datafusion.execution.batch_size = 1".to_owned(), "SET"),
        (format!("EXPLAIN ANALYZE COPY (SELECT 1) TO '{target}'"), "COPY"),
    ] {
        let said = query(&lab, &[&sql]);
        assert_eq!(said.code, 2, "{sql}: {}{}", said.stdout, said.stderr);
        assert!(said.stderr.contains("only reads") && said.stderr.contains(what), "{sql}: {}", said.stderr);
    }
    let said = query(
        &lab,
        &["SELECT 1", "--format", "csv", "--output", &lab.path("lake/flow_logs/x.csv").display().to_string()],
    );
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("lies in the lake"), "{}", said.stderr);
    let said = query(&lab, &["SELECT 1", "--spill", &lab.path("lake/new/spill").display().to_string()]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("--spill") && said.stderr.contains("lies in the lake"), "{}", said.stderr);
    assert_eq!(lab.list("lake"), before);
}

#[test]
fn mistakes_are_shown_with_their_place_and_what_is_near() {
    let lab = small();
    for (sql, says, marked) in [
        (
            "SELECT dstprt FROM flow_logs",
            "did you mean `dstport`?",
            "  1 | SELECT dstprt FROM flow_logs\n    |        ^",
        ),
        ("SELECT 1\nFROM flow_log", "did you mean `flow_logs`?", "  2 | FROM flow_log\n    |      ^"),
        ("SELECT * FROM lake.object", "did you mean `lake.objects`?", "^"),
        ("SELEC 1", "SELEC", "  1 | SELEC 1\n    | ^"),
        ("SELECT count(* FROM flow_logs", "Expected", "^"),
        ("SELECT protocol_nam(6)", "protocol_name", ""),
        ("SELECT srcaddr FROM flow_logs WHERE dstport = $port", "is a report", "^"),
        ("SELECT 'open", "Unterminated", ""),
        ("SELECT 1; SELECT 2", "more than one statement", ""),
        ("", "there is no statement", ""),
    ] {
        let said = query(&lab, &[sql]);
        assert_eq!(said.code, 2, "{sql}: {}", said.stderr);
        assert!(said.stderr.contains(says) && said.stderr.contains(marked), "{sql}: {}", said.stderr);
        assert_eq!(said.stdout, "");
    }
    let failed = query(&lab, &["SELECT cidr_contains('10.0.0.0/99', srcaddr) FROM flow_logs"]);
    assert_eq!(failed.code, 1);
    assert!(failed.stderr.contains("is no range of addresses"), "{}", failed.stderr);
}

#[test]
fn every_format_holds_the_same_rows() {
    let lab = small();
    let sql = "SELECT 1 AS n, NULL AS nothing, 'a,b|c\"' AS text UNION ALL SELECT 2, NULL, 'tab' || chr(9) || 'here' || chr(10) || chr(27) || '[31m' ORDER BY n";
    let said = |format: &str| {
        let said = query(&lab, &[sql, "--format", format]);
        assert_eq!(said.code, 0, "{format}: {}", said.stderr);
        said.stdout
    };
    assert_eq!(said("csv"), "n,nothing,text\n1,,\"a,b|c\"\"\"\n2,,\"tab\there\n\u{1b}[31m\"\n");
    assert!(said("tsv").starts_with("n\tnothing\ttext\n1\t\t\"a,b|c\"\"\"\n"));
    let rows = serde_json::json!([
        { "n": 1, "nothing": null, "text": "a,b|c\"" },
        { "n": 2, "nothing": null, "text": "tab\there\n\u{1b}[31m" },
    ]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&said("json")).expect("JSON"), rows);
    let lines: Vec<serde_json::Value> =
        said("ndjson").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(serde_json::Value::from(lines), rows);
    let table = said("table");
    assert!(table.contains("| n | nothing | text "), "{table}");
    assert!(table.contains("tab\\there\\n\\u{1b}[31m"), "control characters are shown, not sent:\n{table}");
    assert!(said("markdown").contains("| a,b\\|c\" "), "{}", said("markdown"));
    let html = query(&lab, &["SELECT '<b>&' AS \"<i>\"", "--format", "markdown"]);
    assert!(html.stdout.contains("&lt;b>&amp;") && html.stdout.contains("| &lt;i>"), "{}", html.stdout);
    let plain = query(&lab, &["SELECT '<b>&' AS x", "--format", "table"]);
    assert!(plain.stdout.contains("| <b>& |"), "{}", plain.stdout);
    let none = query(&lab, &["SELECT dstport, bytes FROM flow_logs WHERE false", "--format", "csv"]);
    assert_eq!(none.stdout, "dstport,bytes\n");
    let none = query(&lab, &["SELECT dstport FROM flow_logs WHERE false", "--format", "json"]);
    assert_eq!(none.stdout.trim(), "[]");
    let file = lab.temporary().join("rows.parquet");
    let all = "SELECT srcaddr, bytes, start_time FROM flow_logs";
    let said = query(&lab, &[all, "--format", "parquet", "--output", &file.display().to_string()]);
    assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{}", said.stderr);
    let own = format!("own={}", file.display());
    let back = query(&lab, &["SELECT count(*) AS n, sum(bytes) AS b FROM own", "--table", &own, "--format", "csv"]);
    let expected = csv(&lab, "SELECT count(*) AS n, sum(bytes) AS b FROM flow_logs");
    assert_eq!(back.stdout, expected, "{}", back.stderr);
}

#[test]
fn own_files_join_by_value() {
    let lab = small();
    let put = |name: &str, text: &str| {
        let path = lab.temporary().join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let csv = put("accounts [1]*.csv", "account,name,rank\n012345678901,\"Shop, EU\",7\n111122223333,Other,8\n");
    let json = put(
        "hosts.json",
        "[{\"host\": \"10.0.0.1\", \"owner\": \"web\"}, {\"host\": \"10.0.0.2\", \"owner\": \"db\"}]",
    );
    let lines = put("lines.ndjson", "{\"host\": \"10.0.0.1\"}\n");
    let sql = "SELECT a.name, h.owner, a.rank + 1 AS next, count(*) AS n FROM flow_logs f \
               JOIN accounts a ON a.account = f.account_id JOIN hosts h ON h.host = f.srcaddr \
               JOIN lines l ON l.host = f.srcaddr GROUP BY a.name, h.owner, a.rank";
    let tables = [format!("accounts={csv}"), format!("hosts={json}"), format!("lines={lines}")];
    let mut arguments = vec![sql, "--format", "csv"];
    tables.iter().for_each(|table| arguments.extend(["--table", table]));
    let said = query(&lab, &arguments);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(said.stdout, "name,owner,next,n\n\"Shop, EU\",web,8,4\n");
    let floats = format!("f={}", put("floats.csv", "x,n\n-0.0,1\n0.0,2\nNaN,3\n-inf,4\n"));
    let sql =
        "SELECT count(*) AS pairs, min(a.x) AS least, max(b.x) AS most FROM f a JOIN f b ON a.x = b.x WHERE b.n > 0";
    let said = query(&lab, &[sql, "--table", &floats, "--format", "csv"]);
    assert_eq!(said.stdout, "pairs,least,most\n6,-inf,NaN\n", "zeros are equal: {}", said.stderr);
    for (table, says) in [
        (format!("flow_logs={csv}"), "has a table of this name"),
        ("x=/nowhere.csv".to_owned(), "/nowhere.csv"),
        (format!("x={}", put("notes.txt", "hello")), "no .csv, .tsv, .json"),
        ("no-file".to_owned(), "name=file"),
        ("BAD-name=x.csv".to_owned(), "name=file"),
    ] {
        let said = query(&lab, &["SELECT 1", "--table", &table]);
        assert_eq!(said.code, 2, "{table}: {}", said.stderr);
        assert!(said.stderr.contains(says), "{table}: {}", said.stderr);
    }
}

/// A file that says in what order its rows are: of a row group that fits the filter in part the first rows are the
/// answer, and not those of a later one that fits it whole.
#[test]
fn a_limit_over_sorted_files_takes_the_first_rows() {
    let lab = small();
    let write = |name: &str, from: i64| {
        let id: ArrayRef = Arc::new(Int64Array::from_iter_values(from..from + 200));
        let flag: ArrayRef =
            Arc::new(Int64Array::from_iter_values((0..200).map(|n| i64::from(n >= 100 || n % 2 == 1))));
        let batch = RecordBatch::try_from_iter([("id", id), ("flag", flag)]).expect("two columns");
        let by_id = SortingColumn { column_idx: 0, descending: false, nulls_first: false };
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(100))
            .set_sorting_columns(Some(vec![by_id]))
            .build();
        let path = lab.temporary().join(name);
        let file = std::fs::File::create(&path).expect("a file");
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
        writer.write(&batch).expect("rows");
        writer.close().expect("a footer");
        path.display().to_string()
    };
    let tables = [format!("a={}", write("a.parquet", 0)), format!("b={}", write("b.parquet", 1000))];
    for (sql, right) in [
        ("SELECT id FROM a WHERE flag = 1 ORDER BY id LIMIT 3", "1 3 5"),
        ("SELECT id FROM a WHERE flag = 1 ORDER BY id LIMIT 2 OFFSET 1", "3 5"),
        ("SELECT id FROM (SELECT id FROM a WHERE flag = 1 ORDER BY id) AS t ORDER BY id LIMIT 3", "1 3 5"),
        ("SELECT id FROM (SELECT * FROM a UNION ALL SELECT * FROM b) AS t WHERE flag = 1 ORDER BY id LIMIT 3", "1 3 5"),
        ("SELECT id FROM a WHERE flag = 1 ORDER BY id DESC LIMIT 2", "199 198"),
        ("SELECT max(id) AS id FROM (SELECT id FROM a WHERE flag = 1 ORDER BY id LIMIT 3) AS t", "5"),
    ] {
        for threads in ["1", "4"] {
            let mut arguments = vec![sql, "--format", "csv", "--threads", threads];
            tables.iter().for_each(|table| arguments.extend(["--table", table]));
            let said = query(&lab, &arguments);
            let found: Vec<&str> = said.stdout.lines().skip(1).collect();
            assert_eq!(found.join(" "), right, "{threads} threads: {sql}: {}", said.stderr);
        }
    }
}

#[test]
fn memory_is_bounded_and_what_does_not_fit_spills_or_is_told() {
    let lab = small();
    let wide = "SELECT count(*) AS n FROM (SELECT DISTINCT value, repeat('x', 60) || CAST(value AS VARCHAR) AS text \
                FROM generate_series(1, 200000))";
    assert_eq!(csv(&lab, wide), "n\n200000\n");
    let sort = "SELECT max(n) AS m FROM (SELECT n, row_number() OVER (ORDER BY text) AS r FROM \
                (SELECT value AS n, repeat('y', 200) || CAST(value AS VARCHAR) AS text FROM generate_series(1, 150000)))";
    let spill = lab.temporary().join("spill");
    std::fs::create_dir(&spill).expect("a folder");
    let place = spill.display().to_string();
    let said = query(&lab, &[sort, "--memory", "24MiB", "--spill", &place, "--threads", "2", "--format", "csv"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, "m\n150000\n"), "{}", said.stderr);
    let nothing_left = std::fs::read_dir(&spill).expect("the folder").count();
    assert_eq!(nothing_left, 0, "spill files are removed");
    let hungry = "SELECT array_agg(repeat('z', 1000)) AS all_of_them FROM generate_series(1, 100000)";
    let said = query(&lab, &[hungry, "--memory", "4MiB"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(
        said.stderr.contains("more memory than --memory") && said.stderr.contains("raise --memory"),
        "{}",
        said.stderr
    );
}

/// Whoever walks a tree by recursion would overflow its stack, which ends the program with a signal.
#[test]
fn deep_statements_are_refused_and_never_overflow_the_stack() {
    let lab = small();
    let file = lab.temporary().join("deep.sql");
    let path = file.display().to_string();
    let many = 100_000;
    for deep in [
        "SELECT 1".to_owned() + &"+1".repeat(many),
        format!("SELECT {}1{}", "(".repeat(many), ")".repeat(many)),
        format!("SELECT {}true", "NOT ".repeat(many)),
        format!("SELECT {}1", "- ".repeat(many)),
        format!("SELECT {}0{}", "CASE WHEN true THEN ".repeat(many), " END".repeat(many)),
        "SELECT 1".to_owned() + &" UNION ALL SELECT 1".repeat(many),
        "SELECT 1 WHERE true".to_owned() + &" OR 1 = 2".repeat(many),
        format!("SELECT * FROM {}flow_logs{}", "(SELECT * FROM ".repeat(many), ") x".repeat(many)),
        format!("SELECT {}1{}", "abs(".repeat(many), ")".repeat(many)),
        format!("SELECT 'a'{}", " || 'a'".repeat(many)),
        format!("SELECT 1{}", "::int".repeat(many)),
        format!("SELECT 1 FROM flow_logs{}", " CROSS JOIN flow_logs".repeat(many)),
    ] {
        std::fs::write(&file, &deep).expect("the lab's own folder");
        for more in [&["-f", &path][..], &["-f", &path, "--explain"]] {
            let said = query(&lab, more);
            assert_eq!(said.code, 2, "{}: {}", &deep[..30], said.stderr);
            assert!(said.stderr.contains("operators and keywords"), "{}: {}", &deep[..30], said.stderr);
        }
    }
    let head = "-- title: Deep\n-- meaning: too deep\n-- fields: bytes\n";
    std::fs::write(&file, format!("{head}SELECT bytes{} FROM flow_logs ORDER BY 1;\n", "+1".repeat(many)))
        .expect("a file");
    let folder = lab.temporary().display().to_string();
    let said = lab.run(&["report", "{}lake", "deep", "--dir", &folder]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("operators and keywords"), "{}", said.stderr);
    // Every step names the one before it twice: 2^40 tables.
    let step = |n: usize| format!(", a{n} AS (SELECT * FROM a{0} UNION ALL SELECT * FROM a{0})", n - 1);
    let doubled: String = (1..=40).map(step).collect();
    std::fs::write(&file, format!("WITH a0 AS (SELECT 1 AS n FROM flow_logs){doubled} SELECT count(*) FROM a40"))
        .expect("a file");
    for more in [&["-f", &path][..], &["-f", &path, "--explain"]] {
        let said = query(&lab, more);
        assert!(said.code == 2 && said.stderr.contains("tables and subqueries"), "{}", said.stderr);
    }
    // As deep as may be, and lists of any length.
    std::fs::write(&file, format!("SELECT 1{} AS n", "+1".repeat(950))).expect("a file");
    let said = query(&lab, &["-f", &path, "--format", "csv"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, "n\n951\n"), "{}", said.stderr);
    let list = vec!["'10.0.0.1'"; 50_000].join(",");
    std::fs::write(&file, format!("SELECT count(*) AS n FROM flow_logs WHERE srcaddr IN ({list})")).expect("a file");
    assert_eq!(query(&lab, &["-f", &path]).code, 0);
}

/// A window function holds its partition whole, and the engine does not count it.
#[test]
fn what_is_held_and_not_counted_ends_the_statement() {
    let lab = small();
    let window = "SELECT max(s) FROM (SELECT sum(value) OVER () AS s FROM generate_series(1, 1000000000))";
    let said = query(&lab, &[window, "--memory", "16MiB"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("more memory than --memory") && said.stderr.contains("held whole"), "{}", said.stderr);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let lab = small();
    let endless = "SELECT value FROM generate_series(1, 4000000000)";
    for format in ["csv", "ndjson", "table"] {
        let mut program = lab.program(&["query", "{}lake", endless, "--format", format]);
        let mut running = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let mut first = String::new();
        BufReader::new(running.stdout.take().expect("a pipe")).read_line(&mut first).expect("a line");
        assert!(!first.is_empty());
        let output = running.wait_with_output().expect("it ends");
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{format}");
    }
}

#[test]
fn a_statement_comes_from_a_file_or_standard_input() {
    let lab = small();
    let file = lab.temporary().join("ask.sql");
    std::fs::write(&file, "-- how many\nSELECT count(*) AS n\nFROM flow_logs;\n").expect("a file");
    let said = query(&lab, &["-f", &file.display().to_string(), "--format", "csv"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, "n\n600\n"), "{}", said.stderr);
    let mut program = lab.program(&["query", "{}lake", "--format", "csv"]);
    let mut running = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
    running.stdin.take().expect("a pipe").write_all(b"SELECT 7 AS n;").expect("it reads");
    let output = running.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "n\n7\n");
    let both = query(&lab, &["SELECT 1", "-f", "x.sql"]);
    assert_eq!(both.code, 2);
}
