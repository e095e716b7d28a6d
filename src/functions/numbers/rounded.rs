//! `round(float, digits)` of the decimal that a float is written as: `round(1.005, 2)` is 1.01.
//!
//! The engine (DataFusion 55) rounds the binary number, which lies below 1.005. To PostgreSQL `1.005` and `avg` are
//! decimals.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion_common::Result;
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};

use super::super::call::of_all;
use super::super::instead::{Instead, instead};

/// Powers of ten up to which a float holds them exactly.
const DIGITS_MAX: i64 = 22;

/// From here on, a float has no fraction.
const WHOLE_MIN: f64 = 4_503_599_627_370_496.0;

/// In the place of the engine's `round`.
pub fn round(engines: Arc<ScalarUDF>) -> ScalarUDF {
    instead(engines, Round)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Round;

impl Instead for Round {
    fn make(&self, engines: &ScalarUDF, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match arguments.args.as_slice() {
            [numbers, _] if numbers.data_type() == DataType::Float64 => of_all(arguments, rounded),
            _ => engines.invoke_with_args(arguments),
        }
    }
}

fn rounded(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let digits = cast(&columns[1], &DataType::Int64)?;
    let pairs = columns[0].as_primitive::<Float64Type>().iter().zip(digits.as_primitive::<Int64Type>());
    let values: Float64Array = pairs.map(|(number, digits)| Some(at(number?, digits?))).collect();
    Ok(Arc::new(values))
}

/// A number with so many digits behind the point; a half goes away from zero.
fn at(number: f64, digits: i64) -> f64 {
    if digits <= 0 {
        let factor = 10_f64.powi(i32::try_from(-digits).unwrap_or(i32::MAX));
        return if factor.is_finite() { (number / factor).round() * factor } else { number * 0.0 };
    }
    let factor = 10_f64.powi(digits.min(DIGITS_MAX) as i32);
    let size = number.abs() * factor;
    if digits > DIGITS_MAX || size.is_nan() || size >= WHOLE_MIN {
        return number;
    }
    let rest = size.fract() - 0.5;
    // The product is right but for its last bits: what they decide, the decimal does.
    let whole = match rest.abs() > size * f64::EPSILON * 2.0 {
        true => size.round(),
        false => written(number.abs(), digits as usize),
    };
    (whole / factor).copysign(number)
}

/// The number times the power of ten of so many digits, as a whole number, by the digits that it is written with.
fn written(number: f64, digits: usize) -> f64 {
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let kept: String = whole.chars().chain(fraction.chars().chain(std::iter::repeat('0')).take(digits)).collect();
    let is_half = fraction.as_bytes().get(digits).is_some_and(|digit| *digit >= b'5');
    kept.parse().unwrap_or(f64::NAN) + if is_half { 1.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_decimal_is_rounded() {
        for (number, digits, right) in [
            (1.005, 2, 1.01),
            (-1.005, 2, -1.01),
            (1.004_999, 2, 1.0),
            (0.285, 2, 0.29),
            (2.675, 2, 2.68),
            (8.345, 2, 8.35),
            (0.5, 0, 1.0),
            (2.5, 0, 3.0),
            (150.0, -2, 200.0),
            (-150.0, -2, -200.0),
            (149.9, -2, 100.0),
            (0.1, 20, 0.1),
            (123_456_789.125, 2, 123_456_789.13),
            (9e15, 3, 9e15),
            (5e-324, 3, 0.0),
            (1.0, -400, 0.0),
            (f64::INFINITY, 2, f64::INFINITY),
        ] {
            assert_eq!(at(number, digits), right, "{number} {digits}");
        }
        assert!(at(f64::NAN, 2).is_nan());
        for thousandths in 0..100_000_u32 {
            let number = f64::from(thousandths) / 1000.0;
            assert_eq!(at(number, 2), f64::from((thousandths + 5) / 10) / 100.0, "{number}");
        }
    }
}
