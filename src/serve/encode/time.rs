//! Dates, times and intervals as Postgres writes them (`DateStyle` ISO, `IntervalStyle` postgres).

use std::fmt::Write;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike};
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::datatypes::IntervalMonthDayNano;

use super::{EncodeError, Result};

/// Postgres's clock begins with the year 2000: days and microseconds after the beginning of Unix's.
pub(in crate::serve) const EPOCH_DAYS: i32 = 10_957;
pub(in crate::serve) const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;

pub(super) fn date(days: i32) -> Result<String> {
    let date = NaiveDate::default().checked_add_signed(TimeDelta::days(days.into()));
    let date = date.ok_or(EncodeError::Range("date"))?;
    Ok(format!("{}{}", day(date), era(date)))
}

/// The years before the first are counted backwards: 0 is the first year before Christ.
fn day(date: NaiveDate) -> String {
    let year = if date.year() > 0 { date.year() } else { 1 - date.year() };
    format!("{year:04}-{:02}-{:02}", date.month(), date.day())
}

fn era(date: NaiveDate) -> &'static str {
    if date.year() > 0 { "" } else { " BC" }
}

/// A time of day, from its microseconds.
pub(super) fn of_day(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    put_fraction(&mut text, micros % 1_000_000);
    text
}

fn put_fraction(text: &mut String, micros: i64) {
    if micros != 0 {
        let fraction = format!(".{micros:06}");
        text.push_str(fraction.trim_end_matches('0'));
    }
}

pub(super) fn timestamp(micros: i64, zone: Option<&Tz>) -> Result<String> {
    let utc = DateTime::from_timestamp_micros(micros).ok_or(EncodeError::Range("timestamp"))?.naive_utc();
    let offset = zone.map(|zone| zone.offset_from_utc_datetime(&utc).fix().local_minus_utc());
    let local: NaiveDateTime = utc
        .checked_add_signed(TimeDelta::seconds(offset.unwrap_or(0).into()))
        .ok_or(EncodeError::Range("timestamp"))?;
    let micros_of_day = i64::from(local.num_seconds_from_midnight()) * 1_000_000 + i64::from(local.nanosecond() / 1000);
    let mut text = format!("{} {}", day(local.date()), of_day(micros_of_day));
    if let Some(offset) = offset {
        text.push(if offset < 0 { '-' } else { '+' });
        let (hours, minutes, seconds) = (offset.abs() / 3600, offset.abs() / 60 % 60, offset.abs() % 60);
        write!(text, "{hours:02}").expect("a text grows");
        if minutes != 0 || seconds != 0 {
            write!(text, ":{minutes:02}").expect("a text grows");
        }
        if seconds != 0 {
            write!(text, ":{seconds:02}").expect("a text grows");
        }
    }
    text.push_str(era(local.date()));
    Ok(text)
}

/// `1 year 2 mons -3 days +04:05:06`: a sign where the part before it was negative.
pub(super) fn interval(interval: IntervalMonthDayNano) -> String {
    let micros = interval.nanoseconds / 1000;
    let mut text = String::new();
    let mut negative = false;
    for (value, name) in [(interval.months / 12, "year"), (interval.months % 12, "mon"), (interval.days, "day")] {
        if value == 0 {
            continue;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        if negative && value > 0 {
            text.push('+');
        }
        negative = value < 0;
        let plural = if value == 1 { "" } else { "s" };
        write!(text, "{value} {name}{plural}").expect("a text grows");
    }
    if micros != 0 || text.is_empty() {
        if !text.is_empty() {
            text.push(' ');
        }
        match (micros < 0, negative) {
            (true, _) => text.push('-'),
            (false, true) => text.push('+'),
            (false, false) => {}
        }
        text.push_str(&of_day(micros.unsigned_abs() as i64));
    }
    text
}
