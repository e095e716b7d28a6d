//! Intervals: compared by their length, added to a date only if they are whole days, widths only if they are positive.
//!
//! The engine (DataFusion 55) compares months first, then days, then nanoseconds: a time of 47 hours, which has no
//! days, was less than `interval '1 day'`. Once all types are in the plan, both sides become their length in
//! nanoseconds, with months of 30 days and days of 24 hours, as in PostgreSQL. A date plus 36 hours was the next day,
//! without a word of the other twelve hours: that is an error. So is a width of `date_bin` that is negative, which the
//! engine took for a positive one. A text that is cast to an interval may be a clock: `'01:30'`; a number alone is of
//! seconds, not of months.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::Transformed;
use datafusion::common::utils::take_function_args;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Between, Case, InList, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, binary_expr};
use datafusion::scalar::ScalarValue;

use crate::functions::times::{OfInterval, positive};

/// Puts the lengths in the place of intervals that are compared.
#[derive(Debug)]
pub(super) struct ComparedIntervals;

impl FunctionRewrite for ComparedIntervals {
    fn name(&self) -> &str {
        "compared_intervals"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        let is_interval = |expr: &Expr| expr.get_type(schema).is_ok_and(|kind| matches!(kind, DataType::Interval(_)));
        let is_date = |expr: &Expr| expr.get_type(schema).is_ok_and(|kind| kind == DataType::Date32);
        let is_text = |expr: &Expr| expr.get_type(schema).is_ok_and(|kind| kind.is_string());
        // A plan may be analyzed twice.
        let is_bare = |width: &Expr| !OfInterval::Width.is_of(width);
        Ok(match expr {
            Expr::ScalarFunction(of) if of.name() == "date_bin" && of.args.first().is_some_and(is_bare) => {
                Transformed::yes(with_checked_width(of)?)
            }
            Expr::Cast(mut cast) if is_interval_type(cast.field.data_type()) && is_text(&cast.expr) => {
                cast.expr = Box::new(OfInterval::Words.of(*cast.expr));
                Transformed::yes(Expr::Cast(cast))
            }
            Expr::TryCast(mut cast) if is_interval_type(cast.field.data_type()) && is_text(&cast.expr) => {
                cast.expr = Box::new(OfInterval::Words.of(*cast.expr));
                Transformed::yes(Expr::TryCast(cast))
            }
            Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::Plus | Operator::Minus), right })
                if is_date(&left) && is_interval(&right) =>
            {
                Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(
                    left,
                    op,
                    Box::new(OfInterval::WholeDays.of(*right)),
                )))
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Plus, right })
                if is_interval(&left) && is_date(&right) =>
            {
                Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(
                    Box::new(OfInterval::WholeDays.of(*left)),
                    Operator::Plus,
                    right,
                )))
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right })
                if op.supports_propagation() && is_interval(&left) && is_interval(&right) =>
            {
                Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(length(*left), op, length(*right))))
            }
            Expr::Between(Between { expr, negated, low, high }) if is_interval(&expr) => {
                Transformed::yes(Expr::Between(Between::new(length(*expr), negated, length(*low), length(*high))))
            }
            Expr::InList(InList { expr, list, negated }) if is_interval(&expr) => {
                let list = list.into_iter().map(|value| *length(value)).collect();
                Transformed::yes(Expr::InList(InList::new(length(*expr), list, negated)))
            }
            Expr::Case(Case { expr: Some(of), when_then_expr, else_expr }) if is_interval(&of) => {
                let whens = when_then_expr.into_iter().map(|(when, then)| (length(*when), then)).collect();
                Transformed::yes(Expr::Case(Case::new(Some(length(*of)), whens, else_expr)))
            }
            Expr::ScalarFunction(call) if call.name() == "nullif" && call.args.iter().all(is_interval) => {
                let [of, other] = take_function_args("nullif", call.args)?;
                let null = Expr::Literal(ScalarValue::try_new_null(&of.get_type(schema)?)?, None);
                let equal = binary_expr(*length(of.clone()), Operator::Eq, *length(other));
                Transformed::yes(Expr::Case(Case::new(
                    None,
                    vec![(Box::new(equal), Box::new(null))],
                    Some(Box::new(of)),
                )))
            }
            other => Transformed::no(other),
        })
    }
}

/// `date_bin` with a width that is held to be positive.
fn with_checked_width(mut of: ScalarFunction) -> Result<Expr> {
    let width = of.args.swap_remove(0);
    if let Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(written)), _) = &width {
        positive(*written)?;
    }
    of.args.push(OfInterval::Width.of(width));
    let last = of.args.len() - 1;
    of.args.swap(0, last);
    Ok(Expr::ScalarFunction(of))
}

fn is_interval_type(kind: &DataType) -> bool {
    matches!(kind, DataType::Interval(_))
}

fn length(interval: Expr) -> Box<Expr> {
    Box::new(OfInterval::Length.of(interval))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::util::display::array_value_to_string;
    use datafusion::optimizer::analyzer::function_rewrite::ApplyFunctionRewrites;
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn one(sql: &str) -> Result<String> {
        let context = SessionContext::new();
        context.add_analyzer_rule(Arc::new(ApplyFunctionRewrites::new(vec![Arc::new(ComparedIntervals)])));
        let batches = context.sql(sql).await?.collect().await?;
        Ok(array_value_to_string(batches[0].column(0), 0)?)
    }

    #[tokio::test]
    async fn intervals_compare_by_their_length() {
        let times = "(VALUES (timestamp '2023-09-16 01:00:00', timestamp '2023-09-14 00:00:00')) AS t(b, a)";
        for (sql, right) in [
            ("SELECT interval '1 day' < interval '25 hours'", "true"),
            ("SELECT interval '24 hours' = interval '1 day'", "true"),
            ("SELECT interval '24 hours' IS DISTINCT FROM interval '1 day'", "false"),
            ("SELECT interval '1 month' > interval '29 days'", "true"),
            ("SELECT interval '-1 day' < interval '-23 hours'", "true"),
            ("SELECT interval '36 hours' BETWEEN interval '1 day' AND interval '2 days'", "true"),
            ("SELECT interval '36 hours' NOT IN (interval '1 day', interval '1 day 12 hours')", "false"),
            (&format!("SELECT b - a > interval '2 days' FROM {times}"), "true"),
            (&format!("SELECT b - a >= interval '2 days 2 hours' FROM {times}"), "false"),
            (&format!("SELECT interval '49 hours' = b - a FROM {times}"), "true"),
            (
                &format!("SELECT count(*) FROM {times} WHERE b - a BETWEEN interval '48 hours' AND interval '1 month'"),
                "1",
            ),
            // PostgreSQL's simple CASE and nullif are defined by `=`, to which a day has 24 hours.
            ("SELECT CASE interval '24 hours' WHEN interval '2 days' THEN 2 WHEN interval '1 day' THEN 1 END", "1"),
            (&format!("SELECT CASE b - a WHEN interval '2 days 1 hour' THEN 'yes' ELSE 'no' END FROM {times}"), "yes"),
            (&format!("SELECT CASE b - a WHEN interval '49 days' THEN 'yes' ELSE 'no' END FROM {times}"), "no"),
            ("SELECT nullif(interval '24 hours', interval '1 day') IS NULL", "true"),
            ("SELECT nullif(interval '25 hours', interval '1 day') = interval '25 hours'", "true"),
            ("SELECT nullif(interval '25 hours', CAST(NULL AS INTERVAL)) = interval '25 hours'", "true"),
            (&format!("SELECT nullif(b - a, interval '49 hours') IS NULL FROM {times}"), "true"),
            ("SELECT date '2023-01-31' + interval '1 month' = date '2023-02-28'", "true"),
            ("SELECT date '2023-09-14' - interval '48 hours' = date '2023-09-12'", "true"),
            ("SELECT interval '1 day' + date '2023-09-14' = date '2023-09-15'", "true"),
        ] {
            assert_eq!(one(sql).await.map_err(|error| error.to_string()).as_deref(), Ok(right), "{sql}");
        }
        for sql in [
            "SELECT date '2023-09-14' + interval '36 hours'",
            "SELECT date '2023-09-14' - interval '1 hour'",
            "SELECT interval '1 day 1 second' + x FROM (VALUES (date '2023-09-14')) AS t(x)",
        ] {
            let said = one(sql).await.expect_err(sql).to_string();
            assert!(said.contains("a date has no hours"), "{sql}: {said}");
        }
    }

    #[tokio::test]
    async fn a_text_is_an_interval_and_a_width_is_positive() {
        let at = "timestamp '2023-09-14 05:20:00'";
        for (sql, right) in [
            ("SELECT CAST('01:30' AS INTERVAL) = interval '90 minutes'".to_owned(), "true"),
            ("SELECT '1 day -00:30'::interval = interval '1410 minutes'".to_owned(), "true"),
            ("SELECT max(TRY_CAST(x AS INTERVAL)) FROM (VALUES ('01:30')) AS t(x)".to_owned(), "1 hours 30 mins"),
            ("SELECT TRY_CAST(x AS INTERVAL) IS NULL FROM (VALUES ('soon')) AS t(x)".to_owned(), "true"),
            ("SELECT '30'::interval = interval '30 seconds'".to_owned(), "true"),
            ("SELECT CAST('1 day 1.5' AS INTERVAL) = interval '1 day 1.5 seconds'".to_owned(), "true"),
            (format!("SELECT date_bin('00:15', {at})"), "2023-09-14T05:15:00"),
            (format!("SELECT date_bin(interval '1 day' - interval '23 hours', {at})"), "2023-09-14T05:00:00"),
        ] {
            assert_eq!(one(&sql).await.map_err(|error| error.to_string()).as_deref(), Ok(right), "{sql}");
        }
        for width in [
            "interval '-15 minutes'",
            "interval '0 days'",
            "interval '1 day' - interval '25 hours'",
            "'-00:15'::interval",
        ] {
            let said = one(&format!("SELECT date_bin({width}, {at})")).await.expect_err(width).to_string();
            assert!(said.contains("no negative width"), "{width}: {said}");
        }
    }
}
