//! Integer columns: small ones (ports, protocols, flags) by dictionary, wide ones (counters, times) by difference.

use std::collections::HashMap;

use parquet::basic::Encoding;

use super::page::{Extent, PageBuffer, PageFacts};

/// Values below this find their key in a table: all ports do.
const TABLE_VALUES_MAX: usize = 1 << 16;

/// `INT32` values of the current page and the dictionary of the current row group.
#[derive(Debug, Default)]
pub struct SmallInts {
    values: Vec<i64>,
    /// Key of a value, counted from 1; as long as the greatest value so far needs.
    table: Vec<u32>,
    /// The same for values past the table.
    beyond: HashMap<i64, u32>,
    /// `PLAIN` values in the order of their keys.
    dictionary: Vec<u8>,
    keys: Vec<u32>,
}

impl SmallInts {
    pub fn append(&mut self, values: &[i64]) {
        self.values.extend_from_slice(values);
    }

    pub fn cut(&mut self, page: &mut PageBuffer) -> PageFacts {
        let (nulls, extent) = survey(&self.values);
        if let Extent::Ints { max, .. } = extent {
            assert!(max <= i64::from(i32::MAX), "decode keeps 32-bit columns within 31 bits, not {max}");
            let table_end = (max as usize + 1).next_power_of_two().min(TABLE_VALUES_MAX);
            if self.table.len() < table_end {
                self.table.resize(table_end, 0);
            }
        }
        let values = std::mem::take(&mut self.values);
        self.keys.clear();
        for &value in &values {
            let key = match self.table.get(value as usize) {
                Some(&key) if key != 0 => key,
                _ if value < 0 => 0,
                _ => self.first_in_group(value),
            };
            self.keys.push(key);
        }
        let rows = values.len();
        page.begin_optional(rows, nulls, values.iter().map(|&value| value >= 0));
        page.dictionary_keys(&self.keys, nulls, self.distinct());
        self.values = values;
        self.values.clear();
        PageFacts { rows, nulls, extent, encoding: Encoding::RLE_DICTIONARY }
    }

    #[inline(never)]
    fn first_in_group(&mut self, value: i64) -> u32 {
        let next = self.distinct() as u32 + 1;
        let key = match self.table.get_mut(value as usize) {
            Some(key) => {
                *key = next;
                next
            }
            None => *self.beyond.entry(value).or_insert(next),
        };
        if key == next {
            self.dictionary.extend_from_slice(&(value as i32).to_le_bytes());
        }
        key
    }

    pub fn distinct(&self) -> usize {
        self.dictionary.len() / size_of::<i32>()
    }

    pub fn dictionary(&self) -> &[u8] {
        &self.dictionary
    }

    /// Begins the next row group.
    pub fn clear(&mut self) {
        self.table.fill(0);
        self.beyond.clear();
        self.dictionary.clear();
    }
}

/// `INT64` values of the current page.
#[derive(Debug)]
pub struct WideInts {
    is_required: bool,
    values: Vec<i64>,
}

impl WideInts {
    pub fn new(is_required: bool) -> WideInts {
        WideInts { is_required, values: Vec::new() }
    }

    pub fn append(&mut self, values: &[i64]) {
        self.values.extend_from_slice(values);
    }

    pub fn cut(&mut self, page: &mut PageBuffer) -> PageFacts {
        let (nulls, extent) = survey(&self.values);
        let rows = self.values.len();
        if self.is_required {
            assert_eq!(nulls, 0, "a required column has no nulls");
            page.begin_required();
        } else {
            page.begin_optional(rows, nulls, self.values.iter().map(|&value| value >= 0));
        }
        page.deltas(&self.values, nulls);
        self.values.clear();
        PageFacts { rows, nulls, extent, encoding: Encoding::DELTA_BINARY_PACKED }
    }
}

/// Nulls, and the extent of the rest.
fn survey(values: &[i64]) -> (usize, Extent) {
    // Nulls are negative, so they lose as signed maxima and as unsigned minima.
    let (mut nulls, mut min, mut max) = (0, u64::MAX, i64::MIN);
    for &value in values {
        nulls += usize::from(value < 0);
        min = min.min(value as u64);
        max = max.max(value);
    }
    let extent = if nulls == values.len() { Extent::None } else { Extent::Ints { min: min as i64, max } };
    (nulls, extent)
}
