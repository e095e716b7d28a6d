//! Statements that make a lake a table of Athena, Trino, Spark, DuckDB or ClickHouse.
//!
//! ```text
//! ledger ──▶ Held (columns, keys, first date) ──▶ hive::statement(engine, name, location) ──▶ one statement, no `;`
//!        └─▶ Followed (is there a Delta log?) ──▶ delta::statement(engine, name, location) ──▶ one statement, no `;`
//!                                            └──▶ notes: what to know or to run besides, for people
//! ```
//!
//! A table that has a Delta log is named by its folder, and the engine follows the log. Any other one is told by its
//! columns: those that the data files hold, united by name over all formats, with the files' own types: an engine that
//! is told `bigint` where a file has `INT32` fails on it (Spark does). It reads the ledger and writes nothing.

pub mod delta;
mod held;
pub mod hive;
mod place;
mod types;

#[cfg(test)]
mod tests;

pub use delta::Followed;
pub use held::Held;
pub use place::{Name, Place};

use crate::delta::DeltaError;
use crate::lake::LakeError;
use crate::schema::Table;

/// Whose words a statement is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[allow(missing_docs, reason = "each is the engine of that name; clap would take docstrings for the help")]
pub enum Engine {
    Athena,
    Trino,
    Spark,
    Duckdb,
    Clickhouse,
}

/// Why there is no statement.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum DdlError {
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    Delta(#[from] DeltaError),
    #[error("{url} holds no rows yet, so that its columns are not known; convert something first")]
    Empty { url: String },
    #[error("{url} has no table `{}`; it has `{}`", .asked.name(), .has.name())]
    NoTable { url: String, asked: Table, has: Table },
    #[error("\"{text}\" is no name for a table; write flow_logs or database.flow_logs: letters, digits and `_`")]
    Name { text: String },
    #[error("the location \"{text}\" {reason}")]
    Place { text: String, reason: &'static str },
}
