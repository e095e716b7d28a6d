//! `IN` lists with a null among them, or with something that may turn out to be one.
//!
//! The engine (DataFusion 55) merges lists as sets and forgets that a null in one makes the answer unknown:
//! `a IN ('x') AND a NOT IN ('y', NULL)` gave the rows of `'x'` and is never true. Before it does so, what is no plain value
//! leaves the list and is compared by itself.

use datafusion::common::DFSchema;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Cast, InList};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, Operator, binary_expr};

/// Takes nulls and expressions out of lists.
#[derive(Debug)]
pub(super) struct PlainLists;

impl FunctionRewrite for PlainLists {
    fn name(&self) -> &str {
        "plain_lists"
    }

    fn rewrite(&self, expr: Expr, _schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        let Expr::InList(InList { expr: of, list, negated }) = expr else { return Ok(Transformed::no(expr)) };
        if list.iter().all(is_value) {
            return Ok(Transformed::no(Expr::InList(InList { expr: of, list, negated })));
        }
        let (values, others): (Vec<Expr>, Vec<Expr>) = list.into_iter().partition(is_value);
        // One null says what many say. Lists may be long, and chains of comparisons may not.
        let (nulls, mut others): (Vec<Expr>, Vec<Expr>) = others.into_iter().partition(is_null);
        others.extend(nulls.into_iter().take(1));
        let (equals, joins) = if negated { (Operator::NotEq, Operator::And) } else { (Operator::Eq, Operator::Or) };
        let compared = others.into_iter().map(|other| binary_expr((*of).clone(), equals, other));
        let listed = (!values.is_empty()).then(|| Expr::InList(InList::new(of.clone(), values, negated)));
        let all = listed.into_iter().chain(compared).reduce(|all, one| binary_expr(all, joins, one));
        Ok(Transformed::yes(all.expect("a list that is not all values has another one")))
    }
}

/// Whether it will not turn out to be null before a row is read.
fn is_value(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => !value.is_null(),
        Expr::Column(_) => true,
        Expr::Cast(Cast { expr, .. }) => is_value(expr),
        _ => false,
    }
}

fn is_null(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => value.is_null(),
        Expr::Cast(Cast { expr, .. }) => is_null(expr),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::util::display::array_value_to_string;
    use datafusion::optimizer::analyzer::function_rewrite::ApplyFunctionRewrites;
    use datafusion::prelude::SessionContext;

    use super::*;

    #[tokio::test]
    async fn a_null_in_a_list_is_unknown() {
        let context = SessionContext::new();
        context.add_analyzer_rule(Arc::new(ApplyFunctionRewrites::new(vec![Arc::new(PlainLists)])));
        let t = "(VALUES ('x'), ('y'), (NULL)) AS t(a)";
        for (filter, rows) in [
            ("a IN ('x') AND a NOT IN ('y', NULL)", 0),
            ("a IN ('x', 'y') AND a NOT IN ('y')", 1),
            ("a NOT IN (NULL)", 0),
            ("a IN ('x', NULL)", 1),
            ("NOT (a IN ('x', NULL))", 0),
            ("(a IN ('x', NULL)) IS NULL", 2),
            ("(a NOT IN ('x', NULL)) IS NULL", 2),
            ("a IN ('x', 'y') AND a IN ('y', NULL)", 1),
            ("a IN ('x') OR a IN ('y', NULL)", 2),
            ("a NOT IN ('x') AND a NOT IN ('y', nullif(1, 1)::text)", 0),
            ("a IN ('x', lower(a))", 2),
            ("a IN ('z', a)", 2),
            ("a NOT IN ('x', NULL, CAST(NULL AS VARCHAR), NULL)", 0),
            ("a NOT IN ('x', upper('y'))", 1),
            ("a IN ('x') AND a NOT IN ('y', CASE WHEN a = 'z' THEN 'z' END)", 0),
        ] {
            let sql = format!("SELECT count(*) FROM {t} WHERE {filter}");
            let batches = context.sql(&sql).await.unwrap().collect().await.unwrap();
            assert_eq!(array_value_to_string(batches[0].column(0), 0).unwrap(), rows.to_string(), "{filter}");
        }
        let long = |one: &str| format!("SELECT count(*) FROM {t} WHERE a IN ('x', {})", vec![one; 20_000].join(", "));
        for (one, rows) in [("NULL", "1"), ("a", "2")] {
            let batches = context.sql(&long(one)).await.unwrap().collect().await.unwrap();
            assert_eq!(array_value_to_string(batches[0].column(0), 0).unwrap(), rows, "{one}");
        }
    }
}
