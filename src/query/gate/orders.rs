//! `ORDER BY packets * 1` where `packets` is both a column and the name of another result.
//!
//! In an expression, PostgreSQL and DuckDB take the column, and the name of a result only where it stands alone. The
//! engine (DataFusion 55) takes the result for both.

use datafusion::common::Column;
use datafusion::logical_expr::expr::Alias;
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, Projection};

/// What a sort is refused for.
pub(super) fn refusal(node: &LogicalPlan) -> Option<String> {
    let LogicalPlan::Sort(sort) = node else { return None };
    let projection = match &*sort.input {
        LogicalPlan::Projection(projection) => projection,
        LogicalPlan::Distinct(Distinct::All(input)) => match &**input {
            LogicalPlan::Projection(projection) => projection,
            _ => return None,
        },
        _ => return None,
    };
    let by = sort.expr.iter().map(|by| without_alias(&by.expr)).filter(|by| !matches!(by, Expr::Column(_)));
    let both = by.flat_map(Expr::column_refs).find(|column| is_both(column, projection))?;
    Some(format!(
        "the name {} in an expression of ORDER BY, where it is a column and another result too (give the result \
         another name, or sort outside: SELECT * FROM (SELECT …) ORDER BY …)",
        both.name()
    ))
}

/// Whether a name is that of a result which is not the column that has the name too.
fn is_both(column: &Column, projection: &Projection) -> bool {
    let Ok(at) = projection.schema.index_of_column(column) else { return false };
    let Some(Expr::Alias(Alias { expr, name, .. })) = projection.expr.get(at) else { return false };
    let is_other = !matches!(without_alias(expr), Expr::Column(inner) if inner.name() == name);
    is_other && projection.input.schema().fields().iter().any(|field| field.name() == name)
}

fn without_alias(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(Alias { expr, .. }) => without_alias(expr),
        other => other,
    }
}
