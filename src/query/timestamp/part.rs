//! `extract(second FROM …)` and its kin with the fraction, and parts of `end_time - start_time` as of an interval.
//!
//! The engine (DataFusion 55) cuts the fraction of a second, and that of intervals for all units; of a difference of
//! two times it gives the whole of it in each unit, 90 seconds where PostgreSQL has 1 minute and 30 seconds, and an
//! epoch without its fraction.

use std::str::FromStr;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, IntervalMonthDayNanoArray};
use datafusion::arrow::compute::kernels::cast_utils::IntervalUnit as Part;
use datafusion::arrow::compute::{DatePart, cast, date_part};
use datafusion::arrow::datatypes::{
    DataType, DurationNanosecondType, Field, FieldRef, Int32Type, Int64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use datafusion::error::Result;
use datafusion::functions::datetime;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult};
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use datafusion::scalar::ScalarValue;

const NS_PER_SECOND: i64 = 1_000_000_000;
const NS_PER_MINUTE: i64 = 60 * NS_PER_SECOND;
const NS_PER_DAY: i64 = 86_400 * NS_PER_SECOND;

/// The function, under the engine's names for it.
pub(in crate::query) fn parts() -> ScalarUDF {
    ScalarUDF::new_from_impl(Parts { inner: datetime::date_part() })
}

/// Plans `extract` with it.
#[derive(Debug)]
pub(in crate::query) struct Extracts;

impl ExprPlanner for Extracts {
    fn plan_extract(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        let call = ScalarFunction::new_udf(Arc::new(parts()), arguments);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Parts {
    inner: Arc<ScalarUDF>,
}

/// A part of the minute, which has a fraction.
fn part_of(name: &str) -> Option<Part> {
    let part = Part::from_str(name.trim_matches(['\'', '"'])).ok()?;
    matches!(part, Part::Second | Part::Millisecond | Part::Microsecond).then_some(part)
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

/// A difference of two times in days and what is left of one, as PostgreSQL has it.
fn in_days(differences: &ArrayRef) -> Result<ArrayRef> {
    let nanoseconds = cast(differences, &DataType::Duration(TimeUnit::Nanosecond))?;
    let nanoseconds = nanoseconds.as_primitive::<DurationNanosecondType>();
    let interval = |ns: i64| IntervalMonthDayNano::new(0, (ns / NS_PER_DAY) as i32, ns % NS_PER_DAY);
    Ok(Arc::new(nanoseconds.unary::<_, _>(interval) as IntervalMonthDayNanoArray))
}

impl ScalarUDFImpl for Parts {
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
        let name = arguments.scalar_arguments.first().copied().flatten().and_then(|name| name.try_as_str().flatten());
        match name.and_then(part_of) {
            Some(Part::Second | Part::Millisecond) => {
                Ok(Field::new(self.name(), DataType::Float64, arguments.arg_fields[1].is_nullable()).into())
            }
            _ => self.inner.return_field_from_args(arguments),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn preimage(&self, arguments: &[Expr], value: &Expr, info: &SimplifyContext) -> Result<PreimageResult> {
        self.inner.preimage(arguments, value, info)
    }

    fn invoke_with_args(&self, mut arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let name = match &arguments.args[0] {
            ColumnarValue::Scalar(name) => name.try_as_str().flatten().unwrap_or_default().to_owned(),
            ColumnarValue::Array(_) => return self.inner.invoke_with_args(arguments),
        };
        if matches!(arguments.args[1].data_type(), DataType::Duration(_)) {
            arguments.args[1] = each(&arguments.args[1], in_days)?;
        }
        match part_of(&name) {
            Some(part) => each(&arguments.args[1], |times| seconds(times, part)),
            None => self.inner.invoke_with_args(arguments),
        }
    }
}

fn each(value: &ColumnarValue, make: impl Fn(&ArrayRef) -> Result<ArrayRef>) -> Result<ColumnarValue> {
    match value {
        ColumnarValue::Array(values) => Ok(ColumnarValue::Array(make(values)?)),
        ColumnarValue::Scalar(value) => {
            Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&make(&value.to_array()?)?, 0)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use crate::query::{Options, context};

    /// What PostgreSQL answers, but for the zeros that a numeric ends with.
    #[tokio::test]
    async fn parts_of_a_minute_have_their_fraction() {
        let context = context(&Options::default()).expect("a context");
        for (expr, right) in [
            ("extract(second FROM at)", "30.5"),
            ("date_part('seconds', at)", "30.5"),
            ("extract(millisecond FROM at)", "30500.0"),
            ("extract(microsecond FROM at)", "30500000"),
            ("extract(second FROM timestamp '2023-09-14 05:00:30.123456') = 30.123456", "true"),
            ("extract(second FROM timestamp '1969-12-31 23:59:59.25')", "59.25"),
            ("extract(second FROM CAST(at AS TIMESTAMPTZ))", "30.5"),
            ("extract(second FROM time '05:00:30.5')", "30.5"),
            ("extract(second FROM date '2023-09-14')", "0.0"),
            ("extract(second FROM interval '1 day 90.5 seconds')", "30.5"),
            ("extract(second FROM interval '-1.5 seconds')", "-1.5"),
            ("extract(millisecond FROM interval '1 minute 1.25 seconds')", "1250.0"),
            ("extract(microsecond FROM interval '59.999999 seconds')", "59999999"),
            ("extract(minute FROM interval '90 minutes')", "30"),
            ("extract(second FROM at - timestamp '2023-09-14 04:59:00')", "30.5"),
            ("extract(minute FROM at - timestamp '2023-09-14 03:58:00')", "2"),
            ("extract(day FROM at - timestamp '2023-09-12 04:00:00')", "2"),
            ("extract(epoch FROM at - timestamp '2023-09-14 04:59:00')", "90.5"),
            ("extract(year FROM at) = 2023", "true"),
            ("max(extract(second FROM at)) = 30.5", "true"),
        ] {
            let sql = format!("SELECT {expr} FROM (VALUES (timestamp '2023-09-14 05:00:30.5')) AS t(at)");
            let batches = async { context.sql(&sql).await?.collect().await }.await;
            let found = batches.map(|batches| array_value_to_string(batches[0].column(0), 0).expect("a value"));
            assert_eq!(found.map_err(|error| error.to_string()).as_deref(), Ok(right), "{expr}");
        }
    }
}
