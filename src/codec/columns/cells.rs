//! A sum over the cells of rows, equal for equal cells in whatever order: the proof that rows were carried over
//! unchanged.
//!
//! A cell is a value that is not null, at a place: the table, the URL of the object, the line and the column. So
//! neither the order of rows and columns, nor how rows are cut into chunks, nor the ids of texts tell in the sum; and a
//! column that a file lacks is a column of nulls. The line is a cell too, so that a row of nulls counts, and the texts
//! of [`SourceTexts`] are cells of every row. Integers of 32 and of 64 bits are the same value, an integer and a text
//! never.
//!
//! ```text
//! sum = Σ key(place) × value   mod 2^128
//! ```
//!
//! A row has 128 bits, mixed from BLAKE3 of the URL and the line; a column has 128 bits of BLAKE3 of table and column.
//! The key of a place is the product of two numbers of 64 bits: the lower half of the one xor that of the other, and
//! the upper halves likewise. The value of a text is 128 bits of its BLAKE3, that of an integer is mixed from the
//! number after it, so that two rows of one line do not make up for each other; that of null is 0.
//!
//! Why it may be trusted: let two sets of cells differ, and take the difference of their values at each place. Their
//! sums are equal only if Σ key × difference is 0. With keys like random numbers, that happens once in some 2^64 times
//! or more rarely: a difference may end with zeros in binary, and a product has the bits of its factors. Swapped
//! values change two differences, a lost or doubled row one for each of its cells, and each is multiplied by a key of
//! its own. Nobody chooses rows to deceive it: what it guards against are errors of programs. It is recorded nowhere,
//! and so may change. A cell costs a few multiplications: rows that are carried over are added up twice, which shows
//! in the time of merging files.

use std::ops::AddAssign;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::row::{RowConverter, SortField};

use super::dictionary::Dictionaries;
use super::{Chunk, Values};
use crate::schema::{LOG_ACCOUNT, LOG_ID, LOG_LINE, LOG_REGION, Layout, Table};

/// Odd multipliers with well mixed bits: that of PCG's 128-bit generator, and the golden ratio.
const MULTIPLIERS: [u128; 2] = [0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645, 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835];

/// The sum of some rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Cells {
    rows: u64,
    sum: u128,
}

impl Cells {
    /// Rows that were added up.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

impl AddAssign for Cells {
    fn add_assign(&mut self, more: Cells) {
        self.rows += more.rows;
        self.sum = self.sum.wrapping_add(more.sum);
    }
}

/// Where all rows of a chunk come from: the texts of [`crate::schema::PROVENANCE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceTexts<'a> {
    /// URL of the object.
    pub url: &'a str,
    /// The account in its key; `None` becomes null, as for the others.
    pub account: Option<&'a str>,
    /// The region in its key.
    pub region: Option<&'a str>,
    /// The flow log's id in its key.
    pub log_id: Option<&'a str>,
}

/// What was hashed once for many cells, and the sums that are made with it.
#[derive(Debug, Default)]
pub struct CellHashes {
    /// The ids that `texts` are of.
    era: Arc<()>,
    /// By slot, then by id; that of null is 0.
    texts: Vec<Vec<u128>>,
    layout: Option<(Arc<Layout>, Keys)>,
    /// The key of each row of the chunk.
    rows: Vec<u128>,
}

/// Keys of columns.
#[derive(Debug)]
struct Keys {
    log: Vec<u128>,
    line: u128,
    /// `log_account`, `log_region`, `log_id`.
    own: [u128; 3],
}

impl Keys {
    fn of(layout: &Layout) -> Keys {
        let key = |column: &str| column_key(layout.table, column);
        Keys {
            log: layout.columns.iter().map(|column| key(&column.name)).collect(),
            line: key(LOG_LINE),
            own: [LOG_ACCOUNT, LOG_REGION, LOG_ID].map(key),
        }
    }
}

impl CellHashes {
    /// The sum of the rows of a chunk, whose ids are those of `dictionaries`.
    pub fn sum(&mut self, source: &SourceTexts, chunk: &Chunk, dictionaries: &Dictionaries) -> Cells {
        self.learn(chunk, dictionaries);
        let keys = match self.layout.take() {
            Some((layout, keys)) if Arc::ptr_eq(&layout, &chunk.layout) || layout == chunk.layout => keys,
            _ => Keys::of(&chunk.layout),
        };
        let object = text_hash("object", source.url.as_bytes());
        self.rows.clear();
        self.rows.extend(chunk.lines.iter().map(|&line| spread(object ^ line as u128)));
        let mut sum = ints_sum(&self.rows, keys.line, &chunk.lines);
        let own = [source.account, source.region, source.log_id];
        for (key, text) in keys.own.into_iter().zip(own).filter_map(|(key, text)| Some((key, text?))) {
            let hash = text_hash("value", text.as_bytes());
            sum = self.rows.iter().fold(sum, |sum, row| sum.wrapping_add(cell(*row, key, hash)));
        }
        for ((values, &slot), &key) in chunk.values.iter().zip(&chunk.slots).zip(&keys.log) {
            sum = sum.wrapping_add(match values {
                Values::Int(values) => ints_sum(&self.rows, key, values),
                Values::Text(ids) => texts_sum(&self.rows, key, ids, &self.texts[slot]),
                Values::Array(array) => array_sum(&self.rows, key, array),
            });
        }
        self.layout = Some((Arc::clone(&chunk.layout), keys));
        Cells { rows: chunk.rows() as u64, sum }
    }

    /// Hashes the texts that the dictionaries of a chunk got since the last one.
    fn learn(&mut self, chunk: &Chunk, dictionaries: &Dictionaries) {
        if !Arc::ptr_eq(&self.era, dictionaries.era()) {
            self.era = Arc::clone(dictionaries.era());
            self.texts.iter_mut().for_each(Vec::clear);
        }
        let texts = chunk.values.iter().zip(&chunk.slots).filter(|(values, _)| matches!(values, Values::Text(_)));
        for (_, &slot) in texts {
            if self.texts.len() <= slot {
                self.texts.resize_with(slot + 1, Vec::new);
            }
            let (hashes, dictionary) = (&mut self.texts[slot], dictionaries.get(slot));
            if hashes.is_empty() {
                hashes.push(0);
            }
            let new = hashes.len()..dictionary.id_end();
            hashes.extend(new.map(|id| text_hash("value", dictionary.text(id as u32))));
        }
    }
}

fn ints_sum(rows: &[u128], key: u128, values: &[i64]) -> u128 {
    // The number after null is 0, and stays 0.
    let mixed = |value: i64| {
        let product = u128::from(value.wrapping_add(1) as u64).wrapping_mul(MULTIPLIERS[1] >> 64);
        product ^ (product >> 64)
    };
    rows.iter().zip(values).fold(0, |sum: u128, (row, &value)| sum.wrapping_add(cell(*row, key, mixed(value))))
}

fn texts_sum(rows: &[u128], key: u128, ids: &[u32], hashes: &[u128]) -> u128 {
    rows.iter().zip(ids).fold(0, |sum: u128, (row, &id)| sum.wrapping_add(cell(*row, key, hashes[id as usize])))
}

/// Each value by the bytes by which Arrow compares it, which are equal for equal values alone.
fn array_sum(rows: &[u128], key: u128, array: &ArrayRef) -> u128 {
    let sortable = RowConverter::new(vec![SortField::new(array.data_type().clone())])
        .and_then(|converter| converter.convert_columns(&[Arc::clone(array)]))
        .expect("every kind of a column can be compared");
    let values = rows.iter().zip(&sortable).enumerate().filter(|(at, _)| array.is_valid(*at));
    values.fold(0, |sum: u128, (_, (row, value))| sum.wrapping_add(cell(*row, key, text_hash("array", value.as_ref()))))
}

#[inline(always)]
fn cell(row: u128, column: u128, value: u128) -> u128 {
    let place = row ^ column;
    let key = u128::from(place as u64) * u128::from((place >> 64) as u64);
    key.wrapping_mul(value)
}

/// A bijection in which every bit of the input reaches every bit of the output; of 0 it is 0.
#[inline(always)]
fn spread(bits: u128) -> u128 {
    MULTIPLIERS.into_iter().fold(bits, |bits, multiplier| {
        let bits = bits.wrapping_mul(multiplier);
        bits ^ (bits >> 64)
    })
}

fn column_key(table: Table, column: &str) -> u128 {
    text_hash(table.name(), column.as_bytes())
}

/// 128 bits of a text's BLAKE3. `what` keeps texts of different meanings apart.
fn text_hash(what: &str, text: &[u8]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(what.as_bytes()).update(&[0]).update(text);
    let hash = hasher.finalize();
    u128::from_le_bytes(*hash.as_bytes().first_chunk().expect("a hash of 32 bytes"))
}
