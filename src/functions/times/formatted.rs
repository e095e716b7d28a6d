//! `to_timestamp`, `to_date` and their kin with formats, of `strftime` or of PostgreSQL.
//!
//! The engine (DataFusion 55) read a text that says no full time again as a date alone: the hour of `'%Y-%m-%d-%H'` was
//! 0, and an offset beside it was lost. It failed on columns, and on times that the clocks show twice or skip. Here,
//! what a format leaves out behind what it has is the least: minutes and seconds are 0, month and day are 1, and an
//! hour of twelve without `AM` or `PM` is one of the morning, as in PostgreSQL.

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef};
use chrono::format::{Item, Parsed, StrftimeItems, parse};
use datafusion_common::{Result, exec_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{ColumnarValue, Expr, ScalarFunctionArgs};

use super::super::call::{Own, as_call, call, of_all, own_of};
use super::conversion::{Conversion, Point, Ticks, is_finer, since_1970};
use super::templates;
use super::zone::first_instant;

/// A call of the function `name` with one text and one or more formats, of which the first counts that fits.
pub fn formatted(name: &str, conversion: Conversion, arguments: Vec<Expr>) -> Expr {
    call(Formatted { name: name.to_owned(), conversion }, arguments)
}

/// Whether a call is one of these.
pub fn is_formatted(call: &ScalarFunction) -> bool {
    own_of::<Formatted>(call).is_some()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Formatted {
    /// The function's own name, so that whoever looks its column up finds it.
    name: String,
    conversion: Conversion,
}

impl Formatted {
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

impl Own for Formatted {
    fn name(&self) -> &str {
        &self.name
    }

    fn returns(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(self.conversion.to.clone())
    }

    fn make(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        of_all(arguments, |columns| self.apply(columns))
    }

    fn heading(&self, arguments: &[Expr]) -> String {
        as_call(&self.name, arguments)
    }

    /// Without any format, since all are null, there is no time.
    fn field(&self, given: &[FieldRef]) -> Result<FieldRef> {
        self.field_of(given, true)
    }
}
