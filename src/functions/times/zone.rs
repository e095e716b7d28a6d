//! A time zone by its IANA name, in which times are shown and days begin; and what its clocks show when.

use std::fmt;
use std::str::FromStr;

pub use arrow::array::timezone::Tz;
use chrono::{DateTime, MappedLocalTime, Months, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone as _};

const NS_PER_SECOND: i128 = 1_000_000_000;

/// Further than any zone is from UTC, in seconds.
const OFFSET_MAX: i64 = 86_400;

/// What the clocks of a zone show at an instant. Both are nanoseconds since 1970; `None` beyond the calendar.
pub fn wall_clock(zone: &Tz, instant: i128) -> Option<i128> {
    let offset = zone.offset_from_utc_datetime(&date_time(instant)?).fix().local_minus_utc();
    Some(instant + i128::from(offset) * NS_PER_SECOND)
}

/// The first instant at which the clocks of a zone show a time or a later one: the first of two where they are set
/// back, the moment of the jump where they skip it.
pub fn first_instant(zone: &Tz, wall: i128) -> Option<i128> {
    instants(zone, wall).map(|(first, _)| first)
}

/// As [`first_instant`], `None` where the clocks show the time twice: they show earlier ones again after the first.
pub fn only_instant(zone: &Tz, wall: i128) -> Option<i128> {
    instants(zone, wall).and_then(|(first, is_only)| is_only.then_some(first))
}

/// An instant so many months, and then days, later on the clocks of a zone. Months end early where they have to.
pub fn shifted(zone: &Tz, instant: i128, months: i64, days: i64) -> Option<i128> {
    if (months, days) == (0, 0) {
        return Some(instant);
    }
    let local = date_time(wall_clock(zone, instant)?)?;
    let count = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    let local = if months < 0 { local.checked_sub_months(count) } else { local.checked_add_months(count) }?;
    let local = local.checked_add_signed(TimeDelta::try_days(days)?)?.and_utc();
    let wall = i128::from(local.timestamp()) * NS_PER_SECOND + i128::from(local.timestamp_subsec_nanos());
    first_instant(zone, wall)
}

/// Whether the clocks of a zone were ever set forward or back, or will be.
pub fn changes(zone: &Tz) -> bool {
    const FIRST: i64 = -9_300_000_000;
    const LAST: i64 = 9_300_000_000;
    // No zone goes back to what it was within so few days.
    const STEP: usize = 10 * 86_400;
    let offset = |second: i64| {
        let at = DateTime::from_timestamp(second, 0)?.naive_utc();
        Some(zone.offset_from_utc_datetime(&at).fix().local_minus_utc())
    };
    let first = offset(FIRST);
    (FIRST..LAST).step_by(STEP).any(|second| offset(second) != first)
}

fn instants(zone: &Tz, wall: i128) -> Option<(i128, bool)> {
    let local = date_time(wall)?;
    let at = |offset: i32| wall - i128::from(offset) * NS_PER_SECOND;
    match zone.offset_from_local_datetime(&local) {
        MappedLocalTime::Single(offset) => Some((at(offset.fix().local_minus_utc()), true)),
        MappedLocalTime::Ambiguous(one, other) => {
            let (one, other) = (at(one.fix().local_minus_utc()), at(other.fix().local_minus_utc()));
            Some((one.min(other), false))
        }
        MappedLocalTime::None => jump(zone, local).map(|second| (i128::from(second) * NS_PER_SECOND, true)),
    }
}

/// The Unix second at which the clocks jump over a time.
fn jump(zone: &Tz, skipped: NaiveDateTime) -> Option<i64> {
    let near = skipped.and_utc().timestamp();
    let (mut before, mut after) = (near - OFFSET_MAX, near + OFFSET_MAX);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        let at = DateTime::from_timestamp(middle, 0)?.with_timezone(zone).naive_local();
        if at < skipped { before = middle } else { after = middle }
    }
    Some(after)
}

fn date_time(ns: i128) -> Option<NaiveDateTime> {
    let second = i64::try_from(ns.div_euclid(NS_PER_SECOND)).ok()?;
    let rest = u32::try_from(ns.rem_euclid(NS_PER_SECOND)).ok()?;
    DateTime::from_timestamp(second, rest).map(|time| time.naive_utc())
}

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
        let midnight = i128::from(day.and_hms_opt(0, 0, 0)?.and_utc().timestamp());
        let instant = first_instant(&self.zone, midnight * NS_PER_SECOND)?;
        i64::try_from(instant / NS_PER_SECOND).ok()
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
