//! Regular expressions that mean what is written, where the engine takes them for something else.
//!
//! The engine (DataFusion 55) makes `a IS NOT NULL` of `a ~ '.*'`, which is false where `a` is null, and is unknown to
//! SQL. Of a pattern without signs it makes LIKE, to which the backslash that is left of `'\\'` is a sign: `a ~ '\\'`
//! found no backslash. It reads `$1` in what `regexp_replace` puts in, beside `\1`, so that `'$1.50'` was `'.50'`; and
//! knows neither `\&`, which is the whole match, nor `\\`. To it a `.` is no line end, which it is to PostgreSQL.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};
use datafusion::scalar::ScalarValue;

use crate::functions::texts::{OVER_LINES, Spelled, is_spelled};

/// Spells patterns and replacements as the engine must read them.
#[derive(Debug)]
pub(super) struct OwnPatterns;

impl FunctionRewrite for OwnPatterns {
    fn name(&self) -> &str {
        "own_patterns"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_match(op) => {
                let right = pattern(*right, schema);
                Ok(right.update_data(|right| Expr::BinaryExpr(BinaryExpr { left, op, right: Box::new(right) })))
            }
            Expr::ScalarFunction(mut call) if PATTERN_FUNCTIONS.contains(&call.name()) && call.args.len() > 1 => {
                let is_like = call.name() == "regexp_like";
                let has_flags = call.args.len() > if call.name() == "regexp_replace" { 3 } else { 2 };
                let by_lines = has_flags && call.args.last().is_some_and(asks_for_lines);
                let written = call.args.remove(1);
                let changed = match (is_like, by_lines) {
                    (true, false) => pattern(written, schema),
                    (true, true) if is_misread(&written) => Transformed::yes(spelled(written, Spelled::Bare, schema)),
                    (false, false) => over_lines(written, schema),
                    (_, true) => Transformed::no(written),
                };
                let mut is_other = changed.transformed;
                call.args.insert(1, changed.data);
                if call.name() == "regexp_replace" && call.args.get(2).is_some_and(has_sign) {
                    let replacement = call.args.remove(2);
                    call.args.insert(2, spelled(replacement, Spelled::Replacement, schema));
                    is_other = true;
                }
                Ok(Transformed::new_transformed(Expr::ScalarFunction(call), is_other))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

/// Functions whose second argument is a pattern.
const PATTERN_FUNCTIONS: [&str; 5] = ["regexp_count", "regexp_instr", "regexp_like", "regexp_match", "regexp_replace"];

/// A pattern of which the engine makes nothing else, and whose `.` is a line end too.
fn pattern(pattern: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match is_misread(&pattern) {
        true => Transformed::yes(spelled(pattern, Spelled::Pattern, schema)),
        false => over_lines(pattern, schema),
    }
}

/// A pattern whose `.` is a line end too.
fn over_lines(pattern: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let prefixed = |text: &str| format!("{OVER_LINES}{text}");
    match pattern {
        Expr::Literal(value, metadata) => {
            let other = match &value {
                ScalarValue::Utf8(Some(text)) if has_dot(text) => ScalarValue::Utf8(Some(prefixed(text))),
                ScalarValue::Utf8View(Some(text)) if has_dot(text) => ScalarValue::Utf8View(Some(prefixed(text))),
                ScalarValue::LargeUtf8(Some(text)) if has_dot(text) => ScalarValue::LargeUtf8(Some(prefixed(text))),
                _ => return Transformed::no(Expr::Literal(value, metadata)),
            };
            Transformed::yes(Expr::Literal(other, metadata))
        }
        other if is_spelled(&other) => Transformed::no(other),
        other => Transformed::yes(spelled(other, Spelled::Lines, schema)),
    }
}

/// Whether a `.` stands for any sign, in a pattern that does not say so already.
fn has_dot(pattern: &str) -> bool {
    let (mut is_escaped, mut in_class) = (false, false);
    let mut is_any = |sign: char| {
        let is_plain = !std::mem::take(&mut is_escaped);
        match sign {
            '\\' if is_plain => is_escaped = true,
            '[' if is_plain => in_class = true,
            ']' if is_plain => in_class = false,
            _ => {}
        }
        sign == '.' && is_plain && !in_class
    };
    !pattern.starts_with(OVER_LINES) && pattern.chars().any(&mut is_any)
}

/// Whether flags say that a `.` is no line end, or may say so.
fn asks_for_lines(flags: &Expr) -> bool {
    written(flags).is_none_or(|flags| flags.contains(['m', 'n', 'p']))
}

pub(super) fn is_match(operator: Operator) -> bool {
    use Operator::{RegexIMatch, RegexMatch, RegexNotIMatch, RegexNotMatch};
    matches!(operator, RegexMatch | RegexIMatch | RegexNotMatch | RegexNotIMatch)
}

/// Whether the engine may take a pattern for another one. What is not written out may turn out to be anything.
fn is_misread(pattern: &Expr) -> bool {
    // A plan may be analyzed twice.
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

fn written(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}

fn spelled(text: Expr, part: Spelled, schema: &DFSchema) -> Expr {
    use DataType::{LargeUtf8, Utf8, Utf8View};
    // The type of a parameter may not be known yet. It is when the statement runs.
    if !matches!(text.get_type(schema), Ok(Utf8 | LargeUtf8 | Utf8View)) {
        return text;
    }
    part.of(text)
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
    async fn a_dot_is_a_line_end_too() {
        let lines = "('a' || chr(10) || 'b', 'a.b')";
        for (expr, right) in [
            ("a ~ 'a.b'", "true"),
            ("a ~ p", "true"),
            ("a ~* '^A.*B$'", "true"),
            ("a !~ 'a.b'", "false"),
            ("a ~ 'a\\.b'", "false"),
            ("a ~ 'a[.]b'", "false"),
            ("regexp_like(a, p)", "true"),
            ("regexp_like(a, 'A.B', 'i')", "true"),
            ("regexp_like(a, 'a.b', 'm')", "false"),
            ("(regexp_match(a, 'a(.)b'))[1] = chr(10)", "true"),
            ("(regexp_match(a, p))[1] = a", "true"),
            ("regexp_replace(a, 'a.', 'x')", "xb"),
            ("regexp_replace(a, '.', '-', 'g')", "---"),
            ("regexp_count(a, '.')", "3"),
            ("a ~ '.*'", "true"),
        ] {
            assert_eq!(answer(expr, lines).await.as_deref(), Ok(right), "{expr}");
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
