//! Lists that are written as text, as PostgreSQL reads them: `{1,NULL,"a b"}`.
//!
//! The engine (DataFusion 55) takes a text that is cast to a list for its only element, whatever stands in it.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable};

use crate::functions::texts::ListOfText;

/// Reads texts that are cast to lists.
#[derive(Debug)]
pub(super) struct TextsAsLists;

impl FunctionRewrite for TextsAsLists {
    fn name(&self) -> &str {
        "texts_as_lists"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        let (inner, to) = match &expr {
            Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) => (expr, field.data_type()),
            _ => return Ok(Transformed::no(expr)),
        };
        let DataType::List(element) = to else { return Ok(Transformed::no(expr)) };
        if !inner.get_type(schema).is_ok_and(|kind| kind.is_string()) {
            return Ok(Transformed::no(expr));
        }
        if element.data_type().is_temporal() || element.data_type().is_nested() {
            return plan_err!("a text is no list of such values: write ARRAY['…', '…'], and cast the elements");
        }
        let function = ListOfText { to: to.clone(), is_try: matches!(expr, Expr::TryCast(_)) };
        Ok(Transformed::yes(function.of((**inner).clone())))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use super::super::{Options, context};

    #[tokio::test]
    async fn a_text_is_the_list_that_it_says() {
        let context = context(&Options::default()).expect("a context");
        for (expr, right) in [
            ("CAST(x AS TEXT[])", Ok("[a, b c, ]")),
            ("cardinality(x::text[])", Ok("3")),
            ("array_has(x::text[], 'a')", Ok("true")),
            ("n::int[]", Ok("[1, 2]")),
            ("n::bigint[]", Ok("[1, 2]")),
            ("(CAST(NULL AS VARCHAR)::int[]) IS NULL", Ok("true")),
            ("TRY_CAST('1,2' || n AS INT[]) IS NULL", Ok("true")),
            ("x::int[]", Err("")),
            ("('1,2' || n)::int[]", Err("is no list")),
            ("n::date[]", Err("ARRAY[")),
        ] {
            let sql = format!("SELECT {expr} FROM (VALUES ('{{a,\"b c\",NULL}}', '{{1,2}}')) AS t(x, n)");
            let batches = async { context.sql(&sql).await?.collect().await }.await;
            let found = batches.map(|batches| array_value_to_string(batches[0].column(0), 0).expect("a value"));
            match (found, right) {
                (found, Ok(right)) => {
                    assert_eq!(found.map_err(|error| error.to_string()).as_deref(), Ok(right), "{expr}");
                }
                (found, Err(part)) => assert!(found.is_err_and(|said| said.to_string().contains(part)), "{expr}"),
            }
        }
    }
}
