//! What an object contributed to each partition, in sums that an audit can compute again from the files.

use std::collections::HashMap;
use std::ops::Range;

use super::partition::PartitionKey;
use crate::columns::NULL_INT;
use crate::schema::{Partition, Table};

/// Sums over the rows of one object in one partition of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionSums {
    /// The table that the rows went to.
    pub table: Table,
    /// Where in it.
    pub partition: Partition,
    /// How many rows.
    pub rows: u64,
    /// Null counts as 0; wraps, as do all sums here, so that they can be added in any order.
    pub packets: u64,
    /// Sum of the field `bytes`; null counts as 0.
    pub bytes: u64,
    /// Wrapping sum of [`row_mix`] over the rows.
    pub mix: u64,
}

/// The columns that receipts are about; a column that the layout lacks is empty and counts as null.
pub struct Counted<'a> {
    pub lines: &'a [i64],
    pub start: &'a [i64],
    pub end: &'a [i64],
    pub packets: &'a [i64],
    pub bytes: &'a [i64],
}

/// A fixed 64-bit mix of a row, null being [`NULL_INT`]. Recorded in ledgers: it may never change.
pub fn row_mix(line: i64, start: i64, end: i64, packets: i64, bytes: i64) -> u64 {
    // The multiplier and shift of MurmurHash3's finaliser, once a value.
    [line, start, end, packets, bytes].into_iter().fold(0x9e37_79b9_7f4a_7c15, |mix: u64, value| {
        let mix = (mix ^ value as u64).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mix ^ (mix >> 32)
    })
}

/// The receipt of the object that is being pushed.
#[derive(Debug, Default)]
pub struct Receipt {
    sums: Vec<PartitionSums>,
    places: HashMap<(Table, PartitionKey), usize>,
}

impl Receipt {
    pub fn add(&mut self, table: Table, key: PartitionKey, rows: &Counted, range: Range<usize>) {
        let place = *self.places.entry((table, key)).or_insert_with(|| {
            let partition = key.partition();
            self.sums.push(PartitionSums { table, partition, rows: 0, packets: 0, bytes: 0, mix: 0 });
            self.sums.len() - 1
        });
        let sums = &mut self.sums[place];
        sums.rows += range.len() as u64;
        sums.packets = sums.packets.wrapping_add(sum(rows.packets, &range));
        sums.bytes = sums.bytes.wrapping_add(sum(rows.bytes, &range));
        sums.mix = sums.mix.wrapping_add(mix(rows, range));
    }

    /// The sums in the order of (table, partition); the next object begins from nothing.
    pub fn take(&mut self) -> Vec<PartitionSums> {
        self.places.clear();
        let mut sums = std::mem::take(&mut self.sums);
        sums.sort_by_key(|sums| (sums.table, sums.partition));
        sums
    }
}

fn sum(values: &[i64], range: &Range<usize>) -> u64 {
    let values = values.get(range.clone()).unwrap_or_default();
    values.iter().fold(0, |sum: u64, &value| sum.wrapping_add(value.max(0) as u64))
}

fn mix(rows: &Counted, range: Range<usize>) -> u64 {
    let all = [rows.lines, rows.start, rows.end, rows.packets, rows.bytes].map(|values| values.get(range.clone()));
    if let [Some(lines), Some(start), Some(end), Some(packets), Some(bytes)] = all {
        let mut sum = 0_u64;
        for ((((&line, &start), &end), &packets), &bytes) in lines.iter().zip(start).zip(end).zip(packets).zip(bytes) {
            sum = sum.wrapping_add(row_mix(line, start, end, packets, bytes));
        }
        return sum;
    }
    let mut sum = 0_u64;
    for row in 0..range.len() {
        let [line, start, end, packets, bytes] = all.map(|values| values.map_or(NULL_INT, |values| values[row]));
        sum = sum.wrapping_add(row_mix(line, start, end, packets, bytes));
    }
    sum
}
