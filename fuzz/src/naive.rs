//! A decoder as plain as can be, written for the fuzzer alone: what the real one must make of every line.
//!
//! It shares with the program what a header is and which columns a header gives, and nothing else.

use std::borrow::Cow;

use flowlake::schema::{Column, Kind, Layout, Place, Types, Unknown, is_header, names, resembles_header};

/// The line and the values of a record.
pub type Row<'a> = (i64, Vec<Value<'a>>);

#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Null,
    Int(i64),
    Text(Cow<'a, str>),
}

#[derive(Debug, Default, PartialEq)]
pub struct Expected<'a> {
    pub rows: Vec<Row<'a>>,
    /// Line, offset, field.
    pub rejects: Vec<(u64, u64, Option<String>)>,
    pub headers: u64,
    pub blanks: u64,
    pub lines: u64,
}

/// When every object of the fuzzer was delivered.
pub const DELIVERED: i64 = 1_694_650_000;
const START_MIN: i64 = 1_230_768_000;

/// `None` where the object must be set aside whole. The object is one gzip member, or none.
pub fn read<'a>(text: &'a [u8], format: Option<&str>, unknown: &Unknown) -> Option<Expected<'a>> {
    let format = format.map(|format| Layout::from_format(format, &Types::default()).expect("a sound format"));
    let mut admitted = Layout::admitted(unknown, format.as_ref());
    let mut expected = Expected::default();
    let mut layout: Option<Layout> = None;
    let mut has_ended = false;
    let mut offset = 0_u64;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let at = offset;
        offset += line.len() as u64;
        expected.lines += 1;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let bare = line.strip_suffix(b"\r").unwrap_or(line);
        if bare.iter().all(|&byte| byte == b' ') {
            expected.blanks += 1;
            continue;
        }
        let tokens: Option<Vec<&str>> = std::str::from_utf8(bare).ok().map(tokens);
        let names = names(tokens.clone().unwrap_or_default());
        let place = layout.as_ref().map_or(Place::First(format.as_ref()), Place::Middle);
        if is_header(&names, place) {
            layout = Some(Layout::from_header(names.into_iter(), &Types::default(), &mut admitted).ok()?);
            expected.headers += 1;
            has_ended = false;
            continue;
        }
        if layout.is_none() {
            if is_wrapped(line) {
                return None;
            }
            layout = Some(format.clone()?);
        }
        let layout = layout.as_ref()?;
        let fault = |field: Option<String>| (expected.lines, at, field);
        if has_ended {
            let fault = fault(None);
            expected.rejects.push(fault);
            continue;
        }
        let may_be_header = std::str::from_utf8(line).is_ok_and(|line| resembles_header(line, layout));
        match tokens.filter(|tokens| tokens.len() == layout.fields()) {
            None => {
                let fault = fault(None);
                expected.rejects.push(fault);
                has_ended = may_be_header;
            }
            Some(tokens) => {
                let is_other = |at: usize| layout.others.iter().find(|other| other.at == at);
                let kept = tokens.iter().enumerate().filter(|(at, _)| is_other(*at).is_none());
                let mut values: Vec<_> =
                    kept.zip(&layout.columns).map(|((_, token), column)| value(token, column)).collect();
                if !layout.others.is_empty() {
                    let others = layout.others.iter().map(|other| (other, tokens[other.at]));
                    let members: Vec<String> = others
                        .filter(|(_, token)| *token != "-")
                        .map(|(other, token)| format!("{}:{}", serde_json::json!(other.name), serde_json::json!(token)))
                        .collect();
                    let json = Value::Text(format!("{{{}}}", members.join(",")).into());
                    values.push(Some(if members.is_empty() { Value::Null } else { json }));
                }
                match values.iter().position(Option::is_none) {
                    Some(bad) => {
                        has_ended = may_be_header;
                        let fault = fault((!may_be_header).then(|| layout.columns[bad].name.clone()));
                        expected.rejects.push(fault);
                    }
                    None => expected.rows.push((expected.lines as i64, values.into_iter().flatten().collect())),
                }
            }
        }
    }
    Some(expected)
}

/// What holds records in a form of its own: every object of the fuzzer lies where flow logs do.
fn is_wrapped(line: &[u8]) -> bool {
    let has = |word: &[u8]| line.windows(word.len()).any(|part| part == word);
    line.starts_with(&[0x1f, 0x8b])
        || line.trim_ascii_start().starts_with(b"{")
            && (has(b"\"message\"") || has(b"\"messageType\"") || has(b"\"logEvents\""))
}

fn tokens(line: &str) -> Vec<&str> {
    let mut tokens: Vec<&str> = line.split(' ').filter(|token| !token.is_empty()).collect();
    if tokens.first().is_some_and(|first| is_stamp(first)) {
        tokens.remove(0);
    }
    tokens
}

/// The time that CloudWatch puts before a line.
fn is_stamp(token: &str) -> bool {
    if token.len() < 20 {
        return false;
    }
    let shape: String = token.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    ["9999-99-99T99:99:99Z", "9999-99-99T99:99:99.999Z"].contains(&shape.as_str())
}

/// `None` is a fault.
fn value<'a>(token: &'a str, column: &Column) -> Option<Value<'a>> {
    if token == "-" {
        return Some(Value::Null);
    }
    if column.kind == Kind::Text {
        return Some(Value::Text(token.into()));
    }
    if !token.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut number: i64 = token.parse().ok()?;
    let most = match column.kind {
        Kind::Port => 65_535,
        Kind::Int32 => i64::from(i32::MAX),
        _ => i64::MAX,
    };
    if number > most {
        return None;
    }
    if column.kind == Kind::Seconds && number > 99_999_999_999 {
        number /= 1000;
    }
    if column.kind == Kind::Seconds && !(START_MIN..=DELIVERED + 2 * 86_400).contains(&number) {
        return None;
    }
    Some(Value::Int(number))
}
