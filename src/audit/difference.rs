//! A difference between two things that should say the same: what it is about, what was expected, what was found.

use std::fmt;

use serde::Serialize;

use crate::shown;

/// What kind of thing differs. The names are stable: scripts rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// A record that another one names is not there.
    RecordMissing,
    /// A record cannot be parsed, or its check is wrong.
    RecordUnreadable,
    /// Two ledger records contradict each other, or one contradicts itself.
    RecordDiffers,
    /// A ledger record that no other leads to.
    RecordStray,
    /// What a checkpoint holds is not what the log before it adds up to.
    CheckpointDiffers,
    /// A data file that a commit names is not there.
    FileMissing,
    /// Its length is not that of the commit.
    FileSize,
    /// Its BLAKE3 is not that of the commit.
    FileHash,
    /// It cannot be read as Parquet.
    FileUnreadable,
    /// It has not as many rows as the commit says.
    FileRows,
    /// Its columns are not those of the commit.
    FileColumns,
    /// No commit names it.
    FileStray,
    /// Two commits name the same data file.
    FileTwice,
    /// Two tasks converted one object.
    ObjectTwice,
    /// Rows or sums of an object in a partition are not those of its receipt.
    ObjectSums,
    /// One line gave two rows of a partition, or a row and a reject.
    LineTwice,
    /// A row or reject of a line beyond the object's last one.
    LineUnknown,
    /// A row of an object that gave none to this partition.
    RowForeign,
    /// A row whose `start` belongs to another partition.
    RowMisplaced,
    /// What was set aside is not what the receipt counts.
    RejectsDiffer,
    /// Read again, a source object gives something else.
    SourceDiffers,
    /// The same, of an object that another version of the decoder converted: its content need not have changed.
    DecoderChanged,
    /// A source object cannot be read again.
    SourceUnreadable,
    /// A Delta log says something else than the ledger.
    DeltaDiffers,
    /// What was left out as a copy does not hold what its first gave.
    CopyDiffers,
}

impl DifferenceKind {
    fn words(self) -> &'static str {
        match self {
            DifferenceKind::RecordMissing => "ledger record is missing",
            DifferenceKind::RecordUnreadable => "ledger record is not readable",
            DifferenceKind::RecordDiffers => "ledger record contradicts another",
            DifferenceKind::RecordStray => "ledger record that nothing leads to",
            DifferenceKind::CheckpointDiffers => "checkpoint is not the fold of the log",
            DifferenceKind::FileMissing => "data file is missing",
            DifferenceKind::FileSize => "data file has another size",
            DifferenceKind::FileHash => "data file has another content",
            DifferenceKind::FileUnreadable => "data file is not readable",
            DifferenceKind::FileRows => "data file has another number of rows",
            DifferenceKind::FileColumns => "data file has other columns",
            DifferenceKind::FileStray => "data file that the ledger does not know",
            DifferenceKind::FileTwice => "data file of two commits",
            DifferenceKind::ObjectTwice => "object was converted twice",
            DifferenceKind::ObjectSums => "rows of an object are not those of its receipt",
            DifferenceKind::LineTwice => "line of an object is there twice",
            DifferenceKind::LineUnknown => "line that its object does not have",
            DifferenceKind::RowForeign => "row of an object that gave none to its partition",
            DifferenceKind::RowMisplaced => "row in another partition than its start says",
            DifferenceKind::RejectsDiffer => "lines that were set aside are not those of the receipt",
            DifferenceKind::SourceDiffers => "source object gives something else",
            DifferenceKind::DecoderChanged => {
                "the decoder changed since: source object gives something else, convert --redo takes it"
            }
            DifferenceKind::SourceUnreadable => "source cannot be read",
            DifferenceKind::DeltaDiffers => "Delta log is not what the ledger says",
            DifferenceKind::CopyDiffers => "object that was left out as a copy does not give what its first gave",
        }
    }
}

/// One difference. `file` is relative to the lake, `object` is the URL of a source object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What kind of difference.
    pub kind: DifferenceKind,
    /// The file that it is about, relative to the lake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The URL of the source object that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What should be, for people.
    pub expected: String,
    /// What is.
    pub found: String,
}

impl Difference {
    /// About a file of the lake.
    pub fn of_file(
        kind: DifferenceKind,
        file: &str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Difference {
        Difference { kind, file: Some(file.to_owned()), object: None, expected: expected.into(), found: found.into() }
    }

    /// About a source object.
    pub fn of_object(
        kind: DifferenceKind,
        object: &str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Difference {
        Difference { kind, file: None, object: Some(object.to_owned()), expected: expected.into(), found: found.into() }
    }

    /// The same, found in this file.
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
