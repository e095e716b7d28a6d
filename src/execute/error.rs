//! Why a task could not be run to its end. Nothing of it is in the lake then.

use std::path::{Path, PathBuf};

use crate::commit::CommitError;
use crate::lake::LakeError;
use crate::schema::LayoutError;
use crate::threads::ThreadError;

/// Why a task failed. It stays open, and the next run tries it again.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum TaskError {
    /// A store that cannot give one object may give others.
    #[error("{url}: cannot be read: {reason}; its task stays open and the next run tries it again")]
    Fetch { url: String, reason: String },
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The format that the plan fixed for objects without a header.
    #[error("`--format` is not usable: {0}")]
    Format(#[from] LayoutError),
    #[error("cannot write to the scratch folder {}: {source}; give another one with --scratch", path.display())]
    Scratch { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Threads(#[from] ThreadError),
    #[error("{0}; this is a bug in flowlake, nothing of the task was published")]
    Encode(String),
}

impl TaskError {
    /// What an error of a file in the scratch folder `folder` means.
    pub fn of_scratch(folder: &Path) -> impl Fn(std::io::Error) -> TaskError + Copy {
        move |source| TaskError::Scratch { path: folder.to_owned(), source }
    }
}

impl From<LakeError> for TaskError {
    fn from(error: LakeError) -> Self {
        TaskError::Commit(error.into())
    }
}
