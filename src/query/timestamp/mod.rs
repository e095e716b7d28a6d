//! Casts to and from timestamps as a function of our own, in which no rule of the engine can be wrong.
//!
//! The engine (DataFusion 55) moves a cast from a column to the value it is compared with. For timestamps that changes the
//! answer: `'2023-09-14T00:00:00.999Z'` lost its fraction against whole seconds (apache/datafusion#22756), and a local time
//! lost its zone (apache/datafusion#25095). Once all casts are in the plan, each that has a timestamp on one side becomes the
//! function [`Recast`], which says exactly what a comparison with it means for the column beneath, so that filters on
//! `start_time` still leave out files, row groups and pages.
//!
//! So do `to_timestamp` and `from_unixtime`, which in a zone took Unix seconds for a time on its clocks, or gave that of UTC.
//!
//! The plain casts may return when both rules keep fractions and zones.

mod conversion;
mod recast;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF, lit};

use conversion::Conversion;
use recast::Recast;

/// Puts the function in the place of casts, once the engine has added its own.
#[derive(Debug)]
pub(super) struct OwnCasts;

impl FunctionRewrite for OwnCasts {
    fn name(&self) -> &str {
        "timestamp_casts"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, config: &ConfigOptions) -> Result<Transformed<Expr>> {
        let zone: Arc<str> = config.execution.time_zone.as_deref().unwrap_or("UTC").into();
        if let Expr::ScalarFunction(call) = &expr {
            let time = match (call.name(), call.args.as_slice()) {
                ("to_timestamp", [argument]) => instant(argument, schema, &zone),
                ("from_unixtime", [argument]) => Some(clock(argument, &zone)),
                _ => None,
            };
            return Ok(time.map_or_else(|| Transformed::no(expr), Transformed::yes));
        }
        let (inner, to, is_try) = match &expr {
            Expr::Cast(cast) => (&cast.expr, cast.field.data_type(), false),
            Expr::TryCast(cast) => (&cast.expr, cast.field.data_type(), true),
            _ => return Ok(Transformed::no(expr)),
        };
        // The type of a parameter may not be known yet. It is when the statement runs.
        let Ok(from) = inner.get_type(schema) else { return Ok(Transformed::no(expr)) };
        if from == *to || from.is_null() || !(is_timestamp(&from) || is_timestamp(to)) {
            return Ok(Transformed::no(expr));
        }
        if is_timestamp(&from) && to.is_numeric() {
            return plan_err!(
                "a timestamp is no number: take `start` and `end`, which are Unix seconds, or extract(epoch FROM …)"
            );
        }
        // A view's own casts are of seconds, as are those of the planner for CAST(start AS TIMESTAMP).
        let is_seconds = from.is_integer() && matches!(to, DataType::Timestamp(TimeUnit::Second, _));
        if from.is_numeric() && !is_seconds {
            return plan_err!("a number is no time: write to_timestamp(start), which takes Unix seconds");
        }
        Ok(Transformed::yes(recast((**inner).clone(), to.clone(), &zone, is_try)))
    }
}

fn recast(inner: Expr, to: DataType, session_zone: &Arc<str>, is_try: bool) -> Expr {
    let function = Recast::new(Conversion { to, session_zone: Arc::clone(session_zone), is_try });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), vec![inner]))
}

/// What `to_timestamp(argument)` is. The engine takes Unix seconds for a time on the clocks of the session's zone, and
/// knows no time that they show twice or skip.
fn instant(argument: &Expr, schema: &DFSchema, zone: &Arc<str>) -> Option<Expr> {
    let to = |unit| DataType::Timestamp(unit, Some(Arc::clone(zone)));
    let kind = argument.get_type(schema).ok()?;
    let argument = match kind {
        kind if kind.is_integer() => recast(argument.clone(), to(TimeUnit::Second), zone, false),
        kind if kind.is_floating() => {
            // In nanoseconds; what 64 bits cannot hold is an error of the cast.
            let nanoseconds = Expr::Cast(Cast::new(Box::new(argument.clone() * lit(1e9)), DataType::Int64));
            return Some(recast(nanoseconds, to(TimeUnit::Nanosecond), zone, false));
        }
        kind if kind.is_string() || matches!(kind, DataType::Timestamp(..)) => argument.clone(),
        _ => return None,
    };
    Some(recast(argument, to(TimeUnit::Nanosecond), zone, false))
}

/// What `from_unixtime(argument)` is: it has no zone, so it is what the clocks of the session's zone show then. The engine
/// gives the clock of UTC.
fn clock(argument: &Expr, zone: &Arc<str>) -> Expr {
    let instant = recast(argument.clone(), DataType::Timestamp(TimeUnit::Second, Some(Arc::clone(zone))), zone, false);
    recast(instant, DataType::Timestamp(TimeUnit::Second, None), zone, false)
}

fn is_timestamp(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, value) => is_timestamp(value),
        kind => matches!(kind, DataType::Timestamp(..)),
    }
}
