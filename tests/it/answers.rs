//! Answers held against DuckDB over the same files, and what the engine would answer wrongly: right here, or refused.

use crate::engines::python;
use crate::lab::Lab;

/// Rows with nulls, large numbers, texts with signs of patterns, and times around changes of clocks, in two formats.
fn mixed() -> Lab {
    let lab = Lab::on_disk();
    let mut number = 7_u64;
    // The high bits of a linear congruential generator.
    let mut pick = |values: &[&str]| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        values[(number >> 33) as usize % values.len()].to_owned()
    };
    for (file, id) in ["instance-id", "subnet-id", "instance-id", "subnet-id"].iter().enumerate() {
        let mut text = format!("version srcaddr {id} dstport protocol bytes packets start end action\n");
        for _ in 0..60 {
            let start: i64 =
                pick(&["1694649600", "1694732400", "1698541200", "1698544800", "1679792400"]).parse().unwrap();
            let start = start + pick(&["0", "1", "59", "3599", "86399"]).parse::<i64>().unwrap();
            let fields = [
                "2".to_owned(),
                pick(&["10.0.0.1", "10.0.0.2", "10.1.0.3", "-", "2001:db8::1"]),
                pick(&["web_a", "web%b", "WEB", "w.b", "-", "na\u{ef}ve"]),
                pick(&["22", "80", "443", "0", "65535", "-"]),
                pick(&["6", "17", "1", "-"]),
                pick(&["0", "1", "2", "40", "1000000000000000000", "4611686018427387904", "-"]),
                pick(&["1", "1", "2", "5", "-"]),
                start.to_string(),
                pick(&[&start.to_string(), &(start + 30).to_string(), &(start + 60).to_string(), "-"]),
                pick(&["ACCEPT", "REJECT", "-"]),
            ];
            text += &format!("{}\n", fields.join(" "));
        }
        lab.put_gz(&format!("logs/2023/09/14/{file}.log.gz"), &text);
    }
    lab.convert(&[], 0);
    lab
}

#[test]
fn answers_are_those_of_duckdb() {
    let lab = mixed();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engines/answers.py");
    for (zone, seed) in [("UTC", "1"), ("Europe/Berlin", "2")] {
        let mut asked = lab.script(python(), script);
        asked.arg(env!("CARGO_BIN_EXE_flowlake")).arg(lab.path("lake")).args([zone, seed]);
        let output = asked.output().expect("Python starts");
        let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && said.ends_with("all held\n"), "{zone}: {said}{errors}");
    }
}

/// Clocks in Havana go back from one o'clock to midnight: the day has 25 hours, and begins once.
#[test]
fn a_day_begins_once_where_clocks_go_back_over_midnight() {
    let lab = Lab::on_disk();
    let day = 1_699_156_800_u64;
    let lines: String = (0..25).map(|hour| format!("2 {}\n", day + hour * 3600)).collect();
    lab.put_gz("logs/2023/11/05/a.log.gz", &format!("version start\n{lines}"));
    lab.convert(&[], 0);
    for (sql, right) in [
        ("SELECT count(DISTINCT date_trunc('day', start_time)) FROM flow_logs", "1"),
        ("SELECT count(DISTINCT date_trunc('week', start_time)) FROM flow_logs", "1"),
        ("SELECT count(DISTINCT date_trunc('hour', start_time)) FROM flow_logs", "25"),
        ("SELECT count(*) FROM flow_logs WHERE date_trunc('day', start_time) = '2023-11-05'", "25"),
        ("SELECT extract(epoch FROM min(date_trunc('day', start_time)))::bigint FROM flow_logs", "1699156800"),
    ] {
        let said = lab.run(&["query", "{}lake", sql, "--format", "csv", "--time-zone", "America/Havana"]);
        assert_eq!((said.code, said.stdout.lines().nth(1)), (0, Some(right)), "{sql}: {}", said.stderr);
    }
}

/// What the engine answers wrongly, or otherwise than the databases people come from.
#[test]
fn what_is_wrong_in_the_engine_is_refused_with_a_remedy() {
    let lab = mixed();
    for (sql, code, says) in [
        ("SELECT bytes * 1000000000000 FROM flow_logs WHERE bytes > 1000000", 1, "DECIMAL(38, 0)"),
        ("SELECT 9223372036854775807 + packets FROM flow_logs", 1, "DECIMAL(38, 0)"),
        ("SELECT sum(bytes) FROM flow_logs", 1, "larger than an integer of 64 bits"),
        ("SELECT date_bin('1 day', start_time, timestamptz '1700-01-01 00:00Z') FROM flow_logs", 1, "292 years"),
        ("SELECT sum(end_time - start_time) FROM flow_logs", 2, "sum(\"end\" - start)"),
        ("SELECT date '2023-09-14' + interval '36 hours'", 1, "timestamp '2023-09-14'"),
        ("SELECT CAST(start AS TIMESTAMP(3)) FROM flow_logs", 2, "to_timestamp(start)"),
        ("SELECT CAST(start / 1.0 AS TIMESTAMP) FROM flow_logs", 2, "to_timestamp(start)"),
        ("SELECT to_timestamp(1e12)", 2, "cast value 1e21"),
        ("SELECT packets FROM flow_logs EXCEPT ALL SELECT 1", 2, "ALL of INTERSECT and EXCEPT"),
        ("SELECT * FROM flow_logs a FULL JOIN flow_logs b USING (srcaddr)", 2, "coalesce"),
        ("SELECT 1 FROM flow_logs WHERE packets = ANY (SELECT packets FROM flow_logs)", 2, "write IN"),
        ("SELECT 1 FROM flow_logs WHERE (packets, dstport) < (2, 80)", 2, "a = 1 AND b = 2"),
        ("SELECT 1 FROM flow_logs WHERE srcaddr SIMILAR TO '%1'", 2, "regular expression"),
        ("SELECT 2 ^ 10", 2, "power(a, b)"),
        ("SELECT array_agg(packets ORDER BY 1) FROM flow_logs", 2, "a number in ORDER BY"),
        ("SELECT 1 FROM flow_logs WHERE packets NOT IN (SELECT packets FROM flow_logs) OR protocol = 6", 2, "EXISTS"),
        (
            "SELECT 1 FROM flow_logs a WHERE EXISTS (SELECT count(*) FROM flow_logs b WHERE b.srcaddr = a.srcaddr)",
            2,
            "(SELECT count(*) …) > 0",
        ),
        ("SELECT CAST('99999999999999999999999999999999999999' AS DECIMAL(38, 0)) + 1", 1, "38 digits"),
        (
            "SELECT max(CAST('99999999999999999999999999999999999999' AS DECIMAL(38, 0)) * packets) FROM flow_logs",
            1,
            "38",
        ),
        ("SELECT -packets AS packets FROM flow_logs ORDER BY packets * 1 LIMIT 1", 2, "another name"),
        ("SELECT packets AS bytes, bytes AS packets FROM flow_logs ORDER BY dstport, packets + 0", 2, "packets"),
        ("SELECT DISTINCT -packets AS packets FROM flow_logs ORDER BY abs(packets)", 2, "another name"),
        (
            "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n * 2.5 FROM t WHERE n < 9) SELECT n FROM t",
            2,
            "cast one",
        ),
        (
            "SELECT x FROM (SELECT packets FROM flow_logs) t, unnest(make_array(t.packets)) AS u(x)",
            2,
            "SELECT unnest(…)",
        ),
        ("SELECT date_bin(interval '-15 minutes', start_time) FROM flow_logs", 2, "no negative width"),
        ("SELECT date_bin(interval '15 minutes' * -1, start_time) FROM flow_logs", 1, "no negative width"),
        ("SELECT to_char(start_time, 'Month YYYY') FROM flow_logs", 2, "FMMonth"),
        ("SELECT to_char(start_time, 'IYYY-IDDD') FROM flow_logs", 2, "IDDD"),
        ("SELECT to_char(timestamp '2023-09-14', 'TZH:TZM')", 2, "CAST(… AS TIMESTAMPTZ)"),
        ("SELECT to_timestamp('2023 Sept', 'YYYY Month')", 1, "of to_timestamp is unknown"),
        ("SELECT packets FROM flow_logs UNION ALL SELECT '10.5'", 2, "without quotes"),
        ("SELECT d FROM flow_logs, LATERAL generate_series(1, packets) AS d", 2, "unnest(generate_series(1, a))"),
        ("SELECT sum(packets) / 0 FROM flow_logs", 1, "zero"),
        ("SELECT 123abc", 2, "is no number"),
        ("SELECT packets FROM flow_logs WHERE packets = 0x1G", 2, "is no number"),
        ("SELECT 'a' 'b'", 2, "beside each other"),
        ("SELECT regexp_match(action, 'A', 'g') FROM flow_logs", 1, "first match"),
        ("SELECT regexp_match(action, '(') FROM flow_logs", 1, "no regular expression"),
        ("SELECT repeat('x', 1000000000)", 1, "64.0 MiB at most"),
        ("SELECT repeat(action, 20000000) FROM flow_logs WHERE action IS NOT NULL", 1, "64.0 MiB at most"),
        ("SELECT cardinality(range(0, packets * 100000000)) FROM flow_logs", 1, "64.0 MiB at most"),
    ] {
        let said = lab.run(&["query", "{}lake", sql]);
        assert_eq!(said.code, code, "{sql}: {}{}", said.stdout, said.stderr);
        assert!(said.stderr.contains(says), "{sql}: {}", said.stderr);
    }
    let head = "-- title: T\n-- meaning: M\n-- fields: bytes\n";
    std::fs::create_dir(lab.path("own")).expect("a folder");
    let sql = format!("{head}SELECT bytes * 1000000000000 AS b FROM flow_logs WHERE bytes > 1000000 ORDER BY 1");
    std::fs::write(lab.path("own/wraps.sql"), sql).expect("a file");
    let own = lab.path("own").display().to_string();
    let said = lab.run(&["report", "{}lake", "wraps", "--dir", &own]);
    assert!(said.code == 1 && said.stderr.contains("DECIMAL(38, 0)"), "{}", said.stderr);
    for (sql, right) in [
        ("SELECT sum(CAST(bytes AS DECIMAL(38, 0))) > 9223372036854775807 AS n FROM flow_logs", "true"),
        ("SELECT count(*) FROM flow_logs WHERE action IN ('ACCEPT') AND action NOT IN ('REJECT', NULL)", "0"),
        (
            "SELECT avg(end_time - start_time) = interval '30 seconds' AS n FROM flow_logs WHERE \"end\" = start + 30",
            "true",
        ),
        ("SELECT extract(epoch FROM to_timestamp(1694649600.5))", "1694649600.5"),
        ("SELECT cidr_contains('::ffff:10.0.0.0/104', '10.1.2.3')", "true"),
        ("SELECT length(lpad(replace('a.b', '.', '--'), 20)) + length(repeat('ab', 1000))", "2020"),
        ("SELECT (3 = ANY (ARRAY[1, NULL])) IS NULL AND 1 = ANY (ARRAY[1, NULL])", "true"),
        ("SELECT extract(epoch FROM CAST(1694649600 AS TIMESTAMP(0)))", "1694649600.0"),
        ("SELECT to_char(to_timestamp(1694649600), 'YYYY-MM-DD\"T\"HH24:MI:SS')", "2023-09-14T00:00:00"),
        ("SELECT count(DISTINCT to_char(start_time, 'YYYY-MM')) FROM flow_logs", "3"),
        ("SELECT (regexp_match('b', '(a)?(b)'))[1] IS NULL AND (regexp_match('b', '(a)?(b)'))[2] = 'b'", "true"),
        ("SELECT cardinality(regexp_match('10.1.2.3', '^([^:]+)(:(\\d+))?$'))", "3"),
        ("SELECT (regexp_match('abc', 'B', 'i'))[1] || coalesce((regexp_match('abc', 'x'))[1], '-')", "b-"),
        ("SELECT regexp_replace('a.b', 'a', '[\\&]')", "[a].b"),
        ("SELECT regexp_replace('abc', '(a)(b)', '\\\\2\\1\\&5')", "\\2aab5c"),
        ("SELECT regexp_replace('abc', '(a)(b)', '\\0')", "\\0c"),
        ("SELECT sum(n) FROM (VALUES (1), (2), (5), (7)) AS t(n) WHERE n = 0x02 OR n & 0x05 = 0x5", "14"),
        (
            "SELECT 18446744073709551616 > 18446744073709551615 AND CAST(99999999999999999999 AS TEXT) LIKE '%99999'",
            "true",
        ),
        ("SELECT interval '01:30:00' * 2 = interval '3 hours'", "true"),
        (
            "SELECT t = '2023-09-14 00:00' AND t = '2023-09-14T00:00Z' FROM (SELECT to_timestamp(1694649600) AS t)",
            "true",
        ),
        ("SELECT packets * 2 AS packets FROM flow_logs ORDER BY packets DESC LIMIT 1", "10"),
        ("SELECT sum(n) FROM (VALUES (1), (2), (5), (7)) AS t(n) WHERE n & 0b10 = 0b10 OR n = 0O5", "14"),
        ("SELECT 'a'\n'b' = 'ab' AND 0X1f = 31 AND 1_000 = 1000", "true"),
        ("SELECT to_timestamp('2023-09-14-05', '%Y-%m-%d-%H') = timestamp '2023-09-14 05:00'", "true"),
        (
            "SELECT count(*) FROM flow_logs WHERE start_time <> to_timestamp(to_char(start_time, 'YYYYMMDD HH24MISS'), \
             'YYYYMMDD HH24MISS')",
            "0",
        ),
        (
            "SELECT count(*) FROM flow_logs WHERE start <> to_unixtime(to_char(start_time, '%s'), '%s') \
             OR start_time <> to_timestamp_seconds(CAST(start_time AS TEXT))",
            "0",
        ),
        ("SELECT CAST('2021-07-04T00:30:00+01:00' AS DATE)", "2021-07-03"),
        ("SELECT extract(second FROM timestamp '2023-09-14 05:00:30.5')", "30.5"),
        ("SELECT max(extract(second FROM end_time - start_time)) FROM flow_logs WHERE \"end\" = start + 60", "0.0"),
        ("SELECT max((end_time - start_time) / 2) = interval '30 seconds' FROM flow_logs", "true"),
        ("SELECT to_char(timestamp '2023-09-14', 'DD \\\"MM\\\"')", "\"14 \"\"09\"\"\""),
        (
            "SELECT '2023-09-14T05'::timestamp = timestamp '2023-09-14 05:00' AND '01:30'::interval = interval '5400 s'",
            "true",
        ),
        (
            "WITH RECURSIVE t(n) AS (SELECT 1.0 UNION ALL SELECT n * 2.5 FROM t WHERE n < 9) SELECT sum(n) FROM t",
            "25.375",
        ),
        (
            "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT CAST(n * 2.5 AS INT) FROM t WHERE n < 9) \
             SELECT sum(n) FROM t",
            "20",
        ),
    ] {
        let said = lab.run(&["query", "{}lake", sql, "--format", "csv"]);
        assert_eq!((said.code, said.stdout.lines().nth(1)), (0, Some(right)), "{sql}: {}", said.stderr);
    }
}

/// Whole numbers keep their digits beside fractions and beyond 64 bits, and a column of two types is text.
#[test]
fn own_files_keep_every_digit() {
    let lab = mixed();
    let files = [
        ("ids.json", "{\"id\": 9007199254740993, \"v\": \"a\"}\n{\"id\": 9007199254740992}\n{\"id\": 0.5}\n"),
        ("ids.csv", "id\n9007199254740993\n9007199254740992\n0.5\n"),
        ("large.json", "[{\"id\": 18446744073709551615},\n {\"id\": 18446744073709551614}]"),
        ("mixed.json", "{\"v\": 1}\n{\"v\": \"x\"}\n{\"v\": 9007199254740993}\n"),
        ("floats.json", "{\"v\": 1}\n{\"v\": 0.5}\n"),
        (
            "nested.json",
            "{\"a\": {\"b\": 9007199254740993}}\n{\"a\": {\"b\": 9007199254740992}}\n{\"a\": {\"b\": 0.5}}\n",
        ),
        ("lists.json", "{\"a\": [1, \"x\"]}\n{\"a\": [9007199254740993]}\n"),
    ];
    for (name, text) in files {
        std::fs::write(lab.path(name), text).expect("a file");
    }
    for (file, sql, right) in [
        ("ids.json", "SELECT count(DISTINCT id) FROM o", "3"),
        ("ids.json", "SELECT max(v) FROM o", "a"),
        ("ids.csv", "SELECT count(DISTINCT id) FROM o", "3"),
        ("ids.csv", "SELECT max(id) FROM o", "9007199254740993.0"),
        ("large.json", "SELECT count(DISTINCT id) FROM o WHERE id > 18446744073709551613", "2"),
        ("mixed.json", "SELECT string_agg(v, ' ' ORDER BY v) FROM o", "1 9007199254740993 x"),
        ("mixed.json", "SELECT data_type FROM information_schema.columns WHERE table_name = 'o'", "Utf8"),
        ("floats.json", "SELECT sum(v) FROM o", "1.5"),
        ("nested.json", "SELECT count(DISTINCT a['b']) FROM o", "3"),
        ("nested.json", "SELECT max(a['b']) FROM o", "9007199254740993.0"),
        ("lists.json", "SELECT string_agg(a[1], ' ' ORDER BY a[1]) FROM o", "1 9007199254740993"),
    ] {
        let table = format!("o={}", lab.path(file).display());
        let said = lab.run(&["query", "{}lake", sql, "--table", &table, "--format", "csv"]);
        assert_eq!((said.code, said.stdout.lines().nth(1)), (0, Some(right)), "{file} {sql}: {}", said.stderr);
    }
    std::fs::write(lab.path("odd.json"), "{\"a\": 1}\n{\"a\": [1]}\n").expect("a file");
    let table = format!("o={}", lab.path("odd.json").display());
    let said = lab.run(&["query", "{}lake", "SELECT a FROM o", "--table", &table]);
    assert!(said.code != 0 && said.stderr.contains("something else in another row"), "{}", said.stderr);
}

/// What the engine refused by its types and its names, answered as PostgreSQL does.
#[test]
fn texts_bounds_and_names_are_read_as_in_postgresql() {
    let lab = Lab::on_disk();
    let rows =
        "2 6 22 1694649600 1694649630\n2 6 443 1694649601 1694649901\n2 17 53 1694649602 -\n2 - 22 1694649603 -\n";
    lab.put_gz("logs/2023/09/14/a.log.gz", &format!("version protocol dstport start end\n{rows}"));
    lab.convert(&[], 0);
    for (sql, right) in [
        ("SELECT sum(dstport), sum(CAST(dstport AS DOUBLE)) FROM flow_logs", "540,540.0"),
        (
            "SELECT max(dstport), max(dstport::text) AS m, max(dstport) OVER () {} GROUP BY dstport ORDER BY 1",
            "22,22,443",
        ),
        ("SELECT DISTINCT dstport + 1 {} ORDER BY dstport + 1 DESC", "444"),
        (
            "SELECT DISTINCT date_trunc('hour', start_time) AS h {} ORDER BY date_trunc('hour', start_time)",
            "2023-09-14T00",
        ),
        ("SELECT d FROM generate_series(7, 9) d", "7"),
        (
            "SELECT max(d.d) + max(r) + max(unnest) FROM generate_series(7, 9) AS d, range(0, 2) r, unnest(ARRAY[5])",
            "15",
        ),
        ("SELECT generate_series FROM generate_series(7, 9)", "7"),
        ("SELECT value FROM generate_series(7, 9) AS d", "7"),
        ("SELECT count(*) {} WHERE end_time - start_time >= '5 minutes'", "1"),
        ("SELECT count(*) {} WHERE end_time - start_time BETWEEN '00:00:01' AND '1 minute'", "1"),
        ("SELECT count(*) {} WHERE end_time - start_time IN ('30 s', '5 minutes')", "2"),
        ("SELECT count(*), count(*) FILTER (WHERE end_time > '0001-01-01') {} WHERE start_time < '9999-12-31'", "4,2"),
        ("SELECT count(*) {} WHERE start_time NOT BETWEEN '2023-09-14' AND '9999-12-31'", "0"),
    ] {
        let said = lab.run(&["query", "{}lake", &sql.replace("{}", "FROM flow_logs"), "--format", "csv"]);
        let row = said.stdout.lines().nth(1).unwrap_or_default();
        assert!(said.code == 0 && row.starts_with(right), "{sql}: {}{}", said.stdout, said.stderr);
    }
    for (sql, says) in [
        ("SELECT DISTINCT protocol {} ORDER BY dstport", "must appear in select list; make it a column"),
        ("SELECT end_time - start_time IS DISTINCT FROM '5 minutes' {}", "write interval '5 minutes'"),
        ("SELECT valeu FROM generate_series(7, 9) AS d", "there are d"),
        (
            "SELECT 1 {} a WHERE EXISTS (SELECT 1 {} b WHERE EXISTS (SELECT 1 {} c WHERE c.dstport = a.dstport))",
            "SELECT 1 FROM b JOIN c ON",
        ),
    ] {
        let said = lab.run(&["query", "{}lake", &sql.replace("{}", "FROM flow_logs")]);
        assert!(said.code == 2 && said.stderr.contains(says), "{sql}: {}{}", said.stdout, said.stderr);
    }
}

/// What the engine refused, or answered otherwise than PostgreSQL and DuckDB do.
#[test]
fn what_postgresql_answers_is_answered() {
    let lab = mixed();
    for (sql, right) in [
        ("SELECT EXISTS (SELECT 1 FROM flow_logs WHERE packets = 5)", "true"),
        (
            "SELECT count(*) > 0, count(*) = (SELECT count(start_time) FROM flow_logs) FROM flow_logs \
             WHERE extract(year FROM start_time) BETWEEN 1900 AND 3000",
            "true,true",
        ),
        ("SELECT count(*) > 0 FROM flow_logs WHERE date_part('year', start_time) NOT IN (1500, 9999)", "true"),
        ("SELECT cardinality('{a\\,b}'::text[]), ('{a\\\\b, c }'::text[])[1]", "1,a\\b"),
        ("SELECT NOT EXISTS (SELECT 1 FROM flow_logs WHERE packets = 77)", "true"),
        (
            "SELECT count(*) FROM flow_logs WHERE CASE WHEN EXISTS (SELECT 1 FROM flow_logs WHERE packets = 77) \
             THEN true ELSE false END",
            "0",
        ),
        ("SELECT count(*) FROM flow_logs WHERE coalesce(date, '2000-01-01') < '2000-01-02' AND date IS NOT NULL", "0"),
        ("SELECT coalesce(NULLIF(date '2023-09-14', date '2023-09-14'), '2000-01-01')", "2000-01-01"),
        ("SELECT lag(packets, 1, 0.5) OVER (ORDER BY packets NULLS LAST) FROM flow_logs ORDER BY 1 LIMIT 1", "0.5"),
        ("SELECT max(l) IS NULL FROM (SELECT lag(packets, NULL) OVER (ORDER BY start) AS l FROM flow_logs)", "true"),
        (
            "SELECT min(l) = timestamp '2000-01-01 12:00' FROM (SELECT lead(date, 1, timestamp '2000-01-01 12:00') \
             OVER (ORDER BY date) AS l FROM flow_logs)",
            "true",
        ),
        (
            "SELECT min(l) = timestamptz '2000-01-01 12:00' FROM (SELECT lag(start_time, 1, '2000-01-01 12:00') \
             OVER (ORDER BY start_time) AS l FROM flow_logs)",
            "true",
        ),
        (
            "SELECT protocol, sum(packets), rank() OVER (ORDER BY sum(packets) DESC) FROM flow_logs \
             WHERE protocol = 6 GROUP BY protocol ORDER BY 3",
            "6,",
        ),
        (
            "SELECT coalesce(protocol::text, 'all'), count(*) FROM flow_logs WHERE protocol = 6 \
             GROUP BY ROLLUP (protocol) ORDER BY 1, 2",
            "6,",
        ),
        ("SELECT f.packets, packets FROM flow_logs f WHERE packets = 5 LIMIT 1", "5,5"),
        ("SELECT substr('abc', 2), substring('abc', 2)", "bc,bc"),
        ("SELECT round(1.005, 2), round(avg(n), 2) FROM (VALUES (1.0), (1.01)) AS t(n)", "1.01,1.01"),
        ("SELECT substr('abc', 2::smallint), substring('abc' FROM 2::smallint FOR 1::smallint)", "bc,b"),
        (
            "SELECT round(sum(packets) / 2, 1) * 2 = sum(packets), sum(dstport) / 2 * 2 < 1e9 FROM flow_logs",
            "true,true",
        ),
        (
            "SELECT count(*) FROM (SELECT sum(packets) AS p, count(*) AS n FROM flow_logs GROUP BY srcaddr) AS q \
             WHERE p / n <> floor(p / n) AND n / 2 <> floor(n / 2)",
            "0",
        ),
        (
            "SELECT packets, packets::text, count(*) > 0 FROM flow_logs GROUP BY packets, packets::text ORDER BY 1 LIMIT 1",
            "1,1,true",
        ),
        (
            "SELECT extract(epoch FROM timestamptz '2023-07-01 12:00'), \
             extract(epoch FROM timestamp '2023-07-01 12:00')",
            "1688212800.0,1688212800.0",
        ),
        ("SELECT array_to_string(array_replace(ARRAY[1, 2, 1], 1, 9), ' ')", "9 2 9"),
        ("SELECT array_to_string(array_remove(ARRAY[1, 2, 1], 1), ' ')", "2"),
        ("SELECT encode(bytea '\\xdead', 'hex') || encode('a\\336'::bytea, 'hex')", "dead61de"),
        ("SELECT array_to_string('{a,\"b c\"}'::text[], '|')", "a|b c"),
        ("SELECT count(*) FROM flow_logs WHERE packets = ANY ('{77,78}'::int[])", "0"),
        (
            "SELECT count(*) FROM generate_series(timestamp '2023-10-28 12:00', timestamp '2023-10-30', interval '1 d')",
            "2",
        ),
        ("SELECT interval 'P1DT2H' = interval '26 hours' AND interval '1 day ago' = interval '-1 day'", "true"),
        ("SELECT interval '1-2' = interval '14 months' AND '-1 day +2 hours'::interval = interval '-22 hours'", "true"),
        ("SELECT extract(epoch FROM interval '1 year')", "31557600.0"),
        ("SELECT ('a' || chr(10) || 'b') ~ '^a.b$'", "true"),
        ("SELECT max(x) FROM (SELECT packets AS x FROM flow_logs UNION ALL SELECT '10') AS q", "10"),
        ("SELECT min(x) FROM (SELECT '10' AS x UNION SELECT packets + 8 FROM flow_logs WHERE packets = 1) AS q", "9"),
        ("SELECT count(*) FROM (SELECT 1 FROM flow_logs GROUP BY ROLLUP (date_trunc('month', date))) AS q", "4"),
        ("SELECT max(coalesce(end_time - start_time, '5 minutes')) = interval '300 seconds' FROM flow_logs", "true"),
    ] {
        let said = lab.run(&["query", "{}lake", sql, "--format", "csv"]);
        let row = said.stdout.lines().nth(1).unwrap_or_default();
        assert!(
            said.code == 0 && (row == right || right.ends_with(',') && row.starts_with(right)),
            "{sql}: {}{}",
            said.stdout,
            said.stderr
        );
    }
    for (sql, says) in [
        ("SELECT min(named_struct('a', packets)) FROM flow_logs", "min(s['a'])"),
        (
            "SELECT string_agg(action, ',' ORDER BY bytes), string_agg(action, ',' ORDER BY start DESC) FROM flow_logs",
            "a query of its own",
        ),
        ("SELECT substring('abc' FROM 'b.')", "regexp_match"),
        ("SELECT '\\xabc'::bytea", "abc"),
        ("SELECT lag(date, 1, 5) OVER (ORDER BY date) FROM flow_logs", "a number is no date"),
    ] {
        let said = lab.run(&["query", "{}lake", sql]);
        assert!(said.code == 2 && said.stderr.contains(says), "{sql}: {}{}", said.stdout, said.stderr);
    }
    let range = "SELECT count(*) OVER (ORDER BY start_time RANGE BETWEEN interval '1 day' PRECEDING AND CURRENT ROW) \
                 FROM flow_logs";
    let said = lab.run(&["query", "{}lake", range, "--time-zone", "Europe/London"]);
    assert!(said.code == 2 && said.stderr.contains("interval '24 hours'"), "{}", said.stderr);
    assert_eq!(lab.run(&["query", "{}lake", range]).code, 0);
}
