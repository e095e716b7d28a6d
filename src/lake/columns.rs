//! The columns of a record, counted while they are read: a few kilobytes of zstd may name millions.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::schema::{Kind, NEW_COLUMNS_PER_TASK_MAX, Table, UNKNOWN_COLUMNS_MAX};

/// Columns of one data file, and different ones of all files of a task. A task writes documented fields, those unknown
/// ones that the lake knows, and a few new ones: together below a thousand. Early programs gave every field a column.
pub const TASK_COLUMNS_MAX: usize = 10_000;

/// Columns of one table in a seal: those of all its tasks, of which a plan has as many as objects.
pub(super) const SEAL_COLUMNS_MAX: usize =
    TASK_COLUMNS_MAX + UNKNOWN_COLUMNS_MAX + 50_000 * NEW_COLUMNS_PER_TASK_MAX as usize;

type Columns = BTreeMap<String, Kind>;

/// Columns of a data file.
pub fn of_file<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Columns, D::Error> {
    deserializer.deserialize_map(Counted { most: TASK_COLUMNS_MAX })
}

/// Columns of a table, or of a part of it.
pub fn of_table<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Columns, D::Error> {
    deserializer.deserialize_map(Counted { most: SEAL_COLUMNS_MAX })
}

/// Columns of a seal.
pub fn of_seal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Table, Columns>, D::Error> {
    struct OfTable(Columns);
    impl<'de> Deserialize<'de> for OfTable {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OfTable, D::Error> {
            of_table(deserializer).map(OfTable)
        }
    }
    let tables: BTreeMap<Table, OfTable> = BTreeMap::deserialize(deserializer)?;
    Ok(tables.into_iter().map(|(table, columns)| (table, columns.0)).collect())
}

struct Counted {
    most: usize,
}

impl<'de> Visitor<'de> for Counted {
    type Value = Columns;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {} columns", self.most)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Columns, A::Error> {
        let mut columns = Columns::new();
        while let Some((name, kind)) = map.next_entry()? {
            if columns.len() == self.most {
                return Err(too_many(self.most));
            }
            columns.insert(name, kind);
        }
        Ok(columns)
    }
}

pub(super) fn too_many<E: Error>(most: usize) -> E {
    E::custom(format!("it names more than {most} columns, and no record does"))
}
