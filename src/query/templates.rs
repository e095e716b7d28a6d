//! Templates of `to_char` and `to_timestamp` as PostgreSQL has them: `YYYY-MM-DD HH24:MI:SS`.
//!
//! The engine (DataFusion 55) knows the signs of `strftime` alone, and shows all else as it stands:
//! `to_char(start_time, 'YYYY-MM')` was `YYYY-MM` for every row. A template without `%` is therefore written in those
//! signs. What has none there is refused.

use std::sync::Arc;

use chrono::format::{Fixed, Item, StrftimeItems};
use datafusion::arrow::array::{ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

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
fn signs_of(template: &str, is_zoned: bool) -> std::result::Result<String, String> {
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

/// Gives `to_char` templates that the engine reads.
#[derive(Debug)]
pub(super) struct OwnTemplates;

impl FunctionRewrite for OwnTemplates {
    fn name(&self) -> &str {
        "own_templates"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        use DataType::{Date32, Date64, LargeUtf8, Time32, Time64, Timestamp, Utf8, Utf8View};
        let Expr::ScalarFunction(mut call) = expr else { return Ok(Transformed::no(expr)) };
        let [time, template] = call.args.as_slice() else { return Ok(Transformed::no(Expr::ScalarFunction(call))) };
        let is_time = matches!(time.get_type(schema), Ok(Date32 | Date64 | Time32(_) | Time64(_) | Timestamp(..)));
        let is_text = matches!(template.get_type(schema), Ok(Utf8 | LargeUtf8 | Utf8View));
        if call.name() != "to_char" || !is_time || !is_text || is_own(template) {
            return Ok(Transformed::no(Expr::ScalarFunction(call)));
        }
        let is_zoned = matches!(time.get_type(schema), Ok(Timestamp(_, Some(_))));
        if let Expr::Literal(written, _) = template
            && let Err(refusal) = signs_of(written.try_as_str().flatten().unwrap_or_default(), is_zoned)
        {
            return plan_err!("{refusal}");
        }
        let template = call.args.remove(1);
        let function = Template { is_zoned, signature: Signature::any(1, Volatility::Immutable) };
        let function = Arc::new(ScalarUDF::new_from_impl(function));
        call.args.push(Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![template])));
        Ok(Transformed::yes(Expr::ScalarFunction(call)))
    }
}

/// A plan may be analyzed twice.
fn is_own(template: &Expr) -> bool {
    let Expr::ScalarFunction(call) = template else { return false };
    let inner: &dyn ScalarUDFImpl = call.func.inner().as_ref();
    inner.downcast_ref::<Template>().is_some()
}

/// A template in the signs that the engine knows.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Template {
    is_zoned: bool,
    signature: Signature,
}

impl ScalarUDFImpl for Template {
    fn name(&self) -> &str {
        "template"
    }

    /// As what is written names its column, so that whoever looks the column up finds it.
    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        Ok(arguments[0].schema_name().to_string())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let spell = |templates: &ArrayRef| -> Result<ArrayRef> {
            let templates = cast(templates, &DataType::Utf8)?;
            let spelled = templates.as_string::<i32>().iter().map(|template| match template {
                Some(template) => Ok(Some(signs_of(template, self.is_zoned).map_err(DataFusionError::Execution)?)),
                None => Ok(None),
            });
            Ok(Arc::new(spelled.collect::<Result<StringArray>>()?))
        };
        match &arguments.args[0] {
            ColumnarValue::Array(templates) => Ok(ColumnarValue::Array(spell(templates)?)),
            ColumnarValue::Scalar(template) => {
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&spell(&template.to_array()?)?, 0)?))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use super::super::{Options, context};

    async fn answer(expr: &str) -> Result<String, String> {
        let options = Options { time_zone: "Asia/Kolkata".parse().expect("a zone"), ..Options::default() };
        let context = context(&options).expect("a context");
        let sql = format!("SELECT {expr} FROM (VALUES (timestamp '2023-09-04 17:05:09.012345', 'MM/YY')) AS t(at, f)");
        let batches = async { context.sql(&sql).await?.collect().await }.await;
        let batches = batches.map_err(|error| error.to_string())?;
        Ok(array_value_to_string(batches[0].column(0), 0).expect("a value"))
    }

    /// What PostgreSQL answers.
    #[tokio::test]
    async fn templates_are_those_of_postgresql() {
        for (expr, right) in [
            ("to_char(at, 'YYYY-MM-DD HH24:MI:SS')", "2023-09-04 17:05:09"),
            ("to_char(at, 'yyyy-mm-dd\"T\"hh24:mi:ss.us')", "2023-09-04T17:05:09.012345"),
            ("to_char(at, 'YYYYMMDD')", "20230904"),
            ("to_char(at, 'DD Mon YY, HH12:MI AM')", "04 Sep 23, 05:05 PM"),
            ("to_char(at, 'Dy, FMDD FMMonth YYYY FMHH12:MI pm')", "Mon, 4 September 2023 5:05 pm"),
            ("to_char(at, 'IYYY-IW-ID DDD Q .MS')", "2023-36-1 247 3 .012"),
            ("to_char(CAST(at AS DATE), 'YYYY-MM')", "2023-09"),
            ("to_char(CAST(at AS TIMESTAMPTZ), 'HH24 TZH:TZM')", "17 +05:30"),
            ("to_char(at, '--')", "--"),
            (r#"to_char(at, 'DD \"HH24\"')"#, r#"04 "17""#),
            (r#"to_char(at, '"a\"b\\c" DD')"#, r#"a"b\c 04"#),
            ("to_char(at, '%%%Y')", "%2023"),
            ("to_char(at, f)", "09/23"),
            ("to_char(at, f || '%Y')", "MM/YY2023"),
            ("to_char(at, '%Y-%m')", "2023-09"),
            ("date_format(at, 'YYYY')", "2023"),
            ("to_char(at, NULL) IS NULL", "true"),
        ] {
            assert_eq!(answer(expr).await.as_deref(), Ok(right), "{expr}");
        }
        for (template, word) in [
            ("YYYY-Month", "Month"),
            ("DDth", "DDth"),
            ("SSSS", "SSSS"),
            ("MON", "MON"),
            ("HH24:MI TZ", "TZ"),
            ("y", "y"),
            ("IYYY-IDDD", "IDDD"),
        ] {
            let said = answer(&format!("to_char(at, '{template}')")).await.expect_err(template);
            assert!(said.contains("FMMonth") && said.contains(&format!("\"{word}\"")), "{template}: {said}");
            assert!(answer(&format!("to_char(at, '{template}' || substr(f, 9))")).await.is_err(), "{template}");
        }
        for (expr, says) in [
            ("to_char(at, 'HH24 TZH:TZM')", "CAST(… AS TIMESTAMPTZ)"),
            ("to_char(at, '%H %z')", "CAST(… AS TIMESTAMPTZ)"),
            ("to_char(at, 'YYYY %')", "\"YYYY %\" of to_char has a sign"),
            ("to_char(at, '%Q' || substr(f, 9))", "\"%Q\" of to_char has a sign"),
        ] {
            let said = answer(expr).await.expect_err(expr);
            assert!(said.contains(says), "{expr}: {said}");
        }
    }
}
