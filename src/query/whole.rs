//! Expressions that no rule of the engine may take apart.
//!
//! The engine (DataFusion 55) asks `TRY_CAST(bytes AS SMALLINT) <> 5` of `bytes` itself, and finds the rows whose
//! cast has failed and is null; of `CAST(price AS INT) = 5` it makes `price = 5.00`, though 5.54 is cast to 5 too. It
//! turns `CASE WHEN packets > 0 THEN bytes / packets > 5 END` into AND and OR, whose sides are all reckoned out, so
//! that the division fails which the CASE guards. Both become functions, which nothing looks into.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Case, Cast, TryCast};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};

use crate::functions::numbers::whole_cast;
use crate::functions::truths::whole_choice;

/// Puts the functions in the place of what must stay whole.
#[derive(Debug)]
pub(super) struct Whole;

impl FunctionRewrite for Whole {
    fn name(&self) -> &str {
        "whole"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        match expr {
            Expr::TryCast(TryCast { expr, field }) if varies(&expr) => {
                Ok(Transformed::yes(whole_cast(*expr, field.data_type().clone(), true)))
            }
            Expr::Cast(Cast { expr, field })
                if varies(&expr) && expr.get_type(schema).is_ok_and(|from| is_narrower(&from, field.data_type())) =>
            {
                Ok(Transformed::yes(whole_cast(*expr, field.data_type().clone(), false)))
            }
            Expr::Case(case) if can_fail(&case) && is_truth(&case, schema) => Ok(Transformed::yes(whole_choice(case))),
            other => Ok(Transformed::no(other)),
        }
    }
}

/// Whether it is not the same for all rows. What is, is reckoned out beforehand.
fn varies(expr: &Expr) -> bool {
    expr.any_column_refs() || expr.contains_outer() || expr.contains_scalar_subquery()
}

/// Whether two numbers may be cast to one, or one to none.
fn is_narrower(from: &DataType, to: &DataType) -> bool {
    let digits = |kind: &DataType| match kind {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => Some((i16::from(*precision) - i16::from(*scale), *scale)),
        _ => None,
    };
    match (digits(from), digits(to)) {
        (Some((whole, fraction)), Some((whole_to, fraction_to))) => whole_to < whole || fraction_to < fraction,
        (Some(_), None) => to.is_integer(),
        (None, Some((whole_to, _))) => from.is_integer() && whole_to < digits_of(from),
        _ => from.is_integer() && to.is_integer() && !holds(to, from),
    }
}

/// Digits of the longest integer of a type.
fn digits_of(integer: &DataType) -> i16 {
    match integer {
        DataType::Int8 | DataType::UInt8 => 3,
        DataType::Int16 | DataType::UInt16 => 5,
        DataType::Int32 | DataType::UInt32 => 10,
        DataType::Int64 => 19,
        _ => 20,
    }
}

/// Whether a type of integers holds all of another one.
fn holds(wide: &DataType, narrow: &DataType) -> bool {
    let bits = |kind: &DataType| kind.primitive_width().unwrap_or(0);
    match (wide.is_signed_integer(), narrow.is_signed_integer()) {
        (true, false) => bits(wide) > bits(narrow),
        (false, true) => false,
        _ => bits(wide) >= bits(narrow),
    }
}

fn is_truth(case: &Case, schema: &DFSchema) -> bool {
    Expr::Case(case.clone()).get_type(schema).is_ok_and(|kind| kind == DataType::Boolean)
}

/// Whether a branch does more than look at columns: a division, a cast, a function.
fn can_fail(case: &Case) -> bool {
    let parts = case.expr.iter().chain(&case.else_expr).map(|part| &**part);
    let branches = case.when_then_expr.iter().flat_map(|(when, then)| [&**when, &**then]);
    let fails = |part: &Expr| {
        let looks = |inner: &Expr| match inner {
            Expr::BinaryExpr(BinaryExpr { op, .. }) => matches!(
                op,
                Operator::Eq
                    | Operator::NotEq
                    | Operator::Lt
                    | Operator::LtEq
                    | Operator::Gt
                    | Operator::GtEq
                    | Operator::IsDistinctFrom
                    | Operator::IsNotDistinctFrom
                    | Operator::And
                    | Operator::Or
            ),
            Expr::Column(_)
            | Expr::OuterReferenceColumn(..)
            | Expr::Literal(..)
            | Expr::Not(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNotFalse(_)
            | Expr::IsNotUnknown(_)
            | Expr::InList(_)
            | Expr::Between(_)
            | Expr::Like(_)
            | Expr::Case(_)
            | Expr::Alias(_) => true,
            _ => false,
        };
        part.exists(|inner| Ok(!looks(inner))).unwrap_or(true)
    };
    parts.chain(branches).any(fails)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use super::super::{Options, context};
    use super::*;

    async fn one(sql: &str) -> Result<String> {
        let batches = context(&Options::default()).unwrap().sql(sql).await?.collect().await?;
        let batch = batches.iter().find(|batch| batch.num_rows() > 0).expect("a row");
        Ok(array_value_to_string(batch.column(0), 0)?)
    }

    #[tokio::test]
    async fn a_failed_cast_is_null_in_comparisons() {
        let t = "(VALUES (5), (6), (70000), (NULL)) AS t(n)";
        for (filter, rows) in [
            ("TRY_CAST(n AS SMALLINT) <> 5", "1"),
            ("TRY_CAST(n AS SMALLINT) >= 5", "2"),
            ("TRY_CAST(n AS SMALLINT) NOT IN (5)", "1"),
            ("TRY_CAST(n AS SMALLINT) NOT BETWEEN 6 AND 9", "1"),
            ("TRY_CAST(n AS SMALLINT) IS NULL", "2"),
            ("TRY_CAST(n AS DECIMAL(5, 2)) > 5", "1"),
            ("TRY_CAST(n AS SMALLINT UNSIGNED) < 9", "2"),
            ("n = TRY_CAST('x' AS INT)", "0"),
        ] {
            assert_eq!(one(&format!("SELECT count(*) FROM {t} WHERE {filter}")).await.unwrap(), rows, "{filter}");
        }
        let grouped = format!("SELECT count(*) FROM (SELECT 1 FROM {t} GROUP BY TRY_CAST(n AS SMALLINT))");
        assert_eq!(one(&grouped).await.unwrap(), "3");
    }

    #[tokio::test]
    async fn a_cast_that_rounds_is_not_moved_to_the_other_side() {
        let t = "(VALUES (CAST(5.54 AS DECIMAL(10, 2))), (CAST(6 AS DECIMAL(10, 2)))) AS t(d)";
        for (filter, rows) in [
            ("CAST(d AS INT) = 5", "1"),
            ("CAST(d AS INT) <> 5", "1"),
            ("CAST(d AS DECIMAL(10, 1)) = 5.5", "1"),
            ("CAST(d AS DECIMAL(12, 4)) = 5.54", "1"),
            ("CAST(d AS INT) IN (5, 7)", "1"),
        ] {
            assert_eq!(one(&format!("SELECT count(*) FROM {t} WHERE {filter}")).await.unwrap(), rows, "{filter}");
        }
        let large = "SELECT count(*) FROM (VALUES (5), (70000)) AS t(n) WHERE CAST(n AS SMALLINT) = 5";
        assert!(one(large).await.is_err(), "70000 is no SMALLINT");
        let n = "(VALUES (CAST(5 AS BIGINT)), (40)) AS t(n)";
        for (filter, rows) in [
            ("CAST(n AS DECIMAL(3, 2)) > 1", None),
            ("1 < CAST(n AS DECIMAL(3, 2))", None),
            ("CAST(n AS DECIMAL(3, 2)) IN (5, 7)", None),
            ("CAST(n AS DECIMAL(4, 2)) > 5.5", Some("1")),
            ("n > 5.5", Some("1")),
            ("n = CAST(40 AS DECIMAL(3, 1))", Some("1")),
        ] {
            let counted = one(&format!("SELECT count(*) FROM {n} WHERE {filter}")).await.ok();
            assert_eq!(counted.as_deref(), rows, "{filter}");
        }
    }

    #[tokio::test]
    async fn a_choice_guards_its_branches() {
        let t = "(VALUES (0, 9), (2, 9), (NULL, 9), (3, 40)) AS t(n, b)";
        for (filter, rows) in [
            ("CASE WHEN n > 0 THEN b / n > 5 END", "1"),
            ("CASE WHEN n = 0 THEN false WHEN b / n > 5 THEN true ELSE b > 8 END", "3"),
            ("NOT CASE WHEN n > 0 THEN b / n > 5 END", "1"),
            ("CASE WHEN n > 0 THEN b / n > 5 END IS NULL", "2"),
            ("CASE n WHEN 0 THEN true ELSE b / n > 5 END", "2"),
            ("CASE WHEN n < 3 THEN b = 9 ELSE false END", "2"),
        ] {
            let sql = format!("SELECT count(*) FROM {t} WHERE {filter}");
            assert_eq!(one(&sql).await.map_err(|error| error.to_string()).as_deref(), Ok(rows), "{filter}");
        }
        let grouped = format!("SELECT count(*) FROM (SELECT 1 FROM {t} GROUP BY CASE WHEN n > 0 THEN b / n > 5 END)");
        assert_eq!(one(&grouped).await.unwrap(), "3");
    }
}
