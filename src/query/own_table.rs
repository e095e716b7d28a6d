//! The user's own CSV, JSON or Parquet file as a table, for joins: account names, ranges of addresses, inventories.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::csv::ReaderBuilder;
use datafusion::arrow::csv::reader::Format;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::TableProvider;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, cast};
use datafusion::prelude::{CsvReadOptions, JsonReadOptions, ParquetReadOptions, SessionContext};

use super::digits::Digits;
use super::own_json::OwnJson;
use super::{QueryError, TimeZone, floats};

pub(super) async fn register(
    context: &SessionContext,
    name: &str,
    path: &Path,
    time_zone: &TimeZone,
) -> Result<(), QueryError> {
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
            let schema = csv_schema(&path, delimiter, time_zone).map_err(|error| fail(error.to_string()))?;
            let options = CsvReadOptions::new().delimiter(delimiter).schema(&schema).file_extension(&own);
            context.register_csv(name, place, options).await
        }
        "json" | "ndjson" | "jsonl" => {
            let json = OwnJson::open(&path).map_err(|error| fail(error.to_string()))?;
            if json.is_mixed {
                context.register_table(name, json.table()?).map(|_| ())
            } else {
                let options = JsonReadOptions::default().file_extension(&own).newline_delimited(!json.is_array);
                context.register_json(name, place, options.schema(&json.schema)).await
            }
        }
        "parquet" => context.register_parquet(name, place, ParquetReadOptions::default().file_extension(&own)).await,
        _ => return Err(fail(format!("{} is no .csv, .tsv, .json, .ndjson or .parquet file", path.display()))),
    };
    done.map_err(|error| fail(error.strip_backtrace()))?;
    if let Some(view) = floats::view_of(name, context.table_provider(name).await?)? {
        context.deregister_table(name)?;
        context.register_table(name, Arc::new(view))?;
    }
    if let Some(view) = zoned(name, context.table_provider(name).await?, time_zone)? {
        context.deregister_table(name)?;
        context.register_table(name, Arc::new(view))?;
    }
    Ok(())
}

/// A table as it is, but that its instants are shown in the session's zone, as those of the lake are; `None` if it has
/// none.
fn zoned(
    name: &str,
    table: Arc<dyn TableProvider>,
    time_zone: &TimeZone,
) -> datafusion::error::Result<Option<ViewTable>> {
    let there = |kind: &DataType| match kind {
        DataType::Timestamp(unit, Some(zone)) if **zone != *time_zone.name() => {
            Some(DataType::Timestamp(*unit, Some(time_zone.name().into())))
        }
        _ => None,
    };
    if !table.schema().fields().iter().any(|field| there(field.data_type()).is_some()) {
        return Ok(None);
    }
    let scan = LogicalPlanBuilder::scan(name, provider_as_source(table), None)?;
    let columns: Vec<Expr> = scan
        .schema()
        .iter()
        .map(|(table, field)| match there(field.data_type()) {
            Some(there) => cast(Expr::from((table, field)), there).alias(field.name()),
            None => Expr::from((table, field)),
        })
        .collect();
    Ok(Some(ViewTable::new(scan.project(columns)?.build()?, None)))
}

/// What the texts of a column say that its look does not.
#[derive(Debug, Clone, Copy, Default)]
struct Texts {
    /// One is a number with a leading zero, as account ids are.
    has_padding: bool,
    /// One is a time with an offset, or with `Z`.
    has_instant: bool,
    /// One is a time without, or something else.
    has_other: bool,
    digits: Digits,
}

impl Texts {
    fn see(&mut self, text: &str) {
        self.has_padding |= text.len() > 1 && text.starts_with('0') && !text.starts_with("0.");
        let is_instant = is_instant(text);
        self.has_instant |= is_instant;
        self.has_other |= !is_instant;
        self.digits.see(text);
    }

    /// The type of a column that looks as if it were of type `looks`. Instants beside times without an offset are text,
    /// since one type would make the same of both.
    fn kind(self, looks: &DataType, time_zone: &TimeZone) -> DataType {
        match looks {
            _ if self.has_padding => DataType::Utf8,
            DataType::Float64 => self.digits.kind(),
            DataType::Timestamp(..) if self.has_instant && self.has_other => DataType::Utf8,
            DataType::Timestamp(unit, None) if self.has_instant => {
                DataType::Timestamp(*unit, Some(time_zone.name().into()))
            }
            looks => looks.clone(),
        }
    }
}

/// Whether something stands behind the time of the day in `2023-09-14T02:00:00.5Z`.
fn is_instant(text: &str) -> bool {
    let behind = text.get("2023-09-14T02:00:00".len()..).unwrap_or_default();
    !behind.trim_start_matches(|sign: char| sign == '.' || sign.is_ascii_digit()).is_empty()
}

/// Types as they look and as [`Texts`] says.
fn csv_schema(
    path: &Path,
    delimiter: u8,
    time_zone: &TimeZone,
) -> Result<Schema, datafusion::arrow::error::ArrowError> {
    let format = Format::default().with_header(true).with_delimiter(delimiter);
    let (looks, _) = format.infer_schema(File::open(path)?, None)?;
    let text = |field: &Arc<Field>| Field::new(field.name(), DataType::Utf8, true);
    let as_texts = Arc::new(Schema::new(looks.fields().iter().map(text).collect::<Vec<_>>()));
    let rows = ReaderBuilder::new(as_texts).with_header(true).with_delimiter(delimiter).build(File::open(path)?)?;
    let mut texts = vec![Texts::default(); looks.fields().len()];
    for batch in rows {
        for (column, texts) in batch?.columns().iter().zip(&mut texts) {
            column.as_string::<i32>().iter().flatten().for_each(|text| texts.see(text));
        }
    }
    let typed =
        |(field, texts): (&Arc<Field>, Texts)| Field::new(field.name(), texts.kind(field.data_type(), time_zone), true);
    Ok(Schema::new(looks.fields().iter().zip(texts).map(typed).collect::<Vec<_>>()))
}
