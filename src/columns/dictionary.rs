//! Text to small integer and back, one table for each column of a task.
//!
//! Ids are given in the order of first sight, from 1; they depend on the input alone. 0 is null.
//!
//! Clever for speed: a text of up to 15 bytes is one 128-bit word that stands in the table itself, so that finding it
//! costs one cache line and no comparison of memory. Longer texts are found by hash and compared where they are kept.
//! The plain version that it is tested against is a `HashMap` (`tests.rs`).

use std::collections::HashMap;

use super::table::{LongTable, ShortTable, short_word};
use crate::schema::Table;

/// The id of a null text.
pub const NULL_TEXT: u32 = 0;

/// Readable bytes that [`Dictionary::intern_all`] needs after the start of every token.
pub const TEXT_PADDING: usize = 16;

/// Distinct texts of one column before all dictionaries of a task are cleared.
const TEXTS_PER_DICTIONARY_MAX: usize = 1 << 18;

/// Bytes of text in one dictionary before all are cleared.
const TEXT_BYTES_PER_DICTIONARY_MAX: usize = 16 << 20;

/// Longest text that is a word of the table. The sixteenth byte holds the length.
const SHORT_BYTES_MAX: usize = 15;

/// Tokens whose slots are asked of memory before the first of them is looked at.
const PREFETCHED: usize = 16;

/// The texts of one column.
#[derive(Debug)]
pub struct Dictionary {
    kept: Kept,
    short: ShortTable,
    long: LongTable,
}

/// Every text, one behind the other.
#[derive(Debug)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    /// End of each text in `bytes`; text `id` begins where text `id - 1` ends.
    ends: Vec<u32>,
}

impl Kept {
    pub(super) fn text(&self, id: u32) -> &[u8] {
        let at = id as usize;
        &self.bytes[self.ends[at - 1] as usize..self.ends[at] as usize]
    }

    fn push(&mut self, text: &[u8]) -> u32 {
        let id = self.ends.len() as u32;
        self.bytes.extend_from_slice(text);
        self.ends.push(u32::try_from(self.bytes.len()).expect("a dictionary is cleared long before 4 GiB"));
        id
    }
}

impl Default for Dictionary {
    fn default() -> Self {
        let kept = Kept { bytes: Vec::new(), ends: vec![0] };
        Dictionary { kept, short: ShortTable::default(), long: LongTable::default() }
    }
}

impl Dictionary {
    /// The id of `text`, a new one at first sight.
    pub fn intern(&mut self, text: &[u8]) -> u32 {
        if text.len() > SHORT_BYTES_MAX {
            return self.intern_long(text);
        }
        let mut padded = [0; 16];
        padded[..text.len()].copy_from_slice(text);
        let kept = &mut self.kept;
        self.short.find_or_insert(short_word(padded, text.len()), || kept.push(text))
    }

    /// Appends to `ids` the id of every token, given by its first byte and its end in `text`; tokens that are equal
    /// to `null` (at most 15 bytes) have [`NULL_TEXT`]. `text` goes on for [`TEXT_PADDING`] bytes after every start.
    pub fn intern_all(
        &mut self,
        text: &[u8],
        mut tokens: impl Iterator<Item = (usize, usize)>,
        null: &[u8],
        ids: &mut Vec<u32>,
    ) {
        assert!(null.len() <= SHORT_BYTES_MAX, "the text of null is a short one");
        let mut padded = [0; 16];
        padded[..null.len()].copy_from_slice(null);
        let null = short_word(padded, null.len());
        // Lines of one interface often stand together, and so do their long ids.
        let mut last: (&[u8], u32) = (&[], NULL_TEXT);
        let mut batch = [(0, 0, 0); PREFETCHED];
        loop {
            let mut filled = 0;
            for (place, (start, end)) in batch.iter_mut().zip(tokens.by_ref()) {
                let word: [u8; 16] = text[start..start + 16].try_into().expect("the slice has 16 bytes");
                let word = short_word(word, (end - start).min(SHORT_BYTES_MAX));
                self.short.prefetch(word);
                *place = (start, end, word);
                filled += 1;
            }
            ids.extend(batch[..filled].iter().map(|&(start, end, word)| {
                if end - start <= SHORT_BYTES_MAX {
                    if word == null {
                        return NULL_TEXT;
                    }
                    let kept = &mut self.kept;
                    return self.short.find_or_insert(word, || kept.push(&text[start..end]));
                }
                let token = &text[start..end];
                if !same(token, last.0) {
                    last = (token, self.intern_long(token));
                }
                last.1
            }));
            if filled < PREFETCHED {
                return;
            }
        }
    }

    fn intern_long(&mut self, text: &[u8]) -> u32 {
        let kept = &mut self.kept;
        self.long.find_or_insert(kept, text, |kept| kept.push(text))
    }

    /// The text of an id that [`Dictionary::intern`] gave since the last clear.
    pub fn text(&self, id: u32) -> &[u8] {
        self.kept.text(id)
    }

    /// One more than the largest id given.
    pub fn id_end(&self) -> usize {
        self.kept.ends.len()
    }

    fn is_full(&self) -> bool {
        self.kept.ends.len() > TEXTS_PER_DICTIONARY_MAX || self.kept.bytes.len() > TEXT_BYTES_PER_DICTIONARY_MAX
    }

    fn clear(&mut self) {
        self.kept.bytes.clear();
        self.kept.ends.truncate(1);
        self.short.clear();
        self.long.clear();
    }
}

/// Whether two texts are equal. Up to 32 bytes, which is the length of nearly all ids, without a call of `memcmp`.
#[inline]
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match (one.first_chunk::<16>(), one.last_chunk::<16>(), other.first_chunk::<16>(), other.last_chunk::<16>()) {
        (Some(a), Some(b), Some(c), Some(d)) if one.len() <= 32 => a == c && b == d,
        _ => one == other,
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
            dictionary.clear();
        }
    }
}
