//! `WITH RECURSIVE` whose parts have other types.
//!
//! The engine (DataFusion 55) casts what the second part gives to the types of the first: of `SELECT 1 UNION ALL SELECT
//! n * 2.5` the fractions were lost at every step. PostgreSQL refuses it. A cast that is written there says what is
//! meant, and is told from those that the planner adds by being written twice.

use std::ops::ControlFlow;

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::sqlparser::ast::{
    Expr as Parsed, Query, SelectItem, SetExpr, SetOperator, Statement, Value, VisitorMut,
};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Projection, RecursiveQuery};

use crate::query::walk_mut;

/// Writes the casts of recursive parts twice.
pub(super) fn mark(statement: &mut Statement) {
    let _ = walk_mut(statement, &mut Marks);
}

struct Marks;

impl VisitorMut for Marks {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let with = query.with.iter_mut().filter(|with| with.recursive);
        for cte in with.flat_map(|with| &mut with.cte_tables) {
            if let SetExpr::SetOperation { op: SetOperator::Union, right, .. } = &mut *cte.query.body {
                mark_casts(right);
            }
        }
        ControlFlow::Continue(())
    }
}

fn mark_casts(part: &mut SetExpr) {
    match part {
        SetExpr::Query(query) => mark_casts(&mut query.body),
        SetExpr::Select(select) => select.projection.iter_mut().for_each(|item| {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                write_twice(expr);
            }
        }),
        _ => {}
    }
}

fn write_twice(expr: &mut Parsed) {
    if let Parsed::Nested(inner) = expr {
        return write_twice(inner);
    }
    if let Parsed::Cast { expr: inner, .. } = expr {
        let inner = std::mem::replace(&mut **inner, Parsed::value(Value::Null));
        let mut once = expr.clone();
        if let (Parsed::Cast { expr: of_once, .. }, Parsed::Cast { expr: of_twice, .. }) = (&mut once, &mut *expr) {
            **of_once = inner;
            **of_twice = once;
        }
    }
}

/// What a recursive query is refused for.
pub(super) fn refusal(node: &LogicalPlan) -> Option<String> {
    let LogicalPlan::RecursiveQuery(RecursiveQuery { static_term, recursive_term, .. }) = node else { return None };
    let LogicalPlan::Projection(Projection { expr, input, .. }) = &**recursive_term else { return None };
    let names = static_term.schema().fields().iter();
    names.zip(expr).find_map(|(column, expr)| {
        let Expr::Cast(Cast { expr, field }) = without_alias(expr) else { return None };
        let (from, to) = (expr.get_type(input.schema()).ok()?, field.data_type());
        let name = column.name();
        (!holds(to, &from)).then(|| {
            format!(
                "{name} of WITH RECURSIVE, which is {to} in the first part and {from} in the second (cast one to the \
                 type of the other: CAST(… AS DOUBLE))"
            )
        })
    })
}

/// Whether a cast keeps every value, or is an error.
fn holds(to: &DataType, from: &DataType) -> bool {
    let scale = |kind: &DataType| match kind {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => Some(*scale),
        kind if kind.is_integer() => Some(0),
        _ => None,
    };
    let is_text = |kind: &DataType| kind.is_string();
    to == from
        || from.is_null()
        || (is_text(to) && is_text(from))
        || (*to == DataType::Float64 && from.is_numeric())
        || scale(to).zip(scale(from)).is_some_and(|(to, from)| to >= from)
}

fn without_alias(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => without_alias(&alias.expr),
        other => other,
    }
}
