use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float16Array, Float32Array, Float64Array, ListArray, StructArray};
use arrow::util::display::array_value_to_string;

use super::float_arrays::{decoded, encoded, plain};

/// Both zeros, NaNs with and without a sign, and what stands beside them.
const ALL: [f64; 10] = [f64::NEG_INFINITY, f64::MIN, -1.0, -5e-324, -0.0, 0.0, 5e-324, 1.0, f64::MAX, f64::INFINITY];

#[test]
fn a_zero_and_a_nan_have_no_sign() {
    let values: Vec<f64> =
        ALL.into_iter().chain([f64::NAN, -f64::NAN, f64::from_bits(0x7ff0_0000_0000_0001)]).collect();
    let array: ArrayRef = Arc::new(Float64Array::from(values.clone()));
    let made = plain(&array).unwrap();
    let made = made.as_any().downcast_ref::<Float64Array>().unwrap();
    for (before, after) in values.iter().zip(made.values()) {
        let right = if before.is_nan() {
            f64::NAN
        } else if *before == 0.0 {
            0.0
        } else {
            *before
        };
        assert_eq!(after.to_bits(), right.to_bits(), "{before}");
    }
    let narrow: [ArrayRef; 2] = [
        Arc::new(Float32Array::from(vec![Some(-0.0), None, Some(-f32::NAN)])),
        arrow::compute::cast(
            &Float32Array::from(vec![Some(-0.0), None, Some(-f32::NAN)]),
            Float16Array::from(Vec::<Option<_>>::new()).data_type(),
        )
        .unwrap(),
    ];
    for array in narrow {
        let made = plain(&array).unwrap();
        let shown: Vec<String> = (0..3).map(|at| array_value_to_string(&made, at).unwrap()).collect();
        assert!(["0", "0.0"].contains(&shown[0].as_str()) && shown[1..] == ["", "NaN"], "{shown:?}");
        assert!(made.is_null(1) && plain(&made).unwrap().to_data() == made.to_data());
    }
}

#[test]
fn what_lies_within_lists_and_structs_is_plain_too() {
    let list = ListArray::from_iter_primitive::<arrow::datatypes::Float64Type, _, _>([
        Some(vec![Some(-0.0), None]),
        None,
        Some(vec![Some(1.5)]),
    ]);
    let list: ArrayRef = Arc::new(list);
    let made = plain(&list).unwrap();
    assert_eq!(array_value_to_string(&made, 0).unwrap(), "[0.0, ]");
    assert_eq!((array_value_to_string(&made, 2).unwrap().as_str(), made.null_count()), ("[1.5]", 1));
    let one = StructArray::try_from(vec![("x", list.slice(0, 1))]).unwrap();
    assert_eq!(array_value_to_string(&plain(&(Arc::new(one) as ArrayRef)).unwrap(), 0).unwrap(), "{x: [0.0, ]}");
}

#[test]
fn numbers_stand_in_the_order_of_their_floats() {
    let array: ArrayRef = Arc::new(Float64Array::from_iter_values(ALL.into_iter().chain([f64::NAN])));
    let numbers = encoded(&array).unwrap();
    let integers = numbers.as_any().downcast_ref::<arrow::array::Int64Array>().unwrap();
    assert!(integers.values().is_sorted_by(|one, other| one < other), "{integers:?}");
    assert_eq!(decoded(&numbers, array.data_type()).unwrap().to_data(), array.to_data());
}
