//! Old records of the ledger in archives: every reader finds them there, whoever dies leaves a whole lake, and an
//! archive that is damaged is named.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use chrono::TimeDelta;
use flowlake::commit::{Ledger, Packing};
use flowlake::lake::{CommitHead, Lake, PackedRecord, State, unpack};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::aged::AgedStore;
use crate::faults::{AGAIN, Bench, at_every_operation, key, text, writer};
use crate::faulty::{Fault, FaultyStore};
use crate::lab::gzip;
use crate::verify::differences;

/// All that lies under the checkpoints that are kept, in archives of a few entries.
const SMALL: Packing = Packing { entries: 6, after: TimeDelta::zero() };

fn checkpoint(bench: &Bench, lake: Arc<dyn ObjectStore>) {
    let work = async { Ledger::open(writer(lake)).await?.checkpoint().await };
    bench.block_on(work).expect("a checkpoint");
}

fn pack(bench: &Bench, lake: Arc<dyn ObjectStore>, packing: Packing) -> bool {
    bench.block_on(async { Ledger::open(writer(lake)).await?.pack(packing).await }).is_ok()
}

/// Runs of one object each, with a checkpoint behind each of them.
fn fed(bench: &mut Bench, lake: &Arc<InMemory>, runs: std::ops::RangeInclusive<u32>) {
    for n in runs {
        bench.put(&key(n, n), &text(n, n));
        bench.convert(lake.clone(), &[]).expect("no faults");
        checkpoint(bench, lake.clone());
    }
}

/// Old records by name: entries, bodies, commits.
fn records(bench: &Bench, lake: &InMemory) -> BTreeMap<String, Bytes> {
    let folders = ["log", "plans", "commits"].map(|folder| format!("_flowlake/{folder}/"));
    let is_record = |name: &String| folders.iter().any(|folder| name.starts_with(folder));
    bench.objects(lake).into_iter().filter(|(name, _)| is_record(name)).collect()
}

/// What the archives hold, as `tar` reads them.
fn unpacked(bench: &Bench, lake: &InMemory) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in bench.objects(lake).into_iter().filter(|(name, _)| name.starts_with("_flowlake/archives/")) {
        let tar = zstd::decode_all(bytes.as_ref()).expect("zstd");
        std::fs::write(folder.path().join("a.tar"), tar).expect("a temporary file");
        let done = std::process::Command::new("tar").args(["-xf", "a.tar"]).current_dir(folder.path()).status();
        assert!(done.expect("tar is installed").success(), "{name}");
    }
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.path().join("_flowlake")];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let name = path.strip_prefix(folder.path()).expect("below").to_str().expect("UTF-8").to_owned();
                    found.insert(name, std::fs::read(&path).expect("a file"));
                }
            }
        }
    }
    found
}

fn reading(lake: &Arc<InMemory>) -> Lake {
    Lake::new(lake.clone(), Path::default(), "s3://lake/".to_owned())
}

fn without_checkpoints(bench: &Bench, lake: &InMemory) -> Arc<InMemory> {
    let lake = Arc::new(lake.fork());
    for name in bench.objects(&lake).into_keys().filter(|name| name.contains("/checkpoints/")) {
        bench.block_on(lake.delete(&Path::from(name))).expect("memory");
    }
    lake
}

fn heads(bench: &Bench, lake: &Arc<InMemory>) -> (State, BTreeSet<String>) {
    let lake = reading(lake);
    let read = async {
        let state = State::load(&lake).await?;
        let heads: Vec<CommitHead> = state.every_head(&lake).await?;
        Ok::<_, flowlake::lake::LakeError>((state, heads))
    };
    let (state, heads) = bench.block_on(read).expect("a readable ledger");
    let text = |head: &CommitHead| serde_json::to_string(head).expect("plain data");
    (state, heads.iter().map(text).collect())
}

/// A bench whose lake has 12 plans and 12 checkpoints, of which 8 are kept.
fn old() -> (Bench, Arc<InMemory>) {
    let (mut bench, lake) = (Bench::new(), Arc::new(InMemory::new()));
    fed(&mut bench, &lake, 1..=12);
    (bench, lake)
}

#[test]
fn what_is_old_is_packed_as_it_lay() {
    let (bench, lake) = old();
    let (before, (state, every)) = (records(&bench, &lake), heads(&bench, &lake));
    assert!(pack(&bench, lake.clone(), SMALL));
    let after = records(&bench, &lake);
    let packed = unpacked(&bench, &lake);
    let gone: BTreeMap<String, Vec<u8>> = before
        .iter()
        .filter(|(name, _)| !after.contains_key(*name))
        .map(|(name, it)| (name.clone(), it.to_vec()))
        .collect();
    // Up to the last of six entries that is no plan: five, of which two are plans, each with a body and a commit.
    assert_eq!((packed.len(), &packed), (9, &gone), "{:?}", packed.keys());
    assert_eq!(bench.objects(&lake).into_keys().filter(|name| name.contains("/archives/")).count(), 1);
    // With checkpoints and without all is as it was.
    let (now, found) = heads(&bench, &lake);
    assert_eq!((now.totals, &found, now.first_not_packed()), (state.totals, &every, 5));
    let bare = without_checkpoints(&bench, &lake);
    let (from_log, found) = heads(&bench, &bare);
    assert_eq!((from_log.totals, &from_log.frontiers, &found), (state.totals, &state.frontiers, &every));
    for lake in [&lake, &bare] {
        assert_eq!(bench.block_on(differences(lake.clone())), Vec::<String>::new());
        bench.check_readers(lake, "packed");
        let again = bench.convert(lake.clone(), &["--full-scan"]).expect("a sound run");
        assert_eq!((again.converted.objects, again.converted.objects_known), (0, 12));
    }
    // What is decoded again is of commits in the archive.
    bench.alter();
    let summary = bench.convert(lake.clone(), AGAIN).expect("no faults");
    assert_eq!(summary.replaced.tasks_replaced, 12);
    assert_eq!(bench.check_readers(&lake, "decoded again"), bench.expected.rows.len());
    assert_eq!(bench.block_on(differences(lake.clone())), Vec::<String>::new());
}

/// One archive follows the other, an open plan keeps what comes behind it, and young records stay.
#[test]
fn archives_are_the_beginning_of_the_log() {
    let (mut bench, lake) = old();
    assert!(pack(&bench, lake.clone(), Packing { entries: 2, after: TimeDelta::zero() }));
    let first = heads(&bench, &lake).0;
    let bounds: Vec<(u64, u64)> = first.archives.values().map(|archive| (archive.first, archive.last)).collect();
    assert_eq!(bounds, [(0, 0), (1, 2), (3, 4), (5, 6)], "the last entry is no plan; four at a time");
    assert!(pack(&bench, lake.clone(), Packing { entries: 2, after: TimeDelta::zero() }));
    let second = heads(&bench, &lake).0;
    assert_eq!(second.first_not_packed(), 9, "the oldest checkpoint is that of entry 10");
    assert!(pack(&bench, lake.clone(), Packing { entries: 2, after: TimeDelta::days(1) }));
    fed(&mut bench, &lake, 13..=20);
    assert!(pack(&bench, lake.clone(), Packing { entries: 2, after: TimeDelta::days(1) }));
    assert_eq!(heads(&bench, &lake).0.first_not_packed(), 9, "what is young stays");
    assert_eq!(bench.block_on(differences(lake.clone())), Vec::<String>::new());
    assert_eq!(bench.block_on(differences(without_checkpoints(&bench, &lake))), Vec::<String>::new());
}

#[test]
fn packing_survives_a_fault_at_every_operation() {
    let (bench, lake) = old();
    let clean = Arc::new(lake.fork());
    assert!(pack(&bench, clean.clone(), SMALL));
    let (clean, state) = (records(&bench, &clean), heads(&bench, &clean).0);
    let faults = at_every_operation(&bench, || Arc::new(lake.fork()), |store| pack(&bench, store, SMALL));
    assert!(faults > 100, "{faults} faults");
    for fault in Fault::ALL {
        for operation in 1.. {
            let lake = Arc::new(lake.fork());
            let dying = Arc::new(FaultyStore::new(lake.clone(), operation, fault));
            let _ = pack(&bench, dying.clone(), SMALL);
            if dying.operations() < operation {
                break;
            }
            let at = format!("{fault:?} at operation {operation}");
            assert_eq!(bench.block_on(differences(lake.clone())), Vec::<String>::new(), "{at}");
            let bare = without_checkpoints(&bench, &lake);
            assert_eq!(bench.block_on(differences(bare.clone())), Vec::<String>::new(), "{at}: without checkpoints");
            assert_eq!(heads(&bench, &bare).0.totals, state.totals, "{at}");
            // The next one cleans up.
            assert!(pack(&bench, lake.clone(), SMALL), "{at}");
            let names = |records: &BTreeMap<String, Bytes>| {
                records.keys().filter(|name| !name.contains("/log/")).cloned().collect::<Vec<_>>()
            };
            let now = records(&bench, &lake);
            assert_eq!(names(&now), names(&clean), "{at}");
            assert_eq!(bench.objects(&lake).into_keys().filter(|name| name.contains("/archives/")).count(), 1, "{at}");
        }
    }
}

/// A run sleeps before each of its operations in turn, until others finished its work and it is packed.
#[test]
fn who_sleeps_until_its_plan_is_packed_writes_nothing_twice() {
    for sleeper in [&[][..], AGAIN] {
        let (mut bench, lake) = (Bench::new(), Arc::new(InMemory::new()));
        bench.put(&key(1, 1), &text(1, 1));
        bench.convert(lake.clone(), &[]).expect("no faults");
        bench.put(&key(2, 2), &text(2, 2));
        bench.alter();
        let bench = Arc::new(bench);
        for operation in 1.. {
            let lake = Arc::new(lake.fork());
            let (of_others, others) = (lake.clone(), bench.clone());
            let meanwhile = move || {
                let next = heads(&others, &of_others).0.next;
                for _ in 0..4 {
                    others.alter();
                    others.convert(of_others.clone(), &[]).expect("no faults");
                }
                checkpoint(&others, of_others.clone());
                for _ in 0..3 {
                    assert!(pack(&others, of_others.clone(), Packing { entries: 4, ..SMALL }));
                }
                assert!(heads(&others, &of_others).0.first_not_packed() > next);
            };
            let store = Arc::new(FaultyStore::sleeping(lake.clone(), operation, Box::new(meanwhile)));
            let slept = bench.convert(store.clone(), sleeper);
            if store.operations() < operation {
                assert!(operation > 20, "{operation} operations");
                break;
            }
            let at = format!("{sleeper:?} slept before operation {operation}: {:?}", slept.err());
            assert_eq!(bench.check_readers(&lake, &at), bench.expected.rows.len(), "{at}");
            let of_archives = unpacked(&bench, &lake);
            let doubles: Vec<String> =
                records(&bench, &lake).into_keys().filter(|name| of_archives.contains_key(name)).collect();
            assert_eq!(doubles, Vec::<String>::new(), "{at}");
            assert_eq!(bench.block_on(differences(lake.clone())), Vec::<String>::new(), "{at}");
        }
    }
}

#[test]
fn an_archive_that_is_gone_or_damaged_is_named() {
    let (mut bench, lake) = old();
    assert!(pack(&bench, lake.clone(), SMALL));
    let objects = bench.objects(&lake);
    let (name, bytes) = objects.iter().find(|(name, _)| name.contains("/archives/")).expect("an archive");
    for damaged in [None, Some(bytes.slice(..bytes.len() / 2)), Some(Bytes::from_static(b"no archive"))] {
        let lake = Arc::new(lake.fork());
        let path = Path::from(name.as_str());
        match damaged {
            None => bench.block_on(lake.delete(&path)).expect("memory"),
            Some(bytes) => drop(bench.block_on(lake.put(&path, bytes.into())).expect("memory")),
        }
        let told = bench.block_on(differences(lake.clone()));
        let named = told.iter().filter(|difference| difference.contains(name.as_str())).count();
        assert_eq!(named, 1, "{told:?}");
        // What is new does not need it.
        bench.check_readers(&lake, "without the archive");
        bench.give(&key(25, 25), gzip(text(25, 25).as_bytes()).into());
        assert_eq!(bench.convert(lake.clone(), &[]).expect("a sound run").converted.objects, 1);
        bench.alter();
        let again = bench.convert(lake.clone(), AGAIN).expect_err("it reads old commits").to_string();
        let bare = reading(&without_checkpoints(&bench, &lake));
        let loaded = bench.block_on(State::load(&bare)).expect_err("the log begins in the archive").to_string();
        for error in [again, loaded] {
            assert!(error.contains(name.as_str()), "{error}");
        }
        bench.take(&key(25, 25));
    }
    bench.put(&key(26, 26), &text(26, 26));
}

/// A record that is damaged where it lies is not packed: it could not be repaired any more.
#[test]
fn what_is_damaged_stays_as_it_lies() {
    let (bench, lake) = old();
    let damage = |name: &str| {
        let lake = Arc::new(lake.fork());
        let path = Path::from(name);
        bench.block_on(lake.put(&path, Bytes::from_static(b"damaged").into())).expect("memory");
        pack(&bench, lake.clone(), SMALL);
        lake
    };
    let commit = "_flowlake/commits/00000000000000000003/000000.ndjson.zst";
    let lake_of_commit = damage(commit);
    assert_eq!(heads(&bench, &lake_of_commit).0.first_not_packed(), 5);
    let left = records(&bench, &lake_of_commit);
    assert!(left.contains_key(commit) && !left.contains_key("_flowlake/log/00000000000000000003.json"));
    let told = bench.block_on(differences(lake_of_commit));
    assert!(told.iter().any(|difference| difference.contains(commit)), "{told:?}");
    let entry = "_flowlake/log/00000000000000000003.json";
    let lake_of_entry = damage(entry);
    assert!(records(&bench, &lake_of_entry).contains_key("_flowlake/log/00000000000000000000.json"));
    let told = bench.block_on(differences(lake_of_entry));
    assert!(told.iter().any(|difference| difference.contains(entry)), "{told:?}");
}

/// Age is judged by the clock of the store, and records keep their times.
#[test]
fn age_is_by_the_clock_of_the_store() {
    let (mut bench, store) = (Bench::new(), AgedStore::default());
    const DAY: i64 = 86_400;
    for n in 1..=12 {
        store.set_clock(i64::from(n) * DAY);
        bench.put(&key(n, n), &text(n, n));
        bench.convert(Arc::new(store.clone()), &[]).expect("no faults");
        checkpoint(&bench, Arc::new(store.clone()));
    }
    let packing = |days| Packing { entries: 3, after: TimeDelta::days(days) };
    let packed = |bench: &Bench| heads(bench, &store.inner).0.first_not_packed();
    // The newest checkpoint is of day 12, the entries 0 to 2 of day 1, 3 and 4 of day 2, 5 and 6 of day 3.
    assert!(pack(&bench, Arc::new(store.clone()), packing(12)));
    assert_eq!(packed(&bench), 0);
    assert!(pack(&bench, Arc::new(store.clone()), packing(11)));
    assert_eq!(packed(&bench), 3);
    let lake = Lake::new(Arc::new(store.clone()), Path::default(), "s3://lake/".to_owned());
    let written = bench.block_on(async {
        State::load(&lake).await?;
        lake.written_at(&lake.names.log(2)).await
    });
    assert_eq!(written.expect("a readable ledger").map(|written| written.timestamp()), Some(DAY));
}

/// An archive of a stranger that has the right hash, and names a data file with its bytes: nothing but records of its
/// own numbers is ever deleted for it.
#[test]
fn an_archive_speaks_of_its_own_records_alone() {
    let (bench, lake) = old();
    assert!(pack(&bench, lake.clone(), SMALL));
    let objects = bench.objects(&lake);
    let (data, bytes) = objects.iter().find(|(name, _)| name.starts_with("flow_logs/date=")).expect("a data file");
    let (archive, packed) = objects.iter().find(|(name, _)| name.contains("/archives/")).expect("an archive");
    let mut records = unpack(packed).expect("an archive");
    let written = records[0].written;
    records.push(PackedRecord { name: data.parse().expect("a name"), bytes: bytes.clone(), written });
    let forged = Bytes::from(flowlake::lake::pack(&records));
    let names = reading(&lake).names;
    let name = names.archive(0, 4, &blake3::hash(&forged).to_hex());
    let entry =
        objects.iter().find(|(_, bytes)| String::from_utf8_lossy(bytes).contains("\"packed\"")).expect("an entry");
    let mut forged_entry: serde_json::Value = serde_json::from_slice(entry.1).expect("JSON");
    forged_entry["name"] = name.to_string().into();
    forged_entry.as_object_mut().expect("an object").remove("check");
    let put =
        |name: &str, bytes: Bytes| drop(bench.block_on(lake.put(&Path::from(name), bytes.into())).expect("memory"));
    put(name.as_str(), forged);
    put(entry.0, forged_entry.to_string().into());
    // As if a run had died before it deleted the last one.
    put("_flowlake/log/00000000000000000004.json", Bytes::from_static(b"{}"));
    let error = bench.block_on(async { Ledger::open(writer(lake.clone())).await?.pack(SMALL).await });
    let error = error.expect_err("the archive is refused").to_string();
    assert!(error.contains(name.as_str()) && error.contains("no record of its entries"), "{error}");
    assert!(bench.objects(&lake).contains_key(data) && bench.objects(&lake).contains_key(archive));
    // An entry that names what is still to come names nothing.
    forged_entry["last"] = u64::MAX.into();
    put(entry.0, forged_entry.to_string().into());
    assert_eq!(heads(&bench, &lake).0.first_not_packed(), 0);
    assert!(!bench.block_on(differences(lake)).is_empty());
}
