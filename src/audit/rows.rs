//! The rows of one data file, added up by object and held against its record.
//!
//! Only the columns that receipts are about are read; that all others are what was written follows from the file's
//! hash.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;

use super::difference::{Difference, DifferenceKind};
use super::lines::Met;
use super::notes::LiveFile;
use super::objects::{Objects, Whose};
use super::sums::{Counted, Window};
use crate::columns::{NULL_INT, Values};
use crate::progress::Progress;
use crate::schema::{self, LOG_LINE, LOG_OBJECT, Table, without_ids};

const BATCH_ROWS: usize = 8_192;
/// Differences told of single rows, a file and kind.
const ROWS_TOLD_MAX: usize = 5;

/// Differences told of single rows of one file, over all of its readings.
pub type Told = BTreeMap<DifferenceKind, usize>;

/// One file in one pass.
pub struct Pass<'a> {
    pub table: Table,
    pub live: &'a LiveFile,
    pub columns: &'a BTreeMap<String, schema::Kind>,
    /// What may lie in its partition; `None` if that is no partition.
    pub window: Option<&'a Window>,
    pub objects: &'a mut Objects,
    pub told: &'a mut Told,
    /// The file was not read before: its footer is looked at, and its rows are counted for people.
    pub is_first_reading: bool,
    /// Few, whatever the file holds.
    pub differences: &'a mut Vec<Difference>,
}

impl Pass<'_> {
    pub fn file(&mut self, file: &File, progress: &Progress) -> Result<(), ParquetError> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file.try_clone()?)?;
        if self.is_first_reading {
            self.footer(&builder);
        }
        let table = self.table;
        let of_table = [table.start].into_iter().chain(table.end).chain(table.measures.iter().copied());
        let read = [LOG_OBJECT, LOG_LINE].into_iter().chain(of_table);
        let mask = ProjectionMask::columns(builder.parquet_schema(), read);
        for batch in builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()? {
            let batch = batch?;
            self.batch(&batch)?;
            if self.is_first_reading {
                progress.records(batch.num_rows() as u64);
            }
        }
        Ok(())
    }

    fn footer(&mut self, builder: &ParquetRecordBatchReaderBuilder<File>) {
        let record = &self.live.record;
        let name = &record.path;
        let rows = builder.metadata().file_metadata().num_rows() as u64;
        if rows != record.rows {
            let (expected, found) = (format!("{} rows", record.rows), format!("{rows} rows in its footer"));
            self.differences.push(Difference::of_file(DifferenceKind::FileRows, name, expected, found));
        }
        let told = |column: &String, kind: String| format!("{column} {kind}");
        let expected: BTreeSet<String> =
            self.columns.iter().map(|(column, kind)| told(column, kind.data_type().to_string())).collect();
        let fields = builder.schema().fields();
        let found: BTreeSet<String> =
            fields.iter().map(|field| told(field.name(), without_ids(field.data_type()).to_string())).collect();
        if expected != found {
            let only =
                |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>().join(", ");
            let (expected, found) = (only(&expected, &found), only(&found, &expected));
            self.differences.push(Difference::of_file(DifferenceKind::FileColumns, name, expected, found));
        }
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        let lacks = |name: &str| ParquetError::General(format!("it has no column `{name}` of the type it must have"));
        let urls = batch.column_by_name(LOG_OBJECT).and_then(|column| column.as_string_opt::<i32>());
        let urls = urls.ok_or_else(|| lacks(LOG_OBJECT))?;
        let ints = |name: &str| batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int64Type>());
        let lines = ints(LOG_LINE).ok_or_else(|| lacks(LOG_LINE))?;
        let values = |name: &str| batch.column_by_name(name).cloned().map(Values::Array);
        let (start, end) = (values(self.table.start), self.table.end.and_then(values));
        let [start, end] = [&start, &end].map(|times| times.as_ref().and_then(Values::seconds));
        let measured: Vec<Option<Values>> = self.table.measures.iter().map(|name| values(name)).collect();
        let measured: Vec<_> = measured.iter().map(|of| of.as_ref().and_then(Values::whole_numbers)).collect();
        let at = |values: &Option<Cow<[i64]>>, row: usize| values.as_ref().map_or(NULL_INT, |values| values[row]);
        let mut last: Option<(&str, Whose)> = None;
        for row in 0..batch.num_rows() {
            let url = urls.value(row);
            let whose = match last {
                Some((same, whose)) if same == url => whose,
                _ => self.objects.whose(url),
            };
            last = Some((url, whose));
            let counted = Counted {
                line: lines.value(row),
                start: at(&start, row),
                end: at(&end, row),
                measures: std::array::from_fn(|measure| measured.get(measure).map_or(NULL_INT, |of| at(of, row))),
                measured: measured.len(),
            };
            match whose {
                Whose::Object(object) => self.row(object, url, &counted),
                Whose::Nobody => {
                    self.tell(DifferenceKind::RowForeign, url, counted.line, "rows of its partition's objects alone")
                }
                Whose::AnotherRound => {}
            }
        }
        Ok(())
    }

    fn row(&mut self, object: usize, url: &str, counted: &Counted) {
        match self.objects.lines.meet(object, counted.line) {
            Met::Repeated => self.tell(DifferenceKind::LineTwice, url, counted.line, "each line once"),
            Met::Beyond => self.tell(DifferenceKind::LineUnknown, url, counted.line, "lines that its receipt counts"),
            Met::First | Met::Elsewhere => {}
        }
        if self.window.is_none_or(|window| !window.admits(counted.start)) {
            self.tell(DifferenceKind::RowMisplaced, url, counted.line, "rows of its partition alone");
        }
        if self.objects.lines.is_first() {
            self.objects.held[object].found.add(counted);
        }
    }

    /// Tells of a row, once over all passes and of no more rows than people read.
    fn tell(&mut self, kind: DifferenceKind, url: &str, line: i64, expected: &str) {
        // A second reading of a line shows in the pass that looks at it, every other fault in the first.
        if kind != DifferenceKind::LineTwice && !self.objects.lines.is_first() {
            return;
        }
        let told = self.told.entry(kind).or_default();
        *told += 1;
        if *told <= ROWS_TOLD_MAX {
            let found = format!("line {line}{}", if *told == ROWS_TOLD_MAX { ", and perhaps more" } else { "" });
            let difference = Difference::of_object(kind, url, expected, found);
            self.differences.push(difference.in_file(&self.live.record.path));
        }
    }
}
