//! `+`, `-`, `*` and the sign of integers as functions of our own, which are right or an error.
//!
//! The engine's operators (DataFusion 55) go on from the least number where a result is beyond the type: the greatest
//! `bytes` plus 1 was less than 0, in a column and in a constant that it reckons out beforehand. Nothing in its
//! settings asks for a check. Once all types are in the plan, such operators over integers become the function
//! [`Checked`]. So do those of decimals: the engine lets 38 digits grow to 39, the last of which is not written, and
//! takes `1.5 % 1` for 0 where no null can be. Times and intervals are checked by the engine; floats have no end.

use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::arrow::error::ArrowError;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, exec_datafusion_err, internal_datafusion_err};
use datafusion::config::ConfigOptions;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator as EngineOperator, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr_common::datum;
use datafusion::scalar::ScalarValue;

use super::decimals;

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Numbers {
    Integers,
    Decimals,
}

/// What an expression gives, if it is one of these. The type of a parameter may not be known yet; it is when the
/// statement runs. That of a function of ours is, and the engine would go through all that is below it.
fn of_numbers(expr: &Expr, schema: &DFSchema) -> Option<Numbers> {
    if let Some((checked, _)) = chain_of(expr) {
        return Some(checked.numbers);
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    fn sign(self) -> char {
        match self {
            Operator::Add => '+',
            Operator::Subtract => '-',
            Operator::Multiply => '*',
            Operator::Divide => '/',
            Operator::Remainder => '%',
        }
    }

    /// The type of a result. Digits of decimals grow.
    fn returns(self, left: &DataType, right: &DataType) -> Result<DataType> {
        let operator = match self {
            Operator::Add => EngineOperator::Plus,
            Operator::Subtract => EngineOperator::Minus,
            Operator::Multiply => EngineOperator::Multiply,
            Operator::Divide => EngineOperator::Divide,
            Operator::Remainder => EngineOperator::Modulo,
        };
        match left.is_decimal() {
            true => BinaryTypeCoercer::new(left, &operator, right).get_result_type(),
            false => Ok(left.clone()),
        }
    }
}

/// What is done with the value that there is so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    /// It stands before the operator, and the next argument behind it.
    With(Operator),
    /// The next argument stands before the operator.
    Of(Operator),
    Negate,
}

/// A whole sum or product of integers of one type or of decimals, as what is done one after the other with its first
/// argument.
///
/// One function for each operator would lie in the next one, and the engine goes through all that is below a function
/// for its type and its name: 800 additions took a minute to plan.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    numbers: Numbers,
    steps: Vec<Step>,
    signature: Signature,
}

/// A [`Checked`] that grows.
struct Chain {
    numbers: Numbers,
    steps: Vec<Step>,
    arguments: Vec<Expr>,
}

impl Chain {
    fn negative(inner: Expr) -> Expr {
        let mut chain = Chain::of(inner, Numbers::Integers);
        chain.steps.push(Step::Negate);
        chain.into_expr()
    }

    fn binary(numbers: Numbers, left: Expr, operator: Operator, right: Expr) -> Expr {
        let steps = |expr: &Expr| chain_of(expr).map_or(0, |(checked, _)| checked.steps.len());
        // The longer side goes on, and the other one is an argument: none lies deep in others.
        let (on, step, argument) = match steps(&right) > steps(&left) {
            true => (right, Step::Of(operator), left),
            false => (left, Step::With(operator), right),
        };
        let mut chain = Chain::of(on, numbers);
        chain.steps.push(step);
        chain.arguments.push(argument);
        chain.into_expr()
    }

    fn of(expr: Expr, numbers: Numbers) -> Chain {
        match expr {
            Expr::ScalarFunction(ScalarFunction { func, args }) if func.inner().is::<Checked>() => {
                let steps = func.inner().downcast_ref::<Checked>().map(|checked| checked.steps.clone());
                Chain { numbers, steps: steps.unwrap_or_default(), arguments: args }
            }
            other => Chain { numbers, steps: Vec::new(), arguments: vec![other] },
        }
    }

    fn into_expr(self) -> Expr {
        let signature = Signature::any(self.arguments.len(), Volatility::Immutable);
        let function = ScalarUDF::new_from_impl(Checked { numbers: self.numbers, steps: self.steps, signature });
        Expr::ScalarFunction(ScalarFunction::new_udf(function.into(), self.arguments))
    }
}

/// Whether it is a sum or product of integers or decimals.
pub(super) fn is_checked(expr: &Expr) -> bool {
    chain_of(expr).is_some()
}

/// An expression as one of our functions, with its arguments.
fn chain_of(expr: &Expr) -> Option<(&Checked, &[Expr])> {
    let Expr::ScalarFunction(ScalarFunction { func, args }) = expr else { return None };
    Some((func.inner().downcast_ref()?, args))
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        "checked_arithmetic"
    }

    /// As the operators name their column, so that whoever looks the column up finds it.
    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        let mut names = arguments.iter().map(Expr::schema_name);
        let mut next = || names.next().map(|name| name.to_string()).unwrap_or_default();
        let mut name = next();
        for step in &self.steps {
            match step {
                Step::With(operator) => name += &format!(" {} {}", operator.sign(), next()),
                Step::Of(operator) => name = format!("{} {} {name}", next(), operator.sign()),
                Step::Negate => name = format!("(- {name})"),
            }
        }
        Ok(name)
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let mut arguments = arguments.iter();
        let mut next = || arguments.next().ok_or_else(|| internal_datafusion_err!("a step has no argument"));
        let mut kind = next()?.clone();
        for step in &self.steps {
            kind = match step {
                Step::With(operator) => operator.returns(&kind, next()?)?,
                Step::Of(operator) => operator.returns(next()?, &kind)?,
                Step::Negate => kind,
            };
        }
        Ok(kind)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        let nullable = arguments.arg_fields.iter().any(|field| field.is_nullable());
        let types: Vec<DataType> = arguments.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        Ok(Field::new(self.name(), self.return_type(&types)?, nullable).into())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut arguments = arguments.args.into_iter();
        let mut next = || arguments.next().ok_or_else(|| internal_datafusion_err!("a step has no argument"));
        let mut value = next()?;
        for step in &self.steps {
            let result = match step {
                Step::With(operator) => apply(*operator, &value, &next()?),
                Step::Of(operator) => apply(*operator, &next()?, &value),
                Step::Negate => negate(&value),
            };
            let before = value.data_type();
            value = result.map_err(|error| beyond(error, &before))?;
            match &value {
                ColumnarValue::Array(values) => decimals::check(values)?,
                ColumnarValue::Scalar(scalar) if scalar.data_type().is_decimal() => {
                    decimals::check(&scalar.to_array()?)?
                }
                ColumnarValue::Scalar(_) => {}
            }
        }
        Ok(value)
    }
}

fn apply(operator: Operator, left: &ColumnarValue, right: &ColumnarValue) -> Result<ColumnarValue> {
    match operator {
        Operator::Add => datum::apply(left, right, numeric::add),
        Operator::Subtract => datum::apply(left, right, numeric::sub),
        Operator::Multiply => datum::apply(left, right, numeric::mul),
        Operator::Divide => datum::apply(left, right, numeric::div),
        Operator::Remainder => datum::apply(left, right, numeric::rem),
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
    if kind.is_decimal() {
        return decimals::too_large(kind);
    }
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
