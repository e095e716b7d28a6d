//! A table as people see it: the columns of its files, times as timestamps, and, for a report, a window of time.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, cast, col, lit, try_cast};
use datafusion::scalar::ScalarValue;

/// Seconds from `since`, up to but without `until`; Unix time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    pub since: Option<i64>,
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
        let mut columns: Vec<Expr> = schema.fields().iter().map(|field| col(quoted(field.name()))).collect();
        for (seconds, time) in TIMES {
            let is_seconds = schema.field_with_name(seconds).is_ok_and(|field| field.data_type() == &DataType::Int64);
            if is_seconds && schema.field_with_name(time).is_err() {
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

/// A column name, taken as it is.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
