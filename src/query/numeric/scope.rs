//! What PostgreSQL would take the numbers of a plan for.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Column, DFSchema, DFSchemaRef};
use datafusion::logical_expr::expr::{Case, Placeholder};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator, Subquery, WindowFunctionDefinition};

use crate::functions::numbers::is_exact;

/// What a number is there, and what is no whole number here. The greatest of two is what both together are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Other,
    /// `smallint` or `integer`, whose sum is a `bigint`.
    Narrow,
    /// `bigint`, whose sum is a `numeric`.
    Wide,
    Numeric,
}

impl Kind {
    pub fn of(kind: &DataType) -> Kind {
        match kind {
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => Kind::Narrow,
            DataType::Int64 | DataType::UInt32 | DataType::UInt64 => Kind::Wide,
            DataType::List(of) | DataType::LargeList(of) | DataType::FixedSizeList(of, _) => Kind::of(of.data_type()),
            _ => Kind::Other,
        }
    }

    fn of_sum(self) -> Kind {
        match self {
            Kind::Narrow => Kind::Wide,
            Kind::Wide => Kind::Numeric,
            other => other,
        }
    }
}

/// Functions that give one of their arguments, or what is like it.
const PASSING: [&str; 16] = [
    "coalesce",
    "greatest",
    "least",
    "nvl",
    "nvl2",
    "ifnull",
    "nullif",
    "abs",
    "mod",
    "round",
    "trunc",
    "ceil",
    "floor",
    "make_array",
    "gcd",
    "lcm",
];

/// Functions whose result has a fraction to divide there, though whole numbers come of them here.
const FRACTIONAL: [&str; 2] = ["date_part", "factorial"];

/// Aggregates and windows that give a value of their first argument.
const CHOOSING: [&str; 17] = [
    "min",
    "max",
    "first_value",
    "last_value",
    "nth_value",
    "any_value",
    "array_agg",
    "lag",
    "lead",
    "bit_and",
    "bit_or",
    "bit_xor",
    "median",
    "mode",
    "percentile_cont",
    "percentile_disc",
    "approx_percentile_cont",
];

/// What an expression may name: the columns of the inputs of its node, and of what is around its query.
pub(super) struct Scope<'a> {
    pub inputs: Vec<(DFSchemaRef, Vec<Kind>)>,
    /// The columns of all inputs.
    pub schema: DFSchema,
    pub outer: Option<&'a Scope<'a>>,
    /// What queries in place of a value are.
    values: RefCell<HashMap<*const LogicalPlan, Kind>>,
}

impl<'a> Scope<'a> {
    pub fn new(inputs: Vec<(DFSchemaRef, Vec<Kind>)>, schema: DFSchema, outer: Option<&'a Scope<'a>>) -> Scope<'a> {
        Scope { inputs, schema, outer, values: RefCell::default() }
    }

    pub fn see_value(&self, query: &Subquery, kind: Kind) {
        self.values.borrow_mut().insert(Arc::as_ptr(&query.subquery), kind);
    }

    /// The column of a query around, as it is by now.
    pub fn outer_column(&self, column: &Column) -> Option<(FieldRef, Kind)> {
        let outer = self.outer?;
        outer.column(column).or_else(|| outer.outer_column(column))
    }

    fn column(&self, column: &Column) -> Option<(FieldRef, Kind)> {
        self.inputs.iter().find_map(|(schema, kinds)| {
            let at = schema.maybe_index_of_column(column)?;
            Some((Arc::clone(&schema.fields()[at]), *kinds.get(at)?))
        })
    }

    fn by_type(&self, expr: &Expr) -> Kind {
        expr.get_type(&self.schema).map_or(Kind::Other, |kind| Kind::of(&kind))
    }

    fn greatest<'b>(&self, all: impl IntoIterator<Item = &'b Expr>) -> Kind {
        all.into_iter().map(|expr| self.kind(expr)).max().unwrap_or(Kind::Other)
    }

    pub fn kind(&self, expr: &Expr) -> Kind {
        match expr {
            Expr::Alias(alias) => self.kind(&alias.expr),
            Expr::Negative(inner) => self.kind(inner),
            Expr::Column(column) => self.column(column).map_or_else(|| self.by_type(expr), |(_, kind)| kind),
            Expr::OuterReferenceColumn(_, column) => {
                self.outer_column(column).map_or_else(|| self.by_type(expr), |(_, kind)| kind)
            }
            Expr::Literal(value, _) if value.is_null() => Kind::Other,
            Expr::Literal(value, _) => match value.cast_to(&DataType::Int32) {
                Ok(_) if value.data_type().is_integer() => Kind::Narrow,
                _ => Kind::of(&value.data_type()),
            },
            Expr::Placeholder(Placeholder { field, .. }) => {
                field.as_ref().map_or(Kind::Other, |field| Kind::of(field.data_type()))
            }
            Expr::BinaryExpr(binary) if is_arithmetic(binary.op) => self.greatest([&*binary.left, &*binary.right]),
            Expr::Case(Case { when_then_expr, else_expr, .. }) => {
                let results = when_then_expr.iter().map(|(_, then)| &**then);
                self.greatest(results.chain(else_expr.as_deref()))
            }
            // The planner writes such casts into VALUES.
            Expr::Cast(cast) if matches!(&*cast.expr, Expr::Literal(value, _) if value.is_null()) => Kind::Other,
            Expr::Cast(cast) => Kind::of(cast.field.data_type()),
            Expr::TryCast(cast) => Kind::of(cast.field.data_type()),
            Expr::ScalarSubquery(query) => {
                let known = self.values.borrow().get(&Arc::as_ptr(&query.subquery)).copied();
                known.unwrap_or_else(|| self.by_type(expr))
            }
            Expr::ScalarFunction(call) => self.of_function(expr, call.name(), &call.args),
            Expr::AggregateFunction(call) => self.of_aggregate(expr, call.func.name(), &call.params.args),
            Expr::WindowFunction(call) => {
                let name = match &call.fun {
                    WindowFunctionDefinition::AggregateUDF(function) => function.name(),
                    WindowFunctionDefinition::WindowUDF(function) => function.name(),
                };
                self.of_aggregate(expr, name, &call.params.args)
            }
            other => self.by_type(other),
        }
    }

    fn of_function(&self, expr: &Expr, name: &str, arguments: &[Expr]) -> Kind {
        if is_exact(expr) || FRACTIONAL.contains(&name) {
            return Kind::Numeric;
        }
        let given = self.greatest(arguments);
        match PASSING.contains(&name) || given == Kind::Numeric {
            true => given,
            false => self.by_type(expr),
        }
    }

    fn of_aggregate(&self, expr: &Expr, name: &str, arguments: &[Expr]) -> Kind {
        let first = || arguments.first().map_or(Kind::Other, |first| self.kind(first));
        match name {
            "sum" => first().of_sum(),
            name if CHOOSING.contains(&name) => first(),
            _ => self.by_type(expr),
        }
    }
}

fn is_arithmetic(operator: Operator) -> bool {
    use Operator::{BitwiseAnd, BitwiseOr, BitwiseXor, Divide, Minus, Modulo, Multiply, Plus};
    matches!(operator, Plus | Minus | Multiply | Divide | Modulo | BitwiseAnd | BitwiseOr | BitwiseXor)
}
