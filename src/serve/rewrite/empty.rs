//! Queries that can have no row, since a table of the catalog never has one: policies, triggers, publications, keys.
//!
//! Clients ask for these with all that Postgres's SQL has, and much of it the engine cannot plan. The answer is known
//! all the same.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    DataType, Expr, FunctionArg, FunctionArgExpr, GroupByExpr, JoinOperator, ObjectNamePart, Query, Select, SelectItem,
    SetExpr, SetOperator, Statement, TableFactor, TableWithJoins, Value, Visitor,
};

use super::{casts, last_name, names};
use crate::query::walk;
use crate::serve::pg_catalog;

/// Whether a query has no row whatever the lake holds.
pub(super) fn is_empty(query: &Query, is_aggregate: &dyn Fn(&str) -> bool) -> bool {
    set_is_empty(&query.body, is_aggregate)
}

fn set_is_empty(set: &SetExpr, is_aggregate: &dyn Fn(&str) -> bool) -> bool {
    match set {
        SetExpr::Select(select) => {
            // Without rows, a query with aggregates and without groups has one row.
            let is_grouped =
                matches!(&select.group_by, GroupByExpr::Expressions(by, sets) if !by.is_empty() && sets.is_empty());
            let keeps = is_grouped || !has_aggregate(select, is_aggregate);
            keeps && select.from.iter().any(|from| join_is_empty(from, is_aggregate))
        }
        SetExpr::Query(query) => is_empty(query, is_aggregate),
        SetExpr::SetOperation { left, op, right, .. } => {
            let (left, right) = (set_is_empty(left, is_aggregate), set_is_empty(right, is_aggregate));
            match op {
                SetOperator::Union => left && right,
                SetOperator::Intersect => left || right,
                SetOperator::Except | SetOperator::Minus => left,
            }
        }
        _ => false,
    }
}

fn join_is_empty(from: &TableWithJoins, is_aggregate: &dyn Fn(&str) -> bool) -> bool {
    let mut is_empty = factor_is_empty(&from.relation, is_aggregate);
    for join in &from.joins {
        let right = factor_is_empty(&join.relation, is_aggregate);
        is_empty = match join.join_operator {
            JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_) => is_empty || right,
            JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => is_empty,
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => right,
            _ => is_empty && right,
        };
    }
    is_empty
}

fn factor_is_empty(factor: &TableFactor, is_aggregate: &dyn Fn(&str) -> bool) -> bool {
    match factor {
        TableFactor::Table { name, args: None, .. } => {
            let schema = name.0.len().checked_sub(2).and_then(|at| name.0[at].as_ident());
            let schema = schema.map(|ident| ident.value.to_lowercase());
            schema.is_some_and(|schema| pg_catalog::is_always_empty(&schema, &last_name(name)))
        }
        TableFactor::Table { name, args: Some(args), .. } if last_name(name) == "unnest" => {
            args.args.iter().all(|argument| {
                matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::CompoundIdentifier(column)))
                if column.last().is_some_and(|column| pg_catalog::is_array(&column.value)))
            })
        }
        TableFactor::Derived { subquery, .. } => is_empty(subquery, is_aggregate),
        TableFactor::NestedJoin { table_with_joins, .. } => join_is_empty(table_with_joins, is_aggregate),
        _ => false,
    }
}

/// Whether a query reads nothing but the catalog.
pub(super) fn asks_catalog(query: &Query) -> bool {
    let is_catalogs = |factor: &TableFactor| match factor {
        TableFactor::Table { name, args: None, .. } => {
            let schema = name.0.len().checked_sub(2).and_then(|at| name.0[at].as_ident());
            schema.is_some_and(|schema| {
                ["pg_catalog", "information_schema"].iter().any(|known| schema.value.eq_ignore_ascii_case(known))
            })
        }
        _ => false,
    };
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    let tables = |from: &TableWithJoins| {
        is_catalogs(&from.relation) && from.joins.iter().all(|join| is_catalogs(&join.relation))
    };
    !select.from.is_empty() && select.from.iter().all(tables)
}

/// Whether a selection has a function over many rows, not counting those of its subqueries.
pub(super) fn has_aggregate(select: &Select, is_aggregate: &dyn Fn(&str) -> bool) -> bool {
    struct Aggregates<'a> {
        depth: usize,
        is_aggregate: &'a dyn Fn(&str) -> bool,
    }
    impl Visitor for Aggregates<'_> {
        type Break = ();

        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.depth += 1;
            ControlFlow::Continue(())
        }

        fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.depth -= 1;
            ControlFlow::Continue(())
        }

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(function)
                    if self.depth == 0
                        && function.over.is_none()
                        && (self.is_aggregate)(&last_name(&function.name))
                        && function.name.0.iter().all(|part| matches!(part, ObjectNamePart::Identifier(_))) =>
                {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    let mut aggregates = Aggregates { depth: 0, is_aggregate };
    walk(&select.projection, &mut aggregates).is_break() || walk(&select.having, &mut aggregates).is_break()
}

/// A statement of the same columns without a row, for one that can have none and cannot be planned. Its columns are
/// texts.
pub(in crate::serve) fn without_rows(statement: &Statement, is_aggregate: &dyn Fn(&str) -> bool) -> Option<Statement> {
    let Statement::Query(query) = statement else { return None };
    if !is_empty(query, is_aggregate) {
        return None;
    }
    let names = names::column_names(statement).into_iter().collect::<Option<Vec<String>>>()?;
    if names.is_empty() {
        return None;
    }
    let mut query = query.clone();
    let select = names::first_select(&query.body)?;
    let mut select = Select { from: Vec::new(), having: None, distinct: None, ..select.clone() };
    select.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
    select.selection = Some(Expr::value(Value::Boolean(false)));
    let null = |name: String| SelectItem::ExprWithAlias {
        expr: casts::cast(Expr::value(Value::Null), DataType::Text),
        alias: datafusion::sql::sqlparser::ast::Ident::with_quote('"', name),
    };
    select.projection = names.into_iter().map(null).collect();
    super::name_apart(&mut select.projection);
    query.body = Box::new(SetExpr::Select(Box::new(select)));
    query.order_by = None;
    query.limit_clause = None;
    query.with = None;
    Some(Statement::Query(query))
}
