//! Names for columns that differ by their casts alone.
//!
//! The engine (DataFusion 55) names a column without its casts, and wants every name once: it refused `SELECT
//! CAST(start_time AS DATE), CAST(start_time AS TIMESTAMP)`. Such columns are named as they are written; a column of a
//! table keeps its name. `serve` names all as Postgres does.
//!
//! One column in two spellings (`f.packets, packets`) has one name too, and `ORDER BY 3` finds no column without a name
//! that it can look up. Where the engine says so, what has no name is named as it is written, and a name that comes
//! again has its number behind it.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::{Expr, Ident, Select, SelectItem, Statement, Value, VisitorMut};

use super::{any, arguments, called, distinct, gate, group_casts, literals, numeric, walk_mut};

/// Writes a statement as the engine must read it.
pub(crate) fn spelled(statement: &mut Statement) {
    literals::plain(statement);
    any::exact(statement);
    distinct::numbered(statement);
    gate::marked(statement);
}

/// Names the columns of every query of a statement that need it.
pub(crate) fn apart(statement: &mut Statement) {
    let _ = walk_mut(statement, &mut Headings);
}

/// Plans a statement, with names for what the engine has no name for, or another one than PostgreSQL.
pub(crate) async fn plan(state: &SessionState, statement: Parsed) -> Result<LogicalPlan> {
    let mut apart = statement.clone();
    let planned = match gate::question_mut(&mut apart).is_some_and(group_casts::apart) {
        true => match planned(state, apart).await {
            Err(_) => planned(state, statement).await,
            planned => planned,
        },
        false => planned(state, statement).await,
    };
    planned.and_then(numeric::divided)
}

async fn planned(state: &SessionState, statement: Parsed) -> Result<LogicalPlan> {
    let mut called = statement.clone();
    if !gate::question_mut(&mut called).is_some_and(called::named) {
        return apart_in_calls(state, statement).await;
    }
    match apart_in_calls(state, called).await {
        Err(error) => apart_in_calls(state, statement).await.map_err(|_| error),
        planned => planned,
    }
}

/// Plans a statement, and names casts within calls if the engine cannot tell two calls apart.
async fn apart_in_calls(state: &SessionState, statement: Parsed) -> Result<LogicalPlan> {
    match named(state, statement.clone()).await {
        Err(error) if arguments::share_names(&error) => {
            named(&arguments::naming_casts(state), statement).await.map_err(|_| error)
        }
        planned => planned,
    }
}

/// Plans a statement, and names its columns if the engine misses names.
async fn named(state: &SessionState, mut statement: Parsed) -> Result<LogicalPlan> {
    let first = match state.statement_to_plan(statement.clone()).await {
        Err(error) if misses_names(&error) => error,
        planned => return planned,
    };
    match gate::question_mut(&mut statement) {
        Some(question) => {
            let _ = walk_mut(question, &mut Named);
        }
        None => return Err(first),
    }
    // What is said of the second try is what stands behind the names that were missing.
    state
        .statement_to_plan(statement)
        .await
        .map_err(|second| if arguments::share_names(&second) { second } else { first })
}

fn misses_names(error: &DataFusionError) -> bool {
    const SAID: [&str; 2] =
        ["Projections require unique expression names", "Column in ORDER BY must be in GROUP BY or an aggregate"];
    let text = error.find_root().strip_backtrace();
    SAID.iter().any(|said| text.contains(said))
}

/// Names every column that has no name.
struct Named;

impl VisitorMut for Named {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let folded = |ident: &Ident| match ident.quote_style {
            Some(_) => ident.value.clone(),
            None => ident.value.to_lowercase(),
        };
        let mut taken: HashMap<String, usize> = HashMap::new();
        for item in &mut select.projection {
            let SelectItem::UnnamedExpr(expr) = item else { continue };
            let column = match &*expr {
                Expr::Identifier(ident) => Some(folded(ident)),
                Expr::CompoundIdentifier(idents) => idents.last().map(folded),
                _ => None,
            };
            let is_column = column.is_some();
            let name = column.unwrap_or_else(|| expr.to_string());
            let times = taken.entry(name.clone()).or_default();
            *times += 1;
            let alias = match *times {
                // The engine takes a column's own name for none.
                1 if is_column => continue,
                1 => name,
                // Nobody writes such a name without knowing it.
                times => format!("{name} ({times})"),
            };
            let expr = std::mem::replace(expr, Expr::value(Value::Null));
            *item = SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', alias) };
        }
        ControlFlow::Continue(())
    }
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

    #[test]
    fn one_column_in_two_spellings_has_two_names() {
        for (sql, right) in [
            ("SELECT f.A, a, f.b FROM f", r#"SELECT f.A, a AS "a (2)", f.b FROM f"#),
            ("SELECT \"a\", A, a FROM f", r#"SELECT "a", A AS "a (2)", a AS "a (3)" FROM f"#),
            ("SELECT a + 1, a + 1, b AS c FROM f", r#"SELECT a + 1 AS "a + 1", a + 1 AS "a + 1 (2)", b AS c FROM f"#),
        ] {
            let mut statements = Parser::parse_sql(&GenericDialect {}, sql).expect("a statement");
            let _ = walk_mut(&mut statements[0], &mut Named);
            assert_eq!(statements[0].to_string(), right, "{sql}");
        }
    }
}
