//! The window that an asker chose: two points in time as they were written, and the seconds that they are in a zone.

use chrono::{DateTime, NaiveDate, Utc};

use super::ReportError;
use crate::query::{TimeZone, Window};

/// A point in time as it was written; a date needs a time zone to become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Unix seconds; of a time within a second the next one, since records begin at whole seconds.
    At(i64),
    /// A day of the calendar, in whichever zone is asked for.
    Day(NaiveDate),
}

/// A date (`2023-09-14`), an RFC 3339 time, or an age counted from now (`24h`, `7d`).
pub fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(Moment::Day(date));
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(Moment::At(second_from(text, time.to_utc())?));
    }
    let age = humantime::parse_duration(text)
        .map_err(|_| format!("\"{text}\" is no time; write a date (2023-09-14), RFC 3339, or an age (24h, 7d)"))?;
    let age = chrono::TimeDelta::from_std(age).map_err(|_| format!("\"{text}\" is too long an age"))?;
    let time = Utc::now().checked_sub_signed(age).ok_or_else(|| format!("\"{text}\" is too long an age"))?;
    Ok(Moment::At(second_from("", time)?))
}

/// The first whole second at or after a time. A record at a whole second is at or after the one exactly if it is at or
/// after the other, so both ends of a window can be rounded so.
fn second_from(text: &str, time: DateTime<Utc>) -> Result<i64, String> {
    const DIGITS_MAX: usize = 9;
    let fraction = text.split('.').nth(1).unwrap_or_default();
    // The reader of dates would drop them.
    if fraction.bytes().take_while(u8::is_ascii_digit).skip(DIGITS_MAX).any(|digit| digit != b'0') {
        return Err(format!("\"{text}\" is finer than a nanosecond"));
    }
    Ok(time.timestamp() + i64::from(time.timestamp_subsec_nanos().div_ceil(1_000_000_000)))
}

/// The window in Unix seconds. A date begins in the zone; as `until` it stands for its end.
pub fn window(since: Option<Moment>, until: Option<Moment>, zone: &TimeZone) -> Result<Window, ReportError> {
    let start_of =
        |day: NaiveDate| zone.day_start(day).ok_or_else(|| ReportError::NoBeginning { day, zone: zone.to_string() });
    let since = match since {
        None => None,
        Some(Moment::At(at)) => Some(at),
        Some(Moment::Day(day)) => Some(start_of(day)?),
    };
    let until = match until {
        None => None,
        Some(Moment::At(at)) => Some(at),
        Some(Moment::Day(day)) => Some(start_of(day.succ_opt().unwrap_or(day))?),
    };
    if let (Some(since), Some(until)) = (since, until)
        && since >= until
    {
        let (since, until, zone) = (zone.show(since), zone.show(until), zone.to_string());
        return Err(ReportError::EmptyWindow { since, until, zone });
    }
    Ok(Window { since, until })
}
