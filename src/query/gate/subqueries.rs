//! Subqueries that the engine would answer wrongly, judged in the plan as the planner made it. All its parts are gone
//! through here, so that [`orders`] and [`recursive`] judge theirs too.
//!
//! The engine (DataFusion 55) turns `IN (SELECT …)` into a join. As a condition of its own in WHERE or HAVING that
//! join knows of nulls; within another expression it takes what is unknown for false, which only AND and OR may do. It
//! forgets them too where the left side of NOT IN names no column: `77 NOT IN (SELECT packets …)` becomes a filter on
//! `packets`, in which a null drops out.

use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DFSchemaRef, Result};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, Subquery};

use super::correlated::{self, SubqueryKind};
use super::{orders, recursive};

/// What a plan is refused for; `None` lets it pass.
pub(super) fn of_plan(plan: &LogicalPlan) -> Option<String> {
    let mut found = None;
    let walked = plan.apply(|node| {
        found = of_node(node)?;
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    // A plan that cannot be walked cannot be optimised either, which says better why.
    walked.ok().and(found)
}

fn of_node(node: &LogicalPlan) -> Result<Option<String>> {
    if let LogicalPlan::Subquery(lateral) = node
        && let Some(name) = correlated::refusal(&lateral.subquery, SubqueryKind::Lateral)
    {
        return Ok(Some(name));
    }
    if let Some(name) = orders::refusal(node).or_else(|| recursive::refusal(node)) {
        return Ok(Some(name));
    }
    let mut found = None;
    node.apply_expressions(|expr| {
        let is_condition = matches!(node, LogicalPlan::Filter(_) | LogicalPlan::Join(_));
        let schema = DFSchema::empty();
        let schema = node.inputs().into_iter().try_fold(schema, |all, input| all.join(input.schema()));
        // Where two inputs have a column of one name, any may be null.
        let nulls = Nulls(schema.ok().map(Arc::new));
        found = if is_condition { of_condition(expr, &nulls)? } else { of_value(expr, &nulls)? };
        if found.is_none() {
            found = of_subqueries(expr)?;
        }
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// The queries within an expression, each judged by itself.
fn of_subqueries(expr: &Expr) -> Result<Option<String>> {
    let mut found = None;
    expr.apply(|inner| {
        let query = match inner {
            Expr::Exists(Exists { subquery, .. }) => Some((subquery, SubqueryKind::Exists)),
            Expr::InSubquery(InSubquery { subquery, .. }) => Some((subquery, SubqueryKind::In)),
            Expr::SetComparison(comparison) => Some((&comparison.subquery, SubqueryKind::In)),
            Expr::ScalarSubquery(subquery) => Some((subquery, SubqueryKind::Scalar)),
            _ => None,
        };
        if let Some((Subquery { subquery, .. }, kind)) = query {
            found = correlated::refusal(subquery, kind).or_else(|| of_plan(subquery));
        }
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// What is known of nulls in the rows that an expression is asked of.
struct Nulls(Option<DFSchemaRef>);

impl Nulls {
    fn may_be_in(&self, of: &InSubquery) -> bool {
        let is_null = self.0.as_ref().and_then(|schema| of.expr.nullable(schema).ok()).unwrap_or(true);
        is_null || of.subquery.subquery.schema().fields().iter().any(|field| field.is_nullable())
    }
}

/// A condition of WHERE, HAVING, QUALIFY or ON.
fn of_condition(expr: &Expr, nulls: &Nulls) -> Result<Option<String>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            Ok(of_condition(left, nulls)?.or(of_condition(right, nulls)?))
        }
        Expr::Not(inner) if matches!(**inner, Expr::InSubquery(_)) => {
            let Expr::InSubquery(of) = &**inner else { return Ok(None) };
            of_whole(of, !of.negated, nulls)
        }
        Expr::InSubquery(of) => of_whole(of, of.negated, nulls),
        Expr::Alias(alias) => of_condition(&alias.expr, nulls),
        other => of_part(other, nulls),
    }
}

/// `IN` or `NOT IN` as a whole condition.
fn of_whole(of: &InSubquery, negated: bool, nulls: &Nulls) -> Result<Option<String>> {
    let may_be_unknown = negated && nulls.may_be_in(of);
    let names_column = || nulls.0.as_ref().is_some_and(|schema| correlated::varies(&of.expr, schema));
    let name = if may_be_unknown && correlated::refers_out(&of.subquery.subquery) {
        "NOT IN of a query that names columns outside of it (write NOT EXISTS)"
    } else if may_be_unknown && !names_column() {
        "NOT IN (SELECT …) of a value without a column of the FROM beside it (write NOT EXISTS (SELECT 1 … WHERE (a = \
         value) IS NOT FALSE), or put the value in FROM)"
    } else {
        return of_value(&of.expr, nulls);
    };
    Ok(Some(name.to_owned()))
}

/// A part of a condition in which unknown and false are the same.
fn of_part(expr: &Expr, nulls: &Nulls) -> Result<Option<String>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And | Operator::Or, right }) => {
            Ok(of_part(left, nulls)?.or(of_part(right, nulls)?))
        }
        Expr::InSubquery(of) if !of.negated => of_value(&of.expr, nulls),
        Expr::Not(inner) => match &**inner {
            Expr::InSubquery(of) if of.negated => of_value(&of.expr, nulls),
            other => of_value(other, nulls),
        },
        other => of_value(other, nulls),
    }
}

/// Where it matters whether something is unknown or false.
fn of_value(expr: &Expr, nulls: &Nulls) -> Result<Option<String>> {
    let mut found = None;
    expr.apply(|inner| {
        if let Expr::InSubquery(of) = inner
            && nulls.may_be_in(of)
        {
            let word = if of.negated { "NOT IN" } else { "IN" };
            let name = format!(
                "{word} (SELECT …) beside OR or within another expression (write {word} as a condition of its own, or \
                 EXISTS)"
            );
            found = Some(name);
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}
