//! The functions that stand in a plan: a float made plain, the number of its order, and the float of such a number.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::Result;
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{ColumnarValue, Expr, ScalarFunctionArgs};

use super::super::call::{Own, call, called, of_one};
use super::float_arrays::{decoded, encoded, plain};

/// A function of one float, or of what has floats within.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OfFloat {
    /// One zero, one NaN.
    Plain,
    /// A number that stands where the float does.
    Order,
    /// The float of this type at such a place.
    Place(DataType),
}

impl OfFloat {
    pub fn of(self, argument: Expr) -> Expr {
        call(self, vec![argument])
    }
}

/// What is made plain here.
pub fn made_plain(expr: &Expr) -> Option<&Expr> {
    let (function, arguments) = called::<OfFloat>(expr)?;
    arguments.first().filter(|_| *function == OfFloat::Plain)
}

/// What it was before it was made plain.
pub fn without_plain(expr: Expr) -> Expr {
    let is_plain = made_plain(&expr).is_some();
    match expr {
        Expr::ScalarFunction(ScalarFunction { mut args, .. }) if is_plain => args.swap_remove(0),
        other => other,
    }
}

impl Own for OfFloat {
    fn name(&self) -> &str {
        match self {
            OfFloat::Plain => "plain_float",
            OfFloat::Order => "float_order",
            OfFloat::Place(_) => "float_of_order",
        }
    }

    fn returns(&self, given: &[DataType]) -> Result<DataType> {
        Ok(match self {
            OfFloat::Plain => given[0].clone(),
            OfFloat::Order => DataType::Int64,
            OfFloat::Place(kind) => kind.clone(),
        })
    }

    fn make(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        of_one(&arguments.args[0], |values| match self {
            OfFloat::Plain => plain(values),
            OfFloat::Order => encoded(values),
            OfFloat::Place(kind) => decoded(values, kind),
        })
    }

    /// The same column, but for its type.
    fn field(&self, given: &[FieldRef]) -> Result<FieldRef> {
        let kind = self.returns(&[given[0].data_type().clone()])?;
        Ok(Arc::new(given[0].as_ref().clone().with_data_type(kind)))
    }
}
