//! A text of a number in a column of numbers: `SELECT packets FROM flow_logs UNION ALL SELECT '10'`.
//!
//! In PostgreSQL a text is of the type of what it stands beside, here a number. The engine (DataFusion 55) makes texts
//! of the numbers of a UNION instead, so that `max` and ORDER BY go by letters, and INTERSECT and EXCEPT give texts. A
//! text that is no such number stays one, as [in a CASE](super::result_texts): `… UNION ALL SELECT 'all'`.

use std::cell::Cell;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::{LogicalPlan, lit};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::analyzer::Analyzer;

use super::grouped::GroupedColumns;
use super::result_texts::{check, number_of, read};
use super::sets::{self, Part};

/// Puts this rule and that of groups before those of the engine, which give every expression its type.
pub(super) fn first(builder: SessionStateBuilder) -> SessionStateBuilder {
    let mut rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> = vec![Arc::new(GroupedColumns), Arc::new(SetTexts)];
    rules.extend(Analyzer::new().rules);
    builder.with_analyzer_rules(rules)
}

#[derive(Debug)]
struct SetTexts;

impl AnalyzerRule for SetTexts {
    fn name(&self) -> &str {
        "set_texts"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let is_changed = Cell::new(false);
        let of_node = |mut plan: LogicalPlan| {
            // What is above a change comes behind it.
            if is_changed.get() {
                plan = sets::settled(plan)?;
            }
            let Some(columns) = sets::columns(&plan) else { return Ok(Transformed::no(plan)) };
            for (at, parts) in columns.iter().enumerate() {
                if let Some(number) = number(parts)? {
                    plan = sets::with_texts(plan, at, &|text| read(text, &number).map(lit))?;
                    is_changed.set(true);
                }
            }
            Ok(Transformed::yes(plan))
        };
        Ok(plan.transform_up_with_subqueries(of_node)?.data)
    }
}

/// The type of numbers that the texts of a column are, if there are any.
fn number(parts: &[Part]) -> Result<Option<DataType>> {
    let text = |part: &Part| match part {
        Part::Text(text) => Some(text.clone()),
        _ => None,
    };
    let texts: Vec<String> = parts.iter().filter_map(text).collect();
    let kind = |part: &Part| match part {
        Part::Of(kind) => Some(kind.clone()),
        Part::Parameter(_) => Some(DataType::Null),
        Part::Text(_) => None,
    };
    let kinds: Vec<DataType> = parts.iter().filter_map(kind).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let number = number_of(&texts, &kinds);
    if number.is_none() {
        check(&texts, &kinds)?;
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use super::super::{Options, context};

    async fn all(sql: &str) -> Result<String, String> {
        let context = context(&Options::default()).expect("a context");
        let batches = async { context.sql(sql).await?.collect().await }.await.map_err(|error| error.to_string())?;
        let cells = batches.iter().flat_map(|batch| {
            (0..batch.num_rows()).map(|row| array_value_to_string(batch.column(0), row).expect("a value"))
        });
        Ok(cells.collect::<Vec<_>>().join(" "))
    }

    /// What PostgreSQL answers, but for two texts before the number.
    #[tokio::test]
    async fn a_text_of_a_number_beside_numbers_is_one() {
        for (column, right) in [
            ("SELECT 9 AS x UNION ALL SELECT '10'", "10 9"),
            ("SELECT '9' AS x UNION ALL SELECT 10", "10 9"),
            ("SELECT '9' AS x UNION SELECT 10 UNION SELECT ' 09 '", "10 9"),
            ("SELECT '9' AS x UNION ALL SELECT '100' UNION ALL SELECT 10", "100 10 9"),
            ("SELECT 9 AS x UNION ALL (SELECT '10' UNION ALL SELECT NULL)", "10 9 "),
            ("SELECT 9 AS x UNION ALL (SELECT '10' AS y ORDER BY y LIMIT 1)", "10 9"),
            ("SELECT 9 AS x UNION ALL SELECT DISTINCT '10'", "10 9"),
            ("SELECT 9 AS x UNION ALL SELECT 1.5 UNION ALL SELECT '10.5'", "10.5 9.0 1.5"),
            ("SELECT 9 AS x UNION ALL BY NAME SELECT '10' AS x", "10 9"),
            ("SELECT 9 AS x UNION ALL VALUES ('10'), ('100')", "100 10 9"),
            ("VALUES ('10'), (9)", "10 9"),
            ("SELECT '09' AS x INTERSECT SELECT 9", "9"),
            ("SELECT 9 AS x INTERSECT ALL SELECT '09'", "9"),
            ("SELECT '09' AS x EXCEPT SELECT 8", "9"),
            ("SELECT '9' AS x EXCEPT SELECT 8 UNION ALL SELECT '10'", "10 9"),
            ("SELECT x FROM (SELECT '9' AS x UNION ALL SELECT 10) AS q UNION ALL SELECT '100'", "100 10 9"),
            ("SELECT CASE WHEN true THEN '9' ELSE 8 END AS x UNION ALL SELECT '10'", "10 9"),
            ("SELECT sum(n) AS x FROM (VALUES (1), (8)) AS t(n) UNION ALL SELECT '10'", "10 9"),
        ] {
            let sql = format!("SELECT x FROM ({column}) AS q(x) ORDER BY x DESC");
            assert_eq!(all(&sql).await.as_deref(), Ok(right), "{sql}");
        }
    }

    #[tokio::test]
    async fn who_asks_such_a_column_gets_numbers() {
        let of = "(SELECT 9 AS x UNION ALL SELECT '10') AS q";
        for (sql, right) in [
            (format!("SELECT max(x) FROM {of}"), "10"),
            (format!("SELECT sum(x) FROM {of}"), "19"),
            (format!("SELECT x + 1 FROM {of} WHERE x > 9"), "11"),
            (format!("WITH c AS (SELECT * FROM {of}) SELECT max(x) FROM c JOIN (VALUES (10)) AS t(n) ON n = x"), "10"),
            (format!("SELECT n FROM (VALUES (2), (10)) AS t(n) WHERE n IN (SELECT x FROM {of})"), "10"),
            (format!("SELECT (SELECT max(x) FROM {of}) + 1"), "11"),
            ("SELECT max(x) FROM (SELECT '9' AS x UNION ALL SELECT 10) AS q".to_owned(), "10"),
        ] {
            assert_eq!(all(&sql).await.as_deref(), Ok(right), "{sql}");
        }
    }

    /// PostgreSQL refuses these. A name beside numbers is asked for, and a text by its type stays one.
    #[tokio::test]
    async fn other_texts_stay() {
        for (column, right) in [
            ("SELECT 9 AS x UNION ALL SELECT 'all'", "all"),
            ("SELECT 9 AS x UNION ALL SELECT CAST('10' AS TEXT)", "9"),
            ("SELECT '9' AS x UNION ALL SELECT '10'", "9"),
        ] {
            assert_eq!(all(&format!("SELECT max(x) FROM ({column}) AS q")).await.as_deref(), Ok(right), "{column}");
        }
        assert!(all("VALUES (9), ('all')").await.is_err());
        for wrong in [
            "SELECT 9 AS x UNION ALL SELECT '10.5'",
            "SELECT '10.5' AS x UNION SELECT '8' UNION SELECT 9",
            "SELECT CASE WHEN n > 3 THEN '0.5' ELSE n END FROM (VALUES (2), (10)) AS t(n)",
        ] {
            let said = all(wrong).await.expect_err(wrong);
            assert!(said.contains("without quotes"), "{wrong}: {said}");
        }
    }
}
