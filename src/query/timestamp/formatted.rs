//! `to_timestamp`, `to_date` and their kin with formats, of `strftime` or of PostgreSQL.
//!
//! The engine (DataFusion 55) read a text that says no full time again as a date alone: the hour of `'%Y-%m-%d-%H'` was
//! 0, and an offset beside it was lost. It failed on columns, and on times that the clocks show twice or skip. Here,
//! what a format leaves out behind what it has is the least: minutes and seconds are 0, month and day are 1, and an
//! hour of twelve without `AM` or `PM` is one of the morning, as in PostgreSQL.

use chrono::format::{Item, Parsed, StrftimeItems, parse};
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use super::super::templates;
use super::super::zone::first_instant;
use super::conversion::{Conversion, Point, Ticks, is_finer, since_1970};

/// A call with one text and one or more formats, of which the first counts that fits.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Formatted {
    /// The function's own name, so that whoever looks its column up finds it.
    name: String,
    conversion: Conversion,
    signature: Signature,
}

impl Formatted {
    pub fn new(name: &str, conversion: Conversion) -> Formatted {
        Formatted { name: name.to_owned(), conversion, signature: Signature::variadic_any(Volatility::Immutable) }
    }

    fn apply(&self, columns: &[ArrayRef]) -> Result<ArrayRef> {
        let ticks = self.conversion.ticks()?;
        let texts = columns.iter().map(|column| Ok(cast(column, &DataType::Utf8View)?)).collect::<Result<Vec<_>>>()?;
        let (texts, columns) = (texts[0].as_string_view(), &texts[1..]);
        let mut formats: Vec<Option<Format>> = vec![None; columns.len()];
        let mut converted = Vec::with_capacity(texts.len());
        for (row, text) in texts.iter().enumerate() {
            let Some(text) = text else {
                converted.push(None);
                continue;
            };
            let mut found = Ok(None);
            for (column, format) in columns.iter().map(|column| column.as_string_view()).zip(&mut formats) {
                if column.is_null(row) {
                    continue;
                }
                let written = column.value(row);
                // Neighbours mostly have one format.
                let format = match format {
                    Some(format) if format.written == written => format,
                    other => other.insert(Format::of(written)),
                };
                found = format.tick(text, &ticks).map(Some);
                if found.is_ok() {
                    break;
                }
            }
            converted.push(found.or_else(|reason| exec_err!("{reason}"))?);
        }
        self.conversion.named(Int64Array::from(converted))
    }
}

/// A format that is read once for all rows.
#[derive(Debug, Clone)]
struct Format {
    written: String,
    items: std::result::Result<Vec<Item<'static>>, String>,
    /// Whether the name of a zone stands at the end.
    is_zoned: bool,
}

impl Format {
    fn of(written: &str) -> Format {
        let signs =
            templates::in_signs(written, "to_timestamp").map(|signs| signs.unwrap_or_else(|| written.to_owned()));
        let is_zoned = signs.as_ref().is_ok_and(|signs| signs.trim_end().ends_with(" %Z"));
        let items = signs.and_then(|signs| {
            let signs = if is_zoned { signs.trim_end().trim_end_matches(" %Z") } else { signs.as_str() };
            if signs.contains("%Z") {
                return Err("%Z, the name of a zone, stands at the end behind a blank".to_owned());
            }
            let items = StrftimeItems::new(signs).parse_to_owned();
            items.map_err(|_| {
                "it has a sign that is unknown; write such as '%Y-%m-%d %H:%M' or 'YYYY-MM-DD HH24:MI'".to_owned()
            })
        });
        Format { written: written.to_owned(), items, is_zoned }
    }

    fn tick(&self, text: &str, ticks: &Ticks) -> std::result::Result<i64, String> {
        let point = self.read(text).and_then(|point| ticks.of(point).ok_or_else(|| "it is out of range".to_owned()));
        point.map_err(|reason| format!("\"{text}\" is no time of the format \"{}\": {reason}", self.written))
    }

    fn read(&self, text: &str) -> std::result::Result<Point, String> {
        let items = self.items.as_ref().map_err(Clone::clone)?;
        let (text, zone) = match self.is_zoned {
            true => {
                let (time, name) = text.trim_end().rsplit_once(' ').ok_or("the name of a zone is missing")?;
                (time, Some(name.parse::<Tz>().map_err(|_| format!("\"{name}\" is no zone"))?))
            }
            false => (text, None),
        };
        if is_finer(text) {
            return Err("it is finer than a nanosecond".to_owned());
        }
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, items.iter()).map_err(|error| error.to_string())?;
        complete(&mut parsed).map_err(|error| error.to_string())?;
        if parsed.offset().is_some() || parsed.timestamp().is_some() {
            let time = parsed.to_datetime().map_err(|error| error.to_string())?;
            return Ok(Point::Instant(since_1970(time.to_utc())));
        }
        let time = parsed.to_naive_datetime_with_offset(0).map_err(|error| match error.kind() {
            chrono::format::ParseErrorKind::NotEnough => "it says no date with a year; add what is missing".to_owned(),
            _ => error.to_string(),
        })?;
        let wall = since_1970(time.and_utc());
        match zone {
            None => Ok(Point::WallClock(wall)),
            Some(zone) => first_instant(&zone, wall).map(Point::Instant).ok_or_else(|| "it is out of range".to_owned()),
        }
    }
}

/// Sets what a format leaves out behind what it has.
fn complete(parsed: &mut Parsed) -> chrono::ParseResult<()> {
    if parsed.timestamp().is_some() {
        return Ok(());
    }
    // Half of a day without an hour says no time.
    if parsed.hour_div_12().is_none() {
        parsed.set_ampm(false)?;
        if parsed.hour_mod_12().is_none() {
            parsed.set_hour12(12)?;
        }
    }
    if parsed.minute().is_none() {
        parsed.set_minute(0)?;
    }
    if parsed.second().is_none() {
        parsed.set_second(0)?;
    }
    let has_year = parsed.year().is_some() || parsed.year_mod_100().is_some();
    let has_other_day = parsed.ordinal().is_some()
        || parsed.week_from_sun().is_some()
        || parsed.week_from_mon().is_some()
        || parsed.isoweek().is_some()
        || parsed.quarter().is_some();
    if has_year && !has_other_day {
        if parsed.month().is_none() && parsed.day().is_none() {
            parsed.set_month(1)?;
        }
        if parsed.month().is_some() && parsed.day().is_none() {
            parsed.set_day(1)?;
        }
    }
    Ok(())
}

impl ScalarUDFImpl for Formatted {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.conversion.to.clone())
    }

    /// Without any format, since all are null, there is no time.
    fn return_field_from_args(&self, _arguments: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Field::new(self.name(), self.conversion.to.clone(), true).into())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = arguments.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if is_scalar { 1 } else { arguments.number_rows };
        let columns = arguments.args.iter().map(|value| value.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let converted = self.apply(&columns)?;
        match is_scalar {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&converted, 0)?)),
            false => Ok(ColumnarValue::Array(converted)),
        }
    }
}

/// Whether a call is one of these.
pub(super) fn is_own(call: &ScalarFunction) -> bool {
    let inner: &dyn ScalarUDFImpl = call.func.inner().as_ref();
    inner.downcast_ref::<Formatted>().is_some()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use crate::query::{Options, context};

    async fn answer(zone: &str, expr: &str) -> Result<String, String> {
        let options = Options { time_zone: zone.parse().expect("a zone"), ..Options::default() };
        let sql = format!("SELECT CAST({expr} AS VARCHAR)");
        let context = context(&options).expect("a context");
        let batches = async { context.sql(&sql).await?.collect().await }.await;
        let batches = batches.map_err(|error| error.to_string())?;
        Ok(array_value_to_string(batches[0].column(0), 0).expect("a value"))
    }

    /// As a constant, and as a column.
    #[tokio::test]
    async fn what_a_format_has_is_kept() {
        for (zone, function, text, format, right) in [
            ("UTC", "to_timestamp", "2023-09-14-05", "%Y-%m-%d-%H", "2023-09-14T05:00:00Z"),
            ("UTC", "to_timestamp", "2023-09-14 10 PM", "%Y-%m-%d %I %p", "2023-09-14T22:00:00Z"),
            ("UTC", "to_timestamp", "2023-09-14 12 AM", "%Y-%m-%d %I %p", "2023-09-14T00:00:00Z"),
            ("UTC", "to_timestamp", "2023-09-14 05 +0200", "%Y-%m-%d %H %z", "2023-09-14T03:00:00Z"),
            ("UTC", "to_timestamp", "2023-09-14 +0200", "%Y-%m-%d %z", "2023-09-13T22:00:00Z"),
            ("UTC", "to_timestamp", "2023-09", "%Y-%m", "2023-09-01T00:00:00Z"),
            ("UTC", "to_timestamp", "2023-257 07", "%Y-%j %H", "2023-09-14T07:00:00Z"),
            ("UTC", "to_timestamp", "1694649600", "%s", "2023-09-14T00:00:00Z"),
            ("UTC", "to_timestamp", "2023-09-14 05 Europe/Berlin", "%Y-%m-%d %H %Z", "2023-09-14T03:00:00Z"),
            (
                "UTC",
                "to_timestamp",
                "14.09.2023 05:06:07.123456789",
                "%d.%m.%Y %H:%M:%S%.f",
                "2023-09-14T05:06:07.123456789Z",
            ),
            ("UTC", "to_timestamp", "2023-09-14 05", "YYYY-MM-DD HH24", "2023-09-14T05:00:00Z"),
            ("UTC", "to_timestamp", "05 Sep 2023 11:30 PM", "DD Mon YYYY HH12:MI PM", "2023-09-05T23:30:00Z"),
            ("UTC", "to_timestamp_seconds", "2023-09-14 05", "%Y-%m-%d %H", "2023-09-14T05:00:00Z"),
            ("UTC", "to_timestamp_millis", "20230914 05", "%Y%m%d %H", "2023-09-14T05:00:00Z"),
            ("UTC", "to_timestamp_micros", "20230914 05", "YYYYMMDD HH24", "2023-09-14T05:00:00Z"),
            ("UTC", "to_timestamp_nanos", "20230914 05", "YYYYMMDD HH24", "2023-09-14T05:00:00Z"),
            ("UTC", "to_unixtime", "2023-09-14 05", "%Y-%m-%d %H", "1694667600"),
            ("Europe/Berlin", "to_unixtime", "2023-09-14 05", "%Y-%m-%d %H", "1694660400"),
            // 02:30 comes twice, and is skipped: the first, and the moment of the jump.
            ("Europe/Berlin", "to_unixtime", "2023-10-29 02:30", "%Y-%m-%d %H:%M", "1698539400"),
            ("Europe/Berlin", "to_unixtime", "2023-03-26 02:30", "%Y-%m-%d %H:%M", "1679792400"),
            ("Europe/Berlin", "to_timestamp", "2023-10-29 02:30", "%Y-%m-%d %H:%M", "2023-10-29T02:30:00+02:00"),
            ("Europe/London", "to_date", "2021-07-04T00:30:00+01:00", "%+", "2021-07-04"),
            ("Europe/London", "to_date", "2023-09", "YYYY-MM", "2023-09-01"),
            ("Europe/London", "to_date", "9999-12-31", "%Y-%m-%d", "9999-12-31"),
        ] {
            let constant = format!("{function}('{text}', '{format}')");
            assert_eq!(answer(zone, &constant).await.as_deref(), Ok(right), "{constant}");
            let column = format!(
                "(SELECT max({function}(x, '%Q', f)) FROM (VALUES ('{text}', '{format}'), (NULL, '')) AS t(x, f))"
            );
            assert_eq!(answer(zone, &column).await.as_deref(), Ok(right), "{column}");
        }
        for (zone, expr, right) in [
            (
                "Europe/London",
                "(SELECT max(to_timestamp_seconds(x)) FROM (VALUES ('2021-07-04 05:00')) AS t(x))",
                "2021-07-04T05:00:00+01:00",
            ),
            ("UTC", "to_timestamp('x', CAST(NULL AS VARCHAR)) IS NULL", "true"),
            ("Europe/Berlin", "to_unixtime(date '2023-09-15')", "1694728800"),
            ("Europe/Berlin", "to_unixtime('2023-10-29T02:30:00')", "1698539400"),
            ("Europe/Berlin", "to_unixtime(timestamp '2023-09-15 00:00:00')", "1694728800"),
            ("Europe/Berlin", "to_unixtime(1694728800)", "1694728800"),
        ] {
            assert_eq!(answer(zone, expr).await.as_deref(), Ok(right), "{expr}");
        }
    }

    #[tokio::test]
    async fn what_a_format_does_not_say_is_an_error() {
        for (expr, says) in [
            ("to_timestamp('05', '%H')", "no date with a year"),
            ("to_timestamp('2023-09-14 05', '%Y-%m-%d')", "trailing input"),
            ("to_timestamp('2023-09-14 PM', '%Y-%m-%d %p')", "no date with a year"),
            ("to_timestamp('2023', '%Q')", "a sign that is unknown"),
            ("to_timestamp('2023 Sept', 'YYYY Month')", "\"Month\" in the format \"YYYY Month\" of to_timestamp"),
            ("to_date('2023-13-14', 'YYYY-MM-DD')", "out of range"),
            ("to_timestamp('2023-09-14 05:00:00.0000000001', '%Y-%m-%d %H:%M:%S%.f')", "finer than a nanosecond"),
            ("to_timestamp('9999-12-31', '%Y-%m-%d')", "out of range"),
        ] {
            let said = answer("UTC", expr).await.expect_err(expr);
            assert!(said.contains(says), "{expr}: {said}");
        }
    }

    /// The day of an instant is that of the session's clocks, however it is asked for.
    #[tokio::test]
    async fn a_text_with_an_offset_is_a_day_on_the_clocks() {
        let text = "2021-07-04T00:30:00+01:00";
        for (zone, day) in [("Europe/London", "2021-07-04"), ("UTC", "2021-07-03"), ("Asia/Tokyo", "2021-07-04")] {
            for expr in [
                format!("CAST('{text}' AS DATE)"),
                format!("'{text}'::date"),
                format!("date '{text}'"),
                format!("TRY_CAST('{text}' AS DATE)"),
                format!("to_date('{text}')"),
                format!("(SELECT max(x::date) FROM (VALUES ('{text}')) AS t(x))"),
                format!(
                    "(SELECT max(d) FROM (VALUES (date '2021-07-03'), (date '2021-07-04')) AS t(d) WHERE d = '{text}')"
                ),
            ] {
                assert_eq!(answer(zone, &expr).await.as_deref(), Ok(day), "{expr}");
            }
        }
        for (expr, right) in [
            ("CAST('2021-07-04' AS DATE)", "2021-07-04"),
            ("date '9999-12-31'", "9999-12-31"),
            ("CAST('2021-07-04 23:30' AS DATE)", "2021-07-04"),
            ("TRY_CAST('yesterday' AS DATE) IS NULL", "true"),
        ] {
            assert_eq!(answer("America/New_York", expr).await.as_deref(), Ok(right), "{expr}");
        }
        let said = answer("UTC", "CAST('yesterday' AS DATE)").await.expect_err("no date");
        assert!(said.contains("\"yesterday\" is no time: it is no date"), "{said}");
    }
}
