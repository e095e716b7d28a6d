//! How rows are written: for people (table, line, markdown), and for programs (csv, tsv, json, ndjson, parquet).
//!
//! Every format writes rows as they come. Table and markdown wait for the first rows, to learn the widths of columns.
//! What a terminal shows, table and line, is fitted to its [`Room`].

mod cells;
mod defuse;
#[cfg(feature = "mcp")]
pub mod exact;
mod grid;
mod json;
mod lines;
mod room;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::csv;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::json::writer::{JsonArray, LineDelimited, Writer as JsonWriter};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;

use super::{Answer, QueryError};
use grid::{Grid, Style};
use lines::Lines;

pub use defuse::defuse;
pub use room::Room;

/// A text of others, safe for a terminal, as it stands in markdown.
pub fn in_markdown(text: &str) -> String {
    grid::in_style(Style::Markdown, crate::shown::line(text).into_owned())
}

/// A format of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A box of `+`, `-` and `|`, fitted to a terminal.
    Table,
    /// A block of lines for each row, a line for each column.
    Line,
    /// A table in GitHub's Markdown, of all columns.
    Markdown,
    /// RFC 4180, with a line of names first.
    Csv,
    /// The same with tabs for commas.
    Tsv,
    /// One array with an object for each row.
    Json,
    /// An object for each row, each on a line of its own.
    Ndjson,
    /// One file, with the types of the answer.
    Parquet,
}

impl Format {
    /// Every format and its name on the command line, in the order in which errors list them.
    pub const ALL: [(Format, &str); 8] = [
        (Format::Table, "table"),
        (Format::Line, "line"),
        (Format::Csv, "csv"),
        (Format::Tsv, "tsv"),
        (Format::Json, "json"),
        (Format::Ndjson, "ndjson"),
        (Format::Markdown, "markdown"),
        (Format::Parquet, "parquet"),
    ];

    /// Its name on the command line, which [`FromStr`] reads.
    pub fn name(self) -> &'static str {
        Format::ALL.iter().find(|(format, _)| *format == self).map_or("", |(_, name)| name)
    }

    /// Whether it is made for a terminal, and so is fitted to one.
    pub fn is_for_screen(self) -> bool {
        matches!(self, Format::Table | Format::Line)
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

/// What was written of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Rows that were written, without those for which there was no room.
    pub rows: u64,
    /// Whether there are more rows, for which there was no room.
    pub has_more: bool,
    /// Columns for which there was no room.
    pub columns_left_out: usize,
}

/// Writes the rows of an answer, as far as there is room, and calls `see` with each batch.
pub async fn write(
    mut answer: Answer,
    format: Format,
    room: Room,
    out: &mut (impl Write + Send),
    mut see: impl FnMut(&RecordBatch) -> Result<(), QueryError>,
) -> Result<Written, QueryError> {
    let failed = Arc::new(Mutex::new(None));
    let out = Noting { out, failed: Arc::clone(&failed) };
    // The writers of some formats tell an error of `out` as a text of their own, without its kind.
    let told = |error| match failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some((kind, text)) => QueryError::Output(io::Error::new(kind, text)),
        None => error,
    };
    let room = if format.is_for_screen() { room } else { Room::default() };
    let mut writer = Writer::new(format, answer.schema(), room, out).map_err(told)?;
    let (mut rows, mut has_more) = (0, false);
    while let Some(mut batch) = answer.next().await? {
        let left = room.rows.map_or(u64::MAX, |most| most - rows);
        if batch.num_rows() as u64 > left {
            has_more = true;
            batch = batch.slice(0, left as usize);
        }
        rows += batch.num_rows() as u64;
        see(&batch)?;
        writer.write(&batch).map_err(told)?;
        if has_more {
            break;
        }
    }
    // What still runs for more rows ends here.
    drop(answer);
    let columns_left_out = writer.finish().map_err(told)?;
    Ok(Written { rows, has_more, columns_left_out })
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
    Lines(Lines<W>),
    Csv(Box<csv::Writer<W>>),
    Json(JsonWriter<W, JsonArray>),
    Ndjson(JsonWriter<W, LineDelimited>),
    Parquet(Box<ArrowWriter<W>>),
}

impl<W: Write + Send> Writer<W> {
    fn new(format: Format, schema: SchemaRef, room: Room, mut out: W) -> Result<Writer<W>, QueryError> {
        if matches!(format, Format::Json | Format::Ndjson | Format::Parquet) {
            let mut names = HashSet::new();
            if let Some(twice) = schema.fields().iter().find(|field| !names.insert(field.name())) {
                return Err(QueryError::SameName { name: twice.name().clone(), format: format.name() });
            }
        }
        Ok(match format {
            Format::Table => Writer::Grid(Grid::new(Style::Table, schema, room.width, out)),
            Format::Markdown => Writer::Grid(Grid::new(Style::Markdown, schema, None, out)),
            Format::Line => Writer::Lines(Lines::new(schema, room.width, out)),
            Format::Csv | Format::Tsv => {
                let delimiter = if format == Format::Csv { b',' } else { b'\t' };
                let mut writer = csv::WriterBuilder::new().with_delimiter(delimiter).with_header(true).build(out);
                // A result without rows has its header too.
                writer.write(&RecordBatch::new_empty(schema)).map_err(QueryError::arrow)?;
                Writer::Csv(Box::new(writer))
            }
            Format::Json => Writer::Json(json::builder().build(out)),
            Format::Ndjson => Writer::Ndjson(json::builder().build(out)),
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
            Writer::Lines(lines) => lines.write(batch),
            Writer::Csv(writer) => writer.write(batch).map_err(QueryError::arrow),
            Writer::Json(writer) => writer.write(batch).map_err(QueryError::arrow),
            Writer::Ndjson(writer) => writer.write(batch).map_err(QueryError::arrow),
            Writer::Parquet(writer) => writer.write(batch).map_err(parquet),
        }
    }

    /// Writes what is left, and gives the number of columns that were left out.
    fn finish(self) -> Result<usize, QueryError> {
        match self {
            Writer::Grid(grid) => return grid.finish(),
            Writer::Lines(lines) => lines.finish()?,
            Writer::Csv(writer) => writer.into_inner().flush()?,
            Writer::Json(mut writer) => {
                writer.finish().map_err(QueryError::arrow)?;
                let mut out = writer.into_inner();
                writeln!(out)?;
                out.flush()?;
            }
            Writer::Ndjson(mut writer) => {
                writer.finish().map_err(QueryError::arrow)?;
                writer.into_inner().flush()?;
            }
            Writer::Parquet(writer) => writer.close().map(drop).map_err(parquet)?,
        }
        Ok(0)
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
