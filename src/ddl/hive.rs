//! The five statements for folders in Hive's form, and what to say beside them.
//!
//! Every name is quoted: `end`, `date`, `start`, `hour` and `type` are reserved in one engine or another, and what is
//! not reserved today may be tomorrow. The names of columns are a ledger's, which may be a stranger's: none of them can
//! end its quotes, or the text that it stands in.

use super::types::{self, Words};
use super::{Engine, Held, Name, Place};
use crate::schema::Kind;

/// Days after today that a record's `start` may lie in and still be converted.
const DAYS_AHEAD_MAX: u32 = 2;

/// One statement without a `;` and without comments.
pub fn statement(engine: Engine, held: &Held, name: &Name, place: &Place) -> String {
    match engine {
        Engine::Athena => athena(held, name, place),
        Engine::Trino => trino(held, name, place),
        Engine::Spark => spark(held, name, place),
        Engine::Duckdb => duckdb(held, name, place),
        Engine::Clickhouse => clickhouse(held, name, place),
    }
}

/// Lines of `name type`, one for each column of the files.
fn columns(held: &Held, mark: char, words: &Words) -> Vec<String> {
    let line = |(name, kind): &(String, Kind)| format!("  {} {}", quoted(name, mark), words.of(*kind));
    held.columns.iter().map(line).collect()
}

/// A name between marks; a mark in it is written twice.
fn quoted(name: &str, mark: char) -> String {
    format!("{mark}{}{mark}", name.replace(mark, &format!("{mark}{mark}")))
}

/// Athena documents projected dates as strings only.
fn athena(held: &Held, name: &Name, place: &Place) -> String {
    let columns = columns(held, '`', &types::ATHENA).join(",\n");
    let folder = place.folder(held.table);
    let hour_key = if held.by_hour { ", `hour` int" } else { "" };
    let hour_path = if held.by_hour { "hour=${hour}/" } else { "" };
    let mut properties = vec![
        ("projection.enabled", "true".to_owned()),
        ("projection.date.type", "date".to_owned()),
        ("projection.date.format", "yyyy-MM-dd".to_owned()),
        ("projection.date.range", projected_dates(held)),
        ("projection.date.interval", "1".to_owned()),
        ("projection.date.interval.unit", "DAYS".to_owned()),
    ];
    if held.by_hour {
        properties.push(("projection.hour.type", "integer".to_owned()));
        properties.push(("projection.hour.range", "0,23".to_owned()));
        properties.push(("projection.hour.digits", "2".to_owned()));
    }
    properties.push(("storage.location.template", format!("{folder}date=${{date}}/{hour_path}")));
    let properties: Vec<String> = properties.iter().map(|(key, value)| format!("  '{key}' = '{value}'")).collect();
    format!(
        "CREATE EXTERNAL TABLE {name} (\n{columns}\n)\nPARTITIONED BY (`date` string{hour_key})\nSTORED AS PARQUET\n\
         LOCATION '{folder}'\nTBLPROPERTIES (\n{properties}\n)",
        name = name.quoted('`'),
        properties = properties.join(",\n"),
    )
}

/// From the first date that the lake holds to whatever may be converted today, so that new days need no new statement.
fn projected_dates(held: &Held) -> String {
    let ahead = format!("NOW+{DAYS_AHEAD_MAX}DAYS");
    match held.dates {
        Some((first, _)) => format!("{first},{ahead}"),
        None => format!("NOW-1DAYS,{ahead}"),
    }
}

fn trino(held: &Held, name: &Name, place: &Place) -> String {
    let mut columns = columns(held, '"', &types::TRINO);
    columns.push("  \"date\" date".to_owned());
    let mut keys = vec!["'date'"];
    if held.by_hour {
        columns.push("  \"hour\" integer".to_owned());
        keys.push("'hour'");
    }
    format!(
        "CREATE TABLE {name} (\n{columns}\n)\nWITH (\n  external_location = '{folder}',\n  format = 'PARQUET',\n  \
         partitioned_by = ARRAY[{keys}]\n)",
        name = name.quoted('"'),
        columns = columns.join(",\n"),
        folder = place.folder(held.table),
        keys = keys.join(", "),
    )
}

fn spark(held: &Held, name: &Name, place: &Place) -> String {
    let mut columns = columns(held, '`', &types::SPARK);
    columns.push("  `date` DATE".to_owned());
    let mut keys = "`date`".to_owned();
    if held.by_hour {
        columns.push("  `hour` INT".to_owned());
        keys.push_str(", `hour`");
    }
    format!(
        "CREATE TABLE {name} (\n{columns}\n)\nUSING PARQUET\nPARTITIONED BY ({keys})\nLOCATION '{folder}'",
        name = name.quoted('`'),
        columns = columns.join(",\n"),
        folder = place.folder(held.table),
    )
}

fn duckdb(held: &Held, name: &Name, place: &Place) -> String {
    let mut columns: Vec<String> = held.columns.iter().map(|(name, _)| format!("  {}", quoted(name, '"'))).collect();
    columns.push("  \"date\"".to_owned());
    let mut types = "'date': DATE".to_owned();
    if held.by_hour {
        columns.push("  \"hour\"".to_owned());
        types.push_str(", 'hour': INTEGER");
    }
    format!(
        "CREATE OR REPLACE VIEW {name} AS SELECT\n{columns}\nFROM read_parquet(\n  '{files}',\n  \
         hive_partitioning = true,\n  hive_types = {{{types}}},\n  union_by_name = true\n)",
        name = name.quoted('"'),
        columns = columns.join(",\n"),
        files = files(held, place),
    )
}

/// Every data file, and nothing else that lies in a table's folder. Levels are named, since `**` reaches into logs of
/// other programs, which may hold Parquet files of their own.
fn files(held: &Held, place: &Place) -> String {
    let levels = if held.by_hour { "date=*/hour=*/" } else { "date=*/" };
    format!("{}{levels}*.parquet", place.plain_folder(held.table))
}

/// The keys are read as text: ClickHouse takes their types from the first folder and fails on the default partition.
fn clickhouse(held: &Held, name: &Name, place: &Place) -> String {
    // Names between backticks know backslashes, and so does the text that all of them stand in.
    let line = |(name, kind): &(String, Kind)| {
        let name = name.replace('\\', "\\\\").replace('`', "\\`");
        format!("  `{name}` {}", types::CLICKHOUSE.of(*kind)).replace('\\', "\\\\").replace('\'', "\\'")
    };
    let mut columns: Vec<String> = held.columns.iter().map(line).collect();
    columns.push("  `date` String".to_owned());
    let mut keys = "toDateOrNull(`date`) AS `date`".to_owned();
    if held.by_hour {
        columns.push("  `hour` String".to_owned());
        keys.push_str(", toInt32OrNull(`hour`) AS `hour`");
    }
    format!(
        "CREATE OR REPLACE VIEW {name} AS SELECT * REPLACE ({keys})\nFROM {function}(\n  '{files}',\n  \
         'Parquet',\n  '\n{columns}\n')",
        name = name.quoted('`'),
        function = if place.is_on_disk() { "file" } else { "s3" },
        files = files(held, place),
        columns = columns.join(",\n"),
    )
}

/// What to know or to run besides the statement.
pub fn notes(engine: Engine, held: &Held, name: &Name) -> Vec<String> {
    let mut notes = Vec::new();
    if !held.unnameable.is_empty() {
        notes.push(format!(
            "warning: left out are columns whose names no statement should hold, and that flowlake would not write: {}",
            held.unnameable.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
        ));
    }
    if engine == Engine::Athena && held.rows_in_default > 0 {
        notes.push(format!(
            "warning: Athena will not see {} rows without a date or hour (in __HIVE_DEFAULT_PARTITION__), which partition \
             projection cannot reach; the other engines read them",
            held.rows_in_default
        ));
    }
    match engine {
        Engine::Spark => notes.push(format!("then, and again when there are new dates: MSCK REPAIR TABLE {name}")),
        Engine::Trino => {
            let (table, database) = name.table_and_database();
            let database = database.unwrap_or("<schema>");
            notes.push(format!(
                "then, and again when there are new dates: CALL system.sync_partition_metadata('{database}', '{table}', 'ADD')"
            ));
        }
        Engine::Athena => {
            notes.push("new dates need nothing; dates before the range need this command again".to_owned())
        }
        Engine::Duckdb | Engine::Clickhouse => {
            notes.push("new dates need nothing; columns that are new need this command again".to_owned());
        }
    }
    notes
}
