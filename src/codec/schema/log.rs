//! What a kind of log is, as data: where it is delivered, how a record stands in an object, and what its values mean.

use std::collections::BTreeSet;

use super::Kind;
use super::provenance::{OWN_IDS_MAX, column_name};

/// A kind of log: all that differs from one to the next. Each has a table of its own in a lake.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    /// Name of its table in SQL, and of the table's folder.
    pub table: &'static str,
    /// Where its objects lie.
    pub file: FileName,
    /// How records stand in an object.
    pub framing: Framing,
    /// The fields that are documented, in the order of their columns: that of the first list, then of the next.
    /// A change of what stands here, or of its order, changes files: it needs a new
    /// [`WRITER_EPOCH`](crate::encode::WRITER_EPOCH).
    pub fields: &'static [&'static [Field]],
    /// Fields of `fields` that this kind reads otherwise, with how.
    pub other_kinds: &'static [(&'static str, Kind)],
    /// The column of the time that decides a row's partition: of [`Kind::Seconds`] or [`Kind::Timestamp`].
    pub start: &'static str,
    /// The column of a second time, where there is one. Both must lie between 2009 and two days after the delivery.
    pub end: Option<&'static str>,
    /// Columns of [`Kind::Int64`] that receipts sum up, at most [`MEASURES_MAX`].
    pub measures: &'static [&'static str],
    /// How rows lie in a file.
    pub rows: Rows,
}

/// Measures of one kind at most.
pub const MEASURES_MAX: usize = 4;

/// What stands beside the measures in a part of a receipt.
const OF_PARTS: [&str; 4] = ["table", "partition", "rows", "mix"];

/// How objects of a kind are named: `AWSLogs/<account>/<service>/<region>/YYYY/MM/DD/<file>`.
#[derive(Debug, Clone, Copy)]
pub struct FileName {
    /// The folder below an account's, and the word in the name of a file.
    pub service: &'static str,
    /// What stands in the name of a file, between underscores.
    pub parts: &'static [NamePart],
    /// How the name ends.
    pub suffix: &'static str,
}

/// One part of the name of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamePart {
    /// Twelve digits.
    Account,
    /// The [`FileName::service`].
    Service,
    /// A region.
    Region,
    /// What the log is of: it begins so.
    Id(&'static str),
    /// `YYYYMMDDTHHmmZ`, in UTC.
    Time,
    /// Anything; the last of them tells one delivery from another.
    Hash,
}

/// How records stand in an object.
#[derive(Debug, Clone, Copy)]
pub enum Framing {
    /// A line each, its values between spaces. A line of names before them, or `--format`, says which fields there are.
    /// It is of this kind if it names one of `marks`; if it has marks of no kind, of the kind without marks.
    Spaced {
        /// Fields that no other kind has.
        marks: &'static [Field],
    },
    /// A line each, its values between spaces, those with spaces within in quotes. There is no line of names: values
    /// are those of [`Log::fields`], in their order. Further ones have names by their numbers: `field_34`.
    Quoted {
        /// Values of a line at least: the service has added to them over time.
        fields_min: usize,
    },
    /// Objects of JSON, whose members are values by name, on one line or many. [`Log::fields`] are those that have
    /// columns; further ones are kept as they stand.
    Json {
        /// The member of a document whose value is the list of records. Without one, each document is a record: a line
        /// each, or after each other.
        records: Option<&'static str>,
    },
}

/// How rows lie in a file: what is near together there is small, and quickly found.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rows {
    /// Columns of two ports, by the lower of which rows are ordered.
    pub ports: Option<[&'static str; 2]>,
    /// Columns of the texts of both ends.
    pub ends: Option<[&'static str; 2]>,
    /// The column of what recorded a row.
    pub of: Option<&'static str>,
    /// Columns of texts that have one dictionary, since they have the same values.
    pub shared: &'static [&'static str],
}

/// A documented field.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The id of its column in Parquet files, which is no other field's of the kind and never changes: 11 to 999, or
    /// [`BY_NAME`].
    pub id: i32,
    /// Name in a header line, with hyphens, or of the column, where there is no header line.
    pub log: &'static str,
    /// How it is read.
    pub kind: Kind,
    /// Version of the record format that introduced it.
    pub version: u8,
    /// What it says, in a few words.
    pub meaning: &'static str,
    /// Name of its member in JSON, where that is not the name `log`.
    pub member: Option<&'static str>,
}

/// The id of a column follows from its name, as that of a field which nobody documents. So it has to be for a field
/// that header lines may have named before it was known here: files have it under that id.
pub const BY_NAME: i32 = 0;

/// A row of the table of a kind's fields.
pub const fn field(id: i32, log: &'static str, kind: Kind, version: u8, meaning: &'static str) -> Field {
    Field { id, log, kind, version, meaning, member: None }
}

/// A row of that table whose name in JSON is another one than the column's.
pub const fn member(member: &'static str, field: Field) -> Field {
    Field { member: Some(member), ..field }
}

impl Field {
    /// Whether a name is this field's; hyphens and underscores are the same.
    pub fn is_named(&self, name: &str) -> bool {
        let is_same = |(ours, theirs): (u8, u8)| hyphen(ours) == hyphen(theirs);
        self.log.len() == name.len() && self.log.bytes().zip(name.bytes()).all(is_same)
    }
}

fn hyphen(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte }
}

impl Log {
    /// All documented fields, in the order of their columns.
    pub fn all_fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        self.fields.iter().copied().flatten()
    }

    /// The documented field of a name or column.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.all_fields().find(|field| field.is_named(name))
    }

    /// Whether what stands here goes together.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self) -> Result<(), &'static str> {
        let columns: Vec<String> = self.all_fields().map(|field| column_name(field.log)).collect();
        if columns.iter().collect::<BTreeSet<_>>().len() < columns.len() {
            return Err("a field stands there twice");
        }
        let members: Vec<&str> = self.all_fields().map(|field| field.member.unwrap_or(field.log)).collect();
        if members.iter().collect::<BTreeSet<_>>().len() < members.len() {
            return Err("two fields have one name in JSON");
        }
        let numbers: Vec<i32> = self.all_fields().map(|field| field.id).filter(|&id| id != BY_NAME).collect();
        let is_free = |id: &i32| (OWN_IDS_MAX + 1..1_000).contains(id);
        if numbers.iter().collect::<BTreeSet<_>>().len() < numbers.len() || !numbers.iter().all(is_free) {
            return Err("two columns have one id, or one has that of a column which every row has");
        }
        if !matches!(self.kind(self.start), Some(Kind::Seconds | Kind::Timestamp)) {
            return Err("the start is no time");
        }
        let is_number = |measure: &&str| self.kind(measure) == Some(Kind::Int64) && !OF_PARTS.contains(measure);
        if self.measures.len() > MEASURES_MAX || !self.measures.iter().all(is_number) {
            return Err("its measures are too many, no whole numbers, or have a name that receipts use");
        }
        if !self.file.parts.contains(&NamePart::Time) {
            return Err("no name of a file tells its delivery");
        }
        let is_spelled = |field: &Field| field.kind.to_string().parse() == Ok(field.kind);
        if !self.all_fields().all(is_spelled) {
            return Err("a type is spelled wrongly");
        }
        Ok(())
    }

    /// How a documented field is read; `None` if it is not one.
    pub fn kind(&self, name: &str) -> Option<Kind> {
        let field = self.field(name)?;
        let other = self.other_kinds.iter().find(|(other, _)| *other == field.log);
        Some(other.map_or(field.kind, |(_, kind)| *kind))
    }
}
