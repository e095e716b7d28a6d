//! Postgres's types: their ids, names and kinds, as `pg_type` has them.

use std::sync::LazyLock;

use serde_json::{Value, json};

/// Columns of `types.txt`.
const COLUMNS: [&str; 17] = [
    "oid",
    "typname",
    "typlen",
    "typbyval",
    "typtype",
    "typcategory",
    "typispreferred",
    "typdelim",
    "typelem",
    "typarray",
    "typinput",
    "typoutput",
    "typreceive",
    "typsend",
    "typalign",
    "typstorage",
    "typcollation",
];

pub(super) const TEXT: u32 = 25;

/// One type.
pub(super) struct PgType {
    pub(super) oid: u32,
    pub(super) name: &'static str,
    pub(super) length: i16,
    pub(super) by_value: bool,
    pub(super) element: u32,
    pub(super) align: &'static str,
    pub(super) storage: &'static str,
    /// All columns, in the order of [`COLUMNS`].
    columns: Vec<&'static str>,
}

pub(super) static TYPES: LazyLock<Vec<PgType>> = LazyLock::new(|| {
    let one = |line: &'static str| {
        let columns: Vec<&str> = line.split(' ').collect();
        assert_eq!(columns.len(), COLUMNS.len(), "{line}");
        PgType {
            oid: columns[0].parse().expect("an id is a number"),
            name: columns[1],
            length: columns[2].parse().expect("a length is a number"),
            by_value: columns[3] == "t",
            element: columns[8].parse().expect("an id is a number"),
            align: columns[14],
            storage: columns[15],
            columns,
        }
    };
    include_str!("types.txt").lines().map(one).collect()
});

pub(super) fn find(oid: u32) -> Option<&'static PgType> {
    TYPES.iter().find(|kind| kind.oid == oid)
}

impl PgType {
    /// Procedures that read and write its values.
    pub(super) fn procedures(&self) -> &[&'static str] {
        &self.columns[10..14]
    }

    pub(super) fn row(&self) -> Value {
        let mut row = json!({
            "typnamespace": super::PG_CATALOG, "typowner": super::ROLE, "typisdefined": true, "typrelid": 0,
            "typsubscript": 0,
            "typmodin": 0, "typmodout": 0, "typanalyze": 0, "typnotnull": false, "typbasetype": 0, "typtypmod": -1,
            "typndims": 0,
        });
        for (name, value) in COLUMNS.iter().zip(&self.columns) {
            row[*name] = match *name {
                "oid" | "typlen" | "typelem" | "typarray" => json!(value.parse::<i64>().expect("a number")),
                // The engine orders all texts by their bytes.
                "typcollation" => json!(0),
                "typbyval" | "typispreferred" => json!(*value == "t"),
                "typinput" | "typoutput" | "typreceive" | "typsend" => json!(procedure_oid(value)),
                _ => json!(value),
            };
        }
        row
    }
}

/// The id of a procedure. Those of types are known by name; `-` is none.
pub(super) fn procedure_oid(name: &str) -> u32 {
    const FIRST: u32 = 1_500_000_000;
    if name == "-" { 0 } else { FIRST + super::hash(name) % (1 << 29) }
}

/// A type as SQL names it: `bigint` for `int8`, `text[]` for `_text`.
pub(super) fn sql_name(oid: u32, modifier: Option<i64>) -> Option<String> {
    let kind = find(oid)?;
    if kind.element != 0 && kind.name.starts_with('_') {
        return sql_name(kind.element, modifier).map(|element| format!("{element}[]"));
    }
    let modifier = modifier.filter(|modifier| *modifier >= 0);
    let name = match kind.name {
        "bool" => "boolean",
        "int2" => "smallint",
        "int4" => "integer",
        "int8" => "bigint",
        "float4" => "real",
        "float8" => "double precision",
        "char" => "\"char\"",
        "bpchar" => "character",
        "varchar" => "character varying",
        "time" => "time without time zone",
        "timetz" => "time with time zone",
        "timestamp" => "timestamp without time zone",
        "timestamptz" => "timestamp with time zone",
        other => other,
    };
    Some(match (kind.name, modifier) {
        // A length is kept with the four bytes that hold it.
        ("varchar" | "bpchar", Some(modifier)) => format!("{name}({})", modifier - 4),
        ("numeric", Some(modifier)) => format!("{name}({},{})", (modifier - 4) >> 16, (modifier - 4) & 0xffff),
        _ => name.to_owned(),
    })
}
