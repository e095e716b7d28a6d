//! Why a question could not be answered: the asker's mistakes apart from failures of the engine and the store.

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use super::gate::Refusal;
use super::words;
use crate::lake::LakeError;
use crate::shown;

/// Why a statement has no answer, or not all of one: rows that were written before stay.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum QueryError {
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    Source(#[from] crate::source::SourceError),
    /// The statement is wrong; the text shows the place and what may have been meant.
    #[error("{0}")]
    Statement(String),
    /// The statement is too deep to be walked.
    #[error(transparent)]
    TooComplex(#[from] super::TooComplex),
    /// A number or a text has something right behind it.
    #[error(transparent)]
    Touching(#[from] super::Touching),
    #[error("{0} is refused: flowlake only reads the lake; write results to a file of your own with --output")]
    ReadOnly(String),
    #[error(
        "{0} is refused: the engine would ignore it or take it for something else, and the answer would not be the one \
         that was asked for"
    )]
    Ignored(String),
    #[error(
        "the query needs more memory than --memory gives it ({limit}) and cannot spill the rest: {detail}\n  (hint: \
         raise --memory, narrow the time, or group by fewer columns)"
    )]
    Memory { limit: bytesize::ByteSize, detail: String },
    #[error("table `{name}`: {reason}")]
    Table { name: String, reason: String },
    #[error("two columns are called `{name}`, of which readers of {format} keep one; name them apart with AS")]
    SameName { name: String, format: &'static str },
    #[error("cannot write the result: {0}")]
    Output(#[from] std::io::Error),
    #[error("the query failed: {}", first_line(.0))]
    Engine(#[from] DataFusionError),
}

impl QueryError {
    /// Whether the asker, not the lake or the machine, has to mend it.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            QueryError::Statement(_)
                | QueryError::TooComplex(_)
                | QueryError::Touching(_)
                | QueryError::ReadOnly(_)
                | QueryError::Ignored(_)
                | QueryError::Table { .. }
                | QueryError::SameName { .. }
        )
    }

    /// The message for people. Those that show a place in a statement, or a hint, have several lines.
    pub fn shown(&self) -> String {
        let text = self.to_string();
        match self {
            QueryError::Statement(_) | QueryError::Memory { .. } => shown::lines(&text).into_owned(),
            _ => shown::line(&text).into_owned(),
        }
    }

    /// Whether the reader of our output went away, as `head` does.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, QueryError::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }

    pub(super) fn arrow(error: ArrowError) -> QueryError {
        match error {
            ArrowError::IoError(_, error) => QueryError::Output(error),
            other => QueryError::Engine(other.into()),
        }
    }

    /// The process holds far more than the engine counts.
    pub(super) fn held(memory_bytes: u64) -> QueryError {
        let detail = "window functions and long lists are held whole".to_owned();
        QueryError::Memory { limit: bytesize::ByteSize(memory_bytes), detail }
    }

    /// An error of a statement that was sound enough to run.
    pub(super) fn while_running(error: DataFusionError, memory_bytes: u64) -> QueryError {
        match error.find_root() {
            DataFusionError::ResourcesExhausted(detail) => {
                let detail = detail.lines().next().unwrap_or_default().to_owned();
                QueryError::Memory { limit: bytesize::ByteSize(memory_bytes), detail }
            }
            _ => QueryError::Engine(error),
        }
    }
}

impl From<Refusal> for QueryError {
    fn from(refusal: Refusal) -> QueryError {
        match refusal {
            Refusal::NotAQuestion(what) => QueryError::ReadOnly(what),
            Refusal::Ignored(what) => QueryError::Ignored(what),
        }
    }
}

fn first_line(error: &DataFusionError) -> String {
    let text = words::of(error).lines().collect::<Vec<_>>().join(" ");
    let whole = error.strip_backtrace();
    let is_of_a_file = whole.contains("Failed to fetch metadata for file") || whole.contains("Object Store error");
    format!("{text}{}", if is_of_a_file { FILE_REMEDY } else { "" })
}

/// For a file of the lake that is gone, or is not what the ledger says of it. A redo that ends takes the files away
/// that it replaced, also those of a statement under way.
const FILE_REMEDY: &str = "; ask once more, since a redo may have replaced files meanwhile; if a data file of the lake \
    is gone or damaged, `flowlake verify LAKE` names it, `flowlake convert SOURCE LAKE --redo` of its days makes it \
    again, and `flowlake repair LAKE` gives up what cannot be made again";
