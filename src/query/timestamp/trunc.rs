//! `date_trunc` of a time in a zone: days and longer begin where the clocks first show their beginning.
//!
//! Where clocks are set back over midnight, the engine (DataFusion 55) let a day begin twice, once in each offset,
//! and groups by it had the day twice. Hours and shorter are the engine's.

use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;
use datafusion::functions::datetime::date_trunc;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use datafusion::scalar::ScalarValue;

use super::super::zone::{Tz, first_instant, wall_clock};
use super::conversion::{NS_PER_SECOND, ns_per_tick, zone_of};

/// The function, under the engine's names for it.
pub(in crate::query) fn truncation() -> ScalarUDF {
    ScalarUDF::new_from_impl(Truncation { inner: date_trunc() })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Truncation {
    inner: Arc<ScalarUDF>,
}

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

impl ScalarUDFImpl for Truncation {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arguments)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(arguments)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.output_ordering(inputs)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let unit = match &arguments.args[0] {
            ColumnarValue::Scalar(name) => name.try_as_str().flatten().and_then(Unit::of),
            ColumnarValue::Array(_) => None,
        };
        let time = &arguments.args[1];
        let kind = time.data_type();
        let (Some(unit), Some(ns_per_tick)) = (unit, ns_per_tick(&kind)) else {
            return self.inner.invoke_with_args(arguments);
        };
        let Some(zone) = zone_of(&kind)? else { return self.inner.invoke_with_args(arguments) };
        match time {
            ColumnarValue::Array(instants) => Ok(ColumnarValue::Array(unit.truncate(instants, &zone, ns_per_tick)?)),
            ColumnarValue::Scalar(instant) => {
                let begun = unit.truncate(&instant.to_array()?, &zone, ns_per_tick)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&begun, 0)?))
            }
        }
    }
}
