//! Queries that name columns of the query around them.
//!
//! The engine (DataFusion 55) asks such a query once, without the condition that names the outer column, and makes a
//! join of that condition. What counts or numbers the rows, or fills up with nulls, then sees the rows of all outer
//! rows together: `row_number()` ran over the whole table, and `EXISTS (SELECT count(*) …)` was false where nothing
//! was counted. So such a query may have below the condition what does not ask which rows there are beside one.

use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Aggregate, Expr, JoinType, Limit, LogicalPlan, Projection, Subquery};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

/// What stands around the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SubqueryKind {
    Exists,
    In,
    Scalar,
    Lateral,
}

const WITHIN: &str = "in a query that names columns outside of it";

/// What a query is refused for, which may name columns outside of it or not.
pub(super) fn refusal(query: &LogicalPlan, kind: SubqueryKind) -> Option<String> {
    if !refers_out(query) {
        return None;
    }
    let inner = match (query, kind) {
        // EXISTS asks whether there is a row, and one is enough for it.
        (LogicalPlan::Limit(limit), SubqueryKind::Exists) if limit.skip.is_none() => &limit.input,
        _ => query,
    };
    let counted = match kind {
        SubqueryKind::Scalar | SubqueryKind::Lateral => counts_alone(inner),
        SubqueryKind::Exists | SubqueryKind::In => None,
    };
    let mut found = None;
    let walked = inner.apply(|node| {
        let is_counted = counted.is_some_and(|counted| std::ptr::eq(counted, node));
        if !is_counted && node.inputs().into_iter().any(refers_out) {
            found = of_node(node, kind);
        }
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    walked.ok().and(found)
}

/// What a plan is refused for that has a query which names columns not of the query right around it, but of one further
/// out. The engine makes a join of the two inner ones, in which there are no such columns.
pub(super) fn too_far(plan: &LogicalPlan) -> Option<String> {
    let mut found = None;
    let walked = plan.apply(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                let query = match part {
                    Expr::Exists(Exists { subquery, .. }) => Some(subquery),
                    Expr::InSubquery(InSubquery { subquery, .. }) => Some(subquery),
                    Expr::SetComparison(comparison) => Some(&comparison.subquery),
                    Expr::ScalarSubquery(subquery) => Some(subquery),
                    _ => None,
                };
                if let Some(query) = query {
                    found = outermost(query, node).or_else(|| too_far(&query.subquery));
                }
                Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
            })
        })
    });
    walked.ok().and(found)
}

/// The refusal of a query that names a column which nothing in `around` has.
fn outermost(query: &Subquery, around: &LogicalPlan) -> Option<String> {
    let columns = query.outer_ref_columns.iter().filter_map(|outer| match outer {
        Expr::OuterReferenceColumn(_, column) => Some(column),
        _ => None,
    });
    let column = columns.into_iter().find(|column| !shows(around, column))?;
    Some(format!(
        "{}, a column of a query further out than the next (make one query of the inner two: EXISTS (SELECT 1 FROM b JOIN c ON … \
         WHERE c.x = a.x))",
        column.flat_name()
    ))
}

/// Whether a query or one of its tables has a column, beside what the tables themselves are made of.
fn shows(query: &LogicalPlan, column: &Column) -> bool {
    let mut shows = false;
    let walked = query.apply(|node| {
        shows |= node.schema().has_column(column);
        Ok(match node {
            _ if shows => TreeNodeRecursion::Stop,
            LogicalPlan::SubqueryAlias(_) => TreeNodeRecursion::Jump,
            _ => TreeNodeRecursion::Continue,
        })
    });
    shows || walked.is_err()
}

/// Whether a plan names columns of a query around it.
pub(super) fn refers_out(plan: &LogicalPlan) -> bool {
    let mut refers = false;
    let walked = plan.apply(|node| {
        node.apply_expressions(|expr| {
            refers |= expr.contains_outer();
            Ok(if refers { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    });
    refers || walked.is_err()
}

/// A part of the query with the outer column below it.
fn of_node(node: &LogicalPlan, kind: SubqueryKind) -> Option<String> {
    let (name, remedy) = match node {
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Distinct(datafusion::logical_expr::Distinct::All(_)) => return None,
        LogicalPlan::Join(join) => {
            let (left, right) = (refers_out(&join.left), refers_out(&join.right));
            let is_right = match join.join_type {
                JoinType::Inner => true,
                JoinType::Left => !right,
                JoinType::Right => !left,
                _ => false,
            };
            if is_right {
                return None;
            }
            ("an outer join, EXCEPT or INTERSECT", "join it outside, by that column")
        }
        LogicalPlan::Aggregate(Aggregate { group_expr, .. }) => {
            let is_set = |expr: &Expr| matches!(expr, Expr::GroupingSet(_));
            match (group_expr.is_empty(), group_expr.iter().any(is_set), kind) {
                (false, false, _) => return None,
                (_, true, _) => ("ROLLUP, CUBE or GROUPING SETS", "group it outside, by that column"),
                (.., SubqueryKind::Scalar | SubqueryKind::Lateral) => (
                    "a value of all rows that is no plain aggregate",
                    "write the aggregate alone, and HAVING, constants and IS NULL outside",
                ),
                (.., SubqueryKind::Exists | SubqueryKind::In) => {
                    ("a value of all rows", "compare it: (SELECT count(*) …) > 0; or add GROUP BY")
                }
            }
        }
        LogicalPlan::Window(_) => ("a window function", "number the rows in FROM, with PARTITION BY that column"),
        LogicalPlan::Limit(Limit { .. }) => {
            ("LIMIT or OFFSET", "number the rows in FROM: row_number() OVER (PARTITION BY …)")
        }
        LogicalPlan::Unnest(_) => ("unnest of a column in FROM", "write it among the columns: SELECT unnest(…) FROM …"),
        _ => ("UNION and its kin", "write one query for each part"),
    };
    Some(format!("{name} {WITHIN} ({remedy})"))
}

/// The aggregate without groups whose values are all that a query gives: what the engine knows to be there for an outer
/// row without a match. It does not know it of values that are the same for all rows.
fn counts_alone(query: &LogicalPlan) -> Option<&LogicalPlan> {
    match query {
        LogicalPlan::Aggregate(Aggregate { group_expr, .. }) if group_expr.is_empty() => Some(query),
        LogicalPlan::SubqueryAlias(alias) => counts_alone(&alias.input),
        LogicalPlan::Projection(Projection { expr, input, .. }) => {
            let counted = counts_alone(input)?;
            expr.iter().all(|expr| varies(expr, input.schema())).then_some(counted)
        }
        _ => None,
    }
}

/// Whether a value still names a column once the engine has reckoned out what it can.
pub(super) fn varies(expr: &Expr, schema: &DFSchemaRef) -> bool {
    let context = SimplifyContext::builder().with_schema(Arc::clone(schema)).build();
    let simplifier = ExprSimplifier::new(context);
    let coerced = simplifier.coerce(expr.clone(), schema).unwrap_or_else(|_| expr.clone());
    simplifier.simplify(coerced).is_ok_and(|value| value.any_column_refs())
}
