//! What the stage is told: how files are made, where they go, and what object the rows come from.

use std::io::{self, Read, Seek, Write};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::columns::SourceTexts;
use crate::schema::{Compression, LOG_ACCOUNT, LOG_ID, LOG_OBJECT, LOG_REGION, PartitionBy};

/// How the files of a task are made. With the rows, this decides every byte of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// How pages are compressed.
    pub compression: Compression,
    /// Files roll over before they would pass this many bytes.
    pub file_bytes_max: u64,
    /// The keys of the folders, from the UTC `start` of a row.
    pub partition_by: PartitionBy,
    /// Of the form `flowlake version 1.2.3 (build abc)`: readers of the Java library ignore the statistics of text
    /// columns when they cannot tell which program and version wrote them.
    pub created_by: String,
    /// Columns of texts of which each row group has a bloom filter.
    pub bloom: Vec<String>,
    /// Rows of this date and of earlier ones are counted, and go into no file.
    pub expired: Option<NaiveDate>,
}

/// The object that rows come from, as its key tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// URL of the object.
    pub url: String,
    /// The account in its key.
    pub account: Option<String>,
    /// The region in its key.
    pub region: Option<String>,
    /// The flow log's id in its key.
    pub log_id: Option<String>,
    /// The UTC day in its key: where a row goes that has no `start`.
    pub day: Option<NaiveDate>,
    /// The hour in its key, from 0 to 23.
    pub hour: Option<u8>,
}

impl Origin {
    /// The texts that all of its rows have.
    pub fn texts(&self) -> SourceTexts<'_> {
        SourceTexts {
            url: &self.url,
            account: self.account.as_deref(),
            region: self.region.as_deref(),
            log_id: self.log_id.as_deref(),
        }
    }

    /// The value of a text column of [`crate::schema::PROVENANCE`].
    pub(super) fn text(&self, column: &str) -> Option<&str> {
        match column {
            LOG_ACCOUNT => self.account.as_deref(),
            LOG_REGION => self.region.as_deref(),
            LOG_ID => self.log_id.as_deref(),
            LOG_OBJECT => Some(&self.url),
            _ => unreachable!("`{column}` is not a text column of provenance"),
        }
    }
}

/// Where the files of one task are written; the stage opens none itself.
pub trait Staging {
    /// A data file that is written.
    type File: Write + Send;
    /// The scratch file.
    type Spill: Read + Write + Seek;

    /// A new, empty data file. Ordinals count from 0; a file is flushed and dropped when it is done.
    fn create(&mut self, ordinal: usize) -> io::Result<Self::File>;

    /// A new, empty scratch file. At most one is asked for in a task; what it holds is worthless afterwards.
    fn spill(&mut self, ordinal: usize) -> io::Result<Self::Spill>;
}
