//! The run-length and bit-packed hybrid that holds dictionary keys and definition levels.
//!
//! Format: "Run Length Encoding / Bit-Packing Hybrid" of the Parquet encodings page. A bit-packed run is as long as it
//! can be, not 63 groups as some writers cut it.

use super::pack::{PACK, pack};

/// Values of a bit-packed run come in groups of this many; only the last group of a page is padded.
const GROUP: usize = 8;

/// Appends `values`, each below 2^`width`.
pub fn encode(values: &[u32], width: u32, out: &mut Vec<u8>) {
    if width == 0 {
        return run(0, values.len(), 0, out);
    }
    // A run costs its value and a header, and breaks a bit-packed run in two, which costs another header.
    let run_groups_min = (width.div_ceil(8) as usize + 4) / width as usize + 1;
    let (mut at, mut packed_from) = (0, 0);
    while at + GROUP <= values.len() {
        if !is_constant(&values[at..at + GROUP]) {
            at += GROUP;
            continue;
        }
        let value = values[at];
        let end = values[at..].iter().position(|&other| other != value).map_or(values.len(), |length| at + length);
        let groups = (end - at) / GROUP;
        if groups < run_groups_min {
            at += groups * GROUP;
            continue;
        }
        bit_packed(&values[packed_from..at], width, out);
        run(value, end - at, width, out);
        (at, packed_from) = (end, end);
    }
    bit_packed(&values[packed_from..], width, out);
}

/// Appends `count` times `value`, below 2^`width`.
pub fn run(value: u32, count: usize, width: u32, out: &mut Vec<u8>) {
    if count > 0 {
        uleb128((count as u64) << 1, out);
        out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
    }
}

/// Appends an unsigned integer, seven bits a byte.
pub fn uleb128(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn is_constant(group: &[u32]) -> bool {
    group.iter().fold(0, |differing, value| differing | (value ^ group[0])) == 0
}

fn bit_packed(values: &[u32], width: u32, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(GROUP);
    uleb128((groups as u64) << 1 | 1, out);
    let end = out.len() + groups * width as usize;
    let mut wide = [0_u64; PACK];
    let (whole, rest) = values.as_chunks::<PACK>();
    for values in whole {
        wide = values.map(u64::from);
        pack(&wide, width, out);
    }
    if !rest.is_empty() {
        wide.fill(0);
        for (to, &value) in wide.iter_mut().zip(rest) {
            *to = u64::from(value);
        }
        pack(&wide, width, out);
    }
    out.truncate(end);
}
