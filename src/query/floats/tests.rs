use datafusion::arrow::util::display::array_value_to_string;
use datafusion::prelude::SessionContext;

use super::super::{Options, context, functions};

fn asked() -> SessionContext {
    let context = context(&Options::default()).unwrap();
    functions::register(&context);
    context
}

/// The cells of the first row.
async fn row(sql: &str) -> Vec<String> {
    let batches = asked().sql(sql).await.unwrap().collect().await.unwrap();
    let batch = batches.iter().find(|batch| batch.num_rows() > 0).unwrap_or_else(|| panic!("no row: {sql}"));
    batch.columns().iter().map(|column| array_value_to_string(column, 0).unwrap()).collect()
}

#[tokio::test]
async fn every_place_that_makes_a_float_makes_a_plain_one() {
    let t = "(VALUES (0, '-0.0', 'inf'), (0, '-0.0', 'inf')) AS t(n, s, i)";
    for zero in [
        "n * -1.0",
        "-(n * 1.0)",
        "-0.0 + n * 0",
        "round(n - 0.4)",
        "ceil(n - 0.5)",
        "trunc(n - 0.5)",
        "CAST(s AS DOUBLE)",
        "TRY_CAST(s AS REAL)",
        "CAST(n - 1e-300 AS REAL)",
        "0 / (n - 5.0)",
        "(n - 5.0) % 5",
        "coalesce(NULL, -0.0)",
        "CASE WHEN n = 0 THEN -0.0 END",
        "(SELECT max(CAST(s AS DOUBLE)) FROM (VALUES ('-0.0')) AS u(s))",
        "[-0.0][1]",
        "CAST([s] AS DOUBLE[])[1]",
        "lag(-0.0, 0) OVER ()",
    ] {
        let sql = format!("SELECT CAST(z AS TEXT), z IN (0, 7), 1 / z, z IS NULL FROM (SELECT {zero} AS z FROM {t})");
        assert_eq!(row(&sql).await, ["0.0", "true", "inf", "false"], "{zero}");
    }
    for nan in [
        "0.0 / n",
        "-(0.0 / n)",
        "ln(n - 1)",
        "CAST(i AS DOUBLE) - CAST(i AS DOUBLE)",
        "CAST('-nan' AS DOUBLE)",
        "CAST(i AS DOUBLE) * n",
        "1.0 % n",
        "(SELECT avg(x) FROM (VALUES (CAST('inf' AS DOUBLE)), (CAST('-inf' AS DOUBLE))) AS u(x))",
        "sum(0.0 / n) OVER ()",
        "stddev(CAST(i AS DOUBLE)) OVER ()",
        "acos(n + 2.0)",
    ] {
        let sql =
            format!("SELECT x = 'nan'::double, x > 'inf'::double, x IN ('nan') FROM (SELECT {nan} AS x FROM {t})");
        assert_eq!(row(&sql).await, ["true"; 3], "{nan}");
    }
}

#[tokio::test]
async fn columns_keep_their_names_and_are_found_by_them() {
    let t = "(VALUES (0), (1)) AS t(n)";
    for (sql, right) in [
        (format!("SELECT n * -1.0 FROM {t} GROUP BY n * -1.0 ORDER BY n * -1.0 DESC"), "0.0"),
        (format!("SELECT \"t.n * Float64(-1)\" FROM (SELECT n * -1.0 FROM {t}) ORDER BY 1"), "-1.0"),
        (format!("SELECT count(*) FROM (SELECT n * -1.0 FROM {t} GROUP BY ROLLUP (n * -1.0))"), "3"),
        (format!("SELECT max(n * -1.0) FROM {t} HAVING max(n * -1.0) = 0"), "0.0"),
        (format!("SELECT \"max(t.n * Float64(1))\" FROM (SELECT max(n * 1.0) FROM {t})"), "1.0"),
        (format!("SELECT avg(DISTINCT n * 1.0) FILTER (WHERE n > 0) FROM {t}"), "1.0"),
        (format!("SELECT n FROM {t} QUALIFY max(n * -1.0) OVER (ORDER BY n) = n * 1.0"), "0"),
        (
            format!("SELECT (SELECT min(m * -1.0) FROM (VALUES (0), (3)) AS u(m) WHERE m = n) FROM {t} WHERE n = 0"),
            "0.0",
        ),
        (format!("SELECT -0.0 AS x FROM {t} INTERSECT SELECT 0.0"), "0.0"),
    ] {
        assert_eq!(row(&sql).await, [right], "{sql}");
    }
}

/// The engine's own began with the largest number that is finite.
#[tokio::test]
async fn the_least_and_greatest_may_have_no_end() {
    let t = "(VALUES (1, 0.0 / 0), (1, 1.0), (2, -1.0 / 0), (3, 1.0 / 0)) AS t(g, x)";
    for (group, least, most) in [(1, "1.0", "NaN"), (2, "-inf", "-inf"), (3, "inf", "inf")] {
        for kind in ["DOUBLE", "REAL"] {
            let x = format!("CAST(x AS {kind})");
            let sql = format!("SELECT min({x}), max({x}) FROM {t} GROUP BY g HAVING g = {group}");
            assert_eq!(row(&sql).await, [least, most], "{kind}");
        }
    }
}

#[tokio::test]
async fn what_has_no_floats_is_left_alone() {
    let context = asked();
    for sql in [
        "SELECT n + 1, avg(n), max(n) FROM (VALUES (1), (2)) AS t(n) WHERE n * 2 > 1 GROUP BY n",
        "SELECT row_number() OVER (ORDER BY n), percent_rank() OVER (ORDER BY n) FROM (VALUES (1), (2)) AS t(n)",
        "SELECT 1.5, extract(epoch FROM to_timestamp(n)) FROM (VALUES (1), (2)) AS t(n) WHERE CAST(n AS DOUBLE) > 1.5",
    ] {
        let plan = context.sql(sql).await.unwrap().into_optimized_plan().unwrap().display_indent().to_string();
        assert!(!plan.contains("plain_float") && !plan.contains("float_order"), "{plan}");
    }
    let long = vec!["n * 1.0"; 30].join(" + ");
    let plan = context.sql(&format!("SELECT {long} FROM (VALUES (1), (2)) AS t(n)")).await.unwrap();
    let plan = plan.into_optimized_plan().unwrap().display_indent().to_string();
    assert_eq!(plan.matches("plain_float").count(), 1, "once around a long sum: {plan}");
}
