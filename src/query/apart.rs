//! Lists that the engine may not merge where it matters whether something is false or unknown.
//!
//! The engine (DataFusion 55) merges the lists of one column as sets. Where they share nothing, `a IN (1, 2) AND a IN
//! (3, 4)` is false and `a NOT IN (1, 2) OR a NOT IN (3, 4)` is true to it, and both are unknown where `a` is null. As
//! conditions of WHERE, HAVING and ON, false and unknown are the same, so that only what amounts to NOT IN below an OR
//! is kept apart there; in all other places every list is. A list is also what the engine makes one of: `a = 1 OR a =
//! 2`, `a ~ '^(x|y)$'` and `array_has([1, 2], a)`.
//!
//! What is kept apart becomes the argument of a function that gives it back, into which no rule looks. The lists in a
//! plain condition stay, so that filters on them still leave out files.

use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator};
use datafusion::optimizer::AnalyzerRule;

use super::patterns;
use crate::functions::truths::kept_apart;

/// Keeps lists apart in a whole plan.
#[derive(Debug)]
pub(super) struct Apart;

impl AnalyzerRule for Apart {
    fn name(&self) -> &str {
        "apart"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(of_node)?.data)
    }
}

fn of_node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let lists = Lists(merge_schema(&plan.inputs()));
    if let LogicalPlan::Join(mut join) = plan {
        // Its keys are values, of which no one says more than whether they are equal.
        join.filter = join.filter.map(|filter| lists.condition(filter, Place::PLAIN)).transpose()?;
        return Ok(Transformed::yes(LogicalPlan::Join(join)));
    }
    let is_condition = matches!(plan, LogicalPlan::Filter(_));
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let expr = if is_condition { lists.condition(expr, Place::PLAIN)? } else { lists.value(expr)? };
        Ok(Transformed::yes(name.restore(expr)))
    })
}

/// Where a part of a condition stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Below how many NOTs: true if their number is odd.
    negated: bool,
    /// Below what amounts to an OR.
    beside_or: bool,
}

impl Place {
    const PLAIN: Place = Place { negated: false, beside_or: false };
}

/// The columns that lists are asked of.
struct Lists(DFSchema);

impl Lists {
    /// A condition in which unknown is as good as false.
    fn condition(&self, expr: Expr, place: Place) -> Result<Expr> {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right })
                if !(op == Operator::Or && is_listed(&left) && is_listed(&right)) =>
            {
                let beside_or = place.beside_or || (op == Operator::Or) != place.negated;
                let place = Place { beside_or, ..place };
                let left = Box::new(self.condition(*left, place)?);
                let right = Box::new(self.condition(*right, place)?);
                Ok(Expr::BinaryExpr(BinaryExpr { left, op, right }))
            }
            Expr::Not(inner) => {
                let place = Place { negated: !place.negated, ..place };
                Ok(Expr::Not(Box::new(self.condition(*inner, place)?)))
            }
            other => {
                let negates = match &other {
                    Expr::InList(list) => list.negated,
                    Expr::BinaryExpr(BinaryExpr { op, .. }) => {
                        matches!(op, Operator::RegexNotMatch | Operator::RegexNotIMatch)
                    }
                    _ => false,
                };
                if is_list(&other) && (negates == place.negated || !place.beside_or) {
                    return Ok(other.map_children(|child| Ok(Transformed::yes(self.value(child)?)))?.data);
                }
                self.value(other)
            }
        }
    }

    /// Where unknown and false are not the same.
    fn value(&self, expr: Expr) -> Result<Expr> {
        let apart = expr.transform_down(|expr| {
            if !is_list(&expr) {
                return Ok(Transformed::no(expr));
            }
            let nullable = expr.nullable(&self.0).unwrap_or(true);
            let expr = expr.map_children(|child| Ok(Transformed::yes(self.value(child)?)))?.data;
            let expr = if nullable { kept_apart(expr) } else { expr };
            Ok(Transformed::new(expr, true, TreeNodeRecursion::Jump))
        })?;
        Ok(apart.data)
    }
}

/// Whether it is a list, or the engine may make one of it. Bits that are XORed twice are forgotten in the same way.
fn is_list(expr: &Expr) -> bool {
    match expr {
        Expr::InList(_) => true,
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => is_listed(left) && is_listed(right),
        Expr::BinaryExpr(BinaryExpr { op, .. }) => patterns::is_match(*op) || *op == Operator::BitwiseXor,
        Expr::ScalarFunction(call) => call.name() == "array_has",
        _ => false,
    }
}

/// Whether it may be a part of a list: `a = 1`, or several of these beside OR.
fn is_listed(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => is_listed(left) && is_listed(right),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            is_column(left) && is_constant(right) || is_constant(left) && is_column(right)
        }
        Expr::InList(list) => !list.negated && is_column(&list.expr) && list.list.iter().all(is_constant),
        _ => false,
    }
}

fn is_column(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) => true,
        Expr::Cast(Cast { expr, .. }) => is_column(expr),
        _ => false,
    }
}

fn is_constant(expr: &Expr) -> bool {
    !expr.any_column_refs() && !expr.contains_outer() && !expr.contains_scalar_subquery()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use super::super::{Options, context};

    const T: &str = "(VALUES (1), (2), (5), (NULL)) AS t(a)";

    async fn count(filter: &str) -> String {
        let context = context(&Options::default()).unwrap();
        let sql = format!("SELECT count(*) FROM {T} WHERE {filter}");
        let batches = context.sql(&sql).await.unwrap().collect().await.unwrap();
        array_value_to_string(batches[0].column(0), 0).unwrap()
    }

    #[tokio::test]
    async fn lists_that_share_nothing_are_unknown_for_null() {
        for (filter, rows) in [
            ("NOT (a IN (1, 2, 3, 4) AND a IN (5, 6, 7, 8))", "3"),
            ("a NOT IN (1, 2, 3, 4) OR a NOT IN (5, 6, 7, 8)", "3"),
            ("NOT (a IN (1, 2, 3, 4) AND a NOT IN (1, 2, 3, 4, 5))", "3"),
            ("NOT ((a = 1 OR a = 2) AND (a = 5 OR 6 = a))", "3"),
            ("NOT (a = 1 OR a = 2) OR NOT (a = 5 OR CAST(a AS BIGINT) = 6)", "3"),
            ("(a IN (1, 2, 3, 4) AND a IN (5, 6, 7, 8)) IS NULL", "1"),
            ("(array_has([1, 2], a) AND array_has([5, 6], a)) IS NULL", "1"),
            ("CASE WHEN a IN (1, 2, 3, 4) THEN a IN (5, 6, 7, 8) ELSE a = 5 END", "1"),
            ("EXISTS (SELECT 1 FROM (VALUES (NULL::INT)) AS u(x) WHERE (x IN (1, 2) AND x IN (5, 6)) IS NULL)", "4"),
        ] {
            assert_eq!(count(filter).await, rows, "{filter}");
        }
        let context = context(&Options::default()).unwrap();
        let grouped = format!("SELECT a IN (1, 2), count(*) FROM {T} GROUP BY ROLLUP (a IN (1, 2), a = 1 OR a = 2)");
        assert!(context.sql(&grouped).await.unwrap().collect().await.is_ok(), "{grouped}");
    }

    /// A list that is a plain condition leaves out files.
    #[tokio::test]
    async fn lists_of_plain_conditions_stay() {
        let context = context(&Options::default()).unwrap();
        for (filter, is_apart) in [
            ("a IN (1, 2, 3, 4) AND a IN (3, 4, 5, 6)", false),
            ("a NOT IN (1, 2, 3, 4) AND a > 1", false),
            ("a IN (1, 2, 3, 4) OR NOT (a NOT IN (5, 6, 7, 8) OR a = 9)", false),
            ("(a = 1 OR a = 2) AND NOT (a = 2 OR a = 3)", false),
            ("a NOT IN (1, 2, 3, 4) OR a > 1", true),
            ("NOT (a IN (1, 2, 3, 4) AND a > 1)", true),
            ("a > 1 IS DISTINCT FROM (a IN (1, 2, 3, 4))", true),
        ] {
            let frame = context.sql(&format!("SELECT 1 FROM {T} WHERE {filter}")).await.unwrap();
            let plan = frame.into_optimized_plan().unwrap().to_string();
            assert_eq!(plan.contains("apart("), is_apart, "{filter}: {plan}");
        }
    }
}
