//! True, false and unknown: functions that keep what gives them together.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::{not, or_kleene};
use arrow::datatypes::{DataType, Int8Type};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::expr::{Case, Cast, InList};
use datafusion_expr::{ColumnarValue, Expr, Operator, ScalarFunctionArgs};
use datafusion_physical_expr_common::datum;

use super::call::{Own, call, called, of_one};

/// What is kept apart from others of its kind: the function gives it back, and no rule looks into it.
pub fn kept_apart(expr: Expr) -> Expr {
    call(KeptApart, vec![expr])
}

/// What is kept apart; the expression itself if it is not.
pub fn within(expr: &Expr) -> &Expr {
    called::<KeptApart>(expr).map_or(expr, |(_, arguments)| &arguments[0])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct KeptApart;

impl Own for KeptApart {
    fn name(&self) -> &str {
        "apart"
    }

    fn returns(&self, given: &[DataType]) -> Result<DataType> {
        Ok(given[0].clone())
    }

    fn make(&self, mut arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(arguments.args.swap_remove(0))
    }
}

/// `of IN (list)`, or NOT IN if `negated`, with three truth values.
pub fn any_equal(of: Expr, list: Vec<Expr>, negated: bool) -> Expr {
    call(AnyEqual { negated }, std::iter::once(of).chain(list).collect())
}

/// Whether the first argument equals one of the others, or none of them if `negated`; null where that is unknown.
#[derive(Debug, PartialEq, Eq, Hash)]
struct AnyEqual {
    negated: bool,
}

impl Own for AnyEqual {
    fn name(&self) -> &str {
        if self.negated { "equals_none" } else { "equals_any" }
    }

    fn returns(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn make(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let mut found = BooleanArray::from(vec![false; rows]);
        for value in &arguments.args[1..] {
            let equal = datum::apply_cmp(Operator::Eq, &arguments.args[0], value)?.into_array(rows)?;
            found = or_kleene(&found, equal.as_boolean())?;
        }
        let found = if self.negated { not(&found)? } else { found };
        Ok(ColumnarValue::Array(Arc::new(found)))
    }

    /// As the list names its column.
    fn heading(&self, arguments: &[Expr]) -> String {
        let list = InList::new(Box::new(arguments[0].clone()), arguments[1..].to_vec(), self.negated);
        Expr::InList(list).schema_name().to_string()
    }
}

/// A choice of truth values as one of numbers, which no rule takes apart, and what is true of it.
pub fn whole_choice(case: Case) -> Expr {
    call(Truth, vec![Expr::Case(as_numbers(case))])
}

/// The same choice of numbers: 1 for true, 0 for false. That of truth values is what would be taken apart.
fn as_numbers(mut case: Case) -> Case {
    let number = |truth: &mut Box<Expr>| {
        let inner = std::mem::replace(&mut **truth, Expr::Literal(ScalarValue::Null, None));
        **truth = Expr::Cast(Cast::new(Box::new(inner), DataType::Int8));
    };
    case.when_then_expr.iter_mut().for_each(|(_, then)| number(then));
    case.else_expr.iter_mut().for_each(number);
    case
}

/// As [`as_numbers`] found it.
fn as_truths(mut case: Case) -> Case {
    let truth = |number: &mut Box<Expr>| {
        if let Expr::Cast(Cast { expr, .. }) = &mut **number {
            *number = std::mem::replace(expr, Box::new(Expr::Literal(ScalarValue::Null, None)));
        }
    };
    case.when_then_expr.iter_mut().for_each(|(_, then)| truth(then));
    case.else_expr.iter_mut().for_each(truth);
    case
}

/// Whether a number is 1.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Truth;

impl Own for Truth {
    fn name(&self) -> &str {
        "truth"
    }

    fn returns(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn make(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        of_one(&arguments.args[0], |numbers| {
            let numbers = numbers.as_primitive::<Int8Type>();
            Ok(Arc::new(numbers.iter().map(|number| number.map(|number| number == 1)).collect::<BooleanArray>()))
        })
    }

    /// As the choice names its column.
    fn heading(&self, arguments: &[Expr]) -> String {
        match &arguments[0] {
            Expr::Case(case) => Expr::Case(as_truths(case.clone())).schema_name().to_string(),
            other => other.schema_name().to_string(),
        }
    }
}
