//! The distinct texts of one column in one row group, laid out as the column's dictionary page.

/// Keys are given in the order of first sight, from 1; 0 is null.
#[derive(Debug, Default)]
pub struct Texts {
    /// `PLAIN` byte arrays: a length in four bytes, then the text.
    page: Vec<u8>,
    /// Where each text begins in `page`, after its length.
    starts: Vec<u32>,
    /// The first eight bytes of each text, big endian, so that most comparisons touch no text.
    prefixes: Vec<u64>,
}

impl Texts {
    pub fn push(&mut self, text: &[u8]) -> u32 {
        self.page.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.starts.push(self.page.len() as u32);
        self.page.extend_from_slice(text);
        let mut prefix = [0; 8];
        let length = text.len().min(8);
        prefix[..length].copy_from_slice(&text[..length]);
        self.prefixes.push(u64::from_be_bytes(prefix));
        self.starts.len() as u32
    }

    pub fn get(&self, key: u32) -> &[u8] {
        let start = self.starts[key as usize - 1] as usize;
        let end = self.starts.get(key as usize).map_or(self.page.len(), |&next| next as usize - 4);
        &self.page[start..end]
    }

    pub fn len(&self) -> usize {
        self.starts.len()
    }

    pub fn page(&self) -> &[u8] {
        &self.page
    }

    pub fn clear(&mut self) {
        self.page.clear();
        self.starts.clear();
        self.prefixes.clear();
    }
}

/// Keys of the least and the greatest text of a page, with the beginnings of these texts.
#[derive(Debug, Default)]
pub struct Bounds(Option<(Bound, Bound)>);

#[derive(Debug, Clone, Copy)]
struct Bound {
    key: u32,
    prefix: u64,
}

impl Bounds {
    /// Takes a text into account; once for each distinct one is enough.
    #[inline]
    pub fn see(&mut self, key: u32, texts: &Texts) {
        let seen = Bound { key, prefix: texts.prefixes[key as usize - 1] };
        let Some((least, greatest)) = &mut self.0 else {
            self.0 = Some((seen, seen));
            return;
        };
        if seen.prefix > least.prefix && seen.prefix < greatest.prefix {
            return;
        }
        let is_less = |a: Bound, b: Bound| match a.prefix.cmp(&b.prefix) {
            std::cmp::Ordering::Equal => texts.get(a.key) < texts.get(b.key),
            unequal => unequal.is_lt(),
        };
        if is_less(seen, *least) {
            *least = seen;
        } else if is_less(*greatest, seen) {
            *greatest = seen;
        }
    }

    /// The bounds of the page that ends here; the next one begins without any.
    pub fn take(&mut self) -> Option<(u32, u32)> {
        self.0.take().map(|(least, greatest)| (least.key, greatest.key))
    }
}
