//! Sums and products of integers and decimals that are right or an error: [`Chain`] puts them into a plan.

use arrow::compute::kernels::numeric;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion_common::{DataFusionError, Result, exec_datafusion_err, internal_datafusion_err};
use datafusion_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion_expr::{ColumnarValue, Expr, Operator as EngineOperator, ScalarFunctionArgs};
use datafusion_physical_expr_common::datum;

use super::super::call::{Own, call, called, of_one};
use super::decimals;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Numbers {
    Integers,
    Decimals,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
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
}

/// Checked arithmetic that grows.
pub struct Chain {
    numbers: Numbers,
    steps: Vec<Step>,
    arguments: Vec<Expr>,
}

impl Chain {
    pub fn negative(inner: Expr) -> Expr {
        let mut chain = Chain::of(inner, Numbers::Integers);
        chain.steps.push(Step::Negate);
        chain.into_expr()
    }

    pub fn binary(numbers: Numbers, left: Expr, operator: Operator, right: Expr) -> Expr {
        let steps = |expr: &Expr| called::<Checked>(expr).map_or(0, |(checked, _)| checked.steps.len());
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
        let steps = called::<Checked>(&expr).map(|(checked, _)| checked.steps.clone());
        match (steps, expr) {
            (Some(steps), Expr::ScalarFunction(of)) => Chain { numbers, steps, arguments: of.args },
            (_, other) => Chain { numbers, steps: Vec::new(), arguments: vec![other] },
        }
    }

    fn into_expr(self) -> Expr {
        call(Checked { numbers: self.numbers, steps: self.steps }, self.arguments)
    }
}

/// What a sum or product that is checked is of.
pub fn checked_numbers(expr: &Expr) -> Option<Numbers> {
    called::<Checked>(expr).map(|(checked, _)| checked.numbers)
}

impl Own for Checked {
    fn name(&self) -> &str {
        "checked_arithmetic"
    }

    fn returns(&self, given: &[DataType]) -> Result<DataType> {
        let mut given = given.iter();
        let mut next = || given.next().ok_or_else(|| internal_datafusion_err!("a step has no argument"));
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

    fn make(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
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

    /// As the operators name their column.
    fn heading(&self, arguments: &[Expr]) -> String {
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
        name
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
    of_one(value, |values| Ok(numeric::neg(values.as_ref())?))
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
