//! `round(decimal, 2)` has one type from the plan to the rows.
//!
//! The engine (DataFusion 55) casts the digits to another integer; until that cast is reckoned out they are no
//! constant, and the result has the digits of the argument. What was compared meanwhile was compared as another type.

use datafusion::common::DFSchema;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable, lit};
use datafusion::scalar::ScalarValue;

/// Gives such digits the type that they would be cast to, before the engine looks for types.
#[derive(Debug)]
pub(in crate::query) struct DigitsOfRound;

impl FunctionRewrite for DigitsOfRound {
    fn name(&self) -> &str {
        "digits_of_round"
    }

    fn rewrite(&self, mut expr: Expr, schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        if let Expr::ScalarFunction(call) = &mut expr
            && call.name() == "round"
            && let [number, Expr::Literal(ScalarValue::Int64(Some(digits)), _)] = call.args.as_slice()
            && let Ok(digits) = i32::try_from(*digits)
            && number.get_type(schema).is_ok_and(|kind| kind.is_decimal())
        {
            call.args[1] = lit(digits);
            return Ok(Transformed::yes(expr));
        }
        Ok(Transformed::no(expr))
    }
}
