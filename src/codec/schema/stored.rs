//! How the files of a lake are stored: by which keys they are parted, and how their pages are compressed.
//!
//! The names are the words of the command line and of the ledger: they stay as they are.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How the pages of a file are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// zstd, at the level that `compress` says.
    #[default]
    Zstd,
    /// Snappy: larger, and read by everything.
    Snappy,
    /// gzip.
    Gzip,
    /// Pages as they are encoded.
    None,
}

impl Compression {
    /// All, in the order of the help.
    pub const ALL: [Compression; 4] = [Compression::Zstd, Compression::Snappy, Compression::Gzip, Compression::None];

    /// As options and the ledger spell it.
    pub fn name(self) -> &'static str {
        match self {
            Compression::Zstd => "zstd",
            Compression::Snappy => "snappy",
            Compression::Gzip => "gzip",
            Compression::None => "none",
        }
    }
}

/// What a partition's directories are made from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartitionBy {
    /// `date=2023-09-14/`
    #[default]
    #[serde(rename = "date")]
    Date,
    /// `date=2023-09-14/hour=05/`
    #[serde(rename = "date,hour")]
    DateHour,
}

impl PartitionBy {
    /// All, in the order of the help.
    pub const ALL: [PartitionBy; 2] = [PartitionBy::Date, PartitionBy::DateHour];

    /// As options and the ledger spell it.
    pub fn name(self) -> &'static str {
        match self {
            PartitionBy::Date => "date",
            PartitionBy::DateHour => "date,hour",
        }
    }

    /// Whether the hour is one of the keys.
    pub fn is_by_hour(self) -> bool {
        self == PartitionBy::DateHour
    }
}

/// A value that names none of the choices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is none of {choices}")]
pub struct UnknownChoice {
    value: String,
    choices: String,
}

fn choose<T: Copy>(value: &str, choices: &[T], name: impl Fn(T) -> &'static str) -> Result<T, UnknownChoice> {
    choices.iter().copied().find(|&choice| name(choice) == value).ok_or_else(|| UnknownChoice {
        value: value.to_owned(),
        choices: choices.iter().map(|&choice| name(choice)).collect::<Vec<_>>().join(", "),
    })
}

impl FromStr for Compression {
    type Err = UnknownChoice;

    fn from_str(value: &str) -> Result<Compression, UnknownChoice> {
        choose(value, &Compression::ALL, Compression::name)
    }
}

impl FromStr for PartitionBy {
    type Err = UnknownChoice;

    fn from_str(value: &str) -> Result<PartitionBy, UnknownChoice> {
        choose(value, &PartitionBy::ALL, PartitionBy::name)
    }
}
