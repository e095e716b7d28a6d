//! A pattern or a replacement of regular expressions, spelled so that the engine makes nothing else of it.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::{ColumnarValue, Expr, ScalarFunctionArgs};

use super::super::call::{Own, call, called, of_one};

/// Makes a `.` of what follows a line end too.
pub const OVER_LINES: &str = "(?s)";

/// The same pattern, or the same replacement, of which the engine makes nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Spelled {
    /// Both of the next two.
    Pattern,
    /// Of which no rule knows what to make.
    Bare,
    /// Whose `.` is a line end too.
    Lines,
    Replacement,
}

impl Spelled {
    pub fn of(self, text: Expr) -> Expr {
        call(self, vec![text])
    }

    fn spell(self, text: &str) -> String {
        match self {
            // An empty group matches nothing more, and no rule knows what to make of it. It stands behind the pattern:
            // before it, `*` would have something to repeat.
            Spelled::Pattern => format!("{OVER_LINES}{text}()"),
            Spelled::Bare => format!("{text}()"),
            Spelled::Lines => format!("{OVER_LINES}{text}"),
            Spelled::Replacement => replacement(text),
        }
    }
}

/// Whether a text is spelled so.
pub fn is_spelled(text: &Expr) -> bool {
    called::<Spelled>(text).is_some()
}

/// PostgreSQL's signs of a replacement as the engine reads them: `\1`, the whole match `\&`, and a backslash `\\`.
fn replacement(text: &str) -> String {
    // The group that there is not is nothing. It ends a number, and parts a backslash from what follows.
    const NOTHING: &str = "${_}";
    let mut spelled = String::with_capacity(text.len());
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        let escaped = signs.next_if(|next| sign == '\\' && matches!(next, '0'..='9' | '&' | '\\'));
        match (sign, escaped) {
            ('$', _) => spelled.push_str("$$"),
            (_, None) => spelled.push(sign),
            (_, Some('&')) => spelled += r"\0",
            // It is text, and to the engine the whole match.
            (_, Some('0')) => spelled = spelled + r"\" + NOTHING + "0",
            (_, Some('\\')) => spelled.push('\\'),
            (_, Some(digit)) => spelled.extend(['\\', digit]),
        }
        if escaped == Some('\\') || (escaped.is_some() && signs.peek().is_some_and(char::is_ascii_digit)) {
            spelled += NOTHING;
        }
    }
    spelled
}

impl Own for Spelled {
    fn name(&self) -> &str {
        match self {
            Spelled::Pattern | Spelled::Bare | Spelled::Lines => "pattern",
            Spelled::Replacement => "replacement",
        }
    }

    fn returns(&self, given: &[DataType]) -> Result<DataType> {
        Ok(given[0].clone())
    }

    fn make(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        of_one(&arguments.args[0], |texts| {
            let views = cast(texts, &DataType::Utf8View)?;
            let views = views.as_string_view().iter().map(|text| text.map(|text| self.spell(text)));
            let views: ArrayRef = Arc::new(views.collect::<StringViewArray>());
            Ok(cast(&views, texts.data_type())?)
        })
    }
}
