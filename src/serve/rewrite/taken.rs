//! Types of parameters that functions tell: `left(a, $1)` takes an integer, as in Postgres. The engine takes what it
//! knows nothing of for a text, of which it has no such function.

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Subscript, Value,
};
use pgwire::api::Type;

use super::arrays::parameter;
use super::last_name;

/// Tells the number and the type of each parameter that is a whole argument of a call.
pub(super) fn of_call(expr: &Expr, tell: &mut dyn FnMut(usize, Type)) {
    let mut integer = |argument: Option<&Expr>| {
        if let Some(number) = argument.and_then(parameter) {
            tell(number, Type::INT4);
        }
    };
    match expr {
        // To Postgres `substring(a FROM $1)` is one of a pattern, which the gate refuses.
        Expr::Substring { substring_from, substring_for, .. } => {
            integer(substring_from.as_deref());
            integer(substring_for.as_deref());
        }
        Expr::Overlay { overlay_from, overlay_for, .. } => {
            integer(Some(overlay_from));
            integer(overlay_for.as_deref());
        }
        Expr::CompoundFieldAccess { access_chain, .. } => {
            for access in access_chain {
                if let AccessExpr::Subscript(Subscript::Index { index }) = access {
                    integer(Some(index));
                }
            }
        }
        Expr::Ceil { expr, .. } | Expr::Floor { expr, .. } => {
            if let Some(number) = parameter(expr) {
                tell(number, Type::FLOAT8);
            }
        }
        Expr::Function(call) => {
            let arguments = arguments(call);
            for (at, argument) in arguments.iter().enumerate() {
                if let Some(number) = argument.and_then(parameter)
                    && let Some(kind) = taken(call, at, &arguments)
                {
                    tell(number, kind);
                }
            }
        }
        _ => {}
    }
}

/// The arguments of a call; `None` for those that are no values.
fn arguments(call: &Function) -> Vec<Option<&Expr>> {
    let FunctionArguments::List(list) = &call.args else { return Vec::new() };
    let value = |argument| match argument {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expr)) => Some(expr),
        _ => None,
    };
    list.args.iter().map(value).collect()
}

/// The type that a function takes at a place, from 0. Where Postgres has several, it is the one that it chooses for a
/// parameter.
fn taken(call: &Function, at: usize, all: &[Option<&Expr>]) -> Option<Type> {
    let is_set = !call.within_group.is_empty();
    Some(match (last_name(&call.name).as_str(), at) {
        ("ntile" | "chr" | "protocol_name" | "tcp_flags", 0)
        | ("lag" | "lead" | "nth_value" | "left" | "right" | "repeat" | "lpad" | "rpad", 1)
        | ("round" | "trunc" | "ip_prefix" | "array_element", 1)
        | ("substr" | "substring", 1 | 2)
        | ("split_part", 2)
        | ("overlay", 2 | 3)
        | ("make_date" | "service_name" | "service_port", _) => Type::INT4,
        ("generate_series" | "range", _) if all.iter().flatten().any(|argument| is_number(argument)) => Type::INT4,
        ("round" | "trunc", 0) if all.len() > 1 => Type::NUMERIC,
        ("round" | "trunc" | "abs" | "sqrt" | "cbrt" | "exp" | "ln" | "log10" | "log2", 0)
        | ("power" | "pow" | "log", 0 | 1) => Type::FLOAT8,
        ("percentile_cont" | "quantile_cont" | "approx_percentile_cont", _) if at == usize::from(!is_set) => {
            Type::FLOAT8
        }
        ("date_bin", 0) => Type::INTERVAL,
        ("date_bin", 1 | 2) | ("date_trunc", 1) => Type::TIMESTAMPTZ,
        _ => return None,
    })
}

fn is_number(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::Number(..)))
}
