//! Arrays of floats with one zero and one NaN, and numbers of 64 bits that stand in their order.

use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, AsArray, make_array};
use arrow::compute::cast;
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float16Type, Float32Type, Float64Type, Int64Type};
use datafusion_common::{Result, ScalarValue};

type F16 = <Float16Type as ArrowPrimitiveType>::Native;

/// Whether values of a type are floats, or have some within.
pub fn has_floats(kind: &DataType) -> bool {
    match kind {
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _)
        | DataType::RunEndEncoded(_, field) => has_floats(field.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_floats(field.data_type())),
        DataType::Dictionary(_, values) => has_floats(values),
        other => other.is_floating(),
    }
}

/// Whether nothing would change it.
pub fn is_plain(value: &ScalarValue) -> Result<bool> {
    Ok(match value {
        ScalarValue::Float64(Some(value)) => value.to_bits() == plain_double(*value).to_bits(),
        other if other.is_null() || !has_floats(&other.data_type()) => true,
        other => {
            let values = other.to_array()?;
            // Arrays of floats are equal by their bits.
            values.to_data() == plain(&values)?.to_data()
        }
    })
}

/// The same values, but that a zero has no sign, and NaN neither.
pub(super) fn plain(values: &ArrayRef) -> Result<ArrayRef> {
    match values.data_type() {
        kind if !has_floats(kind) => Ok(values.clone()),
        DataType::Float64 => Ok(Arc::new(values.as_primitive::<Float64Type>().unary::<_, Float64Type>(plain_double))),
        _ => Ok(make_array(plain_data(values.to_data())?)),
    }
}

fn plain_double(value: f64) -> f64 {
    // The sum of both zeros is the positive one.
    if value.is_nan() { f64::NAN } else { value + 0.0 }
}

fn plain_data(data: ArrayData) -> Result<ArrayData> {
    let values = match data.data_type() {
        DataType::Float64 => return Ok(plain(&make_array(data))?.to_data()),
        DataType::Float32 => make_array(data)
            .as_primitive::<Float32Type>()
            .unary::<_, Float32Type>(|value| if value.is_nan() { f32::NAN } else { value + 0.0 })
            .to_data(),
        DataType::Float16 => make_array(data)
            .as_primitive::<Float16Type>()
            .unary::<_, Float16Type>(|value| if value.is_nan() { F16::NAN } else { value + F16::ZERO })
            .to_data(),
        _ => {
            let parts = data.child_data().iter().cloned().map(plain_data).collect::<Result<Vec<ArrayData>>>()?;
            data.into_builder().child_data(parts).build()?
        }
    };
    Ok(values)
}

/// A number for each float. They stand in the same order, NaN last.
pub(super) fn encoded(values: &ArrayRef) -> Result<ArrayRef> {
    let doubles = cast(values, &DataType::Float64)?;
    let number = |value: f64| turned(value.to_bits().cast_signed());
    Ok(Arc::new(doubles.as_primitive::<Float64Type>().unary::<_, Int64Type>(number)))
}

/// The floats of numbers that [`encoded`] gave.
pub(super) fn decoded(numbers: &ArrayRef, kind: &DataType) -> Result<ArrayRef> {
    let double = |number: i64| f64::from_bits(turned(number).cast_unsigned());
    let doubles = numbers.as_primitive::<Int64Type>().unary::<_, Float64Type>(double);
    Ok(cast(&doubles, kind)?)
}

/// Below zero, a larger magnitude is a smaller number. Twice, it is what it was.
fn turned(bits: i64) -> i64 {
    if bits < 0 { bits ^ i64::MAX } else { bits }
}
