//! The sums of a receipt, computed again row by row: once from data files, once from source objects.

use std::ops::Range;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::encode::row_mix;
use crate::lake::PartSums;

const SECONDS_PER_DAY: i64 = 86_400;
const SECONDS_PER_HOUR: i64 = 3_600;
/// The first second of the year 10000: no later `start` has a partition.
const START_END: i64 = 253_402_300_800;
const DEFAULT: &str = "__HIVE_DEFAULT_PARTITION__";

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
    /// Reads `date=2023-09-14` or `date=2023-09-14/hour=07`; `None` if it is neither.
    pub fn of_partition(partition: &str) -> Option<Window> {
        let (date, hour) = match partition.split_once('/') {
            Some((date, hour)) => (date, Some(hour.strip_prefix("hour=")?)),
            None => (partition, None),
        };
        let date = date.strip_prefix("date=")?;
        if date == DEFAULT || hour == Some(DEFAULT) {
            return Some(Window::Unknown);
        }
        let day = date.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?.and_utc().timestamp();
        let Some(hour) = hour else { return Some(Window::Of(day..day + SECONDS_PER_DAY)) };
        let hour: i64 = hour.parse().ok().filter(|hour| (0..24).contains(hour))?;
        let begin = day + hour * SECONDS_PER_HOUR;
        Some(Window::Of(begin..begin + SECONDS_PER_HOUR))
    }

    pub fn admits(&self, start: i64) -> bool {
        let is_dated = (0..START_END).contains(&start);
        match self {
            Window::Of(range) => !is_dated || range.contains(&start),
            Window::Unknown => !is_dated,
        }
    }
}

/// The partition of a row by its `start`, in words of its own; `None` if it has no date.
pub fn partition_of(start: i64, by_hour: bool) -> Option<String> {
    if !(0..START_END).contains(&start) {
        return None;
    }
    let time = chrono::DateTime::from_timestamp(start, 0)?;
    Some(time.format(if by_hour { "date=%Y-%m-%d/hour=%H" } else { "date=%Y-%m-%d" }).to_string())
}

/// The partition of rows without a date: what the object's key says.
pub fn partition_of_key(day: Option<NaiveDate>, hour: Option<u8>, by_hour: bool) -> String {
    let date = day.map_or_else(|| DEFAULT.to_owned(), |day| day.to_string());
    match (by_hour, day.and(hour)) {
        (false, _) => format!("date={date}"),
        (true, Some(hour)) => format!("date={date}/hour={hour:02}"),
        (true, None) => format!("date={date}/hour={DEFAULT}"),
    }
}
