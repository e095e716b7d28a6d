//! `date_trunc` of a time in a zone: days and longer begin where the clocks first show their beginning.
//!
//! Where clocks are set back over midnight, the engine (DataFusion 55) let a day begin twice, once in each offset,
//! and groups by it had the day twice. Hours and shorter are the engine's.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta};
use datafusion_common::{Result, exec_datafusion_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};

use super::super::call::of_one;
use super::super::instead::{Instead, instead};
use super::conversion::{NS_PER_SECOND, ns_per_tick, zone_of};
use super::zone::{Tz, first_instant, wall_clock};

/// In the place of the engine's `date_trunc`.
pub fn truncation(engines: Arc<ScalarUDF>) -> ScalarUDF {
    instead(engines, Truncation)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Truncation;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    fn of(name: &str) -> Option<Unit> {
        match name.to_lowercase().as_str() {
            "day" => Some(Unit::Day),
            "week" => Some(Unit::Week),
            "month" => Some(Unit::Month),
            "quarter" => Some(Unit::Quarter),
            "year" => Some(Unit::Year),
            _ => None,
        }
    }

    fn first_day(self, day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Unit::Day => Some(day),
            Unit::Week => day.checked_sub_signed(TimeDelta::try_days(day.weekday().num_days_from_monday().into())?),
            Unit::Month => day.with_day(1),
            Unit::Quarter => NaiveDate::from_ymd_opt(day.year(), day.month0() / 3 * 3 + 1, 1),
            Unit::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1),
        }
    }

    fn truncate(self, instants: &ArrayRef, zone: &Tz, ns_per_tick: i128) -> Result<ArrayRef> {
        let far = || exec_datafusion_err!("a time is out of range: a timestamp lies between 1677 and 2262");
        let ticks = cast(instants, &DataType::Int64)?;
        // Neighbours are mostly of one day.
        let mut last: Option<(NaiveDate, i64)> = None;
        let mut begin = |tick: i64| -> Option<i64> {
            let wall = wall_clock(zone, i128::from(tick) * ns_per_tick)?;
            let second = i64::try_from(wall.div_euclid(NS_PER_SECOND)).ok()?;
            let day = DateTime::from_timestamp(second, 0)?.date_naive();
            if let Some((of, begun)) = last
                && of == day
            {
                return Some(begun);
            }
            let first = self.first_day(day)?.and_hms_opt(0, 0, 0)?.and_utc().timestamp();
            let instant = first_instant(zone, i128::from(first) * NS_PER_SECOND)?;
            let begun = i64::try_from(instant.div_euclid(ns_per_tick)).ok()?;
            last = Some((day, begun));
            Some(begun)
        };
        let rows = ticks.as_primitive::<Int64Type>().iter();
        let begun = rows.map(|tick| tick.map(|tick| begin(tick).ok_or_else(far)).transpose());
        Ok(cast(&begun.collect::<Result<Int64Array>>()?, instants.data_type())?)
    }
}

impl Instead for Truncation {
    fn make(&self, engines: &ScalarUDF, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let unit = match &arguments.args[0] {
            ColumnarValue::Scalar(name) => name.try_as_str().flatten().and_then(Unit::of),
            ColumnarValue::Array(_) => None,
        };
        let time = &arguments.args[1];
        let kind = time.data_type();
        let (Some(unit), Some(ns_per_tick)) = (unit, ns_per_tick(&kind)) else {
            return engines.invoke_with_args(arguments);
        };
        let Some(zone) = zone_of(&kind)? else { return engines.invoke_with_args(arguments) };
        of_one(time, |instants| unit.truncate(instants, &zone, ns_per_tick))
    }
}
