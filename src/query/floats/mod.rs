//! Floats with one zero and one NaN.
//!
//! A float has two zeros and many NaNs. The engine (DataFusion 55) holds them apart wherever it orders or looks up by
//! bits: `-0.0 IN (0)` was false, a join lost the row, and the NaN of `0.0 / 0` has a sign on some processors, which
//! put it before all other numbers. Once all types are in the plan, what makes a float gets a function around it:
//! `-0.0` becomes 0, and NaN the one that is greater than all. No other expression ever sees the others.
//!
//! | made by | gets it |
//! |---|---|
//! | arithmetic, functions, casts, literals (and so parameters) | around it, [`PlainFloats`] |
//! | aggregates and windows | above them, [`PlainAggregates`] |
//! | a column of an own file | in its view, [`view_of`] |
//!
//! What passes values on (`CASE`, `coalesce`, a column) needs none. No file of a lake has floats.

mod aggregates;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlanBuilder, Operator};

use crate::functions::numbers::{OfFloat, checked_numbers, has_floats, is_plain, made_plain, without_plain};
pub(super) use aggregates::PlainAggregates;

/// Functions whose floats are those that they were given, or plain anyhow.
const PASSING: [&str; 8] =
    ["coalesce", "date_part", "get_field", "greatest", "least", "make_array", "named_struct", "nullif"];

/// Puts the function around expressions that make floats.
#[derive(Debug)]
pub(super) struct PlainFloats;

impl FunctionRewrite for PlainFloats {
    fn name(&self) -> &str {
        "plain_floats"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        if made_plain(&expr).is_some() {
            // The plan is analyzed again, and its parts got the function anew.
            return Ok(Transformed::yes(OfFloat::Plain.of(without_plain(without_plain(expr)))));
        }
        match makes_floats(&expr, schema)? {
            true => Ok(Transformed::yes(OfFloat::Plain.of(with_plain_at_its_end(expr)))),
            false => Ok(Transformed::no(expr)),
        }
    }
}

/// Whether a zero with a sign, or a NaN with one, may come of it that was not in its parts.
fn makes_floats(expr: &Expr, schema: &DFSchema) -> Result<bool> {
    let is_checked = |expr: &Expr| checked_numbers(expr).is_some();
    let has = |expr: &Expr| expr.get_type(schema).is_ok_and(|kind| has_floats(&kind));
    let is_float = |expr: &Expr| made_plain(expr).is_some() || (!is_checked(expr) && has(expr));
    Ok(match expr {
        Expr::Literal(value, _) => !is_plain(value)?,
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => is_arithmetic(*op) && is_float(left) && is_float(right),
        Expr::Negative(inner) => is_float(inner),
        Expr::Cast(Cast { expr: of, field }) | Expr::TryCast(TryCast { expr: of, field }) => {
            let is_exact = |expr: &Expr| {
                expr.get_type(schema).is_ok_and(|kind| kind.is_integer() || kind.is_decimal() || kind.is_null())
            };
            has_floats(field.data_type()) && !is_exact(of)
        }
        Expr::ScalarFunction(call) => !PASSING.contains(&call.name()) && !is_checked(expr) && has(expr),
        _ => false,
    })
}

fn is_arithmetic(operator: Operator) -> bool {
    use Operator::{Divide, Minus, Modulo, Multiply, Plus};
    matches!(operator, Plus | Minus | Multiply | Divide | Modulo)
}

/// A sum or product needs the function once, around all of it: the engine goes through all that is below a function for
/// its type and its name. Only what is divided by must be plain before, for `1 / -0.0` is less than all numbers.
fn with_plain_at_its_end(expr: Expr) -> Expr {
    let bare = |side: Box<Expr>| Box::new(without_plain(*side));
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let right = if op == Operator::Divide { right } else { bare(right) };
            Expr::BinaryExpr(BinaryExpr::new(bare(left), op, right))
        }
        Expr::Negative(inner) => Expr::Negative(bare(inner)),
        other => other,
    }
}

/// A table as it is, but that its floats are plain; `None` if it has none.
pub(super) fn view_of(name: &str, table: Arc<dyn TableProvider>) -> Result<Option<ViewTable>> {
    if !table.schema().fields().iter().any(|field| has_floats(field.data_type())) {
        return Ok(None);
    }
    let scan = LogicalPlanBuilder::scan(name, provider_as_source(table), None)?;
    let columns: Vec<Expr> = scan
        .schema()
        .iter()
        .map(|(table, field)| match has_floats(field.data_type()) {
            true => OfFloat::Plain.of(Expr::from((table, field))).alias(field.name()),
            false => Expr::from((table, field)),
        })
        .collect();
    Ok(Some(ViewTable::new(scan.project(columns)?.build()?, None)))
}
