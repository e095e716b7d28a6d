//! Text to small integer and back, one table for each column of a task.
//!
//! Ids are given in the order of first sight, from 1; they depend on the input alone. 0 is null.
//!
//! Clever for speed: a text of up to 15 bytes (an IPv4 address) is one 128-bit word that stands in the table itself,
//! one of up to 47 (an id, an IPv6 address) is three, so that finding it costs one cache line and no call. Longer texts
//! are found by hash and compared where they are kept. Tokens come in batches, so that all slots of a batch are asked
//! of memory before the first is looked at. The plain version that it is tested against is a `HashMap` (`tests.rs`).

use std::collections::HashMap;
use std::sync::Arc;

use super::kept::Kept;
use super::table::{Inline, InlineTable, LongTable};
use crate::schema::Table;

/// The id of a null text.
pub const NULL_TEXT: u32 = 0;

/// Readable bytes that [`Dictionary::intern_all`] needs after the start of every token.
pub const TEXT_PADDING: usize = 48;

/// Distinct texts of one column before all dictionaries of a task are cleared. One of more than 15 bytes counts double,
/// as its slot does.
const TEXTS_PER_DICTIONARY_MAX: usize = 1 << 18;

/// Bytes of text in one dictionary before all are cleared.
const TEXT_BYTES_PER_DICTIONARY_MAX: usize = 16 << 20;

/// Texts of one word.
type Short = Inline<1>;

/// Texts of three words.
type Medium = Inline<3>;

/// Tokens whose slots are asked of memory before the first of them is looked at.
const BATCH: usize = 32;

/// The texts of one column.
#[derive(Debug, Default)]
pub struct Dictionary {
    kept: Kept,
    short: InlineTable<1>,
    medium: InlineTable<3>,
    long: LongTable,
}

impl Dictionary {
    /// The id of `text`, a new one at first sight.
    pub fn intern(&mut self, text: &[u8]) -> u32 {
        let kept = &mut self.kept;
        if let Some(short) = Short::of(text) {
            return self.short.find_or_insert(short, short.hash(), || kept.push(text));
        }
        if let Some(medium) = Medium::of(text) {
            return self.medium.find_or_insert(medium, medium.hash(), || kept.push(text));
        }
        self.long.find_or_insert(kept, text, |kept| kept.push(text))
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
        let null = Short::of(null).expect("the text of null is a short one");
        let mut last = (null, NULL_TEXT);
        let mut batch = [(0, 0); BATCH];
        loop {
            let mut filled = 0;
            let mut longest = 0;
            for (place, token) in batch.iter_mut().zip(tokens.by_ref()) {
                *place = token;
                longest = longest.max(token.1 - token.0);
                filled += 1;
            }
            let tokens = &batch[..filled];
            if longest <= Short::BYTES_MAX {
                self.short_batch(text, tokens, null, &mut last, ids);
            } else if longest <= Medium::BYTES_MAX {
                self.medium_batch(text, tokens, null, ids);
            } else {
                let is_null = |token: &[u8]| Short::of(token) == Some(null);
                ids.extend(tokens.iter().map(|&(start, end)| {
                    let token = &text[start..end];
                    if is_null(token) { NULL_TEXT } else { self.intern(token) }
                }));
            }
            if filled < BATCH {
                return;
            }
        }
    }

    /// Tokens of at most 15 bytes. `last` is one of them with its id, for columns that hardly ever change.
    #[inline]
    fn short_batch(
        &mut self,
        text: &[u8],
        tokens: &[(usize, usize)],
        null: Short,
        last: &mut (Short, u32),
        ids: &mut Vec<u32>,
    ) {
        let mut shorts = [Short::default(); BATCH];
        let mut are_last = true;
        for (short, &(start, end)) in shorts.iter_mut().zip(tokens) {
            *short = Short::of_padded(text, start, end);
            are_last &= *short == last.0;
        }
        if are_last {
            ids.extend(std::iter::repeat_n(last.1, tokens.len()));
            return;
        }
        let hashes = shorts.map(|short| short.hash());
        for &hash in &hashes[..tokens.len()] {
            self.short.prefetch(hash);
        }
        let kept = &mut self.kept;
        for ((&short, hash), &(start, end)) in shorts.iter().zip(hashes).zip(tokens) {
            let id = if short == null {
                NULL_TEXT
            } else {
                self.short.find_or_insert(short, hash, || kept.push(&text[start..end]))
            };
            ids.push(id);
            *last = (short, id);
        }
    }

    /// Tokens of at most 47 bytes.
    #[inline]
    fn medium_batch(&mut self, text: &[u8], tokens: &[(usize, usize)], null: Short, ids: &mut Vec<u32>) {
        let mut mediums = [Medium::default(); BATCH];
        let mut hashes = [0; BATCH];
        for ((medium, hash), &(start, end)) in mediums.iter_mut().zip(&mut hashes).zip(tokens) {
            *medium = Medium::of_padded(text, start, end);
            *hash = medium.hash();
            self.medium.prefetch(*hash);
        }
        let kept = &mut self.kept;
        for ((&medium, hash), &(start, end)) in mediums.iter().zip(hashes).zip(tokens) {
            if end - start > Short::BYTES_MAX {
                ids.push(self.medium.find_or_insert(medium, hash, || kept.push(&text[start..end])));
                continue;
            }
            let short = Short::of_padded(text, start, end);
            ids.push(if short == null {
                NULL_TEXT
            } else {
                self.short.find_or_insert(short, short.hash(), || kept.push(&text[start..end]))
            });
        }
    }

    /// The text of an id that [`Dictionary::intern`] gave since the last clear.
    pub fn text(&self, id: u32) -> &[u8] {
        self.kept.text(id)
    }

    /// One more than the largest id given.
    pub fn id_end(&self) -> usize {
        self.kept.len()
    }

    fn is_full(&self) -> bool {
        let texts = self.kept.len() + self.medium.len();
        texts > TEXTS_PER_DICTIONARY_MAX || self.kept.bytes() > TEXT_BYTES_PER_DICTIONARY_MAX
    }

    fn clear(&mut self) {
        self.kept.clear();
        self.short.clear();
        self.medium.clear();
        self.long.clear();
    }
}

/// The dictionaries of a task, found by table and column name once for each layout, then by slot.
#[derive(Debug, Default)]
pub struct Dictionaries {
    slots: HashMap<(Table, String), usize>,
    all: Vec<Dictionary>,
    /// Another one after each clear, and in each set of dictionaries.
    era: Arc<()>,
}

impl Dictionaries {
    /// The slot of a column's dictionary; it stays the same for the life of the task. Columns that have the same values
    /// have one slot: an address is met as source and as destination, and is then found in one place in the cache.
    pub fn slot(&mut self, table: Table, column: &str) -> usize {
        let shared = table.rows.shared;
        let column = if shared.contains(&column) { shared[0] } else { column };
        if let Some(&slot) = self.slots.get(&(table, column.to_owned())) {
            return slot;
        }
        self.all.push(Dictionary::default());
        self.slots.insert((table, column.to_owned()), self.all.len() - 1);
        self.all.len() - 1
    }

    /// The dictionary of a slot, as [`Dictionaries::slot`] gave it; another number panics.
    pub fn get(&self, slot: usize) -> &Dictionary {
        &self.all[slot]
    }

    /// The same, to add texts to it.
    pub fn get_mut(&mut self, slot: usize) -> &mut Dictionary {
        &mut self.all[slot]
    }

    /// Whether one of them has grown past its limit, and all must be cleared before the next chunk.
    pub fn are_full(&self) -> bool {
        self.all.iter().any(Dictionary::is_full)
    }

    /// What the ids are of: the same one as long as an id means the same text.
    pub(super) fn era(&self) -> &Arc<()> {
        &self.era
    }

    /// Forgets every text; slots stay, ids begin again at 1.
    pub fn clear(&mut self) {
        self.era = Arc::default();
        for dictionary in &mut self.all {
            dictionary.clear();
        }
    }
}
