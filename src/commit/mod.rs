//! The only writer to a lake: stages what a task gave, proves it, publishes it once, and appends to the ledger.
//!
//! ```text
//! encode ──▶ Scratch (local files) ──▶ verify ──▶ intent ──▶ data files ──▶ commit record ──▶ seal
//! ```
//!
//! Invariants on storage:
//! - log entries, plan bodies' references and commits are created only if absent; the first writer wins;
//! - data files have names that follow from plan and content, so that whoever repeats a task overwrites equal bytes;
//! - nothing of a task is published before its last object was read to the end;
//! - a commit on local disk was reported only after its bytes, its name and its folders were synced.

mod bodies;
mod checkpoint;
mod delta;
mod expire;
mod give_up;
mod history;
mod index;
mod intact;
mod intents;
mod key_days;
mod lakestore;
mod local;
mod lock;
mod log;
mod nonce;
mod once;
mod orphans;
mod own;
mod pack;
mod place;
mod proof;
mod publish;
mod repair;
mod repaired;
mod scratch;
mod show;
mod switch;
mod undo;
mod written_again;

#[cfg(test)]
mod tests;

pub use delta::{Projected, When, project, repair_delta, was_given_delta_log};
pub use expire::{clear_expired, expire};
pub use intact::{check_tables_are_there, is_intact};
pub use intents::clear_intents;
pub use lakestore::{LakeWriter, UPLOAD_PART_BYTES};
pub use local::{Created, make_folder};
pub use lock::HostLock;
pub use log::{Appended, Draft, Ledger};
pub use orphans::remove_orphans;
pub use own::is_closed_to_others;
pub use pack::{PACKED_AFTER, Packing};
pub use publish::{Published, Staged, publish, remove_published, sweep};
pub use repair::{WholeTables, remove_given_up, repair};
pub use repaired::Repaired;
pub use scratch::{Attempt, LakeMark, Scratch, StagedRejects};
pub use show::{Showing, Shown, delete_aside, gone, hide, show, unfit};
pub use switch::{clear_waiting, switch};

use crate::lake::{DataFile, Names};

/// Why something could not be written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum CommitError {
    #[error("cannot write: {0}")]
    Store(#[from] crate::source::SourceError),
    #[error(
        "cannot write {url}: {detail}; writing needs s3:PutObject and s3:DeleteObject, and kms:GenerateDataKey if the \
         lake is encrypted"
    )]
    Denied { url: String, detail: String },
    #[error("cannot write {path}: {source}")]
    Local { path: String, source: std::io::Error },
    #[error("cannot write to the scratch folder {}: {source}; give another one with --scratch", path.display())]
    Scratch { path: std::path::PathBuf, source: std::io::Error },
    #[error(
        "{} is a link, and what runs leave there is removed; make it a folder, and give --scratch for one on another disk",
        path.display()
    )]
    LinkedTmp { path: std::path::PathBuf },
    #[error(transparent)]
    Lake(#[from] crate::lake::LakeError),
    #[error(transparent)]
    Delta(#[from] crate::delta::DeltaError),
    #[error(
        "{url} was created twice: this store ignores conditional writes (If-None-Match), without which two runs \
         could convert the same object; use a store that honours them"
    )]
    NotConditional { url: String },
    #[error("{url}: the staged file has {found} rows in its footer, {expected} were encoded; nothing was published")]
    Footer { url: String, found: u64, expected: u64 },
    #[error(
        "something else lies at {url}, where a file of the lake is to be seen by readers of folders; move it away, and the \
         next run shows the file: until then nothing is deleted for it"
    )]
    InTheWay { url: String },
    #[error(
        "the data file {url} is gone, or is not what the ledger says of it; `flowlake convert SOURCE LAKE --redo` of its \
         days makes it again, and `flowlake repair LAKE` gives up what cannot be made again"
    )]
    FileGone { url: String },
    #[error(
        "none of the {files} data files is in {url} that lie there: if it is on a disk that is not mounted, mount it, \
         else restore it from a copy; of what is gone for good `flowlake convert SOURCE LAKE --redo` of its days makes \
         the files again, and `flowlake repair LAKE --gone-for-good` gives up what cannot be made again. Nothing was \
         written"
    )]
    TableGone { url: String, files: usize },
    #[error(
        "{url} is gone or damaged and filed nowhere, and rows of its task were merged with those of many others: restore \
         it from a copy; `flowlake repair LAKE --gone-for-good` gives up all tasks that hang together so, and their \
         objects are converted again if they are still at their source. Nothing was given up"
    )]
    HangsOnMerged { url: String },
    #[error("another run of flowlake on this host is at work on {lake}; wait for it to end")]
    Busy { lake: String },
}

impl CommitError {
    fn in_the_way(names: &Names, file: &DataFile) -> CommitError {
        CommitError::InTheWay { url: names.url(&names.inside(&file.path)) }
    }
}
