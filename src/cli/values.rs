//! How a day, an age and a size are written on the command line: one reading for every command.

use std::path::PathBuf;

use chrono::{DateTime, Days, NaiveDate, Utc};
use clap::builder::{PathBufValueParser, TypedValueParser, ValueParser};

use crate::convert::Until;

/// A UTC day: a date (`2023-09-14`), an RFC 3339 time, or an age counted from now (`24h`, `7d`).
pub fn day_of(text: &str) -> Result<NaiveDate, String> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date);
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.with_timezone(&Utc).date_naive());
    }
    let age = humantime::parse_duration(text)
        .map_err(|_| format!("\"{text}\" is no time; write a date (2023-09-14), RFC 3339, or an age (24h, 7d)"))?;
    let age = chrono::TimeDelta::from_std(age).map_err(|_| format!("\"{text}\" is too long an age"))?;
    Utc::now().checked_sub_signed(age).map(|time| time.date_naive()).ok_or_else(|| format!("\"{text}\" is too old"))
}

/// A UTC date (`2023-09-14`), or an age (`400d`) from which a date follows once it is known what time it is.
pub fn until(text: &str) -> Result<Until, String> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(Until::Date(date));
    }
    let age = humantime::parse_duration(text)
        .map_err(|_| format!("\"{text}\" is no date; write one (2023-09-14), or an age (400d)"))?;
    chrono::TimeDelta::from_std(age).map(Until::Age).map_err(|_| format!("\"{text}\" is too long an age"))
}

/// An age in whole days, rounded up: `3d`, `36h` (two days).
pub fn days(text: &str) -> Result<u32, String> {
    let age = humantime::parse_duration(text).map_err(|error| format!("\"{text}\" is no age such as 3d: {error}"))?;
    let days = u32::try_from(age.as_secs().div_ceil(86_400)).map_err(|_| format!("\"{text}\" is too long"))?;
    let reachable = Utc::now().date_naive().checked_sub_days(Days::new(u64::from(days)));
    reachable.map(|_| days).ok_or_else(|| format!("\"{text}\" is too long"))
}

/// A file or folder of this machine: a path, or its URL.
pub fn path() -> ValueParser {
    PathBufValueParser::new().try_map(local).into()
}

/// Taken for a path, `file:///data` would be the folder `file:` of the working directory, and `s3://…` likewise.
pub fn local(path: PathBuf) -> Result<PathBuf, String> {
    match path.to_str().and_then(|text| text.split_once("://")) {
        Some(("file", rest)) if rest.starts_with('/') => Ok(rest.into()),
        Some((scheme, _)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !scheme.is_empty() => {
            Err("a URL of another place; give a path of this machine, or file:///absolute/path".to_owned())
        }
        _ => Ok(path),
    }
}

/// A size in bytes: `256MiB`, `1GB`, `1048576`.
pub fn size(text: &str) -> Result<u64, String> {
    size_from(text, 1 << 20, "1MiB")
}

/// The size of files that come of smaller ones. A row group is written as a whole, and takes some 14 MB; a store copies
/// files of at most 4 GiB by itself.
pub fn target(text: &str) -> Result<u64, String> {
    let size = size_from(text, 16 << 20, "16MiB")?;
    if size > 4 << 30 {
        return Err(format!("\"{text}\" is too large; give at most 4GiB"));
    }
    Ok(size)
}

/// A size of an answer.
#[cfg(feature = "mcp")]
pub fn answer_size(text: &str) -> Result<u64, String> {
    size_from(text, 4 << 10, "4KiB")
}

fn size_from(text: &str, least: u64, least_shown: &str) -> Result<u64, String> {
    let size = text.parse::<bytesize::ByteSize>().map_err(|_| format!("\"{text}\" is no size such as 256MiB"))?;
    if size.as_u64() < least {
        return Err(format!("\"{text}\" is too small; give at least {least_shown}"));
    }
    Ok(size.as_u64())
}

/// A length of time in seconds: `24h`, `7d`.
pub fn seconds(text: &str) -> Result<i64, String> {
    let length =
        humantime::parse_duration(text).map_err(|error| format!("\"{text}\" is no period such as 7d: {error}"))?;
    let seconds = i64::try_from(length.as_secs()).ok().filter(|seconds| (1..=1 << 40).contains(seconds));
    seconds
        .filter(|_| length.subsec_nanos() == 0)
        .ok_or_else(|| format!("\"{text}\" is no usable period; give whole seconds, and at least one"))
}
