//! Memory that the engine holds and does not count, watched from outside.
//!
//! Window functions, lists and readers are not in the sum of the session's pool (DataFusion 55). While a statement
//! runs, the resident memory of the process is looked at: far beyond `--memory`, the statement ends before the machine
//! does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::Notify;

/// Beside twice `--memory`: the program itself and what readers hold.
const ALLOWANCE_BYTES: u64 = 1 << 30;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Looks as long as it lives. Where the system does not tell (it does on Linux), nothing is ever exceeded.
#[derive(Debug)]
pub struct Watch {
    exceeded: Arc<Notify>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub fn begin(memory_bytes: u64) -> Watch {
        let (exceeded, over) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let (tell, ended) = (exceeded.clone(), over.clone());
        let limit = memory_bytes.saturating_mul(2).saturating_add(ALLOWANCE_BYTES);
        // A thread of its own, since all of the runtime's may be busy. Without one the statement runs unwatched.
        let thread = thread::Builder::new().name("memory".to_owned()).spawn(move || look(&tell, &ended, limit)).ok();
        Watch { exceeded, over, thread }
    }

    /// Ends when the process holds too much.
    pub async fn exceeded(&self) {
        self.exceeded.notified().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn look(exceeded: &Notify, over: &AtomicBool, limit: u64) {
    while !over.load(Ordering::Acquire) {
        match resident_bytes() {
            None => return,
            Some(bytes) if bytes > limit => return exceeded.notify_one(),
            Some(_) => thread::park_timeout(LOOK_EVERY),
        }
    }
}

fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    // SAFETY: `sysconf` reads a number of the system.
    let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Some(pages * u64::try_from(page_bytes).ok()?)
}
