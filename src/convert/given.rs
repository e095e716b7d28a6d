//! What an object gave, as sums: equal for equal rows and set-aside lines, in whatever order they come.

use crate::columns::Cells;
use crate::lake::RejectRecord;

/// What an object gave: sums that are equal for equal rows and lines, in whatever order they come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Given {
    pub cells: Cells,
    pub rejects: u128,
}

/// A word of 128 bits for a set-aside line, to be added up.
pub(super) fn sum_of(record: &RejectRecord) -> u128 {
    let text = serde_json::to_vec(record).expect("a record is plain data");
    let hash = blake3::hash(&text);
    u128::from_le_bytes(hash.as_bytes()[..16].try_into().expect("a hash has 32 bytes"))
}
