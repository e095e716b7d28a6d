//! Decimal digits to integers, eight at a time.
//!
//! Clever for speed: eight digits are one 64-bit word, checked in a few operations and summed in three multiplications.
//! The plain version that it is tested against is `str::parse`.

/// What [`digits`] gives for text that is not 1 to 16 digits.
pub const NOT_DIGITS: i64 = i64::MIN;

/// The number that `text[start..end]` spells if it is 1 to 16 digits, else [`NOT_DIGITS`]. At least 8 readable bytes
/// follow `start`.
#[inline(always)]
pub fn digits(text: &[u8], start: usize, end: usize) -> i64 {
    let bytes = end.wrapping_sub(start);
    let first = word(text, start);
    if bytes.wrapping_sub(1) < 8 {
        return eight(first, bytes);
    }
    if bytes.wrapping_sub(9) >= 8 {
        return NOT_DIGITS;
    }
    let high = eight(first, bytes - 8);
    let low = eight(word(text, end - 8), 8);
    if high < 0 || low < 0 { NOT_DIGITS } else { high * 100_000_000 + low }
}

#[inline(always)]
fn word(text: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*text[at..].first_chunk().expect("the text is padded"))
}

/// The number of the first `bytes` (1 to 8) digits of `word`.
#[inline(always)]
fn eight(word: u64, bytes: usize) -> i64 {
    // The first digit is the lowest byte. Shifting the digits up drops what follows them and puts zeros before them.
    let digits = (word ^ 0x3030_3030_3030_3030) << (64 - 8 * bytes);
    if (digits | digits.wrapping_add(0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080 != 0 {
        return NOT_DIGITS;
    }
    const LANES: u64 = 0x0000_00ff_0000_00ff;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let even = (pairs & LANES).wrapping_mul(100 + (1_000_000 << 32));
    let odd = (pairs >> 16 & LANES).wrapping_mul(1 + (10_000 << 32));
    (even.wrapping_add(odd) >> 32) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn padded(text: &str) -> i64 {
        let line = format!("7{text} 8888888888888888");
        digits(line.as_bytes(), 1, 1 + text.len())
    }

    proptest! {
        #[test]
        fn digits_are_those_of_parse(text in "[0-9]{1,16}") {
            prop_assert_eq!(padded(&text), text.parse::<i64>().unwrap());
        }

        #[test]
        fn one_other_byte_is_enough_to_decline(text in "[0-9]{0,15}", at in 0usize..16, byte in 0u8..0x80) {
            prop_assume!(!byte.is_ascii_digit());
            let mut text = text;
            text.insert(at.min(text.len()), char::from(byte));
            prop_assert_eq!(padded(&text), NOT_DIGITS);
        }
    }

    #[test]
    fn nothing_and_more_than_sixteen_digits_are_declined() {
        assert_eq!(padded(""), NOT_DIGITS);
        assert_eq!(padded("00000000000000001"), NOT_DIGITS);
        assert_eq!(padded("9999999999999999"), 9_999_999_999_999_999);
    }
}
