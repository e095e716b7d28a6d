//! Calls that a rule puts into a plan: what all functions of such calls say to the engine in the same way.
//!
//! A function says what it is called, the type of what it gives, and how that is made; the rest follows. It is known by
//! its type, so that a rule finds its own calls again: a plan may be analyzed twice.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::expr::{Cast, ScalarFunction, TryCast};
use datafusion_expr::preimage::PreimageResult;
use datafusion_expr::simplify::SimplifyContext;
use datafusion_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// A function that follows from its arguments alone.
pub trait Own: Debug + PartialEq + Eq + Hash + Send + Sync + 'static {
    fn name(&self) -> &str;

    /// The type of what it gives.
    fn returns(&self, given: &[DataType]) -> Result<DataType>;

    /// The values that it gives.
    fn make(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue>;

    /// How a column of it is called. As its first argument's, so that whoever looks the column up finds it: most
    /// functions stand around something that was written.
    fn heading(&self, arguments: &[Expr]) -> String {
        arguments[0].schema_name().to_string()
    }

    /// The column that it gives: null only where an argument is.
    fn field(&self, given: &[FieldRef]) -> Result<FieldRef> {
        let nullable = given.iter().any(|field| field.is_nullable());
        self.field_of(given, nullable)
    }

    fn field_of(&self, given: &[FieldRef], nullable: bool) -> Result<FieldRef> {
        let types: Vec<DataType> = given.iter().map(|field| field.data_type().clone()).collect();
        Ok(Field::new(self.name(), self.returns(&types)?, nullable).into())
    }

    /// What it says of its argument that it is `value`, if anything.
    fn preimage(&self, _arguments: &[Expr], _value: &Expr, _info: &SimplifyContext) -> Result<PreimageResult> {
        Ok(PreimageResult::None)
    }
}

/// The call of a function.
pub fn call(own: impl Own, arguments: Vec<Expr>) -> Expr {
    let signature = Signature::any(arguments.len(), Volatility::Immutable);
    let function = ScalarUDF::new_from_impl(Called { own, signature });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), arguments))
}

/// The function that an expression calls, if it is one of this type.
pub fn called<F: Own>(expr: &Expr) -> Option<(&F, &[Expr])> {
    let Expr::ScalarFunction(call) = expr else { return None };
    Some((own_of(call)?, &call.args))
}

/// The function of a call, if it is one of this type.
pub fn own_of<F: Own>(call: &ScalarFunction) -> Option<&F> {
    Some(&call.func.inner().downcast_ref::<Called<F>>()?.own)
}

/// How the engine calls the column of a call.
pub fn as_call(name: &str, arguments: &[Expr]) -> String {
    let arguments: Vec<String> = arguments.iter().map(|argument| argument.schema_name().to_string()).collect();
    format!("{name}({})", arguments.join(","))
}

/// What a function of arrays makes of an argument; of a constant, it is a constant.
pub fn of_one(value: &ColumnarValue, make: impl Fn(&ArrayRef) -> Result<ArrayRef>) -> Result<ColumnarValue> {
    match value {
        ColumnarValue::Array(values) => Ok(ColumnarValue::Array(make(values)?)),
        ColumnarValue::Scalar(value) => constant(&make(&value.to_array()?)?),
    }
}

/// What a function of arrays of one length makes of all arguments; of constants alone, it is a constant.
pub fn of_all(
    arguments: ScalarFunctionArgs,
    make: impl FnOnce(&[ArrayRef]) -> Result<ArrayRef>,
) -> Result<ColumnarValue> {
    let is_constant = arguments.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
    let rows = if is_constant { 1 } else { arguments.number_rows };
    let columns = arguments.args.into_iter().map(|value| value.into_array(rows)).collect::<Result<Vec<_>>>()?;
    let made = make(&columns)?;
    if is_constant { constant(&made) } else { Ok(ColumnarValue::Array(made)) }
}

fn constant(one: &ArrayRef) -> Result<ColumnarValue> {
    Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(one, 0)?))
}

/// A function as the engine sees it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Called<F> {
    own: F,
    signature: Signature,
}

impl<F: Own> ScalarUDFImpl for Called<F> {
    fn name(&self) -> &str {
        self.own.name()
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        Ok(self.own.heading(arguments))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        self.own.returns(given)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        self.own.field(arguments.arg_fields)
    }

    fn preimage(&self, arguments: &[Expr], value: &Expr, info: &SimplifyContext) -> Result<PreimageResult> {
        self.own.preimage(arguments, value, info)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.own.make(arguments)
    }
}

/// As `CAST` or `TRY_CAST` of an expression names its column, so that whoever looks the column up finds it.
pub(crate) fn heading_of_cast(inner: &Expr, to: &DataType, is_try: bool) -> String {
    let inner = Box::new(inner.clone());
    let cast = match is_try {
        true => Expr::TryCast(TryCast::new(inner, to.clone())),
        false => Expr::Cast(Cast::new(inner, to.clone())),
    };
    cast.schema_name().to_string()
}
