//! Types that Postgres has and the engine has not: object ids by name (`'flow_logs'::regclass`), names, internal
//! ones.

use datafusion::sql::sqlparser::ast::{
    Array, ArrayElemTypeDef, CastKind, DataType, ExactNumberInfo, Expr, FunctionArg, FunctionArgExpr,
    FunctionArguments, Value,
};

use super::{call, last_name, take, text};
use crate::functions::texts::elements_of;
use crate::serve::parameters::NUMERIC;
use crate::serve::pg_catalog::{NAME_OF, OID_OF};

/// Types whose values are ids of objects, written by name.
const REGISTERED: [&str; 9] = [
    "regclass",
    "regtype",
    "regproc",
    "regprocedure",
    "regnamespace",
    "regrole",
    "regoper",
    "regoperator",
    "regcollation",
];

/// A cast. Of names, `'flow_logs'::regclass` is an id and `c.oid::regclass` is a name.
pub(super) fn rewrite(cast: &mut Expr) {
    let Expr::Cast { expr, data_type, .. } = cast else { return };
    if let Some(kind) = registered(data_type) {
        let function = if is_constant(expr) { OID_OF } else { NAME_OF };
        *cast = call(function, vec![text(kind), take(expr)]);
        return;
    }
    if let DataType::Array(_) = data_type
        && let Some(array) = array_of(expr)
    {
        **expr = array;
    }
    if let DataType::Numeric(digits @ ExactNumberInfo::None) | DataType::Decimal(digits @ ExactNumberInfo::None) =
        data_type
        && is_constant(expr)
    {
        // The engine's own would cut what a client has written.
        *digits = ExactNumberInfo::PrecisionAndScale(NUMERIC.0.into(), NUMERIC.1.into());
    }
    let is_number = is_oid(data_type)
        || matches!(
            data_type,
            DataType::Int(_) | DataType::Integer(_) | DataType::BigInt(_) | DataType::Int4(_) | DataType::Int8(_)
        );
    *data_type = engines(data_type);
    let is_text = matches!(data_type, DataType::Text | DataType::Varchar(_));
    // `'x'::regclass::text` is a name again, `c.oid::regclass::oid` an id.
    for (wanted, from, to) in [(is_text, OID_OF, NAME_OF), (is_number, NAME_OF, OID_OF)] {
        if wanted && let Some(arguments) = arguments_of(expr, from) {
            **expr = call(to, arguments);
        }
    }
}

pub(super) fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
}

/// The array that a text such as `'{a,b}'` stands for, cast to an array or not.
pub(super) fn array_of(expr: &Expr) -> Option<Expr> {
    let value = match expr {
        Expr::Nested(inner) => return array_of(inner),
        Expr::Value(value) => value,
        _ => return None,
    };
    let Value::SingleQuotedString(written) = &value.value else { return None };
    let elements = elements_of(written)?;
    let element = |element: Option<String>| element.map_or(Expr::value(Value::Null), |element| text(&element));
    Some(Expr::Array(Array { elem: elements.into_iter().map(element).collect(), named: true }))
}

fn registered(data_type: &DataType) -> Option<&'static str> {
    let name = match data_type {
        DataType::Regclass => "regclass".to_owned(),
        DataType::Custom(name, _) => last_name(name),
        _ => return None,
    };
    REGISTERED.into_iter().find(|known| *known == name)
}

fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_constant(inner),
        // `'pg_class'::text::regclass`
        Expr::Cast { expr, .. } => is_constant(expr),
        Expr::Value(value) => matches!(value.value, Value::SingleQuotedString(_) | Value::Placeholder(_)),
        _ => false,
    }
}

fn is_oid(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Custom(name, _) if ["oid", "xid", "cid"].contains(&last_name(name).as_str()))
}

/// The arguments of a call of one of our two functions.
fn arguments_of(expr: &mut Expr, name: &str) -> Option<Vec<Expr>> {
    match expr {
        Expr::Nested(inner) => arguments_of(inner, name),
        Expr::Function(function) if last_name(&function.name) == name => {
            let FunctionArguments::List(list) = &mut function.args else { return None };
            let taken = list.args.iter_mut().filter_map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(take(expr)),
                _ => None,
            });
            Some(taken.collect())
        }
        _ => None,
    }
}

/// The type that the engine keeps such values in.
fn engines(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Array(ArrayElemTypeDef::SquareBracket(element, size)) => {
            DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(engines(element)), *size))
        }
        DataType::JSON | DataType::JSONB | DataType::Uuid => DataType::Text,
        DataType::Custom(name, modifiers) => match last_name(name).as_str() {
            "oid" | "xid" | "cid" => DataType::IntUnsigned(None),
            "int2" => DataType::SmallInt(None),
            "int4" | "cardinal_number" | "int" | "integer" => DataType::Int(None),
            "int8" | "bigint" => DataType::BigInt(None),
            "float4" => DataType::Real,
            "float8" => DataType::Double(datafusion::sql::sqlparser::ast::ExactNumberInfo::None),
            "bool" | "boolean" => DataType::Boolean,
            "date" => DataType::Date,
            "name" | "char" | "text" | "varchar" | "bpchar" | "cstring" | "unknown" | "json" | "jsonb" | "uuid"
            | "xml" | "aclitem" | "pg_lsn" | "pg_node_tree" | "sql_identifier" | "character_data" | "yes_or_no" => {
                DataType::Text
            }
            "int2vector" => DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(DataType::SmallInt(None)), None)),
            "oidvector" => DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(DataType::BigInt(None)), None)),
            _ => DataType::Custom(name.clone(), modifiers.clone()),
        },
        other => other.clone(),
    }
}
