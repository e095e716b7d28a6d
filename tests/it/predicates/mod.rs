//! Random predicates over times, dates and hours, answered in four ways that must agree: by the lake as it is, by its
//! rows in memory (nothing to leave out), by an engine without its rules, and by a reading of the records of our own.
//!
//! A failure names the seed and the predicate. `FLOWLAKE_PREDICATES=N` asks N of each zone instead of the usual number.

mod meaning;
mod spelling;

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int32Type;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::ParamValues;
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;
use flowlake::query::{Options, Session};
use flowlake::source::{Access, Location};

use crate::lab::Lab;
use meaning::Record;
use spelling::{Asked, Random};

/// Clocks change by an hour, by half an hour, at midnight; and not at all.
const ZONES: [&str; 5] = ["UTC", "Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "America/Sao_Paulo"];

/// Predicates of each zone.
const PREDICATES: u64 = 60;

/// Moments around which records lie: midnights, and every kind of change of the clocks in the zones above.
const MOMENTS: [i64; 9] = [
    1_694_649_600, // 2023-09-14T00:00:00Z
    1_694_732_400, // 2023-09-14T23:00:00Z, an hour after midnight in Berlin
    1_679_792_400, // 2023-03-26T01:00:00Z, Berlin skips 02:00 to 03:00
    1_698_541_200, // 2023-10-29T01:00:00Z, Berlin goes back from 03:00 to 02:00
    1_699_160_400, // 2023-11-05T05:00:00Z, Havana goes back from 01:00 to midnight
    1_678_597_200, // 2023-03-12T05:00:00Z, Havana skips midnight
    1_680_361_200, // 2023-04-01T15:00:00Z, Lord Howe goes back by half an hour
    1_541_300_400, // 2018-11-04T03:00:00Z, Sao Paulo skips midnight
    1_704_067_199, // 2023-12-31T23:59:59Z
];

fn records() -> Vec<Record> {
    let mut records = Vec::new();
    let mut add = |start: Option<i64>, end: Option<i64>| {
        records.push(Record { id: records.len() as i32 + 1, start, end });
    };
    for moment in MOMENTS {
        for step in [-86_400, -3_601, -3_600, -1_800, -1, 0, 1, 59, 1_799, 1_800, 3_600, 7_200] {
            add(Some(moment + step), Some(moment + step + [0, 59, 600][records_mod(step)]));
        }
        add(Some(moment), None);
    }
    add(None, None);
    records
}

fn records_mod(step: i64) -> usize {
    step.rem_euclid(3) as usize
}

fn lake(records: &[Record]) -> Lab {
    let lab = Lab::on_disk();
    let number = |number: Option<i64>| number.map_or("-".to_owned(), |number| number.to_string());
    let mut text = "version srcport start end\n".to_owned();
    for record in records {
        text += &format!("2 {} {} {}\n", record.id, number(record.start), number(record.end));
    }
    lab.put_gz("logs/a.log.gz", &text);
    lab.convert(&["--partition-by", "date,hour"], 0);
    lab
}

/// The same lake three times.
struct Ways {
    session: Session,
    without_rules: SessionContext,
}

const ROWS: &str = "SELECT srcport, start, \"end\", date, hour, start_time, end_time FROM flow_logs";

async fn open(lab: &Lab, zone: &str) -> Ways {
    let location = Location::parse(&lab.url("lake")).expect("a place");
    let lake = flowlake::lake::Lake::open(&location, &Access::default()).await.expect("a lake");
    let options = Options { time_zone: zone.parse().expect("a zone"), threads: 2, ..Options::default() };
    let session = Session::open(&lake, options).await.expect("a session");
    let rows = session.sql(ROWS).await.expect("rows").collect().await.expect("rows");
    let table = MemTable::try_new(rows[0].schema(), vec![rows]).expect("a table");
    session.context().register_table("in_memory", Arc::new(table)).expect("a free name");
    let state = session.context().state();
    // A new catalog would take the place of the one that is shared.
    let mut config = state.config().clone().with_create_default_catalog_and_schema(false);
    config.options_mut().execution.parquet.pushdown_filters = false;
    config.options_mut().execution.parquet.pruning = false;
    let state = SessionStateBuilder::new_from_existing(state).with_config(config).with_optimizer_rules(vec![]).build();
    Ways { session, without_rules: SessionContext::new_with_state(state) }
}

fn ids(batches: &[RecordBatch]) -> BTreeSet<i32> {
    batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int32Type>().values().to_vec()).collect()
}

impl Ways {
    async fn answers(&self, asked: &Asked) -> Vec<(&'static str, Result<BTreeSet<i32>, String>)> {
        let sql = |table: &str| format!("SELECT srcport FROM {table} WHERE {}", asked.sql);
        let values: Vec<(String, ScalarValue)> = asked.values.clone();
        let of_session = async |table: &str| {
            let answer = match values.is_empty() {
                true => self.session.sql(&sql(table)).await,
                false => self.session.sql_with(&sql(table), values.clone()).await,
            };
            let rows = answer.map_err(|error| error.to_string())?.collect().await;
            Ok(ids(&rows.map_err(|error| error.to_string())?))
        };
        let plain = async {
            let mut frame = self.without_rules.sql(&sql("flow_logs")).await?;
            if !values.is_empty() {
                frame = frame.with_param_values(ParamValues::from(values.clone()))?;
            }
            Ok(ids(&frame.collect().await?))
        };
        let plain = plain.await.map_err(|error: datafusion::error::DataFusionError| error.to_string());
        vec![
            ("the lake", of_session("flow_logs").await),
            ("its rows in memory", of_session("in_memory").await),
            ("an engine without rules", plain),
        ]
    }
}

#[test]
fn every_way_of_asking_gives_the_records_that_are_meant() {
    let records = records();
    let lab = lake(&records);
    let predicates = std::env::var("FLOWLAKE_PREDICATES").ok().and_then(|text| text.parse().ok()).unwrap_or(PREDICATES);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let mut wrong = Vec::new();
    let mut found = 0;
    for (at, zone) in ZONES.into_iter().enumerate() {
        let ways = runtime.block_on(open(&lab, zone));
        let zone_of = zone.parse().expect("a zone");
        for seed in 0..predicates {
            let seed = (at as u64) << 32 | seed;
            let asked = spelling::predicate(&mut Random::new(seed), &records, &zone_of, zone);
            let meant: BTreeSet<i32> =
                records.iter().filter(|record| asked.holds(record, &zone_of)).map(|record| record.id).collect();
            found += usize::from(!meant.is_empty() && meant.len() < records.len());
            for (way, answer) in runtime.block_on(ways.answers(&asked)) {
                if answer.as_ref() != Ok(&meant) {
                    let (sql, values) = (&asked.sql, &asked.values);
                    wrong.push(format!(
                        "seed {seed} in {zone}: {sql} with {values:?}\n  {way}: {answer:?}\n  meant: {meant:?}"
                    ));
                }
            }
        }
    }
    let (all, shown) = (wrong.len(), wrong.iter().take(12).cloned().collect::<Vec<_>>().join("\n"));
    assert!(wrong.is_empty(), "{all} answers are wrong:\n{shown}");
    // Predicates that take all records or none would prove little.
    assert!(found as u64 > predicates * ZONES.len() as u64 / 2, "only {found} predicates tell records apart");
}
