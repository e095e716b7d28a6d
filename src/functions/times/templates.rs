//! Templates of PostgreSQL, `YYYY-MM-DD HH24:MI:SS`, in the signs of `strftime`, which the engine knows. What has none
//! there is refused.

use std::sync::Arc;

use arrow::array::{AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::format::{Fixed, Item, StrftimeItems};
use datafusion_common::{DataFusionError, Result};
use datafusion_expr::{ColumnarValue, Expr, ScalarFunctionArgs};

use super::super::call::{Own, call, called, of_one};

/// Patterns of numbers, in capitals or not, and their signs. The longest of those that begin alike is first.
const NUMBERS: [(&str, &str); 27] = [
    ("TZH:TZM", "%:z"),
    ("FMHH24", "%-H"),
    ("FMHH12", "%-I"),
    ("FMHH", "%-I"),
    ("FMMM", "%-m"),
    ("FMDD", "%-d"),
    ("FMMI", "%-M"),
    ("FMSS", "%-S"),
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("HH", "%I"),
    ("IYYY", "%G"),
    ("IW", "%V"),
    ("ID", "%u"),
    ("YYYY", "%Y"),
    ("YY", "%y"),
    ("DDD", "%j"),
    ("DD", "%d"),
    ("MM", "%m"),
    ("MI", "%M"),
    ("MS", "%3f"),
    ("SS", "%S"),
    ("US", "%6f"),
    ("FF3", "%3f"),
    ("FF6", "%6f"),
    ("FF9", "%9f"),
    ("Q", "%q"),
];

/// Patterns of words, whose capitals are those of the result.
const WORDS: [(&str, &str); 8] = [
    ("FMMonth", "%B"),
    ("FMDay", "%A"),
    ("Mon", "%b"),
    ("Dy", "%a"),
    ("AM", "%p"),
    ("PM", "%p"),
    ("am", "%P"),
    ("pm", "%P"),
];

/// It begins like patterns that there are.
const UNKNOWN: &str = "IDDD";

/// Adds what stands in double quotes, where a backslash stands before any sign, and gives what is behind them.
fn quoted<'a>(text: &'a str, signs: &mut String) -> &'a str {
    let mut is_escaped = false;
    for (at, sign) in text.char_indices() {
        match sign {
            '"' if !is_escaped => return &text[at + 1..],
            '\\' if !is_escaped => is_escaped = true,
            _ => {
                signs.push(sign);
                is_escaped = false;
            }
        }
    }
    ""
}

/// The signs that the engine gets for a template of `to_char`, of a time that has a zone or none.
pub fn signs_of(template: &str, is_zoned: bool) -> std::result::Result<String, String> {
    let signs = in_signs(template, "to_char")?.unwrap_or_else(|| template.to_owned());
    let zones = [Fixed::TimezoneName, Fixed::TimezoneOffset, Fixed::TimezoneOffsetColon, Fixed::TimezoneOffsetZ];
    for item in StrftimeItems::new(&signs) {
        match item {
            Item::Error => {
                return Err(format!(
                    "the format \"{template}\" of to_char has a sign behind % that is unknown; write such as \
                     '%Y-%m-%d %H:%M', or %% for the sign itself"
                ));
            }
            Item::Fixed(fixed) if !is_zoned && (zones.contains(&fixed) || fixed == Fixed::RFC3339) => {
                return Err(format!(
                    "the format \"{template}\" of to_char asks for a zone, which a time without one lacks; give it one \
                     with CAST(… AS TIMESTAMPTZ)"
                ));
            }
            _ => {}
        }
    }
    Ok(signs)
}

/// A template in the signs of `strftime`; `None` if it is written in them.
pub(super) fn in_signs(template: &str, function: &str) -> std::result::Result<Option<String>, String> {
    if template.contains('%') {
        return Ok(None);
    }
    let mut signs = String::new();
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            rest = quoted(&rest[1..], &mut signs);
        } else if let Some(behind) = rest.strip_prefix("\\\"") {
            signs.push('"');
            rest = behind;
        } else if !first.is_alphabetic() {
            signs.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            let is_next = |(pattern, _): &&(&str, &str)| rest.starts_with(pattern);
            let is_next_number = |(pattern, _): &&(&str, &str)| {
                rest.get(..pattern.len()).is_some_and(|head| head.eq_ignore_ascii_case(pattern))
            };
            // The day of the ISO year is no sign of `strftime`.
            if rest.get(..UNKNOWN.len()).is_some_and(|head| head.eq_ignore_ascii_case(UNKNOWN)) {
                return Err(refusal(template, rest, function));
            }
            let found = WORDS.iter().find(is_next).or_else(|| NUMBERS.iter().find(is_next_number));
            let behind = found.and_then(|(pattern, _)| rest.get(pattern.len()..));
            // `SSSS` is the second of the day, and `DDth` a number with its ending.
            let is_whole = |behind: &str| !behind.starts_with(first) || !matches!(first, 'S' | 's');
            match (found, behind.filter(|behind| is_whole(behind))) {
                (Some((_, sign)), Some(behind)) => {
                    signs += sign;
                    rest = behind;
                }
                _ => return Err(refusal(template, rest, function)),
            }
        }
    }
    Ok(Some(signs))
}

fn refusal(template: &str, rest: &str, function: &str) -> String {
    let is_end = |sign: char| !sign.is_alphanumeric();
    let read = template.len() - rest.len();
    let begin = template[..read].rfind(is_end).map_or(0, |end| end + 1);
    let word = template[begin..].split(is_end).next().unwrap_or_default();
    format!(
        "\"{word}\" in the format \"{template}\" of {function} is unknown; there are YYYY, MM, Mon, FMMonth, DD, Dy, \
         FMDay, HH24, HH12, AM, MI, SS, MS, US, DDD, IYYY, IW, ID, Q and TZH:TZM; text stands in double quotes; or write \
         '%Y-%m-%d'"
    )
}

/// A template in the signs that the engine knows.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Template {
    is_zoned: bool,
}

/// A template of `to_char`, of a time that has a zone or none.
pub fn template(written: Expr, is_zoned: bool) -> Expr {
    call(Template { is_zoned }, vec![written])
}

/// Whether it is one of these.
pub fn is_template(expr: &Expr) -> bool {
    called::<Template>(expr).is_some()
}

impl Own for Template {
    fn name(&self) -> &str {
        "template"
    }

    fn returns(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn make(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        of_one(&arguments.args[0], |templates| {
            let templates = cast(templates, &DataType::Utf8)?;
            let spelled = templates.as_string::<i32>().iter().map(|template| match template {
                Some(template) => Ok(Some(signs_of(template, self.is_zoned).map_err(DataFusionError::Execution)?)),
                None => Ok(None),
            });
            Ok(Arc::new(spelled.collect::<Result<StringArray>>()?))
        })
    }
}
