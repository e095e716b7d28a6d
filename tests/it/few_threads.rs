//! A system that gives few threads or none: every command works, or ends and says why. None panics, and none waits.

#![cfg(all(target_os = "linux", target_endian = "little"))]

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::faults::{key, text};
use crate::lab::{Lab, Said, said};

/// How long a command may take; each takes a second or two.
const PATIENCE: Duration = Duration::from_secs(120);

/// Stands for a folder of the lab: this command takes no URL.
const SAMPLE: &str = "sample folder";

const COMMANDS: [&[&str]; 9] = [
    &["convert", "{}logs/", "{}lake/", "--threads", "2", "--progress", "always"],
    &["convert", "{}logs/", "{}lake/", "--threads", "2", "--redo", "--since", "2023-09-01", "--until", "2023-09-30"],
    &["query", "{}lake/", "SELECT count(*) FROM flow_logs", "--threads", "2"],
    &["query", "{}lake/", "SELECT count(*) FROM raw_flow_logs", "--raw", "{}logs/", "--threads", "2"],
    &["report", "{}lake/", "copies"],
    &["verify", "{}lake/", "{}logs/", "--threads", "2"],
    &["repair", "{}lake/"],
    &["inspect", "{}logs/"],
    &["sample", SAMPLE, "--days", "1", "--records", "1000"],
];

fn lab() -> Lab {
    let lab = Lab::on_disk();
    (1..=3).for_each(|day| lab.put_gz(&format!("logs/{}", key(day, day)), &text(day, day)));
    lab.convert(&[], 0);
    lab.put_gz(&format!("logs/{}", key(4, 4)), &text(4, 4));
    lab
}

fn program(lab: &Lab, arguments: &[&'static str]) -> Command {
    program_at(lab, lab.program(&[]).get_program().as_ref(), arguments)
}

fn program_at(lab: &Lab, program: &Path, arguments: &[&'static str]) -> Command {
    let sample = lab.path("sample").display().to_string();
    let place = |argument: &&'static str| if *argument == SAMPLE { sample.clone() } else { (*argument).to_owned() };
    let arguments: Vec<String> = arguments.iter().map(place).collect();
    lab.other_program(program, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Ends it by force, and fails, where it does not end by itself.
fn patiently(command: &mut Command, what: &str) -> Said {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{what}: the program starts: {error}"));
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().expect("a child").is_none() {
        if Instant::now() > deadline {
            child.kill().expect("a child");
            panic!("{what}: it does not end: {}", said(child.wait_with_output().expect("a child")).stderr);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    said(child.wait_with_output().expect("a child"))
}

fn says_why(said: &Said, what: &str) {
    assert!(!said.stderr.contains("panicked"), "{what}: {}", said.stderr);
    let words = ["the system gives ", " threads", "ulimit -u"];
    assert!(
        said.code == 1 && words.iter().all(|word| said.stderr.contains(word)),
        "{what}: {}: {}",
        said.code,
        said.stderr
    );
}

/// No thread beside the first one.
#[test]
fn without_threads_every_command_says_so() {
    let lab = lab();
    let lake = lab.list("lake");
    for arguments in COMMANDS {
        let mut command = program(&lab, arguments);
        // SAFETY: between fork and exec, the closure calls the kernel and allocates a few bytes, which no other thread
        // holds up.
        unsafe { command.pre_exec(decline_threads) };
        says_why(&patiently(&mut command, arguments[0]), arguments[0]);
    }
    assert_eq!(lab.list("lake"), lake);
    assert!(lab.list("sample").is_empty());
}

/// The kernel gives processes, and no threads.
fn decline_threads() -> std::io::Result<()> {
    let [load, equal, any_of, give] = [
        libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
        libc::BPF_JMP | libc::BPF_JEQ,
        libc::BPF_JMP | libc::BPF_JSET,
        libc::BPF_RET,
    ];
    let step = |code: u32, k: u32, jt, jf| libc::sock_filter { code: code as u16, jt, jf, k };
    let [number, first_argument] = [0, 16];
    let mut steps = [
        step(load, number, 0, 0),
        // The C library goes on with the older call, of which the flags can be seen.
        step(equal, libc::SYS_clone3 as u32, 0, 1),
        step(give, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32, 0, 0),
        step(equal, libc::SYS_clone as u32, 0, 3),
        step(load, first_argument, 0, 0),
        step(any_of, libc::CLONE_THREAD as u32, 0, 1),
        step(give, libc::SECCOMP_RET_ERRNO | libc::EAGAIN as u32, 0, 0),
        step(give, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    // SAFETY: both are plain system calls; the filter lives through the second, which copies it.
    let done = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0
    };
    if done { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// From one thread on, until each command has enough: root has no such limit, and another user has no other process.
#[test]
#[ignore = "needs root, to run as another user; `.ci/run` runs this test"]
fn few_threads_of_another_user_are_enough_or_an_error() {
    const USER: u32 = 54_321;
    for arguments in COMMANDS {
        let lab = lab();
        let reachable = lab.temporary().join("flowlake");
        // The folders of a build may be closed to others.
        std::fs::copy(lab.program(&[]).get_program(), &reachable).expect("a program");
        own(lab.temporary(), USER);
        let (mut refused, mut done) = (0, 0);
        for limit in 1..64 {
            let what = format!("{} with {limit} threads", arguments[..2].join(" "));
            let mut command = program_at(&lab, &reachable, arguments);
            command.uid(USER).gid(USER);
            let few = move || {
                let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
                // SAFETY: the call reads two numbers.
                let set = unsafe { libc::setrlimit(libc::RLIMIT_NPROC, &raw const limit) };
                if set == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
            };
            // SAFETY: the closure makes one system call between fork and exec.
            unsafe { command.pre_exec(few) };
            let said = patiently(&mut command, &what);
            if said.code == 0 {
                done += 1;
            } else {
                says_why(&said, &what);
                refused += 1;
            }
            if done == 6 {
                break;
            }
        }
        assert!(refused > 0 && done == 6, "{}: {refused} times refused, {done} times done", arguments[0]);
        if arguments[0] == "convert" {
            assert_eq!(lab.run(&["verify", "{}lake/", "{}logs/"]).code, 0, "{}", arguments[0]);
        }
    }
}

/// Gives a folder and all that is in it to another user.
fn own(folder: &Path, user: u32) {
    std::os::unix::fs::chown(folder, Some(user), Some(user)).expect("root may");
    if folder.is_dir() {
        std::fs::read_dir(folder).expect("a folder").for_each(|entry| own(&entry.expect("an entry").path(), user));
    }
}
