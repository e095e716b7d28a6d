//! What an object contributed to each partition, in sums that an audit can compute again from the files.

use std::ops::Range;

use hashbrown::HashMap;

use super::partition::PartitionKey;
use crate::columns::NULL_INT;
use crate::schema::{MEASURES_MAX, Partition, Table};

/// Sums over the rows of one object in one partition of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionSums {
    /// The table that the rows went to.
    pub table: Table,
    /// Where in it.
    pub partition: Partition,
    /// How many rows.
    pub rows: u64,
    /// The sum of each of the table's [`measures`](crate::schema::Log::measures). Null counts as 0; wraps, as do all
    /// sums here, so that they can be added in any order.
    pub measures: Vec<u64>,
    /// Wrapping sum of [`row_mix`] over the rows.
    pub mix: u64,
}

/// The columns that receipts are about; a column that the layout lacks is empty and counts as null.
pub struct Counted<'a> {
    pub lines: &'a [i64],
    pub start: &'a [i64],
    pub end: &'a [i64],
    /// In the order of the table's measures.
    pub measures: Vec<&'a [i64]>,
}

/// A fixed 64-bit mix of a row: its line, start, end and measures, null being [`NULL_INT`]. Recorded in ledgers: it may
/// never change.
#[inline(always)]
pub fn row_mix(values: impl IntoIterator<Item = i64>) -> u64 {
    // The multiplier and shift of MurmurHash3's finaliser, once a value.
    values.into_iter().fold(0x9e37_79b9_7f4a_7c15, |mix: u64, value| {
        let mix = (mix ^ value as u64).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mix ^ (mix >> 32)
    })
}

/// The receipt of the object that is being pushed.
#[derive(Debug, Default)]
pub struct Receipt {
    sums: Vec<PartitionSums>,
    /// Asked once a run of rows, as in the encoder.
    places: HashMap<(Table, PartitionKey), usize>,
}

impl Receipt {
    pub fn add(&mut self, table: Table, key: PartitionKey, rows: &Counted, range: Range<usize>) {
        let place = *self.places.entry((table, key)).or_insert_with(|| {
            let (partition, measures) = (key.partition(), vec![0; rows.measures.len()]);
            self.sums.push(PartitionSums { table, partition, rows: 0, measures, mix: 0 });
            self.sums.len() - 1
        });
        let sums = &mut self.sums[place];
        sums.rows += range.len() as u64;
        for (measure, values) in sums.measures.iter_mut().zip(&rows.measures) {
            *measure = measure.wrapping_add(sum(values, &range));
        }
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
    let columns = [rows.lines, rows.start, rows.end].into_iter().chain(rows.measures.iter().copied());
    let mut all = [None; 3 + MEASURES_MAX];
    all.iter_mut().zip(columns).for_each(|(of, values)| *of = values.get(range.clone()));
    let all = &all[..3 + rows.measures.len()];
    // Two measures are what flow logs have.
    if let [Some(lines), Some(start), Some(end), Some(one), Some(two)] = *all {
        let mut sum = 0_u64;
        for ((((&line, &start), &end), &one), &two) in lines.iter().zip(start).zip(end).zip(one).zip(two) {
            sum = sum.wrapping_add(row_mix([line, start, end, one, two]));
        }
        return sum;
    }
    let mut sum = 0_u64;
    for row in 0..range.len() {
        sum = sum.wrapping_add(row_mix(all.iter().map(|values| values.map_or(NULL_INT, |values| values[row]))));
    }
    sum
}
