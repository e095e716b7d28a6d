use std::collections::{BTreeMap, BTreeSet};

use object_store::ObjectStoreExt;
use object_store::memory::InMemory;

use super::*;
use crate::schema::{Compression, Kind, PartitionBy, Table};

mod names;

fn lake() -> Lake {
    Lake::new(Arc::new(InMemory::new()), Path::from("some/lake"), "s3://bucket/some/lake/".to_owned())
}

async fn put(lake: &Lake, number: u64, body: Body) {
    let entry = Entry { format: FORMAT_VERSION, nonce: "n".into(), written_by: "test".into(), at: "then".into(), body };
    lake.store.put(&lake.names.log(number), entry.encode().into()).await.unwrap();
}

fn plan(listed: &[(&str, &str)], full_scan: bool) -> Body {
    let settings = Settings {
        unknown: Default::default(),
        writer_epoch: 1,
        compression: Compression::Zstd,
        file_bytes_max: 1,
        partition_by: PartitionBy::Date,
        format: None,
        types: Default::default(),
        retention_seconds: None,
        bloom: Vec::new(),
    };
    let listed = listed.iter().map(|(chain, day)| ((*chain).to_owned(), day.parse().unwrap())).collect();
    let purpose = Purpose::Convert;
    Body::Plan(Plan {
        expires: None,
        gone: 0,
        purpose,
        settings,
        tasks: 1,
        objects: 1,
        bytes: 1,
        days: vec![],
        effect: Effect::AtCommit,
        shows: Default::default(),
        body: "b".parse().unwrap(),
        mark: None,
        copies: 0,
        listed,
        full_scan,
        settled: 0,
    })
}

#[tokio::test]
async fn the_fold_knows_open_plans_frontiers_and_columns() {
    let lake = lake();
    put(&lake, 0, Body::Create(Create { lake_id: "id".into(), partition_by: PartitionBy::Date, delta: false })).await;
    put(&lake, 1, plan(&[("s3://b/a/", "2023-09-14")], true)).await;
    put(&lake, 2, plan(&[("s3://b/a/", "2023-09-15")], false)).await;
    let columns = BTreeMap::from([(Table::FLOW_LOGS, BTreeMap::from([("encryption_status".into(), Kind::Text)]))]);
    let totals = Totals { rows: 5, ..Totals::default() };
    put(&lake, 3, Body::Seal(Seal { plan: 1, totals, columns, ..Seal::default() })).await;
    let state = State::load(&lake).await.unwrap();
    assert_eq!((state.next, state.open_plans()), (4, vec![2]));
    assert_eq!(state.frontiers["s3://b/a/"].to_string(), "2023-09-15");
    assert_eq!(state.last_full_scan.as_deref(), Some("then"));
    assert_eq!(state.totals.rows, 5);
    assert_eq!(state.fixed_types().fixed(Table::FLOW_LOGS, "encryption_status"), Some(Kind::Text));
    assert_eq!(state.fixed_types().fixed(Table::FLOW_LOGS, "version"), None);
}

#[tokio::test]
async fn a_seal_counts_once_and_an_unread_object_is_looked_for_until_a_full_scan() {
    let lake = lake();
    put(&lake, 0, plan(&[], false)).await;
    let dropped = || Dropped { day: "2020-01-01".parse().unwrap(), reason: "denied".into() };
    let objects = BTreeMap::from([("s3://b/a/1".to_owned(), dropped()), ("s3://b/c/1".to_owned(), dropped())]);
    put(&lake, 1, Body::Drop(Drop { plan: 0, objects })).await;
    let seal = Seal { plan: 0, totals: Totals { rows: 5, ..Totals::default() }, ..Seal::default() };
    put(&lake, 2, Body::Seal(seal.clone())).await;
    put(&lake, 3, Body::Seal(seal)).await;
    let mut state = State::load(&lake).await.unwrap();
    assert_eq!(state.totals.rows, 5);
    assert_eq!(state.oldest_unread("s3://b/a/").map(|day| day.to_string()).as_deref(), Some("2020-01-01"));
    let scan = |settled| {
        let Body::Plan(scan) = plan(&[("s3://b/a/", "2023-09-14")], true) else { unreachable!() };
        Body::Plan(Plan { settled, ..scan })
    };
    put(&lake, 4, scan(0)).await;
    state.catch_up(&lake).await.unwrap();
    assert!(
        state.oldest_unread("s3://b/a/").is_some(),
        "plan 0 was open when that scan began: its objects were planned"
    );
    put(&lake, 5, scan(1)).await;
    state.catch_up(&lake).await.unwrap();
    assert_eq!(state.oldest_unread("s3://b/a/"), None);
    assert!(state.oldest_unread("s3://b/c/").is_some(), "that chain was not listed");
}

#[tokio::test]
async fn a_gap_or_a_newer_entry_is_an_error_and_never_an_end() {
    let lake = lake();
    put(&lake, 0, plan(&[], false)).await;
    put(&lake, 2, plan(&[], false)).await;
    assert!(matches!(State::load(&lake).await, Err(LakeError::Gap { .. })));
    let future = br#"{"format": 99, "kind": "unheard-of"}"#;
    lake.store.put(&lake.names.log(1), future.to_vec().into()).await.unwrap();
    assert!(matches!(State::load(&lake).await, Err(LakeError::Newer { found: 99, .. })));
}

#[test]
fn words_of_the_ledger_are_names_and_an_unknown_one_is_of_a_newer_flowlake() {
    for by in PartitionBy::ALL {
        assert_eq!(serde_json::to_value(by).unwrap(), by.name());
    }
    for compression in Compression::ALL {
        assert_eq!(serde_json::to_value(compression).unwrap(), compression.name());
    }
    let entries = [
        Body::Create(Create { lake_id: "id".into(), partition_by: PartitionBy::DateHour, delta: false }),
        plan(&[], false),
    ];
    for (body, word, choices) in [
        (&entries[0], "date,hour", "date, date,hour"),
        (&entries[1], "date", "date, date,hour"),
        (&entries[1], "zstd", "zstd, snappy, gzip, none"),
    ] {
        let body = body.clone();
        let entry = Entry { format: 1, nonce: "n".into(), written_by: "test".into(), at: "then".into(), body };
        let text = serde_json::to_string(&entry).unwrap();
        assert_eq!(Entry::parse(text.as_bytes(), "url").unwrap().body.format(), 1);
        let newer = text.replace(&format!("\"{word}\""), "\"weekly\"");
        let error = Entry::parse(newer.as_bytes(), "url").unwrap_err().to_string();
        assert_eq!(error, format!("url was written by a newer flowlake (`weekly` is none of {choices}); upgrade"));
    }
}

#[test]
fn lines_are_the_same_bytes_for_the_same_values_and_read_back() {
    let values = vec!["a".to_owned(), "b\nc".to_owned()];
    let bytes = encode_lines(&values);
    assert_eq!(bytes, encode_lines(&values));
    assert_eq!(decode_lines::<String>(&bytes), Ok(values));
    assert!(decode_lines::<String>(&bytes[..bytes.len() - 3]).is_err());
}

#[tokio::test]
async fn a_conversion_is_not_forgotten_for_a_later_standing() {
    let lake = lake();
    let receipt = |plan: u64, outcome, version: &str| {
        let receipt = Receipt {
            url: "s3://b/o".into(),
            version: version.into(),
            size: 1,
            day: Day(None),
            outcome,
            reason: None,
            lines: 0,
            headers: 0,
            blanks: 0,
            rows: 0,
            rejects: 0,
            expired: 0,
            inflated_bytes: 0,
            parts: vec![],
            digest: None,
            lost: 0,
            first_version: None,
        };
        let head = CommitHead {
            format: 1,
            nonce: String::new(),
            written_by: String::new(),
            plan,
            task: 0,
            writer_epoch: 1,
            totals: Totals::default(),
            files: vec![],
            rejects: None,
            mark: None,
            replaces: None,
            taken: Default::default(),
            damaged: Default::default(),
        };
        Commit { head, receipts: vec![receipt] }.encode()
    };
    for (number, outcome, version) in
        [(0, Outcome::Aside, "v1"), (1, Outcome::Converted, "v2"), (2, Outcome::Aside, "v3")]
    {
        let Body::Plan(mut of_no_day) = plan(&[], false) else { unreachable!() };
        of_no_day.days = vec![Day(None)];
        put(&lake, number, Body::Plan(of_no_day)).await;
        lake.store.put(&lake.names.commit(number, 0), receipt(number, outcome, version).into()).await.unwrap();
    }
    let mut state = State::load(&lake).await.unwrap();
    state.plans.values_mut().for_each(|plan| plan.sealed = true);
    let seen = Seen::load(&lake, &state, &BTreeSet::from([Day(None)]), None, |_| true).await.unwrap();
    let known = seen.get("s3://b/o").unwrap();
    assert_eq!(known.standing, Standing::Converted);
    assert!(known.is_version("v2") && !known.is_version("v3"));
    let day = BTreeSet::from(["2023-09-14".parse().unwrap()]);
    let other_days = Seen::load(&lake, &state, &day, None, |_| true).await.unwrap();
    assert!(other_days.get("s3://b/o").is_none(), "days that are not listed are not read");
}

fn filed(url: &str, outcome: Outcome, parts: Vec<PartSums>) -> receipts::Filed {
    let receipt = Receipt {
        url: url.into(),
        version: "v".into(),
        size: 7,
        day: "2023-09-14".parse().unwrap(),
        outcome,
        reason: (outcome != Outcome::Converted).then(|| "because".to_owned()),
        lines: 6,
        headers: 1,
        blanks: 1,
        rows: 3,
        rejects: 1,
        expired: 0,
        inflated_bytes: u64::MAX,
        parts,
        digest: None,
        lost: 0,
        first_version: None,
    };
    receipts::Filed { receipt, plan: 3, task: 4, format: (outcome == Outcome::Aside).then(|| "${start}".to_owned()) }
}

#[test]
fn filed_receipts_are_the_same_bytes_and_read_back() {
    let part = |table, partition: &str| PartSums {
        table,
        partition: partition.parse().unwrap(),
        rows: 2,
        measures: vec![3, u64::MAX],
        mix: u64::MAX - 1,
    };
    let parts = vec![part(Table::FLOW_LOGS, "date=2023-09-14"), part(Table::TGW_FLOW_LOGS, "date=2023-09-15")];
    let all = vec![
        filed("s3://b/1", Outcome::Converted, parts),
        filed("s3://b/2", Outcome::Aside, vec![]),
        filed("s3://b/3", Outcome::Differs, vec![part(Table::FLOW_LOGS, "date=2023-09-14")]),
    ];
    let mut with_lost = all.clone();
    (with_lost[0].receipt.rows, with_lost[0].receipt.lost) = (0, 3);
    let day = "2023-09-14".parse().unwrap();
    assert_eq!(receipts::decode(receipts::encode(&with_lost).into(), day, |_| true).unwrap(), with_lost);
    let bytes = receipts::encode(&all);
    assert_eq!(bytes, receipts::encode(&all));
    assert_eq!(receipts::decode(bytes.clone().into(), "2023-09-14".parse().unwrap(), |_| true).unwrap(), all);
    let mut brief = Vec::new();
    receipts::briefly(bytes.clone().into(), |one| brief.push((one.url.to_owned(), one.outcome, one.format.is_some())))
        .unwrap();
    let expected = [(Outcome::Converted, false), (Outcome::Aside, true), (Outcome::Differs, false)];
    assert!(brief.iter().map(|(_, outcome, format)| (*outcome, *format)).eq(expected));
    assert!(receipts::briefly(bytes[..40].to_vec().into(), |_| {}).is_err());
}

/// One bit turned, of each in turn.
fn flips(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}

#[test]
fn a_bit_that_turned_is_never_believed() {
    let entry = Entry {
        format: FORMAT_VERSION,
        nonce: "n".into(),
        written_by: "test".into(),
        at: "then".into(),
        body: plan(&[("chain", "2023-09-14")], true),
    };
    let text = entry.encode();
    let read: serde_json::Value = serde_json::from_slice(&text).expect("plain JSON");
    assert_eq!(read["check"].as_str().map(str::len), Some(64));
    let mut refused = 0;
    for flipped in flips(&text) {
        // Where the word `check` itself is hit, the record is one without a check, and says what it said.
        match Entry::parse(&flipped, "a record") {
            Ok(found) => assert_eq!(found.encode(), text),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > text.len() * 7, "{refused} of {} bits", text.len() * 8);
    let without = serde_json::to_vec_pretty(&entry).expect("plain data");
    assert_eq!(Entry::parse(&without, "of a first writer").expect("it has no check").encode(), text);

    let checkpoint =
        Checkpoint { format: FORMAT_VERSION, written_by: "test".into(), at: "then".into(), state: State::default() };
    let text = checkpoint.encode();
    let mut refused = 0;
    for flipped in flips(&text) {
        match Checkpoint::parse(&flipped, "a record") {
            Ok(found) => assert_eq!(found.encode(), text),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > text.len() * 7, "{refused} of {} bits", text.len() * 8);

    let lines = encode_lines(["one", "another", "and a third"]);
    for flipped in flips(&lines) {
        let read = decode_lines::<String>(&flipped);
        assert!(
            read.as_ref().is_err() || read.as_ref().is_ok_and(|read| *read == ["one", "another", "and a third"]),
            "{read:?}"
        );
    }
}

/// One text that all rows share, and pages that inflate to much: both are small files.
#[test]
fn filed_receipts_that_come_to_much_are_refused() {
    let day = "2023-09-14".parse().unwrap();
    let with_reason = |reason: String| {
        let mut one = filed("s3://b/1", Outcome::Aside, vec![]);
        one.receipt.reason = Some(reason);
        one
    };
    let shared: Vec<_> = vec![with_reason("x".repeat(8192)); 20_000];
    let pages: Vec<_> = (0..600).map(|n| with_reason("y".repeat(100_000) + &n.to_string())).collect();
    for (all, reason) in [(shared, "its texts have more than"), (pages, "its pages inflate to more than")] {
        let bytes = receipts::encode(&all);
        assert!(bytes.len() < 60_000, "{}", bytes.len());
        let error = receipts::decode(bytes.into(), day, |_| true).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    // A footer that the library would break off at.
    let mut bytes = receipts::encode(&[filed("s3://b/1", Outcome::Aside, vec![])]);
    let at = bytes.len() - 40;
    bytes[at..].iter_mut().take(20).for_each(|byte| *byte = 0xff);
    assert!(receipts::decode(bytes.into(), day, |_| true).is_err());
}

/// What the walk over page headers finds is what the footer says, for an honest file: pages and their headers.
#[test]
fn page_headers_are_walked_to_the_end() {
    let all: Vec<_> = (0..100_000).map(|n| filed(&format!("s3://b/{n}"), Outcome::Converted, vec![])).collect();
    let bytes = bytes::Bytes::from(receipts::encode(&all));
    let builder = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap();
    let columns = || builder.metadata().row_groups().iter().flat_map(|group| group.columns());
    let footer: i64 = columns().map(|column| column.uncompressed_size()).sum();
    let claimed = pages::claimed(&bytes, builder.metadata()).unwrap();
    let headers = footer as u64 - claimed.bytes;
    assert!((columns().count() as u64 * 10..footer as u64 / 20).contains(&headers), "{claimed:?} of {footer}");
    assert!(claimed.largest_page_bytes >= 1 << 19, "{claimed:?}");
    assert_eq!(receipts::decode(bytes, "2023-09-14".parse().unwrap(), |_| true).unwrap().len(), all.len());
}

#[test]
fn one_copy_of_those_in_the_task_of_their_first_is_read_if_it_is_gone() {
    let object = |(url, first): (&str, &str)| {
        let first = (!first.is_empty()).then_some(first);
        let (version, copy_of_version) = (format!("of {url}"), first.map(|first| format!("of {first}")));
        serde_json::from_value(serde_json::json!({
            "url": url, "key": url, "size": 1, "version": version, "delivered": 0, "in_flow_log_prefix": true,
            "copy_of": first, "copy_of_version": copy_of_version,
        }))
        .unwrap()
    };
    let settled = |objects: &[(&str, &str)], gone: &str| {
        let objects = objects.iter().copied().map(object).collect();
        let mut task = PlannedTask { objects, ..PlannedTask::default() };
        settle_copies(&mut task, |url| gone.split_whitespace().any(|gone| gone == url));
        for object in &task.objects {
            assert_eq!(object.copy_of_version, object.copy_of.as_ref().map(|first| format!("of {first}")));
        }
        let of = |object: &crate::source::Object| object.copy_of.clone().unwrap_or_default();
        task.objects.iter().map(of).collect::<Vec<_>>().join(" ")
    };
    let four = [("a", ""), ("b", "a"), ("c", "a"), ("d", "a")];
    assert_eq!(settled(&four, ""), " a a a");
    assert_eq!(settled(&four, "a"), "  b b");
    assert_eq!(settled(&four, "a b"), "   c");
    assert_eq!(settled(&four, "b"), " a a a");
    // The first is in another task: a run that has read it may commit it.
    assert_eq!(settled(&[("b", "a"), ("c", "a")], "a"), "a a");
    // Two deliveries, and a copy that stands before its first.
    assert_eq!(settled(&[("b", "a"), ("x", "y"), ("a", ""), ("y", ""), ("c", "a"), ("z", "y")], "a y"), "    b x");
}
