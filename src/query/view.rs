//! A table as people see it: the columns of its files, times as timestamps, and, for a report, a window of time.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::Result;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, cast, col, lit, try_cast};
use datafusion::scalar::ScalarValue;

use crate::schema::PREFIX;

/// The rows whose `start` lies in a span of time. With either bound, rows without a `start` are left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// The first second, Unix time; `None` for no limit.
    pub since: Option<i64>,
    /// The second after the last one, Unix time; `None` for no limit.
    pub until: Option<i64>,
}

/// What a view adds to its table.
#[derive(Debug, Clone, Default)]
pub(super) struct View<'a> {
    pub time_zone: &'a str,
    pub window: Window,
    /// Columns that a report can do without: null where the lake has none of that name.
    pub optional: Vec<(String, DataType)>,
    /// The least and greatest `start`, where they are known.
    pub starts: Option<(i64, i64)>,
}

/// The last second that a timestamp of nanoseconds holds, in the year 2262; the first one is as far before 1970.
const SECONDS_MAX: i64 = i64::MAX / 1_000_000_000;

/// The timestamp that goes with a column of Unix seconds.
const TIMES: [(&str, &str); 2] = [("start", "start_time"), ("end", "end_time")];

impl View<'_> {
    pub fn of(&self, name: &str, table: Arc<dyn TableProvider>) -> Result<ViewTable> {
        let schema = table.schema();
        let mut plan = LogicalPlanBuilder::scan(name, provider_as_source(table), None)?;
        // Records without a `start` lie in no window; a table that lacks it altogether has no other ones.
        let has_start = schema.field_with_name("start").is_ok();
        let bound = |bound: fn(Expr, Expr) -> Expr, at: i64| match has_start {
            true => bound(Expr::Column("start".into()), lit(at)),
            false => lit(false),
        };
        if let Some(since) = self.window.since {
            plan = plan.filter(bound(Expr::gt_eq, since))?;
        }
        if let Some(until) = self.window.until {
            plan = plan.filter(bound(Expr::lt, until))?;
        }
        let mut columns: Vec<Expr> =
            schema.fields().iter().filter_map(|field| of_file(&schema, field.name())).collect();
        for (seconds, time) in TIMES {
            let is_seconds = schema.field_with_name(seconds).is_ok_and(|field| field.data_type() == &DataType::Int64);
            if is_seconds {
                columns.push(self.time(seconds).alias(time));
            }
        }
        for (column, kind) in &self.optional {
            if schema.field_with_name(column).is_err() {
                columns.push(lit(ScalarValue::try_new_null(kind)?).alias(column));
            }
        }
        Ok(ViewTable::new(plan.project(columns)?.build()?, None))
    }

    /// Seconds as a timestamp, null where it cannot hold them. No value that it is compared with is finer than its
    /// nanoseconds, so none is rounded. A filter can leave out files only where null is known not to come up.
    fn time(&self, seconds: &str) -> Expr {
        let zoned = |unit| DataType::Timestamp(unit, Some(self.time_zone.into()));
        let is_held = |(least, greatest): (i64, i64)| least >= -SECONDS_MAX && greatest <= SECONDS_MAX;
        let of_seconds = cast(col(quoted(seconds)), zoned(TimeUnit::Second));
        match seconds == "start" && self.starts.is_some_and(is_held) {
            true => cast(of_seconds, zoned(TimeUnit::Nanosecond)),
            false => try_cast(of_seconds, zoned(TimeUnit::Nanosecond)),
        }
    }
}

/// A column of the files as the view shows it. Before epoch 3 a field could be named like a time that the view
/// computes: such a one is shown under the name that it gets today, together with what has that name already.
fn of_file(schema: &Schema, name: &str) -> Option<Expr> {
    let is_time = |name: &str| TIMES.iter().any(|(_, time)| *time == name);
    let has = |name: &str| schema.field_with_name(name).is_ok();
    let column = col(quoted(name));
    if is_time(name) {
        let today = format!("{PREFIX}{name}");
        return (!has(&today)).then(|| column.alias(today));
    }
    match name.strip_prefix(PREFIX) {
        Some(time) if is_time(time) && has(time) => Some(coalesce(vec![column, col(quoted(time))]).alias(name)),
        _ => Some(column),
    }
}

/// A column name, taken as it is.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, Int64Array, StringViewArray};
    use datafusion::arrow::record_batch::RecordBatch;
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use datafusion::datasource::MemTable;
    use datafusion::prelude::SessionContext;

    use super::*;
    use crate::schema::{PARTITION_KEYS, PROVENANCE, RESERVED};

    fn texts(values: [Option<&str>; 2]) -> ArrayRef {
        Arc::new(StringViewArray::from(values.to_vec()))
    }

    fn view(columns: Vec<(&str, ArrayRef)>) -> ViewTable {
        let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, of)| (name, of, true)));
        let batch = batch.unwrap();
        let table = Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap());
        View { time_zone: "UTC", ..View::default() }.of("t", table).unwrap()
    }

    fn ints(values: [i64; 2]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    async fn shown(view: ViewTable, statement: &str) -> String {
        let context = SessionContext::new();
        context.register_table("t", Arc::new(view)).unwrap();
        let batches = context.sql(statement).await.unwrap().collect().await.unwrap();
        let table = pretty_format_batches(&batches).unwrap().to_string();
        let rows = table.lines().filter(|line| line.starts_with('|'));
        rows.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_name_that_a_view_adds_is_reserved() {
        let view = view(vec![("start", ints([0, 1])), ("end", ints([0, 1]))]);
        let fields = view.schema();
        let added: Vec<&String> = fields.fields().iter().map(|field| field.name()).skip(2).collect();
        assert!(added.len() >= 2 && added.iter().all(|name| RESERVED.contains(&name.as_str())), "{added:?}");
        let others = PROVENANCE.iter().map(|own| own.column).chain(PARTITION_KEYS).chain([crate::schema::OTHER_FIELDS]);
        let known: Vec<&str> = others.chain(added.iter().map(|name| name.as_str())).collect();
        assert!(RESERVED.iter().all(|name| known.contains(name)), "one of {RESERVED:?} is nobody's");
    }

    #[tokio::test]
    async fn a_field_that_an_old_lake_calls_like_a_time_does_not_hide_it() {
        let old = || ("start_time", texts([Some("old"), None]));
        let start = || ("start", ints([1_694_736_000, 1_694_736_001]));
        let both = view(vec![old(), start(), ("field_start_time", texts([None, Some("new")]))]);
        let asked = "SELECT field_start_time, CAST(start_time AS BIGINT) > 0 AS is_time FROM t ORDER BY start";
        let expected = "| field_start_time | is_time |\n| old | true |\n| new | true |";
        assert_eq!(shown(both, asked).await, expected);
        assert_eq!(shown(view(vec![old(), start()]), asked).await, expected.replace("| new |", "| |"));
    }
}
