//! A column chunk that is being gathered: its encoded pages in memory, and what the footer will say of them.

use std::io::Read;

use bytes::Bytes;
use parquet::basic::{Encoding, PageType, Type};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::EncodeError;
use super::bounds::{index_bounds, statistics};
use super::compress::Compressor;
use super::order::Order;
use super::page::{Extent, PageBuffer, PageFacts};
use super::texts::Texts;

/// Order, compression and the buffers that pages pass through, shared by all columns of a task.
pub struct Press {
    pub compressor: Compressor,
    pub page: PageBuffer,
    pub order: Order,
    compressed: Vec<u8>,
}

impl Press {
    pub fn new(compressor: Compressor) -> Press {
        Press { compressor, page: PageBuffer::default(), order: Order::default(), compressed: Vec::new() }
    }
}

/// The distinct values of a chunk.
#[derive(Clone, Copy)]
pub struct DictionaryPage<'a> {
    pub values: &'a [u8],
    pub distinct: usize,
}

struct Written {
    facts: PageFacts,
    spec: PageWriteSpec,
}

/// Data pages of one column of one row group.
pub struct ColumnChunk {
    descr: ColumnDescPtr,
    /// With their headers, each in memory of its own, so that a long chunk neither doubles what it holds nor is copied.
    pages: Vec<Vec<u8>>,
    bytes: usize,
    written: Vec<Written>,
    /// Bodies of the pages before the first value. How they are encoded depends on whether a value ever comes: readers
    /// refuse pages of dictionary keys in a chunk without a dictionary.
    null_pages: Vec<(PageFacts, Vec<u8>)>,
    /// Pages still to be stored as they are, because one before them did not shrink.
    stored_pages: usize,
}

/// Pages that are stored before the compressor is tried once more.
const STORED_PAGES: usize = 7;

/// Of a page's header, or a little more.
const HEADER_BYTES: usize = 64;

/// A page that keeps this many hundredths of its length did not shrink: the packed bits of times and line numbers.
const STORED_PERCENT_MIN: usize = 99;

/// Of the values that a chunk does not hold, those that its bloom filter lets through.
pub const FALSE_POSITIVES: f64 = 0.01;

/// Bytes of a block of a bloom filter, by the Parquet format.
const BLOCK_BYTES: usize = 32;

/// Of a filter's header, or a little more.
const FILTER_HEADER_BYTES: usize = 32;

/// A finished chunk, and where it will be copied from.
pub struct EncodedChunk {
    pub bytes: ChunkBytes,
    pub close: ColumnCloseResult,
    pub footer_bytes: usize,
}

impl EncodedChunk {
    /// Adds a bloom filter of the chunk's texts, which are all in its dictionary: its size follows from their number.
    pub fn filter_by(&mut self, texts: &Texts) -> Result<(), ParquetError> {
        if texts.len() == 0 {
            return Ok(());
        }
        let mut filter = Sbbf::new_with_ndv_fpp(texts.len() as u64, FALSE_POSITIVES)?;
        (1..=texts.len() as u32).for_each(|key| filter.insert(texts.get(key)));
        self.footer_bytes += filter.num_blocks() * BLOCK_BYTES + FILTER_HEADER_BYTES;
        self.close.bloom_filter = Some(filter);
        Ok(())
    }
}

/// The dictionary page, known last, and the data pages that follow it in the file.
pub struct ChunkBytes(Vec<Vec<u8>>);

impl ColumnChunk {
    pub fn new(descr: ColumnDescPtr) -> ColumnChunk {
        ColumnChunk { descr, pages: Vec::new(), bytes: 0, written: Vec::new(), null_pages: Vec::new(), stored_pages: 0 }
    }

    /// Bytes of the data pages so far.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Compresses and keeps the page that stands in the press.
    pub fn write(&mut self, facts: PageFacts, press: &mut Press) -> Result<(), EncodeError> {
        let is_keyed = facts.encoding == Encoding::RLE_DICTIONARY;
        if is_keyed && facts.extent == Extent::None && self.written.is_empty() {
            self.null_pages.push((facts, press.page.body.clone()));
            return Ok(());
        }
        for (facts, body) in std::mem::take(&mut self.null_pages) {
            self.write_page(facts, &body, press)?;
        }
        let body = std::mem::take(&mut press.page.body);
        let result = self.write_page(facts, &body, press);
        press.page.body = body;
        result
    }

    fn write_page(&mut self, facts: PageFacts, body: &[u8], press: &mut Press) -> Result<(), EncodeError> {
        if self.stored_pages > 0 {
            self.stored_pages -= 1;
            Compressor::store(body, &mut press.compressed);
        } else {
            press.compressor.compress(body, &mut press.compressed).map_err(EncodeError::Compress)?;
            let is_as_long = press.compressed.len() * 100 >= body.len() * STORED_PERCENT_MIN;
            if is_as_long && press.compressor.can_store() {
                self.stored_pages = STORED_PAGES;
            }
        }
        let page = Page::DataPage {
            buf: Bytes::copy_from_slice(&press.compressed),
            num_values: facts.rows as u32,
            encoding: facts.encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let (page, mut spec) = framed(CompressedPage::new(page, body.len()))?;
        spec.offset += self.bytes as u64;
        self.bytes += page.len();
        self.pages.push(page);
        self.written.push(Written { facts, spec });
        Ok(())
    }

    /// Ends the chunk; the next one of this column begins empty.
    pub fn close(&mut self, dictionary: DictionaryPage, press: &mut Press) -> Result<EncodedChunk, EncodeError> {
        for (mut facts, mut body) in std::mem::take(&mut self.null_pages) {
            // Without the width of keys, which stands behind the levels.
            body.pop();
            facts.encoding = Encoding::PLAIN;
            self.write_page(facts, &body, press)?;
        }
        let (dictionary, dictionary_spec) = write_dictionary(dictionary, press)?;
        let pages = std::mem::take(&mut self.pages);
        let written = std::mem::take(&mut self.written);
        (self.bytes, self.stored_pages) = (0, 0);
        let shape = ChunkShape { descr: &self.descr, pages: &written, dictionary: dictionary_spec.as_ref() };
        let close = shape.close_result(press).map_err(EncodeError::Page)?;
        let footer_bytes = shape.footer_bytes();
        let pages = dictionary.into_iter().chain(pages).collect();
        Ok(EncodedChunk { bytes: ChunkBytes(pages), close, footer_bytes })
    }
}

/// A page behind its header, and where both lie.
fn framed(page: CompressedPage) -> Result<(Vec<u8>, PageWriteSpec), EncodeError> {
    let mut sink = TrackedWrite::new(Vec::with_capacity(page.data().len() + HEADER_BYTES));
    let spec = SerializedPageWriter::new(&mut sink).write_page(page).map_err(EncodeError::Page)?;
    Ok((sink.into_inner().map_err(EncodeError::Page)?, spec))
}

fn write_dictionary(
    dictionary: DictionaryPage,
    press: &mut Press,
) -> Result<(Option<Vec<u8>>, Option<PageWriteSpec>), EncodeError> {
    if dictionary.distinct == 0 {
        return Ok((None, None));
    }
    press.compressor.compress(dictionary.values, &mut press.compressed).map_err(EncodeError::Compress)?;
    let page = Page::DictionaryPage {
        buf: Bytes::copy_from_slice(&press.compressed),
        num_values: dictionary.distinct as u32,
        encoding: Encoding::PLAIN,
        is_sorted: false,
    };
    let (page, spec) = framed(CompressedPage::new(page, dictionary.values.len()))?;
    Ok((Some(page), Some(spec)))
}

/// What the metadata of a chunk is made from.
struct ChunkShape<'a> {
    descr: &'a ColumnDescPtr,
    pages: &'a [Written],
    dictionary: Option<&'a PageWriteSpec>,
}

impl ChunkShape<'_> {
    fn physical(&self) -> Type {
        self.descr.physical_type()
    }

    fn close_result(&self, press: &Press) -> Result<ColumnCloseResult, ParquetError> {
        let dictionary_bytes = self.dictionary.map_or(0, |spec| spec.bytes_written);
        let mut column_index = ColumnIndexBuilder::new(self.physical());
        let mut offset_index = OffsetIndexBuilder::new();
        let (mut rows, mut nulls, mut extent) = (0, 0, Extent::None);
        for Written { facts, spec } in self.pages {
            let (min, max) = index_bounds(&facts.extent, self.physical());
            column_index.append(facts.extent == Extent::None, min, max, facts.nulls as i64);
            offset_index.append_row_count(facts.rows as i64);
            offset_index.append_offset_and_size((dictionary_bytes + spec.offset) as i64, spec.compressed_size as i32);
            rows += facts.rows as u64;
            nulls += facts.nulls as u64;
            extent.merge(&facts.extent);
        }
        let specs = || self.pages.iter().map(|page| &page.spec).chain(self.dictionary);
        let compressed: usize = specs().map(|spec| spec.compressed_size).sum();
        let uncompressed: usize = specs().map(|spec| spec.uncompressed_size).sum();
        let mut encodings = vec![Encoding::RLE];
        let mut stats = Vec::new();
        for encoding in [Encoding::RLE_DICTIONARY, Encoding::DELTA_BINARY_PACKED, Encoding::PLAIN] {
            let count = self.pages.iter().filter(|page| page.facts.encoding == encoding).count() as i32;
            if count > 0 {
                encodings.push(encoding);
                stats.push(PageEncodingStats { page_type: PageType::DATA_PAGE, encoding, count });
            }
        }
        if self.dictionary.is_some() {
            encodings.push(Encoding::PLAIN);
            let page_type = PageType::DICTIONARY_PAGE;
            stats.push(PageEncodingStats { page_type, encoding: Encoding::PLAIN, count: 1 });
        }
        let metadata = ColumnChunkMetaData::builder(self.descr.clone())
            .set_compression_codec(press.compressor.codec())
            .set_encodings(encodings)
            .set_page_encoding_stats(stats)
            .set_total_compressed_size(compressed as i64)
            .set_total_uncompressed_size(uncompressed as i64)
            .set_num_values(rows as i64)
            .set_data_page_offset(dictionary_bytes as i64)
            .set_dictionary_page_offset(self.dictionary.map(|_| 0))
            .set_statistics(statistics(&extent, nulls, self.physical()))
            .build()?;
        Ok(ColumnCloseResult {
            bytes_written: compressed as u64,
            rows_written: rows,
            metadata,
            bloom_filter: None,
            column_index: Some(column_index.build()?),
            offset_index: Some(offset_index.build()),
        })
    }

    /// What the chunk adds to the footer and the indexes at most, near enough.
    fn footer_bytes(&self) -> usize {
        let bounds = |extent: &Extent| {
            let (min, max) = index_bounds(extent, self.physical());
            min.len() + max.len()
        };
        let pages = self.pages.iter().map(|page| 32 + bounds(&page.facts.extent));
        let widest = self.pages.iter().map(|page| bounds(&page.facts.extent)).max().unwrap_or(0);
        pages.sum::<usize>() + 256 + self.descr.name().len() + widest
    }
}

impl ChunkBytes {
    pub fn len(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }
}

/// A chunk as the source that a file writer copies from.
pub struct ChunkSource<'a>(pub &'a ChunkBytes);

impl Length for ChunkSource<'_> {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }
}

impl<'a> ChunkReader for ChunkSource<'a> {
    type T = Pages<'a>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        assert_eq!(start, 0, "a chunk is copied from its start");
        Ok(Pages { page: &[], rest: self.0.0.iter() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut bytes = vec![0; length];
        self.get_read(start)?.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// Reads one page after the other.
pub struct Pages<'a> {
    page: &'a [u8],
    rest: std::slice::Iter<'a, Vec<u8>>,
}

impl Read for Pages<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.page.is_empty() {
            let Some(next) = self.rest.next() else { return Ok(0) };
            self.page = next;
        }
        self.page.read(into)
    }
}
