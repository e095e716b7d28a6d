//! `min` and `max` of structs, refused: the engine (DataFusion 55) took a struct of nulls for the least and for the
//! greatest.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable, WindowFunctionDefinition};

/// Refuses them.
#[derive(Debug)]
pub(super) struct UnorderedStructs;

impl FunctionRewrite for UnorderedStructs {
    fn name(&self) -> &str {
        "unordered_structs"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        let (name, arguments) = match &expr {
            Expr::AggregateFunction(call) => (call.func.name(), &call.params.args),
            Expr::WindowFunction(call) => match &call.fun {
                WindowFunctionDefinition::AggregateUDF(function) => (function.name(), &call.params.args),
                WindowFunctionDefinition::WindowUDF(_) => return Ok(Transformed::no(expr)),
            },
            _ => return Ok(Transformed::no(expr)),
        };
        let is_struct = |argument: &Expr| matches!(argument.get_type(schema), Ok(DataType::Struct(_)));
        if matches!(name, "min" | "max") && arguments.first().is_some_and(is_struct) {
            return plan_err!("{name} of a struct is not supported: ask for one of its fields, as in {name}(s['a'])");
        }
        Ok(Transformed::no(expr))
    }
}
