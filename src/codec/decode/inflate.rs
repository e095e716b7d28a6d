//! Whole gzip objects in memory, inflated and checked before a single row is read from them.
//!
//! A safe skin over libdeflate, which is about 1.4 times as fast as a streaming inflater but wants the input and the
//! room for the output in one piece. The buffer is kept from object to object, and from task to task of one thread,
//! since fresh pages cost as much as the inflating.

use std::cell::Cell;
use std::ptr::NonNull;

use libdeflate_sys as sys;

use super::scan::PADDING;

/// Most that deflate can expand a byte of input; a trailer that promises more is lying.
const EXPANSION_MAX: usize = 1032;

/// Room for the text of an object whose trailer says nothing useful.
const ROOM_AT_FIRST: usize = 64 << 10;

/// What the buffer has after the text: the newline that the last line may lack, and the padding of a scan.
const AFTER: usize = 1 + PADDING;

thread_local! {
    /// The buffer of this thread's last inflater. Its content means nothing: every inflating begins with writing it.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The two bytes that every gzip member begins with.
pub const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// An inflater with its output buffer.
pub struct Inflater {
    handle: NonNull<sys::libdeflate_decompressor>,
    /// Inflated text, then at least [`AFTER`] bytes.
    buffer: Vec<u8>,
    /// Where the members after the first one begin in the text, of those that begin with a line.
    members: Vec<u64>,
}

// SAFETY: the decompressor is plain memory, owned by this value alone, and libdeflate keeps no state per thread.
unsafe impl Send for Inflater {}

impl Drop for Inflater {
    fn drop(&mut self) {
        // A thread that is ending has no use for it.
        let _ = BUFFER.try_with(|kept| kept.set(std::mem::take(&mut self.buffer)));
        // SAFETY: the handle came from `libdeflate_alloc_decompressor` and is freed only here.
        unsafe { sys::libdeflate_free_decompressor(self.handle.as_ptr()) }
    }
}

/// Why a gzip object was not inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotInflated {
    /// The text is longer than was asked for.
    TooLong,
    /// The object is not sound gzip: truncated, altered, or followed by other bytes.
    Corrupt,
}

impl Inflater {
    pub fn new() -> Inflater {
        // SAFETY: takes nothing; returns null only when memory is exhausted.
        let handle = unsafe { sys::libdeflate_alloc_decompressor() };
        let handle = NonNull::new(handle).expect("memory for an inflater (30 KB) is there");
        Inflater { handle, buffer: BUFFER.take(), members: Vec::new() }
    }

    /// Inflates all members of `body` and returns the text's length, at most `text_bytes_max`; the text is the
    /// beginning of [`Inflater::text_mut`].
    pub fn inflate(&mut self, body: &[u8], text_bytes_max: usize) -> Result<usize, NotInflated> {
        let promised = promised(body).min(text_bytes_max);
        if self.buffer.len() < promised + AFTER {
            // Nothing of the object before is wanted, and what was never written takes no memory.
            self.buffer = Vec::new();
        }
        self.make_room(promised, text_bytes_max);
        let (mut read, mut written) = (0, 0);
        self.members.clear();
        while read < body.len() {
            let room = self.buffer.len() - AFTER;
            match self.member(&body[read..], written, room.min(text_bytes_max)) {
                Ok(member) => {
                    if member.written > 0 && written > 0 {
                        self.members.push(written as u64);
                    }
                    read += member.read;
                    written += member.written;
                }
                Err(NotInflated::TooLong) if room < text_bytes_max => self.make_room(room * 2, text_bytes_max),
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    /// Where the members of the text after the first one begin, of those that are not empty.
    pub fn members(&self) -> &[u64] {
        &self.members
    }

    /// The buffer with the text at its beginning and room for a newline and [`PADDING`] bytes after it.
    pub fn text_mut(&mut self) -> &mut [u8] {
        &mut self.buffer
    }

    fn make_room(&mut self, text_bytes: usize, text_bytes_max: usize) {
        let bytes = text_bytes.max(ROOM_AT_FIRST).min(text_bytes_max) + AFTER;
        if self.buffer.is_empty() {
            self.buffer = vec![0; bytes];
        } else if self.buffer.len() < bytes {
            self.buffer.reserve_exact(bytes - self.buffer.len());
            self.buffer.resize(bytes, 0);
        }
    }

    /// Inflates the member that `body` begins with into the buffer from `from` to `to`.
    fn member(&mut self, body: &[u8], from: usize, to: usize) -> Result<Member, NotInflated> {
        let output = &mut self.buffer[from..to];
        let mut member = Member { read: 0, written: 0 };
        // SAFETY: the pointers and lengths are those of two live slices, the output is written nowhere else, and the
        // two results are written only on success, to integers that live longer than the call.
        let result = unsafe {
            sys::libdeflate_gzip_decompress_ex(
                self.handle.as_ptr(),
                body.as_ptr().cast(),
                body.len(),
                output.as_mut_ptr().cast(),
                output.len(),
                &mut member.read,
                &mut member.written,
            )
        };
        match result {
            sys::libdeflate_result_LIBDEFLATE_SUCCESS => Ok(member),
            sys::libdeflate_result_LIBDEFLATE_INSUFFICIENT_SPACE => Err(NotInflated::TooLong),
            _ => Err(NotInflated::Corrupt),
        }
    }
}

struct Member {
    read: usize,
    written: usize,
}

/// The length that the trailer of the last member gives: exact for an object of one member, and only a guess.
fn promised(body: &[u8]) -> usize {
    let trailer = body.last_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    (trailer as usize).min(body.len().saturating_mul(EXPANSION_MAX))
}
