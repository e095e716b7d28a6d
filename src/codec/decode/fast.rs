//! Many regular lines at once, column by column.
//!
//! Clever for speed: a run is some hundred lines that have the right number of tokens, single spaces and nothing but
//! ASCII. One tight loop reads one column of all of them. A value that the loop cannot accept makes its row a doubtful
//! one, which is left to the plain decoder, in its place; so only the common case is decided here, and it must be equal
//! to `plain::line` (tested in `tests.rs`).

use std::ops::RangeInclusive;

use super::ints::{IntColumn, Tokens};
use super::plain::{NULL, int_max};
use crate::columns::{Dictionaries, Values};
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

    fn tokens<'a>(&'a self, text: Text<'a>, column: usize, rows: std::ops::Range<usize>) -> Tokens<'a> {
        let (starts, firsts) = (&self.starts[rows.clone()], &self.firsts[rows]);
        Tokens { starts, firsts, separators: text.separators, column }
    }

    /// Appends the integer columns of all rows to `values`, and notes the doubtful rows, whose values mean nothing.
    pub fn ints(&mut self, text: Text, layout: &Layout, times: &RangeInclusive<i64>, values: &mut [Values]) {
        let mut doubtful = std::mem::take(&mut self.doubtful);
        for (column, (of, values)) in layout.columns.iter().zip(values).enumerate() {
            let Values::Int(values) = values else { continue };
            let is_time = layout.start == Some(column) || layout.end == Some(column);
            let range = if is_time { times.clone() } else { 0..=int_max(of.kind) };
            let ints = IntColumn {
                text: text.bytes,
                tokens: self.tokens(text, column, 0..self.rows()),
                least: *range.start(),
                greatest: *range.end(),
                is_seconds: of.kind == Kind::Seconds,
            };
            ints.append(values, &mut doubtful);
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
            dictionaries.get_mut(*slot).intern_all(text.bytes, tokens.iter(), NULL.as_bytes(), ids);
        }
    }
}
