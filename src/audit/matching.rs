//! What the ledger names held against what is there, for any number of names in bounded memory: an external hash join.
//!
//! ```text
//! named by the ledger ─┐                ┌─▶ bucket 0 ─▶ sorted ─▶ groups of one name
//! listed at a store ───┴─▶ by hash ─────┼─▶ bucket 1 ─▶ …
//!                                       └─▶ …            one bucket in memory at a time
//! ```
//!
//! Buckets that grow are written to files without a name, which vanish with the process.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::lake::object_hash;

const BUCKETS: usize = 256;
/// Bytes of a bucket before they are written to its file.
const HELD_BYTES_MAX: usize = 32 << 10;
/// Hash, side and length of what follows.
const HEAD_BYTES: usize = 16 + 1 + 4;

/// Where a name was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Side {
    /// A commit names it as converted, or as its data file.
    Committed,
    /// The ledger knows it in another way.
    Known,
    /// It was found in a listing.
    Listed,
}

/// One mention of a name. `note` is its text, or what leads to it.
#[derive(Debug, Clone, Copy)]
pub struct Mention<'a> {
    pub side: Side,
    pub note: &'a str,
}

#[derive(Default)]
struct Bucket {
    held: Vec<u8>,
    file: Option<File>,
}

pub struct Matching {
    folder: PathBuf,
    buckets: Vec<Bucket>,
}

impl Matching {
    pub fn new(folder: &Path) -> Matching {
        Matching { folder: folder.to_owned(), buckets: (0..BUCKETS).map(|_| Bucket::default()).collect() }
    }

    pub fn add(&mut self, side: Side, name: &str, note: &str) -> io::Result<()> {
        let hash = object_hash(name);
        let bucket = &mut self.buckets[usize::from(hash[0])];
        bucket.held.extend_from_slice(&hash);
        bucket.held.push(side as u8);
        bucket.held.extend_from_slice(&(note.len() as u32).to_le_bytes());
        bucket.held.extend_from_slice(note.as_bytes());
        if bucket.held.len() > HELD_BYTES_MAX {
            let file = match &mut bucket.file {
                Some(file) => file,
                None => bucket.file.insert(tempfile::tempfile_in(&self.folder)?),
            };
            file.write_all(&bucket.held)?;
            bucket.held.clear();
        }
        Ok(())
    }

    /// Hands on all mentions of each name together, committed ones first.
    pub fn groups(self, mut each: impl FnMut(&[Mention<'_>]) -> io::Result<()>) -> io::Result<()> {
        for bucket in self.buckets {
            let mut bytes = Vec::new();
            if let Some(mut file) = bucket.file {
                file.rewind()?;
                file.read_to_end(&mut bytes)?;
            }
            bytes.extend_from_slice(&bucket.held);
            let mut mentions = parse(&bytes);
            mentions.sort_unstable_by_key(|(hash, mention)| (*hash, mention.side));
            for group in mentions.chunk_by(|a, b| a.0 == b.0) {
                let group: Vec<Mention<'_>> = group.iter().map(|(_, mention)| *mention).collect();
                each(&group)?;
            }
        }
        Ok(())
    }
}

fn parse(mut bytes: &[u8]) -> Vec<(&[u8], Mention<'_>)> {
    let mut mentions = Vec::new();
    while bytes.len() >= HEAD_BYTES {
        let (head, rest) = bytes.split_at(HEAD_BYTES);
        let length = u32::from_le_bytes([head[17], head[18], head[19], head[20]]) as usize;
        let (note, rest) = rest.split_at(length);
        let side = match head[16] {
            0 => Side::Committed,
            1 => Side::Known,
            _ => Side::Listed,
        };
        let note = std::str::from_utf8(note).expect("it was written from a text");
        mentions.push((&head[..16], Mention { side, note }));
        bytes = rest;
    }
    mentions
}
