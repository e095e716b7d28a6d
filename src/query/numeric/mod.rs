//! Divisions that have a fraction in PostgreSQL: `sum(bytes) / sum(packets)`.
//!
//! There the sum of a `bigint` is a `numeric`, and so is all that is reckoned of it: through queries within queries,
//! WITH, UNION and windows. Here a sum of integers is an integer, which is quicker, and the engine (DataFusion 55) cuts
//! what is divided. So the plan is walked once it is made: where one side of a `/` is such a number, wherever it came
//! from, the quotient is a decimal of sixteen digits behind the point. What the engine would take for a column of
//! integers has another type then, and all that stands above it is told so.

mod rounds;
mod scope;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef, JoinType, TableReference, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Alias, Cast, Exists, InSubquery, Placeholder, ScalarFunction, SetComparison};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{grouping_set_to_exprlist, merge_schema};
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Distinct, Expr, ExprSchemable, LogicalPlan, Operator, Projection, Subquery, TableScan,
};

use super::sets;
use crate::functions::numbers::{EXACT, is_exact, product, quotient};
use crate::functions::times::is_scaled;
pub(super) use rounds::DigitsOfRound;
use scope::{Kind, Scope};

/// A plan whose divisions have the fractions that they have in PostgreSQL.
pub(super) fn divided(plan: LogicalPlan) -> Result<LogicalPlan> {
    if !divides(&plan)? {
        return Ok(plan);
    }
    Ok(Walk::default().plan(plan, None)?.0)
}

/// Whether anything is divided: of all other plans nothing is looked at.
fn divides(plan: &LogicalPlan) -> Result<bool> {
    let mut divides = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            divides |=
                expr.exists(|part| Ok(matches!(part, Expr::BinaryExpr(BinaryExpr { op: Operator::Divide, .. }))))?;
            Ok(if divides { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    })?;
    Ok(divides)
}

/// The kinds of the columns that recursive queries read of themselves, by their names.
#[derive(Default)]
struct Walk {
    recursive: HashMap<String, Vec<Kind>>,
}

impl Walk {
    /// A plan, and what its columns are.
    fn plan(&mut self, plan: LogicalPlan, outer: Option<&Scope>) -> Result<(LogicalPlan, Vec<Kind>)> {
        let before = plan.schema().clone();
        let mut inputs: Vec<(DFSchemaRef, Vec<Kind>)> = Vec::new();
        let is_join = matches!(plan, LogicalPlan::Join(_));
        let recursive = match &plan {
            LogicalPlan::RecursiveQuery(query) => Some((query.name.clone(), query.static_term.schema().clone())),
            _ => None,
        };
        let plan = plan.map_children(|child| {
            // LATERAL names what stands on the left of it.
            let left = is_join.then(|| inputs.first().cloned()).flatten();
            let left = left.map(|left| Scope::new(vec![left.clone()], left.0.as_ref().clone(), outer));
            let (child, kinds) = self.plan(child, left.as_ref().or(outer))?;
            if let Some((name, schema)) = recursive.as_ref().filter(|_| inputs.is_empty()) {
                check_first(name, schema, child.schema())?;
                self.recursive.insert(name.clone(), kinds.clone());
            }
            inputs.push((child.schema().clone(), kinds));
            Ok(Transformed::yes(child))
        })?;
        if let Some((name, _)) = &recursive {
            self.recursive.remove(name);
        }
        let plan = plan.data;
        let scope = Scope::new(inputs, merge_schema(&plan.inputs()), outer);
        let plan = self.expressions(plan, &scope)?;
        let plan = match plan {
            scan @ (LogicalPlan::TableScan(_) | LogicalPlan::RecursiveQuery(_) | LogicalPlan::Values(_)) => scan,
            plan => sets::settled(plan)?,
        };
        debug_assert_eq!(before.fields().len(), plan.schema().fields().len(), "no column is lost");
        let kinds = self.columns(&plan, &scope)?;
        Ok((counted(plan)?, kinds))
    }

    /// A node with what its own expressions become.
    fn expressions(&mut self, plan: LogicalPlan, scope: &Scope) -> Result<LogicalPlan> {
        let names = NamePreserver::new(&plan);
        let plan = plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let changed = expr.transform_up(|expr| self.expression(expr, scope))?;
            Ok(changed.update_data(|expr| name.restore(expr)))
        })?;
        Ok(plan.data)
    }

    fn expression(&mut self, expr: Expr, scope: &Scope) -> Result<Transformed<Expr>> {
        let expr = match expr {
            Expr::BinaryExpr(binary) => return Ok(arithmetic(binary, scope)),
            Expr::OuterReferenceColumn(field, column) => {
                let field = scope.outer_column(&column).map_or(field, |(field, _)| field);
                Expr::OuterReferenceColumn(field, column)
            }
            Expr::ScalarSubquery(query) => {
                let (query, kinds) = self.subquery(query, scope)?;
                scope.see_value(&query, kinds.first().copied().unwrap_or(Kind::Other));
                Expr::ScalarSubquery(query)
            }
            Expr::Exists(Exists { subquery, negated }) => {
                Expr::Exists(Exists { subquery: self.subquery(subquery, scope)?.0, negated })
            }
            Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                Expr::InSubquery(InSubquery { expr, subquery: self.subquery(subquery, scope)?.0, negated })
            }
            Expr::SetComparison(compared) => {
                let subquery = self.subquery(compared.subquery, scope)?.0;
                Expr::SetComparison(SetComparison { subquery, ..compared })
            }
            Expr::ScalarFunction(call) if is_scaled(&call) => Expr::ScalarFunction(ScalarFunction {
                args: call.args.into_iter().map(|part| of_scaled(part, scope)).collect(),
                ..call
            }),
            // As of windows below.
            Expr::ScalarFunction(call) if LENGTHS.contains(&call.name()) => signed(Expr::ScalarFunction(call)),
            other => return Ok(Transformed::no(other)),
        };
        Ok(Transformed::yes(expr))
    }

    fn subquery(&mut self, query: Subquery, scope: &Scope) -> Result<(Subquery, Vec<Kind>)> {
        let (plan, kinds) = self.plan(Arc::unwrap_or_clone(query.subquery), Some(scope))?;
        let named = |expr: Expr| match expr {
            Expr::OuterReferenceColumn(field, column) => {
                let inner = Scope::new(Vec::new(), plan.schema().as_ref().clone(), Some(scope));
                Expr::OuterReferenceColumn(inner.outer_column(&column).map_or(field, |(field, _)| field), column)
            }
            other => other,
        };
        let outer_ref_columns = query.outer_ref_columns.into_iter().map(named).collect();
        Ok((Subquery { subquery: Arc::new(plan), outer_ref_columns, spans: query.spans }, kinds))
    }

    /// What the columns of a node are.
    fn columns(&self, plan: &LogicalPlan, scope: &Scope) -> Result<Vec<Kind>> {
        let of = |exprs: &[Expr]| exprs.iter().map(|expr| scope.kind(expr)).collect::<Vec<_>>();
        let by_type = |schema: &DFSchemaRef| schema.fields().iter().map(|field| Kind::of(field.data_type())).collect();
        let kinds = |at: usize| scope.inputs.get(at).map(|(_, kinds)| kinds.clone()).unwrap_or_default();
        let mut found: Vec<Kind> = match plan {
            LogicalPlan::Projection(projection) => of(&projection.expr),
            LogicalPlan::Distinct(Distinct::On(distinct)) => of(&distinct.select_expr),
            LogicalPlan::Aggregate(aggregate) => return of_aggregate(aggregate, scope),
            LogicalPlan::Window(window) => [kinds(0), of(&window.window_expr)].concat(),
            LogicalPlan::Join(join) => match join.join_type {
                JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => kinds(0),
                JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => kinds(1),
                _ => [kinds(0), kinds(1)].concat(),
            },
            LogicalPlan::Union(_) | LogicalPlan::RecursiveQuery(_) => {
                let all = scope.inputs.iter().map(|(_, kinds)| kinds.clone());
                all.reduce(|one, other| greatest(&one, &other)).unwrap_or_default()
            }
            LogicalPlan::Values(rows) => {
                let all = rows.values.iter().map(|row| of(row));
                all.reduce(|one, other| greatest(&one, &other)).unwrap_or_default()
            }
            LogicalPlan::Unnest(unnest) => {
                let input = kinds(0);
                let one = |at: &usize| input.get(*at).copied().unwrap_or(Kind::Other);
                unnest.dependency_indices.iter().map(one).collect()
            }
            LogicalPlan::TableScan(scan) => self.of_scan(scan),
            LogicalPlan::Filter(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Repartition(_)
            | LogicalPlan::Subquery(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Distinct(Distinct::All(_)) => kinds(0),
            other => by_type(other.schema()),
        };
        found.resize(plan.schema().fields().len(), Kind::Other);
        Ok(found)
    }

    fn of_scan(&self, scan: &TableScan) -> Vec<Kind> {
        if let Some(kinds) = self.recursive.get(scan.table_name.table()) {
            return kinds.clone();
        }
        // Its arguments are written, small ones as a rule.
        let is_series = scan.table_name.table().ends_with("()");
        let kind = |kind: &DataType| if is_series { Kind::of(kind).min(Kind::Narrow) } else { Kind::of(kind) };
        scan.projected_schema.fields().iter().map(|field| kind(field.data_type())).collect()
    }
}

/// The planner takes what an interval is multiplied with or divided by for an integer, and casts it, if it was one.
fn of_scaled(expr: Expr, scope: &Scope) -> Expr {
    match expr {
        Expr::Cast(Cast { expr, field }) if is_fraction(&expr, scope) && *field.data_type() == DataType::Int64 => {
            Expr::Cast(Cast::new(expr, DataType::Float64))
        }
        other => other,
    }
}

/// Functions that give integers without a sign.
const LENGTHS: [&str; 4] = ["cardinality", "array_length", "array_ndims", "array_position"];

fn signed(expr: Expr) -> Expr {
    Expr::Cast(Cast::new(Box::new(expr), DataType::Int64))
}

/// The numbers of rows that windows give are integers with a sign, as all of PostgreSQL's: the engine makes a decimal
/// of one without a sign beside one that has it, and divides that with a fraction.
fn counted(plan: LogicalPlan) -> Result<LogicalPlan> {
    let LogicalPlan::Window(window) = &plan else { return Ok(plan) };
    let is_new = |at: usize| at >= window.input.schema().fields().len();
    let column = |(at, (relation, field)): (usize, (Option<&TableReference>, &FieldRef))| {
        let column = Expr::Column(Column::new(relation.cloned(), field.name()));
        match is_new(at) && *field.data_type() == DataType::UInt64 {
            true => signed(column).alias(field.name()),
            false => column,
        }
    };
    let columns: Vec<Expr> = plan.schema().iter().enumerate().map(column).collect();
    if !columns.iter().any(|column| matches!(column, Expr::Alias(_))) {
        return Ok(plan);
    }
    Ok(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(plan))?))
}

fn greatest(one: &[Kind], other: &[Kind]) -> Vec<Kind> {
    one.iter().zip(other).map(|(one, other)| *one.max(other)).collect()
}

fn of_aggregate(aggregate: &Aggregate, scope: &Scope) -> Result<Vec<Kind>> {
    let groups = grouping_set_to_exprlist(&aggregate.group_expr)?;
    let mut kinds: Vec<Kind> = groups.into_iter().map(|group| scope.kind(group)).collect();
    // Between both may be the number of the grouping set.
    kinds.resize(aggregate.schema.fields().len() - aggregate.aggr_expr.len(), Kind::Other);
    kinds.extend(aggregate.aggr_expr.iter().map(|expr| scope.kind(expr)));
    Ok(kinds)
}

/// A quotient with a fraction, if it has one in PostgreSQL; products of such quotients keep to their digits.
fn arithmetic(binary: BinaryExpr, scope: &Scope) -> Transformed<Expr> {
    let BinaryExpr { left, op, right } = &binary;
    let is_changed = match op {
        Operator::Divide => {
            (scope.kind(left) == Kind::Numeric || scope.kind(right) == Kind::Numeric)
                && is_number(left, scope)
                && is_number(right, scope)
        }
        Operator::Multiply => is_fraction(left, scope) && is_fraction(right, scope),
        _ => false,
    };
    match (is_changed, op) {
        (true, Operator::Divide) => Transformed::yes(quotient(*binary.left, *binary.right)),
        (true, _) => Transformed::yes(product(*binary.left, *binary.right)),
        (false, _) => Transformed::no(Expr::BinaryExpr(binary)),
    }
}

/// Whether it is an integer or a decimal, or becomes one beside such a number.
fn is_number(expr: &Expr, scope: &Scope) -> bool {
    match expr {
        expr if is_exact(expr) => true,
        Expr::Alias(Alias { expr, .. }) => is_number(expr, scope),
        Expr::Placeholder(Placeholder { field: None, .. }) => true,
        expr => expr
            .get_type(&scope.schema)
            .is_ok_and(|kind| kind.is_integer() || kind.is_null() || is_decimal_of_128_bits(&kind)),
    }
}

fn is_decimal_of_128_bits(kind: &DataType) -> bool {
    matches!(kind, DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..))
}

fn is_fraction(expr: &Expr, scope: &Scope) -> bool {
    is_exact(expr) || scope.kind(expr) == Kind::Numeric && expr.get_type(&scope.schema).is_ok_and(|kind| kind == EXACT)
}

/// What the second part of a recursive query reads has the types that the first part had when it was planned.
fn check_first(name: &str, planned: &DFSchemaRef, found: &DFSchemaRef) -> Result<()> {
    let changed =
        planned.fields().iter().zip(found.fields()).find(|(planned, found)| planned.data_type() != found.data_type());
    match changed {
        Some((column, _)) => plan_err!(
            "{} of WITH RECURSIVE {name} is a quotient of a sum in the first part; write CAST({} AS DOUBLE) there",
            column.name(),
            column.name()
        ),
        None => Ok(()),
    }
}
