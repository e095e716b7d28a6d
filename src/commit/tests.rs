use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tempfile::TempDir;

use super::*;
use crate::lake::{Body, Create, Lake};

/// The same writer over both kinds of store; the folder is kept for its life.
fn writers() -> [(LakeWriter, Option<TempDir>); 2] {
    let folder = TempDir::new().unwrap();
    let local: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
    let on_disk = Lake::new(local, Path::default(), "file:///lake/".to_owned());
    let in_memory = Lake::new(Arc::new(InMemory::new()), Path::default(), "s3://lake/".to_owned());
    let path = folder.path().to_owned();
    [(LakeWriter::new(on_disk, Some(path)), Some(folder)), (LakeWriter::new(in_memory, None), None)]
}

#[tokio::test]
async fn a_record_is_created_by_one_writer_only() {
    for (writer, _folder) in writers() {
        let path = writer.lake.names.log(0);
        assert_eq!(writer.create(&path, Bytes::from("one")).await.unwrap(), Created::Ours);
        assert_eq!(writer.create(&path, Bytes::from("two")).await.unwrap(), Created::Theirs);
        assert_eq!(writer.lake.read(&path).await.unwrap(), Some(Bytes::from("one")));
        writer.probe_conditional_create().await.unwrap();
    }
}

#[tokio::test]
async fn a_put_replaces_and_a_delete_of_nothing_is_done() {
    for (writer, _folder) in writers() {
        writer.put("flow_logs/date=2023-09-14/a.parquet", Bytes::from("one")).await.unwrap();
        writer.put("flow_logs/date=2023-09-14/a.parquet", Bytes::from("two")).await.unwrap();
        let path = writer.lake.names.inside("flow_logs/date=2023-09-14/a.parquet");
        assert_eq!(writer.lake.read(&path).await.unwrap(), Some(Bytes::from("two")));
        writer.delete("flow_logs/date=2023-09-14/a.parquet").await.unwrap();
        writer.delete("flow_logs/date=2023-09-14/a.parquet").await.unwrap();
        assert_eq!(writer.lake.read(&path).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_staged_file_arrives_whole_in_one_or_several_parts() {
    let staging = TempDir::new().unwrap();
    for (writer, _folder) in writers() {
        for megabytes in [0, 1, 70] {
            let staged: PathBuf = staging.path().join("staged");
            let bytes: Vec<u8> = (0..megabytes << 20).map(|n: u32| (n ^ (n >> 7)) as u8).collect();
            std::fs::write(&staged, &bytes).unwrap();
            writer.put_file(&staged, "flow_logs/x.parquet").await.unwrap();
            let found = writer.lake.store.get(&Path::from("flow_logs/x.parquet")).await.unwrap().bytes().await.unwrap();
            assert!(found == bytes, "{megabytes} MiB");
        }
    }
}

#[tokio::test]
async fn rival_appends_get_different_numbers_and_the_loser_reads_on() {
    for (writer, _folder) in writers() {
        let create = |id: &str| Body::Create(Create { lake_id: id.into(), partition_by: "date".into() });
        let mut first = Ledger::open(writer.clone()).await.unwrap();
        let mut second = Ledger::open(writer.clone()).await.unwrap();
        assert_eq!(first.append(create("first")).await.unwrap(), Appended::Ours(0));
        assert_eq!(second.append(create("second")).await.unwrap(), Appended::Lost);
        assert_eq!(second.state.create.as_ref().unwrap().lake_id, "first");
        assert_eq!(second.append_surely(create("second")).await.unwrap(), 1);
    }
}

#[test]
fn the_host_lock_is_held_by_one_and_freed_with_its_holder() {
    let lake = format!("s3://lock-test-{}/", std::process::id());
    let held = HostLock::take(&lake).unwrap();
    assert!(matches!(HostLock::take(&lake), Err(CommitError::Busy { .. })));
    drop(held);
    HostLock::take(&lake).unwrap();
}

#[test]
fn scratch_of_a_dead_run_is_removed_and_of_a_living_one_is_not() {
    let base = TempDir::new().unwrap();
    let (dead, unlocked) = (base.path().join("run-dead"), base.path().join("run-died-before-its-lock"));
    for folder in [&dead, &unlocked] {
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join("data-0.parquet"), "half").unwrap();
    }
    std::fs::write(dead.join("lock"), "").unwrap();
    let living = Scratch::open(base.path()).unwrap();
    let attempt = living.attempt(1, 2).unwrap();
    assert!(!dead.exists() && !unlocked.exists());
    let other = Scratch::open(base.path()).unwrap();
    assert!(attempt.folder().exists());
    drop((attempt, living, other));
    assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn temporaries_of_a_lake_stay_for_a_day() {
    let [(writer, folder), _] = writers();
    let tmp = folder.as_ref().unwrap().path().join(writer.lake.names.tmp());
    std::fs::create_dir_all(tmp.join("run-alive")).unwrap();
    let two_days_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 86_400);
    let names = ["old.part", "young.part", "probe-old", "probe-young", "lock", "run-alive/old.part"];
    for name in names {
        let file = std::fs::File::create(tmp.join(name)).unwrap();
        if !name.contains("young") {
            file.set_modified(two_days_ago).unwrap();
        }
    }
    writer.remove_old_temporaries().await.unwrap();
    let left: Vec<&str> = names.into_iter().filter(|name| tmp.join(name).exists()).collect();
    assert_eq!(left, ["young.part", "probe-young", "lock", "run-alive/old.part"]);
}
