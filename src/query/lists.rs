//! `IN` lists with something among them that may turn out to be null.
//!
//! The engine (DataFusion 55) merges lists as sets of what is written in them, and forgets nulls: `a IN ('x') AND a NOT
//! IN ('y', NULL)` gave the rows of `'x'` and is never true; `a IN (443, 80) AND a NOT IN (80, b)` asked for `a = 443`
//! alone, whatever `b` was. Lists of plain values stay as they are. Of others, constants leave the list and are
//! compared one by one, so that filters on them still leave out files. A list that asks each row becomes the function
//! [`any_equal`], which nothing merges.

use datafusion::common::DFSchema;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Cast, InList};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, Operator, binary_expr};

use crate::functions::times::{converted, measured};
use crate::functions::truths::any_equal;

/// Takes what may be null out of lists.
#[derive(Debug)]
pub(super) struct PlainLists;

impl FunctionRewrite for PlainLists {
    fn name(&self) -> &str {
        "plain_lists"
    }

    fn rewrite(&self, expr: Expr, _schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        let Expr::InList(InList { expr: of, list, negated }) = expr else { return Ok(Transformed::no(expr)) };
        if list.iter().all(is_value) {
            return Ok(Transformed::no(Expr::InList(InList { expr: of, list, negated })));
        }
        // A single one of a row may be what a join is by.
        let is_single = list.len() == 1;
        if !is_single && (!is_fixed(&of) || !list.iter().all(is_constant)) {
            return Ok(Transformed::yes(any_equal(*of, list, negated)));
        }
        let (values, others): (Vec<Expr>, Vec<Expr>) = list.into_iter().partition(is_value);
        // One null says what many say. Lists may be long, and chains of comparisons may not.
        let (nulls, mut others): (Vec<Expr>, Vec<Expr>) = others.into_iter().partition(is_null);
        others.extend(nulls.into_iter().take(1));
        let (equals, joins) = if negated { (Operator::NotEq, Operator::And) } else { (Operator::Eq, Operator::Or) };
        let compared = others.into_iter().map(|other| binary_expr((*of).clone(), equals, other));
        let listed = (!values.is_empty()).then(|| Expr::InList(InList::new(of.clone(), values, negated)));
        let all = listed.into_iter().chain(compared).reduce(|all, one| binary_expr(all, joins, one));
        Ok(Transformed::yes(all.expect("a list that is not all values has another one")))
    }
}

/// Whether it is written, and not null. Times and intervals are values behind functions of our own, which give null for
/// null alone.
fn is_value(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => !value.is_null(),
        Expr::Cast(Cast { expr, .. }) => is_value(expr),
        other => converted(other).or_else(|| measured(other)).is_some_and(is_value),
    }
}

fn is_null(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => value.is_null(),
        Expr::Cast(Cast { expr, .. }) => is_null(expr),
        other => converted(other).or_else(|| measured(other)).is_some_and(is_null),
    }
}

/// Whether it is the same for all rows.
fn is_constant(expr: &Expr) -> bool {
    is_fixed(expr) && !expr.any_column_refs() && !expr.contains_outer()
}

/// Whether it may be written several times: it is the same each time, and no query of its own.
fn is_fixed(expr: &Expr) -> bool {
    !expr.is_volatile() && !expr.contains_scalar_subquery()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::RecordBatch;
    use datafusion::arrow::util::display::array_value_to_string;

    use super::super::{Options, context};

    async fn row(sql: &str) -> Vec<String> {
        let context = context(&Options::default()).unwrap();
        let batches: Vec<RecordBatch> = context.sql(sql).await.unwrap().collect().await.unwrap();
        batches[0].columns().iter().map(|column| array_value_to_string(column, 0).unwrap()).collect()
    }

    #[tokio::test]
    async fn a_null_in_a_list_is_unknown() {
        let t = "(VALUES ('x'), ('y'), (NULL)) AS t(a)";
        for (filter, rows) in [
            ("a IN ('x') AND a NOT IN ('y', NULL)", 0),
            ("a IN ('x', 'y') AND a NOT IN ('y')", 1),
            ("a NOT IN (NULL)", 0),
            ("a IN ('x', NULL)", 1),
            ("NOT (a IN ('x', NULL))", 0),
            ("(a IN ('x', NULL)) IS NULL", 2),
            ("(a NOT IN ('x', NULL)) IS NULL", 2),
            ("a IN ('x', 'y') AND a IN ('y', NULL)", 1),
            ("a IN ('x') OR a IN ('y', NULL)", 2),
            ("a NOT IN ('x') AND a NOT IN ('y', nullif(1, 1)::text)", 0),
            ("a IN ('x', lower(a))", 2),
            ("a IN ('z', a)", 2),
            ("a NOT IN ('x', NULL, CAST(NULL AS VARCHAR), NULL)", 0),
            ("a NOT IN ('x', upper('y'))", 1),
            ("a IN ('x') AND a NOT IN ('y', CASE WHEN a = 'z' THEN 'z' END)", 0),
            ("a IN ('z', (SELECT max(b) FROM (VALUES ('y')) AS u(b)))", 1),
            ("(SELECT max(b) FROM (VALUES ('y')) AS u(b)) IN ('x', a, NULL)", 1),
            ("'x' IN ('y', a) AND 'x' NOT IN ('z', lower(a))", 0),
            // It is drawn once: a number from 0 to 2 is one of these.
            ("CAST(floor(random() * 3) AS INT) IN (0, 1, 2, length(a))", 3),
        ] {
            let sql = format!("SELECT count(*) FROM {t} WHERE {filter}");
            assert_eq!(row(&sql).await, [rows.to_string()], "{filter}");
        }
        let long = |one: &str| format!("SELECT count(*) FROM {t} WHERE a IN ('x', {})", vec![one; 20_000].join(", "));
        for (one, rows) in [("NULL", "1"), ("a", "2")] {
            assert_eq!(row(&long(one)).await, [rows], "{one}");
        }
        let grouped = format!("SELECT count(*) FROM (SELECT 1 FROM {t} GROUP BY ROLLUP (a IN ('x', a)))");
        assert_eq!(row(&grouped).await, ["3"], "true, null, and all rows");
    }

    /// What is written in a list: a number, a null, or the column `b`.
    #[derive(Clone, Copy)]
    enum Written {
        Number(i64),
        Null,
        B,
    }

    impl Written {
        fn sql(self) -> String {
            match self {
                Written::Number(number) => number.to_string(),
                Written::Null => "NULL".to_owned(),
                Written::B => "b".to_owned(),
            }
        }

        fn value(self, b: Option<i64>) -> Option<i64> {
            match self {
                Written::Number(number) => Some(number),
                Written::Null => None,
                Written::B => b,
            }
        }
    }

    /// `a IN (list)` as the standard defines it: true if one is equal, else unknown if one comparison is, else false.
    fn is_in(a: Option<i64>, list: &[Written], b: Option<i64>) -> Option<bool> {
        let each = || list.iter().map(|one| Some(a? == one.value(b)?));
        if each().any(|equal| equal == Some(true)) {
            return Some(true);
        }
        each().all(|equal| equal == Some(false)).then_some(false)
    }

    /// Pairs of lists, with IN and NOT IN, AND and OR, over rows of every kind, against the rules of three truth
    /// values.
    #[tokio::test]
    async fn two_lists_of_one_column_are_what_each_says() {
        use Written::{B, Null, Number};

        let lists: [&[Written]; 8] = [
            &[Number(1), B],
            &[Number(2), B],
            &[B, Number(1)],
            &[B],
            &[Number(1), Null],
            &[Number(2)],
            &[B, Null],
            &[Number(1), Number(2)],
        ];
        let values = [Some(1), Some(2), Some(3), None];
        let rows: Vec<_> = values.iter().flat_map(|&a| values.iter().map(move |&b| (a, b))).collect();
        let cell = |value: Option<i64>| value.map_or("CAST(NULL AS BIGINT)".to_owned(), |value| value.to_string());
        let cells: Vec<String> = rows.iter().map(|&(a, b)| format!("({}, {})", cell(a), cell(b))).collect();
        let sql = |list: &[Written], negated: bool| {
            let written: Vec<String> = list.iter().map(|one| one.sql()).collect();
            format!("a {} ({})", if negated { "NOT IN" } else { "IN" }, written.join(", "))
        };
        for first in lists {
            let (mut asked, mut right) = (Vec::new(), Vec::new());
            for (second, kind) in lists.iter().flat_map(|second| (0..8).map(move |kind| (*second, kind))) {
                let (not_first, not_second, is_or) = (kind & 1 > 0, kind & 2 > 0, kind & 4 > 0);
                let join = if is_or { "OR" } else { "AND" };
                let filter = format!("{} {join} {}", sql(first, not_first), sql(second, not_second));
                asked.push(format!("count(*) FILTER (WHERE {filter}) AS \"{filter}\""));
                let holds = |&&(a, b): &&(Option<i64>, Option<i64>)| {
                    let is = |list, negated: bool| is_in(a, list, b).map(|found| found != negated) == Some(true);
                    match is_or {
                        true => is(first, not_first) || is(second, not_second),
                        false => is(first, not_first) && is(second, not_second),
                    }
                };
                right.push(rows.iter().filter(holds).count().to_string());
            }
            let found =
                row(&format!("SELECT {} FROM (VALUES {}) AS t(a, b)", asked.join(", "), cells.join(", "))).await;
            let wrong: Vec<String> = (0..found.len())
                .filter(|&at| found[at] != right[at])
                .map(|at| format!("{}: {}, not {}", asked[at], found[at], right[at]))
                .collect();
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        }
    }

    /// As deep as it is long, a list of times would not fit the stack of this test.
    #[tokio::test]
    async fn long_lists_of_times_and_intervals_are_flat() {
        const LISTED: i64 = 5_000;
        const SECOND: i64 = 1_694_649_600;
        let text = |second: i64| chrono::DateTime::from_timestamp(second, 0).unwrap().format("'%Y-%m-%dT%H:%M:%SZ'");
        let times: Vec<String> = (0..LISTED).map(|n| text(SECOND + 5 * n).to_string()).collect();
        let right = (0..10_000).filter(|n| 7 * n % 5 == 0 && 7 * n / 5 < LISTED).count();
        let t = format!("(SELECT to_timestamp({SECOND} + 7 * value) AS s FROM generate_series(0, 9999)) AS t");
        let sql = format!("SELECT count(*) FROM {t} WHERE s IN ({})", times.join(", "));
        assert_eq!(row(&sql).await, [right.to_string()]);
        let sql = format!("SELECT count(*) FROM {t} WHERE s NOT IN ({})", times.join(", "));
        assert_eq!(row(&sql).await, [(10_000 - right).to_string()]);
        let lengths: Vec<String> = (0..500).map(|n| format!("interval '{n} hours'")).collect();
        let t = "(VALUES (interval '1 day'), (interval '36 hours'), (interval '25 days')) AS t(i)";
        let sql = format!("SELECT count(*) FROM {t} WHERE i IN ({})", lengths.join(", "));
        assert_eq!(row(&sql).await, ["2"], "25 days are 600 hours");
    }
}
