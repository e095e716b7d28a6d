//! What a connection keeps by name until it is told to forget: prepared statements, and portals with their values and
//! rows. Nothing else would bound them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use pgwire::error::PgWireResult;

use super::errors::refused;

/// Names of one kind that a connection keeps.
const NAMES_MAX: usize = 1_000;

/// Bytes of their texts or values together.
const BYTES_MAX: usize = 16 << 20;

/// The names, and the bytes that a client sent for each.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<BTreeMap<String, usize>>);

impl Kept {
    /// Keeps a name in the place of what had it before; an error if that would be too much. `what` names the kind.
    pub(super) fn keep(&self, what: &str, name: &str, bytes: usize) -> PgWireResult<()> {
        const PROGRAM_LIMIT_EXCEEDED: &str = "54000";
        let mut kept = self.lock();
        let others = kept.iter().filter(|(known, _)| *known != name);
        let (names, all) = others.fold((1, bytes), |(names, all), (_, bytes)| (names + 1, all + bytes));
        if names > NAMES_MAX || all > BYTES_MAX {
            let limit = format!("at most {NAMES_MAX} {what} of {} MiB together", BYTES_MAX >> 20);
            return Err(refused(PROGRAM_LIMIT_EXCEEDED, format!("a connection keeps {limit}; close some")));
        }
        kept.insert(name.to_owned(), bytes);
        Ok(())
    }

    pub(super) fn drop(&self, name: &str) {
        self.lock().remove(name);
    }

    /// All names, which are dropped.
    pub(super) fn drop_all(&self) -> Vec<String> {
        std::mem::take(&mut *self.lock()).into_keys().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        self.0.lock().expect("no holder of the lock panics")
    }
}
