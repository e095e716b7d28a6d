//! Rows that wait for a writer: more partitions are begun than may be open, so theirs are set aside in one file.
//!
//! ```text
//! rows ──▶ one buffer a partition ──(all of them, when they pass the limit)──▶ blocks in the spill file
//!                                          at the end, partition after partition: its blocks ──▶ rows
//! ```
//!
//! A block is a row of frames; a frame holds rows of one chunk and one object, column after column, texts in full since
//! the ids of a task's dictionary do not live long enough. Every byte is written once and read once.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::sync::Arc;

use super::group::Rows;
use super::shape::Shape;
use crate::columns::{Dictionaries, NULL_TEXT, Values};

/// Rows set aside for one partition.
#[derive(Debug, Default)]
struct Entry {
    buffer: Vec<u8>,
    /// Where its blocks lie in the file.
    blocks: Vec<Range<u64>>,
}

/// Everything that was set aside in a task.
pub struct Spill<F> {
    file: F,
    length: u64,
    entries: Vec<Entry>,
    buffered: usize,
    buffered_max: usize,
}

/// The length of a null text.
const NULL_LENGTH: u32 = u32::MAX;

impl<F: Read + Write + Seek> Spill<F> {
    pub fn new(file: F, buffered_max: usize) -> Spill<F> {
        Spill { file, length: 0, entries: Vec::new(), buffered: 0, buffered_max }
    }

    /// A place for one more partition; they are numbered from 0.
    pub fn add_entry(&mut self) -> usize {
        self.entries.push(Entry::default());
        self.entries.len() - 1
    }

    /// Sets rows aside. `object` is the number of their object within the task.
    pub fn push(&mut self, entry: usize, rows: &Rows, range: Range<usize>, object: u32) -> io::Result<()> {
        let buffer = &mut self.entries[entry].buffer;
        let before = buffer.len();
        write_frame(buffer, rows, range, object);
        self.buffered += buffer.len() - before;
        if self.buffered > self.buffered_max {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        for entry in self.entries.iter_mut().filter(|entry| !entry.buffer.is_empty()) {
            self.file.write_all(&entry.buffer)?;
            let end = self.length + entry.buffer.len() as u64;
            entry.blocks.push(self.length..end);
            self.length = end;
            // Memory is given back: with thousands of partitions, kept buffers would add up past the limit.
            entry.buffer = Vec::new();
        }
        self.buffered = 0;
        Ok(())
    }

    /// The blocks of a partition in the order of their rows; the last one may never have left memory.
    pub fn blocks(&mut self, entry: usize) -> (Vec<Range<u64>>, Vec<u8>) {
        let entry = std::mem::take(&mut self.entries[entry]);
        self.buffered -= entry.buffer.len();
        (entry.blocks, entry.buffer)
    }

    pub fn read(&mut self, block: Range<u64>) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; (block.end - block.start) as usize];
        self.file.seek(SeekFrom::Start(block.start))?;
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

fn write_frame(out: &mut Vec<u8>, rows: &Rows, range: Range<usize>, object: u32) {
    out.extend_from_slice(&object.to_le_bytes());
    out.extend_from_slice(&(range.len() as u32).to_le_bytes());
    for &source in rows.sources {
        match &rows.values[source] {
            Values::Int(values) => write_ints(out, &values[range.clone()]),
            Values::Array(_) => unreachable!("only rows of direct shapes are set aside"),
            Values::Text(ids) => {
                let dictionary = rows.dictionaries.get(rows.slots[source]);
                for &id in &ids[range.clone()] {
                    if id == NULL_TEXT {
                        out.extend_from_slice(&NULL_LENGTH.to_le_bytes());
                        continue;
                    }
                    let text = dictionary.text(id);
                    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
                    out.extend_from_slice(text);
                }
            }
        }
    }
    write_ints(out, &rows.lines[range]);
}

fn write_ints(out: &mut Vec<u8>, values: &[i64]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

/// Frames of one partition read back, with dictionaries of their own.
pub struct Frames {
    shape: Arc<Shape>,
    pub dictionaries: Dictionaries,
    pub values: Vec<Values>,
    pub slots: Vec<usize>,
    pub lines: Vec<i64>,
}

impl Frames {
    pub fn new(shape: Arc<Shape>) -> Frames {
        let mut dictionaries = Dictionaries::default();
        let slot = |column: &crate::schema::Column| dictionaries.slot(shape.table, &column.name);
        let slots = shape.log_columns().iter().map(slot).collect();
        let values = shape.log_columns().iter().map(|column| Values::none(column.kind)).collect();
        Frames { shape, dictionaries, values, slots, lines: Vec::new() }
    }

    /// Replaces the rows by those of the first frame of `block`, and takes it off. Gives the number of their object.
    pub fn next(&mut self, block: &mut &[u8]) -> Option<u32> {
        if block.is_empty() {
            return None;
        }
        let object = take_u32(block);
        let rows = take_u32(block) as usize;
        for (at, values) in self.values.iter_mut().enumerate() {
            match values {
                Values::Int(values) => read_ints(values, block, rows),
                Values::Array(_) => unreachable!("only rows of direct shapes are set aside"),
                Values::Text(ids) => {
                    ids.clear();
                    let dictionary = self.dictionaries.get_mut(self.slots[at]);
                    for _ in 0..rows {
                        let length = take_u32(block);
                        ids.push(match length {
                            NULL_LENGTH => NULL_TEXT,
                            _ => dictionary.intern(take(block, length as usize)),
                        });
                    }
                }
            }
        }
        read_ints(&mut self.lines, block, rows);
        debug_assert_eq!(self.values.len(), self.shape.log_columns().len());
        Some(object)
    }
}

fn read_ints(values: &mut Vec<i64>, block: &mut &[u8], rows: usize) {
    let (ints, _) = take(block, rows * size_of::<i64>()).as_chunks();
    values.clear();
    values.extend(ints.iter().map(|&bytes| i64::from_le_bytes(bytes)));
}

fn take_u32(block: &mut &[u8]) -> u32 {
    let (bytes, rest) = block.split_first_chunk().expect("a block holds whole frames, as they were written");
    *block = rest;
    u32::from_le_bytes(*bytes)
}

fn take<'a>(block: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (bytes, rest) = block.split_at(length);
    *block = rest;
    bytes
}
