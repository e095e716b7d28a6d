//! A lake over several disks: its tables lie where a link or a mount leads. It is read, written, decoded again and
//! killed as any other.

use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::faults::{key, text};
use crate::lab::{Lab, Said, said};

const DAYS: u32 = 12;
const REDO: [&str; 7] = ["--redo", "--since", "2023-09-01", "--until", "2023-09-30", "--retention", "0s"];

fn fill(lab: &Lab, days: std::ops::RangeInclusive<u32>) {
    days.for_each(|day| lab.put_gz(&format!("logs/{}", key(day, day)), &text(day, day)));
}

/// Everything below a folder, with contents, hidden names and all.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => open.push(path),
                false => found.push((path.clone(), std::fs::read(path).expect("a file"))),
            }
        }
    }
    found.sort();
    found
}

/// A data file, or a version of the Delta log.
fn is_of_a_table(path: &Path) -> bool {
    let is_in_log = path.parent().is_some_and(|folder| folder.ends_with("_delta_log"));
    path.extension().is_some_and(|end| end == if is_in_log { "json" } else { "parquet" })
}

/// A folder on another disk than the lab's. Every Linux has a file system in memory there; without it, nothing can be
/// tried.
fn other_disk(lab: &Lab) -> tempfile::TempDir {
    let folder = tempfile::TempDir::new_in("/dev/shm").expect("a folder in /dev/shm, a file system of its own");
    let device = |path: &Path| path.metadata().expect("it is there").dev();
    assert_ne!(device(folder.path()), device(lab.temporary()), "TMPDIR must lie on another disk than /dev/shm");
    folder
}

fn is_whole(lab: &Lab, follow: &[&str]) {
    let said =
        lab.run(&[&["query", "{}lake/", "SELECT count(*) AS n FROM flow_logs", "--format", "csv"], follow].concat());
    assert_eq!(said.stdout, format!("n\n{}\n", lab.expected("logs").rows.len()), "{}", said.stderr);
    let said = lab.run(&[&["verify", "{}lake/", "{}logs/"], follow].concat());
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

#[test]
fn a_lake_whose_tables_are_linked_to_another_disk_is_written() {
    let lab = Lab::on_disk();
    let disk = other_disk(&lab);
    std::fs::create_dir(lab.path("lake")).expect("the lab can make folders");
    symlink(disk.path(), lab.path("lake/flow_logs")).expect("the lab can link");
    fill(&lab, 1..=DAYS);
    let follow = ["--follow-links"];
    let refused = lab.run(&["convert", "{}logs/", "{}lake/"]);
    assert!(refused.code == 1 && refused.stderr.contains("--follow-links"), "{}", refused.stderr);
    let scratch = lab.temporary().join("scratch").display().to_string();
    for (day, more, code) in [(DAYS + 1, vec![], 3), (DAYS + 2, vec!["--scratch", &scratch], 0)] {
        lab.convert(&[&follow[..], &more].concat(), code);
        is_whole(&lab, &follow);
        fill(&lab, day..=day);
    }
    lab.convert(&follow, 0);
    is_whole(&lab, &follow);
    let before = files(disk.path());
    assert!(before.iter().all(|(path, _)| is_of_a_table(path)), "{before:?}");
    // A run that had published and not committed: the same names with the same bytes, and one that was damaged
    // meanwhile.
    for entry in 2..lab.list("lake/_flowlake/log").len() {
        lab.delete(&object_store::path::Path::from(format!("lake/_flowlake/log/{entry:020}.json")));
    }
    let of_plans = ["lake/_flowlake/plans", "lake/_flowlake/intents"].map(|folder| lab.list(folder).into_keys());
    let later = of_plans.into_iter().flatten().filter(|name| !name.contains("/00000000000000000001"));
    let gone = lab.list("lake/_flowlake/commits").into_keys().chain(later).collect::<Vec<_>>().into_iter();
    gone.for_each(|name| lab.delete(&object_store::path::Path::parse(name).expect("a name")));
    let of_plan_1 =
        before.iter().find(|(path, _)| path.to_string_lossy().contains("/p00000001-")).expect("a file of it");
    std::fs::write(&of_plan_1.0, "damaged").expect("the test's own file");
    for (path, _) in before.iter().filter(|(path, _)| !path.to_string_lossy().contains("/p00000001-")) {
        std::fs::remove_file(path).expect("the test's own file");
    }
    lab.convert(&follow, 3);
    is_whole(&lab, &follow);
    // What is decoded again lies aside, and is shown in its place.
    lab.alter("logs");
    let said = lab.run(&[&["convert", "{}logs/", "{}lake/"], &REDO[..], &follow].concat());
    assert_eq!(said.code, 3, "{}", said.stderr);
    is_whole(&lab, &follow);
    assert_ne!(files(disk.path()), before);
    assert_eq!(lab.temporaries("lake"), Vec::<String>::new());
}

/// The folder of the tables is a mount, here of the lake's own disk: no file can be renamed to there. Runs are killed,
/// each later than the one before, until one may come to its end. Lines are set aside: that is exit code 3.
const ON_A_MOUNT: &str = r#"
    from=$1; tables=$2; shift 2
    mount --bind "$from" "$tables" || exit 99
    for tenth in 1 2 3 4 5 6 7 8 9; do
        timeout -s KILL 0.$tenth "$@"
    done
    "$@"; last=$?
    [ $last -eq 3 ] || exit $last
"#;

#[test]
fn a_lake_whose_tables_are_mounted_is_written() {
    let lab = Lab::on_disk();
    let (from, tables) = (lab.path("disk"), lab.path("lake/flow_logs"));
    for folder in [&from, &tables] {
        std::fs::create_dir_all(folder).expect("the lab can make folders");
    }
    fill(&lab, 1..=DAYS);
    if !may_mount() {
        return;
    }
    let said = on_a_mount(&lab, &from, &tables, &["convert", "{}logs/", "{}lake/", "--threads", "1"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let rows = lab.expected("logs").rows;
    let left = files(&from);
    assert!(left.iter().all(|(path, _)| is_of_a_table(path)), "{left:?}");
    // Without the mount, the files are where they were put.
    std::fs::remove_dir(&tables).expect("nothing is below the mount");
    std::fs::rename(&from, &tables).expect("the lab can rename");
    assert_eq!(lab.lake_rows(), rows);
    is_whole(&lab, &[]);
}

/// Without /proc no file can be linked that has no name yet: the run says what is amiss, on a redo too, where a link
/// that finds nothing would be taken for a file that waits no longer.
#[test]
fn what_is_amiss_without_proc_is_said() {
    let lab = Lab::on_disk();
    if !may_mount() {
        return;
    }
    let disk = other_disk(&lab);
    std::fs::create_dir(lab.path("lake")).expect("the lab can make folders");
    symlink(disk.path(), lab.path("lake/flow_logs")).expect("the lab can link");
    fill(&lab, 1..=2);
    let hide = ["unshare", "-Urm", "sh", "-c", "mount -t tmpfs none /proc && exec \"$@\"", "sh"];
    let convert = ["convert", "{}logs/", "{}lake/", "--follow-links"];
    for more in [&[][..], &REDO] {
        lab.alter("logs");
        let mut command = lab.program_under(&hide, &[&convert[..], more].concat());
        let refused = said(command.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").output().expect("unshare starts"));
        assert!(refused.code == 1 && refused.stderr.contains("mount /proc"), "{}", refused.stderr);
        // With it, the next run goes on.
        lab.convert(&[&["--follow-links"], more].concat(), 0);
        is_whole(&lab, &["--follow-links"]);
    }
}

/// Whether this system allows a mount namespace of one's own, as some do to nobody.
fn may_mount() -> bool {
    let tried = Command::new("unshare").args(["-Urm", "mount", "--bind", "/tmp", "/mnt"]).output();
    let may = tried.is_ok_and(|output| output.status.success());
    if !may {
        println!("not tried: this system allows no mount namespace (unshare -Urm)");
    }
    may
}

fn on_a_mount(lab: &Lab, from: &Path, tables: &Path, arguments: &[&str]) -> Said {
    let (from, tables) = (from.display().to_string(), tables.display().to_string());
    let outer = ["unshare", "-Urm", "sh", "-c", ON_A_MOUNT, "sh", &from, &tables];
    let mut command = lab.program_under(&outer, arguments);
    command.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    said(command.output().expect("unshare starts"))
}
