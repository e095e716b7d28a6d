//! Rows of `pg_catalog`.

use datafusion::arrow::datatypes::{DataType, Field};
use serde_json::{Value, json};

use super::relations::{RELATIONS, Relation};
use super::types::{self, TYPES};
use super::{DATABASE_ID, Described, PUBLIC, ROLE, names, type_oid};
use crate::serve::settings::{DATABASE, Settings};

/// The way in which tables are stored, for clients that ask.
const HEAP: u32 = 2;

/// UTF8.
const ENCODING: i32 = 6;

pub(super) fn rows(relation: &str, tables: &[Described], settings: &Settings) -> Vec<Value> {
    match relation {
        "pg_namespace" => names::SCHEMAS
            .iter()
            .map(|(name, oid)| json!({ "oid": oid, "nspname": name, "nspowner": ROLE, "nspacl": null }))
            .collect(),
        "pg_class" => classes(tables),
        "pg_attribute" => attributes(tables),
        "pg_type" => TYPES.iter().map(types::PgType::row).collect(),
        "pg_database" => vec![json!({
            "oid": DATABASE_ID, "datname": DATABASE, "datdba": ROLE, "encoding": ENCODING, "datlocprovider": "c",
            "datistemplate": false, "datallowconn": true, "datconnlimit": -1, "datfrozenxid": 0, "datminmxid": 0,
            "dattablespace": 1663, "datcollate": "C.UTF-8", "datctype": "C.UTF-8",
        })],
        "pg_tablespace" => [(1663, "pg_default"), (1664, "pg_global")]
            .map(|(oid, name)| json!({ "oid": oid, "spcname": name, "spcowner": ROLE }))
            .to_vec(),
        "pg_am" => vec![json!({ "oid": HEAP, "amname": "heap", "amhandler": 3, "amtype": "t" })],
        "pg_roles" | "pg_authid" => vec![json!({
            "oid": ROLE, "rolname": settings.user(), "rolsuper": false, "rolinherit": true, "rolcreaterole": false,
            "rolcreatedb": false, "rolcanlogin": true, "rolreplication": false, "rolbypassrls": false,
            "rolconnlimit": -1,
        })],
        "pg_user" | "pg_shadow" => vec![json!({
            "usename": settings.user(), "usesysid": ROLE, "usecreatedb": false, "usesuper": false, "userepl": false,
            "usebypassrls": false,
        })],
        "pg_tables" => pg_tables(tables, settings),
        "pg_settings" => settings.all().into_iter().map(setting).collect(),
        "pg_get_keywords" => datafusion::sql::sqlparser::keywords::ALL_KEYWORDS
            .iter()
            .map(|word| {
                json!({ "word": word.to_lowercase(), "catcode": "U", "catdesc": "unreserved", "barelabel": true })
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn setting((name, value): (String, String)) -> Value {
    let value = json!(value);
    json!({
        "name": name, "setting": value, "category": "Client Connection Defaults", "context": "user",
        "vartype": "string",
        "source": "default", "boot_val": value, "reset_val": value, "pending_restart": false,
    })
}

fn pg_tables(tables: &[Described], settings: &Settings) -> Vec<Value> {
    let row = |schema: &str, name: &str| {
        json!({
            "schemaname": schema, "tablename": name, "tableowner": settings.user(), "hasindexes": false,
            "hasrules": false,
            "hastriggers": false, "rowsecurity": false,
        })
    };
    let own = tables.iter().map(|table| row("public", &table.name));
    let catalogs = RELATIONS.iter().filter(|relation| relation.kind == "r");
    own.chain(catalogs.map(|relation| row(relation.schema, relation.name))).collect()
}

/// Tables and views of the catalog; functions that give rows are neither.
fn catalogs() -> impl Iterator<Item = &'static Relation> {
    RELATIONS.iter().filter(|relation| relation.kind != "f")
}

fn classes(tables: &[Described]) -> Vec<Value> {
    let row = |oid: u32, name: &str, schema: u32, kind: &str, columns: usize| {
        json!({
            "oid": oid, "relname": name, "relnamespace": schema, "reltype": 0, "reloftype": 0, "relowner": ROLE,
            "relam": if kind == "r" { HEAP } else { 0 }, "relfilenode": oid, "reltablespace": 0, "relpages": 0,
            // Nobody counted.
            "reltuples": -1.0, "relallvisible": 0, "reltoastrelid": 0, "relhasindex": false, "relisshared": false,
            "relpersistence": "p", "relkind": kind, "relnatts": columns, "relchecks": 0, "relhasrules": false,
            "relhastriggers": false, "relhassubclass": false, "relrowsecurity": false, "relforcerowsecurity": false,
            "relispopulated": true, "relreplident": "n", "relispartition": false, "relrewrite": 0, "relfrozenxid": 0,
            "relminmxid": 0,
        })
    };
    let own = tables.iter().map(|table| row(table.oid, &table.name, PUBLIC, "r", table.schema.fields().len()));
    let catalogs = catalogs()
        .map(|relation| row(relation.oid, relation.name, relation.schema_oid(), relation.kind, relation.columns.len()));
    own.chain(catalogs).collect()
}

fn attributes(tables: &[Described]) -> Vec<Value> {
    let own = tables.iter().flat_map(|table| {
        let columns = table.schema.fields().iter().enumerate();
        columns.map(|(at, field)| attribute(table.oid, at, field.name(), type_oid(field.data_type())))
    });
    let catalogs = catalogs().flat_map(|relation| {
        let schema = relation.arrow_schema();
        let kinds: Vec<u32> = schema.fields().iter().map(|field| catalog_type(field)).collect();
        let columns = relation.columns.iter().zip(kinds).enumerate();
        columns.map(|(at, ((name, _), kind))| attribute(relation.oid, at, name, kind)).collect::<Vec<Value>>()
    });
    own.chain(catalogs).collect()
}

fn catalog_type(field: &Field) -> u32 {
    crate::serve::encode::postgres_type(field).map_or(types::TEXT, |kind| kind.oid())
}

fn attribute(relation: u32, at: usize, name: &str, kind: u32) -> Value {
    let known = types::find(kind);
    json!({
        "attrelid": relation, "attname": name, "atttypid": kind, "attlen": known.map_or(-1, |kind| kind.length),
        "attnum": at + 1,
        "attcacheoff": -1, "atttypmod": -1,
        "attndims": i32::from(known.is_some_and(|kind| kind.length == -1 && kind.element != 0)),
        "attbyval": known.is_some_and(|kind| kind.by_value), "attalign": known.map_or("i", |kind| kind.align),
        "attstorage": known.map_or("x", |kind| kind.storage), "attcompression": "", "attnotnull": false,
        "atthasdef": false,
        "atthasmissing": false, "attidentity": "", "attgenerated": "", "attisdropped": false, "attislocal": true,
        "attinhcount": 0, "attstattarget": -1, "attcollation": 0,
    })
}

/// For `information_schema`: name, digits and such of a type.
pub(super) fn numeric(kind: &DataType) -> Option<(i32, i32, i32)> {
    match kind {
        DataType::Int16 | DataType::Int8 | DataType::UInt8 => Some((16, 2, 0)),
        DataType::Int32 | DataType::UInt16 => Some((32, 2, 0)),
        DataType::Int64 | DataType::UInt32 => Some((64, 2, 0)),
        DataType::Float32 => Some((24, 2, 0)),
        DataType::Float64 => Some((53, 2, 0)),
        _ => None,
    }
}
