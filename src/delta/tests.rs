use std::collections::BTreeMap;

use super::action::{Action, Add, Protocol, Remove, Txn, decode, encode};
use super::checkpoint::{from_parquet, to_parquet};
use super::schema::schema;
use crate::schema::{Kind, PartitionBy, Table};

fn actions() -> Vec<Action> {
    let add = |path: &str, date: Option<&str>| Add {
        path: path.to_owned(),
        partition_values: [("date".to_owned(), date.map(str::to_owned))].into(),
        size: 7,
        modification_time: 8,
        data_change: true,
        stats: Some("{\"numRecords\":3}".to_owned()),
        deletion_vector: None,
    };
    let features = Some(vec!["flowlake".to_owned()]);
    vec![
        Protocol { min_reader_version: 1, min_writer_version: 7, writer_features: features }.into(),
        Txn { app_id: "flowlake/x".to_owned(), version: 12, last_updated: Some(5) }.into(),
        Remove { path: "old".to_owned(), deletion_timestamp: Some(9), ..Remove::default() }.into(),
        add("date=2023-09-14/a.parquet", Some("2023-09-14")).into(),
        add("date=__HIVE_DEFAULT_PARTITION__/b.parquet", None).into(),
    ]
}

#[test]
fn actions_come_back_from_json_and_from_parquet() {
    let actions = actions();
    assert_eq!(decode(&encode(&actions)).unwrap(), actions);
    let parquet = to_parquet(actions.clone());
    assert_eq!(to_parquet(actions.clone()), parquet, "same actions, same bytes");
    let mut found = Vec::new();
    from_parquet(parquet.into(), |action| found.push(action)).unwrap();
    assert_eq!(found, actions);
}

/// A lake may have more live files than a file of its own ledger has rows.
#[test]
fn a_checkpoint_of_many_actions_comes_back() {
    let (actions, mut found) = (2_000_001, 0);
    let bytes = to_parquet(std::iter::repeat_n(Action::default(), actions));
    from_parquet(bytes.into(), |_| found += 1).unwrap();
    assert_eq!(found, actions);
}

#[test]
fn what_is_no_checkpoint_is_an_error() {
    let sound = to_parquet(actions());
    for damaged in [&b""[..], b"PAR1", &sound[..sound.len() / 2], &sound[8..]] {
        assert!(from_parquet(damaged.to_vec().into(), drop).is_err());
    }
}

#[test]
fn actions_of_others_are_passed_over() {
    let lines = b"{\"domainMetadata\":{\"domain\":\"x\",\"configuration\":\"\",\"removed\":false}}\n\n{\"cdc\":{}}\n\
        {\"commitInfo\":{\"operation\":null,\"timestamp\":\"now\",\"flowlake\":7}}";
    let read = decode(lines).unwrap();
    assert!(
        read.len() == 3 && read.iter().all(|action| action.note().is_none()) && !read.iter().any(Action::is_of_table)
    );
}

#[test]
fn a_schema_has_the_documented_order_and_the_partition_columns_last() {
    let columns: BTreeMap<String, Kind> = [
        ("zone", Kind::Text),
        ("bytes", Kind::Int64),
        ("srcaddr", Kind::Text),
        ("a,b", Kind::Text),
        ("log_line", Kind::Int64),
        ("version", Kind::Int32),
    ]
    .into_iter()
    .map(|(name, kind)| (name.to_owned(), kind))
    .collect();
    let names = |by: PartitionBy| -> Vec<String> {
        let schema: serde_json::Value = serde_json::from_str(&schema(Table::FLOW_LOGS, &columns, by)).unwrap();
        let fields = schema["fields"].as_array().unwrap().iter();
        fields.map(|field| format!("{}:{}", field["name"].as_str().unwrap(), field["type"].as_str().unwrap())).collect()
    };
    let own = ["version:integer", "srcaddr:string", "bytes:long", "zone:string", "log_line:long"];
    assert_eq!(names(PartitionBy::Date), [&own[..], &["date:date"]].concat(), "`a,b` is a name that Spark refuses");
    assert_eq!(names(PartitionBy::DateHour), [&own[..], &["date:date", "hour:integer"]].concat());
}
