//! Why a conversion fails.

use std::path::PathBuf;

use chrono::NaiveDate;

use super::Summary;
use crate::commit::CommitError;
use crate::execute::TaskError;
use crate::lake::LakeError;
use crate::schema::LayoutError;
use crate::source::SourceError;

/// Why a conversion failed. What was committed before stays.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum ConvertError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error("`--format` is not usable: {0}")]
    Format(#[from] LayoutError),
    #[error("{lake} and {source_url} overlap: a lake cannot lie inside its source, nor the source inside the lake")]
    Overlap { lake: String, source_url: String },
    #[error(
        "{lake} and the lake {other} overlap: the files of one would be taken for those of the other; give the new one a \
         place of its own"
    )]
    Nested { lake: String, other: String },
    #[error(
        "{what} {} lies in the lake {}, where files would lie among those of the lake; give a folder outside of it",
        path.display(),
        lake.display()
    )]
    TemporaryInLake { what: &'static str, path: PathBuf, lake: PathBuf },
    #[error(
        "{what} {} lies in the source {source_url}, where files would be listed with the logs; give a folder outside of it",
        path.display()
    )]
    TemporaryInSource { what: &'static str, path: PathBuf, source_url: String },
    #[error("{lake} is partitioned by `{found}`, not by `{asked}`; leave `--partition-by` out, or start a new lake")]
    Partitioning { lake: String, found: &'static str, asked: &'static str },
    #[error("`--bloom` names `{column}`, which is no column of texts; give columns such as srcaddr, or none")]
    NoTexts { column: String },
    #[error("`--until` names {date}, which is not over by the clock of the lake's store; give a date that is")]
    NotOver { date: NaiveDate },
    #[error("{0}: there is nothing; check the bucket, the prefix and the credentials")]
    EmptySource(String),
    #[error(
        "{url} is a copy of {first}; with `--copies keep` both are converted, with `--copies skip` the first alone"
    )]
    Copy { url: String, first: String },
    #[error("plan {plan} names \"{url}\", which is not of this run's sources")]
    Outside { plan: u64, url: String },
    /// Something was done before the error.
    #[error("{error}")]
    Unfinished { error: Box<ConvertError>, summary: Box<Summary> },
    #[error(transparent)]
    Task(#[from] TaskError),
}

impl From<LakeError> for ConvertError {
    fn from(error: LakeError) -> Self {
        ConvertError::Commit(error.into())
    }
}
