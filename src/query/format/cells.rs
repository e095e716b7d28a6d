//! The values of a row as texts for people.

use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use super::super::QueryError;
use crate::shown;

const OPTIONS: FormatOptions<'static> = FormatOptions::new().with_null("NULL");

/// The rows of a batch. Characters that would move a terminal's cursor are shown as escapes: texts come from logs.
pub(super) struct Cells<'a> {
    columns: Vec<ArrayFormatter<'a>>,
    rows: usize,
}

impl<'a> Cells<'a> {
    pub fn of(batch: &'a RecordBatch) -> Result<Cells<'a>, QueryError> {
        let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &OPTIONS));
        let columns = columns.collect::<Result<Vec<_>, _>>().map_err(QueryError::arrow)?;
        Ok(Cells { columns, rows: batch.num_rows() })
    }

    pub fn rows(&self) -> impl Iterator<Item = Result<Vec<String>, QueryError>> {
        (0..self.rows).map(|row| self.columns.iter().map(|column| cell(column, row)).collect())
    }
}

fn cell(column: &ArrayFormatter<'_>, row: usize) -> Result<String, QueryError> {
    let text = column.value(row).try_to_string().map_err(QueryError::arrow)?;
    Ok(shown::line(&text).into_owned())
}

/// Whether a part of a value says something else than the value.
pub(super) fn is_rigid(kind: &DataType) -> bool {
    kind.is_numeric() || kind.is_temporal() || kind == &DataType::Boolean
}
