use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tempfile::TempDir;

use super::*;
use crate::lake::{Body, Create, Lake, Relative};
use crate::schema::PartitionBy;
use crate::source::{Beneath, Confined};

/// The same writer over both kinds of store; the folder is kept for its life.
fn writers() -> [(LakeWriter, Option<TempDir>); 2] {
    let folder = TempDir::new().unwrap();
    let beneath = Beneath::new(folder.path().to_owned(), false);
    let local: Arc<dyn ObjectStore> = Arc::new(Confined::new(beneath.clone()));
    let on_disk = Lake::new(local, Path::default(), "file:///lake/".to_owned());
    let in_memory = Lake::new(Arc::new(InMemory::new()), Path::default(), "s3://lake/".to_owned());
    [(LakeWriter::new(on_disk, Some(beneath)), Some(folder)), (LakeWriter::new(in_memory, None), None)]
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
    let name: Relative = "flow_logs/date=2023-09-14/a.parquet".parse().unwrap();
    for (writer, _folder) in writers() {
        writer.put(&name, Bytes::from("one")).await.unwrap();
        writer.put(&name, Bytes::from("two")).await.unwrap();
        let path = writer.lake.names.inside(&name);
        assert_eq!(writer.lake.read(&path).await.unwrap(), Some(Bytes::from("two")));
        writer.delete(&name).await.unwrap();
        writer.delete(&name).await.unwrap();
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
            writer.put_file(&staged, &"flow_logs/x.parquet".parse().unwrap()).await.unwrap();
            let found = writer.lake.store.get(&Path::from("flow_logs/x.parquet")).await.unwrap().bytes().await.unwrap();
            assert!(found == bytes, "{megabytes} MiB");
        }
    }
}

#[tokio::test]
async fn rival_appends_get_different_numbers_and_the_loser_reads_on() {
    for (writer, _folder) in writers() {
        let create =
            |id: &str| Body::Create(Create { lake_id: id.into(), partition_by: PartitionBy::Date, delta: false });
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
    let places = [std::env::temp_dir()];
    let held = HostLock::take(&lake, &places).unwrap();
    assert!(matches!(HostLock::take(&lake, &places), Err(CommitError::Busy { .. })));
    drop(held);
    HostLock::take(&lake, &places).unwrap();
}

fn mark(url: &str, id: &str) -> LakeMark {
    LakeMark { url: url.to_owned(), id: Some(id.to_owned()) }
}

/// The folder of this user below a base.
fn own_folder(base: &std::path::Path) -> PathBuf {
    own::within(base, |own| Ok(own.to_owned())).unwrap()
}

/// A scratch folder whose run was killed: its files stay, and its lock is free.
fn killed(base: &std::path::Path, lake: &LakeMark) -> PathBuf {
    let scratch = Scratch::open(base, lake).unwrap();
    std::fs::write(scratch.folder().join("data-0.parquet"), "half").unwrap();
    let (folder, moved) = (scratch.folder().to_owned(), base.join("moved"));
    std::fs::rename(&folder, &moved).unwrap();
    drop(scratch);
    std::fs::create_dir_all(folder.parent().unwrap()).unwrap();
    std::fs::set_permissions(folder.parent().unwrap(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    std::fs::rename(&moved, &folder).unwrap();
    folder
}

#[test]
fn scratch_of_a_dead_run_of_the_lake_is_removed_and_nothing_else() {
    let base = TempDir::new().unwrap();
    let [lake, moved, other] = [mark("s3://a/", "1"), mark("s3://b/", "1"), mark("s3://c/", "2")];
    let of_other = killed(base.path(), &other);
    let of_moved = killed(base.path(), &moved);
    // Without proof: by its name alone, with the mark of another folder, with a mark that is no file.
    let own = own_folder(base.path());
    let nonce = nonce::nonce();
    let unmarked = [base.path().join(format!("run-{nonce}")), own.join(format!("run-{nonce}")), own.join("run-copied")];
    for folder in &unmarked {
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join("keep"), "theirs").unwrap();
        std::fs::copy(of_moved.join("lock"), folder.join("lock")).unwrap();
    }
    std::fs::write(unmarked[1].join("lock"), "").unwrap();
    let linked = own.join(format!("run-{}", nonce::nonce()));
    std::os::unix::fs::symlink(&unmarked[0], &linked).unwrap();
    // It died in the making.
    let begun = own.join(format!("run-{}", nonce::nonce()));
    std::fs::create_dir(&begun).unwrap();
    std::fs::write(begun.join("lock"), "").unwrap();
    let [long_ago, just_now] = [(); 2].map(|()| own.join(format!("new-{}", nonce::nonce())));
    [&long_ago, &just_now].iter().for_each(|folder| std::fs::create_dir(folder).unwrap());
    let hours_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(7_200);
    std::fs::File::open(&long_ago).unwrap().set_modified(hours_ago).unwrap();

    let living = Scratch::open(base.path(), &lake).unwrap();
    let attempt = living.attempt(1, 2).unwrap();
    assert!(!of_moved.exists() && !begun.exists() && !long_ago.exists() && just_now.exists());
    let second = Scratch::open(base.path(), &lake).unwrap();
    assert!(attempt.folder().exists() && of_other.join("data-0.parquet").exists() && linked.is_symlink());
    assert!(unmarked.iter().all(|folder| folder.join("keep").exists() && folder.join("lock").exists()));
    drop((attempt, living, second));
    assert_eq!(
        std::fs::read_dir(&own).unwrap().count(),
        5,
        "the other lake's, two without proof, a link, one in the making"
    );
}

/// A run that is killed while it removes what another left leaves the proof to the next: the lock is the last to go.
#[test]
fn the_lock_of_a_scratch_folder_outlives_its_files() {
    let base = TempDir::new().unwrap();
    let lake = mark("s3://a/", "1");
    let folder = killed(base.path(), &lake);
    for attempt in 0..20 {
        let attempt = folder.join(format!("p1-t{attempt}-0"));
        std::fs::create_dir(&attempt).unwrap();
        (0..100).for_each(|file| std::fs::write(attempt.join(format!("data-{file}.parquet")), "half").unwrap());
    }
    let mut before_last = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| Scratch::open(base.path(), &lake).unwrap());
        // Seen while it is removed: wherever there is a file, there is the lock.
        while folder.exists() {
            let Ok(found) = std::fs::read_dir(&folder) else { break };
            let is_left = found.flatten().any(|entry| entry.file_name() != "lock");
            if is_left && !folder.join("lock").exists() {
                // It may have gone since it was listed, with the lock.
                let again = std::fs::read_dir(&folder).map_or(0, |found| found.flatten().count());
                assert_eq!(again, 0, "files outlive their lock");
            }
            before_last += u32::from(is_left);
        }
    });
    assert!(before_last > 0, "its removal was watched");
    assert!(!folder.exists());
}

#[test]
fn scratch_leaves_nothing_where_nothing_was() {
    let base = TempDir::new().unwrap();
    drop(Scratch::open(&base.path().join("new"), &mark("s3://a/", "1")).unwrap());
    assert_eq!(std::fs::read_dir(base.path().join("new")).unwrap().count(), 0);
}

/// Whoever takes the name of the user's own folder before its user does neither stops a run nor gives it anything.
#[test]
fn a_folder_that_is_not_the_users_alone_is_not_used() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let theirs = TempDir::new().unwrap();
    // SAFETY: `geteuid` reads a number.
    let user = unsafe { libc::geteuid() };
    type Take<'a> = &'a dyn Fn(&std::path::Path);
    let takes: [(&str, Take); 5] = [
        ("a link", &|name| symlink(theirs.path(), name).unwrap()),
        ("a link that leads nowhere", &|name| symlink(theirs.path().join("nowhere"), name).unwrap()),
        ("a file", &|name| std::fs::write(name, "").unwrap()),
        ("a folder open to others", &|name| {
            std::fs::create_dir(name).unwrap();
            std::fs::set_permissions(name, std::fs::Permissions::from_mode(0o777)).unwrap();
        }),
        ("a folder of another user", &|name| {
            std::fs::create_dir(name).unwrap();
            std::fs::set_permissions(name, std::fs::Permissions::from_mode(0o700)).unwrap();
            match user {
                0 => std::os::unix::fs::chown(name, Some(65_534), None).unwrap(),
                // Only root can make one; to others it is as closed as one with other rights.
                _ => std::fs::set_permissions(name, std::fs::Permissions::from_mode(0o750)).unwrap(),
            }
        }),
    ];
    for (what, take) in takes {
        let base = TempDir::new().unwrap();
        let taken = base.path().join(format!("flowlake-{user}"));
        take(&taken);
        let before = taken.symlink_metadata().unwrap().modified().unwrap();
        let scratch = Scratch::open(base.path(), &mark("s3://a/", "1")).unwrap();
        let own = scratch.folder().parent().unwrap().to_owned();
        assert_ne!(own, taken, "{what}");
        assert_eq!(own.metadata().unwrap().permissions().mode() & 0o777, 0o700, "{what}");
        // The next run finds the same, and what the first one left.
        assert_eq!(own_folder(base.path()), own, "{what}");
        drop(scratch);
        assert_eq!(taken.symlink_metadata().unwrap().modified().unwrap(), before, "{what}");
        assert_eq!(std::fs::read_dir(theirs.path()).unwrap().count(), 0, "{what}");
    }
}

#[tokio::test]
async fn temporaries_of_a_lake_stay_for_a_day() {
    let [(writer, folder), _] = writers();
    let tmp = folder.as_ref().unwrap().path().join(crate::lake::Names::tmp());
    std::fs::create_dir_all(tmp.join("run-alive")).unwrap();
    let two_days_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 86_400);
    let [part, young, probe, young_probe] = [(); 4].map(|()| nonce::nonce());
    let names = [
        format!("{part}.part"),
        format!("{young}.part"),
        format!("probe-{probe}"),
        format!("probe-{young_probe}"),
        "lock".to_owned(),
        format!("run-alive/{part}.part"),
        "film.part".to_owned(),
        "probe-a".to_owned(),
    ];
    for name in &names {
        let file = std::fs::File::create(tmp.join(name)).unwrap();
        if !name.contains(&young) && !name.contains(&young_probe) {
            file.set_modified(two_days_ago).unwrap();
        }
    }
    writer.remove_old_temporaries().await.unwrap();
    let gone: Vec<&String> = names.iter().filter(|name| !tmp.join(name).exists()).collect();
    assert_eq!(gone, [&names[0], &names[2]]);
}

/// Files below a folder that a link leads to are not the lake's.
#[test]
fn a_linked_folder_for_temporaries_is_refused() {
    let [(writer, folder), (in_memory, _)] = writers();
    let (root, theirs) = (folder.as_ref().unwrap().path(), TempDir::new().unwrap());
    assert!(writer.check_tmp().is_ok() && in_memory.check_tmp().is_ok());
    std::fs::create_dir(root.join("_flowlake")).unwrap();
    std::os::unix::fs::symlink(theirs.path(), root.join("_flowlake/tmp")).unwrap();
    let text = writer.check_tmp().unwrap_err().to_string();
    assert!(text.contains("_flowlake/tmp is a link") && text.contains("--scratch"), "{text}");
}

/// A link in a lake leads to files that are not the lake's: nothing is written, replaced, shown or removed behind it.
#[tokio::test]
async fn nothing_is_done_behind_a_link() {
    use std::os::unix::fs::symlink;
    let outside = TempDir::new().unwrap();
    let theirs = outside.path().join("p00000001-t000000-0000-0123456789abcdef.parquet");
    std::fs::write(&theirs, "theirs").unwrap();
    let [(writer, folder), _] = writers();
    let root = folder.as_ref().unwrap().path();
    symlink(outside.path(), root.join("flow_logs")).unwrap();
    std::fs::create_dir(root.join("own")).unwrap();
    symlink(&theirs, root.join("own/linked")).unwrap();
    let name = |text: &str| -> Relative { text.parse().unwrap() };
    let behind = name("flow_logs/p00000001-t000000-0000-0123456789abcdef.parquet");
    let staged = outside.path().join("staged");
    std::fs::write(&staged, "ours").unwrap();
    let refused = [
        writer.put(&behind, Bytes::from("ours")).await.map(drop),
        writer.put(&name("flow_logs/new/folder"), Bytes::from("ours")).await.map(drop),
        writer.put_file(&staged, &behind).await,
        writer.create(&writer.lake.names.inside(&behind), Bytes::from("ours")).await.map(drop),
        writer.show(&behind, &name("own/shown")).await.map(drop),
        writer.show(&name("own/linked"), &name("own/shown")).await.map(drop),
        writer.delete(&behind).await,
        writer.lake.read(&writer.lake.names.inside(&behind)).await.map(drop).map_err(CommitError::from),
        writer.lake.read(&writer.lake.names.inside("own/linked")).await.map(drop).map_err(CommitError::from),
        writer.lake.list(&writer.lake.names.inside("flow_logs")).await.map(drop).map_err(CommitError::from),
        writer.lake.list(&writer.lake.names.inside("own")).await.map(drop).map_err(CommitError::from),
    ];
    for (number, result) in refused.into_iter().enumerate() {
        let error = result.expect_err(&format!("number {number} went through")).to_string();
        assert!(error.contains("is a link") && error.contains("--follow-links"), "number {number}: {error}");
    }
    // A name that is a link itself is the lake's own, and what it leads to is not.
    writer.put(&name("own/linked"), Bytes::from("ours")).await.unwrap();
    writer.delete(&name("own/linked")).await.unwrap();
    assert_eq!(std::fs::read_to_string(&theirs).unwrap(), "theirs");
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 2);
    assert_eq!(std::fs::read_dir(root.join("own")).unwrap().count(), 0);
}

#[test]
fn a_folder_is_closed_where_others_can_make_no_names() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, chown};
    let base = TempDir::new().unwrap();
    let inner = base.path().join("lake/tmp");
    fs::create_dir_all(&inner).unwrap();
    let lake = base.path().join("lake");
    let set = |mode| fs::set_permissions(&lake, Permissions::from_mode(mode)).unwrap();
    for (mode, is_closed) in [(0o755, true), (0o777, false), (0o1777, true), (0o700, true)] {
        set(mode);
        assert_eq!(is_closed_to_others(&inner), is_closed, "{mode:o}");
    }
    // The temporary folder itself has the sticky bit, and a name of another user leads elsewhere.
    std::os::unix::fs::symlink(&inner, base.path().join("link")).unwrap();
    assert!(is_closed_to_others(&base.path().join("link")));
    assert!(!is_closed_to_others(&base.path().join("nothing")));
    // Root may give a folder away; whoever else runs the tests cannot.
    if chown(&lake, Some(65_534), Some(65_534)).is_ok() {
        assert!(!is_closed_to_others(&inner), "its owner can rename what is in it");
        chown(&lake, Some(0), Some(65_534)).unwrap();
        set(0o775);
        assert!(!is_closed_to_others(&inner), "a group of others can");
    }
}
