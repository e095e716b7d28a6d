//! Compression of pages, with the state that is worth keeping from page to page.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use parquet::basic::CompressionCodec;

use super::{Compression, snappy};

/// Level 1: higher levels take several times as long to save a few per cent of what is mostly packed bits.
const ZSTD_LEVEL: i32 = 1;

/// Bytes of a raw zstd block at most.
const ZSTD_BLOCK: usize = 128 << 10;

/// A zstd frame of one segment, with its content's size in four bytes.
const ZSTD_HEADER: [u8; 5] = [0x28, 0xb5, 0x2f, 0xfd, 0xa0];

/// Compresses one page after another.
pub enum Compressor {
    None,
    Snappy,
    Gzip,
    Zstd(Box<zstd::bulk::Compressor<'static>>),
}

impl Compressor {
    pub fn new(compression: Compression) -> io::Result<Compressor> {
        Ok(match compression {
            Compression::None => Compressor::None,
            Compression::Snappy => Compressor::Snappy,
            Compression::Gzip => Compressor::Gzip,
            Compression::Zstd => Compressor::Zstd(Box::new(zstd::bulk::Compressor::new(ZSTD_LEVEL)?)),
        })
    }

    /// How the file's metadata names it.
    pub fn codec(&self) -> CompressionCodec {
        match self {
            Compressor::None => CompressionCodec::UNCOMPRESSED,
            Compressor::Snappy => CompressionCodec::SNAPPY,
            Compressor::Gzip => CompressionCodec::GZIP,
            Compressor::Zstd(_) => CompressionCodec::ZSTD,
        }
    }

    /// Replaces the content of `out` by the compressed `page`.
    pub fn compress(&mut self, page: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        out.clear();
        match self {
            Compressor::None => out.extend_from_slice(page),
            Compressor::Snappy => snappy::compress(page, out),
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

    /// Replaces the content of `out` by `page` in the compressor's format, but without any search for a shorter form.
    pub fn store(&mut self, page: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        out.clear();
        match self {
            Compressor::None => out.extend_from_slice(page),
            Compressor::Snappy => snappy::store(page, out),
            Compressor::Gzip => {
                let mut encoder = GzEncoder::new(out, flate2::Compression::none());
                encoder.write_all(page)?;
                encoder.finish()?;
            }
            Compressor::Zstd(_) => store_zstd(page, out),
        }
        Ok(())
    }
}

/// A frame of raw blocks (RFC 8878, 3.1.1).
fn store_zstd(page: &[u8], out: &mut Vec<u8>) {
    out.extend(ZSTD_HEADER);
    out.extend((page.len() as u32).to_le_bytes());
    let blocks = page.len().div_ceil(ZSTD_BLOCK).max(1);
    for block in 0..blocks {
        let bytes = &page[block * ZSTD_BLOCK..page.len().min((block + 1) * ZSTD_BLOCK)];
        let is_last = u32::from(block + 1 == blocks);
        out.extend_from_slice(&((bytes.len() as u32) << 3 | is_last).to_le_bytes()[..3]);
        out.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn stored_pages_are_read_by_the_format_s_own_reader() {
        for length in [0, 1, 59, 60, 61, 256, 257, 65_536, 65_537, 131_072, 131_073, 400_000] {
            let page: Vec<u8> = (0..length).map(|at| (at * 7 % 251) as u8).collect();
            let mut stored = Vec::new();
            Compressor::new(Compression::Zstd).unwrap().store(&page, &mut stored).unwrap();
            assert_eq!(zstd::bulk::decompress(&stored, length).unwrap(), page);
            let mut read = Vec::new();
            Compressor::Gzip.store(&page, &mut stored).unwrap();
            flate2::read::GzDecoder::new(&stored[..]).read_to_end(&mut read).unwrap();
            assert_eq!(read, page);
        }
    }
}
