//! The lock that keeps runs of one user on one host apart: a second one leaves at once, instead of sharing the work.
//!
//! Nothing rests on it (see [`crate::commit`] for what does), so that a run without a folder for it goes on.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{CommitError, own};

/// Held while a run works on a lake. The kernel frees it when the process ends, however it ends.
#[derive(Debug)]
pub struct HostLock {
    _file: Option<File>,
}

impl HostLock {
    /// Takes the lock of a lake, named by its URL, or says that another run has it. It lies in the first of `places`
    /// that can be written. None of them lies in a lake or a source.
    pub fn take(lake_url: &str, places: &[PathBuf]) -> Result<HostLock, CommitError> {
        let hash = blake3::hash(lake_url.as_bytes()).to_hex();
        let name = format!("{}.lock", &hash[..16]);
        for base in places {
            match own::within(base, |folder| try_lock(&folder.join(&name))) {
                Ok(Some(file)) => return Ok(HostLock { _file: Some(file) }),
                Ok(None) => return Err(CommitError::Busy { lake: lake_url.to_owned() }),
                Err(error) => tracing::warn!("no lock for runs of this host in {}: {error}", base.display()),
            }
        }
        tracing::warn!("a second run on this host will not notice this one, and share its work");
        Ok(HostLock { _file: None })
    }
}

/// The locked file; `None` if another run holds it.
fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    // Neither is a link followed nor a pipe waited for.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    options.create(true).truncate(false).write(true).mode(0o600).custom_flags(flags);
    let file = options.open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
