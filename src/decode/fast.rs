//! Many regular lines at once, column by column.
//!
//! Clever for speed: a run is some hundred lines that have the right number of tokens, single spaces and nothing but
//! ASCII. One tight loop reads one column of all of them. A value that the loop cannot accept makes its row a doubtful
//! one, which is left to the plain decoder, in its place; so only the common case is decided here, and it must be equal
//! to `plain::line` (tested in `tests.rs`).

use std::ops::RangeInclusive;

use super::number::{NOT_DIGITS, digits};
use super::plain::{MILLISECOND_DIGITS, NULL, int_max};
use crate::columns::{Dictionaries, NULL_INT, Values};
use crate::schema::{Kind, Layout};

/// The lines of a run. Positions are those of a [`Scan`](super::scan::Scan).
#[derive(Debug, Default)]
pub struct Run {
    /// Where the first token of each row begins.
    starts: Vec<u32>,
    /// Index in the separators of the end of that token.
    firsts: Vec<u32>,
    /// Where the line of each row begins, which differs from the first token's start after a time stamp.
    lines: Vec<u32>,
    /// Rows that the plain decoder must see, in order, after [`Run::ints`].
    doubtful: Vec<u32>,
}

/// One line of a run.
#[derive(Clone, Copy)]
pub struct Row {
    /// Where its line begins.
    pub line: usize,
    /// Where its first token begins.
    pub start: usize,
    /// Index in the separators of the end of that token.
    pub first: usize,
}

/// The text of a run and where its tokens end.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    /// Padded with [`PADDING`](super::scan::PADDING) bytes.
    pub bytes: &'a [u8],
    pub separators: &'a [u32],
}

impl Run {
    pub fn clear(&mut self) {
        self.starts.clear();
        self.firsts.clear();
        self.lines.clear();
        self.doubtful.clear();
    }

    pub fn push(&mut self, row: Row) {
        self.starts.push(row.start as u32);
        self.firsts.push(row.first as u32);
        self.lines.push(row.line as u32);
    }

    /// Where the line of a row begins.
    pub fn line(&self, row: usize) -> usize {
        self.lines[row] as usize
    }

    pub fn rows(&self) -> usize {
        self.starts.len()
    }

    pub fn doubtful(&self) -> &[u32] {
        &self.doubtful
    }

    /// Start and end of the token of column `column`, for each of `rows`.
    #[inline]
    fn tokens(&self, text: Text, column: usize, rows: std::ops::Range<usize>) -> impl Iterator<Item = (usize, usize)> {
        let separators = text.separators;
        self.starts[rows.clone()].iter().zip(&self.firsts[rows]).map(move |(&start, &first)| {
            let at = first as usize + column;
            let start = if column == 0 { start } else { separators[at - 1] + 1 };
            (start as usize, separators[at] as usize)
        })
    }

    /// Appends the integer columns of all rows to `values`, and notes the doubtful rows, whose values mean nothing.
    pub fn ints(&mut self, text: Text, layout: &Layout, starts: &RangeInclusive<i64>, values: &mut [Values]) {
        let mut doubtful = std::mem::take(&mut self.doubtful);
        for (column, (of, values)) in layout.columns.iter().zip(values).enumerate() {
            let Values::Int(values) = values else { continue };
            let tokens = self.tokens(text, column, 0..self.rows());
            let range = if layout.start == Some(column) { starts.clone() } else { 0..=int_max(of.kind) };
            let bytes = text.bytes;
            if of.kind == Kind::Seconds {
                let seconds = |value: i64, bytes: usize| if bytes == MILLISECOND_DIGITS { value / 1000 } else { value };
                int_column(bytes, tokens, range, values, &mut doubtful, seconds);
            } else {
                int_column(bytes, tokens, range, values, &mut doubtful, |value, _| value);
            }
        }
        doubtful.sort_unstable();
        doubtful.dedup();
        self.doubtful = doubtful;
    }

    /// Appends the text columns of `rows` to `values`.
    pub fn texts(
        &self,
        text: Text,
        rows: std::ops::Range<usize>,
        slots: &[usize],
        dictionaries: &mut Dictionaries,
        values: &mut [Values],
    ) {
        for (column, (slot, values)) in slots.iter().zip(values).enumerate() {
            let Values::Text(ids) = values else { continue };
            let tokens = self.tokens(text, column, rows.clone());
            dictionaries.get_mut(*slot).intern_all(text.bytes, tokens, NULL.as_bytes(), ids);
        }
    }
}

#[inline(never)]
fn int_column(
    text: &[u8],
    tokens: impl Iterator<Item = (usize, usize)>,
    range: RangeInclusive<i64>,
    values: &mut Vec<i64>,
    doubtful: &mut Vec<u32>,
    meaning: impl Fn(i64, usize) -> i64,
) {
    let (low, high) = range.into_inner();
    let mut row = 0;
    values.extend(tokens.map(|(start, end)| {
        let mut value = digits(text, start, end);
        if value >= 0 {
            value = meaning(value, end - start);
        }
        if value < low || value > high {
            if value == NOT_DIGITS && text[start..end] == *NULL.as_bytes() {
                value = NULL_INT;
            } else {
                doubtful.push(row);
            }
        }
        row += 1;
        value
    }));
}
