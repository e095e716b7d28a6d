//! `a = ANY (list)` where it matters whether it is false or unknown.
//!
//! The engine (DataFusion 55) takes a null in the list for no value, so that `3 = ANY (ARRAY[1, NULL])` is false and
//! is unknown to SQL. As a condition of WHERE that is the same. Elsewhere `NOT (a <> ALL (list))` stands for it, in
//! which the engine knows of nulls.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, JoinConstraint, JoinOperator, Select, Statement, UnaryOperator, Value, VisitorMut,
};

use super::walk_mut;

/// Writes `ANY` as `ALL` where it is no plain condition.
pub(crate) fn exact(statement: &mut Statement) {
    let _ = walk_mut(statement, &mut Exact::default());
}

#[derive(Default)]
struct Exact {
    /// Conditions in which false and unknown are the same, by their place in memory: the tree does not move meanwhile.
    plain: HashSet<*const Expr>,
}

impl Exact {
    fn see(&mut self, condition: &Expr) {
        match condition {
            Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
                self.see(left);
                self.see(right);
            }
            Expr::Nested(inner) => self.see(inner),
            Expr::AnyOp { .. } => {
                self.plain.insert(std::ptr::from_ref(condition));
            }
            _ => {}
        }
    }
}

impl VisitorMut for Exact {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let joins = select.from.iter().flat_map(|from| &from.joins);
        let on = joins.filter_map(|join| match &join.join_operator {
            JoinOperator::Join(on) | JoinOperator::Inner(on) => Some(on),
            JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => Some(on),
            JoinOperator::Right(on) | JoinOperator::RightOuter(on) | JoinOperator::FullOuter(on) => Some(on),
            _ => None,
        });
        let on: Vec<&Expr> =
            on.filter_map(|on| if let JoinConstraint::On(on) = on { Some(on) } else { None }).collect();
        let conditions = select.selection.iter().chain(&select.having).chain(&select.qualify).chain(on);
        conditions.for_each(|condition| self.see(condition));
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.plain.contains(&std::ptr::from_ref(expr)) {
            return ControlFlow::Continue(());
        }
        let Expr::AnyOp { left, compare_op, right, .. } = expr else { return ControlFlow::Continue(()) };
        let Some(opposite) = opposite(compare_op).filter(|_| !matches!(**right, Expr::Subquery(_))) else {
            return ControlFlow::Continue(());
        };
        let take = |part: &mut Box<Expr>| Box::new(std::mem::replace(&mut **part, Expr::value(Value::Null)));
        let all = Expr::AllOp { left: take(left), compare_op: opposite, right: take(right) };
        *expr = Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(Expr::Nested(Box::new(all))) };
        ControlFlow::Continue(())
    }
}

fn opposite(operator: &BinaryOperator) -> Option<BinaryOperator> {
    Some(match operator {
        BinaryOperator::Eq => BinaryOperator::NotEq,
        BinaryOperator::NotEq => BinaryOperator::Eq,
        BinaryOperator::Lt => BinaryOperator::GtEq,
        BinaryOperator::LtEq => BinaryOperator::Gt,
        BinaryOperator::Gt => BinaryOperator::LtEq,
        BinaryOperator::GtEq => BinaryOperator::Lt,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn any_is_all_where_unknown_matters() {
        for (sql, right) in [
            ("SELECT 1 FROM t WHERE a = ANY(b) OR (c < ANY(d))", "SELECT 1 FROM t WHERE a = ANY(b) OR (c < ANY(d))"),
            ("SELECT 1 FROM t JOIN u ON a = ANY(b)", "SELECT 1 FROM t JOIN u ON a = ANY(b)"),
            ("SELECT 1 FROM t WHERE NOT a = ANY(b)", "SELECT 1 FROM t WHERE NOT NOT (a <> ALL(b))"),
            ("SELECT a > ANY(b) FROM t", "SELECT NOT (a <= ALL(b)) FROM t"),
            ("SELECT 1 FROM t WHERE (a = ANY(b)) IS NULL", "SELECT 1 FROM t WHERE (NOT (a <> ALL(b))) IS NULL"),
            ("SELECT 1 FROM t WHERE a = ANY(SELECT 1)", "SELECT 1 FROM t WHERE a = ANY(SELECT 1)"),
        ] {
            let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).expect("a statement");
            exact(&mut statements[0]);
            assert_eq!(statements[0].to_string(), right, "{sql}");
        }
    }
}
