//! A column and its casts as keys of one grouping: `GROUP BY bytes, bytes::text`.
//!
//! The engine (DataFusion 55) names a column without its casts and wants every name once, of keys as of
//! [headings](super::headings). So a key with a cast, beside another of that name, stands within a choice that is none
//! and has a name of its own.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    CaseWhen, CastKind, Expr, GroupByExpr, Ident, OrderByKind, Query, Select, SelectItem, SetExpr, Statement, Value,
    VisitorMut,
};

use super::walk_mut;

/// Gives such keys names of their own; whether there are any.
pub(super) fn apart(statement: &mut Statement) -> bool {
    let mut groups = Groups(false);
    let _ = walk_mut(statement, &mut groups);
    groups.0
}

struct Groups(bool);

impl VisitorMut for Groups {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let mut keys = Vec::new();
        if let SetExpr::Select(select) = &mut *query.body {
            keys = with_casts(select);
            select_apart(select, &keys);
        } else {
            self.sides(&mut query.body);
        }
        let order = query.order_by.as_mut().map(|order| &mut order.kind);
        if let Some(OrderByKind::Expressions(by)) = order {
            by.iter_mut().for_each(|by| replace(&mut by.expr, &keys));
        }
        self.0 |= !keys.is_empty();
        ControlFlow::Continue(())
    }
}

impl Groups {
    /// The sides of a UNION, which are no queries of their own.
    fn sides(&mut self, body: &mut SetExpr) {
        match body {
            SetExpr::SetOperation { left, right, .. } => {
                self.sides(left);
                self.sides(right);
            }
            SetExpr::Select(select) => {
                let keys = with_casts(select);
                select_apart(select, &keys);
                self.0 |= !keys.is_empty();
            }
            _ => {}
        }
    }
}

/// The keys that have the name of another key but for their casts; columns keep theirs.
fn with_casts(select: &Select) -> Vec<Expr> {
    let GroupByExpr::Expressions(keys, _) = &select.group_by else { return Vec::new() };
    let keys: Vec<&Expr> = keys.iter().map(|key| written(key, &select.projection)).collect();
    let names: Vec<String> = keys.iter().map(|key| name(key)).collect();
    let is_shared = |at: usize| {
        let mut others = keys.iter().zip(&names).enumerate();
        others.any(|(other, (key, name))| other != at && *name == names[at] && *key != keys[at])
    };
    let is_plain = |at: usize| matches!(keys[at], Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    let shared = (0..keys.len()).filter(|&at| is_shared(at) && !is_plain(at)).map(|at| keys[at].clone());
    shared.fold(Vec::new(), |mut once, key| {
        if !once.contains(&key) {
            once.push(key);
        }
        once
    })
}

/// What a key says: a number is that of a column, and a name may be an alias.
fn written<'a>(key: &'a Expr, projection: &'a [SelectItem]) -> &'a Expr {
    let alias_of = |item: &'a SelectItem| match (item, key) {
        (SelectItem::ExprWithAlias { expr, alias }, Expr::Identifier(name)) if alias.value == name.value => Some(expr),
        _ => None,
    };
    let number = match key {
        Expr::Value(value) => value.to_string().parse::<usize>().ok(),
        _ => None,
    };
    match number.and_then(|number| projection.get(number.checked_sub(1)?)) {
        Some(SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) => expr,
        _ => projection.iter().find_map(alias_of).filter(|expr| matches!(expr, Expr::Cast { .. })).unwrap_or(key),
    }
}

/// What the engine names an expression by: without casts and tables.
fn name(expr: &Expr) -> String {
    struct Strips;
    impl VisitorMut for Strips {
        type Break = ();

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            while let Expr::Cast { expr: inner, .. } | Expr::Nested(inner) = expr {
                *expr = std::mem::replace(&mut **inner, Expr::value(Value::Null));
            }
            if let Expr::CompoundIdentifier(names) = expr
                && let Some(last) = names.pop()
            {
                *expr = Expr::Identifier(last);
            }
            ControlFlow::Continue(())
        }
    }
    let mut bare = expr.clone();
    let _ = walk_mut(&mut bare, &mut Strips);
    bare.to_string().to_lowercase()
}

fn select_apart(select: &mut Select, keys: &[Expr]) {
    if keys.is_empty() {
        return;
    }
    for item in &mut select.projection {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let mut changed = expr.clone();
                replace(&mut changed, keys);
                if changed != *expr {
                    let alias = Ident::with_quote('"', expr.to_string());
                    *item = SelectItem::ExprWithAlias { expr: changed, alias };
                }
            }
            SelectItem::ExprWithAlias { expr, .. } => replace(expr, keys),
            _ => {}
        }
    }
    if let GroupByExpr::Expressions(by, _) = &mut select.group_by {
        by.iter_mut().for_each(|by| replace(by, keys));
    }
    select.having.iter_mut().chain(&mut select.qualify).for_each(|expr| replace(expr, keys));
}

/// Puts a choice that is none around each of the keys within an expression.
fn replace(expr: &mut Expr, keys: &[Expr]) {
    struct Wraps<'a>(&'a [Expr]);
    impl VisitorMut for Wraps<'_> {
        type Break = ();

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            // Few expressions are worth the look.
            let is_like = |key: &Expr| key == expr || is_cast(expr) && is_cast(key) && alike(key) == alike(expr);
            if let Some(at) = self.0.iter().position(is_like) {
                // As many as make it another name than those of the others.
                (0..=at).for_each(|_| *expr = chosen(std::mem::replace(expr, Expr::value(Value::Null))));
            }
            ControlFlow::Continue(())
        }
    }
    let _ = walk_mut(expr, &mut Wraps(keys));
}

fn is_cast(expr: &Expr) -> bool {
    matches!(expr, Expr::Cast { .. })
}

/// An expression whose casts are all written in one way: `n::text` as `CAST(n AS TEXT)`.
fn alike(expr: &Expr) -> Expr {
    struct Spells;
    impl VisitorMut for Spells {
        type Break = ();

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if let Expr::Cast { kind, .. } = expr
                && *kind == CastKind::DoubleColon
            {
                *kind = CastKind::Cast;
            }
            ControlFlow::Continue(())
        }
    }
    let mut alike = expr.clone();
    let _ = walk_mut(&mut alike, &mut Spells);
    alike
}

/// `CASE WHEN true THEN expr END`
fn chosen(expr: Expr) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition: Expr::value(Value::Boolean(true)), result: expr }],
        else_result: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::shown;
    use super::super::{Options, context, headings};

    async fn rows(sql: &str) -> Result<String, String> {
        let context = context(&Options::default()).expect("a context");
        let state = context.state();
        let dialect = &state.config_options().sql_parser.dialect;
        let mut statement = state.sql_to_statement(sql, dialect).expect("a statement");
        headings::apart(super::super::gate::question_mut(&mut statement).expect("a question"));
        let plan = headings::plan(&state, statement).await.map_err(|error| error.to_string())?;
        let frame = context.execute_logical_plan(plan).await.map_err(|error| error.to_string())?;
        let batches = frame.collect().await.map_err(|error| error.to_string())?;
        Ok(shown(&batches))
    }

    /// What PostgreSQL answers.
    #[tokio::test]
    async fn a_column_is_grouped_beside_its_casts() {
        let of = "FROM (VALUES (3, 1), (3, 2), (20, 3)) AS t(n, m)";
        for (sql, right) in [
            ("SELECT n, n::text, count(*) {} GROUP BY n, n::text ORDER BY n", "3 3 2, 20 20 1"),
            ("SELECT n, n::text AS s, sum(m) {} GROUP BY 1, 2 ORDER BY 2", "20 20 3, 3 3 3"),
            ("SELECT n, n::text AS s, sum(m) {} GROUP BY n, s ORDER BY s", "20 20 3, 3 3 3"),
            (
                "SELECT n::text, n::double / 2, count(*) {} GROUP BY n::text, n::double, n ORDER BY n",
                "3 1.5 2, 20 10.0 1",
            ),
            ("SELECT n, CAST(n AS TEXT) || '!', count(*) {} GROUP BY n, n::text ORDER BY n", "3 3! 2, 20 20! 1"),
            ("SELECT count(*) {} GROUP BY n, CAST(n AS TEXT) HAVING CAST(n AS TEXT) > '3'", ""),
            ("SELECT length(n::text) + 1, t.n {} GROUP BY t.n, n::text ORDER BY n::text", "3 20, 2 3"),
            ("SELECT x FROM (SELECT n AS x, n::text AS y {} GROUP BY n, n::text) AS q ORDER BY x", "3, 20"),
            ("SELECT n, n::text {} GROUP BY n, n::text UNION ALL SELECT 1, 'a' ORDER BY 1", "1 a, 3 3, 20 20"),
            (
                "SELECT abs(n), abs(n::double), count(*) {} GROUP BY abs(n), abs(n::double) ORDER BY 1",
                "3 3.0 2, 20 20.0 1",
            ),
        ] {
            let sql = sql.replace("{}", of);
            assert_eq!(rows(&sql).await.as_deref(), Ok(right), "{sql}");
        }
    }
}
