//! One line, read the plain way: the meaning of every line, and what the fast path is tested against.
//!
//! Slow and obviously right. The fast path declines each line that is not quite regular, and this decides what it is.

use std::ops::RangeInclusive;

use super::LINE_BYTES_MAX;
use super::cell::Cell;
use crate::columns::{MICROS_PER_SECOND, NULL_INT};
use crate::schema::{Column, Kind, Layout, Place, is_header, names, resembles_header};

/// Text of a reject's value at most, in bytes.
const REJECT_VALUE_BYTES_MAX: usize = 256;

/// What stands for null in every column.
pub const NULL: &str = "-";

/// Times from here on are milliseconds: in seconds it is the year 5138, in milliseconds 1973. The number decides and
/// not how many digits it has, so that zeros before it mean nothing.
pub const MILLISECONDS_MIN: i64 = 100_000_000_000;

/// What a line is.
#[derive(Debug, PartialEq)]
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

#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Text(Option<&'a str>),
    /// [`NULL_INT`] is null.
    Int(i64),
    /// A text that does not stand in the line so: [`OTHER_FIELDS`](crate::schema::OTHER_FIELDS), a JSON object of those
    /// values that are not null, and what JSON writes with escapes.
    Made(Option<String>),
    /// Of a kind that Arrow arrays hold.
    Cell(Cell),
}

impl Value<'_> {
    /// Of names and texts.
    pub fn others<N: AsRef<str>, T: AsRef<str>>(all: impl Iterator<Item = (N, T)>) -> Value<'static> {
        let mut json = String::new();
        for (name, text) in all.filter(|(_, text)| text.as_ref() != NULL) {
            json.push(if json.is_empty() { '{' } else { ',' });
            json += &format!("{}:{}", serde_json::Value::from(name.as_ref()), serde_json::Value::from(text.as_ref()));
        }
        Value::Made((!json.is_empty()).then(|| json + "}"))
    }
}

/// What decides what a line is.
pub struct Rules<'a> {
    /// The layout in force.
    pub layout: &'a Layout,
    /// Times that `start` and `end` may have.
    pub times: &'a RangeInclusive<i64>,
    /// Whether the line is the first of a later gzip member.
    pub begins_member: bool,
    /// Whether a later gzip member begins within the line: it may be two, of which the first lacks its newline.
    pub may_be_two: bool,
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
    pub fn of_line(reason: impl Into<String>) -> Fault {
        Fault { field: None, value: None, reason: reason.into() }
    }

    /// For a line longer than [`LINE_BYTES_MAX`].
    pub fn too_long() -> Fault {
        Fault::of_line(format!("line is longer than {} MiB", LINE_BYTES_MAX >> 20))
    }

    /// For a record of JSON longer than [`LINE_BYTES_MAX`].
    pub fn long_record() -> Fault {
        Fault::of_line(format!("record is longer than {} MiB", LINE_BYTES_MAX >> 20))
    }

    pub fn of_value(column: &Column, value: &str, what: &str) -> Fault {
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
    let Rules { layout, begins_member, ended_by, .. } = *rules;
    let line = match text_of(line) {
        Ok(line) => line,
        Err(other) => return other,
    };
    let place = if begins_member { Place::Member(layout) } else { Place::Middle(layout) };
    if let Some(names) = header(line, place) {
        return Line::Header(names);
    }
    if let Some(number) = ended_by {
        let reason = format!("line has fields that are not known: line {number} may be a header, which is not proven");
        return Line::Reject(Fault::of_line(reason));
    }
    match row(line, rules) {
        Line::Reject(_) if resembles_header(line, layout) => Line::Unproven(Fault::of_line(
            "line may be a header, which is not proven; the lines after it are set aside up to one that is",
        )),
        other => other,
    }
}

/// The text of a line, or what it is without any.
pub fn text_of(line: &[u8]) -> Result<&str, Line<'static>> {
    match std::str::from_utf8(line) {
        Ok(line) if is_blank(line.as_bytes()) => Err(Line::Blank),
        Ok(line) => Ok(line),
        Err(_) => Err(Line::Reject(Fault::of_line("line is not UTF-8"))),
    }
}

/// Whether a line, without its newline, is a header.
pub fn header<'a>(line: &'a str, place: Place) -> Option<Vec<&'a str>> {
    let names = names(tokens(line));
    is_header(&names, place).then_some(names)
}

/// Reads a line that is no header.
fn row<'a>(line: &'a str, rules: &Rules) -> Line<'a> {
    let (layout, tokens) = (rules.layout, tokens(line));
    let expected = layout.fields();
    if tokens.len() != expected {
        let reason = format!("line has {} instead of {expected}", counted(tokens.len(), "field"));
        return Line::Reject(Fault::of_line(reason));
    }
    let is_other = |at: usize| layout.others.binary_search_by_key(&at, |other| other.at).is_ok();
    let of_columns = tokens.iter().copied().enumerate().filter(|(at, _)| !is_other(*at)).map(|(_, token)| token);
    row_of(of_columns.enumerate(), rules).map_or_else(Line::Reject, |mut row| {
        if !layout.others.is_empty() {
            row.push(Value::others(layout.others.iter().map(|other| (&other.name, tokens[other.at]))));
        }
        Line::Row(row)
    })
}

/// The values of a row: each with the place of its column.
pub fn row_of<'a>(
    tokens: impl Iterator<Item = (usize, &'a str)>,
    &Rules { layout, times, .. }: &Rules,
) -> Result<Vec<Value<'a>>, Fault> {
    let mut values = Vec::with_capacity(layout.columns.len());
    for (place, token) in tokens {
        let column = &layout.columns[place];
        let value = value(column, token).and_then(|value| in_time(layout, place, &value, times).map(|()| value));
        values.push(value.map_err(|what| Fault::of_value(column, token, what))?);
    }
    Ok(values)
}

/// Holds the value of a column against `times`, if it is one that decides when a row was.
pub fn in_time(layout: &Layout, place: usize, value: &Value, times: &RangeInclusive<i64>) -> Result<(), &'static str> {
    let is_time = layout.start == Some(place) || layout.end == Some(place);
    match time_of(value).filter(|time| is_time && !times.contains(time)) {
        Some(time) if time < *times.start() => Err("is before 2009, when there were no VPCs"),
        Some(_) => Err("is more than 2 days after the object's delivery"),
        None => Ok(()),
    }
}

/// The instant that a value is, in Unix seconds, if it is one.
fn time_of(value: &Value) -> Option<i64> {
    match value {
        Value::Int(time) => (*time != NULL_INT).then_some(*time),
        Value::Cell(Cell::Micros(micros)) => Some(micros.div_euclid(MICROS_PER_SECOND)),
        Value::Cell(_) | Value::Text(_) | Value::Made(_) => None,
    }
}

fn value<'a>(column: &Column, token: &'a str) -> Result<Value<'a>, &'static str> {
    if column.kind == Kind::Text {
        return Ok(Value::Text((token != NULL).then_some(token)));
    }
    if token == NULL {
        return Ok(if column.kind.is_direct() { Value::Int(NULL_INT) } else { Value::Cell(Cell::Null) });
    }
    of_token(column, token)
}

/// The value of a token that is not null, of a column that is not of texts.
pub fn of_token(column: &Column, token: &str) -> Result<Value<'static>, &'static str> {
    if !column.kind.is_direct() {
        return Cell::of(column.kind, token).map(Value::Cell);
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
        _ => unreachable!("all others were returned above"),
    };
    Ok(Value::Int(value))
}

/// The largest integer of a column.
pub fn int_max(kind: Kind) -> i64 {
    match kind {
        Kind::Port => i64::from(u16::MAX),
        Kind::Int32 => i64::from(i32::MAX),
        _ => i64::MAX,
    }
}

/// Digits only: `str::parse` would take a sign.
fn number(token: &str) -> Option<i64> {
    token.bytes().all(|byte| byte.is_ascii_digit()).then(|| token.parse().ok())?
}

pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The beginning of `text`, of at most `bytes_max` bytes and whole characters.
pub fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
