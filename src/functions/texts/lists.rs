//! Lists that are written as text, as PostgreSQL reads them: `{1,NULL,"a b"}`.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, ListBuilder, StringBuilder};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::{Result, exec_err};
use datafusion_expr::{ColumnarValue, Expr, ScalarFunctionArgs};

use super::super::call::{Own, call, heading_of_cast, of_one};

/// `CAST(text AS INT[])`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct ListOfText {
    /// The list's type.
    pub to: DataType,
    /// Null, not an error, for texts that are no lists.
    pub is_try: bool,
}

impl ListOfText {
    pub fn of(self, text: Expr) -> Expr {
        call(self, vec![text])
    }

    fn apply(&self, texts: &ArrayRef) -> Result<ArrayRef> {
        let texts = cast(texts, &DataType::Utf8View)?;
        let mut lists = ListBuilder::new(StringBuilder::new());
        for text in texts.as_string_view() {
            match text.map(|text| elements_of(text).ok_or(text)) {
                Some(Ok(elements)) => lists.append_value(elements),
                Some(Err(text)) if !self.is_try => {
                    return exec_err!("\"{}\" is no list: write such as '{{1,2}}'", text.escape_debug());
                }
                _ => lists.append_null(),
            }
        }
        let lists: ArrayRef = Arc::new(lists.finish());
        let options = CastOptions { safe: self.is_try, ..CastOptions::default() };
        Ok(cast_with_options(&lists, &self.to, &options)?)
    }
}

impl Own for ListOfText {
    fn name(&self) -> &str {
        "list_of_text"
    }

    fn returns(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(self.to.clone())
    }

    fn make(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        of_one(&arguments.args[0], |texts| self.apply(texts))
    }

    /// As the cast names its column, so that whoever looks the column up finds it.
    fn heading(&self, arguments: &[Expr]) -> String {
        heading_of_cast(&arguments[0], &self.to, self.is_try)
    }

    fn field(&self, given: &[FieldRef]) -> Result<FieldRef> {
        self.field_of(given, self.is_try || given[0].is_nullable())
    }
}

/// The elements of an array of one dimension, written as text: `{1,NULL,"a b"}`.
pub fn elements_of(written: &str) -> Option<Vec<Option<String>>> {
    let inner = written.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut elements = Vec::new();
    let mut rest = inner.trim();
    if rest.is_empty() {
        return Some(elements);
    }
    loop {
        let mut element = String::new();
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut characters = quoted.char_indices();
            let end = loop {
                match characters.next()? {
                    (_, '\\') => element.push(characters.next()?.1),
                    (at, '"') => break at + 1,
                    (_, c) => element.push(c),
                }
            };
            elements.push(Some(element));
            rest = quoted[end..].trim_start();
        } else {
            let (mut end, mut kept) = (rest.len(), 0);
            let mut characters = rest.char_indices();
            while let Some((at, character)) = characters.next() {
                match character {
                    '\\' => {
                        element.push(characters.next()?.1);
                        kept = element.len();
                    }
                    ',' => {
                        end = at;
                        break;
                    }
                    '{' | '}' | '"' => return None,
                    plain => element.push(plain),
                }
            }
            // Spaces behind the element are none of it, unless a backslash stands before them.
            element.truncate(element.trim_end().len().max(kept));
            if element.is_empty() {
                return None;
            }
            let is_null = kept == 0 && element.eq_ignore_ascii_case("null");
            elements.push((!is_null).then_some(element));
            rest = &rest[end..];
        }
        if rest.is_empty() {
            return Some(elements);
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}
