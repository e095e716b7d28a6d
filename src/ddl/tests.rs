use super::hive::{notes, statement};
use super::*;
use crate::lake::DataFile;
use crate::schema::Kind;

fn file(partition: &str, rows: u64, columns: &[(&str, Kind)]) -> DataFile {
    DataFile {
        path: "flow_logs/a.parquet".parse().unwrap(),
        table: Table::FLOW_LOGS,
        partition: partition.parse().unwrap(),
        rows,
        bytes: 0,
        hash: String::new(),
        columns: columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect(),
        start_min: None,
        start_max: None,
    }
}

fn held(files: &[DataFile]) -> Held {
    Held::of(Table::FLOW_LOGS, files.iter())
}

#[test]
fn columns_are_united_and_stand_in_the_documented_order() {
    let held = held(&[
        file("date=2023-09-15", 1, &[("zeta", Kind::Text), ("end", Kind::Seconds), ("log_line", Kind::Int64)]),
        file("date=2023-09-14", 1, &[("alpha", Kind::Text), ("protocol", Kind::Int32), ("log_account", Kind::Text)]),
        file("date=__HIVE_DEFAULT_PARTITION__", 3, &[("version", Kind::Int32)]),
    ]);
    let names: Vec<&str> = held.columns.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["version", "protocol", "end", "alpha", "zeta", "log_account", "log_line"]);
    let day = |text: &str| text.parse::<chrono::NaiveDate>().unwrap();
    assert_eq!(held.dates, Some((day("2023-09-14"), day("2023-09-15"))));
    assert_eq!((held.rows_in_default, held.by_hour), (3, false));
}

#[test]
fn an_athena_statement_is_projected_from_the_first_date() {
    let held = held(&[file("date=2023-09-14/hour=07", 1, &[("protocol", Kind::Int32), ("end", Kind::Seconds)])]);
    let place = Place::new("s3://lake", Engine::Athena, true).unwrap();
    let text = statement(Engine::Athena, &held, &"logs.vpc".parse().unwrap(), &place);
    assert_eq!(
        text,
        "CREATE EXTERNAL TABLE `logs`.`vpc` (\n  `protocol` int,\n  `end` bigint\n)\n\
         PARTITIONED BY (`date` string, `hour` int)\nSTORED AS PARQUET\nLOCATION 's3://lake/flow_logs/'\nTBLPROPERTIES (\n  \
         'projection.enabled' = 'true',\n  'projection.date.type' = 'date',\n  'projection.date.format' = 'yyyy-MM-dd',\n  \
         'projection.date.range' = '2023-09-14,NOW+2DAYS',\n  'projection.date.interval' = '1',\n  \
         'projection.date.interval.unit' = 'DAYS',\n  'projection.hour.type' = 'integer',\n  \
         'projection.hour.range' = '0,23',\n  'projection.hour.digits' = '2',\n  \
         'storage.location.template' = 's3://lake/flow_logs/date=${date}/hour=${hour}/'\n)"
    );
}

#[test]
fn nothing_that_a_user_gives_ends_a_statement_early() {
    for bad in ["s3://b/a;b", "s3://b/it's", "/tmp/*", "s3://b/${x}", "/tmp/a\nb", "relative/folder"] {
        assert!(matches!(Place::new(bad, Engine::Duckdb, true), Err(DdlError::Place { .. })), "{bad}");
    }
    for bad in ["", "a b", "a.b.c.d", "1st", "x;drop", "a..b", "a\"b", "tåble"] {
        assert!(bad.parse::<Name>().is_err(), "{bad}");
    }
    assert_eq!("lake.tgw_flow_logs".parse::<Name>().unwrap().table(), Some(Table::TGW_FLOW_LOGS));
}

#[test]
fn a_place_is_written_in_the_words_of_the_engine() {
    let place =
        |text: &str, engine, chosen| Place::new(text, engine, chosen).map(|place| place.folder(Table::FLOW_LOGS));
    assert_eq!(place("s3://b/lake/", Engine::Spark, false).unwrap(), "s3a://b/lake/flow_logs/");
    assert_eq!(place("s3://b/lake", Engine::Spark, true).unwrap(), "s3://b/lake/flow_logs/");
    assert_eq!(place("/data/lake", Engine::Trino, true).unwrap(), "file:///data/lake/flow_logs/");
    assert!(place("file:///data/lake/", Engine::Athena, false).unwrap_err().to_string().contains("--location s3://"));
    let plain = Place::new("file:///data/lake/", Engine::Duckdb, false).unwrap();
    assert_eq!(plain.plain_folder(Table::FLOW_LOGS), "/data/lake/flow_logs/");
}

/// A ledger may be a stranger's: whatever a column is called, the statement stays one, and the name one name.
#[test]
fn a_columns_name_cannot_leave_its_quotes() {
    let odd =
        [("x\"; drop table y; --", Kind::Text), ("a`b", Kind::Text), ("it's", Kind::Text), ("back\\slash", Kind::Text)];
    let hidden = [("\u{1b}[2J", Kind::Text), ("line\nfeed", Kind::Text), ("\u{202e}txt", Kind::Text), ("", Kind::Text)];
    let held = held(&[file("date=2023-09-14", 1, &[&odd[..], &hidden[..]].concat())]);
    assert_eq!(held.unnameable.len(), hidden.len());
    let said =
        |engine| statement(engine, &held, &"logs".parse().unwrap(), &Place::new("s3://b", engine, true).unwrap());
    for engine in [Engine::Duckdb, Engine::Trino] {
        let text = said(engine);
        for name in ["\"x\"\"; drop table y; --\"", "\"a`b\"", "\"it's\"", "\"back\\slash\""] {
            assert!(text.contains(&format!("  {name}")), "{text}");
        }
    }
    for engine in [Engine::Spark, Engine::Athena] {
        let text = said(engine);
        for name in ["`x\"; drop table y; --` ", "`a``b` ", "`it's` ", "`back\\slash` "] {
            assert!(text.contains(&format!("  {name}")), "{text}");
        }
    }
    let text = said(Engine::Clickhouse);
    for name in ["`x\"; drop table y; --` ", "`a\\\\`b` ", "`it\\'s` ", "`back\\\\\\\\slash` "] {
        assert!(text.contains(&format!("  {name}")), "{name}: {text}");
    }
    for engine in [Engine::Athena, Engine::Trino, Engine::Spark, Engine::Duckdb, Engine::Clickhouse] {
        assert!(!said(engine).chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'), "{engine:?}");
        let notes = notes(engine, &held, &"logs".parse().unwrap()).join("\n");
        assert!(notes.contains(r#""\u{1b}[2J""#) && notes.contains(r#""line\nfeed""#), "{notes}");
        assert!(!notes.contains('\u{1b}') && !notes.contains('\u{202e}'), "{notes:?}");
    }
}

#[test]
fn types_of_every_kind_are_spelled_by_every_engine() {
    let kinds =
        ["text", "port", "signed", "double", "boolean", "timestamp", "list<struct<name:text,sizes:list<int32>>>"];
    let kinds = kinds.map(|kind| kind.parse::<Kind>().unwrap());
    let spelled = |words: &super::types::Words| kinds.map(|kind| words.of(kind)).join("; ");
    use super::types::{ATHENA, CLICKHOUSE, SPARK, TRINO};
    assert_eq!(
        spelled(&ATHENA),
        "string; int; bigint; double; boolean; timestamp; array<struct<name:string, sizes:array<int>>>"
    );
    assert_eq!(
        spelled(&TRINO),
        "varchar; integer; bigint; double; boolean; timestamp(6); array(row(name varchar, sizes array(integer)))"
    );
    assert_eq!(
        spelled(&SPARK),
        "STRING; INT; BIGINT; DOUBLE; BOOLEAN; TIMESTAMP; ARRAY<STRUCT<name: STRING, sizes: ARRAY<INT>>>"
    );
    assert_eq!(
        spelled(&CLICKHOUSE),
        "Nullable(String); Nullable(Int32); Nullable(Int64); Nullable(Float64); Nullable(Bool); \
         Nullable(DateTime64(6, 'UTC')); Array(Tuple(name Nullable(String), sizes Array(Nullable(Int32))))"
    );
}
