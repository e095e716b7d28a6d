//! What times and comparisons mean, read plainly: no code of the program, and another way through the clocks.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone, Timelike};
use datafusion::arrow::array::timezone::Tz;

pub const NS: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * NS;

#[derive(Debug, Clone, Copy)]
pub struct Record {
    pub id: i32,
    pub start: Option<i64>,
    pub end: Option<i64>,
}

/// A value of SQL. Times are nanoseconds since 1970, at UTC or on a clock without a zone; days are counted since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    Instant(i128),
    Wall(i128),
    Day(i64),
    Int(i64),
}

/// What stands on the left of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    StartTime,
    EndTime,
    /// `start_time` on the clocks of [`ELSEWHERE`].
    Elsewhere,
    /// `start_time` and this many milliseconds.
    Later(i64),
    /// The clock of the zone, without the zone.
    Clock,
    /// The day that the clock shows.
    ClockDay,
    /// The beginning of the hour that the clock shows.
    ClockHour,
    Date,
    Start,
    End,
    Hour,
    /// The hour that the clock shows.
    HourOfClock,
    YearOfClock,
}

/// Half an hour off the zones that are asked in.
pub const ELSEWHERE: &str = "Asia/Kolkata";

impl Term {
    /// The zone on whose clocks times without an offset are read that are compared with it.
    pub fn zone(self, asked_in: &Tz) -> Tz {
        if self == Term::Elsewhere { ELSEWHERE.parse().expect("a zone") } else { *asked_in }
    }

    pub fn of(self, record: &Record, zone: &Tz) -> Option<Value> {
        let start = record.start.map(|second| i128::from(second) * NS);
        match self {
            Term::StartTime | Term::Elsewhere => start.map(Value::Instant),
            Term::EndTime => record.end.map(|second| Value::Instant(i128::from(second) * NS)),
            Term::Later(ms) => start.map(|start| Value::Instant(start + i128::from(ms) * NS / 1_000)),
            Term::Clock => start.map(|start| Value::Wall(wall(start, zone))),
            Term::ClockDay => start.map(|start| Value::Day((wall(start, zone).div_euclid(DAY)) as i64)),
            Term::ClockHour => start.map(|start| {
                let past = wall(start, zone).rem_euclid(3_600 * NS);
                Value::Instant(start - past)
            }),
            Term::Date => record.start.map(|start| Value::Day(start.div_euclid(86_400))),
            Term::Start => record.start.map(Value::Int),
            Term::End => record.end.map(Value::Int),
            Term::Hour => record.start.map(|start| Value::Int(start.div_euclid(3_600).rem_euclid(24))),
            Term::HourOfClock => start.map(|start| Value::Int(i64::from(naive(wall(start, zone)).time().hour()))),
            Term::YearOfClock => start.map(|start| {
                let year = naive(wall(start, zone)).format("%Y").to_string();
                Value::Int(year.parse().expect("a year"))
            }),
        }
    }
}

pub fn naive(ns: i128) -> NaiveDateTime {
    let (second, rest) = (ns.div_euclid(NS) as i64, ns.rem_euclid(NS) as u32);
    DateTime::from_timestamp(second, rest).expect("in the calendar").naive_utc()
}

pub fn wall(instant: i128, zone: &Tz) -> i128 {
    let local = naive(instant).and_utc().with_timezone(zone).naive_local().and_utc();
    i128::from(local.timestamp()) * NS + i128::from(local.timestamp_subsec_nanos())
}

/// The first instant at which the clocks show this time; of a time that they skip, the first minute that they show
/// after it.
pub fn instant(wall: i128, zone: &Tz) -> i128 {
    let local = naive(wall);
    let at = |local: NaiveDateTime| zone.from_local_datetime(&local).earliest();
    let shown = at(local).unwrap_or_else(|| {
        let minute =
            local.with_second(0).and_then(|time| time.with_nanosecond(0)).expect("every minute has a first second");
        (1..).find_map(|minutes| at(minute + TimeDelta::minutes(minutes))).expect("clocks skip a day at most")
    });
    i128::from(shown.timestamp()) * NS + i128::from(shown.timestamp_subsec_nanos())
}

pub fn compare(left: Value, right: Value, zone: &Tz) -> Ordering {
    match (left, right) {
        (Value::Instant(a), Value::Instant(b)) | (Value::Wall(a), Value::Wall(b)) => a.cmp(&b),
        (Value::Instant(a), Value::Wall(b)) => a.cmp(&instant(b, zone)),
        (Value::Wall(a), Value::Instant(b)) => instant(a, zone).cmp(&b),
        // A day is its midnight on the clock.
        (Value::Instant(a), Value::Day(b)) => wall(a, zone).cmp(&(i128::from(b) * DAY)),
        (Value::Day(a), Value::Instant(b)) => (i128::from(a) * DAY).cmp(&wall(b, zone)),
        (Value::Wall(a), Value::Day(b)) => a.cmp(&(i128::from(b) * DAY)),
        (Value::Day(a), Value::Wall(b)) => (i128::from(a) * DAY).cmp(&b),
        (Value::Day(a), Value::Day(b)) | (Value::Int(a), Value::Int(b)) => a.cmp(&b),
        (left, right) => panic!("{left:?} does not compare with {right:?}"),
    }
}
