//! An interval times a number: `interval '1 day' * 2`, `$1 * interval '1 hour'`, `(end_time - start_time) / 2`.
//!
//! The engine (DataFusion 55) has none. As in PostgreSQL, a part of a month is days of which it has 30, and a part of a
//! day hours.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Field, Float64Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
};
use datafusion::common::{DFSchema, exec_datafusion_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Placeholder, ScalarFunction};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    cast as cast_to,
};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::BinaryOperator;

const DAYS_PER_MONTH: f64 = 30.0;
const NS_PER_DAY: f64 = 86_400e9;

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
        let scaled = match raw.op {
            BinaryOperator::Multiply if is_interval(&raw.left) => number(&raw.right).map(|by| (&raw.left, by, false)),
            BinaryOperator::Multiply if is_interval(&raw.right) => number(&raw.left).map(|by| (&raw.right, by, false)),
            BinaryOperator::Divide if is_interval(&raw.left) => number(&raw.right).map(|by| (&raw.left, by, true)),
            _ => None,
        };
        let Some((interval, by, is_quotient)) = scaled else { return Ok(PlannerResult::Original(raw)) };
        let function = Scaled { is_quotient, signature: Signature::any(2, Volatility::Immutable) };
        let function = Arc::new(ScalarUDF::new_from_impl(function));
        let arguments = vec![interval.clone(), by];
        Ok(PlannerResult::Planned(Expr::ScalarFunction(ScalarFunction::new_udf(function, arguments))))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Scaled {
    is_quotient: bool,
    signature: Signature,
}

impl Scaled {
    fn apply(&self, intervals: &ArrayRef, numbers: &ArrayRef) -> Result<ArrayRef> {
        let intervals = cast(intervals, &DataType::Interval(IntervalUnit::MonthDayNano))?;
        let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>().iter();
        let fail = || exec_datafusion_err!("an interval times or divided by this number is out of range");
        let scaled: Result<IntervalMonthDayNanoArray> = match numbers.data_type() {
            DataType::Int64 if !self.is_quotient => {
                let pairs = intervals.zip(numbers.as_primitive::<Int64Type>());
                let times = |(interval, by)| Some((interval?, by?));
                pairs.map(|pair| times(pair).map(|(of, by)| times_whole(of, by).ok_or_else(fail)).transpose()).collect()
            }
            _ => {
                let numbers = cast(numbers, &DataType::Float64)?;
                let pairs = intervals.zip(numbers.as_primitive::<Float64Type>());
                let times = |(interval, by): (_, Option<f64>)| {
                    Some((interval?, by.map(|by| if self.is_quotient { 1.0 / by } else { by })?))
                };
                pairs.map(|pair| times(pair).map(|(of, by)| times_part(of, by).ok_or_else(fail)).transpose()).collect()
            }
        };
        Ok(Arc::new(scaled?))
    }
}

fn times_whole(of: IntervalMonthDayNano, by: i64) -> Option<IntervalMonthDayNano> {
    let part = |part: i32| i32::try_from(i64::from(part).checked_mul(by)?).ok();
    Some(IntervalMonthDayNano::new(part(of.months)?, part(of.days)?, of.nanoseconds.checked_mul(by)?))
}

fn times_part(of: IntervalMonthDayNano, by: f64) -> Option<IntervalMonthDayNano> {
    // What is a whole number but for the last bits of a float is one.
    let whole = |number: f64| if (number - number.round()).abs() < 1e-9 { number.round() } else { number.trunc() };
    let within = |number: f64, most: f64| (number.abs() <= most).then_some(number);
    let months = f64::from(of.months) * by;
    let days = f64::from(of.days) * by + (months - whole(months)) * DAYS_PER_MONTH;
    let nanoseconds = of.nanoseconds as f64 * by + (days - whole(days)) * NS_PER_DAY;
    Some(IntervalMonthDayNano::new(
        within(whole(months), f64::from(i32::MAX))? as i32,
        within(whole(days), f64::from(i32::MAX))? as i32,
        within(nanoseconds.round(), 9.2e18)? as i64,
    ))
}

impl ScalarUDFImpl for Scaled {
    fn name(&self) -> &str {
        if self.is_quotient { "part_of_interval" } else { "times_interval" }
    }

    /// As it is written.
    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        let sign = if self.is_quotient { "/" } else { "*" };
        Ok(format!("{} {sign} {}", arguments[0].schema_name(), arguments[1].schema_name()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Interval(IntervalUnit::MonthDayNano))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = arguments.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let columns = ColumnarValue::values_to_arrays(&arguments.args)?;
        let scaled = self.apply(&columns[0], &columns[1])?;
        Ok(match is_constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&scaled, 0)?),
            false => ColumnarValue::Array(scaled),
        })
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
