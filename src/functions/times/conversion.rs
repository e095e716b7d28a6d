//! What a cast from or to a timestamp means, value by value.
//!
//! - An instant without its zone is the wall clock there. A wall clock in a zone is the first instant at which the
//!   clock shows that time or a later one: a time that comes twice means the first, one that the clocks skip the moment
//!   they do.
//! - A text with an offset names an instant, one without a wall clock. Its day is that of the session's clocks.
//! - Coarser units round down; what a unit cannot hold is an error, or null where the cast is a TRY_CAST.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::kernels::cast_utils::{Parser, string_to_datetime};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimeUnit};
use chrono::{DateTime, FixedOffset, Utc};
use datafusion_common::{Result, ScalarValue, exec_err};

use super::zone::{first_instant, wall_clock};

pub(super) const NS_PER_SECOND: i128 = 1_000_000_000;
pub(super) const NS_PER_DAY: i128 = 86_400 * NS_PER_SECOND;

/// One cast.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Conversion {
    pub to: DataType,
    /// The zone of the session, in which a text with an offset is a wall clock.
    pub session_zone: Arc<str>,
    /// Null, not an error, for values that cannot be converted.
    pub is_try: bool,
}

/// A text as a time or a date, as a cast of it is in a session of this zone.
pub fn of_text(text: &str, to: &DataType, session_zone: &str) -> Result<ScalarValue> {
    let conversion = Conversion { to: to.clone(), session_zone: session_zone.into(), is_try: false };
    ScalarValue::try_from_array(&conversion.apply(&ScalarValue::from(text).to_array()?)?, 0)
}

/// The nanoseconds since 1970 that a text says, as the clocks of UTC show them if it has no offset.
pub(super) fn of_text_in_ns(text: &str) -> Option<i128> {
    match read(text).ok()? {
        Point::Instant(ns) | Point::WallClock(ns) => Some(ns),
    }
}

/// Nanoseconds of one step of a type of points in time; `None` for other types.
pub(super) fn ns_per_tick(kind: &DataType) -> Option<i128> {
    match kind {
        DataType::Timestamp(TimeUnit::Second, _) => Some(NS_PER_SECOND),
        DataType::Timestamp(TimeUnit::Millisecond, _) | DataType::Date64 => Some(NS_PER_SECOND / 1_000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Some(1_000),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Some(1),
        DataType::Date32 => Some(NS_PER_DAY),
        _ => None,
    }
}

fn is_date(kind: &DataType) -> bool {
    matches!(kind, DataType::Date32 | DataType::Date64)
}

/// The zone of a timestamp that has one.
pub(super) fn zone_of(kind: &DataType) -> Result<Option<Tz>> {
    match kind {
        DataType::Timestamp(_, Some(zone)) => Ok(Some(zone.parse()?)),
        _ => Ok(None),
    }
}

impl Conversion {
    pub fn apply(&self, values: &ArrayRef) -> Result<ArrayRef> {
        match values.data_type() {
            DataType::Dictionary(_, value) => self.apply(&cast(values, value)?),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if ns_per_tick(&self.to).is_some() => {
                self.texts(values)
            }
            from => match (ns_per_tick(from), ns_per_tick(&self.to)) {
                (Some(from_ns), Some(to_ns)) => self.points(values, from_ns, to_ns),
                // Numbers are steps of the timestamp's own unit; texts show the zone.
                _ => {
                    let options = CastOptions { safe: self.is_try, ..CastOptions::default() };
                    Ok(cast_with_options(values, &self.to, &options)?)
                }
            },
        }
    }

    /// From points in time to points in time.
    fn points(&self, values: &ArrayRef, from_ns: i128, to_ns: i128) -> Result<ArrayRef> {
        let from = values.data_type();
        let (from_zone, to_zone) = (zone_of(from)?, zone_of(&self.to)?);
        let ticks = match from {
            // The engine makes a number of days one of four bytes.
            DataType::Date32 => cast(&cast(values, &DataType::Int32)?, &DataType::Int64)?,
            _ => cast(values, &DataType::Int64)?,
        };
        let ticks = ticks.as_primitive::<Int64Type>();
        let days = |ns: i128| if self.to == DataType::Date64 { ns.div_euclid(NS_PER_DAY) * NS_PER_DAY } else { ns };
        let converted = match (from_zone, to_zone) {
            (Some(zone), None) => self.each(ticks, |tick| {
                let wall = days(wall_clock(&zone, i128::from(tick) * from_ns)?);
                i64::try_from(wall.div_euclid(to_ns)).ok()
            })?,
            (None, Some(zone)) => self.each(ticks, |tick| {
                let instant = first_instant(&zone, i128::from(tick) * from_ns)?;
                i64::try_from(instant.div_euclid(to_ns)).ok()
            })?,
            _ if from_ns % to_ns == 0 => {
                let factor = i64::try_from(from_ns / to_ns).expect("a day has fewer nanoseconds than i64 holds");
                self.multiplied(ticks, factor)?
            }
            _ => self.each(ticks, |tick| i64::try_from(days(i128::from(tick) * from_ns).div_euclid(to_ns)).ok())?,
        };
        self.named(converted)
    }

    fn texts(&self, values: &ArrayRef) -> Result<ArrayRef> {
        let ticks = self.ticks()?;
        let texts = cast(values, &DataType::Utf8View)?;
        let mut converted = Vec::with_capacity(texts.len());
        for text in texts.as_string_view() {
            let Some(text) = text else {
                converted.push(None);
                continue;
            };
            let tick = match read(text) {
                Ok(point) => Ok(ticks.of(point)),
                // Years beyond timestamps, and whatever else a date may look like.
                Err(reason) if is_date(&self.to) => match Date32Type::parse(text) {
                    Some(day) => Ok(ticks.of(Point::WallClock(i128::from(day) * NS_PER_DAY))),
                    None => Err(format!("it is no date: {reason}")),
                },
                Err(reason) => Err(reason),
            };
            match tick {
                Ok(Some(tick)) => converted.push(Some(tick)),
                _ if self.is_try => converted.push(None),
                Ok(None) => return exec_err!("\"{text}\" is out of range: a timestamp lies between 1677 and 2262"),
                Err(reason) => return exec_err!("\"{text}\" is no time: {reason}"),
            }
        }
        self.named(Int64Array::from(converted))
    }

    /// What makes steps of the type of what a text says.
    pub(super) fn ticks(&self) -> Result<Ticks> {
        let Some(ns_per_tick) = ns_per_tick(&self.to) else { return exec_err!("{} is no point in time", self.to) };
        Ok(Ticks { to: self.to.clone(), ns_per_tick, zone: zone_of(&self.to)?, session: self.session_zone.parse()? })
    }

    /// Every `start_time` is made here, so that numbers which cannot overflow, as a rule all, are not looked at twice.
    fn multiplied(&self, ticks: &Int64Array, factor: i64) -> Result<Int64Array> {
        let limit = i64::MAX / factor;
        // Also of nulls, whose numbers mean nothing: then it is only slower. No way out of the loop keeps it quick.
        let is_beyond = ticks.values().iter().fold(false, |is, &tick| is | (tick > limit) | (tick < -limit));
        match is_beyond {
            true => self.each(ticks, |tick| tick.checked_mul(factor)),
            false => Ok(ticks.unary(|tick| tick.wrapping_mul(factor))),
        }
    }

    fn each(&self, ticks: &Int64Array, convert: impl Fn(i64) -> Option<i64>) -> Result<Int64Array> {
        if self.is_try {
            return Ok(ticks.unary_opt(convert));
        }
        ticks.try_unary(|tick| match convert(tick) {
            Some(converted) => Ok(converted),
            None => exec_err!("{tick} is out of range: a timestamp lies between 1677 and 2262"),
        })
    }

    /// Steps of the type's own unit, as that type.
    pub(super) fn named(&self, ticks: Int64Array) -> Result<ArrayRef> {
        let ticks: ArrayRef = match self.to {
            DataType::Date32 => cast(&ticks, &DataType::Int32)?,
            _ => Arc::new(ticks),
        };
        Ok(cast(&ticks, &self.to)?)
    }
}

/// What a text says, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    Instant(i128),
    WallClock(i128),
}

/// Makes steps of a type of points in time.
#[derive(Debug)]
pub(super) struct Ticks {
    to: DataType,
    ns_per_tick: i128,
    zone: Option<Tz>,
    session: Tz,
}

impl Ticks {
    /// `None` beyond the type.
    pub fn of(&self, point: Point) -> Option<i64> {
        let ns = match (point, &self.zone) {
            (Point::Instant(ns), Some(_)) => ns,
            (Point::Instant(ns), None) => wall_clock(&self.session, ns)?,
            (Point::WallClock(ns), Some(zone)) => first_instant(zone, ns)?,
            (Point::WallClock(ns), None) => ns,
        };
        let ns = if self.to == DataType::Date64 { ns.div_euclid(NS_PER_DAY) * NS_PER_DAY } else { ns };
        let tick = ns.div_euclid(self.ns_per_tick);
        match self.to {
            DataType::Date32 => i32::try_from(tick).ok().map(i64::from),
            _ => i64::try_from(tick).ok(),
        }
    }
}

/// Whether the fraction of a second has digits behind the ninth.
pub(super) fn is_finer(text: &str) -> bool {
    const DIGITS_MAX: usize = 9;
    text.split('.').skip(1).any(|fraction| {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit);
        digits.skip(DIGITS_MAX).any(|digit| digit != b'0')
    })
}

fn read(text: &str) -> std::result::Result<Point, String> {
    let with_seconds = with_seconds(text);
    let text = with_seconds.as_deref().unwrap_or(text);
    if is_finer(text) {
        return Err("it is finer than a nanosecond".to_owned());
    }
    let at_utc = string_to_datetime(&Utc, text).map_err(|error| error.to_string())?;
    let elsewhere = FixedOffset::east_opt(3_600).expect("an hour is a valid offset");
    let at_other = string_to_datetime(&elsewhere, text).map_err(|error| error.to_string())?;
    // Only a text without an offset depends on the zone that it is read in.
    Ok(match at_utc == at_other {
        true => Point::Instant(since_1970(at_utc)),
        false => Point::WallClock(since_1970(at_utc)),
    })
}

/// `2023-09-14 05:00` and `2023-09-14T05`, and what follows them, with the minutes and seconds that they lack.
pub fn with_seconds(text: &str) -> Option<String> {
    const PATTERN: &[u8] = b"0000-00-00 00:00";
    const HOUR: usize = b"0000-00-00 00".len();
    let is_written = |(sign, of): (u8, &u8)| match of {
        b'0' => sign.is_ascii_digit(),
        b' ' => matches!(sign, b' ' | b'T' | b't'),
        other => sign == *other,
    };
    for (length, missing) in [(PATTERN.len(), ":00"), (HOUR, ":00:00")] {
        let (Some(time), Some(rest)) = (text.get(..length), text.get(length..)) else { continue };
        // A digit is one too many.
        let ends = !rest.starts_with(|sign: char| sign.is_ascii_digit() || matches!(sign, ':' | '.' | ','));
        if ends && time.bytes().zip(PATTERN).all(is_written) {
            return Some(format!("{time}{missing}{rest}"));
        }
    }
    None
}

pub(super) fn since_1970(at: DateTime<Utc>) -> i128 {
    i128::from(at.timestamp()) * NS_PER_SECOND + i128::from(at.timestamp_subsec_nanos())
}
