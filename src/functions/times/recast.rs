//! One cast as a function, and what a comparison of it with a value says of the column below.
//!
//! For a cast that never falls as its column grows, `cast(x) >= v` is `x >= first(v)`, where `first(v)` is the least
//! `x` whose cast is `v` or more; and `cast(x) > v` is `x >= first(v + 1)`. Both bounds are exact for every `v`, so the
//! rewritten comparison stands in the place of the old one. Where there is no such bound (a local time that comes
//! twice), or the cast could be null (TRY_CAST), the comparison stays as it is.

use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::interval_arithmetic::Interval;
use datafusion_expr::preimage::PreimageResult;
use datafusion_expr::simplify::SimplifyContext;
use datafusion_expr::{ColumnarValue, Expr, ScalarFunctionArgs};

use super::super::call::{Own, as_call, call, called, of_one, own_of};
use super::conversion::{Conversion, ns_per_tick, zone_of};
use super::zone::only_instant;

/// A cast of an expression.
pub fn recast(conversion: Conversion, inner: Expr) -> Expr {
    call(Recast(conversion), vec![inner])
}

/// One cast as a function.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Recast(Conversion);

impl Own for Recast {
    fn name(&self) -> &str {
        match (&self.0.to, self.0.is_try) {
            (DataType::Timestamp(_, Some(_)), false) => "to_instant",
            (DataType::Timestamp(_, Some(_)), true) => "try_to_instant",
            (DataType::Timestamp(_, None), false) => "to_local_clock",
            (DataType::Timestamp(_, None), true) => "try_to_local_clock",
            (_, false) => "of_timestamp",
            (_, true) => "try_of_timestamp",
        }
    }

    fn returns(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(self.0.to.clone())
    }

    fn make(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        of_one(&arguments.args[0], |values| self.0.apply(values))
    }

    fn heading(&self, arguments: &[Expr]) -> String {
        as_call(self.name(), arguments)
    }

    fn field(&self, given: &[FieldRef]) -> Result<FieldRef> {
        self.field_of(given, self.0.is_try || given[0].is_nullable())
    }

    fn preimage(&self, arguments: &[Expr], value: &Expr, info: &SimplifyContext) -> Result<PreimageResult> {
        match value.as_literal() {
            Some(value) => preimage(&self.0, &arguments[0], value, info),
            None => Ok(PreimageResult::None),
        }
    }
}

/// The bounds of `argument` for which `conversion` of it is `value`: from the lower one up to but without the upper
/// one.
fn preimage(
    conversion: &Conversion,
    argument: &Expr,
    value: &ScalarValue,
    info: &SimplifyContext,
) -> Result<PreimageResult> {
    let Some(tick) = tick_of(value).filter(|_| value.data_type() == conversion.to) else {
        return Ok(PreimageResult::None);
    };
    let mut bounds = (tick, tick + 1);
    let mut found = None;
    let (mut conversion, mut argument) = (conversion, argument);
    // Casts of casts are passed in one go.
    loop {
        let from = info.get_data_type(argument)?;
        let (Some(lower), Some(upper)) = (first(&from, conversion, bounds.0)?, first(&from, conversion, bounds.1)?)
        else {
            break;
        };
        bounds = (lower, upper);
        let (Some(lower), Some(upper)) = (scalar(&from, lower), scalar(&from, upper)) else { break };
        found = Some((argument, lower, upper));
        match below(argument) {
            Some((inner, deeper)) => (conversion, argument) = (inner, deeper),
            None => break,
        }
    }
    match found {
        None => Ok(PreimageResult::None),
        Some((argument, lower, upper)) => {
            let interval = Box::new(Interval::try_new(lower, upper)?);
            Ok(PreimageResult::Range { expr: argument.clone(), interval })
        }
    }
}

/// Whether a call is one of these casts.
pub fn is_recast(call: &ScalarFunction) -> bool {
    own_of::<Recast>(call).is_some()
}

/// The cast that an expression is, and what it converts.
pub fn below(argument: &Expr) -> Option<(&Conversion, &Expr)> {
    let (Recast(conversion), arguments) = called(argument)?;
    Some((conversion, arguments.first()?))
}

/// What one of these casts converts, if it gives null for null alone.
pub fn converted(expr: &Expr) -> Option<&Expr> {
    below(expr).filter(|(conversion, _)| !conversion.is_try).map(|(_, inner)| inner)
}

/// The least value of type `from` whose conversion is `value` or more.
fn first(from: &DataType, conversion: &Conversion, value: i128) -> Result<Option<i128>> {
    if conversion.is_try {
        return Ok(None);
    }
    let to = &conversion.to;
    // A number is steps of the timestamp's own unit.
    if *from == DataType::Int64 && matches!(to, DataType::Timestamp(..)) {
        return Ok(Some(value));
    }
    // Days of type Date64 are not steps of their unit.
    if !matches!(from, DataType::Timestamp(..)) || !matches!(to, DataType::Timestamp(..) | DataType::Date32) {
        return Ok(None);
    }
    let (Some(from_ns), Some(to_ns)) = (ns_per_tick(from), ns_per_tick(to)) else { return Ok(None) };
    let ns = match (zone_of(from)?, zone_of(to)?) {
        (Some(zone), None) => only_instant(&zone, value * to_ns),
        (None, Some(_)) => None,
        _ => Some(value * to_ns),
    };
    Ok(ns.map(|ns| -(-ns).div_euclid(from_ns)))
}

/// A value as steps of its type.
fn tick_of(value: &ScalarValue) -> Option<i128> {
    match value {
        ScalarValue::TimestampSecond(tick, _)
        | ScalarValue::TimestampMillisecond(tick, _)
        | ScalarValue::TimestampMicrosecond(tick, _)
        | ScalarValue::TimestampNanosecond(tick, _) => tick.map(i128::from),
        ScalarValue::Date32(day) => day.map(i128::from),
        _ => None,
    }
}

fn scalar(kind: &DataType, tick: i128) -> Option<ScalarValue> {
    let tick = ScalarValue::Int64(Some(i64::try_from(tick).ok()?));
    match kind {
        DataType::Int64 => Some(tick),
        DataType::Timestamp(unit, zone) => tick.cast_to(&DataType::Timestamp(*unit, zone.clone())).ok(),
        _ => None,
    }
}
