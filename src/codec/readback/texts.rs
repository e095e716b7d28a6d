//! The texts of one column in one row group: a key for each row, and each distinct text once.

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
        let is_sound =
            values.null_count() == 0 && keys.iter().flatten().all(|key| (0..values.len() as i32).contains(&key));
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

    /// Replaces `ids` by those of `rows`.
    pub fn take(&mut self, rows: &[u32], dictionary: &mut Dictionary, ids: &mut Vec<u32>) {
        ids.clear();
        ids.extend(rows.iter().map(|&row| {
            let Some(key) = self.key(row as usize) else { return NULL_TEXT };
            let id = &mut self.ids[key as usize];
            if *id == UNKNOWN {
                *id = dictionary.intern(self.values.value(key as usize).as_bytes());
            }
            *id
        }));
    }

    /// The dictionary was cleared.
    pub fn forget(&mut self) {
        self.ids.fill(UNKNOWN);
    }
}
