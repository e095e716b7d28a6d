//! One number for the values of several columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_common::hash_utils::{QualityRandomState, create_hashes};

/// Of a null. The library's hashes leave nulls as they find them.
const OF_NULL: u64 = 0x9e37_79b9_7f4a_7c15;

/// An odd number of which about half the bits are set: multiplying by it loses nothing.
const SPREAD: u64 = 0xff51_afd7_ed55_8ccd;

/// `hash64(value, …)`: 64 bits that follow from the values and their order alone; a null is a value like others. Groups
/// by one number are a fraction of the size of groups by texts.
pub fn hash64(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let mut hashes = vec![0_u64; columns[0].len()];
    let mut of_column = hashes.clone();
    for column in columns {
        of_column.fill(OF_NULL);
        create_hashes([of_one_type(column)?], &QualityRandomState::with_seed(0), &mut of_column)?;
        for (hash, of_value) in hashes.iter_mut().zip(&of_column) {
            let mixed = (hash.rotate_left(17) ^ of_value).wrapping_mul(SPREAD);
            *hash = mixed ^ mixed >> 32;
        }
    }
    Ok(Arc::new(hashes.into_iter().map(u64::cast_signed).collect::<Int64Array>()))
}

/// Texts, whole numbers and nulls each as one type: a hash sees the type too, and a constant's is not that of a column.
fn of_one_type(column: &ArrayRef) -> Result<ArrayRef> {
    let found = column.data_type();
    let wanted = match found {
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Null => DataType::Int64,
        found if found.is_integer() && *found != DataType::UInt64 => DataType::Int64,
        DataType::Dictionary(_, values) if values.is_string() => DataType::Utf8View,
        _ => return Ok(Arc::clone(column)),
    };
    if *found == wanted {
        return Ok(Arc::clone(column));
    }
    Ok(cast(column, &wanted)?)
}
