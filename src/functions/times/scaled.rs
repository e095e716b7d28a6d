//! Products and quotients of an interval and a number. As in PostgreSQL, a part of a month is days of which it has 30,
//! and a part of a day hours.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Float64Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
};
use datafusion_common::{Result, exec_datafusion_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{ColumnarValue, Expr, ScalarFunctionArgs};

use super::super::call::{Own, call, of_all, own_of};

const DAYS_PER_MONTH: f64 = 30.0;
const NS_PER_DAY: f64 = 86_400e9;

/// An interval times a number, or divided by it.
pub fn scaled(interval: Expr, by: Expr, is_quotient: bool) -> Expr {
    call(Scaled { is_quotient }, vec![interval, by])
}

/// Whether an expression is such a product or quotient.
pub fn is_scaled(call: &ScalarFunction) -> bool {
    own_of::<Scaled>(call).is_some()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Scaled {
    is_quotient: bool,
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

impl Own for Scaled {
    fn name(&self) -> &str {
        if self.is_quotient { "part_of_interval" } else { "times_interval" }
    }

    fn returns(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Interval(IntervalUnit::MonthDayNano))
    }

    fn make(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        of_all(arguments, |columns| self.apply(&columns[0], &columns[1]))
    }

    /// As it is written.
    fn heading(&self, arguments: &[Expr]) -> String {
        let sign = if self.is_quotient { "/" } else { "*" };
        format!("{} {sign} {}", arguments[0].schema_name(), arguments[1].schema_name())
    }
}
