//! The integers of one column in one row group, as wide as the file has them.

use std::ops::Range;

use arrow::array::{Array, AsArray, Int32Array, Int64Array};
use arrow::compute::min;
use arrow::datatypes::{Int32Type, Int64Type};

use crate::columns::NULL_INT;

/// A column of integers.
pub enum Ints<'a> {
    Small(&'a Int32Array),
    Wide(&'a Int64Array),
}

impl<'a> Ints<'a> {
    /// `None` if the column is none of integers.
    pub fn of(column: &'a dyn Array) -> Option<Ints<'a>> {
        let small = column.as_primitive_opt::<Int32Type>().map(Ints::Small);
        small.or_else(|| column.as_primitive_opt::<Int64Type>().map(Ints::Wide))
    }

    /// The least value, of those that are not null.
    pub fn least(&self) -> Option<i64> {
        match self {
            Ints::Small(ints) => min(ints).map(i64::from),
            Ints::Wide(ints) => min(ints),
        }
    }

    /// Replaces `values` by those of `rows`.
    pub fn take(&self, rows: Range<usize>, values: &mut Vec<i64>) {
        values.clear();
        match self {
            Ints::Small(ints) if ints.null_count() == 0 => {
                values.extend(ints.values()[rows].iter().map(|&value| i64::from(value)));
            }
            Ints::Small(ints) => {
                values.extend(rows.map(|row| if ints.is_valid(row) { i64::from(ints.value(row)) } else { NULL_INT }));
            }
            Ints::Wide(ints) if ints.null_count() == 0 => values.extend_from_slice(&ints.values()[rows]),
            Ints::Wide(ints) => {
                values.extend(rows.map(|row| if ints.is_valid(row) { ints.value(row) } else { NULL_INT }));
            }
        }
    }
}
