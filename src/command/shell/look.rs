//! How answers look: the format, the rows that the terminal shows, and the time they took.

use super::super::talk::show;
use super::{Failed, error};
use crate::cli;
use crate::progress::count;
use crate::query::format::Format;
use crate::shown;

/// Rows of an answer that a terminal shows until `\rows` says otherwise.
const ROWS_SHOWN: u64 = 100;

/// How Parquet is written, which the shell does not.
pub(super) const PARQUET: &str = "ask one statement: flowlake query LAKE SQL --format parquet --output FILE";

pub(super) struct Look {
    pub result: cli::ResultOptions,
    pub rows_max: Option<u64>,
    /// The format to which `\x` goes back.
    before_x: Format,
    pub has_timing: bool,
}

impl Look {
    pub(super) fn new(result: cli::ResultOptions) -> Look {
        Look { result, rows_max: Some(ROWS_SHOWN), before_x: Format::Table, has_timing: false }
    }

    pub(super) fn expand(&mut self) {
        if self.result.format == Format::Line {
            self.result.format = self.before_x;
            show!("the format is {} again\n", self.before_x.name());
        } else {
            self.before_x = self.result.format;
            self.result.format = Format::Line;
            show!("each column has a line of its own\n");
        }
    }

    pub(super) fn format(&mut self, name: &str) -> Result<(), Failed> {
        match name {
            "" => show!("{}\n", self.result.format.name()),
            name => match name.parse().map_err(error)? {
                Format::Parquet => return Err(error(format!("parquet is no text for a terminal; {PARQUET}"))),
                format => self.result.format = format,
            },
        }
        Ok(())
    }

    pub(super) fn rows(&mut self, most: &str) -> Result<(), Failed> {
        match (most, most.parse::<u64>()) {
            ("", _) => match self.rows_max {
                Some(most) => show!("{} rows at most\n", count(most)),
                None => show!("all rows\n"),
            },
            ("all", _) => self.rows_max = None,
            (_, Ok(most)) if most > 0 => self.rows_max = Some(most),
            _ => return Err(error(format!("`{}` is no number of rows; give one, or all", shown::line(most)))),
        }
        Ok(())
    }

    pub(super) fn timing(&mut self) {
        self.has_timing = !self.has_timing;
        show!("timing is {}\n", if self.has_timing { "on" } else { "off" });
    }
}
