//! `+`, `-`, `*` and the sign of integers as functions of our own, which are right or an error.
//!
//! The engine's operators (DataFusion 55) go on from the least number where a result is beyond the type: the greatest
//! `bytes` plus 1 was less than 0, in a column and in a constant that it reckons out beforehand. Nothing in its settings asks
//! for a check. Once all types are in the plan, each such operator over integers becomes the function [`Checked`].
//! Decimals, times and intervals are checked by the engine; floats have no end.

use std::fmt::Write;

use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::arrow::error::ArrowError;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, exec_datafusion_err};
use datafusion::config::ConfigOptions;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr_common::datum;
use datafusion::scalar::ScalarValue;

/// Puts the function in the place of operators over integers.
#[derive(Debug)]
pub(super) struct CheckedIntegers;

impl FunctionRewrite for CheckedIntegers {
    fn name(&self) -> &str {
        "checked_integers"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        // The type of a parameter may not be known yet. It is when the statement runs.
        let is_integer = |expr: &Expr| expr.get_type(schema).is_ok_and(|kind| kind.is_integer());
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match operation(op) {
                Some(operation) if is_integer(&left) && is_integer(&right) => {
                    Ok(Transformed::yes(call(operation, vec![*left, *right])))
                }
                _ => Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right }))),
            },
            Expr::Negative(inner) if is_integer(&inner) => Ok(Transformed::yes(call(Operation::Negate, vec![*inner]))),
            other => Ok(Transformed::no(other)),
        }
    }
}

fn operation(operator: Operator) -> Option<Operation> {
    match operator {
        Operator::Plus => Some(Operation::Add),
        Operator::Minus => Some(Operation::Subtract),
        Operator::Multiply => Some(Operation::Multiply),
        _ => None,
    }
}

fn call(operation: Operation, arguments: Vec<Expr>) -> Expr {
    let function = Checked { operation, signature: Signature::any(arguments.len(), Volatility::Immutable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(ScalarUDF::new_from_impl(function).into(), arguments))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    Negate,
}

impl Operation {
    fn sign(self) -> char {
        match self {
            Operation::Add => '+',
            Operation::Subtract | Operation::Negate => '-',
            Operation::Multiply => '*',
        }
    }
}

/// One operator over integers of one type.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    operation: Operation,
    signature: Signature,
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        match self.operation {
            Operation::Add => "checked_add",
            Operation::Subtract => "checked_subtract",
            Operation::Multiply => "checked_multiply",
            Operation::Negate => "checked_negate",
        }
    }

    /// As the operator names its column, so that whoever looks the column up finds it.
    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        let mut name = String::new();
        match arguments {
            [left, right] => write!(name, "{} {} {}", left.schema_name(), self.operation.sign(), right.schema_name())?,
            arguments => arguments.iter().try_for_each(|inner| write!(name, "(- {})", inner.schema_name()))?,
        }
        Ok(name)
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments[0].clone())
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        let nullable = arguments.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Field::new(self.name(), arguments.arg_fields[0].data_type().clone(), nullable).into())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = &arguments.args;
        let kind = arguments.return_type();
        let result = match self.operation {
            Operation::Add => datum::apply(&values[0], &values[1], numeric::add),
            Operation::Subtract => datum::apply(&values[0], &values[1], numeric::sub),
            Operation::Multiply => datum::apply(&values[0], &values[1], numeric::mul),
            Operation::Negate => negate(&values[0]),
        };
        result.map_err(|error| beyond(error, kind))
    }
}

fn negate(value: &ColumnarValue) -> Result<ColumnarValue> {
    match value {
        ColumnarValue::Array(values) => Ok(ColumnarValue::Array(numeric::neg(values.as_ref())?)),
        ColumnarValue::Scalar(value) => {
            let negated = numeric::neg(value.to_array()?.as_ref())?;
            Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&negated, 0)?))
        }
    }
}

/// The error of a result that the type cannot hold, with the numbers and a remedy.
fn beyond(error: DataFusionError, kind: &DataType) -> DataFusionError {
    let DataFusionError::ArrowError(arrow, _) = &error else { return error };
    let ArrowError::ArithmeticOverflow(said) = arrow.as_ref() else { return error };
    let numbers = said.rsplit(": ").next().unwrap_or_default();
    exec_datafusion_err!(
        "{numbers} is more than an integer ({kind}) holds; reckon with decimals: CAST(bytes AS DECIMAL(38, 0))"
    )
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
        context.add_analyzer_rule(Arc::new(ApplyFunctionRewrites::new(vec![Arc::new(CheckedIntegers)])));
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
