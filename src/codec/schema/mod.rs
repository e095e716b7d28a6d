//! What a record is: the fields AWS documents, the columns they become, and the layout that a header line gives.
//!
//! Everything else asks this module for a column's name and type; nobody else spells a field name that decides
//! how a record is read.
//!
//! ```text
//! header line / --format ──▶ Layout (table + columns in order) ──▶ decode
//! FIELDS (one table) ───────────┘            Types (what this lake fixed earlier) ──┘
//! ```

mod fields;
mod header;
mod layout;
mod order;
mod partition;
mod provenance;
mod stored;
mod unknown;

#[cfg(test)]
mod tests;

pub use fields::{FIELDS, Field, TGW_DEFAULT_FORMAT, VPC_DEFAULT_FORMAT, documented};
pub use header::{Place, is_header, is_one_header, names, resembles_header};
pub use layout::{Column, FIELDS_PER_HEADER_MAX, Layout, LayoutError, Other, Types};
pub use order::rank;
pub use partition::{Hour, NotAPartition, Partition};
pub use provenance::{
    LOG_ACCOUNT, LOG_ID, LOG_LINE, LOG_OBJECT, LOG_REGION, OTHER_FIELDS, PARTITION_KEYS, PREFIX, PROVENANCE,
    Provenance, RESERVED,
};
pub use stored::{Compression, PartitionBy, UnknownChoice};
pub use unknown::{Admitted, NEW_COLUMNS_PER_TASK_MAX, UNKNOWN_COLUMNS_MAX, Unknown};

use serde::{Deserialize, Serialize};

/// The two tables of a lake. A record is a transit gateway record when its layout has any `tgw-*`, `resource-type`
/// or `packets-lost-*` field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// Records of VPCs: of interfaces.
    FlowLogs,
    /// Records of transit gateways.
    TgwFlowLogs,
}

impl Table {
    /// Both, in the order in which they are told.
    pub const ALL: [Table; 2] = [Table::FlowLogs, Table::TgwFlowLogs];

    /// The table's name in SQL and its folder in the lake.
    pub fn name(self) -> &'static str {
        match self {
            Table::FlowLogs => "flow_logs",
            Table::TgwFlowLogs => "tgw_flow_logs",
        }
    }
}

/// How the text of a field is read, and what it is stored as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// UTF-8 text, stored as a Parquet `STRING`.
    Text,
    /// Decimal digits up to 2^31-1, stored as `INT32`.
    Int32,
    /// A port, 0 to 65535, stored as `INT32`.
    Port,
    /// Decimal digits up to 2^63-1, stored as `INT64`.
    Int64,
    /// Unix seconds, stored as `INT64`; a number that only milliseconds can be is divided by 1000.
    Seconds,
}

impl Kind {
    /// Whether two kinds are stored as the same Parquet type.
    pub fn same_storage(self, other: Kind) -> bool {
        self.storage() == other.storage()
    }

    /// What it is stored as, in a word.
    pub fn word(self) -> &'static str {
        ["text", "int32", "int64"][usize::from(self.storage())]
    }

    fn storage(self) -> u8 {
        match self {
            Kind::Text => 0,
            Kind::Int32 | Kind::Port => 1,
            Kind::Int64 | Kind::Seconds => 2,
        }
    }

    /// The Arrow type that readers see.
    pub fn data_type(self) -> arrow::datatypes::DataType {
        use arrow::datatypes::DataType;
        match self {
            Kind::Text => DataType::Utf8,
            Kind::Int32 | Kind::Port => DataType::Int32,
            Kind::Int64 | Kind::Seconds => DataType::Int64,
        }
    }
}
