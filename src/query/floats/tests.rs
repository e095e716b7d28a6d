use datafusion::arrow::array::{Array, ArrayRef, Float16Array, Float32Array, Float64Array, ListArray, StructArray};
use datafusion::arrow::util::display::array_value_to_string;

use datafusion::prelude::SessionContext;

use super::super::{Options, context, functions};
use super::kernel::{decoded, encoded, plain};
use super::*;

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

/// Both zeros, NaNs with and without a sign, and what stands beside them.
const ALL: [f64; 10] = [f64::NEG_INFINITY, f64::MIN, -1.0, -5e-324, -0.0, 0.0, 5e-324, 1.0, f64::MAX, f64::INFINITY];

#[test]
fn a_zero_and_a_nan_have_no_sign() {
    let values: Vec<f64> =
        ALL.into_iter().chain([f64::NAN, -f64::NAN, f64::from_bits(0x7ff0_0000_0000_0001)]).collect();
    let array: ArrayRef = Arc::new(Float64Array::from(values.clone()));
    let made = plain(&array).unwrap();
    let made = made.as_any().downcast_ref::<Float64Array>().unwrap();
    for (before, after) in values.iter().zip(made.values()) {
        let right = if before.is_nan() {
            f64::NAN
        } else if *before == 0.0 {
            0.0
        } else {
            *before
        };
        assert_eq!(after.to_bits(), right.to_bits(), "{before}");
    }
    let narrow: [ArrayRef; 2] = [
        Arc::new(Float32Array::from(vec![Some(-0.0), None, Some(-f32::NAN)])),
        datafusion::arrow::compute::cast(
            &Float32Array::from(vec![Some(-0.0), None, Some(-f32::NAN)]),
            Float16Array::from(Vec::<Option<_>>::new()).data_type(),
        )
        .unwrap(),
    ];
    for array in narrow {
        let made = plain(&array).unwrap();
        let shown: Vec<String> = (0..3).map(|at| array_value_to_string(&made, at).unwrap()).collect();
        assert!(["0", "0.0"].contains(&shown[0].as_str()) && shown[1..] == ["", "NaN"], "{shown:?}");
        assert!(made.is_null(1) && plain(&made).unwrap().to_data() == made.to_data());
    }
}

#[test]
fn what_lies_within_lists_and_structs_is_plain_too() {
    let list = ListArray::from_iter_primitive::<datafusion::arrow::datatypes::Float64Type, _, _>([
        Some(vec![Some(-0.0), None]),
        None,
        Some(vec![Some(1.5)]),
    ]);
    let list: ArrayRef = Arc::new(list);
    let made = plain(&list).unwrap();
    assert_eq!(array_value_to_string(&made, 0).unwrap(), "[0.0, ]");
    assert_eq!((array_value_to_string(&made, 2).unwrap().as_str(), made.null_count()), ("[1.5]", 1));
    let one = StructArray::try_from(vec![("x", list.slice(0, 1))]).unwrap();
    assert_eq!(array_value_to_string(&plain(&(Arc::new(one) as ArrayRef)).unwrap(), 0).unwrap(), "{x: [0.0, ]}");
}

#[test]
fn numbers_stand_in_the_order_of_their_floats() {
    let array: ArrayRef = Arc::new(Float64Array::from_iter_values(ALL.into_iter().chain([f64::NAN])));
    let numbers = encoded(&array).unwrap();
    let integers = numbers.as_any().downcast_ref::<datafusion::arrow::array::Int64Array>().unwrap();
    assert!(integers.values().is_sorted_by(|one, other| one < other), "{integers:?}");
    assert_eq!(decoded(&numbers, array.data_type()).unwrap().to_data(), array.to_data());
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
