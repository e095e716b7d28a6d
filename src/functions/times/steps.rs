//! The values of a series of times, step by step on the clocks of their zone: each is `instant + interval`, as
//! PostgreSQL reckons it.

use arrow::array::timezone::Tz;
use arrow::datatypes::IntervalMonthDayNano;
use datafusion_common::{Result, plan_err};

use super::zone::{first_instant, shifted, wall_clock};

const NS_PER_DAY: i128 = 86_400_000_000_000;
const DAYS_PER_MONTH: i128 = 30;

/// The zone of a series, by that of its begin. Clocks without a zone never change.
pub fn zone_of(start: Option<&str>) -> Result<Tz> {
    Ok(start.unwrap_or("+00:00").parse()?)
}

/// The end of a series as its begin is, on clocks of a zone or without one; `None` beyond the calendar.
pub fn end_beside(start: Option<&str>, end: Option<&str>, at: i64) -> Result<Option<i64>> {
    let at = match (start, end) {
        (Some(zone), None) => first_instant(&zone.parse()?, at.into()),
        (None, Some(zone)) => wall_clock(&zone.parse()?, at.into()),
        _ => return Ok(Some(at)),
    };
    Ok(at.and_then(|at| i64::try_from(at).ok()))
}

/// The values of one series, in nanoseconds since 1970. Beyond the last instant that there is, it ends.
#[derive(Debug, Clone)]
pub struct Steps {
    zone: Tz,
    step: IntervalMonthDayNano,
    is_forward: bool,
    /// The next one.
    next: Option<i64>,
    end: i64,
    has_end: bool,
}

impl Steps {
    pub fn new(zone: Tz, start: i64, end: i64, step: IntervalMonthDayNano, has_end: bool) -> Result<Steps> {
        let days = i128::from(step.months) * DAYS_PER_MONTH + i128::from(step.days);
        match days * NS_PER_DAY + i128::from(step.nanoseconds) {
            0 => plan_err!("a series has no step of 0: write interval '1 day'"),
            length => Ok(Steps { zone, step, is_forward: length > 0, next: Some(start), end, has_end }),
        }
    }
}

impl Iterator for Steps {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        let at = self.next?;
        let is_within = at == self.end && self.has_end || at != self.end && (at < self.end) == self.is_forward;
        if !is_within {
            return None;
        }
        let IntervalMonthDayNano { months, days, nanoseconds } = self.step;
        let later = shifted(&self.zone, at.into(), months.into(), days.into());
        let later = later.and_then(|later| i64::try_from(later + i128::from(nanoseconds)).ok());
        // A step of a month less thirty days may lead nowhere.
        self.next = later.filter(|later| *later != at && (*later > at) == self.is_forward);
        Some(at)
    }
}
