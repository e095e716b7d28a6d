//! Where `FLOWLAKE_LOG` goes: standard error, which is told no password of a URL, whichever library logs it.

use std::io::{Result, Stderr, Write};

use crate::source::without_secrets;

/// Each write is a whole event.
pub(super) struct Log(Stderr);

impl Log {
    pub(super) fn new() -> Log {
        Log(std::io::stderr())
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.write_all(without_secrets(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush()
    }
}
