//! Text to small integer and back, one table for each column of a task.
//!
//! Ids are given in the order of first sight, from 1; they depend on the input alone. 0 is null.

use std::collections::HashMap;

use crate::schema::Table;

/// The id of a null text.
pub const NULL_TEXT: u32 = 0;

/// Distinct texts of one column before all dictionaries of a task are cleared.
const TEXTS_PER_DICTIONARY_MAX: usize = 1 << 18;

/// Bytes of text in one dictionary before all are cleared.
const TEXT_BYTES_PER_DICTIONARY_MAX: usize = 16 << 20;

/// The texts of one column.
#[derive(Debug)]
pub struct Dictionary {
    bytes: Vec<u8>,
    /// End of each text in `bytes`; text `id` begins where text `id - 1` ends.
    ends: Vec<u32>,
    ids: HashMap<Box<[u8]>, u32>,
}

impl Default for Dictionary {
    fn default() -> Self {
        Dictionary { bytes: Vec::new(), ends: vec![0], ids: HashMap::new() }
    }
}

impl Dictionary {
    /// The id of `text`, a new one at first sight.
    pub fn intern(&mut self, text: &[u8]) -> u32 {
        if let Some(&id) = self.ids.get(text) {
            return id;
        }
        let id = self.ends.len() as u32;
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len() as u32);
        self.ids.insert(text.into(), id);
        id
    }

    /// The text of an id that [`Dictionary::intern`] gave since the last clear.
    pub fn text(&self, id: u32) -> &[u8] {
        let at = id as usize;
        &self.bytes[self.ends[at - 1] as usize..self.ends[at] as usize]
    }

    /// One more than the largest id given.
    pub fn id_end(&self) -> usize {
        self.ends.len()
    }

    fn is_full(&self) -> bool {
        self.ends.len() > TEXTS_PER_DICTIONARY_MAX || self.bytes.len() > TEXT_BYTES_PER_DICTIONARY_MAX
    }
}

/// The dictionaries of a task, found by table and column name once for each layout, then by slot.
#[derive(Debug, Default)]
pub struct Dictionaries {
    slots: HashMap<(Table, String), usize>,
    all: Vec<Dictionary>,
}

impl Dictionaries {
    /// The slot of a column's dictionary; it stays the same for the life of the task.
    pub fn slot(&mut self, table: Table, column: &str) -> usize {
        if let Some(&slot) = self.slots.get(&(table, column.to_owned())) {
            return slot;
        }
        self.all.push(Dictionary::default());
        self.slots.insert((table, column.to_owned()), self.all.len() - 1);
        self.all.len() - 1
    }

    pub fn get(&self, slot: usize) -> &Dictionary {
        &self.all[slot]
    }

    pub fn get_mut(&mut self, slot: usize) -> &mut Dictionary {
        &mut self.all[slot]
    }

    /// Whether one of them has grown past its limit, and all must be cleared before the next chunk.
    pub fn are_full(&self) -> bool {
        self.all.iter().any(Dictionary::is_full)
    }

    /// Forgets every text; slots stay, ids begin again at 1.
    pub fn clear(&mut self) {
        for dictionary in &mut self.all {
            *dictionary = Dictionary::default();
        }
    }
}
