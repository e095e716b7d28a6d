//! Values of kinds that Arrow arrays hold: read one by one, and gathered column by column.
//!
//! Slow beside what texts and integers of flow logs take, and generic: lists and structs are left to Arrow's own reader
//! of JSON, once each value is known to fit.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field};
use arrow::json::ReaderBuilder;
use chrono::{DateTime, NaiveDateTime};
use serde_json::Value;

use crate::schema::Kind;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    Signed(i64),
    Double(f64),
    Boolean(bool),
    /// Microseconds since 1970, in UTC.
    Micros(i64),
    /// Of a list or struct: it fits the column's type.
    Json(Value),
}

/// What stands between the items of a list of texts, behind the quote before the first one.
const BETWEEN_ITEMS: &str = "\",\"";

impl Cell {
    /// Reads the text of a value that is not null, or says what is wrong with it.
    pub fn of(kind: Kind, text: &str) -> Result<Cell, &'static str> {
        Ok(match kind {
            Kind::Signed => Cell::Signed(text.parse().map_err(|_| "is not a whole number that its column holds")?),
            Kind::Double => {
                let number = text.parse().ok().filter(|number: &f64| number.is_finite());
                Cell::Double(number.ok_or("is not a number")?)
            }
            Kind::Boolean => match text {
                "true" => Cell::Boolean(true),
                "false" => Cell::Boolean(false),
                _ => return Err("is neither true nor false"),
            },
            Kind::Timestamp => Cell::Micros(micros(text)?),
            Kind::Nested(_) => Cell::Json(nested(&kind.data_type(), text)?),
            Kind::Text | Kind::Int32 | Kind::Port | Kind::Int64 | Kind::Seconds => {
                unreachable!("the kinds of flow logs are read by lines")
            }
        })
    }
}

fn micros(text: &str) -> Result<i64, &'static str> {
    let without_zone = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc());
    let instant = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).or_else(|_| without_zone());
    let instant = instant.map_err(|_| "is not a time such as 2026-11-27T05:00:00.000000Z")?;
    if instant.timestamp_subsec_nanos() % 1_000 != 0 {
        return Err("is a time finer than microseconds");
    }
    Ok(instant.timestamp_micros())
}

/// Items and members of one value: each becomes a place in an array, and so does each member that is not there.
pub const ITEMS_MAX: usize = 1 << 16;

/// What is wrong with a value of more.
pub const TOO_MANY_ITEMS: &str = "has too many items";

/// Places that a value takes, without those of its items.
pub fn places(of: &DataType) -> usize {
    if let DataType::Struct(fields) = of { fields.len() } else { 1 }
}

/// JSON; or the texts of a list, as `one","two` between the quotes of the whole.
fn nested(of: &DataType, text: &str) -> Result<Value, &'static str> {
    let is_list_of_texts = matches!(of, DataType::List(item) if item.data_type() == &DataType::Utf8);
    let json = serde_json::from_str(text);
    if is_list_of_texts && !matches!(json, Ok(Value::Array(_))) {
        return Ok(text.split(BETWEEN_ITEMS).filter(|_| !text.is_empty()).map(Value::from).collect());
    }
    let mut value = json.map_err(|_| "is not JSON")?;
    let mut left = ITEMS_MAX;
    fit(&mut value, of, &mut left)?;
    Ok(value)
}

/// Makes a value one that Arrow reads as `of`. Where a text is wanted and JSON has something else, the text is that as
/// `serde_json` writes it: not always the exact one. Of two members of one name it has kept the last. `left` is how
/// many items there may be.
pub fn fit(value: &mut Value, of: &DataType, left: &mut usize) -> Result<(), &'static str> {
    *left = left.checked_sub(places(of)).ok_or(TOO_MANY_ITEMS)?;
    match (of, &mut *value) {
        (_, Value::Null) => Ok(()),
        (DataType::Utf8, Value::String(_)) | (DataType::Boolean, Value::Bool(_)) => Ok(()),
        (DataType::Utf8, other) => {
            *value = Value::from(other.to_string());
            Ok(())
        }
        (DataType::Int32, Value::Number(number)) if number.as_i64().is_some_and(|int| i32::try_from(int).is_ok()) => {
            Ok(())
        }
        (DataType::Int64, Value::Number(number)) if number.is_i64() => Ok(()),
        (DataType::Float64, Value::Number(_)) => Ok(()),
        (DataType::Timestamp(..), Value::String(text)) => {
            *value = Value::from(micros(text)?);
            Ok(())
        }
        (DataType::List(item), Value::Array(items)) => {
            items.iter_mut().try_for_each(|value| fit(value, item.data_type(), left))
        }
        (DataType::Struct(fields), Value::Object(members)) => members.iter_mut().try_for_each(|(name, value)| {
            let (_, field) = fields.find(name).ok_or("has a member that its column lacks")?;
            fit(value, field.data_type(), left)
        }),
        _ => Err("is not of its column's type"),
    }
}

/// Cells of a chunk's rows, by column.
#[derive(Debug, Default)]
pub struct CellColumns(Vec<Vec<Cell>>);

impl CellColumns {
    pub fn push(&mut self, column: usize, cell: Cell) {
        if self.0.len() <= column {
            self.0.resize_with(column + 1, Vec::new);
        }
        self.0[column].push(cell);
    }

    /// The cells of a column as an array, which begins anew.
    pub fn take(&mut self, column: usize, kind: Kind) -> ArrayRef {
        let cells = self.0.get_mut(column).map(std::mem::take).unwrap_or_default();
        let cells = cells.into_iter();
        match kind {
            Kind::Double => Arc::new(
                cells
                    .map(|cell| if let Cell::Double(value) = cell { Some(value) } else { None })
                    .collect::<Float64Array>(),
            ),
            Kind::Boolean => Arc::new(
                cells
                    .map(|cell| if let Cell::Boolean(value) = cell { Some(value) } else { None })
                    .collect::<BooleanArray>(),
            ),
            Kind::Timestamp => {
                let micros = cells.map(|cell| if let Cell::Micros(value) = cell { Some(value) } else { None });
                Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
            }
            Kind::Nested(_) => nested_array(
                kind,
                &cells.map(|cell| if let Cell::Json(value) = cell { value } else { Value::Null }).collect::<Vec<_>>(),
            ),
            _ => Arc::new(
                cells
                    .map(|cell| if let Cell::Signed(value) = cell { Some(value) } else { None })
                    .collect::<Int64Array>(),
            ),
        }
    }
}

fn nested_array(kind: Kind, values: &[Value]) -> ArrayRef {
    let field = Arc::new(Field::new("value", kind.data_type(), true));
    let read = || {
        let mut decoder = ReaderBuilder::new_with_field(field).with_batch_size(values.len().max(1)).build_decoder()?;
        decoder.serialize(values)?;
        decoder.flush()
    };
    let batch = read().expect("each value fits its column");
    batch.map_or_else(|| arrow::array::new_empty_array(&kind.data_type()), |batch| Arc::clone(batch.column(0)))
}
