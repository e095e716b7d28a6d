//! Bytes of an object to rows in columns: inflate, find the header, split lines, type the values.
//!
//! Pure computation: no I/O but the reader that it is handed, no clock, no randomness. The same bytes give the same
//! chunks. Every line is counted as one of four things, and those that are not understood are handed on as rejects
//! with their place and reason; an object that is not sound as a whole is set aside.
//!
//! ```text
//! Source ──▶ inflate (whole) ─┐                            ┌─▶ fast: regular lines, by column ─┐
//!        └─▶ stream (blocks) ─┴─▶ object: header? ─▶ scan ─┤                                   ├─▶ Chunk ─▶ Sink
//!                                                          └─▶ plain: every other line ────────┤
//!                                  (lines with quotes) ────▶ quoted ───────────────────────────┤
//!                                  (JSON) ──▶ documents: framer ──▶ json ──────────────────────┘
//! ```

mod buffers;
mod cell;
mod documents;
mod fast;
mod framer;
mod inflate;
mod ints;
mod json;
mod lines;
mod number;
mod object;
mod parts;
mod plain;
mod quoted;
mod scan;
mod stream;

#[cfg(test)]
mod tests;

use std::io::{self, Read};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::columns::{Chunk, Dictionaries};
use crate::schema::{Admitted, Layout, Table, Types, Unknown};
use buffers::Buffers;
use inflate::{GZIP_MAGIC, Inflater, NotInflated};
use object::{Object, Stop};

/// Length of a line in bytes, without its newline, or of a record of JSON. A longer one is a reject, and is not kept in
/// memory.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// Inflated bytes of an object. One that inflates to more is set aside.
pub const INFLATED_BYTES_MAX: u64 = 4 << 30;

/// Inflated bytes of an object that is inflated and checked as a whole before any row is given.
pub const WHOLE_BYTES_MAX: usize = 32 << 20;

/// Fresh text that is read at once of an object that is not inflated as a whole.
const BLOCK_BYTES: usize = 1 << 20;

/// What is the same for all objects of a task.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Types that the lake fixed for its columns earlier.
    pub types: Types,
    /// The layout of objects without a header line. A header line beats it.
    pub format: Option<Layout>,
    /// Which fields that nobody documents become columns.
    pub unknown: Unknown,
}

/// An object, with what its key told about it.
pub struct Source<'a> {
    /// Its bytes.
    pub body: Body<'a>,
    /// When the object was delivered, in Unix seconds; `start` and `end` of a row are at most two days later.
    pub delivered: i64,
    /// Whether the key lies where flow logs are delivered, so that the object is meant to be one.
    pub in_flow_log_prefix: bool,
    /// The kind of log that the key says; `None` where lines have to tell.
    pub log: Option<Table>,
}

/// The bytes of an object as they are stored: gzip, of one or more members, or plain text.
pub enum Body<'a> {
    /// All of them in memory.
    Whole(&'a [u8]),
    /// As they come. An error of the reader is [`DecodeError::Read`].
    Stream(&'a mut dyn Read),
}

/// What takes the rows and the rejects of objects.
pub trait Sink {
    /// Takes the next rows of the object. Ids of texts are those of `dictionaries`, and stay valid until
    /// [`Sink::dictionaries_cleared`].
    fn rows(&mut self, chunk: &Chunk, dictionaries: &Dictionaries) -> io::Result<()>;

    /// Takes a line that is not a row. Rows of earlier lines may come after it.
    fn reject(&mut self, reject: Reject) -> io::Result<()>;

    /// Called just before ids lose their meaning and are given anew.
    fn dictionaries_cleared(&mut self) -> io::Result<()>;
}

/// A line that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// Number of the line in the inflated object, from 1; of JSON that of the record.
    pub line: u64,
    /// Where it begins in the inflated object, in bytes from 0.
    pub offset: u64,
    /// Column at fault, where it is one.
    pub field: Option<String>,
    /// Its value, at most 256 bytes of it.
    pub value: Option<String>,
    /// Why, for people.
    pub reason: String,
    /// The line as far as it is text, at most 4 KiB of it.
    pub text: String,
}

/// Lines of an object by what they are: `lines = headers + blanks + rows + rejects`. A record of JSON is a line,
/// however many it stands on, and so is what is set aside in place of records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All of them, an unfinished last one too.
    pub lines: u64,
    /// Lines that name the fields.
    pub headers: u64,
    /// Lines without a value.
    pub blanks: u64,
    /// Lines that the sink got as rows.
    pub rows: u64,
    /// Lines that the sink got as rejects.
    pub rejects: u64,
    /// Bytes of the inflated object.
    pub inflated_bytes: u64,
}

/// An object that was read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// What its lines were.
    pub counts: Counts,
    /// The different layouts that its lines were read with, in the order in which they came into force.
    pub layouts: Vec<Arc<Layout>>,
}

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was read to its end.
    Decoded(Decoded),
    /// The object is not sound. With `rows_given` the sink already has rows or rejects of it, which must not stay.
    Aside {
        /// Why, for people.
        reason: String,
        /// Whether the sink has a part of it.
        rows_given: bool,
    },
    /// The object is none of ours, and the sink was given nothing of it.
    Skipped {
        /// Why, for people.
        reason: String,
    },
}

/// A failure that is not the object's content.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Its reader failed.
    #[error("the object could not be read")]
    Read(#[source] io::Error),
    /// The sink refused rows.
    #[error("its rows could not be taken")]
    Sink(#[source] io::Error),
}

/// The decoder of a task: dictionaries and buffers that are kept from object to object.
pub struct Decoder {
    settings: Settings,
    format: Option<Arc<Layout>>,
    /// Columns given to unknown fields so far.
    admitted: Admitted,
    limits: Limits,
    inflater: Inflater,
    block: Vec<u8>,
    buffers: Buffers,
    dictionaries: Dictionaries,
}

/// The limits that tests lower.
#[derive(Debug, Clone, Copy)]
struct Limits {
    whole_bytes: usize,
    inflated_bytes: u64,
    block_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { whole_bytes: WHOLE_BYTES_MAX, inflated_bytes: INFLATED_BYTES_MAX, block_bytes: BLOCK_BYTES }
    }
}

impl Decoder {
    /// A decoder that has met nothing yet.
    pub fn new(settings: Settings) -> Decoder {
        Decoder {
            format: settings.format.clone().map(Arc::new),
            admitted: Layout::admitted(&settings.unknown, settings.format.as_ref()),
            settings,
            limits: Limits::default(),
            inflater: Inflater::new(),
            block: Vec::new(),
            buffers: Buffers::default(),
            dictionaries: Dictionaries::default(),
        }
    }

    /// The dictionaries that the ids of this task's chunks belong to.
    pub fn dictionaries(&self) -> &Dictionaries {
        &self.dictionaries
    }

    /// Decodes one object into `sink`. An error is not about the content: the sink's own, or the reader's.
    pub fn object(&mut self, source: Source, sink: &mut dyn Sink) -> Result<Verdict, DecodeError> {
        let mut object = Object::new(
            object::Setting {
                types: &self.settings.types,
                format: self.format.as_ref(),
                delivered: source.delivered,
                in_flow_log_prefix: source.in_flow_log_prefix,
                fixed: source.log.and_then(|table| Layout::of_log(table, &self.settings.types)).map(Arc::new),
            },
            object::Kept {
                buffers: &mut self.buffers,
                dictionaries: &mut self.dictionaries,
                admitted: &mut self.admitted,
            },
            sink,
        );
        let done = match source.body {
            Body::Whole(body) => whole(body, &mut object, &mut self.inflater, &mut self.block, self.limits),
            Body::Stream(reader) => streamed(reader, &mut object, &mut self.block, self.limits),
        };
        match done.and_then(|()| object.finish()) {
            Ok(()) => Ok(Verdict::Decoded(object.into_decoded())),
            Err(Stop::Aside(reason)) => Ok(Verdict::Aside { reason, rows_given: object.has_given() }),
            Err(Stop::Skip(reason)) => Ok(Verdict::Skipped { reason }),
            Err(Stop::Failed(error)) => Err(error),
        }
    }
}

/// Decodes an object that is in memory: as a whole if it is gzip and not too long, else like a stream.
fn whole(
    body: &[u8],
    object: &mut Object,
    inflater: &mut Inflater,
    block: &mut Vec<u8>,
    limits: Limits,
) -> Result<(), Stop> {
    if !body.starts_with(&GZIP_MAGIC) {
        return streamed(&mut &body[..], object, block, limits);
    }
    let text_bytes_max = limits.whole_bytes.min(usize::try_from(limits.inflated_bytes).unwrap_or(usize::MAX));
    match inflater.inflate(body, text_bytes_max) {
        Ok(bytes) => {
            object.inflated(bytes as u64, limits.inflated_bytes)?;
            object.members_begin(inflater.members());
            let text = inflater.text_mut();
            if object.is_json() {
                object.documents(&text[..bytes])?;
                return object.documents_end();
            }
            let lacks_newline = bytes > 0 && text[bytes - 1] != b'\n';
            if lacks_newline {
                text[bytes] = b'\n';
            }
            object.lines(text, bytes + usize::from(lacks_newline))
        }
        Err(NotInflated::TooLong) => streamed(&mut &body[..], object, block, limits),
        Err(NotInflated::Corrupt) => {
            Err(Stop::Aside("gzip data is truncated or corrupt, or other bytes follow it".to_owned()))
        }
    }
}

fn streamed(reader: &mut dyn Read, object: &mut Object, block: &mut Vec<u8>, limits: Limits) -> Result<(), Stop> {
    let mut input = stream::Input::new(reader);
    if input.magic().map_err(Stop::Failed)? == b"PAR1" {
        return Err(Stop::Skip("native Parquet object".to_owned()));
    }
    stream::read(input, object, block, limits)
}
