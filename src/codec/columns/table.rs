//! Open-addressing tables from text to id: one kind for texts that stand in the table, one for longer texts.
//!
//! Both have a power of two of slots, at most half of them taken, and are probed one slot after the other. Nothing is
//! ever removed. An id of 0 marks a free slot. The hash has no random seed: ids must depend on the input alone.

use super::kept::{Kept, same};

const SLOTS_AT_FIRST: usize = 64;

/// Odd constants with well mixed bits (the fractional digits of pi, as in wyhash and its kin).
const MIX_LOW: u64 = 0x2d35_8dcc_aa6c_78a5;
const MIX_HIGH: u64 = 0x8bb8_4b93_962e_acc9;

/// A text that is small enough to stand in a table: its bytes, zeros, and its length in the last byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inline<const WORDS: usize>([u128; WORDS]);

impl<const WORDS: usize> PartialEq for Inline<WORDS> {
    /// Word by word: the derived one calls `memcmp`.
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).fold(0, |differing, (one, other)| differing | (one ^ other)) == 0
    }
}

impl<const WORDS: usize> Default for Inline<WORDS> {
    fn default() -> Self {
        Inline([0; WORDS])
    }
}

impl<const WORDS: usize> Inline<WORDS> {
    /// Longest text of this kind.
    pub(super) const BYTES_MAX: usize = 16 * WORDS - 1;

    /// Of `text[start..end]`, at most [`Inline::BYTES_MAX`] bytes. `text` goes on for `16 * WORDS` bytes from `start`.
    #[inline(always)]
    pub(super) fn of_padded(text: &[u8], start: usize, end: usize) -> Inline<WORDS> {
        let mut words = [0; WORDS];
        let bytes = end - start;
        let text = &text[start..start + 16 * WORDS];
        let kept = &KEPT[bytes];
        for ((word, text), kept) in words.iter_mut().zip(text.as_chunks().0).zip(kept) {
            *word = u128::from_le_bytes(*text) & kept;
        }
        words[WORDS - 1] |= (bytes as u128) << 120;
        Inline(words)
    }

    /// Of a whole text, which may be too long for this kind.
    pub(super) fn of(text: &[u8]) -> Option<Inline<WORDS>> {
        let mut padded = [0; INLINE_BYTES_END];
        padded.get_mut(..text.len()).filter(|_| text.len() <= Self::BYTES_MAX)?.copy_from_slice(text);
        Some(Inline::of_padded(&padded, 0, text.len()))
    }

    #[inline(always)]
    pub(super) fn hash(&self) -> u64 {
        self.0.iter().fold(0, |hash, word| fold(*word as u64 ^ hash, (word >> 64) as u64))
    }
}

/// One more than the length of the longest inline text.
const INLINE_BYTES_END: usize = 48;

/// For each length, what is kept of the words of a text.
static KEPT: [[u128; 3]; INLINE_BYTES_END] = {
    let mut kept = [[0; 3]; INLINE_BYTES_END];
    let mut bytes = 0;
    while bytes < INLINE_BYTES_END {
        let mut word = 0;
        while word < 3 {
            let of_word = bytes.saturating_sub(16 * word);
            kept[bytes][word] = if of_word >= 16 { u128::MAX } else { (1 << (8 * of_word)) - 1 };
            word += 1;
        }
        bytes += 1;
    }
    kept
};

/// A full 64 x 64 bit product folded in half: every bit of the word reaches every bit of the hash.
#[inline(always)]
fn fold(low: u64, high: u64) -> u64 {
    let product = u128::from(low ^ MIX_LOW) * u128::from(high ^ MIX_HIGH);
    (product as u64) ^ ((product >> 64) as u64)
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

/// One slot: two of a single word fill a cache line, or one of three words.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(32))]
struct Slot<const WORDS: usize> {
    text: Inline<WORDS>,
    id: u32,
}

/// Texts that stand in the table itself.
#[derive(Debug)]
pub(super) struct InlineTable<const WORDS: usize> {
    slots: Vec<Slot<WORDS>>,
    taken: usize,
}

impl<const WORDS: usize> Default for InlineTable<WORDS> {
    fn default() -> Self {
        InlineTable { slots: Vec::new(), taken: 0 }
    }
}

impl<const WORDS: usize> InlineTable<WORDS> {
    /// Asks memory for the slot of a hash, without waiting for it.
    #[inline(always)]
    pub(super) fn prefetch(&self, hash: u64) {
        #[cfg(target_arch = "x86_64")]
        if let Some(slot) = self.slots.get(hash as usize & self.slots.len().wrapping_sub(1)) {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: SSE is part of x86-64, the address is that of a live slot, and a prefetch reads nothing.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(slot).cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = hash;
    }

    /// The id of `text`, whose hash is `hash`; that of `insert` at first sight.
    #[inline(always)]
    pub(super) fn find_or_insert(&mut self, text: Inline<WORDS>, hash: u64, insert: impl FnOnce() -> u32) -> u32 {
        let last = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize;
        // An empty table has no slot at all, and `get` then ends the search.
        while let Some(slot) = self.slots.get(at & last) {
            if slot.text == text && slot.id != 0 {
                return slot.id;
            }
            if slot.id == 0 {
                break;
            }
            at += 1;
        }
        let id = insert();
        self.insert(text, id);
        id
    }

    #[cold]
    fn insert(&mut self, text: Inline<WORDS>, id: u32) {
        if (self.taken + 1) * 2 > self.slots.len() {
            let larger = (self.slots.len() * 2).max(SLOTS_AT_FIRST);
            let old = std::mem::replace(&mut self.slots, vec![Slot::default(); larger]);
            for slot in old.into_iter().filter(|slot| slot.id != 0) {
                self.place(slot);
            }
        }
        self.taken += 1;
        self.place(Slot { text, id });
    }

    fn place(&mut self, slot: Slot<WORDS>) {
        let last = self.slots.len() - 1;
        let mut at = slot.text.hash() as usize & last;
        while self.slots[at].id != 0 {
            at = (at + 1) & last;
        }
        self.slots[at] = slot;
    }

    /// Texts in the table.
    pub(super) fn len(&self) -> usize {
        self.taken
    }

    pub(super) fn clear(&mut self) {
        self.slots.fill(Slot::default());
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
