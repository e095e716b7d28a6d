//! An independent reading of flow logs, as plain as can be: what the lake must hold.
//!
//! It shares no code with the program: lines are split by the standard library, and every value stays text.

use std::collections::BTreeMap;
use std::io::Read;

use chrono::DateTime;

/// One row: its column values as text, without nulls, by column name.
pub type Row = BTreeMap<String, String>;

/// What a bucket gives: rows by (object URL, line), and the lines that must be set aside.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expected {
    pub rows: BTreeMap<(String, i64), Row>,
    pub rejects: Vec<(String, i64)>,
}

const TEXT_ONLY_INTEGERS: [&str; 12] = [
    "version",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "tcp_flags",
    "traffic_path",
    "encryption_status",
    "packets_lost_no_route",
];

/// The text of each gzip member; of what is no gzip, all of it.
fn members(bytes: &[u8]) -> Vec<String> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return vec![std::str::from_utf8(bytes).expect("the lab writes UTF-8").to_owned()];
    }
    let (mut rest, mut members) = (bytes, Vec::new());
    while !rest.is_empty() {
        let mut member = flate2::bufread::GzDecoder::new(rest);
        let mut text = String::new();
        member.read_to_string(&mut text).expect("the lab writes sound gzip and UTF-8");
        rest = member.into_inner();
        members.push(text);
    }
    members
}

/// Whether a line is a header: the first with `srcaddr`, and a later one if it is the same again, has what no row has,
/// or begins a member. The lab writes no row that is as tricky.
fn is_header(tokens: &[&str], columns: &[String], begins_member: impl Fn() -> bool) -> bool {
    let has = |name: &str| tokens.contains(&name);
    let is_again = || columns.iter().cloned().eq(tokens.iter().map(|token| token.replace('-', "_")));
    let is_proven = || has("start") && has("end") && tokens.len() >= 5;
    has("srcaddr") && (columns.is_empty() || is_again() || is_proven() || begins_member())
}

/// Inflates and reads one object.
pub fn read(url: &str, bytes: &[u8], expected: &mut Expected) {
    let members = members(bytes);
    let mut begins: Vec<usize> =
        members.iter().scan(0, |end, text| Some(std::mem::replace(end, *end + text.len()))).collect();
    begins.dedup();
    let text = members.concat();
    let mut columns: Vec<String> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index as i64 + 1;
        let tokens: Vec<&str> = line.split_whitespace().collect();
        if tokens.is_empty() {
            continue;
        }
        let begin = line.as_ptr() as usize - text.as_ptr() as usize;
        if is_header(&tokens, &columns, || begins.contains(&begin)) {
            columns = tokens.iter().map(|token| token.replace('-', "_")).collect();
            continue;
        }
        match row(&columns, &tokens) {
            Some(row) => drop(expected.rows.insert((url.to_owned(), number), row)),
            None => expected.rejects.push((url.to_owned(), number)),
        }
    }
}

fn row(columns: &[String], tokens: &[&str]) -> Option<Row> {
    if columns.len() != tokens.len() {
        return None;
    }
    let mut row = Row::new();
    for (column, token) in columns.iter().zip(tokens) {
        if *token == "-" {
            continue;
        }
        let value = if TEXT_ONLY_INTEGERS.contains(&column.as_str()) || column.starts_with("packets_lost") {
            if !token.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            let number: i64 = token.parse().ok()?;
            if column.ends_with("port") && number > 65_535 {
                return None;
            }
            number.to_string()
        } else {
            (*token).to_owned()
        };
        row.insert(column.clone(), value);
    }
    if let Some(start) = row.get("start") {
        let date = DateTime::from_timestamp(start.parse().ok()?, 0)?.date_naive();
        row.insert("date".to_owned(), date.to_string());
    }
    Some(row)
}
