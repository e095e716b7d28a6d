//! Clauses of function calls that the planner would drop.

use datafusion::logical_expr::sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments,
    OrderByExpr, Value, WindowSpec, WindowType,
};

use super::operators;

/// Aggregates whose DISTINCT counts every value once, or makes no difference, or is named as not implemented. Others
/// (`corr`, `regr_…`, `approx_percentile_cont`, `nth_value`) would take every value as often as it comes.
const WITH_DISTINCT: [&str; 30] = [
    "any_value",
    "approx_distinct",
    "approx_median",
    "approx_percentile_cont_with_weight",
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bool_and",
    "bool_or",
    "count",
    "every",
    "max",
    "mean",
    "median",
    "min",
    "percentile_cont",
    "quantile_cont",
    "std",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "var",
    "var_pop",
    "var_population",
    "var_samp",
    "var_sample",
    "variance",
];

/// Aggregates of a value that they order by themselves.
const ORDERED_SETS: [&str; 4] =
    ["approx_percentile_cont", "approx_percentile_cont_with_weight", "percentile_cont", "quantile_cont"];

/// Window functions for which nulls make a difference.
const WITH_NULLS: [&str; 5] = ["first_value", "lag", "last_value", "lead", "nth_value"];

/// Functions of windows alone, which have no FILTER.
const OF_WINDOWS: [&str; 8] = ["cume_dist", "dense_rank", "lag", "lead", "ntile", "percent_rank", "rank", "row_number"];

/// Functions that take a type as a text.
const TYPES_AS_TEXT: [&str; 2] = ["arrow_cast", "arrow_try_cast"];

pub(super) fn of_call(call: &Function, is_scalar: &dyn Fn(&str) -> bool) -> Option<String> {
    let Function { name, uses_odbc_syntax: _, parameters, args, filter, null_treatment, over, within_group } = call;
    let name = name.to_string().trim_matches('"').to_lowercase();
    let (mut distinct, mut orders, mut nulls) = (false, false, null_treatment.is_some());
    let mut odd = None;
    match args {
        FunctionArguments::Subquery(_) => return Some(format!("a query as the argument of {name}")),
        FunctionArguments::None => {}
        FunctionArguments::List(list) => {
            if TYPES_AS_TEXT.contains(&name.as_str())
                && let Some(zone) = list.args.iter().filter_map(argument).find_map(operators::of_type_name)
            {
                return Some(zone);
            }
            distinct = matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct));
            for clause in &list.clauses {
                match clause {
                    FunctionArgumentClause::IgnoreOrRespectNulls(_) => nulls = true,
                    FunctionArgumentClause::OrderBy(by) => {
                        orders = true;
                        odd = odd_order(&name, &list.args, by);
                    }
                    // The planner names the others as not implemented.
                    _ => {}
                }
            }
        }
    }
    let is = |names: &[&str]| names.contains(&name.as_str());
    let ignored = if !matches!(parameters, FunctionArguments::None) {
        "two lists of arguments"
    } else if is_scalar(&name) || is(&["unnest", "unnest_outer"]) {
        [
            (filter.is_some(), "FILTER"),
            (over.is_some(), "OVER"),
            (!within_group.is_empty(), "WITHIN GROUP"),
            (nulls, "IGNORE NULLS, RESPECT NULLS"),
            (distinct, "DISTINCT"),
            (orders, "ORDER BY"),
        ]
        .into_iter()
        .find_map(|(is_there, clause)| is_there.then_some(clause))?
    } else if let Some(odd) = odd {
        odd
    } else if distinct && !is(&WITH_DISTINCT) {
        "DISTINCT"
    } else if filter.is_some() && is(&OF_WINDOWS) {
        "FILTER"
    } else if nulls && over.is_some() && !is(&WITH_NULLS) {
        "IGNORE NULLS, RESPECT NULLS"
    } else if over.as_ref().is_some_and(builds_on_window) {
        "a window that builds on another one"
    } else {
        return None;
    };
    Some(format!("{ignored} of {name}"))
}

/// An order of rows that the planner takes for another one.
fn odd_order(name: &str, arguments: &[FunctionArg], by: &[OrderByExpr]) -> Option<&'static str> {
    let is_number =
        |by: &OrderByExpr| matches!(&by.expr, Expr::Value(value) if matches!(value.value, Value::Number(..)));
    if by.iter().any(is_number) {
        // It would be a column of the table.
        return Some("a number in ORDER BY");
    }
    // The ordered value would take the place of the first argument.
    let is_other = |by: &OrderByExpr| arguments.first().is_none_or(|first| first.to_string() != by.expr.to_string());
    (ORDERED_SETS.contains(&name) && arguments.len() > 1 && by.iter().any(is_other)).then_some("ORDER BY another value")
}

fn argument(argument: &FunctionArg) -> Option<&Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

fn builds_on_window(over: &WindowType) -> bool {
    match over {
        WindowType::WindowSpec(WindowSpec { window_name, partition_by: _, order_by: _, window_frame: _ }) => {
            window_name.is_some()
        }
        WindowType::NamedWindow(_) => false,
    }
}
