//! Statements for engines that follow a table's Delta log by themselves: they name its folder, and columns, dates and
//! files come from the log.

use super::{DdlError, Engine, Held, Name, Place};
use crate::delta::{DeltaError, Described, Log};
use crate::lake::{Lake, State};
use crate::schema::Table;
use crate::shown;

/// The schema in which Trino registers a table whose name has none: that of every metastore.
const SCHEMA: &str = "default";

/// Whether a table has a Delta log that can be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// Its newest versions are flowlake's.
    Yes,
    /// Another program changed the table in this version, which was not repaired.
    Changed(u64),
    /// It has none, or one that cannot be followed; people are told why.
    No(String),
}

impl Followed {
    /// Looks for the Delta log of a table.
    pub async fn of(lake: &Lake, state: &State, table: Table) -> Result<Followed, DdlError> {
        let without = |reason: &str| {
            format!(
                "{} {reason}, so this is the statement for its folders, as with --hive; `flowlake convert SOURCE LAKE \
                 --delta` gives it a log by which the engine would see each run as a whole",
                table.name()
            )
        };
        let Some(described) = Described::of(state, table) else {
            return Ok(Followed::No(without("has no Delta log yet")));
        };
        Ok(match (Log { lake, table }).tail(described.app_id()).await {
            Ok(None) => Followed::No(without("has no Delta log")),
            Ok(Some(tail)) if tail.through.is_none() => {
                Followed::No(without("has a Delta log of which no version is flowlake's"))
            }
            Ok(Some(tail)) => tail.changed_by_others().map_or(Followed::Yes, Followed::Changed),
            Err(error @ DeltaError::Record { .. }) => {
                let reason = shown::line(&error.to_string()).to_string();
                Followed::No(format!("warning: {reason}; this is the statement for the folders, as with --hive"))
            }
            Err(error) => return Err(error.into()),
        })
    }
}

/// One statement without a `;` and without comments.
pub fn statement(engine: Engine, held: &Held, name: &Name, place: &Place) -> String {
    let (folder, plain) = (place.folder(held.table), place.plain_folder(held.table));
    match engine {
        Engine::Athena => format!(
            "CREATE EXTERNAL TABLE {name}\nLOCATION '{folder}'\nTBLPROPERTIES ('table_type' = 'DELTA')",
            name = name.quoted('`')
        ),
        Engine::Trino => {
            let (table, database) = name.table_and_database();
            format!(
                "CALL {catalog}system.register_table(\n  schema_name => '{schema}',\n  table_name => '{table}',\n  \
                 table_location => '{folder}'\n)",
                catalog = name.catalog().map(|catalog| format!("\"{catalog}\".")).unwrap_or_default(),
                schema = database.unwrap_or(SCHEMA),
            )
        }
        Engine::Spark => {
            format!("CREATE TABLE {name}\nUSING DELTA\nLOCATION '{folder}'", name = name.quoted('`'))
        }
        // It asks for the columns anew in each query.
        Engine::Duckdb => {
            format!("CREATE OR REPLACE VIEW {name} AS SELECT *\nFROM delta_scan('{plain}')", name = name.quoted('"'))
        }
        // Filters do not reach the log through a view (ClickHouse 85093). Nothing is deleted with the table.
        Engine::Clickhouse => format!(
            "CREATE OR REPLACE TABLE {name}\nENGINE = {kind}('{plain}')",
            name = name.quoted('`'),
            kind = if place.is_on_disk() { "DeltaLakeLocal" } else { "DeltaLake" },
        ),
    }
}

/// What to know besides the statement.
pub fn notes(engine: Engine, name: &Name) -> Vec<&'static str> {
    match engine {
        Engine::Athena => vec![
            "new dates need nothing; columns that are new need `DROP TABLE`, which deletes no file, and this statement \
             again",
        ],
        Engine::Trino => {
            let mut notes = vec![
                "the catalog is one of the Delta Lake connector, with delta.register-table-procedure.enabled=true",
                "new dates and columns need nothing",
            ];
            if name.table_and_database().1.is_none() {
                notes.push("the schema is `default`: --table SCHEMA.TABLE names another one");
            }
            notes
        }
        Engine::Spark => vec![
            "Spark needs the package io.delta:delta-spark, spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension \
             and spark.sql.catalog.spark_catalog=org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "new dates and columns need nothing",
        ],
        Engine::Duckdb => {
            vec!["DuckDB needs its extension: INSTALL delta", "new dates and columns need nothing"]
        }
        Engine::Clickhouse => vec!["new dates need nothing; columns that are new need this command again"],
    }
}
