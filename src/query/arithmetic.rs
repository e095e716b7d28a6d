//! `+`, `-`, `*` and the sign of integers as functions of our own, which are right or an error.
//!
//! The engine's operators (DataFusion 55) go on from the least number where a result is beyond the type: the greatest
//! `bytes` plus 1 was less than 0, in a column and in a constant that it reckons out beforehand. Nothing in its
//! settings asks for a check. Once all types are in the plan, such operators over integers become the function
//! of a [`Chain`]. So do those of decimals: the engine lets 38 digits grow to 39, the last of which is not written, and
//! takes `1.5 % 1` for 0 where no null can be. Times and intervals are checked by the engine; floats have no end.

use datafusion::common::DFSchema;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator as EngineOperator};

use crate::functions::numbers::{Chain, Numbers, Operator, checked_numbers};

/// Puts the function in the place of operators over integers and decimals.
#[derive(Debug)]
pub(super) struct CheckedNumbers;

impl FunctionRewrite for CheckedNumbers {
    fn name(&self) -> &str {
        "checked_numbers"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let sides =
                    operator(op).map(|operator| (operator, of_numbers(&left, schema), of_numbers(&right, schema)));
                Ok(match sides {
                    // Quotient and remainder of integers are never larger than they are.
                    Some((operator, Some(numbers), Some(other)))
                        if numbers == other
                            && (numbers == Numbers::Decimals
                                || !matches!(operator, Operator::Divide | Operator::Remainder)) =>
                    {
                        Transformed::yes(Chain::binary(numbers, *left, operator, *right))
                    }
                    _ => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
                })
            }
            Expr::Negative(inner) if of_numbers(&inner, schema) == Some(Numbers::Integers) => {
                Ok(Transformed::yes(Chain::negative(*inner)))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

/// What an expression gives, if it is one of these. The type of a parameter may not be known yet; it is when the
/// statement runs. That of a function of ours is, and the engine would go through all that is below it.
fn of_numbers(expr: &Expr, schema: &DFSchema) -> Option<Numbers> {
    if let Some(numbers) = checked_numbers(expr) {
        return Some(numbers);
    }
    match expr.get_type(schema).ok()? {
        kind if kind.is_integer() => Some(Numbers::Integers),
        kind if kind.is_decimal() => Some(Numbers::Decimals),
        _ => None,
    }
}

fn operator(operator: EngineOperator) -> Option<Operator> {
    match operator {
        EngineOperator::Plus => Some(Operator::Add),
        EngineOperator::Minus => Some(Operator::Subtract),
        EngineOperator::Multiply => Some(Operator::Multiply),
        EngineOperator::Divide => Some(Operator::Divide),
        EngineOperator::Modulo => Some(Operator::Remainder),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
    use datafusion::optimizer::analyzer::function_rewrite::ApplyFunctionRewrites;
    use datafusion::prelude::SessionContext;

    use super::*;

    fn context() -> SessionContext {
        let context = SessionContext::new();
        context.add_analyzer_rule(Arc::new(ApplyFunctionRewrites::new(vec![Arc::new(CheckedNumbers)])));
        context
    }

    /// The only value that a statement gives.
    async fn one(sql: &str) -> Result<String> {
        let batches = context().sql(sql).await?.collect().await?;
        let batch = batches.iter().find(|batch| batch.num_rows() > 0).expect("a row");
        let options = FormatOptions::default().with_null("NULL");
        Ok(ArrayFormatter::try_new(batch.column(0), &options)?.value(0).to_string())
    }

    /// Every pair of values at the ends of a type, as columns, as constants and one of each, against 128 bits.
    #[tokio::test]
    async fn integers_are_right_or_an_error() {
        let types: [(&str, i128, i128); 4] = [
            ("BIGINT", i64::MIN.into(), i64::MAX.into()),
            ("BIGINT UNSIGNED", 0, u64::MAX.into()),
            ("INT", i32::MIN.into(), i32::MAX.into()),
            ("SMALLINT", i16::MIN.into(), i16::MAX.into()),
        ];
        for (kind, least, most) in types {
            let half = most / 2 + 1;
            let root = (most as f64).sqrt() as i128;
            let all = [least, least + 1, -root - 1, -1, 0, 1, 2, root, root + 1, half, most - 1, most];
            let values: Vec<i128> = all.into_iter().filter(|value| *value >= least).collect();
            let literal = |value: i128| format!("CAST('{value}' AS {kind})");
            for (a, b) in values.iter().flat_map(|&a| values.iter().map(move |&b| (a, b))) {
                for (sign, right) in [('+', a + b), ('-', a - b), ('*', a.saturating_mul(b))] {
                    // One spelling for each pair in turn: all of them would take minutes.
                    let sql = match (a ^ b).rem_euclid(3) {
                        0 => format!("SELECT {} {sign} {}", literal(a), literal(b)),
                        1 => format!("SELECT x {sign} {} FROM (VALUES ({})) AS t(x)", literal(b), literal(a)),
                        _ => format!("SELECT x {sign} y FROM (VALUES ({}, {})) AS t(x, y)", literal(a), literal(b)),
                    };
                    match (one(&sql).await, (least..=most).contains(&right)) {
                        (Ok(found), true) => assert_eq!(found, right.to_string(), "{sql}"),
                        (Err(error), false) => assert!(error.to_string().contains("holds"), "{sql}: {error}"),
                        (found, _) => panic!("{sql}: {found:?}, not {right}"),
                    }
                }
            }
            for value in values.into_iter().filter(|_| least < 0) {
                let sql = format!("SELECT -x FROM (VALUES ({})) AS t(x)", literal(value));
                match one(&sql).await {
                    Ok(found) => assert_eq!(found, (-value).to_string(), "{sql}"),
                    Err(error) => assert!(value == least && error.to_string().contains("holds"), "{sql}: {error}"),
                }
            }
        }
    }

    #[tokio::test]
    async fn operators_are_checked_wherever_they_stand() {
        let t = "(VALUES (9223372036854775807)) AS t(n)";
        for wrong in [
            format!("SELECT n + 1 FROM {t}"),
            format!("SELECT sum(n * 2) FROM {t}"),
            format!("SELECT count(*) FROM {t} WHERE n + 1 < 0"),
            format!("SELECT count(*) FROM {t} GROUP BY n + 1"),
            format!("SELECT n FROM {t} GROUP BY n HAVING max(n) + 1 < 0"),
            format!("SELECT n FROM {t} ORDER BY n + 1"),
            format!("SELECT 1 FROM {t} JOIN (VALUES (1)) AS u(m) ON n + m < 0"),
            format!("SELECT (SELECT max(n) + 1 FROM {t})"),
            format!("SELECT 1 WHERE -9223372036854775807 - 2 IN (SELECT n FROM {t})"),
            format!("SELECT lag(n * 3) OVER (ORDER BY n) FROM {t}, (VALUES (1), (2)) AS u(m)"),
            format!("SELECT CASE WHEN n > 0 THEN n * n END FROM {t}"),
            "SELECT 4000000000 * 4000000000".to_owned(),
            format!("SELECT abs(-n - 1) FROM {t}"),
            "VALUES (9223372036854775807 + 1)".to_owned(),
        ] {
            let said = one(&wrong).await.expect_err(&wrong).to_string();
            assert!(["holds", "overflow"].iter().any(|word| said.contains(word)), "{wrong}: {said}");
        }
        for (sql, right) in [
            (format!("SELECT n + 0 FROM {t}"), "9223372036854775807"),
            (format!("SELECT n + NULL FROM {t}"), "NULL"),
            (format!("SELECT CAST(n AS DECIMAL(38, 0)) + 1 FROM {t}"), "9223372036854775808"),
            ("SELECT CAST(count(*) AS DECIMAL(10, 1)) / 4 % 1 FROM generate_series(1, 3)".to_owned(), "0.75000"),
            ("SELECT n + 1.5 FROM (VALUES (2)) AS t(n)".to_owned(), "3.5"),
            ("SELECT \"t.n + Int64(1)\" FROM (SELECT n + 1 FROM (VALUES (2)) AS t(n))".to_owned(), "3"),
            ("SELECT n + 1 FROM (VALUES (2), (2)) AS t(n) GROUP BY n + 1 HAVING count(*) = 2".to_owned(), "3"),
            (
                "SELECT count(*) FROM (SELECT n + 1 FROM (VALUES (2), (3)) AS t(n) GROUP BY ROLLUP (n + 1))".to_owned(),
                "3",
            ),
            ("SELECT n * 2 + 1 FROM (VALUES (2), (9)) AS t(n) ORDER BY -n LIMIT 2 - 1".to_owned(), "19"),
            ("SELECT -9223372036854775808".to_owned(), "-9223372036854775808"),
            ("SELECT date '2023-09-15' - date '2023-09-14' + 1".to_owned(), "2"),
            ("SELECT CAST(date '2023-09-15' + 1 AS VARCHAR)".to_owned(), "2023-09-16"),
            (format!("SELECT count(*) + 1 FROM {t}"), "2"),
        ] {
            assert_eq!(one(&sql).await.map_err(|error| error.to_string()).as_deref(), Ok(right), "{sql}");
        }
    }
}
