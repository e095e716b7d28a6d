//! Clauses of queries, tables and types that the planner would drop.
//!
//! Each function takes its part of the tree to pieces by name, so that a field which a later parser adds is an error of
//! the compiler here, and somebody decides.

use std::ops::ControlFlow;

use datafusion::logical_expr::sqlparser::ast::{
    BinaryOperator, CharacterLength, Cte, DataType, Distinct, ExactNumberInfo, Expr, ExprWithAliasAndOrderBy,
    FunctionArg, GroupByExpr, Join, JoinConstraint, JoinOperator, LimitClause, PipeOperator, Query, Select,
    SelectFlavor, SetExpr, SetOperator, SetQuantifier, TableAlias, TableFactor, TableFunctionArgs, TableWithJoins,
    UnaryOperator, Value, Visit, Visitor, WindowType,
};

use crate::query::walk;

/// The first of some clauses that is there.
fn first<const N: usize>(clauses: [(bool, &str); N]) -> Option<String> {
    clauses.into_iter().find(|(is_there, _)| *is_there).map(|(_, name)| name.to_owned())
}

pub(super) fn of_query(query: &Query) -> Option<String> {
    let Query {
        with,
        body,
        order_by,
        limit_clause,
        // The planner names it as not implemented.
        fetch: _,
        locks,
        for_clause,
        settings,
        format_clause,
        pipe_operators,
    } = query;
    let limits_by =
        |limit: &LimitClause| matches!(limit, LimitClause::LimitOffset { limit_by, .. } if !limit_by.is_empty());
    let of_order = order_by.as_ref().is_some_and(names_window);
    let ctes = || with.iter().flat_map(|with| &with.cte_tables).find_map(of_cte);
    first([
        (!locks.is_empty(), "FOR UPDATE, FOR SHARE"),
        (for_clause.is_some(), "FOR XML, FOR JSON, FOR BROWSE"),
        (limit_clause.as_ref().is_some_and(limits_by), "LIMIT … BY"),
        (settings.is_some(), "SETTINGS"),
        (format_clause.is_some(), "FORMAT"),
        (of_order, "OVER of a named window in ORDER BY"),
        (pipe_operators.iter().any(sorts_groups), "order in |> AGGREGATE"),
        (counts_copies(body), "ALL of INTERSECT and EXCEPT"),
    ])
    .or_else(ctes)
    .or_else(|| pipe_operators.iter().find_map(of_piped_join))
}

/// Whether copies of a row are to be counted: the engine keeps or drops all of them. Queries in parentheses are looked
/// at by themselves; the parser knows no pipe that counts.
fn counts_copies(body: &SetExpr) -> bool {
    match body {
        SetExpr::SetOperation { op, set_quantifier, left, right } => {
            is_of_copies(*op, *set_quantifier) || counts_copies(left) || counts_copies(right)
        }
        _ => false,
    }
}

fn is_of_copies(operator: SetOperator, quantifier: SetQuantifier) -> bool {
    operator != SetOperator::Union && matches!(quantifier, SetQuantifier::All | SetQuantifier::AllByName)
}

fn of_piped_join(operator: &PipeOperator) -> Option<String> {
    match operator {
        PipeOperator::Join(join) => of_join(join),
        _ => None,
    }
}

fn of_cte(cte: &Cte) -> Option<String> {
    // A query that is kept or not kept has the same rows.
    let Cte { alias, query: _, from, materialized: _, closing_paren_token: _ } = cte;
    first([(from.is_some(), "FROM of a WITH")]).or_else(|| of_alias(alias))
}

fn sorts_groups(operator: &PipeOperator) -> bool {
    let sorts = |part: &ExprWithAliasAndOrderBy| part.order_by.asc.is_some() || part.order_by.nulls_first.is_some();
    match operator {
        PipeOperator::Aggregate { full_table_exprs, group_by_expr } => {
            full_table_exprs.iter().chain(group_by_expr).any(sorts)
        }
        _ => false,
    }
}

pub(super) fn of_select(select: &Select) -> Option<String> {
    let Select {
        select_token: _,
        // Hints are comments.
        optimizer_hints: _,
        distinct,
        select_modifiers,
        top,
        top_before_distinct: _,
        projection: _,
        exclude,
        into: _,
        from,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by,
        cluster_by,
        // Spreads rows over threads, which changes none.
        distribute_by: _,
        sort_by,
        having,
        named_window: _,
        qualify,
        window_before_qualify: _,
        value_table_mode,
        flavor,
    } = select;
    let modifiers = match group_by {
        GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers) => modifiers,
    };
    let on = match distinct {
        Some(Distinct::On(on)) => on.iter().any(names_window),
        _ => false,
    };
    let named = on || having.as_ref().is_some_and(names_window) || qualify.as_ref().is_some_and(names_window);
    first([
        (top.is_some(), "TOP"),
        (select_modifiers.is_some(), "a modifier of SELECT such as HIGH_PRIORITY"),
        (exclude.is_some(), "EXCLUDE after the columns"),
        (!lateral_views.is_empty(), "LATERAL VIEW"),
        (prewhere.is_some(), "PREWHERE"),
        (!connect_by.is_empty(), "CONNECT BY, START WITH"),
        (!modifiers.is_empty(), "WITH ROLLUP, WITH CUBE, WITH TOTALS after GROUP BY"),
        (!cluster_by.is_empty(), "CLUSTER BY"),
        (!sort_by.is_empty(), "SORT BY"),
        (value_table_mode.is_some(), "AS STRUCT, AS VALUE"),
        (*flavor == SelectFlavor::FromFirstNoSelect, "FROM without SELECT"),
        (named, "OVER of a named window outside of the columns"),
    ])
    .or_else(|| from.iter().find_map(of_joins))
}

/// Whether a part of the tree has `OVER name`: only those of the columns are looked up.
fn names_window(part: &impl Visit) -> bool {
    struct Finds;
    impl Visitor for Finds {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(call) if matches!(call.over, Some(WindowType::NamedWindow(_))) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    walk(part, &mut Finds).is_break()
}

fn of_joins(tables: &TableWithJoins) -> Option<String> {
    tables.joins.iter().find_map(of_join)
}

fn of_join(join: &Join) -> Option<String> {
    let Join { relation: _, global, join_operator } = join;
    // The engine gives the left column for both, which is null where only the right table has the row.
    let is_merged = match join_operator {
        JoinOperator::Right(by) | JoinOperator::RightOuter(by) | JoinOperator::FullOuter(by) => {
            matches!(by, JoinConstraint::Using(_) | JoinConstraint::Natural)
        }
        _ => false,
    };
    first([
        (*global, "GLOBAL JOIN"),
        (is_merged, "USING and NATURAL of RIGHT and FULL joins (write ON, and coalesce of both columns)"),
    ])
}

pub(super) fn of_table(factor: &TableFactor) -> Option<String> {
    match factor {
        TableFactor::Table {
            name: _,
            alias,
            args,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        } => first([
            (sample.is_some(), "TABLESAMPLE, SAMPLE"),
            (version.is_some(), "FOR SYSTEM_TIME, AS OF, VERSION"),
            (*with_ordinality, "WITH ORDINALITY"),
            (!partitions.is_empty(), "PARTITION (…)"),
            (json_path.is_some(), "a path behind a table"),
            (!with_hints.is_empty(), "WITH (…) behind a table"),
            (!index_hints.is_empty(), "USE INDEX, IGNORE INDEX, FORCE INDEX"),
        ])
        .or_else(|| args.as_ref().and_then(of_arguments))
        .or_else(|| alias.as_ref().and_then(of_alias)),
        TableFactor::Derived { lateral: _, subquery: _, alias, sample } => {
            first([(sample.is_some(), "TABLESAMPLE, SAMPLE")]).or_else(|| alias.as_ref().and_then(of_alias))
        }
        TableFactor::Function { lateral: _, name: _, args, with_ordinality, alias } => first([
            (*with_ordinality, "WITH ORDINALITY"),
            (args.iter().any(is_named), "names of arguments"),
            (reckons(args), RECKONED),
        ])
        .or_else(|| alias.as_ref().and_then(of_alias)),
        TableFactor::NestedJoin { table_with_joins, alias } => {
            of_joins(table_with_joins).or_else(|| alias.as_ref().and_then(of_alias))
        }
        TableFactor::UNNEST { alias, .. } => alias.as_ref().and_then(of_alias),
        // The planner names them as not implemented.
        TableFactor::TableFunction { .. }
        | TableFactor::JsonTable { .. }
        | TableFactor::OpenJsonTable { .. }
        | TableFactor::Pivot { .. }
        | TableFactor::Unpivot { .. }
        | TableFactor::MatchRecognize { .. }
        | TableFactor::XmlTable { .. }
        | TableFactor::SemanticView { .. } => None,
    }
}

fn of_arguments(arguments: &TableFunctionArgs) -> Option<String> {
    let TableFunctionArgs { args, settings } = arguments;
    first([
        (settings.is_some(), "SETTINGS"),
        (args.iter().any(is_named), "names of arguments"),
        (reckons(args), RECKONED),
    ])
}

const RECKONED: &str = "+, - and * in the arguments of a table function (write the number)";

/// Whether there is arithmetic in the arguments of a table function. The planner reckons it out before the rule that
/// checks integers sees it. Times are checked by the engine, so that an interval may be added.
fn reckons(arguments: &[FunctionArg]) -> bool {
    struct Finds;
    impl Visitor for Finds {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            let is_reckoned = match expr {
                Expr::BinaryOp {
                    left,
                    op: BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Multiply,
                    right,
                } => ![left, right].into_iter().any(|side| matches!(**side, Expr::Interval(_))),
                Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
                    !matches!(&**expr, Expr::Value(value) if matches!(value.value, Value::Number(..)))
                }
                _ => false,
            };
            if is_reckoned { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    arguments.iter().any(|argument| walk(argument, &mut Finds).is_break())
}

fn is_named(argument: &FunctionArg) -> bool {
    !matches!(argument, FunctionArg::Unnamed(_))
}

fn of_alias(alias: &TableAlias) -> Option<String> {
    let TableAlias { explicit: _, name: _, columns, at } = alias;
    first([
        (at.is_some(), "AT behind an alias"),
        (columns.iter().any(|column| column.data_type.is_some()), "types of columns in an alias"),
    ])
}

/// Lengths and precisions that a cast would not keep to.
pub(super) fn of_type(kind: &DataType) -> Option<String> {
    let is_ignored = match kind {
        DataType::Varchar(Some(CharacterLength::IntegerLength { .. }))
        | DataType::Char(Some(CharacterLength::IntegerLength { .. }))
        | DataType::String(Some(_)) => true,
        DataType::Float(number) => !matches!(number, ExactNumberInfo::None),
        DataType::TinyInt(width)
        | DataType::SmallInt(width)
        | DataType::Int2(width)
        | DataType::Int(width)
        | DataType::Integer(width)
        | DataType::Int4(width)
        | DataType::BigInt(width)
        | DataType::Int8(width)
        | DataType::TinyIntUnsigned(width)
        | DataType::SmallIntUnsigned(width)
        | DataType::Int2Unsigned(width)
        | DataType::IntUnsigned(width)
        | DataType::IntegerUnsigned(width)
        | DataType::Int4Unsigned(width)
        | DataType::BigIntUnsigned(width)
        | DataType::Int8Unsigned(width) => width.is_some(),
        _ => false,
    };
    is_ignored.then(|| format!("the length in {kind}"))
}
