//! What is to be done, cut into tasks: the listed objects that the ledger does not know, and small files to be merged.
//!
//! ```text
//! listing ──▶ Spool ──▶ Listed ──▶ judge(Seen) ──▶ fresh ──▶ Finder (copies) ──▶ Gather ──▶ cut ──▶ tasks
//!                                            └──▶ changed (to be checked)
//! ```
//!
//! Of files that are in the lake, it says which are merged.
//!
//! Same objects, same tasks: nothing here looks at a clock, at threads or at memory.

mod copies;
mod cut;
mod small_files;
mod spool;

#[cfg(test)]
mod tests;

pub use copies::{Copies, Finder, First, Found, Hindered, Likeness, Nearest, nearest, same_checksum};
pub use cut::{Gather, OBJECTS_PER_PLAN_MAX, cut, take_back};
pub use small_files::{groups_of_small_files, may_be_small};
pub use spool::{Listed, Merge, Spool};

use crate::lake::{Seen, Standing};
use crate::source::Object;

/// What a listed object is to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// To be converted: never seen, or set aside and changed since, or set aside under another `--format`, or left out
    /// as a copy of what is not there.
    Fresh,
    /// Converted, and another version of it lies at the source now: to be checked.
    Changed,
    /// Converted, and unchanged since.
    Known,
    /// It has no byte, and nothing that it had is in the lake.
    Empty,
}

/// Holds a listed object against the ledger.
pub fn judge(object: &Object, seen: &Seen) -> Verdict {
    let fresh = if object.size == 0 { Verdict::Empty } else { Verdict::Fresh };
    let Some(known) = seen.get(&object.url) else { return fresh };
    let same_version = known.is_version(&object.version);
    match known.standing {
        Standing::Copy if !same_version || !seen.has_first_of(&object.url) => fresh,
        Standing::Aside | Standing::Skipped if !same_version || !known.same_format => fresh,
        Standing::Converted if !same_version => Verdict::Changed,
        _ => Verdict::Known,
    }
}
