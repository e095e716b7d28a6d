//! Where the engine may move filters down a plan: only through parts in which a name means one column.
//!
//! The engine (DataFusion 55) passes a filter on by the names of its columns. Where a plan has two columns of one
//! name, as a join of two tables has, it took the first or the last of them: a filter over a RIGHT JOIN was asked of
//! the wrong table. Its rule is therefore given each part of a plan in which no two columns share a name, and the
//! rest stays as it is. The planner has put the filters that are written below the joins before, by more than names.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::JoinType;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};
use datafusion::physical_plan::{ExecutionPlan, replace_children_if_necessary};

use super::limits;

/// Puts the rule in the place of the engine's own, in both of its phases, and walls around the one that moves sorts.
pub(super) fn replace(builder: SessionStateBuilder) -> SessionStateBuilder {
    let rules = datafusion::physical_optimizer::optimizer::PhysicalOptimizer::new().rules;
    let own = |rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>| -> Arc<dyn PhysicalOptimizerRule + Send + Sync> {
        match rule.name() {
            "FilterPushdown" => Arc::new(PushdownByName(FilterPushdown::new())),
            "FilterPushdown(Post)" => Arc::new(PushdownByName(FilterPushdown::new_post_optimization())),
            limits::OF_SORTS => Arc::new(limits::LimitsStay(rule)),
            _ => rule,
        }
    };
    builder.with_physical_optimizer_rules(rules.into_iter().map(own).collect())
}

/// The engine's rule, for what it is right about.
#[derive(Debug)]
struct PushdownByName(FilterPushdown);

impl PushdownByName {
    fn part(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if is_plain(&plan) {
            return self.0.optimize(plan, config);
        }
        let children = plan.children().into_iter().map(|child| self.part(Arc::clone(child), config));
        let children = children.collect::<Result<Vec<_>>>()?;
        replace_children_if_necessary(plan, children)
    }
}

impl PhysicalOptimizerRule for PushdownByName {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        self.part(plan, config)
    }

    fn name(&self) -> &str {
        "pushdown_by_name"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether a name means one column in all of a plan.
fn is_plain(plan: &Arc<dyn ExecutionPlan>) -> bool {
    names_are_unique(&plan.schema()) && passes_names(plan) && plan.children().into_iter().all(is_plain)
}

fn names_are_unique(schema: &Schema) -> bool {
    let mut names = HashSet::new();
    schema.fields().iter().all(|field| names.insert(field.name()))
}

/// Whether a column that has one name above a node and below it is the same column.
fn passes_names(plan: &Arc<dyn ExecutionPlan>) -> bool {
    if plan.downcast_ref::<UnionExec>().is_some() || plan.downcast_ref::<InterleaveExec>().is_some() {
        let (schema, children) = (plan.schema(), plan.children());
        let names = |schema: &Schema| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
        return children.into_iter().all(|child| names(&child.schema()) == names(&schema));
    }
    if let Some(groups) = plan.downcast_ref::<AggregateExec>() {
        let schema = groups.input().schema();
        return groups.group_expr().expr().iter().all(|(expr, name)| match schema.index_of(name) {
            Ok(found) => expr.downcast_ref::<Column>().is_some_and(|column| column.index() == found),
            Err(_) => true,
        });
    }
    let Some(join) = plan.downcast_ref::<HashJoinExec>() else { return true };
    // Of the keys of a semi join, the engine asks the other side too, by the name that they have on this one.
    let keys = || join.on().iter();
    match join.join_type() {
        JoinType::LeftSemi => keys().all(|(left, right)| is_same(left, right, &join.right().schema())),
        JoinType::RightSemi => keys().all(|(left, right)| is_same(right, left, &join.left().schema())),
        _ => true,
    }
}

/// Whether the name of `key` on the other side is that of its counterpart, or of nothing.
fn is_same(key: &Arc<dyn PhysicalExpr>, counterpart: &Arc<dyn PhysicalExpr>, other: &Schema) -> bool {
    let Some(key) = key.downcast_ref::<Column>() else { return true };
    let Ok(found) = other.index_of(key.name()) else { return true };
    counterpart.downcast_ref::<Column>().is_some_and(|column| column.index() == found)
}
