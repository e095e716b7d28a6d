//! What ROLLUP, CUBE and GROUPING SETS group by: `ROLLUP (date_trunc('month', date))`.
//!
//! Where a rule of the engine (DataFusion 55) or one of ours writes such a key otherwise, with a cast as a rule, the
//! engine names all of the keys as they were, and takes them for one. Keys that are reckoned out become columns of a
//! projection below before any rule looks.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::GroupingSet;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Projection};
use datafusion::optimizer::AnalyzerRule;

#[derive(Debug)]
pub(super) struct GroupedColumns;

impl AnalyzerRule for GroupedColumns {
    fn name(&self) -> &str {
        "grouped_columns"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let of_node = |plan| match plan {
            LogicalPlan::Aggregate(aggregate) if !reckoned(&aggregate.group_expr).is_empty() => {
                // Two columns of one name are no projection.
                let below = below(&aggregate).ok();
                Ok(below.map_or(Transformed::no(LogicalPlan::Aggregate(aggregate)), Transformed::yes))
            }
            other => Ok(Transformed::no(other)),
        };
        Ok(plan.transform_up_with_subqueries(of_node)?.data)
    }
}

/// The keys that are no columns, each once.
fn reckoned(keys: &[Expr]) -> Vec<Expr> {
    let all: Vec<&Expr> = match keys.first() {
        Some(Expr::GroupingSet(GroupingSet::Rollup(keys) | GroupingSet::Cube(keys))) => keys.iter().collect(),
        Some(Expr::GroupingSet(GroupingSet::GroupingSets(sets))) => sets.iter().flatten().collect(),
        _ => return Vec::new(),
    };
    let mut once: Vec<Expr> = Vec::new();
    for key in all {
        if !matches!(key, Expr::Column(_)) && !once.contains(key) {
            once.push(key.clone());
        }
    }
    once
}

fn below(aggregate: &Aggregate) -> Result<LogicalPlan> {
    let keys = reckoned(&aggregate.group_expr);
    let columns = aggregate.input.schema().columns().into_iter().map(Expr::Column);
    let named = |key: &Expr| match key {
        Expr::Alias(_) => key.clone(),
        other => other.clone().alias(other.schema_name().to_string()),
    };
    let projection = Projection::try_new(columns.chain(keys.iter().map(named)).collect(), aggregate.input.clone())?;
    let column = |expr: Expr| match keys.contains(&expr) {
        true => {
            let (relation, name) = expr.qualified_name();
            Transformed::yes(Expr::Column(Column::new(relation, name)))
        }
        false => Transformed::no(expr),
    };
    let replace = |expr: &Expr| expr.clone().transform_down(|expr| Ok(column(expr))).map(|expr| expr.data);
    let group_expr = aggregate.group_expr.iter().map(replace).collect::<Result<Vec<_>>>()?;
    let names = NamePreserver::new_for_projection();
    // `grouping` names a key.
    let aggr_expr = aggregate.aggr_expr.iter().map(|expr| Ok(names.save(expr).restore(replace(expr)?)));
    let aggr_expr = aggr_expr.collect::<Result<Vec<_>>>()?;
    let input = Arc::new(LogicalPlan::Projection(projection));
    Ok(LogicalPlan::Aggregate(Aggregate::try_new(input, group_expr, aggr_expr)?))
}

#[cfg(test)]
mod tests {
    use super::super::tests::shown;
    use super::super::{Options, context};

    async fn rows(sql: &str) -> Result<String, String> {
        let context = context(&Options::default()).expect("a context");
        let batches = async { context.sql(sql).await?.collect().await }.await.map_err(|error| error.to_string())?;
        Ok(shown(&batches))
    }

    /// What PostgreSQL answers.
    #[tokio::test]
    async fn keys_may_be_reckoned_out() {
        let of = "FROM (VALUES (date '2023-09-14', 1, 'a'), (date '2023-09-15', 2, 'b'), (date '2023-10-01', 4, 'a')) \
                  AS t(d, n, s)";
        let month = "to_char(date_trunc('month', d), 'MM')";
        for (sql, right) in [
            (
                format!(
                    "SELECT extract(month FROM date_trunc('month', d)) AS m, sum(n) {of} GROUP BY ROLLUP (m) ORDER BY 1"
                ),
                "9 3, 10 4,  7",
            ),
            (
                format!("SELECT sum(n) {of} GROUP BY ROLLUP (date_trunc('month', d)) ORDER BY date_trunc('month', d)"),
                "3, 4, 7",
            ),
            (
                format!("SELECT {month}, s, sum(n) {of} GROUP BY CUBE ({month}, s) ORDER BY 1, 2"),
                "09 a 1, 09 b 2, 09  3, 10 a 4, 10  4,  a 5,  b 2,   7",
            ),
            (
                format!("SELECT d + 1, sum(n) {of} GROUP BY GROUPING SETS ((d + 1), ()) ORDER BY 1"),
                "2023-09-15 1, 2023-09-16 2, 2023-10-02 4,  7",
            ),
            (
                format!("SELECT s, d + 1, sum(n) {of} GROUP BY s, ROLLUP (d + 1) HAVING sum(n) > 3 ORDER BY 1, 2"),
                "a 2023-10-02 4, a  5",
            ),
            (
                format!(
                    "SELECT CAST(d AS TIMESTAMP) IS NULL, sum(n) {of} GROUP BY ROLLUP (CAST(d AS TIMESTAMP)) ORDER BY 2"
                ),
                "false 1, false 2, false 4, true 7",
            ),
            (format!("SELECT grouping(n % 2), sum(n) {of} GROUP BY ROLLUP (n % 2) ORDER BY 2"), "0 1, 0 6, 1 7"),
        ] {
            assert_eq!(rows(&sql).await.as_deref(), Ok(right), "{sql}");
        }
    }
}
