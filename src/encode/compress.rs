//! Compression of pages, with the state that is worth keeping from page to page.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use parquet::basic::CompressionCodec;

use super::Compression;

/// Level 1: higher levels take several times as long to save a few per cent of what is mostly packed bits.
const ZSTD_LEVEL: i32 = 1;

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
