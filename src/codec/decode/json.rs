//! One record of JSON: an object whose members are the kind's fields by their names.
//!
//! A name counts as it is spelled, and of two members of one name the last counts. Members that the kind does not know
//! go to `other_fields` as they stand. So does a member of a struct that holds more than its column has room for.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use arrow::datatypes::DataType;
use serde::de::IgnoredAny;

use super::cell::{self, Cell};
use super::framer::Framer;
use super::parts::{Member, items, members, string};
use super::plain::{self, Fault, Value};
use crate::columns::NULL_INT;
use crate::schema::{Column, Framing, Kind, Layout};

/// What objects of a kind whose records are JSON are read with.
#[derive(Debug)]
pub struct Json {
    pub framer: Framer,
    /// Name of the list of records in a document.
    pub list: &'static str,
    /// Places of columns by the names of their members.
    places: HashMap<&'static str, usize>,
    types: Vec<DataType>,
}

impl Json {
    /// For lines of a layout; `None` if it is of a kind of another framing.
    pub fn of(layout: &Layout) -> Option<Json> {
        let Framing::Json { records } = layout.table.framing else { return None };
        let names = layout.table.all_fields().map(|field| field.member.unwrap_or(field.log));
        Some(Json {
            framer: Framer::new(records),
            list: records.unwrap_or_default(),
            places: names.enumerate().map(|(place, name)| (name, place)).collect(),
            types: layout.columns.iter().map(|column| column.kind.data_type()).collect(),
        })
    }

    /// The values of the record that was found last.
    pub fn row(&self, layout: &Layout, times: &RangeInclusive<i64>) -> Result<Vec<Value<'_>>, Fault> {
        let record = str::from_utf8(self.framer.text()).map_err(|_| Fault::of_line("record is not UTF-8"))?;
        let members = members(record).ok_or_else(|| not_an_object(record))?;
        let last: HashMap<&str, usize> = members.iter().enumerate().map(|(at, member)| (&*member.name, at)).collect();
        let mut row: Vec<Value> = layout.columns.iter().map(|column| null(column.kind)).collect();
        let mut others = String::new();
        let is_told = |(at, member): &(usize, &Member)| last[&*member.name] == *at && member.value != "null";
        for (_, member) in members.iter().enumerate().filter(is_told) {
            let place = self.places.get(&*member.name).copied();
            let is_whole = match place {
                Some(place) => {
                    let column = &layout.columns[place];
                    let shown = string(member.value).unwrap_or(member.value.into());
                    let wrong = |what: &str| Fault::of_value(column, &shown, what);
                    let (value, is_whole) = value(column, &self.types[place], member.value).map_err(wrong)?;
                    plain::in_time(layout, place, &value, times).map_err(wrong)?;
                    row[place] = value;
                    is_whole
                }
                None => false,
            };
            if !is_whole {
                others.push(if others.is_empty() { '{' } else { ',' });
                others.extend([member.name_text, ":", member.value]);
            }
        }
        if let Some(start) = layout.start.filter(|&start| row[start] == null(layout.columns[start].kind)) {
            let name = layout.columns[start].name.clone();
            let reason = format!("record has no `{name}`");
            return Err(Fault { field: Some(name), value: None, reason });
        }
        let place = layout.columns.len() - 1;
        row[place] = Value::Made((!others.is_empty()).then(|| others + "}"));
        Ok(row)
    }
}

fn not_an_object(record: &str) -> Fault {
    match serde_json::from_str::<IgnoredAny>(record) {
        Ok(_) => Fault::of_line("record is no JSON object"),
        Err(error) => Fault::of_line(format!("record is not JSON: {error}")),
    }
}

fn null(kind: Kind) -> Value<'static> {
    match kind {
        Kind::Text => Value::Text(None),
        kind if kind.is_direct() => Value::Int(NULL_INT),
        _ => Value::Cell(Cell::Null),
    }
}

/// Reads a value that is not null, and says whether the column has all of it. Numbers, truth values and times may
/// stand in quotes, as some services write them.
fn value<'a>(column: &Column, of: &DataType, text: &'a str) -> Result<(Value<'a>, bool), &'static str> {
    if let Kind::Nested(_) = column.kind {
        let mut fit = Fit::default();
        let value = fit.value(of, text)?;
        return Ok((Value::Cell(Cell::Json(value)), fit.is_whole));
    }
    let said = if text.starts_with('"') { string(text).ok_or(NO_TEXT)? } else { text.into() };
    let value = match (column.kind, said) {
        (Kind::Text, std::borrow::Cow::Borrowed(text)) => Value::Text(Some(text)),
        (Kind::Text, std::borrow::Cow::Owned(text)) => Value::Made(Some(text)),
        (_, said) => plain::of_token(column, &said)?,
    };
    Ok((value, true))
}

/// A string that escapes half of a character.
const NO_TEXT: &str = "is not a text of whole characters";

/// What a list or struct becomes.
#[derive(Debug)]
pub struct Fit {
    /// Items that it may still have.
    left: usize,
    /// Whether there was no member that its struct lacks.
    is_whole: bool,
}

impl Default for Fit {
    fn default() -> Fit {
        Fit { left: cell::ITEMS_MAX, is_whole: true }
    }
}

impl Fit {
    #[cfg(test)]
    pub fn of_column(kind: Kind, text: &str) -> Result<serde_json::Value, &'static str> {
        Fit::default().value(&kind.data_type(), text)
    }

    /// Makes a value one that Arrow reads as `of`. Where a text is wanted and JSON has something else, the text is that
    /// as it stands.
    fn value(&mut self, of: &DataType, text: &str) -> Result<serde_json::Value, &'static str> {
        let wrong = "is not of its column's type";
        match of {
            _ if text == "null" => self.count(of).map(|()| serde_json::Value::Null),
            DataType::Utf8 => {
                self.count(of)?;
                let is_string = text.starts_with('"');
                Ok(if is_string { string(text).ok_or(NO_TEXT)?.into() } else { text.into() })
            }
            // `serde_json` takes the nearest number but one where there are many digits.
            DataType::Float64 => {
                self.count(of)?;
                let number = text.parse().ok().and_then(serde_json::Number::from_f64);
                number.map(serde_json::Value::from).ok_or(wrong)
            }
            DataType::List(item) => {
                self.count(of)?;
                let items = items(text).ok_or(wrong)?;
                items.into_iter().map(|text| self.value(item.data_type(), text)).collect()
            }
            DataType::Struct(fields) => {
                self.count(of)?;
                let mut object = serde_json::Map::new();
                for member in members(text).ok_or(wrong)? {
                    match fields.find(&member.name) {
                        Some((_, field)) => {
                            let value = self.value(field.data_type(), member.value)?;
                            object.insert(member.name.into_owned(), value);
                        }
                        None => self.is_whole = false,
                    }
                }
                Ok(object.into())
            }
            _ => {
                let mut value = serde_json::from_str(text).map_err(|_| wrong)?;
                cell::fit(&mut value, of, &mut self.left)?;
                Ok(value)
            }
        }
    }

    fn count(&mut self, of: &DataType) -> Result<(), &'static str> {
        self.left = self.left.checked_sub(cell::places(of)).ok_or(cell::TOO_MANY_ITEMS)?;
        Ok(())
    }
}
