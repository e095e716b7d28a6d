//! Constants that the engine (DataFusion 55) reads as something else than PostgreSQL does.
//!
//! | written | to the engine | becomes |
//! |---|---|---|
//! | `99999999999999999999` | a float | a decimal |
//! | `interval '1 day 02:30:00'` | an error | `interval '1 day 2 hours 30 minutes 00 seconds'` |
//! | `interval '1 day' * NULL` | an error | null |
//! | `'1e5'::numeric` | an error | `'100000'::numeric` |
//! | `'\xdead'::bytea` | six bytes | the two of `X'dead'` |
//! | `'{a,b}'::text[]` | a list of one | `ARRAY['a', 'b']` |
//! | `generate_series(timestamp '2023-09-14 05:00', …)` | an error | `timestamp '2023-09-14 05:00:00'` |

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Array, BinaryOperator, CastKind, DataType, ExactNumberInfo, Expr, Interval, Statement, TableFactor, TypedString,
    Value, ValueWithSpan, VisitorMut,
};

use super::{bytea, walk_mut};
use crate::functions::texts::elements_of;
use crate::functions::times::{with_seconds, without_colons};

/// Digits of a decimal at most.
const DIGITS_MAX: u8 = 38;

/// Writes the constants of a statement as the engine must read them.
pub(crate) fn plain(statement: &mut Statement) {
    let _ = walk_mut(statement, &mut Literals);
}

struct Literals;

impl VisitorMut for Literals {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Value(value) => {
                if let Some(digits) = beyond_integers(&value.value) {
                    *expr = decimal(digits);
                }
            }
            Expr::Interval(Interval { value, leading_field: None, .. }) => {
                if let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = &mut **value
                    && let Some(words) = without_colons(text)
                {
                    *text = words;
                }
            }
            Expr::BinaryOp { left, op: BinaryOperator::Multiply | BinaryOperator::Divide, right } => {
                let null = match (&**left, &**right) {
                    (Expr::Interval(_), Expr::Value(_)) => right,
                    (Expr::Value(_), Expr::Interval(_)) => left,
                    _ => return ControlFlow::Continue(()),
                };
                if matches!(&**null, Expr::Value(value) if value.value == Value::Null) {
                    **null = cast(Expr::value(Value::Null), DataType::Double(ExactNumberInfo::None));
                }
            }
            Expr::TypedString(TypedString { data_type: DataType::Bytea, value, .. }) => {
                if let Value::SingleQuotedString(text) = &value.value {
                    *expr = cast(Expr::value(Value::HexStringLiteral(digits(text))), DataType::Bytea);
                }
            }
            Expr::Cast { expr: inner, data_type, .. } => {
                let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = &**inner else {
                    return ControlFlow::Continue(());
                };
                match data_type {
                    DataType::Bytea => **inner = Expr::value(Value::HexStringLiteral(digits(text))),
                    DataType::Numeric(_) | DataType::Decimal(_) | DataType::Dec(_) => {
                        if let Some(plain) = without_exponent(text) {
                            **inner = Expr::value(Value::SingleQuotedString(plain));
                        }
                    }
                    DataType::Array(_) => {
                        if let Some(elements) = elements_of(text) {
                            **inner = list(elements);
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    /// The engine reads the times of a table's arguments by itself, as it plans.
    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { args: Some(arguments), .. } = factor {
            let _ = walk_mut(&mut arguments.args, &mut Seconds);
        }
        ControlFlow::Continue(())
    }
}

/// Writes the seconds of times that have none.
struct Seconds;

impl VisitorMut for Seconds {
    type Break = ();

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
        if let Value::SingleQuotedString(text) = &mut value.value
            && let Some(with_seconds) = with_seconds(text)
        {
            *text = with_seconds;
        }
        ControlFlow::Continue(())
    }
}

/// `1.5e3` as `1500`; `None` for a text without an exponent, or with one that no decimal has.
fn without_exponent(text: &str) -> Option<String> {
    let (number, exponent) = text.trim().split_once(['e', 'E'])?;
    let exponent: i32 = exponent.parse().ok().filter(|exponent: &i32| exponent.unsigned_abs() <= DIGITS_MAX.into())?;
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let point = i32::try_from(whole.len()).ok()? + exponent;
    let before = usize::try_from(-point).unwrap_or(0);
    let point = usize::try_from(point).unwrap_or(0);
    let padded = format!("{}{all}{}", "0".repeat(before), "0".repeat(point.saturating_sub(all.len())));
    let (whole, fraction) = padded.split_at(point);
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// The digits of the bytes that a text stands for. What it says wrongly stays, which are no digits to the engine.
fn digits(text: &str) -> String {
    match bytea::of_text(text) {
        Some(bytes) => hex::encode(bytes),
        None => text.to_owned(),
    }
}

fn list(elements: Vec<Option<String>>) -> Expr {
    let element = |element: Option<String>| Expr::value(element.map_or(Value::Null, Value::SingleQuotedString));
    Expr::Array(Array { elem: elements.into_iter().map(element).collect(), named: true })
}

/// The digits of a whole number that 64 bits do not hold, and a decimal does.
fn beyond_integers(value: &Value) -> Option<String> {
    let Value::Number(digits, _) = value else { return None };
    let is_whole = digits.bytes().all(|digit| digit.is_ascii_digit());
    (is_whole && digits.len() <= usize::from(DIGITS_MAX) && digits.parse::<u64>().is_err()).then(|| digits.clone())
}

fn decimal(digits: String) -> Expr {
    let whole = DataType::Decimal(ExactNumberInfo::PrecisionAndScale(u64::from(DIGITS_MAX), 0));
    cast(Expr::value(Value::SingleQuotedString(digits)), whole)
}

fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect, PostgreSqlDialect};
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn constants_are_read_as_postgresql_reads_them() {
        for (sql, right) in [
            ("SELECT 18446744073709551615, 1.5, 1e30", "SELECT 18446744073709551615, 1.5, 1e30"),
            ("SELECT 18446744073709551616", "SELECT CAST('18446744073709551616' AS DECIMAL(38,0))"),
            (
                "SELECT INTERVAL '01:30:00', INTERVAL '1 day -02:03:04.5'",
                "SELECT INTERVAL '01 hours 30 minutes 00 seconds', \
                 INTERVAL '1 day -02 hours -03 minutes -04.5 seconds'",
            ),
            ("SELECT INTERVAL '1:30'", "SELECT INTERVAL '1 hours 30 minutes 0 seconds'"),
            (
                "SELECT INTERVAL '1 day 0:00:05 ago', INTERVAL 'P1DT2H'",
                "SELECT INTERVAL '-1 day -0 hours -00 minutes -05 seconds', INTERVAL '1 days 2 hours'",
            ),
            ("SELECT '\\xDEad'::BYTEA, BYTEA 'a\\\\'", "SELECT X'dead'::BYTEA, CAST(X'615c' AS BYTEA)"),
            ("SELECT '\\xabc'::BYTEA", "SELECT X'\\xabc'::BYTEA"),
            (
                "SELECT '1e5'::NUMERIC, '-1.25E1'::NUMERIC, '12.5e-3'::NUMERIC, '1e99'::NUMERIC",
                "SELECT '100000'::NUMERIC, '-12.5'::NUMERIC, '0.0125'::NUMERIC, '1e99'::NUMERIC",
            ),
            ("SELECT INTERVAL '1 day' * NULL", "SELECT INTERVAL '1 day' * CAST(NULL AS DOUBLE)"),
            ("SELECT '{a,\"b c\",NULL}'::TEXT[]", "SELECT ARRAY['a', 'b c', NULL]::TEXT[]"),
            (
                "SELECT '2023-09-14 05:00' FROM generate_series(TIMESTAMP '2023-09-14 05:00', \
                 '2023-09-14T06'::TIMESTAMP)",
                "SELECT '2023-09-14 05:00' FROM generate_series(TIMESTAMP '2023-09-14 05:00:00', \
                 '2023-09-14T06:00:00'::TIMESTAMP)",
            ),
            ("SELECT INTERVAL '1:70', INTERVAL '1 day'", "SELECT INTERVAL '1:70', INTERVAL '1 day'"),
        ] {
            for dialect in [&PostgreSqlDialect {} as &dyn Dialect, &GenericDialect {}] {
                let mut statements = Parser::parse_sql(dialect, sql).expect("a statement");
                plain(&mut statements[0]);
                assert_eq!(statements[0].to_string(), right, "{sql}");
            }
        }
    }
}
