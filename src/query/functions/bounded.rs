//! Functions that make much of little, such as `repeat` and `range`: bounded before they begin.
//!
//! The engine (DataFusion 55) makes their results for a whole batch at once, in memory that nothing counts:
//! `repeat(srcaddr, 1000000)` took gigabytes, and what could not be allocated ended the program. Here the size of the
//! result is reckoned out first, and what is too large is an error.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use datafusion::prelude::SessionContext;

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

/// Puts the bounded functions in the place of the engine's.
pub(in crate::query) fn register(context: &SessionContext, memory_bytes: u64) {
    let functions: [(&str, Size); 8] = [
        ("repeat", |of, row| of[0].bytes(row)?.checked_mul(of[1].count(row)?)),
        ("lpad", padded),
        ("rpad", padded),
        ("replace", replaced),
        ("array_repeat", |of, row| (of[0].bytes(row)? + ELEMENT_BYTES).checked_mul(of[1].count(row)?)),
        ("array_resize", |of, row| ELEMENT_BYTES.checked_mul(of[1].count(row)?)),
        ("range", listed),
        ("generate_series", listed),
    ];
    let state = context.state();
    for (name, size) in functions {
        if let Some(inner) = state.scalar_functions().get(name) {
            let inner = Bounded { inner: Arc::clone(inner), name, size, batch_bytes_max: memory_bytes / BATCH_SHARE };
            context.register_udf(ScalarUDF::new_from_impl(inner));
        }
    }
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

/// One of the engine's functions, with the bytes that its results will have.
#[derive(Debug)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    name: &'static str,
    size: Size,
    batch_bytes_max: u64,
}

impl PartialEq for Bounded {
    fn eq(&self, other: &Bounded) -> bool {
        self.name == other.name
    }
}

impl Eq for Bounded {}

impl std::hash::Hash for Bounded {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl Bounded {
    fn check(&self, arguments: &ScalarFunctionArgs) -> Result<()> {
        let of = arguments.args.iter().map(Argument::of).collect::<Result<Vec<Argument>>>()?;
        let rows = if of.iter().all(|argument| argument.is_one) { 1 } else { arguments.number_rows };
        let mut all: u64 = 0;
        for row in 0..rows {
            let has_null = of.iter().any(|argument| argument.row(row).is_none());
            let bytes = if has_null { 0 } else { (self.size)(&of, row).unwrap_or(u64::MAX) };
            if bytes > VALUE_BYTES_MAX {
                let max = bytesize::ByteSize(VALUE_BYTES_MAX);
                return exec_err!(
                    "{} would make a value of {}; one has {max} at most",
                    self.name,
                    bytesize::ByteSize(bytes)
                );
            }
            all = all.saturating_add(bytes);
            if all > self.batch_bytes_max {
                let max = bytesize::ByteSize(self.batch_bytes_max);
                return exec_err!(
                    "{} would make more than {max} of {} rows: raise --memory, or make shorter values",
                    self.name,
                    arguments.number_rows
                );
            }
        }
        Ok(())
    }
}

impl ScalarUDFImpl for Bounded {
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

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arguments)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.check(&arguments)?;
        self.inner.invoke_with_args(arguments)
    }
}
