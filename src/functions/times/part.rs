//! `extract(second FROM …)` and its kin with the fraction, and parts of `end_time - start_time` as of an interval.
//!
//! The engine (DataFusion 55) cuts the fraction of a second, and that of intervals for all units; of a difference of
//! two times it gives the whole of it in each unit, 90 seconds where PostgreSQL has 1 minute and 30 seconds, and an
//! epoch without its fraction.

use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, IntervalMonthDayNanoArray};
use arrow::compute::kernels::cast_utils::IntervalUnit as Part;
use arrow::compute::{DatePart, cast, date_part};
use arrow::datatypes::{
    DataType, DurationNanosecondType, Field, FieldRef, Int32Type, Int64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use datafusion_common::Result;
use datafusion_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF};

use super::super::call::of_one;
use super::super::instead::{Instead, instead};

const NS_PER_SECOND: i64 = 1_000_000_000;
const NS_PER_MINUTE: i64 = 60 * NS_PER_SECOND;
const NS_PER_DAY: i64 = 86_400 * NS_PER_SECOND;

/// Those of a year of 365 days and a quarter, as PostgreSQL has it, and of a month of 30 days.
const SECONDS_PER_YEAR: i64 = 31_557_600;
const SECONDS_PER_MONTH: i64 = 30 * 86_400;

/// In the place of the engine's `date_part`.
pub fn parts(engines: Arc<ScalarUDF>) -> ScalarUDF {
    instead(engines, Parts)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Parts;

/// A part of the minute, which has a fraction.
fn part_of(name: &str) -> Option<Part> {
    let part = Part::from_str(name.trim_matches(['\'', '"'])).ok()?;
    matches!(part, Part::Second | Part::Millisecond | Part::Microsecond).then_some(part)
}

fn is_epoch(name: &str) -> bool {
    name.trim_matches(['\'', '"']).eq_ignore_ascii_case("epoch")
}

fn seconds(times: &ArrayRef, part: Part) -> Result<ArrayRef> {
    let nanoseconds = of_minute(times)?;
    let nanoseconds = nanoseconds.as_primitive::<Int64Type>();
    let divided = |by: f64| -> ArrayRef { Arc::new(nanoseconds.unary::<_, _>(|ns| ns as f64 / by) as Float64Array) };
    Ok(match part {
        Part::Second => divided(1e9),
        Part::Millisecond => divided(1e6),
        // Those of a minute are fewer than 32 bits hold.
        _ => Arc::new(nanoseconds.unary::<_, _>(|ns| (ns / 1_000) as i32) as Int32Array),
    })
}

/// Nanoseconds since the minute began.
fn of_minute(times: &ArrayRef) -> Result<ArrayRef> {
    let fraction: Box<dyn Fn(i64) -> i64> = match times.data_type() {
        DataType::Interval(_) => {
            let intervals = cast(times, &DataType::Interval(IntervalUnit::MonthDayNano))?;
            let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
            return Ok(
                Arc::new(intervals.unary::<_, _>(|interval| interval.nanoseconds % NS_PER_MINUTE) as Int64Array),
            );
        }
        DataType::Timestamp(unit, _) | DataType::Time32(unit) | DataType::Time64(unit) => {
            let ns_per_tick = match unit {
                TimeUnit::Second => NS_PER_SECOND,
                TimeUnit::Millisecond => 1_000_000,
                TimeUnit::Microsecond => 1_000,
                TimeUnit::Nanosecond => 1,
            };
            Box::new(move |tick| tick.rem_euclid(NS_PER_SECOND / ns_per_tick) * ns_per_tick)
        }
        _ => Box::new(|_| 0),
    };
    let whole = date_part(times, DatePart::Second)?;
    let whole = whole.as_primitive::<Int32Type>();
    let ticks = match times.data_type() {
        DataType::Time32(_) | DataType::Date32 => cast(&cast(times, &DataType::Int32)?, &DataType::Int64)?,
        _ => cast(times, &DataType::Int64)?,
    };
    let rows = whole.iter().zip(ticks.as_primitive::<Int64Type>());
    let of_minute = rows.map(|(second, tick)| Some(i64::from(second?) * NS_PER_SECOND + fraction(tick?)));
    Ok(Arc::new(of_minute.collect::<Int64Array>()))
}

/// Seconds of an interval: twelve months are a year.
fn epoch(intervals: &ArrayRef) -> Result<ArrayRef> {
    let intervals = cast(intervals, &DataType::Interval(IntervalUnit::MonthDayNano))?;
    let seconds = |interval: IntervalMonthDayNano| {
        let (years, months) = (i64::from(interval.months / 12), i64::from(interval.months % 12));
        let whole = years * SECONDS_PER_YEAR + months * SECONDS_PER_MONTH + i64::from(interval.days) * 86_400;
        whole as f64 + interval.nanoseconds as f64 / 1e9
    };
    let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
    Ok(Arc::new(intervals.unary::<_, _>(seconds) as Float64Array))
}

/// A difference of two times in days and what is left of one, as PostgreSQL has it.
fn in_days(differences: &ArrayRef) -> Result<ArrayRef> {
    let nanoseconds = cast(differences, &DataType::Duration(TimeUnit::Nanosecond))?;
    let nanoseconds = nanoseconds.as_primitive::<DurationNanosecondType>();
    let interval = |ns: i64| IntervalMonthDayNano::new(0, (ns / NS_PER_DAY) as i32, ns % NS_PER_DAY);
    Ok(Arc::new(nanoseconds.unary::<_, _>(interval) as IntervalMonthDayNanoArray))
}

impl Instead for Parts {
    fn field(&self, engines: &ScalarUDF, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        let name = arguments.scalar_arguments.first().copied().flatten().and_then(|name| name.try_as_str().flatten());
        match name.and_then(part_of) {
            Some(Part::Second | Part::Millisecond) => {
                Ok(Field::new(engines.name(), DataType::Float64, arguments.arg_fields[1].is_nullable()).into())
            }
            _ => engines.return_field_from_args(arguments),
        }
    }

    fn make(&self, engines: &ScalarUDF, mut arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let name = match &arguments.args[0] {
            ColumnarValue::Scalar(name) => name.try_as_str().flatten().unwrap_or_default().to_owned(),
            ColumnarValue::Array(_) => return engines.invoke_with_args(arguments),
        };
        if matches!(arguments.args[1].data_type(), DataType::Duration(_)) {
            arguments.args[1] = of_one(&arguments.args[1], in_days)?;
        }
        match part_of(&name) {
            Some(part) => of_one(&arguments.args[1], |times| seconds(times, part)),
            None if is_epoch(&name) && matches!(arguments.args[1].data_type(), DataType::Interval(_)) => {
                of_one(&arguments.args[1], epoch)
            }
            None => engines.invoke_with_args(arguments),
        }
    }
}
