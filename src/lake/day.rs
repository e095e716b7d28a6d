//! The day in a source object's key, by which the ledger files what it has seen.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A day, or "none" for objects whose key names no day. "none" sorts first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Day(pub Option<NaiveDate>);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(date) => write!(f, "{date}"),
            None => f.write_str("none"),
        }
    }
}

impl FromStr for Day {
    type Err = chrono::ParseError;

    /// Of four digits of a year, as keys and partitions have it.
    fn from_str(text: &str) -> Result<Day, chrono::ParseError> {
        if text == "none" {
            return Ok(Day(None));
        }
        let date = NaiveDate::from_str(text)?;
        if date.to_string() == text && (0..=9999).contains(&date.year()) {
            return Ok(Day(Some(date)));
        }
        // What the library says of a day that is none.
        Err(NaiveDate::from_str("none").expect_err("it is no date"))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
