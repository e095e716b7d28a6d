//! A disk without room: the run ends with the path and a way out, publishes nothing of the task, and a rerun with room
//! completes it.
//!
//! The disk is a small tmpfs in a mount namespace of its own. Where the system allows no such namespace, the kernel's
//! limit on the size of a file stands in, which also has a test of its own.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::lab::{Lab, Said, on_both_stores, said};

on_both_stores!(a_full_scratch_publishes_nothing_of_its_task, a_file_that_may_not_grow_is_told_like_a_full_disk);

/// Rows enough for about 700 KB of Parquet without compression.
const RECORDS: &str = "30000";

/// A run of the program with as good as no room below `small`. If there is something to `keep` of that disk, it is
/// copied out, room is made, and after another run it is copied out again.
const ON_A_SMALL_DISK: &str = r#"
    small=$1; keep=$2; kept=$3; shift 3
    mount -t tmpfs -o size=16m none "$small" || exit 99
    head -c $((16 * 1024 * 1024 - 400 * 1024)) /dev/zero > "$small/filler" || exit 98
    "$@"; first=$?
    [ -n "$keep" ] || exit $first
    cp -r "$keep" "$kept-1"
    rm "$small/filler"
    "$@" 2>&1; second=$?
    cp -r "$keep" "$kept-2"
    [ $second -eq 0 ] || exit $((100 + second))
    exit $first
"#;

fn may_mount() -> bool {
    let script = "mount -t tmpfs none /mnt";
    let tried = Command::new("unshare").args(["-Urm", "sh", "-c", script]).output();
    tried.is_ok_and(|output| output.status.success())
}

fn fill(lab: &Lab) {
    let bucket = lab.temporary().join("sample");
    let made = lab.run(&["sample", &bucket.display().to_string(), "--records", RECORDS, "--days", "1"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    for (key, bytes) in files_below(&bucket) {
        lab.put(&format!("logs/{key}"), bytes);
    }
}

fn files_below(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => open.push(path),
                false => {
                    let key = path.strip_prefix(folder).expect("below").to_str().expect("plain names").to_owned();
                    files.push((key, std::fs::read(&path).expect("a file")));
                }
            }
        }
    }
    files
}

const CONVERT: [&str; 5] = ["convert", "{}logs/", "{}lake/", "--compression", "none"];

/// Files of this process can no longer grow beyond `bytes`: a write that would is an error, as on a full disk.
fn limit_files(command: &mut Command, bytes: libc::rlim_t) {
    let limit = move || {
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
        // SAFETY: both calls are plain system calls, which are safe between fork and exec.
        unsafe {
            // Otherwise the kernel ends the process instead of failing its write.
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            match libc::setrlimit(libc::RLIMIT_FSIZE, &limit) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        }
    };
    // SAFETY: see above.
    unsafe { command.pre_exec(limit) };
}

fn run_with_small_files(lab: &Lab, arguments: &[&str]) -> Said {
    let mut command = lab.program(arguments);
    limit_files(&mut command, 128 << 10);
    said(command.output().expect("the program starts"))
}

fn told(said: &Said, path: &str) {
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.starts_with("error: "), "{}", said.stderr);
    assert!(said.stderr.contains(path), "{path} is not named: {}", said.stderr);
    assert!(!said.stderr.contains("bug in flowlake"), "a full disk is no bug: {}", said.stderr);
    assert!(said.stderr.contains("free some space") && said.stderr.contains("--scratch"), "{}", said.stderr);
}

/// The plan is there, and nothing that follows from its tasks.
fn nothing_is_published(lab: &Lab, lake: &str) {
    let keys = lab.list(lake);
    let published = |key: &&String| key.contains("/commits/") || key.ends_with(".parquet") && !key.contains("/tmp/");
    assert!(keys.keys().find(published).is_none(), "{keys:?}");
    assert!(keys.keys().any(|key| key.contains("/plans/")), "{keys:?}");
    assert_eq!(lab.temporaries(lake), Vec::<String>::new());
}

fn a_full_scratch_publishes_nothing_of_its_task(lab: &Lab) {
    fill(lab);
    let small = lab.temporary().join("small");
    std::fs::create_dir(&small).expect("a folder");
    let scratch = small.join("scratch").display().to_string();
    let arguments = [&CONVERT[..], &["--scratch", &scratch]].concat();
    let said = match may_mount() {
        true => run_on_small_disk(lab, &small, "", &arguments),
        false => run_with_small_files(lab, &arguments),
    };
    told(&said, &scratch);
    nothing_is_published(lab, "lake");
    lab.convert(&["--scratch", &scratch], 0);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
}

/// What the first run said; see [`ON_A_SMALL_DISK`].
fn run_on_small_disk(lab: &Lab, small: &Path, keep: &str, arguments: &[&str]) -> Said {
    let (small, kept) = (small.display().to_string(), lab.path("kept").display().to_string());
    let outer = ["unshare", "-Urm", "sh", "-c", ON_A_SMALL_DISK, "sh", &small, keep, &kept];
    let mut command = lab.program_under(&outer, arguments);
    command.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    said(command.output().expect("unshare starts"))
}

/// A lake on a disk that is too small for its first task. Its scratch lies in it.
#[test]
fn a_full_lake_stays_valid() {
    let lab = Lab::on_disk();
    fill(&lab);
    if !may_mount() {
        let said = run_with_small_files(&lab, &CONVERT);
        told(&said, "/lake");
        nothing_is_published(&lab, "lake");
        lab.convert(&[], 0);
        assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
        return;
    }
    let small = lab.path("small");
    std::fs::create_dir(&small).expect("a folder");
    let arguments = ["convert", "{}logs/", "{}small/lake/", "--compression", "none"];
    let said = run_on_small_disk(&lab, &small, &small.join("lake").display().to_string(), &arguments);
    told(&said, "/small/lake");
    nothing_is_published(&lab, "kept-1");
    // A copied lake is a lake: its ledger holds no absolute name.
    assert_eq!(lab.rows_of("kept-2"), lab.expected("logs").rows);
    let again = lab.run(&["convert", "{}logs/", "{}kept-2/", "--json"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(again.stdout.contains("\"objects\":0"), "{}", again.stdout);
}

fn a_file_that_may_not_grow_is_told_like_a_full_disk(lab: &Lab) {
    fill(lab);
    let scratch = lab.temporary().join("scratch").display().to_string();
    told(&run_with_small_files(lab, &[&CONVERT[..], &["--scratch", &scratch]].concat()), &scratch);
    nothing_is_published(lab, "lake");
    lab.convert(&["--scratch", &scratch], 0);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
}
