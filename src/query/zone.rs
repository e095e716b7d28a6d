//! A time zone by its IANA name, in which times are shown and days begin.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, TimeZone as _};
use datafusion::arrow::array::timezone::Tz;

/// A zone that exists.
#[derive(Debug, Clone)]
pub struct TimeZone {
    name: String,
    zone: Tz,
}

impl TimeZone {
    pub fn utc() -> TimeZone {
        "UTC".parse().expect("UTC is a zone")
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// When a day begins here, in Unix seconds. Where clocks skip midnight, it begins later.
    pub fn day_start(&self, day: NaiveDate) -> Option<i64> {
        let midnight = day.and_hms_opt(0, 0, 0)?;
        let first = |hour: i64| self.zone.from_local_datetime(&(midnight + chrono::TimeDelta::hours(hour))).earliest();
        (0..4).find_map(first).map(|time| time.timestamp())
    }

    /// When the day of a time began here.
    pub fn start_of_day_at(&self, unix: i64) -> i64 {
        let day = DateTime::from_timestamp(unix, 0).map(|time| time.with_timezone(&self.zone).date_naive());
        day.and_then(|day| self.day_start(day)).unwrap_or(unix)
    }

    /// A time for people, such as `2023-09-14 23:59:30`.
    pub fn show(&self, unix: i64) -> String {
        match DateTime::from_timestamp(unix, 0) {
            Some(time) => time.with_timezone(&self.zone).format("%Y-%m-%d %H:%M:%S").to_string(),
            None => unix.to_string(),
        }
    }
}

impl FromStr for TimeZone {
    type Err = String;

    fn from_str(name: &str) -> Result<TimeZone, String> {
        match name.parse::<Tz>() {
            Ok(zone) => Ok(TimeZone { name: name.to_owned(), zone }),
            Err(_) => Err(format!("\"{name}\" is no time zone; write UTC, Europe/Berlin, America/New_York or +02:00")),
        }
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
