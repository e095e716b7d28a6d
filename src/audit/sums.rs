//! The sums of a receipt, computed again row by row: once from data files, once from source objects.

use std::ops::Range;

use chrono::{NaiveDate, Timelike};
use serde::{Deserialize, Serialize};

use crate::encode::row_mix;
use crate::lake::PartSums;
use crate::schema::{Hour, Partition};

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
    pub packets: i64,
    pub bytes: i64,
}

/// Sums over rows of one object in one partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    pub rows: u64,
    pub packets: u64,
    pub bytes: u64,
    pub mix: u64,
}

impl Sums {
    pub fn add(&mut self, row: &Counted) {
        self.rows += 1;
        self.packets = self.packets.wrapping_add(row.packets.max(0) as u64);
        self.bytes = self.bytes.wrapping_add(row.bytes.max(0) as u64);
        self.mix = self.mix.wrapping_add(row_mix(row.line, row.start, row.end, row.packets, row.bytes));
    }

    pub fn add_sums(&mut self, more: &Sums) {
        self.rows = self.rows.wrapping_add(more.rows);
        self.packets = self.packets.wrapping_add(more.packets);
        self.bytes = self.bytes.wrapping_add(more.bytes);
        self.mix = self.mix.wrapping_add(more.mix);
    }

    pub fn of(part: &PartSums) -> Sums {
        Sums { rows: part.rows, packets: part.packets, bytes: part.bytes, mix: part.mix }
    }
}

impl std::fmt::Display for Sums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Sums { rows, packets, bytes, mix } = self;
        write!(f, "{rows} rows, {packets} packets, {bytes} bytes, mix {mix:016x}")
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
