//! Constants that the engine (DataFusion 55) reads as something else than PostgreSQL does.
//!
//! | written | to the engine | becomes |
//! |---|---|---|
//! | `99999999999999999999` | a float | a decimal |
//! | `interval '1 day 02:30:00'` | an error | `interval '1 day 2 hours 30 minutes 00 seconds'` |

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, ExactNumberInfo, Expr, Interval, Statement, Value, ValueWithSpan, VisitorMut,
};

use super::walk_mut;
use crate::functions::times::without_colons;

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
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// The digits of a whole number that 64 bits do not hold, and a decimal does.
fn beyond_integers(value: &Value) -> Option<String> {
    let Value::Number(digits, _) = value else { return None };
    let is_whole = digits.bytes().all(|digit| digit.is_ascii_digit());
    (is_whole && digits.len() <= usize::from(DIGITS_MAX) && digits.parse::<u64>().is_err()).then(|| digits.clone())
}

fn decimal(digits: String) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(Expr::value(Value::SingleQuotedString(digits))),
        data_type: DataType::Decimal(ExactNumberInfo::PrecisionAndScale(u64::from(DIGITS_MAX), 0)),
        array: false,
        format: None,
    }
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
