//! Functions that make much of little, such as `repeat` and `range`: bounded before they begin.
//!
//! The engine (DataFusion 55) makes their results for a whole batch at once, in memory that nothing counts:
//! `repeat(srcaddr, 1000000)` took gigabytes, and what could not be allocated ended the program. Here the size of the
//! result is reckoned out first, and what is too large is an error.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit};
use datafusion_common::{Result, exec_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};

use super::super::instead::{Instead, instead};

/// Bytes of one value that such a function makes.
const VALUE_BYTES_MAX: u64 = 64 << 20;

/// The part of the session's memory that the values of one batch may take.
const BATCH_SHARE: u64 = 4;

const NS_PER_DAY: i128 = 86_400_000_000_000;

/// Days of a month at least.
const MONTH_DAYS_MIN: i128 = 28;

/// Bytes of an element of a list, beside those of its text.
const ELEMENT_BYTES: u64 = 16;

type Size = fn(&[Argument], usize) -> Option<u64>;

/// In the place of the engine's function, bounded by the session's memory; `None` if it makes no more than it is given.
pub fn bounded(engines: &Arc<ScalarUDF>, memory_bytes: u64) -> Option<ScalarUDF> {
    let own = Bounded { batch_bytes_max: memory_bytes / BATCH_SHARE };
    size_of(engines.name()).map(|_| instead(Arc::clone(engines), own))
}

/// Bytes of what a function makes of a row.
fn size_of(name: &str) -> Option<Size> {
    Some(match name {
        "repeat" => |of, row| of[0].bytes(row)?.checked_mul(of[1].count(row)?),
        "lpad" | "rpad" => padded,
        "replace" => replaced,
        "array_repeat" => |of, row| (of[0].bytes(row)? + ELEMENT_BYTES).checked_mul(of[1].count(row)?),
        "array_resize" => |of, row| ELEMENT_BYTES.checked_mul(of[1].count(row)?),
        "range" | "generate_series" => listed,
        _ => return None,
    })
}

/// `lpad(text, characters [, fill])`: four bytes are the most that a character has.
fn padded(of: &[Argument], row: usize) -> Option<u64> {
    of[1].count(row)?.checked_mul(of.get(2).map_or(Some(1), |fill| fill.bytes(row))?.min(4))
}

/// `replace(text, from, to)`, as if the text were nothing but `from`; an empty one stands between all characters.
fn replaced(of: &[Argument], row: usize) -> Option<u64> {
    let (text, from, to) = (of[0].bytes(row)?, of[1].bytes(row)?, of[2].bytes(row)?);
    let times = text.checked_div(from).unwrap_or(text + 1);
    text.checked_add(times.checked_mul(to)?)
}

/// `range([start,] stop [, step])` of numbers or times.
fn listed(of: &[Argument], row: usize) -> Option<u64> {
    let (start, stop, step) = match of {
        [stop] => (0, stop.point(row)?, 1),
        [start, stop] => (start.point(row)?, stop.point(row)?, 1),
        [start, stop, step, ..] => (start.point(row)?, stop.point(row)?, step.point(row)?),
        [] => return None,
    };
    let steps = (stop - start).unsigned_abs() / step.unsigned_abs().max(1) + 1;
    Some(u64::try_from(steps).unwrap_or(u64::MAX).saturating_mul(8))
}

/// What a function is called with: a value for all rows, or one for each.
struct Argument {
    values: ArrayRef,
    is_one: bool,
}

impl Argument {
    fn of(value: &ColumnarValue) -> Result<Argument> {
        let is_one = matches!(value, ColumnarValue::Scalar(_));
        let values = value.to_array(1)?;
        // Numbers and points of time are read as 64 bits.
        let values = match values.data_type() {
            DataType::Timestamp(..) | DataType::Date32 => values,
            kind if kind.is_integer() => cast(&values, &DataType::Int64)?,
            _ => values,
        };
        Ok(Argument { values, is_one })
    }

    fn row(&self, row: usize) -> Option<usize> {
        let row = if self.is_one { 0 } else { row };
        self.values.is_valid(row).then_some(row)
    }

    /// Bytes of a value, `None` of a null.
    fn bytes(&self, row: usize) -> Option<u64> {
        let row = self.row(row)?;
        let bytes = match self.values.data_type() {
            DataType::Utf8 => self.values.as_string::<i32>().value(row).len(),
            DataType::LargeUtf8 => self.values.as_string::<i64>().value(row).len(),
            DataType::Utf8View => self.values.as_string_view().value(row).len(),
            kind => match kind.primitive_width() {
                Some(width) => width,
                None => self.values.slice(row, 1).to_data().get_slice_memory_size().unwrap_or(0),
            },
        };
        u64::try_from(bytes).ok()
    }

    /// A number of times, 0 for a negative one.
    fn count(&self, row: usize) -> Option<u64> {
        let row = self.row(row)?;
        let number = self.values.as_primitive_opt::<Int64Type>()?.value(row);
        Some(u64::try_from(number).unwrap_or(0))
    }

    /// A number, or nanoseconds of a time or an interval, the shortest that it may have.
    fn point(&self, row: usize) -> Option<i128> {
        let row = self.row(row)?;
        let number = || {
            Some(i128::from(
                cast(&self.values.slice(row, 1), &DataType::Int64).ok()?.as_primitive_opt::<Int64Type>()?.value(0),
            ))
        };
        match self.values.data_type() {
            DataType::Date32 => Some(number()? * NS_PER_DAY),
            DataType::Timestamp(TimeUnit::Second, _) => Some(number()? * 1_000_000_000),
            DataType::Timestamp(TimeUnit::Millisecond, _) => Some(number()? * 1_000_000),
            DataType::Timestamp(TimeUnit::Microsecond, _) => Some(number()? * 1_000),
            DataType::Interval(IntervalUnit::MonthDayNano) => {
                let interval = self.values.as_primitive::<IntervalMonthDayNanoType>().value(row);
                let days = i128::from(interval.months) * MONTH_DAYS_MIN + i128::from(interval.days);
                Some(days * NS_PER_DAY + i128::from(interval.nanoseconds))
            }
            _ => number(),
        }
    }
}

/// A bound of what one of the engine's functions makes.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    batch_bytes_max: u64,
}

impl Bounded {
    fn check(&self, name: &str, size: Size, arguments: &ScalarFunctionArgs) -> Result<()> {
        let of = arguments.args.iter().map(Argument::of).collect::<Result<Vec<Argument>>>()?;
        let rows = if of.iter().all(|argument| argument.is_one) { 1 } else { arguments.number_rows };
        let mut all: u64 = 0;
        for row in 0..rows {
            let has_null = of.iter().any(|argument| argument.row(row).is_none());
            let bytes = if has_null { 0 } else { size(&of, row).unwrap_or(u64::MAX) };
            if bytes > VALUE_BYTES_MAX {
                let max = bytesize::ByteSize(VALUE_BYTES_MAX);
                let bytes = bytesize::ByteSize(bytes);
                return exec_err!("{name} would make a value of {bytes}; one has {max} at most");
            }
            all = all.saturating_add(bytes);
            if all > self.batch_bytes_max {
                let max = bytesize::ByteSize(self.batch_bytes_max);
                return exec_err!(
                    "{name} would make more than {max} of {} rows: raise --memory, or make shorter values",
                    arguments.number_rows
                );
            }
        }
        Ok(())
    }
}

impl Instead for Bounded {
    fn make(&self, engines: &ScalarUDF, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if let Some(size) = size_of(engines.name()) {
            self.check(engines.name(), size, &arguments)?;
        }
        engines.invoke_with_args(arguments)
    }
}
