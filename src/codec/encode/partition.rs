//! The Hive partition of a row: the UTC date, and perhaps the hour, of its `start`.
//!
//! A row without a `start` goes where its object's key says; a row of an object that says nothing goes to the default
//! partition. The same holds for a `start` after the year 9999, which no reader takes for a date.

use std::ops::Range;

use chrono::{Datelike, NaiveDate};

use super::Origin;
use crate::schema::{Hour, Partition, PartitionBy};

const SECONDS_PER_HOUR: i64 = 3600;
const SECONDS_PER_DAY: i64 = 24 * SECONDS_PER_HOUR;

/// The first second of the year 10000.
const START_END: i64 = 253_402_300_800;

/// A partition as an integer, so that rows are compared without a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionKey {
    /// Days since 1970.
    day: Option<i32>,
    hour: Hour,
}

impl PartitionKey {
    /// Where rows without a `start` go.
    pub fn of_origin(origin: &Origin, by: PartitionBy) -> PartitionKey {
        let day = origin.day.map(|day| day.num_days_from_ce() - UNIX_EPOCH_DAYS_FROM_CE);
        let hour = match (by, day, origin.hour) {
            (PartitionBy::Date, _, _) => Hour::All,
            (PartitionBy::DateHour, Some(_), Some(hour)) => Hour::Of(hour),
            (PartitionBy::DateHour, _, _) => Hour::Unknown,
        };
        PartitionKey { day, hour }
    }

    /// A date without an hour.
    pub fn of_date(date: NaiveDate) -> PartitionKey {
        PartitionKey::of_partition(Partition { date: Some(date), hour: Hour::All })
    }

    /// Whether it has a date that is not after the last one; there may be no last one.
    pub fn is_until(self, last: Option<PartitionKey>) -> bool {
        self.day.is_some() && last.is_some_and(|last| self.day <= last.day)
    }

    pub fn of_partition(partition: Partition) -> PartitionKey {
        let day = partition.date.map(|date| date.num_days_from_ce() - UNIX_EPOCH_DAYS_FROM_CE);
        PartitionKey { day, hour: partition.hour }
    }

    pub fn partition(self) -> Partition {
        let date = |day| NaiveDate::from_num_days_from_ce_opt(day + UNIX_EPOCH_DAYS_FROM_CE);
        Partition { date: self.day.and_then(date), hour: self.hour }
    }

    /// The partition of a `start` within [`START_END`].
    fn of_start(start: i64, by: PartitionBy) -> PartitionKey {
        let day = (start / SECONDS_PER_DAY) as i32;
        let hour = match by {
            PartitionBy::Date => Hour::All,
            PartitionBy::DateHour => Hour::Of((start % SECONDS_PER_DAY / SECONDS_PER_HOUR) as u8),
        };
        PartitionKey { day: Some(day), hour }
    }
}

/// 1970-01-01 as chrono counts days.
const UNIX_EPOCH_DAYS_FROM_CE: i32 = 719_163;

/// Splits rows into runs of one partition, replacing the content of `runs`.
pub fn split(starts: &[i64], by: PartitionBy, unknown: PartitionKey, runs: &mut Vec<(PartitionKey, Range<usize>)>) {
    runs.clear();
    let seconds = match by {
        PartitionBy::Date => SECONDS_PER_DAY,
        PartitionBy::DateHour => SECONDS_PER_HOUR,
    };
    let mut from = 0;
    while from < starts.len() {
        let start = starts[from];
        let is_dated = |start: i64| (0..START_END).contains(&start);
        let rest = &starts[from..];
        let (key, length) = if is_dated(start) {
            let begin = start - start % seconds;
            let window = begin..begin + seconds;
            (PartitionKey::of_start(start, by), rest.iter().position(|start| !window.contains(start)))
        } else {
            (unknown, rest.iter().position(|&start| is_dated(start)))
        };
        let end = from + length.unwrap_or(rest.len());
        match runs.last_mut() {
            Some((last, range)) if *last == key => range.end = end,
            _ => runs.push((key, from..end)),
        }
        from = end;
    }
}
