//! A lake behind the Postgres protocol: psql, Grafana, Metabase, DBeaver and every Postgres driver can ask it.
//!
//! ```text
//! socket ─▶ connection (guard: size of messages) ─▶ door (TLS, password, settings of the session)
//!                                                └▶ answer (deadline, cancel)
//!   statement: parse ─▶ read_only ─▶ command (SET, BEGIN, …)
//!                                └─▶ rewrite (Postgres's SQL as the engine's) ─▶ DataFusion ─▶ rows, encode
//!                                                  catalog (reloads the ledger), pg_catalog ──┘
//! ```
//!
//! - Nothing can be written: statements other than questions are refused, and the catalog takes no tables.
//! - All that a client can make grow has a limit: connections, the size of a message, time and memory of statements.
//! - What is committed meanwhile appears: the ledger is looked at again when a statement is planned or run.
//! - What goes wrong with a client ends its connection, never the server.

mod answer;
mod cancel;
mod catalog;
mod command;
mod connection;
mod context;
mod door;
mod encode;
mod errors;
mod guard;
mod kept;
mod parameters;
mod pg_catalog;
mod portal;
mod read_only;
mod rewrite;
mod rows;
mod settings;
mod statement;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::lake::{Lake, LakeError};
use crate::query::{QueryError, STACK_BYTES};
use crate::threads;
use catalog::Catalog;
use connection::Shared;
use door::Door;

/// How long what still computes at the end is waited for.
const LAST_STEPS: Duration = Duration::from_secs(1);

/// Sockets beyond the connections that may be in their handshake, or bring a cancellation.
const SOCKETS_IN_HANDSHAKE_MAX: usize = 16;

/// How a lake is served.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The one user that may come in; `None` is `flowlake` with a password, and anyone without.
    pub user: Option<String>,
    /// A file with the password; `None` asks for none.
    pub password_file: Option<PathBuf>,
    /// Certificate chain and private key, both PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// What the server takes at most.
    pub limits: Limits,
}

/// What one server takes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Clients at once.
    pub connections_max: usize,
    /// Of all statements together.
    pub memory_bytes: u64,
    /// From the start of a statement to its last row.
    pub statement_time_max: Duration,
}

/// Why a lake cannot be served.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum ServeError {
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("cannot listen on {address}: {source}; give another address with --listen")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error(
        "{address} is not a loopback address: give --tls-cert, --tls-key and --password-file, or listen on 127.0.0.1"
    )]
    Open { address: SocketAddr },
    #[error("{}: {reason}", .path.display())]
    File { path: PathBuf, reason: String },
    #[error("the server cannot start: {0}")]
    Start(String),
}

/// A server that holds its port, and has read the lake once.
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
    connections_max: usize,
}

impl Server {
    /// Opens the port and reads the lake. An address that is not of this host's loopback needs TLS and a password.
    pub async fn bind(lake: Lake, options: &Options) -> Result<Server, ServeError> {
        let guarded = options.tls.is_some() && options.password_file.is_some();
        if !options.listen.ip().is_loopback() && !guarded {
            return Err(ServeError::Open { address: options.listen });
        }
        let door = Door::new(options)?;
        let fail = |source| ServeError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(fail)?;
        let catalog = Arc::new(Catalog::open(lake).await?);
        let base = context::base(&catalog, options.limits.memory_bytes);
        let base = base.map_err(|error| ServeError::Start(error.to_string()))?;
        let shared = Arc::new(Shared::new(door, catalog, base, options.limits));
        Ok(Server { listener, shared, connections_max: options.limits.connections_max })
    }

    /// The address that it holds, with its port.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Whether the lake has a table yet.
    pub fn has_tables(&self) -> bool {
        self.shared.has_tables()
    }

    /// Serves until `stop` is ready. Statements run on threads of their own, one for each core.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let builder = builder.thread_name("serve").thread_stack_size(STACK_BYTES);
        let runtime = threads::runtime(builder, cores, threads::BLOCKING_MIN)
            .map_err(|error| ServeError::Start(error.to_string()))?;
        let sockets = Arc::new(Semaphore::new(self.connections_max + SOCKETS_IN_HANDSHAKE_MAX));
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((socket, _)) = accepted else {
                // Most likely no file descriptor is left: wait for a connection to end.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let Ok(permit) = sockets.clone().try_acquire_owned() else { continue };
            let shared = self.shared.clone();
            let Ok(socket) = socket.into_std() else { continue };
            runtime.spawn(async move {
                let _permit = permit;
                let served = match tokio::net::TcpStream::from_std(socket) {
                    Ok(socket) => connection::serve(socket, shared).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = served {
                    tracing::info!("a connection ended: {error}");
                }
            });
        }
        // Joined, not left behind: see `command::query::on_threads`.
        let _ = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(LAST_STEPS)).await;
        Ok(())
    }
}
