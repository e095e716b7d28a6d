//! A socket that never hands on a message beyond a limit.
//!
//! A message says its length before its body. One that is too long is read to its end and thrown away, block by block,
//! and then reported as an error of the read: the stream behind it is sound, and the connection can go on. The first
//! message, from a client that nobody knows yet, is simply not read.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Longest message of a client, such as the text of a statement.
pub(super) const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Longest first message, as in Postgres.
const STARTUP_BYTES_MAX: usize = 10_000;

const BLOCK_BYTES: usize = 8 << 10;

/// A message was longer than the limit. Its body is gone, the stream behind it is sound.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("a message of {bytes} bytes is longer than the {MESSAGE_BYTES_MAX} that are read")]
pub(super) struct TooLong {
    pub(super) bytes: usize,
    /// The message's type, such as `Q` for a simple query.
    pub(super) kind: u8,
}

/// Where in the stream of messages we are.
#[derive(Debug)]
enum At {
    /// In a header: type and length, or the length alone in the first message.
    Header { first: bool },
    /// In a body that is handed on.
    Body { left: usize },
    /// In a body that is thrown away.
    Skip { left: usize, refused: TooLong },
}

pub(super) struct Guard<S> {
    stream: S,
    at: At,
    /// Bytes of an unfinished header.
    header: BytesMut,
    /// Bytes that may be handed on.
    passed: BytesMut,
    /// A message that was thrown away and not reported yet, and how many of the passed bytes come before it. There is
    /// one at most, since it is longer than a block.
    refused: Option<(usize, TooLong)>,
}

impl<S> Guard<S> {
    /// `ahead` are bytes that were read from the stream already; the guard hands them on first.
    pub(super) fn new(stream: S, ahead: &[u8]) -> io::Result<Guard<S>> {
        let at = At::Header { first: true };
        let mut guard = Guard { stream, at, header: BytesMut::new(), passed: BytesMut::new(), refused: None };
        guard.take(ahead)?;
        Ok(guard)
    }

    /// Sorts bytes from the stream into those that pass and those that do not.
    fn take(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match &mut self.at {
                At::Header { first } => {
                    let size = if *first { 4 } else { 5 };
                    let taken = bytes.len().min(size - self.header.len());
                    self.header.extend_from_slice(&bytes[..taken]);
                    bytes.advance(taken);
                    if self.header.len() == size {
                        self.at = judged(&self.header, *first)?;
                        if let At::Body { .. } = self.at {
                            self.passed.extend_from_slice(&self.header);
                        }
                        self.header.clear();
                    }
                }
                At::Body { left } => {
                    let taken = bytes.len().min(*left);
                    self.passed.extend_from_slice(&bytes[..taken]);
                    bytes.advance(taken);
                    *left -= taken;
                }
                At::Skip { left, .. } => {
                    let taken = bytes.len().min(*left);
                    bytes.advance(taken);
                    *left -= taken;
                }
            }
            match self.at {
                At::Body { left: 0 } => self.at = At::Header { first: false },
                At::Skip { left: 0, refused } => {
                    self.at = At::Header { first: false };
                    self.refused = Some((self.passed.len(), refused));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// What comes after a whole header.
fn judged(header: &[u8], first: bool) -> io::Result<At> {
    let (kind, length) = if first { (0, header) } else { (header[0], &header[1..]) };
    let length = u32::from_be_bytes(length.try_into().expect("a length has four bytes")) as usize;
    let body = length.checked_sub(4).ok_or(io::ErrorKind::InvalidData)?;
    match (first, body) {
        (true, body) if body > STARTUP_BYTES_MAX => Err(io::ErrorKind::InvalidData.into()),
        (false, body) if body > MESSAGE_BYTES_MAX => {
            Ok(At::Skip { left: body, refused: TooLong { bytes: body, kind } })
        }
        (_, body) => Ok(At::Body { left: body }),
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let guard = self.get_mut();
        while guard.passed.is_empty() && guard.refused.is_none() {
            let mut block = [0; BLOCK_BYTES];
            let mut block = ReadBuf::new(&mut block);
            ready!(Pin::new(&mut guard.stream).poll_read(context, &mut block))?;
            if block.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            guard.take(block.filled())?;
        }
        let mut passed = guard.passed.len().min(buffer.remaining());
        if let Some((before, refused)) = &mut guard.refused {
            if *before == 0 {
                let refused = *refused;
                guard.refused = None;
                return Poll::Ready(Err(io::Error::other(refused)));
            }
            passed = passed.min(*before);
            *before -= passed;
        }
        buffer.put_slice(&guard.passed[..passed]);
        guard.passed.advance(passed);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
