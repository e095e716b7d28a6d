//! A text of a number among the results of a CASE that are numbers:
//! `CASE WHEN packets IS NULL THEN '0' ELSE packets END`.
//!
//! In PostgreSQL and DuckDB a text is of the type of what it stands beside, here a number. The engine (DataFusion 55)
//! makes texts of the numbers instead, so that `max` and ORDER BY go by letters. A text that is no such number stays
//! one, and makes texts of the others: `CASE dstport WHEN 22 THEN 'ssh' ELSE dstport END` is asked for names.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable, lit};
use datafusion::scalar::ScalarValue;

/// Makes numbers of such texts, before the engine looks for common types.
#[derive(Debug)]
pub(super) struct ResultTexts;

impl FunctionRewrite for ResultTexts {
    fn name(&self) -> &str {
        "result_texts"
    }

    fn rewrite(&self, mut expr: Expr, schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        let is_changed = match &mut expr {
            Expr::Case(Case { expr: _, when_then_expr, else_expr }) => {
                let results = when_then_expr.iter_mut().map(|(_, then)| &mut **then);
                are_numbers(&mut results.chain(else_expr.as_deref_mut()).collect::<Vec<_>>(), schema)?
            }
            _ => false,
        };
        Ok(if is_changed { Transformed::yes(expr) } else { Transformed::no(expr) })
    }
}

/// The text of a literal that is one.
fn text_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}

/// Makes numbers of the texts among some results, if all of them are numbers of the type of one; whether there
/// are any.
fn are_numbers(results: &mut [&mut Expr], schema: &DFSchema) -> Result<bool> {
    // Looked for first, since few statements have types to be found out.
    if !results.iter().any(|result| text_of(result).is_some()) {
        return Ok(false);
    }
    let others = results.iter().filter(|result| text_of(result).is_none());
    let kinds: Option<Vec<DataType>> = others.map(|result| result.get_type(schema).ok()).collect();
    let texts: Vec<&str> = results.iter().filter_map(|result| text_of(result)).collect();
    let kinds = kinds.unwrap_or_default();
    let Some(number) = number_of(&texts, &kinds) else { return check(&texts, &kinds).map(|()| false) };
    for result in results {
        if let Some(value) = text_of(result).and_then(|text| read(text, &number)) {
            **result = lit(value);
        }
    }
    Ok(true)
}

/// The type of numbers that these texts are beside others of these types, if there are any.
pub(super) fn number_of(texts: &[&str], kinds: &[DataType]) -> Option<DataType> {
    if texts.is_empty() || !kinds.iter().all(|kind| kind.is_numeric() || kind.is_null()) {
        return None;
    }
    let holds = |kind: &&DataType| kind.is_numeric() && texts.iter().all(|text| read(text, kind).is_some());
    kinds.iter().find(holds).cloned()
}

/// Texts that all are numbers, and one of which the numbers beside it have no room for, are refused as in PostgreSQL:
/// nobody means letters by `'10.5'` beside integers.
pub(super) fn check(texts: &[&str], kinds: &[DataType]) -> Result<()> {
    let is_number = |text: &&str| text.trim().parse::<f64>().is_ok_and(f64::is_finite);
    let are_numbers = kinds.iter().all(|kind| kind.is_numeric() || kind.is_null());
    let number = kinds.iter().find(|kind| kind.is_numeric()).filter(|_| are_numbers && texts.iter().all(is_number));
    match number.and_then(|number| Some((number, texts.iter().find(|text| read(text, number).is_none())?))) {
        Some((number, text)) => plan_err!(
            "'{text}' stands beside numbers that have no room for it ({number}): write it without quotes to make \
             floats of all, or CAST('{text}' AS TEXT) to make texts of all"
        ),
        None => Ok(()),
    }
}

/// The number that a text is.
pub(super) fn read(text: &str, number: &DataType) -> Option<ScalarValue> {
    ScalarValue::try_from_string(text.trim().to_owned(), number).ok()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use super::super::{Options, context};

    async fn one(select: &str) -> String {
        let sql = format!("SELECT {select} FROM (VALUES (1, 10, 2.5), (2, 9, 10), (3, 100, 9)) AS t(n, b, f)");
        let batches = context(&Options::default()).expect("a context").sql(&sql).await.expect(&sql);
        let batches = batches.collect().await.expect(&sql);
        array_value_to_string(batches[0].column(0), 0).expect("a value")
    }

    /// What PostgreSQL answers, but for the last two: it knows no such texts.
    #[tokio::test]
    async fn a_text_of_a_number_among_numbers_is_one() {
        for (select, right) in [
            ("max(CASE WHEN n = 1 THEN '5' ELSE b END)", "100"),
            ("min(CASE WHEN n = 1 THEN '5' ELSE b END)", "5"),
            ("sum(CASE WHEN n = 1 THEN b ELSE '7' END)", "24"),
            ("max(CASE n WHEN 1 THEN NULL WHEN 2 THEN '11' ELSE b END)", "100"),
            ("max(CASE WHEN n = 1 THEN '2' ELSE f END)", "10.0"),
            ("max(CASE WHEN n = 1 THEN '2.5' WHEN n = 2 THEN f ELSE b END)", "100.0"),
            ("string_agg(CAST(n AS TEXT), ',' ORDER BY CASE WHEN n = 1 THEN '5' ELSE b END)", "1,2,3"),
            ("max(CASE WHEN n = 1 THEN CASE WHEN b > 5 THEN '50' ELSE 1 END ELSE b END)", "100"),
            ("max(CASE WHEN n = 3 THEN 'much' ELSE b END)", "much"),
            ("max(CASE WHEN n = 3 THEN '' ELSE b END)", "9"),
        ] {
            assert_eq!(one(select).await, right, "{select}");
        }
    }

    #[tokio::test]
    async fn who_asks_such_a_column_gets_numbers() {
        let inner =
            "SELECT CASE WHEN n = 1 THEN '5' ELSE b END AS x FROM (VALUES (1, 10), (2, 9), (3, 100)) AS t(n, b)";
        for (sql, right) in [
            (format!("SELECT max(x) FROM ({inner}) AS q WHERE x > 4"), "100"),
            (format!("WITH q AS ({inner}) SELECT x FROM q ORDER BY x DESC LIMIT 1"), "100"),
            (format!("SELECT x FROM ({inner}) AS q GROUP BY x ORDER BY x LIMIT 1"), "5"),
        ] {
            let batches = context(&Options::default()).expect("a context").sql(&sql).await.expect(&sql);
            let batches = batches.collect().await.expect(&sql);
            let found = batches.iter().find(|batch| batch.num_rows() > 0).expect("a row");
            assert_eq!(array_value_to_string(found.column(0), 0).expect("a value"), right, "{sql}");
        }
    }
}
