//! What decoding promises, one promise a test, and the fast decoder against a naive one.

mod json;
mod oracle;
mod promises;
mod soundness;

use std::io::{self, Read, Write};

use arrow::array::Array;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::columns::{NULL_INT, NULL_TEXT, Values};

/// 2023-09-14, a little after the rows of [`ROW`].
pub const DELIVERED: i64 = 1_694_650_000;

pub const ROW: &str = "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 \
     1694649600 1694649660 ACCEPT OK";

pub fn default_header() -> &'static str {
    crate::schema::VPC_DEFAULT_FORMAT
}

/// A row as text, with its line number.
pub type Row = (i64, Vec<Option<String>>);

/// Everything that a sink was given.
#[derive(Debug, Default)]
pub struct Given {
    pub rows: Vec<Row>,
    pub rejects: Vec<Reject>,
    pub chunks: usize,
    pub cleared: usize,
    pub fail_at_chunk: Option<usize>,
}

impl Sink for Given {
    fn rows(&mut self, chunk: &Chunk, dictionaries: &Dictionaries) -> io::Result<()> {
        if self.fail_at_chunk == Some(self.chunks) {
            return Err(io::Error::other("the disk is full"));
        }
        assert!(chunk.rows() > 0 && chunk.rows() <= crate::columns::CHUNK_ROWS_MAX);
        assert_eq!(chunk.values.len(), chunk.layout.columns.len());
        self.chunks += 1;
        for (row, &line) in chunk.lines.iter().enumerate() {
            let text = |(values, &slot): (&Values, &usize)| match values {
                Values::Int(values) => (values[row] != NULL_INT).then(|| values[row].to_string()),
                Values::Text(ids) => (ids[row] != NULL_TEXT)
                    .then(|| String::from_utf8(dictionaries.get(slot).text(ids[row]).to_vec()).unwrap()),
                Values::Array(array) => {
                    array.is_valid(row).then(|| arrow::util::display::array_value_to_string(array, row).unwrap())
                }
            };
            self.rows.push((line, chunk.values.iter().zip(&chunk.slots).map(text).collect()));
        }
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> io::Result<()> {
        self.rejects.push(reject);
        Ok(())
    }

    fn dictionaries_cleared(&mut self) -> io::Result<()> {
        self.cleared += 1;
        Ok(())
    }
}

/// A reader that gives its bytes in small pieces, and then perhaps fails.
pub struct Pieces<'a> {
    pub bytes: &'a [u8],
    pub piece: usize,
    pub fails: bool,
}

impl Read for Pieces<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.bytes.is_empty() && self.fails {
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, "the line went dead"));
        }
        let bytes = self.bytes.len().min(to.len()).min(self.piece);
        to[..bytes].copy_from_slice(&self.bytes[..bytes]);
        self.bytes = &self.bytes[bytes..];
        Ok(bytes)
    }
}

pub fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// How an object is handed to the decoder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Way {
    WholeGzip,
    StreamedGzip,
    WholePlain,
    StreamedPlain,
}

pub const WAYS: [Way; 4] = [Way::WholeGzip, Way::StreamedGzip, Way::WholePlain, Way::StreamedPlain];

/// A decoder and what it knows of its objects.
pub struct Bench {
    pub decoder: Decoder,
    pub in_flow_log_prefix: bool,
    pub given: Given,
}

impl Bench {
    pub fn new(format: Option<&str>) -> Bench {
        let types = Types::default();
        let format = format.map(|format| Layout::from_format(format, &types).unwrap());
        let decoder = Decoder::new(Settings { types, format, unknown: Unknown::default() });
        Bench { decoder, in_flow_log_prefix: true, given: Given::default() }
    }

    pub fn outside(format: Option<&str>) -> Bench {
        Bench { in_flow_log_prefix: false, ..Bench::new(format) }
    }

    pub fn body(&mut self, body: Body) -> Result<Verdict, DecodeError> {
        self.given = Given { fail_at_chunk: self.given.fail_at_chunk, ..Given::default() };
        let source = Source { body, delivered: DELIVERED, in_flow_log_prefix: self.in_flow_log_prefix, log: None };
        self.decoder.object(source, &mut self.given)
    }

    pub fn raw(&mut self, bytes: &[u8]) -> Verdict {
        self.body(Body::Whole(bytes)).unwrap()
    }

    pub fn streamed(&mut self, bytes: &[u8], piece: usize) -> Verdict {
        self.body(Body::Stream(&mut Pieces { bytes, piece, fails: false })).unwrap()
    }

    pub fn text(&mut self, text: &[u8], way: Way) -> Verdict {
        match way {
            Way::WholeGzip => self.raw(&gzip(text)),
            Way::StreamedGzip => self.streamed(&gzip(text), 777),
            Way::WholePlain => self.raw(text),
            Way::StreamedPlain => self.streamed(text, 777),
        }
    }

    /// Decodes text that must be decodable.
    pub fn counts(&mut self, text: &str) -> Counts {
        match self.text(text.as_bytes(), Way::WholeGzip) {
            Verdict::Decoded(decoded) => decoded.counts,
            other => panic!("not decoded: {other:?}"),
        }
    }

    /// The values of column `column` of all rows.
    pub fn column(&self, column: usize) -> Vec<Option<&str>> {
        self.given.rows.iter().map(|(_, row)| row[column].as_deref()).collect()
    }
}
