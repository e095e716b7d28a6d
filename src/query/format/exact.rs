//! Rows as JSON values of which no client loses a digit, whatever it reads numbers into.
//!
//! They are what `--format json` writes, but for numbers that are more exact than a float of 64 bits: integers beyond
//! 2^53 and decimals are texts, and so are floats inside of lists and structs, of which the reader of JSON is not
//! exact.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::{can_cast_types, cast};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Float32Type, Float64Type, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::writer::{LineDelimited, Writer};
use datafusion::arrow::record_batch::RecordBatch;
use serde_json::{Map, Value};

use super::super::QueryError;
use super::json;

/// The greatest integer up to which a float of 64 bits holds each one.
const INTEGER_MAX: u64 = (1 << 53) - 1;

/// What the JSON of a row has beside its values, for each column, at most.
const BYTES_BESIDE_MAX: usize = 10;

/// The rows of a batch; each has a value for each column, in the order of the columns.
pub fn rows(batch: &RecordBatch) -> Result<Vec<Vec<Value>>, QueryError> {
    rows_within(batch, usize::MAX).map(Option::unwrap_or_default)
}

/// The same, unless their JSON has more than `bytes_max` bytes: it is held in a quarter of the memory of its values.
pub fn rows_within(batch: &RecordBatch, bytes_max: usize) -> Result<Option<Vec<Vec<Value>>>, QueryError> {
    let columns = batch.columns().iter().map(readable).collect::<Result<Vec<_>, _>>().map_err(QueryError::arrow)?;
    // Two columns may have one name; numbers are names of which there is one each.
    let field = |(at, column): (usize, &ArrayRef)| Field::new(at.to_string(), column.data_type().clone(), true);
    let schema = Arc::new(Schema::new(columns.iter().enumerate().map(field).collect::<Vec<_>>()));
    let plain = RecordBatch::try_new(schema, columns).map_err(QueryError::arrow)?;
    let mut writer: Writer<_, LineDelimited> = json::builder().build(Vec::new());
    writer.write(&plain).map_err(QueryError::arrow)?;
    writer.finish().map_err(QueryError::arrow)?;
    let text = writer.into_inner();
    if text.len() > bytes_max.saturating_add(BYTES_BESIDE_MAX * batch.num_columns() * batch.num_rows()) {
        return Ok(None);
    }
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let row = |(at, line)| {
        let mut read: Map<String, Value> = serde_json::from_slice(line).map_err(std::io::Error::from)?;
        let value = |(column, array): (usize, &ArrayRef)| {
            let read = read.remove(&column.to_string()).unwrap_or_default();
            float(array, at).unwrap_or_else(|| whole(read))
        };
        Ok(plain.columns().iter().enumerate().map(value).collect())
    };
    lines.enumerate().map(row).collect::<Result<_, _>>().map(Some)
}

/// The column with texts where its numbers would not be read exactly.
fn readable(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let kind = textual(column.data_type(), false);
    match &kind != column.data_type() && can_cast_types(column.data_type(), &kind) {
        true => cast(column, &kind),
        false => Ok(Arc::clone(column)),
    }
}

fn textual(kind: &DataType, is_inside: bool) -> DataType {
    let inside = |field: &Arc<Field>| Arc::new(field.as_ref().clone().with_data_type(textual(field.data_type(), true)));
    match kind {
        kind if kind.is_decimal() || (is_inside && kind.is_floating()) => DataType::Utf8,
        DataType::List(item) => DataType::List(inside(item)),
        DataType::LargeList(item) => DataType::LargeList(inside(item)),
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(inside(item), *length),
        DataType::Map(entries, is_sorted) => DataType::Map(inside(entries), *is_sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inside).collect::<Fields>()),
        other => other.clone(),
    }
}

/// A float as it is, not as the reader of JSON rounds it; `None` if the column has none, or JSON has no number for it.
fn float(column: &ArrayRef, at: usize) -> Option<Value> {
    if column.is_null(at) {
        return None;
    }
    let float: f64 = match column.data_type() {
        DataType::Float64 => column.as_primitive::<Float64Type>().value(at),
        // By its shortest text, as other formats have it.
        DataType::Float32 => column.as_primitive::<Float32Type>().value(at).to_string().parse().ok()?,
        _ => return None,
    };
    float.is_finite().then(|| Value::from(float))
}

/// The value with texts for integers that a float of 64 bits does not hold.
fn whole(value: Value) -> Value {
    match value {
        Value::Number(number) => {
            let size = number.as_i64().map(i64::unsigned_abs).or_else(|| number.as_u64());
            match size.is_some_and(|size| size > INTEGER_MAX) {
                true => Value::String(number.to_string()),
                false => Value::Number(number),
            }
        }
        Value::Array(values) => Value::Array(values.into_iter().map(whole).collect()),
        Value::Object(values) => Value::Object(values.into_iter().map(|(name, value)| (name, whole(value))).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{
        Decimal128Array, FixedSizeListArray, Float32Array, Float64Array, Float64Builder, Int64Array, ListArray,
        MapBuilder, StringBuilder, UInt64Array,
    };
    use serde_json::json;

    use super::*;

    #[test]
    fn no_digit_is_lost() {
        let decimals =
            Decimal128Array::from(vec![12_345_678_901_234_567_890_123_i128, -5]).with_precision_and_scale(30, 2);
        let list = ListArray::from_iter_primitive::<Float64Type, _, _>([Some(vec![Some(0.1 + 0.2)]), None]);
        let fixed = [Some(vec![Some(0.1 + 0.2)]), None];
        let fixed = FixedSizeListArray::from_iter_primitive::<Float64Type, _, _>(fixed, 1);
        let mut map = MapBuilder::new(None, StringBuilder::new(), Float64Builder::new());
        map.keys().append_value("a");
        map.values().append_value(0.1 + 0.2);
        map.append(true).unwrap();
        map.append(false).unwrap();
        let columns: [(&str, ArrayRef); 8] = [
            ("n", Arc::new(Int64Array::from(vec![9_007_199_254_740_991, i64::MIN]))),
            ("n", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None]))),
            ("decimal", Arc::new(decimals.unwrap())),
            ("float", Arc::new(Float64Array::from(vec![0.1 + 0.2, f64::NAN]))),
            ("short", Arc::new(Float32Array::from(vec![0.1, 1e10]))),
            ("list", Arc::new(list)),
            ("fixed", Arc::new(fixed)),
            ("map", Arc::new(map.finish())),
        ];
        let fields: Vec<Field> =
            columns.iter().map(|(name, a)| Field::new(*name, a.data_type().clone(), true)).collect();
        let columns = columns.into_iter().map(|(_, column)| column).collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
        let expected = [
            json!([
                9_007_199_254_740_991_i64,
                "18446744073709551615",
                "123456789012345678901.23",
                0.1 + 0.2,
                0.1,
                ["0.30000000000000004"],
                ["0.30000000000000004"],
                { "a": "0.30000000000000004" }
            ]),
            json!(["-9223372036854775808", null, "-0.05", "NaN", 1e10, null, null, null]),
        ];
        assert!(rows_within(&batch, 40).unwrap().is_none() && rows_within(&batch, 400).unwrap().is_some());
        let rows: Vec<Value> = rows(&batch).unwrap().into_iter().map(Value::Array).collect();
        assert_eq!(rows, expected);
    }
}
