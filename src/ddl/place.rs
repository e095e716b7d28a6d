//! The two texts that a user puts into a statement: the table's name and the place where the lake lies. Both are
//! checked, so that none of them can end a literal, a statement or a glob early.

use std::fmt;
use std::str::FromStr;

use super::{DdlError, Engine};
use crate::schema::Table;

/// Parts of a name: catalog, database, table.
const NAME_PARTS_MAX: usize = 3;

/// A table's name: one to three plain words with dots between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(Vec<String>);

impl Name {
    /// The name that a lake's own table has.
    pub fn of(table: Table) -> Name {
        Name(vec![table.name().to_owned()])
    }

    /// The lake's table whose name this ends in.
    pub fn table(&self) -> Option<Table> {
        Table::all().find(|table| self.0.last().is_some_and(|last| last == table.name()))
    }

    /// Each part between quotation marks.
    pub(super) fn quoted(&self, mark: char) -> String {
        self.0.iter().map(|part| format!("{mark}{part}{mark}")).collect::<Vec<_>>().join(".")
    }

    /// The first of three parts.
    pub(super) fn catalog(&self) -> Option<&str> {
        self.0.first().filter(|_| self.0.len() == NAME_PARTS_MAX).map(String::as_str)
    }

    /// The last part, and the part before it where there is one.
    pub(super) fn table_and_database(&self) -> (&str, Option<&str>) {
        let (last, before) = self.0.split_last().expect("a name has a part");
        (last, before.last().map(String::as_str))
    }
}

impl FromStr for Name {
    type Err = DdlError;

    fn from_str(text: &str) -> Result<Name, DdlError> {
        let parts: Vec<&str> = text.split('.').collect();
        let is_word = |part: &&str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if parts.len() > NAME_PARTS_MAX || !parts.iter().all(is_word) {
            return Err(DdlError::Name { text: text.to_owned() });
        }
        Ok(Name(parts.into_iter().map(str::to_owned).collect()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// Where the lake lies for the engine that will read it: `scheme://…/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(String);

impl Place {
    /// `chosen` marks a `--location`, which is written as it is; the lake's own URL is put into the engine's words.
    pub fn new(text: &str, engine: Engine, chosen: bool) -> Result<Place, DdlError> {
        let wrong = |reason| DdlError::Place { text: text.to_owned(), reason };
        if text.contains(|c: char| c.is_control() || "'\"`\\;*?[]{}".contains(c)) {
            return Err(wrong("has a character that ends a literal, a statement or a glob; give another --location"));
        }
        let mut url = match text.strip_prefix('/') {
            Some(path) => format!("file:///{path}"),
            None => text.to_owned(),
        };
        if !url.contains("://") {
            return Err(wrong("is no absolute path and no URL; write s3://bucket/prefix/ or /folder/"));
        }
        if engine == Engine::Athena && !url.starts_with("s3://") {
            return Err(wrong(
                "is not on S3, and Athena reads nothing else; say with --location s3://… where it will lie",
            ));
        }
        if !chosen && engine == Engine::Spark {
            // Hadoop's S3 client has this scheme; EMR knows it too.
            url = url.replacen("s3://", "s3a://", 1);
        }
        if !url.ends_with('/') {
            url.push('/');
        }
        Ok(Place(url))
    }

    /// The table's folder as a URL, ending in `/`.
    pub(super) fn folder(&self, table: Table) -> String {
        format!("{}{}/", self.0, table.name())
    }

    /// The table's folder as engines name it that take plain paths on disk.
    pub(super) fn plain_folder(&self, table: Table) -> String {
        let folder = self.folder(table);
        folder.strip_prefix("file://").map(str::to_owned).unwrap_or(folder)
    }

    pub(super) fn is_on_disk(&self) -> bool {
        self.0.starts_with("file://")
    }
}
