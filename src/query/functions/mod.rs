//! What functions a session knows: flowlake's own beside the engine's, and some in their place.

mod help;

#[cfg(test)]
mod tests;

use datafusion::error::Result;
use datafusion::functions::core::coalesce;
use datafusion::functions::datetime::{date_bin, date_part, date_trunc};
use datafusion::functions::math::round;
use datafusion::functions::regex;
use datafusion::functions::unicode::substr;
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::functions_window::lead_lag::{lag_udwf, lead_udwf};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult};
use datafusion::prelude::SessionContext;

use crate::functions::{self, aggregates, logs, numbers, texts, times};

pub(super) use help::help;
pub use help::{FunctionHelp, FunctionKind};

/// Makes every function known to a session.
pub(super) fn register(context: &SessionContext) {
    logs::all().into_iter().for_each(|function| context.register_udf(function));
    context.register_udaf(aggregates::count(count_udaf()));
    context.register_udaf(aggregates::sum(sum_udaf()));
    context.register_udaf(aggregates::average(avg_udaf()));
    context.register_udf(texts::regexp_match(&regex::regexp_match()));
    context.register_udf(functions::coalesce(coalesce()));
    whole_lists(context);
    let state = context.state();
    let framed = state.aggregate_functions().values().filter_map(aggregates::framed);
    framed.for_each(|function| context.register_udaf(function));
    for engines in [lead_udwf(), lag_udwf()] {
        context.register_udwf(aggregates::neighbour(engines));
    }
}

/// `array_remove` and `array_replace` of every such element, as in PostgreSQL: the engine's take the first alone.
fn whole_lists(context: &SessionContext) {
    let state = context.state();
    for (every, names) in [
        ("array_remove_all", ["array_remove", "list_remove"]),
        ("array_replace_all", ["array_replace", "list_replace"]),
    ] {
        if let Some(function) = state.scalar_functions().get(every) {
            context.register_udf(function.as_ref().clone().with_aliases(names));
        }
    }
}

/// Plans `substring(a FROM 2)`, of which the engine makes a call of its own.
#[derive(Debug)]
pub(super) struct Substrings;

impl ExprPlanner for Substrings {
    fn plan_substring(&self, arguments: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(texts::substr(substr()).call(arguments)))
    }
}

/// Puts those in the place of the engine's that any session needs, also one without a lake.
pub(super) fn replace(context: &SessionContext, memory_bytes: u64) {
    context.register_udf(times::truncation(date_trunc()));
    context.register_udf(times::parts(date_part()));
    context.register_udf(times::bins(date_bin()));
    context.register_udf(texts::substr(substr()));
    context.register_udf(numbers::round(round()));
    let state = context.state();
    let bounded = state.scalar_functions().values().filter_map(|engines| texts::bounded(engines, memory_bytes));
    bounded.for_each(|function| context.register_udf(function));
}
