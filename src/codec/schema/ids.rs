//! Parquet's field ids: the numbers by which formats such as Iceberg tell columns apart, whatever their names.
//!
//! Known columns have the numbers that stand beside them ([`Field::id`](super::Field::id)), as have the columns that
//! every row gets. All else has an id that follows from its name alone: fields that nobody documents, and what is
//! within lists and structs. So all machines give a column the same one without asking each other. Partition keys have
//! ids, too, though no file has their columns.
//!
//! Two names may have one id, by a chance of one in 2,145,386,496. A file in which they meet has no ids at all.

use std::collections::HashSet;

use arrow::datatypes::Schema;

use super::log::BY_NAME;
use super::provenance::{OTHER_FIELDS_ID, PARTITION_IDS};
use super::within;
use super::{OTHER_FIELDS, PROVENANCE, Table};

/// The least id that follows from a name. All numbers are far below: so are those that Iceberg gives to fields of
/// partitions, from 1,000 on.
const BY_NAME_MIN: u64 = 1 << 20;

/// How many ids follow from names. The greatest leaves a million numbers above it: Iceberg keeps the last 200 of 31
/// bits for itself, and gives others to columns that somebody adds there.
const BY_NAME_IDS: u64 = (1 << 31) - (1 << 21);

/// The id that follows from the name of a column, or from the path of what is within one.
pub fn id_by_name(path: &str) -> i32 {
    let hash = blake3::hash(path.as_bytes());
    let (first, _) = hash.as_bytes().split_first_chunk().expect("a hash has 32 bytes");
    (BY_NAME_MIN + u64::from_be_bytes(*first) % BY_NAME_IDS) as i32
}

/// The id of a column of a table, or of what lies at that path within one.
pub fn field_id(table: Table, path: &str) -> i32 {
    let own = PROVENANCE.iter().find(|own| own.column == path).map(|own| own.id);
    let own = own.or_else(|| (path == OTHER_FIELDS).then_some(OTHER_FIELDS_ID));
    let number = own.or_else(|| table.field(path).map(|field| field.id));
    number.filter(|&number| number != BY_NAME).unwrap_or_else(|| id_by_name(path))
}

/// The columns of a file with their ids. If two would share one, none has any: those who tell columns by id then tell
/// these by name.
pub fn with_ids(table: Table, schema: &Schema) -> Schema {
    let mut met: HashSet<i32> = PARTITION_IDS.into();
    let mut is_clear = true;
    let mut give = |path: &str| {
        let id = field_id(table, path);
        is_clear &= met.insert(id);
        Some(id)
    };
    let fields = schema.fields().iter().map(|field| within::with_ids(field, field.name(), &mut give));
    let with_ids = Schema::new(fields.collect::<Vec<_>>());
    if is_clear { with_ids } else { schema.clone() }
}
