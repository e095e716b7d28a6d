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

/// Inflates and reads one object.
pub fn read(url: &str, bytes: &[u8], expected: &mut Expected) {
    let mut text = String::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::MultiGzDecoder::new(bytes)
            .read_to_string(&mut text)
            .expect("the lab writes sound gzip and UTF-8");
    } else {
        text.push_str(std::str::from_utf8(bytes).expect("the lab writes UTF-8"));
    }
    let mut columns: Vec<String> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index as i64 + 1;
        let tokens: Vec<&str> = line.split_whitespace().collect();
        if tokens.is_empty() {
            continue;
        }
        if tokens.contains(&"srcaddr") {
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
