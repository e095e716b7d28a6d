//! The columns of one run of lines, in the order in which their values stand on a line.
//!
//! A layout comes from a header line of an object or from `--format`. Identity of a field is its column name: `vpc-id`
//! and `vpc_id` are the same field.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::provenance::is_own;
use super::{FIELDS, Field, Kind, TGW_DEFAULT_FORMAT, Table, VPC_DEFAULT_FORMAT};

/// Fields that one header may name. AWS documents 72.
pub const FIELDS_PER_HEADER_MAX: usize = 512;

/// Length of one field name in bytes.
const FIELD_NAME_BYTES_MAX: usize = 128;

/// One value of a line and the column that it goes to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Column {
    /// Column name in the lake.
    pub name: String,
    pub kind: Kind,
}

/// Types that the lake fixed when a column was first written, and that differ from [`FIELDS`] today.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Types(pub BTreeMap<Table, BTreeMap<String, Kind>>);

impl Types {
    /// The type that `column` keeps in this lake, where it is not today's.
    pub fn fixed(&self, table: Table, column: &str) -> Option<Kind> {
        self.0.get(&table)?.get(column).copied()
    }
}

/// What the values of a line mean: the table, and a column for each value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Layout {
    pub table: Table,
    /// In the order of the line.
    pub columns: Vec<Column>,
    /// Index in `columns` of `start`, from which the partition follows.
    pub start: Option<usize>,
    /// Index in `columns` of `packets`, summed in receipts.
    pub packets: Option<usize>,
    /// Index in `columns` of `bytes`, summed in receipts.
    pub bytes: Option<usize>,
}

/// Why a header or a `--format` gives no layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    #[error("it names no field")]
    Empty,
    #[error("it names the field `{0}` twice")]
    Twice(String),
    #[error("it names {0} fields; at most {FIELDS_PER_HEADER_MAX} are read")]
    TooMany(usize),
    #[error("`{0}` is not a field name")]
    NotAName(String),
    #[error("`{0}` is not of the form ${{field-name}}")]
    NotAPlaceholder(String),
}

impl Layout {
    /// The layout of a header line's field names, such as `version account-id …`.
    pub fn from_names<'a>(names: impl Iterator<Item = &'a str>, types: &Types) -> Result<Layout, LayoutError> {
        let names: Vec<&str> = names.take(FIELDS_PER_HEADER_MAX + 1).collect();
        if names.is_empty() {
            return Err(LayoutError::Empty);
        }
        if names.len() > FIELDS_PER_HEADER_MAX {
            return Err(LayoutError::TooMany(names.len()));
        }
        if let Some(bad) = names.iter().find(|name| !is_field_name(name)) {
            return Err(LayoutError::NotAName(shorten(bad)));
        }
        let is_tgw = names.iter().any(|name| known(name).is_some_and(|field| field.marks_tgw));
        let table = if is_tgw { Table::TgwFlowLogs } else { Table::FlowLogs };
        let mut seen = HashSet::new();
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            let column = column_of(name, table, types);
            if !seen.insert(column.name.clone()) {
                return Err(LayoutError::Twice(name.to_owned()));
            }
            columns.push(column);
        }
        let position = |name: &str, kind: Kind| {
            columns.iter().position(|column| column.name == name && column.kind.same_storage(kind))
        };
        Ok(Layout {
            table,
            start: position("start", Kind::Seconds),
            packets: position("packets", Kind::Int64),
            bytes: position("bytes", Kind::Int64),
            columns,
        })
    }

    /// The layout of a `--format` value: `default`, `tgw-default`, or the `LogFormat` text `${version} ${vpc-id} …`.
    pub fn from_format(format: &str, types: &Types) -> Result<Layout, LayoutError> {
        match format.trim() {
            "default" => return Layout::from_names(VPC_DEFAULT_FORMAT.split_whitespace(), types),
            "tgw-default" => return Layout::from_names(TGW_DEFAULT_FORMAT.split_whitespace(), types),
            _ => {}
        }
        let mut names = Vec::new();
        for token in format.split_whitespace() {
            let name = token.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
            names.push(name.ok_or_else(|| LayoutError::NotAPlaceholder(shorten(token)))?);
        }
        Layout::from_names(names.into_iter(), types)
    }
}

/// Whether the tokens of a line are a header: all are field names, and at least half of them are documented ones.
///
/// In the middle of an object (`current` is the layout in force) a single documented word is not enough, since it could
/// be a value: the line must name two documented fields, or the current columns again.
pub fn is_header(tokens: &[&str], current: Option<&Layout>) -> bool {
    if tokens.is_empty() || !tokens.iter().all(|token| is_field_name(token)) {
        return false;
    }
    let documented = tokens.iter().filter(|token| known(token).is_some()).count();
    if documented == 0 || documented * 2 < tokens.len() {
        return false;
    }
    let repeats = |layout: &Layout| {
        layout.columns.len() == tokens.len()
            && layout.columns.iter().zip(tokens).all(|(column, token)| column.name == token.replace('-', "_"))
    };
    current.is_none_or(|layout| documented >= 2 || repeats(layout))
}

fn is_field_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.len() <= FIELD_NAME_BYTES_MAX
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
}

fn known(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| {
        field.log.len() == name.len()
            && field
                .log
                .bytes()
                .zip(name.bytes())
                .all(|(ours, theirs)| ours == if theirs == b'_' { b'-' } else { theirs })
    })
}

fn column_of(name: &str, table: Table, types: &Types) -> Column {
    let mut column = name.replace('-', "_");
    if is_own(&column) {
        column.insert_str(0, "field_");
    }
    let kind = known(name).map_or(Kind::Text, |field| field.kind(table));
    let kind = types.fixed(table, &column).unwrap_or(kind);
    Column { name: column, kind }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 40 {
        return text.to_owned();
    }
    text.chars().take(40).chain(['…']).collect()
}
