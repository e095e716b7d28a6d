//! Functions in the place of the engine's own: what they do not say themselves, the engine's says.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::Result;
use datafusion_expr::preimage::PreimageResult;
use datafusion_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

/// What is not as the engine has it.
pub(crate) trait Instead: Debug + PartialEq + Eq + Hash + Send + Sync + 'static {
    /// The values that it gives.
    fn make(&self, engines: &ScalarUDF, arguments: ScalarFunctionArgs) -> Result<ColumnarValue>;

    /// The types that arguments of these types are cast to.
    fn types(&self, engines: &ScalarUDF, given: &[DataType]) -> Result<Vec<DataType>> {
        engines.coerce_types(given)
    }

    /// The column that it gives.
    fn field(&self, engines: &ScalarUDF, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        engines.return_field_from_args(arguments)
    }
}

/// The function, under the engine's names for it.
pub(crate) fn instead(engines: Arc<ScalarUDF>, own: impl Instead) -> ScalarUDF {
    ScalarUDF::new_from_impl(Replaced { engines, own })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Replaced<F> {
    engines: Arc<ScalarUDF>,
    own: F,
}

impl<F: Instead> ScalarUDFImpl for Replaced<F> {
    fn name(&self) -> &str {
        self.engines.name()
    }

    fn aliases(&self) -> &[String] {
        self.engines.aliases()
    }

    fn signature(&self) -> &Signature {
        self.engines.signature()
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        self.engines.return_type(given)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        self.own.field(&self.engines, arguments)
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        self.own.types(&self.engines, given)
    }

    fn simplify(&self, arguments: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.engines.simplify(arguments, info)
    }

    fn conditional_arguments<'a>(&self, arguments: &'a [Expr]) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.engines.conditional_arguments(arguments)
    }

    fn short_circuits(&self) -> bool {
        self.engines.short_circuits()
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.engines.output_ordering(inputs)
    }

    fn preimage(&self, arguments: &[Expr], value: &Expr, info: &SimplifyContext) -> Result<PreimageResult> {
        Ok(match self.engines.preimage(arguments, value, info)? {
            // A bound that its type cannot hold is null there, and what is compared with it would be null for all rows.
            PreimageResult::Range { interval, .. } if interval.lower().is_null() || interval.upper().is_null() => {
                PreimageResult::None
            }
            found => found,
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.engines.documentation()
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.own.make(&self.engines, arguments)
    }
}
