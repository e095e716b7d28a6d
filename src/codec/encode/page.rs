//! A data page on its way: levels and values as bytes, and what is known of them.
//!
//! Pages are of version 1, which every reader of the last ten years takes: definition levels and values are compressed
//! together.

use parquet::basic::Encoding;

use super::{delta, hybrid, pack};

/// Least and greatest value of a page or a column chunk; none where all is null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    None,
    Ints { min: i64, max: i64 },
    Texts { min: Vec<u8>, max: Vec<u8> },
}

impl Extent {
    /// Widens this one by `other`.
    pub fn merge(&mut self, other: &Extent) {
        match (&mut *self, other) {
            (_, Extent::None) => {}
            (Extent::None, _) => *self = other.clone(),
            (Extent::Ints { min, max }, Extent::Ints { min: low, max: high }) => {
                *min = (*min).min(*low);
                *max = (*max).max(*high);
            }
            (Extent::Texts { min, max }, Extent::Texts { min: low, max: high }) => {
                if low < min {
                    min.clone_from(low);
                }
                if high > max {
                    max.clone_from(high);
                }
            }
            (Extent::Ints { .. }, Extent::Texts { .. }) | (Extent::Texts { .. }, Extent::Ints { .. }) => {
                unreachable!("a column has one type")
            }
        }
    }
}

/// What the headers and indexes say of a page.
#[derive(Debug, Clone)]
pub struct PageFacts {
    pub rows: usize,
    pub nulls: usize,
    pub extent: Extent,
    pub encoding: Encoding,
}

/// The bytes of the page that is being encoded, and scratch space, kept from page to page.
#[derive(Debug, Default)]
pub struct PageBuffer {
    pub body: Vec<u8>,
    /// Where an integer column finds the keys of its values.
    pub found: Vec<u32>,
    levels: Vec<u32>,
    keys: Vec<u32>,
    ints: Vec<i64>,
}

impl PageBuffer {
    /// Begins a page of a required column.
    pub fn begin_required(&mut self) {
        self.body.clear();
    }

    /// Begins a page of an optional column with its levels; `present` tells of each row whether it has a value.
    pub fn begin_optional(&mut self, rows: usize, nulls: usize, present: impl Iterator<Item = bool>) {
        self.begin_levels(|levels, body| {
            if nulls == 0 || nulls == rows {
                hybrid::run(u32::from(nulls == 0), rows, 1, body);
                return;
            }
            levels.clear();
            levels.extend(present.map(u32::from));
            hybrid::encode(levels, 1, body);
        });
    }

    /// Begins a page of an optional column whose rows come in runs of (present, rows).
    pub fn begin_runs(&mut self, runs: impl Iterator<Item = (bool, usize)>) {
        self.begin_levels(|_, body| {
            let mut last = (true, 0);
            for (is_present, rows) in runs {
                if is_present == last.0 {
                    last.1 += rows;
                } else {
                    hybrid::run(u32::from(last.0), last.1, 1, body);
                    last = (is_present, rows);
                }
            }
            hybrid::run(u32::from(last.0), last.1, 1, body);
        });
    }

    fn begin_levels(&mut self, write: impl FnOnce(&mut Vec<u32>, &mut Vec<u8>)) {
        self.body.clear();
        self.body.extend([0; 4]);
        write(&mut self.levels, &mut self.body);
        let length = (self.body.len() - 4) as u32;
        self.body[..4].copy_from_slice(&length.to_le_bytes());
    }

    /// Appends the dictionary keys of rows in `order`; a key of 0 is null, and the others count from 1.
    pub fn dictionary_keys(&mut self, keys: &[u32], order: &[u32], nulls: usize, distinct: usize) {
        let width = self.key_width(distinct);
        if let [first, rest @ ..] = keys
            && rest.iter().fold(0, |differing, key| differing | (key ^ first)) == 0
        {
            return hybrid::run(first.wrapping_sub(1), keys.len() - nulls, width, &mut self.body);
        }
        self.keys.clear();
        let ordered = order.iter().map(|&row| keys[row as usize]);
        if nulls == 0 {
            self.keys.extend(ordered.map(|key| key - 1));
        } else {
            self.keys.extend(ordered.filter(|&key| key != 0).map(|key| key - 1));
        }
        hybrid::encode(&self.keys, width, &mut self.body);
    }

    /// Appends runs of (key, rows), with keys as in [`PageBuffer::dictionary_keys`].
    pub fn dictionary_runs(&mut self, runs: impl Iterator<Item = (u32, usize)>, distinct: usize) {
        let width = self.key_width(distinct);
        for (key, rows) in runs.filter(|&(key, _)| key != 0) {
            hybrid::run(key - 1, rows, width, &mut self.body);
        }
    }

    /// Appends the integers of rows in `order`; the negative ones are null.
    pub fn deltas(&mut self, values: &[i64], order: &[u32], nulls: usize) {
        self.ints.clear();
        self.ints.extend(order.iter().map(|&row| values[row as usize]));
        if nulls > 0 {
            self.ints.retain(|&value| value >= 0);
        }
        delta::encode(&self.ints, &mut self.body);
    }

    fn key_width(&mut self, distinct: usize) -> u32 {
        let width = pack::width_of(distinct.saturating_sub(1) as u64);
        self.body.push(width as u8);
        width
    }
}
