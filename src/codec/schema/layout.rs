//! The columns of one run of lines, in the order in which their values stand on a line.
//!
//! A layout comes from a header line of an object or from `--format`. Identity of a field is its column name: `vpc-id`
//! and `vpc_id` are the same field. A field that has no column of its own is one of the [`OTHER_FIELDS`].

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::provenance::column_name;
use super::{Admitted, Framing, Kind, OTHER_FIELDS, TGW_DEFAULT_FORMAT, Table, Unknown, VPC_DEFAULT_FORMAT};

/// Fields that one header may name. AWS documents 72.
pub const FIELDS_PER_HEADER_MAX: usize = 512;

/// Length of one field name in bytes.
const FIELD_NAME_BYTES_MAX: usize = 128;

/// One value of a line and the column that it goes to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Column {
    /// Column name in the lake.
    pub name: String,
    /// How its values are read and kept.
    pub kind: Kind,
}

impl Column {
    /// Whether it is the documented column of that name, stored as that is today.
    pub fn is_documented_as(&self, table: Table, name: &str) -> bool {
        self.name == name && table.kind(name).is_some_and(|kind| kind.same_storage(self.kind))
    }
}

/// Types that the lake fixed when a column was first written, and that differ from those of
/// [`Log::fields`](super::Log::fields) today.
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
    /// The table that its rows go to.
    pub table: Table,
    /// In the order of the line; then [`OTHER_FIELDS`], if there are any.
    pub columns: Vec<Column>,
    /// Values of a line that have no column of their own, in its order.
    pub others: Vec<Other>,
    /// Index in `columns` of the table's [`start`](super::Log::start), from which the partition follows.
    pub start: Option<usize>,
    /// Index in `columns` of the table's [`end`](super::Log::end).
    pub end: Option<usize>,
    /// For each of the table's [`measures`](super::Log::measures), its index in `columns`.
    pub measures: Vec<Option<usize>>,
}

/// One value of a line that goes to [`OTHER_FIELDS`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Other {
    /// Its place on the line, from 0.
    pub at: usize,
    /// The name of the column that it would have.
    pub name: String,
}

/// Why a header or a `--format` gives no layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A header or format without a name.
    #[error("it names no field")]
    Empty,
    /// A field twice; two spellings of one field count.
    #[error("it names the field `{0}` twice")]
    Twice(String),
    /// More fields than are read, with their number.
    #[error("it names {0} fields; at most {FIELDS_PER_HEADER_MAX} are read")]
    TooMany(usize),
    /// A word that no field can have for its name.
    #[error("`{0}` is not a field name")]
    NotAName(String),
    /// A part of a format that names no field.
    #[error("`{0}` is not of the form ${{field-name}}")]
    NotAPlaceholder(String),
}

impl Layout {
    /// The layout of field names, such as `version account-id …`, each of which is a column.
    pub fn from_names<'a>(names: impl Iterator<Item = &'a str>, types: &Types) -> Result<Layout, LayoutError> {
        Layout::from_header(names, types, &mut Admitted::new(&Unknown::unlimited()))
    }

    /// The layout of a header line's field names. Unknown ones are columns as far as they are `admitted`.
    pub fn from_header<'a>(
        names: impl Iterator<Item = &'a str>,
        types: &Types,
        admitted: &mut Admitted,
    ) -> Result<Layout, LayoutError> {
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
        let table = Table::of_header(names.iter().copied());
        let mut seen = HashSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(column_name(name))) {
            return Err(LayoutError::Twice((*twice).to_owned()));
        }
        let (mut columns, mut others) = (Vec::with_capacity(names.len()), Vec::new());
        for (at, name) in names.into_iter().enumerate() {
            let column = column_of(name, table, types);
            if table.field(name).is_some() || admitted.admits(table, &column.name) {
                columns.push(column);
            } else {
                others.push(Other { at, name: column.name });
            }
        }
        if !others.is_empty() {
            columns.push(Column { name: OTHER_FIELDS.to_owned(), kind: Kind::Text });
        }
        Ok(Layout { others, ..Layout::of_columns(table, columns) })
    }

    /// The layout of all lines of a kind whose fields no header names, with a last column for what a service may add;
    /// `None` for the other kinds.
    pub fn of_log(table: Table, types: &Types) -> Option<Layout> {
        if matches!(table.framing, Framing::Spaced { .. }) {
            return None;
        }
        let mut columns: Vec<Column> = table.all_fields().map(|field| column_of(field.log, table, types)).collect();
        columns.push(Column { name: OTHER_FIELDS.to_owned(), kind: Kind::Text });
        Some(Layout::of_columns(table, columns))
    }

    /// The layout of columns that have the types they are stored as, without a line that they come from.
    pub fn of_columns(table: Table, columns: Vec<Column>) -> Layout {
        let position = |name: &str| columns.iter().position(|column| column.is_documented_as(table, name));
        Layout {
            table,
            start: position(table.start),
            end: table.end.and_then(position),
            measures: table.measures.iter().map(|measure| position(measure)).collect(),
            columns,
            others: Vec::new(),
        }
    }

    /// Values of a line.
    pub fn fields(&self) -> usize {
        self.columns.len() - usize::from(!self.others.is_empty()) + self.others.len()
    }

    /// The columns of a line's values in their order; those of `others` are the ones that they would have.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let (mut columns, mut others) = (self.columns.iter(), self.others.iter().peekable());
        (0..self.fields()).map(move |at| match others.next_if(|other| other.at == at) {
            Some(other) => other.name.as_str(),
            None => columns.next().expect("every other value has a column").name.as_str(),
        })
    }

    /// Whether names are those of this layout, in its order.
    pub(super) fn is_named(&self, names: &[&str]) -> bool {
        names.len() == self.fields() && self.names().zip(names).all(|(ours, theirs)| ours == column_name(theirs))
    }

    /// The names that a task gives columns to from its beginning on: what `--format` names was asked for, and is always
    /// a column.
    pub fn admitted(unknown: &Unknown, format: Option<&Layout>) -> Admitted {
        let mut admitted = Admitted::new(unknown);
        if let Some(Layout { table, columns, .. }) = format {
            columns.iter().for_each(|column| admitted.add(*table, column.name.clone()));
        }
        admitted
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

pub(super) fn is_field_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.len() <= FIELD_NAME_BYTES_MAX
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
}

fn column_of(name: &str, table: Table, types: &Types) -> Column {
    let column = column_name(name);
    let kind = table.kind(name).unwrap_or(Kind::Text);
    let kind = types.fixed(table, &column).unwrap_or(kind);
    Column { name: column, kind }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 40 {
        return text.to_owned();
    }
    text.chars().take(40).chain(['…']).collect()
}
