//! Operators that the engine reads, and that mean something else to it than to the databases people come from.

use datafusion::logical_expr::sqlparser::ast::{BinaryOperator, Expr, Value};

const ROWS: &str = "a comparison of rows in parentheses (write a = 1 AND b = 2)";

/// The engine itself writes this zone where a function takes a time of any zone, and a time without one is then read in
/// the zone of the session.
const ANY_ZONE: &str = "the zone '+00' (write '+00:00' or 'UTC')";

pub(super) fn of_expression(expr: &Expr) -> Option<String> {
    let name = match expr {
        // The engine takes the pattern for a regular expression, which may match anywhere.
        Expr::SimilarTo { .. } => "the pattern of SIMILAR TO (write ~ and a regular expression)",
        // A power to PostgreSQL and DuckDB, bits to the engine.
        Expr::BinaryOp { op: BinaryOperator::BitwiseXor, .. } => "^ for a power (write power(a, b))",
        Expr::BinaryOp { op: BinaryOperator::Xor, .. } => "XOR of truth values (write a <> b)",
        // The engine knows no pattern there.
        Expr::Substring { substring_from: Some(from), substring_for: None, .. } if text(from).is_some() => {
            "substring(a FROM 'pattern') (write (regexp_match(a, 'pattern'))[1])"
        }
        // Of columns with one name, inside and outside, the engine takes the inner one for both.
        Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } if matches!(**right, Expr::Subquery(_)) => {
            "ANY and ALL of a query (write IN or NOT IN, or compare with its min or max)"
        }
        Expr::AtTimeZone { time_zone, .. } if text(time_zone).is_some_and(|zone| zone == "+00") => ANY_ZONE,
        // Nulls in them are values to the engine.
        Expr::BinaryOp { left, right, .. } if is_row(left) || is_row(right) => ROWS,
        Expr::Between { expr, .. } | Expr::InList { expr, .. } | Expr::InSubquery { expr, .. } if is_row(expr) => ROWS,
        // The parser takes all that follows for the right side: a IS DISTINCT FROM (b AND c).
        Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) if is_chain(right) => {
            "AND or OR behind IS DISTINCT FROM (put parentheses around each condition: (a IS DISTINCT FROM b) AND c)"
        }
        Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) if is_row(left) || is_row(right) => {
            ROWS
        }
        _ => return None,
    };
    Some(name.to_owned())
}

/// A type that a function takes as text: `arrow_cast(a, 'Timestamp(ns, "+00")')`.
pub(super) fn of_type_name(name: &Expr) -> Option<String> {
    text(name).filter(|name| name.contains("\"+00\"")).map(|_| ANY_ZONE.to_owned())
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn is_chain(expr: &Expr) -> bool {
    matches!(expr, Expr::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or, .. })
}

fn is_row(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_row(inner),
        Expr::Tuple(_) => true,
        Expr::Function(call) => call.name.to_string().eq_ignore_ascii_case("row"),
        _ => false,
    }
}
