//! What removing dates came to, as it adds up.

use chrono::NaiveDate;
use serde::Serialize;

use crate::lake::Inputs;

/// Dates that were removed: by this run, or by a plan of an earlier one that it finished.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Expired {
    /// The last of these dates; `None` if nothing was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired_through: Option<NaiveDate>,
    /// Rows that left the lake.
    pub rows_expired: u64,
    /// The data files that held them. They stay on storage for the retention.
    pub files_expired: u64,
    /// Bytes of these files.
    pub expired_bytes: u64,
    /// Lines that had been set aside, and left the lake too.
    pub rejects_expired: u64,
    /// Rows of these dates that a plan gave which is still open: they leave once it is done.
    pub rows_left: u64,
    /// Files that were deleted at once.
    pub files_deleted: u64,
    /// Whether the run was to do nothing else.
    #[serde(skip)]
    pub is_all: bool,
}

impl Expired {
    pub(super) fn add(&mut self, inputs: &Inputs) {
        self.rows_expired += inputs.files.iter().map(|file| file.rows).sum::<u64>();
        self.files_expired += inputs.files.len() as u64;
        self.expired_bytes += inputs.files.iter().map(|file| file.bytes).sum::<u64>();
        self.rejects_expired += inputs.reject_lines;
    }
}
