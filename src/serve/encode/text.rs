//! Values as Postgres writes them in text.

use std::fmt::Write;

use bytes::{BufMut, BytesMut};
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType,
};
use pgwire::api::Type;

use super::{Column, EncodeError, Result, number, time};
use crate::serve::pg_catalog;

impl Column {
    pub(super) fn put_text(&self, out: &mut BytesMut, row: usize) -> Result<()> {
        let array = &self.array;
        match array.data_type() {
            DataType::Boolean => out.put_u8(if array.as_boolean().value(row) { b't' } else { b'f' }),
            DataType::Int16 => put(out, array.as_primitive::<Int16Type>().value(row)),
            DataType::Int32 => put(out, array.as_primitive::<Int32Type>().value(row)),
            DataType::Int64 => {
                let value = array.as_primitive::<Int64Type>().value(row);
                match self.kind {
                    Type::REGPROC => put(out, pg_catalog::procedure_name(value)),
                    Type::REGTYPE => put(out, pg_catalog::type_name(value)),
                    _ => put(out, value),
                }
            }
            DataType::Float32 => {
                let value = array.as_primitive::<Float32Type>().value(row);
                put(out, number::float(value.is_finite(), format!("{value:e}"), value.to_string(), 6));
            }
            DataType::Float64 => {
                let value = array.as_primitive::<Float64Type>().value(row);
                put(out, number::float(value.is_finite(), format!("{value:e}"), value.to_string(), 15));
            }
            DataType::Decimal128(..) => put(out, array.as_primitive::<Decimal128Type>().value_as_string(row)),
            DataType::Decimal256(..) => put(out, array.as_primitive::<Decimal256Type>().value_as_string(row)),
            DataType::Utf8View => out.put_slice(array.as_string_view().value(row).as_bytes()),
            DataType::LargeBinary => {
                out.put_slice(b"\\x");
                put(out, hex::encode(array.as_binary::<i64>().value(row)));
            }
            DataType::Date32 => put(out, time::date(array.as_primitive::<Date32Type>().value(row))?),
            DataType::Time64(_) => put(out, time::of_day(array.as_primitive::<Time64MicrosecondType>().value(row))),
            DataType::Timestamp(..) => {
                let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
                put(out, time::timestamp(micros, self.zone.as_ref())?);
            }
            DataType::Interval(_) => {
                put(out, time::interval(array.as_primitive::<IntervalMonthDayNanoType>().value(row)));
            }
            DataType::List(_) => self.put_array(out, row)?,
            DataType::Struct(_) => self.put_record(out, row)?,
            other => return Err(EncodeError::Type(other.clone())),
        }
        Ok(())
    }

    fn put_array(&self, out: &mut BytesMut, row: usize) -> Result<()> {
        let (rows, dimensions, elements) = self.elements(row)?;
        if rows.is_empty() {
            out.put_slice(b"{}");
            return Ok(());
        }
        for (at, &row) in rows.iter().enumerate() {
            // Braces where a dimension begins, and where one ends.
            let mut size = 1;
            let begins = dimensions.iter().rev().take_while(|length| {
                size *= **length;
                at.is_multiple_of(size)
            });
            let begins = begins.count();
            if at > 0 {
                out.put_bytes(b'}', begins);
                out.put_u8(b',');
            }
            out.put_bytes(b'{', begins);
            if elements.array.is_null(row) {
                out.put_slice(b"NULL");
                continue;
            }
            let mut text = BytesMut::new();
            elements.put_text(&mut text, row)?;
            let needs_quotes =
                |byte: &u8| matches!(byte, b'{' | b'}' | b',' | b'"' | b'\\') || byte.is_ascii_whitespace();
            if text.is_empty() || text.eq_ignore_ascii_case(b"null") || text.iter().any(needs_quotes) {
                put_quoted(out, &text, b'\\');
            } else {
                out.put_slice(&text);
            }
        }
        out.put_bytes(b'}', dimensions.len());
        Ok(())
    }

    fn put_record(&self, out: &mut BytesMut, row: usize) -> Result<()> {
        out.put_u8(b'(');
        for (at, column) in self.inner.iter().enumerate() {
            if at > 0 {
                out.put_u8(b',');
            }
            if column.array.is_null(row) {
                continue;
            }
            let mut text = BytesMut::new();
            column.put_text(&mut text, row)?;
            let needs_quotes =
                |byte: &u8| matches!(byte, b'(' | b')' | b',' | b'"' | b'\\') || byte.is_ascii_whitespace();
            if text.is_empty() || text.iter().any(needs_quotes) {
                put_quoted(out, &text, 0);
            } else {
                out.put_slice(&text);
            }
        }
        out.put_u8(b')');
        Ok(())
    }
}

fn put(out: &mut BytesMut, value: impl std::fmt::Display) {
    write!(out, "{value}").expect("a buffer grows");
}

/// In double quotes; those within stand behind `escape`, or twice if there is none.
fn put_quoted(out: &mut BytesMut, text: &[u8], escape: u8) {
    out.put_u8(b'"');
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(if escape == 0 { byte } else { escape });
        }
        out.put_u8(byte);
    }
    out.put_u8(b'"');
}
