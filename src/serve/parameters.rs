//! Values that a client binds to `$1`, `$2`, …: in text or binary, as values of the engine.

use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, TimeUnit};
use datafusion::scalar::ScalarValue;
use pgwire::api::Type;
use pgwire::api::results::FieldFormat;

use super::encode::{EPOCH_DAYS, EPOCH_MICROS};
use crate::functions::texts::elements_of;
use crate::functions::times::{of_text, without_colons};
use crate::query::bytes_of_text;

/// The decimal digits of a `numeric` parameter: twenty before its point and eighteen behind it.
pub(super) const NUMERIC: (u8, i8) = (38, 18);

/// A type as the engine has it, and as SQL names it; `None` for types whose parameters are taken as what the
/// statement wants.
fn known(kind: &Type, zone: &str) -> Option<(DataType, &'static str)> {
    Some(match *kind {
        Type::BOOL => (DataType::Boolean, "BOOLEAN"),
        Type::INT2 => (DataType::Int16, "SMALLINT"),
        Type::INT4 => (DataType::Int32, "INT"),
        Type::INT8 => (DataType::Int64, "BIGINT"),
        Type::OID | Type::XID | Type::CID | Type::REGPROC | Type::REGTYPE => (DataType::Int64, "BIGINT"),
        Type::FLOAT4 => (DataType::Float32, "REAL"),
        Type::FLOAT8 => (DataType::Float64, "DOUBLE"),
        Type::NUMERIC => (DataType::Decimal128(NUMERIC.0, NUMERIC.1), "DECIMAL(38, 18)"),
        Type::BYTEA => (DataType::Binary, "BYTEA"),
        Type::DATE => (DataType::Date32, "DATE"),
        Type::TIME => (DataType::Time64(TimeUnit::Microsecond), "TIME"),
        Type::TIMESTAMP => (DataType::Timestamp(TimeUnit::Microsecond, None), "TIMESTAMP(6)"),
        Type::TIMESTAMPTZ => {
            (DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into())), "TIMESTAMP(6) WITH TIME ZONE")
        }
        Type::INTERVAL => (DataType::Interval(datafusion::arrow::datatypes::IntervalUnit::MonthDayNano), "INTERVAL"),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::CHAR | Type::UUID | Type::JSON | Type::JSONB => {
            (DataType::Utf8, "TEXT")
        }
        Type::INET | Type::CIDR | Type::XML | Type::REGCLASS | Type::REGNAMESPACE => (DataType::Utf8, "TEXT"),
        _ => return None,
    })
}

/// The element of an array type.
fn element(kind: &Type) -> Option<Type> {
    Some(match *kind {
        Type::BOOL_ARRAY => Type::BOOL,
        Type::INT2_ARRAY => Type::INT2,
        Type::INT4_ARRAY => Type::INT4,
        Type::INT8_ARRAY => Type::INT8,
        Type::OID_ARRAY => Type::OID,
        Type::FLOAT4_ARRAY => Type::FLOAT4,
        Type::FLOAT8_ARRAY => Type::FLOAT8,
        Type::NUMERIC_ARRAY => Type::NUMERIC,
        Type::DATE_ARRAY => Type::DATE,
        Type::TIMESTAMP_ARRAY => Type::TIMESTAMP,
        Type::TIMESTAMPTZ_ARRAY => Type::TIMESTAMPTZ,
        Type::TEXT_ARRAY => Type::TEXT,
        Type::VARCHAR_ARRAY => Type::VARCHAR,
        Type::NAME_ARRAY => Type::NAME,
        Type::BPCHAR_ARRAY => Type::BPCHAR,
        Type::UUID_ARRAY => Type::UUID,
        Type::INET_ARRAY => Type::INET,
        _ => return None,
    })
}

/// A type as SQL names it.
pub(super) fn sql_name(kind: &Type) -> Option<String> {
    if let Some(element) = element(kind) {
        return sql_name(&element).map(|name| format!("{name}[]"));
    }
    known(kind, "UTC").map(|(_, name)| name.to_owned())
}

/// The value of a parameter of a type.
pub(super) fn value(kind: &Type, bytes: Option<&[u8]>, format: FieldFormat, zone: &str) -> Result<ScalarValue, String> {
    if let Some(element) = element(kind) {
        let (inner, _) = known(&element, zone).ok_or_else(|| unknown(kind))?;
        let Some(bytes) = bytes else {
            return Ok(ScalarValue::new_null_list(inner, true, 1));
        };
        let elements = match format {
            FieldFormat::Text => {
                let written = text(bytes)?;
                let elements =
                    elements_of(written).ok_or_else(|| format!("malformed array \"{}\"", written.escape_debug()))?;
                let one = |element_text: Option<String>| {
                    value(&element, element_text.as_deref().map(str::as_bytes), FieldFormat::Text, zone)
                };
                elements.into_iter().map(one).collect::<Result<Vec<ScalarValue>, String>>()?
            }
            FieldFormat::Binary => {
                let elements = binary_elements(bytes, zone)?;
                let cast = |element: ScalarValue| element.cast_to(&inner).map_err(|error| error.to_string());
                elements.into_iter().map(cast).collect::<Result<Vec<ScalarValue>, String>>()?
            }
        };
        return Ok(ScalarValue::List(ScalarValue::new_list_nullable(&elements, &inner)));
    }
    let (wanted, _) = known(kind, zone).ok_or_else(|| unknown(kind))?;
    let Some(bytes) = bytes else { return ScalarValue::try_from(&wanted).map_err(|error| error.to_string()) };
    match format {
        FieldFormat::Text => from_text(kind, text(bytes)?, &wanted, zone),
        FieldFormat::Binary => from_binary(kind, bytes, zone),
    }
}

fn unknown(kind: &Type) -> String {
    format!("parameters of the type {} are not supported; cast to text", kind.name())
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "a parameter is no UTF-8".to_owned())
}

fn from_text(kind: &Type, text: &str, wanted: &DataType, zone: &str) -> Result<ScalarValue, String> {
    let wrong = || format!("invalid input for type {}: \"{}\"", kind.name(), text.escape_debug());
    if wanted == &DataType::Utf8 {
        return Ok(ScalarValue::Utf8(Some(text.to_owned())));
    }
    let trimmed = text.trim();
    if *kind == Type::BYTEA {
        return Ok(ScalarValue::Binary(Some(bytes_of_text(text).ok_or_else(wrong)?)));
    }
    if *kind == Type::INTERVAL {
        let words = without_colons(trimmed).unwrap_or_else(|| trimmed.to_owned());
        return ScalarValue::Utf8(Some(words)).cast_to(wanted).map_err(|_| wrong());
    }
    if let DataType::Decimal128(..) = wanted {
        return decimal(trimmed).ok_or_else(wrong);
    }
    if matches!(*kind, Type::DATE | Type::TIMESTAMP | Type::TIMESTAMPTZ) {
        return of_text(trimmed, wanted, zone).map_err(|_| wrong());
    }
    ScalarValue::Utf8(Some(trimmed.to_owned())).cast_to(wanted).map_err(|_| wrong())
}

/// A decimal, exactly: digits that have no room are an error.
fn decimal(text: &str) -> Option<ScalarValue> {
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match digits.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, digits.strip_prefix('+').unwrap_or(digits)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // The number is `all` with the point moved `shift` places to the right, then eighteen more.
    let mut shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?.checked_add(NUMERIC.1.into())?;
    let mut all = all.trim_start_matches('0');
    while shift < 0 && all.ends_with('0') {
        (all, shift) = (&all[..all.len() - 1], shift + 1);
    }
    if all.is_empty() {
        return Some(ScalarValue::Decimal128(Some(0), NUMERIC.0, NUMERIC.1));
    }
    let zeros = usize::try_from(shift).ok()?;
    if all.len() + zeros > NUMERIC.0.into() {
        return None;
    }
    let value: i128 = format!("{all}{}", "0".repeat(zeros)).parse().ok()?;
    Some(ScalarValue::Decimal128(Some(if negative { -value } else { value }), NUMERIC.0, NUMERIC.1))
}

/// Reads a value's bytes from their front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or_else(too_short)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn i16(&mut self) -> Result<i16, String> {
        self.take().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Result<i32, String> {
        self.take().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Result<i64, String> {
        self.take().map(i64::from_be_bytes)
    }
}

fn too_short() -> String {
    "a binary parameter is too short".to_owned()
}

fn from_binary(kind: &Type, bytes: &[u8], zone: &str) -> Result<ScalarValue, String> {
    let mut reader = Reader(bytes);
    let range = || format!("a parameter is out of the range of {}", kind.name());
    let value = match *kind {
        Type::BOOL => ScalarValue::Boolean(Some(reader.take::<1>()? != [0])),
        Type::INT2 => ScalarValue::Int16(Some(reader.i16()?)),
        Type::INT4 => ScalarValue::Int32(Some(reader.i32()?)),
        Type::INT8 => ScalarValue::Int64(Some(reader.i64()?)),
        Type::OID | Type::XID | Type::CID | Type::REGPROC | Type::REGTYPE => {
            ScalarValue::Int64(Some(reader.take().map(u32::from_be_bytes)?.into()))
        }
        Type::FLOAT4 => ScalarValue::Float32(Some(reader.take().map(f32::from_be_bytes)?)),
        Type::FLOAT8 => ScalarValue::Float64(Some(reader.take().map(f64::from_be_bytes)?)),
        Type::NUMERIC => decimal(&numeric_text(&mut reader)?).ok_or_else(range)?,
        Type::BYTEA => return Ok(ScalarValue::Binary(Some(bytes.to_vec()))),
        Type::DATE => ScalarValue::Date32(Some(reader.i32()?.checked_add(EPOCH_DAYS).ok_or_else(range)?)),
        Type::TIME => ScalarValue::Time64Microsecond(Some(reader.i64()?)),
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            let micros = reader.i64()?.checked_add(EPOCH_MICROS).ok_or_else(range)?;
            let zone = (*kind == Type::TIMESTAMPTZ).then(|| zone.into());
            ScalarValue::TimestampMicrosecond(Some(micros), zone)
        }
        Type::INTERVAL => {
            let nanoseconds = reader.i64()?.checked_mul(1000).ok_or_else(range)?;
            let (days, months) = (reader.i32()?, reader.i32()?);
            ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(months, days, nanoseconds)))
        }
        Type::UUID => ScalarValue::Utf8(Some(uuid::Uuid::from_bytes(reader.take()?).to_string())),
        Type::INET | Type::CIDR => ScalarValue::Utf8(Some(inet(&mut reader)?)),
        // A version stands before the text.
        Type::JSONB => return Ok(ScalarValue::Utf8(Some(text(bytes.get(1..).unwrap_or_default())?.to_owned()))),
        _ => return Ok(ScalarValue::Utf8(Some(text(bytes)?.to_owned()))),
    };
    if reader.0.is_empty() { Ok(value) } else { Err(format!("a binary parameter is too long for {}", kind.name())) }
}

fn numeric_text(reader: &mut Reader<'_>) -> Result<String, String> {
    let (groups, weight, sign, scale) = (reader.i16()?, reader.i16()?, reader.i16()?, reader.i16()?);
    let sign = match sign {
        0 => "",
        0x4000 => "-",
        _ => return Err("a numeric parameter is no number".to_owned()),
    };
    let mut digits = String::new();
    for _ in 0..groups {
        let group = reader.i16()?;
        digits += &format!("{group:04}");
    }
    let _ = scale;
    // The groups are digits of base 10,000, the first of which has this weight.
    let exponent = (i32::from(weight) - i32::from(groups) + 1) * 4;
    let digits = if digits.is_empty() { "0" } else { &digits };
    Ok(format!("{sign}{digits}e{exponent}"))
}

fn inet(reader: &mut Reader<'_>) -> Result<String, String> {
    let [family, bits, _, length] = reader.take::<4>()?;
    let _ = family;
    let address: std::net::IpAddr = match length {
        4 => reader.take::<4>()?.into(),
        16 => reader.take::<16>()?.into(),
        _ => return Err("an address has 4 or 16 bytes".to_owned()),
    };
    let is_whole = u16::from(bits) == u16::from(length) * 8;
    Ok(if is_whole { address.to_string() } else { format!("{address}/{bits}") })
}

fn binary_elements(bytes: &[u8], zone: &str) -> Result<Vec<ScalarValue>, String> {
    let mut reader = Reader(bytes);
    let (dimensions, _, oid) = (reader.i32()?, reader.i32()?, reader.take().map(u32::from_be_bytes)?);
    if dimensions == 0 {
        return Ok(Vec::new());
    }
    if dimensions != 1 {
        return Err("arrays of more than one dimension are not supported as parameters".to_owned());
    }
    let kind = Type::from_oid(oid).ok_or_else(|| format!("the type {oid} is not known"))?;
    let (wanted, _) = known(&kind, zone).ok_or_else(|| unknown(&kind))?;
    let (length, _) = (reader.i32()?, reader.i32()?);
    let mut elements = Vec::new();
    for _ in 0..length {
        let Ok(bytes) = usize::try_from(reader.i32()?) else {
            elements.push(ScalarValue::try_from(&wanted).map_err(|error| error.to_string())?);
            continue;
        };
        let (element, rest) = reader.0.split_at_checked(bytes).ok_or_else(too_short)?;
        elements.push(from_binary(&kind, element, zone)?);
        reader.0 = rest;
    }
    Ok(elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(kind: &Type, text: &str) -> Result<ScalarValue, String> {
        value(kind, Some(text.as_bytes()), FieldFormat::Text, "UTC")
    }

    #[test]
    fn texts_are_values_of_their_type() {
        assert_eq!(parsed(&Type::INT4, " 42 "), Ok(ScalarValue::Int32(Some(42))));
        assert_eq!(parsed(&Type::BOOL, "t"), Ok(ScalarValue::Boolean(Some(true))));
        assert_eq!(parsed(&Type::BYTEA, "\\x00ff"), Ok(ScalarValue::Binary(Some(vec![0, 255]))));
        assert_eq!(parsed(&Type::DATE, "2023-09-14"), Ok(ScalarValue::Date32(Some(19_614))));
        let micros = 1_694_649_600_500_000;
        let parsed_time = parsed(&Type::TIMESTAMPTZ, "2023-09-14 02:00:00.5+02");
        assert_eq!(parsed_time, Ok(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()))));
        for (kind, wrong) in
            [(&Type::INT4, "2147483648"), (&Type::INT4, "x"), (&Type::BYTEA, "\\x0"), (&Type::NUMERIC, "1e")]
        {
            assert!(parsed(kind, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn decimals_are_exact_or_refused() {
        let one = 10_i128.pow(18);
        for (text, value) in [
            ("1", one),
            ("-1.50", -one * 3 / 2),
            ("1e2", one * 100),
            ("0.000000000000000001", 1),
            ("0", 0),
            ("120e-1", 12 * one),
        ] {
            assert_eq!(decimal(text), Some(ScalarValue::Decimal128(Some(value), 38, 18)), "{text}");
        }
        assert_eq!(decimal("1e-18000000000"), None);
        for wrong in ["1e-19", "1e20", "", ".", "NaN", "1.2.3"] {
            assert_eq!(decimal(wrong), None, "{wrong}");
        }
        // 12345.67 as Postgres sends it: the groups 1, 2345 and 6700.
        let mut reader = Reader(&[0, 3, 0, 1, 0, 0, 0, 2, 0, 1, 0x09, 0x29, 0x1a, 0x2c]);
        let text = numeric_text(&mut reader).expect("a number");
        assert_eq!(decimal(&text), decimal("12345.67"));
    }

    #[test]
    fn arrays_of_text_have_quotes_and_nulls() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            elements_of(r#"{a, NULL ,"b,\"c","null"}"#),
            Some(vec![some("a"), None, some("b,\"c"), some("null")])
        );
        assert_eq!(elements_of("{}"), Some(Vec::new()));
        for wrong in ["a", "{a", "{a,}", r#"{"a}"#, "{{1},{2}}", r#"{"a"b}"#] {
            assert_eq!(elements_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn arrays_are_lists_of_their_elements() {
        let numbers = ScalarValue::List(ScalarValue::new_list_nullable(
            &[ScalarValue::Int32(Some(1)), ScalarValue::Int32(None)],
            &DataType::Int32,
        ));
        assert_eq!(parsed(&Type::INT4_ARRAY, "{1,NULL}"), Ok(numbers.clone()));
        let binary =
            [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 23, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1, 255, 255, 255, 255];
        assert_eq!(value(&Type::INT4_ARRAY, Some(&binary), FieldFormat::Binary, "UTC"), Ok(numbers));
    }

    #[test]
    fn broken_binary_values_are_errors() {
        for kind in
            [Type::INT4, Type::NUMERIC, Type::TIMESTAMPTZ, Type::UUID, Type::INET, Type::INT4_ARRAY, Type::INTERVAL]
        {
            for bytes in [&[][..], &[1], &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1]] {
                let said = value(&kind, Some(bytes), FieldFormat::Binary, "UTC");
                assert!(said.is_err(), "{kind}: {bytes:?}: {said:?}");
            }
        }
    }
}
