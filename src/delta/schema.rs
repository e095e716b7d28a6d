//! The columns of a table, as Delta spells them.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use serde_json::{Value, json};

use crate::schema::{Kind, PARTITION_KEYS, PartitionBy, Table, rank};

/// What Spark allows in no name of a column.
const NOT_IN_NAMES: [char; 11] = [' ', ',', ';', '{', '}', '(', ')', '\n', '\t', '=', '\r'];

/// The schema of a table with these columns: in the order of the documentation, then undocumented ones by name, then
/// where a row came from, then the partition columns. All may be null. Columns whose names no reader takes are left
/// out.
pub fn schema(table: Table, columns: &BTreeMap<String, Kind>, by: PartitionBy) -> String {
    let mut named: Vec<(&String, Kind)> = columns.iter().map(|(name, &kind)| (name, kind)).collect();
    named.retain(|(name, _)| is_nameable(name));
    named.sort_by_key(|(name, _)| rank(table, name));
    let mut fields: Vec<Value> =
        named.into_iter().map(|(name, kind)| field(name, type_of(&kind.data_type()))).collect();
    fields.extend(partition_columns(by).iter().zip(["date", "integer"]).map(|(name, of)| field(name, of.into())));
    json!({ "type": "struct", "fields": fields }).to_string()
}

/// The columns that stand in names of folders.
pub fn partition_columns(by: PartitionBy) -> &'static [&'static str] {
    if by.is_by_hour() { &PARTITION_KEYS } else { &PARTITION_KEYS[..1] }
}

fn is_nameable(name: &str) -> bool {
    !name.is_empty() && !name.contains(NOT_IN_NAMES) && !name.contains(char::is_control)
}

fn field(name: &str, of: Value) -> Value {
    json!({ "name": name, "type": of, "nullable": true, "metadata": {} })
}

fn type_of(of: &DataType) -> Value {
    match of {
        DataType::Int32 => "integer".into(),
        DataType::Int64 => "long".into(),
        DataType::Float64 => "double".into(),
        DataType::Boolean => "boolean".into(),
        DataType::Timestamp(..) => "timestamp".into(),
        DataType::List(item) => {
            json!({ "type": "array", "elementType": type_of(item.data_type()), "containsNull": true })
        }
        DataType::Struct(members) => {
            let fields: Vec<Value> =
                members.iter().map(|member| field(member.name(), type_of(member.data_type()))).collect();
            json!({ "type": "struct", "fields": fields })
        }
        _ => "string".into(),
    }
}
