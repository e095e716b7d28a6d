//! Limits that stay where they are while the engine moves sorts.
//!
//! The rule of the engine (DataFusion 55) that puts sorts where operators need them, and takes out those that are not
//! needed, carries the limit of a sort along. Where an operator's rows were in order already, it let the limit go on
//! below it, as if each operator gave a row for a row by that row alone: `sum(x) OVER () … ORDER BY x LIMIT 2` added up
//! two rows, and a filter saw two.
//!
//! While that rule works, each limit is therefore a [`Wall`]: it asks nothing of what is below it, and no order and no
//! number of rows goes through it. Behind the rule, a sort that turns out to be in order already is taken out.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{Distribution, LexOrdering, OrderingRequirements, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{CardinalityEffect, ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, InputDistributionRequirements, PlanProperties,
};

/// The name of the rule that this one stands around.
pub(super) const OF_SORTS: &str = "EnsureRequirements";

/// The engine's rule, which sees walls in the place of limits.
#[derive(Debug)]
pub(super) struct LimitsStay(pub Arc<dyn PhysicalOptimizerRule + Send + Sync>);

impl PhysicalOptimizerRule for LimitsStay {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let walled = plan.transform_up(|node| Ok(walled(node))).data()?;
        let sorted = self.0.optimize(walled, config)?;
        sorted.transform_up(opened).data()
    }

    fn name(&self) -> &str {
        "limits_stay"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A limit, or a sort with one, as a wall.
fn walled(node: Arc<dyn ExecutionPlan>) -> Transformed<Arc<dyn ExecutionPlan>> {
    let wall = |limit, order| Transformed::yes(Arc::new(Wall { limit, order }) as Arc<dyn ExecutionPlan>);
    if let Some(limit) = node.downcast_ref::<GlobalLimitExec>() {
        // Beneath it, the planner puts the same limit on each partition, which a later rule does anyhow.
        let input = match limit.input().downcast_ref::<LocalLimitExec>() {
            Some(local) => local.input(),
            None => limit.input(),
        };
        let order = input.output_ordering().cloned().map(OrderingRequirements::from);
        let limit = GlobalLimitExec::new(Arc::clone(input), limit.skip(), limit.fetch());
        return wall(Arc::new(limit), order);
    }
    match node.downcast_ref::<SortExec>() {
        Some(sort) if sort.fetch().is_some() => Transformed::yes(sunk(sort)),
        _ => Transformed::no(node),
    }
}

/// A sort with a limit below what makes columns of its rows: they are made of the rows that are left.
fn sunk(sort: &SortExec) -> Arc<dyn ExecutionPlan> {
    let wall = || Arc::new(Wall { limit: Arc::new(sort.clone()), order: None }) as Arc<dyn ExecutionPlan>;
    let Some(projection) = sort.input().downcast_ref::<ProjectionExec>() else { return wall() };
    let order: Option<Vec<PhysicalSortExpr>> = sort.expr().iter().map(|by| of_input(by, projection)).collect();
    let Some(order) = order.and_then(LexOrdering::new) else { return wall() };
    let below = SortExec::new(order, Arc::clone(projection.input())).with_fetch(sort.fetch());
    ProjectionExec::try_new(projection.expr().to_vec(), sunk(&below)).map_or_else(|_| wall(), |made| Arc::new(made))
}

/// What rows are sorted by, in the columns that they are made of; `None` if it is made itself.
fn of_input(by: &PhysicalSortExpr, projection: &ProjectionExec) -> Option<PhysicalSortExpr> {
    let made = by.expr.downcast_ref::<Column>()?;
    let below = &projection.expr().get(made.index())?.expr;
    below.downcast_ref::<Column>().map(|_| PhysicalSortExpr::new(Arc::clone(below), by.options))
}

/// What stands in the place of a wall.
fn opened(node: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let Some(wall) = node.downcast_ref::<Wall>() else { return Ok(Transformed::no(node)) };
    if let Some(limit) = wall.limit.downcast_ref::<GlobalLimitExec>() {
        let mut opened = GlobalLimitExec::new(Arc::clone(limit.input()), limit.skip(), limit.fetch());
        // Who reads a file may else take any rows that are enough.
        opened.set_required_ordering(limit.input().output_ordering().filter(|_| wall.order.is_some()).cloned());
        return Ok(Transformed::yes(Arc::new(opened)));
    }
    let Some(sort) = wall.limit.downcast_ref::<SortExec>() else {
        return internal_err!("a wall stands for a limit or a sort");
    };
    let (input, order, fetch) = (sort.input(), sort.expr(), sort.fetch());
    let is_in_order = input.equivalence_properties().ordering_satisfy(order.clone())?;
    let is_one = input.output_partitioning().partition_count() == 1;
    let sorted: Arc<dyn ExecutionPlan> = match (is_in_order, is_one) {
        (true, true) => {
            let mut limit = GlobalLimitExec::new(Arc::clone(input), 0, fetch);
            limit.set_required_ordering(Some(order.clone()));
            Arc::new(limit)
        }
        (true, false) => {
            let mut limit = LocalLimitExec::new(Arc::clone(input), fetch.unwrap_or(usize::MAX));
            limit.set_required_ordering(Some(order.clone()));
            Arc::new(limit)
        }
        (false, _) => {
            let sort = SortExec::new(order.clone(), Arc::clone(input)).with_fetch(fetch);
            Arc::new(sort.with_preserve_partitioning(!is_one))
        }
    };
    Ok(Transformed::yes(match is_one {
        true => sorted,
        false => Arc::new(SortPreservingMergeExec::new(order.clone(), sorted).with_fetch(fetch)),
    }))
}

/// A limit through which a rule sees nothing. It is gone before the plan runs.
#[derive(Debug)]
struct Wall {
    /// A limit without an order, or a sort with a limit.
    limit: Arc<dyn ExecutionPlan>,
    /// The order that its rows come in, which a limit keeps.
    order: Option<OrderingRequirements>,
}

impl DisplayAs for Wall {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        self.limit.fmt_as(kind, f)
    }
}

impl ExecutionPlan for Wall {
    fn name(&self) -> &'static str {
        "Wall"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.limit.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.limit.children()
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let limit = Arc::clone(&self.limit).replace_children(children, options)?;
        Ok(Arc::new(Wall { limit, order: self.order.clone() }))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    /// A sort takes each partition by itself.
    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let is_sort = self.limit.downcast_ref::<SortExec>().is_some();
        let one = if is_sort { Distribution::UnspecifiedDistribution } else { Distribution::SinglePartition };
        InputDistributionRequirements::new(vec![one])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![self.order.clone()]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::LowerEqual
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.limit.apply_expressions(visit)
    }

    fn execute(&self, _partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("a wall stands in a plan only while it is made")
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;
    use datafusion::physical_plan::displayable;
    use datafusion::prelude::SessionContext;

    use super::super::{Options, context};

    async fn rows(context: &SessionContext, sql: &str) -> String {
        let batches = context.sql(sql).await.expect(sql).collect().await.expect(sql);
        let cells = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)));
        let cells = cells.map(|(batch, row)| {
            let cells = batch.columns().iter().map(|column| array_value_to_string(column, row).expect("a value"));
            cells.collect::<Vec<_>>().join(" ")
        });
        cells.collect::<Vec<_>>().join(", ")
    }

    const SERIES: &str = "generate_series(1, 9) AS t(x) WHERE x > 1";
    const PAIRS: &str = "(VALUES (2, 7), (1, 5), (2, 1), (1, 6), (3, 4)) AS t(k, n)";

    /// What DuckDB answers.
    #[tokio::test]
    async fn a_limit_stays_above_what_must_see_all_rows() {
        for threads in [1, 4] {
            let context = context(&Options { threads, ..Options::default() }).expect("a context");
            for (sql, right) in [
                (format!("SELECT x, max(x) OVER () FROM {SERIES} ORDER BY x LIMIT 2"), "2 9, 3 9"),
                (format!("SELECT x * 100 / sum(x) OVER () FROM {SERIES} ORDER BY x LIMIT 2"), "4, 6"),
                (format!("SELECT x FROM {SERIES} QUALIFY count(*) OVER () > 3 ORDER BY x LIMIT 1"), "2"),
                (format!("SELECT x, lead(x) OVER (ORDER BY x) FROM {SERIES} ORDER BY x LIMIT 1 OFFSET 1"), "3 4"),
                (format!("SELECT k, sum(n) OVER (PARTITION BY k) FROM {PAIRS} ORDER BY k LIMIT 3"), "1 11, 1 11, 2 8"),
                (
                    format!(
                        "SELECT k, n, count(*) OVER (), rank() OVER (PARTITION BY k ORDER BY n) FROM {PAIRS} \
                             ORDER BY k, n LIMIT 3"
                    ),
                    "1 5 5 1, 1 6 5 2, 2 1 5 1",
                ),
                (
                    format!(
                        "SELECT * FROM (SELECT k, sum(n) OVER (PARTITION BY k) AS s FROM {PAIRS} ORDER BY k LIMIT 3) \
                             WHERE s > 10 ORDER BY k LIMIT 2"
                    ),
                    "1 11, 1 11",
                ),
                (format!("SELECT x FROM {SERIES} AND x % 4 = 3 ORDER BY x LIMIT 1"), "3"),
                (format!("SELECT x % 2, count(*) FROM {SERIES} GROUP BY 1 ORDER BY 1 LIMIT 1"), "0 4"),
                (format!("SELECT sum(x) FROM (SELECT x FROM {SERIES} ORDER BY x LIMIT 3 OFFSET 2)"), "15"),
                (format!("SELECT x FROM (SELECT x FROM {SERIES} OFFSET 2 LIMIT 3) ORDER BY x DESC LIMIT 2"), "6, 5"),
            ] {
                assert_eq!(rows(&context, &sql).await, right, "{threads} threads: {sql}");
            }
        }
    }

    #[tokio::test]
    async fn a_limit_still_bounds_a_sort() {
        let context = context(&Options { threads: 4, ..Options::default() }).expect("a context");
        for (sql, line) in [
            (format!("SELECT n * 2 FROM {PAIRS} ORDER BY n LIMIT 2"), "SortExec: TopK(fetch=2)"),
            (format!("SELECT k, sum(n) FROM {PAIRS} GROUP BY k ORDER BY 2 LIMIT 2"), "SortExec: TopK(fetch=2)"),
            (format!("SELECT row_number() OVER (ORDER BY n) FROM {PAIRS} LIMIT 2"), "BoundedWindowAggExec"),
        ] {
            let plan = context.sql(&sql).await.expect(&sql).create_physical_plan().await.expect(&sql);
            let shown = displayable(plan.as_ref()).indent(false).to_string();
            assert!(shown.contains(line) && !shown.contains("Wall"), "{sql}: {shown}");
        }
    }
}
