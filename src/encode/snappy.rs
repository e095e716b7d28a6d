//! Snappy block compression, for readers that have no zstd.
//!
//! Format: `format_description.txt` of google/snappy. Greedy matching within 64 KiB blocks through a table of the last
//! place where each hash of four bytes was seen.

use super::hybrid::uleb128;

/// Matches do not cross blocks, so that an offset always fits in two bytes.
const BLOCK: usize = 1 << 16;
const TABLE_BITS: u32 = 13;
const COPY_BYTES_MAX: usize = 64;

/// Appends the compressed form of `input`.
pub fn compress(input: &[u8], out: &mut Vec<u8>) {
    uleb128(input.len() as u64, out);
    let mut table = vec![0_u16; 1 << TABLE_BITS];
    for block in input.chunks(BLOCK) {
        table.fill(0);
        compress_block(block, &mut table, out);
    }
}

/// Appends `input` in the same format without any match.
pub fn store(input: &[u8], out: &mut Vec<u8>) {
    uleb128(input.len() as u64, out);
    for block in input.chunks(BLOCK) {
        literal(block, out);
    }
}

fn compress_block(block: &[u8], table: &mut [u16], out: &mut Vec<u8>) {
    let (mut at, mut literal_from) = (1, 0);
    while at + 4 <= block.len() {
        let word = word_at(block, at);
        let slot = &mut table[(word.wrapping_mul(0x1e35_a7bd) >> (32 - TABLE_BITS)) as usize];
        let earlier = usize::from(std::mem::replace(slot, at as u16));
        if earlier >= at || word_at(block, earlier) != word {
            // Steps grow while nothing matches, so that packed bits cost little.
            at += 1 + (at - literal_from) / 32;
            continue;
        }
        let matched = block[at..].iter().zip(&block[earlier..]).take_while(|(a, b)| a == b).count();
        literal(&block[literal_from..at], out);
        copy(at - earlier, matched, out);
        at += matched;
        literal_from = at;
    }
    literal(&block[literal_from..], out);
}

fn word_at(block: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
}

fn literal(bytes: &[u8], out: &mut Vec<u8>) {
    let Some(last) = bytes.len().checked_sub(1) else { return };
    match last {
        0..60 => out.push((last as u8) << 2),
        60..256 => out.extend([60 << 2, last as u8]),
        // A block is 64 KiB at most.
        _ => out.extend([61 << 2, last as u8, (last >> 8) as u8]),
    }
    out.extend_from_slice(bytes);
}

fn copy(offset: usize, mut length: usize, out: &mut Vec<u8>) {
    while length > 0 {
        let part = length.min(COPY_BYTES_MAX);
        out.extend([((part - 1) as u8) << 2 | 0b10, offset as u8, (offset >> 8) as u8]);
        length -= part;
    }
}
