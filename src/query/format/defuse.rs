//! Cells that a spreadsheet would run, made texts again.
//!
//! A program that opens a CSV takes a cell that begins with `=`, `+`, `-` or `@` for a formula, also behind a tab or a
//! line end. Tags, keys and lines of logs are other people's texts. A `'` before them makes it show them as they are.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::error::Result;

use super::super::Answer;

/// The same rows; texts, and names of columns, that a spreadsheet would run begin with `'`.
pub fn defuse(answer: Answer) -> Answer {
    let fields = answer
        .schema()
        .fields()
        .iter()
        .map(|field| {
            let name = defused(field.name()).unwrap_or_else(|| field.name().clone());
            let kind = if is_text(field.data_type()) { DataType::Utf8View } else { field.data_type().clone() };
            Field::new(name, kind, field.is_nullable())
        })
        .collect::<Vec<Field>>();
    let schema = Arc::new(Schema::new(fields));
    let named = Arc::clone(&schema);
    answer.map(schema, move |batch| {
        let columns = batch.columns().iter().map(texts).collect::<Result<Vec<ArrayRef>>>()?;
        Ok(RecordBatch::try_new(Arc::clone(&named), columns)?)
    })
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, value) => is_text(value),
        kind => kind.is_string(),
    }
}

fn texts(column: &ArrayRef) -> Result<ArrayRef> {
    if !is_text(column.data_type()) {
        return Ok(Arc::clone(column));
    }
    let texts = cast(column, &DataType::Utf8View)?;
    let texts = texts.as_string_view();
    if !texts.iter().flatten().any(|text| defused(text).is_some()) {
        return Ok(Arc::new(texts.clone()));
    }
    let cell = |text: &str| defused(text).unwrap_or_else(|| text.to_owned());
    Ok(Arc::new(texts.iter().map(|text| text.map(cell)).collect::<StringViewArray>()))
}

/// The text with a `'` before it, if a spreadsheet would run it.
fn defused(text: &str) -> Option<String> {
    // The wide forms of the signs are taken for them.
    let runs = |c| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠');
    text.starts_with(runs).then(|| format!("'{text}"))
}
