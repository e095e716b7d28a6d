//! The signals that ask the program to end.

use std::io::Result;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What is ignored when the program begins stays so: `nohup` lets it outlive its terminal.
pub(super) struct Signals(Vec<Signal>);

impl Signals {
    /// Interrupt (Ctrl-C), terminate, and the end of the terminal.
    pub(super) fn all() -> Result<Signals> {
        Signals::of(&[SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()])
    }

    /// The same where an interrupt ends less than the program.
    pub(super) fn but_interrupt() -> Result<Signals> {
        Signals::of(&[SignalKind::terminate(), SignalKind::hangup()])
    }

    fn of(kinds: &[SignalKind]) -> Result<Signals> {
        kinds.iter().filter(|kind| !is_ignored(**kind)).map(|kind| signal(*kind)).collect::<Result<_>>().map(Signals)
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        futures::future::select_all(self.0.iter_mut().map(|signal| Box::pin(signal.recv()))).await;
    }
}

fn is_ignored(kind: SignalKind) -> bool {
    // SAFETY: `sigaction` is plain data for which all zeroes are valid; no handler is set, and the old one is read into
    // memory that lives longer than the call.
    let (done, found) = unsafe {
        let mut found: libc::sigaction = std::mem::zeroed();
        (libc::sigaction(kind.as_raw_value(), std::ptr::null(), &mut found), found)
    };
    done == 0 && found.sa_sigaction == libc::SIG_IGN
}
