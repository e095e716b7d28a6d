//! Names of aggregates and windows whose arguments differ by their casts alone.
//!
//! The engine (DataFusion 55) names a call by its arguments without their casts, and computes each name once: it
//! refused `SELECT sum(bytes), sum(CAST(bytes AS DOUBLE))`, also where the columns have names of their own. Where it
//! says so, the statement is planned once more, and each argument with a cast is named with it.

use std::sync::Arc;

use datafusion::common::tree_node::TreeNode;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawAggregateExpr, RawWindowExpr};

/// Whether the engine would compute two calls under one name.
pub(super) fn share_names(error: &DataFusionError) -> bool {
    const SAID: [&str; 3] =
        ["duplicate unqualified field name", "Windows require unique", "Aggregations require unique"];
    let text = error.find_root().strip_backtrace();
    SAID.iter().any(|said| text.contains(said))
}

/// The same engine, which names casts within calls.
pub(super) fn naming_casts(state: &SessionState) -> SessionState {
    // Before the engine's own, which let nobody see a `count(*)` that they have planned.
    let mut planners: Vec<Arc<dyn ExprPlanner>> = vec![Arc::new(NamedCasts)];
    planners.extend(state.expr_planners().iter().cloned());
    SessionStateBuilder::new_from_existing(state.clone()).with_expr_planners(planners).build()
}

#[derive(Debug)]
struct NamedCasts;

impl ExprPlanner for NamedCasts {
    fn plan_aggregate(&self, mut call: RawAggregateExpr) -> Result<PlannerResult<RawAggregateExpr>> {
        call.args.iter_mut().for_each(name);
        call.filter.iter_mut().for_each(|filter| name(filter));
        call.order_by.iter_mut().for_each(|by| name(&mut by.expr));
        Ok(PlannerResult::Original(call))
    }

    fn plan_window(&self, mut call: RawWindowExpr) -> Result<PlannerResult<RawWindowExpr>> {
        call.args.iter_mut().chain(&mut call.partition_by).for_each(name);
        call.filter.iter_mut().for_each(|filter| name(filter));
        call.order_by.iter_mut().for_each(|by| name(&mut by.expr));
        Ok(PlannerResult::Original(call))
    }
}

/// Names an argument as it is written, if it has a cast.
fn name(argument: &mut Expr) {
    if argument.exists(|part| Ok(matches!(part, Expr::Cast(_) | Expr::TryCast(_)))).unwrap_or(false) {
        let written = argument.to_string();
        *argument = std::mem::take(argument).alias(written);
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use super::super::{Options, context, headings};

    async fn row(sql: &str) -> Result<String, String> {
        let context = context(&Options::default()).expect("a context");
        let state = context.state();
        let statement = state.sql_to_statement(sql, &state.config_options().sql_parser.dialect).expect("a statement");
        let plan = headings::plan(&state, statement).await.map_err(|error| error.to_string())?;
        let frame = context.execute_logical_plan(plan).await.map_err(|error| error.to_string())?;
        let batches = frame.collect().await.map_err(|error| error.to_string())?;
        let batch = batches.iter().find(|batch| batch.num_rows() > 0).expect("a row");
        let cells = batch.columns().iter().map(|column| array_value_to_string(column, 0).expect("a value"));
        Ok(cells.collect::<Vec<_>>().join(" "))
    }

    /// What PostgreSQL answers.
    #[tokio::test]
    async fn a_column_is_aggregated_beside_its_casts() {
        let of = "FROM (VALUES (3, '3'), (4, '20'), (NULL, NULL)) AS t(n, s)";
        for (what, right) in [
            ("sum(n), sum(CAST(n AS DOUBLE))", "7 7.0"),
            ("sum(n) AS a, sum(n::double) AS b, sum(n::double + 0.5) AS c", "7 7.0 8.0"),
            ("max(s), max(s::int), max(TRY_CAST(s AS DOUBLE))", "3 20 20.0"),
            ("count(s), count(DISTINCT s::int), count(DISTINCT s)", "2 2 2"),
            ("count(n), count(n) FILTER (WHERE s > '2'), count(n) FILTER (WHERE s::int > 2)", "2 2 2"),
            ("sum(n) / 2, sum(n::double) / 2", "3 3.5"),
        ] {
            assert_eq!(row(&format!("SELECT {what} {of}")).await.as_deref(), Ok(right), "{what}");
        }
        for (sql, right) in [
            ("SELECT n, max(s) OVER (), max(s::int) OVER () {} WHERE n = 3", "3 3 3"),
            ("SELECT n, row_number() OVER (ORDER BY s), row_number() OVER (ORDER BY s::int) {} ORDER BY 1", "3 2 1"),
            (
                "SELECT n, count(*) OVER (PARTITION BY s), count(*) OVER (PARTITION BY s::double) {} ORDER BY 1 LIMIT 1",
                "3 1 1",
            ),
            ("SELECT n {} GROUP BY n HAVING sum(n) > 3 AND sum(n::double) > 3.5", "4"),
            ("SELECT n {} GROUP BY n ORDER BY sum(n::double), sum(n) LIMIT 1", "3"),
        ] {
            let sql = sql.replace("{}", of);
            assert_eq!(row(&sql).await.as_deref(), Ok(right), "{sql}");
        }
    }
}
