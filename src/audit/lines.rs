//! Which lines of a task's objects were met, one bit a line, in windows that fit into memory.
//!
//! The lines of all objects stand one behind the other. What does not fit into one window takes another pass over the
//! task's files.

use std::ops::Range;

/// What a line was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    First,
    Again,
    /// The object has no such line.
    Beyond,
    /// Another pass looks at it.
    Elsewhere,
}

pub struct Lines {
    /// Where the lines of each object begin; one more for the end.
    begins: Vec<u64>,
    bits_max: u64,
    window: Range<u64>,
    bits: Vec<u64>,
}

impl Lines {
    /// `lines` are those of each object, `bits_max` how many are looked at in one pass.
    pub fn new(lines: impl Iterator<Item = u64>, bits_max: u64) -> Lines {
        let mut begins = vec![0_u64];
        for count in lines {
            begins.push(begins[begins.len() - 1].saturating_add(count));
        }
        Lines { begins, bits_max: bits_max.max(64), window: 0..0, bits: Vec::new() }
    }

    /// Goes on to the next lines; `false` behind the last. The first window is there even if there are no lines.
    pub fn next_window(&mut self) -> bool {
        let (total, is_first) = (self.begins[self.begins.len() - 1], self.window.end == 0);
        if self.window.end == total && !(is_first && total == 0 && self.bits.is_empty()) {
            return false;
        }
        let begin = self.window.end;
        self.window = begin..total.min(begin.saturating_add(self.bits_max));
        self.bits.clear();
        // At least one word, so that an empty first window is told from none.
        self.bits.resize(((self.window.end - begin) / 64 + 1) as usize, 0);
        true
    }

    /// Whether this is the first pass.
    pub fn is_first(&self) -> bool {
        self.window.start == 0
    }

    /// Notes line `line`, from 1, of an object.
    pub fn meet(&mut self, object: usize, line: i64) -> Met {
        let (begin, end) = (self.begins[object], self.begins[object + 1]);
        let Some(at) = u64::try_from(line).ok().and_then(|line| line.checked_sub(1)) else { return Met::Beyond };
        if at >= end - begin {
            return Met::Beyond;
        }
        let at = begin + at;
        if !self.window.contains(&at) {
            return Met::Elsewhere;
        }
        let at = at - self.window.start;
        let (word, bit) = (&mut self.bits[(at / 64) as usize], 1 << (at % 64));
        let met = if *word & bit == 0 { Met::First } else { Met::Again };
        *word |= bit;
        met
    }
}
