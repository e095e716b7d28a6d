//! A name inside a lake, as the records of its ledger have it.
//!
//! A ledger may be a stranger's. Every name in it is read as this type, so that no record can lead out of the lake: not
//! to the folder above, not to the root of the disk, not to another store. What the program itself writes are letters,
//! digits and `_ - = .`, and nothing else is taken.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// S3 takes keys of 1,024 bytes.
const BYTES_MAX: usize = 1024;
/// Of a folder or file: what file systems take.
const PART_BYTES_MAX: usize = 255;
/// How much of a wrong name is told.
const TOLD_CHARS_MAX: usize = 120;

/// A name below a lake's root: one or more parts between `/`, none of which is empty, `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Relative(String);

/// A text that is no such name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no name inside the lake")]
pub struct NotInside(String);

impl Relative {
    /// As records have it, without a `/` at either end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name that this program puts together; it may be longer than one that is read.
    pub(super) fn spelled(name: String) -> Relative {
        assert!(name.split('/').all(is_part), "{name:?} is made of words, numbers, hashes and partitions");
        Relative(name)
    }
}

fn is_part(part: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-=.".contains(&byte);
    !part.is_empty() && part != "." && part != ".." && part.bytes().all(is_plain)
}

fn is_sound(text: &str) -> bool {
    text.len() <= BYTES_MAX && text.split('/').all(|part| part.len() <= PART_BYTES_MAX && is_part(part))
}

impl TryFrom<String> for Relative {
    type Error = NotInside;

    fn try_from(text: String) -> Result<Relative, NotInside> {
        match is_sound(&text) {
            true => Ok(Relative(text)),
            false => Err(NotInside(format!("{:?}", text.chars().take(TOLD_CHARS_MAX).collect::<String>()))),
        }
    }
}

impl FromStr for Relative {
    type Err = NotInside;

    fn from_str(text: &str) -> Result<Relative, NotInside> {
        Relative::try_from(text.to_owned())
    }
}

impl Deref for Relative {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Relative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Relative {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Relative {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Relative, D::Error> {
        Relative::try_from(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_but_into_the_lake() {
        let sound = [
            "flow_logs/date=2023-09-14/hour=07/p00000001-t000000-0000-0123456789abcdef.parquet",
            "flow_logs/date=__HIVE_DEFAULT_PARTITION__/a..b.parquet",
            "_flowlake/objects/day=none/00000000000000000063-0000-0123456789abcdef.parquet",
            "a",
            "...",
        ];
        for text in sound {
            let name: Relative = serde_json::from_value(serde_json::json!(text)).unwrap();
            assert_eq!((name.as_str(), serde_json::to_value(&name).unwrap()), (text, serde_json::json!(text)));
        }
        let long = "a/".repeat(600) + "a";
        let long_part = "a".repeat(256);
        let wrong = [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../x",
            "a/../../x",
            "a/./b",
            ".",
            "a//b",
            "a/",
            "file:///etc/passwd",
            "s3://other/key",
            "a\0b",
            "a\nb",
            "a\u{1b}[2J",
            "a b",
            "a\\..\\b",
            "a%2e%2e/b",
            "a?b",
            "a#1",
            "ä",
            &long,
            &long_part,
            "C:/x",
            "~/x",
            "a:b",
        ];
        for text in wrong {
            let error = serde_json::from_value::<Relative>(serde_json::json!(text)).unwrap_err().to_string();
            assert!(error.contains("is no name inside the lake"), "{text:?}: {error}");
            assert!(!error.chars().any(char::is_control) && error.len() < 1000, "{error:?}");
        }
    }
}
