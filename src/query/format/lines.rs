//! A row as a block of lines, one for each column: `srcaddr = 10.0.0.1`.
//!
//! On a terminal a long value goes on in the next line, under its beginning; elsewhere every value is on its own line.

use std::io::Write;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use unicode_width::UnicodeWidthStr;

use super::super::QueryError;
use super::cells::Cells;
use super::room::{cut, pieces};
use crate::shown;

/// Between the name and the value.
const SIGN: &str = " = ";

pub(super) struct Lines<W: Write> {
    out: W,
    names: Vec<String>,
    /// Cells for values, where there is an end to them.
    room: Option<usize>,
    has_rows: bool,
}

impl<W: Write> Lines<W> {
    /// `width` is that of the terminal.
    pub fn new(schema: SchemaRef, width: Option<usize>, out: W) -> Lines<W> {
        // At least the half is for the values.
        let for_names = width.map_or(usize::MAX, |width| (width / 2).saturating_sub(SIGN.len()).max(1));
        let named = |name: &str| cut(&shown::line(name), for_names).into_owned();
        let names: Vec<String> = schema.fields().iter().map(|field| named(field.name())).collect();
        let widest = names.iter().map(|name| name.width()).max().unwrap_or_default();
        let pad = |name: &String| format!("{}{name}", " ".repeat(widest - name.width()));
        let room = width.map(|width| width.saturating_sub(widest + SIGN.len()).max(1));
        Lines { out, names: names.iter().map(pad).collect(), room, has_rows: false }
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), QueryError> {
        for row in Cells::of(batch)?.rows() {
            if self.has_rows {
                writeln!(self.out)?;
            }
            self.has_rows = true;
            for (name, value) in self.names.iter().zip(row?) {
                let mut pieces = pieces(&value, self.room.unwrap_or(usize::MAX)).into_iter();
                writeln!(self.out, "{name}{SIGN}{}", pieces.next().unwrap_or_default())?;
                let indent = name.width() + SIGN.len();
                pieces.try_for_each(|piece| writeln!(self.out, "{:indent$}{piece}", ""))?;
            }
        }
        Ok(())
    }

    pub fn finish(mut self) -> Result<(), QueryError> {
        Ok(self.out.flush()?)
    }
}
