//! What tasks, plans and the whole lake come to.

use serde::{Deserialize, Serialize};

use super::DataFile;

/// Sums over objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Objects that were converted; no other kind below is among them.
    pub objects: u64,
    /// Objects that were set aside as a whole.
    pub objects_aside: u64,
    /// Objects that are no flow logs, by their content.
    pub objects_skipped: u64,
    /// Rows that converted objects gave.
    pub rows: u64,
    /// Lines of converted objects that were set aside.
    pub rejects: u64,
    /// Objects that were read again under another version, and gave the same.
    #[serde(default)]
    pub objects_confirmed: u64,
    /// Objects that were read again under another version, and would give something else.
    #[serde(default)]
    pub objects_differing: u64,
    /// Objects that are copies of others and were not read.
    #[serde(default, skip_serializing_if = "is_none")]
    pub objects_copies: u64,
    /// Objects that could not be read, and are listed again.
    #[serde(default, skip_serializing_if = "is_none")]
    pub objects_unread: u64,
    /// Data files.
    pub files: u64,
    /// Bytes of these files.
    pub file_bytes: u64,
}

impl Totals {
    pub(super) fn is_nothing(&self) -> bool {
        *self == Totals::default()
    }

    /// With the number and size of data files.
    pub fn with_files<'a>(self, files: impl Iterator<Item = &'a DataFile> + Clone) -> Totals {
        let file_bytes = files.clone().map(|file| file.bytes).sum();
        Totals { files: files.count() as u64, file_bytes, ..self }
    }

    /// What leaves the lake with files of expired dates.
    pub fn of_expired<'a>(files: impl Iterator<Item = &'a DataFile> + Clone) -> Totals {
        let rows = files.clone().map(|file| file.rows).fold(0, u64::saturating_add);
        Totals { rows, ..Totals::default().with_files(files) }
    }

    /// Without what another task cannot stand for: objects that gave no rows.
    pub fn of_conversions(self) -> Totals {
        let Totals { objects, rows, rejects, files, file_bytes, .. } = self;
        Totals { objects, rows, rejects, files, file_bytes, ..Totals::default() }
    }

    /// Not below 0: a damaged log may take away what it never gave.
    pub fn subtract(&mut self, other: &Totals) {
        let take = |from: &mut u64, number: u64| *from = from.saturating_sub(number);
        take(&mut self.objects, other.objects);
        take(&mut self.objects_aside, other.objects_aside);
        take(&mut self.objects_skipped, other.objects_skipped);
        take(&mut self.rows, other.rows);
        take(&mut self.rejects, other.rejects);
        take(&mut self.objects_confirmed, other.objects_confirmed);
        take(&mut self.objects_differing, other.objects_differing);
        take(&mut self.objects_copies, other.objects_copies);
        take(&mut self.objects_unread, other.objects_unread);
        take(&mut self.files, other.files);
        take(&mut self.file_bytes, other.file_bytes);
    }

    /// Not beyond what a number holds: a damaged log may give more.
    pub fn add(&mut self, other: &Totals) {
        let add = |to: &mut u64, number: u64| *to = to.saturating_add(number);
        add(&mut self.objects, other.objects);
        add(&mut self.objects_aside, other.objects_aside);
        add(&mut self.objects_skipped, other.objects_skipped);
        add(&mut self.rows, other.rows);
        add(&mut self.rejects, other.rejects);
        add(&mut self.objects_confirmed, other.objects_confirmed);
        add(&mut self.objects_differing, other.objects_differing);
        add(&mut self.objects_copies, other.objects_copies);
        add(&mut self.objects_unread, other.objects_unread);
        add(&mut self.files, other.files);
        add(&mut self.file_bytes, other.file_bytes);
    }
}

fn is_none(number: &u64) -> bool {
    *number == 0
}
