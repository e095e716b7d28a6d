//! The distinct integers of one column in one row group, laid out as the column's dictionary page.

use super::page::Extent;

/// Values below this find their key in a table by themselves: all ports do, and most counters.
const TABLE_VALUES_MAX: usize = 1 << 16;

const SLOTS_AT_FIRST: usize = 1024;

/// Keys are given in the order of first sight, from 1; 0 is null. `BYTES` is the width of a value on the page.
#[derive(Debug, Default)]
pub struct IntDictionary<const BYTES: usize> {
    /// Key of a value, 0 for none; as long as the greatest value so far needs.
    table: Vec<u32>,
    /// The same for values past the table, by hash: value and key, at most half of the slots taken.
    beyond: Vec<(i64, u32)>,
    beyond_taken: usize,
    /// `PLAIN` values in the order of their keys.
    page: Vec<u8>,
}

impl<const BYTES: usize> IntDictionary<BYTES> {
    /// Replaces `keys` by those of `values`, whose extent is given; negative values are null.
    pub fn keys(&mut self, values: &[i64], extent: &Extent, keys: &mut Vec<u32>) {
        if let Extent::Ints { max, .. } = *extent {
            let table_end = usize::try_from(max).unwrap_or(usize::MAX).min(TABLE_VALUES_MAX - 1) + 1;
            if self.table.len() < table_end {
                self.table.resize(table_end.next_power_of_two(), 0);
            }
        }
        keys.clear();
        keys.extend(values.iter().map(|&value| match self.table.get(value as usize) {
            Some(&key) if key != 0 => key,
            _ if value < 0 => 0,
            Some(_) => self.first_in_group(value),
            None => self.key_beyond(value),
        }));
    }

    #[inline(never)]
    fn first_in_group(&mut self, value: i64) -> u32 {
        let key = self.push(value);
        self.table[value as usize] = key;
        key
    }

    fn key_beyond(&mut self, value: i64) -> u32 {
        if self.beyond_taken * 2 >= self.beyond.len() {
            let larger = (self.beyond.len() * 2).max(SLOTS_AT_FIRST);
            for (value, key) in std::mem::replace(&mut self.beyond, vec![(0, 0); larger]) {
                if key != 0 {
                    let slot = self.slot(value);
                    self.beyond[slot] = (value, key);
                }
            }
        }
        let slot = self.slot(value);
        if self.beyond[slot].1 == 0 {
            self.beyond[slot] = (value, self.push(value));
            self.beyond_taken += 1;
        }
        self.beyond[slot].1
    }

    /// The slot of a value, or the free one where it belongs.
    #[inline]
    fn slot(&self, value: i64) -> usize {
        let last = self.beyond.len() - 1;
        let mut at = (value as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize >> 20 & last;
        while self.beyond[at].1 != 0 && self.beyond[at].0 != value {
            at = (at + 1) & last;
        }
        at
    }

    fn push(&mut self, value: i64) -> u32 {
        self.page.extend_from_slice(&value.to_le_bytes()[..BYTES]);
        self.len() as u32
    }

    pub fn len(&self) -> usize {
        self.page.len() / BYTES
    }

    pub fn page(&self) -> &[u8] {
        &self.page
    }

    /// Begins the next row group.
    pub fn clear(&mut self) {
        self.table.fill(0);
        self.beyond.fill((0, 0));
        self.beyond_taken = 0;
        self.page.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn keys_are_those_of_a_hash_map() {
        let mut state = 7_u64;
        let mut dictionary = IntDictionary::<8>::default();
        for greatest in [10_u64, 70_000, 1 << 40, 90_000] {
            let mut plain: HashMap<i64, u32> = HashMap::new();
            for _ in 0..3 {
                let values: Vec<i64> = (0..5000)
                    .map(|at| {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        if at % 9 == 0 { -1 } else { ((state >> 20) % greatest) as i64 }
                    })
                    .collect();
                let max = *values.iter().max().unwrap();
                let mut keys = Vec::new();
                dictionary.keys(&values, &Extent::Ints { min: 0, max }, &mut keys);
                for (value, key) in values.into_iter().zip(keys) {
                    let next = plain.len() as u32 + 1;
                    let expected = if value < 0 { 0 } else { *plain.entry(value).or_insert(next) };
                    assert_eq!(key, expected);
                }
            }
            assert_eq!(dictionary.len(), plain.len());
            for (value, key) in plain {
                let at = (key as usize - 1) * 8;
                assert_eq!(dictionary.page()[at..at + 8], value.to_le_bytes());
            }
            dictionary.clear();
        }
    }
}
