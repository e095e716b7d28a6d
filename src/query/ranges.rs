//! `RANGE` frames of days and months over instants, refused where clocks change, and of hours over dates.
//!
//! The engine (DataFusion 55) asks for the bound `start_time - interval '1 day'` with an addition of its own. Where the
//! clocks skip the time that comes out, or show it twice, it finds none and takes the frame to have no bound there: the
//! rows behind inherited it, and moving sums over a day were six times too large. Hours have no such gap. Of a date it
//! takes the days of an interval alone: `interval '1 hour' preceding` was the date itself.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable, WindowFrameBound, WindowFrameUnits};
use datafusion::scalar::ScalarValue;

use crate::functions::times::changes;

/// Refuses such frames.
#[derive(Debug)]
pub(super) struct FixedRanges;

impl FunctionRewrite for FixedRanges {
    fn name(&self) -> &str {
        "fixed_ranges"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        if let Expr::WindowFunction(window) = &expr
            && has_days(window)
            && let Some(by) = window.params.order_by.first()
            && let Ok(DataType::Timestamp(_, Some(zone))) = by.expr.get_type(schema)
            && changes(&zone.parse()?)
        {
            return plan_err!(
                "RANGE of days or months is not supported over times of {zone}, whose clocks change: write hours, such \
                 as interval '24 hours', or ORDER BY CAST({} AS TIMESTAMP)",
                by.expr.schema_name()
            );
        }
        if let Expr::WindowFunction(window) = &expr
            && has_hours(window)
            && let Some(by) = window.params.order_by.first()
            && matches!(by.expr.get_type(schema), Ok(DataType::Date32))
        {
            return plan_err!(
                "RANGE of hours is not supported over dates, which have none: write whole days, or ORDER BY CAST({} AS \
                 TIMESTAMP)",
                by.expr.schema_name()
            );
        }
        Ok(Transformed::no(expr))
    }
}

/// Whether a bound is not a number of whole days or months away.
fn has_hours(window: &WindowFunction) -> bool {
    has_bound(window, |by| match by {
        ScalarValue::IntervalMonthDayNano(Some(by)) => by.nanoseconds != 0,
        ScalarValue::IntervalDayTime(Some(by)) => by.milliseconds != 0,
        _ => false,
    })
}

/// Whether a bound is so many days or months away.
fn has_days(window: &WindowFunction) -> bool {
    has_bound(window, |by| match by {
        ScalarValue::IntervalMonthDayNano(Some(by)) => (by.months, by.days) != (0, 0),
        ScalarValue::IntervalDayTime(Some(by)) => by.days != 0,
        ScalarValue::IntervalYearMonth(Some(months)) => *months != 0,
        _ => false,
    })
}

fn has_bound(window: &WindowFunction, is_such: impl Fn(&ScalarValue) -> bool) -> bool {
    let frame = &window.params.window_frame;
    let is_of_range = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::Preceding(by) | WindowFrameBound::Following(by) => is_such(by),
        WindowFrameBound::CurrentRow => false,
    };
    frame.units == WindowFrameUnits::Range && (is_of_range(&frame.start_bound) || is_of_range(&frame.end_bound))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use super::super::{Options, context};

    /// What PostgreSQL answers.
    #[tokio::test]
    async fn a_frame_of_days_has_its_bounds_or_is_refused() {
        let times = "(VALUES (timestamptz '2023-10-01 12:00:00Z'), (timestamptz '2023-10-28 00:30:00Z'), \
                     (timestamptz '2023-10-29 00:30:00Z'), (timestamptz '2023-12-01 12:00:00Z')) AS v(t)";
        for (zone, by, frame, right) in [
            ("Europe/London", "t", "CURRENT ROW AND interval '1 day' FOLLOWING", None),
            ("Europe/London", "t", "interval '1 month' PRECEDING AND CURRENT ROW", None),
            ("Europe/London", "t DESC", "interval '1 day 1 hour' PRECEDING AND CURRENT ROW", None),
            ("Europe/London", "t", "CURRENT ROW AND interval '24 hours' FOLLOWING", Some("5")),
            ("Europe/London", "t", "CURRENT ROW AND interval '23 hours' FOLLOWING", Some("4")),
            ("Europe/London", "t::timestamp", "CURRENT ROW AND interval '1 day' FOLLOWING", Some("5")),
            ("Europe/London", "t::date", "CURRENT ROW AND interval '1 day' FOLLOWING", Some("5")),
            ("UTC", "t::date", "interval '1 day' PRECEDING AND interval '1 hour' PRECEDING", None),
            ("UTC", "t::date", "CURRENT ROW AND interval '36 hours' FOLLOWING", None),
            ("Europe/London", "t", "UNBOUNDED PRECEDING AND CURRENT ROW", Some("10")),
            ("UTC", "t", "CURRENT ROW AND interval '1 day' FOLLOWING", Some("5")),
            ("+02:00", "t", "CURRENT ROW AND interval '1 month' FOLLOWING", Some("7")),
        ] {
            let options = Options { time_zone: zone.parse().expect("a zone"), ..Options::default() };
            let context = context(&options).expect("a context");
            let sql = format!(
                "SELECT sum(n) FROM (SELECT count(*) OVER (ORDER BY {by} RANGE BETWEEN {frame}) n FROM {times})"
            );
            let batches = async { context.sql(&sql).await?.collect().await }.await;
            let found = batches.map(|batches| array_value_to_string(batches[0].column(0), 0).expect("a value"));
            match right {
                Some(right) => {
                    assert_eq!(found.map_err(|error| error.to_string()).as_deref(), Ok(right), "{zone}: {sql}")
                }
                None => {
                    let said = found.expect_err(&sql).to_string();
                    let remedy = if by.ends_with("date") { "whole days" } else { "interval '24 hours'" };
                    assert!(said.contains(remedy), "{sql}: {said}");
                }
            }
        }
    }
}
