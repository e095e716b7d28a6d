//! The top error: the stages' errors, the hint that goes with each, and the exit codes.

use crate::audit::AuditError;
use crate::commit::CommitError;
use crate::config::ConfigError;
use crate::convert::ConvertError;
use crate::ddl::DdlError;
use crate::delta::DeltaError;
use crate::execute::TaskError;
use crate::inspect::InspectError;
use crate::lake::LakeError;
use crate::output::OutputError;
use crate::query::QueryError;
use crate::report::ReportError;
use crate::sample::SampleError;
use crate::shown;
use crate::source::SourceError;
use crate::threads::ThreadError;

/// Exit codes, on which scripts and schedulers rely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed; what was committed stays.
    Failed = 1,
    /// Bad usage; clap uses the same number.
    Usage = 2,
    /// This run set objects or lines aside, or could not reach some.
    SetAside = 3,
    /// A check found a difference, or the condition of `--fail-if` holds.
    Difference = 4,
    /// Another run on this host is at work on this lake (sysexits' EX_TEMPFAIL).
    Busy = 75,
    /// A signal ended it.
    Interrupted = 130,
}

/// What ends a command.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each is the error of the module that it is named after, or says its message")]
pub enum Error {
    #[error(transparent)]
    Convert(#[from] ConvertError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    Sample(#[from] SampleError),
    #[error(transparent)]
    Inspect(#[from] InspectError),
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Ddl(#[from] DdlError),
    #[error(transparent)]
    Delta(#[from] DeltaError),
    #[cfg(feature = "serve")]
    #[error(transparent)]
    Serve(#[from] crate::serve::ServeError),
    #[cfg(feature = "mcp")]
    #[error(transparent)]
    Mcp(#[from] crate::mcp::McpError),
    #[error("cannot write to {}: {source}", .folder.display())]
    Folder { folder: std::path::PathBuf, source: std::io::Error },
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Written(#[from] OutputError),
    #[error(transparent)]
    Threads(#[from] ThreadError),
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
}

impl Error {
    /// What is wrong with the file that an option names.
    pub fn of_option(option: &str, error: &OutputError) -> Error {
        Error::Usage(format!("{option} {error}"))
    }

    /// The exit code that it means.
    pub fn exit(&self) -> Exit {
        match self {
            Error::Convert(ConvertError::Commit(CommitError::Busy { .. })) => Exit::Busy,
            Error::Convert(
                ConvertError::Format(_)
                | ConvertError::Task(TaskError::Format(_))
                | ConvertError::Overlap { .. }
                | ConvertError::Partitioning { .. }
                | ConvertError::NoTexts { .. }
                | ConvertError::NotOver { .. }
                | ConvertError::Nested { .. }
                | ConvertError::TemporaryInLake { .. }
                | ConvertError::TemporaryInSource { .. },
            )
            | Error::Ddl(DdlError::Place { .. }) => Exit::Usage,
            Error::Source(error)
            | Error::Convert(ConvertError::Source(error))
            | Error::Audit(AuditError::Source(error))
                if error.is_usage() =>
            {
                Exit::Usage
            }
            #[cfg(feature = "serve")]
            Error::Serve(crate::serve::ServeError::Open { .. }) => Exit::Usage,
            Error::Query(error) if error.is_usage() => Exit::Usage,
            Error::Report(error) if error.is_usage() => Exit::Usage,
            Error::Usage(_)
            | Error::Config(_)
            | Error::Written(_)
            | Error::Sample(SampleError::Output(_) | SampleError::Other { .. }) => Exit::Usage,
            _ => Exit::Failed,
        }
    }

    /// The message for people, in which nothing acts on their terminal.
    pub fn shown(&self) -> String {
        match self {
            Error::Query(error) => error.shown(),
            Error::Report(error) => error.shown(),
            error => shown::line(&error.to_string()).into_owned(),
        }
    }

    /// What to do next, where the message itself does not say.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Error::Convert(
                ConvertError::Commit(CommitError::Local { source, .. } | CommitError::Scratch { source, .. })
                | ConvertError::Task(
                    TaskError::Scratch { source, .. }
                    | TaskError::Commit(CommitError::Local { source, .. } | CommitError::Scratch { source, .. }),
                ),
            ) if is_out_of_room(source.kind()) => {
                Some("free some space or give another --scratch; what was committed stays, a rerun goes on from there")
            }
            Error::Convert(ConvertError::Task(TaskError::Fetch { .. })) => {
                Some("nothing was lost: run the same command again")
            }
            _ => None,
        }
    }
}

fn is_out_of_room(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(kind, StorageFull | QuotaExceeded | FileTooLarge)
}
