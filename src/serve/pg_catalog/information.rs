//! Rows of `information_schema`.

use datafusion::arrow::datatypes::{DataType, Field};
use serde_json::{Value, json};

use super::relations::{RELATIONS, Relation};
use super::{Described, names, rows, types};
use crate::serve::encode::postgres_type;
use crate::serve::settings::{DATABASE, Settings};

pub(super) fn rows(relation: &str, tables: &[Described], settings: &Settings) -> Vec<Value> {
    let user = settings.user();
    match relation {
        "information_schema_catalog_name" => vec![json!({ "catalog_name": DATABASE })],
        "enabled_roles" => vec![json!({ "role_name": user })],
        "character_sets" => vec![json!({
            "character_set_name": "UTF8", "character_repertoire": "UCS", "form_of_use": "UTF8",
            "default_collate_catalog": DATABASE,
        })],
        "schemata" => names::SCHEMAS
            .iter()
            .map(|(name, _)| json!({ "catalog_name": DATABASE, "schema_name": name, "schema_owner": user }))
            .collect(),
        "tables" => {
            let row = |schema: &str, name: &str, kind: &str| {
                json!({
                    "table_catalog": DATABASE, "table_schema": schema, "table_name": name, "table_type": kind,
                    "is_insertable_into": "NO", "is_typed": "NO",
                })
            };
            let own = tables.iter().map(|table| row("public", &table.name, "BASE TABLE"));
            let kind = |relation: &Relation| if relation.kind == "v" { "VIEW" } else { "BASE TABLE" };
            let catalogs = RELATIONS.iter().filter(|relation| relation.kind != "f");
            own.chain(catalogs.map(|relation| row(relation.schema, relation.name, kind(relation)))).collect()
        }
        "columns" => {
            let own = tables.iter().flat_map(|table| {
                let columns = table.schema.fields().iter().enumerate();
                columns.map(|(at, field)| column("public", &table.name, at, field)).collect::<Vec<Value>>()
            });
            let catalogs = RELATIONS.iter().filter(|relation| relation.kind != "f").flat_map(|relation| {
                let schema = relation.arrow_schema();
                let columns = schema.fields().iter().enumerate();
                columns.map(|(at, field)| column(relation.schema, relation.name, at, field)).collect::<Vec<Value>>()
            });
            own.chain(catalogs).collect()
        }
        "table_privileges" | "role_table_grants" => {
            let row = |table: &Described| {
                json!({
                    "grantor": user, "grantee": user, "table_catalog": DATABASE, "table_schema": "public",
                    "table_name": table.name,
                    "privilege_type": "SELECT", "is_grantable": "NO", "with_hierarchy": "YES",
                })
            };
            tables.iter().map(row).collect()
        }
        "column_privileges" => {
            let row = |table: &Described, column: &str| {
                json!({
                    "grantor": user, "grantee": user, "table_catalog": DATABASE, "table_schema": "public",
                    "table_name": table.name,
                    "column_name": column, "privilege_type": "SELECT", "is_grantable": "NO",
                })
            };
            let columns = |table: &Described| {
                table.schema.fields().iter().map(|field| row(table, field.name())).collect::<Vec<Value>>()
            };
            tables.iter().flat_map(columns).collect()
        }
        _ => Vec::new(),
    }
}

fn column(schema: &str, table: &str, at: usize, field: &Field) -> Value {
    let oid = postgres_type(field).map_or(types::TEXT, |kind| kind.oid());
    let kind = types::find(oid);
    let is_array = kind.is_some_and(|kind| kind.element != 0 && kind.length == -1);
    let data_type = if is_array { Some("ARRAY".to_owned()) } else { types::sql_name(oid, None) };
    let number = rows::numeric(field.data_type());
    let precision = match field.data_type() {
        DataType::Date32 => Some(0),
        DataType::Timestamp(..) => Some(6),
        _ => None,
    };
    json!({
        "table_catalog": DATABASE, "table_schema": schema, "table_name": table, "column_name": field.name(),
        "ordinal_position": at + 1, "column_default": null, "is_nullable": "YES", "data_type": data_type,
        "numeric_precision": number.map(|(digits, _, _)| digits),
        "numeric_precision_radix": number.map(|(_, radix, _)| radix),
        "numeric_scale": number.map(|(_, _, scale)| scale), "datetime_precision": precision, "udt_catalog": DATABASE,
        "udt_schema": "pg_catalog", "udt_name": kind.map(|kind| kind.name), "dtd_identifier": (at + 1).to_string(),
        "is_self_referencing": "NO", "is_identity": "NO", "is_generated": "NEVER", "is_updatable": "NO",
    })
}
