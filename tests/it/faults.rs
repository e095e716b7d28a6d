//! The real pipeline over a store that fails at every one of its operations in turn, in every way.
//!
//! After each failure a reader of the ledger and a reader of directories look at what is there; then a run without
//! faults must bring the lake to what it would have been without any, file by file.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use flowlake::cli;
use flowlake::commit::{LakeWriter, Ledger};
use flowlake::convert::{self, ConvertError, Sides, Stop, Summary};
use flowlake::lake::index::Sums;
use flowlake::lake::{CommitHead, DataFile, Lake, State};
use flowlake::progress::{Progress, When};
use flowlake::source::{Location, Store};
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::faulty::{Fault, FaultyStore};
use super::lab::{gzip, is_data_file, read_rows};
use super::oracle::{self, Expected};

/// A bucket and a lake in memory, and what the lake must hold.
pub struct Bench {
    pub logs: Arc<InMemory>,
    pub expected: Expected,
    scratch: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    /// Files that are larger go up in parts of this size.
    part_bytes: Option<usize>,
}

impl Bench {
    pub fn new() -> Bench {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Bench {
            logs: Arc::default(),
            expected: Expected::default(),
            scratch: tempfile::tempdir().expect("a temporary folder"),
            runtime: runtime.expect("a runtime"),
            part_bytes: None,
        }
    }

    pub fn put(&mut self, key: &str, text: &str) {
        let bytes = gzip(text.as_bytes());
        oracle::read(&format!("s3://logs/{key}"), &bytes, &mut self.expected);
        self.runtime.block_on(self.logs.put(&Path::from(key), bytes.into())).expect("memory");
    }

    /// Puts an object where the logs are, and nothing where rows are expected.
    pub fn give(&self, key: &str, bytes: Bytes) {
        self.block_on(self.logs.put(&Path::from(key), bytes.into())).expect("memory");
    }

    /// Takes an object away from there.
    pub fn take(&self, key: &str) {
        self.block_on(self.logs.delete(&Path::from(key))).expect("memory");
    }

    /// Gives every object one blank line or two at its end, in turns: other content, and the same rows.
    pub fn alter(&self) {
        let tails = [gzip(b"\n"), gzip(b"\n\n")];
        self.block_on(async {
            let metas: Vec<_> = self.logs.list(None).try_collect().await.expect("memory");
            for meta in metas {
                let bytes = self.logs.get(&meta.location).await.expect("memory").bytes().await.expect("memory");
                let (base, next) = match tails.iter().position(|tail| bytes.ends_with(tail)) {
                    Some(tail) => (&bytes[..bytes.len() - tails[tail].len()], &tails[1 - tail]),
                    None => (&bytes[..], &tails[0]),
                };
                self.logs.put(&meta.location, [base, next].concat().into()).await.expect("memory");
            }
        });
    }

    /// One run of `flowlake convert s3://logs/ s3://lake/` over open stores, without the host's lock.
    pub fn convert(&self, lake: Arc<dyn ObjectStore>, more: &[&str]) -> Result<Summary, ConvertError> {
        self.run(lake, &["convert", "s3://logs/", "s3://lake/"], more)
    }

    /// One run of `flowlake rejects s3://lake/ --replay`, likewise.
    pub fn replay(&self, lake: Arc<dyn ObjectStore>, more: &[&str]) -> Result<Summary, ConvertError> {
        self.run(lake, &["rejects", "s3://lake/", "--replay"], more)
    }

    /// One run of `flowlake compact s3://lake/`, likewise.
    pub fn compact(&self, lake: Arc<dyn ObjectStore>, more: &[&str]) -> Result<Summary, ConvertError> {
        self.run(lake, &["compact", "s3://lake/"], more)
    }

    /// A run that begins with the word `compact` or `expire` is one of that command, any other one converts.
    pub fn work(&self, lake: Arc<dyn ObjectStore>, words: &[&str]) -> Result<Summary, ConvertError> {
        match words.split_first() {
            Some((&"compact", more)) => self.compact(lake, more),
            Some((&"expire", more)) => self.run(lake, &["expire", "s3://lake/"], more),
            _ => self.convert(lake, words),
        }
    }

    fn run(&self, lake: Arc<dyn ObjectStore>, command: &[&str], more: &[&str]) -> Result<Summary, ConvertError> {
        use clap::Parser;
        let scratch = self.scratch.path().to_str().expect("UTF-8");
        let threads: &[&str] = if command[0] == "expire" { &[] } else { &["--threads", "1"] };
        let arguments = [&["flowlake"], command, threads, &["--scratch", scratch], more].concat();
        let options = match cli::Cli::parse_from(arguments).command {
            cli::Command::Convert(parsed) => parsed.options(),
            cli::Command::Rejects(parsed) => parsed.replay_options(),
            cli::Command::Compact(parsed) => parsed.options(),
            cli::Command::Expire(parsed) => parsed.options(),
            other => panic!("{other:?} converts nothing"),
        };
        let options = options.expect("sound options");
        let logs = Store::new(self.logs.clone(), Location::parse("s3://logs/").expect("a URL"));
        let writer = match self.part_bytes {
            Some(bytes) => writer(lake).with_parts_of(bytes),
            None => writer(lake),
        };
        let (progress, stop) = (Progress::new(When::Never), Stop::default());
        if options.compaction.is_some() && options.sources.is_empty() {
            let sides = Sides { sources: Vec::new(), writer };
            return self.runtime.block_on(convert::compact_between(&options, sides, &progress, &stop));
        }
        if options.expiry.is_some() {
            let sides = Sides { sources: Vec::new(), writer };
            return self.runtime.block_on(convert::expire_between(&options, sides, &progress, &stop));
        }
        let sides = Sides { sources: vec![logs], writer };
        self.runtime.block_on(convert::run_between(&options, sides, &progress, &stop))
    }

    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Every object of a lake, by name.
    pub fn objects(&self, lake: &InMemory) -> BTreeMap<String, Bytes> {
        self.block_on(async {
            let metas: Vec<_> = lake.list(None).try_collect().await.expect("memory");
            let mut objects = BTreeMap::new();
            for meta in metas {
                let bytes = lake.get(&meta.location).await.expect("memory").bytes().await.expect("memory");
                objects.insert(meta.location.to_string(), bytes);
            }
            objects
        })
    }

    pub fn data_files(&self, lake: &InMemory) -> BTreeMap<String, Bytes> {
        self.objects(lake).into_iter().filter(|(name, _)| is_data_file(name)).collect()
    }

    /// A reader of directories finds no row twice and none that is wrong; nor does a reader of the ledger, which finds
    /// whole files. The number of rows that the latter finds.
    pub fn check_readers(&self, lake: &Arc<InMemory>, at: &str) -> usize {
        let mut rows = BTreeMap::new();
        let files = self.data_files(lake);
        files.iter().for_each(|(name, bytes)| read_rows(name, bytes.clone(), &mut rows));
        for (place, row) in &rows {
            assert_eq!(Some(row), self.expected.rows.get(place), "{at}: {place:?}");
        }
        let reading = Lake::new(lake.clone(), Path::default(), "s3://lake/".to_owned());
        let heads = self.block_on(async { State::load(&reading).await?.heads(&reading).await });
        let heads = heads.expect("a readable ledger");
        let objects = self.objects(lake);
        assert_eq!(self.files_by_date(lake), files_of(&heads), "{at}: by date, and by the commits");
        let mut of_ledger = BTreeMap::new();
        for file in heads.iter().flat_map(|head| &head.files) {
            let bytes = objects.get(file.path.as_str()).unwrap_or_else(|| panic!("{at}: {} is missing", file.path));
            assert_eq!(blake3::hash(bytes).to_hex().as_str(), file.hash, "{at}: {}", file.path);
            read_rows(&file.path, bytes.clone(), &mut of_ledger);
        }
        for (place, row) in &of_ledger {
            assert_eq!(Some(row), self.expected.rows.get(place), "{at}: {place:?} by the ledger");
        }
        of_ledger.len()
    }

    /// The live data files by name, as questions find them.
    pub fn files_by_date(&self, lake: &Arc<InMemory>) -> BTreeMap<String, DataFile> {
        let reading = Lake::new(lake.clone(), Path::default(), "s3://lake/".to_owned());
        let mut found = BTreeMap::new();
        self.block_on(async {
            let state = State::load(&reading).await.expect("a readable ledger");
            for date in state.live_dates(&reading).await.expect("a readable ledger").values().flat_map(|of| of.values())
            {
                let files = date.files(&reading).await.expect("a readable list");
                assert_eq!(date.sums, Sums::of(files.iter()));
                found.extend(files.iter().map(|file| (file.path.to_string(), file.clone())));
            }
        });
        found
    }

    /// The same files but for the numbers of their plans: a run that a fault ended may have planned less at once.
    pub fn check_complete(&self, lake: &InMemory, clean: &BTreeMap<String, Bytes>, at: &str) {
        let files = self.data_files(lake);
        let unnumbered = |name: &String| {
            let (folder, file) = name.rsplit_once('/').expect("a folder");
            format!("{folder}/{}", file.split_once('-').expect("the number of a plan").1)
        };
        let by_name = |files: &BTreeMap<String, Bytes>| -> BTreeMap<String, Bytes> {
            files.iter().map(|(name, bytes)| (unnumbered(name), bytes.clone())).collect()
        };
        assert_eq!(files.len(), clean.len(), "{at}: {:?}", files.keys());
        assert!(by_name(&files) == by_name(clean), "{at}: {:?}", files.keys());
    }
}

/// Data files by name.
pub fn files_of(heads: &[CommitHead]) -> BTreeMap<String, DataFile> {
    heads.iter().flat_map(|head| &head.files).map(|file| (file.path.to_string(), file.clone())).collect()
}

pub fn writer(lake: Arc<dyn ObjectStore>) -> LakeWriter {
    LakeWriter::new(Lake::new(lake, Path::default(), "s3://lake/".to_owned()), None)
}

/// Rows of one object; every fifth object holds a line that is set aside.
pub fn text(day: u32, n: u32) -> String {
    let mut text = "version srcaddr dstport start packets bytes\n".to_owned();
    let midnight = 1_693_526_400 + i64::from(day - 1) * 86_400;
    for row in 0..5 {
        text += &format!("2 10.0.{n}.{row} {} {} {row} 64\n", 1000 + row, midnight + i64::from(row) * 17_000);
    }
    if n.is_multiple_of(5) { text + "2 10.0.0.1 70000 1693526400 1 1\n" } else { text }
}

pub fn key(day: u32, n: u32) -> String {
    format!(
        "AWSLogs/012345678901/vpcflowlogs/us-east-1/2023/09/{day:02}/\
         012345678901_vpcflowlogs_us-east-1_fl-0a_202309{day:02}T2355Z_{n:08x}.log.gz"
    )
}

/// A plan that a writer of another epoch began: its open attempt left a file under another name, and no commit. This
/// writer finishes the plan, and of the other's attempt nothing stays.
#[test]
fn a_plan_of_another_writer_epoch_is_finished_and_its_attempts_are_swept() {
    let bench = bench();
    let clean = Arc::new(InMemory::new());
    bench.convert(clean.clone(), &[]).expect("no faults");
    let clean = bench.data_files(&clean);
    let lake = Arc::new(InMemory::new());
    bench.convert(lake.clone(), &[]).expect("no faults");
    let objects = bench.objects(&lake);
    let put = |name: &str, bytes: Vec<u8>| {
        bench.block_on(lake.put(&Path::from(name), bytes.into())).expect("memory");
    };
    let commit = "_flowlake/commits/00000000000000000001/000001.ndjson.zst";
    let seal = "_flowlake/log/00000000000000000002.json";
    for name in [commit, seal] {
        assert!(objects.contains_key(name), "{:?}", objects.keys());
        bench.block_on(lake.delete(&Path::from(name))).expect("memory");
    }
    let plan = "_flowlake/log/00000000000000000001.json";
    let mut entry: serde_json::Value = serde_json::from_slice(&objects[plan]).expect("JSON");
    entry["settings"]["writer_epoch"] = 0.into();
    put(plan, entry.to_string().into_bytes());
    let mut theirs = crate::intents::intent_of(&objects[commit], 0);
    for file in theirs["files"].as_array_mut().expect("files") {
        let name = file["path"].as_str().expect("a name").to_owned();
        let other = name.replace(".parquet", "").split_at(name.len() - 24).0.to_owned() + "00000000deadbeef.parquet";
        put(&other, objects[&name].to_vec());
        bench.block_on(lake.delete(&Path::from(name.as_str()))).expect("memory");
        file["path"] = other.into();
    }
    let folder = "_flowlake/intents/00000000000000000001/000001";
    put(&format!("{folder}/00000000deadbeef.json"), theirs.to_string().into_bytes());
    assert_ne!(bench.data_files(&lake).keys().collect::<Vec<_>>(), clean.keys().collect::<Vec<_>>());
    bench.convert(lake.clone(), &[]).expect("no faults");
    bench.check_readers(&lake, "finished");
    bench.check_complete(&lake, &clean, "finished");
}

/// Objects of twenty days: three tasks.
fn bench() -> Bench {
    bench_of(20)
}

fn bench_of(days: u32) -> Bench {
    let mut bench = Bench::new();
    (1..=days).for_each(|day| bench.put(&key(day, day), &text(day, day)));
    bench
}

/// Fails at every operation of `work` over the lake that `prepared` gives, in every way, and holds what comes of it
/// against `clean`. Gives the number of faults.
pub fn at_every_operation(
    bench: &Bench,
    prepared: impl Fn() -> Arc<InMemory>,
    work: impl Fn(Arc<dyn ObjectStore>) -> bool,
) -> u64 {
    let clean = prepared();
    assert!(work(clean.clone()), "without a fault it is done");
    let clean = bench.data_files(&clean);
    let mut faults = 0;
    for fault in Fault::ALL {
        for operation in 1.. {
            let lake = prepared();
            let store = Arc::new(FaultyStore::new(lake.clone(), operation, fault));
            let done = work(store.clone());
            if store.operations() < operation {
                break;
            }
            faults += 1;
            let at = format!("{fault:?} at operation {operation}");
            assert!(!(done && matches!(fault, Fault::DiesBefore)), "{at}: a dead store is no success");
            if matches!(fault, Fault::Before | Fault::After) {
                assert_eq!(store.uploads_left(), 0, "{at}: parts were left by a run that lived");
            }
            bench.check_readers(&lake, &at);
            assert!(work(lake.clone()), "{at}: a run without faults is done");
            bench.check_readers(&lake, &at);
            bench.check_complete(&lake, &clean, &at);
        }
    }
    faults
}

#[test]
fn a_conversion_survives_a_fault_at_every_operation() {
    let bench = bench();
    let faults = at_every_operation(&bench, Arc::default, |lake| bench.convert(lake, &[]).is_ok());
    assert!(faults > 100, "{faults} faults");
    let lake = Arc::new(InMemory::new());
    bench.convert(lake.clone(), &[]).expect("no faults");
    let mut rows = BTreeMap::new();
    bench.data_files(&lake).into_iter().for_each(|(name, bytes)| read_rows(&name, bytes, &mut rows));
    assert_eq!(rows, bench.expected.rows);
}

/// Data files go up in parts, and the beginning, each part and the completion fail too: an upload may end anywhere, and
/// a run that lives aborts it.
#[test]
fn uploads_in_parts_survive_a_fault_at_every_operation() {
    let mut bench = bench();
    let whole = Arc::new(FaultyStore::new(Arc::new(InMemory::new()), 0, Fault::Before));
    bench.convert(whole.clone(), &[]).expect("no faults");
    bench.part_bytes = Some(1500);
    let in_parts = Arc::new(FaultyStore::new(Arc::new(InMemory::new()), 0, Fault::Before));
    bench.convert(in_parts.clone(), &[]).expect("no faults");
    assert_eq!(whole.parts(), 0);
    assert!(in_parts.parts() >= 40, "{} parts", in_parts.parts());
    let faults = at_every_operation(&bench, Arc::default, |lake| bench.convert(lake, &[]).is_ok());
    // A file in parts is begun, each part is sent, and it is completed, where a whole file is put.
    assert!(in_parts.operations() > whole.operations() + in_parts.parts());
    assert!(faults >= 4 * in_parts.operations(), "{faults} faults");
}

#[test]
fn a_checkpoint_survives_a_fault_at_every_operation() {
    let bench = bench();
    let converted = Arc::new(InMemory::new());
    bench.convert(converted.clone(), &[]).expect("no faults");
    let prepared = || Arc::new(converted.fork());
    let work = |lake: Arc<dyn ObjectStore>| {
        bench.block_on(async {
            let mut ledger = Ledger::open(writer(lake)).await.ok()?;
            ledger.checkpoint().await.ok()
        }) == Some(())
    };
    let faults = at_every_operation(&bench, prepared, |lake| {
        // What the ledger says is what it said, with a checkpoint and without.
        work(lake.clone()) && bench.convert(lake, &[]).is_ok_and(|summary| summary.converted.objects == 0)
    });
    assert!(faults > 100, "{faults} faults");
}

/// Before and after are the same rows in other bytes, and so is everything between for a reader of the ledger.
#[test]
fn a_redo_survives_a_fault_at_every_operation() {
    let bench = bench_of(9);
    let converted = Arc::new(InMemory::new());
    bench.convert(converted.clone(), &[]).expect("no faults");
    let prepared = || Arc::new(converted.fork());
    bench.alter();
    let window = AGAIN;
    let untouched = bench.data_files(&prepared());
    let faults = at_every_operation(&bench, prepared, |lake| bench.convert(lake, window).is_ok());
    assert!(faults > 100, "{faults} faults");
    let lake = prepared();
    let reading = Arc::clone(&lake);
    let summary = bench.convert(lake.clone(), window).expect("no faults");
    assert_eq!(summary.replaced.tasks_replaced, 2);
    let redone = bench.data_files(&lake);
    assert!(redone.keys().all(|name| !untouched.contains_key(name)), "{:?}", redone.keys());
    assert_eq!(bench.check_readers(&reading, "redone"), bench.expected.rows.len());

    let operations = |fault, operation| {
        let lake = prepared();
        let store = Arc::new(FaultyStore::new(lake.clone(), operation, fault));
        let _ = bench.convert(store.clone(), window);
        (lake, store.operations() >= operation)
    };
    for operation in 1.. {
        let (lake, was_reached) = operations(Fault::DiesBefore, operation);
        if !was_reached {
            break;
        }
        let found = bench.check_readers(&lake, &format!("operation {operation}"));
        assert_eq!(found, bench.expected.rows.len(), "operation {operation}: the ledger has every row at any time");
    }
}

#[test]
fn a_replay_survives_a_fault_at_every_operation() {
    let mut bench = bench_of(10);
    // Objects without a header: set aside first, rows with a format.
    let fields = "version srcaddr dstport start packets bytes";
    for n in [3, 8] {
        let (key, text) = (key(n, 100 + n), text(n, 100 + n));
        let bare = text.split_once('\n').expect("a header").1;
        let mut with_header = Expected::default();
        oracle::read(&format!("s3://logs/{key}"), text.as_bytes(), &mut with_header);
        let rows = with_header.rows.into_iter().map(|((url, line), row)| ((url, line - 1), row));
        bench.expected.rows.extend(rows);
        bench.block_on(bench.logs.put(&Path::from(key), gzip(bare.as_bytes()).into())).expect("memory");
    }
    let converted = Arc::new(InMemory::new());
    let summary = bench.convert(converted.clone(), &[]).expect("no faults");
    assert_eq!((summary.converted.objects_aside, summary.converted.rejects), (2, 2));
    let prepared = || Arc::new(converted.fork());
    let format: Vec<String> = fields.split(' ').map(|field| format!("${{{field}}}")).collect();
    let format = format.join(" ");
    bench.alter();
    let more = ["--format", &format, "--retention", "0s"];
    let faults = at_every_operation(&bench, prepared, |lake| bench.replay(lake, &more).is_ok());
    assert!(faults > 100, "{faults} faults");
    let lake = prepared();
    let summary = bench.replay(lake.clone(), &more).expect("no faults");
    assert_eq!((summary.converted.objects_aside, summary.replaced.tasks_replaced), (0, 1));
    assert_eq!(bench.check_readers(&lake, "replayed"), bench.expected.rows.len());
}

/// A run sleeps before each of its operations in turn, while others finish its work and decode all of it again: what it
/// does when it wakes must not bring back what was replaced.
fn sleeps_at_every_operation(prepared: &InMemory, sleeper: &[&str], others: &'static [&'static [&'static str]]) -> u64 {
    asleep(&Arc::new(bench_of(9)), prepared, sleeper, others)
}

/// The same of another bench.
pub fn asleep(
    bench: &Arc<Bench>,
    prepared: &InMemory,
    sleeper: &[&str],
    others: &'static [&'static [&'static str]],
) -> u64 {
    for operation in 1.. {
        let lake = Arc::new(prepared.fork());
        let (of_others, lab) = (lake.clone(), bench.clone());
        let meanwhile = move || {
            for more in others {
                if more.contains(&"--redo") {
                    lab.alter();
                }
                lab.work(of_others.clone(), more).expect("no faults");
            }
        };
        let store = Arc::new(FaultyStore::sleeping(lake.clone(), operation, Box::new(meanwhile)));
        bench.work(store.clone(), sleeper).unwrap_or_else(|error| panic!("operation {operation}: {error}"));
        if store.operations() < operation {
            return operation - 1;
        }
        let at = format!("{sleeper:?} slept before operation {operation}");
        assert_eq!(bench.check_readers(&lake, &at), bench.expected.rows.len(), "{at}");
        let mut rows = BTreeMap::new();
        bench.data_files(&lake).into_iter().for_each(|(name, bytes)| read_rows(&name, bytes, &mut rows));
        assert!(rows == bench.expected.rows, "{at}: {} rows in the folders", rows.len());
        let waiting = bench.objects(&lake).into_keys().filter(|name| name.contains("/waiting/")).count();
        assert_eq!(waiting, 0, "{at}");
    }
    unreachable!("a run has an end")
}

pub const AGAIN: &[&str] = &["--redo", "--since", "2023-09-01", "--until", "2023-09-30", "--retention", "0s"];

#[test]
fn a_conversion_that_sleeps_brings_nothing_back() {
    let slept = sleeps_at_every_operation(&InMemory::new(), &[], &[&[], AGAIN]);
    assert!(slept > 20, "{slept} operations");
}

#[test]
fn a_redo_that_sleeps_brings_nothing_back() {
    let bench = bench_of(9);
    let converted = Arc::new(InMemory::new());
    bench.convert(converted.clone(), &[]).expect("no faults");
    let slept = sleeps_at_every_operation(&converted, AGAIN, &[AGAIN, AGAIN]);
    assert!(slept > 20, "{slept} operations");
}
