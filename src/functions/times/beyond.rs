//! Points in time that a timestamp cannot hold, which are still before or behind all that it can.

use std::cmp::Ordering;

use datafusion_common::ScalarValue;
use datafusion_expr::Expr;

use super::conversion::{Conversion, NS_PER_SECOND, ns_per_tick, of_text_in_ns};
use super::recast::below;

/// On which side of all timestamps a constant lies that its cast to one has no room for; `None` for all others.
pub fn beyond(cast: &Expr) -> Option<Ordering> {
    let (conversion, inner) = below(cast).filter(|(conversion, _)| !conversion.is_try)?;
    match (constant(inner), below(inner)) {
        (Some(value), _) => side(conversion, &value),
        // What one unit cannot hold, its other casts have never seen.
        (None, Some((of_inner, _))) if ns_per_tick(&of_inner.to) == ns_per_tick(&conversion.to) => beyond(inner),
        _ => None,
    }
}

fn side(conversion: &Conversion, value: &ScalarValue) -> Option<Ordering> {
    let fails = conversion.apply(&value.to_array().ok()?).is_err();
    let ns = match value.try_as_str() {
        Some(text) => of_text_in_ns(text?)?,
        None => {
            let tick: i64 = match value.cast_to(&arrow::datatypes::DataType::Int64).ok()? {
                ScalarValue::Int64(tick) => tick?,
                _ => return None,
            };
            i128::from(tick) * ns_per_tick(&value.data_type())?
        }
    };
    (fails && ns.abs() > NS_PER_SECOND).then(|| ns.cmp(&0))
}

fn constant(expr: &Expr) -> Option<ScalarValue> {
    match (expr, below(expr)) {
        (Expr::Literal(value, _), _) => Some(value.clone()),
        (_, Some((conversion, inner))) => {
            let converted = conversion.apply(&constant(inner)?.to_array().ok()?).ok()?;
            ScalarValue::try_from_array(&converted, 0).ok()
        }
        _ => None,
    }
}
