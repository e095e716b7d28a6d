//! `generate_series` and `range` of instants, step by step on the clocks of their zone.
//!
//! The engine (DataFusion 55) ends a series at the first step onto a time that the clocks skip or show twice, as a
//! table and as a list: a calendar of days ended where summer time begins. The table is made here, of the same steps
//! as the list. All else is the engine's.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, TimestampNanosecondArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{TableFunction, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;

use crate::functions::times::{Steps, end_beside, series, zone_of};

/// Both functions, and whether the end of a series is a part of it.
const FUNCTIONS: [(&str, bool); 2] = [("generate_series", true), ("range", false)];

/// Puts both in the place of the engine's own, as tables and as lists.
pub(super) fn register(context: &SessionContext) {
    let state = context.state();
    for (name, has_end) in FUNCTIONS {
        if let Some(inner) = state.table_functions().get(name) {
            context.register_udtf(name, Arc::new(Series { inner: Arc::clone(inner), has_end }));
        }
        if let Some(engines) = state.scalar_functions().get(name) {
            context.register_udf(series(Arc::clone(engines), has_end));
        }
    }
}

/// The engine's table, but for instants.
#[derive(Debug)]
struct Series {
    inner: Arc<TableFunction>,
    has_end: bool,
}

impl TableFunctionImpl for Series {
    fn call_with_args(&self, arguments: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let name = self.inner.name();
        if arguments.exprs().iter().any(|argument| matches!(argument, Expr::Placeholder(_))) {
            return plan_err!(
                "{name} in FROM takes no parameter: write a number, or SELECT unnest({name}(1, $1::bigint))"
            );
        }
        let [
            Expr::Literal(ScalarValue::TimestampNanosecond(Some(start), zone), _),
            Expr::Literal(ScalarValue::TimestampNanosecond(Some(end), of_end), _),
            Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(step)), _),
        ] = arguments.exprs()
        else {
            return self.inner.function().call_with_args(arguments);
        };
        let Some(end) = end_beside(zone.as_deref(), of_end.as_deref(), *end)? else {
            return plan_err!("the end of a series is out of range: a timestamp lies between 1677 and 2262");
        };
        let kind = DataType::Timestamp(TimeUnit::Nanosecond, zone.clone());
        let schema = Arc::new(Schema::new(vec![Field::new("value", kind, false)]));
        let steps = Steps::new(zone_of(zone.as_deref())?, *start, end, *step, self.has_end)?;
        let instants = Instants { schema: Arc::clone(&schema), zone: zone.clone(), steps };
        Ok(Arc::new(StreamingTable::try_new(schema, vec![Arc::new(instants)])?))
    }
}

#[derive(Debug)]
struct Instants {
    schema: SchemaRef,
    zone: Option<Arc<str>>,
    steps: Steps,
}

impl PartitionStream for Instants {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows_max = context.session_config().batch_size();
        let (mut steps, zone, schema) = (self.steps.clone(), self.zone.clone(), Arc::clone(&self.schema));
        let batches = std::iter::from_fn(move || {
            let values: Vec<i64> = steps.by_ref().take(rows_max).collect();
            let values = (!values.is_empty()).then(|| TimestampNanosecondArray::from(values))?;
            let column = Arc::new(values.with_timezone_opt(zone.clone()));
            Some(RecordBatch::try_new(Arc::clone(&schema), vec![column]).map_err(Into::into))
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), futures::stream::iter(batches)))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use super::super::{Options, context};

    async fn one(zone: &str, sql: &str) -> Result<String, String> {
        let options = Options { time_zone: zone.parse().expect("a zone"), ..Options::default() };
        let context = context(&options).expect("a context");
        let batches = async { context.sql(sql).await?.collect().await }.await.map_err(|error| error.to_string())?;
        let batch = batches.iter().find(|batch| batch.num_rows() > 0).expect("a row");
        Ok(array_value_to_string(batch.column(0), 0).expect("a value"))
    }

    /// What PostgreSQL answers; the end of `range` is DuckDB's.
    #[tokio::test]
    async fn a_series_goes_on_where_clocks_change() {
        let of =
            |from: &str, to: &str, step: &str| format!("(timestamptz '{from}', timestamptz '{to}', interval '{step}')");
        for (zone, arguments, with_end, without) in [
            ("America/Havana", of("2023-03-10", "2023-03-15", "1 day"), "5", "5"),
            ("America/Havana", of("2023-11-02", "2023-11-08", "1 day"), "7", "6"),
            ("America/Havana", of("2023-03-15", "2023-03-10", "-1 day"), "6", "6"),
            ("Africa/Cairo", of("2023-04-26", "2023-05-01", "1 day"), "5", "5"),
            ("America/Santiago", of("2023-09-01", "2023-09-05", "1 day"), "4", "4"),
            ("Europe/London", of("2023-03-25 01:30:00", "2023-03-28 01:30:00", "1 day"), "3", "3"),
            ("Europe/London", of("2023-10-28 01:30:00", "2023-10-31 01:30:00", "1 day"), "4", "3"),
            ("Europe/London", of("2023-01-26 01:30:00", "2023-05-26 02:30:00", "1 month"), "5", "5"),
            ("Europe/London", of("2023-10-28 22:00:00", "2023-10-29 04:00:00", "1 hour"), "8", "7"),
            ("UTC", of("2023-09-14", "2023-09-15 12:00:00", "1 day"), "2", "2"),
            ("UTC", of("2023-09-14", "2023-09-13", "1 day"), "0", "0"),
        ] {
            for (function, right) in [("generate_series", with_end), ("range", without)] {
                let table = format!("SELECT count(*) FROM {function}{arguments}");
                assert_eq!(one(zone, &table).await.as_deref(), Ok(right), "{zone}: {table}");
                let list = format!("SELECT cardinality({function}{arguments})");
                assert_eq!(one(zone, &list).await.as_deref(), Ok(right), "{zone}: {list}");
                let unnested = format!("SELECT count(*) FROM (SELECT unnest({function}{arguments}))");
                assert_eq!(one(zone, &unnested).await.as_deref(), Ok(right), "{zone}: {unnested}");
            }
        }
        let last = "SELECT max(value) FROM generate_series(timestamptz '2023-10-28 01:30:00', \
                    timestamptz '2023-10-31 01:30:00', interval '1 day')";
        assert_eq!(one("Europe/London", last).await.as_deref(), Ok("2023-10-31T01:30:00Z"));
        let wall = "(timestamptz '2023-06-01 10:00:00', timestamp '2023-06-01 12:00:00', interval '1 hour')";
        for sql in ["SELECT count(*) FROM generate_series", "SELECT cardinality(generate_series"] {
            let sql = format!("{sql}{wall}{}", if sql.ends_with("(generate_series") { ")" } else { "" });
            assert_eq!(one("Europe/London", &sql).await.as_deref(), Ok("3"), "{sql}");
        }
        let lists = "SELECT sum(cardinality(generate_series(a, a + interval '2 days', interval '1 day'))) FROM (VALUES \
                     (timestamptz '2023-03-11'), (timestamptz '2023-06-01'), (NULL)) AS t(a)";
        assert_eq!(one("America/Havana", lists).await.as_deref(), Ok("5"));
    }

    #[tokio::test]
    async fn a_series_has_a_step_and_its_other_arguments_are_the_engines() {
        for (sql, right) in [
            ("SELECT count(*) FROM generate_series(1, 5)", Ok("5")),
            ("SELECT count(*) FROM range(0, 10, 3)", Ok("4")),
            ("SELECT count(*) FROM generate_series(date '2023-09-14', date '2023-09-16', interval '1 day')", Ok("3")),
            ("SELECT cardinality(generate_series(1, 5))", Ok("5")),
            (
                "SELECT count(*) FROM generate_series(timestamptz '2023-09-14', timestamptz '2023-09-15', interval '0 d')",
                Err("no step of 0"),
            ),
            ("SELECT count(*) FROM generate_series(1, $1)", Err("unnest(generate_series")),
        ] {
            let said = one("America/Havana", sql).await;
            match right {
                Ok(right) => assert_eq!(said.as_deref(), Ok(right), "{sql}"),
                Err(part) => assert!(said.clone().is_err_and(|said| said.contains(part)), "{sql}: {said:?}"),
            }
        }
        let first = "SELECT value = timestamptz '2023-09-14' FROM generate_series(timestamptz '2023-09-14', \
                     timestamptz '2223-09-15', interval '1 microsecond') LIMIT 1";
        assert_eq!(one("America/Havana", first).await.as_deref(), Ok("true"));
    }
}
