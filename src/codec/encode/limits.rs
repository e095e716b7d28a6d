//! Everything in the stage that could grow, and how far it may. All but the spill limit decide where pages, row groups
//! and files end, and so the bytes of files: changing one needs a new [`super::WRITER_EPOCH`].

/// Rows of a page: long enough that headers and calls to the compressor vanish, short enough for an index to skip by.
const PAGE_ROWS: usize = 65_536;

/// Values of one page over all columns, so that a page of a wide layout takes no more memory: rows wait as 8 bytes a
/// value.
const PAGE_VALUES_MAX: usize = 24 * PAGE_ROWS;

/// Values that wait in the pages of all partitions of a task.
const PENDING_VALUES: usize = PAGE_VALUES_MAX * 3 / 2;

/// Rows of a row group.
const ROW_GROUP_ROWS: usize = 1_000_000;

/// Bytes of a text column's dictionary; engines hold one in memory for each column that they read.
const TEXT_DICTIONARY_BYTES: usize = 8 << 20;

/// Bytes of the dictionaries of integers and of source objects, about 8,000 URLs.
const SMALL_DICTIONARY_BYTES: usize = 1 << 20;

/// Encoded bytes that wait for the end of their row groups, in all partitions of a task.
const BUFFERED_BYTES: usize = 40 << 20;

/// Bytes of the tables by which texts find their keys, in all partitions of a task.
const TABLE_BYTES: usize = 16 << 20;

/// Partitions of a task that have a file open.
pub const OPEN_PARTITIONS_MAX: usize = 16;

/// Rows set aside in memory, in all partitions that have no file open.
const SPILL_BYTES: usize = 32 << 20;

/// The limits in force; tests make them small.
#[derive(Debug, Clone)]
pub struct Limits {
    pub page_rows: usize,
    pub page_values: usize,
    pub pending_values: usize,
    pub row_group_rows: usize,
    pub text_dictionary_bytes: usize,
    pub small_dictionary_bytes: usize,
    pub buffered_bytes: usize,
    pub table_bytes: usize,
    pub open_partitions: usize,
    pub spill_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            page_rows: PAGE_ROWS,
            page_values: PAGE_VALUES_MAX,
            pending_values: PENDING_VALUES,
            row_group_rows: ROW_GROUP_ROWS,
            text_dictionary_bytes: TEXT_DICTIONARY_BYTES,
            small_dictionary_bytes: SMALL_DICTIONARY_BYTES,
            buffered_bytes: BUFFERED_BYTES,
            table_bytes: TABLE_BYTES,
            open_partitions: OPEN_PARTITIONS_MAX,
            spill_bytes: SPILL_BYTES,
        }
    }
}

impl Limits {
    /// Rows of a page of a file with `columns` columns.
    pub fn page_rows(&self, columns: usize) -> usize {
        self.page_rows.min(self.page_values / columns).max(1)
    }
}
