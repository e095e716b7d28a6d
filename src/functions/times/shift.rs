//! An instant plus or minus an interval: months and days on the clocks of its zone, the rest in time that passes.
//!
//! The engine (DataFusion 55) fails where the clocks skip the time that comes out, or show it twice; here it is read as
//! every time without an offset is.

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit};
use datafusion_common::{Result, exec_datafusion_err, exec_err};
use datafusion_expr::{ColumnarValue, Expr, ScalarFunctionArgs};

use super::super::call::{Own, call, of_all};
use super::conversion::{ns_per_tick, zone_of};
use super::zone::{Tz, shifted};

/// An instant, and an interval that is added to it or taken away.
pub fn shift(instant: Expr, interval: Expr, is_back: bool) -> Expr {
    call(Shift { is_back }, vec![instant, interval])
}

/// `instant + interval`, or `instant - interval`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Shift {
    is_back: bool,
}

impl Shift {
    fn one(&self, zone: &Tz, tick: i64, interval: IntervalMonthDayNano, ns_per_tick: i128) -> Result<i64> {
        let sign = if self.is_back { -1 } else { 1 };
        let far = || exec_datafusion_err!("a time is out of range: a timestamp lies between 1677 and 2262");
        let (months, days) = (i64::from(interval.months) * sign, i64::from(interval.days) * sign);
        let nanoseconds = i128::from(interval.nanoseconds) * i128::from(sign);
        if nanoseconds % ns_per_tick != 0 {
            return exec_err!(
                "the interval is finer than the timestamp: cast it with CAST(… AS TIMESTAMP WITH TIME ZONE)"
            );
        }
        let instant = shifted(zone, i128::from(tick) * ns_per_tick, months, days).ok_or_else(far)? + nanoseconds;
        i64::try_from(instant.div_euclid(ns_per_tick)).map_err(|_| far())
    }

    fn apply(&self, instants: &ArrayRef, intervals: &ArrayRef) -> Result<ArrayRef> {
        let kind = instants.data_type();
        let (Some(ns_per_tick), Some(zone)) = (ns_per_tick(kind), zone_of(kind)?) else {
            return exec_err!("{kind} is no instant");
        };
        let ticks = cast(instants, &DataType::Int64)?;
        let intervals = cast(intervals, &DataType::Interval(IntervalUnit::MonthDayNano))?;
        let rows = ticks.as_primitive::<Int64Type>().iter().zip(intervals.as_primitive::<IntervalMonthDayNanoType>());
        let moved = rows.map(|(tick, interval)| match (tick, interval) {
            (Some(tick), Some(interval)) => self.one(&zone, tick, interval, ns_per_tick).map(Some),
            _ => Ok(None),
        });
        Ok(cast(&moved.collect::<Result<Int64Array>>()?, kind)?)
    }
}

impl Own for Shift {
    fn name(&self) -> &str {
        if self.is_back { "instant_before" } else { "instant_after" }
    }

    fn returns(&self, given: &[DataType]) -> Result<DataType> {
        Ok(given[0].clone())
    }

    fn make(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        of_all(arguments, |columns| self.apply(&columns[0], &columns[1]))
    }

    /// As the operator names its column.
    fn heading(&self, arguments: &[Expr]) -> String {
        let sign = if self.is_back { '-' } else { '+' };
        format!("{} {sign} {}", arguments[0].schema_name(), arguments[1].schema_name())
    }
}
