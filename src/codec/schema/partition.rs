//! Where in a table a data file belongs, and how its folders are spelled: here alone.

use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::PARTITION_KEYS;

/// The name that Hive, Spark, Trino and DuckDB read as null.
const DEFAULT: &str = "__HIVE_DEFAULT_PARTITION__";

const HOURS_PER_DAY: u8 = 24;

/// The hour within a partition's date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hour {
    /// The lake is partitioned by date alone.
    All,
    /// From 0 to 23, in UTC.
    Of(u8),
    /// Neither the row nor the object's key tells one.
    Unknown,
}

impl Hour {
    /// From 0 to 23, if it is known.
    pub fn number(self) -> Option<u8> {
        match self {
            Hour::Of(hour) => Some(hour),
            Hour::All | Hour::Unknown => None,
        }
    }
}

/// Where in a table a data file belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Partition {
    /// In UTC; `None` if neither the row nor the key tells one.
    pub date: Option<NaiveDate>,
    /// Within that date.
    pub hour: Hour,
}

impl Partition {
    /// Whether `hour` is one of its keys.
    pub fn is_by_hour(&self) -> bool {
        self.hour != Hour::All
    }

    /// Whether one of its keys has no value.
    pub fn is_default(&self) -> bool {
        self.date.is_none() || self.hour == Hour::Unknown
    }

    /// Directories below the table's, such as `date=2023-09-14/hour=07`.
    pub fn path(&self) -> String {
        let [date_key, hour_key] = PARTITION_KEYS;
        let date = self.date.map_or_else(|| DEFAULT.to_owned(), |date| date.to_string());
        match self.hour {
            Hour::All => format!("{date_key}={date}"),
            Hour::Of(hour) => format!("{date_key}={date}/{hour_key}={hour:02}"),
            Hour::Unknown => format!("{date_key}={date}/{hour_key}={DEFAULT}"),
        }
    }
}

/// A text that is the path of no partition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a partition such as `date=2023-09-14` or `date=2023-09-14/hour=07`")]
pub struct NotAPartition(String);

impl FromStr for Partition {
    type Err = NotAPartition;

    /// The partition of which `path` is the [`Partition::path`].
    fn from_str(path: &str) -> Result<Partition, NotAPartition> {
        parse(path).filter(|partition| partition.path() == path).ok_or_else(|| NotAPartition(path.to_owned()))
    }
}

/// Reads more than [`Partition::path`] writes, such as an hour of one digit.
fn parse(path: &str) -> Option<Partition> {
    let [date_key, hour_key] = PARTITION_KEYS;
    let (date, hour) = match path.split_once('/') {
        Some((date, hour)) => (date, Some(value(hour, hour_key)?)),
        None => (path, None),
    };
    let date = match value(date, date_key)? {
        DEFAULT => None,
        date => Some(date.parse().ok()?),
    };
    let hour = match hour {
        None => Hour::All,
        Some(DEFAULT) => Hour::Unknown,
        Some(hour) => Hour::Of(hour.parse().ok().filter(|hour| *hour < HOURS_PER_DAY)?),
    };
    Some(Partition { date, hour })
}

fn value<'a>(directory: &'a str, key: &str) -> Option<&'a str> {
    directory.strip_prefix(key)?.strip_prefix('=')
}
