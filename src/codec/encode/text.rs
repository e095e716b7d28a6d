//! Text columns of the log: ids of the task's dictionary become keys of the row group's with one load a value.

use parquet::basic::Encoding;

use super::page::{Extent, PageBuffer, PageFacts};
use super::texts::{Bounds, Texts};
use crate::columns::{Dictionary, NULL_TEXT};

/// What is known of one id of the task's dictionary.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    /// Key in the row group's dictionary.
    key: u32,
    /// The page that last saw the id. Pages are never numbered again, so that nothing is reset when a page or a row
    /// group ends: an entry of an earlier row group's page is an id not yet seen in this one.
    page: u32,
}

/// The rows of the current page and the dictionary of the current row group.
#[derive(Debug)]
pub struct TextColumn {
    entries: Vec<Entry>,
    page: u32,
    group_first_page: u32,
    keys: Vec<u32>,
    texts: Texts,
    bounds: Bounds,
}

impl Default for TextColumn {
    fn default() -> Self {
        TextColumn {
            entries: Vec::new(),
            page: 1,
            group_first_page: 1,
            keys: Vec::new(),
            texts: Texts::default(),
            bounds: Bounds::default(),
        }
    }
}

impl TextColumn {
    pub fn append(&mut self, ids: &[u32], dictionary: &Dictionary) {
        if self.entries.len() < dictionary.id_end() {
            self.entries.resize(dictionary.id_end().next_power_of_two(), Entry::default());
        }
        self.entries[NULL_TEXT as usize] = Entry { key: 0, page: self.page };
        // Accounts and statuses hardly ever change.
        if let [first, rest @ ..] = ids
            && rest.iter().fold(0, |differing, id| differing | (id ^ first)) == 0
        {
            let key = self.key(*first, dictionary);
            self.keys.extend(std::iter::repeat_n(key, ids.len()));
            return;
        }
        self.keys.reserve(ids.len());
        for &id in ids {
            let key = self.key(id, dictionary);
            self.keys.push(key);
        }
    }

    pub fn table_bytes(&self) -> usize {
        self.entries.len() * size_of::<Entry>()
    }

    #[inline(always)]
    fn key(&mut self, id: u32, dictionary: &Dictionary) -> u32 {
        let entry = self.entries[id as usize];
        if entry.page == self.page { entry.key } else { self.first_on_page(id, dictionary) }
    }

    #[inline(never)]
    fn first_on_page(&mut self, id: u32, dictionary: &Dictionary) -> u32 {
        let entry = &mut self.entries[id as usize];
        if entry.page < self.group_first_page {
            entry.key = self.texts.push(dictionary.text(id));
        }
        entry.page = self.page;
        let key = entry.key;
        self.bounds.see(key, &self.texts);
        key
    }

    /// Keys of the rows of the page, in the order in which they came; 0 is null.
    pub fn keys(&self) -> &[u32] {
        &self.keys
    }

    pub fn cut(&mut self, page: &mut PageBuffer, order: &[u32]) -> PageFacts {
        let rows = self.keys.len();
        let nulls = self.keys.iter().filter(|&&key| key == 0).count();
        page.begin_optional(rows, nulls, order.iter().map(|&row| self.keys[row as usize] != 0));
        page.dictionary_keys(&self.keys, order, nulls, self.texts.len());
        self.keys.clear();
        self.page += 1;
        PageFacts { rows, nulls, extent: extent(&mut self.bounds, &self.texts), encoding: Encoding::RLE_DICTIONARY }
    }

    /// Gives the memory of the page's keys back.
    pub fn release(&mut self) {
        self.keys = Vec::new();
    }

    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// Begins the next row group.
    pub fn clear(&mut self) {
        self.texts.clear();
        self.group_first_page = self.page;
    }
}

/// The extent of the page that ends here.
pub fn extent(bounds: &mut Bounds, texts: &Texts) -> Extent {
    bounds.take().map_or(Extent::None, |(least, greatest)| Extent::Texts {
        min: texts.get(least).to_vec(),
        max: texts.get(greatest).to_vec(),
    })
}
