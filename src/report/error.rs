//! Why a report could not be answered, and whether the asker has to mend it.

use crate::query::QueryError;
use crate::shown;

/// Why a report was not answered.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum ReportError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("there is no report `{name}`{near}; `flowlake report LAKE` lists them")]
    Unknown { name: String, near: String },
    #[error("{path}: {reason}")]
    File { path: String, reason: String },
    #[error("report `{report}` needs --param {name}=…: {meaning}")]
    Missing { report: String, name: String, meaning: String },
    #[error("report `{report}` has no parameter `{name}`; it has {known}")]
    NoParameter { report: String, name: String, known: String },
    #[error("--param {name}: \"{value}\" is no {kind}")]
    Value { name: String, value: String, kind: String },
    #[error("\"{0}\" is not of the form name=value")]
    NotAPair(String),
    #[error("report `{0}` compares with no earlier window, so --against has no meaning for it")]
    NoAgainst(String),
    #[error("report `{0}` is about the whole lake, so --since and --until have no meaning for it")]
    NoWindow(String),
    #[error("{day} has no beginning in {zone}")]
    NoBeginning { day: chrono::NaiveDate, zone: String },
    #[error("the window is empty: it would begin at {since} and end at {until} ({zone})")]
    EmptyWindow { since: String, until: String, zone: String },
    #[error("no record of this lake starts in the window; they start from {first} to {last} ({zone})")]
    NothingInWindow { first: String, last: String, zone: String },
    #[error("{url} has no rows yet; run `flowlake convert SOURCE LAKE` first")]
    EmptyLake { url: String },
    #[error("report `{report}` cannot run on this lake: no {table} record has the field{s} {fields}")]
    Fields { report: String, table: &'static str, s: &'static str, fields: String },
    #[error("--fail-if: the report has no column `{column}`; it has {known}, and `rows`")]
    Column { column: String, known: String },
    #[error("--fail-if: \"{value}\" does not compare with column `{column}` of type {kind}")]
    Literal { column: String, value: String, kind: String },
}

impl ReportError {
    /// Whether the asker, not the lake or the machine, has to mend it.
    pub fn is_usage(&self) -> bool {
        match self {
            ReportError::Query(error) => error.is_usage(),
            ReportError::NothingInWindow { .. } | ReportError::EmptyLake { .. } | ReportError::Fields { .. } => false,
            _ => true,
        }
    }

    /// The message for people.
    pub fn shown(&self) -> String {
        match self {
            ReportError::Query(error) => error.shown(),
            error => shown::line(&error.to_string()).into_owned(),
        }
    }
}
