//! The sums of a receipt, computed again row by row: once from data files, once from source objects.

use std::ops::Range;

use chrono::{NaiveDate, Timelike};
use serde::{Deserialize, Serialize};

use crate::encode::row_mix;
use crate::lake::PartSums;
use crate::schema::{Hour, MEASURES_MAX, Partition, Table};

const SECONDS_PER_DAY: i64 = 86_400;
const SECONDS_PER_HOUR: i64 = 3_600;
/// The first second of the year 10000: no later `start` has a partition.
const START_END: i64 = 253_402_300_800;

/// What a receipt says of a row; null is [`NULL_INT`](crate::columns::NULL_INT).
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    pub line: i64,
    pub start: i64,
    pub end: i64,
    /// In the order of the table's measures, of which there are `measured`.
    pub measures: [i64; MEASURES_MAX],
    pub measured: usize,
}

/// Sums over rows of one object in one partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    pub rows: u64,
    /// In the order of the table's measures; 0 for those that it lacks.
    pub measures: [u64; MEASURES_MAX],
    pub mix: u64,
}

impl Sums {
    pub fn add(&mut self, row: &Counted) {
        self.rows += 1;
        let measures = &row.measures[..row.measured];
        for (sum, value) in self.measures.iter_mut().zip(measures) {
            *sum = sum.wrapping_add((*value).max(0) as u64);
        }
        let values = [row.line, row.start, row.end].into_iter().chain(measures.iter().copied());
        self.mix = self.mix.wrapping_add(row_mix(values));
    }

    pub fn add_sums(&mut self, more: &Sums) {
        self.rows = self.rows.wrapping_add(more.rows);
        for (sum, more) in self.measures.iter_mut().zip(more.measures) {
            *sum = sum.wrapping_add(more);
        }
        self.mix = self.mix.wrapping_add(more.mix);
    }

    pub fn of(part: &PartSums) -> Sums {
        let mut measures = [0; MEASURES_MAX];
        measures.iter_mut().zip(&part.measures).for_each(|(sum, given)| *sum = *given);
        Sums { rows: part.rows, measures, mix: part.mix }
    }

    /// In words, for people.
    pub fn told(&self, table: Table) -> String {
        let measures = table.measures.iter().zip(self.measures).map(|(name, sum)| format!("{sum} {name}, "));
        format!("{} rows, {}mix {:016x}", self.rows, measures.collect::<String>(), self.mix)
    }
}

/// Whether a row may lie in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Window {
    /// Rows whose `start` is in the range, and those without a date of their own.
    Of(Range<i64>),
    /// Only rows without a date of their own.
    Unknown,
}

impl Window {
    /// `None` if the text is no partition.
    pub fn of_partition(partition: &str) -> Option<Window> {
        let Partition { date, hour } = partition.parse().ok()?;
        let Some(date) = date else { return Some(Window::Unknown) };
        let day = date.and_hms_opt(0, 0, 0)?.and_utc().timestamp();
        Some(match hour {
            Hour::All => Window::Of(day..day + SECONDS_PER_DAY),
            Hour::Of(hour) => {
                let begin = day + i64::from(hour) * SECONDS_PER_HOUR;
                Window::Of(begin..begin + SECONDS_PER_HOUR)
            }
            Hour::Unknown => Window::Unknown,
        })
    }

    pub fn admits(&self, start: i64) -> bool {
        let is_dated = (0..START_END).contains(&start);
        match self {
            Window::Of(range) => !is_dated || range.contains(&start),
            Window::Unknown => !is_dated,
        }
    }
}

/// The partition of a row by its `start`, reckoned anew: not as the writer does it. `None` if it has no date.
pub fn partition_of(start: i64, by_hour: bool) -> Option<Partition> {
    if !(0..START_END).contains(&start) {
        return None;
    }
    let time = chrono::DateTime::from_timestamp(start, 0)?.naive_utc();
    let hour = if by_hour { Hour::Of(time.hour() as u8) } else { Hour::All };
    Some(Partition { date: Some(time.date()), hour })
}

/// The partition of rows without a date: what the object's key says.
pub fn partition_of_key(date: Option<NaiveDate>, hour: Option<u8>, by_hour: bool) -> Partition {
    let hour = match (by_hour, date.and(hour)) {
        (false, _) => Hour::All,
        (true, Some(hour)) => Hour::Of(hour),
        (true, None) => Hour::Unknown,
    };
    Partition { date, hour }
}
