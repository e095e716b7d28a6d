//! What the ledger says of each partition, kept on scratch until the partition is proven: its live data files, and what
//! objects gave to it.
//!
//! ```text
//! commits ─▶ notes held in memory, by partition ─▶ blocks of one unnamed file ─▶ notes of one partition
//!                                                  each names the one before
//! ```
//!
//! In memory are a bounded number of notes and some hundred bytes a partition. Notes come back in no promised order.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::sums::Sums;
use crate::lake::{DataFile, Names, Relative, TaskRef};
use crate::schema::Table;

/// Bytes of notes of all partitions that are held before they are written.
const HELD_BYTES_MAX: usize = 8 << 20;
/// Place and length of the block before.
const HEAD_BYTES: usize = 16;

/// A live data file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LiveFile {
    pub task: TaskRef,
    /// Its place in the commit.
    pub ordinal: usize,
    /// It lies where the files of a redo wait for their seal.
    pub waits: bool,
    pub record: DataFile,
}

impl LiveFile {
    /// Where it lies.
    pub fn path(&self) -> Relative {
        if self.waits { Names::waiting(&self.record.path) } else { self.record.path.clone() }
    }
}

/// What an object gave to a partition, by its receipt.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Part {
    pub object: String,
    /// Lines of the whole object; `None` if the receipt's numbers cannot be believed.
    pub lines: Option<u64>,
    pub sums: Sums,
    /// Lines that were set aside, from 0, each a begin and an end.
    pub set_aside: Vec<(u64, u64)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Note {
    File(LiveFile),
    Part(Part),
}

#[derive(Debug, Clone, Copy)]
struct Block {
    at: u64,
    length: u64,
}

#[derive(Default)]
struct Noted {
    held: Vec<u8>,
    last: Option<Block>,
    parts: u64,
    part_bytes: u64,
}

pub struct Notes {
    folder: PathBuf,
    held_bytes: usize,
    held_bytes_max: usize,
    file: Option<File>,
    end: u64,
    partitions: BTreeMap<(Table, String), Noted>,
}

impl Notes {
    pub fn new(folder: &Path) -> Notes {
        let (held_bytes_max, partitions) = (HELD_BYTES_MAX, BTreeMap::new());
        Notes { folder: folder.to_owned(), held_bytes: 0, held_bytes_max, file: None, end: 0, partitions }
    }

    /// With less memory, for tests.
    #[cfg(test)]
    pub fn holding(held_bytes_max: usize, folder: &Path) -> Notes {
        Notes { held_bytes_max, ..Notes::new(folder) }
    }

    pub fn add(&mut self, table: Table, partition: &str, note: &Note) -> io::Result<()> {
        let noted = self.partitions.entry((table, partition.to_owned())).or_default();
        let before = noted.held.len();
        serde_json::to_writer(&mut noted.held, note)?;
        noted.held.push(b'\n');
        let bytes = noted.held.len() - before;
        if matches!(note, Note::Part(_)) {
            noted.parts += 1;
            noted.part_bytes += bytes as u64;
        }
        self.held_bytes += bytes;
        if self.held_bytes > self.held_bytes_max { self.write() } else { Ok(()) }
    }

    /// Writes what is held, a block for each partition.
    fn write(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile_in(&self.folder)?),
        };
        let mut out = io::BufWriter::new(file);
        for noted in self.partitions.values_mut().filter(|noted| !noted.held.is_empty()) {
            let held = std::mem::take(&mut noted.held);
            // No block has the length 0.
            let before = noted.last.unwrap_or(Block { at: 0, length: 0 });
            out.write_all(&before.at.to_le_bytes())?;
            out.write_all(&before.length.to_le_bytes())?;
            out.write_all(&held)?;
            noted.last = Some(Block { at: self.end, length: held.len() as u64 });
            self.end += (HEAD_BYTES + held.len()) as u64;
        }
        self.held_bytes = 0;
        out.flush()
    }

    /// The partitions in their order, to be read on any thread.
    pub fn partitions(self) -> impl Iterator<Item = Partition> {
        let file = self.file.map(Arc::new);
        self.partitions.into_iter().map(move |((table, name), noted)| Partition {
            table,
            name,
            noted,
            file: file.clone(),
        })
    }
}

/// One partition and all that was noted of it.
pub struct Partition {
    pub table: Table,
    /// Such as `date=2023-09-14`.
    pub name: String,
    noted: Noted,
    file: Option<Arc<File>>,
}

impl Partition {
    /// Notes of parts, and their bytes.
    pub fn parts(&self) -> (u64, u64) {
        (self.noted.parts, self.noted.part_bytes)
    }

    pub fn read(&self, mut each: impl FnMut(Note)) -> io::Result<()> {
        let mut parse = |bytes: &[u8]| {
            for line in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
                each(serde_json::from_slice(line)?);
            }
            Ok::<_, io::Error>(())
        };
        parse(&self.noted.held)?;
        let (mut next, mut bytes) = (self.noted.last, Vec::new());
        while let (Some(Block { at, length }), Some(file)) = (next, &self.file) {
            bytes.resize(HEAD_BYTES + length as usize, 0);
            file.read_exact_at(&mut bytes, at)?;
            let (head, notes) = bytes.split_at(HEAD_BYTES);
            let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("a number has 8 bytes"));
            let before = Block { at: number(&head[..8]), length: number(&head[8..]) };
            next = (before.length > 0).then_some(before);
            parse(notes)?;
        }
        Ok(())
    }
}
