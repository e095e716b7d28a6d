//! Standard input and output for the protocol, read and written by threads of their own.
//!
//! A read of standard input that waits can be ended by nobody. The runtime would wait for it when the program ends; it
//! does not know these threads.

use std::io::{Read, Write, stdin, stdout};
use std::thread;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Held between a thread and the protocol, each way.
const PIPE_BYTES: usize = 64 << 10;

/// What comes in. It ends where standard input ends.
pub(super) fn input() -> std::io::Result<DuplexStream> {
    let (ours, mut theirs) = tokio::io::duplex(PIPE_BYTES);
    let runtime = Handle::current();
    let pump = move || {
        let mut bytes = vec![0; PIPE_BYTES];
        let mut input = stdin().lock();
        loop {
            match input.read(&mut bytes) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
                Ok(read) if runtime.block_on(theirs.write_all(&bytes[..read])).is_err() => break,
                Ok(_) => {}
            }
        }
    };
    thread::Builder::new().name("mcp-input".to_owned()).spawn(pump)?;
    Ok(ours)
}

/// Where answers go, and what is told when all of them are written or nobody reads them any more.
pub(super) fn output() -> std::io::Result<(DuplexStream, oneshot::Receiver<()>)> {
    let (ours, mut theirs) = tokio::io::duplex(PIPE_BYTES);
    let (done, written) = oneshot::channel();
    let runtime = Handle::current();
    let pump = move || {
        let mut bytes = vec![0; PIPE_BYTES];
        let mut output = stdout().lock();
        while let Ok(read @ 1..) = runtime.block_on(theirs.read(&mut bytes)) {
            if output.write_all(&bytes[..read]).and_then(|()| output.flush()).is_err() {
                break;
            }
        }
        let _ = done.send(());
    };
    thread::Builder::new().name("mcp-output".to_owned()).spawn(pump)?;
    Ok((ours, written))
}
