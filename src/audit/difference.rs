//! A difference between two things that should say the same: what it is about, what was expected, what was found.

use std::fmt;

use serde::Serialize;

use crate::shown;

/// What kind of thing differs. The names are stable: scripts rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    RecordMissing,
    RecordUnreadable,
    /// Two ledger records contradict each other, or one contradicts itself.
    RecordDiffers,
    /// A ledger record that no other leads to.
    RecordStray,
    CheckpointDiffers,
    FileMissing,
    FileSize,
    FileHash,
    FileUnreadable,
    FileRows,
    FileColumns,
    FileStray,
    /// Two commits name the same data file.
    FileTwice,
    ObjectTwice,
    /// Rows or sums of an object in a partition are not those of its receipt.
    ObjectSums,
    LineTwice,
    LineUnknown,
    RowForeign,
    RowMisplaced,
    RejectsDiffer,
    SourceDiffers,
    /// The same, of an object that another version of the decoder converted: its content need not have changed.
    DecoderChanged,
    SourceUnreadable,
    /// What was left out as a copy does not hold what its first gave.
    CopyDiffers,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Kind::RecordMissing => "ledger record is missing",
            Kind::RecordUnreadable => "ledger record is not readable",
            Kind::RecordDiffers => "ledger record contradicts another",
            Kind::RecordStray => "ledger record that nothing leads to",
            Kind::CheckpointDiffers => "checkpoint is not the fold of the log",
            Kind::FileMissing => "data file is missing",
            Kind::FileSize => "data file has another size",
            Kind::FileHash => "data file has another content",
            Kind::FileUnreadable => "data file is not readable",
            Kind::FileRows => "data file has another number of rows",
            Kind::FileColumns => "data file has other columns",
            Kind::FileStray => "data file that the ledger does not know",
            Kind::FileTwice => "data file of two commits",
            Kind::ObjectTwice => "object was converted twice",
            Kind::ObjectSums => "rows of an object are not those of its receipt",
            Kind::LineTwice => "line of an object is there twice",
            Kind::LineUnknown => "line that its object does not have",
            Kind::RowForeign => "row of an object that gave none to its partition",
            Kind::RowMisplaced => "row in another partition than its start says",
            Kind::RejectsDiffer => "lines that were set aside are not those of the receipt",
            Kind::SourceDiffers => "source object gives something else",
            Kind::DecoderChanged => {
                "the decoder changed since: source object gives something else, convert --redo takes it"
            }
            Kind::SourceUnreadable => "source cannot be read",
            Kind::CopyDiffers => "object that was left out as a copy does not give what its first gave",
        }
    }
}

/// One difference. `file` is relative to the lake, `object` is the URL of a source object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    pub expected: String,
    pub found: String,
}

impl Difference {
    pub fn of_file(kind: Kind, file: &str, expected: impl Into<String>, found: impl Into<String>) -> Difference {
        Difference { kind, file: Some(file.to_owned()), object: None, expected: expected.into(), found: found.into() }
    }

    pub fn of_object(kind: Kind, object: &str, expected: impl Into<String>, found: impl Into<String>) -> Difference {
        Difference { kind, file: None, object: Some(object.to_owned()), expected: expected.into(), found: found.into() }
    }

    pub fn in_file(self, file: &str) -> Difference {
        Difference { file: Some(file.to_owned()), ..self }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.kind.words())?;
        for name in [&self.file, &self.object].into_iter().flatten() {
            write!(f, " {}", shown::line(name))?;
        }
        write!(f, "\n  expected {}\n  found    {}", shown::line(&self.expected), shown::line(&self.found))
    }
}
