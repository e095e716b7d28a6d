//! `EXISTS` as a value: `SELECT EXISTS (SELECT 1 FROM flow_logs WHERE packets = 5)`.
//!
//! The engine (DataFusion 55) answers EXISTS where it is a condition, as a join. Elsewhere it fails. There, a query
//! that names no outer column becomes a count of its first row, which is a value.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::expr::Exists;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{BinaryExpr, Expr, Filter, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, lit};
use datafusion::optimizer::AnalyzerRule;

/// Puts the count in the place of such an EXISTS.
#[derive(Debug)]
pub(super) struct CountedExists;

impl AnalyzerRule for CountedExists {
    fn name(&self) -> &str {
        "counted_exists"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let counted = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Filter(filter) => {
                let predicate = condition(filter.predicate)?;
                let is_other = predicate.transformed;
                let filter = Filter::try_new(predicate.data, filter.input)?;
                Ok(Transformed::new_transformed(LogicalPlan::Filter(filter), is_other))
            }
            // A value that is asked for by itself is none that the engine can order by.
            node @ LogicalPlan::Sort(_) => Ok(Transformed::no(node)),
            node => {
                let names = NamePreserver::new(&node);
                node.map_expressions(|expr| {
                    let name = names.save(&expr);
                    Ok(value(expr)?.update_data(|expr| name.restore(expr)))
                })
            }
        });
        Ok(counted?.data)
    }
}

/// A condition, of which the engine makes joins itself.
fn condition(expr: Expr) -> Result<Transformed<Expr>> {
    match expr {
        Expr::Exists(_) => Ok(Transformed::no(expr)),
        Expr::Not(inner) => Ok(condition(*inner)?.update_data(|inner| Expr::Not(Box::new(inner)))),
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            let (left, right) = (condition(*left)?, condition(*right)?);
            let is_other = left.transformed || right.transformed;
            let both = BinaryExpr::new(Box::new(left.data), op, Box::new(right.data));
            Ok(Transformed::new_transformed(Expr::BinaryExpr(both), is_other))
        }
        other => value(other),
    }
}

fn value(expr: Expr) -> Result<Transformed<Expr>> {
    expr.transform_up(|expr| match expr {
        Expr::Exists(Exists { subquery, negated }) if subquery.outer_ref_columns.is_empty() => {
            let rows = LogicalPlanBuilder::from(Arc::unwrap_or_clone(subquery.subquery)).limit(0, Some(1))?;
            let rows = rows.aggregate(Vec::<Expr>::new(), vec![count(lit(1_i64))])?.build()?;
            let rows = Subquery { subquery: Arc::new(rows), ..subquery };
            let operator = if negated { Operator::Eq } else { Operator::Gt };
            let counted = BinaryExpr::new(Box::new(Expr::ScalarSubquery(rows)), operator, Box::new(lit(0_i64)));
            Ok(Transformed::yes(Expr::BinaryExpr(counted)))
        }
        other => Ok(Transformed::no(other)),
    })
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use super::super::{Options, context};

    #[tokio::test]
    async fn exists_is_a_value_wherever_it_stands() {
        let context = context(&Options::default()).expect("a context");
        let (some, none) = ("EXISTS (SELECT 1 FROM t WHERE a = 2)", "EXISTS (SELECT 1 FROM t WHERE a = 9)");
        for (rest, right) in [
            (format!("SELECT {some}"), "true"),
            (format!("SELECT {none}"), "false"),
            (format!("SELECT NOT {none}"), "true"),
            (format!("SELECT CASE WHEN {some} THEN 1 ELSE 2 END"), "1"),
            (format!("SELECT {some} AND {none}"), "false"),
            (format!("SELECT count(*) FROM t WHERE {some}"), "3"),
            (format!("SELECT count(*) FROM t WHERE a = 1 OR NOT {none}"), "3"),
            (format!("SELECT count(*) FROM t WHERE CASE WHEN {none} THEN a = 1 ELSE a = 2 END"), "1"),
            (format!("SELECT count(*) FROM t WHERE ({some}) = (a = 1)"), "1"),
            (format!("SELECT e FROM (SELECT {some} AS e, a FROM t) u WHERE a = 1"), "true"),
            ("SELECT count(*) FROM t x WHERE EXISTS (SELECT 1 FROM t y WHERE y.a = x.a + 1)".to_owned(), "2"),
            ("SELECT EXISTS (SELECT DISTINCT a FROM t ORDER BY a LIMIT 1)".to_owned(), "true"),
            ("SELECT EXISTS (SELECT a FROM t WHERE a > 9 UNION SELECT 1)".to_owned(), "true"),
            (format!("SELECT bool_and({some}) FROM t"), "true"),
        ] {
            let sql = format!("WITH t AS (SELECT * FROM (VALUES (1), (2), (3)) AS v(a)) {rest}");
            let batches = async { context.sql(&sql).await?.collect().await }.await;
            let found = batches.map(|batches| {
                let batch = batches.iter().find(|batch| batch.num_rows() > 0).expect("a row");
                array_value_to_string(batch.column(0), 0).expect("a value")
            });
            assert_eq!(found.map_err(|error| error.to_string()).as_deref(), Ok(right), "{rest}");
        }
    }
}
