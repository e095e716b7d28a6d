//! The texts of one column in one row group: a key for each row, and each distinct text once.

use std::ops::Range;

use arrow::array::{Array, AsArray, Int32Array, StringArray};
use arrow::datatypes::Int32Type;

use crate::columns::{Dictionary, NULL_TEXT};

/// Of a text whose id was not asked for since ids were given anew.
const UNKNOWN: u32 = u32::MAX;

/// A column of texts.
pub struct Texts<'a> {
    keys: &'a Int32Array,
    values: &'a StringArray,
    /// The id of each of `values` in the column's dictionary.
    ids: Vec<u32>,
}

impl<'a> Texts<'a> {
    /// `None` if the column is none of texts, or of keys that lead nowhere.
    pub fn of(column: &'a dyn Array) -> Option<Texts<'a>> {
        let column = column.as_dictionary_opt::<Int32Type>()?;
        let values = column.values().as_string_opt::<i32>()?;
        let keys = column.keys();
        let end = values.len() as i32;
        let leads_nowhere = |key: i32| key < 0 || key >= end;
        let is_sound = values.null_count() == 0
            && match keys.null_count() {
                // One look at all of them is quicker than to stop at the first.
                0 => !keys.values().iter().fold(false, |any, &key| any | leads_nowhere(key)),
                _ => !keys.iter().flatten().any(leads_nowhere),
            };
        is_sound.then(|| Texts { keys, values, ids: vec![UNKNOWN; values.len()] })
    }

    /// The key of a row; `None` is null.
    pub fn key(&self, row: usize) -> Option<i32> {
        self.keys.is_valid(row).then(|| self.keys.value(row))
    }

    pub fn text(&self, key: i32) -> &'a str {
        self.values.value(key as usize)
    }

    /// Bytes of the longest text.
    pub fn longest(&self) -> usize {
        self.values.offsets().windows(2).map(|ends| (ends[1] - ends[0]) as usize).max().unwrap_or(0)
    }

    /// Marks the rows, but for the first, whose text is stored otherwise than that of the row before.
    pub fn mark_changes(&self, begins: &mut [bool]) {
        let later = begins.iter_mut().enumerate().skip(1);
        match self.keys.null_count() {
            0 => later.zip(self.keys.values().windows(2)).for_each(|((_, begins), keys)| *begins |= keys[0] != keys[1]),
            _ => later.for_each(|(row, begins)| *begins |= self.key(row) != self.key(row - 1)),
        }
    }

    /// Replaces `ids` by those of `rows`.
    pub fn take(&mut self, rows: Range<usize>, dictionary: &mut Dictionary, ids: &mut Vec<u32>) {
        ids.clear();
        let (known, values) = (&mut self.ids, self.values);
        let mut id_of = |key: i32| {
            let id = &mut known[key as usize];
            if *id == UNKNOWN {
                *id = dictionary.intern(values.value(key as usize).as_bytes());
            }
            *id
        };
        let keys = self.keys;
        match keys.null_count() {
            0 => ids.extend(keys.values()[rows].iter().map(|&key| id_of(key))),
            _ => ids.extend(rows.map(|row| if keys.is_valid(row) { id_of(keys.value(row)) } else { NULL_TEXT })),
        }
    }

    /// The dictionary was cleared.
    pub fn forget(&mut self) {
        self.ids.fill(UNKNOWN);
    }
}
