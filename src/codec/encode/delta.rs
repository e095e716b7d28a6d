//! `DELTA_BINARY_PACKED` integers: smaller and faster than a dictionary for counters, times and line numbers.
//!
//! Format: "Delta Encoding" of the Parquet encodings page, with the block sizes that every known writer uses, since
//! some readers were only ever tried with those.

use super::hybrid::uleb128;
use super::pack::{PACK, pack, width_of};

const BLOCK: usize = 128;
const MINIBLOCKS: usize = BLOCK / PACK;

/// Appends `values`; none at all is a header with a count of zero.
pub fn encode(values: &[i64], out: &mut Vec<u8>) {
    uleb128(BLOCK as u64, out);
    uleb128(MINIBLOCKS as u64, out);
    uleb128(values.len() as u64, out);
    zigzag(values.first().copied().unwrap_or(0), out);
    let mut from = 1;
    while from < values.len() {
        let end = values.len().min(from + BLOCK);
        block(&values[from - 1..end - 1], &values[from..end], out);
        from = end;
    }
}

/// One block of the differences between each of `values` and the one before it.
fn block(before: &[i64], values: &[i64], out: &mut Vec<u8>) {
    let mut deltas = [0_i64; BLOCK];
    for ((delta, value), before) in deltas.iter_mut().zip(values).zip(before) {
        *delta = value.wrapping_sub(*before);
    }
    let least = deltas[..values.len()].iter().fold(i64::MAX, |least, &delta| least.min(delta));
    // Padding has to be zero after the subtraction.
    deltas[values.len()..].fill(least);
    let offsets = deltas.map(|delta| delta.wrapping_sub(least) as u64);
    zigzag(least, out);
    let (miniblocks, _) = offsets.as_chunks::<PACK>();
    let mut widths = [0_u32; MINIBLOCKS];
    for (width, miniblock) in widths.iter_mut().zip(miniblocks) {
        *width = width_of(miniblock.iter().fold(0, |bits, offset| bits | offset));
    }
    out.extend(widths.map(|width| width as u8));
    for (miniblock, width) in miniblocks.iter().zip(widths) {
        // A miniblock without values has width 0 and so takes no bytes, as the format wants.
        pack(miniblock, width, out);
    }
}

fn zigzag(value: i64, out: &mut Vec<u8>) {
    uleb128(((value << 1) ^ (value >> 63)) as u64, out);
}
