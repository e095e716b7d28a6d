//! The user's own CSV, JSON or Parquet file as a table, for joins: account names, ranges of addresses, inventories.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::csv::ReaderBuilder;
use datafusion::arrow::csv::reader::Format;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::prelude::{CsvReadOptions, JsonReadOptions, ParquetReadOptions, SessionContext};

use super::{QueryError, floats};

pub(super) async fn register(context: &SessionContext, name: &str, path: &Path) -> Result<(), QueryError> {
    let fail = |reason: String| QueryError::Table { name: name.to_owned(), reason };
    if context.table_exist(name)? {
        return Err(fail("the lake has a table of this name; choose another one".to_owned()));
    }
    let path = path.canonicalize().map_err(|error| fail(format!("{}: {error}", path.display())))?;
    if path.to_str().is_none() {
        return Err(fail("its path is no UTF-8".to_owned()));
    }
    // A URL, since the engine takes the signs `*`, `?` and `[` of a path for a pattern.
    let url = url::Url::from_file_path(&path).map_err(|()| fail("its path is no URL".to_owned()))?;
    let place = url.as_str();
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_lowercase();
    let extension = extension.as_str();
    let own = format!(".{extension}");
    let done = match extension {
        "csv" | "tsv" => {
            let delimiter = if extension == "tsv" { b'\t' } else { b',' };
            let schema = csv_schema(&path, delimiter).map_err(|error| fail(error.to_string()))?;
            let options = CsvReadOptions::new().delimiter(delimiter).schema(&schema).file_extension(&own);
            context.register_csv(name, place, options).await
        }
        "json" | "ndjson" | "jsonl" => {
            let is_array = first_byte(&path).map_err(|error| fail(error.to_string()))? == Some(b'[');
            let options = JsonReadOptions::default().file_extension(&own).newline_delimited(!is_array);
            context.register_json(name, place, options).await
        }
        "parquet" => context.register_parquet(name, place, ParquetReadOptions::default().file_extension(&own)).await,
        _ => return Err(fail(format!("{} is no .csv, .tsv, .json, .ndjson or .parquet file", path.display()))),
    };
    done.map_err(|error| fail(error.strip_backtrace()))?;
    if let Some(view) = floats::view_of(name, context.table_provider(name).await?)? {
        context.deregister_table(name)?;
        context.register_table(name, Arc::new(view))?;
    }
    Ok(())
}

/// The first byte that is no white space: `[` begins an array, anything else is JSON lines.
fn first_byte(path: &Path) -> std::io::Result<Option<u8>> {
    let mut bytes = std::io::BufReader::new(File::open(path)?).bytes();
    bytes.find(|byte| !byte.as_ref().is_ok_and(u8::is_ascii_whitespace)).transpose()
}

/// Types as they look, but a column that has a number with a leading zero anywhere is text: account ids have.
fn csv_schema(path: &Path, delimiter: u8) -> Result<Schema, datafusion::arrow::error::ArrowError> {
    let format = Format::default().with_header(true).with_delimiter(delimiter);
    let (looks, _) = format.infer_schema(File::open(path)?, None)?;
    let text = |field: &Arc<Field>| Field::new(field.name(), DataType::Utf8, true);
    let texts = Arc::new(Schema::new(looks.fields().iter().map(text).collect::<Vec<_>>()));
    let rows =
        ReaderBuilder::new(texts.clone()).with_header(true).with_delimiter(delimiter).build(File::open(path)?)?;
    let mut padded = BTreeSet::new();
    for batch in rows {
        for (at, column) in batch?.columns().iter().enumerate() {
            let has_padding = |text: &str| text.len() > 1 && text.starts_with('0') && !text.starts_with("0.");
            if column.as_string::<i32>().iter().flatten().any(has_padding) {
                padded.insert(at);
            }
        }
    }
    let typed = |(at, field): (usize, &Arc<Field>)| {
        if padded.contains(&at) { text(field) } else { field.as_ref().clone().with_nullable(true) }
    };
    Ok(Schema::new(looks.fields().iter().enumerate().map(typed).collect::<Vec<_>>()))
}
