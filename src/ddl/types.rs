//! How each engine spells the types of columns.

use arrow::datatypes::DataType;

use crate::schema::Kind;

/// The words of an engine: what it calls a text, and so on.
pub struct Words {
    pub text: &'static str,
    pub int32: &'static str,
    pub int64: &'static str,
    pub double: &'static str,
    pub boolean: &'static str,
    /// Of microseconds in UTC.
    pub timestamp: &'static str,
    /// Of a list, around the type of its items.
    pub list: [&'static str; 2],
    /// Of a struct, around its members, and what stands between the name of one and its type.
    pub structure: [&'static str; 3],
}

pub const ATHENA: Words = Words {
    text: "string",
    int32: "int",
    int64: "bigint",
    double: "double",
    boolean: "boolean",
    timestamp: "timestamp",
    list: ["array<", ">"],
    structure: ["struct<", ":", ">"],
};

pub const TRINO: Words = Words {
    text: "varchar",
    int32: "integer",
    int64: "bigint",
    double: "double",
    boolean: "boolean",
    timestamp: "timestamp(6)",
    list: ["array(", ")"],
    structure: ["row(", " ", ")"],
};

pub const SPARK: Words = Words {
    text: "STRING",
    int32: "INT",
    int64: "BIGINT",
    double: "DOUBLE",
    boolean: "BOOLEAN",
    timestamp: "TIMESTAMP",
    list: ["ARRAY<", ">"],
    structure: ["STRUCT<", ": ", ">"],
};

/// Lists and structs have no null of their own in ClickHouse: theirs is an empty one.
pub const CLICKHOUSE: Words = Words {
    text: "Nullable(String)",
    int32: "Nullable(Int32)",
    int64: "Nullable(Int64)",
    double: "Nullable(Float64)",
    boolean: "Nullable(Bool)",
    timestamp: "Nullable(DateTime64(6, 'UTC'))",
    list: ["Array(", ")"],
    structure: ["Tuple(", " ", ")"],
};

impl Words {
    pub fn of(&self, kind: Kind) -> String {
        self.of_type(&kind.data_type())
    }

    fn of_type(&self, of: &DataType) -> String {
        match of {
            DataType::Int32 => self.int32.to_owned(),
            DataType::Int64 => self.int64.to_owned(),
            DataType::Float64 => self.double.to_owned(),
            DataType::Boolean => self.boolean.to_owned(),
            DataType::Timestamp(..) => self.timestamp.to_owned(),
            DataType::List(item) => {
                let [open, close] = self.list;
                format!("{open}{}{close}", self.of_type(item.data_type()))
            }
            DataType::Struct(members) => {
                let [open, between, close] = self.structure;
                let member = |name: &str, of: &DataType| format!("{name}{between}{}", self.of_type(of));
                let members: Vec<String> = members.iter().map(|of| member(of.name(), of.data_type())).collect();
                format!("{open}{}{close}", members.join(", "))
            }
            _ => self.text.to_owned(),
        }
    }
}
