//! What a record is: the kinds of log, the columns that their fields become, and the layout that a header line gives.
//!
//! Everything else asks this module for a column's name and type; nobody else spells a field name that decides
//! how a record is read. A kind of log is a file in `logs`.
//!
//! ```text
//! header line / --format ──▶ Layout (table + columns in order) ──▶ decode
//! Log (a file for each kind) ───┘            Types (what this lake fixed earlier) ──┘
//! ```

mod header;
mod ids;
mod kind;
mod layout;
mod log;
mod logs;
mod order;
mod partition;
mod provenance;
mod stored;
mod table;
mod unknown;
mod within;

#[cfg(test)]
mod tests;

pub use header::{Place, is_header, is_one_header, names, resembles_header};
pub use ids::{field_id, id_by_name, with_ids};
pub use kind::{Kind, Nested, NotAKind};
pub use layout::{Column, FIELDS_PER_HEADER_MAX, Layout, LayoutError, Other, Types};
pub use log::{BY_NAME, Field, FileName, Framing, Log, MEASURES_MAX, NamePart, Rows, field, member};
pub use logs::transit_gateway::DEFAULT_FORMAT as TGW_DEFAULT_FORMAT;
pub use logs::vpc::DEFAULT_FORMAT as VPC_DEFAULT_FORMAT;
pub use order::rank;
pub use partition::{Hour, NotAPartition, Partition};
pub use provenance::{
    LOG_ACCOUNT, LOG_ID, LOG_LINE, LOG_OBJECT, LOG_REGION, OTHER_FIELDS, PARTITION_KEYS, PREFIX, PROVENANCE,
    Provenance, RESERVED,
};
pub use stored::{Compression, PartitionBy, UnknownChoice};
pub use table::{Table, documented};
pub use unknown::{Admitted, NEW_COLUMNS_PER_TASK_MAX, UNKNOWN_COLUMNS_MAX, Unknown};
pub use within::without_ids;
