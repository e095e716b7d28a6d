//! Compression of pages, with the state that is worth keeping from page to page.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use parquet::basic::CompressionCodec;

use crate::schema::Compression;

/// Level 1: higher levels take several times as long to save a few per cent of what is mostly packed bits.
const ZSTD_LEVEL: i32 = 1;

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The most that a block may hold.
const ZSTD_BLOCK_BYTES: usize = 128 << 10;

/// Compresses one page after another.
pub enum Compressor {
    None,
    Snappy(Box<snap::raw::Encoder>),
    Gzip,
    Zstd(Box<zstd::bulk::Compressor<'static>>),
}

impl Compressor {
    pub fn new(compression: Compression) -> io::Result<Compressor> {
        Ok(match compression {
            Compression::None => Compressor::None,
            Compression::Snappy => Compressor::Snappy(Box::new(snap::raw::Encoder::new())),
            Compression::Gzip => Compressor::Gzip,
            Compression::Zstd => Compressor::Zstd(Box::new(zstd::bulk::Compressor::new(ZSTD_LEVEL)?)),
        })
    }

    /// How the file's metadata names it.
    pub fn codec(&self) -> CompressionCodec {
        match self {
            Compressor::None => CompressionCodec::UNCOMPRESSED,
            Compressor::Snappy(_) => CompressionCodec::SNAPPY,
            Compressor::Gzip => CompressionCodec::GZIP,
            Compressor::Zstd(_) => CompressionCodec::ZSTD,
        }
    }

    /// Whether a page can be handed on as it is, in the frame that its readers expect.
    pub fn can_store(&self) -> bool {
        matches!(self, Compressor::Zstd(_))
    }

    /// Replaces the content of `out` by `page` in a frame of raw blocks (RFC 8878, section 3.1.1).
    pub fn store(page: &[u8], out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&ZSTD_MAGIC);
        // A single segment, its length in four bytes, no checksum.
        out.push(0b1010_0000);
        out.extend_from_slice(&(page.len() as u32).to_le_bytes());
        let blocks = page.len().div_ceil(ZSTD_BLOCK_BYTES).max(1);
        for at in 0..blocks {
            let from = at * ZSTD_BLOCK_BYTES;
            let block = &page[from..page.len().min(from + ZSTD_BLOCK_BYTES)];
            let is_last = u32::from(at + 1 == blocks);
            out.extend_from_slice(&((block.len() as u32) << 3 | is_last).to_le_bytes()[..3]);
            out.extend_from_slice(block);
        }
    }

    /// Replaces the content of `out` by the compressed `page`.
    pub fn compress(&mut self, page: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        out.clear();
        match self {
            Compressor::None => out.extend_from_slice(page),
            Compressor::Snappy(compressor) => {
                out.resize(snap::raw::max_compress_len(page.len()), 0);
                let length = compressor.compress(page, out)?;
                out.truncate(length);
            }
            Compressor::Gzip => {
                let mut encoder = GzEncoder::new(out, flate2::Compression::default());
                encoder.write_all(page)?;
                encoder.finish()?;
            }
            Compressor::Zstd(compressor) => {
                out.reserve(zstd::zstd_safe::compress_bound(page.len()));
                compressor.compress_to_buffer(page, out)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_a_frame_that_zstd_reads() {
        let mut out = Vec::new();
        for bytes in [0, 1, ZSTD_BLOCK_BYTES - 1, ZSTD_BLOCK_BYTES, ZSTD_BLOCK_BYTES + 1, 3 * ZSTD_BLOCK_BYTES] {
            let page: Vec<u8> = (0..bytes).map(|at| ((at * at) >> 7) as u8).collect();
            Compressor::store(&page, &mut out);
            assert_eq!(zstd::bulk::decompress(&out, bytes).unwrap(), page);
        }
    }
}
