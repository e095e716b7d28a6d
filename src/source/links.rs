//! Links that a walk of a source on disk follows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

use super::page::Denied;

/// What the links lead to that were followed in a source on disk.
#[derive(Debug, Default)]
pub(super) struct Links {
    targets: Mutex<BTreeSet<PathBuf>>,
    /// Where a walk did not get to know what lies there, by URL.
    missed: Mutex<BTreeMap<String, String>>,
    /// Whether a walk of the whole source has noted them.
    pub is_whole: AtomicBool,
}

impl Links {
    pub fn note(&self, target: &Path) {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner).insert(target.to_owned());
    }

    pub fn note_dangling(&self, url: &str) {
        self.note_missed(url, "it is a link that leads nowhere");
    }

    pub fn note_missed(&self, url: &str, reason: &str) {
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        missed.insert(url.to_owned(), reason.to_owned());
    }

    pub fn missed(&self) -> Vec<Denied> {
        let missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        missed.iter().map(|(prefix, reason)| Denied { prefix: prefix.clone(), reason: reason.clone() }).collect()
    }

    pub fn lead_to(&self, real: &Path) -> bool {
        let targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        real.ancestors().any(|above| targets.contains(above))
    }
}
