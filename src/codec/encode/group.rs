//! The row group that a partition is gathering: rows of the current page in columns, earlier pages encoded.

use std::ops::Range;
use std::sync::Arc;

use super::chunk::{ColumnChunk, DictionaryPage, EncodedChunk, Press};
use super::ints::{SmallInts, WideInts};
use super::order::{Order, Sorted};
use super::page::{Extent, PageBuffer, PageFacts};
use super::runs::RunColumn;
use super::shape::{Shape, SortColumns, is_required};
use super::text::TextColumn;
use super::{EncodeError, Limits, Origin};
use crate::columns::{Dictionaries, Values};
use crate::schema::{Kind, PROVENANCE};

/// Rows to append: columns of one chunk, and where each column of the file finds its values.
pub struct Rows<'a> {
    pub values: &'a [Values],
    /// For each column of the log in file order, its index in `values` and `slots`.
    pub sources: &'a [usize],
    pub slots: &'a [usize],
    pub lines: &'a [i64],
    /// The start of each row in Unix seconds; empty where there is none, and for rows that were set aside.
    pub starts: &'a [i64],
    pub dictionaries: &'a Dictionaries,
    pub origin: &'a Origin,
}

enum Encoder {
    Text(TextColumn),
    Run(RunColumn),
    Small(SmallInts),
    Wide(WideInts),
}

struct GroupColumn {
    encoder: Encoder,
    chunk: ColumnChunk,
    dictionary_bytes_max: usize,
    /// Whether it has a bloom filter.
    is_filtered: bool,
}

/// Rows of one partition that are in no file yet.
pub struct RowGroup {
    shape: Arc<Shape>,
    columns: Vec<GroupColumn>,
    page_rows_max: usize,
    /// Rows of the current page.
    page_rows: usize,
    /// Rows of the pages that are encoded.
    rows: usize,
    pages: usize,
    start: Extent,
}

/// A row group that is ready to be copied to its file.
pub struct EncodedGroup {
    pub chunks: Vec<EncodedChunk>,
    pub rows: usize,
    /// Extent of `start`.
    pub start: Extent,
}

impl EncodedGroup {
    pub fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.bytes.len()).sum()
    }

    pub fn footer_bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.footer_bytes).sum()
    }
}

impl RowGroup {
    /// The columns of texts named in `bloom` have a bloom filter.
    pub fn new(shape: Arc<Shape>, limits: &Limits, bloom: &[String]) -> RowGroup {
        let columns = shape.columns.iter().zip(shape.descr.columns());
        let log_columns = shape.log_columns().len();
        let columns = columns.enumerate().map(|(at, (column, descr))| GroupColumn {
            encoder: match column.kind {
                Kind::Text if at < log_columns => Encoder::Text(TextColumn::default()),
                Kind::Text => Encoder::Run(RunColumn::new(is_required(column))),
                Kind::Int32 | Kind::Port => Encoder::Small(SmallInts::default()),
                Kind::Int64 if at < log_columns => Encoder::Wide(WideInts::of_counters()),
                Kind::Int64 | Kind::Seconds => Encoder::Wide(WideInts::of_differences(is_required(column))),
                Kind::Signed | Kind::Double | Kind::Boolean | Kind::Timestamp | Kind::Nested(_) => {
                    unreachable!("files with such columns are written by the library")
                }
            },
            chunk: ColumnChunk::new(descr.clone()),
            dictionary_bytes_max: match column.kind {
                Kind::Text if at < log_columns => limits.text_dictionary_bytes,
                _ => limits.small_dictionary_bytes,
            },
            is_filtered: column.kind == Kind::Text && at < log_columns && bloom.contains(&column.name),
        });
        RowGroup {
            columns: columns.collect(),
            page_rows_max: limits.page_rows(shape.columns.len()),
            shape,
            page_rows: 0,
            rows: 0,
            pages: 0,
            start: Extent::None,
        }
    }

    /// Appends rows of `range` up to the end of the page, and tells how many.
    pub fn append(&mut self, rows: &Rows, range: Range<usize>) -> usize {
        let taken = range.len().min(self.page_rows_max - self.page_rows);
        let range = range.start..range.start + taken;
        let (log, provenance) = self.columns.split_at_mut(rows.sources.len());
        for (column, &source) in log.iter_mut().zip(rows.sources) {
            match (&mut column.encoder, &rows.values[source]) {
                (Encoder::Text(text), Values::Text(ids)) => {
                    text.append(&ids[range.clone()], rows.dictionaries.get(rows.slots[source]));
                }
                (Encoder::Small(ints), Values::Int(values)) => ints.append(&values[range.clone()]),
                (Encoder::Wide(ints), Values::Int(values)) => ints.append(&values[range.clone()]),
                _ => unreachable!("a chunk's values are of its layout's kinds"),
            }
        }
        for (column, own) in provenance.iter_mut().zip(&PROVENANCE) {
            match &mut column.encoder {
                Encoder::Run(run) => run.append(rows.origin.text(own.column), taken),
                Encoder::Wide(ints) => ints.append(&rows.lines[range.clone()]),
                Encoder::Text(_) | Encoder::Small(_) => unreachable!("provenance is constant texts and the line"),
            }
        }
        self.page_rows += taken;
        taken
    }

    pub fn page_is_full(&self) -> bool {
        self.page_rows == self.page_rows_max
    }

    /// Values of the current page.
    pub fn pending_values(&self) -> usize {
        self.page_rows * self.columns.len()
    }

    /// Bytes of the tables by which texts find their keys.
    pub fn table_bytes(&self) -> usize {
        self.columns
            .iter()
            .map(|column| if let Encoder::Text(text) = &column.encoder { text.table_bytes() } else { 0 })
            .sum()
    }

    pub fn is_empty(&self) -> bool {
        self.rows + self.page_rows == 0
    }

    /// Encodes the rows of the current page.
    pub fn cut_page(&mut self, press: &mut Press) -> Result<(), EncodeError> {
        if self.page_rows == 0 {
            return Ok(());
        }
        self.order(&mut press.order);
        for (at, column) in self.columns.iter_mut().enumerate() {
            let facts = column.encoder.cut(&mut press.page, press.order.rows());
            assert_eq!(facts.rows, self.page_rows, "all columns have the rows of the page");
            if self.shape.start == Some(at) {
                self.start.merge(&facts.extent);
            }
            column.chunk.write(facts, press)?;
        }
        self.rows += self.page_rows;
        self.page_rows = 0;
        self.pages += 1;
        Ok(())
    }

    fn order(&self, order: &mut Order) {
        let SortColumns { ports, addresses, interface, object } = self.shape.sort;
        let encoder = |at: usize| &self.columns[at].encoder;
        let text = |at: usize| match encoder(at) {
            Encoder::Text(text) => text,
            Encoder::Run(_) | Encoder::Small(_) | Encoder::Wide(_) => unreachable!("the shape chose columns of texts"),
        };
        let ints = |at: usize| match encoder(at) {
            Encoder::Small(ints) => ints.values(),
            Encoder::Run(_) | Encoder::Text(_) | Encoder::Wide(_) => unreachable!("the shape chose columns of ports"),
        };
        let Encoder::Run(objects) = encoder(object) else { unreachable!("objects come in runs") };
        let by = Sorted {
            objects: &mut objects.rows(),
            ports: ports.map(|both| both.map(ints)),
            addresses: addresses.map(|both| both.map(|at| (text(at).keys(), text(at).texts().len()))),
            interface: interface.map(|at| text(at).keys()),
        };
        order.make(self.page_rows, by);
    }

    /// Whether the row group has to end with the page that was cut last.
    pub fn is_full(&self, limits: &Limits, file_bytes_max: u64) -> bool {
        let has_full_dictionary = || {
            self.columns.iter().any(|column| column.encoder.dictionary().values.len() >= column.dictionary_bytes_max)
        };
        if self.rows >= limits.row_group_rows || has_full_dictionary() {
            return true;
        }
        // Room for the footer and for one more page, which may be half as large again as those before it.
        let bytes = self.encoded_bytes();
        let margin = self.columns.len() * (512 + 96 * self.pages) + bytes / self.pages.max(1) * 3 / 2;
        (bytes + margin) as u64 >= file_bytes_max
    }

    /// Bytes of the encoded pages and of the dictionaries, before these are compressed.
    pub fn encoded_bytes(&self) -> usize {
        let bytes = |column: &GroupColumn| column.chunk.bytes() + column.encoder.dictionary().values.len();
        self.columns.iter().map(bytes).sum()
    }

    /// Ends the row group; the next one begins empty.
    pub fn close(&mut self, press: &mut Press) -> Result<EncodedGroup, EncodeError> {
        self.cut_page(press)?;
        let mut chunks = Vec::with_capacity(self.columns.len());
        for column in &mut self.columns {
            let mut chunk = column.chunk.close(column.encoder.dictionary(), press)?;
            if let Encoder::Text(text) = &column.encoder
                && column.is_filtered
            {
                chunk.filter_by(text.texts()).map_err(EncodeError::Page)?;
            }
            chunks.push(chunk);
            column.encoder.clear();
        }
        let start = std::mem::replace(&mut self.start, Extent::None);
        self.pages = 0;
        Ok(EncodedGroup { chunks, rows: std::mem::take(&mut self.rows), start })
    }

    /// Gives back the memory of a page that was cut.
    pub fn release_page(&mut self) {
        for column in &mut self.columns {
            match &mut column.encoder {
                Encoder::Text(text) => text.release(),
                Encoder::Run(_) => {}
                Encoder::Small(ints) => ints.release(),
                Encoder::Wide(ints) => ints.release(),
            }
        }
    }
}

impl Encoder {
    fn cut(&mut self, page: &mut PageBuffer, order: &[u32]) -> PageFacts {
        match self {
            Encoder::Text(text) => text.cut(page, order),
            // What is constant for an object is so in any order that keeps its rows together.
            Encoder::Run(run) => run.cut(page),
            Encoder::Small(ints) => ints.cut(page, order),
            Encoder::Wide(ints) => ints.cut(page, order),
        }
    }

    fn dictionary(&self) -> DictionaryPage<'_> {
        let (values, distinct) = match self {
            Encoder::Text(text) => (text.texts().page(), text.texts().len()),
            Encoder::Run(run) => (run.texts().page(), run.texts().len()),
            Encoder::Small(ints) => ints.dictionary(),
            Encoder::Wide(ints) => ints.dictionary(),
        };
        DictionaryPage { values, distinct }
    }

    /// Forgets the dictionary.
    fn clear(&mut self) {
        match self {
            Encoder::Text(text) => text.clear(),
            Encoder::Run(run) => run.clear(),
            Encoder::Small(ints) => ints.clear(),
            Encoder::Wide(ints) => ints.clear(),
        }
    }
}
