//! Links that a walk of a source on disk follows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

/// What the links lead to that were followed in a source on disk.
#[derive(Debug, Default)]
pub(super) struct Links {
    targets: Mutex<BTreeSet<PathBuf>>,
    /// Whether a walk of the whole source has noted them.
    pub is_whole: AtomicBool,
}

impl Links {
    pub fn note(&self, target: &Path) {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner).insert(target.to_owned());
    }

    pub fn lead_to(&self, real: &Path) -> bool {
        let targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        real.ancestors().any(|above| targets.contains(above))
    }
}
