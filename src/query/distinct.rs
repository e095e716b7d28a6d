//! `SELECT DISTINCT a + 1 … ORDER BY a + 1`.
//!
//! The engine (DataFusion 55) looks for the columns of such an order among the results, where there is no `a`. An order
//! that is written as a result is written becomes the number of that result, as PostgreSQL takes it.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Distinct, Expr, OrderByKind, Query, SelectItem, SetExpr, Statement, Value, VisitorMut,
};

use super::walk_mut;

/// Writes orders of distinct rows as numbers of their columns.
pub(super) fn numbered(statement: &mut Statement) {
    let _ = walk_mut(statement, &mut Numbered);
}

struct Numbered;

impl VisitorMut for Numbered {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let SetExpr::Select(select) = &*query.body else { return ControlFlow::Continue(()) };
        if !matches!(select.distinct, Some(Distinct::Distinct)) {
            return ControlFlow::Continue(());
        }
        let Some(OrderByKind::Expressions(order)) = query.order_by.as_mut().map(|order| &mut order.kind) else {
            return ControlFlow::Continue(());
        };
        // Behind a wildcard nobody can count yet.
        let counted = select.projection.iter().map_while(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(written(expr)),
            _ => None,
        });
        let results: Vec<String> = counted.collect();
        for by in order {
            // A name alone means the result of that name, a number the result of that number.
            if matches!(by.expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_)) {
                continue;
            }
            if let Some(at) = results.iter().position(|result| *result == written(&by.expr)) {
                by.expr = Expr::value(Value::Number((at + 1).to_string(), false));
            }
        }
        ControlFlow::Continue(())
    }
}

/// An expression without parentheses around it.
fn written(expr: &Expr) -> String {
    match expr {
        Expr::Nested(inner) => written(inner),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn an_order_that_is_a_result_is_its_number() {
        for (sql, right) in [
            ("SELECT DISTINCT a + 1 FROM t ORDER BY a + 1 DESC", "ORDER BY 1 DESC"),
            ("SELECT DISTINCT b, lower(a) AS x FROM t ORDER BY lower(a) NULLS FIRST, b", "ORDER BY 2 NULLS FIRST, b"),
            ("SELECT 1 FROM (SELECT DISTINCT (a + 1) FROM t ORDER BY a + 1) AS u", "ORDER BY 1) AS u"),
            ("SELECT DISTINCT a + 1, * FROM t ORDER BY a + 1", "ORDER BY 1"),
            ("SELECT DISTINCT *, a + 1 FROM t ORDER BY a + 1", "ORDER BY a + 1"),
            ("SELECT DISTINCT a FROM t ORDER BY a, -a", "ORDER BY a, -a"),
            ("SELECT DISTINCT 'x' FROM t ORDER BY 'x'", "ORDER BY 'x'"),
            ("SELECT a + 1 FROM t ORDER BY a + 1", "ORDER BY a + 1"),
            ("SELECT DISTINCT ON (a + 1) a + 1 FROM t ORDER BY a + 1", "ORDER BY a + 1"),
        ] {
            let mut statements = Parser::parse_sql(&GenericDialect {}, sql).expect("a statement");
            numbered(&mut statements[0]);
            let found = statements[0].to_string();
            assert!(found.ends_with(right), "{sql}: {found}");
        }
    }
}
