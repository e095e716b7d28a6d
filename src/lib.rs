//! flowlake: gzip VPC Flow Logs in, a date-partitioned Parquet lake out.
//!
//! Two flows meet in the lake and nowhere else. Modules in flow order:
//!
//! ```text
//! convert:  source ──▶ plan ──▶ fetch ──▶ decode ──▶ encode ──▶ commit ──▶ (lake)
//! read:                                                       lake ──▶ query ──▶ report
//! ```
//!
//! [`schema`] says what a record is, [`columns`] is the border between decode and encode, [`lake`] spells every name
//! and record on storage, and [`convert`] alone knows all stages. `docs/architecture.md` has the rules.

// What is said goes through `command::talk`: a closed pipe must not end the program.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub use flowlake_codec::{columns, decode, encode, readback, schema};
pub use flowlake_functions as functions;

pub mod shown;

pub mod source;

pub mod plan;

pub mod fetch;

pub mod lake;

pub mod commit;

pub mod execute;

pub mod convert;

pub mod audit;

pub mod query;

pub mod report;

pub mod ddl;

#[cfg(feature = "serve")]
pub mod serve;

#[cfg(feature = "mcp")]
pub mod mcp;

pub mod inspect;

pub mod output;

pub mod sample;

pub mod progress;

pub mod cli;

pub mod config;

pub mod command;

pub mod error;
