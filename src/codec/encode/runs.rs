//! Text columns that are constant for all rows of an object: runs of one text, so that they cost next to nothing a row.

use std::collections::HashMap;

use parquet::basic::Encoding;

use super::page::{PageBuffer, PageFacts};
use super::text::extent;
use super::texts::{Bounds, Texts};

/// The runs of the current page and the dictionary of the current row group.
#[derive(Debug)]
pub struct RunColumn {
    is_required: bool,
    /// Key in `texts` (0 is null) and rows.
    runs: Vec<(u32, usize)>,
    keys: HashMap<Box<[u8]>, u32>,
    texts: Texts,
    bounds: Bounds,
}

impl RunColumn {
    pub fn new(is_required: bool) -> RunColumn {
        RunColumn {
            is_required,
            runs: Vec::new(),
            keys: HashMap::new(),
            texts: Texts::default(),
            bounds: Bounds::default(),
        }
    }

    /// Appends `rows` times `text`, or null.
    pub fn append(&mut self, text: Option<&str>, rows: usize) {
        assert!(text.is_some() || !self.is_required, "a required column has no nulls");
        let key = text.map_or(0, |text| self.key(text.as_bytes()));
        match self.runs.last_mut() {
            Some((last, count)) if *last == key => *count += rows,
            _ => self.runs.push((key, rows)),
        }
    }

    fn key(&mut self, text: &[u8]) -> u32 {
        // The next rows are mostly of the same object.
        if let Some(&(last, _)) = self.runs.last().filter(|&&(last, _)| last != 0 && self.texts.get(last) == text) {
            return last;
        }
        if let Some(&key) = self.keys.get(text) {
            return key;
        }
        let key = self.texts.push(text);
        self.keys.insert(text.into(), key);
        key
    }

    /// Rows of each run of the page.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        self.runs.iter().map(|&(_, rows)| rows)
    }

    pub fn cut(&mut self, page: &mut PageBuffer) -> PageFacts {
        let (mut rows, mut nulls) = (0, 0);
        for &(key, count) in &self.runs {
            rows += count;
            if key == 0 {
                nulls += count;
            } else {
                self.bounds.see(key, &self.texts);
            }
        }
        if self.is_required {
            page.begin_required();
        } else {
            page.begin_runs(self.runs.iter().map(|&(key, rows)| (key != 0, rows)));
        }
        page.dictionary_runs(self.runs.iter().copied(), self.texts.len());
        self.runs.clear();
        PageFacts { rows, nulls, extent: extent(&mut self.bounds, &self.texts), encoding: Encoding::RLE_DICTIONARY }
    }

    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// Begins the next row group.
    pub fn clear(&mut self) {
        self.texts.clear();
        self.keys.clear();
    }
}
