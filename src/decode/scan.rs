//! Where the spaces and newlines of a text are, 64 bytes at a time.
//!
//! Clever for speed: a block of 64 bytes becomes three 64-bit masks (separators, newlines, bytes that are not ASCII),
//! and the set bits become positions. With AVX2 where the processor has it; the plain version, `masks_plain`, is used
//! elsewhere and is what the other is tested against.

/// Readable bytes that a text must have after its end: a block may begin at its last byte.
pub const PADDING: usize = 64;

const BLOCK: usize = 64;

/// Set for a line that is not sound ASCII with single spaces between tokens.
const ODD: u32 = 1 << 31;

/// What a block holds, a bit for each byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Masks {
    /// Spaces and newlines.
    separators: u64,
    newlines: u64,
    not_ascii: u64,
}

/// The separators of some whole lines. Positions count from where the scan began.
#[derive(Debug, Default)]
pub struct Scan {
    /// Position of every space and newline; what follows the last newline's is left from before.
    separators: Vec<u32>,
    /// Index of each line's newline in `separators`, with [`ODD`].
    lines: Vec<u32>,
    ended: usize,
}

/// One line of a [`Scan`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Index in [`Scan::separators`] of its newline.
    pub newline: usize,
    /// Whether it has a byte that is not ASCII, a space at either end, two spaces in a row, or nothing at all.
    pub is_odd: bool,
}

impl Scan {
    /// Whole lines in the text.
    pub fn lines(&self) -> usize {
        self.ended
    }

    /// Position of every space and newline of the whole lines.
    pub fn separators(&self) -> &[u32] {
        &self.separators
    }

    /// Moves a separator back by one byte, for a line whose newline has a carriage return before it.
    pub fn move_back(&mut self, separator: usize) {
        self.separators[separator] -= 1;
    }

    pub fn line(&self, at: usize) -> Line {
        let line = self.lines[at];
        Line { newline: (line & !ODD) as usize, is_odd: line & ODD != 0 }
    }

    /// Scans `text[..end]`, which begins with a line and may end within one; [`PADDING`] bytes follow it.
    pub fn run(&mut self, text: &[u8], end: usize) {
        assert!(text.len() >= end + PADDING && end < ODD as usize, "a text is padded and shorter than 2 GiB");
        // Every byte can be a separator. The two vectors only grow: clearing them costs as much as the scan.
        if self.separators.len() < end {
            self.separators.resize(end, 0);
            self.lines.resize(end, 0);
        }
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("popcnt") {
            // SAFETY: the processor has the three features, as was just seen.
            unsafe { self.run_avx2(text, end) };
            return;
        }
        self.run_with(text, end, masks_plain);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,popcnt")]
    fn run_avx2(&mut self, text: &[u8], end: usize) {
        self.run_with(text, end, |block| masks_avx2(block));
    }

    #[inline(always)]
    fn run_with(&mut self, text: &[u8], end: usize, masks: impl Fn(&[u8; BLOCK]) -> Masks) {
        let (mut found, mut ended) = (0, 0);
        // What precedes the first byte is as good as a newline: a space or newline there is one too many.
        let mut after_separator = 1;
        let mut is_odd = false;
        let mut at = 0;
        while at < end {
            let block = text[at..].first_chunk().expect("a text is padded");
            let mut masks = masks(block);
            if end - at < BLOCK {
                let within = (1u64 << (end - at)) - 1;
                masks.separators &= within;
                masks.newlines &= within;
                masks.not_ascii &= within;
            }
            let odd = masks.not_ascii | (masks.separators & (masks.separators << 1 | after_separator));
            after_separator = masks.separators >> 63;

            let mut newlines = masks.newlines;
            let mut seen = 0;
            while newlines != 0 {
                let up_to = newlines ^ (newlines - 1);
                is_odd |= odd & up_to & !seen != 0;
                let index = found as u32 + (masks.separators & up_to).count_ones() - 1;
                self.lines[ended] = index | if is_odd { ODD } else { 0 };
                ended += 1;
                is_odd = false;
                seen = up_to;
                newlines &= newlines - 1;
            }
            is_odd |= odd & !seen != 0;

            let mut separators = masks.separators;
            let count = separators.count_ones() as usize;
            for position in &mut self.separators[found..found + count] {
                *position = at as u32 + separators.trailing_zeros();
                separators &= separators - 1;
            }
            found += count;
            at += BLOCK;
        }
        self.ended = ended;
    }
}

fn masks_plain(block: &[u8; BLOCK]) -> Masks {
    let mut masks = Masks { separators: 0, newlines: 0, not_ascii: 0 };
    for (at, &byte) in block.iter().enumerate() {
        masks.separators |= u64::from(byte == b' ' || byte == b'\n') << at;
        masks.newlines |= u64::from(byte == b'\n') << at;
        masks.not_ascii |= u64::from(byte >= 0x80) << at;
    }
    masks
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn masks_avx2(block: &[u8; BLOCK]) -> Masks {
    use std::arch::x86_64::{__m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_set1_epi8};
    let start = block.as_ptr().cast::<__m256i>();
    // SAFETY: the two unaligned loads read the 64 bytes of the block.
    let (low, high) = unsafe { (_mm256_loadu_si256(start), _mm256_loadu_si256(start.add(1))) };
    let both = |low: i32, high: i32| u64::from(low as u32) | u64::from(high as u32) << 32;
    let equal = |byte: u8| {
        let wanted = _mm256_set1_epi8(byte as i8);
        both(
            _mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted)),
            _mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted)),
        )
    };
    let newlines = equal(b'\n');
    Masks {
        separators: equal(b' ') | newlines,
        newlines,
        not_ascii: both(_mm256_movemask_epi8(low), _mm256_movemask_epi8(high)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn avx2_masks_are_the_plain_ones(block in prop::array::uniform32(prop::sample::select(b" \n\ra\x80\xff\x0b*".to_vec())), tail in prop::array::uniform32(any::<u8>())) {
            let mut bytes = [0; BLOCK];
            bytes[..32].copy_from_slice(&block);
            bytes[32..].copy_from_slice(&tail);
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has AVX2.
                prop_assert_eq!(unsafe { masks_avx2(&bytes) }, masks_plain(&bytes));
            } else {
                eprintln!("this processor has no AVX2: the comparison was not made");
            }
        }

        #[test]
        fn lines_and_separators_are_those_of_a_byte_by_byte_walk(
            text in prop::collection::vec(prop::sample::select(b"    \nabcdefg\xc3".to_vec()), 0..400),
        ) {
            let mut padded = text.clone();
            padded.resize(text.len() + PADDING, b' ');
            let mut scan = Scan::default();
            scan.run(&padded, text.len());
            let (mut separators, mut lines) = (Vec::new(), Vec::new());
            let (mut last, mut is_odd) = (b'\n', false);
            for (at, &byte) in text.iter().enumerate() {
                let is_separator = byte == b' ' || byte == b'\n';
                is_odd |= byte >= 0x80 || is_separator && (last == b' ' || last == b'\n');
                if is_separator {
                    separators.push(at as u32);
                }
                if byte == b'\n' {
                    lines.push(Line { newline: separators.len() - 1, is_odd });
                    is_odd = false;
                }
                last = byte;
            }
            prop_assert_eq!(&scan.separators()[..separators.len()], &separators);
            prop_assert_eq!((0..scan.lines()).map(|at| scan.line(at)).collect::<Vec<_>>(), lines);
            let mut plain = Scan { separators: vec![0; text.len()], lines: vec![0; text.len()], ended: 0 };
            plain.run_with(&padded, text.len(), masks_plain);
            prop_assert_eq!((plain.separators, plain.lines), (scan.separators, scan.lines));
        }
    }
}
