//! `generate_series` and `range` of times as a list: `SELECT unnest(generate_series(a, b, interval '1 day'))`.
//!
//! The engine (DataFusion 55) ends a list at the first step onto a time that the clocks skip or show twice. Its list
//! without the end also lacks the last value where no whole step leads to the end. What is no time is the engine's.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Builder, ListBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit};
use datafusion_common::{Result, exec_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};

use super::super::call::of_all;
use super::super::instead::{Instead, instead};
use super::steps::{Steps, end_beside, zone_of};

/// In the place of one of the engine's. `has_end`: whether the end of a series is a part of it.
pub fn series(engines: Arc<ScalarUDF>, has_end: bool) -> ScalarUDF {
    instead(engines, Series { has_end })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Series {
    has_end: bool,
}

impl Series {
    fn of_times(&self, name: &str, columns: &[ArrayRef], returns: &DataType) -> Result<ArrayRef> {
        let (DataType::List(element), [starts, ends, steps]) = (returns, columns) else {
            return exec_err!("{name} of times has a begin, an end and a step");
        };
        let name_of = |kind: &DataType| match kind {
            DataType::Timestamp(_, zone) => zone.clone(),
            _ => None,
        };
        let (of_start, of_end) = (name_of(element.data_type()), name_of(ends.data_type()));
        let zone = zone_of(of_start.as_deref())?;
        let ticks = |times: &ArrayRef| -> Result<ArrayRef> {
            let unit = DataType::Timestamp(TimeUnit::Nanosecond, None);
            // Of the instant, its zone is left out and not what its clocks show.
            let bare = match times.data_type() {
                DataType::Timestamp(of, Some(_)) => {
                    cast(&cast(times, &DataType::Int64)?, &DataType::Timestamp(*of, None))?
                }
                _ => Arc::clone(times),
            };
            Ok(cast(&cast(&bare, &unit)?, &DataType::Int64)?)
        };
        let (starts, ends) = (ticks(starts)?, ticks(ends)?);
        let steps = cast(steps, &DataType::Interval(IntervalUnit::MonthDayNano))?;
        let rows = starts.as_primitive::<Int64Type>().iter().zip(ends.as_primitive::<Int64Type>());
        let mut lists = ListBuilder::new(Int64Builder::new());
        for ((start, end), step) in rows.zip(steps.as_primitive::<IntervalMonthDayNanoType>()) {
            let end = end.map(|end| end_beside(of_start.as_deref(), of_end.as_deref(), end)).transpose()?.flatten();
            match (start, end, step) {
                (Some(start), Some(end), Some(step)) => {
                    lists.append_value(Steps::new(zone, start, end, step, self.has_end)?.map(Some));
                }
                _ => lists.append_null(),
            }
        }
        let lists: ArrayRef = Arc::new(lists.finish());
        Ok(cast(&lists, returns)?)
    }
}

impl Instead for Series {
    fn make(&self, engines: &ScalarUDF, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let kinds: Vec<DataType> = arguments.args.iter().map(ColumnarValue::data_type).collect();
        if !matches!(kinds.first(), Some(DataType::Timestamp(..))) || kinds.iter().any(DataType::is_null) {
            return engines.invoke_with_args(arguments);
        }
        let returns = arguments.return_field.data_type().clone();
        of_all(arguments, |columns| self.of_times(engines.name(), columns, &returns))
    }
}
