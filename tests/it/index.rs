//! The index of live data files by date: it says what the commits say, and a question reads the files of its dates alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use flowlake::commit::Ledger;
use flowlake::lake::index::Sums;
use flowlake::lake::{Checkpoint, Lake, LiveDate, LiveDates, State, read_ahead};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::Value;

use crate::faults::{AGAIN, Bench, files_of, key, text, writer};
use crate::lab::{Lab, on_both_stores};
use crate::old_ledgers::copy;

on_both_stores!(a_question_reads_the_files_of_its_dates_alone);

fn reading(lake: &Arc<InMemory>) -> Lake {
    Lake::new(lake.clone(), Path::default(), "s3://lake/".to_owned())
}

fn checkpoint(bench: &Bench, lake: &Arc<dyn ObjectStore>) {
    bench.block_on(async {
        Ledger::open(writer(lake.clone())).await.expect("a ledger").checkpoint().await.expect("no faults");
    });
}

/// Names of the lists, by date.
fn lists(bench: &Bench, lake: &InMemory) -> BTreeSet<String> {
    bench.objects(lake).into_keys().filter(|name| name.starts_with("_flowlake/live/")).collect()
}

fn has_index(bench: &Bench, lake: &Arc<InMemory>) -> bool {
    bench.block_on(State::load(&reading(lake))).expect("a ledger").filed.live.is_some()
}

#[test]
fn the_index_says_what_the_commits_say() {
    let mut bench = Bench::new();
    let lake = Arc::new(InMemory::new());
    let store: Arc<dyn ObjectStore> = lake.clone();
    let rows = |bench: &Bench, at: &str| {
        // Held against the heads, with what came behind the checkpoint and without.
        assert_eq!(bench.check_readers(&lake, at), bench.expected.rows.len(), "{at}");
        assert_eq!(bench.block_on(crate::verify::differences(lake.clone())), Vec::<String>::new(), "{at}");
    };
    (1..=4).for_each(|day| bench.put(&key(day, day), &text(day, day)));
    bench.convert(lake.clone(), &[]).expect("no faults");
    assert!(!has_index(&bench, &lake));
    rows(&bench, "without an index");
    checkpoint(&bench, &store);
    assert!(has_index(&bench, &lake));
    let first = lists(&bench, &lake);
    assert_eq!(first.len(), 4, "{first:?}");
    rows(&bench, "filed");

    bench.put(&key(2, 20), &text(2, 20));
    bench.convert(lake.clone(), &[]).expect("no faults");
    rows(&bench, "one date behind the checkpoint");
    checkpoint(&bench, &store);
    let second = lists(&bench, &lake);
    let new: Vec<&String> = second.difference(&first).collect();
    assert!(new.len() == 1 && new[0].contains("/flow_logs/date=2023-09-02/"), "{new:?}");
    rows(&bench, "one date filed anew");

    bench.alter();
    bench.convert(lake.clone(), &AGAIN[..5]).expect("no faults");
    rows(&bench, "redone, and not shown");
    checkpoint(&bench, &store);
    assert!(has_index(&bench, &lake));
    rows(&bench, "redone and filed");
    bench.convert(lake.clone(), &["--retention", "0s"]).expect("no faults");
    rows(&bench, "to be shown");
    bench.convert(lake.clone(), AGAIN).expect("no faults");
    rows(&bench, "redone and shown");
    checkpoint(&bench, &store);
    assert!(has_index(&bench, &lake));
    rows(&bench, "shown and filed");
}

/// Of the checkpoints that are kept, each one still has all that its index names; what none of them names goes, were it
/// of a time that a restored copy of the ledger knows nothing of.
#[test]
fn a_list_stays_as_long_as_a_checkpoint_names_it() {
    let mut bench = Bench::new();
    let lake = Arc::new(InMemory::new());
    let store: Arc<dyn ObjectStore> = lake.clone();
    let leftover = format!("_flowlake/live/flow_logs/date=2023-09-03/{:020}-0123456789abcdef.parquet", 17);
    let mut was_left = 0;
    for n in 1..=24 {
        // The third day stays as it is.
        let day = if n <= 3 { n } else { 1 + n % 2 };
        bench.put(&key(day, n), &text(day, n));
        bench.convert(lake.clone(), &[]).expect("no faults");
        checkpoint(&bench, &store);
        let (objects, reading) = (bench.objects(&lake), reading(&lake));
        let mut named = BTreeSet::new();
        for name in objects.keys().filter(|name| name.starts_with("_flowlake/checkpoints/")) {
            let number = name.rsplit('/').next().and_then(|name| name.strip_suffix(".json")?.parse().ok());
            let number = number.expect("a checkpoint's name");
            let checkpoint = bench.block_on(Checkpoint::read(&reading, number)).expect("readable").expect("there");
            let index = checkpoint.state.filed.live.expect("an index");
            named.extend(index.names().map(|name| name.to_string()));
        }
        let mut found = lists(&bench, &lake);
        was_left += u32::from(found.remove(&leftover));
        assert_eq!(found, named, "after {n}");
        if n == 4 {
            bench.block_on(store.put(&Path::from(leftover.as_str()), "later".into())).expect("memory");
        }
    }
    assert!(was_left > 3 && !lists(&bench, &lake).contains(&leftover), "{was_left}");
    assert_eq!(bench.check_readers(&lake, "at the end"), bench.expected.rows.len());
}

/// Earlier programs know nothing of an index: their checkpoints have none, and lists of before stay behind.
#[test]
fn a_checkpoint_of_an_earlier_program_ends_the_index_and_the_next_one_begins_it_again() {
    let mut bench = Bench::new();
    let lake = Arc::new(InMemory::new());
    let store: Arc<dyn ObjectStore> = lake.clone();
    (1..=3).for_each(|day| bench.put(&key(day, day), &text(day, day)));
    bench.convert(lake.clone(), &[]).expect("no faults");
    checkpoint(&bench, &store);
    let name = bench.objects(&lake).into_keys().rfind(|name| name.contains("/checkpoints/")).expect("a checkpoint");
    let mut record: Value = serde_json::from_slice(&bench.objects(&lake)[&name]).expect("JSON");
    record.as_object_mut().expect("an object").remove("check");
    record["state"]["filed"].as_object_mut().expect("places").remove("live").expect("an index");
    bench.block_on(store.put(&Path::from(name), record.to_string().into_bytes().into())).expect("memory");
    bench.put(&key(2, 20), &text(2, 20));
    bench.convert(lake.clone(), &[]).expect("no faults");
    assert!(!has_index(&bench, &lake));
    assert_eq!(bench.check_readers(&lake, "without"), bench.expected.rows.len());
    checkpoint(&bench, &store);
    assert!(has_index(&bench, &lake));
    assert_eq!(bench.check_readers(&lake, "with"), bench.expected.rows.len());
    assert_eq!(bench.block_on(crate::verify::differences(lake.clone())), Vec::<String>::new());
}

/// Lakes of every format get an index that says what their commits say.
#[test]
fn old_lakes_get_an_index() {
    let bench = Bench::new();
    for name in ["lake-1", "lake-2", "lake-3", "lake-4"] {
        let lab = Lab::on_disk();
        copy(&lab, name);
        let lake = Arc::new(InMemory::new());
        for key in lab.list("lake").into_keys() {
            let inside = key.strip_prefix("lake/").expect("it lies in it");
            bench.block_on(lake.put(&Path::from(inside), lab.get(&key).into())).expect("memory");
        }
        let state = || bench.block_on(State::load(&reading(&lake))).expect("a ledger");
        let heads = || files_of(&bench.block_on(state().heads(&reading(&lake))).expect("heads"));
        let before = heads();
        assert!(!before.is_empty(), "{name}");
        let store: Arc<dyn ObjectStore> = lake.clone();
        checkpoint(&bench, &store);
        assert!(state().filed.live.is_some(), "{name}");
        assert_eq!((&heads(), &bench.files_by_date(&lake)), (&before, &before), "{name}");
        assert_eq!(bench.block_on(crate::verify::differences(lake.clone())), Vec::<String>::new(), "{name}");
    }
}

/// The index is a shortcut: `verify` tells where it is not what the commits say.
#[test]
fn a_list_that_is_gone_or_of_other_files_is_told() {
    let mut bench = Bench::new();
    (1..=3).for_each(|day| bench.put(&key(day, day), &text(day, day)));
    let made = Arc::new(InMemory::new());
    bench.convert(made.clone(), &[]).expect("no faults");
    checkpoint(&bench, &(made.clone() as Arc<dyn ObjectStore>));
    let lists: Vec<String> = lists(&bench, &made).into_iter().collect();
    let told = |change: &dyn Fn(&InMemory)| {
        let lake = Arc::new(made.fork());
        change(&lake);
        bench.block_on(crate::verify::differences(lake)).join("\n")
    };
    let gone = told(&|lake| bench.block_on(lake.delete(&Path::from(lists[0].as_str()))).expect("memory"));
    assert!(gone.contains(&lists[0]), "{gone}");
    let altered = told(&|lake| {
        let other = bench.objects(lake)[&lists[1]].clone();
        bench.block_on(lake.put(&Path::from(lists[0].as_str()), other.into())).expect("memory");
    });
    assert!(altered.contains(&lists[0]), "{altered}");
    let miscounted = told(&|lake| {
        let name = bench.objects(lake).into_keys().rfind(|name| name.contains("/checkpoints/")).expect("one");
        let mut record: Value = serde_json::from_slice(&bench.objects(lake)[&name]).expect("JSON");
        record.as_object_mut().expect("an object").remove("check");
        let date = &mut record["state"]["filed"]["live"]["dates"]["flow_logs"]["2023-09-01"];
        date["files"] = Value::from(date["files"].as_u64().expect("a number") + 1);
        bench.block_on(lake.put(&Path::from(name), record.to_string().into_bytes().into())).expect("memory");
    });
    assert!(miscounted.contains("live files of flow_logs on 2023-09-01"), "{miscounted}");
    let forged = told(&|lake| {
        let name = bench.objects(lake).into_keys().rfind(|name| name.contains("/checkpoints/")).expect("one");
        let mut record: Value = serde_json::from_slice(&bench.objects(lake)[&name]).expect("JSON");
        record.as_object_mut().expect("an object").remove("check");
        record["state"]["filed"]["live"]["dates"]["flow_logs"]["2023-09-01"]["columns"] = 7.into();
        bench.block_on(lake.put(&Path::from(name), record.to_string().into_bytes().into())).expect("memory");
    });
    assert!(forged.contains("columns that it does not name"), "{forged}");
}

/// A list that is gone or damaged ends neither a question nor a checkpoint: the commits say the same.
#[test]
fn without_a_list_the_commits_are_read() {
    let mut bench = Bench::new();
    (1..=3).for_each(|day| bench.put(&key(day, day), &text(day, day)));
    let lake = Arc::new(InMemory::new());
    let store: Arc<dyn ObjectStore> = lake.clone();
    bench.convert(lake.clone(), &[]).expect("no faults");
    checkpoint(&bench, &store);
    let damaged: Vec<String> = lists(&bench, &lake).into_iter().collect();
    bench.block_on(lake.delete(&Path::from(damaged[0].as_str()))).expect("memory");
    bench.block_on(lake.put(&Path::from(damaged[1].as_str()), "no Parquet".into())).expect("memory");
    assert_eq!(bench.check_readers(&lake, "without lists"), bench.expected.rows.len());
    bench.put(&key(1, 20), &text(1, 20));
    bench.convert(lake.clone(), &[]).expect("no faults");
    bench.alter();
    bench.convert(lake.clone(), &AGAIN[..5]).expect("no faults");
    assert_eq!(bench.check_readers(&lake, "redone without lists"), bench.expected.rows.len());
    checkpoint(&bench, &store);
    assert!(has_index(&bench, &lake));
    assert_eq!(bench.check_readers(&lake, "filed anew"), bench.expected.rows.len());
    let newest = |before: &[String]| lists(&bench, &lake).into_iter().filter(|name| !before.contains(name)).count();
    assert_eq!(newest(&damaged), 3, "all lists were written anew");

    // One of a date in which nothing changes.
    let before: Vec<String> = lists(&bench, &lake).into_iter().collect();
    let gone = before.iter().rfind(|name| name.contains("date=2023-09-03")).expect("a list");
    bench.block_on(lake.delete(&Path::from(gone.as_str()))).expect("memory");
    bench.alter();
    bench.convert(lake.clone(), &["--redo", "--since", "2023-09-01", "--until", "2023-09-01"]).expect("no faults");
    checkpoint(&bench, &store);
    assert_eq!(newest(&before), 3, "all lists were written anew");
    assert_eq!(bench.check_readers(&lake, "filed once more"), bench.expected.rows.len());
}

/// The lake goes on after somebody opened it: where a list is gone, the files are those of the state that he opened.
#[test]
fn without_a_list_the_files_are_of_the_state_that_was_opened() {
    let mut bench = Bench::new();
    (1..=3).for_each(|day| bench.put(&key(day, day), &text(day, day)));
    let lake = Arc::new(InMemory::new());
    bench.convert(lake.clone(), &[]).expect("no faults");
    checkpoint(&bench, &(lake.clone() as Arc<dyn ObjectStore>));
    bench.put(&key(2, 20), &text(2, 20));
    bench.convert(lake.clone(), &[]).expect("no faults");
    let open = |bench: &Bench| {
        let reading = reading(&lake);
        bench.block_on(async { State::load(&reading).await?.live_dates(&reading).await }).expect("a ledger")
    };
    let paths = |bench: &Bench, dates: &LiveDates| {
        let files = dates.values().flat_map(|of| of.values()).map(|date| {
            let files = bench.block_on(date.files(&reading(&lake))).expect("a list, or the commits");
            assert_eq!(date.sums, Sums::of(files.iter()));
            files.iter().map(|file| file.path.to_string()).collect::<Vec<_>>()
        });
        files.collect::<Vec<_>>()
    };
    let (before, opened) = (paths(&bench, &open(&bench)), open(&bench));
    assert_eq!(before.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 1]);
    bench.put(&key(1, 30), &text(1, 30));
    bench.put(&key(2, 40), &text(2, 40));
    bench.convert(lake.clone(), &[]).expect("no faults");
    for list in lists(&bench, &lake).iter().filter(|list| !list.contains("date=2023-09-03")) {
        bench.block_on(lake.delete(&Path::from(list.as_str()))).expect("memory");
    }
    assert_eq!(paths(&bench, &opened), before);
    assert_eq!(paths(&bench, &open(&bench)).iter().map(Vec::len).collect::<Vec<_>>(), [2, 3, 1]);
}

/// Who asks for most dates reads the heads of the commits once, and no list: the files are the same.
#[test]
fn most_dates_at_once_are_what_their_lists_say() {
    let mut bench = Bench::new();
    (1..=24).for_each(|day| bench.put(&key(day, day), &text(day, day)));
    let lake = Arc::new(InMemory::new());
    bench.convert(lake.clone(), &[]).expect("no faults");
    bench.alter();
    bench.convert(lake.clone(), AGAIN).expect("no faults");
    checkpoint(&bench, &(lake.clone() as Arc<dyn ObjectStore>));
    bench.put(&key(23, 30), &text(23, 30));
    bench.convert(lake.clone(), &[]).expect("no faults");
    bench.alter();
    bench.convert(lake.clone(), &["--redo", "--since", "2023-09-03", "--until", "2023-09-03"]).expect("no faults");
    let reading = reading(&lake);
    let asked = |dates: &LiveDates, ahead: usize| {
        let of: Vec<&LiveDate> = dates.values().flat_map(|of| of.values()).collect();
        bench.block_on(async {
            read_ahead(&reading, &of[..ahead], of.len()).await.expect("heads");
            let mut files = Vec::new();
            for date in of {
                files.push(date.files(&reading).await.expect("files").to_vec());
            }
            files
        })
    };
    let open = || bench.block_on(async { State::load(&reading).await?.live_dates(&reading).await }).expect("a ledger");
    let one_by_one = asked(&open(), 0);
    let rows: u64 = one_by_one.iter().flatten().map(|file| file.rows).sum();
    assert_eq!((one_by_one.len(), rows as usize), (24, bench.expected.rows.len()));
    assert_eq!(asked(&open(), 24), one_by_one);
    // Neither needs what the other reads.
    let without = |folder: &str| {
        let objects = bench.objects(&lake);
        let gone: Vec<_> = objects.into_iter().filter(|(name, _)| name.starts_with(folder)).collect();
        assert!(!gone.is_empty());
        gone.iter().for_each(|(name, _)| bench.block_on(lake.delete(&Path::from(name.as_str()))).expect("memory"));
        gone
    };
    let opened = open();
    let lists = without("_flowlake/live/");
    assert_eq!(asked(&opened, 24), one_by_one);
    for (name, bytes) in lists {
        bench.block_on(lake.put(&Path::from(name), bytes.into())).expect("memory");
    }
    let opened = open();
    without("_flowlake/heads/");
    for ahead in [0, 12, 24] {
        assert_eq!(asked(&opened, ahead), one_by_one);
    }
}

fn a_question_reads_the_files_of_its_dates_alone(lab: &Lab) {
    // A checkpoint is due behind the last of so many runs.
    for n in 0..32 {
        lab.put_gz(&format!("logs/{}", key(1 + n % 4, n)), &text(1 + n % 4, n));
        // Some of them have a line to set aside.
        let said = lab.run(&["convert", "{}logs/", "{}lake/"]);
        assert!(matches!(said.code, 0 | 3), "{}", said.stderr);
    }
    let lists: Vec<String> = lab.list("lake/_flowlake/live").into_keys().collect();
    assert_eq!(lists.len(), 4, "{lists:?}");
    let ask = |sql: &str| lab.run(&["query", "{}lake/", sql, "--format", "csv"]);
    let of = |rest: &str| format!("SELECT count(*) AS rows, sum(bytes) AS bytes FROM flow_logs {rest}");
    let of_date = of("WHERE date = '2023-09-03'");
    let (all, one) = (ask(&of("")), ask(&of_date));
    assert_eq!((all.code, one.code), (0, 0), "{}{}", all.stderr, one.stderr);
    let expected = lab.expected("logs").rows;
    let rows = |said: &str| said.lines().nth(1).and_then(|row| row.split(',').next()?.parse::<usize>().ok());
    assert_eq!(rows(&all.stdout), Some(expected.len()));
    for list in lists.iter().filter(|list| !list.contains("date=2023-09-03")) {
        lab.delete(&Path::from(list.as_str()));
    }
    for asked in [of_date, of("WHERE start_time >= '2023-09-03' AND start_time < '2023-09-04'")] {
        let said = ask(&asked);
        assert_eq!((said.code, &said.stdout, &said.stderr), (0, &one.stdout, &one.stderr), "{asked}");
    }
    // The commits say the same.
    let said = ask(&of(""));
    assert_eq!((said.code, &said.stdout), (0, &all.stdout), "{}", said.stderr);
    assert!(said.stderr.contains("_flowlake/live/flow_logs/date=2023-09-0"), "{}", said.stderr);
    assert!(said.stderr.contains("it is not needed: the commits are read instead"), "{}", said.stderr);
    assert_eq!(one.stderr, "", "no list of another date is looked at");
}
