//! What an object gave, as sums: equal for equal rows and set-aside lines, in whatever order they come.

use std::ops::AddAssign;

use crate::columns::Cells;
use crate::lake::RejectRecord;

/// What an object gave, or what files hold: sums that are equal for equal rows and lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Given {
    pub cells: Cells,
    /// A word of 128 bits for each set-aside line, added up.
    rejects: u128,
}

impl Given {
    pub fn add_reject(&mut self, record: &RejectRecord) {
        let text = serde_json::to_vec(record).expect("a record is plain data");
        let hash = blake3::hash(&text);
        let word = u128::from_le_bytes(hash.as_bytes()[..16].try_into().expect("a hash has 32 bytes"));
        self.rejects = self.rejects.wrapping_add(word);
    }
}

impl AddAssign for Given {
    fn add_assign(&mut self, other: Given) {
        self.cells += other.cells;
        self.rejects = self.rejects.wrapping_add(other.rejects);
    }
}
