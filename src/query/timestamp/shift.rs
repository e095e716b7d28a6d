//! An instant plus or minus an interval: months and days on the clocks of its zone, the rest in time that passes.
//!
//! The engine (DataFusion 55) fails where the clocks skip the time that comes out, or show it twice; here it is read as
//! every time without an offset is.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
};
use datafusion::common::{exec_datafusion_err, exec_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use super::super::zone::{Tz, shifted};
use super::conversion::{ns_per_tick, zone_of};

/// `instant + interval`, or `instant - interval`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Shift {
    pub is_back: bool,
    signature: Signature,
}

impl Shift {
    pub fn new(is_back: bool) -> Shift {
        Shift { is_back, signature: Signature::any(2, Volatility::Immutable) }
    }

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

impl ScalarUDFImpl for Shift {
    fn name(&self) -> &str {
        if self.is_back { "instant_before" } else { "instant_after" }
    }

    /// As the operator names its column, so that whoever looks the column up finds it.
    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        let sign = if self.is_back { '-' } else { '+' };
        Ok(format!("{} {sign} {}", arguments[0].schema_name(), arguments[1].schema_name()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments[0].clone())
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        let nullable = arguments.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Field::new(self.name(), arguments.arg_fields[0].data_type().clone(), nullable).into())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = arguments.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if is_scalar { 1 } else { arguments.number_rows };
        let (instants, intervals) = (arguments.args[0].to_array(rows)?, arguments.args[1].to_array(rows)?);
        let moved = self.apply(&instants, &intervals)?;
        match is_scalar {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&moved, 0)?)),
            false => Ok(ColumnarValue::Array(moved)),
        }
    }
}
