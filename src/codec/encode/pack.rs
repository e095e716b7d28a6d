//! Bit packing, least significant bit first, 32 values at a time: the inner loop of both page encodings.
//!
//! Widths up to 32 are unrolled with every shift a constant; wider ones are rare (byte counts past 4 GiB) and take the
//! plain loop, against which the unrolled ones are tested.

/// Values that one call packs. Unused ones are zero.
pub const PACK: usize = 32;

/// Appends 32 values of `width` bits: `4 * width` bytes. Bits of a value above `width` must be zero.
pub fn pack(values: &[u64; PACK], width: u32, out: &mut Vec<u8>) {
    let mut words = [0_u64; PACK];
    if width <= 32 {
        pack_narrow(values, width, &mut words);
    } else {
        pack_plain(values, width, &mut words);
    }
    let from = out.len();
    let bytes = width as usize * PACK / 8;
    out.resize(from + bytes.next_multiple_of(8), 0);
    for (to, word) in out[from..].chunks_exact_mut(8).zip(words) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    out.truncate(from + bytes);
}

/// Bits that `value` needs.
pub fn width_of(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

fn pack_plain(values: &[u64; PACK], width: u32, words: &mut [u64; PACK]) {
    for (at, &value) in values.iter().enumerate() {
        let bit = at * width as usize;
        let (word, shift) = (bit / 64, bit % 64);
        words[word] |= value << shift;
        if shift + width as usize > 64 {
            words[word + 1] |= value >> (64 - shift);
        }
    }
}

macro_rules! place {
    ($values:ident, $words:ident, $width:ident: $($at:literal)*) => {
        $({
            let (word, shift) = ($at * $width / 64, $at * $width % 64);
            $words[word] |= $values[$at] << shift;
            if shift + $width > 64 {
                $words[word + 1] |= $values[$at] >> (64 - shift);
            }
        })*
    };
}

fn pack_width<const W: usize>(values: &[u64; PACK], words: &mut [u64; PACK]) {
    let mut packed = [0_u64; 17];
    place!(values, packed, W: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);
    words[..17].copy_from_slice(&packed);
}

macro_rules! narrow {
    ($width:ident, $values:ident, $words:ident: $($w:literal)*) => {
        match $width {
            $($w => pack_width::<$w>($values, $words),)*
            _ => pack_plain($values, $width, $words),
        }
    };
}

fn pack_narrow(values: &[u64; PACK], width: u32, words: &mut [u64; PACK]) {
    narrow!(width, values, words: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_packs_as_the_plain_loop_does() {
        let mut state = 7_u64;
        for width in 0..=64_u32 {
            let values: [u64; PACK] = std::array::from_fn(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                if width == 0 { 0 } else { state >> (64 - width) }
            });
            let mut expected = [0; PACK];
            pack_plain(&values, width, &mut expected);
            let expected: Vec<u8> = expected.iter().flat_map(|word| word.to_le_bytes()).collect();
            let mut packed = vec![9];
            pack(&values, width, &mut packed);
            assert_eq!(packed[1..], expected[..width as usize * 4], "width {width}");
        }
    }
}
