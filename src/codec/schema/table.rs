//! The tables of a lake: one for each kind of log that the program knows.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::OnceLock;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::log::{Field, Framing, Log};
use super::logs;

/// A table of a lake, by the kind of log whose rows it has. Equal to, and ordered as, its name.
#[derive(Clone, Copy)]
pub struct Table(&'static Log);

static ALL: OnceLock<Vec<Table>> = OnceLock::new();

impl Table {
    /// Records of VPCs: of interfaces.
    pub const FLOW_LOGS: Table = Table(&logs::vpc::LOG);
    /// Records of transit gateways.
    pub const TGW_FLOW_LOGS: Table = Table(&logs::transit_gateway::LOG);

    /// All, in the order in which they are told.
    pub fn all() -> impl DoubleEndedIterator<Item = Table> + Clone {
        ALL.get_or_init(|| logs::ALL.iter().copied().map(Table).collect()).iter().copied()
    }

    /// The table of a name, if there is one.
    pub fn named(name: &str) -> Option<Table> {
        Table::all().find(|table| table.name() == name)
    }

    /// Adds kinds of log to those of flowlake: the first that a program does.
    ///
    /// # Errors
    /// If a kind is not sound, and if somebody asked for tables before.
    pub fn add(kinds: &[&'static Log]) -> Result<(), &'static str> {
        let all: Vec<Table> = logs::ALL.iter().chain(kinds).copied().map(Table).collect();
        all.iter().try_for_each(|table| table.check())?;
        let names: BTreeSet<&str> = all.iter().map(|table| table.name()).collect();
        if names.len() < all.len() {
            return Err("two kinds have one table");
        }
        ALL.set(all).map_err(|_| "somebody asked for tables before")
    }

    /// The table of records whose fields a header line names: that of a kind which one of them marks, else that of the
    /// kind that has no marks.
    pub fn of_header<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Table {
        let is_marked = |marks: &[Field]| names.clone().any(|name| marks.iter().any(|mark| mark.is_named(name)));
        let marked = spaced().find(|(_, marks)| is_marked(marks));
        let found = marked.or_else(|| spaced().find(|(_, marks)| marks.is_empty()));
        found.map_or(Table::FLOW_LOGS, |(table, _)| table)
    }

    /// The table of a kind that only a test knows.
    #[cfg(test)]
    pub(crate) const fn of_test(log: &'static Log) -> Table {
        Table(log)
    }

    /// The table's name in SQL and its folder in the lake.
    pub fn name(self) -> &'static str {
        self.0.table
    }
}

/// The tables of records that header lines describe, with the marks of each.
fn spaced() -> impl Iterator<Item = (Table, &'static [Field])> {
    Table::all().filter_map(|table| match table.framing {
        Framing::Spaced { marks } => Some((table, marks)),
        Framing::Quoted { .. } | Framing::Json { .. } => None,
    })
}

/// The documented field that a header line names, of whichever kind; hyphens and underscores are the same.
pub fn documented(name: &str) -> Option<&'static Field> {
    spaced().find_map(|(table, _)| table.field(name))
}

impl Deref for Table {
    type Target = Log;

    fn deref(&self) -> &Log {
        self.0
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for Table {
    fn eq(&self, other: &Table) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Table {}

impl PartialOrd for Table {
    fn partial_cmp(&self, other: &Table) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Table {
    fn cmp(&self, other: &Table) -> Ordering {
        self.name().cmp(other.name())
    }
}

impl Hash for Table {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Table, D::Error> {
        deserializer.deserialize_str(Named)
    }
}

struct Named;

impl Visitor<'_> for Named {
    type Value = Table;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a table")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Table, E> {
        Table::named(name).ok_or_else(|| {
            let known: Vec<&str> = Table::all().map(Table::name).collect();
            E::custom(format!("no table is called `{name}`; this flowlake knows {}", known.join(", ")))
        })
    }
}
