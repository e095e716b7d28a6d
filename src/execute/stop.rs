//! How a run is told to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set by a signal or a deadline, read at every object.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Abandon the tasks at hand: nothing of them is published.
    pub now: Arc<AtomicBool>,
    /// Begin no further task.
    pub soon: Arc<AtomicBool>,
}

impl Stop {
    /// Whether the tasks at hand are abandoned.
    pub fn is_now(&self) -> bool {
        self.now.load(Ordering::Relaxed)
    }

    /// Whether no further task begins.
    pub fn is_soon(&self) -> bool {
        self.is_now() || self.soon.load(Ordering::Relaxed)
    }
}
