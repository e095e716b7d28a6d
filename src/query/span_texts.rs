//! A text beside a difference of times: `end_time - start_time > '5 minutes'`.
//!
//! In PostgreSQL a text is of the type of what it stands beside, here an interval. The engine (DataFusion 55) knows no
//! common type of the two: it refuses the comparison, in the columns as it is planned, elsewhere as types are settled.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Between, Case, InList, Placeholder};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, cast};
use datafusion::sql::sqlparser::ast::BinaryOperator;

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

/// Makes intervals of such texts, before the engine looks for common types.
#[derive(Debug)]
pub(super) struct SpanTexts;

impl ExprPlanner for SpanTexts {
    fn plan_binary_op(&self, mut raw: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let compares = matches!(
            raw.op,
            BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::Lt
                | BinaryOperator::LtEq
                | BinaryOperator::Gt
                | BinaryOperator::GtEq
        );
        if compares {
            beside(&mut [&mut raw.left, &mut raw.right], schema);
        }
        if raw.op == BinaryOperator::Plus {
            match (is_time(&raw.left, schema), is_time(&raw.right, schema)) {
                (true, false) => added(&mut raw.right),
                (false, true) => added(&mut raw.left),
                _ => {}
            }
        }
        Ok(PlannerResult::Original(raw))
    }
}

impl FunctionRewrite for SpanTexts {
    fn name(&self) -> &str {
        "span_texts"
    }

    fn rewrite(&self, mut expr: Expr, schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        let is_changed = match &mut expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
                beside(&mut [left, right], schema)
            }
            Expr::Between(Between { expr, negated: _, low, high }) => beside(&mut [expr, low, high], schema),
            Expr::InList(InList { expr, list, negated: _ }) => {
                let mut all: Vec<&mut Expr> = list.iter_mut().collect();
                all.push(expr);
                beside(&mut all, schema)
            }
            Expr::Case(Case { expr: Some(of), when_then_expr, else_expr: _ }) => {
                let mut all: Vec<&mut Expr> = when_then_expr.iter_mut().map(|(when, _)| &mut **when).collect();
                all.push(of);
                beside(&mut all, schema)
            }
            _ => false,
        };
        Ok(if is_changed { Transformed::yes(expr) } else { Transformed::no(expr) })
    }
}

fn is_time(expr: &Expr, schema: &DFSchema) -> bool {
    matches!(expr.get_type(schema), Ok(DataType::Timestamp(..)))
}

/// What is added to a time is an interval, where the engine expects another time.
fn added(value: &mut Expr) {
    match value {
        Expr::Placeholder(Placeholder { id: _, field: field @ None }) => {
            *field = Some(Arc::new(Field::new("", INTERVAL, true)));
        }
        text if is_text(text) => *text = cast(std::mem::take(text), INTERVAL),
        _ => {}
    }
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.try_as_str().flatten().is_some())
}

/// Makes intervals of the texts that stand beside a length of time; whether there are any.
fn beside(values: &mut [&mut Expr], schema: &DFSchema) -> bool {
    // Looked for first, since few statements have types to be found out.
    let is_length = |expr: &Expr| matches!(expr.get_type(schema), Ok(DataType::Duration(_) | DataType::Interval(_)));
    if !values.iter().any(|value| is_text(value)) || !values.iter().any(|value| is_length(value)) {
        return false;
    }
    for value in values.iter_mut().filter(|value| is_text(value)) {
        **value = cast(std::mem::take(&mut **value), INTERVAL);
    }
    true
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use super::super::{Options, context};

    async fn one(expr: &str) -> Result<String, String> {
        let context = context(&Options::default()).expect("a context");
        let sql = format!(
            "SELECT {expr} FROM (VALUES (timestamp '2023-09-14 00:00', timestamp '2023-09-14 00:05'), (NULL, NULL)) \
             AS t(a, b) WHERE a IS NOT NULL"
        );
        let batches = async { context.sql(&sql).await?.collect().await }.await.map_err(|error| error.to_string())?;
        Ok(array_value_to_string(batches[0].column(0), 0).expect("a value"))
    }

    /// What PostgreSQL answers.
    #[tokio::test]
    async fn a_text_beside_a_difference_is_an_interval() {
        for (expr, right) in [
            ("b - a > '4 minutes'", "true"),
            ("b - a >= '00:05'", "true"),
            ("'1 day' < b - a", "false"),
            ("b - a = '300 seconds'", "true"),
            ("b - a <> '5 min'", "false"),
            ("b - a BETWEEN '1 minute' AND '5 minutes'", "true"),
            ("b - a NOT BETWEEN '1 minute' AND interval '5 minutes'", "false"),
            ("b - a IN ('1 minute', '00:05:00')", "true"),
            ("b - a NOT IN ('5 minutes', NULL)", "false"),
            ("count(*) FILTER (WHERE b - a > '4 minutes')", "1"),
            ("CASE b - a WHEN '1 minute' THEN 1 WHEN '5 minutes' THEN 2 END", "2"),
            ("interval '1 day' > '23 hours'", "true"),
            ("a + '5 minutes' = b", "true"),
            ("a + '01:00' > b", "true"),
            ("a + '300' = b AND '300' + a = b", "true"),
            ("b - a > '299' AND b - a < '301'", "true"),
        ] {
            assert_eq!(one(expr).await.as_deref(), Ok(right), "{expr}");
        }
        for expr in ["b - a > 'soon'", "b - a BETWEEN '1 minute' AND 'x'"] {
            let said = one(expr).await.expect_err(expr);
            assert!(said.contains("interval") || said.contains("Interval"), "{expr}: {said}");
        }
    }
}
