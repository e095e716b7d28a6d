//! Quotients and products of whole numbers and decimals with a fraction, as PostgreSQL has them of its type `numeric`.

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, i256};
use arrow::error::ArrowError;
use datafusion_common::{DataFusionError, Result, exec_err};
use datafusion_expr::{ColumnarValue, Expr, ScalarFunctionArgs};
use std::sync::Arc;

use super::super::call::{Own, call, called, of_all};
use super::decimals::too_large;

/// Digits of a decimal of 128 bits.
const DIGITS: u8 = 38;

/// Digits behind the point: 22 are left before it, which hold every quotient of integers of 64 bits.
const FRACTION: i8 = 16;

/// The type of such a result.
pub const EXACT: DataType = DataType::Decimal128(DIGITS, FRACTION);

/// What `/` gives, rounded to its digits.
pub fn quotient(left: Expr, right: Expr) -> Expr {
    call(Rounded { is_quotient: true }, vec![left, right])
}

/// What `*` gives, rounded to its digits.
pub fn product(left: Expr, right: Expr) -> Expr {
    call(Rounded { is_quotient: false }, vec![left, right])
}

/// Whether an expression is such a quotient or product.
pub fn is_exact(expr: &Expr) -> bool {
    called::<Rounded>(expr).is_some()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Rounded {
    is_quotient: bool,
}

impl Rounded {
    fn apply(&self, left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
        let (left, left_scale) = whole(left)?;
        let (right, right_scale) = whole(right)?;
        let shift = match self.is_quotient {
            true => i16::from(FRACTION) - left_scale + right_scale,
            false => i16::from(FRACTION) - left_scale - right_scale,
        };
        let times = power_of_ten(shift)?;
        let one = |pair: (Option<i128>, Option<i128>)| match pair {
            (Some(left), Some(right)) => self.of(left, right, times, shift < 0).map(Some),
            _ => Ok(None),
        };
        let values: Decimal128Array = left.iter().zip(right.iter()).map(one).collect::<Result<_>>()?;
        let values = values.with_data_type(EXACT);
        values.validate_decimal_precision(DIGITS).map_err(|_| too_large(&EXACT))?;
        Ok(Arc::new(values))
    }

    /// The result of two whole numbers, times a power of ten or divided by it.
    fn of(&self, left: i128, right: i128, times: i256, is_divided: bool) -> Result<i128> {
        let beyond = || too_large(&EXACT);
        let (left, right) = (i256::from_i128(left), i256::from_i128(right));
        let (above, below) = match self.is_quotient {
            true if right == i256::ZERO => return Err(DataFusionError::from(ArrowError::DivideByZero)),
            true => (left, right),
            false => (left.checked_mul(right).ok_or_else(beyond)?, i256::ONE),
        };
        let (above, below) = match is_divided {
            true => (above, below.checked_mul(times).ok_or_else(beyond)?),
            false => (above.checked_mul(times).ok_or_else(beyond)?, below),
        };
        rounded(above, below).and_then(i256::to_i128).ok_or_else(beyond)
    }
}

fn power_of_ten(digits: i16) -> Result<i256> {
    i256::from_i128(10).checked_pow(u32::from(digits.unsigned_abs())).ok_or_else(|| too_large(&EXACT))
}

/// The nearest whole number; a half goes away from zero.
fn rounded(above: i256, below: i256) -> Option<i256> {
    let (whole, rest) = (above.checked_div(below)?, above.checked_rem(below)?);
    let (rest, size) = (rest.wrapping_abs(), below.wrapping_abs());
    if rest < size.checked_sub(rest)? {
        return Some(whole);
    }
    let is_negative = (above < i256::ZERO) != (below < i256::ZERO);
    if is_negative { whole.checked_sub(i256::ONE) } else { whole.checked_add(i256::ONE) }
}

/// Numbers as whole ones, and how many of their digits stand behind the point.
fn whole(numbers: &ArrayRef) -> Result<(Decimal128Array, i16)> {
    match numbers.data_type() {
        DataType::Decimal128(_, scale) => Ok((numbers.as_primitive::<Decimal128Type>().clone(), i16::from(*scale))),
        DataType::Int64 => {
            let whole = numbers.as_primitive::<Int64Type>().iter().map(|number| number.map(i128::from));
            Ok((whole.collect(), 0))
        }
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) => {
            whole(&cast(numbers, &DataType::Decimal128(DIGITS, *scale))?)
        }
        kind if kind.is_integer() || kind.is_null() => whole(&cast(numbers, &DataType::Decimal128(DIGITS, 0))?),
        other => exec_err!("{other} beside a sum of integers is no number to divide by; cast it to BIGINT"),
    }
}

impl Own for Rounded {
    fn name(&self) -> &str {
        if self.is_quotient { "exact_quotient" } else { "exact_product" }
    }

    fn returns(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(EXACT)
    }

    fn make(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        of_all(arguments, |columns| self.apply(&columns[0], &columns[1]))
    }

    /// As the operator names its column.
    fn heading(&self, arguments: &[Expr]) -> String {
        let sign = if self.is_quotient { "/" } else { "*" };
        format!("{} {sign} {}", arguments[0].schema_name(), arguments[1].schema_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_rounded_to_their_digits() {
        let of = |is_quotient, left, right, shift: i16| {
            Rounded { is_quotient }.of(left, right, power_of_ten(shift).expect("few digits"), shift < 0)
        };
        let one = 10_i128.pow(16);
        for (left, right, right_result) in [
            (7, 2, 35 * one / 10),
            (-7, 2, -35 * one / 10),
            (2, 3, 6_666_666_666_666_667),
            (-2, 3, -6_666_666_666_666_667),
            (1, 3, 3_333_333_333_333_333),
            (1, 2 * one, 1),
            (1, -2 * one, -1),
            (49, 100 * one, 0),
            (i128::from(i64::MIN), -1, i128::from(i64::MAX) * one + one),
        ] {
            assert_eq!(of(true, left, right, 16).expect("a quotient"), right_result, "{left} / {right}");
        }
        assert_eq!(of(true, 10_i128.pow(37), 10_i128.pow(36), 16).expect("a quotient of large numbers"), 10 * one);
        assert_eq!(of(false, 35 * one / 10, 35 * one / 10, -16).expect("a product"), 1225 * one / 100);
        assert!(of(true, 1, 0, 16).is_err());
        assert!(of(true, i128::MAX, 1, 16).is_err());
    }
}
