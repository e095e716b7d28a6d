//! One integer column of many lines at once.
//!
//! Clever for speed: with AVX2, four tokens are two vectors, each token's last digit at the end of its half, so that up
//! to 16 digits need neither shift nor branch. A group of four that holds anything else than digits in range takes the
//! plain way, which is `one` and serves other processors; the two are tested against each other.

use super::number::{NOT_DIGITS, digits};
use super::plain::{MILLISECONDS_MIN, NULL};
use crate::columns::NULL_INT;

/// Where the tokens of one column lie in a text.
#[derive(Clone, Copy)]
pub struct Tokens<'a> {
    /// Where the first token of each row begins.
    pub starts: &'a [u32],
    /// Index in the separators of the end of that token.
    pub firsts: &'a [u32],
    pub separators: &'a [u32],
    pub column: usize,
}

impl<'a> Tokens<'a> {
    fn rows(&self) -> usize {
        self.starts.len()
    }

    /// Start and end of the token of `row`.
    #[inline(always)]
    fn get(&self, row: usize) -> (usize, usize) {
        self.place(self.starts[row], self.firsts[row])
    }

    #[inline(always)]
    fn place(&self, start: u32, first: u32) -> (usize, usize) {
        let at = first as usize + self.column;
        if self.column == 0 {
            return (start as usize, self.separators[at] as usize);
        }
        let ends = &self.separators[at - 1..=at];
        (ends[0] as usize + 1, ends[1] as usize)
    }

    #[inline]
    pub fn iter(self) -> impl Iterator<Item = (usize, usize)> + 'a {
        self.starts.iter().zip(self.firsts).map(move |(&start, &first)| self.place(start, first))
    }
}

/// The tokens of a column, and the values that they may have.
pub struct IntColumn<'a> {
    /// Padded with [`PADDING`](super::scan::PADDING) bytes.
    pub text: &'a [u8],
    pub tokens: Tokens<'a>,
    pub least: i64,
    pub greatest: i64,
    /// Whether numbers from [`MILLISECONDS_MIN`] on are milliseconds.
    pub is_seconds: bool,
}

impl IntColumn<'_> {
    /// Appends the values, and notes the rows whose values mean nothing because the plain decoder must see them.
    pub fn append(&self, values: &mut Vec<i64>, doubtful: &mut Vec<u32>) {
        values.reserve(self.tokens.rows());
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2, as was just seen.
            unsafe { self.append_avx2(values, doubtful) };
            return;
        }
        self.append_plain(0, values, doubtful);
    }

    fn append_plain(&self, from: usize, values: &mut Vec<i64>, doubtful: &mut Vec<u32>) {
        values.extend((from..self.tokens.rows()).map(|row| self.one(row, doubtful)));
    }

    #[inline(always)]
    fn one(&self, row: usize, doubtful: &mut Vec<u32>) -> i64 {
        let (start, end) = self.tokens.get(row);
        let mut value = digits(self.text, start, end);
        if self.is_seconds && value >= MILLISECONDS_MIN {
            value /= 1000;
        }
        if value < self.least || value > self.greatest {
            if value == NOT_DIGITS && self.text[start..end] == *NULL.as_bytes() {
                return NULL_INT;
            }
            doubtful.push(row as u32);
        }
        value
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn append_avx2(&self, values: &mut Vec<i64>, doubtful: &mut Vec<u32>) {
        let rows = self.tokens.rows();
        let mut row = 0;
        while row + 4 <= rows {
            match self.four_avx2(row) {
                Some(four) => values.extend_from_slice(&four),
                None => values.extend((row..row + 4).map(|row| self.one(row, doubtful))),
            }
            row += 4;
        }
        self.append_plain(row, values, doubtful);
    }

    /// Digit values of the token that ends at `end`, its last digit in the last byte and zeros before the first.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    #[inline]
    fn digits_sse(&self, end: usize, less_one: usize) -> Option<std::arch::x86_64::__m128i> {
        use std::arch::x86_64::*;
        let bytes = self.text.get(end.wrapping_sub(16)..end)?;
        // SAFETY: both loads read 16 bytes: those of `bytes`, and a row of the table.
        let (bytes, kept) =
            unsafe { (_mm_loadu_si128(bytes.as_ptr().cast()), _mm_loadu_si128(LAST_BYTES[less_one].as_ptr().cast())) };
        Some(_mm_and_si128(_mm_sub_epi8(bytes, _mm_set1_epi8(b'0' as i8)), kept))
    }

    /// The values of four rows, if all are 1 to 16 digits, in range, and no milliseconds.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    #[inline]
    fn four_avx2(&self, row: usize) -> Option<[i64; 4]> {
        use std::arch::x86_64::*;
        let [a, b, c, d] =
            [self.tokens.get(row), self.tokens.get(row + 1), self.tokens.get(row + 2), self.tokens.get(row + 3)];
        let lengths = [a.1 - a.0, b.1 - b.0, c.1 - c.0, d.1 - d.0];
        let less_one = lengths.map(|length| length.wrapping_sub(1));
        if (less_one[0] | less_one[1] | less_one[2] | less_one[3]) >= 16 {
            return None;
        }
        let (a, b) = (self.digits_sse(a.1, less_one[0])?, self.digits_sse(b.1, less_one[1])?);
        let (c, d) = (self.digits_sse(c.1, less_one[2])?, self.digits_sse(d.1, less_one[3])?);
        let one = _mm256_set_m128i(b, a);
        let two = _mm256_set_m128i(d, c);
        let nine = _mm256_set1_epi8(9);
        // The greater of a digit and nine is nine.
        if _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_max_epu8(_mm256_max_epu8(one, two), nine), nine)) != -1 {
            return None;
        }
        let pairs = _mm256_set1_epi16(0x010a);
        let hundreds = _mm256_set1_epi32(0x0001_0064);
        let one = _mm256_madd_epi16(_mm256_maddubs_epi16(one, pairs), hundreds);
        let two = _mm256_madd_epi16(_mm256_maddubs_epi16(two, pairs), hundreds);
        // In each half: the four parts of 0 or 1, then the four parts of 2 or 3; then two parts of eight digits each.
        let parts = _mm256_packus_epi32(one, two);
        let eights = _mm256_madd_epi16(parts, _mm256_set1_epi32(0x0001_2710));
        let high = _mm256_mul_epu32(eights, _mm256_set1_epi64x(100_000_000));
        let mixed = _mm256_add_epi64(high, _mm256_srli_epi64::<32>(eights));
        // The order is now 0 2 1 3.
        let values = _mm256_permute4x64_epi64::<0b11_01_10_00>(mixed);
        let too_small = _mm256_cmpgt_epi64(_mm256_set1_epi64x(self.least), values);
        // Milliseconds take the plain way.
        let greatest = if self.is_seconds { self.greatest.min(MILLISECONDS_MIN - 1) } else { self.greatest };
        let too_great = _mm256_cmpgt_epi64(values, _mm256_set1_epi64x(greatest));
        let outside = _mm256_or_si256(too_small, too_great);
        if _mm256_testz_si256(outside, outside) == 0 {
            return None;
        }
        let mut four = [0; 4];
        // SAFETY: the store writes the 32 bytes of `four`.
        unsafe { _mm256_storeu_si256(four.as_mut_ptr().cast(), values) };
        Some(four)
    }
}

/// For each number of digits less one, a mask of so many bytes at the end.
#[cfg(target_arch = "x86_64")]
static LAST_BYTES: [[u8; 16]; 16] = {
    let mut masks = [[0; 16]; 16];
    let mut less_one = 0;
    while less_one < 16 {
        let mut at = 15 - less_one;
        while at < 16 {
            masks[less_one][at] = 0xff;
            at += 1;
        }
        less_one += 1;
    }
    masks
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::scan::PADDING;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn four_at_a_time_are_the_plain_ones(
            tokens in prop::collection::vec(
                "[0-9]{1,17}|[0-9]{10}|[0-9]{13}|0{0,4}1694649600(000)?|99999999999|100000000000|-|[0-9]{0,3}[/:a][0-9]{0,12}",
                0..40,
            ),
            least in 0i64..2000,
            is_seconds: bool,
        ) {
            let mut text = Vec::new();
            let mut separators = Vec::new();
            let mut starts = Vec::new();
            for token in &tokens {
                starts.push(text.len() as u32);
                text.extend_from_slice(token.as_bytes());
                separators.push(text.len() as u32);
                text.push(b' ');
            }
            text.extend([b'7'; PADDING]);
            let firsts: Vec<u32> = (0..tokens.len() as u32).collect();
            for (greatest, column) in [(i64::MAX, 0), (65_535, 0), (1 << 40, 1)] {
                let rows = tokens.len().saturating_sub(column);
                let tokens =
                    Tokens { starts: &starts[..rows], firsts: &firsts[..rows], separators: &separators, column };
                let column = IntColumn { text: &text, tokens, least, greatest, is_seconds };
                let (mut values, mut doubtful) = (Vec::new(), Vec::new());
                column.append(&mut values, &mut doubtful);
                let (mut plain, mut plain_doubtful) = (Vec::new(), Vec::new());
                column.append_plain(0, &mut plain, &mut plain_doubtful);
                prop_assert_eq!((values, doubtful), (plain, plain_doubtful));
            }
        }
    }
}
