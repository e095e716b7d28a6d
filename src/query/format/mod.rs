//! How rows are written: for people (table, markdown), and for programs (csv, tsv, json, ndjson, parquet).
//!
//! Every format writes rows as they come. The two for people wait for the first rows, to learn the widths of columns.

mod defuse;
mod grid;

use std::io::{self, Write};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::csv;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::json::writer::{JsonArray, LineDelimited, Writer as JsonWriter, WriterBuilder};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;

use super::{Answer, QueryError};
use grid::Grid;

pub use defuse::defuse;
pub use grid::{Style, shown};

/// A format of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Table,
    Markdown,
    Csv,
    Tsv,
    Json,
    Ndjson,
    Parquet,
}

impl Format {
    pub const ALL: [(Format, &str); 7] = [
        (Format::Table, "table"),
        (Format::Csv, "csv"),
        (Format::Tsv, "tsv"),
        (Format::Json, "json"),
        (Format::Ndjson, "ndjson"),
        (Format::Markdown, "markdown"),
        (Format::Parquet, "parquet"),
    ];

    /// Whether people read it, so that a title may stand above it.
    pub fn is_for_people(self) -> bool {
        matches!(self, Format::Table | Format::Markdown)
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Format, String> {
        let found = Format::ALL.into_iter().find(|(_, name)| *name == text);
        found.map(|(format, _)| format).ok_or_else(|| {
            let names = Format::ALL.map(|(_, name)| name);
            format!("`{text}` is none of {}", names.join(", "))
        })
    }
}

/// Writes all rows of an answer, and calls `see` with each batch. Gives the number of rows.
pub async fn write(
    mut answer: Answer,
    format: Format,
    out: &mut (impl Write + Send),
    mut see: impl FnMut(&RecordBatch) -> Result<(), QueryError>,
) -> Result<u64, QueryError> {
    let failed = Arc::new(Mutex::new(None));
    let out = Noting { out, failed: Arc::clone(&failed) };
    // The writers of some formats tell an error of `out` as a text of their own, without its kind.
    let told = |error| match failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some((kind, text)) => QueryError::Output(io::Error::new(kind, text)),
        None => error,
    };
    let mut writer = Writer::new(format, answer.schema(), out).map_err(told)?;
    let mut rows = 0;
    while let Some(batch) = answer.next().await? {
        rows += batch.num_rows() as u64;
        see(&batch)?;
        writer.write(&batch).map_err(told)?;
    }
    writer.finish().map_err(told)?;
    Ok(rows)
}

/// Notes why writing failed.
struct Noting<'a, W> {
    out: &'a mut W,
    failed: Arc<Mutex<Option<(io::ErrorKind, String)>>>,
}

impl<W> Noting<'_, W> {
    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && error.kind() != io::ErrorKind::Interrupted
        {
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some((error.kind(), error.to_string()));
        }
        result
    }
}

impl<W: Write> Write for Noting<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.out.write(bytes);
        self.note(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.out.flush();
        self.note(result)
    }
}

enum Writer<W: Write + Send> {
    Grid(Grid<W>),
    Csv(Box<csv::Writer<W>>),
    Json(JsonWriter<W, JsonArray>),
    Ndjson(JsonWriter<W, LineDelimited>),
    Parquet(Box<ArrowWriter<W>>),
}

impl<W: Write + Send> Writer<W> {
    fn new(format: Format, schema: SchemaRef, mut out: W) -> Result<Writer<W>, QueryError> {
        let json = || WriterBuilder::new().with_explicit_nulls(true);
        Ok(match format {
            Format::Table => Writer::Grid(Grid::new(Style::Table, schema, out)),
            Format::Markdown => Writer::Grid(Grid::new(Style::Markdown, schema, out)),
            Format::Csv | Format::Tsv => {
                let delimiter = if format == Format::Csv { b',' } else { b'\t' };
                let mut writer = csv::WriterBuilder::new().with_delimiter(delimiter).with_header(true).build(out);
                // A result without rows has its header too.
                writer.write(&RecordBatch::new_empty(schema)).map_err(QueryError::arrow)?;
                Writer::Csv(Box::new(writer))
            }
            Format::Json => Writer::Json(json().build(out)),
            Format::Ndjson => Writer::Ndjson(json().build(out)),
            Format::Parquet => {
                let zstd = Compression::ZSTD(ZstdLevel::default());
                let properties = WriterProperties::builder().set_compression(zstd).build();
                out.flush()?;
                let writer = ArrowWriter::try_new(out, schema, Some(properties)).map_err(parquet)?;
                Writer::Parquet(Box::new(writer))
            }
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), QueryError> {
        match self {
            Writer::Grid(grid) => grid.write(batch),
            Writer::Csv(writer) => writer.write(batch).map_err(QueryError::arrow),
            Writer::Json(writer) => writer.write(batch).map_err(QueryError::arrow),
            Writer::Ndjson(writer) => writer.write(batch).map_err(QueryError::arrow),
            Writer::Parquet(writer) => writer.write(batch).map_err(parquet),
        }
    }

    fn finish(self) -> Result<(), QueryError> {
        match self {
            Writer::Grid(grid) => grid.finish(),
            Writer::Csv(writer) => Ok(writer.into_inner().flush()?),
            Writer::Json(mut writer) => {
                writer.finish().map_err(QueryError::arrow)?;
                let mut out = writer.into_inner();
                writeln!(out)?;
                Ok(out.flush()?)
            }
            Writer::Ndjson(mut writer) => {
                writer.finish().map_err(QueryError::arrow)?;
                Ok(writer.into_inner().flush()?)
            }
            Writer::Parquet(writer) => writer.close().map(drop).map_err(parquet),
        }
    }
}

fn parquet(error: datafusion::parquet::errors::ParquetError) -> QueryError {
    use datafusion::parquet::errors::ParquetError;
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => QueryError::Output(*error),
            Err(other) => QueryError::Output(io::Error::other(other)),
        },
        other => QueryError::Engine(other.into()),
    }
}

/// All rows of a small result as one text.
pub fn text(style: Style, schema: SchemaRef, batches: &[RecordBatch]) -> Result<String, QueryError> {
    let mut text = Vec::new();
    let mut grid = Grid::new(style, Arc::clone(&schema), &mut text);
    for batch in batches {
        grid.write(batch)?;
    }
    grid.finish()?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
