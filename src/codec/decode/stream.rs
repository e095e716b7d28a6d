//! Objects that are read piece by piece: in blocks of whole lines, in bounded memory, whatever they inflate to.
//!
//! ```text
//! bytes ──▶ Input ──▶ (gzip members) ──▶ block: carried-over part of a line │ fresh text ──▶ whole lines
//! ```

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

use super::inflate::GZIP_MAGIC;
use super::object::{LINE_HEAD_BYTES, Object, Stop};
use super::scan::PADDING;
use super::{DecodeError, LINE_BYTES_MAX, Limits};

/// Bytes asked of the reader at once.
const INPUT_BYTES: usize = 64 << 10;

/// Bytes that tell what an object is.
pub const MAGIC_BYTES: usize = 4;

/// An object's bytes as they come, with the reader's own errors kept apart from those of the content.
pub struct Input<'a> {
    reader: &'a mut dyn Read,
    buffer: Box<[u8]>,
    at: usize,
    end: usize,
    failure: Option<io::Error>,
}

impl<'a> Input<'a> {
    pub fn new(reader: &'a mut dyn Read) -> Input<'a> {
        Input { reader, buffer: vec![0; INPUT_BYTES].into_boxed_slice(), at: 0, end: 0, failure: None }
    }

    /// The first [`MAGIC_BYTES`] bytes, or all if there are fewer.
    pub fn magic(&mut self) -> Result<&[u8], DecodeError> {
        while self.end < MAGIC_BYTES {
            match self.receive(self.end).map_err(DecodeError::Read)? {
                0 => break,
                bytes => self.end += bytes,
            }
        }
        Ok(&self.buffer[..self.end.min(MAGIC_BYTES)])
    }

    fn receive(&mut self, to: usize) -> io::Result<usize> {
        uninterrupted(self.reader, &mut self.buffer[to..])
    }

    /// Keeps the reader's own error, which the inflater may translate, and passes on one of its kind.
    fn noted(&mut self, read: io::Result<usize>) -> io::Result<usize> {
        read.map_err(|error| {
            let kind = error.kind();
            self.failure = Some(error);
            kind.into()
        })
    }
}

fn uninterrupted(reader: &mut dyn Read, to: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(to) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

impl BufRead for Input<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.end {
            (self.at, self.end) = (0, 0);
            let read = self.receive(0);
            self.end = self.noted(read)?;
        }
        Ok(&self.buffer[self.at..self.end])
    }

    fn consume(&mut self, bytes: usize) {
        self.at += bytes;
    }
}

impl Read for Input<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.at == self.end && to.len() >= INPUT_BYTES {
            let read = uninterrupted(self.reader, to);
            return self.noted(read);
        }
        let ready = self.fill_buf()?;
        let bytes = ready.len().min(to.len());
        to[..bytes].copy_from_slice(&ready[..bytes]);
        self.consume(bytes);
        Ok(bytes)
    }
}

/// The text of an object.
enum Text<'a> {
    Plain(Input<'a>),
    /// One member, and after it the next; `None` only in between.
    Gzip(Option<Box<GzDecoder<Input<'a>>>>),
}

impl Text<'_> {
    /// Fills `to`, or as much of it as there is text. Notes in `members` where in it later members begin.
    fn fill(&mut self, to: &mut [u8], members: &mut Vec<u64>) -> Result<usize, Stop> {
        let mut filled = 0;
        while filled < to.len() {
            match self.read(&mut to[filled..]) {
                Ok(0) => match self.next_member() {
                    Ok(true) => {
                        let at = filled as u64;
                        if members.last() != Some(&at) {
                            members.push(at);
                        }
                    }
                    Ok(false) => break,
                    Err(error) => return Err(self.stop(&error)),
                },
                Ok(bytes) => filled += bytes,
                Err(error) => return Err(self.stop(&error)),
            }
        }
        Ok(filled)
    }

    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match self {
            Text::Plain(input) => input.read(to),
            Text::Gzip(gzip) => gzip.as_mut().map_or(Ok(0), |gzip| gzip.read(to)),
        }
    }

    /// Goes on to the member after one that has ended; `false` if there is none.
    fn next_member(&mut self) -> io::Result<bool> {
        let Text::Gzip(gzip) = self else { return Ok(false) };
        let Some(ended) = gzip.as_mut() else { return Ok(false) };
        if ended.get_mut().fill_buf()?.is_empty() {
            return Ok(false);
        }
        *gzip = gzip.take().map(|ended| Box::new(GzDecoder::new(ended.into_inner())));
        Ok(true)
    }

    fn stop(&mut self, error: &io::Error) -> Stop {
        let input = match self {
            Text::Plain(input) => Some(input),
            Text::Gzip(gzip) => gzip.as_mut().map(|gzip| gzip.get_mut()),
        };
        match input.and_then(|input| input.failure.take()) {
            Some(failure) => Stop::Failed(DecodeError::Read(failure)),
            None => Stop::Aside(format!("gzip data is truncated or corrupt: {error}")),
        }
    }
}

/// A line that has outgrown [`LINE_BYTES_MAX`] and of which only the beginning is kept.
struct LongLine {
    head: Vec<u8>,
    bytes: u64,
}

/// Leaves of the members that begin in a text the last within the line that it begins with, and those behind that line:
/// of a line that is too long nobody asks for more, and it may have as many as bytes.
fn keep_needed(members: &mut Vec<u64>, text: &[u8]) {
    let end = text.iter().position(|&byte| byte == b'\n').unwrap_or(text.len()) as u64;
    let within = members.iter().take_while(|&&member| member < end).count();
    members.drain(..within.saturating_sub(1));
}

/// Reads all of `input` into `object`. `buffer` is kept from object to object.
pub fn read(input: Input, object: &mut Object, buffer: &mut Vec<u8>, limits: Limits) -> Result<(), Stop> {
    let is_gzip = input.buffer[..input.end].starts_with(&GZIP_MAGIC);
    let mut text = if is_gzip { Text::Gzip(Some(Box::new(GzDecoder::new(input)))) } else { Text::Plain(input) };
    if object.is_json() {
        return documents(text, object, buffer, limits);
    }
    // Room for a line that just fits and its end, a fresh block, and the newline that the last line may lack.
    let room = LINE_BYTES_MAX + 1 + limits.block_bytes;
    buffer.resize(room + 1 + PADDING, 0);
    let mut carried = 0;
    let mut long: Option<LongLine> = None;
    let mut members = Vec::new();
    loop {
        let fresh = text.fill(&mut buffer[carried..][..limits.block_bytes], &mut members)?;
        if long.is_some() {
            keep_needed(&mut members, &buffer[carried..][..fresh]);
        }
        object.members_begin_after(&mut members);
        object.inflated(fresh as u64, limits.inflated_bytes)?;
        let is_last = fresh < limits.block_bytes;
        let mut end = carried + fresh;
        let mut start = 0;
        if is_last && end > 0 && buffer[end - 1] != b'\n' {
            buffer[end] = b'\n';
            end += 1;
        }
        if let Some(line) = &mut long {
            let newline = buffer[..end].iter().position(|&byte| byte == b'\n');
            line.bytes += newline.unwrap_or(end) as u64;
            start = newline.map_or(end, |at| at + 1);
            if newline.is_some() || is_last {
                object.long_line(&line.head, line.bytes)?;
                long = None;
            }
        }
        let lines_end = buffer[start..end].iter().rposition(|&byte| byte == b'\n').map_or(start, |at| start + at + 1);
        object.lines(&buffer[start..], lines_end - start)?;
        if is_last {
            return Ok(());
        }
        carried = end - lines_end;
        if carried > LINE_BYTES_MAX {
            let head = buffer[lines_end..end][..LINE_HEAD_BYTES].to_vec();
            long = Some(LongLine { head, bytes: carried as u64 });
            carried = 0;
        }
        buffer.copy_within(lines_end..lines_end + carried, 0);
    }
}

/// Reads a text of JSON, whose records keep to no lines, into `object`.
fn documents(mut text: Text, object: &mut Object, buffer: &mut Vec<u8>, limits: Limits) -> Result<(), Stop> {
    buffer.resize(buffer.len().max(limits.block_bytes), 0);
    loop {
        let fresh = text.fill(&mut buffer[..limits.block_bytes], &mut Vec::new())?;
        object.inflated(fresh as u64, limits.inflated_bytes)?;
        object.documents(&buffer[..fresh])?;
        if fresh < limits.block_bytes {
            return object.documents_end();
        }
    }
}
