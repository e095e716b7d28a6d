//! Files of others: what no command takes, follows, replaces or writes into, and what goes on where a folder is
//! missing.

use std::fs;
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use crate::lab::{Lab, Said, gzip, on_both_stores, said};
use crate::server::ADMIN;

on_both_stores!(a_lake_in_a_folder_of_another_lake_is_refused);

const ROW: &str = "version srcaddr packets bytes start\n2 10.0.0.1 1 40 1694735970\n";

const COUNT: [&str; 5] = ["query", "{}lake/", "SELECT count(*) AS n FROM flow_logs", "--format", "csv"];

/// What [`COUNT`] says of one row.
const COUNTED: &str = "n\n1\n";

fn with_lake() -> Lab {
    let lab = Lab::on_disk();
    lab.put_gz("logs/a.log.gz", ROW);
    lab.convert(&[], 0);
    lab
}

/// Every file, folder and link below a folder, with what identifies it, and when files were written.
fn everything(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            let data = path.symlink_metadata().expect("it was listed");
            let changed = data.is_file().then(|| data.modified().ok());
            found.push(format!("{} {:o} {} {changed:?}", path.display(), data.mode(), data.ino()));
            if data.is_dir() {
                open.push(path);
            }
        }
    }
    found.sort();
    found
}

fn refused(said: &Said, words: &[&str]) {
    assert_eq!(said.code, 2, "{}", said.stderr);
    for word in words {
        assert!(said.stderr.contains(word), "{word}: {}", said.stderr);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("plain names")
}

#[test]
fn a_scratch_folder_of_others_loses_nothing() {
    let lab = Lab::on_disk();
    lab.put_gz("logs/a.log.gz", ROW);
    let scratch = lab.temporary().join("w");
    let nonce = "0123456789abcdef0123456789abcdef";
    let own = lab.own_folder(&scratch);
    for folder in ["run-important".to_owned(), format!("run-{nonce}"), "scratch".to_owned()] {
        for base in [&scratch, &own] {
            fs::create_dir_all(base.join(&folder)).expect("the lab's own folder");
            fs::write(base.join(&folder).join("keep"), "precious").expect("the lab's own folder");
            fs::write(base.join(&folder).join("lock"), "").expect("the lab's own folder");
        }
    }
    let before = everything(&scratch);
    lab.convert(&["--scratch", text(&scratch)], 0);
    // A folder of that name that others may use is not taken for the program's; the one made instead is gone again.
    assert_eq!(everything(&scratch), before);
    fs::set_permissions(&own, fs::Permissions::from_mode(0o700)).expect("the lab's own folder");
    lab.put_gz("logs/b.log.gz", "version srcaddr start\n2 10.0.0.2 1694735970\n");
    lab.convert(&["--scratch", text(&scratch)], 0);
    let names = |found: Vec<String>| found.into_iter().map(|line| line.split(' ').next().map(str::to_owned));
    assert!(names(everything(&scratch)).eq(names(before)));
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
}

#[test]
fn a_linked_folder_for_temporaries_keeps_what_is_there() {
    let lab = with_lake();
    let theirs = lab.path("theirs");
    fs::create_dir_all(theirs.join("run-1")).expect("the lab's own folder");
    fs::write(theirs.join("run-1/keep"), "precious").expect("the lab's own folder");
    let film = fs::File::create(theirs.join("film.part")).expect("the lab's own folder");
    film.set_modified(std::time::UNIX_EPOCH).expect("the lab's own file");
    let before = everything(&theirs);
    fs::remove_dir(lab.path("lake/_flowlake/tmp")).expect("a run leaves it empty");
    symlink(&theirs, lab.path("lake/_flowlake/tmp")).expect("the lab can link");
    lab.put_gz("logs/b.log.gz", ROW);
    let said = lab.run(&["convert", "{}logs/", "{}lake/"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("_flowlake/tmp is a link"), "{}", said.stderr);
    assert_eq!(everything(&theirs), before);
    // As a folder, it is one of the lake's again; only what a run named goes.
    fs::remove_file(lab.path("lake/_flowlake/tmp")).expect("the lab's own link");
    fs::rename(&theirs, lab.path("lake/_flowlake/tmp")).expect("the lab's own folder");
    lab.convert(&[], 0);
    let kept = ["run-1/keep", "film.part"].map(|name| lab.path("lake/_flowlake/tmp").join(name));
    assert!(kept.iter().all(|path| path.exists()));
    assert_eq!(lab.lake_rows().len(), 2);
}

/// Every command that writes a file of a given name, but for what it writes: the dashboard's page holds the time.
#[test]
fn only_regular_files_are_replaced() {
    let lab = with_lake();
    let out = lab.temporary().join("out");
    fs::create_dir(&out).expect("the lab's own folder");
    let report = ["report", "{}lake/", "bytes-by-day", "--format", "csv"];
    let dashboard = ["dashboard", "{}lake/"];
    for (command, begins) in [(&COUNT[..], "n\n"), (&report, "day,"), (&dashboard, "<!")] {
        let run = |target: &Path| {
            let said = lab.run(&[command, &["--output", text(target)]].concat());
            assert!(said.stdout.is_empty(), "{}", said.stdout);
            said
        };
        // A file, with its permissions; a link to it; and a name that is new.
        let (file, link, new) = (out.join("file"), out.join("link"), out.join("new"));
        fs::write(&file, "old").expect("the lab's own folder");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("the lab's own file");
        symlink("file", &link).expect("the lab can link");
        for target in [&file, &link, &new] {
            let said = run(target);
            assert_eq!(said.code, 0, "{}", said.stderr);
            let written = fs::read_to_string(target).expect("a text");
            assert!(written.starts_with(begins), "{written}");
        }
        assert_eq!(file.metadata().expect("it is there").mode() & 0o777, 0o600);
        assert!(link.is_symlink());
        // A device behind a link: were it replaced, the link would be gone.
        let null = out.join("null");
        symlink("/dev/null", &null).expect("the lab can link");
        assert_eq!(run(&null).code, 0);
        assert!(null.is_symlink() && Path::new("/dev/null").metadata().expect("it").file_type().is_char_device());
        let full = run(Path::new("/dev/full"));
        assert!(full.code == 1 && full.stderr.contains("/dev/full"), "{}", full.stderr);
        // A pipe gets the bytes, and is one afterwards.
        let pipe = out.join("pipe");
        let name = std::ffi::CString::new(text(&pipe)).expect("a plain name");
        // SAFETY: the name is a C string that lives through the call.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        let reader = pipe.clone();
        let reading = std::thread::spawn(move || fs::read_to_string(reader).expect("a text"));
        let said = run(&pipe);
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert!(reading.join().expect("it reads").starts_with(begins));
        assert!(pipe.metadata().expect("it is there").file_type().is_fifo());
        // What is none of these is named.
        symlink("nowhere", out.join("broken")).expect("the lab can link");
        refused(&run(&out.join("broken")), &["broken", "a link that leads nowhere"]);
        refused(&run(&out), &["is a folder"]);
        let mut left: Vec<String> = everything(&out);
        left.retain(|line| line.contains(".part"));
        assert!(left.is_empty(), "{left:?}");
        fs::remove_dir_all(&out).expect("the lab's own folder");
        fs::create_dir(&out).expect("the lab's own folder");
    }
}

/// An open file of the process is gone on with where it is, not begun anew.
#[test]
fn standard_output_may_be_named() {
    let lab = with_lake();
    let log = lab.temporary().join("log");
    for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        fs::write(&log, "before\n").expect("the lab's own folder");
        let appended = fs::OpenOptions::new().append(true).open(&log).expect("the lab's own file");
        let mut program = lab.program(&[&COUNT[..], &["--output", name]].concat());
        let done = program.stdout(Stdio::from(appended)).output().expect("the program starts");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(fs::read_to_string(&log).expect("a text"), format!("before\n{COUNTED}"), "{name}");
        // Through a pipe.
        let said = lab.run(&[&COUNT[..], &["--output", name]].concat());
        assert_eq!((said.code, said.stdout.as_str()), (0, COUNTED), "{name}: {}", said.stderr);
    }
}

#[test]
fn files_of_many_are_written_as_one_is() {
    let lab = Lab::on_disk();
    let pages = lab.temporary().join("pages");
    let command = ["man", text(&pages)];
    assert_eq!(lab.run(&command).code, 0);
    let written = everything(&pages);
    let mut names = written.iter().filter_map(|line| line.split(' ').next());
    let first = names.find(|name| name.ends_with(".1")).expect("it wrote something");
    let content = fs::read(first).expect("a file");
    // A link stays one, and what it leads to gets the content; a device stays one.
    let target = lab.temporary().join("target");
    fs::rename(first, &target).expect("the lab's own files");
    fs::write(&target, "old").expect("the lab's own file");
    symlink(&target, first).expect("the lab can link");
    assert_eq!(lab.run(&command).code, 0);
    assert!(Path::new(first).is_symlink() && fs::read(&target).expect("a file") == content);
    fs::remove_file(first).expect("the lab's own link");
    symlink("/dev/null", first).expect("the lab can link");
    assert_eq!(lab.run(&command).code, 0);
    assert!(Path::new(first).is_symlink());
}

#[test]
fn nothing_but_conversions_writes_into_a_lake() {
    let lab = with_lake();
    symlink(lab.path("lake/flow_logs"), lab.path("way-in")).expect("the lab can link");
    let before = everything(&lab.path("lake"));
    let places = ["lake", "lake/flow_logs", "lake/flow_logs/date=2023-09-15", "lake/_flowlake/tmp", "lake/x", "way-in"];
    for place in places.map(|place| lab.path(place)) {
        let file = place.join("file");
        let report = ["report", "{}lake/", "bytes-by-day"];
        let commands: [&[&str]; 8] = [
            &["sample", text(&place), "--records", "10", "--days", "1"],
            &["man", text(&place)],
            &["demo", text(&place)],
            &[&COUNT[..], &["--output", text(&file)]].concat(),
            &[&report[..], &["--output", text(&file)]].concat(),
            &["dashboard", "{}lake/", "--output", text(&file)],
            &[&COUNT[..], &["--spill", text(&place)]].concat(),
            &["verify", "{}lake/", "--scratch", text(&place)],
        ];
        for command in commands {
            refused(&lab.run(command), &[text(&place), "lies in the lake", text(&lab.path("lake"))]);
        }
    }
    assert_eq!(everything(&lab.path("lake")), before);
    // The lake of a statement need not be the one that is written into.
    lab.put_gz("other-logs/a.log.gz", ROW);
    assert_eq!(lab.run(&["convert", "{}other-logs/", "{}other/"]).code, 0);
    let file = lab.path("other/flow_logs/x.csv");
    refused(&lab.run(&[&COUNT[..], &["--output", text(&file)]].concat()), &["lies in the lake", "/other"]);
}

#[test]
fn scratch_in_a_source_is_refused() {
    let lab = with_lake();
    lab.put_gz("logs/b.log.gz", "version srcaddr start\n2 10.0.0.2 1694735970\n");
    symlink(lab.path("logs"), lab.path("link")).expect("the lab can link");
    for place in ["logs", "logs/scratch", "link/x"] {
        for more in [&[][..], &["--dry-run"]] {
            let scratch = lab.path(place);
            let said = lab.run(&[&["convert", "{}logs/", "{}lake/", "--scratch", text(&scratch)], more].concat());
            refused(&said, &["--scratch", place, "lies in the source"]);
        }
    }
    assert_eq!(lab.list("logs").len(), 2, "nothing was written there");
}

/// The lock of a host and other temporaries would stay in a lake or a source.
#[test]
fn a_temporary_folder_in_a_lake_or_source_gets_nothing() {
    let lab = with_lake();
    let log = ["convert", "{}logs/", "{}lake/"];
    let run = |place: &str, command: &[&str]| {
        let program = lab.program(command).env("TMPDIR", lab.path(place)).env("FLOWLAKE_LOG", "warn").output();
        crate::lab::said(program.expect("the program starts"))
    };
    let before = (everything(&lab.path("lake/flow_logs")), everything(&lab.path("logs")));
    for (place, words) in [("lake/flow_logs", "lies in the lake"), ("logs", "lies in the source")] {
        let said = run(place, &log);
        let is_told = said.stderr.contains("no lock for runs of this host there") && said.stderr.contains(words);
        assert!(said.code == 0 && is_told, "{}", said.stderr);
        // Nothing else is left for its files.
        refused(&run(place, &[&log[..], &["--dry-run"]].concat()), &["the temporary folder (TMPDIR)", words]);
    }
    let commands: [&[&str]; 3] = [&["verify", "{}lake/"], &COUNT, &["report", "{}lake/", "bytes-by-day"]];
    for command in commands {
        refused(&run("lake/flow_logs", command), &["the temporary folder (TMPDIR)", "lies in the lake"]);
    }
    let said = run("lake/flow_logs", &["repair", "{}lake/"]);
    assert!(said.code == 0 && said.stderr.contains("a second run on this host"), "{}", said.stderr);
    assert_eq!((everything(&lab.path("lake/flow_logs")), everything(&lab.path("logs"))), before);
    assert_eq!(lab.run(&["verify", "{}lake/"]).code, 0);
}

/// What is done is done, whether or not somebody hears of it.
#[test]
fn nobody_has_to_listen() {
    let lab = Lab::on_disk();
    lab.put_gz("logs/a.log.gz", &format!("{ROW}a line that is set aside\n"));
    let full = r#"exec "$0" "$@" >/dev/full 2>/dev/full"#;
    let closed = r#"exec "$0" "$@" >&- 2>&-"#;
    for (at, shell) in [full, closed].iter().enumerate() {
        let lake = format!("{{}}lake{at}/");
        let said = |arguments: &[&str]| {
            lab.program_under(&["sh", "-c", shell], arguments).status().expect("the shell starts").code()
        };
        assert_eq!(said(&["convert", "{}logs/", &lake, "--progress", "never"]), Some(3), "{shell}");
        assert_eq!(said(&["repair", &lake]), Some(0), "{shell}");
        assert_eq!(said(&["no-such-command"]), Some(2), "{shell}");
        assert_eq!(said(&["inspect", "{}no-such-place/"]), Some(1), "{shell}");
    }
    // What was asked for is missed if it cannot be written, unless nobody reads on.
    let inspect = ["inspect", "{}logs/"];
    let into_full = lab.program_under(&["sh", "-c", r#"exec "$0" "$@" >/dev/full"#], &inspect);
    let said = { into_full }.output().expect("the shell starts");
    assert_eq!(said.status.code(), Some(1), "{}", String::from_utf8_lossy(&said.stderr));
    let code = lab.path("code");
    let script = format!(r#"{{ "$0" "$@"; echo $? >"{}"; }} 2>&1 | sleep 0"#, text(&code));
    for arguments in [&inspect[..], &["convert", "{}logs/", "{}lake0/", "--full-scan"]] {
        lab.program_under(&["sh", "-c", &script], arguments).status().expect("the shell starts");
        let code = fs::read_to_string(&code).expect("the shell wrote it");
        assert!(["0\n", "3\n"].contains(&code.as_str()), "{arguments:?}: {code}");
    }
}

#[test]
fn scratch_among_the_files_of_a_lake_is_refused() {
    let lab = with_lake();
    lab.put_gz("other-logs/a.log.gz", ROW);
    assert_eq!(lab.run(&["convert", "{}other-logs/", "{}other/"]).code, 0);
    lab.put_gz("logs/b.log.gz", "version srcaddr start\n2 10.0.0.2 1694735970\n");
    let before = everything(&lab.path("lake"));
    let foreign = ["other", "other/flow_logs", "other/_flowlake/tmp"];
    for place in ["lake", "lake/flow_logs", "lake/tgw_flow_logs/x", "lake/_flowlake/log"].into_iter().chain(foreign) {
        for more in [&[][..], &["--dry-run"]] {
            let scratch = lab.path(place);
            let said = lab.run(&[&["convert", "{}logs/", "{}lake/", "--scratch", text(&scratch)], more].concat());
            refused(&said, &["--scratch", place, "lies in the lake"]);
        }
    }
    assert_eq!(everything(&lab.path("lake")), before);
    // Where its own scratch lies, and beside all that is a lake's.
    for place in ["lake/_flowlake/tmp", "lake/scratch"] {
        lab.convert(&["--scratch", text(&lab.path(place))], 0);
    }
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
}

fn a_lake_in_a_folder_of_another_lake_is_refused(lab: &Lab) {
    lab.put_gz("logs/a.log.gz", ROW);
    lab.convert(&[], 0);
    let before = lab.list("lake");
    for inner in ["lake/flow_logs/", "lake/flow_logs/x/y/", "lake/tgw_flow_logs/inner/", "lake/_flowlake/inner/"] {
        for more in [&[][..], &["--dry-run"]] {
            let said = lab.run(&[&["convert", "{}logs/", &format!("{{}}{inner}")], more].concat());
            refused(&said, &[&lab.url(inner), &lab.url("lake/"), "overlap"]);
        }
    }
    assert_eq!(lab.list("lake"), before);
    // Beside the tables, it is in nobody's way.
    let said = lab.run(&["convert", "{}logs/", "{}lake/inner/"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(lab.rows_of("lake/inner").len(), 1);
    assert_eq!(lab.run(&["verify", "{}lake/", "{}logs/"]).code, 0);
}

#[test]
fn a_lake_around_another_lake_is_refused() {
    let lab = Lab::on_disk();
    lab.put_gz("logs/a.log.gz", ROW);
    assert_eq!(lab.run(&["convert", "{}logs/", "{}outer/flow_logs/"]).code, 0);
    let before = everything(&lab.path("outer"));
    refused(&lab.run(&["convert", "{}logs/", "{}outer/"]), &["overlap", "/outer/flow_logs/"]);
    assert_eq!(everything(&lab.path("outer")), before);
}

#[test]
fn a_source_that_links_to_its_lake_is_refused() {
    let lab = with_lake();
    fs::create_dir_all(lab.path("above/deep/lake")).expect("the lab can make folders");
    let data = lab.data_files().first().expect("a data file").clone();
    let before = everything(&lab.path("lake"));
    let link = lab.path("logs/2023/link");
    fs::create_dir_all(lab.path("logs/2023")).expect("the lab can make folders");
    for (target, lake) in [
        ("lake", "{}lake/"),
        ("lake/flow_logs", "{}lake/"),
        ("lake/_flowlake/log", "{}lake/"),
        (data.as_str(), "{}lake/"),
        ("above", "{}above/deep/lake/"),
        ("above/deep", "{}above/deep/lake/"),
    ] {
        symlink(lab.path(target), &link).expect("the lab can link");
        for more in [&[][..], &["--full-scan"], &["--dry-run"]] {
            let said = lab.run(&[&["convert", "{}logs/", lake], more].concat());
            refused(&said, &[text(&link), "leads to the lake", "remove the link"]);
        }
        fs::remove_file(&link).expect("the lab's own link");
    }
    assert_eq!(everything(&lab.path("lake")), before);
    lab.convert(&["--full-scan"], 0);
}

/// Makes folders below `folder`, each in the one before, and a file in the last. No path needs to name them whole.
fn deepen(folder: &Path, names: &[String], file: &[u8]) {
    let mut at = fs::File::open(folder).expect("the lab's own folder");
    let open = |at: &fs::File, name: &str, flags: i32| {
        let name = std::ffi::CString::new(name).expect("a plain name");
        // SAFETY: the name is a C string that lives through both calls; what is opened belongs to the file made of it.
        unsafe {
            if flags & libc::O_DIRECTORY != 0 {
                assert_eq!(libc::mkdirat(at.as_raw_fd(), name.as_ptr(), 0o755), 0);
            }
            let opened = libc::openat(at.as_raw_fd(), name.as_ptr(), flags, 0o644);
            assert!(opened >= 0, "{:?}", std::io::Error::last_os_error());
            fs::File::from_raw_fd(opened)
        }
    };
    for name in names {
        at = open(&at, name, libc::O_RDONLY | libc::O_DIRECTORY);
    }
    open(&at, "a.log.gz", libc::O_WRONLY | libc::O_CREAT).write_all(file).expect("the lab's own file");
}

/// A folder whose path is longer than the system takes is named like one that may not be read, and the rest is
/// converted.
#[test]
fn a_path_beyond_its_limit_costs_its_folder() {
    const PATH_MAX: usize = 4095;
    let lab = Lab::on_disk();
    let row = gzip(ROW.as_bytes());
    let name = "d".repeat(200);
    let chain = "logs/AWSLogs/111111111111/vpcflowlogs/us-east-1";
    for (tree, depth) in [("logs", 40), (chain, 40), ("logs/2023", 5)] {
        fs::create_dir_all(lab.path(tree)).expect("the lab can make folders");
        deepen(&lab.path(tree), &vec![name.clone(); depth], &row);
    }
    // The last folder that can be read, and in it a file that cannot.
    let edge = lab.path("logs/edge");
    fs::create_dir(&edge).expect("the lab can make folders");
    let mut names = vec![name; 18];
    let left = PATH_MAX - 4 - edge.as_os_str().len() - 18 * 201;
    names.extend(["e".repeat(left / 2 - 1), "f".repeat(left - left / 2 - 1)]);
    deepen(&edge, &names, &row);
    lab.put_gz("logs/z.log.gz", "version srcaddr start\n2 10.0.0.2 1694735970\n");
    for converted in [2, 0] {
        let summary = lab.convert(&["--full-scan"], 3);
        let denied = summary["denied"].as_array().expect("a list");
        assert!(denied.iter().all(|text| text.as_str().is_some_and(|text| text.contains("too long"))), "{denied:?}");
        assert_eq!(denied.len(), 3, "{denied:?}");
        assert_eq!(summary["objects"], converted);
    }
    let objects: Vec<String> = lab.lake_rows().into_keys().map(|(object, _)| object).collect();
    let has = |end: &str| objects.iter().any(|object| object.ends_with(end));
    assert!(has("logs/z.log.gz") && has("d/a.log.gz"), "{objects:?}");
}

/// The program where the kernel declines some calls, as file systems do that lack what they ask for.
fn run_without(lab: &Lab, calls: &'static [libc::c_long], arguments: &[&str]) -> Said {
    let mut command = lab.program(arguments);
    let decline = move || {
        let [load, jump, give] =
            [libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, libc::BPF_JMP | libc::BPF_JEQ, libc::BPF_RET];
        let step = |code: u32, k: u32, jt, jf| libc::sock_filter { code: code as u16, jt, jf, k };
        // The number of the call is what the kernel shows first.
        let mut steps = vec![step(load, 0, 0, 0)];
        for call in calls {
            steps.push(step(jump, *call as u32, 0, 1));
            steps.push(step(give, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, 0, 0));
        }
        steps.push(step(give, libc::SECCOMP_RET_ALLOW, 0, 0));
        let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
        // SAFETY: both are plain system calls; the filter lives through the second, which copies it.
        let done = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
                && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0
        };
        if done { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    };
    // SAFETY: between fork and exec, the closure calls the kernel and allocates a few bytes, which no other thread
    // holds up.
    unsafe { command.pre_exec(decline) };
    said(command.output().expect("the program starts"))
}

#[cfg(target_arch = "x86_64")]
const LINKS: &[libc::c_long] = &[libc::SYS_link, libc::SYS_linkat];
#[cfg(target_arch = "x86_64")]
const LINKS_AND_RENAMES: &[libc::c_long] = &[libc::SYS_link, libc::SYS_linkat, libc::SYS_renameat2];
#[cfg(not(target_arch = "x86_64"))]
const LINKS: &[libc::c_long] = &[libc::SYS_linkat];
#[cfg(not(target_arch = "x86_64"))]
const LINKS_AND_RENAMES: &[libc::c_long] = &[libc::SYS_linkat, libc::SYS_renameat2];

#[test]
fn a_lake_needs_no_hard_links() {
    let lab = Lab::on_disk();
    for day in 1..=3 {
        let start = 1_693_526_400 + (day - 1) * 86_400;
        lab.put_gz(
            &format!("logs/2023/09/0{day}/a.log.gz"),
            &format!("version srcaddr start\n2 10.0.0.{day} {start}\n"),
        );
    }
    let convert = ["convert", "{}logs/", "{}lake/"];
    let redo =
        [&convert[..], &["--redo", "--since", "2023-09-01", "--until", "2023-09-03", "--retention", "0s"]].concat();
    let said = run_without(&lab, LINKS, &convert);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
    // The same objects with other rows: a redo shows waiting files at their place.
    for day in 1..=3 {
        let start = 1_693_526_400 + (day - 1) * 86_400;
        lab.put_gz(
            &format!("logs/2023/09/0{day}/a.log.gz"),
            &format!("version srcaddr start\n2 10.1.1.{day} {start}\n"),
        );
    }
    let said = run_without(&lab, LINKS, &redo);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
    assert_eq!(lab.run(&["verify", "{}lake/", "{}logs/"]).code, 0);
    assert_eq!(lab.temporaries("lake"), Vec::<String>::new());
    // Without that rename too, nothing could keep two runs apart.
    let said = run_without(&lab, LINKS_AND_RENAMES, &["convert", "{}logs/", "{}other/"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    for words in ["neither hard links", "another file system", "/other/_flowlake/"] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
    assert!(lab.rows_of("other").is_empty());
}

/// As in a container with a read-only root: no folder for temporaries, and no home.
fn bare(lab: &Lab, arguments: &[&str]) -> Said {
    let mut program = lab.program(arguments);
    // Nobody can make anything there, whatever the rights.
    program.env("TMPDIR", "/proc/nowhere").env_remove("HOME");
    said(program.output().expect("the program starts"))
}

#[test]
fn without_a_temporary_folder_scratch_holds_the_lock() {
    let lab = Lab::on_disk();
    lab.put_gz("logs/a.log.gz", ROW);
    let scratch = lab.path("scratch");
    let convert = ["convert", "{}logs/", "{}lake/", "--scratch", text(&scratch)];
    let said = bare(&lab, &convert);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let own = lab.own_folder(&scratch);
    let locks: Vec<_> = fs::read_dir(own).expect("the lock's folder").map(|entry| entry.expect("it").path()).collect();
    assert_eq!(locks.len(), 1, "{locks:?}");
    let held = fs::File::open(&locks[0]).expect("the lock file");
    held.lock().expect("nobody else holds it");
    assert_eq!(bare(&lab, &convert).code, 75);
    drop(held);
    // A lake on disk has scratch of its own; and every other command does without.
    lab.put_gz("logs/b.log.gz", "version srcaddr start\n2 10.0.0.2 1694735970\n");
    let said = bare(&lab, &convert[..3]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(lab.lake_rows(), lab.expected("logs").rows);
    for command in [&COUNT[..], &["report", "{}lake/", "bytes-by-day"], &["rejects", "{}lake/"]] {
        let said = bare(&lab, command);
        assert_eq!(said.code, 0, "{command:?}: {}", said.stderr);
    }
    let said = bare(&lab, &["verify", "{}lake/", "--scratch", text(&scratch)]);
    assert_eq!(said.code, 0, "{}", said.stderr);
}

/// A lake on S3 has no scratch of its own: without a temporary folder, the option is named.
#[test]
fn without_a_temporary_folder_the_option_is_named() {
    let lab = Lab::on_s3();
    lab.put_gz("logs/a.log.gz", ROW);
    let said = bare(&lab, &["convert", "{}logs/", "{}lake/"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("/proc/nowhere") && said.stderr.contains("--scratch"), "{}", said.stderr);
    let scratch = lab.temporary().join("scratch");
    let said = bare(&lab, &["convert", "{}logs/", "{}lake/", "--scratch", text(&scratch)]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(lab.lake_rows().len(), 1);
}

/// Whoever takes the name of the user's own folder in a shared one neither stops a run nor reads or changes its files.
#[test]
fn a_taken_name_in_the_temporary_folder_stops_nothing() {
    let lab = Lab::on_s3();
    let theirs = lab.temporary().join("theirs");
    fs::create_dir(&theirs).expect("the lab's own folder");
    let own = lab.own_folder(lab.temporary());
    let open = || {
        fs::create_dir(&own).expect("the lab's own folder");
        fs::set_permissions(&own, fs::Permissions::from_mode(0o777)).expect("the lab's own folder");
    };
    let takes: [(&str, &dyn Fn()); 3] = [
        ("a link", &|| symlink(&theirs, &own).expect("the lab can link")),
        ("a file", &|| fs::write(&own, "").expect("the lab's own folder")),
        ("a folder that all may use", &open),
    ];
    for (number, (what, take)) in takes.into_iter().enumerate() {
        take();
        lab.put_gz(&format!("logs/{number}.log.gz"), ROW);
        lab.convert(&[], 0);
        assert!(everything(&theirs).is_empty(), "{what}: {:?}", everything(&theirs));
        if own.is_dir() && !own.is_symlink() {
            assert!(everything(&own).is_empty(), "{what}: {:?}", everything(&own));
            fs::remove_dir(&own).expect("the lab's own folder");
        } else {
            fs::remove_file(&own).expect("the lab's own file");
        }
    }
    assert_eq!(lab.lake_rows().len(), 3);
    let closed = |path: &Path| path.metadata().is_ok_and(|found| found.is_dir() && found.mode() & 0o077 == 0);
    let name = own.file_name().expect("a name").to_str().expect("a plain name");
    let made: Vec<_> = fs::read_dir(lab.temporary())
        .expect("the lab's own folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.file_name().is_some_and(|found| found.to_string_lossy().starts_with(name)))
        .collect();
    // One folder that all three runs shared: it holds their lock.
    assert!(made.len() == 1 && closed(&made[0]), "{made:?}");
}

/// Passwords in URLs, and options that lost their name, are in no message and no log.
/// A log that could not be looked at is listed again.
#[test]
fn a_file_that_cannot_be_looked_at_is_named_and_comes_later() {
    let lab = Lab::on_disk();
    ["logs/2023/09/01/a.log.gz", "logs/2023/09/20/b.log.gz"].iter().for_each(|key| lab.put_gz(key, ROW));
    let folder = lab.path("logs/2023/09/01");
    let permit = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).expect("the lab may");
    permit(0o444);
    let said = lab.run_without_privilege(&["convert", "{}logs/", "{}lake/"]);
    permit(0o755);
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(said.stderr.contains("logs/2023/09/01/a.log.gz"), "{}", said.stderr);
    assert_eq!(lab.lake_rows().len(), 1);
    lab.convert(&[], 0);
    assert_eq!(lab.lake_rows().len(), 2);
}

/// Under the name of the log its rows would come again.
#[test]
fn a_transfer_that_has_not_ended_is_no_log() {
    let names = [".{}.aBcDeF", "{}.6eF12A3b", "{}.part", "{}.filepart", ".{}.swp", "{}~", "{}.tmp", "{}.crdownload"];
    let others = [".nfs0000000000000001", ".goutputstream-ABCDEF", ".~tmp~/{}"];
    for (number, name) in names.into_iter().chain(others).enumerate() {
        let lab = Lab::on_disk();
        let (folder, log) = ("logs/2023/09/14", format!("log{number}.log.gz"));
        let unfinished = format!("{folder}/{}", name.replace("{}", &log));
        lab.put_gz(&unfinished, ROW);
        lab.convert(&[], 0);
        assert_eq!(lab.lake_rows().len(), 0, "{name}");
        fs::rename(lab.path(&unfinished), lab.path(&format!("{folder}/{log}"))).expect("the lab may");
        lab.convert(&[], 0);
        assert_eq!(lab.lake_rows().len(), 1, "{name}");
    }
    let lab = Lab::on_disk();
    for name in ["x.log.gz.20231114", "x.log.backup", "x.gz.archive", "x.log.1"] {
        lab.put_gz(&format!("logs/{name}"), ROW);
    }
    lab.convert(&[], 0);
    assert_eq!(lab.lake_rows().len(), 4, "files that were rotated are logs");
}

/// What lies behind a link is somebody's file, also where the link has the name of an object.
#[test]
fn a_sample_is_not_written_over_links() {
    let lab = Lab::on_disk();
    let folder = lab.path("sample");
    let sample = ["sample", text(&folder), "--records", "100", "--days", "1"];
    let said = lab.run(&sample);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let object = lab.list("sample").into_keys().next().expect("an object");
    fs::remove_file(lab.path(&object)).expect("the lab may");
    fs::write(lab.path("notes.txt"), "mine").expect("the lab may");
    symlink(lab.path("notes.txt"), lab.path(&object)).expect("the lab can link");
    let said = lab.run(&sample);
    assert_ne!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains(object.rsplit('/').next().expect("a name")), "{}", said.stderr);
    assert_eq!(fs::read_to_string(lab.path("notes.txt")).expect("it is there"), "mine");
}

#[test]
fn no_secret_is_told() {
    let lab = Lab::on_disk();
    lab.put_gz("logs/a.log.gz", ROW);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    let endpoint = format!("endpoint=http://ana:sesame@{closed}");
    let proxy = format!("proxy_url=http://ana:sesame@{closed}");
    let keys = ["access_key_id=a", "secret_access_key=sesame", "region=us-east-1"];
    let keys = keys.map(|key| ["--source-option", key]).concat();
    let from_s3 = ["convert", "s3://bucket/logs/", "{}lake/"];
    let mut commands: Vec<Vec<String>> = [
        &endpoint,
        "endpoint=ana:sesame@host",
        "endpoint=https://host?token=sesame",
        "endpoint=https://ana:pa/sesame@host",
        "proxy_url=ana:sesame@host:99999",
        &proxy,
        "sesame",
        "secret_access_key:sesame",
        "sesame==",
        "sse_customer_key_base64=sesame",
        "checksum_algorithm=md5",
    ]
    .map(|text| {
        let given = from_s3.iter().chain(&keys).copied().chain(["--source-option", text]);
        given.map(str::to_owned).collect()
    })
    .into();
    for location in [
        "https://host/k.log.gz?X-Amz-Signature=sesame&x=y",
        "https://ana:sesame@host/logs",
        "s3://ana:sesame@bucket/logs",
        "https://ana:pa/sesame@host/x",
    ] {
        commands.push(["convert", location, "{}lake/"].map(str::to_owned).into());
        commands.push(["convert", "{}logs/", location].map(str::to_owned).into());
        commands.push(["inspect", location].map(str::to_owned).into());
    }
    for command in commands {
        let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        let mut program = lab.program(&arguments);
        let said = said(program.env("FLOWLAKE_LOG", "trace").output().expect("the program starts"));
        assert!((1..=2).contains(&said.code), "{command:?}: {}", said.stderr);
        let told = said.stderr + &said.stdout;
        assert!(told.contains("error: "), "{command:?}: {told}");
        let line = told.lines().find(|line| line.contains("sesame"));
        assert!(line.is_none(), "{command:?}: {line:?}");
    }
    // Keys that are used are in no log either.
    let s3 = Lab::on_s3();
    s3.put_gz("logs/a.log.gz", ROW);
    let mut program = s3.program(&["convert", "{}logs/", "{}lake/"]);
    let done = said(program.env("FLOWLAKE_LOG", "trace").output().expect("the program starts"));
    assert!(done.code == 0 && done.stderr.contains("DEBUG"), "{}", done.stderr);
    let line = done.stderr.lines().find(|line| line.contains(ADMIN.1));
    assert!(line.is_none(), "{line:?}");
    // In the environment, too.
    for (name, value) in [("AWS_ENDPOINT_URL", "http://ana:sesame@host"), ("HTTPS_PROXY", &proxy["proxy_url=".len()..])]
    {
        let arguments = [&from_s3[..], &keys].concat();
        let mut program = lab.program(&arguments);
        let said = said(program.env(name, value).env("FLOWLAKE_LOG", "trace").output().expect("the program starts"));
        assert!(said.code == 1 || said.code == 2, "{}", said.stderr);
        let line = said.stderr.lines().find(|line| line.contains("sesame"));
        assert!(line.is_none(), "{name}: {line:?}");
    }
}
