use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray, TimestampSecondArray};
use arrow::datatypes::{DataType, TimeUnit, TimestampNanosecondType, TimestampSecondType};

use super::conversion::{Conversion, NS_PER_SECOND};
use super::zone::{first_instant, only_instant, shifted, wall_clock};

const SECOND: TimeUnit = TimeUnit::Second;

fn conversion(to: DataType, session_zone: &str, is_try: bool) -> Conversion {
    Conversion { to, session_zone: session_zone.into(), is_try }
}

fn ns(second: i64) -> i128 {
    i128::from(second) * NS_PER_SECOND
}

/// Every half hour of some years: what a clock shows leads back to the instant, or to the first of two.
#[test]
fn instants_and_wall_clocks_agree_in_every_half_hour() {
    for (zone, folds) in [
        ("UTC", 0),
        ("Europe/Berlin", 2 * 3),
        ("America/New_York", 2 * 3),
        // Half an hour is set back there.
        ("Australia/Lord_Howe", 3),
        // The clocks went back at midnight, or skipped it.
        ("America/Havana", 2 * 3),
        ("Asia/Kolkata", 0),
    ] {
        let tz = zone.parse().expect("a zone");
        let (mut twice, mut last) = (0, i128::MIN);
        // 2021 to 2023.
        for step in 0..3 * 365 * 48 {
            let instant = ns(1_609_459_200 + step * 1_800);
            let wall = wall_clock(&tz, instant).expect("in the calendar");
            let first = first_instant(&tz, wall).expect("in the calendar");
            assert_eq!(wall_clock(&tz, first), Some(wall), "{zone} {instant}");
            match only_instant(&tz, wall) {
                Some(only) => {
                    assert_eq!(only, instant, "{zone}");
                    assert!(wall > last, "{zone} {instant}: the clock shows the greatest time so far");
                }
                None => twice += usize::from(first == instant),
            }
            last = last.max(wall);
        }
        assert_eq!(twice, folds, "{zone}");
    }
}

#[test]
fn a_time_that_clocks_skip_is_the_moment_of_the_jump() {
    let local = |text: &str| ns(text.parse::<chrono::NaiveDateTime>().expect("a time").and_utc().timestamp());
    for (zone, skipped, jump) in [
        ("Europe/Berlin", "2023-03-26T02:00:00", "2023-03-26T01:00:00"),
        ("Europe/Berlin", "2023-03-26T02:59:59", "2023-03-26T01:00:00"),
        ("America/Sao_Paulo", "2018-11-04T00:00:00", "2018-11-04T03:00:00"),
        // A whole day was skipped there.
        ("Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T10:00:00"),
    ] {
        let zone = zone.parse().expect("a zone");
        assert_eq!(first_instant(&zone, local(skipped)), Some(local(jump)), "{skipped}");
    }
}

#[test]
fn texts_are_instants_or_wall_clocks() {
    let berlin: Arc<str> = "Europe/Berlin".into();
    for (text, zoned, local) in [
        ("2023-09-15", 1_694_728_800_000_000_000, 1_694_736_000_000_000_000),
        ("2023-09-15T00:00:00.999", 1_694_728_800_999_000_000, 1_694_736_000_999_000_000),
        ("2023-09-14 22:00:00Z", 1_694_728_800_000_000_000, 1_694_736_000_000_000_000),
        ("2023-09-15T03:00:00.000000001+05:00", 1_694_728_800_000_000_001, 1_694_736_000_000_000_001),
        // Set back from 03:00 to 02:00: the first of two.
        ("2023-10-29T02:30:00", 1_698_539_400_000_000_000, 1_698_546_600_000_000_000),
    ] {
        let values: ArrayRef = Arc::new(StringArray::from(vec![Some(text), None]));
        let value = |zone: Option<Arc<str>>| {
            let to = DataType::Timestamp(TimeUnit::Nanosecond, zone);
            let converted = conversion(to, "Europe/Berlin", false).apply(&values).expect("a time");
            assert!(converted.is_null(1));
            converted.as_primitive::<TimestampNanosecondType>().value(0)
        };
        assert_eq!((value(Some(berlin.clone())), value(None)), (zoned, local), "{text}");
    }
    for text in ["9999-12-31", "yesterday", "2023-09-15T00:00:00.0000000001Z"] {
        let values: ArrayRef = Arc::new(StringArray::from(vec![text]));
        let to = DataType::Timestamp(TimeUnit::Nanosecond, None);
        let error = conversion(to.clone(), "UTC", false).apply(&values).expect_err(text).to_string();
        assert!(error.contains(text), "{error}");
        assert!(conversion(to, "UTC", true).apply(&values).expect("a null").is_null(0));
    }
}

#[test]
fn units_round_down_and_refuse_what_they_cannot_hold() {
    let seconds: ArrayRef = Arc::new(TimestampSecondArray::from(vec![-1, 9_223_372_036, 9_223_372_037]));
    let fine = DataType::Timestamp(TimeUnit::Nanosecond, None);
    assert!(conversion(fine.clone(), "UTC", false).apply(&seconds).is_err());
    let fine = conversion(fine, "UTC", true).apply(&seconds).expect("nulls");
    assert_eq!((fine.null_count(), fine.is_null(2)), (1, true));
    let values: ArrayRef = Arc::new(StringArray::from(vec!["1969-12-31T23:59:59.5", "1970-01-01T00:00:00.5"]));
    let coarse = conversion(DataType::Timestamp(SECOND, None), "UTC", false).apply(&values).expect("times");
    assert_eq!(coarse.as_primitive::<TimestampSecondType>().values(), &[-1, 0]);
}

#[test]
fn months_and_days_are_those_of_the_clocks() {
    let zone = "Europe/Berlin".parse().expect("a zone");
    let at = |text: &str| ns(chrono::DateTime::parse_from_rfc3339(text).expect("a time").timestamp());
    for (from, months, days, to) in [
        // Skipped: the moment at which they jump. Twice: the first.
        ("2023-03-27T02:30:00+02:00", 0, -1, "2023-03-26T03:00:00+02:00"),
        ("2023-10-28T02:30:00+02:00", 0, 1, "2023-10-29T02:30:00+02:00"),
        ("2023-10-28T12:00:00+02:00", 0, 1, "2023-10-29T12:00:00+01:00"),
        ("2023-10-29T02:30:00+01:00", 0, 0, "2023-10-29T02:30:00+01:00"),
        ("2023-01-31T00:00:00+01:00", 1, 0, "2023-02-28T00:00:00+01:00"),
        ("2023-03-31T12:00:00+02:00", -1, -1, "2023-02-27T12:00:00+01:00"),
    ] {
        assert_eq!(shifted(&zone, at(from), months, days), Some(at(to)), "{from} {months} {days}");
    }
    assert_eq!(shifted(&zone, 0, i64::MAX, 0), None);
}
