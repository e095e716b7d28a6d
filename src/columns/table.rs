//! Open-addressing tables from text to id: one for texts that are a word, one for longer texts.
//!
//! Both have a power of two of slots, at most half of them taken, and are probed one slot after the other. Nothing is
//! ever removed. An id of 0 marks a free slot. The hash has no random seed: ids must depend on the input alone.

use super::dictionary::{Kept, same};

const SLOTS_AT_FIRST: usize = 64;

/// Odd constants with well mixed bits (the fractional digits of pi, as in wyhash and its kin).
const MIX_LOW: u64 = 0x2d35_8dcc_aa6c_78a5;
const MIX_HIGH: u64 = 0x8bb8_4b93_962e_acc9;

/// The word of a text of up to 15 bytes: its bytes, zeros, and its length in the last byte. Bytes of `text` after
/// `bytes` do not matter.
#[inline]
pub(super) fn short_word(text: [u8; 16], bytes: usize) -> u128 {
    let (mask, length) = WORD_PARTS[bytes];
    (u128::from_le_bytes(text) & mask) | length
}

/// For each length, what is kept of 16 bytes and what is added: shifting 128 bits takes longer than a look here.
static WORD_PARTS: [(u128, u128); 16] = {
    let mut parts = [(0, 0); 16];
    let mut bytes = 0;
    while bytes < 16 {
        parts[bytes] = ((1 << (8 * bytes)) - 1, (bytes as u128) << 120);
        bytes += 1;
    }
    parts
};

/// A full 64 x 64 bit product folded in half: every bit of the word reaches every bit of the hash.
#[inline]
fn fold(low: u64, high: u64) -> u64 {
    let product = u128::from(low ^ MIX_LOW) * u128::from(high ^ MIX_HIGH);
    (product as u64) ^ ((product >> 64) as u64)
}

#[inline]
fn hash_word(word: u128) -> u64 {
    fold(word as u64, (word >> 64) as u64)
}

/// Of a text of at least 16 bytes: all whole words, then the last 16 bytes, which may overlap them.
#[inline]
fn hash_long(text: &[u8]) -> u64 {
    let mut hash = text.len() as u64;
    let (words, _) = text.as_chunks::<16>();
    for word in words.iter().chain(text.last_chunk::<16>()) {
        let word = u128::from_le_bytes(*word);
        hash = fold(word as u64 ^ hash, (word >> 64) as u64);
    }
    hash
}

/// One slot, of which two fill a cache line.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(32))]
struct Word {
    word: u128,
    id: u32,
}

/// Texts that are a word.
#[derive(Debug, Default)]
pub(super) struct ShortTable {
    slots: Vec<Word>,
    taken: usize,
}

impl ShortTable {
    /// Asks memory for the slot of `word`, without waiting for it.
    #[inline]
    pub(super) fn prefetch(&self, word: u128) {
        #[cfg(target_arch = "x86_64")]
        if let Some(slot) = self.slots.get(hash_word(word) as usize & self.slots.len().wrapping_sub(1)) {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: SSE is part of x86-64, the address is that of a live slot, and a prefetch reads nothing.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(slot).cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = word;
    }

    /// The id of `word`, that of `insert` at first sight.
    #[inline]
    pub(super) fn find_or_insert(&mut self, word: u128, insert: impl FnOnce() -> u32) -> u32 {
        let last = self.slots.len().wrapping_sub(1);
        let mut at = hash_word(word) as usize;
        // An empty table has no slot at all, and `get` then ends the search.
        while let Some(slot) = self.slots.get(at & last) {
            if slot.id == 0 {
                break;
            }
            if slot.word == word {
                return slot.id;
            }
            at += 1;
        }
        let id = insert();
        self.insert(word, id);
        id
    }

    #[cold]
    fn insert(&mut self, word: u128, id: u32) {
        if (self.taken + 1) * 2 > self.slots.len() {
            let larger = (self.slots.len() * 2).max(SLOTS_AT_FIRST);
            let old = std::mem::replace(&mut self.slots, vec![Word::default(); larger]);
            for slot in old.into_iter().filter(|slot| slot.id != 0) {
                self.place(slot);
            }
        }
        self.taken += 1;
        self.place(Word { word, id });
    }

    fn place(&mut self, slot: Word) {
        let last = self.slots.len() - 1;
        let mut at = hash_word(slot.word) as usize & last;
        while self.slots[at].id != 0 {
            at = (at + 1) & last;
        }
        self.slots[at] = slot;
    }

    pub(super) fn clear(&mut self) {
        self.slots.fill(Word::default());
        self.taken = 0;
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Hashed {
    hash: u64,
    id: u32,
}

/// Longer texts: their hashes, and their bytes where the dictionary keeps them.
#[derive(Debug, Default)]
pub(super) struct LongTable {
    slots: Vec<Hashed>,
    taken: usize,
}

impl LongTable {
    /// The id of `text`, of 16 bytes or more; that of `insert` at first sight.
    #[inline]
    pub(super) fn find_or_insert(
        &mut self,
        kept: &mut Kept,
        text: &[u8],
        insert: impl FnOnce(&mut Kept) -> u32,
    ) -> u32 {
        let hash = hash_long(text);
        let last = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize;
        while let Some(slot) = self.slots.get(at & last) {
            if slot.id == 0 {
                break;
            }
            if slot.hash == hash && same(kept.text(slot.id), text) {
                return slot.id;
            }
            at += 1;
        }
        let id = insert(kept);
        self.insert(hash, id);
        id
    }

    #[cold]
    fn insert(&mut self, hash: u64, id: u32) {
        if (self.taken + 1) * 2 > self.slots.len() {
            let larger = (self.slots.len() * 2).max(SLOTS_AT_FIRST);
            let old = std::mem::replace(&mut self.slots, vec![Hashed::default(); larger]);
            for slot in old.into_iter().filter(|slot| slot.id != 0) {
                self.place(slot);
            }
        }
        self.taken += 1;
        self.place(Hashed { hash, id });
    }

    fn place(&mut self, slot: Hashed) {
        let last = self.slots.len() - 1;
        let mut at = slot.hash as usize & last;
        while self.slots[at].id != 0 {
            at = (at + 1) & last;
        }
        self.slots[at] = slot;
    }

    pub(super) fn clear(&mut self) {
        self.slots.fill(Hashed::default());
        self.taken = 0;
    }
}
