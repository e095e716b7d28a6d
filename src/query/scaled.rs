//! An interval times a number: `interval '1 day' * 2`, `$1 * interval '1 hour'`, `(end_time - start_time) / 2`.
//!
//! The engine (DataFusion 55) has none.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, cast as cast_to};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use crate::functions::times::scaled;

/// Plans products and quotients of intervals.
#[derive(Debug)]
pub(super) struct ScaledIntervals;

impl ExprPlanner for ScaledIntervals {
    fn plan_binary_op(&self, raw: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let is_interval =
            |expr: &Expr| matches!(expr.get_type(schema), Ok(DataType::Interval(_) | DataType::Duration(_)));
        let number = |expr: &Expr| match expr {
            // A number of any kind: what the client sends says which.
            Expr::Placeholder(Placeholder { id, field: None }) => {
                let field = Field::new("", DataType::Float64, true);
                Some(Expr::Placeholder(Placeholder::new_with_field(id.clone(), Some(Arc::new(field)))))
            }
            expr => match expr.get_type(schema).ok()? {
                kind if kind.is_integer() => Some(cast_to(expr.clone(), DataType::Int64)),
                kind if kind.is_numeric() => Some(cast_to(expr.clone(), DataType::Float64)),
                _ => None,
            },
        };
        let parts = match raw.op {
            BinaryOperator::Multiply if is_interval(&raw.left) => number(&raw.right).map(|by| (&raw.left, by, false)),
            BinaryOperator::Multiply if is_interval(&raw.right) => number(&raw.left).map(|by| (&raw.right, by, false)),
            BinaryOperator::Divide if is_interval(&raw.left) => number(&raw.right).map(|by| (&raw.left, by, true)),
            _ => None,
        };
        let Some((interval, by, is_quotient)) = parts else { return Ok(PlannerResult::Original(raw)) };
        Ok(PlannerResult::Planned(scaled(interval.clone(), by, is_quotient)))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use super::super::{Options, context};

    /// What PostgreSQL answers.
    #[tokio::test]
    async fn intervals_are_scaled_as_in_postgresql() {
        let context = context(&Options::default()).expect("a context");
        for (expr, right) in [
            ("interval '1 day' * 2 = interval '2 days'", "true"),
            ("2 * interval '1 month 3 days' = interval '2 months 6 days'", "true"),
            ("interval '1 day' * 1.5 = interval '1 day 12 hours'", "true"),
            ("interval '1 month' * 0.1 = interval '3 days'", "true"),
            ("interval '1 hour' / 4 = interval '15 minutes'", "true"),
            ("-1 * interval '90 minutes' = interval '-90 minutes'", "true"),
            ("n * interval '1 hour' = interval '3 hours'", "true"),
            ("timestamp '2023-09-14 00:00:00' + n * interval '1 day' = timestamp '2023-09-17 00:00:00'", "true"),
            ("interval '1 day' * NULL::int IS NULL", "true"),
            ("(b - a) / 2 = interval '45 seconds'", "true"),
            ("1.5 * (b - a) = interval '135 seconds'", "true"),
            ("(b - a) / 2 < b - a", "true"),
        ] {
            let sql = format!(
                "SELECT {expr} FROM (VALUES (3, timestamp '2023-09-14 00:00:00', timestamp '2023-09-14 00:01:30')) \
                 AS t(n, a, b)"
            );
            let batches = async { context.sql(&sql).await?.collect().await }.await;
            let found = batches.map(|batches| array_value_to_string(batches[0].column(0), 0).expect("a value"));
            assert_eq!(found.map_err(|error| error.to_string()).as_deref(), Ok(right), "{expr}");
        }
        for expr in ["interval '1 day' / 0", "interval '1 month' * 4000000000"] {
            let answered = async { context.sql(&format!("SELECT {expr}")).await?.collect().await }.await;
            assert!(answered.is_err_and(|error| error.to_string().contains("out of range")), "{expr}");
        }
    }
}
