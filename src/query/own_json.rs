//! The user's own JSON, lines or an array, with types that hold every value of a column.
//!
//! The engine (DataFusion 55) looks at the first rows, makes a float of whole numbers beside a fraction or beyond 64
//! bits, so that ids fell together, and calls a column of numbers and texts text, which it could not read then. Here
//! the whole file is looked at, such numbers are decimals or texts, and what is text by its type is read as text.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::ReaderBuilder;
use datafusion::arrow::json::reader::infer_json_schema;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::PartitionStream;

use super::digits::Digits;

/// Batches that wait for the query.
const BATCHES_WAITING_MAX: usize = 4;

/// A file of JSON.
#[derive(Debug, Clone)]
pub(super) struct OwnJson {
    path: PathBuf,
    pub is_array: bool,
    pub schema: SchemaRef,
    /// Whether a column of text has values that are none in the file.
    pub is_mixed: bool,
}

impl OwnJson {
    pub fn open(path: &Path) -> std::result::Result<OwnJson, ArrowError> {
        let is_array = first_byte(path)? == Some(b'[');
        let empty = Arc::new(Schema::empty());
        let mut own = OwnJson { path: path.to_owned(), is_array, schema: empty, is_mixed: false };
        let (looks, _) = infer_json_schema(own.lines()?, None)?;
        let with = |leaf: DataType| -> Vec<Field> {
            let fields = looks.fields().iter().filter(|field| has_leaf(field.data_type(), &leaf));
            fields.map(|field| field.as_ref().clone()).collect()
        };
        let numbers = own.kinds_of_numbers(with(DataType::Float64))?;
        let typed = looks.fields().iter().map(|field| match numbers.iter().find(|(name, _)| name == field.name()) {
            Some((name, kind)) => Field::new(name, kind.clone(), true),
            None => field.as_ref().clone(),
        });
        own.schema = Arc::new(Schema::new(typed.collect::<Vec<_>>()));
        let texts = with(DataType::Utf8);
        own.is_mixed = numbers.iter().any(|(_, kind)| has_leaf(kind, &DataType::Utf8))
            || (!texts.is_empty()
                && ReaderBuilder::new(Arc::new(Schema::new(texts))).build(own.lines()?)?.any(|batch| batch.is_err()));
        own.check_lists()?;
        Ok(own)
    }

    /// Columns in which there are floats by their look, and their types.
    fn kinds_of_numbers(&self, looks: Vec<Field>) -> std::result::Result<Vec<(String, DataType)>, ArrowError> {
        if looks.is_empty() {
            return Ok(Vec::new());
        }
        let as_text = |field: &Field| {
            let text = |leaf: &DataType| if *leaf == DataType::Float64 { DataType::Utf8 } else { leaf.clone() };
            Field::new(field.name(), with_leaves(field.data_type(), &mut { text }), true)
        };
        let schema = Arc::new(Schema::new(looks.iter().map(as_text).collect::<Vec<_>>()));
        let mut digits = vec![Vec::new(); looks.len()];
        for batch in ReaderBuilder::new(schema).with_coerce_primitive(true).build(self.lines()?)? {
            for ((column, field), digits) in batch?.columns().iter().zip(&looks).zip(&mut digits) {
                see(column, field.data_type(), digits, &mut 0);
            }
        }
        let kind = |(field, digits): (&Field, Vec<Digits>)| {
            let mut digits = digits.into_iter();
            let number = |leaf: &DataType| match leaf {
                DataType::Float64 => digits.next().unwrap_or_default().kind(),
                other => other.clone(),
            };
            (field.name().clone(), with_leaves(field.data_type(), &mut { number }))
        };
        Ok(looks.iter().zip(digits).map(kind).collect())
    }

    /// Whether lists are lists in every row: a value beside them looks like a list of one, and cannot be read as such.
    fn check_lists(&self) -> std::result::Result<(), ArrowError> {
        let nested = self.schema.fields().iter().filter(|field| field.data_type().is_nested());
        let nested = Arc::new(Schema::new(nested.cloned().collect::<Vec<_>>()));
        if nested.fields().is_empty() {
            return Ok(());
        }
        let wrong = |error: ArrowError| {
            ArrowError::JsonError(format!("a list or a struct is something else in another row: {error}"))
        };
        let mut rows = ReaderBuilder::new(nested).with_coerce_primitive(true).build(self.lines()?)?;
        rows.try_for_each(|batch| batch.map(|_| ())).map_err(wrong)
    }

    /// The file as lines of JSON.
    fn lines(&self) -> io::Result<Box<dyn BufRead + Send>> {
        let file = BufReader::new(File::open(&self.path)?);
        Ok(match self.is_array {
            true => Box::new(BufReader::new(Elements { inner: file, depth: 0, is_text: false, is_escaped: false })),
            false => Box::new(file),
        })
    }

    /// A table that reads every value of a text column as text.
    pub fn table(self) -> Result<Arc<dyn TableProvider>> {
        let schema = Arc::clone(&self.schema);
        Ok(Arc::new(StreamingTable::try_new(schema, vec![Arc::new(self)])?))
    }
}

impl PartitionStream for OwnJson {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut stream = RecordBatchReceiverStream::builder(Arc::clone(&self.schema), BATCHES_WAITING_MAX);
        let (out, own) = (stream.tx(), self.clone());
        stream.spawn_blocking(move || {
            let reader = ReaderBuilder::new(Arc::clone(&own.schema)).with_coerce_primitive(true);
            for batch in reader.build(own.lines()?)? {
                // Nobody waits for the rest once the query has ended.
                if out.blocking_send(Ok(batch?)).is_err() {
                    break;
                }
            }
            Ok(())
        });
        stream.build()
    }
}

/// The values of lists and structs, as deep as they lie.
fn has_leaf(kind: &DataType, wanted: &DataType) -> bool {
    match kind {
        DataType::List(element) => has_leaf(element.data_type(), wanted),
        DataType::Struct(fields) => fields.iter().any(|field| has_leaf(field.data_type(), wanted)),
        leaf => leaf == wanted,
    }
}

fn with_leaves(kind: &DataType, make: &mut dyn FnMut(&DataType) -> DataType) -> DataType {
    let mut field = |field: &Field| field.clone().with_data_type(with_leaves(field.data_type(), make));
    match kind {
        DataType::List(element) => DataType::List(Arc::new(field(element))),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|inner| field(inner)).collect()),
        leaf => make(leaf),
    }
}

/// Looks at the numbers of a column, which were read as texts: `at` counts its floats by their look.
fn see(column: &ArrayRef, looks: &DataType, digits: &mut Vec<Digits>, at: &mut usize) {
    match looks {
        DataType::List(element) => see(column.as_list::<i32>().values(), element.data_type(), digits, at),
        DataType::Struct(fields) => {
            for (column, field) in column.as_struct().columns().iter().zip(fields) {
                see(column, field.data_type(), digits, at);
            }
        }
        DataType::Float64 => {
            digits.resize(digits.len().max(*at + 1), Digits::default());
            column.as_string::<i32>().iter().flatten().for_each(|number| digits[*at].see(number));
            *at += 1;
        }
        _ => {}
    }
}

/// The first byte that is no white space: `[` begins an array, anything else is JSON lines.
fn first_byte(path: &Path) -> io::Result<Option<u8>> {
    let mut bytes = BufReader::new(File::open(path)?).bytes();
    bytes.find(|byte| !byte.as_ref().is_ok_and(u8::is_ascii_whitespace)).transpose()
}

/// The elements of an array as lines, byte for byte: its brackets are blanks, a comma between elements ends a line.
struct Elements<R> {
    inner: R,
    depth: u32,
    is_text: bool,
    is_escaped: bool,
}

impl<R: Read> Read for Elements<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        for byte in &mut buffer[..length] {
            if self.is_text {
                let ends = *byte == b'"' && !self.is_escaped;
                self.is_escaped = *byte == b'\\' && !self.is_escaped;
                self.is_text = !ends;
                continue;
            }
            match *byte {
                b'"' => self.is_text = true,
                b'\n' | b'\r' => *byte = b' ',
                b',' if self.depth == 1 => *byte = b'\n',
                b'[' | b'{' => {
                    *byte = if self.depth == 0 { b' ' } else { *byte };
                    self.depth += 1;
                }
                b']' | b'}' => {
                    self.depth = self.depth.saturating_sub(1);
                    *byte = if self.depth == 0 { b' ' } else { *byte };
                }
                _ => {}
            }
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_an_array_are_lines() {
        let array = "\n[ {\"a\": [1, 2],\n \"b\": \"x,]\\\"[\"},\n{\"a\": []}\n]\n";
        let mut lines = String::new();
        let mut elements = Elements { inner: array.as_bytes(), depth: 0, is_text: false, is_escaped: false };
        elements.read_to_string(&mut lines).expect("a text");
        let lines: Vec<&str> = lines.lines().map(str::trim).collect();
        assert_eq!(lines, ["{\"a\": [1, 2],  \"b\": \"x,]\\\"[\"}", "{\"a\": []}"]);
    }

    #[test]
    fn a_type_within_lists_and_structs_holds_every_value() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("own.json");
        let list = |kind| DataType::new_list(kind, true);
        let of = |kind| DataType::Struct(vec![Field::new("b", kind, true)].into());
        for (values, right) in [
            (&["[1, 2]", "[0.5]"][..], Some((list(DataType::Float64), false))),
            (&["[9007199254740993]", "[0.5]"], Some((list(DataType::Decimal128(38, 1)), false))),
            (&["{\"b\": 9007199254740993}", "{\"b\": 0.5}"], Some((of(DataType::Decimal128(38, 1)), false))),
            (&["[{\"b\": 9007199254740993}, {\"b\": 1e3}]"], Some((list(of(DataType::Utf8)), true))),
            (&["{\"b\": [9007199254740993, 0.5]}"], Some((of(list(DataType::Decimal128(38, 1))), false))),
            (&["[\"x\", 1]"], Some((list(DataType::Utf8), true))),
            (&["{\"b\": \"x\"}", "{\"b\": 1}"], Some((of(DataType::Utf8), true))),
            (&["{\"b\": 1}", "null"], Some((of(DataType::Int64), false))),
            (&["1", "[1]"], None),
        ] {
            let rows: Vec<String> = values.iter().map(|value| format!("{{\"v\": {value}}}")).collect();
            std::fs::write(&path, rows.join("\n")).expect("a file");
            let own = OwnJson::open(&path).ok().map(|own| (own.schema.field(0).data_type().clone(), own.is_mixed));
            assert_eq!(own, right, "{values:?}");
        }
    }

    #[test]
    fn a_type_holds_every_value_of_its_column() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("own.json");
        for (values, kind, is_mixed) in [
            (&["1", "2"][..], DataType::Int64, false),
            (&["1", "0.5", "null"], DataType::Float64, false),
            (&["9007199254740993", "0.5"], DataType::Decimal128(38, 1), false),
            (&["18446744073709551615", "1"], DataType::Decimal128(38, 0), false),
            (&["9007199254740993", "1e3"], DataType::Utf8, true),
            (&["123456789012345678901234567890123456789"], DataType::Utf8, true),
            (&["\"a\"", "1"], DataType::Utf8, true),
            (&["\"a\"", "null"], DataType::Utf8, false),
        ] {
            let rows: Vec<String> = values.iter().map(|value| format!("{{\"v\": {value}}}")).collect();
            for text in [rows.join("\n"), format!("[{}]", rows.join(",\n"))] {
                std::fs::write(&path, text).expect("a file");
                let own = OwnJson::open(&path).expect("JSON");
                assert_eq!((own.schema.field(0).data_type(), own.is_mixed), (&kind, is_mixed), "{values:?}");
            }
        }
    }
}
