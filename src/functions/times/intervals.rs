//! Lengths of intervals, and intervals that must be whole days or longer than nothing.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array, IntervalMonthDayNanoArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit};
use datafusion_common::{Result, exec_err, internal_err, plan_err};
use datafusion_expr::{ColumnarValue, Expr, ScalarFunctionArgs};

use super::super::call::{Own, as_call, call, called, of_one};
use super::spans;

const NS_PER_DAY: i128 = 86_400_000_000_000;
const DAYS_PER_MONTH: i128 = 30;

/// A function of one interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OfInterval {
    /// Nanoseconds.
    Length,
    /// The same interval without hours; an error if there is a part of a day.
    WholeDays,
    /// The same interval; an error if it is not longer than nothing.
    Width,
    /// Of a text, the words that the engine reads as an interval.
    Words,
}

impl OfInterval {
    pub fn of(self, interval: Expr) -> Expr {
        call(self, vec![interval])
    }

    /// Whether an expression is this function of something.
    pub fn is_of(self, expr: &Expr) -> bool {
        called(expr).is_some_and(|(of, _)| self == *of)
    }

    fn apply(self, values: &ArrayRef) -> Result<ArrayRef> {
        if self == OfInterval::Words {
            let texts = cast(values, &DataType::Utf8)?;
            let words = |text: &str| without_colons(text).unwrap_or_else(|| text.to_owned());
            return Ok(Arc::new(texts.as_string::<i32>().iter().map(|text| text.map(words)).collect::<StringArray>()));
        }
        let values = cast(values, &DataType::Interval(IntervalUnit::MonthDayNano))?;
        let values = values.as_primitive::<IntervalMonthDayNanoType>();
        match self {
            OfInterval::Length => {
                let lengths: Decimal128Array = values.iter().map(|value| value.map(nanoseconds)).collect();
                Ok(Arc::new(lengths.with_precision_and_scale(38, 0)?))
            }
            OfInterval::WholeDays => {
                let days: IntervalMonthDayNanoArray = values.try_unary(whole_days)?;
                Ok(Arc::new(days))
            }
            OfInterval::Width => {
                let widths: IntervalMonthDayNanoArray = values.try_unary(positive)?;
                Ok(Arc::new(widths))
            }
            OfInterval::Words => internal_err!("a text is no interval"),
        }
    }
}

/// What an interval's length is taken of.
pub fn measured(expr: &Expr) -> Option<&Expr> {
    let (_, arguments) = called::<OfInterval>(expr).filter(|(of, _)| **of == OfInterval::Length)?;
    arguments.first()
}

fn nanoseconds(interval: IntervalMonthDayNano) -> i128 {
    let days = i128::from(interval.months) * DAYS_PER_MONTH + i128::from(interval.days);
    days * NS_PER_DAY + i128::from(interval.nanoseconds)
}

/// A width of `date_bin`.
pub fn positive(interval: IntervalMonthDayNano) -> Result<IntervalMonthDayNano> {
    match nanoseconds(interval) > 0 {
        true => Ok(interval),
        false => plan_err!("date_bin has no negative width, nor one of 0: write interval '15 minutes'"),
    }
}

fn whole_days(interval: IntervalMonthDayNano) -> Result<IntervalMonthDayNano> {
    let (more, rest) = (i128::from(interval.nanoseconds) / NS_PER_DAY, i128::from(interval.nanoseconds) % NS_PER_DAY);
    match i32::try_from(i128::from(interval.days) + more) {
        Ok(days) if rest == 0 => Ok(IntervalMonthDayNano::new(interval.months, days, 0)),
        _ => exec_err!(
            "a date has no hours: add them to a timestamp, such as timestamp '2023-09-14' + interval '12 hours'"
        ),
    }
}

impl Own for OfInterval {
    fn name(&self) -> &str {
        match self {
            OfInterval::Length => "length_of_interval",
            OfInterval::WholeDays => "whole_days",
            OfInterval::Width => "width",
            OfInterval::Words => "words_of_interval",
        }
    }

    fn returns(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(match self {
            OfInterval::Length => DataType::Decimal128(38, 0),
            OfInterval::WholeDays | OfInterval::Width => DataType::Interval(IntervalUnit::MonthDayNano),
            OfInterval::Words => DataType::Utf8,
        })
    }

    fn make(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        of_one(&arguments.args[0], |values| self.apply(values))
    }

    /// But for a length, as the interval names its column.
    fn heading(&self, arguments: &[Expr]) -> String {
        match self {
            OfInterval::Length => as_call(self.name(), arguments),
            _ => arguments[0].schema_name().to_string(),
        }
    }
}

/// An interval in words, its time of the day too: `02:30:00` as `2 hours 30 minutes 00 seconds`.
pub fn without_colons(text: &str) -> Option<String> {
    let plain = spans::plain(text);
    clock_in_words(plain.as_deref().unwrap_or(text)).or(plain)
}

fn clock_in_words(text: &str) -> Option<String> {
    let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let time = words.iter_mut().find(|word| word.contains(':'))?;
    let (sign, clock) = match time.strip_prefix('-') {
        Some(clock) => ("-", clock),
        None => ("", time.strip_prefix('+').unwrap_or(time)),
    };
    let parts: Vec<&str> = clock.split(':').collect();
    let [hours, minutes, ref seconds @ ..] = parts[..] else { return None };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
    let seconds = match seconds {
        [] => "0",
        [seconds] => seconds,
        _ => return None,
    };
    let is_time = is_number(hours) && is_number(minutes) && seconds.split('.').all(is_number);
    if !is_time || minutes.parse::<u8>().is_ok_and(|minutes| minutes > 59) {
        return None;
    }
    *time = format!("{sign}{hours} hours {sign}{minutes} minutes {sign}{seconds} seconds");
    Some(words.join(" "))
}
