//! Memory of one session, shared by need: a group or sort that works may take what others do not use.
//!
//! DataFusion's fair pool gives each of n consumers an n-th, also those that have not begun or are done, so that a
//! statement of two groupings spills at an eighth of the memory. Here each keeps a claim to a floor, and takes more
//! while there is more.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use datafusion::common::resources_datafusion_err;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};

/// What consumers that can spill may hold together, of all: the rest is for those that cannot.
const SPILLABLE_SHARE: (usize, usize) = (7, 8);

/// Of that, what is kept for consumers that hold little as yet.
const FLOORS_SHARE: (usize, usize) = (1, 4);

/// Counts the bytes of consumers, and says which may grow.
#[derive(Debug)]
pub struct SharedPool {
    limit: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// Bytes of each consumer that can spill.
    spillable: HashMap<usize, usize>,
    unspillable: usize,
}

impl Held {
    fn all(&self) -> usize {
        self.unspillable + self.spillable.values().sum::<usize>()
    }

    fn of(&mut self, consumer: &MemoryConsumer) -> &mut usize {
        match consumer.can_spill() {
            true => self.spillable.entry(consumer.id()).or_default(),
            false => &mut self.unspillable,
        }
    }
}

impl SharedPool {
    pub fn new(limit: usize) -> SharedPool {
        SharedPool { limit, held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes by which a consumer may grow now.
    fn available(&self, held: &Held, consumer: &MemoryConsumer) -> usize {
        if !consumer.can_spill() {
            return self.limit.saturating_sub(held.all());
        }
        let for_spillable = part(self.limit, SPILLABLE_SHARE);
        let floor = part(for_spillable, FLOORS_SHARE) / held.spillable.len().max(1);
        let others = held.spillable.iter().filter(|(id, _)| **id != consumer.id());
        let claimed: usize = others.map(|(_, &bytes)| bytes.max(floor)).sum();
        let own = held.spillable.get(&consumer.id()).copied().unwrap_or(0);
        let free = for_spillable.saturating_sub(claimed + own).min(self.limit.saturating_sub(held.all()));
        // A floor is given even where another holds too much already: what cannot get its first bytes fails.
        free.max(floor.saturating_sub(own))
    }
}

impl MemoryPool for SharedPool {
    fn name(&self) -> &str {
        "shared"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            self.held().spillable.insert(consumer.id(), 0);
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.held().spillable.remove(&consumer.id());
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        *self.held().of(reservation.consumer()) += additional;
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        *self.held().of(reservation.consumer()) -= shrink;
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let mut held = self.held();
        let available = self.available(&held, reservation.consumer());
        if additional > available {
            let (name, size) = (reservation.consumer().name(), reservation.size());
            return Err(resources_datafusion_err!(
                "Failed to allocate additional {additional} B for {name} with {size} B already allocated for this \
                 reservation - {available} B remain available for the total pool"
            ));
        }
        *held.of(reservation.consumer()) += additional;
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.held().all()
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit)
    }
}

impl fmt::Display for SharedPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(limit: {} B)", self.name(), self.limit)
    }
}

fn part(whole: usize, (of, all): (usize, usize)) -> usize {
    whole / all * of
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_consumer_takes_what_others_do_not_claim() {
        let pool: Arc<dyn MemoryPool> = Arc::new(SharedPool::new(8_000));
        let spills = |name: &str| MemoryConsumer::new(name).with_can_spill(true).register(&pool);
        let (first, second) = (spills("first"), spills("second"));
        // 7,000 are for both, of which each may claim 875.
        assert!(first.try_grow(6_126).is_err());
        first.try_grow(6_125).unwrap();
        assert!(first.try_grow(1).is_err() && second.try_grow(876).is_err());
        second.try_grow(875).unwrap();
        first.shrink(5_000);
        second.try_grow(5_000).unwrap();
        assert_eq!(pool.reserved(), 7_000);
        let unspillable = MemoryConsumer::new("other").register(&pool);
        assert!(unspillable.try_grow(1_001).is_err());
        unspillable.try_grow(1_000).unwrap();
        drop((first, second, unspillable));
        let alone = spills("alone");
        alone.try_grow(7_000).unwrap();
        let late: Vec<_> = ["a", "b", "c"].map(spills).into();
        // A quarter of 7,000 for four.
        late.iter().for_each(|late| late.try_grow(437).unwrap());
        assert!(late[0].try_grow(1).is_err());
        drop((alone, late));
        assert_eq!(pool.reserved(), 0);
    }
}
