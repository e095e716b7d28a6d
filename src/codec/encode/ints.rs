//! Integer columns: values that come again and again (ports, flags, counters) by dictionary, times and line numbers by
//! difference.

use parquet::basic::Encoding;

use super::page::{Extent, PageBuffer, PageFacts};
use super::values::IntDictionary;

/// Distinct values of a counter column past which the rest of its row group is encoded by difference.
const COUNTERS_PER_DICTIONARY_MAX: usize = 1 << 16;

/// `INT32` values of the current page and the dictionary of the current row group.
#[derive(Debug, Default)]
pub struct SmallInts {
    values: Vec<i64>,
    dictionary: IntDictionary<4>,
}

impl SmallInts {
    pub fn append(&mut self, values: &[i64]) {
        self.values.extend_from_slice(values);
    }

    /// Gives the memory of the page's values back.
    pub fn release(&mut self) {
        self.values = Vec::new();
    }

    /// Values of the page, in the order in which they came; negative ones are null.
    pub fn values(&self) -> &[i64] {
        &self.values
    }

    pub fn cut(&mut self, page: &mut PageBuffer, order: &[u32]) -> PageFacts {
        let (nulls, extent) = survey(&self.values);
        if let Extent::Ints { max, .. } = extent {
            assert!(max <= i64::from(i32::MAX), "decode keeps 32-bit columns within 31 bits, not {max}");
        }
        let mut keys = std::mem::take(&mut page.found);
        self.dictionary.keys(&self.values, &extent, &mut keys);
        let rows = self.values.len();
        page.begin_optional(rows, nulls, order.iter().map(|&row| self.values[row as usize] >= 0));
        page.dictionary_keys(&keys, order, nulls, self.dictionary.len());
        page.found = keys;
        self.values.clear();
        PageFacts { rows, nulls, extent, encoding: Encoding::RLE_DICTIONARY }
    }

    pub fn dictionary(&self) -> (&[u8], usize) {
        (self.dictionary.page(), self.dictionary.len())
    }

    /// Begins the next row group.
    pub fn clear(&mut self) {
        self.dictionary.clear();
    }
}

/// How the pages of a wide column are encoded from here to the end of the row group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Dictionary,
    Differences,
}

/// `INT64` values of the current page, and perhaps the dictionary of the current row group.
#[derive(Debug)]
pub struct WideInts {
    is_required: bool,
    mode_at_first: Mode,
    mode: Mode,
    values: Vec<i64>,
    dictionary: IntDictionary<8>,
}

impl WideInts {
    /// A column whose values are near each other, as times are.
    pub fn of_differences(is_required: bool) -> WideInts {
        WideInts::new(is_required, Mode::Differences)
    }

    /// A column of counters, most of which are small and come again.
    pub fn of_counters() -> WideInts {
        WideInts::new(false, Mode::Dictionary)
    }

    fn new(is_required: bool, mode: Mode) -> WideInts {
        let dictionary = IntDictionary::default();
        WideInts { is_required, mode_at_first: mode, mode, values: Vec::new(), dictionary }
    }

    pub fn append(&mut self, values: &[i64]) {
        self.values.extend_from_slice(values);
    }

    /// Gives the memory of the page's values back.
    pub fn release(&mut self) {
        self.values = Vec::new();
    }

    pub fn cut(&mut self, page: &mut PageBuffer, order: &[u32]) -> PageFacts {
        let (nulls, extent) = survey(&self.values);
        let rows = self.values.len();
        if self.is_required {
            assert_eq!(nulls, 0, "a required column has no nulls");
            page.begin_required();
        } else {
            page.begin_optional(rows, nulls, order.iter().map(|&row| self.values[row as usize] >= 0));
        }
        // A page of nulls says nothing about its column: it is one of differences whatever comes after it.
        let mut keys = std::mem::take(&mut page.found);
        let encoding = if self.mode == Mode::Dictionary && nulls < rows && self.keys_pay(&extent, nulls, &mut keys) {
            page.dictionary_keys(&keys, order, nulls, self.dictionary.len());
            Encoding::RLE_DICTIONARY
        } else {
            page.deltas(&self.values, order, nulls);
            Encoding::DELTA_BINARY_PACKED
        };
        page.found = keys;
        self.values.clear();
        PageFacts { rows, nulls, extent, encoding }
    }

    /// Finds the keys of the page, unless the dictionary has become too large, or hardly a value of the row group's
    /// first page came twice.
    fn keys_pay(&mut self, extent: &Extent, nulls: usize, keys: &mut Vec<u32>) -> bool {
        let is_first = self.dictionary.len() == 0;
        if self.dictionary.len() > COUNTERS_PER_DICTIONARY_MAX {
            self.mode = Mode::Differences;
            return false;
        }
        self.dictionary.keys(&self.values, extent, keys);
        if is_first && self.dictionary.len() * 2 > self.values.len() - nulls {
            self.mode = Mode::Differences;
            self.dictionary.clear();
            return false;
        }
        true
    }

    pub fn dictionary(&self) -> (&[u8], usize) {
        (self.dictionary.page(), self.dictionary.len())
    }

    /// Begins the next row group.
    pub fn clear(&mut self) {
        self.dictionary.clear();
        self.mode = self.mode_at_first;
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
