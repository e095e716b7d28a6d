//! Why a tool gave no answer, as the one who called it reads it. The server goes on.

use std::time::Duration;

use crate::query::QueryError;
use crate::report::ReportError;
use crate::shown;

#[derive(Debug, thiserror::Error)]
pub(super) enum ToolError {
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error("the arguments of `{tool}` are wrong: {reason}")]
    Arguments { tool: &'static str, reason: String },
    #[error("{argument}: {reason}")]
    Argument { argument: &'static str, reason: String },
    #[error("there is no table `{name}` in this lake; `list_tables` says which there are")]
    NoTable { name: String },
    #[error("the names of the columns alone are more than {limit}; name fewer columns in SELECT")]
    TooWide { limit: bytesize::ByteSize },
    #[error("there is no statement; write SELECT … FROM flow_logs")]
    NoStatement,
    #[error("the statement has {bytes} bytes; {max} are the most")]
    TooLong { bytes: usize, max: usize },
    #[error("{0} calls wait already; wait for their answers and ask again")]
    Busy(usize),
    #[error("it took longer than {}, see --timeout; narrow the time, or ask for less", humantime::format_duration(*.0))]
    TimedOut(Duration),
    #[error("the call was given up")]
    GivenUp,
    #[error("the call failed within flowlake, which is a fault of flowlake")]
    Broken,
}

impl From<QueryError> for ToolError {
    fn from(error: QueryError) -> ToolError {
        ToolError::Report(error.into())
    }
}

impl ToolError {
    /// The message, as the command line shows it.
    pub fn shown(&self) -> String {
        match self {
            ToolError::Report(error) => error.shown(),
            error => shown::line(&error.to_string()).into_owned(),
        }
    }
}
