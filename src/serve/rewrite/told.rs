//! Types of parameters that a statement tells by itself. `$1::int[]` is an array of integers, as in Postgres, and no
//! text that is cast; `left(a, $1)` takes an integer.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{ArrayElemTypeDef, DataType, Expr, Statement, Visitor};
use pgwire::api::Type;

use super::arrays::parameter;
use super::names::type_name;
use super::taken;
use crate::query::walk;

/// The type of each parameter that is cast or that a function takes, by its number. The first cast counts, or else the
/// first function.
pub(in crate::serve) fn told(statement: &Statement) -> BTreeMap<usize, Type> {
    let mut told = Told::default();
    let _ = walk(statement, &mut told);
    let mut all = told.taken;
    all.extend(told.cast);
    all
}

#[derive(Default)]
struct Told {
    cast: BTreeMap<usize, Type>,
    taken: BTreeMap<usize, Type>,
}

impl Visitor for Told {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Cast { expr, data_type, .. } = expr
            && let Some(number) = parameter(expr)
            && let Some(kind) = kind_of(data_type)
        {
            self.cast.entry(number).or_insert(kind);
        }
        taken::of_call(expr, &mut |number, kind| {
            self.taken.entry(number).or_insert(kind);
        });
        ControlFlow::Continue(())
    }
}

fn kind_of(data_type: &DataType) -> Option<Type> {
    let element = match data_type {
        DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)) => Some(element),
        _ => None,
    };
    let name = match element.map_or(data_type, |element| element) {
        DataType::Uuid => "uuid".to_owned(),
        DataType::JSON => "json".to_owned(),
        DataType::JSONB => "jsonb".to_owned(),
        plain => type_name(plain)?,
    };
    let (one, many) = match name.as_str() {
        "bool" | "boolean" => (Type::BOOL, Type::BOOL_ARRAY),
        "int2" => (Type::INT2, Type::INT2_ARRAY),
        "int4" | "int" | "integer" => (Type::INT4, Type::INT4_ARRAY),
        "int8" | "bigint" => (Type::INT8, Type::INT8_ARRAY),
        "oid" => (Type::OID, Type::OID_ARRAY),
        "float4" => (Type::FLOAT4, Type::FLOAT4_ARRAY),
        "float8" => (Type::FLOAT8, Type::FLOAT8_ARRAY),
        "numeric" => (Type::NUMERIC, Type::NUMERIC_ARRAY),
        "text" => (Type::TEXT, Type::TEXT_ARRAY),
        "varchar" => (Type::VARCHAR, Type::VARCHAR_ARRAY),
        "bpchar" => (Type::BPCHAR, Type::BPCHAR_ARRAY),
        "name" => (Type::NAME, Type::NAME_ARRAY),
        "date" => (Type::DATE, Type::DATE_ARRAY),
        "timestamp" => (Type::TIMESTAMP, Type::TIMESTAMP_ARRAY),
        "timestamptz" => (Type::TIMESTAMPTZ, Type::TIMESTAMPTZ_ARRAY),
        "uuid" => (Type::UUID, Type::UUID_ARRAY),
        "time" if element.is_none() => return Some(Type::TIME),
        "interval" if element.is_none() => return Some(Type::INTERVAL),
        "bytea" if element.is_none() => return Some(Type::BYTEA),
        "json" if element.is_none() => return Some(Type::JSON),
        "jsonb" if element.is_none() => return Some(Type::JSONB),
        _ => return None,
    };
    Some(if element.is_some() { many } else { one })
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn a_cast_tells_the_type_of_its_parameter() {
        for (sql, right) in [
            ("$1::int", vec![(1, Type::INT4)]),
            ("CAST($1 AS bigint), $2::smallint", vec![(1, Type::INT8), (2, Type::INT2)]),
            ("$1::text[], ($2)::int[]", vec![(1, Type::TEXT_ARRAY), (2, Type::INT4_ARRAY)]),
            ("$1::int4, $2::int8[], $3::float8", vec![(1, Type::INT4), (2, Type::INT8_ARRAY), (3, Type::FLOAT8)]),
            (
                "$1::timestamptz, $2::timestamp, $3::date",
                vec![(1, Type::TIMESTAMPTZ), (2, Type::TIMESTAMP), (3, Type::DATE)],
            ),
            ("$1::numeric(10, 2), $2::decimal", vec![(1, Type::NUMERIC), (2, Type::NUMERIC)]),
            ("$1::bytea, $2::interval, $3::uuid", vec![(1, Type::BYTEA), (2, Type::INTERVAL), (3, Type::UUID)]),
            ("$1::int, $1::text", vec![(1, Type::INT4)]),
            ("$1, $1::bool", vec![(1, Type::BOOL)]),
            ("$1::regclass, a::int, ($1 + 1)::int", vec![]),
            ("left(a, $1), left(a, $1::bigint)", vec![(1, Type::INT8)]),
        ] {
            let statements = Parser::parse_sql(&PostgreSqlDialect {}, &format!("SELECT {sql}")).expect("a statement");
            assert_eq!(told(&statements[0]), right.into_iter().collect(), "{sql}");
        }
    }

    /// As `pg_prepared_statements` of PostgreSQL 15 has them.
    #[test]
    fn a_function_tells_the_type_of_its_parameter() {
        let integers = |numbers: std::ops::RangeInclusive<usize>| numbers.map(|number| (number, Type::INT4)).collect();
        let floats = |numbers: std::ops::RangeInclusive<usize>| numbers.map(|number| (number, Type::FLOAT8)).collect();
        for (sql, right) in [
            ("ntile($1) OVER ()", integers(1..=1)),
            ("lag(n, $1) OVER (), lead(n, $2) OVER (), nth_value(n, $3) OVER ()", integers(1..=3)),
            ("left(a, $1), right(a, $2), repeat(a, $3), lpad(a, $4), rpad(a, $5, ' ')", integers(1..=5)),
            ("substr(a, $1, $2), split_part(a, '.', $3), overlay(a PLACING 'x' FROM $4 FOR $5)", integers(1..=5)),
            ("substring(a FROM 1 FOR $1), pg_catalog.chr(($2)), make_date($3, $4, $5)", integers(1..=5)),
            ("round(n, $1), generate_series(1, $2), (ARRAY[4, 5])[$3]", integers(1..=3)),
            ("round($1), abs($2), sqrt($3), power($4, $5), ceil($6), floor($7), log($8)", floats(1..=8)),
            ("percentile_cont($1) WITHIN GROUP (ORDER BY n)", floats(1..=1)),
            ("date_bin($1, t, $2)", vec![(1, Type::INTERVAL), (2, Type::TIMESTAMPTZ)]),
            ("lpad($1, 2, $2), generate_series($3, $4), left(a, $5 + 1), to_char(t, $6)", vec![]),
        ] {
            let statements = Parser::parse_sql(&PostgreSqlDialect {}, &format!("SELECT {sql}")).expect("a statement");
            assert_eq!(told(&statements[0]), right.into_iter().collect(), "{sql}");
        }
    }
}
