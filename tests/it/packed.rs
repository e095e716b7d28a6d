//! What the program does with a lake whose old records lie in archives, and who may not delete.

use std::sync::Arc;

use chrono::TimeDelta;
use flowlake::commit::{LakeWriter, Ledger, Packing};
use flowlake::convert::open_writer;
use flowlake::lake::Lake;
use flowlake::source::{Access, Location};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use crate::aged::AgedStore;
use crate::faults::{Bench, key, text, writer};
use crate::lab::{Lab, on_both_stores};
use crate::verify::differences;

on_both_stores!(every_command_finds_old_records);

/// All that lies under the newest checkpoint.
const ALL: Packing = Packing { entries: 6, after: TimeDelta::zero() };
const REDO: [&str; 7] = ["--redo", "--since", "2023-09-01", "--until", "2023-09-30", "--retention", "0s"];

async fn writer_of(lab: &Lab) -> LakeWriter {
    if lab.endpoint().is_some() {
        return LakeWriter::new(Lake::new(lab.store.clone(), Path::from("lake"), lab.url("lake/")), None);
    }
    let location = Location::parse(&lab.url("lake/")).expect("a URL");
    open_writer(&location, &Access::default()).await.expect("a lake")
}

/// Eight runs, a checkpoint behind the last, and all before it that can be packed.
fn packed(lab: &Lab) {
    for day in 1..=8 {
        let n = 5 * day + 1;
        lab.put_gz(&format!("logs/{}", key(day, n)), &text(day, n));
        lab.convert(&[], 0);
    }
    let work = async {
        let mut ledger = Ledger::open(writer_of(lab).await).await?;
        ledger.checkpoint().await?;
        ledger.pack(ALL).await
    };
    tokio::runtime::Runtime::new().expect("a runtime").block_on(work).expect("no faults");
    assert_eq!(lab.list("lake/_flowlake/archives").len(), 2);
    assert!(lab.list("lake/_flowlake/log").len() <= 8, "{:?}", lab.list("lake/_flowlake/log"));
}

fn is_sound(lab: &Lab) {
    let said = lab.run(&["verify", "{}lake/", "{}logs/"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
}

fn every_command_finds_old_records(lab: &Lab) {
    packed(lab);
    is_sound(lab);
    if lab.endpoint().is_none() {
        let folders = std::fs::read_dir(lab.path("lake/_flowlake/commits")).expect("a folder").count();
        assert_eq!(folders, lab.list("lake/_flowlake/commits").len(), "no empty folder stays");
    }
    let ask = |sql: &str| {
        let said = lab.run(&["query", "{}lake/", sql, "--format", "csv"]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        said.stdout
    };
    let runs = "SELECT kind, count(*) AS n FROM lake.runs GROUP BY kind ORDER BY kind";
    assert_eq!(ask(runs), "kind,n\ncreate,1\npacked,2\nplan,8\nseal,8\n");
    assert_eq!(ask("SELECT count(*) AS n FROM lake.objects"), "n\n8\n");
    // A file of a packed task is gone, and nothing makes it again: its object is read once more.
    let lost = lab.data_files().into_iter().next().expect("a data file");
    lab.delete(&Path::from(lost.as_str()));
    let said = lab.run(&["repair", "{}lake/"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert_eq!(lab.convert(&[], 0)["objects"], 1);
    is_sound(lab);
    // What takes the place of old tasks reads their commits; so does who has no checkpoint.
    lab.alter("logs");
    let summary = lab.convert(&REDO, 0);
    assert_eq!(summary["tasks_replaced"], 8, "{summary}");
    is_sound(lab);
    for name in lab.list("lake/_flowlake/checkpoints").into_keys() {
        lab.delete(&Path::from(name));
    }
    assert_eq!(lab.convert(&["--full-scan"], 0)["objects"], 0);
    is_sound(lab);
    // As `tar` lays them back beside it.
    for name in lab.list("lake/_flowlake/archives").into_keys() {
        let tar = zstd::decode_all(lab.get(&name).as_slice()).expect("zstd");
        std::fs::write(lab.temporary().join("a.tar"), tar).expect("a temporary file");
        let folder = lab.temporary().join("unpacked");
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let done = std::process::Command::new("tar").args(["-xf", "../a.tar"]).current_dir(&folder).status();
        assert!(done.expect("tar is installed").success());
        let mut folders = vec![folder.clone()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).expect("a folder") {
                let path = entry.expect("an entry").path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => {
                        let name = path.strip_prefix(&folder).expect("below it").to_str().expect("UTF-8").to_owned();
                        lab.put(&format!("lake/{name}"), std::fs::read(&path).expect("a file"));
                    }
                }
            }
        }
    }
    is_sound(lab);
}

/// Who may write and not delete: runs go on, and what is waste stays.
#[test]
fn who_may_not_delete_leaves_what_is_waste() {
    let (mut bench, store) = (Bench::new(), AgedStore::default());
    bench.put(&key(1, 1), &text(1, 1));
    bench.convert(Arc::new(store.clone()), &[]).expect("a lake is made");
    store.keep(&["_flowlake/intents/", "_flowlake/log/", "_flowlake/plans/", "_flowlake/commits/"]);
    for day in 2..=8 {
        bench.put(&key(day, day), &text(day, day));
        let summary = bench.convert(Arc::new(store.clone()), &[]).expect("a sound run");
        assert_eq!(summary.converted.objects, 1);
    }
    let pack = |bench: &Bench| {
        let work = async {
            let mut ledger = Ledger::open(writer(Arc::new(store.clone()))).await?;
            ledger.checkpoint().await?;
            ledger.pack(ALL).await
        };
        bench.block_on(work).expect("no faults");
    };
    pack(&bench);
    let objects = bench.objects(&store.inner);
    let of = |folder: &str| objects.keys().filter(|name| name.starts_with(&format!("_flowlake/{folder}/"))).count();
    assert_eq!((of("archives"), of("intents"), of("log")), (1, 7, 18), "one archive, and all that it holds beside it");
    assert_eq!(bench.block_on(differences(Arc::new(store.clone()))), Vec::<String>::new());
    // Once it may, the next runs clean up.
    store.keep(&[]);
    bench.put(&key(9, 9), &text(9, 9));
    bench.convert(Arc::new(store.clone()), &[]).expect("a sound run");
    pack(&bench);
    let objects = bench.objects(&store.inner);
    assert!(!objects.keys().any(|name| name.contains("/intents/")), "{:?}", objects.keys());
    let first = Path::from("_flowlake/log/00000000000000000000.json");
    assert!(bench.block_on(store.inner.head(&first)).is_err(), "it lies in the archive alone");
    assert_eq!(bench.block_on(differences(Arc::new(store.clone()))), Vec::<String>::new());
}
