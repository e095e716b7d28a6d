use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use super::super::{Options, context, headings};

/// The rows of a statement; numbers without the zeros at their end.
async fn rows(sql: &str) -> Result<String, String> {
    let context = context(&Options::default()).expect("a context");
    let state = context.state();
    let statement = state.sql_to_statement(sql, &state.config_options().sql_parser.dialect).expect("a statement");
    let plan = headings::plan(&state, statement).await.map_err(|error| error.to_string())?;
    let frame = context.execute_logical_plan(plan).await.map_err(|error| error.to_string())?;
    let batches = frame.collect().await.map_err(|error| error.to_string())?;
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in &batches {
        let cell = |column: &datafusion::arrow::array::ArrayRef, row| {
            let text = ArrayFormatter::try_new(column, &options).expect("a column").value(row).to_string();
            match column.data_type() {
                DataType::Decimal128(..) if text.contains('.') => {
                    text.trim_end_matches('0').trim_end_matches('.').to_owned()
                }
                _ => text,
            }
        };
        rows.extend(
            (0..batch.num_rows())
                .map(|row| batch.columns().iter().map(|column| cell(column, row)).collect::<Vec<_>>().join(" ")),
        );
    }
    Ok(rows.join(", "))
}

/// `a` and `b` are bigints, `i` is an integer, `k` a text.
const OF: &str = "FROM (VALUES (CAST(7 AS BIGINT), CAST(2 AS BIGINT), CAST(7 AS INT), 'x'), \
                  (CAST(8 AS BIGINT), CAST(2 AS BIGINT), CAST(8 AS INT), 'y')) AS t(a, b, i, k)";

async fn hold(cases: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (sql, right) in cases {
        let sql = sql.replace("{}", OF);
        let found = rows(&sql).await;
        if found.as_deref() != Ok(*right) {
            wrong += &format!("{sql}: {found:?}, not {right}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What PostgreSQL answers: the sum of a bigint is a numeric.
#[tokio::test]
async fn a_sum_of_bigints_is_divided_with_a_fraction() {
    hold(&[
        ("SELECT sum(a) / sum(b) {}", "3.75"),
        ("SELECT sum(a) / 2 {}", "7.5"),
        ("SELECT 1 / sum(a) {}", "0.0666666666666667"),
        ("SELECT 2 / sum(a) {}", "0.1333333333333333"),
        ("SELECT -sum(a) / sum(b) {}", "-3.75"),
        ("SELECT sum(a) FILTER (WHERE k = 'x') / sum(a) {}", "0.4666666666666667"),
        ("SELECT 100 * sum(a) FILTER (WHERE k = 'x') / sum(a) {}", "46.6666666666666667"),
        ("SELECT sum(a) / sum(b) * 100 {}", "375"),
        ("SELECT sum(a) / count(*) {}", "7.5"),
        ("SELECT sum(a) / 2 / 2 {}", "3.75"),
        ("SELECT (sum(a) + 1) / 3, (sum(a) - sum(b)) / 2, sum(a) % 2 / 2 {}", "5.3333333333333333 5.5 0.5"),
        ("SELECT sum(a) / nullif(sum(b), 0), sum(a) / nullif(sum(b), 4) {}", "3.75 NULL"),
        ("SELECT coalesce(sum(a), 0) / 2, greatest(sum(a), 1) / 2, abs(sum(a)) / 2 {}", "7.5 7.5 7.5"),
        ("SELECT CASE WHEN count(*) > 1 THEN sum(a) ELSE 0 END / 2 {}", "7.5"),
        ("SELECT CASE WHEN sum(b) > 0 THEN sum(a) / sum(b) END {}", "3.75"),
        (
            "SELECT round(sum(a) / sum(b), 1), round(sum(a) / 2), ceil(sum(a) / 2), trunc(sum(a) / sum(b), 1) {}",
            "3.8 8 8 3.7",
        ),
        (
            "SELECT round(201 / sum(c), 2), round(-sum(c) / 1600, 1) FROM (VALUES (CAST(200 AS BIGINT))) AS t(c)",
            "1.01 -0.1",
        ),
        ("SELECT ceil(7 / sum(c) * 100) FROM (VALUES (CAST(100 AS BIGINT))) AS t(c)", "7"),
        ("SELECT sum(DISTINCT a) / 2, sum(a * b) / 4 {}", "7.5 7.5"),
        ("SELECT k FROM (SELECT k, a, b {}) AS q GROUP BY k HAVING sum(a) / sum(b) = 3.5", "x"),
        ("SELECT k {} GROUP BY k ORDER BY sum(a) / sum(b) DESC", "y, x"),
        (
            "SELECT a, sum(a) / sum(sum(a)) OVER () {} GROUP BY a ORDER BY 1",
            "7 0.4666666666666667, 8 0.5333333333333333",
        ),
        ("SELECT a / sum(a) OVER () {} ORDER BY 1", "0.4666666666666667, 0.5333333333333333"),
        ("SELECT sum(a) OVER (ORDER BY a) / 2 {} ORDER BY 1", "3.5, 7.5"),
        ("SELECT sum(a) / (SELECT sum(b) {}) {}", "3.75"),
        ("SELECT (SELECT sum(a) {}) / 2", "7.5"),
        (
            "SELECT sum(a) / sum(b) * (sum(a) / sum(b)), (sum(a) / sum(b)) / (sum(b) / sum(a)) {}",
            "14.0625 14.0624999999999982",
        ),
        ("SELECT sum(a) / CAST(2 AS DECIMAL(4, 2)) {}", "7.5"),
        ("SELECT sum(a) / 2.5 {}", "6.0"),
        ("SELECT round(sum(a) / 2, 1) * 2 = sum(a), round(sum(a) / sum(b), 1) > 3 {}", "true true"),
        ("SELECT k {} GROUP BY k HAVING round(sum(a) / sum(b), 2) = 4", "y"),
        ("SELECT sum(a) / NULL {}", "NULL"),
        ("SELECT sum(b) / 8 * interval '1 hour' = interval '30 minutes' {}", "true"),
        ("SELECT x * interval '1 hour' = interval '30 minutes' FROM (SELECT sum(b) / 8 AS x {}) AS q", "true"),
        ("SELECT interval '1 hour' / (sum(b) / 8) = interval '2 hours' {}", "true"),
        ("SELECT sum(a) / sum(b) {} WHERE false", "NULL"),
        ("SELECT extract(hour FROM timestamp '2023-09-14 13:00') / 2", "6.5"),
        ("SELECT power(2, 3) / 16", "0.5"),
    ])
    .await;
}

#[tokio::test]
async fn a_sum_is_one_wherever_it_goes() {
    hold(&[
        ("SELECT s / n FROM (SELECT sum(a) AS s, sum(b) AS n {}) AS q", "3.75"),
        ("SELECT s / 2 FROM (SELECT sum(a) + 1 AS s {}) AS q", "8"),
        ("SELECT max(s) / 2, sum(s) / 4, first_value(s) / 4 FROM (SELECT sum(a) AS s {}) AS q", "7.5 3.75 3.75"),
        (
            "WITH q AS (SELECT k, sum(a) AS s {} GROUP BY k), r AS (SELECT * FROM q) SELECT s / 2 FROM r ORDER BY k",
            "3.5, 4",
        ),
        ("SELECT x / 2 FROM (SELECT a AS x {} UNION ALL SELECT sum(a) {}) AS q ORDER BY x", "3.5, 4, 7.5"),
        ("SELECT x / 2 FROM (SELECT 1 AS x UNION SELECT sum(a) {}) AS q ORDER BY x", "0.5, 7.5"),
        ("SELECT sum(a) / 2 {} UNION ALL SELECT 1", "7.5, 1"),
        ("SELECT max(x) FROM (SELECT sum(a) / sum(b) AS x {} UNION ALL SELECT count(*) {}) AS q", "3.75"),
        ("SELECT q.s / r.n FROM (SELECT sum(a) AS s {}) AS q JOIN (SELECT sum(b) AS n {}) AS r ON true", "3.75"),
        (
            "SELECT t.a / q.s FROM (SELECT a {}) AS t LEFT JOIN (SELECT sum(a) AS s {}) AS q ON true ORDER BY 1",
            "0.4666666666666667, 0.5333333333333333",
        ),
        (
            "SELECT (SELECT count(*) FROM generate_series(1, 9) AS g(n) WHERE g.n = q.s / 2) \
             FROM (SELECT sum(a) AS s {}) AS q",
            "0",
        ),
        (
            "SELECT (SELECT max(n) FROM generate_series(1, 20) AS g(n) WHERE g.n = q.x * 4) \
             FROM (SELECT sum(a) / sum(b) AS x {}) AS q",
            "15",
        ),
        (
            "SELECT l.x FROM (SELECT k, sum(a) AS s {} GROUP BY k) AS q, \
             LATERAL (SELECT sum(u.a) / 2 AS x FROM (SELECT k, a {}) AS u WHERE u.k = q.k) AS l ORDER BY 1",
            "3.5, 4",
        ),
        (
            "SELECT k FROM (SELECT k, a {}) AS o WHERE EXISTS (SELECT 1 {} WHERE t.k = o.k AND t.a / 2 < o.a / 2) \
             OR a / 2 = (SELECT sum(a) / 5 {}) ORDER BY k",
            "x",
        ),
        ("SELECT row_number() OVER (ORDER BY s) / 2, s / 2 FROM (SELECT sum(a) AS s {}) AS q", "0 7.5"),
        ("SELECT count(*) {} WHERE a < (SELECT sum(a) / sum(b) * 2 {})", "1"),
        ("SELECT count(*) {} WHERE a * 0.5 IN (SELECT sum(a) / sum(b) - 0.25 {})", "1"),
        (
            "SELECT x, count(*) FROM (SELECT sum(a) / sum(b) AS x {} GROUP BY k) AS q GROUP BY x ORDER BY x",
            "3.5 1, 4 1",
        ),
        (
            "SELECT s / 2, count(*) FROM (SELECT sum(a) AS s {} GROUP BY k) AS q GROUP BY ROLLUP (s / 2) ORDER BY 2, 1",
            "3.5 1, 4 1, NULL 2",
        ),
        ("SELECT DISTINCT sum(a) / sum(b) {}", "3.75"),
        ("SELECT DISTINCT ON (k) s / 2 FROM (SELECT k, sum(a) AS s {} GROUP BY k) AS q ORDER BY k", "3.5, 4"),
        ("SELECT lag(s) OVER (ORDER BY k) / 2 FROM (SELECT k, sum(a) AS s {} GROUP BY k) AS q ORDER BY k", "NULL, 3.5"),
        ("SELECT (array_agg(s ORDER BY s))[1] / 2 FROM (SELECT k, sum(a) AS s {} GROUP BY k) AS q", "3.5"),
        (
            "SELECT u / 2 FROM (SELECT unnest(array_agg(s ORDER BY s)) AS u FROM \
          (SELECT k, sum(a) AS s {} GROUP BY k) AS p) AS q ORDER BY u",
            "3.5, 4",
        ),
        (
            "WITH RECURSIVE r(n) AS (SELECT sum(a) {} UNION ALL SELECT n + 1 FROM r WHERE n < 16) SELECT n / 2 FROM r \
          ORDER BY n",
            "7.5, 8",
        ),
        ("SELECT avg(x), sum(x), min(x) FROM (SELECT sum(a) / sum(b) AS x {} GROUP BY k) AS q", "3.75 7.5 3.5"),
        (
            "SELECT sqrt(x * 4), power(x, 2), ln(x) < 2, exp(x) > 54 FROM (SELECT sum(a) / 3.75 AS x {}) AS q",
            "4.0 16.0 true true",
        ),
        (
            "SELECT sqrt(x), power(x, 2), log(2, x), floor(x) FROM (SELECT sum(a + 0) / 3 - 1 AS x {}) AS q",
            "2.0 16.0 2.0 4",
        ),
    ])
    .await;
}

/// Integers of 32 bits and `count` are summed up to a bigint, which is divided as one.
#[tokio::test]
async fn integers_are_divided_as_integers() {
    hold(&[
        ("SELECT a / b {} ORDER BY 1", "3, 4"),
        ("SELECT sum(i) / 2, sum(i) / sum(2) {}", "7 3"),
        ("SELECT count(*) / 4, max(a) / 3, min(i) / 2 {}", "0 2 3"),
        ("SELECT sum(CASE WHEN k = 'x' THEN 1 ELSE 0 END) / count(*) {}", "0"),
        ("SELECT sum(a)::bigint / 2, CAST(sum(a) AS INT) / sum(i) {}", "7 1"),
        ("SELECT sum(n) / 2 FROM (VALUES (3), (4)) AS t(n)", "3"),
        ("SELECT sum(n) / 2 FROM generate_series(1, 2) AS t(n)", "1"),
        ("SELECT sum(n) / 2 FROM (SELECT count(*) AS n {}) AS q", "1"),
        ("SELECT sum(a) % 4, row_number() OVER () / 2 {}", "3 0"),
        ("SELECT avg(a) / 2, avg(a), 1 / 2 {}", "3.75 7.5 0"),
        ("SELECT length(k) / 2 {} ORDER BY 1", "0, 0"),
        ("SELECT cardinality(make_array(a, b, a)) / 2 {}", "1, 1"),
        ("SELECT (n - 1) / 2 FROM (SELECT array_length(array_agg(a), 1) AS n {}) AS q", "0"),
        ("SELECT (row_number() OVER (ORDER BY a) + 2) / 2 {} ORDER BY 1", "1, 2"),
    ])
    .await;
}

#[tokio::test]
async fn what_cannot_be_divided_is_told() {
    for (sql, says) in [
        ("SELECT sum(a) / 0 {}", "ivide by zero"),
        ("SELECT sum(a) / sum(b - b) {}", "ivide by zero"),
        (
            "WITH RECURSIVE r(n) AS (SELECT sum(a) / 2 {} UNION ALL SELECT n + 1 FROM r WHERE n < 9) SELECT n FROM r",
            "CAST(",
        ),
        ("SELECT sum(a) * CAST('9999999999999999999999' AS DECIMAL(22, 0)) / 1 {}", "digits"),
    ] {
        let sql = sql.replace("{}", OF);
        let said = rows(&sql).await.expect_err(&sql);
        assert!(said.contains(says), "{sql}: {said}");
    }
}
