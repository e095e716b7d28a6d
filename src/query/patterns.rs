//! Regular expressions that mean what is written, where the engine takes them for something else.
//!
//! The engine (DataFusion 55) makes `a IS NOT NULL` of `a ~ '.*'`, which is false where `a` is null, and is unknown to
//! SQL. Of a pattern without signs it makes LIKE, to which the backslash that is left of `'\\'` is a sign: `a ~ '\\'`
//! found no backslash. It reads `$1` in what `regexp_replace` puts in, beside `\1`, so that `'$1.50'` was `'.50'`; and
//! knows neither `\&`, which is the whole match, nor `\\`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::scalar::ScalarValue;

/// Spells patterns and replacements as the engine must read them.
#[derive(Debug)]
pub(super) struct OwnPatterns;

impl FunctionRewrite for OwnPatterns {
    fn name(&self) -> &str {
        "own_patterns"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_match(op) && is_misread(&right) => {
                let right = Box::new(spelled(*right, Part::Pattern, schema));
                Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })))
            }
            Expr::ScalarFunction(mut call)
                if call.name() == "regexp_like" && call.args.get(1).is_some_and(is_misread) =>
            {
                let pattern = call.args.remove(1);
                call.args.insert(1, spelled(pattern, Part::Pattern, schema));
                Ok(Transformed::yes(Expr::ScalarFunction(call)))
            }
            Expr::ScalarFunction(mut call)
                if call.name() == "regexp_replace" && call.args.get(2).is_some_and(has_sign) =>
            {
                let replacement = call.args.remove(2);
                call.args.insert(2, spelled(replacement, Part::Replacement, schema));
                Ok(Transformed::yes(Expr::ScalarFunction(call)))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

pub(super) fn is_match(operator: Operator) -> bool {
    use Operator::{RegexIMatch, RegexMatch, RegexNotIMatch, RegexNotMatch};
    matches!(operator, RegexMatch | RegexIMatch | RegexNotMatch | RegexNotIMatch)
}

/// Whether the engine may take a pattern for another one. What is not written out may turn out to be anything.
fn is_misread(pattern: &Expr) -> bool {
    !is_spelled(pattern)
        && written(pattern).is_none_or(|pattern| {
            // The last three are escapes by a number.
            pattern == ".*" || [r"\\", r"\x", r"\u", r"\U"].into_iter().any(|escape| pattern.contains(escape))
        })
}

fn has_sign(replacement: &Expr) -> bool {
    // A group has one digit; the engine takes all that follow.
    let is_two_digits = |text: &str| {
        let digit = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
        text.match_indices('\\').any(|(at, _)| digit(at + 1) && digit(at + 2))
    };
    !is_spelled(replacement)
        && written(replacement)
            .is_none_or(|text| ["$", r"\\", r"\&", r"\0"].iter().any(|sign| text.contains(sign)) || is_two_digits(text))
}

/// A plan may be analyzed twice.
fn is_spelled(text: &Expr) -> bool {
    let Expr::ScalarFunction(call) = text else { return false };
    let inner: &dyn ScalarUDFImpl = call.func.inner().as_ref();
    inner.downcast_ref::<Spelled>().is_some()
}

fn written(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}

fn spelled(text: Expr, part: Part, schema: &DFSchema) -> Expr {
    use DataType::{LargeUtf8, Utf8, Utf8View};
    // The type of a parameter may not be known yet. It is when the statement runs.
    if !matches!(text.get_type(schema), Ok(Utf8 | LargeUtf8 | Utf8View)) {
        return text;
    }
    let signature = Signature::any(1, Volatility::Immutable);
    let function = Arc::new(ScalarUDF::new_from_impl(Spelled { part, signature }));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![text]))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Pattern,
    Replacement,
}

/// The same pattern, or the same replacement, of which the engine makes nothing else.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Spelled {
    part: Part,
    signature: Signature,
}

impl Spelled {
    fn of(&self, text: &str) -> String {
        match self.part {
            // An empty group matches nothing more, and no rule knows what to make of it. It stands behind the pattern:
            // before it, `*` would have something to repeat.
            Part::Pattern => format!("{text}()"),
            Part::Replacement => replacement(text),
        }
    }
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

impl ScalarUDFImpl for Spelled {
    fn name(&self) -> &str {
        match self.part {
            Part::Pattern => "pattern",
            Part::Replacement => "replacement",
        }
    }

    /// As what is written names its column, so that whoever looks the column up finds it.
    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        Ok(arguments[0].schema_name().to_string())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments[0].clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let spell = |texts: &ArrayRef| -> Result<ArrayRef> {
            let views = cast(texts, &DataType::Utf8View)?;
            let views = views.as_string_view().iter().map(|text| text.map(|text| self.of(text)));
            let views: ArrayRef = Arc::new(views.collect::<StringViewArray>());
            Ok(cast(&views, texts.data_type())?)
        };
        match &arguments.args[0] {
            ColumnarValue::Array(texts) => Ok(ColumnarValue::Array(spell(texts)?)),
            ColumnarValue::Scalar(text) => {
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&spell(&text.to_array()?)?, 0)?))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use super::super::{Options, context};

    async fn answer(expr: &str, values: &str) -> Result<String, String> {
        let context = context(&Options::default()).unwrap();
        let sql = format!("SELECT {expr} FROM (VALUES {values}) AS t(a, p)");
        let batches = async { context.sql(&sql).await?.collect().await }.await;
        let batches = batches.map_err(|error| error.to_string())?;
        Ok(array_value_to_string(batches[0].column(0), 0).unwrap())
    }

    #[tokio::test]
    async fn a_broken_pattern_is_an_error_wherever_it_stands() {
        for pattern in ["*", "+b", "?", "a{", "(", "[", r"\", "(?i", r"*\\\\"] {
            for expr in [format!("a ~ '{pattern}'"), "a ~ p".to_owned(), "regexp_like(a, p)".to_owned()] {
                let answered = answer(&expr, &format!("('abc', '{pattern}')")).await;
                assert!(answered.is_err(), "{expr} of {pattern}: {answered:?}");
            }
        }
    }

    #[tokio::test]
    async fn an_empty_group_changes_no_pattern() {
        for (pattern, text, matches) in [
            (".*", "abc", true),
            ("^.*$", "", true),
            ("x|b", "abc", true),
            ("^(x|b)$", "abc", false),
            (r"a\\b", r"a\b", true),
            ("c$", "abc", true),
            ("", "abc", true),
        ] {
            let answered = answer("a ~ p", &format!("('{text}', '{pattern}')")).await;
            assert_eq!(answered.as_deref(), Ok(if matches { "true" } else { "false" }), "{pattern}");
        }
        assert_eq!(answer("(a ~ '.*') IS NULL", "(CAST(NULL AS VARCHAR), '')").await.as_deref(), Ok("true"));
    }
}
