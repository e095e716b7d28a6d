//! Values against what PostgreSQL 16 itself writes for them, in text and in binary.

use std::sync::Arc;

use bytes::BytesMut;
use datafusion::arrow::array::*;
use datafusion::arrow::datatypes::{DataType, Field, Fields, Int16Type, Int32Type, IntervalMonthDayNano};
use pgwire::api::Type;
use pgwire::api::results::FieldFormat;

use super::*;

fn written(array: &ArrayRef, row: usize, format: FieldFormat) -> Result<Option<Vec<u8>>> {
    let kind = postgres_type(&Field::new("", array.data_type().clone(), true))?;
    let mut out = BytesMut::new();
    Column::new(&kind, array)?.write(&mut out, row, format)?;
    let (length, value) = out.split_first_chunk::<4>().expect("a length");
    let length = i32::from_be_bytes(*length);
    assert_eq!(length, if length < 0 { -1 } else { value.len() as i32 });
    Ok((length >= 0).then(|| value.to_vec()))
}

#[track_caller]
fn assert_text(array: impl Array + 'static, wanted: &[&str]) {
    let array: ArrayRef = Arc::new(array);
    for (row, wanted) in wanted.iter().enumerate() {
        let said = written(&array, row, FieldFormat::Text).expect("it can be written").expect("no null");
        assert_eq!(String::from_utf8_lossy(&said), *wanted);
    }
}

#[track_caller]
fn assert_binary(array: impl Array + 'static, wanted: &[&str]) {
    let array: ArrayRef = Arc::new(array);
    for (row, wanted) in wanted.iter().enumerate() {
        let said = written(&array, row, FieldFormat::Binary).expect("it can be written").expect("no null");
        let said: String = hex::encode(said);
        assert_eq!(said, *wanted, "row {row}");
    }
}

#[test]
fn floats_have_postgres_digits() {
    let doubles =
        [1e15, 123_456_789_012_345.0, 1e-4, 1.5e-5, 1e20, -0.0, 1e14, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    let texts = [
        "1e+15",
        "123456789012345",
        "0.0001",
        "1.5e-05",
        "1e+20",
        "-0",
        "100000000000000",
        "NaN",
        "Infinity",
        "-Infinity",
    ];
    assert_text(Float64Array::from(doubles.to_vec()), &texts);
    let floats = vec![1e6_f32, 100_000.0, 0.1, 16_777_216.0, 999_999.0];
    assert_text(Float32Array::from(floats), &["1e+06", "100000", "0.1", "1.6777216e+07", "999999"]);
    assert_binary(Float64Array::from(vec![1.5]), &["3ff8000000000000"]);
}

#[test]
fn decimals_are_groups_of_four_digits() {
    let decimal = |value: i128, scale: i8| {
        Decimal128Array::from(vec![value]).with_precision_and_scale(38, scale).expect("it fits")
    };
    for (value, scale, text, binary) in [
        (1_234_567, 2, "12345.67", "0003000100000002000109291a2c"),
        (-1, 4, "-0.0001", "0001ffff400000040001"),
        (0, 0, "0", "0000000000000000"),
        (0, 2, "0.00", "0000000000000002"),
        (10_000, 0, "10000", "00010001000000000001"),
        (1_000_000_005, 1, "100000000.5", "00040002000000010001000000001388"),
    ] {
        assert_text(decimal(value, scale), &[text]);
        assert_binary(decimal(value, scale), &[binary]);
    }
    assert_text(UInt64Array::from(vec![u64::MAX]), &["18446744073709551615"]);
}

#[test]
fn integers_are_the_next_type_that_holds_them() {
    for (array, kind) in [
        (Arc::new(Int8Array::from(vec![-7])) as ArrayRef, Type::INT2),
        (Arc::new(UInt8Array::from(vec![200])), Type::INT2),
        (Arc::new(UInt16Array::from(vec![60_000])), Type::INT4),
        (Arc::new(UInt32Array::from(vec![4_000_000_000])), Type::INT8),
    ] {
        let field = Field::new("", array.data_type().clone(), true);
        assert_eq!(postgres_type(&field).expect("it has one"), kind);
    }
    assert_binary(UInt32Array::from(vec![4_000_000_000]), &["00000000ee6b2800"]);
    assert_binary(Int8Array::from(vec![-7]), &["fff9"]);
    assert_text(BooleanArray::from(vec![true, false]), &["t", "f"]);
}

#[test]
fn dates_and_times() {
    let days = |year, month, day| {
        let date = chrono::NaiveDate::from_ymd_opt(year, month, day).expect("a day");
        i32::try_from((date - chrono::NaiveDate::default()).num_days()).expect("it fits")
    };
    let dates = vec![days(2023, 9, 14), days(1, 1, 1), days(-43, 3, 15), days(10_000, 1, 1)];
    assert_text(Date32Array::from(dates), &["2023-09-14", "0001-01-01", "0044-03-15 BC", "10000-01-01"]);
    assert_binary(Date32Array::from(vec![days(2023, 9, 14)]), &["000021d1"]);
    let millis = vec![1_694_649_600_500];
    let zoned = |zone: &str| TimestampMillisecondArray::from(millis.clone()).with_timezone(zone);
    assert_text(TimestampMillisecondArray::from(millis.clone()), &["2023-09-14 00:00:00.5"]);
    assert_text(zoned("UTC"), &["2023-09-14 00:00:00.5+00"]);
    assert_text(zoned("Europe/Berlin"), &["2023-09-14 02:00:00.5+02"]);
    assert_text(zoned("Asia/Kolkata"), &["2023-09-14 05:30:00.5+05:30"]);
    let old = TimestampSecondArray::from(vec![-2_524_521_600]).with_timezone("Europe/Berlin");
    assert_text(old, &["1890-01-01 00:53:28+00:53:28"]);
    assert_binary(zoned("Europe/Berlin"), &["0002a845203d0120"]);
    let time = Time64NanosecondArray::from(vec![14_706_007_000_000]);
    assert_text(time.clone(), &["04:05:06.007"]);
    assert_binary(time, &["000000036c8bdbd8"]);
    let far: ArrayRef = Arc::new(TimestampSecondArray::from(vec![i64::MAX / 1000]));
    for format in [FieldFormat::Text, FieldFormat::Binary] {
        assert!(written(&far, 0, format).is_err(), "what does not fit is an error");
    }
}

#[test]
fn intervals_have_signs_of_their_parts() {
    const HOUR: i64 = 3_600_000_000_000;
    let day_time = 4 * HOUR + 306_000_000_000;
    let intervals = [
        (14, 3, day_time, "1 year 2 mons 3 days 04:05:06"),
        (-12, 2, 0, "-1 years +2 days"),
        (1, -3, 4 * HOUR, "1 mon -3 days +04:00:00"),
        (0, 0, -day_time - 500_000_000, "-04:05:06.5"),
        (0, 0, 0, "00:00:00"),
        (0, 1, -1_000_000_000, "1 day -00:00:01"),
        (1, -1, 1_000_000_000, "1 mon -1 days +00:00:01"),
        (-14, 0, 0, "-1 years -2 mons"),
    ];
    for (months, days, nanos, text) in intervals {
        assert_text(IntervalMonthDayNanoArray::from(vec![IntervalMonthDayNano::new(months, days, nanos)]), &[text]);
    }
    let one = IntervalMonthDayNanoArray::from(vec![IntervalMonthDayNano::new(1, -3, 4 * HOUR)]);
    assert_binary(one, &["000000035a4e9000fffffffd00000001"]);
    assert_text(DurationSecondArray::from(vec![93_600]), &["26:00:00"]);
}

fn texts(values: &[Option<&str>]) -> ListArray {
    let mut list = ListBuilder::new(StringBuilder::new());
    values.iter().for_each(|value| list.values().append_option(*value));
    list.append(true);
    list.finish()
}

/// A list of lists with one row.
fn nested(rows: &[&[i16]]) -> ListArray {
    let mut list = ListBuilder::new(ListBuilder::new(Int16Builder::new()));
    for row in rows {
        row.iter().for_each(|value| list.values().values().append_value(*value));
        list.values().append(true);
    }
    list.append(true);
    list.finish()
}

#[test]
fn arrays_and_records() {
    let values = [Some("a"), Some("b c"), None, Some(""), Some("NULL"), Some("x\"y"), Some("a\\b"), Some("{")];
    assert_text(texts(&values), &[r#"{a,"b c",NULL,"","NULL","x\"y","a\\b","{"}"#]);
    assert_text(nested(&[&[1, 2], &[3, 4]]), &["{{1,2},{3,4}}"]);
    assert_text(nested(&[&[], &[]]), &["{}"]);
    let numbers = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), Some(vec![])]);
    assert_text(numbers.clone(), &["{1,NULL}", "{}"]);
    assert_binary(
        numbers,
        &["00000001000000010000001700000002000000010000000400000001ffffffff", "000000000000000000000017"],
    );
    assert_binary(
        nested(&[&[1, 2], &[3, 4]]),
        &["00000002000000000000001500000002000000010000000200000001000000020001000000020002000000020003000000020004"],
    );
    let ragged: ArrayRef = Arc::new(nested(&[&[1], &[2, 3]]));
    assert!(matches!(written(&ragged, 0, FieldFormat::Text), Err(EncodeError::Ragged)));
    let fields = Fields::from(vec![Field::new("n", DataType::Int32, true), Field::new("t", DataType::Utf8, true)]);
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int32Array::from(vec![1, 2])), Arc::new(StringArray::from(vec![None, Some("x\"y,\\")]))];
    let record = StructArray::new(fields, columns, None);
    assert_text(record.clone(), &["(1,)", "(2,\"x\"\"y,\\\\\")"]);
    assert_binary(record, &["0000000200000017000000040000000100000019ffffffff"]);
}

#[test]
fn nulls_texts_and_bytes() {
    let dictionary: DictionaryArray<Int16Type> = vec![Some("ACCEPT"), None].into_iter().collect();
    let dictionary: ArrayRef = Arc::new(dictionary);
    for format in [FieldFormat::Text, FieldFormat::Binary] {
        assert_eq!(written(&dictionary, 0, format).expect("a text"), Some(b"ACCEPT".to_vec()));
        assert_eq!(written(&dictionary, 1, format).expect("a null"), None);
        let nulls: ArrayRef = Arc::new(NullArray::new(1));
        assert_eq!(written(&nulls, 0, format).expect("a null"), None);
    }
    assert_text(BinaryViewArray::from(vec![&[0_u8, 255][..]]), &["\\x00ff"]);
    assert_binary(FixedSizeBinaryArray::try_from_iter([[1_u8, 2]].iter()).expect("two bytes"), &["0102"]);
    let changed = Column::new(&Type::TEXT, &(Arc::new(Int32Array::from(vec![1])) as ArrayRef));
    assert!(matches!(changed, Err(EncodeError::Changed { .. })));
}
