//! The functions that stand in a plan: a float made plain, the number of its order, and the float of such a number.

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::utils::take_function_args;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use super::kernel::{decoded, encoded, plain};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Of {
    /// One zero, one NaN.
    Plain,
    /// A number that stands where the float does.
    Order,
    /// The float of this type at such a place.
    Place(DataType),
}

pub(super) fn call(of: Of, argument: Expr) -> Expr {
    let function = OfFloat { of, signature: Signature::any(1, Volatility::Immutable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), vec![argument]))
}

/// What is made plain here.
pub(super) fn made_plain(expr: &Expr) -> Option<&Expr> {
    let Expr::ScalarFunction(call) = expr else { return None };
    let function = call.func.inner().downcast_ref::<OfFloat>()?;
    call.args.first().filter(|_| function.of == Of::Plain)
}

/// What it was before it was made plain.
pub(super) fn without_plain(expr: Expr) -> Expr {
    let is_plain = made_plain(&expr).is_some();
    match expr {
        Expr::ScalarFunction(ScalarFunction { mut args, .. }) if is_plain => args.swap_remove(0),
        other => other,
    }
}

/// A function of one float, or of what has floats within.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OfFloat {
    of: Of,
    signature: Signature,
}

impl ScalarUDFImpl for OfFloat {
    fn name(&self) -> &str {
        match self.of {
            Of::Plain => "plain_float",
            Of::Order => "float_order",
            Of::Place(_) => "float_of_order",
        }
    }

    /// As the float names its column, so that whoever looks the column up finds it.
    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        Ok(arguments[0].schema_name().to_string())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match &self.of {
            Of::Plain => types[0].clone(),
            Of::Order => DataType::Int64,
            Of::Place(kind) => kind.clone(),
        })
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        let [field] = take_function_args(self.name(), arguments.arg_fields)?;
        let kind = self.return_type(&[field.data_type().clone()])?;
        Ok(Arc::new(field.as_ref().clone().with_data_type(kind)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [values] = take_function_args(self.name(), arguments.args)?;
        let apply = |values: &ArrayRef| match &self.of {
            Of::Plain => plain(values),
            Of::Order => encoded(values),
            Of::Place(kind) => decoded(values, kind),
        };
        match values {
            ColumnarValue::Array(values) => Ok(ColumnarValue::Array(apply(&values)?)),
            ColumnarValue::Scalar(value) => {
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&apply(&value.to_array()?)?, 0)?))
            }
        }
    }
}
