//! Which tables the catalog has, and their columns.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::serve::encode::PG_TYPE;

/// A table or view of the catalog.
pub(super) struct Relation {
    pub(super) schema: &'static str,
    pub(super) name: &'static str,
    pub(super) oid: u32,
    /// `r` for a table, `v` for a view, `f` for a function that gives rows.
    pub(super) kind: &'static str,
    /// Names and types, as Postgres has them.
    pub(super) columns: Vec<(&'static str, &'static str)>,
}

/// Tables that have rows. All others never have one.
const FILLED: [&str; 23] = [
    "pg_am",
    "pg_attribute",
    "pg_authid",
    "pg_class",
    "pg_database",
    "pg_get_keywords",
    "pg_namespace",
    "pg_roles",
    "pg_settings",
    "pg_shadow",
    "pg_tables",
    "pg_tablespace",
    "pg_type",
    "pg_user",
    "character_sets",
    "columns",
    "enabled_roles",
    "information_schema_catalog_name",
    "column_privileges",
    "role_table_grants",
    "schemata",
    "table_privileges",
    "tables",
];

pub(super) static RELATIONS: LazyLock<Vec<Relation>> = LazyLock::new(|| {
    let relation = |line: &'static str| {
        let mut parts = line.split(' ');
        let mut next = || parts.next().expect("a line has four parts");
        let (schema, name) = next().split_once('.').expect("a name has a schema");
        let oid = next().parse().expect("an id is a number");
        let kind = next();
        let column = |column: &'static str| column.split_once(':').expect("a column has a type");
        let columns = next().split(',').map(column).collect();
        Relation { schema, name, oid, kind, columns }
    };
    include_str!("relations.txt").lines().map(relation).collect()
});

static BY_NAME: LazyLock<HashMap<(&str, &str), &Relation>> =
    LazyLock::new(|| RELATIONS.iter().map(|relation| ((relation.schema, relation.name), relation)).collect());

pub(super) fn find(schema: &str, name: &str) -> Option<&'static Relation> {
    BY_NAME.get(&(schema, name)).copied()
}

pub(in crate::serve) fn has(schema: &str, name: &str) -> bool {
    find(schema, name).is_some()
}

/// Whether it is a table of the catalog that never has a row.
pub(in crate::serve) fn is_always_empty(schema: &str, name: &str) -> bool {
    has(schema, name) && !FILLED.contains(&name)
}

/// Whether the catalog has an array of this name. No row has one: they are options and rights that nothing here has.
pub(in crate::serve) fn is_array(column: &str) -> bool {
    let is_such = |(name, kind): &(&str, &str)| *name == column && (kind.ends_with("[]") || *kind == "anyarray");
    RELATIONS.iter().any(|relation| relation.columns.iter().any(is_such))
}

/// Whether an id is that of a table of `information_schema`, which is not on the search path.
pub(super) fn is_of_information_schema(oid: i64) -> bool {
    let is_such = |relation: &Relation| relation.schema == "information_schema" && i64::from(relation.oid) == oid;
    RELATIONS.iter().any(is_such)
}

impl Relation {
    pub(super) fn schema_oid(&self) -> u32 {
        if self.schema == "pg_catalog" { super::PG_CATALOG } else { super::INFORMATION_SCHEMA }
    }

    pub(super) fn arrow_schema(&self) -> SchemaRef {
        let fields: Vec<Field> = self.columns.iter().map(|(name, kind)| field(name, kind)).collect();
        Arc::new(Schema::new(fields))
    }
}

/// A column; where the engine has no such type, its metadata names Postgres's.
fn field(name: &str, kind: &str) -> Field {
    let list = |element: DataType| DataType::List(Arc::new(Field::new_list_field(element, true)));
    let (engines, postgres) = match kind {
        "oid" | "xid" | "regproc" | "regtype" => (DataType::UInt32, Some(kind)),
        "boolean" => (DataType::Boolean, None),
        "smallint" => (DataType::Int16, None),
        "integer" | "cardinal_number" => (DataType::Int32, None),
        "bigint" => (DataType::Int64, None),
        "real" => (DataType::Float32, None),
        "double_precision" | "numeric" => (DataType::Float64, None),
        "timestamp_with_time_zone" | "time_stamp" => {
            (DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), None)
        }
        "name" | "sql_identifier" => (DataType::Utf8, Some("name")),
        "\"char\"" => (DataType::Utf8, Some("char")),
        "character_data" | "yes_or_no" => (DataType::Utf8, Some("varchar")),
        "smallint[]" | "int2vector" => (list(DataType::Int16), None),
        "oid[]" | "oidvector" => (list(DataType::Int64), None),
        "text[]" | "name[]" | "aclitem[]" | "\"char\"[]" | "anyarray" => (list(DataType::Utf8), None),
        _ => (DataType::Utf8, None),
    };
    let field = Field::new(name, engines, true);
    match postgres {
        Some(postgres) => field.with_metadata(HashMap::from([(PG_TYPE.to_owned(), postgres.to_owned())])),
        None => field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_has_what_its_rows_are_made_for() {
        assert!(RELATIONS.len() > 100);
        for name in FILLED {
            assert!(RELATIONS.iter().any(|relation| relation.name == name), "{name}");
        }
        let class = find("pg_catalog", "pg_class").expect("it is there");
        assert_eq!((class.oid, class.columns[0], class.columns[1]), (1259, ("oid", "oid"), ("relname", "name")));
        assert!(is_always_empty("pg_catalog", "pg_policy") && !is_always_empty("pg_catalog", "pg_class"));
        assert!(!is_always_empty("public", "pg_policy"));
    }
}
