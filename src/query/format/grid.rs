//! Rows in columns that line up, as a box or as a Markdown table.
//!
//! Widths are those of the first rows; a later value that is wider moves its own line and nothing else. Numbers stand
//! to the right. Characters that would move a terminal's cursor are shown as escapes: texts come from logs.

use std::fmt::Write as _;
use std::io::Write;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use unicode_width::UnicodeWidthStr;

use super::super::QueryError;
use crate::shown;

/// Rows that are held back to learn the widths.
const ROWS_HELD_MAX: usize = 2000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Table,
    Markdown,
}

pub(super) struct Grid<W: Write> {
    style: Style,
    out: W,
    names: Vec<String>,
    is_number: Vec<bool>,
    widths: Vec<usize>,
    held: Vec<Vec<String>>,
    is_open: bool,
}

impl<W: Write> Grid<W> {
    pub fn new(style: Style, schema: SchemaRef, out: W) -> Grid<W> {
        let names: Vec<String> = schema.fields().iter().map(|field| shown(style, field.name())).collect();
        let is_number = schema.fields().iter().map(|field| field.data_type().is_numeric()).collect();
        let least = if style == Style::Markdown { 3 } else { 0 };
        let widths = names.iter().map(|name| name.width().max(least)).collect();
        Grid { style, out, names, is_number, widths, held: Vec::new(), is_open: false }
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), QueryError> {
        let options = FormatOptions::default().with_null("NULL");
        let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
        let columns = columns.collect::<Result<Vec<_>, _>>().map_err(QueryError::arrow)?;
        for row in 0..batch.num_rows() {
            let mut cells = Vec::with_capacity(columns.len());
            for column in &columns {
                let text = column.value(row).try_to_string().map_err(QueryError::arrow)?;
                cells.push(shown(self.style, &text));
            }
            if self.is_open {
                self.line(&cells)?;
            } else {
                self.held.push(cells);
                if self.held.len() == ROWS_HELD_MAX {
                    self.open()?;
                }
            }
        }
        Ok(())
    }

    pub fn finish(mut self) -> Result<(), QueryError> {
        if !self.is_open {
            self.open()?;
        }
        self.rule(Style::Table)?;
        Ok(self.out.flush()?)
    }

    /// Writes the head and the rows that were held back.
    fn open(&mut self) -> Result<(), QueryError> {
        self.is_open = true;
        let held = std::mem::take(&mut self.held);
        for cells in &held {
            for (width, cell) in self.widths.iter_mut().zip(cells) {
                *width = cell.width().max(*width);
            }
        }
        self.rule(Style::Table)?;
        let names = std::mem::take(&mut self.names);
        self.line(&names)?;
        self.rule(self.style)?;
        held.iter().try_for_each(|cells| self.line(cells))
    }

    /// A horizontal rule, if the style is `of`.
    fn rule(&mut self, of: Style) -> Result<(), QueryError> {
        if self.style != of {
            return Ok(());
        }
        let mut text = String::new();
        for (width, &is_number) in self.widths.iter().zip(&self.is_number) {
            match self.style {
                Style::Table => text += &format!("+{}", "-".repeat(width + 2)),
                Style::Markdown if is_number => text += &format!("| {}: ", "-".repeat(width - 1)),
                Style::Markdown => text += &format!("| {} ", "-".repeat(*width)),
            }
        }
        text.push(if self.style == Style::Table { '+' } else { '|' });
        Ok(writeln!(self.out, "{text}")?)
    }

    fn line(&mut self, cells: &[String]) -> Result<(), QueryError> {
        let mut text = String::new();
        for ((cell, width), is_number) in cells.iter().zip(&self.widths).zip(&self.is_number) {
            let pad = " ".repeat(width.saturating_sub(cell.width()));
            let (before, after) = if *is_number { (pad.as_str(), "") } else { ("", pad.as_str()) };
            write!(text, "| {before}{cell}{after} ").expect("a string takes all");
        }
        text.push('|');
        Ok(writeln!(self.out, "{text}")?)
    }
}

/// A text of others as one that stands in a table or above it.
pub fn shown(style: Style, text: &str) -> String {
    let text = shown::line(text);
    match style {
        Style::Table => text.into_owned(),
        // Markdown lets HTML through.
        Style::Markdown => text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|"),
    }
}
