//! The sizes that the pages of a Parquet file claim, looked at before any of them is inflated.
//!
//! The Parquet library takes memory for a page as its header says, and the header may be a stranger's. Only the three
//! sizes at the beginning of each page header are read here; all else is passed over. Thrift's compact protocol:
//! <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>.

use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

/// Structures inside each other in a page header.
const DEPTH_MAX: usize = 16;

/// What all pages of a file claim to inflate to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Claimed {
    /// All pages together. Sums stop at the largest number.
    pub bytes: u64,
    /// The page that claims most.
    pub largest_page_bytes: u64,
}

/// Walks from page header to page header.
pub fn claimed(bytes: &[u8], metadata: &ParquetMetaData) -> Result<Claimed, ParquetError> {
    let mut claimed = Claimed::default();
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let place = usize::try_from(start).ok().zip(usize::try_from(column.compressed_size()).ok());
        let chunk = place.and_then(|(start, length)| bytes.get(start..start.checked_add(length)?));
        let mut rest = Compact(chunk.ok_or_else(|| wrong("a column lies outside of the file"))?);
        while !rest.0.is_empty() {
            let [inflated, stored] = rest.page_header()?;
            rest.skip(stored)?;
            claimed.bytes = claimed.bytes.saturating_add(inflated as u64);
            claimed.largest_page_bytes = claimed.largest_page_bytes.max(inflated as u64);
        }
    }
    Ok(claimed)
}

fn wrong(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

/// What is left of a text in Thrift's compact protocol.
struct Compact<'a>(&'a [u8]);

impl Compact<'_> {
    /// Bytes of the page when inflated, and as stored.
    fn page_header(&mut self) -> Result<[usize; 2], ParquetError> {
        let mut sizes = [None; 2];
        let mut field = 0;
        while let Some(kind) = self.field(&mut field)? {
            match (field, kind) {
                (2 | 3, 5) => {
                    let size = self.varint()?;
                    // Signed numbers alternate: an odd one is negative.
                    let size = (size % 2 == 0).then_some(size / 2).and_then(|size| usize::try_from(size).ok());
                    sizes[field as usize - 2] = Some(size.ok_or_else(|| wrong("a page has a negative size"))?);
                }
                _ => self.value(kind, 0)?,
            }
        }
        match sizes {
            [Some(inflated), Some(stored)] => Ok([inflated, stored]),
            _ => Err(wrong("a page has no size")),
        }
    }

    /// The kind of the next field of a structure; `None` at its end.
    fn field(&mut self, field: &mut u64) -> Result<Option<u8>, ParquetError> {
        let byte = self.byte()?;
        if byte == 0 {
            return Ok(None);
        }
        *field = match byte >> 4 {
            0 => self.varint()? / 2,
            more => field.saturating_add(u64::from(more)),
        };
        Ok(Some(byte & 15))
    }

    /// Passes over a value.
    fn value(&mut self, kind: u8, depth: usize) -> Result<(), ParquetError> {
        if depth > DEPTH_MAX {
            return Err(wrong("a page header has too many layers"));
        }
        match kind {
            // A truth is in its field's kind.
            1 | 2 => Ok(()),
            3 => self.skip(1),
            4..=6 => self.varint().map(drop),
            7 => self.skip(8),
            8 => {
                let length = self.length()?;
                self.skip(length)
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = if head >> 4 == 15 { self.length()? } else { usize::from(head >> 4) };
                (0..count).try_for_each(|_| self.item(head & 15, depth))
            }
            11 => {
                let count = self.length()?;
                let kinds = if count > 0 { self.byte()? } else { 0 };
                (0..count).try_for_each(|_| {
                    self.item(kinds >> 4, depth)?;
                    self.item(kinds & 15, depth)
                })
            }
            12 => {
                let mut field = 0;
                while let Some(kind) = self.field(&mut field)? {
                    self.value(kind, depth + 1)?;
                }
                Ok(())
            }
            _ => Err(wrong("a page header is not readable")),
        }
    }

    /// In lists a truth takes a byte, so that every item takes one and their number ends with the text.
    fn item(&mut self, kind: u8, depth: usize) -> Result<(), ParquetError> {
        if matches!(kind, 1 | 2) { self.skip(1) } else { self.value(kind, depth + 1) }
    }

    fn length(&mut self) -> Result<usize, ParquetError> {
        usize::try_from(self.varint()?).map_err(|_| wrong("a page header is not readable"))
    }

    fn varint(&mut self) -> Result<u64, ParquetError> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Ok(number);
            }
        }
        Err(wrong("a page header is not readable"))
    }

    fn byte(&mut self) -> Result<u8, ParquetError> {
        let (&byte, rest) = self.0.split_first().ok_or_else(|| wrong("a page header is cut short"))?;
        self.0 = rest;
        Ok(byte)
    }

    fn skip(&mut self, bytes: usize) -> Result<(), ParquetError> {
        self.0 = self.0.get(bytes..).ok_or_else(|| wrong("a page is cut short"))?;
        Ok(())
    }
}
