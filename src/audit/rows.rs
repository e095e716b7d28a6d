//! The rows of a task's data files, added up by object and partition and held against the receipts.
//!
//! Only the columns that receipts are about are read; that all others are what was written follows from the files' hashes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufReader, Seek};
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;

use super::AuditError;
use super::difference::{Difference, Kind};
use super::lines::{Lines, Met};
use super::opened::Opening;
use super::records::is_believable;
use super::sums::{Counted, Sums, Window};
use crate::columns::NULL_INT;
use crate::lake::{Commit, DataFile, LineReader, Outcome, RejectRecord};
use crate::progress::Progress;
use crate::schema::Table;

const BATCH_ROWS: usize = 8_192;
/// Differences told of single rows, a file and kind.
const ROWS_TOLD_MAX: usize = 5;
const READ: [&str; 6] = ["log_object", "log_line", "start", "end", "packets", "bytes"];

/// Files of one task that stay open from pass to pass; all others are opened anew in each.
const FILES_HELD_MAX: usize = 16;

/// What one commit says, and the lines that were set aside.
pub struct Task {
    pub commit: Arc<Commit>,
    pub rejects: Option<File>,
    /// The rejects are lost.
    pub rejects_damaged: bool,
    pub lines_in_memory_max: u64,
    pub progress: Progress,
}

type Found = BTreeMap<(usize, Table, String), Sums>;

/// Reads every row and reject of a task, in as many passes as its lines take.
pub fn compare(task: &Task, files: &Opening) -> Result<Vec<Difference>, AuditError> {
    let converted = |outcome| outcome == Outcome::Converted;
    let receipts = &task.commit.receipts;
    let objects: HashMap<&str, usize> = receipts
        .iter()
        .enumerate()
        .filter(|(_, receipt)| converted(receipt.outcome) && is_believable(receipt))
        .map(|(index, receipt)| (receipt.url.as_str(), index))
        .collect();
    let lines_of = |(index, receipt): (usize, &crate::lake::Receipt)| {
        objects.get(receipt.url.as_str()).filter(|&&at| at == index).map_or(0, |_| receipt.lines)
    };
    let mut lines = Lines::new(receipts.iter().enumerate().map(lines_of), task.lines_in_memory_max);
    let mut found = Found::new();
    let mut rejects = vec![0_u64; receipts.len()];
    let mut differences = Vec::new();
    let mut held: HashMap<usize, File> = HashMap::new();
    // Partitions of which a file is lost: their sums would only say so again.
    let (mut damaged, mut partitions_damaged) = (BTreeSet::new(), BTreeSet::new());
    while lines.next_window() {
        for (index, record) in task.commit.head.files.iter().enumerate() {
            if damaged.contains(&index) {
                continue;
            }
            let opened = match held.remove(&index) {
                Some(file) => Ok(file),
                None => files.file(index, lines.is_first())?,
            };
            let file = match opened {
                Ok(file) => file,
                Err(difference) => {
                    differences.push(difference);
                    damaged.insert(index);
                    partitions_damaged.insert((record.table, record.partition.to_string()));
                    continue;
                }
            };
            let mut pass = Pass::new(record, &objects, &mut lines, &mut found, &mut differences);
            if let Err(error) = pass.file(&file, &task.progress) {
                let found = error.to_string();
                differences.push(Difference::of_file(Kind::FileUnreadable, &record.path, "a Parquet file", found));
                return Ok(differences);
            }
            if held.len() < FILES_HELD_MAX {
                held.insert(index, file);
            }
        }
        if let Some(file) = &task.rejects {
            let name = task.commit.head.rejects.as_deref().unwrap_or_default();
            if let Err(reason) = read_rejects(file, (&objects, &mut lines), &mut rejects, (name, &mut differences)) {
                differences.push(Difference::of_file(Kind::RecordUnreadable, name, "JSON lines under zstd", reason));
                return Ok(differences);
            }
        }
    }
    compare_sums(task, &found, &partitions_damaged, &mut differences);
    if !task.rejects_damaged {
        for (receipt, found) in receipts.iter().zip(rejects).filter(|(receipt, _)| converted(receipt.outcome)) {
            if receipt.rejects != found {
                let (expected, found) = (format!("{} rejects", receipt.rejects), format!("{found} rejects"));
                differences.push(Difference::of_object(Kind::RejectsDiffer, &receipt.url, expected, found));
            }
        }
    }
    Ok(differences)
}

fn compare_sums(task: &Task, found: &Found, damaged: &BTreeSet<(Table, String)>, differences: &mut Vec<Difference>) {
    let mut expected = Found::new();
    for (index, receipt) in task.commit.receipts.iter().enumerate() {
        for part in receipt.parts.iter().filter(|_| receipt.outcome == Outcome::Converted) {
            expected.insert((index, part.table, part.partition.to_string()), Sums::of(part));
        }
    }
    let keys: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    for key in keys {
        let (index, table, partition) = key;
        let (expected, found) = (expected.get(key).copied().unwrap_or_default(), found.get(key).copied());
        let found = found.unwrap_or_default();
        if expected != found && !damaged.contains(&(*table, partition.clone())) {
            let folder = format!("{}/{partition}", table.name());
            let url = &task.commit.receipts[*index].url;
            let difference = Difference::of_object(Kind::ObjectSums, url, expected.to_string(), found.to_string());
            differences.push(difference.in_file(&folder));
        }
    }
}

/// One file in one pass.
struct Pass<'a> {
    record: &'a DataFile,
    objects: &'a HashMap<&'a str, usize>,
    lines: &'a mut Lines,
    found: &'a mut Found,
    differences: &'a mut Vec<Difference>,
    told: BTreeMap<Kind, usize>,
}

impl<'a> Pass<'a> {
    fn new(
        record: &'a DataFile,
        objects: &'a HashMap<&'a str, usize>,
        lines: &'a mut Lines,
        found: &'a mut Found,
        differences: &'a mut Vec<Difference>,
    ) -> Pass<'a> {
        Pass { record, objects, lines, found, differences, told: BTreeMap::new() }
    }

    fn file(&mut self, file: &File, progress: &Progress) -> Result<(), ParquetError> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file.try_clone()?)?;
        let is_first = self.lines.is_first();
        if is_first {
            self.footer(&builder);
        }
        let mask = ProjectionMask::columns(builder.parquet_schema(), READ);
        let window = Window::of_partition(&self.record.partition);
        let mut sums: BTreeMap<usize, Sums> = BTreeMap::new();
        for batch in builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()? {
            let batch = batch?;
            self.batch(&batch, window.as_ref(), &mut sums)?;
            if is_first {
                progress.records(batch.num_rows() as u64);
            }
        }
        if is_first {
            for (object, more) in sums {
                let key = (object, self.record.table, self.record.partition.to_string());
                let sums = self.found.entry(key).or_default();
                sums.rows += more.rows;
                sums.packets = sums.packets.wrapping_add(more.packets);
                sums.bytes = sums.bytes.wrapping_add(more.bytes);
                sums.mix = sums.mix.wrapping_add(more.mix);
            }
        }
        Ok(())
    }

    fn footer(&mut self, builder: &ParquetRecordBatchReaderBuilder<File>) {
        let (name, record) = (&self.record.path, self.record);
        let rows = builder.metadata().file_metadata().num_rows() as u64;
        if rows != record.rows {
            let (expected, found) = (format!("{} rows", record.rows), format!("{rows} rows in its footer"));
            self.differences.push(Difference::of_file(Kind::FileRows, name, expected, found));
        }
        let told = |column: &String, kind: String| format!("{column} {kind}");
        let expected: BTreeSet<String> =
            record.columns.iter().map(|(column, kind)| told(column, kind.data_type().to_string())).collect();
        let fields = builder.schema().fields();
        let found: BTreeSet<String> =
            fields.iter().map(|field| told(field.name(), field.data_type().to_string())).collect();
        if expected != found {
            let only =
                |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>().join(", ");
            let (expected, found) = (only(&expected, &found), only(&found, &expected));
            self.differences.push(Difference::of_file(Kind::FileColumns, name, expected, found));
        }
    }

    fn batch(
        &mut self,
        batch: &RecordBatch,
        window: Option<&Window>,
        sums: &mut BTreeMap<usize, Sums>,
    ) -> Result<(), ParquetError> {
        let lacks = |name: &str| ParquetError::General(format!("it has no column `{name}` of the type it must have"));
        let urls = batch.column_by_name("log_object").and_then(|column| column.as_string_opt::<i32>());
        let urls = urls.ok_or_else(|| lacks("log_object"))?;
        let ints = |name: &str| batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int64Type>());
        let lines = ints("log_line").ok_or_else(|| lacks("log_line"))?;
        let [start, end, packets, bytes] = ["start", "end", "packets", "bytes"].map(ints);
        let mut last: Option<(&str, Option<usize>)> = None;
        for row in 0..batch.num_rows() {
            let url = urls.value(row);
            let object = match last {
                Some((same, object)) if same == url => object,
                _ => self.objects.get(url).copied(),
            };
            last = Some((url, object));
            let counted = Counted {
                line: lines.value(row),
                start: int(start, row),
                end: int(end, row),
                packets: int(packets, row),
                bytes: int(bytes, row),
            };
            let Some(object) = object else {
                self.row(Kind::RowForeign, url, counted.line, "rows of the task's objects alone");
                continue;
            };
            match self.lines.meet(object, counted.line) {
                Met::Again => self.row(Kind::LineTwice, url, counted.line, "each line once"),
                Met::Beyond => self.row(Kind::LineUnknown, url, counted.line, "lines that its receipt counts"),
                Met::First | Met::Elsewhere => {}
            }
            if window.is_none_or(|window| !window.admits(counted.start)) {
                self.row(Kind::RowMisplaced, url, counted.line, "rows of its partition alone");
            }
            sums.entry(object).or_default().add(&counted);
        }
        Ok(())
    }

    /// Tells of a row, once over all passes and of no more rows than people read.
    fn row(&mut self, kind: Kind, url: &str, line: i64, expected: &str) {
        // A second reading of a line shows in the pass that has its window, every other fault in the first.
        if kind != Kind::LineTwice && !self.lines.is_first() {
            return;
        }
        let told = self.told.entry(kind).or_default();
        *told += 1;
        if *told <= ROWS_TOLD_MAX {
            let found = format!("line {line}{}", if *told == ROWS_TOLD_MAX { ", and perhaps more" } else { "" });
            let difference = Difference::of_object(kind, url, expected, found);
            self.differences.push(difference.in_file(&self.record.path));
        }
    }
}

fn int(column: Option<&Int64Array>, row: usize) -> i64 {
    column.filter(|column| !column.is_null(row)).map_or(NULL_INT, |column| column.value(row))
}

/// Counts rejects by object; their lines are lines like those of rows.
fn read_rejects(
    file: &File,
    (objects, lines): (&HashMap<&str, usize>, &mut Lines),
    counts: &mut [u64],
    (name, differences): (&str, &mut Vec<Difference>),
) -> Result<(), String> {
    let mut file = file;
    file.rewind().map_err(|error| error.to_string())?;
    let bytes = file.metadata().map_err(|error| error.to_string())?.len();
    let mut reader = LineReader::new(BufReader::new(file), bytes)?;
    let is_first = lines.is_first();
    while let Some(line) = reader.next_line()? {
        let record: RejectRecord = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let Some(&object) = objects.get(record.object.as_str()) else {
            if is_first {
                let found = format!("line {}", record.line);
                let expected = "rejects of the task's objects alone";
                let difference = Difference::of_object(Kind::RejectsDiffer, &record.object, expected, found);
                differences.push(difference.in_file(name));
            }
            continue;
        };
        counts[object] += u64::from(is_first);
        let kind = match lines.meet(object, i64::try_from(record.line).unwrap_or(i64::MAX)) {
            Met::Again => Kind::LineTwice,
            Met::Beyond if is_first => Kind::LineUnknown,
            Met::First | Met::Elsewhere | Met::Beyond => continue,
        };
        let found = format!("line {} set aside", record.line);
        let difference = Difference::of_object(kind, &record.object, "each line once, a row or set aside", found);
        differences.push(difference.in_file(name));
    }
    Ok(())
}
