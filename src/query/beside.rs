//! What parameters are by what they stand beside: `coalesce(packets, $1)`, `SELECT 9 UNION ALL SELECT $1`.
//!
//! The engine (DataFusion 55) finds the type of a parameter in comparisons and arithmetic alone.

use std::collections::BTreeMap;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::{Case, Cast, Placeholder};
use datafusion::logical_expr::type_coercion::binary::type_union_coercion;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};

use super::sets::{self, Part};

/// Functions whose arguments are of one type.
const FUNCTIONS: [&str; 5] = ["coalesce", "greatest", "least", "make_array", "nullif"];

/// The types of parameters that stand beside what has a type, by their names.
pub(crate) fn of_parameters(plan: &LogicalPlan) -> BTreeMap<String, DataType> {
    let mut types = BTreeMap::new();
    let walked = plan.apply_with_subqueries(|plan| {
        sets::columns(plan).unwrap_or_default().iter().for_each(|parts| see(parts, &mut types));
        if let LogicalPlan::Values(rows) = plan {
            rows.values.iter().flatten().for_each(|cell| see_cast(cell, &mut types));
        }
        let mut schema = None;
        plan.apply_expressions(|expr| {
            expr.apply(|expr| {
                let groups = groups(expr);
                if groups.iter().flatten().any(|part| is_parameter(part)) {
                    let schema = schema.get_or_insert_with(|| merge_schema(&plan.inputs()));
                    groups.iter().for_each(|group| see(&parts(group, schema), &mut types));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    debug_assert!(walked.is_ok(), "nothing in it fails");
    types
}

/// The planner casts what stands in VALUES to a common type by itself.
fn see_cast(cell: &Expr, types: &mut BTreeMap<String, DataType>) {
    if let Expr::Cast(Cast { expr, field }) = cell
        && let Expr::Placeholder(Placeholder { id, field: None }) = &**expr
    {
        types.entry(id.clone()).or_insert_with(|| field.data_type().clone());
    }
}

fn is_parameter(expr: &Expr) -> bool {
    matches!(expr, Expr::Placeholder(parameter) if parameter.field.is_none())
}

/// What is of one type within an expression.
fn groups(expr: &Expr) -> Vec<Vec<&Expr>> {
    match expr {
        Expr::Case(Case { expr, when_then_expr, else_expr }) => {
            let results = when_then_expr.iter().map(|(_, then)| &**then).chain(else_expr.as_deref()).collect();
            let compared =
                expr.iter().flat_map(|of| when_then_expr.iter().map(|(when, _)| &**when).chain(std::iter::once(&**of)));
            vec![results, compared.collect()]
        }
        Expr::ScalarFunction(call) if FUNCTIONS.contains(&call.name()) => vec![call.args.iter().collect()],
        _ => Vec::new(),
    }
}

fn parts(group: &[&Expr], schema: &DFSchema) -> Vec<Part> {
    group.iter().map(|expr| Part::of(expr, || expr.get_type(schema).unwrap_or(DataType::Null))).collect()
}

/// Notes the common type of what stands beside parameters. A text that is written has none of its own.
fn see(parts: &[Part], types: &mut BTreeMap<String, DataType>) {
    let kinds = parts.iter().filter_map(|part| match part {
        Part::Of(kind) if !kind.is_null() => Some(kind.clone()),
        _ => None,
    });
    let common = kinds.map(Some).reduce(|one, other| type_union_coercion(&one?, &other?)).flatten();
    let Some(common) = common else { return };
    for part in parts {
        if let Part::Parameter(id) = part {
            types.entry(id.clone()).or_insert_with(|| common.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::error::Result;

    use super::super::{Options, context};
    use super::*;

    /// What PostgreSQL takes them for.
    #[tokio::test]
    async fn a_parameter_is_what_it_stands_beside() -> Result<()> {
        let of = "FROM (VALUES (1, 2.5, 'x', date '2023-09-14')) AS t(n, f, s, d)";
        for (sql, right) in [
            ("SELECT CASE WHEN n = 1 THEN $1 ELSE n END {}", Some(DataType::Int64)),
            ("SELECT CASE WHEN n = 1 THEN n WHEN n = 2 THEN f ELSE $1 END {}", Some(DataType::Float64)),
            ("SELECT CASE n WHEN $1 THEN 'a' ELSE 'b' END {}", Some(DataType::Int64)),
            ("SELECT max(coalesce(n, $1)) {}", Some(DataType::Int64)),
            ("SELECT coalesce(n, $1, '5') {}", Some(DataType::Int64)),
            ("SELECT greatest($1, d) {}", Some(DataType::Date32)),
            ("SELECT 1 {} WHERE nullif(n, $1) = 5", Some(DataType::Int64)),
            ("SELECT coalesce(s, $1) {}", Some(DataType::Utf8)),
            ("SELECT coalesce(NULL, $1, 'x')", None),
            ("SELECT n {} UNION ALL SELECT $1", Some(DataType::Int64)),
            ("SELECT $1 UNION SELECT '7' UNION SELECT n {}", Some(DataType::Int64)),
            ("SELECT (SELECT max(x) FROM (SELECT $1 AS x UNION ALL SELECT f {}) AS q)", Some(DataType::Float64)),
            ("SELECT n {} EXCEPT SELECT $1", Some(DataType::Int64)),
            ("VALUES (1), ($1)", Some(DataType::Int64)),
            ("SELECT [n, $1] {}", Some(DataType::Int64)),
            ("SELECT $1", None),
        ] {
            let sql = sql.replace("{}", of);
            let plan = context(&Options::default()).expect("a context").state().create_logical_plan(&sql).await?;
            assert_eq!(of_parameters(&plan).get("$1").cloned(), right, "{sql}");
        }
        Ok(())
    }
}
