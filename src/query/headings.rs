//! Names for columns that differ by their casts alone.
//!
//! The engine (DataFusion 55) names a column without its casts, and wants every name once: it refused `SELECT
//! CAST(start_time AS DATE), CAST(start_time AS TIMESTAMP)`. Such columns are named as they are written; a column of a
//! table keeps its name. `serve` names all as Postgres does.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Ident, Select, SelectItem, Statement, Value, VisitorMut};

use super::walk_mut;

/// Names the columns of every query of a statement that need it.
pub(crate) fn apart(statement: &mut Statement) {
    let _ = walk_mut(statement, &mut Headings);
}

struct Headings;

impl VisitorMut for Headings {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if select.projection.len() < 2 {
            return ControlFlow::Continue(());
        }
        let mut texts: HashMap<String, Vec<String>> = HashMap::new();
        for item in &select.projection {
            if let SelectItem::UnnamedExpr(expr) = item {
                texts.entry(without_casts(expr)).or_default().push(expr.to_string());
            }
        }
        // What is written twice in the same words has no two names.
        texts.retain(|_, texts| {
            texts.len() > 1 && texts.iter().enumerate().all(|(at, text)| !texts[..at].contains(text))
        });
        for item in &mut select.projection {
            let SelectItem::UnnamedExpr(expr) = item else { continue };
            let is_column = matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
            if !is_column && texts.contains_key(&without_casts(expr)) {
                let alias = Ident::with_quote('"', expr.to_string());
                let expr = std::mem::replace(expr, Expr::value(Value::Null));
                *item = SelectItem::ExprWithAlias { expr, alias };
            }
        }
        ControlFlow::Continue(())
    }
}

/// What the engine names an expression by.
fn without_casts(expr: &Expr) -> String {
    struct Strips;
    impl VisitorMut for Strips {
        type Break = ();

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            while let Expr::Cast { expr: inner, .. } | Expr::Nested(inner) = expr {
                let inner = std::mem::replace(&mut **inner, Expr::value(Value::Null));
                *expr = inner;
            }
            ControlFlow::Continue(())
        }
    }
    let mut bare = expr.clone();
    let _ = walk_mut(&mut bare, &mut Strips);
    bare.to_string()
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn columns_that_differ_by_casts_have_their_own_names() {
        for (sql, right) in [
            (
                "SELECT CAST(a AS DATE), a::TEXT FROM t",
                r#"SELECT CAST(a AS DATE) AS "CAST(a AS DATE)", a::TEXT AS "a::TEXT" FROM t"#,
            ),
            ("SELECT (SELECT a + 1, CAST(a AS INT) + 1)", "AS \"CAST(a AS INT) + 1\")"),
            ("SELECT CAST(a AS DATE), b FROM t", "SELECT CAST(a AS DATE), b FROM t"),
            ("SELECT CAST(a AS DATE), a AS b FROM t", "SELECT CAST(a AS DATE), a AS b FROM t"),
            ("SELECT a, a::INT FROM t", r#"SELECT a, a::INT AS "a::INT" FROM t"#),
            ("SELECT a, a FROM t", "SELECT a, a FROM t"),
        ] {
            let mut statements = Parser::parse_sql(&GenericDialect {}, sql).expect("a statement");
            apart(&mut statements[0]);
            let found = statements[0].to_string();
            assert!(found.ends_with(right), "{sql}: {found}");
        }
    }
}
