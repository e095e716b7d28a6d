//! Values of the engine as Postgres's types: one column of a batch at a time, in text or in binary.
//!
//! Columns are first brought to a few types (`plain`), so that both forms are written from the same value.

mod binary;
mod number;
mod text;
mod time;

pub(super) use time::{EPOCH_DAYS, EPOCH_MICROS};

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use datafusion::arrow::error::ArrowError;
use pgwire::api::Type;
use pgwire::api::results::FieldFormat;

/// The key in a field's metadata that names a type of Postgres which the engine has not.
pub(super) const PG_TYPE: &str = "postgres.type";

/// Why a value cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum EncodeError {
    #[error("a column of the type {0} cannot be sent to a Postgres client; cast it to text")]
    Type(DataType),
    #[error("a value is out of the range of {0}")]
    Range(&'static str),
    #[error("a column was described as {described} and is {is}; prepare the statement again")]
    Changed { described: String, is: String },
    #[error("an array of arrays of different lengths cannot be sent to a Postgres client")]
    Ragged,
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

type Result<T> = std::result::Result<T, EncodeError>;

/// The type that a client is told for a column.
pub(super) fn postgres_type(field: &Field) -> Result<Type> {
    if let Some(named) = field.metadata().get(PG_TYPE).and_then(|name| named(name)) {
        return Ok(named);
    }
    type_of(&plain(field.data_type()))
}

fn named(name: &str) -> Option<Type> {
    Some(match name {
        "oid" => Type::OID,
        "xid" => Type::XID,
        "regproc" => Type::REGPROC,
        "regtype" => Type::REGTYPE,
        "name" => Type::NAME,
        "char" => Type::CHAR,
        "varchar" => Type::VARCHAR,
        _ => return None,
    })
}

/// Bytes of a value of a type, -1 where they differ from value to value; `pg_type.typlen`.
pub(super) fn type_size(kind: &Type) -> i16 {
    match *kind {
        Type::BOOL | Type::CHAR => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::FLOAT4 | Type::DATE | Type::OID | Type::XID | Type::REGPROC | Type::REGTYPE => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIME | Type::TIMESTAMP | Type::TIMESTAMPTZ => 8,
        Type::INTERVAL => 16,
        Type::NAME => 64,
        _ => -1,
    }
}

/// Postgres's type of a plain type.
fn type_of(plain: &DataType) -> Result<Type> {
    Ok(match plain {
        DataType::Boolean => Type::BOOL,
        DataType::Int16 => Type::INT2,
        DataType::Int32 => Type::INT4,
        DataType::Int64 => Type::INT8,
        DataType::Float32 => Type::FLOAT4,
        DataType::Float64 => Type::FLOAT8,
        DataType::Decimal128(..) | DataType::Decimal256(..) => Type::NUMERIC,
        DataType::Utf8View => Type::TEXT,
        DataType::LargeBinary => Type::BYTEA,
        DataType::Date32 => Type::DATE,
        DataType::Time64(_) => Type::TIME,
        DataType::Timestamp(_, None) => Type::TIMESTAMP,
        DataType::Timestamp(_, Some(_)) => Type::TIMESTAMPTZ,
        DataType::Interval(_) => Type::INTERVAL,
        DataType::Struct(_) => Type::RECORD,
        DataType::List(element) => array_type(&type_of(element.data_type())?),
        other => return Err(EncodeError::Type(other.clone())),
    })
}

/// The array of an element; arrays of arrays are arrays of more dimensions.
pub(super) fn array_type(element: &Type) -> Type {
    match *element {
        Type::BOOL => Type::BOOL_ARRAY,
        Type::INT2 => Type::INT2_ARRAY,
        Type::INT4 => Type::INT4_ARRAY,
        Type::INT8 => Type::INT8_ARRAY,
        Type::FLOAT4 => Type::FLOAT4_ARRAY,
        Type::FLOAT8 => Type::FLOAT8_ARRAY,
        Type::NUMERIC => Type::NUMERIC_ARRAY,
        Type::BYTEA => Type::BYTEA_ARRAY,
        Type::DATE => Type::DATE_ARRAY,
        Type::TIME => Type::TIME_ARRAY,
        Type::TIMESTAMP => Type::TIMESTAMP_ARRAY,
        Type::TIMESTAMPTZ => Type::TIMESTAMPTZ_ARRAY,
        Type::INTERVAL => Type::INTERVAL_ARRAY,
        Type::RECORD => Type::RECORD_ARRAY,
        Type::TEXT => Type::TEXT_ARRAY,
        _ => element.clone(),
    }
}

/// The few types that values are brought to before they are written.
fn plain(kind: &DataType) -> DataType {
    let list = |element: &FieldRef| {
        DataType::List(Arc::new(Field::new(element.name(), plain(element.data_type()), element.is_nullable())))
    };
    match kind {
        DataType::Int8 | DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 => DataType::Float32,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Null | DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Binary | DataType::BinaryView | DataType::FixedSizeBinary(_) => DataType::LargeBinary,
        DataType::Date64 => DataType::Date32,
        DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        DataType::Duration(_) | DataType::Interval(_) => DataType::Interval(IntervalUnit::MonthDayNano),
        DataType::Dictionary(_, value) => plain(value),
        DataType::RunEndEncoded(_, value) => plain(value.data_type()),
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::FixedSizeList(element, _)
        | DataType::ListView(element)
        | DataType::LargeListView(element)
        | DataType::Map(element, _) => list(element),
        DataType::Struct(fields) => DataType::Struct(
            fields
                .iter()
                .map(|field| Field::new(field.name(), plain(field.data_type()), field.is_nullable()))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// A column whose values can be written.
pub(super) struct Column {
    kind: Type,
    array: ArrayRef,
    /// The zone that times are shown in.
    zone: Option<Tz>,
    /// Elements of an array, or fields of a record.
    inner: Vec<Column>,
}

impl Column {
    /// A column that was described to a client as one of a type.
    pub(super) fn new(described: &Type, array: &ArrayRef) -> Result<Column> {
        let mut column = Column::plain(array)?;
        if column.kind != *described {
            if named(described.name()).is_none() {
                return Err(EncodeError::Changed {
                    described: described.name().to_owned(),
                    is: column.kind.name().to_owned(),
                });
            }
            column.kind = described.clone();
        }
        Ok(column)
    }

    fn plain(array: &ArrayRef) -> Result<Column> {
        let array = match array.as_map_opt() {
            // A map is a list of pairs.
            Some(map) => {
                let DataType::Map(entries, _) = map.data_type() else { unreachable!("a map has the type of one") };
                let pairs = Arc::new(map.entries().clone());
                Arc::new(ListArray::new(entries.clone(), map.offsets().clone(), pairs, map.nulls().cloned()))
                    as ArrayRef
            }
            None => array.clone(),
        };
        let kind = plain(array.data_type());
        let array = if array.data_type() == &kind {
            array
        } else {
            // What does not fit is an error, not a null.
            cast_with_options(&array, &kind, &CastOptions { safe: false, ..CastOptions::default() })?
        };
        let zone = match &kind {
            DataType::Timestamp(_, Some(zone)) => Some(zone.parse::<Tz>()?),
            _ => None,
        };
        let inner = match &kind {
            DataType::List(_) => vec![Column::plain(array.as_list::<i32>().values())?],
            DataType::Struct(_) => {
                array.as_struct().columns().iter().map(Column::plain).collect::<Result<Vec<Column>>>()?
            }
            _ => Vec::new(),
        };
        Ok(Column { kind: type_of(&kind)?, array, zone, inner })
    }

    /// Writes a value behind its length, which is -1 for null.
    pub(super) fn write(&self, out: &mut BytesMut, row: usize, format: FieldFormat) -> Result<()> {
        if self.array.is_null(row) {
            out.put_i32(-1);
            return Ok(());
        }
        let start = out.len();
        out.put_i32(0);
        match format {
            FieldFormat::Text => self.put_text(out, row)?,
            FieldFormat::Binary => self.put_binary(out, row)?,
        }
        let bytes = i32::try_from(out.len() - start - 4).map_err(|_| EncodeError::Range("a value of 2 GiB"))?;
        out[start..start + 4].copy_from_slice(&bytes.to_be_bytes());
        Ok(())
    }

    /// The elements of an array in their order, and its dimensions from the outermost; none if it is empty.
    fn elements(&self, row: usize) -> Result<(Vec<usize>, Vec<usize>, &Column)> {
        let mut column = self;
        let (mut rows, mut dimensions) = (vec![row], Vec::new());
        while let Some(list) = column.array.as_list_opt::<i32>() {
            let mut inner = Vec::new();
            let length = rows.first().map_or(0, |row| list.value_length(*row) as usize);
            for &row in &rows {
                if list.value_length(row) as usize != length || list.is_null(row) {
                    return Err(EncodeError::Ragged);
                }
                let start = list.value_offsets()[row] as usize;
                inner.extend(start..start + length);
            }
            dimensions.push(length);
            (rows, column) = (inner, &column.inner[0]);
        }
        if rows.is_empty() {
            dimensions.clear();
        }
        Ok((rows, dimensions, column))
    }
}
