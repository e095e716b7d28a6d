//! The type of a column of numbers in a file of the user's own that holds each of them.

use datafusion::arrow::datatypes::DataType;

/// Digits of a decimal at most.
const DIGITS_MAX: usize = 38;

/// The greatest whole number up to which a float has a value for each.
const EXACT_MAX: u64 = 1 << 53;

/// What the numbers of a column need, some of which have a fraction, or are beyond 64 bits.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Digits {
    whole: usize,
    fraction: usize,
    /// A whole number is beyond those that a float tells apart.
    is_large: bool,
    /// One is written with an exponent, or is none.
    is_other: bool,
}

impl Digits {
    pub fn see(&mut self, number: &str) {
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let whole = whole.trim_start_matches(['-', '+']).trim_start_matches('0');
        if !whole.bytes().chain(fraction.bytes()).all(|digit| digit.is_ascii_digit()) {
            self.is_other = true;
            return;
        }
        self.whole = self.whole.max(whole.len());
        self.fraction = self.fraction.max(fraction.len());
        self.is_large |=
            fraction.is_empty() && !whole.is_empty() && whole.parse::<u64>().map_or(true, |whole| whole > EXACT_MAX);
    }

    /// A float as long as it tells all whole numbers apart, else a decimal if its digits suffice, else text.
    pub fn kind(self) -> DataType {
        match self {
            Digits { is_large: false, .. } => DataType::Float64,
            Digits { is_other: false, whole, fraction, .. } if whole + fraction <= DIGITS_MAX => {
                DataType::Decimal128(DIGITS_MAX as u8, i8::try_from(fraction).unwrap_or(i8::MAX))
            }
            _ => DataType::Utf8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_keep_their_digits() {
        for (numbers, kind) in [
            (&["1", "0.5"][..], DataType::Float64),
            (&["-9007199254740992", "0.5"], DataType::Float64),
            (&["9007199254740993", "0.25"], DataType::Decimal128(38, 2)),
            (&["0009007199254740993"], DataType::Decimal128(38, 0)),
            (&["-18446744073709551616", "1"], DataType::Decimal128(38, 0)),
            (&["9007199254740993", "1e3"], DataType::Utf8),
            (&["9007199254740993", "0.12345678901234567890123"], DataType::Utf8),
            (&["1e300", "NaN", "0.5"], DataType::Float64),
        ] {
            let mut digits = Digits::default();
            numbers.iter().for_each(|number| digits.see(number));
            assert_eq!(digits.kind(), kind, "{numbers:?}");
        }
    }
}
