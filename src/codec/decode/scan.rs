//! Where the spaces and newlines of a text are, 64 bytes at a time.
//!
//! Clever for speed: a block of 64 bytes becomes three 64-bit masks (separators, newlines, bytes that are not ASCII),
//! and the set bits become positions, without a branch that depends on how many there are. With AVX-512 or AVX2 where
//! the processor has them; the plain version, `masks_plain` and `positions_plain`, is used elsewhere and is what the
//! others are tested against.

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
        if self.lines.len() < end {
            self.separators.resize(end + BLOCK, 0);
            self.lines.resize(end, 0);
        }
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("popcnt") {
            if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vbmi2") {
                // SAFETY: the processor has the features, as was just seen.
                unsafe { self.run_avx512(text, end) };
                return;
            }
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has the features, as was just seen.
                unsafe { self.run_avx2(text, end) };
                return;
            }
        }
        self.run_with(text, end, masks_plain, positions_plain);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,bmi1,popcnt")]
    fn run_avx512(&mut self, text: &[u8], end: usize) {
        self.run_with(text, end, |block| masks_avx512(block), |set, base, to| positions_avx512(set, base, to));
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,popcnt")]
    fn run_avx2(&mut self, text: &[u8], end: usize) {
        self.run_with(text, end, |block| masks_avx2(block), positions_plain);
    }

    #[inline(always)]
    fn run_with(
        &mut self,
        text: &[u8],
        end: usize,
        masks: impl Fn(&[u8; BLOCK]) -> Masks,
        positions: impl Fn(u64, u32, &mut [u32; BLOCK]),
    ) {
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

            // A block has one newline or none, which no branch predictor can guess: the first is taken without asking,
            // and an entry that was none is written over by the next. Without any, `up_to` is the whole block.
            let up_to = masks.newlines ^ masks.newlines.wrapping_sub(1);
            let has_newline = masks.newlines != 0;
            is_odd |= odd & up_to != 0;
            self.lines[ended] = index(found, masks.separators & up_to) | if is_odd { ODD } else { 0 };
            ended += usize::from(has_newline);
            is_odd &= !has_newline;
            let mut seen = up_to;
            let mut newlines = masks.newlines & masks.newlines.wrapping_sub(1);
            while newlines != 0 {
                let up_to = newlines ^ (newlines - 1);
                is_odd |= odd & up_to & !seen != 0;
                self.lines[ended] = index(found, masks.separators & up_to) | if is_odd { ODD } else { 0 };
                ended += 1;
                is_odd = false;
                seen = up_to;
                newlines &= newlines - 1;
            }
            is_odd |= odd & !seen != 0;

            let room = self.separators[found..].first_chunk_mut().expect("there is room for a block of separators");
            positions(masks.separators, at as u32, room);
            found += masks.separators.count_ones() as usize;
            at += BLOCK;
        }
        self.ended = ended;
    }
}

/// Index of the last of `separators`, with `found` before them.
#[inline(always)]
fn index(found: usize, separators: u64) -> u32 {
    (found as u32 + separators.count_ones()).wrapping_sub(1)
}

/// Writes where the bits of `set` are, counted from `base`. What follows them in `to` means nothing afterwards.
#[inline(always)]
fn positions_plain(mut set: u64, base: u32, to: &mut [u32; BLOCK]) {
    const AT_ONCE: usize = 12;
    let count = set.count_ones() as usize;
    // Lines of a flow log have 7 to 12 separators in 64 bytes: so many are written in any case.
    for to in to.chunks_mut(AT_ONCE).take(count.div_ceil(AT_ONCE)) {
        for position in to {
            *position = base.wrapping_add(set.trailing_zeros());
            set &= set.wrapping_sub(1);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2")]
#[inline]
fn positions_avx512(set: u64, base: u32, to: &mut [u32; BLOCK]) {
    use std::arch::x86_64::*;
    const LANES: usize = 16;
    static BYTES: [u8; BLOCK] = {
        let mut bytes = [0; BLOCK];
        let mut at = 0;
        while at < BLOCK {
            bytes[at] = at as u8;
            at += 1;
        }
        bytes
    };
    // SAFETY: the load reads the 64 bytes of `BYTES`.
    let bytes = unsafe { _mm512_loadu_si512(BYTES.as_ptr().cast()) };
    let mut packed = _mm512_maskz_compress_epi8(set, bytes);
    let base = _mm512_set1_epi32(base as i32);
    let mut left = set.count_ones() as usize;
    for to in to.as_chunks_mut::<LANES>().0 {
        let positions = _mm512_add_epi32(_mm512_cvtepu8_epi32(_mm512_castsi512_si128(packed)), base);
        // SAFETY: the store writes the 16 integers of `to`.
        unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), positions) };
        if left <= LANES {
            return;
        }
        left -= LANES;
        packed = _mm512_shuffle_i32x4::<0b00_11_10_01>(packed, packed);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn masks_avx512(block: &[u8; BLOCK]) -> Masks {
    use std::arch::x86_64::*;
    // SAFETY: the unaligned load reads the 64 bytes of the block.
    let bytes = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
    let newlines = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(b'\n' as i8));
    let spaces = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(b' ' as i8));
    Masks { separators: newlines | spaces, newlines, not_ascii: _mm512_movepi8_mask(bytes) }
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
        fn masks_of_every_kind_are_the_plain_ones(
            block in prop::array::uniform32(prop::sample::select(b" \n\ra\x80\xff\x0b*".to_vec())),
            tail in prop::array::uniform32(any::<u8>()),
        ) {
            let mut bytes = [0; BLOCK];
            bytes[..32].copy_from_slice(&block);
            bytes[32..].copy_from_slice(&tail);
            #[cfg(target_arch = "x86_64")]
            {
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has AVX2.
                    prop_assert_eq!(unsafe { masks_avx2(&bytes) }, masks_plain(&bytes));
                } else {
                    eprintln!("this processor has no AVX2: the comparison was not made");
                }
                if is_x86_feature_detected!("avx512bw") {
                    // SAFETY: the processor has AVX-512BW.
                    prop_assert_eq!(unsafe { masks_avx512(&bytes) }, masks_plain(&bytes));
                } else {
                    eprintln!("this processor has no AVX-512: the comparison was not made");
                }
            }
        }

        #[test]
        fn positions_are_those_of_a_bit_by_bit_walk(set: u64, also: u64, base in 0u32..1 << 30) {
            for set in [set, set & also, set | also, 0, u64::MAX] {
                let expected: Vec<u32> = (0..64).filter(|bit| set >> bit & 1 == 1).map(|bit| base + bit).collect();
                let mut found = [7; BLOCK];
                positions_plain(set, base, &mut found);
                prop_assert_eq!(&found[..expected.len()], &expected);
                #[cfg(target_arch = "x86_64")]
                if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vbmi2") {
                    let mut found = [7; BLOCK];
                    // SAFETY: the processor has the features.
                    unsafe { positions_avx512(set, base, &mut found) };
                    prop_assert_eq!(&found[..expected.len()], &expected);
                } else {
                    eprintln!("this processor has no AVX-512: the comparison was not made");
                }
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
            let mut plain = Scan { separators: vec![0; text.len() + BLOCK], lines: vec![0; text.len()], ended: 0 };
            plain.run_with(&padded, text.len(), masks_plain, positions_plain);
            prop_assert_eq!(&plain.separators[..separators.len()], &separators);
            prop_assert_eq!(&plain.lines[..plain.ended], &scan.lines[..scan.ended]);
        }
    }
}
