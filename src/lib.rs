//! flowlake: gzip VPC Flow Logs in, a date-partitioned Parquet lake out.
//!
//! Two flows meet in the lake and nowhere else. Modules in flow order:
//!
//! ```text
//! convert:  source ──▶ plan ──▶ fetch ──▶ decode ──▶ encode ──▶ commit ──▶ (lake)
//! read:                                                       lake ──▶ query ──▶ report
//! ```
//!
//! [`convert`] alone knows all stages; `docs/architecture.md` has the rules. What each is for:
//!
//! - [`schema`]: what a record is: fields, columns and their types. [`columns`]: rows in columns, the border between
//!   decode and encode. [`decode`]: bytes of an object to columns. [`encode`]: columns to Parquet. [`readback`]: rows
//!   of a data file, back in columns. These are a crate of their own, `flowlake-codec`.
//! - [`source`]: where raw logs lie: URLs, stores, credentials, keys, listing. [`plan`]: what is listed, less what is
//!   known, cut into tasks. [`fetch`]: the bytes of a task's objects, within limits.
//! - [`lake`]: every name and record on storage, and what they come to; it never writes. [`commit`]: the only writer.
//!   [`convert`]: the write flow from end to end. [`audit`]: the proof that files, ledger and sources agree.
//! - [`query`]: SQL over a lake. [`report`]: ready questions, and the dashboard. [`ddl`]: statements that make a lake a
//!   table of other engines. [`serve`]: a lake behind the Postgres protocol. [`mcp`]: tools for assistants.
//! - [`inspect`]: a look at a source. [`sample`]: made-up logs. [`output`]: files that a command writes for people.
//!   [`progress`]: what a person sees meanwhile. [`shown`]: texts of others, so that they cannot act on a terminal.
//!   [`threads`]: threads that the system may refuse.
//! - [`cli`]: every command and flag with its help. [`config`]: options that nobody typed. [`command`]: what each
//!   command does. [`error`]: what can end a command, with its hint and exit code.

// What is said goes through `command::talk`: a closed pipe must not end the program.
#![deny(clippy::print_stdout, clippy::print_stderr)]
// Modules of which not every item has a docstring yet say so below.
#![warn(missing_docs)]

pub use flowlake_codec::{columns, decode, encode, readback, schema};
pub use flowlake_functions as functions;

pub mod shown;

pub mod threads;

pub mod source;

pub mod plan;

pub mod fetch;

pub mod reading;

pub mod lake;

pub mod commit;

pub mod delta;

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
