//! What is wrong with a variable or with `flowlake.toml`. No message holds a value that may be a secret.

use std::path::{Path, PathBuf};

use crate::shown;

/// What may fail for a setting.
pub type Result<T, E = ConfigError> = std::result::Result<T, E>;

/// Why options that were not typed are not usable.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum ConfigError {
    #[error("{variable}: {reason}")]
    Variable { variable: String, reason: String },
    /// The file as a whole.
    #[error("{}: {reason}", path.display())]
    File { path: PathBuf, reason: String },
    #[error("{place}: {reason}")]
    Line { place: Place, reason: String },
    #[error("{name} is no lake of flowlake.toml; {known}; a path that begins with @ is written ./{name}")]
    NoLake { name: String, known: String },
    #[error("{one} and {other}: a command takes the options of one lake; write the other one as a path or URL")]
    TwoLakes { one: String, other: String },
    #[error("\"{name}\" is no command that takes options{near}")]
    NoCommand { name: String, near: String },
}

impl ConfigError {
    /// The message for people, in which nothing acts on their terminal.
    pub fn shown(&self) -> String {
        shown::line(&self.to_string()).into_owned()
    }
}

/// A line of a file, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// Its number, from 1.
    pub line: usize,
}

impl Place {
    /// A line of a file.
    pub fn new(path: &Path, line: usize) -> Place {
        Place { path: path.to_owned(), line }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} line {}", self.path.display(), self.line)
    }
}
