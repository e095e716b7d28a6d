//! Rows in columns: the border between decode and encode, shaped so that neither looks a value up twice.
//!
//! A chunk holds some thousand rows of one layout. Texts are ids into one [`Dictionary`] per column, shared by all
//! chunks of a task; integers are plain. Arrow arrays are not used here: a dictionary that grows from chunk to chunk
//! cannot be an array's values without being copied each time.

mod cells;
mod dictionary;
mod kept;
mod table;

#[cfg(test)]
mod tests;

pub use cells::{CellHashes, Cells, SourceTexts};
pub use dictionary::{Dictionaries, Dictionary, NULL_TEXT, TEXT_PADDING};

use std::sync::Arc;

use crate::schema::Layout;

/// The integer that stands for null. Values of a flow log are digits, and so never negative.
pub const NULL_INT: i64 = -1;

/// Rows of one chunk at most, so that its columns stay in the second-level cache.
pub const CHUNK_ROWS_MAX: usize = 4096;

/// One column of a chunk, as long as the chunk has rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// Ids in the column's dictionary; [`NULL_TEXT`] is null.
    Text(Vec<u32>),
    /// Values; [`NULL_INT`] is null.
    Int(Vec<i64>),
}

/// Up to [`CHUNK_ROWS_MAX`] rows of one object and one layout, in the order of their lines.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// What the values mean.
    pub layout: Arc<Layout>,
    /// One for each column of the layout, in its order.
    pub values: Vec<Values>,
    /// For each column of the layout, the slot of its dictionary in [`Dictionaries`] (unused for integers).
    pub slots: Vec<usize>,
    /// Line number of each row in the inflated object, from 1.
    pub lines: Vec<i64>,
}

impl Chunk {
    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.lines.len()
    }
}
