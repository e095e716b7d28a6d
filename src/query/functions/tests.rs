//! Every function through SQL, on constants and on columns: IPv4, IPv6, nulls, and texts that are no address.

use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions, array_value_to_string};
use datafusion::prelude::SessionContext;

use super::register;
use crate::functions::logs;
use crate::query::{Options, context};

/// What `expression` gives for each of `values`, as a column; and one by one, as constants. Both must be the same.
async fn each(expression: &str, values: &[&str]) -> Vec<String> {
    let context = SessionContext::new();
    register(&context);
    let rows: Vec<String> =
        values.iter().enumerate().map(|(at, value)| format!("({at}, arrow_cast({value}, 'Utf8View'))")).collect();
    let sql = format!("SELECT {expression} FROM (VALUES {}) AS t(n, x) ORDER BY n", rows.join(", "));
    let of_column = texts(&context, &sql).await;
    for (value, expected) in values.iter().zip(&of_column) {
        let constant = texts(&context, &format!("SELECT {}", replace(expression, value))).await;
        assert_eq!(constant, [expected.as_str()], "{expression} of the constant {value}");
    }
    of_column
}

/// `x` as a word of its own stands for the value.
fn replace(expression: &str, value: &str) -> String {
    expression.replace("(x", &format!("({value}")).replace(" x", &format!(" {value}"))
}

async fn texts(context: &SessionContext, sql: &str) -> Vec<String> {
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    let mut found = Vec::new();
    for batch in &batches {
        let options = FormatOptions::default().with_null("NULL");
        let cells = ArrayFormatter::try_new(batch.column(0), &options).unwrap();
        found.extend((0..batch.num_rows()).map(|row| cells.value(row).to_string()));
    }
    found
}

const ADDRESSES: [&str; 12] = [
    "'10.1.2.3'",
    "'172.31.255.255'",
    "'172.32.0.0'",
    "'100.64.0.1'",
    "'100.128.0.1'",
    "'203.0.113.9'",
    "'2001:db8::1'",
    "'fd12:3456::1'",
    "'::ffff:10.1.2.3'",
    "'not an address'",
    "'10.1.2'",
    "NULL",
];

#[tokio::test]
async fn private_addresses_are_those_of_no_use_outside() {
    let found = each("is_private(x)", &ADDRESSES).await;
    let expected = ["true", "true", "false", "true", "false", "false", "false", "true", "true", "NULL", "NULL", "NULL"];
    assert_eq!(found, expected);
    let others = ["'127.0.0.1'", "'169.254.1.1'", "'::1'", "'fe80::1'", "'192.168.0.1'", "'192.169.0.1'"];
    assert_eq!(each("is_private(x)", &others).await, ["true", "true", "true", "true", "true", "false"]);
}

#[tokio::test]
async fn versions_and_prefixes_know_both_families() {
    let versions = each("ip_version(x)", &ADDRESSES).await;
    assert_eq!(versions, ["4", "4", "4", "4", "4", "4", "6", "6", "4", "NULL", "NULL", "NULL"]);
    let prefixes = each("ip_prefix(x)", &["'10.1.2.3'", "'2001:db8:1:2:3::4'", "'x'", "NULL"]).await;
    assert_eq!(prefixes, ["10.1.2.0/24", "2001:db8:1:2::/64", "NULL", "NULL"]);
    assert_eq!(each("ip_prefix(x, 8)", &["'10.1.2.3'", "'2001:db8::1'"]).await, ["10.0.0.0/8", "2000::/8"]);
    assert_eq!(each("ip_prefix(x, 48)", &["'10.1.2.3'", "'2001:db8::1'"]).await, ["NULL", "2001:db8::/48"]);
    assert_eq!(each("ip_prefix(x, -1)", &["'10.1.2.3'"]).await, ["NULL"]);
    assert_eq!(each("ip_prefix(x, 0)", &["'10.1.2.3'"]).await, ["0.0.0.0/0"]);
}

#[tokio::test]
async fn ranges_contain_addresses_of_their_own_family() {
    let found = each("cidr_contains('10.0.0.0/8', x)", &ADDRESSES).await;
    let expected =
        ["true", "false", "false", "false", "false", "false", "false", "false", "true", "NULL", "NULL", "NULL"];
    assert_eq!(found, expected);
    assert_eq!(
        each("cidr_contains('2001:db8::/32', x)", &["'2001:db8:ffff::1'", "'2001:db9::1'"]).await,
        ["true", "false"]
    );
    assert_eq!(each("cidr_contains('203.0.113.9', x)", &["'203.0.113.9'", "'203.0.113.8'"]).await, ["true", "false"]);
    assert_eq!(
        each("cidr_contains(x, '10.2.0.1')", &["'10.2.0.0/16'", "'10.3.0.0/16'", "NULL"]).await,
        ["true", "false", "NULL"]
    );
    let context = SessionContext::new();
    register(&context);
    for sql in ["SELECT cidr_contains('10.0.0.0/33', '10.0.0.1')", "SELECT cidr_contains('ten', '10.0.0.1')"] {
        let failed = async { context.sql(sql).await?.collect().await }.await.unwrap_err();
        assert!(failed.to_string().contains("is no range of addresses"), "{failed}");
    }
}

#[tokio::test]
async fn a_hash_follows_from_the_values_and_their_order() {
    let values = ["'10.1.2.3'", "'10.1.2.4'", "'an address of more than twelve bytes'", "''", "NULL"];
    let mut hashes = each("hash64(x)", &values).await;
    hashes.extend(each("hash64(x, 443)", &values).await);
    hashes.extend(each("hash64(443, x)", &values).await);
    let distinct: std::collections::BTreeSet<&String> = hashes.iter().collect();
    assert_eq!(distinct.len(), hashes.len(), "{hashes:?}");
    assert!(hashes.iter().all(|hash| hash != "NULL"));
    let ports = each("hash64(CAST(x AS INT)) = hash64(CAST(x AS BIGINT))", &["'443'", "NULL"]).await;
    assert_eq!(ports, ["true", "true"]);
}

#[tokio::test]
async fn numbers_have_names() {
    let numbers = ["'6'", "'17'", "'1'", "'58'", "'143'", "'147'", "'61'", "'148'", "'-1'", "NULL"];
    let names = each("protocol_name(CAST(x AS INT))", &numbers).await;
    assert_eq!(names, ["TCP", "UDP", "ICMP", "IPv6-ICMP", "Ethernet", "BIT-EMU", "NULL", "NULL", "NULL", "NULL"]);
    let flags = each("tcp_flags(CAST(x AS INT))", &["'0'", "'2'", "'18'", "'19'", "'255'", "'256'", "NULL"]).await;
    assert_eq!(flags, ["", "SYN", "SYN,ACK", "FIN,SYN,ACK", "FIN,SYN,RST,PSH,ACK,URG,ECE,CWR", "NULL", "NULL"]);
    let tcp = each("service_name(CAST(x AS INT), 6)", &["'22'", "'443'", "'3389'", "'123'", "'70000'", "NULL"]).await;
    assert_eq!(tcp, ["ssh", "https", "ms-wbt-server", "NULL", "NULL", "NULL"]);
    assert_eq!(each("service_name(CAST(x AS INT), 17)", &["'123'", "'22'"]).await, ["ntp", "NULL"]);
    assert_eq!(each("service_name(22, CAST(x AS INT))", &["'1'", "NULL"]).await, ["NULL", "NULL"]);
}

#[tokio::test]
async fn the_servers_port_is_told_by_flags_then_by_number() {
    let context = SessionContext::new();
    register(&context);
    let cases = [
        ("40000, 22", "22"),
        ("22, 40000", "22"),
        ("40000, 8080", "8080"),
        ("8080, 2000", "2000"),
        ("8080, 1025", "8080"),
        ("40001, 40000", "40000"),
        ("0, 0", "0"),
        ("0, 40000", "40000"),
        ("443, 1023, 2", "1023"),
        ("443, 1023, 3", "1023"),
        ("60000, 443, 18", "60000"),
        ("60000, 443, 19", "60000"),
        ("60000, 443, 0", "443"),
        ("60000, 443, NULL", "443"),
        ("NULL, 443", "NULL"),
        ("443, NULL, 2", "NULL"),
    ];
    for (arguments, expected) in cases {
        let found = texts(&context, &format!("SELECT service_port({arguments})")).await;
        assert_eq!(found, [expected], "service_port({arguments})");
    }
}

#[tokio::test]
async fn tags_are_decoded_and_what_is_no_escape_stays() {
    let encoded = ["'platform%2Dengineering'", "'a%20b%C3%A9'", "'100%'", "'%zz%4'", "'%ff'", "'plain'", "''", "NULL"];
    let decoded = each("url_decode(x)", &encoded).await;
    assert_eq!(decoded, ["platform-engineering", "a bé", "100%", "%zz%4", "\u{fffd}", "plain", "", "NULL"]);
}

/// Distinct texts of groups, against a set: of one batch, and of many that spill.
#[tokio::test]
async fn distinct_texts_of_groups_are_counted_once() {
    use std::collections::{BTreeMap, BTreeSet};

    use datafusion::execution::runtime_env::RuntimeEnvBuilder;
    use datafusion::prelude::SessionConfig;

    let row =
        |n: u64, groups: u64| ((n * n) % groups, (n * 7 + n % 13) % 4_001, n.is_multiple_of(3), n.is_multiple_of(11));
    const NO_LIMIT: usize = usize::MAX >> 1;
    for (rows, groups, limit) in
        [(50, 7, NO_LIMIT), (300_000, 1_009, NO_LIMIT), (300_000, 1_009, 16 << 20), (300_000, 1_000_003, NO_LIMIT)]
    {
        let config = SessionConfig::new().with_target_partitions(2);
        let pool = std::sync::Arc::new(crate::query::SharedPool::new(limit));
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc().unwrap();
        let context = SessionContext::new_with_config_rt(config, runtime);
        register(&context);
        let mut expected: BTreeMap<u64, [BTreeSet<u64>; 2]> = BTreeMap::new();
        for n in 0..rows {
            let (group, text, is_asked, is_null) = row(n, groups);
            let [all, asked] = expected.entry(group).or_default();
            if !is_null {
                all.insert(text);
                is_asked.then(|| asked.insert(text));
            }
        }
        let sql = format!(
            "SELECT concat_ws(' ', g, count(*), count(DISTINCT t), count(DISTINCT t) FILTER (WHERE n % 3 = 0))
             FROM (SELECT value AS n, (value * value) % {groups} AS g,
                          CASE WHEN value % 11 <> 0 THEN 'text number ' || ((value * 7 + value % 13) % 4001) END AS t
                   FROM generate_series(0, {rows} - 1))
             GROUP BY g ORDER BY g"
        );
        let found = texts(&context, &sql).await;
        let mut rows_of: BTreeMap<u64, u64> = BTreeMap::new();
        (0..rows).for_each(|n| *rows_of.entry(row(n, groups).0).or_default() += 1);
        let line = |(group, [all, asked]): (&u64, &[BTreeSet<u64>; 2])| {
            format!("{group} {} {} {}", rows_of[group], all.len(), asked.len())
        };
        let lines: Vec<String> = expected.iter().map(line).collect();
        assert_eq!(found, lines, "{rows} rows of {groups} groups in {limit} bytes");
    }
}

#[tokio::test]
async fn a_sum_of_integers_is_right_or_an_error() {
    let context = SessionContext::new();
    register(&context);
    let ask = async |sql: &str| -> Result<Vec<String>, String> {
        let batches = async { context.sql(sql).await?.collect().await }.await.map_err(|error| error.to_string())?;
        let shown = datafusion::arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
        Ok(shown
            .lines()
            .skip(3)
            .filter(|line| line.starts_with('|'))
            .map(|line| line.replace([' ', '|'], ""))
            .collect())
    };
    let most = i64::MAX;
    let rows =
        format!("(VALUES ('a', {most}), ('b', {most} - 1), ('b', 1), ('c', NULL), ('d', 5), ('d', NULL)) AS t(k, n)");
    let sums = ask(&format!("SELECT k || ':' || coalesce(sum(n)::text, '-') FROM {rows} GROUP BY k ORDER BY k")).await;
    assert_eq!(sums.unwrap(), [format!("a:{most}"), format!("b:{most}"), "c:-".into(), "d:5".into()]);
    assert_eq!(ask(&format!("SELECT sum(n) FILTER (WHERE k = 'b') FROM {rows}")).await.unwrap(), [most.to_string()]);
    assert_eq!(ask(&format!("SELECT sum(n) FILTER (WHERE k = 'x') FROM {rows}")).await.unwrap(), [""]);
    let decimal = ask(&format!("SELECT sum(CAST(n AS DECIMAL(38, 0))) FROM {rows}")).await.unwrap();
    assert_eq!(decimal, [(2 * i128::from(most) + 5).to_string()]);
    let window = "SUM(n) OVER (ORDER BY k ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)";
    assert_eq!(
        ask(&format!("SELECT {window} FROM (VALUES (1, {most}), (2, 0), (3, 7)) AS t(k, n)")).await.unwrap(),
        [most.to_string(), most.to_string(), "7".into()]
    );
    for wrong in [
        format!("SELECT sum(n) FROM {rows}"),
        format!("SELECT sum(n + 1) FROM (VALUES ({most} - 1), ({most} - 1)) AS t(n)"),
        format!("SELECT sum(n), count(*) FROM {rows} GROUP BY k > 'a' OR k = 'a'"),
        format!("SELECT sum(DISTINCT n), count(DISTINCT k) FROM (VALUES (1, {most}), (2, {most} - 1)) AS t(k, n)"),
        format!("SELECT {window} FROM {rows}"),
        format!("SELECT sum(-n) FROM (VALUES ({most}), ({most})) AS t(n)"),
    ] {
        let said = ask(&wrong).await.expect_err(&wrong);
        assert!(said.contains("larger than an integer of 64 bits"), "{wrong}: {said}");
    }
}

/// Windows, groups, distinct values and all at once, against 128 bits: values at the ends of 64 bits come and go.
#[tokio::test]
async fn averages_and_windows_of_integers_are_exact() {
    let context = SessionContext::new();
    register(&context);
    let (most, least) = (i128::from(i64::MAX), i128::from(i64::MIN));
    let values = [most, 1, 2, -3, least, most - 1, 7, 7, 8, least, 5, most, 9, 9, most - 1, 0, 1, 1, 2, 4];
    let rows: Vec<String> = values.iter().enumerate().map(|(at, value)| format!("({at}, {value})")).collect();
    let t = format!("(VALUES {}) AS t(k, n)", rows.join(", "));
    let distinct = |values: &[i128]| values.iter().copied().collect::<std::collections::BTreeSet<i128>>();
    let average = |sum: i128, rows: usize| (sum as f64 / rows as f64).to_string();
    let windows =
        |width: usize| -> Vec<&[i128]> { (0..values.len()).map(|at| &values[at.saturating_sub(width)..=at]).collect() };
    for width in [0, 1, 2, 5] {
        let over = format!("OVER (ORDER BY k ROWS BETWEEN {width} PRECEDING AND CURRENT ROW)");
        for (call, of) in [("avg(n)", false), ("avg(DISTINCT n)", true)] {
            let found = texts(&context, &format!("SELECT {call} {over} FROM {t} ORDER BY k")).await;
            let right = windows(width).into_iter().map(|window| match of {
                true => average(distinct(window).iter().sum(), distinct(window).len()),
                false => average(window.iter().sum(), window.len()),
            });
            let found: Vec<f64> = found.iter().map(|text| text.parse().unwrap()).collect();
            assert_eq!(found, right.map(|text| text.parse().unwrap()).collect::<Vec<f64>>(), "{call} {over}");
        }
        // Sums of windows that 64 bits hold; small values stand for the others.
        for (call, is_distinct) in [("sum(n)", false), ("sum(DISTINCT n)", true)] {
            let sql = format!("SELECT sum_of FROM (SELECT k, {call} {over} AS sum_of FROM {t}) ORDER BY k");
            let sums: Vec<i128> = windows(width)
                .into_iter()
                .map(|window| if is_distinct { distinct(window).iter().sum() } else { window.iter().sum() })
                .collect();
            match sums.iter().all(|sum| (least..=most).contains(sum)) {
                true => assert_eq!(texts(&context, &sql).await, sums.iter().map(i128::to_string).collect::<Vec<_>>()),
                false => {
                    let said = context.sql(&sql).await.unwrap().collect().await.expect_err(&sql).to_string();
                    assert!(said.contains("larger than an integer"), "{sql}: {said}");
                }
            }
            let decimals = sql.replace("sum(n)", "sum(CAST(n AS DECIMAL(38, 0)))");
            if !is_distinct {
                assert_eq!(texts(&context, &decimals).await, sums.iter().map(i128::to_string).collect::<Vec<_>>());
            }
        }
    }
    let all: f64 = texts(&context, &format!("SELECT avg(n) FROM {t}")).await[0].parse().unwrap();
    assert_eq!(all, values.iter().sum::<i128>() as f64 / values.len() as f64);
    let groups = texts(&context, &format!("SELECT avg(n) FROM {t} GROUP BY k % 2 ORDER BY k % 2")).await;
    let of = |odd: usize| values.iter().skip(odd).step_by(2).sum::<i128>();
    let parse = |text: &String| text.parse::<f64>().unwrap();
    let right = [of(0), of(1)].map(|sum| sum as f64 / 10.0);
    assert_eq!(groups.iter().map(parse).collect::<Vec<_>>(), right);
    let filtered = "SELECT avg(n) FILTER (WHERE n < 0 AND k = 3), avg(n) FILTER (WHERE n IS NULL)";
    assert_eq!(texts(&context, &format!("{filtered} FROM {t}")).await, ["-3.0"]);
}

/// Nanoseconds of a few long times are more than 64 bits hold: the average is not.
#[tokio::test]
async fn averages_of_times_do_not_wrap() {
    let context = SessionContext::new();
    register(&context);
    let t = "(SELECT arrow_cast(value * 0 + 9000000000000000000 + value % 2, 'Duration(ns)') AS d, value % 3 AS k
              FROM generate_series(1, 12))";
    for sql in [
        format!("SELECT CAST(avg(d) AS BIGINT) FROM {t}"),
        format!("SELECT CAST(avg(d) AS BIGINT) FROM {t} GROUP BY k ORDER BY k LIMIT 1"),
        format!(
            "SELECT CAST(avg(d) OVER (ORDER BY k ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) AS BIGINT) FROM {t} LIMIT 1"
        ),
    ] {
        let found: i64 = texts(&context, &sql).await[0].parse().unwrap();
        assert!((9_000_000_000_000_000_000..=9_000_000_000_000_000_001).contains(&found), "{sql}: {found}");
    }
    let refused = context.sql(&format!("SELECT sum(d) FROM {t}")).await.expect_err("a sum of times").to_string();
    assert!(refused.contains("sum of times is refused"), "{refused}");
    let refused = context.sql("SELECT sum(interval '1 day')").await.expect_err("a sum of times").to_string();
    assert!(refused.contains("sum of times is refused"), "{refused}");
}

#[tokio::test]
async fn what_leaves_a_window_of_floats_leaves_no_trace() {
    let context = SessionContext::new();
    register(&context);
    let t =
        "(VALUES (1, 1e18, 1.0), (2, 1, 2.0), (3, 2, 5.0), (4, 4, 4.0), (5, 'inf', 3.0), (6, 3, 7.0), (7, 5, 1.0), \
             (8, NULL, 1.0)) AS t(k, n, m)"
            .replace("(1, 1e18", "(1, CAST(1e18 AS DOUBLE)")
            .replace("'inf'", "CAST('inf' AS DOUBLE)");
    let over = "OVER (ORDER BY k ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)";
    for (call, right) in [
        ("sum(n)", ["1000000000000000000", "1000000000000000000", "3", "6", "inf", "inf", "8", "5"]),
        ("avg(n)", ["1000000000000000000", "500000000000000000", "1.5", "3", "inf", "inf", "4", "5"]),
        ("var_pop(n)", ["0", "250000000000000000000000000000000000", "0.25", "1", "NaN", "NaN", "1", "0"]),
        ("covar_pop(n, m)", ["0", "-", "0.75", "-0.5", "-", "-", "-3", "0"]),
    ] {
        let found = texts(&context, &format!("SELECT {call} {over} FROM {t} ORDER BY k")).await;
        let wrong = found.iter().zip(right).find(|(found, right)| {
            let numbers = (found.parse::<f64>(), right.parse::<f64>());
            *right != "-" && !matches!(numbers, (Ok(a), Ok(b)) if a == b || (a.is_nan() && b.is_nan()))
        });
        assert_eq!(wrong, None, "{call}: {found:?}");
    }
}

/// What a constant deviates by is nothing, and nothing is in proportion to it.
#[tokio::test]
async fn a_constant_in_a_window_has_no_deviation() {
    let context = SessionContext::new();
    register(&context);
    let rows: Vec<String> = (0..40).map(|k| format!("({k}, 0.1, {})", k * k % 7)).collect();
    let t = format!("(VALUES {}) AS t(k, x, y)", rows.join(", "));
    for width in [1, 2, 3, 6, 30] {
        let over = format!("OVER (ORDER BY k ROWS BETWEEN {width} PRECEDING AND CURRENT ROW)");
        for (call, right) in [
            ("stddev_pop(x)", "0.0"),
            ("var_pop(x)", "0.0"),
            ("covar_pop(x, y)", "0.0"),
            ("regr_sxx(y, x)", "0.0"),
            ("regr_sxy(y, x)", "0.0"),
            ("corr(x, y)", "NULL"),
            ("regr_slope(y, x)", "NULL"),
            ("regr_r2(y, x)", "NULL"),
            ("regr_intercept(y, x)", "NULL"),
        ] {
            let found = texts(&context, &format!("SELECT {call} {over} FROM {t} ORDER BY k")).await;
            assert!(found.len() == 40 && found.iter().all(|one| one == right), "{call} {over}: {found:?}");
        }
        let samples = texts(&context, &format!("SELECT stddev(x) {over} FROM {t} ORDER BY k")).await;
        assert!(samples[0] == "NULL" && samples[1..].iter().all(|one| one == "0.0"), "{over}: {samples:?}");
    }
}

/// Every aggregate of two columns over windows, against its definition: first the means, then the sums.
#[tokio::test]
async fn windows_of_pairs_are_what_the_definition_says() {
    let context = SessionContext::new();
    register(&context);
    let pair = |k: i64| {
        let (x, y) = ((k * k * 31 % 17) as f64 / 4.0 - 1.0, (k * 13 % 11) as f64 + k as f64 / 8.0);
        ((k % 6 != 4).then_some(x), (k % 7 != 5).then_some(y))
    };
    let cell = |value: Option<f64>| value.map_or("CAST(NULL AS DOUBLE)".to_owned(), |value| format!("{value:?}"));
    let rows: Vec<String> = (0..60).map(|k| format!("({k}, {}, {})", cell(pair(k).0), cell(pair(k).1))).collect();
    let t = format!("(VALUES {}) AS t(k, x, y)", rows.join(", "));
    let right = |call: &str, window: &[(f64, f64)]| -> Option<f64> {
        let n = window.len() as f64;
        let sum = |of: &dyn Fn(f64, f64) -> f64| window.iter().map(|&(x, y)| of(x, y)).sum::<f64>();
        let (mean_x, mean_y) = (sum(&|x, _| x) / n, sum(&|_, y| y) / n);
        let sxx = sum(&|x, _| (x - mean_x).powi(2));
        let syy = sum(&|_, y| (y - mean_y).powi(2));
        let sxy = sum(&|x, y| (x - mean_x) * (y - mean_y));
        let is_line = window.len() > 1 && sxx > 1e-9;
        match call {
            "regr_count(y, x)" => Some(n),
            _ if window.is_empty() => None,
            "covar_pop(x, y)" => Some(sxy / n),
            "covar_samp(x, y)" => (n > 1.0).then(|| sxy / (n - 1.0)),
            "corr(x, y)" => (is_line && syy > 1e-9).then(|| sxy / (sxx * syy).sqrt()),
            "regr_avgx(y, x)" => Some(mean_x),
            "regr_avgy(y, x)" => Some(mean_y),
            "regr_sxx(y, x)" => Some(sxx),
            "regr_syy(y, x)" => Some(syy),
            "regr_sxy(y, x)" => Some(sxy),
            "regr_slope(y, x)" => is_line.then(|| sxy / sxx),
            "regr_intercept(y, x)" => is_line.then(|| mean_y - sxy / sxx * mean_x),
            "regr_r2(y, x)" => (is_line && syy > 1e-9).then(|| sxy * sxy / (sxx * syy)),
            other => panic!("{other}"),
        }
    };
    for width in [1, 4, 9] {
        let over = format!("OVER (ORDER BY k ROWS BETWEEN {width} PRECEDING AND CURRENT ROW)");
        for call in [
            "covar_pop(x, y)",
            "covar_samp(x, y)",
            "corr(x, y)",
            "regr_count(y, x)",
            "regr_avgx(y, x)",
            "regr_avgy(y, x)",
            "regr_sxx(y, x)",
            "regr_syy(y, x)",
            "regr_sxy(y, x)",
            "regr_slope(y, x)",
            "regr_intercept(y, x)",
            "regr_r2(y, x)",
        ] {
            let found = texts(&context, &format!("SELECT {call} {over} FROM {t} ORDER BY k")).await;
            for (k, found) in (0..60).zip(found) {
                let window: Vec<(f64, f64)> =
                    ((k - width).max(0)..=k).filter_map(|k| Some((pair(k).0?, pair(k).1?))).collect();
                let is_right = match (found.parse::<f64>().ok(), right(call, &window)) {
                    (Some(found), Some(right)) => (found - right).abs() <= 1e-9 * right.abs().max(1.0),
                    (found, right) => found == right,
                };
                assert!(is_right, "{call} {over} of row {k}: {found}, not {:?}", right(call, &window));
            }
        }
    }
}

#[test]
fn every_function_of_our_own_says_how_it_is_called_as_the_docs_do() {
    let docs = include_str!("../../../docs/sql.md");
    for function in logs::all() {
        let said = function.documentation().expect("it is documented");
        assert!(said.syntax_example.starts_with(&format!("{}(", function.name())), "{}", said.syntax_example);
        assert!(
            docs.contains(&format!("| `{}` |", said.syntax_example)),
            "{} is not in docs/sql.md",
            said.syntax_example
        );
    }
}

#[tokio::test]
async fn a_text_stands_for_what_it_stands_beside() {
    let options = Options { time_zone: "Europe/London".parse().expect("a zone"), ..Options::default() };
    let context = context(&options).expect("a context");
    register(&context);
    for (expr, right) in [
        ("coalesce(d, '2000-01-01') = date '2000-01-01'", "true"),
        ("arrow_typeof(coalesce(d, '2000-01-01'))", "Date32"),
        ("extract(epoch FROM coalesce(t, '2023-07-01 12:00'))::bigint", "1688209200"),
        ("coalesce(b, 'true')", "true"),
        ("coalesce(i, '1 day') = interval '1 day'", "true"),
        ("coalesce(date_trunc('day', t) - t, '00:05') = interval '5 minutes'", "true"),
        ("coalesce(t - t, '1 day 2 hours') = interval '26 hours'", "true"),
        ("coalesce(t - t, i, '5 minutes') = interval '300 seconds'", "true"),
        ("coalesce(NULL, d, '2000-01-01', d) = date '2000-01-01'", "true"),
        ("coalesce(n, '5')", "5"),
        ("coalesce(n, 1.5)", "1.5"),
        ("nvl(d, '2000-01-01') = date '2000-01-01'", "true"),
        ("coalesce(date '2023-09-14', 'soon') = date '2023-09-14'", "true"),
        ("nullif(date '2023-09-14', '2023-09-14') IS NULL", "true"),
        ("greatest(d, '2000-01-01') = date '2000-01-01'", "true"),
        ("CASE WHEN b THEN d ELSE '2000-01-01' END = date '2000-01-01'", "true"),
    ] {
        let sql = format!(
            "SELECT {expr} FROM (SELECT CAST(NULL AS DATE) AS d, CAST(NULL AS TIMESTAMPTZ) AS t, CAST(NULL AS \
             BOOLEAN) AS b, CAST(NULL AS INTERVAL) AS i, CAST(NULL AS INT) AS n)"
        );
        let batches = async { context.sql(&sql).await?.collect().await }.await;
        let found = batches.map(|batches| array_value_to_string(batches[0].column(0), 0).expect("a value"));
        assert_eq!(found.map_err(|error| error.to_string()).as_deref(), Ok(right), "{expr}");
    }
}
