//! The memory that all tasks' downloads share: a count of objects and of compressed bytes.
//!
//! Nothing ever waits for it, so that nothing can deadlock. What a task fetches *ahead* needs a permit that is free at
//! once; the one object that a task needs *now* is always allowed, and may pass the limit. In flight are therefore at
//! most `bytes_in_flight_max` plus one object ([`WHOLE_BYTES_MAX`](super::WHOLE_BYTES_MAX)) a task.

use std::sync::{Arc, Mutex, PoisonError};

/// Limits of all fetching together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Objects, in download or waiting to be decoded.
    pub objects_in_flight_max: usize,
    /// Compressed bytes, in download or waiting to be decoded.
    pub bytes_in_flight_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { objects_in_flight_max: 64, bytes_in_flight_max: 256 << 20 }
    }
}

/// Counts what is in flight.
#[derive(Debug)]
pub struct Budget {
    options: Options,
    used: Mutex<Used>,
}

/// A moment's use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// Objects in flight.
    pub objects: usize,
    /// Their compressed bytes.
    pub bytes: usize,
    /// Tasks that fetch from this budget.
    pub tasks: usize,
}

impl Budget {
    /// A budget of which nothing is used.
    pub fn new(options: Options) -> Arc<Budget> {
        Arc::new(Budget { options, used: Mutex::default() })
    }

    /// What is used now.
    pub fn used(&self) -> Used {
        *self.lock()
    }

    /// A permit, if it fits; `held` is how many objects the task has ahead already, of its fair share.
    pub(super) fn take_ahead(self: &Arc<Budget>, bytes: usize, held: usize) -> Option<Permit> {
        let mut used = self.lock();
        let share = (self.options.objects_in_flight_max / used.tasks.max(1)).max(1);
        let fits = held < share
            && used.objects < self.options.objects_in_flight_max
            && used.bytes.saturating_add(bytes) <= self.options.bytes_in_flight_max;
        fits.then(|| self.permit(&mut used, bytes))
    }

    /// A permit in any case, for the object that a task needs next.
    pub(super) fn take_now(self: &Arc<Budget>, bytes: usize) -> Permit {
        self.permit(&mut self.lock(), bytes)
    }

    fn permit(self: &Arc<Budget>, used: &mut Used, bytes: usize) -> Permit {
        used.objects += 1;
        used.bytes += bytes;
        Permit { budget: Arc::clone(self), bytes }
    }

    pub(super) fn enter(self: &Arc<Budget>) -> Seat {
        self.lock().tasks += 1;
        Seat { budget: Arc::clone(self) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One object's share, given back when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut used = self.budget.lock();
        used.objects -= 1;
        used.bytes -= self.bytes;
    }
}

/// A task's place among those that share the budget.
#[derive(Debug)]
pub(super) struct Seat {
    budget: Arc<Budget>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.budget.lock().tasks -= 1;
    }
}
