//! Columns of functions in FROM: `SELECT d FROM generate_series(1, 3) AS d`.
//!
//! In PostgreSQL the only column of such a function has the name that follows it, or else that of the function. The
//! engine (DataFusion 55) calls it `value`, and that of `unnest` by its arguments. Statements are planned with
//! PostgreSQL's names, and with the engine's where they mean nothing: both may be written, but not in one statement.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, Statement, TableAlias, TableAliasColumnDef, TableFactor, VisitorMut,
};

use super::walk_mut;

/// Functions with one column.
const FUNCTIONS: [&str; 2] = ["generate_series", "range"];

/// Names these columns as PostgreSQL does; whether there are any.
pub(super) fn named(statement: &mut Statement) -> bool {
    let mut names = Names(false);
    let _ = walk_mut(statement, &mut names);
    names.0
}

struct Names(bool);

impl VisitorMut for Names {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let (function, alias) = match factor {
            TableFactor::Table { name, args: Some(_), alias, .. } | TableFactor::Function { name, alias, .. } => {
                (function(name), alias)
            }
            TableFactor::UNNEST { array_exprs, alias, .. } if array_exprs.len() == 1 => (Some("unnest"), alias),
            _ => return ControlFlow::Continue(()),
        };
        let Some(function) = function else { return ControlFlow::Continue(()) };
        let alias = alias.get_or_insert_with(|| TableAlias {
            explicit: true,
            name: Ident::new(function),
            columns: Vec::new(),
            at: None,
        });
        if alias.columns.is_empty() {
            alias.columns.push(TableAliasColumnDef { name: alias.name.clone(), data_type: None });
            self.0 = true;
        }
        ControlFlow::Continue(())
    }
}

fn function(name: &ObjectName) -> Option<&'static str> {
    let name = name.to_string();
    FUNCTIONS.into_iter().find(|function| name.eq_ignore_ascii_case(function))
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn the_column_has_the_name_of_its_function_or_the_alias() {
        for (sql, right) in [
            ("SELECT d FROM generate_series(1, 3) d", Some("generate_series(1, 3) d (d)")),
            ("SELECT D FROM RANGE(1, 3) AS \"D\"", Some("RANGE(1, 3) AS \"D\" (\"D\")")),
            ("SELECT 1 FROM range(1, 3)", Some("range(1, 3) AS range (range)")),
            ("SELECT u FROM unnest(ARRAY[1]) u", Some("UNNEST(ARRAY[1]) u (u)")),
            ("SELECT 1 FROM generate_series(1, 3) AS d(x)", None),
            ("SELECT 1 FROM unnest(ARRAY[1], ARRAY[2]) u", None),
            ("SELECT 1 FROM range", None),
            ("SELECT 1 FROM read_parquet('a') AS d", None),
        ] {
            let mut statements = Parser::parse_sql(&GenericDialect {}, sql).expect("a statement");
            assert_eq!(named(&mut statements[0]), right.is_some(), "{sql}");
            let found = statements[0].to_string();
            assert!(right.is_none_or(|right| found.ends_with(right)), "{sql}: {found}");
        }
    }
}
