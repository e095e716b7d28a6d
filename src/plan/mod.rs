//! What is to be done: the listed objects that the ledger does not know, cut into tasks.
//!
//! ```text
//! listed objects ──▶ subtract(Seen) ──▶ fresh ──▶ cut ──▶ tasks
//!                                  └──▶ changed (reported)
//! ```
//!
//! Same objects, same tasks: nothing here looks at a clock, at threads or at memory.

mod cut;

#[cfg(test)]
mod tests;

pub use cut::{OBJECTS_PER_PLAN_MAX, cut, into_plans};

use crate::lake::{Seen, Standing};
use crate::source::Object;

/// Listed objects, held against the ledger.
#[derive(Debug, Default)]
pub struct Subtracted {
    /// To be converted: never seen, or set aside and changed since, or set aside under another `--format`.
    pub fresh: Vec<Object>,
    /// Converted, and another version of it lies at the source now.
    pub changed: Vec<Object>,
    /// Known and unchanged.
    pub known: u64,
}

/// Takes away what the ledger knows.
pub fn subtract(listed: Vec<Object>, seen: &Seen) -> Subtracted {
    let mut result = Subtracted::default();
    for object in listed {
        match seen.get(&object.url) {
            None => result.fresh.push(object),
            Some(known) => match known.standing {
                Standing::Aside | Standing::Skipped if !known.is_version(&object.version) || !known.same_format => {
                    result.fresh.push(object);
                }
                _ if known.is_version(&object.version) => result.known += 1,
                Standing::Converted => result.changed.push(object),
                Standing::Planned | Standing::Aside | Standing::Skipped => result.known += 1,
            },
        }
    }
    result
}
