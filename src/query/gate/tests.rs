use datafusion::sql::parser::DFParserBuilder;
use datafusion::sql::sqlparser::dialect::dialect_from_str;

use super::*;

/// As the first database that knows the words reads them; the engine's own reading is the first of all.
fn of(sql: &str) -> Option<Refusal> {
    const DIALECTS: [&str; 9] =
        ["generic", "postgresql", "bigquery", "mssql", "mysql", "clickhouse", "hive", "snowflake", "databricks"];
    let parsed = |name: &str| {
        let dialect = dialect_from_str(name)?;
        DFParserBuilder::new(sql).with_dialect(&*dialect).build().ok()?.parse_statements().ok()
    };
    let statements = DIALECTS.into_iter().find_map(parsed).unwrap_or_else(|| panic!("no database reads: {sql}"));
    refusal_of(&statements[0], &|name| ["abs", "upper", "coalesce"].contains(&name))
}

#[test]
fn questions_pass() {
    for sql in [
        "SELECT 1",
        "SELECT * FROM t WHERE a = ALL (ARRAY[1, 2]) OR a IN (SELECT b FROM u) ORDER BY 1 LIMIT 3 OFFSET 1",
        "SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, b",
        "WITH x AS MATERIALIZED (SELECT 1 AS a) SELECT a FROM x AS y(b)",
        "SELECT count(DISTINCT a) FILTER (WHERE b > 1), array_agg(a ORDER BY b) FROM t GROUP BY ROLLUP (a)",
        "SELECT sum(a) OVER (PARTITION BY b ORDER BY c RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
        "SELECT sum(a) OVER w FROM t WINDOW w AS (PARTITION BY b)",
        "SELECT lag(a) IGNORE NULLS OVER (ORDER BY b) FROM t QUALIFY row_number() OVER (ORDER BY a) = 1",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FROM t",
        "SELECT percentile_cont(a, 0.5 ORDER BY a DESC), a # b, a & b FROM t",
        "SELECT CAST(a AS VARCHAR), CAST(a AS DECIMAL(10, 2)), CAST(a AS TIMESTAMP(3)) FROM t",
        "SELECT a FROM t WHERE b AND a IS DISTINCT FROM 1",
        "SELECT a FROM t WHERE (a IS NOT DISTINCT FROM b) OR a IS DISTINCT FROM (b AND c)",
        "SELECT a FROM t UNION ALL SELECT b FROM u ORDER BY a",
        "SELECT a FROM t EXCEPT SELECT b FROM u INTERSECT DISTINCT SELECT c FROM v",
        "SELECT a FROM t LEFT JOIN u USING (a) NATURAL JOIN v FULL JOIN w ON w.a = t.a",
        "SELECT * EXCLUDE (a) FROM t, LATERAL (SELECT 1) AS x",
        "SELECT value + 1 FROM generate_series(-9223372036854775808, -5, 86400) AS t(value)",
        "SELECT * FROM generate_series(date '2023-09-14', date '2023-09-14' + interval '7 days', interval '1 day')",
        "EXPLAIN ANALYZE SELECT 1",
        "DESCRIBE t",
        "SHOW TABLES",
        "FROM t SELECT a",
    ] {
        assert_eq!(of(sql), None, "{sql}");
    }
}

const QUANTIFIED: &str = "ANY and ALL of a query (write IN or NOT IN, or compare with its min or max)";

const ROWS: &str = "a comparison of rows in parentheses (write a = 1 AND b = 2)";

const RECKONED: &str = "+, - and * in the arguments of a table function (write the number)";

const MERGED: &str = "USING and NATURAL of RIGHT and FULL joins (write ON, and coalesce of both columns)";

#[test]
fn what_would_be_ignored_is_refused_by_name() {
    let wrong: Vec<String> = [
        ("SELECT * FROM t TABLESAMPLE BERNOULLI (1)", "TABLESAMPLE, SAMPLE"),
        ("SELECT * FROM (SELECT 1) TABLESAMPLE SYSTEM (1)", "TABLESAMPLE, SAMPLE"),
        ("SELECT 1 WHERE 1 IN (SELECT a FROM t SAMPLE 0.1)", "TABLESAMPLE, SAMPLE"),
        ("SELECT TOP 3 a FROM t", "TOP"),
        ("SELECT * FROM t FOR UPDATE", "FOR UPDATE, FOR SHARE"),
        ("SELECT * FROM t FOR SHARE SKIP LOCKED", "FOR UPDATE, FOR SHARE"),
        ("SELECT * FROM t SETTINGS max_threads = 1", "SETTINGS"),
        ("SELECT * FROM t FORMAT JSON", "FORMAT"),
        ("SELECT * FROM t PREWHERE a = 1", "PREWHERE"),
        ("SELECT * FROM t LATERAL VIEW explode(a) x AS b", "LATERAL VIEW"),
        ("SELECT a FROM t GROUP BY a WITH ROLLUP", "WITH ROLLUP, WITH CUBE, WITH TOTALS after GROUP BY"),
        ("SELECT a FROM t START WITH a = 1 CONNECT BY PRIOR a = b", "CONNECT BY, START WITH"),
        ("SELECT * FROM t WITH ORDINALITY", "WITH ORDINALITY"),
        ("SELECT * FROM t PARTITION (p0)", "PARTITION (…)"),
        ("SELECT * FROM t FOR SYSTEM_TIME AS OF '2023-09-14'", "FOR SYSTEM_TIME, AS OF, VERSION"),
        ("SELECT * FROM t WITH (NOLOCK)", "WITH (…) behind a table"),
        ("SELECT * FROM t AS x (a INT)", "types of columns in an alias"),
        ("FROM t", "FROM without SELECT"),
        ("SELECT a FROM t WINDOW w AS (ORDER BY a) ORDER BY sum(a) OVER w", "OVER of a named window in ORDER BY"),
        (
            "SELECT a FROM t WINDOW w AS (ORDER BY a) QUALIFY sum(a) OVER w > 1",
            "OVER of a named window outside of the columns",
        ),
        ("SELECT abs(a) FILTER (WHERE b) FROM t", "FILTER of abs"),
        ("SELECT UPPER(a) OVER () FROM t", "OVER of upper"),
        ("SELECT coalesce(DISTINCT a, b) FROM t", "DISTINCT of coalesce"),
        ("SELECT upper(a) IGNORE NULLS FROM t", "IGNORE NULLS, RESPECT NULLS of upper"),
        ("SELECT corr(DISTINCT a, b) FROM t", "DISTINCT of corr"),
        ("SELECT bit_xor(DISTINCT a) FROM t GROUP BY b", "DISTINCT of bit_xor"),
        ("SELECT row_number() FILTER (WHERE a > 1) OVER () FROM t", "FILTER of row_number"),
        ("SELECT rank() IGNORE NULLS OVER (ORDER BY a) FROM t", "IGNORE NULLS, RESPECT NULLS of rank"),
        (
            "SELECT sum(a) OVER (w ORDER BY b) FROM t WINDOW w AS (PARTITION BY c)",
            "a window that builds on another one of sum",
        ),
        ("SELECT quantile(0.5)(a) FROM t", "two lists of arguments of quantile"),
        ("SELECT array(SELECT 1)", "a query as the argument of array"),
        ("SELECT * FROM generate_series(start => 1, stop => 3)", "names of arguments"),
        ("SELECT count(*) FROM generate_series(0, 9223372036854775807 + 1)", RECKONED),
        ("SELECT * FROM t, LATERAL generate_series(1, abs(2 * 3)) AS u", RECKONED),
        ("SELECT 1 WHERE 1 IN (SELECT value FROM range(0, -(-9223372036854775808)))", RECKONED),
        ("SELECT CAST(a AS VARCHAR(3)) FROM t", "the length in VARCHAR(3)"),
        ("SELECT a::CHAR(1) FROM t", "the length in CHAR(1)"),
        ("SELECT CAST(a AS FLOAT(53)) FROM t", "the length in FLOAT(53)"),
        ("SELECT a FROM t WHERE a SIMILAR TO '%x%'", "the pattern of SIMILAR TO (write ~ and a regular expression)"),
        ("SELECT a FROM t EXCEPT ALL SELECT a FROM u", "ALL of INTERSECT and EXCEPT"),
        ("SELECT 1 UNION ALL (SELECT a FROM t INTERSECT ALL SELECT a FROM u)", "ALL of INTERSECT and EXCEPT"),
        ("SELECT a FROM t UNION SELECT a FROM u INTERSECT ALL SELECT a FROM v", "ALL of INTERSECT and EXCEPT"),
        ("SELECT * FROM t FULL JOIN u USING (a)", MERGED),
        ("SELECT * FROM t NATURAL RIGHT JOIN u", MERGED),
        ("SELECT * FROM (t LEFT JOIN u ON true RIGHT JOIN v USING (a))", MERGED),
        ("SELECT 1 WHERE a > ALL (SELECT b FROM t)", QUANTIFIED),
        ("SELECT 1 WHERE a = ANY (SELECT b FROM t)", QUANTIFIED),
        ("SELECT 1 WHERE (a, b) = (1, 2)", ROWS),
        ("SELECT 1 WHERE (a, b) NOT IN ((1, 2), (3, 4))", ROWS),
        ("SELECT 1 WHERE ROW(a, b) < ROW(1, 2)", ROWS),
        ("SELECT 1 WHERE a AT TIME ZONE '+00' < b", "the zone '+00' (write '+00:00' or 'UTC')"),
        (
            "SELECT to_char(arrow_cast(a, 'Timestamp(ns, \"+00\")'), 'x') FROM t",
            "the zone '+00' (write '+00:00' or 'UTC')",
        ),
        ("SELECT 2 ^ 10", "^ for a power (write power(a, b))"),
        (
            "SELECT 1 WHERE a IS NOT DISTINCT FROM true AND b",
            "AND or OR behind IS DISTINCT FROM (put parentheses around each condition: (a IS DISTINCT FROM b) AND c)",
        ),
        ("SELECT a XOR b FROM t", "XOR of truth values (write a <> b)"),
        ("SELECT array_agg(a ORDER BY 1) FROM t", "a number in ORDER BY of array_agg"),
        ("SELECT percentile_cont(a, 0.5 ORDER BY b) FROM t", "ORDER BY another value of percentile_cont"),
        ("EXPLAIN SELECT * FROM t FOR UPDATE", "FOR UPDATE, FOR SHARE"),
        ("DESCRIBE EXTENDED t", "DESCRIBE EXTENDED"),
        ("SELECT a FROM t LIMIT 1 BY b", "LIMIT … BY"),
    ]
    .into_iter()
    .filter(|(sql, name)| of(sql) != Some(Refusal::Ignored((*name).to_owned())))
    .map(|(sql, name)| format!("{sql}: {name}, not {:?}", of(sql)))
    .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_writes_is_refused_by_name() {
    for (sql, name) in [
        ("INSERT INTO t VALUES (1)", "INSERT INTO"),
        ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", "INSERT INTO"),
        ("SELECT a INTO u FROM t", "SELECT INTO"),
        ("SELECT * FROM (SELECT a INTO u FROM t) AS x", "SELECT INTO"),
        ("CREATE TABLE t AS SELECT 1", "CREATE TABLE"),
        ("COPY (SELECT 1) TO 'x.csv'", "COPY"),
        ("EXPLAIN ANALYZE COPY (SELECT 1) TO 'x.csv'", "COPY"),
        ("SET a = 1", "SET"),
        ("RESET a", "RESET"),
        ("BEGIN", "BEGIN"),
        ("PREPARE p AS SELECT 1", "PREPARE"),
    ] {
        assert_eq!(of(sql), Some(Refusal::NotAQuestion(name.to_owned())), "{sql}");
    }
}

const FAR: &str = "t.c, a column of a query further out than the next";

const VALUE: &str = "NOT IN (SELECT …) of a value without a column of the FROM beside it";

/// What a statement is refused for once it is planned.
async fn planned_of(sql: &str) -> Option<String> {
    use crate::query::{Options, context};

    let tables = "WITH t(a, b, c) AS (VALUES (1, 2, 3), (NULL, NULL, NULL)), u(a, b, d) AS (SELECT * FROM t)";
    let context = context(&Options::default()).expect("a session");
    let plan = context.state().create_logical_plan(&format!("{tables} {sql}")).await;
    match planned(&plan.unwrap_or_else(|error| panic!("{sql}: {error}")))? {
        Refusal::Ignored(name) => Some(name),
        other => panic!("{sql}: {other:?}"),
    }
}

#[tokio::test]
async fn queries_within_queries_are_judged_once_planned() {
    for sql in [
        "SELECT 1 FROM t WHERE a IN (SELECT a FROM u) AND b NOT IN (SELECT b FROM u) AND NOT (c IN (SELECT d FROM u))",
        "SELECT 1 FROM t WHERE a IN (SELECT a FROM u) OR (c = 1 AND b IN (SELECT b FROM u WHERE u.a = t.a))",
        "SELECT a FROM t GROUP BY a HAVING count(*) NOT IN (SELECT a FROM u)",
        "SELECT 1 FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.a = t.a) OR a = 1",
        "SELECT 1 FROM t WHERE 77 IN (SELECT a FROM u) AND a + 77 NOT IN (SELECT a FROM u)",
        "SELECT 1 FROM (SELECT 77 AS n FROM t) x WHERE n NOT IN (SELECT a FROM u)",
        "SELECT 1 FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE (a = 77) IS NOT FALSE)",
        "SELECT 1 FROM t WHERE EXISTS (SELECT count(*) FROM u)",
        "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a ORDER BY 1 LIMIT 1)",
        "SELECT 1 FROM t WHERE EXISTS (SELECT u.b FROM u WHERE u.a = t.a GROUP BY u.b HAVING count(*) > 2)",
        "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM u LEFT JOIN t x ON x.b = u.b WHERE u.a = t.a)",
        "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM (SELECT a, rank() OVER (ORDER BY b) r FROM u) x WHERE x.a = t.a)",
        "SELECT (SELECT count(*) FROM u WHERE u.a = t.a), (SELECT coalesce(max(d), 0) + 1 FROM u WHERE u.a = t.a) FROM t",
        "SELECT 1 FROM t, LATERAL (SELECT sum(d) AS s, count(*) AS n FROM u WHERE u.a = t.a) x",
        "SELECT 1 FROM t, LATERAL (SELECT d FROM u WHERE u.a = t.a) x",
        "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.d = t.c AND EXISTS (SELECT 1 FROM t x WHERE x.a = u.a))",
        "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM u WHERE EXISTS (SELECT 1 FROM t x JOIN u t ON x.a = t.a))",
        "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM u JOIN t x ON x.a = u.a WHERE x.c = t.c)",
        "SELECT 1 FROM (SELECT * FROM u WHERE EXISTS (SELECT 1 FROM t WHERE t.a = u.a)) y JOIN t ON y.a = t.a",
        "SELECT 1 FROM (SELECT a FROM u) WHERE EXISTS (SELECT 1 FROM t WHERE t.a = u.a)",
        "SELECT 1 FROM (SELECT a FROM u GROUP BY a HAVING max(b) > (SELECT min(b) FROM t WHERE t.a = u.a)) y",
        "SELECT a, (SELECT count(*) FROM t x WHERE x.a = z.a) FROM t z UNION ALL SELECT a, 1 FROM u ORDER BY 1",
    ] {
        assert_eq!(planned_of(sql).await, None, "{sql}");
    }
    for (sql, name) in [
        ("SELECT 1 FROM t WHERE a NOT IN (SELECT a FROM u) OR b = 1", "NOT IN (SELECT …) beside OR"),
        ("SELECT 1 FROM t WHERE NOT (a IN (SELECT a FROM u) AND b = 1)", "IN (SELECT …) beside OR"),
        ("SELECT 1 FROM t WHERE (a IN (SELECT a FROM u)) IS NULL", "IN (SELECT …) beside OR"),
        ("SELECT CASE WHEN a IN (SELECT a FROM u) THEN 1 ELSE 0 END FROM t", "IN (SELECT …) beside OR"),
        ("SELECT count(*) FILTER (WHERE a IN (SELECT a FROM u)) FROM t", "IN (SELECT …) beside OR"),
        ("SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM u WHERE a = 1 OR b NOT IN (SELECT b FROM t))", "NOT IN"),
        ("SELECT 1 FROM t WHERE a NOT IN (SELECT a FROM u WHERE u.b = t.b)", "write NOT EXISTS"),
        ("SELECT 1 FROM t WHERE 77 NOT IN (SELECT a FROM u)", VALUE),
        ("SELECT 1 FROM t WHERE NOT (now() IN (SELECT CASE d WHEN 3 THEN now() END FROM u)) AND b = 1", VALUE),
        ("SELECT 1 FROM t WHERE coalesce(77, a) NOT IN (SELECT a FROM u)", VALUE),
        ("SELECT 1 FROM t WHERE CASE WHEN true THEN 1 ELSE a END NOT IN (SELECT a FROM u)", VALUE),
        ("SELECT 1 FROM t WHERE (SELECT max(a) + 50 FROM u) NOT IN (SELECT a FROM u)", VALUE),
        ("SELECT b FROM t GROUP BY b HAVING 77 NOT IN (SELECT a FROM u)", VALUE),
        ("SELECT 1 FROM t WHERE $1 NOT IN (SELECT a FROM u)", VALUE),
        ("SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.b = t.b AND t.a NOT IN (SELECT a FROM u))", VALUE),
        ("SELECT 1 FROM t WHERE EXISTS (SELECT count(*) FROM u WHERE u.a = t.a)", "a value of all rows in"),
        ("SELECT 1 FROM t WHERE 0 IN (SELECT count(*) FROM u WHERE u.a = t.a)", "a value of all rows in"),
        ("SELECT (SELECT count(*) FROM u WHERE u.a = t.a HAVING count(*) < 5) FROM t", "no plain aggregate"),
        ("SELECT (SELECT count(*) IS NOT NULL FROM u WHERE u.a = t.a) FROM t", "no plain aggregate"),
        ("SELECT (SELECT coalesce(1, count(*)) FROM u WHERE u.a = t.a) FROM t", "no plain aggregate"),
        ("SELECT 1 FROM t, LATERAL (SELECT 1 AS k, count(*) AS n FROM u WHERE u.a = t.a) x", "no plain aggregate"),
        ("SELECT 1 FROM t, LATERAL (SELECT rank() OVER (ORDER BY d) FROM u WHERE u.a = t.a) x", "a window function"),
        ("SELECT 1 FROM t WHERE b IN (SELECT rank() OVER (ORDER BY d) FROM u WHERE u.a = t.a)", "a window function"),
        ("SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a OFFSET 2)", "LIMIT or OFFSET"),
        (
            "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM (SELECT * FROM u WHERE u.a = t.a LIMIT 2) x WHERE d = 1)",
            "LIMIT",
        ),
        ("SELECT 1 FROM t, LATERAL (SELECT count(*) FROM u WHERE u.a = t.a GROUP BY ROLLUP (b)) x", "ROLLUP, CUBE"),
        (
            "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM u LEFT JOIN (SELECT b FROM u WHERE u.a = t.a) x ON x.b = u.d)",
            "an outer join",
        ),
        (
            "SELECT 1 FROM t WHERE EXISTS (SELECT a FROM u EXCEPT SELECT a FROM u WHERE u.b = t.b)",
            "EXCEPT or INTERSECT",
        ),
        ("SELECT 1 FROM t WHERE EXISTS (SELECT a FROM u WHERE u.b = t.b UNION ALL SELECT 1)", "UNION"),
        ("SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM u WHERE EXISTS (SELECT 1 FROM t x WHERE x.a = t.c))", FAR),
        ("SELECT 1 FROM t WHERE a > (SELECT max(b) FROM u WHERE u.d IN (SELECT a FROM t x WHERE x.c = t.c))", FAR),
        (
            "SELECT (SELECT max(b) FROM u WHERE u.a = t.a AND u.b = (SELECT min(b) FROM t x WHERE x.a = t.c)) FROM t",
            FAR,
        ),
    ] {
        let said = planned_of(sql).await.unwrap_or_default();
        assert!(said.contains(name), "{sql}: {name}, not {said}");
    }
}
