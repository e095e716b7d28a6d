//! The Delta log beside a table's data files, by which other engines see each run as a whole.
//!
//! ```text
//! ledger: log, commits ──▶ changes behind the newest version ──▶ actions of one version more ──▶ `commit` writes it
//! ```
//!
//! It is a projection of the ledger, which stays the truth: nothing is read from it but how far it has come. Each
//! version names the ledger's entry through which it goes, so that a run which is repeated, or a rival, writes nothing
//! twice, and what a killed run left out is written by the next one.

mod action;
mod check;
mod checkpoint;
mod log;
mod schema;
mod version;

#[cfg(test)]
mod tests;

pub use action::{Action, Add, MetaData, Protocol, encode};
pub use check::{Checked, check};
pub use checkpoint::{ACTIONS_MAX, LastCheckpoint, to_parquet};
pub use log::{Log, Snapshot, Tail};
pub use version::{Described, Edits, Version};

/// Why a Delta log could not be read or written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum DeltaError {
    #[error(transparent)]
    Lake(#[from] crate::lake::LakeError),
    #[error(
        "{url} is not readable as a part of a Delta log: {reason}; nothing of the lake is lost with it: delete {folder}, \
         and `flowlake convert SOURCE LAKE --delta` writes it anew"
    )]
    Record { url: String, reason: String, folder: String },
    #[error(
        "{url} goes through entry {through} of the ledger, and the ledger ends at entry {newest}: it is an older copy; \
         restore the newer one"
    )]
    Ahead { url: String, through: u64, newest: u64 },
}
