//! What of an object that is gone at its source was found in data files.

use crate::encode::PartitionSums;

/// What is left of an object: the sums of its rows in each partition, and how many of its lines were set aside.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub parts: Vec<PartitionSums>,
    pub rejects: u64,
}

impl Left {
    pub fn add(&mut self, more: Vec<PartitionSums>) {
        for part in more {
            let is_same = |known: &&mut PartitionSums| (known.table, known.partition) == (part.table, part.partition);
            let Some(known) = self.parts.iter_mut().find(is_same) else {
                self.parts.push(part);
                continue;
            };
            known.rows += part.rows;
            known.mix = known.mix.wrapping_add(part.mix);
            known.measures.iter_mut().zip(part.measures).for_each(|(sum, more)| *sum = sum.wrapping_add(more));
        }
    }
}
