//! The index of live data files by date, so that a question reads the names of its own dates alone.
//!
//! A checkpoint files the live files of each date of a table as Parquet, one row a file: `path partition rows bytes
//! hash start_min start_max plan task` and `columns`, a JSON object of names and types. Only dates that changed are
//! written anew. What a date comes to stands in the checkpoint itself, so that tables and their columns are known
//! without any of these files.
//!
//! The heads of the commits say the same. A lake without an index is read from them, and the next checkpoint writes it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use bytes::Bytes;
use parquet::errors::ParquetError;
use serde::{Deserialize, Deserializer, Serialize};

use super::filed::{self, caught, column, need, number, signed};
use super::files::{DataFile, checked_hash};
use super::lines::inflated_max;
use super::{Day, Names, Relative, TaskRef, columns};
use crate::schema::{Kind, Partition, Table};

/// Who wrote a file of the index: its hash is in its name, so that this stays.
const CREATED_BY: &str = "flowlake version 1.0.0 (build index-1)";

/// A live data file, and the task that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOfTask {
    /// As its commit says, by the name that it has now.
    pub file: DataFile,
    /// The task that made it, whoever gave it its name.
    pub task: TaskRef,
}

/// What a checkpoint says of live data files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// The different sets of columns that dates have.
    columns: Vec<Columns>,
    dates: BTreeMap<Table, BTreeMap<Day, OfDate>>,
}

/// Columns of all files of a date, with their types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Columns(Arc<BTreeMap<String, Kind>>);

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Columns, D::Error> {
        columns::of_table(deserializer).map(|columns| Columns(Arc::new(columns)))
    }
}

/// What the live files of one date come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OfDate {
    /// The Parquet file that lists them, relative to the lake.
    name: Relative,
    #[serde(flatten)]
    sums: Sums,
    /// Which of the index's sets of columns they have.
    columns: usize,
    /// Checkpoints of earlier programs do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<Size>,
}

/// What tells whether files of a date are small without a look at each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Bytes of all of them.
    pub bytes: u64,
    /// How many different partitions and sets of columns they have.
    pub sets: u64,
}

impl Size {
    /// That of some files.
    pub(super) fn of<'a>(files: impl IntoIterator<Item = &'a DataFile>) -> Size {
        let (mut bytes, mut sets) = (0_u64, BTreeSet::new());
        for file in files {
            bytes = bytes.saturating_add(file.bytes);
            sets.insert(file.set());
        }
        Size { bytes, sets: sets.len() as u64 }
    }
}

/// What some data files come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// How many they are.
    pub files: u64,
    /// Rows in all of them.
    pub rows: u64,
    /// The least start of a row, Unix seconds; `None` if no row has one.
    pub start_min: Option<i64>,
    /// The greatest start of a row, Unix seconds.
    pub start_max: Option<i64>,
    /// Whether one of them lies in the folder of an hour.
    pub by_hour: bool,
}

impl Sums {
    /// Those of some files.
    pub fn of<'a>(files: impl IntoIterator<Item = &'a DataFile>) -> Sums {
        let mut sums = Sums::default();
        for file in files {
            let by_hour = file.partition.parse::<Partition>().is_ok_and(|partition| partition.is_by_hour());
            let DataFile { rows, start_min, start_max, .. } = *file;
            sums = sums.with(Sums { files: 1, rows, start_min, start_max, by_hour });
        }
        sums
    }

    /// Those of these files and of others.
    pub(super) fn with(self, others: Sums) -> Sums {
        Sums {
            files: self.files.saturating_add(others.files),
            rows: self.rows.saturating_add(others.rows),
            start_min: [self.start_min, others.start_min].into_iter().flatten().min(),
            start_max: self.start_max.max(others.start_max),
            by_hour: self.by_hour || others.by_hour,
        }
    }
}

/// Columns of some files, with their types.
pub(super) fn columns_of<'a>(files: impl IntoIterator<Item = &'a DataFile>) -> BTreeMap<String, Kind> {
    let columns = files.into_iter().flat_map(|file| &file.columns);
    columns.map(|(name, &kind)| (name.clone(), kind)).collect()
}

/// A date of a table.
pub type DateOf = (Table, Day);

/// The date of a table to which a name of a data file belongs; `None` of other names.
pub fn date_of(name: &Relative) -> Option<DateOf> {
    let (table, partition) = Names::place_of(name)?;
    Some((table, Day(partition.date)))
}

/// Whether a file lies where its record says, so that its name alone tells its date.
fn is_in_its_place(file: &DataFile) -> bool {
    let place = Names::place_of(&file.path);
    place.is_some_and(|(table, partition)| table == file.table && partition.path() == file.partition.as_str())
}

/// Live files by date; `None` of a lake that has no index: one of its files does not lie where its record says, which
/// no program of ours writes, or a date has more files than a list takes.
pub fn by_date(files: Vec<FileOfTask>) -> Option<BTreeMap<DateOf, Vec<FileOfTask>>> {
    let mut dates: BTreeMap<DateOf, Vec<FileOfTask>> = BTreeMap::new();
    for file in files {
        let date = date_of(&file.file.path).filter(|_| is_in_its_place(&file.file))?;
        dates.entry(date).or_default().push(file);
    }
    dates.values_mut().for_each(|files| files.sort_by(|a, b| a.file.path.cmp(&b.file.path)));
    let is_small = |files: &Vec<FileOfTask>| files.len() as u64 <= filed::ROWS_MAX as u64;
    dates.values().all(is_small).then_some(dates)
}

impl Index {
    /// Rows of all live files.
    pub fn rows(&self) -> u64 {
        self.of_dates().map(|(_, of)| of.sums.rows).fold(0, u64::saturating_add)
    }

    /// Rows of all live files, once some dates have these.
    pub fn rows_with<'a>(&self, dates: impl Iterator<Item = (&'a DateOf, &'a Vec<FileOfTask>)>) -> u64 {
        let mut rows = self.rows();
        for (&date, files) in dates {
            let before = self.sums(date).unwrap_or_default();
            let now = Sums::of(files.iter().map(|file| &file.file));
            rows = rows.saturating_sub(before.rows).saturating_add(now.rows);
        }
        rows
    }

    /// The Parquet files of the index.
    pub fn names(&self) -> impl Iterator<Item = &Relative> {
        self.of_dates().map(|(_, of)| &of.name)
    }

    /// Every date that has or had files.
    pub fn dates(&self) -> impl Iterator<Item = DateOf> + '_ {
        self.of_dates().map(|(date, _)| date)
    }

    /// The file that lists those of a date.
    pub fn name(&self, date: DateOf) -> Option<&Relative> {
        self.of(date).map(|of| &of.name)
    }

    /// What the files of a date come to.
    pub fn sums(&self, date: DateOf) -> Option<Sums> {
        self.of(date).map(|of| of.sums)
    }

    /// What tells whether files of a date are small, where a checkpoint noted it.
    pub(super) fn size(&self, date: DateOf) -> Option<Size> {
        self.of(date).and_then(|of| of.size)
    }

    /// The columns of a date's files.
    pub(super) fn columns(&self, date: DateOf) -> Arc<BTreeMap<String, Kind>> {
        self.of(date).map(|of| Arc::clone(&self.columns[of.columns].0)).unwrap_or_default()
    }

    /// Whether it says of a date what these files come to.
    pub fn is_of(&self, date: DateOf, files: &[FileOfTask]) -> bool {
        let files = || files.iter().map(|file| &file.file);
        self.sums(date) == Some(Sums::of(files()))
            && *self.columns(date) == columns_of(files())
            && self.size(date).is_none_or(|size| size == Size::of(files()))
    }

    /// Says of some dates anew what they have: the file that lists it, and what it lists.
    pub fn put(&mut self, dates: impl IntoIterator<Item = (DateOf, Relative, Vec<FileOfTask>)>) {
        let mut new: BTreeMap<DateOf, Columns> = BTreeMap::new();
        for ((table, day), name, files) in dates {
            let files = || files.iter().map(|file| &file.file);
            new.insert((table, day), Columns(Arc::new(columns_of(files()))));
            let of = OfDate { name, sums: Sums::of(files()), columns: 0, size: Some(Size::of(files())) };
            self.dates.entry(table).or_default().insert(day, of);
        }
        let before = std::mem::take(&mut self.columns);
        let text = |columns: &Columns| serde_json::to_string(columns).expect("names and types are plain data");
        // Many dates have few sets.
        let mut place_of: HashMap<String, usize> = HashMap::new();
        let mut moved: Vec<Option<usize>> = vec![None; before.len()];
        let mut place = |columns: &Columns| {
            *place_of.entry(text(columns)).or_insert_with(|| {
                self.columns.push(columns.clone());
                self.columns.len() - 1
            })
        };
        for (&table, days) in &mut self.dates {
            for (&day, of) in days {
                of.columns = match new.get(&(table, day)) {
                    Some(columns) => place(columns),
                    None => *moved[of.columns].get_or_insert_with(|| place(&before[of.columns])),
                };
            }
        }
    }

    /// Why it is none that this program wrote beside these sums of the log; `None` if it may be.
    pub(super) fn fault(&self, rows: u64) -> Option<String> {
        if self.of_dates().any(|(_, of)| of.columns >= self.columns.len()) {
            return Some("a date of its index has columns that it does not name".to_owned());
        }
        let found = self.rows();
        (found != rows).then(|| format!("the files of its index have {found} rows, the seals say {rows}"))
    }

    fn of(&self, (table, day): DateOf) -> Option<&OfDate> {
        self.dates.get(&table)?.get(&day)
    }

    fn of_dates(&self) -> impl Iterator<Item = (DateOf, &OfDate)> {
        self.dates.iter().flat_map(|(&table, days)| days.iter().map(move |(&day, of)| ((table, day), of)))
    }
}

/// The live files of one date as a Parquet file. Same files, same bytes.
pub fn encode(files: &[FileOfTask]) -> Vec<u8> {
    filed::encode(Arc::new(schema()), files.chunks(filed::ROW_GROUP_ROWS).map(batch), CREATED_BY, None)
}

/// The live files that such a file lists. All of them are of `date`.
pub fn decode(bytes: Bytes, date: DateOf) -> Result<Vec<FileOfTask>, ParquetError> {
    let text_bytes_max = inflated_max(bytes.len() as u64);
    caught(|| {
        let (mut files, mut text_bytes) = (Vec::<FileOfTask>::new(), 0);
        for batch in filed::open(bytes, &schema(), "live data files")?.build()? {
            let batch = batch?;
            let mut last: Option<(String, BTreeMap<String, Kind>)> = None;
            for row in 0..batch.num_rows() {
                let text = need(&batch, "columns", row)?;
                // Files of one date mostly have the columns of the one before.
                if last.as_ref().is_none_or(|(known, _)| known != text) {
                    last = Some((text.to_owned(), parse_columns(text)?));
                }
                let columns = last.as_ref().map(|(_, columns)| columns.clone()).unwrap_or_default();
                text_bytes += text.len() as u64;
                if text_bytes > text_bytes_max {
                    return Err(ParquetError::General(format!("its texts have more than {text_bytes_max} bytes")));
                }
                let found = from_row(&batch, row, date.0, columns)?;
                if date_of(&found.file.path) != Some(date) || !is_in_its_place(&found.file) {
                    return Err(ParquetError::General(format!("{} is not of its date", found.file.path)));
                }
                files.push(found);
            }
        }
        Ok(files)
    })
}

fn parse_columns(text: &str) -> Result<BTreeMap<String, Kind>, ParquetError> {
    let mut json = serde_json::Deserializer::from_str(text);
    columns::of_file(&mut json).map_err(|error| ParquetError::General(format!("columns: {error}")))
}

const TEXTS: [&str; 4] = ["path", "partition", "hash", "columns"];

fn schema() -> Schema {
    let mut fields: Vec<Field> = TEXTS.map(|name| Field::new(name, DataType::Utf8, false)).into();
    fields.extend(["rows", "bytes"].map(|name| Field::new(name, DataType::UInt64, false)));
    fields.extend(["plan", "task"].map(|name| Field::new(name, DataType::Int64, false)));
    fields.extend(["start_min", "start_max"].map(|name| Field::new(name, DataType::Int64, true)));
    Schema::new(fields)
}

fn batch(files: &[FileOfTask]) -> RecordBatch {
    let texts = |of: fn(&DataFile) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(files.iter().map(|file| of(&file.file))))
    };
    let json = |file: &DataFile| serde_json::to_string(&file.columns).expect("names and types are plain data");
    let counts = |of: fn(&DataFile) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(files.iter().map(|file| of(&file.file))))
    };
    let starts = |of: fn(&DataFile) -> Option<i64>| -> ArrayRef {
        Arc::new(files.iter().map(|file| of(&file.file)).collect::<Int64Array>())
    };
    let columns: Vec<ArrayRef> = vec![
        texts(|file| file.path.to_string()),
        texts(|file| file.partition.to_string()),
        texts(|file| file.hash.clone()),
        texts(json),
        counts(|file| file.rows),
        counts(|file| file.bytes),
        Arc::new(Int64Array::from_iter_values(files.iter().map(|file| file.task.plan as i64))),
        Arc::new(Int64Array::from_iter_values(files.iter().map(|file| file.task.task as i64))),
        starts(|file| file.start_min),
        starts(|file| file.start_max),
    ];
    RecordBatch::try_new(Arc::new(schema()), columns).expect("columns of one length, as the schema says")
}

fn from_row(
    batch: &RecordBatch,
    row: usize,
    table: Table,
    columns: BTreeMap<String, Kind>,
) -> Result<FileOfTask, ParquetError> {
    let name = |of: &str| {
        let name = need(batch, of, row)?.parse::<Relative>();
        name.map_err(|error| ParquetError::General(error.to_string()))
    };
    let start = |of: &str| {
        let starts = column(batch, of)?.as_primitive::<Int64Type>();
        Ok::<_, ParquetError>((!starts.is_null(row)).then(|| starts.value(row)))
    };
    let file = DataFile {
        path: name("path")?,
        table,
        partition: name("partition")?,
        rows: number(batch, "rows", row)?,
        bytes: number(batch, "bytes", row)?,
        hash: checked_hash(need(batch, "hash", row)?.to_owned())
            .map_err(|error| ParquetError::General(error.to_owned()))?,
        columns,
        start_min: start("start_min")?,
        start_max: start("start_max")?,
    };
    let task = TaskRef { plan: signed(batch, "plan", row)?, task: signed(batch, "task", row)? };
    Ok(FileOfTask { file, task })
}
