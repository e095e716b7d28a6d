//! `list[n]`: always the element of a list.
//!
//! The planner of the engine (DataFusion 55) makes `nth_value(x, n)` of `array_agg(x)[n]`, which takes no account of
//! DISTINCT, knows no `[0]` and no `[n]` that is no number, and takes one order of rows for a whole SELECT.

use std::sync::Arc;

use datafusion::common::{DFSchema, Result};
use datafusion::execution::SessionStateBuilder;
use datafusion::functions_nested::extract::array_element;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawFieldAccessExpr};
use datafusion::logical_expr::{Expr, GetFieldAccess};

use super::functions::Substrings;
use super::scaled::ScaledIntervals;
use super::span_texts::SpanTexts;
use super::timestamp::Extracts;

/// Puts our planners before those of the engine, which are asked one after the other.
pub(super) fn plan(builder: SessionStateBuilder) -> SessionStateBuilder {
    builder.with_expr_planners(vec![
        Arc::new(Subscripts),
        Arc::new(ScaledIntervals),
        Arc::new(SpanTexts),
        Arc::new(Extracts),
        Arc::new(Substrings),
    ])
}

/// Plans subscripts of aggregates; all others are the engine's.
#[derive(Debug)]
struct Subscripts;

impl ExprPlanner for Subscripts {
    fn plan_field_access(
        &self,
        access: RawFieldAccessExpr,
        _schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        Ok(match access {
            RawFieldAccessExpr { field_access: GetFieldAccess::ListIndex { key }, expr }
                if matches!(expr, Expr::AggregateFunction(_)) =>
            {
                PlannerResult::Planned(array_element(expr, *key))
            }
            other => PlannerResult::Original(other),
        })
    }
}
