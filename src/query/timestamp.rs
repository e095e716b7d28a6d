//! Casts to and from timestamps as a function of our own, in which no rule of the engine can be wrong.
//!
//! The engine (DataFusion 55) moves a cast from a column to the value it is compared with. For timestamps that changes
//! the answer: `'2023-09-14T00:00:00.999Z'` lost its fraction against whole seconds (apache/datafusion#22756), and a
//! local time lost its zone (apache/datafusion#25095). Once all casts are in the plan, each that has a timestamp on one
//! side becomes the function of [`times::recast`], which says exactly what a comparison with it means for the column
//! beneath, so that filters on `start_time` still leave out files, row groups and pages.
//!
//! So do `to_timestamp` and `from_unixtime`, which in a zone took Unix seconds for a time on its clocks, or gave that
//! of UTC.
//!
//! The plain casts may return when both rules keep fractions and zones.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::functions::datetime::date_part;
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, binary_expr, lit};

use crate::functions::times::{self, Conversion, below, formatted, is_formatted, is_recast, parts, shift};

/// Plans `extract` with our own `date_part`.
#[derive(Debug)]
pub(super) struct Extracts;

impl ExprPlanner for Extracts {
    fn plan_extract(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        let call = ScalarFunction::new_udf(Arc::new(parts(date_part())), arguments);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }
}

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
                (name, arguments) if made_by(name, &zone).is_some() => from_text(call, arguments, schema, &zone),
                _ => with_session_zone(call, schema, &zone),
            };
            return Ok(time.map_or_else(|| Transformed::no(expr), Transformed::yes));
        }
        if let Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::Plus | Operator::Minus), right }) = &expr {
            let is_instant = |of: &Expr| kind_of(of, schema).is_some_and(|(_, zoned)| zoned.is_some());
            let is_interval = |of: &Expr| of.get_type(schema).is_ok_and(|kind| matches!(kind, DataType::Interval(_)));
            if is_instant(left) && is_interval(right) {
                return Ok(Transformed::yes(shift((**left).clone(), (**right).clone(), *op == Operator::Minus)));
            }
            if *op == Operator::Plus && is_interval(left) && is_instant(right) {
                return Ok(Transformed::yes(shift((**right).clone(), (**left).clone(), false)));
            }
        }
        if let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Minus, right }) = &expr {
            let difference = |left: Expr, right: Expr| Transformed::yes(binary_expr(left, Operator::Minus, right));
            let zoned_left = zoned_like(left, right, schema, &zone);
            let zoned_right = zoned_like(right, left, schema, &zone);
            return Ok(match (zoned_left, zoned_right) {
                (Some(zoned), _) => difference(zoned, (**right).clone()),
                (_, Some(zoned)) => difference((**left).clone(), zoned),
                (None, None) => Transformed::no(expr),
            });
        }
        let (inner, to, is_try) = match &expr {
            Expr::Cast(cast) => (&cast.expr, cast.field.data_type(), false),
            Expr::TryCast(cast) => (&cast.expr, cast.field.data_type(), true),
            _ => return Ok(Transformed::no(expr)),
        };
        // The type of a parameter may not be known yet. It is when the statement runs.
        let Ok(from) = inner.get_type(schema) else { return Ok(Transformed::no(expr)) };
        // So reads the engine whatever has a date and a number to one type: a list, the branches of CASE, a UNION.
        if is_date(&from) && to.is_numeric() {
            return plan_err!("a date is no number: write extract(epoch FROM date), or extract(day FROM date)");
        }
        if from.is_numeric() && is_date(to) {
            return plan_err!(
                "a number is no date: write to_timestamp(start), which takes Unix seconds, or make_date(…)"
            );
        }
        let is_day_of_text = is_text(&from) && is_date(to);
        if from == *to || from.is_null() || !(is_timestamp(&from) || is_timestamp(to) || is_day_of_text) {
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
    times::recast(Conversion { to, session_zone: Arc::clone(session_zone), is_try }, inner)
}

/// A call whose arguments the engine has put into the zone `+00`, with those that had no zone put into the session's:
/// the origin of `date_bin(…, start_time, timestamp '…')`.
fn with_session_zone(call: &ScalarFunction, schema: &DFSchema, zone: &Arc<str>) -> Option<Expr> {
    /// What the engine takes where a function asks for any zone.
    const ANY: &str = "+00";
    let in_session = |argument: &Expr| {
        let (conversion, inner) = below(argument)?;
        let DataType::Timestamp(unit, Some(to)) = &conversion.to else { return None };
        let is_zoned = matches!(inner.get_type(schema), Ok(DataType::Timestamp(_, Some(_))));
        if to.as_ref() != ANY || is_zoned {
            return None;
        }
        let instant =
            recast(inner.clone(), DataType::Timestamp(*unit, Some(Arc::clone(zone))), zone, conversion.is_try);
        Some(recast(instant, conversion.to.clone(), zone, conversion.is_try))
    };
    let arguments: Vec<Option<Expr>> = call.args.iter().map(in_session).collect();
    if is_recast(call) || arguments.iter().all(Option::is_none) {
        return None;
    }
    let arguments = arguments.into_iter().zip(&call.args).map(|(own, old)| own.unwrap_or_else(|| old.clone()));
    Some(called_with(call, arguments.collect()))
}

/// A time without a zone as the instant that it is to be taken for beside an instant. The engine takes what clocks show
/// for the time in UTC, in `start_time - timestamp '…'`.
fn zoned_like(time: &Expr, other: &Expr, schema: &DFSchema, zone: &Arc<str>) -> Option<Expr> {
    match (kind_of(time, schema)?, kind_of(other, schema)?) {
        ((_, None), (unit, Some(of_other))) => {
            Some(recast(time.clone(), DataType::Timestamp(unit, Some(of_other)), zone, false))
        }
        _ => None,
    }
}

/// The unit and the zone of a timestamp.
fn kind_of(time: &Expr, schema: &DFSchema) -> Option<(TimeUnit, Option<Arc<str>>)> {
    match time.get_type(schema) {
        Ok(DataType::Timestamp(unit, zone)) => Some((unit, zone)),
        _ => None,
    }
}

fn called_with(call: &ScalarFunction, arguments: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&call.func), arguments))
}

/// What `to_timestamp(argument)` is. The engine takes Unix seconds for a time on the clocks of the session's zone, and
/// knows no time that they show twice or skip.
fn instant(argument: &Expr, schema: &DFSchema, zone: &Arc<str>) -> Option<Expr> {
    let to = |unit| DataType::Timestamp(unit, Some(Arc::clone(zone)));
    let kind = argument.get_type(schema).ok()?;
    let argument = match kind {
        kind if kind.is_integer() => recast(argument.clone(), to(TimeUnit::Second), zone, false),
        kind if kind.is_floating() => {
            // In nanoseconds; what 64 bits cannot hold is an error of the cast. Types are settled by now, so that the
            // float must be of 64 bits before it meets another one.
            let seconds = Expr::Cast(Cast::new(Box::new(argument.clone()), DataType::Float64));
            let nanoseconds = Expr::Cast(Cast::new(Box::new(seconds * lit(1e9)), DataType::Int64));
            return Some(recast(nanoseconds, to(TimeUnit::Nanosecond), zone, false));
        }
        kind if kind.is_string() || matches!(kind, DataType::Timestamp(..)) => argument.clone(),
        _ => return None,
    };
    Some(recast(argument, to(TimeUnit::Nanosecond), zone, false))
}

/// What functions make of a text.
fn made_by(name: &str, zone: &Arc<str>) -> Option<DataType> {
    let unit = match name {
        "to_timestamp" | "to_timestamp_nanos" => TimeUnit::Nanosecond,
        "to_timestamp_micros" => TimeUnit::Microsecond,
        "to_timestamp_millis" => TimeUnit::Millisecond,
        "to_timestamp_seconds" | "to_unixtime" => TimeUnit::Second,
        "to_date" => return Some(DataType::Date32),
        _ => return None,
    };
    Some(DataType::Timestamp(unit, Some(Arc::clone(zone))))
}

/// What such a function is of a text, with formats or without, and of a time or a date. Others are the engine's.
fn from_text(call: &ScalarFunction, arguments: &[Expr], schema: &DFSchema, zone: &Arc<str>) -> Option<Expr> {
    let to = made_by(call.name(), zone)?;
    let kind = arguments.first()?.get_type(schema).ok()?;
    if is_formatted(call) || kind == to {
        return None;
    }
    let time = match arguments {
        [argument] if is_text(&kind) || is_timestamp(&kind) || is_date(&kind) => {
            recast(argument.clone(), to, zone, false)
        }
        [_, _, ..] if is_text(&kind) => {
            let conversion = Conversion { to, session_zone: Arc::clone(zone), is_try: false };
            formatted(call.name(), conversion, arguments.to_vec())
        }
        _ => return None,
    };
    match call.name() {
        "to_unixtime" => Some(called_with(call, vec![time])),
        _ => Some(time),
    }
}

/// What `from_unixtime(argument)` is: it has no zone, so it is what the clocks of the session's zone show then. The
/// engine gives the clock of UTC.
fn clock(argument: &Expr, zone: &Arc<str>) -> Expr {
    let instant = recast(argument.clone(), DataType::Timestamp(TimeUnit::Second, Some(Arc::clone(zone))), zone, false);
    recast(instant, DataType::Timestamp(TimeUnit::Second, None), zone, false)
}

fn is_date(kind: &DataType) -> bool {
    matches!(kind, DataType::Date32 | DataType::Date64)
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, value) => is_text(value),
        kind => kind.is_string(),
    }
}

fn is_timestamp(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, value) => is_timestamp(value),
        kind => matches!(kind, DataType::Timestamp(..)),
    }
}

#[cfg(test)]
mod tests;
