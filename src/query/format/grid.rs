//! Rows in columns that line up, as a box or as a Markdown table.
//!
//! Widths are those of the first rows; a later value that is wider moves its own line and nothing else. Numbers stand
//! to the right. On a terminal, columns are narrowed or left out until a line has room, and texts that are wider are
//! cut. Numbers, times and truth values never are: their line is wider then.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Field, SchemaRef};
use unicode_width::UnicodeWidthStr;

use super::super::QueryError;
use super::cells::{Cells, is_rigid};
use super::room::{MARK, cut, fit};
use crate::shown;

/// Rows that are held back to learn the widths.
const ROWS_HELD_MAX: usize = 2000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Table,
    Markdown,
}

pub(super) struct Grid<W: Write> {
    style: Style,
    out: W,
    columns: Vec<Column>,
    /// The terminal's, if nothing may be wider.
    width: Option<usize>,
    /// Columns that are shown before the mark, if some are left out.
    first: Option<usize>,
    held: Vec<Vec<String>>,
    is_open: bool,
}

struct Column {
    name: String,
    is_number: bool,
    is_rigid: bool,
    width: usize,
    /// The widest of the values that were held back, without the name.
    values: usize,
    /// Whether the terminal has room for it.
    is_shown: bool,
}

impl<W: Write> Grid<W> {
    /// `width` is that of the terminal.
    pub fn new(style: Style, schema: SchemaRef, width: Option<usize>, out: W) -> Grid<W> {
        let least = if style == Style::Markdown { 3 } else { 0 };
        let column = |field: &Arc<Field>| {
            let name = in_style(style, shown::line(field.name()).into_owned());
            let (is_number, is_rigid) = (field.data_type().is_numeric(), is_rigid(field.data_type()));
            Column { width: name.width().max(least), values: 0, name, is_number, is_rigid, is_shown: true }
        };
        let columns = schema.fields().iter().map(column).collect();
        Grid { style, out, columns, width, first: None, held: Vec::new(), is_open: false }
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), QueryError> {
        for row in Cells::of(batch)?.rows() {
            let cells: Vec<String> = row?.into_iter().map(|cell| in_style(self.style, cell)).collect();
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

    /// Writes what is left, and gives the number of columns that were left out.
    pub fn finish(mut self) -> Result<usize, QueryError> {
        if !self.is_open {
            self.open()?;
        }
        self.rule(Style::Table)?;
        self.out.flush()?;
        Ok(self.columns.iter().filter(|column| !column.is_shown).count())
    }

    /// Writes the head and the rows that were held back.
    fn open(&mut self) -> Result<(), QueryError> {
        self.is_open = true;
        let held = std::mem::take(&mut self.held);
        for cells in &held {
            for (column, cell) in self.columns.iter_mut().zip(cells) {
                column.values = cell.width().max(column.values);
                column.width = column.values.max(column.width);
            }
        }
        if let Some(width) = self.width {
            self.fit(width);
        }
        self.rule(Style::Table)?;
        let is_fitted = self.width.is_some();
        let name = |column: &Column| match is_fitted {
            true => cut(&column.name, column.width).into_owned(),
            false => column.name.clone(),
        };
        let names: Vec<String> = self.columns.iter().map(name).collect();
        self.line(&names)?;
        self.rule(self.style)?;
        held.iter().try_for_each(|cells| self.line(cells))
    }

    fn fit(&mut self, width: usize) {
        let natural: Vec<usize> = self.columns.iter().map(|column| column.width).collect();
        let rigid: Vec<bool> = self.columns.iter().map(|column| column.is_rigid).collect();
        let fitted = fit(&natural, &rigid, width);
        let last = self.columns.len() - fitted.last;
        if fitted.first < last {
            self.first = Some(fitted.first);
            self.columns[fitted.first..last].iter_mut().for_each(|column| column.is_shown = false);
        }
        let shown = self.columns.iter_mut().filter(|column| column.is_shown);
        for (column, width) in shown.zip(fitted.widths) {
            // A number alone may have less room than it needs.
            column.width = if column.is_rigid { width.max(column.values) } else { width };
        }
    }

    /// A horizontal rule, if the style is `of`.
    fn rule(&mut self, of: Style) -> Result<(), QueryError> {
        if self.style != of {
            return Ok(());
        }
        let mut text = String::new();
        for (at, column) in self.columns.iter().enumerate() {
            if self.first == Some(at) {
                text += "+---";
            }
            match self.style {
                _ if !column.is_shown => {}
                Style::Table => text += &format!("+{}", "-".repeat(column.width + 2)),
                Style::Markdown if column.is_number => text += &format!("| {}: ", "-".repeat(column.width - 1)),
                Style::Markdown => text += &format!("| {} ", "-".repeat(column.width)),
            }
        }
        text.push(if self.style == Style::Table { '+' } else { '|' });
        Ok(writeln!(self.out, "{text}")?)
    }

    fn line(&mut self, cells: &[String]) -> Result<(), QueryError> {
        let mut text = String::new();
        for (at, (cell, column)) in cells.iter().zip(&self.columns).enumerate() {
            if self.first == Some(at) {
                write!(text, "| {MARK} ").expect("a string takes all");
            }
            if !column.is_shown {
                continue;
            }
            let is_cut = self.width.is_some() && !column.is_rigid;
            let cell = if is_cut { cut(cell, column.width) } else { cell.into() };
            let pad = " ".repeat(column.width.saturating_sub(cell.width()));
            let (before, after) = if column.is_number { (pad.as_str(), "") } else { ("", pad.as_str()) };
            write!(text, "| {before}{cell}{after} ").expect("a string takes all");
        }
        text.push('|');
        Ok(writeln!(self.out, "{text}")?)
    }
}

/// A text, which [`shown::line()`] has made safe, as the style needs it.
pub(super) fn in_style(style: Style, text: String) -> String {
    match style {
        Style::Table => text,
        // Markdown lets HTML through.
        Style::Markdown => text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|"),
    }
}
