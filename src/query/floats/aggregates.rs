//! Floats that aggregates and window functions make: plain in a projection above them.
//!
//! `min` and `max` are asked of numbers that stand in the order of the floats. The engine's own (DataFusion 55) begin
//! with the largest number that is finite, and so never find an infinity, and take what comes after NaN for larger.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::Alias;
use datafusion::logical_expr::logical_plan::{Aggregate, Projection, Window};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use crate::functions::numbers::{OfFloat, has_floats};

/// Those that give a value which a row has, or a share of rows.
const PASSING: [&str; 9] =
    ["any_value", "array_agg", "cume_dist", "first_value", "lag", "last_value", "lead", "nth_value", "percent_rank"];

/// Puts the projection above aggregates and windows that make floats.
#[derive(Debug)]
pub(in super::super) struct PlainAggregates;

impl AnalyzerRule for PlainAggregates {
    fn name(&self) -> &str {
        "plain_aggregates"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(of_node)?.data)
    }
}

fn of_node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match plan {
        LogicalPlan::Aggregate(Aggregate { input, group_expr, aggr_expr, schema, .. }) => {
            let passed = schema.fields().len() - aggr_expr.len();
            let made = made(&aggr_expr, &schema, passed, input.schema());
            let Some(made) = made else {
                let same = Aggregate::try_new_with_schema(input, group_expr, aggr_expr, schema)?;
                return Ok(Transformed::no(LogicalPlan::Aggregate(same)));
            };
            let aggregate = Aggregate::try_new(input, group_expr, asked(aggr_expr, &made))?;
            projected(LogicalPlan::Aggregate(aggregate), &schema, passed, made)
        }
        LogicalPlan::Window(Window { input, window_expr, schema }) => {
            let passed = schema.fields().len() - window_expr.len();
            let Some(made) = made(&window_expr, &schema, passed, input.schema()) else {
                return Ok(Transformed::no(LogicalPlan::Window(Window { input, window_expr, schema })));
            };
            let window = Window::try_new(asked(window_expr, &made), input)?;
            projected(LogicalPlan::Window(window), &schema, passed, made)
        }
        other => Ok(Transformed::no(other)),
    }
}

/// What becomes of each result, `None` if nothing does of all.
fn made(exprs: &[Expr], schema: &DFSchema, passed: usize, input: &DFSchema) -> Option<Vec<Option<OfFloat>>> {
    let kinds = schema.fields().iter().skip(passed).map(|field| field.data_type());
    let made: Vec<Option<OfFloat>> = exprs.iter().zip(kinds).map(|(expr, kind)| result(expr, kind, input)).collect();
    made.iter().any(Option::is_some).then_some(made)
}

fn result(expr: &Expr, kind: &DataType, input: &DFSchema) -> Option<OfFloat> {
    let (name, arguments) = match expr {
        Expr::Alias(Alias { expr, .. }) => return result(expr, kind, input),
        Expr::AggregateFunction(call) => (call.func.name(), &call.params.args),
        Expr::WindowFunction(call) => (call.fun.name(), &call.params.args),
        _ => return None,
    };
    // Averages of integers are exact.
    let is_of_floats = || arguments.iter().any(|of| of.get_type(input).is_ok_and(|kind| has_floats(&kind)));
    match name {
        "min" | "max" if kind.is_floating() => Some(OfFloat::Place(kind.clone())),
        "avg" if !is_of_floats() => None,
        name if PASSING.contains(&name) || !has_floats(kind) => None,
        _ => Some(OfFloat::Plain),
    }
}

/// The same calls, but that those of `min` and `max` ask numbers.
fn asked(exprs: Vec<Expr>, made: &[Option<OfFloat>]) -> Vec<Expr> {
    let one = |(expr, of): (Expr, &Option<OfFloat>)| match of {
        Some(OfFloat::Place(_)) => of_order(expr),
        _ => expr,
    };
    exprs.into_iter().zip(made).map(one).collect()
}

fn of_order(expr: Expr) -> Expr {
    let ordered = |arguments: Vec<Expr>| arguments.into_iter().map(|of| OfFloat::Order.of(of)).collect();
    match expr {
        Expr::Alias(Alias { expr, relation, name, metadata }) => {
            Expr::Alias(Alias { expr: Box::new(of_order(*expr)), relation, name, metadata })
        }
        Expr::AggregateFunction(mut of) => {
            of.params.args = ordered(of.params.args);
            Expr::AggregateFunction(of)
        }
        Expr::WindowFunction(mut of) => {
            of.params.args = ordered(of.params.args);
            Expr::WindowFunction(of)
        }
        other => other,
    }
}

/// The columns under their names, the last of them made plain.
fn projected(
    plan: LogicalPlan,
    schema: &DFSchema,
    passed: usize,
    made: Vec<Option<OfFloat>>,
) -> Result<Transformed<LogicalPlan>> {
    let made = std::iter::repeat_n(None, passed).chain(made);
    let column = |((table, field), of): ((_, _), Option<OfFloat>)| {
        let column = Expr::from((table, field));
        match (of, &column) {
            (Some(of), Expr::Column(named)) => {
                let (table, name) = (named.relation.clone(), named.name.clone());
                of.of(column).alias_qualified(table, name)
            }
            _ => column,
        }
    };
    let columns = schema.iter().zip(made).map(column).collect();
    Ok(Transformed::yes(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(plan))?)))
}
