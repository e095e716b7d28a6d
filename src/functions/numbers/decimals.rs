//! Decimals that have the digits which their type says.
//!
//! A decimal is kept as a whole number of 128 bits, which hold some numbers of 39 digits. The engine (DataFusion 55)
//! lets them be where 38 are the most, and whoever writes them cuts the last digit off.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type};
use datafusion_common::{DataFusionError, Result, exec_datafusion_err};

/// Whether every value of an array has a place in its type; arrays of other types have.
pub fn check(values: &dyn Array) -> Result<()> {
    let kind = values.data_type();
    let checked = match kind {
        DataType::Decimal32(precision, _) => {
            values.as_primitive::<Decimal32Type>().validate_decimal_precision(*precision)
        }
        DataType::Decimal64(precision, _) => {
            values.as_primitive::<Decimal64Type>().validate_decimal_precision(*precision)
        }
        DataType::Decimal128(precision, _) => {
            values.as_primitive::<Decimal128Type>().validate_decimal_precision(*precision)
        }
        DataType::Decimal256(precision, _) => {
            values.as_primitive::<Decimal256Type>().validate_decimal_precision(*precision)
        }
        _ => return Ok(()),
    };
    checked.map_err(|_| too_large(kind))
}

pub(crate) fn too_large(kind: &DataType) -> DataFusionError {
    let digits = match kind {
        DataType::Decimal32(precision, _)
        | DataType::Decimal64(precision, _)
        | DataType::Decimal128(precision, _)
        | DataType::Decimal256(precision, _) => *precision,
        _ => 0,
    };
    exec_datafusion_err!("a decimal has more than its {digits} digits ({kind}); cast to fewer digits, or to DOUBLE")
}
