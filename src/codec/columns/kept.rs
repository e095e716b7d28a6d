//! The texts of a dictionary, where they are kept.

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

    pub(super) fn push(&mut self, text: &[u8]) -> u32 {
        let id = self.ends.len() as u32;
        self.bytes.extend_from_slice(text);
        self.ends.push(u32::try_from(self.bytes.len()).expect("a dictionary is cleared long before 4 GiB"));
        id
    }

    /// Texts, and the null before them.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of all texts.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.truncate(1);
    }
}

impl Default for Kept {
    fn default() -> Self {
        Kept { bytes: Vec::new(), ends: vec![0] }
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
