//! What stands in one column of UNION, INTERSECT, EXCEPT and VALUES, where it is written and no more.
//!
//! `SELECT packets FROM flow_logs UNION ALL SELECT '10'`: such a text has no type yet, and gets that of the others.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::NullEquality;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Alias, Placeholder};
use datafusion::logical_expr::{
    Distinct, Expr, ExprSchemable, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Projection, SubqueryAlias, Union,
};

/// Something in a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// A text that is written.
    Text(String),
    /// A parameter without a type.
    Parameter(String),
    /// What has a type.
    Of(DataType),
}

impl Part {
    pub(super) fn of(expr: &Expr, kind: impl FnOnce() -> DataType) -> Part {
        match bare(expr) {
            Expr::Placeholder(Placeholder { id, field: None }) => Part::Parameter(id.clone()),
            Expr::Literal(value, _) => match value.try_as_str() {
                Some(Some(text)) => Part::Text(text.to_owned()),
                _ => Part::Of(value.data_type()),
            },
            _ => Part::Of(kind()),
        }
    }
}

fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(Alias { expr, .. }) => bare(expr),
        other => other,
    }
}

fn bare_mut(expr: &mut Expr) -> &mut Expr {
    match expr {
        Expr::Alias(Alias { expr, .. }) => bare_mut(expr),
        other => other,
    }
}

/// The parts of each column, if this node of a plan sets rows of several beside each other.
pub(super) fn columns(plan: &LogicalPlan) -> Option<Vec<Vec<Part>>> {
    let sides = sides(plan)?;
    let column = |at| {
        let mut parts = Vec::new();
        sides.iter().for_each(|side| collect(side, at, &mut parts));
        parts
    };
    Some((0..plan.schema().fields().len()).map(column).collect())
}

fn sides(plan: &LogicalPlan) -> Option<Vec<&LogicalPlan>> {
    match plan {
        LogicalPlan::Union(union) => Some(union.inputs.iter().map(|input| &**input).collect()),
        LogicalPlan::Join(join) if is_set(join) => Some(vec![&*join.left, &*join.right]),
        LogicalPlan::Values(_) => Some(vec![plan]),
        _ => None,
    }
}

/// INTERSECT and EXCEPT are joins in which a null equals a null.
fn is_set(join: &Join) -> bool {
    matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti)
        && join.null_equality == NullEquality::NullEqualsNull
}

/// The names that the planner gives to the sides of these joins where it has to tell them apart.
fn is_side(alias: &SubqueryAlias) -> bool {
    matches!(alias.alias.table(), "left" | "right")
}

/// The column of its input that a projection passes on and uses nowhere else, as those of UNION BY NAME do.
fn passed(projection: &Projection, at: usize) -> Option<usize> {
    let Expr::Column(column) = &projection.expr[at] else { return None };
    let is_other = |(other, expr): (usize, &Expr)| other == at || !expr.column_refs().contains(column);
    let is_alone = projection.expr.iter().enumerate().all(is_other);
    projection.input.schema().maybe_index_of_column(column).filter(|_| is_alone)
}

fn collect(plan: &LogicalPlan, at: usize, parts: &mut Vec<Part>) {
    let kind = || plan.schema().field(at).data_type().clone();
    match plan {
        LogicalPlan::Union(union) => union.inputs.iter().for_each(|input| collect(input, at, parts)),
        LogicalPlan::Distinct(Distinct::All(input)) => collect(input, at, parts),
        LogicalPlan::Sort(sort) => collect(&sort.input, at, parts),
        LogicalPlan::Limit(limit) => collect(&limit.input, at, parts),
        LogicalPlan::SubqueryAlias(alias) if is_side(alias) => collect(&alias.input, at, parts),
        LogicalPlan::Join(join) if is_set(join) => collect(&join.left, at, parts),
        LogicalPlan::Projection(projection) => match passed(projection, at) {
            Some(at) => collect(&projection.input, at, parts),
            None => {
                let expr = &projection.expr[at];
                parts.push(Part::of(expr, || expr.get_type(projection.input.schema()).unwrap_or_else(|_| kind())));
            }
        },
        LogicalPlan::Values(rows) => parts.extend(rows.values.iter().map(|row| Part::of(&row[at], kind))),
        _ => parts.push(Part::Of(kind())),
    }
}

/// Puts something else in the place of each text of a column.
pub(super) fn with_texts(plan: LogicalPlan, at: usize, instead: &dyn Fn(&str) -> Option<Expr>) -> Result<LogicalPlan> {
    let below = |input: Arc<LogicalPlan>| with_texts(Arc::unwrap_or_clone(input), at, instead).map(Arc::new);
    let replace = |expr: &mut Expr| {
        let expr = bare_mut(expr);
        let text = match expr {
            Expr::Literal(value, _) => value.try_as_str().flatten().and_then(instead),
            _ => None,
        };
        if let Some(other) = text {
            *expr = other;
        }
    };
    let plan = match plan {
        LogicalPlan::Union(union) => {
            let inputs = union.inputs.into_iter().map(below).collect::<Result<Vec<_>>>()?;
            LogicalPlan::Union(Union { inputs, schema: union.schema })
        }
        LogicalPlan::Distinct(Distinct::All(input)) => LogicalPlan::Distinct(Distinct::All(below(input)?)),
        LogicalPlan::Sort(mut sort) => {
            sort.input = below(sort.input)?;
            LogicalPlan::Sort(sort)
        }
        LogicalPlan::Limit(mut limit) => {
            limit.input = below(limit.input)?;
            LogicalPlan::Limit(limit)
        }
        LogicalPlan::SubqueryAlias(mut alias) if is_side(&alias) => {
            alias.input = below(alias.input)?;
            LogicalPlan::SubqueryAlias(alias)
        }
        LogicalPlan::Join(mut join) if is_set(&join) => {
            (join.left, join.right) = (below(join.left)?, below(join.right)?);
            LogicalPlan::Join(join)
        }
        LogicalPlan::Projection(mut projection) => {
            match passed(&projection, at) {
                Some(at) => {
                    let input = Arc::unwrap_or_clone(projection.input);
                    projection.input = Arc::new(with_texts(input, at, instead)?);
                }
                None => {
                    let expr = &mut projection.expr[at];
                    let name = expr.schema_name().to_string();
                    replace(expr);
                    // What stands above goes by the name.
                    if expr.schema_name().to_string() != name {
                        *expr = std::mem::take(expr).alias(name);
                    }
                }
            }
            LogicalPlan::Projection(projection)
        }
        LogicalPlan::Values(mut rows) => {
            rows.values.iter_mut().for_each(|row| replace(&mut row[at]));
            return LogicalPlanBuilder::values(rows.values)?.build();
        }
        other => return Ok(other),
    };
    settled(plan)
}

/// A node with the types that its inputs have now.
pub(super) fn settled(plan: LogicalPlan) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::Union(union) => Ok(LogicalPlan::Union(Union::try_new_with_loose_types(union.inputs)?)),
        other => other.recompute_schema(),
    }
}
