//! One line, read the plain way: the meaning of every line, and what the fast path is tested against.
//!
//! Slow and obviously right. The fast path declines each line that is not quite regular, and this decides what it is.

use std::ops::RangeInclusive;

use super::LINE_BYTES_MAX;
use crate::columns::NULL_INT;
use crate::schema::{Column, Kind, Layout, Place, is_header, names, resembles_header};

/// Text of a reject's value at most, in bytes.
const REJECT_VALUE_BYTES_MAX: usize = 256;

/// What stands for null in every column.
pub const NULL: &str = "-";

/// Times from here on are milliseconds: in seconds it is the year 5138, in milliseconds 1973. The number decides and
/// not how many digits it has, so that zeros before it mean nothing.
pub const MILLISECONDS_MIN: i64 = 100_000_000_000;

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    Blank,
    /// The names of the fields.
    Header(Vec<&'a str>),
    /// A value for each column of the layout.
    Row(Vec<Value<'a>>),
    Reject(Fault),
    /// A reject that may be a header: the layout is not in force any more.
    Unproven(Fault),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    Text(Option<&'a str>),
    /// [`NULL_INT`] is null.
    Int(i64),
    /// Of [`OTHER_FIELDS`](crate::schema::OTHER_FIELDS): a JSON object of those values that are not null.
    Others(Option<String>),
}

/// What decides what a line is.
pub struct Rules<'a> {
    /// The layout in force.
    pub layout: &'a Layout,
    /// Times that `start` and `end` may have.
    pub times: &'a RangeInclusive<i64>,
    /// Whether the line is the first of a later gzip member.
    pub begins_member: bool,
    /// The number of the line that ended the layout: only a header is known for what it is until there is one.
    pub ended_by: Option<u64>,
}

/// Why a line is neither a row nor anything else.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    pub field: Option<String>,
    pub value: Option<String>,
    pub reason: String,
}

impl Fault {
    fn of_line(reason: impl Into<String>) -> Fault {
        Fault { field: None, value: None, reason: reason.into() }
    }

    /// For a line longer than [`LINE_BYTES_MAX`].
    pub fn too_long() -> Fault {
        Fault::of_line(format!("line is longer than {} MiB", LINE_BYTES_MAX >> 20))
    }

    fn of_value(column: &Column, value: &str, what: &str) -> Fault {
        let value = cut(value, REJECT_VALUE_BYTES_MAX);
        let reason = format!("field `{}` {what}: \"{value}\"", column.name);
        Fault { field: Some(column.name.clone()), value: Some(value.to_owned()), reason }
    }
}

/// The tokens of a line without its newline; a time stamp before them, as CloudWatch exports have, is left out.
pub fn tokens(line: &str) -> Vec<&str> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let mut tokens = line.split(' ').filter(|token| !token.is_empty()).peekable();
    tokens.next_if(|token| is_timestamp(token.as_bytes()));
    tokens.collect()
}

/// Whether a line without its newline has nothing but spaces, and perhaps a carriage return at its end.
pub fn is_blank(line: &[u8]) -> bool {
    line.strip_suffix(b"\r").unwrap_or(line).iter().all(|&byte| byte == b' ')
}

/// Whether a token has the form `2025-02-25T12:25:04.000Z`, with or without the milliseconds.
pub fn is_timestamp(token: &[u8]) -> bool {
    let fits = |form: &[u8]| {
        form.len() == token.len()
            && form
                .iter()
                .zip(token)
                .all(|(form, byte)| if *form == b'0' { byte.is_ascii_digit() } else { form == byte })
    };
    fits(b"0000-00-00T00:00:00.000Z") || fits(b"0000-00-00T00:00:00Z")
}

/// Reads a line, without its newline.
pub fn line<'a>(line: &'a [u8], rules: &Rules) -> Line<'a> {
    let Rules { layout, times, begins_member, ended_by } = *rules;
    let Ok(line) = std::str::from_utf8(line) else {
        return Line::Reject(Fault::of_line("line is not UTF-8"));
    };
    if is_blank(line.as_bytes()) {
        return Line::Blank;
    }
    let place = if begins_member { Place::Member(layout) } else { Place::Middle(layout) };
    if let Some(names) = header(line, place) {
        return Line::Header(names);
    }
    if let Some(number) = ended_by {
        let reason = format!("line has fields that are not known: line {number} may be a header, which is not proven");
        return Line::Reject(Fault::of_line(reason));
    }
    match row(line, layout, times) {
        Line::Reject(_) if resembles_header(line, layout) => Line::Unproven(Fault::of_line(
            "line may be a header, which is not proven; the lines after it are set aside up to one that is",
        )),
        other => other,
    }
}

/// Whether a line, without its newline, is a header.
pub fn header<'a>(line: &'a str, place: Place) -> Option<Vec<&'a str>> {
    let names = names(tokens(line));
    is_header(&names, place).then_some(names)
}

/// Reads a line that is no header.
fn row<'a>(line: &'a str, layout: &Layout, times: &RangeInclusive<i64>) -> Line<'a> {
    let tokens = tokens(line);
    let expected = layout.fields();
    if tokens.len() != expected {
        let reason = format!("line has {} instead of {expected}", counted(tokens.len(), "field"));
        return Line::Reject(Fault::of_line(reason));
    }
    let mut values = Vec::with_capacity(layout.columns.len());
    let mut json = String::new();
    let mut others = layout.others.iter().peekable();
    for (at, token) in tokens.into_iter().enumerate() {
        if let Some(other) = others.next_if(|other| other.at == at) {
            add_other(&mut json, &other.name, token);
            continue;
        }
        let place = values.len();
        let column = &layout.columns[place];
        let is_time = layout.start == Some(place) || layout.end == Some(place);
        match value(column, token) {
            Ok(Value::Int(time)) if is_time && time != NULL_INT && !times.contains(&time) => {
                let what = if time < *times.start() {
                    "is before 2009, when there were no VPCs"
                } else {
                    "is more than 2 days after the object's delivery"
                };
                return Line::Reject(Fault::of_value(column, token, what));
            }
            Ok(value) => values.push(value),
            Err(what) => return Line::Reject(Fault::of_value(column, token, what)),
        }
    }
    if !layout.others.is_empty() {
        values.push(Value::Others((!json.is_empty()).then(|| json + "}")));
    }
    Line::Row(values)
}

/// Adds a member to a JSON object that is still open.
fn add_other(json: &mut String, name: &str, token: &str) {
    if token != NULL {
        json.push(if json.is_empty() { '{' } else { ',' });
        *json += &format!("{}:{}", serde_json::Value::from(name), serde_json::Value::from(token));
    }
}

fn value<'a>(column: &Column, token: &'a str) -> Result<Value<'a>, &'static str> {
    if column.kind == Kind::Text {
        return Ok(Value::Text((token != NULL).then_some(token)));
    }
    if token == NULL {
        return Ok(Value::Int(NULL_INT));
    }
    let number = number(token);
    let value = match column.kind {
        Kind::Port => number.filter(|&port| port <= int_max(Kind::Port)).ok_or("is not a port")?,
        Kind::Int32 | Kind::Int64 => {
            number.filter(|&value| value <= int_max(column.kind)).ok_or("is not a number that its column holds")?
        }
        Kind::Seconds => {
            let time = number.ok_or("is not a time in Unix seconds")?;
            if time >= MILLISECONDS_MIN { time / 1000 } else { time }
        }
        Kind::Text => unreachable!("texts were returned above"),
    };
    Ok(Value::Int(value))
}

/// The largest integer of a column.
pub fn int_max(kind: Kind) -> i64 {
    match kind {
        Kind::Port => i64::from(u16::MAX),
        Kind::Int32 => i64::from(i32::MAX),
        Kind::Int64 | Kind::Seconds | Kind::Text => i64::MAX,
    }
}

/// Digits only: `str::parse` would take a sign.
fn number(token: &str) -> Option<i64> {
    token.bytes().all(|byte| byte.is_ascii_digit()).then(|| token.parse().ok())?
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The beginning of `text`, of at most `bytes_max` bytes and whole characters.
pub fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
