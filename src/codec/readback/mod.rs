//! Rows of a data file, back in columns: what a plan that replaces data files carries over from the old ones.
//!
//! ```text
//! data file ──▶ footer ──▶ row group ──▶ runs of one object ──▶ chunks ──▶ Sink
//!               (checked)  (in memory)   (in the file's order)
//! ```
//!
//! Reads the files of every writer epoch. Columns are those that the file has, of the types that it has, whatever
//! today's program would choose. A file that no writer could have made is an error. That its bytes are the ones that
//! were written is for its caller to know: the ledger has their hash.
//!
//! Takes memory for one row group at a time: a key of 4 bytes for each text and each distinct text once, integers as
//! they are stored, and a byte a row for the runs.

mod footer;
mod group;
mod ints;
mod runs;
mod texts;

#[cfg(test)]
mod tests;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::reader::ChunkReader;

use self::footer::Footer;
use self::group::RowGroup;
use crate::columns::{Chunk, Dictionaries};
use crate::encode::Origin;

/// What takes the rows of data files.
pub trait Sink {
    /// Takes rows of one object, in the order of the file, which is not that of their lines. Its other rows come later,
    /// or came earlier. Ids of texts are those of `dictionaries`, and stay valid from file to file until
    /// [`Sink::dictionaries_cleared`].
    fn rows(&mut self, origin: &Origin, chunk: &Chunk, dictionaries: &Dictionaries) -> io::Result<()>;

    /// Called just before ids lose their meaning and are given anew.
    fn dictionaries_cleared(&mut self) -> io::Result<()>;
}

/// Why the rows of a file could not be handed on. The sink may have some of them.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what its fields are")]
pub enum ReadBackError {
    /// The reader of Parquet failed.
    #[error("the data file cannot be read: {0}")]
    Parquet(#[source] ParquetError),
    /// It was asked for another table.
    #[error("`{0}` is not the name of a table of flow logs")]
    Table(String),
    /// A column of provenance is missing.
    #[error("there is no column `{0}`, which every data file has")]
    Lacks(&'static str),
    /// A name is there twice.
    #[error("there are two columns `{0}`")]
    Twice(String),
    /// A type that no writer epoch wrote.
    #[error("column `{0}` has a type that no data file has")]
    ColumnType(String),
    /// A number below the least.
    #[error("column `{column}` holds {value}; the least that is written is {least}")]
    Int { column: String, value: i64, least: i64 },
    /// A text above the greatest length.
    #[error("column `{column}` holds a text of {bytes} bytes, longer than any that is written")]
    Text { column: String, bytes: usize },
    /// Offsets in the footer lead out of the file.
    #[error("a column lies outside of the file")]
    Outside,
    /// A row group of an absurd number of rows.
    #[error("row group {row_group} claims {claimed} rows; no writer puts so many into one")]
    Claimed { row_group: usize, claimed: i64 },
    /// A row group and the footer do not agree.
    #[error("row group {row_group} has {found} rows where its footer says {claimed}")]
    Rows { row_group: usize, found: u64, claimed: i64 },
    /// All row groups and the footer do not agree.
    #[error("its row groups have {found} rows where its footer says {claimed}")]
    FileRows { found: u64, claimed: i64 },
    /// The sink refused rows.
    #[error("the rows could not be taken: {0}")]
    Sink(#[source] io::Error),
}

/// Reads data files one after the other, with dictionaries that are kept from file to file. An encoder that takes rows
/// of a decoder too must be told `dictionaries_cleared` between the two: the ids of one mean nothing to the other.
#[derive(Debug, Default)]
pub struct ReadBack {
    dictionaries: Dictionaries,
}

impl ReadBack {
    /// Hands on the rows of the file, and gives their number.
    pub fn file<R: ChunkReader + 'static>(&mut self, source: R, sink: &mut dyn Sink) -> Result<u64, ReadBackError> {
        let source = Arc::new(source);
        let footer = Footer::read(&source)?;
        for row_group in 0..footer.row_groups() {
            let group = RowGroup::read(&source, &footer, row_group)?;
            group.hand_on(&mut self.dictionaries, sink)?;
        }
        Ok(footer.rows())
    }
}

/// The Parquet library panics on some damaged files.
fn caught<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ReadBackError> {
    let done = catch_unwind(AssertUnwindSafe(work));
    let broke_off = || Err(ParquetError::General("the Parquet library broke off in it".to_owned()));
    done.unwrap_or_else(|_| broke_off()).map_err(ReadBackError::Parquet)
}
