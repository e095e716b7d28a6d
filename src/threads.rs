//! Threads that the system may refuse: asked for before work hangs on them.
//!
//! Where a user may have few processes (`ulimit -u`, `pids.max` of a container), tokio panics as it begins a thread,
//! or puts work off until another thread of its pool is free, which may wait for just that work. So a runtime is built
//! only where the system gives what its work needs at least, and it keeps the threads that it has.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

/// Threads for calls that wait, in each runtime: files are read, names looked up, folders listed on them.
pub const BLOCKING_MIN: usize = 8;

/// How long a thread for such calls stays idle: tokio ends it after ten seconds, and might get no other.
const KEPT: Duration = Duration::from_secs(10 * 60);

/// How long threads wait for one that may never come.
const MEETING_MAX: Duration = Duration::from_secs(1);

/// How long the system may take to count threads off that have ended.
const COUNT_MAX: Duration = Duration::from_millis(100);

/// Why work was not begun.
#[derive(Debug, thiserror::Error)]
pub enum ThreadError {
    /// The system has no more.
    #[error(
        "the system gives {given} of {wanted} threads: {source}; raise the limit of processes (`ulimit -u`, `pids.max` \
         of a container), or ask for fewer `--threads`"
    )]
    TooFew {
        /// Threads that could be begun.
        given: usize,
        /// Threads without which the work might stand still.
        wanted: usize,
        /// What the system said.
        source: io::Error,
    },
    /// Something else that a runtime needs.
    #[error("the program cannot begin its work: {0}")]
    Runtime(io::Error),
}

/// Builds a runtime of so many workers that has `blocking` threads for calls that wait, or more.
///
/// # Errors
/// If the system does not give as many threads, or no descriptors.
pub fn runtime(builder: &mut Builder, workers: usize, blocking: usize) -> Result<Runtime, ThreadError> {
    look(workers + blocking)?;
    let runtime = builder.worker_threads(workers).thread_keep_alive(KEPT).enable_all().build();
    let runtime = runtime.map_err(ThreadError::Runtime)?;
    let meeting = Arc::new(Meeting::of(blocking));
    for _ in 0..blocking {
        let meeting = meeting.clone();
        runtime.spawn_blocking(move || meeting.wait());
    }
    Ok(runtime)
}

/// Whether the system gives so many more threads now. They have ended when it returns.
///
/// # Errors
/// If it gives fewer.
pub fn look(wanted: usize) -> Result<(), ThreadError> {
    let before = count();
    let meeting = Arc::new(Meeting::of(wanted));
    let mut begun = Vec::with_capacity(wanted);
    let mut refused = None;
    for _ in 0..wanted {
        let meeting = meeting.clone();
        match thread::Builder::new().name("look".to_owned()).spawn(move || meeting.wait()) {
            Ok(thread) => begun.push(thread),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    meeting.end();
    let given = begun.len();
    begun.into_iter().for_each(|thread| thread.join().expect("a thread that waits does not panic"));
    // The system counts a thread for a moment longer than it can be joined.
    let deadline = Instant::now() + COUNT_MAX;
    while before.zip(count()).is_some_and(|(before, now)| now > before) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    refused.map_or(Ok(()), |source| Err(ThreadError::TooFew { given, wanted, source }))
}

/// Threads of this process, where the system tells.
fn count() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("Threads:")?.trim().parse().ok())
}

/// Where threads wait until all have come, so that none does the work of two.
#[derive(Debug)]
struct Meeting {
    awaited: Mutex<usize>,
    changed: Condvar,
}

impl Meeting {
    fn of(awaited: usize) -> Meeting {
        Meeting { awaited: Mutex::new(awaited), changed: Condvar::new() }
    }

    /// Comes, and waits for the others, but not for ever: the system may have refused one meanwhile.
    fn wait(&self) {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        *awaited = awaited.saturating_sub(1);
        if *awaited == 0 {
            self.changed.notify_all();
        }
        drop(self.changed.wait_timeout_while(awaited, MEETING_MAX, |awaited| *awaited > 0));
    }

    /// Nobody else comes.
    fn end(&self) {
        *self.awaited.lock().unwrap_or_else(PoisonError::into_inner) = 0;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_has_its_threads_at_once() {
        let runtime = runtime(&mut Builder::new_multi_thread(), 2, BLOCKING_MIN).unwrap();
        let all = Arc::new(std::sync::Barrier::new(BLOCKING_MIN));
        let waiting: Vec<_> = (0..BLOCKING_MIN)
            .map(|_| {
                let all = all.clone();
                runtime.spawn_blocking(move || all.wait())
            })
            .collect();
        waiting.into_iter().for_each(|waiting| assert!(runtime.block_on(waiting).is_ok()));
    }

    #[test]
    fn a_look_leaves_no_thread() {
        let began = Instant::now();
        look(64).unwrap();
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}
