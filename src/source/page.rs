//! What a listing gives: the names of one folder, or a stretch of all that lies below one.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::object::{Entry, Skipped};

/// Entries handed on at a time; also what S3 puts on a page.
pub(super) const PAGE_ENTRIES_MAX: usize = 1000;

/// The names in one folder.
#[derive(Debug, Default)]
pub struct Folder {
    /// Without their `/`.
    pub folders: Vec<String>,
    /// Objects, those to be left out by their names among them.
    pub entries: Vec<Entry>,
    /// Pipes, sockets and devices, and links that are not followed; empty on S3.
    pub skipped: Skipped,
    /// What cannot be read by its name, on disk.
    pub denied: Vec<Denied>,
}

/// A stretch of a listing.
#[derive(Debug, Default)]
pub struct Page {
    /// In the store's order, which goes on from page to page.
    pub entries: Vec<Entry>,
    /// As in [`Folder`]; empty on S3.
    pub skipped: Skipped,
    /// As in [`Folder`], and folders that may not be listed; empty on S3, where such a listing fails as a whole.
    pub denied: Vec<Denied>,
}

/// A folder that may not be listed, or a file on disk that cannot be named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    /// URL; that of a folder ends in `/`.
    pub prefix: String,
    /// Why, for people; it does not name the key again.
    pub reason: String,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.prefix, self.reason)
    }
}
