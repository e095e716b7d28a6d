//! The user's own JSON, lines or an array, with types that hold every value of a column.
//!
//! The engine (DataFusion 55) looks at the first rows, makes a float of whole numbers beside a fraction or beyond 64
//! bits, so that ids fell together, and calls a column of numbers and texts text, which it could not read then. Here
//! the whole file is looked at, such numbers are decimals or texts, and what is text by its type is read as text.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
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
        let fields_of = |kind: DataType| -> Vec<Field> {
            let fields = looks.fields().iter().filter(|field| *field.data_type() == kind);
            fields.map(|field| Field::new(field.name(), DataType::Utf8, true)).collect()
        };
        let floats = own.kinds_of_numbers(fields_of(DataType::Float64))?;
        let typed = looks.fields().iter().map(|field| match floats.iter().find(|(name, _)| name == field.name()) {
            Some((name, kind)) => Field::new(name, kind.clone(), true),
            None => field.as_ref().clone(),
        });
        own.schema = Arc::new(Schema::new(typed.collect::<Vec<_>>()));
        let texts = Arc::new(Schema::new(fields_of(DataType::Utf8)));
        own.is_mixed = floats.iter().any(|(_, kind)| *kind == DataType::Utf8)
            || (!texts.fields().is_empty()
                && ReaderBuilder::new(texts).build(own.lines()?)?.any(|batch| batch.is_err()));
        Ok(own)
    }

    /// Columns that look as if they were floats, and their types.
    fn kinds_of_numbers(&self, fields: Vec<Field>) -> std::result::Result<Vec<(String, DataType)>, ArrowError> {
        if fields.is_empty() {
            return Ok(Vec::new());
        }
        let mut digits = vec![Digits::default(); fields.len()];
        let schema = Arc::new(Schema::new(fields));
        let rows = ReaderBuilder::new(Arc::clone(&schema)).with_coerce_primitive(true).build(self.lines()?)?;
        for batch in rows {
            for (column, digits) in batch?.columns().iter().zip(&mut digits) {
                column.as_string::<i32>().iter().flatten().for_each(|number| digits.see(number));
            }
        }
        let names = schema.fields().iter().map(|field| field.name().clone());
        Ok(names.zip(digits.into_iter().map(Digits::kind)).collect())
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
