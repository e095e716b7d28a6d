//! Values as Postgres sends them in binary.

use bytes::{BufMut, BytesMut};
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType,
};
use pgwire::api::Type;
use pgwire::api::results::FieldFormat;

use super::{Column, EncodeError, Result, number, time};

impl Column {
    pub(super) fn put_binary(&self, out: &mut BytesMut, row: usize) -> Result<()> {
        let array = &self.array;
        match array.data_type() {
            DataType::Boolean => out.put_u8(array.as_boolean().value(row).into()),
            DataType::Int16 => out.put_i16(array.as_primitive::<Int16Type>().value(row)),
            DataType::Int32 => out.put_i32(array.as_primitive::<Int32Type>().value(row)),
            DataType::Int64 => {
                let value = array.as_primitive::<Int64Type>().value(row);
                match self.kind {
                    Type::OID | Type::XID | Type::REGPROC | Type::REGTYPE => {
                        out.put_u32(u32::try_from(value).map_err(|_| EncodeError::Range("oid"))?);
                    }
                    _ => out.put_i64(value),
                }
            }
            DataType::Float32 => out.put_f32(array.as_primitive::<Float32Type>().value(row)),
            DataType::Float64 => out.put_f64(array.as_primitive::<Float64Type>().value(row)),
            DataType::Decimal128(..) => {
                number::put_numeric(out, &array.as_primitive::<Decimal128Type>().value_as_string(row));
            }
            DataType::Decimal256(..) => {
                number::put_numeric(out, &array.as_primitive::<Decimal256Type>().value_as_string(row));
            }
            DataType::Utf8View => out.put_slice(array.as_string_view().value(row).as_bytes()),
            DataType::LargeBinary => out.put_slice(array.as_binary::<i64>().value(row)),
            DataType::Date32 => {
                let days = array.as_primitive::<Date32Type>().value(row);
                out.put_i32(days.checked_sub(time::EPOCH_DAYS).ok_or(EncodeError::Range("date"))?);
            }
            DataType::Time64(_) => out.put_i64(array.as_primitive::<Time64MicrosecondType>().value(row)),
            DataType::Timestamp(..) => {
                let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
                out.put_i64(micros.checked_sub(time::EPOCH_MICROS).ok_or(EncodeError::Range("timestamp"))?);
            }
            DataType::Interval(_) => {
                let interval = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
                out.put_i64(interval.nanoseconds / 1000);
                out.put_i32(interval.days);
                out.put_i32(interval.months);
            }
            DataType::List(_) => self.put_binary_array(out, row)?,
            DataType::Struct(_) => {
                out.put_i32(self.inner.len() as i32);
                for column in &self.inner {
                    out.put_u32(column.kind.oid());
                    column.write(out, row, FieldFormat::Binary)?;
                }
            }
            other => return Err(EncodeError::Type(other.clone())),
        }
        Ok(())
    }

    fn put_binary_array(&self, out: &mut BytesMut, row: usize) -> Result<()> {
        let (rows, dimensions, elements) = self.elements(row)?;
        out.put_i32(dimensions.len() as i32);
        out.put_i32(rows.iter().any(|&row| elements.array.is_null(row)).into());
        out.put_u32(elements.kind.oid());
        for length in dimensions {
            out.put_i32(length as i32);
            // The number of the first element.
            out.put_i32(1);
        }
        rows.into_iter().try_for_each(|row| elements.write(out, row, FieldFormat::Binary))
    }
}
