//! Rows in columns: the border between decode and encode, shaped so that neither looks a value up twice.
//!
//! A chunk holds some thousand rows of one layout. Texts are ids into one [`Dictionary`] per column, shared by all
//! chunks of a task; integers are plain. Arrow arrays are not used for these: a dictionary that grows from chunk to
//! chunk cannot be an array's values without being copied each time. Values of every other kind are Arrow arrays.

mod cells;
mod dictionary;
mod kept;
mod table;

#[cfg(test)]
mod tests;

pub use cells::{CellHashes, Cells, SourceTexts};
pub use dictionary::{Dictionaries, Dictionary, NULL_TEXT, TEXT_PADDING};

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, new_empty_array};
use arrow::compute::concat;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};

use crate::schema::{Kind, Layout};

/// The integer that stands for null. Values of a flow log are digits, and so never negative.
pub const NULL_INT: i64 = -1;

/// Rows of one chunk at most, so that its columns stay in the second-level cache.
pub const CHUNK_ROWS_MAX: usize = 4096;

/// One column of a chunk, as long as the chunk has rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Ids in the column's dictionary; [`NULL_TEXT`] is null.
    Text(Vec<u32>),
    /// Values; [`NULL_INT`] is null.
    Int(Vec<i64>),
    /// Values of a kind that is not [`Kind::is_direct`], of its Arrow type.
    Array(ArrayRef),
}

impl Values {
    /// None, of a kind.
    pub fn none(kind: Kind) -> Values {
        match kind {
            Kind::Text => Values::Text(Vec::new()),
            kind if kind.is_direct() => Values::Int(Vec::new()),
            kind => Values::Array(new_empty_array(&kind.data_type())),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Values::Text(ids) => ids.len(),
            Values::Int(values) => values.len(),
            Values::Array(array) => array.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those of some rows.
    fn of(&self, ranges: &[Range<usize>]) -> Values {
        match self {
            Values::Text(ids) => Values::Text(all_of(ids, ranges)),
            Values::Int(values) => Values::Int(all_of(values, ranges)),
            Values::Array(array) => {
                let parts: Vec<ArrayRef> = ranges.iter().map(|range| array.slice(range.start, range.len())).collect();
                let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
                let none = || new_empty_array(array.data_type());
                let joined = if parts.is_empty() { none() } else { concat(&parts).expect("parts of one array") };
                Values::Array(joined)
            }
        }
    }

    /// Whole numbers that are not negative, with [`NULL_INT`] for null; `None` for values of another type.
    pub fn whole_numbers(&self) -> Option<Cow<'_, [i64]>> {
        match self {
            Values::Int(values) => Some(Cow::Borrowed(values)),
            Values::Array(array) => {
                let ints = array.as_primitive_opt::<Int64Type>()?;
                Some(ints.iter().map(|value| value.unwrap_or(NULL_INT)).collect())
            }
            Values::Text(_) => None,
        }
    }

    /// Instants in Unix seconds, with [`NULL_INT`] for null; `None` for values of another type.
    pub fn seconds(&self) -> Option<Cow<'_, [i64]>> {
        let instants = match self {
            Values::Array(array) => array.as_primitive_opt::<TimestampMicrosecondType>(),
            Values::Int(_) | Values::Text(_) => None,
        };
        let Some(instants) = instants else { return self.whole_numbers() };
        let second = |micros: i64| micros.div_euclid(MICROS_PER_SECOND);
        Some(instants.iter().map(|micros| micros.map_or(NULL_INT, second)).collect())
    }
}

fn all_of<T: Copy>(values: &[T], ranges: &[Range<usize>]) -> Vec<T> {
    ranges.iter().flat_map(|range| &values[range.clone()]).copied().collect()
}

/// Microseconds of a second, as [`Kind::Timestamp`] counts them.
pub const MICROS_PER_SECOND: i64 = 1_000_000;

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

    /// These of its rows: ranges that follow each other.
    pub fn rows_of(&self, ranges: &[Range<usize>]) -> Cow<'_, Chunk> {
        if ranges.iter().map(Range::len).sum::<usize>() == self.rows() {
            return Cow::Borrowed(self);
        }
        let values = self.values.iter().map(|values| values.of(ranges)).collect();
        let (layout, slots) = (Arc::clone(&self.layout), self.slots.clone());
        Cow::Owned(Chunk { layout, values, slots, lines: all_of(&self.lines, ranges) })
    }

    /// The start and the end of each row in Unix seconds; empty where the layout has none.
    pub fn times(&self) -> [Cow<'_, [i64]>; 2] {
        [self.layout.start, self.layout.end]
            .map(|column| column.and_then(|column| self.values[column].seconds()).unwrap_or_default())
    }

    /// The values of each of the table's measures; empty where the layout has none.
    pub fn measures(&self) -> Vec<Cow<'_, [i64]>> {
        let of = |column: usize| self.values[column].whole_numbers();
        self.layout.measures.iter().map(|column| column.and_then(of).unwrap_or_default()).collect()
    }
}
