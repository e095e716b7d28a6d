//! Memory that the engine holds and does not count, watched from outside.
//!
//! Window functions, lists and readers are not in the sum of the session's pool (DataFusion 55). While a statement runs, the
//! resident memory of the process is looked at: far beyond `--memory`, the statement ends before the machine does.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;

/// Beside twice `--memory`: the program itself and what readers hold.
const ALLOWANCE_BYTES: u64 = 1 << 30;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Looks as long as it lives. Where the system does not tell (it does on Linux), nothing is ever exceeded.
#[derive(Debug)]
pub struct Watch {
    exceeded: Arc<Notify>,
}

impl Watch {
    pub fn begin(memory_bytes: u64) -> Watch {
        let exceeded = Arc::new(Notify::new());
        let seen = Arc::downgrade(&exceeded);
        let limit = memory_bytes.saturating_mul(2).saturating_add(ALLOWANCE_BYTES);
        // A thread of its own, since all of the runtime's may be busy. Without one the statement runs unwatched.
        let _ = std::thread::Builder::new().name("memory".to_owned()).spawn(move || look(&seen, limit));
        Watch { exceeded }
    }

    /// Ends when the process holds too much.
    pub async fn exceeded(&self) {
        self.exceeded.notified().await;
    }
}

fn look(exceeded: &Weak<Notify>, limit: u64) {
    while let Some(exceeded) = exceeded.upgrade() {
        match resident_bytes() {
            None => return,
            Some(bytes) if bytes > limit => return exceeded.notify_one(),
            Some(_) => {}
        }
        drop(exceeded);
        std::thread::sleep(LOOK_EVERY);
    }
}

fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    // SAFETY: `sysconf` reads a number of the system.
    let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Some(pages * u64::try_from(page_bytes).ok()?)
}
