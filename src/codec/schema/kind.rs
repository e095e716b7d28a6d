//! How the text of a field is read, and what it is stored as.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{DataType, Field, TimeUnit};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::within::without_ids;

/// How the text of a field is read, and what it is stored as. The ledger spells it as [`Kind`]'s `Display` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8 text, stored as a Parquet `STRING`.
    Text,
    /// Decimal digits up to 2^31-1, stored as `INT32`.
    Int32,
    /// A port, 0 to 65535, stored as `INT32`.
    Port,
    /// Decimal digits up to 2^63-1, stored as `INT64`.
    Int64,
    /// Unix seconds, stored as `INT64`; a number that only milliseconds can be is divided by 1000.
    Seconds,
    /// A whole number of 64 bits with or without a sign, stored as `INT64`.
    Signed,
    /// A number with a point, stored as `DOUBLE`. Neither infinite nor "not a number".
    Double,
    /// `true` or `false`.
    Boolean,
    /// An instant as RFC 3339 writes it, in UTC if it names no zone; stored as microseconds since 1970 in UTC.
    Timestamp,
    /// A list or a struct.
    Nested(Nested),
}

impl Kind {
    /// Whether two kinds are stored as the same Parquet type.
    pub fn same_storage(self, other: Kind) -> bool {
        self.data_type() == other.data_type()
    }

    /// A kind that is stored as an Arrow type, with or without ids; `None` if no kind is.
    pub fn of_stored(stored: &DataType) -> Option<Kind> {
        let stored = without_ids(stored);
        let word = spelled(&stored)?;
        word.parse().ok().filter(|kind: &Kind| kind.data_type() == stored)
    }

    /// What it is stored as, in a word.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Int32 | Kind::Port => "int32",
            Kind::Int64 | Kind::Seconds | Kind::Signed => "int64",
            Kind::Double => "double",
            Kind::Boolean => "boolean",
            Kind::Timestamp => "timestamp",
            Kind::Nested(Nested(text)) => text,
        }
    }

    /// Whether the encoder's own pages hold it. Files with a column of another kind are written by the Parquet library.
    pub fn is_direct(self) -> bool {
        matches!(self, Kind::Text | Kind::Int32 | Kind::Port | Kind::Int64 | Kind::Seconds)
    }

    /// The Arrow type that readers see.
    pub fn data_type(self) -> DataType {
        match self {
            Kind::Text => DataType::Utf8,
            Kind::Int32 | Kind::Port => DataType::Int32,
            Kind::Int64 | Kind::Seconds | Kind::Signed => DataType::Int64,
            Kind::Double => DataType::Float64,
            Kind::Boolean => DataType::Boolean,
            Kind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Kind::Nested(nested) => nested.data_type(),
        }
    }
}

/// Kinds that are one word.
const WORDS: [(&str, Kind); 9] = [
    ("text", Kind::Text),
    ("int32", Kind::Int32),
    ("port", Kind::Port),
    ("int64", Kind::Int64),
    ("seconds", Kind::Seconds),
    ("signed", Kind::Signed),
    ("double", Kind::Double),
    ("boolean", Kind::Boolean),
    ("timestamp", Kind::Timestamp),
];

/// A text that spells no kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no type of a column that this flowlake knows")]
pub struct NotAKind(String);

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Nested(Nested(text)) => f.write_str(text),
            kind => f.write_str(WORDS.iter().find(|(_, word)| word == kind).expect("every other kind is a word").0),
        }
    }
}

impl FromStr for Kind {
    type Err = NotAKind;

    fn from_str(text: &str) -> Result<Kind, NotAKind> {
        match WORDS.iter().find(|(word, _)| *word == text) {
            Some((_, kind)) => Ok(*kind),
            None => Nested::parse(text).map(Kind::Nested).ok_or_else(|| NotAKind(text.to_owned())),
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
        deserializer.deserialize_str(Spelled)
    }
}

struct Spelled;

impl Visitor<'_> for Spelled {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the type of a column")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Kind, E> {
        text.parse().map_err(E::custom)
    }
}

/// A list or a struct, as `list<text>` or `struct<name:text,sizes:list<int64>>` spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nested(&'static str);

/// Different nested types that one process may meet, and bytes of the text of one: they are kept to its end.
const NESTED_MAX: usize = 4096;
const NESTED_BYTES_MAX: usize = 16 << 10;
const DEPTH_MAX: usize = 16;

static MET: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

impl Nested {
    /// Of a text that stands in the program. One that spells no nested type panics when it is asked for its type: a
    /// test of the kinds asks for all.
    pub const fn of(text: &'static str) -> Nested {
        Nested(text)
    }

    fn parse(text: &str) -> Option<Nested> {
        if text.len() > NESTED_BYTES_MAX || !data_type(text, 0)?.is_nested() {
            return None;
        }
        let mut met = MET.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = met.get(text) {
            return Some(Nested(known));
        }
        if met.len() == NESTED_MAX {
            return None;
        }
        let text: &'static str = Box::leak(text.to_owned().into_boxed_str());
        met.insert(text);
        Some(Nested(text))
    }

    fn data_type(self) -> DataType {
        data_type(self.0, 0).filter(DataType::is_nested).unwrap_or_else(|| panic!("`{}` is no nested type", self.0))
    }
}

/// The type that a text spells.
fn data_type(text: &str, depth: usize) -> Option<DataType> {
    if let Some((_, kind)) = WORDS.iter().find(|(word, _)| *word == text) {
        return Some(kind.data_type());
    }
    if depth == DEPTH_MAX {
        return None;
    }
    let within = |name: &str| text.strip_prefix(name)?.strip_prefix('<')?.strip_suffix('>');
    if let Some(item) = within("list") {
        return Some(DataType::List(Arc::new(Field::new("element", data_type(item, depth + 1)?, true))));
    }
    let fields = members(within("struct")?).into_iter().map(|member| {
        let (name, of) = member.split_once(':')?;
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        is_name.then(|| Some(Field::new(name, data_type(of, depth + 1)?, true)))?
    });
    Some(DataType::Struct(fields.collect::<Option<Vec<_>>>()?.into()))
}

/// The text that spells a type.
fn spelled(stored: &DataType) -> Option<String> {
    if let Some((word, _)) = WORDS.iter().find(|(_, kind)| kind.data_type() == *stored) {
        return Some((*word).to_owned());
    }
    match stored {
        DataType::List(item) => Some(format!("list<{}>", spelled(item.data_type())?)),
        DataType::Struct(fields) => {
            let member = |field: &Arc<Field>| Some(format!("{}:{}", field.name(), spelled(field.data_type())?));
            Some(format!("struct<{}>", fields.iter().map(member).collect::<Option<Vec<_>>>()?.join(",")))
        }
        _ => None,
    }
}

/// The members of a struct: what stands between the commas that are in no brackets.
fn members(text: &str) -> Vec<&str> {
    let mut open = 0_usize;
    text.split(|c: char| {
        open = if c == '<' { open + 1 } else { open.saturating_sub(usize::from(c == '>')) };
        c == ',' && open == 0
    })
    .collect()
}
