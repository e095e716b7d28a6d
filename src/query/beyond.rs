//! Comparisons with times that a timestamp cannot hold: `start_time < '9999-12-31'`.
//!
//! Nanoseconds in 64 bits reach from 1677 to 2262. A bound beyond them is an error of its cast, though every time lies
//! on one side of it: the comparison is true or false of every time, and unknown of null.

use std::cmp::Ordering;

use datafusion::common::DFSchema;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Between, InList};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, lit};
use datafusion::scalar::ScalarValue;

use crate::functions::times::beyond;

/// Answers these comparisons, once all casts are functions of our own.
#[derive(Debug)]
pub(super) struct BeyondTimestamps;

impl FunctionRewrite for BeyondTimestamps {
    fn name(&self) -> &str {
        "beyond_timestamps"
    }

    fn rewrite(&self, expr: Expr, _schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        let answered = match &expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => compared(left, *op, right),
            Expr::Between(of) => between(of),
            Expr::InList(of) => listed(of),
            _ => None,
        };
        Ok(answered.map_or_else(|| Transformed::no(expr), Transformed::yes))
    }
}

fn compared(left: &Expr, op: Operator, right: &Expr) -> Option<Expr> {
    let (time, op, side) = match (beyond(left), beyond(right)) {
        (None, Some(side)) => (left, op, side),
        (Some(side), None) => (right, op.swap()?, side),
        _ => return None,
    };
    Some(match op {
        Operator::Lt | Operator::LtEq => decided(time, side == Ordering::Greater),
        Operator::Gt | Operator::GtEq => decided(time, side == Ordering::Less),
        Operator::Eq => decided(time, false),
        Operator::NotEq => decided(time, true),
        // To these a null is a value.
        Operator::IsDistinctFrom => lit(true),
        Operator::IsNotDistinctFrom => lit(false),
        _ => return None,
    })
}

fn between(of: &Between) -> Option<Expr> {
    let Between { expr, negated, low, high } = of;
    if beyond(expr).is_some() || beyond(low).or_else(|| beyond(high)).is_none() {
        return None;
    }
    let bound = |op: Operator, by: &Expr| {
        compared(expr, op, by)
            .unwrap_or_else(|| Expr::BinaryExpr(BinaryExpr::new(expr.clone(), op, Box::new(by.clone()))))
    };
    let both = bound(Operator::GtEq, low).and(bound(Operator::LtEq, high));
    Some(if *negated { Expr::Not(Box::new(both)) } else { both })
}

fn listed(of: &InList) -> Option<Expr> {
    let InList { expr, list, negated } = of;
    if beyond(expr).is_some() {
        return None;
    }
    let held: Vec<Expr> = list.iter().filter(|value| beyond(value).is_none()).cloned().collect();
    match held.len() {
        length if length == list.len() => None,
        0 => Some(decided(expr, *negated)),
        _ => Some(Expr::InList(InList::new(expr.clone(), held, *negated))),
    }
}

/// `is_true` of every time, and unknown of null.
fn decided(time: &Expr, is_true: bool) -> Expr {
    let unknown = || lit(ScalarValue::Boolean(None));
    match is_true {
        true => time.clone().is_not_null().or(unknown()),
        false => time.clone().is_null().and(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use super::super::{Options, context};

    /// What PostgreSQL answers, whose timestamps reach these years.
    #[tokio::test]
    async fn every_time_lies_on_one_side_of_a_bound_beyond() {
        let options = Options { time_zone: "America/Havana".parse().expect("a zone"), ..Options::default() };
        let context = context(&options).expect("a context");
        let of =
            "FROM (VALUES (timestamptz '2023-09-14 12:00', timestamp '2023-09-14', date '2023-09-14')) AS t(i, c, d)";
        for (expr, right) in [
            ("i < '9999-12-31'", "true"),
            ("i <= '9999-12-31 23:59:59.999999+00'", "true"),
            ("i > '9999-12-31'", "false"),
            ("i >= '0001-01-01'", "true"),
            ("'0001-01-01' > i", "false"),
            ("'9999-12-31' > i", "true"),
            ("i = '9999-12-31'", "false"),
            ("i <> '0001-01-01'", "true"),
            ("i IS DISTINCT FROM '9999-12-31'", "true"),
            ("i IS NOT DISTINCT FROM '9999-12-31'", "false"),
            ("i < timestamp '9999-12-31'", "true"),
            ("i < timestamptz '2262-04-12'", "true"),
            ("i > timestamptz '1677-09-20'", "true"),
            ("i < date '9999-12-31'", "true"),
            ("i < '9999-12-31'::date", "true"),
            ("c > timestamp '0001-01-01'", "true"),
            ("c < timestamptz '9999-12-31'", "true"),
            ("i::timestamp < '9999-12-31'", "true"),
            ("i::date < '9999-12-31'", "true"),
            ("d < '9999-12-31'", "true"),
            ("d < timestamp '9999-12-31'", "true"),
            ("i BETWEEN '0001-01-01' AND '9999-12-31'", "true"),
            ("i BETWEEN '2023-09-15' AND '9999-12-31'", "false"),
            ("i NOT BETWEEN '0001-01-01' AND '2023-09-13'", "true"),
            ("i NOT BETWEEN '9999-01-01' AND '9999-12-31'", "true"),
            ("i IN ('9999-12-31', '2023-09-14 12:00')", "true"),
            ("i IN ('9999-12-31')", "false"),
            ("i NOT IN ('9999-12-31', '0001-01-01')", "true"),
            ("(NULLIF(i, i) < '9999-12-31') IS NULL", "true"),
            ("(NULLIF(i, i) = '9999-12-31') IS NULL", "true"),
            ("(NULLIF(i, i) NOT IN ('9999-12-31')) IS NULL", "true"),
            ("NULLIF(i, i) IS DISTINCT FROM '9999-12-31'", "true"),
        ] {
            for sql in [format!("SELECT {expr} {of}"), format!("SELECT count(*) > 0 {of} WHERE {expr}")] {
                let batches = async { context.sql(&sql).await?.collect().await }.await;
                let found = batches.map(|batches| array_value_to_string(batches[0].column(0), 0).expect("a value"));
                assert_eq!(found.map_err(|error| error.to_string()).as_deref(), Ok(right), "{sql}");
            }
        }
        for (expr, says) in [
            ("i + interval '1 day' < greatest(i, '9999-12-31')", "between 1677 and 2262"),
            ("i < '9999-13-31'", "is no time"),
        ] {
            let answered = async { context.sql(&format!("SELECT {expr} {of}")).await?.collect().await }.await;
            assert!(answered.as_ref().is_err_and(|error| error.to_string().contains(says)), "{expr}: {answered:?}");
        }
    }
}
